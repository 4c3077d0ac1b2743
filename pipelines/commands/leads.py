"""`roadwarden leads ...`."""

import json
from datetime import timedelta
from typing import Annotated, Any

import typer

from detector.entities import Lead, LeadKind, LeadOutcome, Opening
from detector.errors import ConfigurationError, StorageError
from detector.patterns.clones import CloneLimits, clone_window, find_clones
from detector.patterns.leads import LeadStore
from detector.patterns.roads import RoadGraph
from detector.patterns.scanning import rank
from detector.patterns.sentences import Tongue, say_entry, say_lead, say_reason
from pipelines.build_sightings import Desk, make_scan, open_desk
from pipelines.commands.options import (
    LISTED_MOST,
    AsJson,
    CamerasFile,
    Database,
    Person,
    account,
    open_engine,
    parse_moment,
)

app = typer.Typer(
    help="Suspicions with reasons, from patterns of sightings; officers prove the case.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Language = Annotated[Tongue, typer.Option("--language", help="Language of sentences.")]


@app.command()
def scan(
    cameras: CamerasFile = None,
    database: Database = None,
    until: Annotated[
        str | None, typer.Option(metavar="ISO8601", help="End of the window; default: the newest sighting.")
    ] = None,
    top: Annotated[int | None, typer.Option(min=1, help="At most so many of each kind; default leads.top.")] = None,
    person: Person = None,
    reason: Annotated[str, typer.Option(help="Why plates are opened; written to the log.")] = "pattern scan",
    language: Language = Tongue.ZH,
    as_json: AsJson = False,
) -> None:
    """Scan the window for illegal ride-hailing and cloned plates; needs an impact assessment in the configuration.

    Example: roadwarden leads scan --person 王五 --reason 五月早班
    """
    desk = open_desk(cameras, database)
    settings = desk.cameras.sightings
    where = desk.cameras.place or "no cameras.toml in use"
    if not settings.privacy.impact_assessment.strip() or settings.privacy.assessed_on is None:
        raise ConfigurationError(
            f"{where}: privacy.impact_assessment and privacy.assessed_on are not recorded; plates are scanned "
            f"only after the impact assessment that PIPL art. 55 asks for"
        )
    if not settings.hubs and not settings.roads:
        raise ConfigurationError(f"{where}: no [[hub]] and no [[road]]; there is nothing to scan for")
    newest = parse_moment(until, "--until") if until is not None else desk.store.newest()
    if newest is None:
        raise StorageError("no sightings are stored; `roadwarden sightings import` takes some")
    window_to = newest if until is not None else newest + timedelta(microseconds=1)
    who = person or account()
    opening = Opening(who, reason, f"scan to {window_to.isoformat(timespec='seconds')}")
    leads, summary = _scan(desk, window_to, (top or settings.leads.top, opening))
    if as_json:
        print(json.dumps({**summary, "leads": [describe(lead, language) for lead in leads]}, ensure_ascii=False))
        return
    print(", ".join(f"{name} {value}" for name, value in summary.items() if not isinstance(value, list)))
    for lead in leads:
        print("\n".join(say_lead(lead, language)[:4]))


def _scan(desk: Desk, window_to: Any, demand: tuple[int, Opening]) -> tuple[list[Lead], dict[str, Any]]:
    """Both scans and their leads."""
    (most, opening), settings = demand, desk.cameras.sightings
    store = LeadStore(desk.engine)
    leads: list[Lead] = []
    summary: dict[str, Any] = {"window_to": window_to.isoformat()}
    if settings.hubs:
        scan_of = make_scan(desk.cameras, desk.store, desk.registers, store.outcomes())
        window = timedelta(days=settings.leads.window_days)
        found = rank(scan_of, window, window_to, (most, settings.leads.min_score, opening))
        note = (opening.person, found.unchecked)
        leads += store.save(LeadKind.RIDE_HAILING, found.suspects, (found.window_from, window_to), note)
        summary |= {"scored": found.scored, "excluded": found.excluded, "left_out_as_misread": found.misread}
        summary |= {"ride_hailing": len(found.suspects), "unchecked": list(found.unchecked)}
    limits = CloneLimits(speed_kmh=settings.leads.clone_speed_kmh, most=most)
    window_of = clone_window(window_to, settings.leads.window_days)
    clones = find_clones(desk.store, RoadGraph(settings.roads), window_of, (limits, opening))
    unchecked = () if settings.roads else ("roads",)
    leads += store.save(LeadKind.CLONED_PLATE, clones, window_of, (opening.person, unchecked))
    return leads, summary | {"cloned_plate": len(clones)}


@app.command("list")
def list_leads(
    database: Database = None,
    limit: Annotated[
        int, typer.Option(min=1, max=LISTED_MOST, help="At most so many, the best score of the newest first.")
    ] = 50,
    kind: Annotated[LeadKind | None, typer.Option(help="Only of this kind.")] = None,
    is_open: Annotated[
        bool | None, typer.Option("--open/--closed", help="Only without, or only with an outcome.")
    ] = None,
    language: Language = Tongue.ZH,
    as_json: AsJson = False,
) -> None:
    """List leads with their strongest reason.

    Example: roadwarden leads list --open
    """
    found = LeadStore(open_engine(database)).list(limit, kind=kind, is_open=is_open)
    if as_json:
        print(json.dumps({"leads": [describe(lead, language) for lead in found]}, ensure_ascii=False))
        return
    for lead in found:
        print(say_lead(lead, language)[0])
        if lead.reasons:
            print(f"  - {say_reason(lead.reasons[0], language)}")
    if not found:
        print("no lead")


@app.command()
def show(
    lead_id: Annotated[str, typer.Argument(metavar="LEAD", help="Id of the lead.")],
    database: Database = None,
    language: Language = Tongue.ZH,
    as_json: AsJson = False,
) -> None:
    """Show one lead: reasons as sentences, what could not be checked, and the timeline.

    Example: roadwarden leads show RL-20260531-1A2B3C4D
    """
    lead = LeadStore(open_engine(database)).get(lead_id)
    print(json.dumps(describe(lead, language), ensure_ascii=False) if as_json else "\n".join(say_lead(lead, language)))


@app.command()
def outcome(
    lead_id: Annotated[str, typer.Argument(metavar="LEAD", help="Id of the lead.")],
    what: Annotated[LeadOutcome, typer.Argument(metavar="OUTCOME", help="What officers found.")],
    person: Person = None,
    database: Database = None,
) -> None:
    """Close a lead with what officers found: confirmed, licensed_soliciting, lawful, not_found or wrong_plate.

    Example: roadwarden leads outcome RL-20260531-1A2B3C4D confirmed
    """
    lead = LeadStore(open_engine(database)).report(lead_id, what, person or account())
    print(f"{lead.lead_id}: {what.value}, by {lead.outcome_by}")


def describe(lead: Lead, tongue: Tongue) -> dict[str, Any]:
    """A lead as one JSON object."""
    return {
        "lead_id": lead.lead_id,
        "kind": lead.kind.value,
        "plate": lead.plate_text,
        "score": round(lead.score, 4),
        "window_from": lead.window_from.isoformat(),
        "window_to": lead.window_to.isoformat(),
        "reasons": [
            {"code": r.code, "signal": r.signal, "points": r.points, "values": r.values, "text": say_reason(r, tongue)}
            for r in lead.reasons
        ],
        "timeline": [
            {"seen_at": e.seen_at.isoformat(), "camera_id": e.camera_id, "text": say_entry(e, tongue)}
            for e in lead.timeline
        ],
        "unchecked": list(lead.unchecked),
        "outcome": lead.outcome.value if lead.outcome else None,
        "outcome_by": lead.outcome_by,
        "outcome_at": lead.outcome_at.isoformat() if lead.outcome_at else None,
    }
