"""Load states: which question each label answers."""

import pytest

from detector.entities import Cover, Fill, LoadState
from detector.evaluation.load_states import LABELS, LoadScore


def state(cover: Cover, fill: Fill, tipper: float = 1.0) -> LoadState:
    return LoadState(cover, 0.9, fill, 0.9, tipper, (0.0, 0.0, 1.0, 1.0))


COVERED = state(Cover.CLOSED, Fill.NOT_VISIBLE)
EMPTY = state(Cover.OPEN, Fill.EMPTY)
LOADED = state(Cover.OPEN, Fill.BELOW_EDGE)
HEAPED = state(Cover.OPEN, Fill.ABOVE_EDGE)
OPEN = state(Cover.OPEN, Fill.NOT_VISIBLE)
HIDDEN = state(Cover.NOT_VISIBLE, Fill.NOT_VISIBLE)
OTHER = state(Cover.OPEN, Fill.EMPTY, tipper=0.1)


@pytest.mark.parametrize(
    ("truth", "answers"),
    [
        ("covered", [COVERED]),
        ("empty", [EMPTY]),
        ("loaded", [LOADED]),
        ("heaped", [HEAPED]),
        ("laden", [LOADED, HEAPED]),
        ("open", [EMPTY, LOADED, HEAPED, OPEN]),
        ("not_visible", [HIDDEN, OPEN]),
        ("not_a_tipper", [OTHER]),
    ],
)
def test_right_answers(truth: str, answers: list[LoadState]) -> None:
    """Exactly these answers are right; a tipper taken for something else never is."""
    for answer in (COVERED, EMPTY, LOADED, HEAPED, OPEN, HIDDEN, OTHER):
        assert LoadScore().add("p", truth, answer) == (answer in answers)


def test_questions_and_abstentions() -> None:
    """Each label counts for the questions that it answers; an abstention is right only where nothing is seen."""
    score = LoadScore()
    for label in LABELS:
        score.add("p", label, HIDDEN)
    result = score.to_json()
    assert result["covered_open"] == {"n": 6, "right": 0}
    assert result["empty_laden"] == {"n": 4, "right": 0}
    assert result["states"] == {"n": 4, "right": 0}
    assert result["not_visible"] == {"n": 1, "right": 1}
    assert result["not_a_tipper"] == {"n": 1, "right": 0}
    assert result["n"] == 8 and result["abstained"] == 7
    assert result["confusion"]["laden"] == {"not_visible": 1}
    assert [error["truth"] for error in result["errors"]] == [label for label in LABELS if label != "not_visible"]


def test_what_answers_the_truth_is_no_abstention() -> None:
    """Of a bed that is labelled `open` nothing but the cover is asked: who names it has answered."""
    score = LoadScore()
    score.add("p", "open", OPEN)
    score.add("p", "open", HIDDEN)
    assert score.to_json()["covered_open"] == {"n": 2, "right": 1}
    assert score.abstained == 1
