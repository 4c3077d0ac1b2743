"""The seam between passes and the watch list: fed with every look, it alerts at the deciding one.

`ViolationPipeline(…, on_look=watch.take_look)` serves live and replay alike.
"""

import sys
from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Engine

from detector.entities import BEIJING, Camera, Interception, Observation
from detector.observation.plate_vote import mask_unsure
from detector.patterns.interceptions import InterceptionStore
from detector.patterns.matching import Look, WatchMatcher
from detector.patterns.roads import RoadGraph
from detector.patterns.watchlist import WatchList
from pipelines.config import Cameras


class PlateWatch:
    """Looks in, interceptions out; one per process, fed from one thread."""

    def __init__(
        self, matcher: WatchMatcher, interceptions: InterceptionStore, send: Callable[[Interception, bool], None]
    ) -> None:
        """Take collaborators.

        Args:
            matcher: with the active entries.
            interceptions: where hits are kept.
            send: lets an alert leave, at once; the flag says whether the interception is new or a later sighting.
        """
        self._matcher = matcher
        self._interceptions = interceptions
        self._send = send

    def take_look(self, camera: Camera, pass_id: str, look: Observation) -> None:
        """One look at one vehicle; looks without a readable plate are nothing."""
        if look.plate is None or not look.plate.text:
            return
        seen = Look(pass_id, camera.camera_id, mask_unsure(look.plate), look.captured_at)
        hit = self._matcher.take(seen)
        if hit is not None:
            self._send(*self._interceptions.open(hit, datetime.now(UTC)))


def announce(interception: Interception, is_new: bool) -> None:
    """Let an alert leave as one line on standard error; the interception itself is in the database."""
    what = "listed plate" if is_new else "listed plate again"
    seen = interception.later[-1] if interception.later else interception
    at = seen.seen_at.astimezone(BEIJING)
    text = (
        f"{what} {interception.plate_text} at {seen.camera_id}, {at:%Y-%m-%d %H:%M:%S}: {interception.interception_id}"
    )
    print(f"roadwarden: {text}", file=sys.stderr, flush=True)


def open_watch(cameras: Cameras, engine: Engine, send: Callable[[Interception, bool], None]) -> PlateWatch:
    """The watch of this site."""
    matcher = WatchMatcher(WatchList(engine).active, lambda: datetime.now(UTC))
    return PlateWatch(matcher, InterceptionStore(engine, RoadGraph(cameras.sightings.roads)), send)
