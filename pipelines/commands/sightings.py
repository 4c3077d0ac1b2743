"""`roadwarden sightings ...`."""

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from detector.database.engine import forget_deleted
from detector.entities import BEIJING, Opening
from detector.errors import ConfigurationError, StorageError
from detector.observation.plate_grammar import is_complete
from detector.patterns.leads import LeadStore
from detector.patterns.watchlist import WatchList
from detector.registers.reading import normalise
from detector.sightings.importing import Refuse
from detector.sightings.purging import purge as purge_store
from pipelines.build_sightings import make_importer, open_desk
from pipelines.commands.options import AsJson, CamerasFile, Database, Person, account, parse_moment, print_error

app = typer.Typer(
    help="Sightings of plates: hashed, sealed, and deleted after their lifetime.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
SHOWN = 20


@app.command("import")
def import_sightings(
    path: Annotated[Path, typer.Argument(metavar="CSV", help="plate_text, camera_id, seen_at and more; see the docs.")],
    cameras: CamerasFile = None,
    database: Database = None,
    rejects: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write line numbers and reasons of refused rows here (CSV).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take the records of a checkpoint system; bad rows are named by line, the good ones kept.

    Example: roadwarden sightings import checkpoint.csv
    """
    if rejects is not None and rejects.resolve() == path.resolve():
        raise ConfigurationError("--rejects: must be another file than CSV")
    desk = open_desk(cameras, database)
    with _writing(rejects) as refuse:
        report = make_importer(desk.store).run(path, refuse)
    if as_json:
        bad = [{"line": row.line, "reason": row.reason} for row in report.bad_rows]
        counts = {"rows": report.rows, "kept": report.kept, "known": report.known, "bad": report.bad}
        print(json.dumps({**counts, "bad_rows": bad, "notes": report.notes}, ensure_ascii=False))
        return
    print(
        f"{report.kept} sightings kept, {report.known} were there already, {report.bad} of {report.rows} rows refused"
    )
    for note in report.notes:
        print(f"  note: {note}")
    for row in report.bad_rows[:SHOWN]:
        print_error(f"{path}: line {row.line}: {row.reason}")
    if report.bad > SHOWN:
        print_error(f"{path}: {report.bad - min(SHOWN, len(report.bad_rows))} more refused rows; --rejects lists them")


@contextmanager
def _writing(rejects: Path | None) -> Iterator[Refuse | None]:
    """What writes refused rows into a file, which is opened before anything is imported; None for no file."""
    if rejects is None:
        yield None
        return
    try:
        with rejects.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("line", "reason"))
            yield lambda rows: writer.writerows((row.line, row.reason) for row in rows)
    except OSError as error:
        raise StorageError(f"{rejects}: cannot be written: {error.strerror}") from error


@app.command()
def count(cameras: CamerasFile = None, database: Database = None, as_json: AsJson = False) -> None:
    """Count what is stored, by day (UTC).

    Example: roadwarden sightings count
    """
    counts = open_desk(cameras, database).store.count_by_day()
    total = sum(counts.values())
    if as_json:
        print(json.dumps({"total": total, "days": {str(day): n for day, n in sorted(counts.items())}}))
        return
    for day, number in sorted(counts.items()):
        print(f"{day}  {number}")
    print(f"total  {total}")


@app.command()
def purge(
    cameras: CamerasFile = None,
    database: Database = None,
    now: Annotated[
        str | None, typer.Option(metavar="ISO8601", help="Purge as of this instant; default: the present.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Delete what has reached the end of its lifetime, rotate the keys, and compact; run it once a day.

    Example: roadwarden sightings purge
    """
    desk = open_desk(cameras, database)
    at = parse_moment(now, "--now") if now is not None else datetime.now(UTC)
    privacy = desk.cameras.sightings.privacy
    report = purge_store(desk.store, desk.engine, at)
    leads = LeadStore(desk.engine).purge(at, privacy.lead_lifetime_days, privacy.outcome_lifetime_days)
    watched = WatchList(desk.engine).purge(at, privacy.outcome_lifetime_days)
    forget_deleted(desk.engine)
    if as_json:
        print(
            json.dumps(
                {
                    "deleted": report.deleted_rows,
                    "kept": report.kept_rows,
                    "deleted_days": report.deleted_days,
                    "destroyed_keys": report.destroyed_keys,
                    "rekeyed_days": report.rekeyed_days,
                    "deleted_leads": leads,
                    "deleted_watch": watched,
                }
            )
        )
        return
    print(
        f"{report.deleted_rows} sightings, {leads} leads and {watched} watch entries and interceptions deleted, "
        f"{report.kept_rows} sightings kept; "
        f"{report.destroyed_keys} keys destroyed, hashes of {report.rekeyed_days} days removed"
    )


@app.command()
def find(
    plate: Annotated[str, typer.Argument(help="The complete plate.")],
    reason: Annotated[str, typer.Option(help="The purpose; written to the log of openings.")],
    person: Person = None,
    cameras: CamerasFile = None,
    database: Database = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=90, help="Back from the newest; default: a key's window.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say where one plate was seen; who asked, why and when is written down first.

    Example: roadwarden sightings find 渝A12345 --reason 投诉12号
    """
    text = normalise(plate)
    if not is_complete(text):
        raise ConfigurationError("PLATE is no complete Chinese plate")
    store = open_desk(cameras, database).store
    window_to = (store.newest() or datetime.now(UTC)) + timedelta(microseconds=1)
    window = (window_to - timedelta(days=days or store.keys.window_days), window_to)
    found = store.find_plate(text, window, Opening(person or account(), reason, "search by plate"))
    if as_json:
        rows = [{**asdict(s), "seen_at": s.seen_at.isoformat()} for s in found]
        print(json.dumps({"sightings": rows}, ensure_ascii=False))
        return
    for s in found:
        said = (s.direction, s.vehicle_type, s.plate_colour, s.picture)
        print(f"{s.seen_at.astimezone(BEIJING):%Y-%m-%d %H:%M:%S}  {s.camera_id}  {'  '.join(v for v in said if v)}")
    if not found:
        print("not seen")


@app.command()
def openings(database: Database = None, as_json: AsJson = False) -> None:
    """Show who opened sealed plates, when and why, the newest first.

    Example: roadwarden sightings openings
    """
    found = open_desk(None, database).store.openings()
    if as_json:
        print(json.dumps({"openings": [{**o, "at": o["at"].isoformat()} for o in found]}, ensure_ascii=False))
        return
    for o in found:
        at = o["at"].isoformat(timespec="seconds")
        print(f"{at}  {o['person']}  {o['plates']} plates  {o['subject']}: {o['reason']}")
