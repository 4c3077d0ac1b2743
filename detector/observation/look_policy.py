"""When a tracked vehicle is worth a look by the second-stage models, and when enough has been seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from detector.entities import Cover, Fill, LoadLabel, LoadState, Observation, Plate, Track, VehicleType
from detector.observation.plate_size import PLATE_SHARE

LOAD_TYPES = frozenset({VehicleType.TRUCK, VehicleType.BUS})
"""Types whose load is looked at: detectors call heavy trucks seen from the front *bus*; the bed model tells."""

LARGER = 1.08
"""A vehicle whose plate was read is worth reading again when it is larger than at all readings by this factor."""


@dataclass(frozen=True, slots=True)
class LookPolicy:
    """Bounds on second-stage work per pass.

    Attributes:
        min_load_px: shorter side of a vehicle's box from which its load is looked at.
        searches_in_vain: after so many in a row a plate is searched for only when more is to be seen; where the vehicle
            is cut off below, after one, and one whose plate was read before is not searched there again.
        patience_s: seconds after which another look is worth taking although nothing more is to be seen: the light,
            the angle, or what stood in the way may have changed.
        growth: factor by which a vehicle must have grown since the last look for more to be seen.
        sure_patience_s, sure_growth: the same for a load on which the looks agree; to see from nearer whether that
            holds, and for the evidence.
        min_plate_px: width that a plate should have, by the vehicle's width, before it is looked for: below 45 px half
            of the readings are wrong.
        enough_plate_looks: after so many readings a vehicle is read again only when it has come nearer. One that
            approaches is read at each step of `LARGER` from the first; one that leaves is read at once, frame by frame.
        max_looks: observations kept of one pass; a larger look replaces the smallest one.
        max_span_s: looks older than this are forgotten while the load is not settled, so that what decides a pass is
            still in the packet ring when its clip is cut.
        settled_looks: looks that must agree before a pass still open is settled.
        settled_span_s: seconds that these looks must span.
        settled_share: share of the visible looks that must agree.
        settled_confidence: confidence that the vote must have.
        settled_plate_looks: agreeing readings for a plate.
    """

    min_load_px: float = 72.0
    searches_in_vain: int = 6
    patience_s: float = 0.3
    growth: float = 1.08
    sure_patience_s: float = 1.0
    sure_growth: float = 1.25
    min_plate_px: float = 45.0
    enough_plate_looks: int = 6
    max_looks: int = 48
    max_span_s: float = 60.0
    settled_looks: int = 5
    settled_span_s: float = 0.8
    settled_share: float = 0.85
    settled_confidence: float = 0.9
    settled_plate_looks: int = 4

    def wants_load(self, track: Track, looks: Sequence[Observation], load: LoadState | None = None) -> bool:
        """Whether a vehicle is of a type and size whose load is looked at, and promises more than before.

        Args:
            track: the vehicle as it is seen now.
            looks: earlier observations of it, in the order of time.
            load: what their vote says.
        """
        sides = track.xyxy[2] - track.xyxy[0], track.xyxy[3] - track.xyxy[1]
        if track.vehicle_type not in LOAD_TYPES or min(sides) < self.min_load_px:
            return False
        seen = [o for o in looks if o.load is not None]
        if self._is_sure(seen, load):
            return self._has_news(track, seen, self.sure_patience_s, self.sure_growth)
        return self._has_news(track, seen, self.patience_s, self.growth)

    def wants_plate(self, track: Track, looks: Sequence[Observation], *, is_cut_off: bool = False) -> bool:
        """Whether a vehicle is of a type and size whose plate is looked for, and promises more than before.

        Args:
            track: the vehicle as it is seen now.
            looks: earlier observations of it, in the order of time.
            is_cut_off: whether it reaches beyond the picture's lower edge, and its plate with it most likely.
        """
        width_px = _width(track)
        if width_px * PLATE_SHARE.get(track.vehicle_type, 0.0) < self.min_plate_px:
            return False
        searched = [o for o in looks if o.plate_searched]
        in_vain = len(list(takewhile(lambda o: o.plate is None, reversed(searched))))
        has_news = self._has_news(track, searched, self.patience_s, self.growth)
        read_px = [_width(o) for o in searched if o.plate is not None]
        is_hidden = in_vain >= (1 if is_cut_off else self.searches_in_vain)
        if is_hidden and (not has_news or (is_cut_off and read_px)):
            return False
        if not read_px or width_px >= LARGER * max(read_px):
            return True
        is_leaving = width_px < max(read_px)
        return len(read_px) < self.enough_plate_looks and (is_leaving or has_news)

    def was_searched_in_vain(self, looks: Sequence[Observation]) -> bool:
        """Whether the last searches for a plate found none, and so many of them that a costlier one may be tried."""
        last = [o for o in looks if o.plate_searched][-self.searches_in_vain :]
        return len(last) == self.searches_in_vain and not any(o.plate for o in last)

    @staticmethod
    def _has_news(track: Track, looks: Sequence[Observation], patience_s: float, growth: float) -> bool:
        """Whether a vehicle has grown since the last of the looks, or so long ago was that, or there was none."""
        if not looks:
            return True
        waited_s = (track.seen_at - looks[-1].captured_at).total_seconds()
        return waited_s >= patience_s or _width(track) >= growth * _width(looks[-1])

    def _is_sure(self, looks: Sequence[Observation], load: LoadState | None) -> bool:
        """Whether the looks that saw a load agree on it; those that did not see it contradict nobody."""
        if load is None or load.label is LoadLabel.NOT_VISIBLE or load.confidence < self.settled_confidence:
            return False
        labels = [o.load.label for o in looks if o.load is not None]
        seen = len(labels) - labels.count(LoadLabel.NOT_VISIBLE)
        return labels.count(load.label) >= max(self.settled_looks, self.settled_share * seen)

    def is_load_settled(self, observations: Sequence[Observation], load: LoadState | None) -> bool:
        """Whether further looks could not reasonably change the voted state.

        An uncovered bed whose load is not visible is not settled however many looks agree: a truck that comes nearer
        shows what it carries.
        """
        if load is None or (load.cover is not Cover.CLOSED and load.fill is Fill.NOT_VISIBLE):
            return False
        visible = [o for o in observations if o.load is not None and o.load.cover is not Cover.NOT_VISIBLE]
        agreeing = [o for o in visible if o.load and o.load.cover is load.cover and o.load.fill is load.fill]
        if len(agreeing) < max(self.settled_looks, self.settled_share * len(visible)):
            return False
        span_s = (agreeing[-1].captured_at - agreeing[0].captured_at).total_seconds()
        return span_s >= self.settled_span_s and load.confidence >= self.settled_confidence

    def is_plate_settled(self, plate: Plate | None) -> bool:
        """Whether a voted plate is certain and rests on enough looks."""
        return (
            plate is not None
            and plate.is_certain
            and plate.looks >= self.settled_plate_looks
            and plate.confidence >= self.settled_confidence
        )


def _width(seen: Track | Observation) -> float:
    """Width of a vehicle's box, px."""
    return seen.xyxy[2] - seen.xyxy[0]
