"""`roadwarden audit ...`."""

import json

import typer

from detector.cases.audit import verify
from pipelines.commands.options import AsJson, Database, open_engine, print_error

app = typer.Typer(help="The chained log of everything that anybody did.", no_args_is_help=True, rich_markup_mode=None)


@app.command("verify")
def verify_log(database: Database = None, as_json: AsJson = False) -> None:
    """Walk the whole chain; a line that was edited, removed or moved is named, and the exit code is 1.

    Example: roadwarden audit verify
    """
    report = verify(open_engine(database))
    if as_json:
        print(json.dumps({"lines": report.lines, "faults": list(report.faults)}, ensure_ascii=False))
    else:
        print(f"{report.lines} lines, {'whole' if not report.faults else 'not whole'}")
        for fault in report.faults:
            print_error(f"audit log: {fault}")
    if report.faults:
        raise typer.Exit(1)
