"""Options and small doors that several commands share."""

import os
import pwd
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Engine

from detector.cases.store import CaseStore
from detector.database.engine import open_database
from detector.errors import ConfigurationError
from detector.video.time_basis import parse_instant
from pipelines.config import default_database

Database = Annotated[
    str | None,
    typer.Option("--database", metavar="URL", help="Case database; default ROADWARDEN_DATABASE, else SQLite at home."),
]
LISTED_MOST = 1_000_000
"""Upper bound of `--limit`; databases count no further than 64 bits."""

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text for people.")]

CamerasFile = Annotated[
    Path | None,
    typer.Option(
        "--cameras",
        metavar="FILE",
        help='Configuration; "database": its newest version there. Default: ROADWARDEN_HOME/cameras.toml, '
        "else the newest version in the database.",
    ),
]
Output = Annotated[
    str | None,
    typer.Option(
        "--output", metavar="DIR", help="Where evidence goes; default ROADWARDEN_HOME/evidence. Or s3://BUCKET/PREFIX."
    ),
]
Fleet = Annotated[
    str | None,
    typer.Option(
        "--fleet", metavar="ADDRESS", help="Use the machines of a Ray cluster: HOST:PORT of its head, or auto."
    ),
]
GpuShare = Annotated[
    float, typer.Option("--gpu-share", metavar="SHARE", min=0.01, help="In a fleet: part of a GPU for each worker.")
]
Person = Annotated[
    str | None, typer.Option("--person", metavar="NAME", help="Who does this; default: the account of this machine.")
]


def open_engine(database: str | None) -> Engine:
    """The database of a URL, or of the home folder."""
    return open_database(database or default_database())


def open_store(database: str | None) -> CaseStore:
    """The case store of a URL, or of the home folder."""
    return CaseStore(open_engine(database))


def shared_place(output: str | None) -> str:
    """Where the machines of a fleet put evidence: a folder, as absolute path, or a URL.

    Raises:
        ConfigurationError: none is named; the home folder of one machine is not there on the others.
    """
    if output is None:
        raise ConfigurationError(
            "--fleet needs --output: a folder that all machines see at the same path, or s3://BUCKET/PREFIX"
        )
    return output if "://" in output else str(Path(output).resolve())


def parse_moment(text: str, option: str) -> datetime:
    """An instant of which there can be sightings.

    Raises:
        ConfigurationError: it is no ISO 8601 time with an offset, or not in this century.
    """
    at = parse_instant(text, option)
    if not 2000 <= at.year < 2100:
        raise ConfigurationError(f"{option}: {text!r} is not in this century")
    return at


def account() -> str:
    """Name of the account that runs the program, from the system and not from the environment."""
    return pwd.getpwuid(os.getuid()).pw_name


def print_error(message: str) -> None:
    """One line, whatever the message holds."""
    print(f"roadwarden: {' '.join(message.split())}", file=sys.stderr)
