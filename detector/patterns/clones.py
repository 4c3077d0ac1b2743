"""One plate in two places at once, or on two kinds of vehicles: a suspicion that it was copied, never more.

A single misread plate looks like a copy of another one, so one incident is never enough: an incident is counted once
an hour, and both sides must have been seen on at least two days.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import duckdb

from detector.entities import Opening, Reason, TimelineEntry
from detector.patterns.roads import RoadGraph
from detector.patterns.scanning import Suspect
from detector.sightings.store import SightingStore

UNKNOWN_CLOCK_MS = 60_000.0
"""Taken for a reading whose clock nobody knows."""
MIN_CONFIDENCE = 0.97
"""Of both readings, where the source says one (domain.md 5.4); complete plates of other sources count as certain."""


@dataclass(frozen=True, slots=True)
class CloneLimits:
    """What makes a pair of readings impossible.

    Attributes:
        speed_kmh: fastest journey between two cameras, over the shortest way, after both clocks are allowed for.
        min_incidents: incidents in different hours.
        min_reads: readings of the rarer vehicle type or colour.
        min_share: of the rarer one among all readings.
        most: plates that are opened at most.
    """

    speed_kmh: float = 150.0
    min_incidents: int = 2
    min_reads: int = 5
    min_share: float = 0.2
    most: int = 100


def find_clones(
    store: SightingStore, graph: RoadGraph, window: tuple[datetime, datetime], request: tuple[CloneLimits, Opening]
) -> tuple[Suspect, ...]:
    """Plates that are suspected of being on two vehicles, most incidents first.

    Args:
        store: of sightings.
        graph: distances between cameras; pairs without a way are not compared.
        window: first instant and excluded end, aware.
        request: limits, and for whom and why plates are opened.
    """
    limits, opening = request
    with store.window(*window) as connection:
        travel = _impossible_travel(connection, graph.all_distances(), limits)
        looks = _two_vehicles(connection, limits)
        keys = list(dict.fromkeys([*travel, *looks]))[: limits.most]
        opened = store.open_plates(connection, keys, opening)
    suspects = [_suspect(opened[key], travel.get(key), looks.get(key)) for key in keys]
    return tuple(sorted(suspects, key=lambda s: (-s.score, s.plate_text)))


def _impossible_travel(
    connection: duckdb.DuckDBPyConnection, distances: Sequence[tuple[str, str, float]], limits: CloneLimits
) -> dict[int, tuple[int, float, list[tuple[datetime, str, datetime, str, float]]]]:
    """Plate key → incidents, highest speed (km/h), and the first incidents with both places."""
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE ways AS SELECT unnest($a::VARCHAR[]) AS start, "
        "unnest($b::VARCHAR[]) AS camera_id, unnest($m::DOUBLE[]) AS distance_m",
        {"a": [d[0] for d in distances], "b": [d[1] for d in distances], "m": [d[2] for d in distances]},
    )
    rows = connection.execute(
        f"""WITH certain AS (
            SELECT * FROM sightings WHERE confidence IS NULL OR confidence >= {MIN_CONFIDENCE}
        ), pairs AS (
            SELECT plate_key, camera_id, seen_at, coalesce(uncertainty_ms, {UNKNOWN_CLOCK_MS}) AS own_ms,
                lag(camera_id) OVER w AS start, lag(seen_at) OVER w AS left_at,
                coalesce(lag(uncertainty_ms) OVER w, {UNKNOWN_CLOCK_MS}) AS start_ms
            FROM certain WINDOW w AS (PARTITION BY plate_key ORDER BY seen_at)
        ), incidents AS (
            SELECT p.*, distance_m,
                (date_diff('millisecond', left_at, seen_at) + own_ms + start_ms) / 1000.0 AS longest_s
            FROM pairs p JOIN ways USING (start, camera_id) WHERE p.start <> p.camera_id
        )
        SELECT plate_key, count(DISTINCT time_bucket(INTERVAL 1 HOUR, seen_at)) AS hours,
            max(distance_m / greatest(longest_s, 1.0) * 3.6) AS kmh,
            list(struct_pack(a := left_at, b := start, c := seen_at, d := camera_id, e := distance_m)
                 ORDER BY seen_at)[1:6] AS first
        FROM incidents WHERE distance_m > longest_s * {limits.speed_kmh / 3.6}
        GROUP BY plate_key HAVING hours >= {limits.min_incidents} AND count(DISTINCT seen_at::DATE) >= 2
        ORDER BY hours DESC, plate_key LIMIT {limits.most}"""
    ).fetchall()
    return {
        key: (hours, kmh, [(i["a"], i["b"], i["c"], i["d"], i["e"]) for i in first]) for key, hours, kmh, first in rows
    }


def _two_vehicles(connection: duckdb.DuckDBPyConnection, limits: CloneLimits) -> dict[int, tuple[str, str, int, int]]:
    """Plate key → the two appearances, and how often each was read."""
    rows = connection.execute(
        f"""WITH kinds AS (
            SELECT plate_key, coalesce(vehicle_type, '?') || ' / ' || coalesce(plate_colour, '?') AS kind,
                count(*) AS reads, count(DISTINCT seen_at::DATE) AS days
            FROM sightings WHERE (confidence IS NULL OR confidence >= {MIN_CONFIDENCE})
                AND vehicle_type IS NOT NULL AND plate_colour IS NOT NULL AND plate_colour <> 'unknown'
            GROUP BY ALL
        )
        SELECT plate_key, list(struct_pack(kind, reads) ORDER BY reads DESC, kind)[1:2] AS two FROM kinds
        WHERE days >= 2 GROUP BY plate_key
        HAVING len(two) = 2 AND two[2].reads >= {limits.min_reads}
            AND two[2].reads >= {limits.min_share} * (two[1].reads + two[2].reads)
        ORDER BY two[2].reads DESC, plate_key LIMIT {limits.most}"""
    ).fetchall()
    return {key: (two[0]["kind"], two[1]["kind"], two[0]["reads"], two[1]["reads"]) for key, two in rows}


def _suspect(
    plate_text: str,
    travel: tuple[int, float, list[tuple[datetime, str, datetime, str, float]]] | None,
    looks: tuple[str, str, int, int] | None,
) -> Suspect:
    """The score is no probability: it grows with the incidents, and with two kinds of evidence that agree."""
    reasons, timeline, doubt = [], [], 1.0
    if travel:
        incidents, kmh, first = travel
        values = {"incidents": incidents, "kmh": round(kmh)}
        reasons.append(Reason("impossible_travel", "travel", values, float(incidents)))
        doubt *= 0.5 ** (incidents / 3)
        for left_at, start, seen_at, camera_id, metres in first:
            timeline.append(TimelineEntry(left_at.replace(tzinfo=UTC), start, "", "clone_from 0"))
            timeline.append(TimelineEntry(seen_at.replace(tzinfo=UTC), camera_id, "", f"clone_to {metres / 1000:.1f}"))
    if looks:
        first_kind, second_kind, reads, other_reads = looks
        said = {"first": first_kind, "second": second_kind, "reads": reads, "other_reads": other_reads}
        reasons.append(Reason("two_vehicles", "appearance", said, float(other_reads)))
        doubt *= 0.4
    return Suspect(plate_text, round(1 - doubt, 4), tuple(reasons), tuple(timeline))


def clone_window(window_to: datetime, days: int) -> tuple[datetime, datetime]:
    """The window that ends at an instant."""
    return window_to - timedelta(days=days), window_to
