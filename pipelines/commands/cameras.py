"""`roadwarden cameras ...`: versions of the configuration, and the cameras themselves."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from detector.entities import BEIJING
from detector.errors import ConfigurationError
from pipelines.commands.options import Database, Person, account, open_engine
from pipelines.configuration_store import ConfigurationStore, write_file
from pipelines.report import make_console

app = typer.Typer(
    help="Cameras: versions of their configuration, and whether they can be reached.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
OfFile = Annotated[
    Path | None,
    typer.Option("--of", metavar="FILE", help="Versions of this file of one machine, instead of the shared ones."),
]
Note = Annotated[str, typer.Option("--note", metavar="TEXT", help="Why.")]


@app.command()
def push(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="A cameras.toml.")] = None,
    again: Annotated[
        int | None, typer.Option("--version", metavar="N", help="Instead of a file: an older version again (undo).")
    ] = None,
    note: Note = "",
    person: Person = None,
    of: OfFile = None,
    database: Database = None,
) -> None:
    """Check a configuration and make it the newest version in the database; what runs from there takes it up."""
    store = ConfigurationStore(open_engine(database), of)
    by = person or account()
    if (file is None) == (again is None):
        raise ConfigurationError("push needs either a file or --version N")
    version = store.save(_read(file), by, note) if file is not None else store.restore(again, by, note)
    print(f"version {version.number} of {store.place}, {version.sha256[:12]}")


@app.command()
def pull(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="Where to; default: standard output.")] = None,
    number: Annotated[
        int | None, typer.Option("--version", metavar="N", help="Which version; default: the one in force.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that says something else.")] = False,
    of: OfFile = None,
    database: Database = None,
) -> None:
    """Write a version of the configuration to a file, as it was pushed to the byte."""
    store = ConfigurationStore(open_engine(database), of)
    found = store.get(number) if number is not None else store.current()
    if found is None:
        raise ConfigurationError(f"{store.place}: there is none yet; store one with roadwarden cameras push FILE")
    if file is None:
        print(found.content, end="")
        return
    if file.exists() and not force and _read(file) != found.content:
        raise ConfigurationError(f"{file}: exists and says something else; --force replaces it")
    write_file(file, found.content)


@app.command()
def history(of: OfFile = None, database: Database = None) -> None:
    """List the versions of the configuration, the newest first."""
    table = Table("version", "saved", "by", "sha256", "note", box=None, pad_edge=False)
    for version in ConfigurationStore(open_engine(database), of).history():
        saved = f"{version.saved_at.astimezone(BEIJING):%Y-%m-%d %H:%M:%S}"
        table.add_row(str(version.number), saved, version.saved_by or "-", version.sha256[:12], version.note)
    make_console().print(table)


def _read(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8")
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file}: is not UTF-8 text") from None
