"""Options and small doors that several commands share."""

import sys
from typing import Annotated

import typer

from detector.cases.store import CaseStore
from detector.database.engine import open_database
from pipelines.config import resolve_home

Database = Annotated[
    str | None,
    typer.Option("--database", metavar="URL", help="Case database; default SQLite: ROADWARDEN_HOME/roadwarden.db."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text for people.")]


def default_database() -> str:
    """URL of the embedded database."""
    return f"sqlite:///{resolve_home() / 'roadwarden.db'}"


def open_store(database: str | None) -> CaseStore:
    """The case store of a URL, or of the home folder."""
    return CaseStore(open_database(database or default_database()))


def print_error(message: str) -> None:
    """One line, whatever the message holds."""
    print(f"roadwarden: {' '.join(message.split())}", file=sys.stderr)
