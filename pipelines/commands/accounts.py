"""`roadwarden accounts ...`."""

import os
from typing import Annotated

import typer
from rich.table import Table

from detector.entities import Actor, Role
from detector.errors import ConfigurationError
from detector.review.accounts import Account, AccountStore
from pipelines.commands.options import Database, account, open_engine
from pipelines.report import make_console

app = typer.Typer(
    help="People who may sign in at the desk or act on cases.", no_args_is_help=True, rich_markup_mode=None
)
HELD = [role.value for role in Role if role is not Role.SYSTEM]
Name = Annotated[str, typer.Argument(metavar="ACCOUNT", help="Name of the account.")]


@app.command("add")
def add_account(
    name: Name,
    roles: Annotated[str, typer.Option(metavar="ROLE,ROLE", help=f"Some of {', '.join(HELD)}.")],
    person: Annotated[str, typer.Option(metavar="NAME", help="The person's own name.")] = "",
    unit: Annotated[str, typer.Option(metavar="ID", help="Unit for which the person acts.")] = "",
    districts: Annotated[str, typer.Option(metavar="ID,ID", help="Districts whose cases are seen; * for all.")] = "*",
    certificate: Annotated[str | None, typer.Option(help="Number of the enforcement certificate.")] = None,
    database: Database = None,
) -> None:
    """Make an account; asks for a first password, which the person must change.

    Example: roadwarden accounts add li --roles reviewer --person 李明 --unit centre --certificate 渝执0123
    """
    try:
        held = frozenset(Role(role.strip()) for role in roles.split(","))
    except ValueError as error:
        raise ConfigurationError(f"--roles: {error}; roles are {', '.join(Role)}") from error
    made = Account(
        name, person or name, unit, held, tuple(d.strip() for d in districts.split(",") if d.strip()), certificate, True
    )
    stored = AccountStore(open_engine(database)).add(made, read_password(name, confirm=True), shell_actor())
    print(f"account {stored.account}: {', '.join(sorted(stored.roles))}")


@app.command("list")
def list_accounts(database: Database = None) -> None:
    """List every account, the disabled ones too.

    Example: roadwarden accounts list
    """
    table = Table("account", "name", "unit", "roles", "districts", "certificate", "state", box=None, pad_edge=False)
    for found in AccountStore(open_engine(database)).list():
        state = "disabled" if found.is_disabled else "must change password" if found.must_change else ""
        table.add_row(
            found.account, found.name, found.unit or "-", ", ".join(sorted(found.roles)), ", ".join(found.districts),
            found.certificate or "-", state,
        )  # fmt: skip
    make_console().print(table)


@app.command("password")
def set_password(name: Name, database: Database = None) -> None:
    """Give an account a new password and unlock it; the person must change it at the next sign-in.

    Example: roadwarden accounts password li
    """
    AccountStore(open_engine(database)).set_password(name, read_password(name, confirm=True), shell_actor())
    print(f"account {name}: password set")


@app.command("change")
def change_password(name: Name, database: Database = None) -> None:
    """Change one's own password: asks for the present one, then for the new one (ROADWARDEN_NEW_PASSWORD).

    Example: roadwarden accounts change li
    """
    store = AccountStore(open_engine(database))
    person = store.authenticate(name, read_password(name))
    new = os.environ.get("ROADWARDEN_NEW_PASSWORD")
    if new is None:
        new = typer.prompt(f"New password of {name}", hide_input=True, confirmation_prompt=True, err=True)
    store.set_password(person.account, new, person.actor)
    print(f"account {person.account}: password changed")


@app.command("disable")
def disable(name: Name, database: Database = None) -> None:
    """Shut an account out; it stays in the list, because the audit log names it.

    Example: roadwarden accounts disable li
    """
    AccountStore(open_engine(database)).set_disabled(name, True, shell_actor())
    print(f"account {name}: disabled")


@app.command("enable")
def enable(name: Name, database: Database = None) -> None:
    """Let a disabled account in again.

    Example: roadwarden accounts enable li
    """
    AccountStore(open_engine(database)).set_disabled(name, False, shell_actor())
    print(f"account {name}: enabled")


@app.command("codes-off")
def codes_off(name: Name, database: Database = None) -> None:
    """Let an account in without one-time codes, when its authenticator is lost; the person can enrol another.

    Example: roadwarden accounts codes-off li
    """
    AccountStore(open_engine(database)).remove_second_factor(name, shell_actor())
    print(f"account {name}: needs no one-time code")


def read_password(name: str, *, confirm: bool = False) -> str:
    """From the environment for programs, else typed unseen; never from the command line, which others can read."""
    given = os.environ.get("ROADWARDEN_PASSWORD")
    if given is not None:
        return given
    return str(typer.prompt(f"Password of {name}", hide_input=True, confirmation_prompt=confirm, err=True))


def shell_actor() -> Actor:
    """Whoever has a shell on this machine, as an administrator; named by the machine's account."""
    name = f"shell:{account()}"
    return Actor(name, name, "", frozenset({Role.ADMINISTRATOR}))
