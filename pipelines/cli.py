"""The `roadwarden` command: finds the command that is asked for, and turns known errors into one line and an exit code.

Only what a command line needs is imported: all commands together take over a second of processor time.
"""

import sys
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from typing import Any

import typer

from detector.errors import RoadwardenError

COMMANDS = {
    "replay": "replay:replay",
    "run": "run:run",
    "status": "status:status",
    "cameras": "cameras:app",
    "cases": "cases:app",
    "desk": "desk:desk",
    "bench": "bench:bench",
    "report": "measures:report",
    "backup": "backup:backup",
    "restore": "backup:restore",
    "dispatch": "dispatch:app",
    "units": "units:app",
    "accounts": "accounts:app",
    "audit": "audit:app",
    "verify": "evidence:verify",
    "export": "evidence:export",
    "print": "evidence:print_pdf",
    "timestamp": "evidence:timestamp",
    "reproduce": "reproduce:reproduce",
    "keys": "evidence:keys_app",
    "sightings": "sightings:app",
    "leads": "leads:app",
    "register": "register:app",
    "watch": "watch:app",
    "evaluate": "evaluate:app",
    "models": "models:app",
    "labels": "labels:app",
}
"""By name: module in `pipelines.commands`, and in it a function, or a `typer.Typer` of several commands."""

MORE = {
    "cases": ("case_steps:act", "case_steps:history", "case_steps:late", "case_steps:keep"),
    "evaluate": ("evaluate_leads:leads",),
}
"""Commands of a group that stand in modules of their own."""


@cache
def _find(place: str) -> Any:
    """The function or group at "module:name"; a group is completed when it is first asked for."""
    module, _, name = place.partition(":")
    found = getattr(import_module(f"pipelines.commands.{module}"), name)
    if isinstance(found, typer.Typer):
        (command,) = (command for command, where in COMMANDS.items() if where == place)
        for part in MORE.get(command, ()):
            found.command()(_find(part))
    return found


def make_app(names: Iterable[str]) -> typer.Typer:
    """The program with some of its commands."""
    app = typer.Typer(
        help="Finds uncovered and overfilled slag trucks in footage, and writes sealed evidence cases.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(lambda: None)  # without it a program of one command would take no command's name
    for name in names:
        found = _find(COMMANDS[name])
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name)
        else:
            app.command(name)(found)
    return app


def __getattr__(name: str) -> Any:
    """`app`: the program with all its commands, made when somebody asks for it."""
    if name == "app":
        return make_app(COMMANDS)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def main() -> None:
    """Run the command; a known error is one line on standard error and exit code 1."""
    try:
        make_app(sys.argv[1:2] if sys.argv[1:2] and sys.argv[1] in COMMANDS else COMMANDS)()
    except RoadwardenError as error:
        _print_error(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        _print_error("interrupted; finished cases are kept")
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)


def _print_error(message: str) -> None:
    from pipelines.commands.options import print_error

    print_error(message)
