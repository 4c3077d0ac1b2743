"""The tables of `cameras.toml` that describe cameras, as pydantic checks them; `config.py` makes cameras of them."""

import os
import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from detector.entities import Camera, LegalRecord
from detector.errors import ConfigurationError
from detector.evidence.authority import load_authorities
from detector.rules import RULES, build_rule
from detector.video.stream_settings import PASSWORD, GatewayChannel, GatewaySettings, StreamSettings

_WRITTEN_PASSWORD = re.compile(r"\b(password|passwd|pass|pwd)=(?!\{password\})", re.IGNORECASE)
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


class _Credentials(BaseModel):
    """`username` with `password_env` or `password_file`: no secret stands in the configuration itself."""

    model_config = ConfigDict(extra="forbid")
    username: str | None = None
    password_env: str | None = None
    password_file: Path | None = None

    @model_validator(mode="after")
    def _credentials_are_whole(self) -> Self:
        given = [key for key in (self.password_env, self.password_file) if key is not None]
        if len(given) > 1 or bool(given) != (self.username is not None):
            raise ValueError("credentials are username with either password_env or password_file")
        return self

    def password(self, table: str) -> str | None:
        """The password; None where none is configured.

        Raises:
            ConfigurationError: it is not there; names the table's key.
        """
        return _read_secret(f"{table}.password", self.password_env, self.password_file)


class GatewayTable(_Credentials):
    """`[gateway]`: the WVP gateway of GB/T 28181 cameras."""

    url: str
    api_key_env: str | None = None
    api_key_file: Path | None = None
    timeout_s: Annotated[float, Field(ge=1.0, le=60.0)] = 20.0
    ca_file: Path | None = None

    @field_validator("url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        return _check_url(value, ("http", "https")).rstrip("/")

    @model_validator(mode="after")
    def _has_one_way_in(self) -> Self:
        given = [key for key in (self.username, self.api_key_env, self.api_key_file) if key is not None]
        if len(given) > 1:
            raise ValueError("one of username, api_key_env and api_key_file is enough")
        return self

    def build(self) -> GatewaySettings:
        """The settings, with the secret read from where it is.

        Raises:
            ConfigurationError: the secret is not there.
        """
        _check_readable("gateway.ca_file", self.ca_file)
        api_key = _read_secret("gateway.api_key", self.api_key_env, self.api_key_file)
        return GatewaySettings(self.url, api_key, self.username, self.password("gateway"), self.timeout_s, self.ca_file)


class Gb28181Table(BaseModel):
    """`gb28181 = {device, channel}`."""

    model_config = ConfigDict(extra="forbid")
    device: Annotated[str, Field(pattern=r"^[0-9]{20}$")]
    channel: Annotated[str, Field(pattern=r"^[0-9]{20}$")]


class StreamTable(_Credentials):
    """`[camera.stream]`: how to watch the camera live."""

    url: str | None = None
    analysis_url: str | None = None
    gb28181: Gb28181Table | None = None
    transport: Literal["tcp", "udp"] = "tcp"
    ca_file: Path | None = None
    check_certificate: bool = True
    relayed: bool = False
    timeout_s: Annotated[float, Field(ge=1.0, le=60.0)] = 5.0
    ring_s: Annotated[float, Field(ge=120.0, le=3600.0)] = 120.0
    ring_mb: Annotated[int, Field(ge=16, le=65536)] = 256
    gate: bool = True
    decoder: Literal["cpu", "cuda"] = "cpu"

    @field_validator("url", "analysis_url")
    @classmethod
    def _is_rtsp(cls, value: str | None) -> str | None:
        return None if value is None else _check_url(value, ("rtsp", "rtsps"))

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.url is None) == (self.gb28181 is None):
            raise ValueError("needs either url or gb28181")
        if self.analysis_url is not None and self.url is None:
            raise ValueError("analysis_url goes with url")
        if self.username is None and any(PASSWORD in (url or "") for url in (self.url, self.analysis_url)):
            raise ValueError(f"{PASSWORD} in url needs username with either password_env or password_file")
        if self.transport == "udp" and any((url or "").startswith("rtsps:") for url in (self.url, self.analysis_url)):
            raise ValueError("rtsps:// goes over tcp: by udp the pictures would not be encrypted")
        return self

    def build(self, gateway: GatewaySettings | None) -> StreamSettings:
        """The settings, with the password read from where it is.

        Args:
            gateway: of GB/T 28181 cameras; None where none is configured.

        Raises:
            ConfigurationError: the password or the file of authorities is not there, or there is no gateway.
        """
        _check_readable("stream.ca_file", self.ca_file)
        channel = None
        if self.gb28181 is not None:
            if gateway is None:
                raise ConfigurationError("stream.gb28181: there is no [gateway] table")
            channel = GatewayChannel(gateway, self.gb28181.device, self.gb28181.channel)
        return StreamSettings(
            url=self.url or "",
            transport=self.transport,
            username=self.username,
            password=self.password("stream"),
            timeout_s=self.timeout_s,
            ring_s=self.ring_s,
            ring_mb=self.ring_mb,
            is_gated=self.gate,
            ca_file=self.ca_file,
            checks_certificate=self.check_certificate,
            is_relayed=self.relayed or channel is not None,
            channel=channel,
            decoder=self.decoder,
            analysis_url=self.analysis_url,
        )


def _check_url(value: str, schemes: tuple[str, str]) -> str:
    # The value itself is never repeated: it may hold a password.
    parts = urlsplit(value)
    if parts.scheme not in schemes or not parts.hostname:
        raise ValueError(f"must begin with {schemes[0]}:// or {schemes[1]}:// and name a host")
    if "@" in parts.netloc:
        raise ValueError("must hold no credentials; name where they are in keys of their own")
    if _WRITTEN_PASSWORD.search(value):
        raise ValueError(f"must hold no password; write {PASSWORD} there, and name where it is in a key of its own")
    return value


def _check_readable(key: str, file: Path | None) -> None:
    """A file that is missing would only show as a certificate that nobody vouches for."""
    try:
        if file is not None:
            file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{key}: {file}: {error.strerror}") from None


def _read_secret(key: str, variable: str | None, file: Path | None) -> str | None:
    """A secret from the environment or a file; None when neither is named."""
    if variable is not None:
        if variable not in os.environ:
            raise ConfigurationError(f"{key}_env: {variable} is not in the environment")
        return os.environ[variable]
    if file is None:
        return None
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise ConfigurationError(f"{key}_file: {file}: {reason}") from None


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
    lines: dict[str, tuple[tuple[Share, Share], tuple[Share, Share]]] = Field(default_factory=dict)
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
            lines=self.lines,
            approaching=self.approaching,
            rules=in_force,
            legal=self.legal.build() if self.legal else None,
            source_site=self.source_site,
        )
