"""Configuration, parsed once at start: `cameras.toml` and the few settings that come from the environment.

Every mistake is found here and named with file, camera and key; nothing further in checks configuration again.
"""

import hashlib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from detector.entities import Camera, LegalRecord
from detector.errors import ConfigurationError
from detector.rules import RULES, build_rule
from detector.video.stream_settings import StreamSettings
from pipelines.sightings_config import (
    HubTable,
    LeadsTable,
    PrivacyTable,
    RoadTable,
    SightingConfig,
    find_unknown_cameras,
)

Share = Annotated[float, Field(ge=0.0, le=1.0)]


def resolve_home() -> Path:
    """Where state lives: `ROADWARDEN_HOME`, or `./var` as seen from where the program was started."""
    return Path(os.environ.get("ROADWARDEN_HOME", "var")).resolve()


class _LegalTable(BaseModel):
    model_config = ConfigDict(extra="forbid")
    technical_review: str | None = None
    legal_review: str | None = None
    published_at_url: str | None = None
    sign: str | None = None
    valid_to: datetime | None = None

    @field_validator("valid_to")
    @classmethod
    def _has_offset(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("needs an offset from UTC, for instance 2027-01-01T00:00:00+08:00")
        return value


class _StreamTable(BaseModel):
    model_config = ConfigDict(extra="forbid")
    url: str
    transport: Literal["tcp", "udp"] = "tcp"
    username: str | None = None
    password_env: str | None = None
    password_file: Path | None = None
    timeout_s: Annotated[float, Field(ge=1.0, le=60.0)] = 5.0
    ring_s: Annotated[float, Field(ge=120.0, le=3600.0)] = 120.0
    ring_mb: Annotated[int, Field(ge=16, le=65536)] = 256

    @field_validator("url")
    @classmethod
    def _is_rtsp(cls, value: str) -> str:
        # The value itself is never repeated: it may hold a password.
        parts = urlsplit(value)
        if parts.scheme not in ("rtsp", "rtsps") or not parts.hostname:
            raise ValueError("must begin with rtsp:// or rtsps:// and name a host")
        if "@" in parts.netloc:
            raise ValueError("must hold no credentials; use username and password_env or password_file")
        return value

    @model_validator(mode="after")
    def _credentials_are_whole(self) -> Self:
        given = [key for key in (self.password_env, self.password_file) if key is not None]
        if len(given) > 1 or bool(given) != (self.username is not None):
            raise ValueError("credentials are username with either password_env or password_file")
        return self

    def build(self) -> StreamSettings:
        """The settings, with the password read from where it is.

        Raises:
            ConfigurationError: the password is not there.
        """
        return StreamSettings(
            url=self.url,
            transport=self.transport,
            username=self.username,
            password=self._password(),
            timeout_s=self.timeout_s,
            ring_s=self.ring_s,
            ring_mb=self.ring_mb,
        )

    def _password(self) -> str | None:
        if self.password_env is not None:
            if self.password_env not in os.environ:
                raise ConfigurationError(f"stream.password_env: {self.password_env} is not in the environment")
            return os.environ[self.password_env]
        if self.password_file is None:
            return None
        try:
            return self.password_file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
            raise ConfigurationError(f"stream.password_file: {self.password_file}: {reason}") from None


class _CameraTable(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    place: str = ""
    district: str = ""
    direction: str | None = None
    analysis_fps: Annotated[float, Field(gt=0.0, le=60.0)] = 8.0
    sees_into_box: bool = True
    reads_plates: bool = True
    approaching: bool | None = None
    zone: Annotated[list[tuple[Share, Share]], Field(min_length=3)] | None = None
    rules: dict[str, dict[str, Any]] = Field(default_factory=dict)
    legal: _LegalTable | None = None
    stream: _StreamTable | None = None

    @field_validator("rules")
    @classmethod
    def _rules_exist(cls, value: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        for name, parameters in value.items():
            enabled = parameters.get("enabled", True)
            if not isinstance(enabled, bool):
                raise ValueError(f"rule {name}: enabled must be true or false, not {enabled!r}")
            try:
                build_rule(name, {k: v for k, v in parameters.items() if k != "enabled"})
            except ConfigurationError as error:
                raise ValueError(str(error)) from error
        return value

    def build(self) -> Camera:
        """The camera; a rule that the file does not name is in force with its defaults."""
        rules = {name: dict(self.rules.get(name, {})) for name in RULES}
        in_force = {name: parameters for name, parameters in rules.items() if parameters.pop("enabled", True)}
        return Camera(
            camera_id=self.id,
            place=self.place,
            district=self.district,
            direction=self.direction,
            analysis_fps=self.analysis_fps,
            sees_into_box=self.sees_into_box,
            reads_plates=self.reads_plates,
            zone=tuple(self.zone) if self.zone else None,
            approaching=self.approaching,
            rules=in_force,
            legal=LegalRecord(**self.legal.model_dump()) if self.legal else None,
        )


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    camera: Annotated[list[_CameraTable], Field(min_length=1)]
    hub: list[HubTable] = Field(default_factory=list)
    road: list[RoadTable] = Field(default_factory=list)
    privacy: PrivacyTable = Field(default_factory=PrivacyTable)
    leads: LeadsTable = Field(default_factory=LeadsTable)


@dataclass(frozen=True, slots=True)
class Cameras:
    """All cameras of one configuration file.

    Attributes:
        by_id: the cameras.
        sha256: hash of the file's bytes; of nothing when there is no file.
        path: the file; None for the built-in single camera.
        sightings: hubs, roads, privacy and leads.
        tables: the tables of the file by camera, for `find_streams`.
    """

    by_id: dict[str, Camera]
    sha256: str
    path: Path | None
    sightings: SightingConfig = field(default_factory=SightingConfig)
    tables: Mapping[str, _CameraTable] = field(default_factory=dict, repr=False)

    def find_streams(self) -> dict[str, StreamSettings]:
        """How to reach the cameras that can be watched live; passwords are read now, so that replay needs none.

        Raises:
            ConfigurationError: there is no such camera, or a password is not there.
        """
        streams = {}
        for camera_id, table in self.tables.items():
            if table.stream is not None:
                try:
                    streams[camera_id] = table.stream.build()
                except ConfigurationError as error:
                    raise ConfigurationError(f"{self.path}: camera {camera_id!r}: {error}") from None
        if not streams:
            where = str(self.path) if self.path else "no cameras.toml in use"
            raise ConfigurationError(f"{where}: no camera has a [camera.stream] table; nothing can be watched live")
        return streams

    def choose(self, camera_id: str | None, sidecar_id: str | None = None) -> Camera:
        """The camera that a clip belongs to: named on the command line, in its sidecar, or the only one there is.

        Raises:
            ConfigurationError: the named camera is unknown, or none is named and there are several.
        """
        where = str(self.path) if self.path else "no cameras.toml in use"
        wanted = camera_id or sidecar_id
        if wanted is None:
            if len(self.by_id) == 1:
                return next(iter(self.by_id.values()))
            raise ConfigurationError(f"{where}: several cameras; say which with --camera ({', '.join(self.by_id)})")
        if wanted not in self.by_id:
            if camera_id is None and self.path is None:
                return Camera(camera_id=wanted, rules={name: {} for name in RULES})
            raise ConfigurationError(f"{where}: no camera {wanted!r}; known: {', '.join(self.by_id)}")
        return self.by_id[wanted]


def load_cameras(path: Path | None) -> Cameras:
    """Read and check `cameras.toml`; None gives one built-in camera named "camera" with all rules in force.

    Raises:
        ConfigurationError: with file, line or camera and key of every mistake, on one line.
    """
    if path is None:
        return Cameras({"camera": Camera("camera", rules={n: {} for n in RULES})}, hashlib.sha256().hexdigest(), None)
    try:
        content = path.read_bytes()
        tables = _File.model_validate(tomllib.loads(content.decode("utf-8")))
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigurationError(f"{path}: line {line} is not UTF-8 text") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path}: {error}") from error
    except ValidationError as error:
        raise ConfigurationError(_describe(path, content, error)) from error
    by_id: dict[str, Camera] = {}
    for table in tables.camera:
        if table.id in by_id:
            raise ConfigurationError(f"{path}: camera {table.id!r}: id is used twice")
        by_id[table.id] = table.build()
    sightings = _build_sightings(path, tables, by_id)
    return Cameras(by_id, hashlib.sha256(content).hexdigest(), path, sightings, {t.id: t for t in tables.camera})


def _build_sightings(path: Path, tables: _File, by_id: dict[str, Camera]) -> SightingConfig:
    hubs = tuple(table.build() for table in tables.hub)
    roads = tuple(table.build() for table in tables.road)
    unknown = find_unknown_cameras(hubs, roads, by_id)
    if unknown:
        raise ConfigurationError(f"{path}: {unknown}")
    ids = [hub.hub_id for hub in hubs]
    doubled = next((name for name in ids if ids.count(name) > 1), None)
    if doubled:
        raise ConfigurationError(f"{path}: hub {doubled!r}: id is used twice")
    cameras = [camera for hub in hubs for camera, _ in hub.cameras()]
    shared = next((camera for camera in cameras if cameras.count(camera) > 1), None)
    if shared:
        raise ConfigurationError(f"{path}: camera {shared!r} belongs to two hubs")
    if tables.leads.window_days > tables.privacy.key_window_days:
        raise ConfigurationError(f"{path}: leads.window_days is more than privacy.key_window_days")
    return SightingConfig(hubs, roads, tables.privacy, tables.leads)


def _describe(path: Path, content: bytes, error: ValidationError) -> str:
    """One line for all mistakes: which camera, which key, what is wrong."""
    raw = tomllib.loads(content.decode("utf-8")).get("camera")
    problems = []
    for problem in error.errors():
        location = list(problem["loc"])
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            message = "unknown key"
        if location[:1] == ["camera"] and len(location) > 1 and isinstance(location[1], int):
            table = raw[location[1]] if isinstance(raw, list) else {}
            named = table.get("id") if isinstance(table, dict) else None
            key = ".".join(str(part) for part in location[2:]) or "table"
            problems.append(
                f"camera {named!r}: {key}: {message}" if named else f"camera number {location[1] + 1}: {key}: {message}"
            )
        else:
            problems.append(f"{'.'.join(str(part) for part in location)}: {message}")
    return f"{path}: " + "; ".join(problems)
