from datetime import date, time

import pytest

from detector.database.engine import open_database
from detector.entities import RegisterKind
from detector.errors import SourceError
from detector.registers.store import RegisterStore
from tests.sighting_files import write_csv

COLUMNS = ("plate", "category", "company", "valid_from", "valid_to", "hours", "routes", "sites")
ROW = ("渝A12345", "渣土", "甲公司", "2026-01-01", "2026-12-31", "22:00-06:00;12:00-13:30", "a;b", "s1")


@pytest.fixture
def store():
    return RegisterStore(open_database("sqlite://"))


def take(store, tmp_path, rows, columns=COLUMNS, kind=RegisterKind.PERMITS):
    path = write_csv(tmp_path / "r.csv", rows, columns)
    return store.import_file(kind, path, lambda plate: len(plate) == 7, source="城管局", person="zhang")


def test_every_field_comes_back(store, tmp_path):
    """Hours, routes and sites are lists; the plate is compared without separator."""
    version, bad = take(store, tmp_path, [("渝A·12345", *ROW[1:])])
    (entry,) = store.find(RegisterKind.PERMITS, "渝A12345")
    assert (version.rows, version.source, version.imported_by, list(bad)) == (1, "城管局", "zhang", [])
    assert entry.hours == ((time(22), time(6)), (time(12), time(13, 30)))
    assert (entry.routes, entry.sites, entry.company) == (("a", "b"), ("s1",), "甲公司")
    assert (entry.valid_from, entry.valid_to) == (date(2026, 1, 1), date(2026, 12, 31))


def test_the_newest_version_is_in_force_and_the_old_one_kept(store, tmp_path):
    take(store, tmp_path, [ROW])
    take(store, tmp_path, [("渝B12345", *ROW[1:])])
    assert store.find(RegisterKind.PERMITS, "渝A12345") == ()
    assert len(store.find(RegisterKind.PERMITS, "渝B12345")) == 1
    assert [v.version for v in store.versions()] == [2, 1]


def test_a_register_that_was_never_loaded_says_nothing(store):
    """None is not an empty list: nothing may follow from it."""
    assert store.find(RegisterKind.PERMITS, "渝A12345") is None
    assert store.plates(RegisterKind.LICENSED, date(2026, 1, 1), date(2026, 1, 1)) is None
    assert not store.is_loaded(RegisterKind.LICENSED)


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("2025-01-01", "2025-12-31", 0),
        ("2025-12-31", "2026-01-01", 1),
        ("2026-12-31", "2027-01-05", 1),
        ("2027-01-01", "2027-02-01", 0),
    ],
)
def test_plates_are_those_valid_on_some_day_of_the_range(store, tmp_path, first, last, expected):
    take(store, tmp_path, [ROW])
    found = store.plates(RegisterKind.PERMITS, date.fromisoformat(first), date.fromisoformat(last))
    assert len(found) == expected


def test_bad_rows_are_named_and_good_ones_taken(store, tmp_path):
    """Plate, dates, hours: each mistake with its line."""
    rows = [
        ROW,
        ("?", *ROW[1:]),
        (*ROW[:3], "soon", *ROW[4:]),
        (*ROW[:3], "2027-01-01", *ROW[4:]),
        (*ROW[:5], "night", "", ""),
        (*ROW[:5], "22:00+08:00-06:00", "", ""),
    ]
    version, bad = take(store, tmp_path, rows)
    assert version.rows == 1
    assert [(b.line, b.reason.split()[0]) for b in bad] == [
        (3, "plate"),
        (4, "valid_from"),
        (5, "valid_to"),
        (6, "hours"),
        (7, "hours"),
    ]


def test_a_file_without_a_good_row_leaves_what_is_in_force(store, tmp_path):
    take(store, tmp_path, [ROW])
    for rows, columns in (([("?",)], ("plate",)), ([], COLUMNS), ([ROW], ("number", *COLUMNS[1:]))):
        with pytest.raises(SourceError, match=r"r\.csv"):
            take(store, tmp_path, rows, columns)
    assert len(store.find(RegisterKind.PERMITS, "渝A12345")) == 1


def test_a_plate_column_is_enough(store, tmp_path):
    """A bare list of plates is valid without bounds."""
    take(store, tmp_path, [("渝A12345",)], ("plate",), RegisterKind.EXEMPTIONS)
    assert store.plates(RegisterKind.EXEMPTIONS, date(2030, 1, 1), date(2030, 1, 1)) == {"渝A12345": ""}
