"""`roadwarden register ...`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from detector.entities import RegisterKind
from detector.observation.plate_grammar import is_complete
from detector.registers.store import RegisterStore
from pipelines.commands.options import AsJson, Database, Person, account, open_engine, print_error

app = typer.Typer(
    help="Registers of licences, permits and exemptions; each import is a version, the newest is in force.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
SHOWN = 20


@app.command("import")
def import_register(
    kind: Annotated[RegisterKind, typer.Argument(help="Which register: licensed, permits or exemptions.")],
    path: Annotated[Path, typer.Argument(metavar="CSV", help="plate, category, company, valid_from, valid_to, …")],
    source: Annotated[str | None, typer.Option(help="Where the list comes from; default: the file's name.")] = None,
    person: Person = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Make a list the register in force; bad rows are named by line, the good ones taken.

    Example: roadwarden register import permits permits.csv --source 城管局
    """
    store = RegisterStore(open_engine(database))
    version, bad = store.import_file(kind, path, is_complete, source=source or path.name, person=person or account())
    if as_json:
        rows = [{"line": row.line, "reason": row.reason} for row in bad]
        print(json.dumps({"kind": kind.value, "version": version.version, "rows": version.rows, "bad_rows": rows}))
        return
    print(f"register {kind.value}, version {version.version}: {version.rows} rows in force, {len(bad)} refused")
    for row in bad[:SHOWN]:
        print_error(f"{path}: line {row.line}: {row.reason}")
    if len(bad) > SHOWN:
        print_error(f"{path}: {len(bad) - SHOWN} more refused rows; --json lists them")


@app.command("list")
def list_registers(database: Database = None, as_json: AsJson = False) -> None:
    """List every import, the newest first; the first of each kind is in force.

    Example: roadwarden register list
    """
    versions = RegisterStore(open_engine(database)).versions()
    if as_json:
        rows = [
            {
                "version": v.version,
                "kind": v.kind.value,
                "source": v.source,
                "imported_by": v.imported_by,
                "imported_at": v.imported_at.isoformat(),
                "rows": v.rows,
                "sha256": v.sha256,
            }
            for v in versions
        ]
        print(json.dumps({"registers": rows}, ensure_ascii=False))
        return
    for v in versions:
        print(f"{v.version}  {v.kind.value}  {v.rows} rows  {v.imported_at.isoformat(timespec='seconds')}  {v.source}")
    for kind in RegisterKind:
        if kind not in {v.kind for v in versions}:
            print(f"{kind.value}: not loaded; what needs it is not checked")
