"""The table of laws that authorise the use of cameras."""

from datetime import date
from pathlib import Path

import pytest

from detector.errors import ConfigurationError
from detector.evidence.authority import load_authorities
from detector.rules import RULES

ROW = """[[authority]]
id = "a"
title = "t"
level = "law"
body = "b"
rules = ["heaped_load"]
source = "s"
valid_from = 2020-01-01
"""


def test_the_published_table_names_rules_that_exist_and_no_basis_for_city_management() -> None:
    """Off-site penalties of city management have no general basis, so its cameras give leads."""
    table = load_authorities()
    assert all(set(row.rules) <= set(RULES) and row.rules for row in table.values())
    assert not any("城市管理" in row.body for row in table.values())


def test_an_own_table_replaces_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment names the file that the legal unit has checked."""
    path = tmp_path / "own.toml"
    path.write_text(f'version = "9"\n{ROW}', encoding="utf-8")
    monkeypatch.setenv("ROADWARDEN_AUTHORITY", str(path))
    (row,) = load_authorities().values()
    assert (row.authority_id, row.version, row.valid_from, row.valid_to) == ("a", "9", date(2020, 1, 1), None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ROW, "version is missing"),
        ("version = ", "is no TOML"),
        (f'version = "1"\n{ROW.replace("body", "nobody")}', "number 1: body is missing"),
        (f'version = "1"\n{ROW.replace("2020-01-01", "2020")}', "must be a date"),
    ],
)
def test_wrong_tables_are_one_line(tmp_path: Path, text: str, said: str) -> None:
    """With the file and what is wrong."""
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=said):
        load_authorities(path)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    """And no traceback."""
    with pytest.raises(ConfigurationError, match="No such file"):
        load_authorities(tmp_path / "none.toml")
