"""Hits of the watch list on their way to receivers, and other systems that ask for plates."""

import asyncio
import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from sqlalchemy import Engine
from starlette.applications import Starlette

from detector.cases.life_cycle import LifeCycle
from detector.database.engine import open_database
from detector.dispatch.alerts import AlertLetters
from detector.dispatch.courier import Courier
from detector.dispatch.digest import DigestGuard
from detector.dispatch.dispositions import DispositionDesk
from detector.dispatch.feedback import FeedbackDesk, Peer
from detector.dispatch.gat1400 import Gat1400Sender, PeerSettings
from detector.dispatch.mqtt import MqttSettings
from detector.dispatch.mqtt_feedback import MqttFeedback
from detector.dispatch.outbox import Outbox
from detector.dispatch.signing import sign
from detector.dispatch.webhook import WebhookSender
from detector.entities import BEIJING, Role, WatchEntry, WatchRequest, WatchStatus
from detector.errors import AccessDenied
from detector.patterns.interceptions import InterceptionStore
from detector.patterns.matching import Hit, Look
from detector.patterns.roads import RoadGraph
from detector.patterns.watchlist import WatchList
from pipelines.viid_app import ViidDoor
from tests.detector.cases.case_files import DISPATCHED, do, prepare
from tests.detector.dispatch.receivers import Receiver, receiving
from tests.sighting_files import make_person

DEVICE = "50010700005030000001"
ENDS = (datetime.now(BEIJING) + timedelta(days=10)).strftime("%Y%m%d%H%M%S")
DISPOSITION = {
    # domain.md 2.2, Disposition: the fields that a watch list must carry
    "DispositionID": "500107000000012026112400000100001",
    "Title": "机场非法营运布控",
    "DispositionCategory": "1",
    "TargetFeature": "渝A12345",
    "PriorityLevel": "1",
    "ApplicantName": "张警官",
    "ApplicantInfo": "13800000000",
    "ApplicantOrg": "渝北区交巡警支队",
    "BeginTime": "20261124080000",
    "EndTime": ENDS,
    "OperateType": "0",
    "DispositionStatus": "0",
    "DispositionRange": "1",
    "Reason": "多次举报",
}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path / 'c.db'}")
    yield engine
    engine.dispose()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def alerts(engine: Engine, *receivers: str) -> AlertLetters:
    return AlertLetters(
        Outbox(engine), receivers, {"gate": "T3 出发层"}, lambda time, plate, place: f"{time:%H:%M} {plate} {place}"
    )


def see(
    engine: Engine, entry: WatchEntry, letters: AlertLetters, pass_id: str = "p1", minutes: float = 0,
    camera_id: str = "gate",
) -> None:  # fmt: skip
    at = datetime.now(UTC) + timedelta(minutes=minutes)
    look = Look(pass_id, camera_id, "渝A1234-", at, "blue", "car")
    InterceptionStore(engine, RoadGraph(()), [letters]).open(Hit(entry, look, 2), at)


def listed(engine: Engine) -> WatchEntry:
    """A plate that two persons have listed."""
    watch = WatchList(engine)
    request = WatchRequest("渝A12345", "complaint", datetime.now(UTC) + timedelta(days=5))
    entry = watch.apply(request, make_person(engine, "li"))
    return watch.approve(entry.entry_id, make_person(engine, "wang", Role.SUPERVISOR))


def test_an_alert_is_at_the_receiver_within_two_seconds_while_another_stalls(
    engine: Engine, receiver: Receiver
) -> None:
    """A thread for each receiver: five messages that run into time-outs elsewhere hold up nothing here."""
    letters, entry = alerts(engine, "stalled", "team"), listed(engine)
    with receiving() as stalled:
        stalled.script = ["stall"] * 50
        senders = {name: WebhookSender(r.url, "s") for name, r in (("stalled", stalled), ("team", receiver))}
        courier, stop = Courier(Outbox(engine), senders), threading.Event()
        thread = threading.Thread(target=courier.run, args=(stop,))
        thread.start()
        took_s = []
        try:
            for number in range(3):
                see(engine, entry, letters, f"p{number}", number)
                began = time.monotonic()
                while len(receiver.requests) <= number and time.monotonic() - began < 20:
                    time.sleep(0.01)
                took_s.append(time.monotonic() - began)
        finally:
            stop.set()
            thread.join()
            courier.close()
    said = receiver.bodies()
    assert [(one["kind"], one["plate"], one["place"]) for one in said] == [
        ("watch_hit", "渝A12345", "T3 出发层"), ("watch_sighting", "渝A12345", "T3 出发层"),
        ("watch_sighting", "渝A12345", "T3 出发层"),
    ]  # fmt: skip
    assert len({one["message_id"] for one in said}) == 3
    print(f"alert to receiver: {max(took_s):.2f} s at most of {len(took_s)}")


def test_each_sighting_is_told_with_its_own_place_in_whatever_order_they_come(engine: Engine) -> None:
    """Also one that a camera hands in late: the last sighting is another one by then, and was told before."""
    letters, entry = alerts(engine, "team"), listed(engine)
    for minutes, camera_id in ((0, "gate"), (5, "kerb"), (3, "lot")):
        see(engine, entry, letters, camera_id, minutes, camera_id)
    told = sorted(Outbox(engine).list(), key=lambda m: m.sequence)
    assert [(m.kind, m.payload["camera_id"]) for m in told] == [
        ("watch_hit", "gate"), ("watch_sighting", "kerb"), ("watch_sighting", "lot"),
    ]  # fmt: skip


def test_the_same_hit_twice_is_one_message_and_a_fault_leaves_neither(engine: Engine) -> None:
    """Interception and message are one transaction."""
    letters, entry = alerts(engine, "team"), listed(engine)
    see(engine, entry, letters)
    see(engine, entry, letters)
    assert len(Outbox(engine).list()) == 1

    def fail(*_: object) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        InterceptionStore(engine, RoadGraph(()), [fail]).open(
            Hit(entry, Look("p9", "gate", "渝A12345", datetime.now(UTC) + timedelta(hours=3)), 2), datetime.now(UTC)
        )
    assert len(InterceptionStore(engine, RoadGraph(())).list(10)) == 1


class TestDispositions:
    """A peer that asks for plates, over HTTP with Digest."""

    @pytest.fixture
    def app(self, engine: Engine) -> Starlette:
        desk = DispositionDesk(engine, WatchList(engine), lambda text: text == "渝A12345")
        door = ViidDoor(DigestGuard({"airport": ("viid", "other"), "police": ("viid", "geheim")}), desk, DEVICE)
        return Starlette(routes=door.routes())

    def ask(self, app: Starlette, method: str, path: str, body: Any = None, password: str = "geheim") -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app)
            auth = httpx.DigestAuth("viid", password)
            async with httpx.AsyncClient(transport=transport, base_url="http://desk", auth=auth) as client:
                return await client.request(method, path, json=body)

        return asyncio.run(send())

    def put(self, app: Starlette, **changes: str) -> dict[str, Any]:
        body = {"DispositionListObject": {"DispositionObject": [DISPOSITION | changes]}}
        reply = self.ask(app, "POST", "/VIID/Dispositions", body)
        assert reply.status_code == 200
        (status,) = reply.json()["ResponseStatusListObject"]["ResponseStatusObject"]
        assert status["RequestURL"] == "/VIID/Dispositions" and len(status["LocalTime"]) == 14
        return status

    def test_it_registers_and_asks_for_the_time(self, app: Starlette) -> None:
        """As the standard says, behind Digest."""
        reply = self.ask(app, "POST", "/VIID/System/Register", {"RegisterObject": {"DeviceID": DEVICE}})
        (status,) = reply.json()["ResponseStatusListObject"]["ResponseStatusObject"]
        assert (status["Id"], status["StatusCode"]) == (DEVICE, "0")
        told = self.ask(app, "GET", "/VIID/System/Time").json()["SystemTimeObject"]
        assert (told["VIIDServerID"], len(told["LocalTime"])) == (DEVICE, 14)
        assert self.ask(app, "POST", "/VIID/System/Register", {}, password="wrong").status_code == 401

    def test_asking_makes_an_entry_that_matches_nothing_until_a_person_approves(
        self, app: Starlette, engine: Engine
    ) -> None:
        """Who asks, why and until when; asking again changes nothing; the hit is told to who asked."""
        assert self.put(app)["StatusCode"] == "0"
        assert self.put(app)["StatusCode"] == "0"
        (entry,) = WatchList(engine).list()
        assert (entry.plate_text, entry.applicant, entry.reason) == ("渝A12345", "police:张警官", "多次举报")
        assert entry.status(datetime.now(UTC)) is WatchStatus.REQUESTED
        assert list(WatchList(engine).active(datetime.now(UTC))) == []
        with pytest.raises(AccessDenied):
            WatchList(engine).approve(entry.entry_id, make_person(engine, "li", Role.REVIEWER))
        approved = WatchList(engine).approve(entry.entry_id, make_person(engine, "wang", Role.SUPERVISOR))
        see(engine, approved, alerts(engine))
        (message,) = Outbox(engine).list()
        assert (message.destination, message.payload["disposition_id"]) == ("police", DISPOSITION["DispositionID"])

    def test_the_notification_names_the_disposition_and_carries_the_vehicle(
        self, app: Starlette, engine: Engine, receiver: Receiver
    ) -> None:
        """POST /VIID/DispositionNotifications to the peer, after Register."""
        self.put(app)
        (entry,) = WatchList(engine).list()
        see(engine, WatchList(engine).approve(entry.entry_id, make_person(engine, "wang", Role.SUPERVISOR)),
            alerts(engine))  # fmt: skip
        receiver.digest = ("viid", "geheim")
        sender = Gat1400Sender(PeerSettings(receiver.url, DEVICE, "viid", "geheim"))
        courier = Courier(Outbox(engine), {"police": sender})
        courier.run_once()
        courier.close()
        assert [path for path, _, _ in receiver.requests][:2] == [
            "/VIID/System/Register", "/VIID/DispositionNotifications",
        ]  # fmt: skip
        inner = receiver.bodies()[1]["DispositionNotificationListObject"]["DispositionNotificationObject"]
        (told,) = inner
        vehicle = told["MotorVehicleObject"]
        assert (told["DispositionID"], vehicle["PlateNo"]) == (DISPOSITION["DispositionID"], "渝A12345")
        assert told["TriggerTime"] == vehicle["PassTime"]
        assert (len(told["NotificationID"]), vehicle["VehicleClass"], vehicle["PlateColor"]) == (33, "K30", "5")

    def test_withdrawing_revokes_at_once_and_for_good(self, app: Starlette, engine: Engine) -> None:
        """By PUT of the id or by OperateType; asking again does not bring it back."""
        self.put(app)
        removal = {"DispositionObject": {"DispositionRemovePerson": "张警官", "DispositionRemoveReason": "已查获"}}
        reply = self.ask(app, "PUT", f"/VIID/Dispositions/{DISPOSITION['DispositionID']}", removal)
        assert reply.json()["ResponseStatusListObject"]["ResponseStatusObject"][0]["StatusCode"] == "0"
        (entry,) = WatchList(engine).list()
        assert (entry.revoked_by, entry.revoke_reason) == ("police:张警官", "已查获")
        self.put(app)
        (entry,) = WatchList(engine).list()
        assert entry.status(datetime.now(UTC)) is WatchStatus.REVOKED
        assert self.put(app, DispositionID="unknown", OperateType="1")["StatusCode"] == "6"

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"TargetFeature": "渝A1234-"}, "no complete plate"),
            ({"ApplicantName": ""}, "ApplicantName and Reason"),
            ({"Reason": " "}, "ApplicantName and Reason"),
            ({"EndTime": "2027"}, "yyyyMMddHHmmss"),
            ({"EndTime": "20990101000000"}, "within 180 days"),
            ({"EndTime": "20200101000000"}, "in the future"),
            ({"DispositionID": ""}, "DispositionID is missing"),
            ({"DispositionID": "\0"}, "DispositionID holds a zero character"),
            ({"Reason": "多次\0举报"}, "Reason holds a zero character"),
        ],
    )
    def test_what_is_incomplete_or_open_ended_is_refused(
        self, app: Starlette, engine: Engine, changes: dict[str, str], said: str
    ) -> None:
        """Each object by itself, with the reason; nothing is listed."""
        status = self.put(app, **changes)
        assert (status["StatusCode"], said in status["StatusString"]) == ("6", True)
        assert list(WatchList(engine).list()) == []

    def test_garbage_is_refused(self, app: Starlette) -> None:
        """Whoever it comes from."""
        for body in ([], {"DispositionObject": "x"}, {"DispositionListObject": {"DispositionObject": [1]}}, {}):
            assert self.ask(app, "POST", "/VIID/Dispositions", body).status_code == 400


class TestDigest:
    nonce = ""

    def answer(self, guard: DigestGuard, count: str = "00000001", **changes: str) -> str | None:
        self.nonce = self.nonce or re.findall(r'nonce="([^"]+)"', guard.challenge())[0]
        nonce = changes.get("nonce", self.nonce)

        def md5(text: str) -> str:
            return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

        ha1, ha2 = md5(f"u:viid:{changes.get('password', 'p')}"), md5("GET:/x")
        response = changes.get("response", md5(f"{ha1}:{nonce}:{count}:c:auth:{ha2}"))
        return (
            f'Digest username="u", realm="viid", nonce="{nonce}", uri="{changes.get("uri", "/x")}", qop=auth, '
            f'nc={count}, cnonce="c", response="{response}"'
        )

    def test_an_answer_is_taken_once_and_not_for_ever(self) -> None:
        """No repetition, no other path, no nonce of others, nothing old."""
        at = [1000.0]
        guard = DigestGuard({"police": ("u", "p")}, lambda: at[0])
        said = self.answer(guard)
        assert guard.peer_of("GET", "/x", said) == "police"
        assert guard.peer_of("GET", "/x", said) is None
        assert guard.peer_of("GET", "/x", self.answer(guard, "00000002")) == "police"
        assert guard.peer_of("POST", "/x", self.answer(guard, "00000003")) is None
        assert guard.peer_of("GET", "/y", self.answer(guard, "00000003")) is None
        assert guard.peer_of("GET", "/x", self.answer(guard, "00000003", nonce="3e8-0-" + "0" * 32)) is None
        assert guard.peer_of("GET", "/x", self.answer(guard, "00000003", response="0" * 32)) is None
        assert guard.peer_of("GET", "/x", self.answer(guard, "00000003", response="é")) is None
        late = self.answer(guard, "00000009")
        at[0] += 301
        assert guard.peer_of("GET", "/x", late) is None
        for garbage in ("", "Basic x", "Digest ", 'Digest username="u"', "Digest nonce=zz-1"):
            assert guard.peer_of("GET", "/x", garbage) is None
        assert "geheim" not in repr(DigestGuard({"police": ("u", "geheim")}))

    def test_peers_of_one_user_are_told_apart_by_their_passwords(self) -> None:
        """Both are let in, each as who it is."""
        guard = DigestGuard({"airport": ("u", "x"), "police": ("u", "p")})
        assert guard.peer_of("GET", "/x", self.answer(guard, "00000001", password="x")) == "airport"
        assert guard.peer_of("GET", "/x", self.answer(guard, "00000002", password="p")) == "police"
        assert guard.peer_of("GET", "/x", self.answer(guard, "00000003", password="y")) is None


class TestAnswersOverMqtt:
    def test_answers_move_the_case_once_also_those_that_came_while_we_were_away(
        self, engine: Engine, broker: tuple[int, Any]
    ) -> None:
        """Signed by user properties; the broker keeps them; the reply goes where the peer asked.

        One at which the program fails holds up none of those after it.
        """
        port, _ = broker
        prepare(engine)
        do(LifeCycle(engine), *DISPATCHED)
        desk = FeedbackDesk(engine, LifeCycle(engine), {"urban": Peer("urban", frozenset({"jlp-cg"}), "s")})
        settings = MqttSettings("127.0.0.1", port, "answers/urban", "rw-answers", "rw", "geheim")
        replies: list[dict[str, Any]] = []

        def take(*said: Any) -> dict[str, Any]:
            if b"defect" in said[3]:
                raise ZeroDivisionError
            return desk.take(*said)

        client = paho.Client(CallbackAPIVersion.VERSION2, "urban", protocol=paho.MQTTv5)
        client.username_pw_set("rw", "geheim")
        ready = threading.Event()
        client.on_message = lambda _c, _d, message: replies.append(json.loads(message.payload))
        client.on_subscribe = lambda *_: ready.set()
        client.connect("127.0.0.1", port)
        client.loop_start()
        client.subscribe("replies", qos=1)
        assert ready.wait(10)

        def publish(secret: str = "s", age_s: int = 0, **said: str) -> None:
            body = json.dumps({"id": "f1", "case_id": "RW-1", "unit": "jlp-cg", "reason": "", **said}).encode()
            stamp = str(int(time.time()) - age_s)
            properties = Properties(PacketTypes.PUBLISH)
            properties.ResponseTopic = "replies"
            properties.UserProperty = [
                ("X-Roadwarden-Timestamp", stamp), ("X-Roadwarden-Signature", sign(secret, stamp, body)),
            ]  # fmt: skip
            client.publish("answers/urban", body, qos=1, properties=properties).wait_for_publish(10)

        def listen(expected: int) -> None:
            stop = threading.Event()
            listener = MqttFeedback("urban", settings, take)
            thread = threading.Thread(target=listener.run, args=(stop,))
            thread.start()
            assert listener.is_listening.wait(30)
            began = time.monotonic()
            while len(replies) < expected and time.monotonic() - began < 30:
                time.sleep(0.02)
            stop.set()
            thread.join()

        try:
            listen(0)  # the session is made, and left
            publish(action="accept")
            publish(action="accept")
            publish(id="f2", action="give_feedback", reason="已处理", age_s=4000)
            publish(secret="x", id="f3", action="return", reason="非我辖区")
            publish(id="f4", case_id="RW-0", action="accept")
            publish(id="defect", action="accept")
            publish(id="f1", action="accept")
            listen(7)
        finally:
            client.disconnect()
            client.loop_stop()
        assert replies[:3] == [
            {"case_id": "RW-1", "status": "in_handling"}, {"case_id": "RW-1", "status": "in_handling"},
            {"case_id": "RW-1", "status": "in_handling"},
        ]  # fmt: skip
        assert "signature" in replies[3]["error"] and "no case RW-0" in replies[4]["error"]
        assert replies[5:] == [{"error": "defect of the program: ZeroDivisionError"}, replies[0]]
        past = LifeCycle(engine).history("RW-1")
        assert [event.action for event in past[-2:]] == ["accept", "give_feedback"]
