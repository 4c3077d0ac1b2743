"""Who watches which camera: fenced leases in PostgreSQL, so that no camera ever has two owners.

    dispatcher ── wanted ──►  camera_leases  ◄── renew, acquire, release ── worker
                                    ▲
                                    └── token, checked in the transaction of every case that is written

- A lease is taken when nobody holds it or its time is over, by the database's clock alone; hosts may disagree.
- Each change of owner adds one to the camera's `token`. Whoever writes a case shows owner and token in the same
  transaction, and holds the row against a change of owner until it commits. A worker that was paused, cut off or taken
  for dead is refused there, however sure it is of itself.
- A lease whose time is over and that nobody took is still its owner's: an outage of the database stops no watch.

Nothing here knows of Ray: workers go on without it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, Text, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from detector.database.faults import describe_place
from detector.database.sessions import read_session, write_session
from detector.errors import ConfigurationError, LeaseLost

LEASE_S = 10.0
"""Life of a lease that is not renewed: a third of the 30 s within which a dead worker's camera is watched again."""

_ENDS = "clock_timestamp() + make_interval(secs => :lease_s)"
# Rows are always locked in the order of their cameras, so that no two statements wait for each other.
_RENEW = text(
    f"UPDATE camera_leases SET expires_at = {_ENDS} WHERE owner = :owner AND camera_id IN "
    "(SELECT camera_id FROM camera_leases WHERE owner = :owner ORDER BY camera_id FOR UPDATE) "
    "RETURNING camera_id, token, coalesce(wanted = :worker, false)"
)
_FREE = "(owner IS NULL OR (owner <> :owner AND expires_at < clock_timestamp()))"
_ACQUIRE = text(
    f"UPDATE camera_leases SET owner = :owner, token = token + 1, expires_at = {_ENDS} WHERE {_FREE} AND camera_id IN "
    f"(SELECT camera_id FROM camera_leases WHERE wanted = :worker AND {_FREE} "
    "ORDER BY camera_id FOR UPDATE SKIP LOCKED) "
    "RETURNING camera_id, token"
)
_RELEASE = text(
    "UPDATE camera_leases SET owner = NULL, expires_at = NULL "
    "WHERE camera_id = :camera_id AND owner = :owner AND token = :token"
)
_WANT = text(
    "INSERT INTO camera_leases (camera_id, wanted) VALUES (:camera_id, :wanted) "
    "ON CONFLICT (camera_id) DO UPDATE SET wanted = excluded.wanted "
    "WHERE camera_leases.wanted IS DISTINCT FROM excluded.wanted"
)
_UNWANT = text(
    "UPDATE camera_leases SET wanted = NULL WHERE wanted IS NOT NULL AND camera_id <> ALL(:kept)"
).bindparams(bindparam("kept", type_=ARRAY(Text)))
_CHECK = text("SELECT owner = :owner AND token = :token FROM camera_leases WHERE camera_id = :camera_id FOR SHARE")
_BEAT = text(
    "INSERT INTO fleet_workers (worker_id, node, busy, seen_at) VALUES (:worker, :node, :busy, clock_timestamp()) "
    "ON CONFLICT (worker_id) DO UPDATE SET node = :node, busy = :busy, seen_at = clock_timestamp()"
)
_WORKERS = text(
    "SELECT worker_id, node, busy, extract(epoch FROM clock_timestamp() - seen_at) FROM fleet_workers "
    "WHERE seen_at > clock_timestamp() - make_interval(secs => :within_s) ORDER BY worker_id"
)
_LEASES = text("SELECT camera_id, wanted, owner, token, expires_at FROM camera_leases ORDER BY camera_id")
_FORGET = text("DELETE FROM fleet_workers WHERE worker_id = :worker")


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to watch a camera and to make its cases.

    Attributes:
        owner: name of the process that holds it, never used by two.
        token: greater than that of every earlier lease of the camera.
        is_wanted: whether the dispatcher still wants this worker to hold it.
    """

    camera_id: str
    owner: str
    token: int
    is_wanted: bool = True

    def check(self, session: Session) -> bool:
        """Whether the lease holds, and goes on to hold until the transaction of `session` ends."""
        found = session.execute(
            _CHECK, {"camera_id": self.camera_id, "owner": self.owner, "token": self.token}
        ).scalar_one_or_none()
        return bool(found)


@dataclass(frozen=True, slots=True)
class LeaseState:
    """A camera's row as anybody may read it; `owner` and `wanted` are None for nobody."""

    camera_id: str
    wanted: str | None
    owner: str | None
    token: int
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class WorkerState:
    """A worker that has shown itself lately.

    Attributes:
        busy: share of time in which it judged, 0 to 1.
        silent_s: seconds since its last sign of life, by the database's clock.
    """

    worker_id: str
    node: str
    busy: float
    silent_s: float


class LeaseStore:
    """The leases of a fleet."""

    def __init__(self, engine: Engine, lease_s: float = LEASE_S) -> None:
        """Use a database that `open_database` has opened.

        Raises:
            ConfigurationError: it is not PostgreSQL.
        """
        if engine.dialect.name != "postgresql":
            raise ConfigurationError(
                f"database {describe_place(engine.url)}: a fleet meets in PostgreSQL; give --database postgresql://…"
            )
        self._engine = engine
        self._lease_s = lease_s

    def renew(self, owner: str, worker: str) -> Sequence[Lease]:
        """Prolong everything that a process holds, also what ran out without being taken.

        Args:
            owner: the process.
            worker: the name under which the dispatcher wants it to watch cameras.

        Returns:
            What it holds; whatever is missing has been lost.

        Raises:
            StorageError: the database cannot be written; nothing is known then.
        """
        with write_session(self._engine) as session:
            rows = session.execute(_RENEW, {"owner": owner, "worker": worker, "lease_s": self._lease_s})
            return [Lease(camera_id, owner, token, wanted) for camera_id, token, wanted in rows]

    def acquire(self, owner: str, worker: str) -> Sequence[Lease]:
        """Take every camera that the dispatcher wants this worker to watch and that is free.

        Raises:
            StorageError: the database cannot be written; nothing was taken that `renew` would not tell.
        """
        with write_session(self._engine) as session:
            rows = session.execute(_ACQUIRE, {"owner": owner, "worker": worker, "lease_s": self._lease_s})
            return [Lease(camera_id, owner, token) for camera_id, token in rows]

    def release(self, lease: Lease) -> None:
        """Give a lease back; one that is lost already is left alone.

        Raises:
            StorageError: the database cannot be written; the lease runs out by itself.
        """
        with write_session(self._engine) as session:
            session.execute(_RELEASE, {"camera_id": lease.camera_id, "owner": lease.owner, "token": lease.token})

    def want(self, assignment: Mapping[str, str | None]) -> None:
        """Say which worker shall watch each camera; a camera that is not named shall be watched by nobody.

        Raises:
            StorageError: the database cannot be written.
        """
        with write_session(self._engine) as session:
            for camera_id in sorted(assignment):
                session.execute(_WANT, {"camera_id": camera_id, "wanted": assignment[camera_id]})
        with write_session(self._engine) as session:
            session.execute(_UNWANT, {"kept": list(assignment)})

    def show_life(self, worker: str, node: str, busy: float) -> None:
        """Tell that a worker lives.

        Raises:
            StorageError: the database cannot be written.
        """
        with write_session(self._engine) as session:
            session.execute(_BEAT, {"worker": worker, "node": node, "busy": busy})

    def forget(self, worker: str) -> None:
        """A worker has ended in order: nothing is expected of it any more.

        Raises:
            StorageError: the database cannot be written.
        """
        with write_session(self._engine) as session:
            session.execute(_FORGET, {"worker": worker})

    def workers(self, within_s: float = LEASE_S) -> Sequence[WorkerState]:
        """Workers that showed themselves within the last `within_s` seconds.

        Raises:
            StorageError: the database cannot be read.
        """
        with read_session(self._engine) as session:
            rows = session.execute(_WORKERS, {"within_s": within_s})
            return [WorkerState(name, node, busy, float(silent_s)) for name, node, busy, silent_s in rows]

    def leases(self) -> Sequence[LeaseState]:
        """Every camera that ever was in the fleet.

        Raises:
            StorageError: the database cannot be read.
        """
        with read_session(self._engine) as session:
            return [LeaseState(*row) for row in session.execute(_LEASES)]


class LeaseBook:
    """The leases that one process holds, as far as it knows; what stores cases asks it for permission.

    Safe to use from several threads: one thread renews, another one writes cases.
    """

    def __init__(self) -> None:
        """Start without leases."""
        self._leases: dict[str, Lease] = {}

    def put(self, lease: Lease) -> None:
        """A lease was taken."""
        self._leases[lease.camera_id] = lease

    def drop(self, camera_id: str) -> None:
        """A lease was given back or lost."""
        self._leases.pop(camera_id, None)

    def get(self, camera_id: str) -> Lease | None:
        """The lease of a camera; None when there is none."""
        return self._leases.get(camera_id)

    def held(self) -> Sequence[Lease]:
        """All of them."""
        return list(self._leases.values())

    def may_write(self, session: Session, camera_id: str) -> bool:
        """Whether the process is the camera's owner; it stays so until the transaction of `session` ends."""
        lease = self._leases.get(camera_id)
        return lease is not None and lease.check(session)


def refuse(camera_id: str) -> LeaseLost:
    """The error for a write without a lease."""
    return LeaseLost(f"camera {camera_id}: another worker watches it now; what this one saw since is not stored")
