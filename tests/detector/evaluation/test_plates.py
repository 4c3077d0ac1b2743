"""Plates: every picture is exactly one of exact, wrong and abstained."""

from hypothesis import given
from hypothesis import strategies as st

from detector.entities import Plate, PlateColour, PlateType
from detector.evaluation.plates import PlateScore, count_right_characters


def plate(text: str) -> Plate:
    return Plate(text, (1.0,) * len(text), PlateType.ORDINARY, PlateColour.BLUE, 1)


def test_outcomes() -> None:
    """The truth is exact, another full plate wrong, an unsure or unfound one abstained."""
    score = PlateScore()
    said = [plate("渝A12345"), plate("渝A12346"), plate("渝A1-345"), None]
    outcomes = [score.add("p.jpg", "渝A12345", "ordinary", item) for item in said]
    assert outcomes == ["exact", "wrong", "abstained", "abstained"]
    result = score.to_json()
    assert (result["n"], result["found"], result["exact"], result["wrong"], result["abstained"]) == (4, 3, 1, 1, 2)
    assert result["by_type"] == {"ordinary": {"n": 4, "exact": 1, "wrong": 1, "abstained": 2}}
    assert result["char_accuracy"] == (7 + 6 + 6 + 0) / 28
    assert [error["said"] for error in result["errors"]] == ["渝A12346", "渝A1-345", None]


@given(st.lists(st.tuples(st.text("渝A12-", min_size=1, max_size=8), st.text("渝A12-", max_size=8))))
def test_counts_add_up(pairs: list[tuple[str, str]]) -> None:
    """Whatever is said, the three outcomes partition the pictures, and so do they within each type."""
    score = PlateScore()
    for truth, said in pairs:
        score.add("p", truth.replace("-", "3"), "ordinary", plate(said) if said else None)
    result = score.to_json()
    assert result["exact"] + result["wrong"] + result["abstained"] == result["n"] == len(pairs)
    assert len(result["errors"]) == result["n"] - result["exact"]


def test_characters_are_counted_in_order() -> None:
    """A lost character costs one, not all that follow."""
    assert count_right_characters("渝A12345", "渝A2345") == 6
    assert count_right_characters("渝A12345", "") == 0
