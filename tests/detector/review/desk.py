"""A desk for tests: people of every role, cases with real files, a client that needs no network, and a server."""

import contextlib
import shutil
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import httpx
import numpy as np
import uvicorn
from fastapi import FastAPI
from sqlalchemy import Engine, insert

from detector.cases.clocks import load_clocks
from detector.cases.law import load_law
from detector.cases.life_cycle import LifeCycle
from detector.cases.store import CaseStore
from detector.database.engine import open_database
from detector.database.sessions import write_session
from detector.database.tables import AccountRow, UnitRow
from detector.entities import Action, Actor, Camera, Case, CaseStatus, Road, Role, VehicleType
from detector.evidence.masks import SceneObjects
from detector.evidence.package import write_package
from detector.observation.plate_grammar import UNSURE, classify
from detector.patterns.interceptions import InterceptionStore
from detector.patterns.leads import LeadStore
from detector.patterns.roads import RoadGraph
from detector.review import passwords
from detector.review.accounts import AccountStore
from detector.review.app import make_app
from detector.review.desk import Desk
from detector.review.guard import CSRF_HEADER, SESSION_COOKIE
from detector.review.photos import PhotoShelf
from detector.review.second_factor import SecondFactor
from detector.review.shelf import EvidenceShelf
from detector.review.visitors import SessionStore
from detector.sightings.keys import Keyring
from detector.sightings.store import SightingStore, StoreSettings
from pipelines.build_sightings import open_watch_list
from tests.detector.evidence.makers import FakeClip, make_request
from tests.footage import ClipSpec, write

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
PASSWORD = "correct horse battery"
KEY = b"0123456789012345678901234567890123456789012="
OWN, OTHER = "jlp", "bn"
OWN_CASE, OTHER_CASE, BARE_CASE = "RW-20261123-110000-00000001", "RW-20261123-110000-00000002", "RW-20261123-110500-03"
UNITS = (
    ("cq", "重庆市", "city", None), ("jlp", "九龙坡区", "district", "cq"), ("bn", "巴南区", "district", "cq"),
    ("jlp-cg", "九龙坡区城管局", "district", "jlp"), ("jlp-zj", "九龙坡区住建委", "district", "jlp"),
)  # fmt: skip
ROLES = tuple(role for role in Role if role is not Role.SYSTEM)
NAMES = {
    Role.REVIEWER: "李明", Role.LEGAL: "王芳", Role.DISPATCHER: "陈静", Role.DEPARTMENT: "周强",
    Role.SUPERVISOR: "郑毅", Role.ADMINISTRATOR: "赵敏", Role.AUDITOR: "孙伟",
}  # fmt: skip
CAMERAS = {
    "gate": Camera("gate", "九龙坡区杨家坪环道", district=OWN), "ring": Camera("ring", "石桥铺立交", district=OWN),
    "tunnel": Camera("tunnel", "巴南区渝南大道", district=OTHER), "far": Camera("far", "鱼洞老街", district=OTHER),
}  # fmt: skip
ROADS = RoadGraph((Road("gate", "ring", 3000.0, 120.0, 600.0), Road("gate", "tunnel", 9000.0, 400.0, 1500.0)))
SYSTEM = Actor("system", "system", "", frozenset({Role.SYSTEM}))


class Clock:
    """Stands still until it is moved."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def move(self, **by: float) -> None:
        self.at += timedelta(**by)


def make_template(folder: Path) -> Path:
    """A folder with a database of people and cases, and the cases' packages; made once, copied for every test."""
    engine = open_database(f"sqlite:///{folder / 'desk.db'}")
    add_people(engine)
    clip = Path(write(folder / "clip.mp4", ClipSpec(frames=450, width=640, height=360, gop=25))).read_bytes()
    store = CaseStore(engine)
    for case_id, district, plate in ((OWN_CASE, OWN, "渝D12345"), (OTHER_CASE, OTHER, "渝B67890")):
        store.save(make_case(case_id, district, plate, folder / "evidence", clip))
    store.save(replace(store.get(OWN_CASE), case_id=BARE_CASE, evidence=None, district=OWN))
    engine.dispose()
    return folder


def add_people(engine: Engine) -> None:
    """One person of each role in the own district, a second reviewer, and the units."""
    people = [(role.value, NAMES[role], [role.value]) for role in ROLES] + [("reviewer2", "何洁", ["reviewer"])]
    hashed = passwords.hash_password(PASSWORD)
    with write_session(engine) as session:
        for number, (account, name, roles) in enumerate(people):
            session.add(
                AccountRow(
                    account=account, name=name, unit="jlp-cg" if roles == ["department"] else "cq", roles=roles,
                    districts=[OWN], certificate=f"渝执{number:04}", password=hashed, must_change=False,
                    is_disabled=False, failures=0, created_by="test", created_at=NOON,
                )
            )  # fmt: skip
        keys = ("unit_id", "name", "level", "parent")
        session.execute(insert(UnitRow), [dict(zip(keys, unit, strict=True)) for unit in UNITS])


def look_at(image: np.ndarray) -> SceneObjects:
    """What stands in every picture: one truck without a readable plate."""
    return SceneObjects((), ((VehicleType.TRUCK, (300.0, 60.0, 620.0, 300.0)),), ((),))


def make_case(case_id: str, district: str, plate: str, root: Path, clip: bytes) -> Case:
    """A candidate with a sealed package whose clip plays."""
    request = make_request(write_clip=FakeClip(clip), look=look_at)
    facts = request.facts
    voted = replace(facts.violation.vehicle_pass.plate, text=plate)
    violation = replace(facts.violation, vehicle_pass=replace(facts.violation.vehicle_pass, plate=voted))
    camera = replace(facts.camera, district=district)
    facts = replace(facts, case_id=case_id, violation=violation, camera=camera)
    package = write_package(replace(request, facts=facts), root)
    first = violation.deciding[0]
    return Case(
        case_id, camera.camera_id, camera.place, violation.vehicle_pass.vehicle_type, CaseStatus.CANDIDATE,
        package.grade, package.grade_reasons, violation.findings, voted, violation.vehicle_pass.load,
        first.captured_at, facts.time, package.evidence, district,
    )  # fmt: skip


def copy_desk(template: Path, folder: Path, clock: Clock | None = None, **given: Any) -> Desk:
    """A desk of its own on a copy of the template."""
    shutil.copytree(template, folder, dirs_exist_ok=True)
    return open_desk(open_database(f"sqlite:///{folder / 'desk.db'}"), folder / "evidence", clock, **given)


def open_desk(engine: Engine, evidence: Path, clock: Clock | None = None, **given: Any) -> Desk:
    """A desk on a database; the real clock, or one that stands still; `given` are fields of `Desk`."""
    timed: dict[str, Any] = {"now": clock} if clock else {}
    return Desk(
        engine=engine, accounts=AccountStore(engine, codes=SecondFactor(KEY), **timed),
        sessions=SessionStore(engine, **timed), cases=CaseStore(engine), life=LifeCycle(engine, **timed),
        shelf=EvidenceShelf(evidence), photos=PhotoShelf(evidence.parent / "photos"),
        leads=LeadStore(engine), watch=open_watch_list(engine), interceptions=InterceptionStore(engine, ROADS),
        sightings=SightingStore(
            StoreSettings(evidence.parent / "sightings"), engine, Keyring(evidence.parent / "keys", 30)
        ),
        law=load_law(), clocks=load_clocks(), suggest=lambda case: ["jlp-cg", "jlp-zj"],
        is_plate=lambda text: UNSURE not in text and classify(text) is not None, **timed,
        **{"cameras": CAMERAS, **given},
    )  # fmt: skip


def confirm(desk: Desk, case_id: str, until: CaseStatus = CaseStatus.DISPATCHED) -> None:
    """Bring a candidate forward, by the people whose work it is."""
    who = {role: desk.accounts.get(role.value).actor for role in ROLES}
    basis = {"basis": desk.law.choose("urban-heaped", NOON.date())}
    steps = (
        (Action.CLAIM, Role.REVIEWER, {}), (Action.CONFIRM, Role.REVIEWER, {}), (Action.LEGAL_CONFIRM, Role.LEGAL, {}),
        (Action.FILE, Role.LEGAL, basis), (Action.DISPATCH, Role.DISPATCHER, {"units": ["jlp-cg"]}),
    )  # fmt: skip
    for action, role, details in steps:
        if desk.cases.get(case_id).status is until:
            return
        desk.life.perform(case_id, action, who[role], details=details)


class DeskClient:
    """A browser without a network: keeps cookies, sends the token of its session with what changes something."""

    def __init__(self, app: FastAPI, account: str | None = None) -> None:
        self.app, self.desk = app, app.state.desk
        self.cookies: dict[str, str] = {}
        self.csrf: str | None = None
        if account is not None:
            self.sign_in(account)

    def sign_in(self, account: str) -> None:
        """Hold a session of an account."""
        token = self.desk.sessions.open(self.desk.accounts.get(account))
        self.cookies[SESSION_COOKIE], self.csrf = token, self.desk.sessions.find(token).csrf

    def get(self, path: str, **settings: Any) -> httpx.Response:
        return self.send("GET", path, **settings)

    def post(self, path: str, data: Mapping[str, Any] | None = None, **settings: Any) -> httpx.Response:
        headers = {CSRF_HEADER: self.csrf} if self.csrf else {}
        return self.send("POST", path, data=data, headers=headers | settings.pop("headers", {}), **settings)

    def send(self, method: str, path: str, **settings: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://desk.test", cookies=self.cookies
            ) as client:
                return await client.request(method, path, **settings)

        # A thread of its own: a browser that a test has opened keeps an event loop running in this one.
        with ThreadPoolExecutor(1) as thread:
            response = thread.submit(anyio.run, send).result()
        self.cookies.update(response.cookies)
        return response


@contextlib.contextmanager
def serve(desk: Desk) -> Iterator[str]:
    """The desk on a port of this machine; gives its address."""
    config = uvicorn.Config(make_app(desk), host="127.0.0.1", port=0, log_level="error", ws="none", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        deadline = threading.Event()
        for _ in range(600):
            if server.started:
                break
            deadline.wait(0.1)
        assert server.started, "the desk did not start"
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=30)
        desk.engine.dispose()
