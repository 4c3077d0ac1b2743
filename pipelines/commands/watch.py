"""`roadwarden watch ...`."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from detector.entities import (
    BEIJING,
    Actor,
    BadRow,
    Interception,
    InterceptionOutcome,
    PlateColour,
    VehicleType,
    WatchEntry,
    WatchRequest,
)
from detector.errors import ConfigurationError, StorageError
from detector.observation.plate_grammar import is_complete
from detector.patterns.interceptions import InterceptionStore
from detector.patterns.leads import LeadStore
from detector.patterns.roads import RoadGraph
from detector.patterns.watchlist import WatchList
from detector.registers.reading import normalise, read_requests
from detector.review.accounts import AccountStore
from detector.video.time_basis import parse_instant
from pipelines.build_sightings import open_watch_list
from pipelines.commands.accounts import read_password
from pipelines.commands.options import LISTED_MOST, AsJson, Database, Person, account, open_engine, print_error

app = typer.Typer(
    help="Listed plates; an entry holds only with the consent of a second person.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Entry = Annotated[str, typer.Argument(metavar="ENTRY", help="Id of the entry.")]
Hit = Annotated[str, typer.Argument(metavar="INTERCEPTION", help="Id of the interception.")]
VEHICLES = tuple(kind.label for kind in VehicleType)


@app.command()
def add(
    plate: Annotated[str, typer.Argument(help="The complete plate.")],
    applicant: Annotated[str, typer.Option(metavar="ACCOUNT", help="Who applies; asked for the password.")],
    reason: Annotated[str, typer.Option(help="Why the plate is to be listed.")],
    expires: Annotated[str, typer.Option(metavar="ISO8601", help="Until when, with offset from UTC.")],
    colour: Annotated[PlateColour | None, typer.Option(help="Of the plate; a sure other colour never matches.")] = None,
    vehicle: Annotated[str | None, typer.Option(metavar="TYPE", help=f"One of {', '.join(VEHICLES)}.")] = None,
    lead: Annotated[str | None, typer.Option(metavar="LEAD", help="Id of the lead that led to it.")] = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Apply for a plate to be listed; it matches nothing until a second person has approved.

    Example: roadwarden watch add 渝A12345 --applicant li --reason 投诉12号 --expires 2026-12-31T00:00:00+08:00
    """
    text = normalise(plate)
    if not is_complete(text):
        raise ConfigurationError("PLATE is no complete Chinese plate")
    if vehicle is not None and vehicle not in VEHICLES:
        raise ConfigurationError(f"--vehicle must be one of {', '.join(VEHICLES)}")
    until = parse_instant(expires, "--expires")
    if lead is not None:
        LeadStore(open_engine(database)).get(lead)
    watch, actor = _sign_in(database, applicant)
    request = WatchRequest(text, reason, until, colour and colour.value, vehicle, lead)
    _print_entry(watch.apply(request, actor), as_json)


@app.command("import")
def import_requests(
    path: Annotated[Path, typer.Argument(metavar="CSV", help="plate, reason, expires; plate_colour, vehicle_type.")],
    applicant: Annotated[str, typer.Option(metavar="ACCOUNT", help="Who applies; asked for the password.")],
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Apply for every plate of a list; bad rows are named by line, and each good one waits for a second person.

    Example: roadwarden watch import listed.csv --applicant li
    """
    requests, bad = read_requests(path, is_complete, VEHICLES)
    watch, actor = _sign_in(database, applicant)
    entries = []
    for line, request in requests:
        try:
            entries.append(watch.apply(request, actor))
        except StorageError as error:
            bad.append(BadRow(line, str(error)))
    bad.sort(key=lambda row: row.line)
    if as_json:
        rows = [{"line": row.line, "reason": row.reason} for row in bad]
        print(json.dumps({"entries": [_describe_entry(e) for e in entries], "bad_rows": rows}, ensure_ascii=False))
        return
    for entry in entries:
        _print_entry(entry, as_json=False)
    for row in bad:
        print_error(f"{path}: line {row.line}: {row.reason}")


@app.command()
def approve(
    entry_id: Entry,
    approver: Annotated[str, typer.Option(metavar="ACCOUNT", help="Who consents; asked for the password.")],
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Consent to an entry; the applicant cannot.

    Example: roadwarden watch approve WL-20261125-50FD701A --approver wang
    """
    watch, actor = _sign_in(database, approver)
    _print_entry(watch.approve(entry_id, actor), as_json)


@app.command()
def revoke(
    entry_id: Entry,
    by: Annotated[str, typer.Option(metavar="ACCOUNT", help="Who revokes; asked for the password.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Take an entry back, at once and for good.

    Example: roadwarden watch revoke WL-20261125-50FD701A --by wang --reason 查无此事
    """
    watch, actor = _sign_in(database, by)
    _print_entry(watch.revoke(entry_id, actor, reason), as_json)


@app.command("list")
def list_entries(database: Database = None, as_json: AsJson = False) -> None:
    """List entries with their state, the newest first.

    Example: roadwarden watch list
    """
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
    limit: Annotated[int, typer.Option(min=1, max=LISTED_MOST, help="At most so many, the newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List interceptions with their timer, next likely cameras and later sightings.

    Example: roadwarden watch hits
    """
    found = InterceptionStore(open_engine(database), RoadGraph(())).list(limit)
    if as_json:
        print(json.dumps({"interceptions": [describe_interception(i) for i in found]}, ensure_ascii=False))
        return
    for i in found:
        state = i.outcome.value if i.outcome else f"taken by {i.acknowledged_by}" if i.acknowledged_by else "open"
        waited = timedelta(seconds=round(i.waited(datetime.now(UTC)).total_seconds()))
        print(f"{i.interception_id}  {i.plate_text}  {i.camera_id}  {_clock(i.seen_at)}  {waited}  {state}")
        for what, agrees in (("plate colour", i.colour_agrees), ("vehicle type", i.vehicle_agrees)):
            if agrees is not None:
                print(f"  {what}: {'as listed' if agrees else 'not as listed'}")
        for later in i.later:
            print(f"  again: {later.camera_id}  {_clock(later.seen_at)}")
        for following in i.next_cameras:
            print(f"  next: {following.camera_id}  {_clock(following.earliest_at)} - {_clock(following.latest_at)}")
    if not found:
        print("no interception")


@app.command()
def acknowledge(interception_id: Hit, person: Person = None, database: Database = None) -> None:
    """Take an interception.

    Example: roadwarden watch acknowledge IN-98B66964CCB4
    """
    done = InterceptionStore(open_engine(database), RoadGraph(())).acknowledge(interception_id, person or account())
    print(f"{done.interception_id}: taken by {done.acknowledged_by}")


@app.command()
def outcome(
    interception_id: Hit,
    what: Annotated[InterceptionOutcome, typer.Argument(metavar="OUTCOME", help="What was found.")],
    person: Person = None,
    database: Database = None,
) -> None:
    """Close an interception: confirmed, licensed_soliciting, lawful, not_found or wrong_plate.

    Example: roadwarden watch outcome IN-98B66964CCB4 confirmed
    """
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
        "plate_colour": i.plate_colour,
        "vehicle_type": i.vehicle_type,
        "colour_agrees": i.colour_agrees,
        "vehicle_agrees": i.vehicle_agrees,
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


def _sign_in(database: str | None, name: str) -> tuple[WatchList, Actor]:
    """The watch list, for an account that has proved to be that."""
    engine = open_engine(database)
    return open_watch_list(engine), AccountStore(engine).authenticate(name, read_password(name)).actor


def _describe_entry(entry: WatchEntry) -> dict[str, Any]:
    return {
        "entry_id": entry.entry_id,
        "plate": entry.plate_text,
        "status": entry.status(datetime.now(UTC)).value,
        "reason": entry.reason,
        "applicant": entry.applicant,
        "applied_at": entry.applied_at.isoformat(),
        "plate_colour": entry.plate_colour,
        "vehicle_type": entry.vehicle_type,
        "lead_id": entry.lead_id,
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
