"""How far a share that was measured on few can be trusted."""

import math
from statistics import NormalDist

Z = NormalDist().inv_cdf(0.975)


def wilson(right: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927), which holds for small n and for shares near 0 and 1.

    Args:
        right: how many of `n`, 0 to n.
        n: how many were measured.

    Returns:
        Lower and upper bound, 0 to 1; (0, 1) for n = 0, of which nothing is known.
    """
    if not n:
        return 0.0, 1.0
    share = right / n
    middle = share + Z**2 / (2 * n)
    half = Z * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    scale = 1 + Z**2 / n
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)
