"""JSON and TOML that others wrote: read, or refused with a `ValueError`, whatever is wrong with them."""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, cast

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def read_json(text: str | bytes) -> Any:
    """What a JSON text says.

    Raises:
        ValueError: it is none, is no UTF-8, is nested too deeply to be read, or holds half a character (a lone
            surrogate), which could be neither stored nor sent.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8-sig")
    try:
        content = json.loads(text)
        if _SURROGATE.search(text):
            json.dumps(content, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    return content


def read_toml(text: str | bytes) -> dict[str, Any]:
    """What a TOML text says.

    Raises:
        ValueError: it is none (`tomllib.TOMLDecodeError`, with the line), is no UTF-8, or is nested too deeply.
    """
    try:
        return tomllib.loads(text.decode() if isinstance(text, bytes) else text)
    except RecursionError:
        raise ValueError("is nested too deeply") from None


def read_toml_file(path: Path) -> dict[str, Any]:
    """What a TOML file says.

    Raises:
        ValueError: as `read_toml`, or the file cannot be read; says what is wrong without naming the file.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(error.strerror) from error
    try:
        return read_toml(content)
    except UnicodeDecodeError as error:
        raise ValueError(f"line {content[: error.start].count(10) + 1} is not UTF-8 text") from error
    except ValueError as error:
        raise ValueError(f"is no TOML: {error}") from error


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a versioned table; what is missing or of another kind is a `ValueError` that names row and key."""

    name: str
    values: Mapping[str, Any]

    def text(self, key: str) -> str:
        """A text, which may be empty."""
        return str(self._get(key, str, "text"))

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        found = self._get(key, list, "a list of texts")
        if not all(isinstance(item, str) for item in found):
            raise ValueError(f"{self.name}: {key} must be a list of texts")
        return tuple(found)

    def day(self, key: str) -> date:
        """A date without a time."""
        found = self._get(key, date, "a date like 2026-05-01")
        if isinstance(found, datetime):
            raise ValueError(f"{self.name}: {key} must be a date like 2026-05-01")
        return cast(date, found)

    def day_or_none(self, key: str) -> date | None:
        """A date without a time; None where the row has none."""
        return self.day(key) if key in self.values else None

    def _get(self, key: str, kind: type, words: str) -> Any:
        if key not in self.values:
            raise ValueError(f"{self.name}: {key} is missing")
        if not isinstance(self.values[key], kind):
            raise ValueError(f"{self.name}: {key} must be {words}")
        return self.values[key]


def read_versioned(path: Path, name: str) -> tuple[str, list[Row]]:
    """Version and rows of a table of data that changes with the law: `version = …` and `[[name]]`, one a row.

    Raises:
        ValueError: the file cannot be read or is no such table; says what is wrong without naming the file.
    """
    table = read_toml_file(path)
    version, rows = table.get("version"), table.get(name, [])
    if not isinstance(version, str | int | float) or not str(version):
        raise ValueError("version is missing")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"{name} must be written as [[{name}]], once a row")
    return str(version), [Row(f"{name} number {number}", row) for number, row in enumerate(rows, 1)]
