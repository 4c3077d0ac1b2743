"""The `roadwarden` command: gathers the commands, and turns known errors into one line and an exit code."""

import sys

import typer

from detector.errors import RoadwardenError
from pipelines.commands import (
    accounts,
    audit,
    backup,
    cameras,
    case_steps,
    cases,
    desk,
    dispatch,
    evaluate,
    evaluate_leads,
    evidence,
    labels,
    leads,
    measures,
    models,
    register,
    replay,
    reproduce,
    run,
    sightings,
    units,
    watch,
)
from pipelines.commands.options import print_error

app = typer.Typer(
    help="Finds uncovered and overfilled slag trucks in footage, and writes sealed evidence cases.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(replay.replay)
app.command()(run.run)
for step in (case_steps.act, case_steps.history, case_steps.late, case_steps.keep):
    cases.app.command()(step)
app.add_typer(cameras.app, name="cameras")
app.add_typer(cases.app, name="cases")
app.command()(desk.desk)
app.command()(measures.report)
app.command()(backup.backup)
app.command()(backup.restore)
app.add_typer(dispatch.app, name="dispatch")
app.add_typer(units.app, name="units")
app.add_typer(accounts.app, name="accounts")
app.add_typer(audit.app, name="audit")
app.command()(evidence.verify)
app.command()(evidence.export)
app.command("print")(evidence.print_pdf)
app.command()(evidence.timestamp)
app.command()(reproduce.reproduce)
app.add_typer(evidence.keys_app, name="keys")
app.add_typer(sightings.app, name="sightings")
app.add_typer(leads.app, name="leads")
app.add_typer(register.app, name="register")
app.add_typer(watch.app, name="watch")
evaluate.app.command("leads")(evaluate_leads.leads)
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(models.app, name="models")
app.add_typer(labels.app, name="labels")


def main() -> None:
    """Run the command; a known error is one line on standard error and exit code 1."""
    try:
        app()
    except RoadwardenError as error:
        print_error(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        print_error("interrupted; finished cases are kept")
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
