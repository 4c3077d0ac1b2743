"""Visits to hubs, and what a plate's visits have in common: set-wise, by the analytic engine, never plate by plate.

A visit is a run of sightings of one plate at one hub without a gap of more than `VISIT_GAP_MIN`; a car that was seen
going in and next going out within a day was parked, which is one visit. Missed readings shorten a visit and do not
split it. Hours and days are Beijing's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from detector.entities import Hub

VISIT_GAP_MIN = 90
PARKED_HOURS = 72
LOOP_MIN, LOOP_MAX = 5, 40
"""Minutes from setting down to picking up that make a kerb loop."""
WAIT_MIN = 12
"""Minutes from the entry to the arrivals kerb from which a car has waited for somebody."""
LONG_STAY_MIN = 180
ROWS_AT_ONCE = 2_500_000
"""Sightings of one pass over the window; plates are shared out among passes."""

FEATURES = (
    "visit_days", "visits", "visits_per_day", "busy_days", "loops", "loops_per_day", "loop_share", "pickup_share",
    "waits_per_day", "dwell_median_min", "long_stay_share", "through_share", "night_share",
    "weekend_share", "weekday_spread", "regularity", "hour_spread", "kerbs", "gate_variety", "hubs", "is_local",
    "type_mismatch", "span_days",
)  # fmt: skip
"""Columns of the table `features`, beside `plate_key`."""


@dataclass(frozen=True, slots=True)
class History:
    """What a plate needs before it is scored at all.

    Attributes:
        min_visit_days: days with a visit to a hub.
        min_span_days: from the first to the last of them.
    """

    min_visit_days: int = 6
    min_span_days: int = 10


def make_hub_table(connection: duckdb.DuckDBPyConnection, hubs: Sequence[Hub]) -> None:
    """The table `hub_cameras` (camera_id, hub_id, role, and small numbers for camera and hub to compute with)."""
    connection.execute("CREATE TYPE role AS ENUM ('entry', 'departures', 'arrivals', 'exit')")
    rows = [(camera, hub.hub_id, number, role) for number, hub in enumerate(hubs) for camera, role in hub.cameras()]
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE hub_cameras AS SELECT unnest($cameras::VARCHAR[]) AS camera_id, "
        "unnest($hubs::VARCHAR[]) AS hub_id, unnest($numbers::SMALLINT[]) AS hub, "
        "unnest(range(len($cameras::VARCHAR[])))::SMALLINT AS camera, unnest($roles::role[]) AS role",
        {
            "cameras": [r[0] for r in rows],
            "hubs": [r[1] for r in rows],
            "numbers": [r[2] for r in rows],
            "roles": [r[3] for r in rows],
        },
    )


def make_features(connection: duckdb.DuckDBPyConnection, window_from: datetime, history: History) -> None:
    """The tables `visits` and `features`, of plates with enough history that are not in the table `excluded`.

    Args:
        connection: with the view `sightings`, and the tables `hub_cameras` and `excluded` (plate_key).
        window_from: start of the window, aware.
        history: see there.
    """
    origin = f"TIMESTAMP '{window_from.replace(tzinfo=None)}'"
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE frequent AS
        SELECT plate_key FROM sightings SEMI JOIN hub_cameras USING (camera_id) ANTI JOIN excluded USING (plate_key)
        GROUP BY plate_key
        HAVING bit_count(bit_or(1::UBIGINT << least(63, date_diff('day', {origin}, seen_at + INTERVAL 8 HOUR))))
               >= {history.min_visit_days}"""
    )
    row = connection.execute(
        "SELECT count(*) FROM sightings SEMI JOIN hub_cameras USING (camera_id) SEMI JOIN frequent USING (plate_key)"
    ).fetchone()
    parts = 1 + (row[0] if row else 0) // ROWS_AT_ONCE
    for part in range(parts):  # so that sorting stays in memory
        query = _VISITS.replace("<parts>", str(parts)).replace("<part>", str(part))
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE visits AS {query}" if part == 0 else f"INSERT INTO visits {query}"
        )
    connection.execute(f"{_FEATURES} WHERE visit_days >= {history.min_visit_days} "
                       f"AND span_days >= {history.min_span_days}")  # fmt: skip


def read_features(connection: duckdb.DuckDBPyConnection) -> tuple[list[int], dict[str, Any]]:
    """The table `features` as keys and one numpy column a feature, in the order of the keys."""
    columns = connection.execute(
        f"SELECT plate_key, {', '.join(FEATURES)} FROM features ORDER BY plate_key"
    ).fetchnumpy()
    return [int(key) for key in columns.pop("plate_key")], columns


_VISITS = f"""
WITH seen AS (
    SELECT s.plate_key, h.hub, h.role, h.camera, s.seen_at, s.is_local,
        s.vehicle_type = 'car' AND s.plate_colour IN ('yellow', 'yellow_green') AS mismatch
    FROM sightings s JOIN hub_cameras h USING (camera_id) SEMI JOIN frequent USING (plate_key)
    WHERE plate_key % <parts> = <part>
), stepped AS (
    SELECT *, date_diff('second', lag(seen_at) OVER w, seen_at) AS gap_s, lag(role) OVER w AS before,
        lag(hub) OVER w AS hub_before
    FROM seen WINDOW w AS (PARTITION BY plate_key ORDER BY seen_at)
), numbered AS (
    SELECT * EXCLUDE (gap_s, before, hub_before), sum(CASE
        WHEN gap_s IS NULL OR hub <> hub_before THEN 1
        WHEN before = 'exit' AND role <> 'exit' THEN 1
        WHEN gap_s <= {VISIT_GAP_MIN * 60} THEN 0
        WHEN before = 'entry' AND role = 'exit' AND gap_s <= {PARKED_HOURS * 3600} THEN 0
        ELSE 1 END) OVER (PARTITION BY plate_key ORDER BY seen_at)::INT AS visit
    FROM stepped
)
SELECT plate_key, any_value(hub) AS hub, min(seen_at) + INTERVAL 8 HOUR AS start_at,
    (date_diff('second', min(seen_at), max(seen_at)) / 60.0)::FLOAT AS dwell_min,
    min(seen_at) FILTER (role = 'departures') AS set_down_at, max(seen_at) FILTER (role = 'arrivals') AS pick_up_at,
    min(seen_at) FILTER (role = 'entry') AS entry_at,
    min(camera) FILTER (role = 'entry') AS entry_camera, max(camera) FILTER (role = 'exit') AS exit_camera,
    min(camera) FILTER (role IN ('departures', 'arrivals')) AS kerb,
    bool_and(is_local) AS is_local, bool_or(mismatch) AS mismatch,
    coalesce(date_diff('second', set_down_at, pick_up_at) BETWEEN {60 * LOOP_MIN} AND {60 * LOOP_MAX}, false)
        AS is_loop,
    coalesce(set_down_at IS NULL AND date_diff('second', entry_at, pick_up_at) >= {WAIT_MIN * 60}, false) AS is_wait,
    set_down_at IS NULL AND pick_up_at IS NULL AND entry_camera IS NOT NULL AND exit_camera IS NOT NULL AS is_through
FROM numbered GROUP BY plate_key, visit"""

_FEATURES = (
    """CREATE OR REPLACE TEMP TABLE features AS
WITH daily AS (
    SELECT plate_key, start_at::DATE AS day, count(*) AS visits FROM visits GROUP BY ALL
), regular AS (
    SELECT plate_key, count(*) AS visit_days, coalesce(stddev_pop(visits), 0) / avg(visits) AS unevenness,
        count(*) FILTER (visits >= 2) AS busy_days, entropy(dayofweek(day)) AS weekday_spread,
        date_diff('day', min(day), max(day)) + 1 AS span_days
    FROM daily GROUP BY plate_key
), summed AS (
    SELECT plate_key, count(*) AS visits, count(*) FILTER (is_loop) AS loops, count(*) FILTER (is_wait) AS waits,
        avg((pick_up_at IS NOT NULL)::INT) AS pickup_share, median(dwell_min) AS dwell_median_min,
        avg((dwell_min >= """
    + str(LONG_STAY_MIN)
    + """)::INT) AS long_stay_share, avg(is_through::INT) AS through_share,
        avg((hour(start_at) >= 22 OR hour(start_at) < 6)::INT) AS night_share,
        avg((dayofweek(start_at) IN (0, 6))::INT) AS weekend_share, entropy(hour(start_at) // 3) AS hour_spread,
        count(DISTINCT kerb) AS kerbs,
        entropy((entry_camera, exit_camera)) AS gate_variety,
        count(DISTINCT hub) AS hubs, avg(is_local::INT) AS is_local, max(mismatch::INT) AS type_mismatch
    FROM visits GROUP BY plate_key
)
SELECT plate_key, visit_days::DOUBLE AS visit_days, visits::DOUBLE AS visits, visits / visit_days AS visits_per_day,
    busy_days / visit_days AS busy_days, loops::DOUBLE AS loops, loops / visit_days AS loops_per_day,
    loops / visits AS loop_share, pickup_share, waits / visit_days AS waits_per_day, dwell_median_min,
    long_stay_share, through_share, night_share, weekend_share, weekday_spread, 1 / (1 + unevenness) AS regularity,
    hour_spread, kerbs::DOUBLE AS kerbs, gate_variety, hubs::DOUBLE AS hubs, is_local::DOUBLE AS is_local,
    coalesce(type_mismatch, 0)::DOUBLE AS type_mismatch, span_days::DOUBLE AS span_days
FROM summed JOIN regular USING (plate_key)"""
)
