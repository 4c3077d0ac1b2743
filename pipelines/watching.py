"""The seam between passes and the watch list: fed with every look, it alerts at the deciding one.

`ViolationPipeline(…, on_look=watch.take_look)` serves live and replay alike.
"""

import sys
from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Engine

from detector.entities import BEIJING, Camera, Interception, LaterSighting, Observation, PlateColour, VehicleType
from detector.errors import StorageError
from detector.observation.plate_vote import mask_unsure
from detector.patterns.interceptions import InterceptionStore
from detector.patterns.matching import Look, WatchMatcher
from detector.patterns.roads import RoadGraph
from detector.patterns.watchlist import WatchList
from pipelines.build_life import open_alerts
from pipelines.config import Cameras

Send = Callable[[Interception, LaterSighting | None], None]
"""Lets an alert leave: of an interception that is new (None), or of a later sighting of it."""

SURE_COLOUR = 0.9
"""Probability from which the colour of one look's plate may contradict an entry."""


class PlateWatch:
    """Looks in, interceptions out; one per process, fed from one thread."""

    def __init__(self, matcher: WatchMatcher, interceptions: InterceptionStore, send: Send) -> None:
        """Take collaborators.

        Args:
            matcher: with the active entries.
            interceptions: where hits are kept.
            send: lets an alert leave, at once.
        """
        self._matcher = matcher
        self._interceptions = interceptions
        self._send = send

    def take_look(self, camera: Camera, pass_id: str, vehicle_type: VehicleType, look: Observation) -> None:
        """One look at one vehicle; looks without a readable plate are nothing.

        Raises:
            StorageError: the database does not answer; the next look is tried again.
        """
        plate = look.plate
        if plate is None or not plate.text:
            return
        is_sure = plate.colour is not PlateColour.UNKNOWN and plate.colour_confidence >= SURE_COLOUR
        colour = plate.colour.value if is_sure else None
        seen = Look(pass_id, camera.camera_id, mask_unsure(plate), look.captured_at, colour, vehicle_type.label)
        hit = self._matcher.take(seen)
        if hit is None:
            return
        try:
            opened = self._interceptions.open(hit, datetime.now(UTC))
        except StorageError:
            self._matcher.take_back(hit)
            raise
        self._send(*opened)


def announce(interception: Interception, again: LaterSighting | None) -> None:
    """Let an alert leave as one line on standard error; the interception itself is in the database."""
    what, seen = ("listed plate", interception) if again is None else ("listed plate again", again)
    at = seen.seen_at.astimezone(BEIJING)
    differs = " but of another vehicle type" if interception.vehicle_agrees is False else ""
    text = f"{what} {interception.plate_text}{differs} at {seen.camera_id}, {at:%Y-%m-%d %H:%M:%S}"
    text = f"{text}: {interception.interception_id}"
    print(f"roadwarden: {text}", file=sys.stderr, flush=True)


def open_watch(cameras: Cameras, engine: Engine, send: Send) -> PlateWatch:
    """The watch of this site; its alerts also go to the receivers of `dispatch.toml` that want them."""
    matcher = WatchMatcher(WatchList(engine).active, lambda: datetime.now(UTC))
    graph = RoadGraph(cameras.sightings.roads)
    return PlateWatch(matcher, InterceptionStore(engine, graph, open_alerts(engine, cameras)), send)
