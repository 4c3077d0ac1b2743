"""Which laws allow which bodies to prove which acts by cameras: versioned data; a camera names its row."""

import os
import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from detector.entities import Authority
from detector.errors import ConfigurationError

PUBLISHED = Path(__file__).with_name("authority.toml")


def load_authorities(path: Path | None = None) -> dict[str, Authority]:
    """The table of a file by id; None: the one that `ROADWARDEN_AUTHORITY` names, else the published one.

    Raises:
        ConfigurationError: the file cannot be read, or a value in it is wrong.
    """
    named = os.environ.get("ROADWARDEN_AUTHORITY")
    chosen = path or (Path(named) if named else PUBLISHED)
    try:
        table = tomllib.loads(chosen.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"authority table {chosen}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"authority table {chosen}: is no TOML: {error}") from error
    version = str(table.get("version", ""))
    if not version:
        raise ConfigurationError(f"authority table {chosen}: version is missing")
    rows = [_parse(chosen, version, number, row) for number, row in enumerate(table.get("authority", []))]
    return {row.authority_id: row for row in rows}


def _parse(path: Path, version: str, number: int, row: Mapping[str, Any]) -> Authority:
    try:
        found = Authority(
            str(row["id"]), version, str(row["title"]), str(row["level"]), str(row["body"]), tuple(row["rules"]),
            row["valid_from"], row.get("valid_to"), str(row["source"]),
        )  # fmt: skip
    except KeyError as error:
        raise ConfigurationError(f"authority table {path}: row {number + 1}: {error.args[0]} is missing") from error
    dates = [found.valid_from, *([found.valid_to] if found.valid_to is not None else [])]
    if not all(type(day) is date for day in dates):
        raise ConfigurationError(f"authority table {path}: {found.authority_id!r}: valid_from and valid_to are dates")
    return found
