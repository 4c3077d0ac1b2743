"""The composition root of the officers' desk, and its `desk.toml`."""

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from sqlalchemy import Engine

from detector.cases.clocks import load_clocks
from detector.cases.law import load_law
from detector.cases.store import CaseStore
from detector.documents import read_toml_file
from detector.errors import ConfigurationError, StorageError
from detector.evidence.keys import KeyFolder
from detector.observation.plate_grammar import is_complete
from detector.patterns.interceptions import InterceptionStore
from detector.patterns.leads import LeadStore
from detector.patterns.roads import RoadGraph
from detector.review.accounts import AccountStore
from detector.review.app import make_app
from detector.review.desk import Desk, DeskSettings
from detector.review.photos import PhotoShelf
from detector.review.second_factor import SecondFactor
from detector.review.shelf import EvidenceShelf
from detector.review.single_sign_on import Provider, SingleSignOn
from detector.review.visitors import SessionStore, Timeouts
from pipelines.build_life import open_life, read_dispatch
from pipelines.build_sightings import open_sightings, open_watch_list
from pipelines.config import PHOTOS_FOLDER, Cameras, resolve_home
from pipelines.configuration_store import ConfigurationStore
from pipelines.desk_cameras import CurrentCameras, DeskConfiguration, HttpWorkers
from pipelines.evidence_place import fetch_package

KEY_FILE = "desk.key"


class OidcTable(BaseModel):
    """`[oidc]` of `desk.toml`: a provider that says who people are."""

    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, Field(min_length=1, max_length=40)]
    issuer: str
    client_id: str
    client_secret_env: str | None = None
    client_secret_file: Path | None = None
    claim: str = "preferred_username"
    public_url: str
    ca_file: Path | None = None

    @field_validator("issuer", "public_url")
    @classmethod
    def _is_safe(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
            raise ValueError("must begin with https://")
        return value.rstrip("/")

    def build(self) -> Provider:
        """The provider, with its secret read from where it is.

        Raises:
            ConfigurationError: the secret is not there.
        """
        if self.client_secret_env is not None:
            secret = os.environ.get(self.client_secret_env, "")
            where = f"environment variable {self.client_secret_env}"
        elif self.client_secret_file is not None:
            where = str(self.client_secret_file)
            try:
                secret = self.client_secret_file.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigurationError(f"desk.toml: oidc: client_secret_file {where} cannot be read") from error
        else:
            raise ConfigurationError("desk.toml: oidc: client_secret_env or client_secret_file is missing")
        if not secret:
            raise ConfigurationError(f"desk.toml: oidc: {where} is empty")
        ca_file = str(self.ca_file) if self.ca_file else None
        return Provider(self.name, self.issuer, self.client_id, secret, self.claim, self.public_url, ca_file)


class DeskTable(BaseModel):
    """`desk.toml` in ROADWARDEN_HOME; every key may be left out."""

    model_config = ConfigDict(extra="forbid")
    language: Literal["zh", "en"] = "zh"
    idle_minutes: Annotated[int, Field(ge=1, le=24 * 60)] = 30
    session_hours: Annotated[int, Field(ge=1, le=24)] = 12
    refresh_seconds: Annotated[int, Field(ge=1, le=600)] = 5
    opened_minutes: Annotated[int, Field(ge=1, le=24 * 60)] = 60
    workers: list[str] = Field(default_factory=lambda: ["http://127.0.0.1:9464"])
    oidc: OidcTable | None = None


@dataclass(frozen=True, slots=True)
class DeskPlan:
    """How a desk is opened.

    Attributes:
        evidence_root: folder of the packages.
        is_secure: browsers reach it over TLS.
        cameras_file: the `cameras.toml` of this machine; None where the database has the configuration.
    """

    evidence_root: Path
    cameras: Cameras
    is_secure: bool
    cameras_file: Path | None = None


def load_desk_table(path: Path) -> DeskTable:
    """Read and check a file; one that is not there changes nothing.

    Raises:
        ConfigurationError: with file and key.
    """
    if not path.is_file():
        return DeskTable()
    try:
        return DeskTable.model_validate(read_toml_file(path))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"{path}: {key}: {first['msg'].removeprefix('Value error, ')}") from error
    except ValueError as error:
        raise ConfigurationError(f"{path}: {error}") from error


def open_desk(engine: Engine, plan: DeskPlan) -> Desk:
    """Every collaborator of the desk.

    Raises:
        ConfigurationError: a table (desk, dispatch, law, clocks) is wrong.
        StorageError: the key of one-time codes cannot be read or made.
    """
    home = resolve_home()
    table, dispatch = load_desk_table(home / "desk.toml"), read_dispatch()
    timeouts = Timeouts(timedelta(minutes=table.idle_minutes), timedelta(hours=table.session_hours))
    settings = DeskSettings(
        is_secure=plan.is_secure,
        language=table.language,
        queue_refresh=timedelta(seconds=table.refresh_seconds),
        opened_for=timedelta(minutes=table.opened_minutes),
    )
    key = read_key(home / KEY_FILE)
    store = ConfigurationStore(engine, plan.cameras_file)
    cameras = CurrentCameras(store, plan.cameras.by_id if plan.cameras.place else {})
    return Desk(
        engine=engine,
        accounts=AccountStore(engine, codes=SecondFactor(key)),
        sessions=SessionStore(engine, timeouts),
        cases=CaseStore(engine),
        life=open_life(engine, dispatch),
        shelf=EvidenceShelf(plan.evidence_root, fetch_package),
        photos=open_photos(),
        leads=LeadStore(engine),
        watch=open_watch_list(engine),
        interceptions=InterceptionStore(engine, RoadGraph(plan.cameras.sightings.roads)),
        sightings=open_sightings(plan.cameras, engine),
        law=load_law(),
        clocks=load_clocks(),
        suggest=dispatch.suggest,
        is_plate=is_complete,
        cameras=cameras,
        configuration=DeskConfiguration(store, cameras),
        workers=HttpWorkers(table.workers) if table.workers else None,
        single_sign_on=SingleSignOn(table.oidc.build(), key) if table.oidc else None,
        signing_keys=KeyFolder(home / "signing").list,
        settings=settings,
    )


def open_photos() -> PhotoShelf:
    """Photos that departments sent, in this home folder."""
    return PhotoShelf(resolve_home() / PHOTOS_FOLDER)


def open_app(engine: Engine, plan: DeskPlan) -> FastAPI:
    """The desk as an application."""
    return make_app(open_desk(engine, plan))


def read_key(path: Path) -> bytes:
    """The key that seals secrets of authenticators, made at the first start; readable by its owner alone.

    Raises:
        StorageError: it cannot be read or made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            key = path.read_bytes().strip()
        else:
            with os.fdopen(handle, "wb") as file:
                key = Fernet.generate_key()
                file.write(key + b"\n")
        Fernet(key)
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise StorageError(f"{path}: is no key; move it away, and enrol authenticators again") from error
    return key
