"""What the two rules about loads share: are the looks that agree enough to accuse anybody?"""

from collections.abc import Sequence

from detector.entities import Observation


def span_s(looks: Sequence[Observation]) -> float:
    """Seconds between the first and the last look; 0.0 for fewer than two."""
    return (looks[-1].captured_at - looks[0].captured_at).total_seconds() if len(looks) > 1 else 0.0


def are_enough(looks: Sequence[Observation], min_looks: int, min_span_s: float) -> bool:
    """Whether looks are enough in number and spread in time: never one frame, never one instant."""
    return len(looks) >= max(2, min_looks) and span_s(looks) >= min_span_s
