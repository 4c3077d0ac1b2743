"""`roadwarden units ...`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from detector.cases.units import UnitStore
from pipelines.commands.options import Database, open_engine
from pipelines.report import make_console

app = typer.Typer(help="The tree of city, districts and streets.", no_args_is_help=True, rich_markup_mode=None)


@app.command("import")
def import_units(
    path: Annotated[Path, typer.Argument(metavar="CSV", help="unit_id, name, level (city, district, street), parent")],
    database: Database = None,
) -> None:
    """Make a list the tree in force; all of it, or nothing when a line is wrong.

    Example: roadwarden units import units.csv
    """
    count = UnitStore(open_engine(database)).import_file(path)
    print(f"{count} units in force")


@app.command("list")
def list_units(database: Database = None) -> None:
    """List every unit.

    Example: roadwarden units list
    """
    table = Table("unit", "name", "level", "above it", box=None, pad_edge=False)
    for unit in UnitStore(open_engine(database)).list():
        table.add_row(unit.unit_id, unit.name, unit.level, unit.parent or "-")
    make_console().print(table)
