"""A register's CSV file, row by row: entries, and what is wrong with the others."""

import csv
import hashlib
import io
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time
from pathlib import Path

from detector.entities import BadRow, PlateColour, RegisterEntry, WatchRequest
from detector.errors import SourceError

REQUIRED = ("plate",)
COLUMNS = ("plate", "category", "company", "valid_from", "valid_to", "hours", "routes", "sites")
WATCHED = ("plate", "reason", "expires", "plate_colour", "vehicle_type")
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


def read_requests(
    path: Path, is_plate: Callable[[str], bool], vehicles: Sequence[str]
) -> tuple[list[tuple[int, WatchRequest]], list[BadRow]]:
    """Read a list of plates that somebody asks to be watched; UTF-8 or GB 18030.

    Args:
        path: CSV with a header that names `plate`, `reason` and `expires` (ISO 8601 with offset from UTC), and perhaps
            `plate_colour`, `vehicle_type`.
        is_plate: whether a text can be a complete plate.
        vehicles: types that there are.

    Returns:
        Requests with their lines, and bad rows.

    Raises:
        SourceError: the file cannot be read, or its header lacks a column.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
    found: list[tuple[int, WatchRequest]] = []
    bad: list[BadRow] = []
    for line, row in _rows(path, content, WATCHED, ("plate", "reason", "expires")):
        try:
            found.append((line, _request(row, is_plate, vehicles)))
        except ValueError as error:
            bad.append(BadRow(line, str(error)))
    return found, bad


def normalise(plate_text: str) -> str:
    """A plate as it is compared: upper case, without separator and blanks."""
    return re.sub("[·•. ]", "", plate_text).upper()


def _rows(
    path: Path, content: bytes, columns: tuple[str, ...] = COLUMNS, required: tuple[str, ...] = REQUIRED
) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("gb18030", "replace")
    reader = csv.DictReader(io.StringIO(text.replace("\0", "\ufffd"), newline=""))
    try:
        names = [(name or "").strip().lower() for name in reader.fieldnames or []]
    except csv.Error as error:
        raise SourceError(f"{path}: the first line cannot be read: {error}") from error
    missing = [name for name in required if name not in names]
    if missing:
        raise SourceError(f"{path}: the first line must name the column {missing[0]}; known: {', '.join(columns)}")
    reader.fieldnames = names
    try:
        for row in reader:
            yield reader.line_num, {k: v.strip() for k, v in row.items() if k in columns and isinstance(v, str)}
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


def _request(row: dict[str, str], is_plate: Callable[[str], bool], vehicles: Sequence[str]) -> WatchRequest:
    plate = normalise(row.get("plate", ""))
    if not is_plate(plate):
        raise ValueError("plate is empty" if not plate else "plate is no complete Chinese plate")
    try:
        expires_at = datetime.fromisoformat(row.get("expires", ""))
    except ValueError as error:
        raise ValueError("expires is no instant like 2026-06-30T00:00:00+08:00") from error
    if expires_at.tzinfo is None:
        raise ValueError("expires has no offset from UTC; write 2026-06-30T00:00:00+08:00")
    colour, vehicle = row.get("plate_colour") or None, row.get("vehicle_type") or None
    if colour is not None and colour not in set(PlateColour):
        raise ValueError(f"plate_colour is none of {', '.join(PlateColour)}")
    if vehicle is not None and vehicle not in vehicles:
        raise ValueError(f"vehicle_type is none of {', '.join(vehicles)}")
    return WatchRequest(plate, row.get("reason", ""), expires_at, colour, vehicle)


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
        hours = time.fromisoformat(begin.strip()), time.fromisoformat(end.strip())
        if any(clock.tzinfo for clock in hours):
            raise ValueError("they are Beijing's")
        return hours
    except ValueError as error:
        raise ValueError("hours are not written like 22:00-06:00;12:00-14:00") from error
