"""What follows a hit: the timer, the next likely cameras, acknowledgement, later sightings, outcome."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from detector.database.sessions import read_session, write_session
from detector.database.tables import InterceptionRow, WatchEntryRow
from detector.entities import Interception, InterceptionOutcome, LaterSighting, NextCamera
from detector.errors import Overtaken, StorageError
from detector.patterns.matching import Hit
from detector.patterns.roads import RoadGraph

FASTEST_MPS, SLOWEST_MPS = 33.0, 3.0
"""Bounds of a journey where a road has none configured: a motorway, and a queue."""
WAIT_S = 60.0
OPEN_FOR = timedelta(hours=2)
"""For which a new hit of the same entry is a later sighting of the open interception, and not another one."""


Listener = Callable[[Session, Interception, LaterSighting | None], None]
"""Told of an interception, and of the later sighting of it; None where the interception is new."""


class InterceptionStore:
    """Opens and follows interceptions; safe to use from several processes."""

    def __init__(self, engine: Engine, graph: RoadGraph, listeners: Sequence[Listener] = ()) -> None:
        """Use a database that `open_database` has opened, and the roads between cameras.

        Args:
            engine: of the database.
            graph: roads.
            listeners: called with every new interception and every later sighting inside its transaction, so that what
                they write stands or falls with it.
        """
        self._engine = engine
        self._listeners = tuple(listeners)
        self._graph = graph

    def open(self, hit: Hit, now: datetime) -> tuple[Interception, LaterSighting | None]:
        """Record a hit: a new interception, or a later sighting of the one that is open.

        Returns:
            The interception, and the hit as a sighting of it, which need not be the last one: cameras lag. None where
            the interception is new. The same hit twice changes nothing.

        Raises:
            StorageError: the database cannot be written, or the entry is not there any more.
        """
        try:
            return self._open(hit, now)
        except IntegrityError as error:  # the entry has been purged
            raise StorageError(f"interception of entry {hit.entry.entry_id} cannot be stored: {error.orig}") from error

    def _open(self, hit: Hit, now: datetime) -> tuple[Interception, LaterSighting | None]:
        name = hashlib.sha256(f"{hit.entry.entry_id}|{hit.look.pass_id}".encode()).hexdigest()[:12].upper()
        interception_id = f"IN-{name}"
        again = LaterSighting(hit.look.camera_id, hit.look.seen_at)
        with write_session(self._engine) as session:
            session.get(WatchEntryRow, hit.entry.entry_id, with_for_update=True)  # other workers' hits of it wait
            row = session.get(InterceptionRow, interception_id)
            if row is not None:
                return to_interception(row), again
            row = _find_open(session, hit)
            if row is not None:
                if self._follow(row, again):
                    self._tell(session, row, again)
                return to_interception(row), again
            row = InterceptionRow(
                interception_id=interception_id,
                entry_id=hit.entry.entry_id,
                plate_text=hit.entry.plate_text,
                plate_seen=hit.look.plate_seen,
                camera_id=hit.look.camera_id,
                seen_at=hit.look.seen_at,
                alerted_at=now,
                looks=hit.looks,
                next_cameras=[_next_row(n) for n in self.predict(hit.look.camera_id, hit.look.seen_at)],
                later=[],
                plate_colour=hit.look.plate_colour,
                vehicle_type=hit.look.vehicle_type,
                colour_agrees=hit.colour_agrees,
                vehicle_agrees=hit.vehicle_agrees,
            )
            session.add(row)
            session.flush()
            self._tell(session, row, None)
            return to_interception(row), None

    def _follow(self, row: InterceptionRow, again: LaterSighting) -> bool:
        """Add a later sighting; where the vehicle goes next is told by the last one. Whether it was not there yet."""
        said = {"camera_id": again.camera_id, "seen_at": again.seen_at.isoformat()}
        if said in row.later:
            return False
        row.later = sorted([*row.later, said], key=lambda item: item["seen_at"])
        if row.later[-1] == said:
            row.next_cameras = [_next_row(n) for n in self.predict(again.camera_id, again.seen_at)]
        return True

    def _tell(self, session: Session, row: InterceptionRow, again: LaterSighting | None) -> None:
        for listener in self._listeners:
            listener(session, to_interception(row), again)

    def predict(self, camera_id: str, seen_at: datetime) -> tuple[NextCamera, ...]:
        """The next cameras on configured roads, soonest first, with the times between which to expect the vehicle."""
        found = []
        for following, road in self._graph.neighbours(camera_id):
            least_s = road.min_s if road.min_s is not None else road.distance_m / FASTEST_MPS
            most_s = road.max_s if road.max_s is not None else road.distance_m / SLOWEST_MPS + WAIT_S
            earliest, latest = (seen_at + timedelta(seconds=s) for s in (least_s, most_s))
            found.append(NextCamera(following, earliest, latest, road.distance_m))
        return tuple(sorted(found, key=lambda n: (n.earliest_at, n.camera_id)))

    def acknowledge(self, interception_id: str, person: str) -> Interception:
        """A team takes it.

        Raises:
            StorageError: there is no such interception, or it is taken already.
        """
        with write_session(self._engine) as session:
            row = _get(session, interception_id)
            if row.acknowledged_at is not None:
                raise Overtaken(f"interception {interception_id} is taken already, by {row.acknowledged_by}")
            row.acknowledged_by, row.acknowledged_at = person, datetime.now(UTC)
            return to_interception(row)

    def report(self, interception_id: str, outcome: InterceptionOutcome, person: str) -> Interception:
        """Close it with what was found.

        Raises:
            StorageError: there is no such interception, or it is closed already.
        """
        with write_session(self._engine) as session:
            row = _get(session, interception_id)
            if row.outcome is not None:
                raise Overtaken(f"interception {interception_id} is closed already: {row.outcome}")
            row.outcome, row.outcome_by, row.outcome_at = outcome.value, person, datetime.now(UTC)
            return to_interception(row)

    def list(self, limit: int, *, is_open: bool | None = None) -> Sequence[Interception]:
        """Interceptions, the newest first; only those without, or only those with an outcome, or (None) both."""
        wanted = select(InterceptionRow).order_by(InterceptionRow.seen_at.desc()).limit(limit)
        if is_open is not None:
            has_none = InterceptionRow.outcome.is_(None)
            wanted = wanted.where(has_none if is_open else ~has_none)
        with read_session(self._engine) as session:
            return [to_interception(row) for row in session.scalars(wanted)]

    def get(self, interception_id: str) -> Interception:
        """One interception.

        Raises:
            StorageError: there is no such interception.
        """
        with read_session(self._engine) as session:
            return to_interception(_get(session, interception_id, locked=False))


def to_interception(row: InterceptionRow) -> Interception:
    """The interception that a row holds."""
    return Interception(
        interception_id=row.interception_id,
        entry_id=row.entry_id,
        plate_text=row.plate_text,
        plate_seen=row.plate_seen,
        camera_id=row.camera_id,
        seen_at=row.seen_at,
        alerted_at=row.alerted_at,
        looks=row.looks,
        next_cameras=tuple(_next_camera(item) for item in row.next_cameras),
        plate_colour=row.plate_colour,
        vehicle_type=row.vehicle_type,
        colour_agrees=row.colour_agrees,
        vehicle_agrees=row.vehicle_agrees,
        acknowledged_by=row.acknowledged_by,
        acknowledged_at=row.acknowledged_at,
        later=tuple(LaterSighting(i["camera_id"], datetime.fromisoformat(i["seen_at"])) for i in row.later),
        outcome=InterceptionOutcome(row.outcome) if row.outcome else None,
        outcome_by=row.outcome_by,
        outcome_at=row.outcome_at,
    )


def _find_open(session: Session, hit: Hit) -> InterceptionRow | None:
    """The interception of the same entry that a hit belongs to."""
    rows = session.scalars(
        select(InterceptionRow)
        .where(
            InterceptionRow.entry_id == hit.entry.entry_id,
            InterceptionRow.outcome.is_(None),
            InterceptionRow.seen_at <= hit.look.seen_at,
            InterceptionRow.seen_at > hit.look.seen_at - OPEN_FOR,
        )
        .order_by(InterceptionRow.seen_at.desc())
        .limit(1)
    )
    return rows.one_or_none()


def _next_row(item: NextCamera) -> dict[str, Any]:
    return {
        "camera_id": item.camera_id,
        "earliest_at": item.earliest_at.isoformat(),
        "latest_at": item.latest_at.isoformat(),
        "distance_m": item.distance_m,
    }


def _next_camera(item: dict[str, Any]) -> NextCamera:
    earliest, latest = (datetime.fromisoformat(item[name]) for name in ("earliest_at", "latest_at"))
    return NextCamera(item["camera_id"], earliest, latest, item["distance_m"])


def _get(session: Session, interception_id: str, *, locked: bool = True) -> InterceptionRow:
    row = session.get(InterceptionRow, interception_id, with_for_update=locked)
    if row is None:
        raise Overtaken(f"no interception {interception_id}; `roadwarden watch hits` shows what there is")
    return row
