"""The learning rate of both plate trainings, as a function of progress alone: resuming needs no state of it."""

import math

WARM_UP = 0.08


def pace(progress: float) -> float:
    """Share of the highest learning rate at a progress of 0 to 1: a short climb, then a cosine down to nearly 0."""
    if progress < WARM_UP:
        return 0.04 + 0.96 * progress / WARM_UP
    rest = (min(progress, 1.0) - WARM_UP) / (1 - WARM_UP)
    return 0.5 * (1 + math.cos(math.pi * rest)) + 1e-3
