"""Thresholds of the load networks: what is named, and how they are chosen on validation pictures."""

from pathlib import Path

import numpy as np
import pytest

from detector.entities import Cover, Fill, LoadLabel, LoadState
from detector.observation.load_state import LoadStateSettings, name_cover, name_fill
from scripts.training.load_measure import (
    COVERED,
    EMPTY,
    HEAPED,
    LOADED,
    SILENT,
    TIPPER_ODDS,
    Logits,
    calibrate,
    choose_tipper_odds,
    name_states,
)
from scripts.training.load_samples import UNKNOWN, Vehicle

LABELS = {
    SILENT: LoadLabel.NOT_VISIBLE,
    COVERED: LoadLabel.COVERED,
    EMPTY: LoadLabel.EMPTY,
    LOADED: LoadLabel.LOADED,
    HEAPED: LoadLabel.HEAPED,
}
THRESHOLDS = {"min_closed": 0.6, "min_open": 0.66, "min_empty": 0.62, "min_loaded": 0.8, "min_heaped": 0.7}


def test_states_are_named_as_the_reader_names_them():
    rng = np.random.default_rng(1)
    covers, fills = (rng.dirichlet([0.4] * 4, 3000) for _ in range(2))
    settings = LoadStateSettings(**THRESHOLDS)
    named = name_states(covers, fills, **THRESHOLDS)
    for cover_row, fill_row, found in zip(covers, fills, named, strict=True):
        cover = name_cover(cover_row, settings)
        state = LoadState(*cover, *name_fill(fill_row, cover[0], settings), 1.0, None)
        assert state.label is LABELS[int(found)]
    assert set(named) == set(LABELS)


def draw_looks(n: int, creased: float, rng: np.random.Generator) -> Logits:
    """Looks at beds, a quarter each covered, empty, loaded and heaped; a share of the covered ones looks open."""
    cover = np.repeat([0, 2, 2, 2], n)
    fill = np.repeat([UNKNOWN, 0, 1, 2], n)
    looks = np.where((cover == 0) & (rng.random(4 * n) < creased), 2, cover)
    certainty = np.where(looks == cover, rng.uniform(2, 6, 4 * n), 2)  # of creased cloths less than of open beds
    cover_logits, fill_logits = np.zeros((4 * n, 4)), np.zeros((4 * n, 4))
    cover_logits[np.arange(4 * n), looks] = certainty
    fill_logits[np.arange(4 * n), np.where(fill == UNKNOWN, 1, fill)] = 6
    return Logits(cover_logits, fill_logits, cover, fill)


def test_a_net_that_accuses_must_be_surer_of_it_and_not_of_the_rest():
    """Wherever it can do without accusing, the thresholds of *covered* and *empty* stay low."""
    found = calibrate(draw_looks(400, 0.3, np.random.default_rng(1)), LoadStateSettings(), 0.06)
    assert found.min_closed == found.min_empty == 0.6
    assert found.min_open > 0.6
    with pytest.raises(ValueError, match="train more"):
        calibrate(draw_looks(400, 0.3, np.random.default_rng(1)), LoadStateSettings(), -1.0)


def test_open_beds_whose_load_nobody_sees_count_too():
    """Where covered beds look open and half loaded, the load must be surer, not the cover: many beds are just open."""
    n = 400
    looks = draw_looks(n, 0.3, np.random.default_rng(1))
    weak = looks.fill.copy()
    creased = (looks.cover_truth == 0) & (looks.cover.argmax(1) == 2)
    looks.cover[creased] *= 0.5
    doubtful = creased | (np.arange(4 * n) % 2 == 1)
    weak[doubtful] *= 0.25
    just_open = np.tile([0.0, 0.0, 1.0, 0.0], (3 * n, 1))
    together = Logits(
        np.concatenate([looks.cover, just_open]),
        np.concatenate([weak, np.zeros((3 * n, 4))]),
        np.concatenate([looks.cover_truth, np.full(3 * n, 2)]),
        np.concatenate([looks.fill_truth, np.full(3 * n, UNKNOWN)]),
    )
    alone = Logits(looks.cover, weak, looks.cover_truth, looks.fill_truth)
    settings, allowed = LoadStateSettings(), 0.02
    assert calibrate(together, settings, allowed).min_open < calibrate(alone, settings, allowed).min_open


def other(chance: float, fill: Fill = Fill.BELOW_EDGE) -> tuple[Vehicle, LoadState]:
    """Another vehicle, with what the reader says of it at odds of 1 to 1 for this chance of a tipper."""
    vehicle = Vehicle(Path("a.jpg"), (0, 0, 9, 9), False, None, None, None, UNKNOWN, UNKNOWN, None, "render")
    odds = chance / (1 - chance) * TIPPER_ODDS[-1]
    return vehicle, LoadState(Cover.OPEN, 0.9, fill, 0.9, odds / (1 + odds), None)


@pytest.mark.parametrize(("chance", "expected"), [(0.7, 1.8), (0.42, 1.2), (0.38, 1.5), (0.2, 1.8)])
def test_tippers_may_be_taken_for_likelier_while_no_other_vehicle_is_accused_by_it(chance: float, expected: float):
    """One that is accused in any case or never does not matter, nor do those whose load is not seen."""
    vehicles, states = zip(other(0.9), other(chance), other(0.45, Fill.NOT_VISIBLE), strict=True)
    assert choose_tipper_odds(list(vehicles), list(states)) == expected
