"""GA/T 1400 (视图库): cases as MotorVehicle objects with their pictures, to a receiver that asks for HTTP Digest."""

import base64
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from detector.dispatch.protocol import Refused, Unreachable
from detector.dispatch.webhook import NO_IDLE
from detector.entities import BEIJING, Message

CODES = Path(__file__).with_name("gat1400.toml")
MEDIA_TYPE = "application/VIID+JSON"
KEEP_ALIVE = timedelta(seconds=60)
TIMEOUT_S = 15.0
OK = "0"
ID_DIGITS = 20
PICTURES = {"scene": "scene_1.jpg", "vehicle": "vehicle.jpg", "plate": "plate.png", "composite": "composite.jpg"}
"""Role of a picture → its file in the package."""

Codes = Mapping[str, Mapping[str, str]]
"""Table → our value → code."""


@dataclass(frozen=True, slots=True)
class PeerSettings:
    """One receiver.

    Attributes:
        url: up to and without `/VIID`.
        device_id: 20 digits, our own id there.
        codes: table → our value → the peer's code, where it differs from `gat1400.toml`.
        pictures: whether pictures are sent with it.
    """

    url: str
    device_id: str
    user: str
    password: str = field(repr=False)
    codes: Codes = field(default_factory=dict)
    pictures: bool = True


class Gat1400Sender:
    """Registers, keeps alive, and POSTs MotorVehicles."""

    def __init__(
        self,
        settings: PeerSettings,
        *,
        timeout_s: float = TIMEOUT_S,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Prepare, without connecting."""
        self._settings, self._now = settings, now
        auth = httpx.DigestAuth(settings.user, settings.password)
        headers = {"Content-Type": MEDIA_TYPE, "User-Identify": settings.device_id}
        self._client = httpx.Client(
            base_url=settings.url, auth=auth, headers=headers, timeout=timeout_s, trust_env=False, limits=NO_IDLE
        )
        self._codes = _load_codes(settings.codes)
        self._registered_at: datetime | None = None

    def __repr__(self) -> str:
        """Without the password."""
        return f"Gat1400Sender({self._settings.url}, {self._settings.device_id})"

    def send(self, message: Message) -> None:
        """Register when needed, then hand over one MotorVehicle, or the notification of a hit that was asked for."""
        if self._registered_at is None:
            self._post("/VIID/System/Register", {"RegisterObject": {"DeviceID": self._settings.device_id}})
            self._registered_at = self._now()
        elif self._now() - self._registered_at >= KEEP_ALIVE:
            self.keep_alive()
        vehicle = describe_vehicle(message, self._settings, self._codes)
        if message.payload.get("disposition_id"):
            told = describe_notification(message, self._settings, vehicle)
            self._post(
                "/VIID/DispositionNotifications",
                {"DispositionNotificationListObject": {"DispositionNotificationObject": [told]}},
            )
            return
        self._post("/VIID/MotorVehicles", {"MotorVehicleListObject": {"MotorVehicleObject": [vehicle]}})

    def keep_alive(self) -> None:
        """Say that we are there; a receiver that has forgotten us is registered with at the next message."""
        self._post("/VIID/System/Keepalive", {"KeepaliveObject": {"DeviceID": self._settings.device_id}})
        self._registered_at = self._now()

    def close(self) -> None:
        """Take leave, if that can be said at once, and close."""
        if self._registered_at is not None:
            try:
                self._post("/VIID/System/UnRegister", {"UnRegisterObject": {"DeviceID": self._settings.device_id}})
            except (Unreachable, Refused):
                self._registered_at = None
        self._client.close()

    def _post(self, path: str, body: Mapping[str, Any]) -> None:
        try:
            answer = self._client.post(path, json=body)
        except httpx.HTTPError as error:
            raise Unreachable(f"{self._settings.url}{path}: {type(error).__name__}") from error
        if answer.status_code in (401, 403):
            self._registered_at = None
            raise Unreachable(f"{self._settings.url}{path}: user or password refused ({answer.status_code})")
        if not answer.is_success:
            said = f"{self._settings.url}{path} answered {answer.status_code}"
            raise Refused(said) if answer.status_code in (400, 413, 422) else Unreachable(said)
        for status in _statuses(answer):
            if str(status.get("StatusCode", OK)) != OK:
                self._registered_at = None
                told = str(status.get("StatusString", ""))[:120]
                raise Unreachable(f"{self._settings.url}{path}: status {status.get('StatusCode')} {told}")


def describe_vehicle(
    message: Message, settings: PeerSettings, codes: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    """The MotorVehicle of a case.

    Args:
        message: of the kinds that `letters.py` writes.
        settings: whose device id the object ids begin with.
        codes: table → our value → code.
    """
    case = message.payload
    passed_at = datetime.fromisoformat(case["captured_at"]).astimezone(BEIJING)
    number = int(message.message_id[:8], 16) % 100_000
    image_id = f"{settings.device_id}02{passed_at:%Y%m%d%H%M%S}{number:05}"
    plate = case.get("plate")
    colour = case.get("plate_colour") or "unknown"
    return {
        "MotorVehicleID": f"{image_id}02{number:05}",
        "InfoKind": 1,
        "SourceID": image_id,
        "DeviceID": settings.device_id,
        "PassTime": f"{passed_at:%Y%m%d%H%M%S}",
        "HasPlate": "1" if plate else "0",
        "PlateClass": _plate_class(case.get("plate_type"), colour, codes["plate_class"]),
        "PlateColor": codes["plate_colour"].get(colour, codes["plate_colour"]["unknown"]),
        "PlateNo": plate or "无车牌",
        "VehicleClass": codes["vehicle_class"].get(_vehicle(case), codes["vehicle_class"]["unknown"]),
        "VehicleBodyDesc": case["text"],
        "SubImageList": {"SubImageInfoObject": _pictures(case, settings, (image_id, passed_at), codes["image_type"])},
    }


def describe_notification(message: Message, settings: PeerSettings, vehicle: Mapping[str, Any]) -> dict[str, Any]:
    """The DispositionNotification of a hit, with its MotorVehicle.

    The form of NotificationID (12 digits of the unit, 04, time, 5 digits) is general knowledge and not checked.
    """
    number = vehicle["MotorVehicleID"][-5:]
    return {
        "NotificationID": f"{settings.device_id[:12]}04{vehicle['PassTime']}{number}",
        "DispositionID": message.payload["disposition_id"],
        "Title": message.payload["text"],
        "TriggerTime": vehicle["PassTime"],
        "MotorVehicleObject": dict(vehicle),
    }


def _vehicle(case: Mapping[str, Any]) -> str:
    """A truck whose bed was judged is a slag truck."""
    is_tipper = case["vehicle_type"] == "truck" and case.get("load") not in (None, "not_a_tipper")
    return "slag_truck" if is_tipper else str(case["vehicle_type"])


def _plate_class(kind: str | None, colour: str, codes: Mapping[str, str]) -> str:
    """By the plate's type where that has a class of its own, else by its colour."""
    return codes.get(kind or "", codes.get(colour, codes["unknown"]))


def _pictures(
    case: Mapping[str, Any], settings: PeerSettings, made: tuple[str, datetime], types: Mapping[str, str]
) -> list[dict[str, Any]]:
    """The package's pictures, those that are there."""
    folder = case.get("evidence_folder")
    if not settings.pictures or not folder:
        return []
    found = []
    for role, name in PICTURES.items():
        path = Path(folder) / name
        try:
            data = path.read_bytes()
        except OSError:
            continue
        found.append({
            "ImageID": made[0], "EventSort": 10, "DeviceID": settings.device_id, "StoragePath": "",
            "Type": types[role], "FileFormat": "Png" if path.suffix == ".png" else "Jpeg",
            "ShotTime": f"{made[1]:%Y%m%d%H%M%S}", "Data": base64.b64encode(data).decode(),
        })  # fmt: skip
    return found


def _statuses(answer: httpx.Response) -> list[Mapping[str, Any]]:
    """The receiver's statuses; none where it sends no body, which counts as taken."""
    try:
        said = answer.json()
    except ValueError:
        return []
    inner = said.get("ResponseStatusListObject", said) if isinstance(said, dict) else {}
    rows = inner.get("ResponseStatusObject", []) if isinstance(inner, dict) else []
    return [row for row in (rows if isinstance(rows, list) else [rows]) if isinstance(row, dict)]


def _load_codes(own: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    published = tomllib.loads(CODES.read_text(encoding="utf-8"))
    return {table: {**codes, **own.get(table, {})} for table, codes in published.items()}
