"""Protocols: MQTT with a real broker, GA/T 1400 with a double, and answers that come back."""

import asyncio
import base64
import gc
import json
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from PIL import Image
from sqlalchemy import Engine, delete

from detector.cases.life_cycle import LifeCycle
from detector.cases.store import CaseStore
from detector.database.engine import open_database
from detector.database.sessions import write_session
from detector.database.tables import FeedbackRow
from detector.dispatch.feedback import FeedbackDesk, Peer
from detector.dispatch.gat1400 import Gat1400Sender, PeerSettings
from detector.dispatch.mqtt import MqttSender, MqttSettings
from detector.dispatch.protocol import Refused, Unreachable
from detector.dispatch.signing import sign
from detector.entities import Action, CaseStatus, Message, MessageState
from pipelines.feedback_app import make_app
from tests.detector.cases.case_files import DISPATCHED, DISPATCHER, SYSTEM, do, prepare
from tests.detector.dispatch.receivers import Receiver, receiving

AT = datetime(2024, 3, 5, 10, 35, tzinfo=UTC)
PAYLOAD = {
    "unit": "jlp-cg", "text": "存在冒装行为", "captured_at": AT.isoformat(), "plate": "渝DC6123",
    "plate_colour": "yellow", "plate_type": "ordinary", "vehicle_type": "truck", "load": "heaped",
    "evidence_folder": None,
}  # fmt: skip
MESSAGE = Message("abcdef12" + "0" * 24, "peer", "RW-1", 5, "dispatched", PAYLOAD, AT, AT, 0, MessageState.PENDING)
DEVICE = "50010700005030000001"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


class TestMqtt:
    def listen(self, port: int, got: list[Any], subscribed: threading.Semaphore) -> paho.Client:
        client = paho.Client(CallbackAPIVersion.VERSION2, "listener", protocol=paho.MQTTv5)
        client.username_pw_set("rw", "geheim")
        client.on_message = lambda _c, _d, message: got.append(message)
        client.on_connect = lambda *_: client.subscribe("cases/#", qos=1)
        client.on_subscribe = lambda *_: subscribed.release()
        client.reconnect_delay_set(0.1, 0.5)
        client.connect("127.0.0.1", port)
        client.loop_start()
        assert subscribed.acquire(timeout=10)
        return client

    def test_a_message_arrives_with_its_key_and_after_the_broker_was_away(self, broker: tuple[int, Any]) -> None:
        """Receipt by the broker is what counts; while it is away the message stays with us."""
        port, (start, stop) = broker
        got: list[Any] = []
        subscribed = threading.Semaphore(0)
        listener = self.listen(port, got, subscribed)
        sender = MqttSender(MqttSettings("127.0.0.1", port, "cases/{kind}/{case_id}", "rw-1", "rw", "geheim"), 3.0)
        sender.send(MESSAGE)
        stop()
        time.sleep(0.2)
        with pytest.raises(Unreachable):
            sender.send(MESSAGE)
        start()
        assert subscribed.acquire(timeout=20)
        later = replace(MESSAGE, message_id="f" * 32)
        for _ in range(20):
            try:
                sender.send(later)
                break
            except Unreachable:
                time.sleep(0.1)
        for _ in range(100):
            if len(got) >= 2:
                break
            time.sleep(0.05)
        sender.close()
        listener.disconnect()
        listener.loop_stop()
        keys = [m.properties.CorrelationData.decode() for m in got]
        assert list(dict.fromkeys(keys)) == [MESSAGE.message_id, "f" * 32]
        assert (got[0].topic, got[0].qos, json.loads(got[0].payload)["plate"]) == (
            "cases/dispatched/RW-1",
            1,
            "渝DC6123",
        )
        assert got[0].properties.MessageExpiryInterval > 0

    def test_a_wrong_password_is_told_without_being_told(self, broker: tuple[int, Any]) -> None:
        """The reason, never the password."""
        settings = MqttSettings("127.0.0.1", broker[0], "cases", "rw-1", "rw", "hunter2")
        with pytest.raises(Unreachable, match="Not authorized") as caught:
            MqttSender(settings, 3.0).send(MESSAGE)
        assert "hunter2" not in f"{caught.value} {settings!r}"

    # paho 2.1 leaves the socket of a handshake that failed to the garbage collector
    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    @pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")
    def test_behind_tls_and_only_to_a_broker_that_is_trusted(self, tls_broker: tuple[int, Path]) -> None:
        """The certificate that the configuration names is what counts; the system's do not vouch for it."""
        port, certificate = tls_broker
        settings = MqttSettings("127.0.0.1", port, "cases", "rw-1", tls=True, ca_file=str(certificate))
        sender = MqttSender(settings, 10.0)
        sender.send(MESSAGE)
        sender.close()
        with pytest.raises(Unreachable, match="SSLCertVerificationError"):
            MqttSender(replace(settings, ca_file=None), 10.0).send(MESSAGE)
        gc.collect()


class TestGat1400:
    @pytest.fixture(autouse=True)
    def made(self) -> Iterator[list[Gat1400Sender]]:
        self.senders: list[Gat1400Sender] = []
        yield self.senders
        for sender in self.senders:
            sender.close()

    def sender(self, receiver: Receiver, **more: Any) -> Gat1400Sender:
        receiver.digest = ("viid", "geheim")
        return Gat1400Sender(
            PeerSettings(receiver.url, DEVICE, "viid", more.pop("password", "geheim"), **more), timeout_s=0.5
        )

    def test_register_then_a_motor_vehicle_as_the_standard_says(self, receiver: Receiver, tmp_path: Path) -> None:
        """Field by field as transcribed from domain.md 2.2 and 2.4, with the picture in it."""
        Image.new("RGB", (1920, 1720)).save(tmp_path / "composite.jpg")
        Image.new("RGB", (1280, 720)).save(tmp_path / "scene_1.jpg")
        manifest = {"files": [{"name": "scene_1.jpg", "pts": 7}], "observations": [
            {"pts": 6, "xyxy": [0, 0, 1, 1]}, {"pts": 7, "xyxy": [-0.4, 60.2, 620.7, 300.0]},
        ]}  # fmt: skip
        (tmp_path / "manifest.json").write_text(json.dumps(manifest))
        codes = {"lane": {"gate": "2"}, "direction": {"gate": "3"}, "tollgate": {"gate": "50010700001210000001"}}
        sender = self.sender(receiver, codes=codes)
        sure = [0.95, 0.98, 0.99, 0.91, 0.97, 0.99, 0.96]
        known = {"evidence_folder": str(tmp_path), "camera_id": "gate", "plate_characters": sure}
        sender.send(replace(MESSAGE, payload=PAYLOAD | known))
        sender.close()
        assert [path for path, _, _ in receiver.requests] == [
            "/VIID/System/Register", "/VIID/MotorVehicles", "/VIID/System/UnRegister",
        ]  # fmt: skip
        assert receiver.bodies()[0] == {"RegisterObject": {"DeviceID": DEVICE}}
        headers = receiver.requests[1][1]
        assert (headers["User-Identify"], headers["Content-Type"]) == (DEVICE, "application/VIID+JSON")
        number = f"{0xABCDEF12 % 100_000:05}"
        source = f"{DEVICE}0220240305183500{number}"
        (vehicle,) = receiver.bodies()[1]["MotorVehicleListObject"]["MotorVehicleObject"]
        pictures = vehicle.pop("SubImageList")["SubImageInfoObject"]
        assert vehicle == {
            "MotorVehicleID": f"{source}02{number}", "InfoKind": 1, "SourceID": source, "DeviceID": DEVICE,
            "StorageUrl1": "", "LeftTopX": 0, "LeftTopY": 60, "RightBtmX": 621, "RightBtmY": 300, "LaneNo": 2,
            "Direction": "3", "TollgateID": "50010700001210000001",
            "PassTime": "20240305183500", "HasPlate": "1", "PlateClass": "01", "PlateColor": "6", "PlateNo": "渝DC6123",
            "PlateReliability": "91", "PlateCharReliability": "渝-95,D-98,C-99,6-91,1-97,2-99,3-96", "IsCovered": 0,
            "VehicleClass": "H17", "VehicleColor": "99", "VehicleBodyDesc": "存在冒装行为",
        }  # fmt: skip
        assert (len(source), len(vehicle["MotorVehicleID"])) == (41, 48)
        data = [picture.pop("Data") for picture in pictures]
        common = {"EventSort": 10, "DeviceID": DEVICE, "StoragePath": "", "FileFormat": "Jpeg"}
        common |= {"ShotTime": "20240305183500"}
        assert pictures == [
            common | {"ImageID": source, "Type": "14", "Width": 1280, "Height": 720},
            common | {"ImageID": f"{source[:-5]}{int(number) + 1:05}", "Type": "07", "Width": 1920, "Height": 1720},
        ]
        assert base64.b64decode(data[1]) == (tmp_path / "composite.jpg").read_bytes()

    def test_a_peer_with_codes_of_its_own_and_a_plate_that_was_not_read(self, receiver: Receiver) -> None:
        """Another table for colours; what is not known is said to be so."""
        sender = self.sender(receiver, codes={"plate_colour": {"yellow": "2"}})
        sender.send(MESSAGE)
        sender.send(replace(MESSAGE, payload=PAYLOAD | {"plate": None, "plate_colour": None, "plate_type": None}))
        first, second = (b["MotorVehicleListObject"]["MotorVehicleObject"][0] for b in receiver.bodies()[1:3])
        assert first["PlateColor"] == "2"
        told = [second[name] for name in ("HasPlate", "PlateNo", "PlateColor", "PlateClass")]
        assert told == ["0", "无车牌", "99", "99"]

    def test_a_refused_password_time_outs_and_statuses(self, receiver: Receiver) -> None:
        """Refusal, silence and a status that is not 0 are tried again; what is malformed never; no secret told."""
        with pytest.raises(Unreachable, match="refused \\(401\\)") as caught:
            self.sender(receiver, password="hunter2").send(MESSAGE)
        assert "hunter2" not in f"{caught.value!r} {self.sender(receiver, password='hunter2')!r}"
        receiver.script = ["stall"]
        with pytest.raises(Unreachable, match=r"ReadTimeout|RemoteProtocolError"):
            self.sender(receiver).send(MESSAGE)
        sender = self.sender(receiver)
        receiver.script = [200, 400]
        with pytest.raises(Refused, match="answered 400"):
            sender.send(MESSAGE)
        receiver.reply = json.dumps(
            {"ResponseStatusListObject": {"ResponseStatusObject": [{"StatusCode": 4, "StatusString": "busy"}]}}
        ).encode()
        with pytest.raises(Unreachable, match="status 4 busy"):
            sender.send(MESSAGE)

    def test_it_says_that_it_is_there(self, receiver: Receiver) -> None:
        """A message after a quiet minute is preceded by a keep-alive."""
        receiver.digest = ("viid", "geheim")
        at = [AT]
        sender = Gat1400Sender(PeerSettings(receiver.url, DEVICE, "viid", "geheim"), now=lambda: at[0])
        self.senders.append(sender)
        sender.send(MESSAGE)
        at[0] += timedelta(seconds=61)
        sender.send(MESSAGE)
        assert [path.rpartition("/")[2] for path, _, _ in receiver.requests] == [
            "Register", "MotorVehicles", "Keepalive", "MotorVehicles",
        ]  # fmt: skip


class TestFeedback:
    @pytest.fixture
    def engine(self, tmp_path: Path) -> Iterator[Engine]:
        engine = open_database(f"sqlite:///{tmp_path / 'c.db'}")
        prepare(engine)
        do(LifeCycle(engine), *DISPATCHED)
        yield engine
        engine.dispose()

    def post(self, engine: Engine, said: dict[str, Any] | bytes, **how: Any) -> Any:
        secret, peer, age_s = how.get("secret", "s"), how.get("peer", "urban"), how.get("age_s", 0)
        desk = FeedbackDesk(engine, LifeCycle(engine), {"urban": Peer("urban", frozenset({"jlp-cg"}), "s")})
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        stamp = how.get("stamp", str(int(time.time()) - age_s))
        headers = {"X-Roadwarden-Timestamp": stamp, "X-Roadwarden-Signature": sign(secret, stamp, body)}

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(make_app(desk))
            async with httpx.AsyncClient(transport=transport, base_url="http://desk") as client:
                return await client.post(f"/feedback/{peer}", content=body, headers=headers)

        return asyncio.run(ask())

    def answer(self, **more: str) -> dict[str, str]:
        return {"id": "f1", "case_id": "RW-1", "unit": "jlp-cg", "action": "accept", **more}

    def test_answers_move_the_case_once_however_often_they_come(self, engine: Engine) -> None:
        """The same id gives the same reply; the history holds one step, of the system that answered."""
        for _ in range(3):
            reply = self.post(engine, self.answer())
            assert (reply.status_code, reply.json()) == (200, {"case_id": "RW-1", "status": "in_handling"})
        self.post(engine, self.answer(id="f2", action="give_feedback", reason="已处理"))
        past = LifeCycle(engine).history("RW-1")
        assert [(e.action, e.account, e.unit) for e in past[-2:]] == [
            ("accept", "peer:urban", "jlp-cg"), ("give_feedback", "peer:urban", "jlp-cg"),
        ]  # fmt: skip

    def test_an_answer_is_for_one_part_also_where_another_was_escalated_to_the_same_unit(self, engine: Engine) -> None:
        """A process that ended before it wrote the answer down has acted all the same."""
        do(
            LifeCycle(engine),
            (Action.ADD_UNIT, DISPATCHER, {"details": {"units": ["jlp-sqp"]}}),
            (Action.ESCALATE, SYSTEM, {"details": {"unit": "jlp-sqp"}}),
        )
        replies = []
        for _ in range(2):
            replies.append(self.post(engine, self.answer()).json())
            with write_session(engine) as session:
                session.execute(delete(FeedbackRow))
        assert replies[0] == replies[1]
        past = LifeCycle(engine).history("RW-1")
        assert [event.details["unit"] for event in past if event.action == Action.ACCEPT] == ["jlp-cg"]

    @pytest.mark.parametrize(
        ("change", "how", "status"),
        [
            ({}, {"secret": "x"}, 403),
            ({}, {"peer": "stranger"}, 403),
            ({}, {"age_s": 400}, 403),
            ({}, {"stamp": "9" * 400}, 403),
            ({}, {"stamp": "9" * 5000}, 403),
            ({"unit": "jlp-zj"}, {}, 403),
            ({"action": "close"}, {}, 400),
            ({"id": ""}, {}, 400),
            ({"id": "f\0"}, {}, 400),
            ({"case_id": "RW-1\0"}, {}, 400),
            ({"reason": "\0"}, {}, 400),
            ({"action": "give_feedback"}, {}, 409),
            ({"case_id": "RW-0"}, {}, 404),
        ],
    )
    def test_what_is_refused(self, engine: Engine, change: dict, how: dict, status: int) -> None:
        """Nothing happens to the case, and the reply says why."""
        reply = self.post(engine, self.answer(**change), **how)
        assert (reply.status_code, bool(reply.json()["error"])) == (status, True)
        assert CaseStore(engine).get("RW-1").status is CaseStatus.DISPATCHED

    def test_garbage_and_too_much(self, engine: Engine) -> None:
        """Signed or not."""
        rng = random.Random(5)
        for body in (b"", b"[]", b"nul", b"[" * 50_000, rng.randbytes(200)):
            assert self.post(engine, body).status_code == 400
        assert self.post(engine, b"x" * 70_000).status_code == 413
