"""Everything that the pages work with, handed in once; and the settings of the desk."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from detector.cases.clocks import Clocks
from detector.cases.keeping import Lifetimes
from detector.cases.law import Law
from detector.cases.life_cycle import LifeCycle
from detector.cases.store import CaseStore
from detector.entities import Camera, Case
from detector.patterns.interceptions import InterceptionStore
from detector.patterns.leads import LeadStore
from detector.patterns.watchlist import WatchList
from detector.review.accounts import AccountStore
from detector.review.camera_desk import CameraConfiguration, Workers
from detector.review.limits import RateLimits
from detector.review.photos import PhotoShelf
from detector.review.recent import Recent
from detector.review.shelf import EvidenceShelf
from detector.review.single_sign_on import SingleSignOn
from detector.review.visitors import SessionStore
from detector.sightings.store import SightingStore


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class DeskSettings:
    """What an installation chooses.

    Attributes:
        is_secure: browsers reach the desk over TLS; cookies then never travel without it.
        language: of people who have chosen none: zh or en.
        queue_refresh: how often lists look for news.
        opened_for: how long a stated purpose opens the originals of a case to one person.
    """

    is_secure: bool = False
    language: str = "zh"
    queue_refresh: timedelta = timedelta(seconds=5)
    opened_for: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Desk:
    """The collaborators of the pages; a new one is a field here and a line in `pipelines/desk.py`.

    Attributes:
        engine: of the case database.
        life: the one door through which cases change; with its listeners.
        shelf: the evidence folder.
        photos: what departments send with their feedback.
        watch: the watch list; its acts stand in the audit log.
        sightings: who passed where; every search in it is written down.
        cameras: as configured here; empty on a machine that knows none.
        suggest: departments for a case, the responsible one first; a person decides.
        is_plate: whether a text is a complete plate by the grammar.
        configuration: versions of the cameras' configuration; None where pages may not change it.
        workers: programs that watch cameras now; None where none can be asked.
        single_sign_on: another way of signing in; None where there is none.
        lifetimes: how long cases and log are kept.
        signing_keys: ids of the keys that sign packages, and whether each is the current one.
        recent: counts and choices that lists of several people share for some seconds.
        now: aware.
    """

    engine: Engine
    accounts: AccountStore
    sessions: SessionStore
    cases: CaseStore
    life: LifeCycle
    shelf: EvidenceShelf
    photos: PhotoShelf
    leads: LeadStore
    watch: WatchList
    interceptions: InterceptionStore
    sightings: SightingStore
    law: Law
    clocks: Clocks
    suggest: Callable[[Case], Sequence[str]]
    is_plate: Callable[[str], bool]
    cameras: Mapping[str, Camera] = field(default_factory=dict)
    configuration: CameraConfiguration | None = None
    workers: Workers | None = None
    single_sign_on: SingleSignOn | None = None
    lifetimes: Lifetimes = field(default_factory=Lifetimes)
    signing_keys: Callable[[], Sequence[tuple[str, bool]]] = tuple
    settings: DeskSettings = field(default_factory=DeskSettings)
    limits: RateLimits = field(default_factory=RateLimits)
    recent: Recent = field(default_factory=Recent)
    now: Callable[[], datetime] = _now
