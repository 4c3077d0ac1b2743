"""Everything that the page of a case shows, gathered once for whole pages and for parts."""

from dataclasses import dataclass
from typing import Any

from detector.cases.lateness import STEP_OF
from detector.cases.law import law_day
from detector.cases.transitions import BY_ACTION, UNDOABLE_ACTIONS, Need, possible
from detector.entities import Action, Camera, Case, CaseEvent, CaseStatus, RegisterKind, RejectReason
from detector.errors import AlteredEvidence, EvidenceError
from detector.registers.store import RegisterStore
from detector.review.looks import describe_player, find_characters, find_moments
from detector.review.photos import from_details
from detector.review.queries.case import find_colleagues, find_surroundings, find_units
from detector.review.queries.openings import PURPOSES, find_purpose, open_originals
from detector.review.queries.tasks import find_task
from detector.review.shelf import Package
from detector.review.sketch import draw_sketch
from detector.review.view import View

UNDO_S = 60
SHOWN = ("viewing_copy", "original_clip", "scene", "vehicle", "plate")
"""Roles of files that the page shows at once."""


@dataclass(frozen=True, slots=True)
class Undo:
    """A decision that its maker can still take back.

    Attributes:
        seen: last event of the case.
        left_s: how long still.
    """

    case_id: str
    seen: int
    left_s: int


def gather(view: View, case_id: str) -> dict[str, Any]:
    """Everything that the templates of a case show."""
    desk, visitor = view.desk, view.visitor
    purpose = find_or_open(view, case_id)
    case = desk.cases.get(case_id)
    around = find_surroundings(desk.engine, visitor, case_id, desk.now())
    package, fault = find_package(view, case)
    manifest = package.manifest if package else None
    events = desk.life.history(case_id)
    actions = [a for a in possible(case.status) if BY_ACTION[a].roles & visitor.roles]
    camera = desk.cameras.get(case.camera_id)
    step = STEP_OF.get(case.status)
    steps = [event for event in events if event.before is not event.after]
    since = steps[-1].at if steps and case.status is not CaseStatus.IN_REVIEW else around.created_at
    return {
        "case": case, "around": around, "package": package, "fault": fault, "purpose": purpose, "purposes": PURPOSES,
        "altered": desk.shelf.find_altered(package) if package else [],
        "events": events, "actions": _usable(actions, around.is_mine, case.status), "reasons": list(RejectReason),
        "feedback": [(event, from_details(event.details)) for event in events if event.action == Action.GIVE_FEEDBACK],
        "last": max((event.event_id for event in events), default=0), "needs": {a: BY_ACTION[a].needs for a in actions},
        "now": desk.now(), "due_at": desk.clocks.due(step, since) if step else None,
        "moments": find_moments(manifest) if manifest else [], "undo": _undo(view, events),
        "player": describe_player(manifest) if manifest else None,
        "characters": find_characters(case.plate, manifest["observations"] if manifest else ()),
        "recorded": manifest["camera"] if manifest else None, "time": manifest["time"] if manifest else None,
        "sketch": draw_sketch(camera or _recorded_camera(manifest), desk.cameras.values(), view.t("case.map")),
        "registers": _registers(view, case), "colleagues": find_colleagues(desk.engine, visitor, case.district),
        "units": find_units(desk.engine) if _chooses_units(actions) else (),
        "suggested": desk.suggest(case) if _chooses_units(actions) else (),
        "bases": desk.law.offered([f.rule for f in case.findings], law_day(case, desk.now())),
    }  # fmt: skip


def _undo(view: View, events: list[CaseEvent]) -> Undo | None:
    """What the person can take back in this very case."""
    steps = [event for event in events if event.before is not event.after]
    last = steps[-1] if steps else None
    if last is None or last.account != view.visitor.account.account or not can_undo(last):
        return None
    left_s = UNDO_S - int((view.desk.now() - last.at).total_seconds())
    return Undo(str(last.case_id), events[-1].event_id, left_s) if left_s > 0 else None


def can_undo(event: CaseEvent) -> bool:
    """Whether a step can be taken back at all."""
    return event.action in UNDOABLE_ACTIONS


def find_or_open(view: View, case_id: str) -> str | None:
    """What the person looks at the originals for: stated before, or following from the task; None: for nothing."""
    desk, visitor = view.desk, view.visitor
    task = find_task(desk.engine, visitor, case_id, desk.now())
    purpose = find_purpose(desk.engine, visitor, case_id, desk.now())
    if task is not None and purpose is None:
        open_originals(desk.engine, visitor, case_id, task, (desk.now(), desk.settings.opened_for))
        return task
    return purpose


def find_package(view: View, case: Case) -> tuple[Package | None, str | None]:
    """The sealed package; or None, with what to say of it where there should be one."""
    if case.evidence is None:
        return None, None
    try:
        return view.desk.shelf.find(case.evidence), None
    except AlteredEvidence as error:
        return None, f"{view.t('case.not_genuine')} {error}"
    except EvidenceError as error:
        return None, f"{view.t('error.evidence')} {error}"


def find_masked(view: View, case: Case) -> str | None:
    """Address of a picture of the vehicle that everybody who may see the case may see; None where there is none."""
    package, _ = find_package(view, case)
    names = package.masked() if package else []
    best = next((name for name in names if name.startswith("vehicle")), names[0] if names else None)
    return f"/cases/{case.case_id}/files/{best}" if best else None


def _usable(actions: list[Action], is_mine: bool, status: CaseStatus) -> list[Action]:
    """Reviewers decide what they hold; everything else is as the table of transitions says."""
    if is_mine:
        return [action for action in actions if action is not Action.CLAIM]
    if status is CaseStatus.IN_REVIEW:
        held = {Action.CONFIRM, Action.REJECT, Action.RELEASE, Action.HAND_OVER, Action.CORRECT_PLATE}
        return [action for action in actions if action not in held]
    return actions


def _registers(view: View, case: Case) -> list[tuple[RegisterKind, tuple[Any, ...] | None]]:
    """What each register says of the plate; nothing is asked about one that is not complete."""
    if case.plate_text is None or "-" in case.plate_text:
        return []
    store = RegisterStore(view.desk.engine)
    return [(kind, store.find(kind, case.plate_text)) for kind in RegisterKind]


def _recorded_camera(manifest: Any) -> Camera | None:
    """The camera as the package knows it, for one that is not configured here."""
    recorded = manifest["camera"] if manifest else {}
    if recorded.get("latitude") is None:
        return None
    return Camera(
        recorded["camera_id"], recorded["place"], latitude=recorded["latitude"], longitude=recorded["longitude"]
    )


def _chooses_units(actions: list[Action]) -> bool:
    return any({Need.UNITS, Need.UNIT} & BY_ACTION[action].needs for action in actions)
