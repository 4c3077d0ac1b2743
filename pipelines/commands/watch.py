"""`roadwarden watch ...`."""

import json
import os
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from detector.entities import BEIJING, Interception, InterceptionOutcome, WatchEntry
from detector.errors import ConfigurationError
from detector.observation.plate_grammar import UNSURE, classify
from detector.patterns.interceptions import InterceptionStore
from detector.patterns.roads import RoadGraph
from detector.patterns.watchlist import WatchList
from detector.registers.reading import normalise
from detector.video.time_basis import parse_instant
from pipelines.commands.options import AsJson, Database, Person, account, open_engine

app = typer.Typer(
    help="Listed plates; an entry holds only with the consent of a second person.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Entry = Annotated[str, typer.Argument(metavar="ENTRY", help="Id of the entry.")]
Hit = Annotated[str, typer.Argument(metavar="INTERCEPTION", help="Id of the interception.")]


@app.command()
def enrol(
    name: Annotated[str, typer.Argument(help="Name of the person.")],
    database: Database = None,
) -> None:
    """Make a person known who may apply, approve and revoke; asks for a passphrase. An administrator's act."""
    known = WatchList(open_engine(database)).enrol(name, _passphrase(name, confirm=True), account())
    print(f"person {known} is enrolled")


@app.command()
def add(
    plate: Annotated[str, typer.Argument(help="The complete plate.")],
    applicant: Annotated[str, typer.Option(metavar="NAME", help="Who applies; asked for the passphrase.")],
    reason: Annotated[str, typer.Option(help="Why the plate is to be listed.")],
    expires: Annotated[str, typer.Option(metavar="ISO8601", help="Until when, with offset from UTC.")],
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Apply for a plate to be listed; it matches nothing until a second person has approved."""
    text = normalise(plate)
    if UNSURE in text or classify(text) is None:
        raise ConfigurationError("PLATE is no complete Chinese plate")
    until = parse_instant(expires, "--expires")
    entry = WatchList(open_engine(database)).apply(text, reason, until, (applicant, _passphrase(applicant)))
    _print_entry(entry, as_json)


@app.command()
def approve(
    entry_id: Entry,
    approver: Annotated[str, typer.Option(metavar="NAME", help="Who consents; asked for the passphrase.")],
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Consent to an entry; the applicant cannot."""
    entry = WatchList(open_engine(database)).approve(entry_id, (approver, _passphrase(approver)))
    _print_entry(entry, as_json)


@app.command()
def revoke(
    entry_id: Entry,
    by: Annotated[str, typer.Option(metavar="NAME", help="Who revokes; asked for the passphrase.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Take an entry back, at once and for good."""
    entry = WatchList(open_engine(database)).revoke(entry_id, (by, _passphrase(by)), reason)
    _print_entry(entry, as_json)


@app.command("list")
def list_entries(database: Database = None, as_json: AsJson = False) -> None:
    """List entries with their state, the newest first."""
    entries = WatchList(open_engine(database)).list()
    if as_json:
        print(json.dumps({"entries": [_describe_entry(entry) for entry in entries]}, ensure_ascii=False))
        return
    for entry in entries:
        _print_entry(entry, as_json=False)
    if not entries:
        print("no entry")


@app.command()
def hits(
    database: Database = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List interceptions with their timer, next likely cameras and later sightings."""
    found = InterceptionStore(open_engine(database), RoadGraph(())).list(limit)
    if as_json:
        print(json.dumps({"interceptions": [describe_interception(i) for i in found]}, ensure_ascii=False))
        return
    for i in found:
        state = i.outcome.value if i.outcome else f"taken by {i.acknowledged_by}" if i.acknowledged_by else "open"
        waited = (i.outcome_at or datetime.now(UTC)) - i.seen_at
        print(f"{i.interception_id}  {i.plate_text}  {i.camera_id}  {_clock(i.seen_at)}  {waited}  {state}")
        for later in i.later:
            print(f"  again: {later.camera_id}  {_clock(later.seen_at)}")
        for following in i.next_cameras:
            print(f"  next: {following.camera_id}  {_clock(following.earliest_at)} - {_clock(following.latest_at)}")
    if not found:
        print("no interception")


@app.command()
def acknowledge(interception_id: Hit, person: Person = None, database: Database = None) -> None:
    """Take an interception."""
    done = InterceptionStore(open_engine(database), RoadGraph(())).acknowledge(interception_id, person or account())
    print(f"{done.interception_id}: taken by {done.acknowledged_by}")


@app.command()
def outcome(
    interception_id: Hit,
    what: Annotated[InterceptionOutcome, typer.Argument(metavar="OUTCOME", help="What was found.")],
    person: Person = None,
    database: Database = None,
) -> None:
    """Close an interception: confirmed, licensed_soliciting, lawful, not_found or wrong_plate."""
    store = InterceptionStore(open_engine(database), RoadGraph(()))
    done = store.report(interception_id, what, person or account())
    print(f"{done.interception_id}: {what.value}, by {done.outcome_by}")


def describe_interception(i: Interception) -> dict[str, Any]:
    """An interception as one JSON object."""
    return {
        "interception_id": i.interception_id,
        "entry_id": i.entry_id,
        "plate": i.plate_text,
        "plate_seen": i.plate_seen,
        "camera_id": i.camera_id,
        "seen_at": i.seen_at.isoformat(),
        "alerted_at": i.alerted_at.isoformat(),
        "looks": i.looks,
        "next_cameras": [
            {"camera_id": n.camera_id, "earliest_at": n.earliest_at.isoformat(), "latest_at": n.latest_at.isoformat()}
            for n in i.next_cameras
        ],
        "acknowledged_by": i.acknowledged_by,
        "later": [{"camera_id": later.camera_id, "seen_at": later.seen_at.isoformat()} for later in i.later],
        "outcome": i.outcome.value if i.outcome else None,
    }


def _passphrase(name: str, *, confirm: bool = False) -> str:
    """From the environment for programs, else typed unseen; never from the command line, which others can read."""
    given = os.environ.get("ROADWARDEN_PASSPHRASE")
    if given is not None:
        return given
    return typer.prompt(f"Passphrase of {name}", hide_input=True, confirmation_prompt=confirm, err=True)


def _describe_entry(entry: WatchEntry) -> dict[str, Any]:
    return {
        "entry_id": entry.entry_id,
        "plate": entry.plate_text,
        "status": entry.status(datetime.now(UTC)).value,
        "reason": entry.reason,
        "applicant": entry.applicant,
        "applied_at": entry.applied_at.isoformat(),
        "approver": entry.approver,
        "approved_at": entry.approved_at.isoformat() if entry.approved_at else None,
        "expires_at": entry.expires_at.isoformat(),
        "revoked_by": entry.revoked_by,
        "revoke_reason": entry.revoke_reason,
    }


def _print_entry(entry: WatchEntry, as_json: bool) -> None:
    if as_json:
        print(json.dumps(_describe_entry(entry), ensure_ascii=False))
        return
    status = entry.status(datetime.now(UTC)).value
    people = f"{entry.applicant} / {entry.approver or 'to be approved'}"
    print(f"{entry.entry_id}  {entry.plate_text}  {status}  {people}  until {_clock(entry.expires_at)}  {entry.reason}")


def _clock(at: datetime) -> str:
    return f"{at.astimezone(BEIJING):%Y-%m-%d %H:%M:%S}"
