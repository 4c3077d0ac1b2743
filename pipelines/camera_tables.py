"""The tables of `cameras.toml` that describe cameras, as pydantic checks them; `config.py` makes cameras of them."""

import os
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from detector.entities import Camera, LegalRecord
from detector.errors import ConfigurationError
from detector.evidence.authority import load_authorities
from detector.rules import RULES, build_rule
from detector.video.stream_settings import StreamSettings

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class LegalTable(BaseModel):
    """`[camera.legal]`: what makes the camera's record admissible."""

    model_config = ConfigDict(extra="forbid")
    technical_review: str | None = None
    legal_review: str | None = None
    published_at_url: str | None = None
    sign: str | None = None
    valid_to: datetime | None = None
    body: str | None = None
    authority: str | None = None

    @field_validator("valid_to")
    @classmethod
    def _has_offset(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("needs an offset from UTC, for instance 2027-01-01T00:00:00+08:00")
        return value

    @field_validator("authority")
    @classmethod
    def _is_known(cls, value: str | None) -> str | None:
        known = load_authorities() if value is not None else {}
        if value is not None and value not in known:
            raise ValueError(f"no authority {value!r} in the table; known: {', '.join(known)}")
        return value

    def build(self) -> LegalRecord:
        """The record, with the row of the table of authorities."""
        authority = load_authorities()[self.authority] if self.authority is not None else None
        return LegalRecord(**self.model_dump(exclude={"authority"}), authority=authority)


class StreamTable(BaseModel):
    """`[camera.stream]`: how to watch the camera live."""

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


class CameraTable(BaseModel):
    """`[[camera]]`."""

    model_config = ConfigDict(extra="forbid")
    id: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    place: str = ""
    district: str = ""
    direction: str | None = None
    latitude: Annotated[float, Field(ge=-90.0, le=90.0)] | None = None
    longitude: Annotated[float, Field(ge=-180.0, le=180.0)] | None = None
    analysis_fps: Annotated[float, Field(gt=0.0, le=60.0)] = 8.0
    sees_into_box: bool = True
    reads_plates: bool = True
    approaching: bool | None = None
    zone: Annotated[list[tuple[Share, Share]], Field(min_length=3)] | None = None
    rules: dict[str, dict[str, Any]] = Field(default_factory=dict)
    legal: LegalTable | None = None
    stream: StreamTable | None = None
    source_site: Annotated[str, Field(min_length=1, max_length=200)] | None = None

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

    @model_validator(mode="after")
    def _position_is_whole(self) -> Self:
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("latitude and longitude go together")
        return self

    def build(self) -> Camera:
        """The camera; a rule that the file does not name is in force with its defaults."""
        rules = {name: dict(self.rules.get(name, {})) for name in RULES}
        in_force = {name: parameters for name, parameters in rules.items() if parameters.pop("enabled", True)}
        return Camera(
            camera_id=self.id,
            place=self.place,
            district=self.district,
            direction=self.direction,
            latitude=self.latitude,
            longitude=self.longitude,
            analysis_fps=self.analysis_fps,
            sees_into_box=self.sees_into_box,
            reads_plates=self.reads_plates,
            zone=tuple(self.zone) if self.zone else None,
            approaching=self.approaching,
            rules=in_force,
            legal=self.legal.build() if self.legal else None,
            source_site=self.source_site,
        )
