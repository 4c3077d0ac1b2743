"""Which detection continues which track."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment


class Matches(NamedTuple):
    """Pairs of rows and columns that belong together, as parallel index arrays (M,)."""

    rows: np.ndarray
    columns: np.ndarray


def match(similarity: np.ndarray, min_similarity: float) -> Matches:
    """The assignment with the largest summed similarity (N, M), less the pairs below `min_similarity`."""
    usable = np.where(similarity >= min_similarity, similarity, 0.0)  # a pair that cannot be used must not win
    rows, columns = linear_sum_assignment(usable, maximize=True)
    good = usable[rows, columns] > 0
    return Matches(rows[good], columns[good])
