"""Files of checkpoint systems into the store: good rows kept, bad rows named by line, plates never in clear on disk.

The file is read in blocks of whole lines; everything after that is set-wise work of the analytic engine, so that a
city's month takes minutes. Text is UTF-8, or GB 18030, which such systems often write. A time without an offset from
UTC is Beijing time: the only clock of such systems; a note says so.
"""

import codecs
import csv
import re
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import duckdb

from detector.entities import BadRow, ImportReport, PlateColour
from detector.errors import SourceError, StorageError
from detector.sightings.analytics import parquet_of, quote
from detector.sightings.keys import HASH, SEAL
from detector.sightings.sealing import SQL_HASH, make_seal, pad_key
from detector.sightings.store import CLOCK_AHEAD, COLUMNS, PARQUET, SightingStore

REQUIRED = ("plate_text", "camera_id", "seen_at")
OPTIONAL = ("direction", "vehicle_type", "plate_colour", "confidence", "uncertainty_ms")
BLOCK_BYTES = 24 * 2**20
MAX_SHOWN = 1000
"""Refused rows that a report names; there may be as many as the file has lines."""
ROWS_AT_ONCE = 10_000
Refuse = Callable[[Sequence[BadRow]], None]
"""What is done with refused rows, some at a time, in the order of the file."""
MAX_CACHED_PLATES = 1_500_000
FIELD_SEPARATOR = "\x1f"
PLAIN_QUOTES = re.compile(r'(?:(?<=[,\n])|\A)"([^",\n]*)"(?=[,\r\n]|\Z)')
"""Quoted fields with neither comma nor quote in them: the quotes say nothing (six times as fast as the csv module)."""
DEFAULT_UNCERTAINTY_MS = 5000.0
"""Of a record whose file does not say: checkpoint clocks are rarely checked."""

COLOURS = {c.value: c.value for c in PlateColour} | {
    "蓝": "blue", "蓝色": "blue", "黄": "yellow", "黄色": "yellow", "绿": "green", "绿色": "green", "白": "white",
    "白色": "white", "黑": "black", "黑色": "black", "黄绿": "yellow_green", "黄绿色": "yellow_green",
}  # fmt: skip

TIME = r"\d{4}[-/]\d{1,2}[-/]\d{1,2}[T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?"
OFFSET = r"\s*([Zz]|[+-]\d{2}(:?\d{2})?)"

REASON = f"""CASE
    WHEN fields <> $fields THEN 'has ' || fields || ' fields instead of ' || $fields
    WHEN plate = '' THEN 'plate_text is empty'
    WHEN contains(plate, '-') THEN 'plate_text is not fully read'
    WHEN length(plate) > 12 THEN 'plate_text is no Chinese plate'
    WHEN NOT regexp_full_match(camera_id, '[A-Za-z0-9一-鿿][A-Za-z0-9一-鿿._:/#-]{{0,63}}')
        THEN 'camera_id is empty, too long, or has other signs than letters, digits and . _ - : / #'
    WHEN said_at = '' THEN 'seen_at is empty'
    WHEN NOT regexp_full_match(said_at, '{TIME}({OFFSET})?') THEN 'seen_at is no ISO 8601 date and time'
    WHEN seen_at IS NULL THEN 'seen_at is no possible time'
    WHEN year(seen_at) < 2000 THEN 'seen_at is not in this century'
    WHEN seen_at > $latest THEN 'seen_at is still to come'
    WHEN said_colour <> '' AND plate_colour IS NULL THEN 'plate_colour is unknown'
    WHEN length(vehicle_type) > 32 OR length(direction) > 64 THEN 'vehicle_type or direction is too long'
    WHEN said_confidence <> '' AND (confidence IS NULL OR NOT confidence BETWEEN 0 AND 1)
        THEN 'confidence is no number from 0 to 1'
    WHEN said_uncertainty <> '' AND (uncertainty_ms IS NULL OR NOT isfinite(uncertainty_ms) OR uncertainty_ms < 0)
        THEN 'uncertainty_ms is no number of milliseconds'
END"""


@dataclass(frozen=True, slots=True)
class PlateForm:
    """A text that a plate may carry: matched whole, after its length.

    Attributes:
        plate_type: value of `PlateType`.
        pattern: regular expression (RE2) of the whole text.
        length: of the text.
    """

    plate_type: str
    pattern: str
    length: int


@dataclass(frozen=True, slots=True)
class _Block:
    """Whole lines, the separator of their fields, and the line number of the first."""

    text: str
    separator: str
    first_line: int


@dataclass(slots=True)
class _Progress:
    """Counts over all blocks, and who wants to know of refused rows."""

    rows: int = 0
    good: int = 0
    bad: int = 0
    naive: int = 0
    bad_rows: list[BadRow] = field(default_factory=list)
    refuse: Refuse | None = None

    def add_refused(self, rows: list[BadRow]) -> None:
        """Count refused rows, hand them on, and keep the first ones for the report."""
        self.bad += len(rows)
        self.bad_rows += rows[: MAX_SHOWN - len(self.bad_rows)]
        if self.refuse is not None:
            self.refuse(rows)


class SightingImporter:
    """Imports files into one store."""

    def __init__(self, store: SightingStore, forms: Sequence[PlateForm]) -> None:
        """Take the store and the forms that plates may have; the first that fits gives the type."""
        self._store = store
        self._forms = forms

    def run(self, path: Path, refuse: Refuse | None = None) -> ImportReport:
        """Import one file.

        Args:
            path: CSV with a header that names at least `plate_text`, `camera_id` and `seen_at`, in any order.
            refuse: told of every refused row; the report names the first `MAX_SHOWN`.

        Returns:
            What was kept and what was refused; rows that are already there are not stored twice.

        Raises:
            SourceError: the file cannot be read, or its header lacks a column; nothing is stored.
            StorageError: the store cannot be written; nothing of the file is stored.
        """
        encoding = _find_encoding(path)
        staging = self._store.settings.folder / f"import-{uuid.uuid4().hex}"
        progress = _Progress(refuse=refuse)
        try:
            staging.mkdir(mode=0o700, parents=True)
            with self._store.session() as connection:
                self._prepare(connection)
                self._stage_file(connection, path, encoding, (staging, progress))
                kept = self._publish(connection, staging)
        except OSError as error:
            raise StorageError(f"sightings in {staging.parent} cannot be written: {error.strerror}") from error
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        notes = (
            [f"{progress.naive} times without an offset from UTC were taken as Beijing time"] if progress.naive else []
        )
        notes += ["the file is not UTF-8 and was read as GB 18030"] if encoding == "gb18030" else []
        known = progress.good - kept
        return ImportReport(progress.rows, kept, known, progress.bad, tuple(progress.bad_rows), tuple(notes))

    def _prepare(self, connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute("CREATE TEMP TABLE plates (plate VARCHAR, plate_type VARCHAR, is_local BOOLEAN)")
        connection.execute(
            "CREATE TEMP TABLE hashed (plate VARCHAR, number BIGINT, key_now UBIGINT, key_next UBIGINT, sealed BLOB)"
        )
        connection.execute(
            "CREATE TEMP TABLE colours AS SELECT unnest($said::VARCHAR[]) AS said, unnest($meant::VARCHAR[]) AS meant",
            {"said": list(COLOURS), "meant": list(COLOURS.values())},
        )

    def _stage_file(
        self, connection: duckdb.DuckDBPyConnection, path: Path, encoding: str, into: tuple[Path, _Progress]
    ) -> None:
        staging, progress = into
        try:
            with path.open("rb") as file:
                header = _read_header(file, path, encoding)
                for number, block in enumerate(_ahead(_blocks(file, encoding))):
                    self._stage_block(connection, header, block, progress)
                    target = staging / f"{number:06}.parquet"
                    names = ", ".join(COLUMNS)
                    connection.execute(
                        f"COPY (SELECT {names}, seen_at::DATE AS day FROM good) TO {quote(target)} {PARQUET}"
                    )
        except IsADirectoryError as error:
            raise SourceError(f"{path}: is a folder, not a file") from error

    def _stage_block(
        self, connection: duckdb.DuckDBPyConnection, header: list[str], block: _Block, progress: _Progress
    ) -> None:
        """One block of lines becomes the table `good`; bad rows and counts go to the progress."""
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE lines AS "
            "SELECT unnest(l) AS line, unnest(range(len(l))) + $first AS line_number "
            "FROM (SELECT string_split($text, chr(10)) AS l)",
            {"text": block.text, "first": block.first_line},
        )
        latest = (datetime.now(UTC) + CLOCK_AHEAD).replace(tzinfo=None)
        connection.execute(_judge_statement(header), {"sep": block.separator, "fields": len(header), "latest": latest})
        self._learn_plates(connection)
        oldest = self._store.keys.oldest(HASH)
        days = self._store.keys.window_days
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE checked AS SELECT j.* EXCLUDE (reason), p.plate_type, p.is_local, "
            f"epoch_us(seen_at) // 86400000000 // {days} AS number, "
            f"CASE WHEN reason IS NULL AND p.plate_type IS NULL THEN 'plate_text is no Chinese plate' "
            f"WHEN reason IS NULL AND number + 1 < {oldest} THEN 'seen_at is so old that its keys are destroyed' "
            f"ELSE reason END AS refused FROM judged j LEFT JOIN plates p USING (plate)"
        )
        progress.naive += _one(connection, "SELECT count(*) FROM checked WHERE refused IS NULL AND NOT has_offset")
        progress.rows += _one(connection, "SELECT count(*) FROM checked")
        connection.execute("SELECT line_number, refused FROM checked WHERE refused IS NOT NULL ORDER BY 1")
        while rows := connection.fetchmany(ROWS_AT_ONCE):
            progress.add_refused([BadRow(int(line), reason) for line, reason in rows])
        self._hash_plates(connection)
        connection.execute(_GOOD)
        progress.good += _one(connection, "SELECT count(*) FROM good")

    def _learn_plates(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Judge the form of every plate text that was not met before."""
        if _one(connection, "SELECT count(*) FROM hashed") > MAX_CACHED_PLATES:
            connection.execute("DELETE FROM plates")
            connection.execute("DELETE FROM hashed")
        cases = " ".join(
            f"WHEN length(plate) = {f.length} AND regexp_full_match(plate, '{f.pattern}') THEN '{f.plate_type}'"
            for f in self._forms
        )
        prefixes = self._store.settings.home_prefixes
        local = " OR ".join(f"starts_with(plate, '{p}')" for p in prefixes) or "true"
        connection.execute(
            f"INSERT INTO plates SELECT plate, CASE {cases} END, {local} FROM "
            f"(SELECT DISTINCT plate FROM judged WHERE reason IS NULL) ANTI JOIN plates USING (plate)"
        )

    def _hash_plates(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Hash and seal every pair of plate and window that was not met before."""
        keys = self._store.keys
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE fresh AS SELECT * FROM "
            "(SELECT DISTINCT plate, number FROM checked WHERE refused IS NULL) ANTI JOIN hashed USING (plate, number)"
        )
        for (number,) in connection.execute("SELECT DISTINCT number FROM fresh ORDER BY 1").fetchall():
            now = SQL_HASH.format(outer="$outer_now::BLOB", inner="$inner_now::BLOB", plate="plate")
            following = SQL_HASH.format(outer="$outer_next::BLOB", inner="$inner_next::BLOB", plate="plate")
            values: dict[str, Any] = {"number": number}
            values["inner_next"], values["outer_next"] = pad_key(keys.get(HASH, number + 1))
            if number >= keys.oldest(HASH):
                values["inner_now"], values["outer_now"] = pad_key(keys.get(HASH, number))
            else:
                now = "NULL"  # that key is destroyed: the row can be joined with the next window only
            seal = make_seal(keys.get(SEAL, number), number)
            name = f"seal_{number}"
            connection.create_function(name, seal, ["VARCHAR"], "BLOB", side_effects=True)
            connection.execute(
                f"INSERT INTO hashed SELECT plate, number, {now}, {following}, {name}(plate) FROM fresh "
                f"WHERE number = $number",
                values,
            )
            connection.remove_function(name)

    def _publish(self, connection: duckdb.DuckDBPyConnection, staging: Path) -> int:
        """Everything staged into the day files."""
        files = sorted(staging.glob("*.parquet"))
        if not files:
            return 0
        for table in ("plates", "hashed"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute(f"CREATE TEMP VIEW staged AS SELECT * FROM {parquet_of(files)}")
        return self._store.publish(connection, "staged")


_JUDGE = """CREATE OR REPLACE TEMP TABLE judged AS
WITH split AS (
    SELECT line_number, string_split(rtrim(line, chr(13)), $sep) AS f FROM lines WHERE trim(line, ' ' || chr(13)) <> ''
), named AS (
    SELECT line_number, len(f) AS fields, upper(regexp_replace(<plate_text>, '[·•. ]', '', 'g')) AS plate,
        <camera_id> AS camera_id, <seen_at> AS said_at, nullif(<direction>, '') AS direction,
        nullif(lower(<vehicle_type>), '') AS vehicle_type, lower(<plate_colour>) AS said_colour,
        <confidence> AS said_confidence, <uncertainty_ms> AS said_uncertainty
    FROM split
), typed AS (
    SELECT n.*, c.meant AS plate_colour, regexp_matches(said_at, ':.*<offset>$') AS has_offset,
        CASE WHEN has_offset THEN make_timestamp(epoch_us(try_cast(replace(said_at, '/', '-') AS TIMESTAMPTZ)))
             ELSE try_cast(replace(said_at, '/', '-') AS TIMESTAMP) - INTERVAL 8 HOUR END AS seen_at,
        try_cast(said_confidence AS FLOAT) AS confidence, try_cast(said_uncertainty AS FLOAT) AS uncertainty_ms
    FROM named n LEFT JOIN colours c ON c.said = n.said_colour
)
SELECT line_number, plate, camera_id, seen_at, direction, vehicle_type, plate_colour, confidence, uncertainty_ms,
    has_offset, <reason> AS reason
FROM typed"""

_GOOD = f"""CREATE OR REPLACE TEMP TABLE good AS
SELECT h.key_now, h.key_next, h.sealed, c.is_local, c.camera_id, c.seen_at, c.plate_type, c.plate_colour,
    c.vehicle_type, c.direction, coalesce(c.uncertainty_ms, {DEFAULT_UNCERTAINTY_MS})::FLOAT AS uncertainty_ms,
    c.confidence, NULL::VARCHAR AS pass_id, NULL::VARCHAR AS picture
FROM checked c JOIN hashed h USING (plate, number) WHERE c.refused IS NULL"""


def _judge_statement(header: list[str]) -> str:
    """The statement that takes lines apart and judges them; an absent column is empty."""
    statement = _JUDGE.replace("<offset>", OFFSET).replace("<reason>", REASON)
    for name in (*REQUIRED, *OPTIONAL):
        value = f"coalesce(trim(f[{header.index(name) + 1}]), '')" if name in header else "''"
        statement = statement.replace(f"<{name}>", value)
    return statement


def _read_header(file: BinaryIO, path: Path, encoding: str) -> list[str]:
    line = file.readline().decode(encoding, "replace").removeprefix("\ufeff").strip()
    header = [name.strip().lower() for name in _read_line(line)]
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        raise SourceError(
            f"{path}: the first line must name the columns {', '.join(REQUIRED)}; missing: {', '.join(missing)}"
        )
    doubled = {name for name in header if header.count(name) > 1 and name in (*REQUIRED, *OPTIONAL)}
    if doubled:
        raise SourceError(f"{path}: column {sorted(doubled)[0]} stands twice in the first line")
    return header


def _find_encoding(path: Path) -> str:
    """UTF-8 if the whole file is that, else GB 18030 if it is that, else UTF-8 with its bad bytes marked."""
    for encoding in ("utf-8", "gb18030"):
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            with path.open("rb") as file:
                while block := file.read(BLOCK_BYTES):
                    decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        except OSError as error:
            raise SourceError(f"{path}: {error.strerror}") from error
        return encoding
    return "utf-8"


def _blocks(file: BinaryIO, encoding: str) -> Iterator[_Block]:
    """Whole lines in blocks, each with the number of its first line; the header was line 1."""
    rest, line = b"", 2
    while block := file.read(BLOCK_BYTES):
        whole, newline, rest_after = (rest + block).rpartition(b"\n")
        rest = rest_after if newline else rest + block
        if newline:
            yield _Block(*_split_fields(_decode(whole, encoding)), line)
            line += whole.count(b"\n") + 1
    if rest.strip():
        yield _Block(*_split_fields(_decode(rest, encoding)), line)


def _ahead(blocks: Iterator[_Block]) -> Iterator[_Block]:
    """The same blocks, the next one being read and taken apart while the engine works on the one before."""
    with ThreadPoolExecutor(1, "import") as reader:
        coming = reader.submit(next, blocks, None)
        while (block := coming.result()) is not None:
            coming = reader.submit(next, blocks, None)
            yield block


def _decode(lines: bytes, encoding: str) -> str:
    return lines.decode(encoding, "replace").replace("\0", "\ufffd")


def _split_fields(text: str) -> tuple[str, str]:
    """The text and its separator of fields; quoted fields are unfolded, so that a separator is all there is."""
    if '"' not in text:
        return text, ","
    plain = PLAIN_QUOTES.sub(r"\1", text)
    if '"' not in plain:
        return plain, ","
    lines = []
    for line in text.split("\n"):
        if '"' in line:
            lines.append(FIELD_SEPARATOR.join(f.replace(FIELD_SEPARATOR, " ") for f in _read_line(line)))
        else:
            lines.append(line.replace(FIELD_SEPARATOR, " ").replace(",", FIELD_SEPARATOR))
    return "\n".join(lines), FIELD_SEPARATOR


def _read_line(line: str) -> list[str]:
    """The fields of a line; one that is no CSV is a single field, which is then one too few."""
    try:
        return next(csv.reader([line.rstrip("\r").replace("\r", " ").replace("\n", " ")]), [])
    except csv.Error:
        return [line.replace("\n", " ")]


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0
