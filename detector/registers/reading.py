"""A register's CSV file, row by row: entries, and what is wrong with the others."""

import csv
import hashlib
import io
import re
from collections.abc import Callable, Iterator
from datetime import date, time
from pathlib import Path

from detector.entities import BadRow, RegisterEntry
from detector.errors import SourceError

REQUIRED = ("plate",)
COLUMNS = ("plate", "category", "company", "valid_from", "valid_to", "hours", "routes", "sites")
EARLIEST, LATEST = date(1900, 1, 1), date(9999, 12, 31)
"""Taken where a register leaves a bound empty."""


def read_register(path: Path, is_plate: Callable[[str], bool]) -> tuple[list[RegisterEntry], list[BadRow], str]:
    """Read one file; UTF-8 or GB 18030.

    Args:
        path: CSV with a header; `plate` is needed, the other `COLUMNS` may be absent. Lists are separated by ";", hours
            are written `22:00-06:00`.
        is_plate: whether a text can be a complete plate.

    Returns:
        Good entries, bad rows by line, and the file's SHA-256.

    Raises:
        SourceError: the file cannot be read, or its header lacks `plate`.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
    entries: list[RegisterEntry] = []
    bad: list[BadRow] = []
    for line, row in _rows(path, content):
        try:
            entries.append(_entry(row, is_plate))
        except ValueError as error:
            bad.append(BadRow(line, str(error)))
    return entries, bad, hashlib.sha256(content).hexdigest()


def normalise(plate_text: str) -> str:
    """A plate as it is compared: upper case, without separator and blanks."""
    return re.sub("[·•. ]", "", plate_text).upper()


def _rows(path: Path, content: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("gb18030", "replace")
    reader = csv.DictReader(io.StringIO(text.replace("\0", "\ufffd"), newline=""))
    names = [(name or "").strip().lower() for name in reader.fieldnames or []]
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise SourceError(f"{path}: the first line must name the column {missing[0]}; known: {', '.join(COLUMNS)}")
    reader.fieldnames = names
    try:
        for row in reader:
            yield reader.line_num, {k: v.strip() for k, v in row.items() if k in COLUMNS and isinstance(v, str)}
    except csv.Error as error:
        raise SourceError(f"{path}: line {reader.line_num}: {error}") from error


def _entry(row: dict[str, str], is_plate: Callable[[str], bool]) -> RegisterEntry:
    plate = normalise(row.get("plate", ""))
    if not is_plate(plate):
        raise ValueError("plate is empty" if not plate else "plate is no complete Chinese plate")
    valid_from = _day(row.get("valid_from", ""), "valid_from", EARLIEST)
    valid_to = _day(row.get("valid_to", ""), "valid_to", LATEST)
    if valid_to < valid_from:
        raise ValueError("valid_to is before valid_from")
    return RegisterEntry(
        plate_text=plate,
        category=row.get("category", ""),
        company=row.get("company", ""),
        valid_from=valid_from,
        valid_to=valid_to,
        hours=tuple(_hours(part) for part in _parts(row.get("hours", ""))),
        routes=tuple(_parts(row.get("routes", ""))),
        sites=tuple(_parts(row.get("sites", ""))),
    )


def _day(text: str, column: str, absent: date) -> date:
    if not text:
        return absent
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{column} is no date like 2026-05-01") from error


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


def _hours(text: str) -> tuple[time, time]:
    begin, _, end = text.partition("-")
    try:
        return time.fromisoformat(begin.strip()), time.fromisoformat(end.strip())
    except ValueError as error:
        raise ValueError("hours are not written like 22:00-06:00;12:00-14:00") from error
