"""Configuration, parsed once at start: `cameras.toml` and the few settings that come from the environment.

Every mistake is found here and named with file, camera and key; nothing further in checks configuration again.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from detector.documents import read_toml
from detector.entities import Camera
from detector.errors import ConfigurationError
from detector.rules import RULES
from detector.video.stream_settings import StreamSettings
from pipelines.camera_tables import CameraTable, GatewayTable
from pipelines.sightings_config import (
    HubTable,
    LeadsTable,
    PrivacyTable,
    RoadTable,
    SightingConfig,
    find_unknown_cameras,
)

PHOTOS_FOLDER = "desk/photos"
"""Photos that departments sent, in ROADWARDEN_HOME."""


def resolve_home() -> Path:
    """Where state lives: `ROADWARDEN_HOME`, or `./var` as seen from where the program was started."""
    return Path(os.environ.get("ROADWARDEN_HOME", "var")).resolve()


def default_database() -> str:
    """URL of the case database: `ROADWARDEN_DATABASE` (no password on a command line), or the embedded one."""
    return os.environ.get("ROADWARDEN_DATABASE") or f"sqlite:///{resolve_home() / 'roadwarden.db'}"


class EvidenceTable(BaseModel):
    """`[evidence]`: whom to ask for timestamps, and what happens when the disk is nearly full."""

    model_config = ConfigDict(extra="forbid")
    timestamp_url: Annotated[str, Field(pattern=r"^https?://[^@]+$")] | None = None
    warn_free_gb: Annotated[float, Field(ge=0.0)] = 20.0
    spare_clips_below_gb: Annotated[float, Field(ge=0.0)] = 5.0

    @model_validator(mode="after")
    def _warns_first(self) -> Self:
        if self.spare_clips_below_gb > self.warn_free_gb:
            raise ValueError("spare_clips_below_gb is more than warn_free_gb: the warning must come first")
        return self


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    camera: Annotated[list[CameraTable], Field(min_length=1)]
    gateway: GatewayTable | None = None
    hub: list[HubTable] = Field(default_factory=list)
    road: list[RoadTable] = Field(default_factory=list)
    privacy: PrivacyTable = Field(default_factory=PrivacyTable)
    leads: LeadsTable = Field(default_factory=LeadsTable)
    evidence: EvidenceTable = Field(default_factory=EvidenceTable)


@dataclass(frozen=True, slots=True)
class Cameras:
    """All cameras of one configuration file.

    Attributes:
        by_id: the cameras.
        sha256: hash of the file's bytes; of nothing when there is no file.
        place: where they are written, for messages: the file, or the version in the database; None for the built-in
            single camera.
        sightings: hubs, roads, privacy and leads.
        tables, gateway: the tables of the file, for `find_streams`.
        evidence: whom to ask for timestamps.
    """

    by_id: dict[str, Camera]
    sha256: str
    place: str | None
    sightings: SightingConfig = field(default_factory=SightingConfig)
    tables: Mapping[str, CameraTable] = field(default_factory=dict, repr=False)
    gateway: GatewayTable | None = field(default=None, repr=False)
    evidence: EvidenceTable = field(default_factory=EvidenceTable)

    def find_stream(self, camera_id: str) -> StreamSettings | None:
        """How to reach a camera; its password is read now. None for one that cannot be watched live.

        Raises:
            ConfigurationError: a password is not there.
        """
        table = self.tables.get(camera_id)
        if table is None or table.stream is None:
            return None
        try:
            needs_gateway = table.stream.gb28181 is not None
            return table.stream.build(self.gateway.build() if self.gateway and needs_gateway else None)
        except ConfigurationError as error:
            raise ConfigurationError(f"{self.place}: camera {camera_id!r}: {error}") from None

    def find_streams(self) -> dict[str, StreamSettings]:
        """How to reach the cameras that can be watched live; passwords are read now, so that replay needs none.

        Raises:
            ConfigurationError: there is no such camera, or a password is not there.
        """
        found = {camera_id: self.find_stream(camera_id) for camera_id in self.by_id}
        streams = {camera_id: settings for camera_id, settings in found.items() if settings is not None}
        if not streams:
            where = self.place or "no cameras.toml in use"
            raise ConfigurationError(f"{where}: no camera has a [camera.stream] table; nothing can be watched live")
        return streams

    def secret_files(self) -> tuple[Path, ...]:
        """The files that hold passwords and keys of cameras and gateway."""
        gateway = [self.gateway.password_file, self.gateway.api_key_file] if self.gateway else []
        cameras = [table.stream.password_file for table in self.tables.values() if table.stream]
        return tuple(path for path in (*gateway, *cameras) if path is not None)

    def choose(self, camera_id: str | None, sidecar_id: str | None = None) -> Camera:
        """The camera that a clip belongs to: named on the command line, in its sidecar, or the only one there is.

        Raises:
            ConfigurationError: the named camera is unknown, or none is named and there are several.
        """
        where = self.place or "no cameras.toml in use"
        wanted = camera_id or sidecar_id
        if wanted is None:
            if len(self.by_id) == 1:
                return next(iter(self.by_id.values()))
            raise ConfigurationError(f"{where}: several cameras; say which with --camera ({', '.join(self.by_id)})")
        if wanted not in self.by_id:
            if camera_id is None and self.place is None:
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
        return parse_cameras(path.read_bytes(), str(path))
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error


def parse_cameras(content: bytes, place: str) -> Cameras:
    """Check the text of a `cameras.toml`.

    Args:
        content: the text, UTF-8.
        place: where it is written, for messages.

    Raises:
        ConfigurationError: with place, line or camera and key of every mistake, on one line.
    """
    try:
        tables = _File.model_validate(read_toml(content))
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigurationError(f"{place}: line {line} is not UTF-8 text") from error
    except ValidationError as error:
        raise ConfigurationError(_describe(place, content, error)) from error
    except ValueError as error:
        raise ConfigurationError(f"{place}: {error}") from error
    by_id: dict[str, Camera] = {}
    for table in tables.camera:
        if table.id in by_id:
            raise ConfigurationError(f"{place}: camera {table.id!r}: id is used twice")
        by_id[table.id] = table.build()
    sightings = _build_sightings(place, tables, by_id)
    return Cameras(
        by_id, hashlib.sha256(content).hexdigest(), place, sightings, {t.id: t for t in tables.camera}, tables.gateway,
        tables.evidence,
    )  # fmt: skip


def _build_sightings(place: str, tables: _File, by_id: dict[str, Camera]) -> SightingConfig:
    hubs = tuple(table.build() for table in tables.hub)
    roads = tuple(table.build() for table in tables.road)
    unknown = find_unknown_cameras(hubs, roads, by_id)
    if unknown:
        raise ConfigurationError(f"{place}: {unknown}")
    ids = [hub.hub_id for hub in hubs]
    doubled = next((name for name in ids if ids.count(name) > 1), None)
    if doubled:
        raise ConfigurationError(f"{place}: hub {doubled!r}: id is used twice")
    cameras = [camera for hub in hubs for camera, _ in hub.cameras()]
    shared = next((camera for camera in cameras if cameras.count(camera) > 1), None)
    if shared:
        raise ConfigurationError(f"{place}: camera {shared!r} belongs to two hubs")
    if tables.leads.window_days > tables.privacy.key_window_days:
        raise ConfigurationError(f"{place}: leads.window_days is more than privacy.key_window_days")
    return SightingConfig(hubs, roads, tables.privacy, tables.leads)


def _describe(place: str, content: bytes, error: ValidationError) -> str:
    """One line for all mistakes: which camera, which key, what is wrong."""
    raw = read_toml(content).get("camera")
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
    return f"{place}: " + "; ".join(problems)
