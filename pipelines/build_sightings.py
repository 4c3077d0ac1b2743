"""The composition root of sightings, registers, leads and watch list; nothing here loads a model or needs a GPU."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from detector.cases import audit
from detector.database.engine import open_database
from detector.entities import Actor, LeadOutcome
from detector.errors import ConfigurationError
from detector.observation.plate_grammar import as_expressions, look_alikes
from detector.patterns.features import History
from detector.patterns.scanning import Scan
from detector.patterns.scoring import load_scorer
from detector.patterns.watchlist import WatchList
from detector.registers.store import RegisterStore
from detector.sightings.importing import PlateForm, SightingImporter
from detector.sightings.keys import Keyring
from detector.sightings.store import SightingStore, StoreSettings
from pipelines.config import Cameras, default_database, resolve_home
from pipelines.configuration_store import load_configuration
from pipelines.sightings_config import keys_folder


@dataclass(frozen=True, slots=True)
class Desk:
    """What the commands about sightings, registers and leads work with."""

    cameras: Cameras
    engine: Engine
    store: SightingStore
    registers: RegisterStore


def open_desk(cameras_path: Path | None, database: str | None) -> Desk:
    """Open everything that is not a model.

    Raises:
        ConfigurationError: `cameras.toml` is wrong.
        StorageError: the database cannot be used.
    """
    cameras = load_configuration(cameras_path, database)
    engine = open_database(database or default_database())
    store = open_sightings(cameras, engine)
    return Desk(cameras, engine, store, RegisterStore(engine))


def open_sightings(cameras: Cameras, engine: Engine) -> SightingStore:
    """The store of this home folder."""
    home = resolve_home()
    keys = keys_folder(cameras.sightings.privacy, home, os.environ.get("ROADWARDEN_KEYS"))
    folder = home / "sightings"
    if keys == folder or folder in keys.parents:
        raise ConfigurationError(f"keys of sightings must not lie in the store {folder}, but are in {keys}")
    return make_store(cameras, engine, folder, keys)


def make_store(cameras: Cameras, engine: Engine, folder: Path, keys: Path) -> SightingStore:
    """A store with the lifetimes of a configuration."""
    privacy, leads = cameras.sightings.privacy, cameras.sightings.leads
    settings = StoreSettings(folder, privacy.lifetime_days, tuple(leads.home_prefixes))
    return SightingStore(settings, engine, Keyring(keys, privacy.key_window_days))


def make_importer(store: SightingStore) -> SightingImporter:
    """An importer that knows the forms of Chinese plates."""
    return SightingImporter(store, [PlateForm(kind.value, text, length) for kind, text, length in as_expressions()])


def open_watch_list(engine: Engine) -> WatchList:
    """The watch list, whose acts stand in the audit log."""

    def record(session: Session, actor: Actor, action: str, details: Mapping[str, Any]) -> None:
        audit.append(session, audit.Entry(actor, action, datetime.now(UTC), details=details))

    return WatchList(engine, record)


def make_scan(
    cameras: Cameras,
    store: SightingStore,
    registers: RegisterStore,
    outcomes: Mapping[str, tuple[LeadOutcome, datetime]],
) -> Scan:
    """A scan with the published weights."""
    leads = cameras.sightings.leads
    return Scan(
        store=store,
        registers=registers,
        hubs=cameras.sightings.hubs,
        scorer=load_scorer(),
        history=History(leads.min_visit_days, leads.min_span_days),
        look_alikes=look_alikes,
        outcomes=outcomes,
        can_tell_origin=bool(leads.home_prefixes),
    )
