"""Which detection continues which track."""

from typing import NamedTuple

import numpy as np


class Matches(NamedTuple):
    """Pairs of rows and columns that belong together, as parallel index arrays (M,)."""

    rows: np.ndarray
    columns: np.ndarray


def match(similarity: np.ndarray, min_similarity: float) -> Matches:
    """The assignment with the largest summed similarity (N, M), less the pairs below `min_similarity`."""
    usable = np.where(similarity >= min_similarity, similarity, 0.0)  # a pair that cannot be used must not win
    links = usable > 0
    if not links.any():
        return Matches(np.zeros(0, int), np.zeros(0, int))
    alone = links & (links.sum(axis=1) == 1)[:, None] & (links.sum(axis=0) == 1)  # nobody else can have either of them
    rows, columns = np.nonzero(alone)
    rivals = [np.flatnonzero(links.any(axis=axis) & ~alone.any(axis=axis)) for axis in (1, 0)]
    contested = usable[np.ix_(*rivals)]
    if contested.size:
        is_wide = len(contested) <= contested.shape[1]
        found = _assign(-contested) if is_wide else _assign(-contested.T)[::-1]
        good = contested[found] > 0
        more = (side[chosen[good]] for side, chosen in zip(rivals, found, strict=True))
        rows, columns = (np.concatenate(pair) for pair in zip((rows, columns), more, strict=True))
    order = np.argsort(rows)
    return Matches(rows[order], columns[order])


def _assign(cost: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and their columns with the smallest summed cost (N, M), N at most M: every row has one.

    Shortest augmenting paths: D. F. Crouse, On implementing 2D rectangular assignment algorithms, IEEE Transactions on
    Aerospace and Electronic Systems 52 (2016). SciPy has the same, and to import it takes 0.4 s and 40 MB.
    """
    row_price, column_price = np.zeros(len(cost)), np.zeros(cost.shape[1])
    column_of, row_of = np.full(len(cost), -1), np.full(cost.shape[1], -1)
    for new in range(len(cost)):
        distance, came_from = np.full(cost.shape[1], np.inf), np.full(cost.shape[1], -1)
        is_open, row, length = np.ones(cost.shape[1], bool), new, 0.0
        while True:
            through = length + cost[row] - row_price[row] - column_price
            is_shorter = is_open & (through < distance)
            distance[is_shorter], came_from[is_shorter] = through[is_shorter], row
            column = int(np.where(is_open, distance, np.inf).argmin())
            length, row = distance[column], row_of[column]
            if row < 0:
                break
            is_open[column] = False
        passed = np.flatnonzero(~is_open)
        row_price[new] += length
        row_price[row_of[passed]] += length - distance[passed]
        column_price[passed] -= length - distance[passed]
        while row != new:
            row = came_from[column]
            row_of[column] = row
            column_of[row], column = column, column_of[row]
    return np.arange(len(cost)), column_of
