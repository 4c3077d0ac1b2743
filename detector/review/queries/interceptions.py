"""Hits of the watch list as the board shows them: those that are open, those that ended lately, and their pictures."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, or_, select

from detector.database.sessions import read_session
from detector.database.tables import CaseRow
from detector.entities import Camera, Interception
from detector.patterns.interceptions import InterceptionStore
from detector.review.queries.visible import find_names, sees_places, visible_to
from detector.review.visitors import Visitor

OPEN_MOST, ENDED_MOST = 50, 20
ENDED_SHOWN = timedelta(hours=12)
SAME_PASS = timedelta(minutes=2)
"""A case of the plate at the camera within this time of the hit is of the same pass."""


@dataclass(frozen=True, slots=True)
class Board:
    """What is on the board.

    Attributes:
        waiting: without an outcome, the newest first.
        ended: closed within `ENDED_SHOWN`, the newest first.
        cases: interception → id of the case of the same pass, whose picture may be shown; only where there is one.
        names: account → name of whoever took or closed something.
        mark: changes whenever any of it does.
    """

    waiting: tuple[Interception, ...]
    ended: tuple[Interception, ...]
    cases: Mapping[str, str]
    names: Mapping[str | None, str]
    mark: str


def find_board(
    engine: Engine, store: InterceptionStore, who: tuple[Visitor, Mapping[str, Camera]], now: datetime
) -> Board:
    """Everything on the board of one person.

    Args:
        engine: of the case database.
        store: of interceptions.
        who: who asks, and the cameras as configured.
        now: aware.
    """
    waiting = tuple(hit for hit in store.list(OPEN_MOST, is_open=True) if is_shown(hit, *who))
    closed = store.list(ENDED_MOST, is_open=False)
    ended = tuple(h for h in closed if h.outcome_at and h.outcome_at > now - ENDED_SHOWN and is_shown(h, *who))
    people = [account for hit in (*waiting, *ended) for account in (hit.acknowledged_by, hit.outcome_by)]
    cases = {hit.interception_id: found for hit in waiting if (found := _find_case(engine, who[0], hit))}
    told = repr([(h.interception_id, h.acknowledged_by, h.outcome, h.later) for h in (*waiting, *ended)] + [cases])
    mark = hashlib.sha256(told.encode()).hexdigest()[:16]
    return Board(waiting, ended, cases, find_names(engine, people), mark)


def is_shown(hit: Interception, visitor: Visitor, cameras: Mapping[str, Camera]) -> bool:
    """Whether a hit concerns a person: seen in the own districts, or likely to be seen there next."""
    seen = [hit.camera_id, *(later.camera_id for later in hit.later)]
    return sees_places(visitor, cameras, [*seen, *(following.camera_id for following in hit.next_cameras)])


def _find_case(engine: Engine, visitor: Visitor, hit: Interception) -> str | None:
    """The case of the same pass: nothing else keeps a picture of a vehicle."""
    same = or_(CaseRow.plate_text == hit.plate_text, CaseRow.officer_plate == hit.plate_text)
    wanted = select(CaseRow.case_id).where(same, CaseRow.camera_id == hit.camera_id, visible_to(visitor))
    wanted = wanted.where(CaseRow.captured_at.between(hit.seen_at - SAME_PASS, hit.seen_at + SAME_PASS)).limit(1)
    with read_session(engine) as session:
        return session.scalar(wanted)
