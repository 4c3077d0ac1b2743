"""`dispatch.toml`: receivers, and which departments are suggested for which cases."""

import os
import ssl
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from detector.documents import read_toml_file
from detector.entities import Case
from detector.errors import ConfigurationError
from detector.rules import RULES

Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


class DestinationTable(BaseModel):
    """One `[[destination]]`: a receiver and the units that it serves."""

    model_config = ConfigDict(extra="forbid")
    id: Name
    kind: Literal["webhook", "folder", "mqtt", "gat1400"]
    units: list[str] = Field(default_factory=list)
    url: str = ""
    folder: Path | None = None
    topic: str = "roadwarden/{kind}/{case_id}"
    device_id: str = ""
    user: str = ""
    secret_env: str | None = None
    secret_file: Path | None = None
    ca_file: Path | None = None
    codes: dict[str, dict[str, str]] = Field(default_factory=dict)
    pictures: bool = True
    alerts: bool = False
    feedback_topic: str = ""
    feedback_secret_env: str | None = None
    feedback_secret_file: Path | None = None

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> Self:
        if self.kind == "folder":
            if self.folder is None:
                raise ValueError("a folder receiver needs folder")
            return self
        scheme = self.url.partition("://")[0]
        schemes = {"webhook": ("http", "https"), "gat1400": ("http", "https"), "mqtt": ("mqtt", "mqtts")}[self.kind]
        if scheme not in schemes:
            raise ValueError(f"url must begin with {' or '.join(f'{s}://' for s in schemes)}")
        if "@" in self.url:
            raise ValueError("url must hold no password; use user and secret_env or secret_file")
        if self.kind in ("webhook", "gat1400") and not (self.secret_env or self.secret_file):
            raise ValueError("secret_env or secret_file is missing")
        if self.feedback_topic and not (self.feedback_secret_env or self.feedback_secret_file):
            raise ValueError("feedback_topic needs feedback_secret_env or feedback_secret_file")
        if self.kind == "gat1400" and not (self.device_id.isdigit() and len(self.device_id) == 20 and self.user):
            raise ValueError("device_id must have 20 digits, and user must be given")
        return self

    @model_validator(mode="after")
    def _url_names_a_host(self) -> Self:
        if self.kind == "folder":
            return self
        try:
            parts = urlsplit(self.url)
            is_whole = bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_whole = False
        if not is_whole:
            raise ValueError("url must name a host, and a port from 1 to 65535 or none")
        return self

    def secret(self) -> str | None:
        """The secret; None where none is named.

        Raises:
            ConfigurationError: the variable is empty, or the file cannot be read.
        """
        return self._read(self.secret_env, self.secret_file)

    def answer_secret(self) -> str | None:
        """What its answers are signed with; over MQTT a secret of its own, where the other is the broker's password.

        Raises:
            ConfigurationError: the variable is empty, or the file cannot be read.
        """
        if self.kind != "mqtt":
            return self.secret()
        return self._read(self.feedback_secret_env, self.feedback_secret_file)

    def trusted(self) -> str | None:
        """File of the certificates to trust; None for the system's.

        Raises:
            ConfigurationError: it cannot be read, or holds none.
        """
        if self.ca_file is None:
            return None
        try:
            ssl.create_default_context(cafile=self.ca_file)
        except (OSError, ValueError) as error:
            reason = "holds no certificate" if isinstance(error, ssl.SSLError) else getattr(error, "strerror", error)
            raise ConfigurationError(f"receiver {self.id!r}: ca_file {self.ca_file}: {reason}") from None
        return str(self.ca_file)

    def _read(self, variable: str | None, path: Path | None) -> str | None:
        if variable is not None:
            found = os.environ.get(variable)
            if not found:
                raise ConfigurationError(f"receiver {self.id!r}: environment variable {variable} is not set")
            return found
        if path is None:
            return None
        try:
            found = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
            raise ConfigurationError(f"receiver {self.id!r}: secret file {path}: {reason}") from None
        if not found:
            raise ConfigurationError(f"receiver {self.id!r}: secret file {path} is empty")
        return found


class RouteTable(BaseModel):
    """One `[[route]]`: departments for cases of these rules, districts and cameras; an empty list fits all."""

    model_config = ConfigDict(extra="forbid")
    rules: list[str] = Field(default_factory=list)
    districts: list[str] = Field(default_factory=list)
    cameras: list[str] = Field(default_factory=list)
    units: Annotated[list[str], Field(min_length=1)]

    @model_validator(mode="after")
    def _rules_exist(self) -> Self:
        unknown = [rule for rule in self.rules if rule not in RULES]
        if unknown:
            raise ValueError(f"unknown rule {unknown[0]!r}; rules are {', '.join(RULES)}")
        return self

    def fits(self, case: Case) -> bool:
        """Whether the route is for a case."""
        rules = {finding.rule for finding in case.findings}
        return (
            (not self.rules or bool(rules & set(self.rules)))
            and (not self.districts or case.district in self.districts)
            and (not self.cameras or case.camera_id in self.cameras)
        )


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    language: Literal["zh", "en"] = "zh"
    destination: list[DestinationTable] = Field(default_factory=list)
    route: list[RouteTable] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DispatchConfig:
    """What `dispatch.toml` says; without the file nothing leaves the house.

    Attributes:
        destinations: receivers by name.
    """

    language: str = "zh"
    destinations: Mapping[str, DestinationTable] = field(default_factory=dict)
    routes: tuple[RouteTable, ...] = ()

    @property
    def receivers(self) -> dict[str, list[str]]:
        """Unit → names of its receivers."""
        found: dict[str, list[str]] = defaultdict(list)
        for name, table in self.destinations.items():
            for unit in table.units:
                found[unit].append(name)
        return dict(found)

    @property
    def alerted(self) -> list[str]:
        """Names of the receivers of watch-list alerts."""
        return [name for name, table in self.destinations.items() if table.alerts]

    def suggest(self, case: Case) -> Sequence[str]:
        """Departments for a case, the responsible one first; a person decides."""
        units = [unit for route in self.routes if route.fits(case) for unit in route.units]
        return list(dict.fromkeys(units))


def load_dispatch(path: Path) -> DispatchConfig:
    """Read and check a file; one that is not there says nothing.

    Raises:
        ConfigurationError: with file, table and key.
    """
    if not path.is_file():
        return DispatchConfig()
    try:
        tables = _File.model_validate(read_toml_file(path))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part + 1 if isinstance(part, int) else part) for part in first["loc"])
        raise ConfigurationError(f"{path}: {place}: {first['msg'].removeprefix('Value error, ')}") from error
    except ValueError as error:
        raise ConfigurationError(f"{path}: {error}") from error
    ids = [table.id for table in tables.destination]
    doubled = next((name for name in ids if ids.count(name) > 1), None)
    if doubled:
        raise ConfigurationError(f"{path}: destination {doubled!r}: id is used twice")
    return DispatchConfig(tables.language, {table.id: table for table in tables.destination}, tuple(tables.route))
