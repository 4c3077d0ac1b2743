"""`roadwarden cases act|history|late|escalate|keep`: the life of cases from the command line."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from detector.cases.clocks import load_clocks
from detector.cases.keeping import Deletion, Lifetimes, cut_audit, delete_expired, find_expired
from detector.cases.lateness import SYSTEM, escalate, find_late
from detector.cases.law import law_day, load_law
from detector.cases.life_cycle import LifeCycle
from detector.cases.store import CaseStore
from detector.entities import BEIJING, Action
from detector.errors import ConfigurationError
from detector.observation.plate_grammar import is_complete
from detector.review.accounts import AccountStore
from pipelines.build_life import open_life
from pipelines.commands.accounts import read_password
from pipelines.commands.options import AsJson, Database, open_engine, print_error
from pipelines.config import resolve_home
from pipelines.configuration_store import load_configuration
from pipelines.disk_space import DiskSpace
from pipelines.evidence_place import remove_package
from pipelines.report import make_console

USUAL = Lifetimes()
CaseId = Annotated[str, typer.Argument(metavar="CASE", help="Id of the case.")]


def act(
    case_id: CaseId,
    action: Annotated[Action, typer.Argument(help="What to do.")],
    account: Annotated[str, typer.Option("--as", metavar="ACCOUNT", help="Who acts; asked for the password.")],
    reason: Annotated[str | None, typer.Option(help="Why; a rejection takes one of the list.")] = None,
    note: Annotated[str | None, typer.Option(help="Anything worth saying.")] = None,
    units: Annotated[str | None, typer.Option(metavar="ID,ID", help="Departments, the responsible one first.")] = None,
    unit: Annotated[str | None, typer.Option(metavar="ID", help="Department that is waived or escalated.")] = None,
    basis: Annotated[str | None, typer.Option(metavar="ID", help="Basis of the law table, for `file`.")] = None,
    plate: Annotated[str | None, typer.Option(metavar="TEXT", help="Complete plate, for `correct_plate`.")] = None,
    other: Annotated[str | None, typer.Option(metavar="CASE", help="Other case, for `merge` and `link`.")] = None,
    site: Annotated[str | None, typer.Option(metavar="NAME", help="Building site, for `source_site`.")] = None,
    to: Annotated[str | None, typer.Option(metavar="ACCOUNT", help="Colleague, for `hand_over`.")] = None,
    database: Database = None,
) -> None:
    """Do one step of a case's life.

    Example: roadwarden cases act RW-20260518-093012-1A2B3C4D confirm --as li
    """
    engine = open_engine(database)
    person = AccountStore(engine).authenticate(account, read_password(account))
    details: dict[str, Any] = {"unit": unit, "plate": _checked(plate), "parent": other, "site": site, "account": to}
    if units is not None:
        details["units"] = [name.strip() for name in units.split(",") if name.strip()]
    if basis is not None:
        details["basis"] = load_law().choose(basis, law_day(CaseStore(engine).get(case_id), datetime.now(UTC)))
    event = open_life(engine).perform(
        case_id, action, person.actor, reason=reason, note=note,
        details={name: value for name, value in details.items() if value is not None},
    )  # fmt: skip
    print(f"case {case_id}: {event.before} -> {event.after}")


def history(case_id: CaseId, database: Database = None, as_json: AsJson = False) -> None:
    """Show everything that was done to a case, oldest first.

    Example: roadwarden cases history RW-20260518-093004-1A2B3C4D
    """
    events = LifeCycle(open_engine(database)).history(case_id)
    if as_json:
        rows = [
            {"event_id": e.event_id, "at": e.at.isoformat(), "action": e.action, "before": e.before, "after": e.after,
             "account": e.account, "name": e.name, "unit": e.unit, "certificate": e.certificate, "reason": e.reason,
             "note": e.note, "details": dict(e.details), "digest": e.digest}
            for e in events
        ]  # fmt: skip
        print(json.dumps({"case_id": case_id, "events": rows}, ensure_ascii=False))
        return
    table = Table("time", "action", "state", "person", "unit", "reason", "note", box=None, pad_edge=False)
    for e in events:
        table.add_row(
            f"{e.at.astimezone(BEIJING):%Y-%m-%d %H:%M:%S}", e.action, e.after or "-", e.name, e.unit, e.reason or "-",
            e.note or "-",
        )  # fmt: skip
    make_console().print(table if events else "nothing was done to this case yet")


def late(
    database: Database = None,
    tell: Annotated[bool, typer.Option("--escalate", help="Tell the unit above each department that is late.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show every step that should have been taken by now; run it with --escalate every minute.

    Example: roadwarden cases late --escalate
    """
    engine, clocks, now = open_engine(database), load_clocks(), datetime.now(UTC)
    found = find_late(engine, clocks, now)
    told = escalate(open_life(engine), engine, found) if tell else []
    if as_json:
        rows = [
            {
                "case_id": i.case_id,
                "step": i.step,
                "unit": i.unit,
                "due_at": i.due_at.isoformat(),
                "told": i in told,
            }
            for i in found
        ]
        print(json.dumps({"late": rows}, ensure_ascii=False))
        return
    table = Table("case", "step", "unit", "due", "late by", "told", box=None, pad_edge=False)
    for i in found:
        hours = (now - i.due_at).total_seconds() / 3600
        due = f"{i.due_at.astimezone(BEIJING):%m-%d %H:%M}"
        mark = "now" if i in told else (i.escalated_to or "-")
        table.add_row(i.case_id, i.step, i.unit or "centre", due, f"{hours:.1f} h", mark)
    make_console().print(table if found else "nothing is late")


def keep(
    database: Database = None,
    rejected_days: Annotated[int, typer.Option(min=1, help="After a rejection.")] = USUAL.rejected_days,
    ended_days: Annotated[int, typer.Option(min=214, help="After the end: 7 months or more.")] = USUAL.ended_days,
    audit_days: Annotated[int, typer.Option(min=1096, help="Of the log: 3 years or more.")] = USUAL.audit_days,
    evidence: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The desk's evidence folder; default ROADWARDEN_HOME/evidence.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be deleted, and delete nothing.")] = False,
) -> None:
    """Delete what has served its purpose; open, suspended and appealed cases never are. Run it once a day.

    What cannot be deleted is named, stays for the next run, and the exit code is 1.

    Example: roadwarden cases keep --dry-run
    """
    from pipelines.desk import open_photos

    copies = (evidence or resolve_home() / "evidence").resolve()

    def remove(item: Deletion) -> None:
        if item.folder is not None:
            remove_package(item.folder, copies)
        open_photos().remove_case(item.case_id)

    engine, now = open_engine(database), datetime.now(UTC)
    lifetimes = Lifetimes(rejected_days, ended_days, audit_days)
    expired = find_expired(engine, lifetimes, now)
    if dry_run:
        for item in expired:
            print(f"would delete {item.case_id}: {item.status.value} since {item.since.astimezone(BEIJING):%Y-%m-%d}")
        print(f"{len(expired)} cases would be deleted")
        return
    cases, faults = delete_expired(engine, expired, SYSTEM, now, remove)
    lines = cut_audit(engine, lifetimes, SYSTEM, now)
    print(f"deleted: {cases} cases, {lines} lines of the audit log")
    settings = load_configuration(None, database).evidence
    words = DiskSpace(resolve_home(), settings.warn_free_gb, settings.spare_clips_below_gb).describe()
    for told in [*faults, *([words] if words is not None else [])]:
        print_error(told)
    if faults:
        raise typer.Exit(1)


def _checked(plate: str | None) -> str | None:
    """A plate whose form is one that exists."""
    if plate is None:
        return None
    text = plate.strip().upper()
    if not is_complete(text):
        raise ConfigurationError(f"--plate {plate}: is no complete Chinese plate")
    return text
