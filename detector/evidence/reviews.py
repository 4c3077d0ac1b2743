"""Which decisions about a case stand: what was taken back or sent back counts no longer."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from detector.entities import Action, CaseEvent

TECHNICAL = (Action.CONFIRM, Action.REJECT)
LEGAL = (Action.LEGAL_CONFIRM, Action.LEGAL_REJECT)
ENDS = (Action.CLOSE, Action.ARCHIVE)


@dataclass(frozen=True, slots=True)
class Reviews:
    """The decisions that stand; None: there is none."""

    technical: CaseEvent | None = None
    legal: CaseEvent | None = None
    end: CaseEvent | None = None


def find_standing(history: Iterable[CaseEvent]) -> Reviews:
    """The decisions that stand after everything that was done to a case, oldest first."""
    standing = Reviews()
    before: dict[object, Reviews] = {}
    for event in history:
        if event.action == Action.UNDO:
            standing = before.get(event.details.get("undone"), standing)
            continue
        before[event.event_id] = standing
        if event.action in TECHNICAL:
            standing = replace(standing, technical=event)
        elif event.action in LEGAL:
            standing = replace(standing, legal=event)
        elif event.action == Action.SEND_BACK:
            standing = Reviews()
        elif event.action in ENDS:
            standing = replace(standing, end=event)
        elif event.action == Action.REOPEN:
            standing = replace(standing, end=None)
    return standing
