"""`roadwarden backup` and `roadwarden restore`."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.backup import make_backup, restore_backup
from pipelines.commands.options import Database, open_engine, print_error
from pipelines.config import resolve_home

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the backup.")]


def backup(target: Folder, database: Database = None) -> None:
    """Copy database and evidence of the cases into a new folder, while everything else goes on.

    Example: roadwarden backup /mnt/backup/2026-11-24
    """
    made = make_backup(open_engine(database), target)
    print(f"{target}: {made['cases']} cases, {made['packages']} packages, {made['bytes'] / 1e6:.1f} MB")
    if made["missing"]:
        print_error(f"backup {target}: {made['missing']} packages that the database names are not on disk")
        raise typer.Exit(1)


def restore(source: Folder) -> None:
    """Check a backup, and bring it back into an empty ROADWARDEN_HOME.

    Example: ROADWARDEN_HOME=/srv/roadwarden roadwarden restore /mnt/backup/2026-11-24
    """
    home = resolve_home()
    print(f"{home}: {restore_backup(source, home)} cases restored")
