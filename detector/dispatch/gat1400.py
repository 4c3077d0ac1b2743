"""GA/T 1400 (视图库): cases as MotorVehicle objects with their pictures, to a receiver that asks for HTTP Digest."""

import base64
import io
import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

from detector.dispatch.protocol import Refused, Unreachable
from detector.dispatch.webhook import NO_IDLE
from detector.entities import BEIJING, Message
from detector.errors import RoadwardenError

CODES = Path(__file__).with_name("gat1400.toml")
MEDIA_TYPE = "application/VIID+JSON"
KEEP_ALIVE = timedelta(seconds=60)
TIMEOUT_S = 15.0
OK = "0"
OTHER_DIRECTION, UNKNOWN_COLOUR = "9", "99"
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
        open_package: Callable[[str], AbstractContextManager[Path]] = lambda place: nullcontext(Path(place)),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Prepare, without connecting.

        Args:
            settings: of the peer.
            timeout_s: of connecting, writing and reading, each.
            open_package: folder of a package, given its place, for as long as it is needed.
            now: aware.
        """
        self._settings, self._now, self._open_package = settings, now, open_package
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
        vehicle = self._describe(message)
        if message.payload.get("disposition_id"):
            told = describe_notification(message, self._settings, vehicle)
            self._post(
                "/VIID/DispositionNotifications",
                {"DispositionNotificationListObject": {"DispositionNotificationObject": [told]}},
            )
            return
        self._post("/VIID/MotorVehicles", {"MotorVehicleListObject": {"MotorVehicleObject": [vehicle]}})

    def _describe(self, message: Message) -> dict[str, Any]:
        """The MotorVehicle, with the pictures of the package wherever that is."""
        place = message.payload.get("evidence_folder")
        if not place:
            return describe_vehicle(message, self._settings, self._codes)
        try:
            with self._open_package(place) as folder:
                payload = {**message.payload, "evidence_folder": str(folder)}
                return describe_vehicle(replace(message, payload=payload), self._settings, self._codes)
        except RoadwardenError as error:
            raise Unreachable(f"package of {message.case_id}: {error}") from error

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
    camera_id = str(case.get("camera_id") or "")
    folder = Path(case["evidence_folder"]) if case.get("evidence_folder") else None
    vehicle = {
        "MotorVehicleID": f"{image_id}02{number:05}",
        "InfoKind": 1,
        "SourceID": image_id,
        "DeviceID": settings.device_id,
        "StorageUrl1": "",
        **_find_box(folder),
        "LaneNo": int(codes["lane"].get(camera_id, "0")),
        "Direction": codes["direction"].get(camera_id, OTHER_DIRECTION),
        "PassTime": f"{passed_at:%Y%m%d%H%M%S}",
        "HasPlate": "1" if plate else "0",
        "PlateClass": _plate_class(case.get("plate_type"), colour, codes["plate_class"]),
        "PlateColor": codes["plate_colour"].get(colour, codes["plate_colour"]["unknown"]),
        "PlateNo": plate or "无车牌",
        **_reliability(plate, case.get("plate_characters")),
        "IsCovered": int("unreadable_plate" in case.get("findings", ())),
        "VehicleClass": codes["vehicle_class"].get(_vehicle(case), codes["vehicle_class"]["unknown"]),
        "VehicleColor": UNKNOWN_COLOUR,
        "VehicleBodyDesc": case["text"],
        "SubImageList": {"SubImageInfoObject": _pictures(folder, settings, (passed_at, number), codes["image_type"])},
    }
    tollgate = codes["tollgate"].get(camera_id)
    return vehicle | ({"TollgateID": tollgate} if tollgate else {})


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


def _find_box(folder: Path | None) -> dict[str, int]:
    """Where the vehicle is in the first scene, px; zeros where that is not known (no package, or a smaller stream)."""
    names = ("LeftTopX", "LeftTopY", "RightBtmX", "RightBtmY")
    try:
        content = json.loads((folder / "manifest.json").read_bytes()) if folder else {}
        scene = next(row for row in content.get("files", ()) if row["name"] == PICTURES["scene"])
        box = next(look["xyxy"] for look in content["observations"] if look["pts"] == scene["pts"])
    except (OSError, ValueError, KeyError, StopIteration):
        return dict.fromkeys(names, 0)
    if "analysed" in content:
        return dict.fromkeys(names, 0)
    return {name: max(0, round(value)) for name, value in zip(names, box, strict=True)}


def _reliability(plate: str | None, characters: Sequence[float] | None) -> dict[str, str]:
    """How sure the plate is, 0 to 100, as a whole and by character; nothing where an officer read it."""
    if not plate or not characters or len(characters) != len(plate):
        return {}
    each = ",".join(f"{character}-{round(100 * sure)}" for character, sure in zip(plate, characters, strict=True))
    return {"PlateReliability": str(round(100 * min(characters))), "PlateCharReliability": each}


def _pictures(
    folder: Path | None, settings: PeerSettings, made: tuple[datetime, int], types: Mapping[str, str]
) -> list[dict[str, Any]]:
    """The package's pictures, those that are there; each has an id of its own."""
    if not settings.pictures or folder is None:
        return []
    found: list[dict[str, Any]] = []
    at, number = f"{made[0]:%Y%m%d%H%M%S}", made[1]
    for role, name in PICTURES.items():
        try:
            data = (folder / name).read_bytes()
            with Image.open(io.BytesIO(data)) as image:
                width, height = image.size
        except OSError:
            continue
        found.append({
            "ImageID": f"{settings.device_id}02{at}{(number + len(found)) % 100_000:05}", "EventSort": 10,
            "DeviceID": settings.device_id, "StoragePath": "", "Type": types[role],
            "FileFormat": "Png" if name.endswith(".png") else "Jpeg", "ShotTime": at, "Width": width, "Height": height,
            "Data": base64.b64encode(data).decode(),
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
