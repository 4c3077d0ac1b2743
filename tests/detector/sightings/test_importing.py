import re
from datetime import timedelta

import pytest

from detector.entities import Opening
from detector.errors import SourceError, StorageError
from detector.observation.plate_grammar import as_expressions, classify
from detector.sightings import importing
from tests.sighting_files import COLUMNS, at, make_importer, open_store, row, write_csv

GOOD = row("渝A12345", "in", at(3))


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path)[0]


def stored(store):
    with store.window(at(0, 0), at(30, 0)) as connection:
        return connection.execute(
            "SELECT camera_id, seen_at, plate_colour, vehicle_type FROM sightings ORDER BY 2"
        ).fetchall()


def test_bad_rows_are_named_by_line_and_good_ones_kept(store, tmp_path):
    """Every kind of mistake has its reason; the plate is never repeated."""
    mistakes = {
        3: (("渝A1234-", "in", GOOD[2], "", "car", "blue"), "not fully read"),
        4: (("无车牌", "in", GOOD[2], "", "car", "blue"), "no Chinese plate"),
        5: (("", "in", GOOD[2], "", "car", "blue"), "plate_text is empty"),
        6: (("渝A12345", "", GOOD[2], "", "car", "blue"), "camera_id"),
        7: (("渝A12345", "in", "yesterday", "", "car", "blue"), "no ISO 8601"),
        8: (("渝A12345", "in", "2026-02-30T10:00:00+08:00", "", "car", "blue"), "no possible time"),
        9: (("渝A12345", "in", "1926-05-01T10:00:00+08:00", "", "car", "blue"), "century"),
        10: (("渝A12345", "in", GOOD[2], "", "car", "mauve"), "plate_colour"),
        11: (("渝A12345", "in"), "2 fields instead of 6"),
        12: (("渝A12345", "in", "", "", "car", "blue"), "seen_at is empty"),
        13: (("渝A12345", "in", "2026-05-01", "", "car", "blue"), "no ISO 8601"),
        14: (("渝A12345", "in", "2062-05-01T10:00:00+08:00", "", "car", "blue"), "still to come"),
    }
    path = write_csv(tmp_path / "a.csv", [GOOD, *(r for r, _ in mistakes.values()), row("渝A54321", "in", at(4))])
    report = make_importer(store).run(path)
    assert (report.rows, report.kept, report.bad) == (14, 2, 12)
    assert [bad.line for bad in report.bad_rows] == list(mistakes)
    for bad in report.bad_rows:
        assert mistakes[bad.line][1] in bad.reason
        assert "12345" not in bad.reason
    assert len(stored(store)) == 2


@pytest.mark.parametrize("said", ["nan", "inf", "-1", "1e39", "soon"])
def test_an_uncertainty_is_a_number_of_milliseconds(store, tmp_path, said):
    path = write_csv(tmp_path / "a.csv", [(*GOOD[:3], said)], (*COLUMNS[:3], "uncertainty_ms"))
    (bad,) = make_importer(store).run(path).bad_rows
    assert bad.reason == "uncertainty_ms is no number of milliseconds"


def test_the_same_record_is_one_sighting_however_often_it_comes(store, tmp_path):
    """Twice in one file, or the whole file again: nothing is stored twice."""
    path = write_csv(tmp_path / "a.csv", [GOOD, GOOD, row("渝A12345", "out", at(3))])
    first, second = make_importer(store).run(path), make_importer(store).run(path)
    assert (first.kept, first.known, second.kept, second.known) == (2, 1, 0, 3)
    assert len(stored(store)) == 2


def test_columns_in_any_order_and_unknown_ones(store, tmp_path):
    """The header names the columns; what is not asked for is ignored."""
    path = write_csv(
        tmp_path / "a.csv", [("x", GOOD[2], "in", " 渝a·12345 ")], ("lane", "seen_at", "camera_id", "plate_text")
    )
    assert make_importer(store).run(path).kept == 1


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("2026-05-08T20:00:00.250+08:00", "2026-05-08 12:00:00.250000"),
        ("2026-05-08T12:00:00Z", "2026-05-08 12:00:00"),
        ("2026/05/08 20:00:00", "2026-05-08 12:00:00"),
        ("2026-05-08 20:00", "2026-05-08 12:00:00"),
    ],
)
def test_times_become_utc_and_without_offset_are_beijing_time(store, tmp_path, said, expected):
    """A note says how many times had no offset."""
    report = make_importer(store).run(write_csv(tmp_path / "a.csv", [("渝A12345", "in", said, "", "", "")]))
    assert [str(r[1]) for r in stored_any(store)] == [expected]
    assert bool(report.notes) == (not re.search(r"Z|\+08:00", said))


def test_the_last_moment_of_a_key_window_belongs_to_it(store, tmp_path):
    """Half a second before the keys change a sighting has the old keys, as one seen live has."""
    make_importer(store).run(write_csv(tmp_path / "a.csv", [GOOD, row("渝A12345", "out", at(30, -0.3 / 3600))]))
    with store.window(at(0, 0), at(30, 0)) as connection:
        assert connection.execute("SELECT count(*), count(DISTINCT plate_key) FROM sightings").fetchone() == (2, 1)
        (key,) = connection.execute("SELECT any_value(plate_key) FROM sightings").fetchone()
        assert store.open_plates(connection, [key], Opening("zhang", "test", "test")) == {key: "渝A12345"}


def stored_any(store):
    newest = store.newest()
    with store.window(newest - timedelta(days=1), newest + timedelta(seconds=1)) as connection:
        return connection.execute("SELECT camera_id, seen_at FROM sightings").fetchall()


def test_quoted_fields_chinese_colours_line_ends_and_a_byte_order_mark(store, tmp_path):
    """What spreadsheet programs write is read."""
    text = (
        "\ufeff"
        + ",".join(COLUMNS)
        + "\r\n"
        + f'"渝A12345","in",{GOOD[2]},"to, town",car,蓝\r\n\r\n渝B12345,in,{GOOD[2]},,,黄色\r\n'
    )
    (tmp_path / "a.csv").write_bytes(text.encode())
    report = make_importer(store).run(tmp_path / "a.csv")
    assert (report.rows, report.kept, report.bad) == (2, 2, 0)
    assert {r[2] for r in stored(store)} == {"blue", "yellow"}


def test_gb_18030_is_understood(store, tmp_path):
    """Many checkpoint systems do not write UTF-8; the note says how the file was read."""
    (tmp_path / "a.csv").write_bytes((",".join(COLUMNS) + "\n" + ",".join(GOOD) + "\n").encode("gb18030"))
    report = make_importer(store).run(tmp_path / "a.csv")
    assert report.kept == 1
    assert any("GB 18030" in note for note in report.notes)


def test_blocks_change_nothing(store, tmp_path, monkeypatch):
    """A file read in tiny blocks gives the same rows and the same line numbers as one read at once."""
    rows = [row(f"渝A{n:05}", "in", at(3, n / 60)) if n % 7 else ("?", "in", "", "", "", "") for n in range(200)]
    path = write_csv(tmp_path / "a.csv", rows)
    monkeypatch.setattr(importing, "BLOCK_BYTES", 997)
    report = make_importer(store).run(path)
    assert (report.rows, report.kept) == (200, 171)
    assert [bad.line for bad in report.bad_rows] == [n + 2 for n in range(200) if n % 7 == 0]


@pytest.mark.parametrize("header", ["plate,camera\n", "", "plate_text,camera_id\n渝A12345,in\n"])
def test_a_file_without_the_columns_is_refused_whole(store, tmp_path, header):
    (tmp_path / "a.csv").write_text(header, encoding="utf-8")
    with pytest.raises(SourceError, match=r"a\.csv: the first line must name"):
        make_importer(store).run(tmp_path / "a.csv")
    assert store.count_by_day() == {}


def test_a_missing_file_and_a_folder_are_named(store, tmp_path):
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(SourceError, match=re.escape(str(path))):
            make_importer(store).run(path)


def test_a_full_disk_stores_nothing_of_the_file(store, tmp_path, monkeypatch):
    """What cannot be written whole is not there at all, and no folder of the import is left."""
    path = write_csv(tmp_path / "a.csv", [GOOD])

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "write_part", fail)
    with pytest.raises(StorageError, match="No space left"):
        make_importer(store).run(path)
    assert list(store.settings.folder.glob("**/*.parquet")) == []
    assert list(store.settings.folder.glob("import-*")) == []


ACCEPTED = """渝A12345 渝AB12C5 渝AD12345 渝A12345D 渝A1234挂 渝A1234学 渝O0001警 粤ZF123港 224578使 渝A1234领
VA12345 WJ渝1234X WJ12345 渝X1234应急 民航G0123 渝0112345"""
REFUSED = "渝ABCD12 渝AF1234D 渝AI2345 渝AO1234 渝A123456 渝A1234 渝AX12345 渝A-2345 WJ12A45 JW1234"


@pytest.mark.parametrize("text", [*ACCEPTED.split(), *REFUSED.split()])
def test_the_expressions_accept_what_the_grammar_accepts(text):
    """The forms handed to the importer are those of the plate vote (domain.md section 10)."""
    fits = any(len(text) == length and re.fullmatch(pattern, text) for _, pattern, length in as_expressions())
    assert fits == (classify(text) is not None and "-" not in text) == (text in ACCEPTED.split())
