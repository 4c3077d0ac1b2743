"""What fills every page of the desk: leads, a watch list with a hit, cameras with a worker, cases in several states."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from sqlalchemy import update

from detector.database.sessions import write_session
from detector.database.tables import AccountRow
from detector.entities import Action, CaseStatus, Interception, LeadKind, Reason, TimelineEntry, WatchRequest
from detector.patterns.matching import Hit, Look
from detector.patterns.scanning import Suspect
from detector.review.camera_desk import CameraPicture
from detector.review.desk import Desk
from pipelines.configuration_store import ConfigurationStore
from pipelines.desk_cameras import CurrentCameras, DeskConfiguration
from tests.detector.review.desk import BARE_CASE, CAMERAS, NOON, OWN_CASE, ROLES, confirm, copy_desk

NOW = datetime.now(UTC).replace(microsecond=0)
SUSPECT, CLONED, FAR, WANTED = "川A12345", "渝B22222", "渝C33333", "渝D12345"
TOML = """# Gates of the district.
[[camera]]
id = "gate-03"
place = "三号门"
district = "jlp"
zone = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]

[[camera]]
id = "bridge"
district = "bn"
"""


def add_leads(desk: Desk) -> None:
    """One of each kind in the own district, one elsewhere."""
    days = [NOW - timedelta(days=n) for n in range(12)]
    visits = tuple(TimelineEntry(day, "gate", "T3", f"{'loop' if n % 2 else 'wait'} 25") for n, day in enumerate(days))
    reasons = (Reason("visit_days", "frequency", {"visits": 24, "visit_days": 12}, 31.5),
               Reason("is_local", "origin", {}, 12.0))  # fmt: skip
    window = (NOW - timedelta(days=30), NOW)
    rides = [
        Suspect(SUSPECT, 0.93, reasons, visits),
        Suspect(FAR, 0.5, reasons, (TimelineEntry(NOW, "far", "", "seen 1"),)),
    ]
    desk.leads.save(LeadKind.RIDE_HAILING, rides, window, ("test", ("licensed",)))
    clone = (TimelineEntry(NOW - timedelta(minutes=7), "gate", "", "clone_from 0"),
             TimelineEntry(NOW, "tunnel", "", "clone_to 23.0"))  # fmt: skip
    travel = (Reason("impossible_travel", "travel", {"incidents": 1, "kmh": 197}, 1.0),)
    desk.leads.save(LeadKind.CLONED_PLATE, [Suspect(CLONED, 0.5, travel, clone)], window, ("test", ()))


def lead_of(desk: Desk, plate: str) -> str:
    return next(lead.lead_id for lead in desk.leads.list(10) if lead.plate_text == plate)


def list_plate(desk: Desk, plate: str = WANTED) -> None:
    """Put a plate on the watch list, by two persons."""
    until = datetime.now(UTC) + timedelta(days=5)
    entry = desk.watch.apply(WatchRequest(plate, "举报", until, "blue"), desk.accounts.get("reviewer").actor)
    desk.watch.approve(entry.entry_id, desk.accounts.get("supervisor").actor)


def hit(desk: Desk, camera: str = "gate", ago_s: float = 30, plate: str = WANTED) -> Interception:
    """See a listed plate."""
    now = datetime.now(UTC)
    entry = next(entry for entry in desk.watch.active(now) if entry.plate_text == plate)
    look = Look(f"pass {camera} {ago_s} {plate}", camera, plate, now - timedelta(seconds=ago_s), "blue", "car")
    return desk.interceptions.open(Hit(entry, look, 3), now)[0]


class FakeWorkers:
    """One worker that watches one camera."""

    shown = b"\xff\xd8now"

    def health(self) -> Mapping[str, Mapping[str, Any]]:
        row = {"state": "frozen", "faults": ["frozen", "silent"], "packets_per_s": 25.0, "analysed_per_s": 8.0}
        told = {"lag_s": 0.2, "time_source": "rtcp_sr", "uncertainty_ms": 40.0, "sessions": 2, "last_fault": None}
        return {"gate-03": row | told}

    def picture(self, camera_id: str) -> CameraPicture | None:
        return CameraPicture(self.shown, NOON) if camera_id == "gate-03" else None


def open_whole_desk(template: Path, folder: Path) -> Desk:
    """A desk on the real clock on which no page is empty, and where `supervisor` may use each of them.

    One case is dispatched to that person's unit, one rejected; the camera of the configuration shows a grey picture.
    """
    desk = copy_desk(template, folder)
    confirm(desk, OWN_CASE, CaseStatus.DISPATCHED)
    confirm(desk, BARE_CASE, CaseStatus.IN_REVIEW)
    desk.life.perform(BARE_CASE, Action.REJECT, desk.accounts.get("reviewer").actor, reason="empty")
    add_leads(desk)
    list_plate(desk)
    hit(desk)
    with write_session(desk.engine) as session:
        roles = {"roles": [role.value for role in ROLES], "unit": "jlp-cg"}
        session.execute(update(AccountRow).where(AccountRow.account == "supervisor").values(roles))
    others = [
        f'\n[[camera]]\nid = "{c.camera_id}"\nplace = "{c.place}"\ndistrict = "{c.district}"\n'
        for c in CAMERAS.values()
    ]
    (folder / "cameras.toml").write_text(TOML + "".join(others), encoding="utf-8")
    store, workers, written = ConfigurationStore(desk.engine, folder / "cameras.toml"), FakeWorkers(), BytesIO()
    Image.new("RGB", (640, 360), (120, 120, 120)).save(written, "JPEG")
    workers.shown = written.getvalue()
    cameras = CurrentCameras(store, {})
    given = {"cameras": cameras, "configuration": DeskConfiguration(store, cameras), "workers": workers}
    return replace(desk, **given)
