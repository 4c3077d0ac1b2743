"""The scan for illegal ride-hailing: exclusions first, then history, score, signals; plates are opened last."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import duckdb
import numpy as np

from detector.entities import (
    BEIJING,
    Hub,
    LeadOutcome,
    Opening,
    Reason,
    RegisterKind,
    TimelineEntry,
)
from detector.patterns.features import FEATURES, History, make_features, make_hub_table, read_features
from detector.patterns.scoring import Scorer
from detector.registers.store import RegisterStore
from detector.sightings.store import SightingStore

EXEMPT_TYPES = ("police", "armed_police", "military", "embassy", "consulate", "emergency", "airside")
"""Plate types that are no concern of ride-hailing control, whatever they do."""

MIN_SIGNALS = 2
LAWFUL_DAYS = 90
"""Days for which a plate that officers found lawful is left alone."""
TIMELINE_VISITS = 12


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scan works with.

    Attributes:
        store, registers: sightings, and who is exempt.
        hubs: at least one.
        scorer: the published model.
        history: what a plate needs before it is scored.
        outcomes: plate → last outcome and when, of earlier leads.
        look_alikes: characters that a camera takes for a given one.
        can_tell_origin: whether it is configured which plates are from here.
    """

    store: SightingStore
    registers: RegisterStore
    hubs: tuple[Hub, ...]
    scorer: Scorer
    history: History
    look_alikes: Callable[[str], str]
    outcomes: Mapping[str, tuple[LeadOutcome, datetime]] = field(default_factory=dict)
    can_tell_origin: bool = True


@dataclass(frozen=True, slots=True)
class Suspect:
    """One plate of the ranking, opened."""

    plate_text: str
    score: float
    reasons: tuple[Reason, ...]
    timeline: tuple[TimelineEntry, ...]


@dataclass(frozen=True, slots=True)
class Ranking:
    """What a scan found.

    Attributes:
        scored: plates with enough history that are not excluded.
        excluded: plates kept out of the scan by a register, by their kind, or by an earlier outcome.
        misread: plates left out because they differ from an exempt one by one look-alike character.
        suspects: best score first.
        unchecked: codes of what could not be checked.
    """

    window_from: datetime
    window_to: datetime
    scored: int
    excluded: int
    misread: int
    suspects: tuple[Suspect, ...]
    unchecked: tuple[str, ...]


def rank(scan: Scan, window: timedelta, window_to: datetime, demand: tuple[int, float, Opening]) -> Ranking:
    """The plates most likely to work hubs without a licence.

    Args:
        scan: what to work with.
        window: length, at most a key's window.
        window_to: aware, excluded.
        demand: how many at most, with at least which score, and for whom and why their plates are opened.

    Raises:
        StorageError: the store cannot be read, or the keys of the window are destroyed.
    """
    most, min_score, opening = demand
    window_from = window_to - window
    with scan.store.window(window_from, window_to) as connection:
        exempt = prepare(connection, scan, window_to)
        excluded = _one(
            connection, "SELECT count(DISTINCT plate_key) FROM excluded SEMI JOIN sightings USING (plate_key)"
        )
        keys, columns = read_features(connection)
        earlier = _earlier(connection, scan, keys, window_to)
        scores = scan.scorer.score(columns, earlier)
        is_wanted = (scores >= min_score) & (scan.scorer.signals(columns) >= MIN_SIGNALS)
        order = [int(i) for i in np.lexsort((np.array(keys), -scores)) if is_wanted[i]]
        opened: dict[int, str] = {}
        chosen: list[int] = []
        misread = 0
        while order and len(chosen) < most:  # no plate is opened beyond those that may become leads
            batch, order = order[: most - len(chosen)], order[most - len(chosen) :]
            opened |= scan.store.open_plates(connection, [keys[i] for i in batch], opening)
            kept = [i for i in batch if not _is_misread(opened[keys[i]], exempt, scan.look_alikes)]
            misread += len(batch) - len(kept)
            chosen += kept
        timelines = _read_timelines(connection, [keys[i] for i in chosen])
        suspects = tuple(
            Suspect(
                opened[keys[i]],
                float(scores[i]),
                scan.scorer.reasons({name: float(columns[name][i]) for name in FEATURES}, earlier[i]),
                timelines.get(keys[i], ()),
            )
            for i in chosen
        )
    return Ranking(window_from, window_to, len(keys), excluded, misread, suspects, find_unchecked(scan))


def prepare(connection: duckdb.DuckDBPyConnection, scan: Scan, window_to: datetime) -> dict[str, str]:
    """Make the tables `excluded`, `visits` and `features`; returns the exempt plates of the registers."""
    window_from = _start(connection, window_to)
    days = window_from.astimezone(BEIJING).date(), window_to.astimezone(BEIJING).date()
    exempt: dict[str, str] = {}
    for kind in (RegisterKind.LICENSED, RegisterKind.EXEMPTIONS):
        exempt |= scan.registers.plates(kind, *days) or {}
    lawful = {
        plate: outcome.value
        for plate, (outcome, at) in scan.outcomes.items()
        if outcome is LeadOutcome.LAWFUL and window_to - at < timedelta(days=LAWFUL_DAYS)
    }
    make_hub_table(connection, scan.hubs)
    scan.store.hash_into(connection, "excluded", exempt | lawful, window_to)
    reported = {plate: at.astimezone(UTC).replace(tzinfo=None).isoformat() for plate, (_, at) in scan.outcomes.items()}
    scan.store.hash_into(connection, "reported", reported, window_to)
    connection.execute(  # teams are not sent again before the car has come again
        "INSERT INTO excluded SELECT plate_key, 'reported' FROM sightings JOIN reported USING (plate_key) "
        "SEMI JOIN hub_cameras USING (camera_id) GROUP BY plate_key, note HAVING max(seen_at) <= note::TIMESTAMP"
    )
    kinds = ", ".join(f"'{kind}'" for kind in EXEMPT_TYPES)
    connection.execute(
        f"INSERT INTO excluded SELECT plate_key, 'plate_type' FROM sightings WHERE plate_type IN ({kinds}) "
        f"GROUP BY plate_key"
    )
    make_features(connection, window_from, scan.history)
    return exempt


def find_unchecked(scan: Scan) -> tuple[str, ...]:
    """Codes of what could not be checked for want of a register or a setting."""
    kinds = (RegisterKind.LICENSED, RegisterKind.EXEMPTIONS)
    missing = [kind.value for kind in kinds if not scan.registers.is_loaded(kind)]
    return (*missing, *(() if scan.can_tell_origin else ("home_prefixes",)))


def frequent_visitors(scan: Scan, window: timedelta, window_to: datetime, demand: tuple[int, Opening]) -> list[str]:
    """The naive way: the plates seen most often at hubs, most first; nobody is excluded but by `scan.registers`."""
    most, opening = demand
    with scan.store.window(window_to - window, window_to) as connection:
        days = (window_to - window).astimezone(BEIJING).date(), window_to.astimezone(BEIJING).date()
        exempt: dict[str, str] = {}
        for kind in (RegisterKind.LICENSED, RegisterKind.EXEMPTIONS):
            exempt |= scan.registers.plates(kind, *days) or {}
        make_hub_table(connection, scan.hubs)
        scan.store.hash_into(connection, "excluded", exempt, window_to)
        rows = connection.execute(
            "SELECT plate_key FROM sightings SEMI JOIN hub_cameras USING (camera_id) "
            "ANTI JOIN excluded USING (plate_key) GROUP BY plate_key ORDER BY count(*) DESC, plate_key LIMIT ?",
            [most],
        ).fetchall()
        opened = scan.store.open_plates(connection, [row[0] for row in rows], opening)
    return [opened[row[0]] for row in rows]


def _start(connection: duckdb.DuckDBPyConnection, window_to: datetime) -> datetime:
    """First instant in the view; the end of the window when it is empty."""
    row = connection.execute("SELECT min(seen_at) FROM sightings").fetchone()
    return row[0].replace(tzinfo=UTC) if row and row[0] else window_to


def _earlier(
    connection: duckdb.DuckDBPyConnection, scan: Scan, keys: Sequence[int], window_to: datetime
) -> list[LeadOutcome | None]:
    """The last outcome of each plate, found by its hash."""
    known = {plate: outcome.value for plate, (outcome, _) in scan.outcomes.items()}
    scan.store.hash_into(connection, "earlier", known, window_to)
    found = dict(connection.execute("SELECT plate_key, note FROM earlier").fetchall())
    return [LeadOutcome(found[key]) if key in found else None for key in keys]


def _is_misread(plate_text: str, exempt: Mapping[str, str], look_alikes: Callable[[str], str]) -> bool:
    """Whether one look-alike character makes it an exempt plate, so that it may be that car, misread."""
    return any(
        plate_text[:i] + other + plate_text[i + 1 :] in exempt
        for i, character in enumerate(plate_text)
        for other in look_alikes(character)
    )


def _read_timelines(connection: duckdb.DuckDBPyConnection, keys: Iterable[int]) -> dict[int, tuple[TimelineEntry, ...]]:
    """The last visits of each plate, oldest first."""
    rows = connection.execute(
        f"""SELECT plate_key, start_at, h.hub_id, h.camera_id, dwell_min,
            CASE WHEN is_loop THEN 'loop' WHEN is_wait THEN 'wait' WHEN set_down_at IS NOT NULL AND pick_up_at IS NULL
            THEN 'set_down' WHEN pick_up_at IS NOT NULL THEN 'pick_up' WHEN is_through THEN 'through' ELSE 'seen' END
        FROM visits LEFT JOIN hub_cameras h ON h.camera = coalesce(entry_camera, kerb, exit_camera)
        WHERE plate_key IN (SELECT unnest($keys::UBIGINT[]))
        QUALIFY row_number() OVER (PARTITION BY plate_key ORDER BY start_at DESC) <= {TIMELINE_VISITS}
        ORDER BY plate_key, start_at""",
        {"keys": list(keys)},
    ).fetchall()
    found: dict[int, list[TimelineEntry]] = {}
    for plate_key, start_at, hub_id, camera_id, dwell_min, what in rows:
        at = start_at.replace(tzinfo=BEIJING).astimezone(UTC)
        entry = TimelineEntry(at, camera_id, hub_id, f"{what} {dwell_min:.0f}")
        found.setdefault(plate_key, []).append(entry)
    return {key: tuple(entries) for key, entries in found.items()}


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0
