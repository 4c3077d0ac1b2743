"""Many looks at one bed become one load state, or the admission that they contradict each other.

Each look votes on both axes with the weight of what it could see: the bed's size, its sharpness, its own confidence.

- A look that saw nothing does not vote: ten hidden frames do not outvote three clear ones.
- First the side that the law asks about is settled: closed or not; empty or loaded. The winning side needs
  `MIN_AGREEMENT` of the support, else the axis is NOT_VISIBLE: contradiction is not a result.
- Then the state within the side. In doubt it is the lesser one: PARTIAL before OPEN, BELOW_EDGE before ABOVE_EDGE.
- The looks of one pass share truck, light and model, so their errors are alike: the voted confidence is never above
  that of the best look that agrees, and it grows toward it as agreeing looks come in (`DOUBT` is one small look's
  worth of doubt that is never lifted).

Confidence therefore means: CLOSED, PARTIAL, OPEN: that the cover is, or is not, closed. EMPTY, BELOW_EDGE: that the bed
is empty, or is loaded. ABOVE_EDGE: that the load stands above the edge.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, sqrt

from detector.entities import Cover, Fill, LoadState, Observation
from detector.geometry import area

Side = tuple[Cover | Fill, ...]
"""States that the law treats alike."""

MIN_AGREEMENT = 0.7
"""Share of the support that the winning side needs."""

MIN_HEAPED_SHARE = 2 / 3
"""Share of the loaded side's support that ABOVE_EDGE needs against BELOW_EDGE."""

DOUBT = 0.03
"""Support of a look that is assumed to disagree, always."""

FULL_SIZE_PX = 288.0
"""A bed whose root of area is this or more counts fully: the side of the network's input. From afar a low load in a
deep bed looks like none; a truck that has come near shows it, and near looks must outweigh far ones."""

HALF_SHARPNESS = 30.0
"""`Observation.sharpness` at which the sharp part of a look's weight is half; blurred vehicles have about 20."""


@dataclass(frozen=True, slots=True)
class Ballot:
    """One look's vote on one axis: what it saw, how sure it was, how well it could see (0 to 1)."""

    state: Cover | Fill
    confidence: float
    weight: float

    @property
    def support(self) -> float:
        """What this ballot adds to its state."""
        return self.confidence * self.weight


def weigh(observation: Observation) -> float:
    """How well a look could see, above 0 to 1: by sharpness and size of the bed (else of the vehicle)."""
    bed = observation.load.bed_xyxy if observation.load else None
    size = min(1.0, sqrt(area(bed or observation.xyxy)) / FULL_SIZE_PX)
    sharp = max(0.0, observation.sharpness) / (max(0.0, observation.sharpness) + HALF_SHARPNESS)
    return max(0.02, size * (0.25 + 0.75 * sharp))


def vote(observations: Sequence[Observation]) -> LoadState | None:
    """The load state on which the looks of a pass agree.

    The order of the looks does not matter, and a further look that agrees with the result never lowers its confidence.

    Args:
        observations: looks of one pass, in any order; those without `load` are ignored.

    Returns:
        None when the load was never looked at. An axis on which the looks contradict each other, or on which none saw
        anything, is NOT_VISIBLE. `bed_xyxy` is that of the best look that agrees.
    """
    looks = [(o, o.load, weigh(o)) for o in observations if o.load is not None]
    if not looks:
        return None
    cover, cover_confidence = vote_cover([Ballot(load.cover, load.cover_confidence, w) for _, load, w in looks])
    fill, fill_confidence = vote_fill([Ballot(load.fill, load.fill_confidence, w) for _, load, w in looks])
    tipper = fsum(w * load.tipper_confidence for _, load, w in looks) / fsum(w for _, _, w in looks)
    agreeing = [look for look in looks if look[1].cover is cover and look[1].fill is fill]
    best = max(agreeing, key=lambda look: (look[2], -look[0].frame_index), default=None)
    return LoadState(cover, cover_confidence, fill, fill_confidence, tipper, best[1].bed_xyxy if best else None)


def vote_cover(ballots: Sequence[Ballot]) -> tuple[Cover, float]:
    """Cover and the confidence that it is, or is not, closed; NOT_VISIBLE where the ballots do not settle it."""
    side, confidence = _settle(ballots, (Cover.CLOSED,), (Cover.PARTIAL, Cover.OPEN))
    if len(side) < 2:
        return (Cover.CLOSED if side else Cover.NOT_VISIBLE), confidence
    is_open = _support(ballots, Cover.OPEN) > _support(ballots, Cover.PARTIAL)
    return (Cover.OPEN if is_open else Cover.PARTIAL), confidence


def vote_fill(ballots: Sequence[Ballot]) -> tuple[Fill, float]:
    """Fill with the confidence described above; NOT_VISIBLE where the ballots do not settle empty against loaded."""
    side, confidence = _settle(ballots, (Fill.EMPTY,), (Fill.BELOW_EDGE, Fill.ABOVE_EDGE))
    if len(side) < 2:
        return (Fill.EMPTY if side else Fill.NOT_VISIBLE), confidence
    above, below = _support(ballots, Fill.ABOVE_EDGE), _support(ballots, Fill.BELOW_EDGE)
    if above < MIN_HEAPED_SHARE * (above + below):
        return Fill.BELOW_EDGE, confidence
    empty = _support(ballots, Fill.EMPTY)
    best = max(b.confidence for b in ballots if b.state is Fill.ABOVE_EDGE)
    return Fill.ABOVE_EDGE, best * above / (above + below + empty + DOUBT)


def _support(ballots: Sequence[Ballot], *states: Cover | Fill) -> float:
    """Summed support of some states; exact, so that the order of the ballots cannot matter."""
    return fsum(b.support for b in ballots if b.state in states)


def _settle(ballots: Sequence[Ballot], one: Side, other: Side) -> tuple[Side, float]:
    """The side that has enough of the support, with its confidence; () where none has."""
    first, second = _support(ballots, *one), _support(ballots, *other)
    side, support = (one, first) if first > second else (other, second)
    share = support / (first + second + DOUBT)
    if first + second == 0.0:
        return (), max((b.confidence for b in ballots), default=0.0)
    if support < MIN_AGREEMENT * (first + second):
        return (), 1.0 - share
    return side, share * max(b.confidence for b in ballots if b.state in side)
