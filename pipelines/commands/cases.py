"""`roadwarden cases ...`."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from pipelines.commands.options import LISTED_MOST, AsJson, Database, open_store
from pipelines.report import describe_stored_case, make_console

app = typer.Typer(help="The cases in the database, and their life.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_cases(
    database: Database = None,
    limit: Annotated[int, typer.Option(min=1, max=LISTED_MOST, help="At most so many, the newest first.")] = 50,
    camera: Annotated[str | None, typer.Option(metavar="ID", help="Only of this camera.")] = None,
    rule: Annotated[str | None, typer.Option(metavar="NAME", help="Only with a finding of this rule.")] = None,
    plate: Annotated[str | None, typer.Option(metavar="TEXT", help="Only plates that contain this text.")] = None,
    as_json: AsJson = False,
) -> None:
    """List cases, the newest first.

    Example: roadwarden cases list --rule heaped_load
    """
    found = open_store(database).list(limit, camera_id=camera, rule=rule, plate=plate)
    if as_json:
        print(json.dumps({"cases": [describe_stored_case(case) for case in found]}, ensure_ascii=False))
        return
    if not found:
        print("no case")
        return
    table = Table("case", "captured", "camera", "findings", "plate", "grade", "status", box=None, pad_edge=False)
    for row in map(describe_stored_case, found):
        table.add_row(
            row["case_id"],
            row["captured_at"] or "relative",
            row["camera_id"],
            ", ".join(row["findings"]),
            row["plate"] or "-",
            row["grade"],
            row["status"],
        )
    make_console().print(table)


@app.command("show")
def show_case(
    case_id: Annotated[str, typer.Argument(metavar="CASE", help="Id of the case.")],
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Show one case with its findings: measured values against their limits.

    Example: roadwarden cases show RW-20260518-093004-1A2B3C4D
    """
    case = open_store(database).get(case_id)
    described = describe_stored_case(case)
    if as_json:
        print(json.dumps(described, ensure_ascii=False))
        return
    console = Console(highlight=False, markup=False, soft_wrap=True)
    for key in (
        "case_id",
        "captured_at",
        "time_source",
        "uncertainty_ms",
        "camera_id",
        "place",
        "vehicle_type",
        "plate",
        "load_state",
        "grade",
        "status",
        "evidence",
    ):
        console.print(f"{key}: {'-' if described[key] is None else described[key]}")
    for reason in case.grade_reasons:
        console.print(f"  lead because: {reason}")
    for finding in case.findings:
        console.print(f"finding {finding.rule}, confidence {finding.confidence:.2f}")
        for name, value in finding.measured.items():
            limit = f" (limit {finding.limits[name]})" if name in finding.limits else ""
            console.print(f"  {name}: {value}{limit}")
