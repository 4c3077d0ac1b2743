"""The vote over looks at one plate: agreement, masks, abstention."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.entities import PlateColour, PlateReading, PlateType
from detector.observation.plate_grammar import classify
from detector.observation.plate_vote import FEW_LOOKS_FACTOR, vote


def look(text, probability=0.99, *, others=None, colour=PlateColour.BLUE, width_px=120.0, rows=1):
    """A reading whose characters are equally probable; `others` maps positions to alternatives."""
    return PlateReading(
        text=text,
        characters=tuple((others or {}).get(i, (probability,))[0] for i in range(len(text))),
        alternatives=tuple((others or {}).get(i, (0, ()))[1] for i in range(len(text))),
        colour=colour,
        colour_confidence=0.9,
        corners=((0, 0), (width_px, 0), (width_px, 40), (0, 40)),
        rows=rows,
        detection_confidence=0.9,
    )


def test_no_look_is_no_plate():
    """Without any reading no plate was found: None."""
    assert vote([]) is None


@pytest.mark.parametrize("text", ["", "I", "AAAAAAAAA"])
def test_a_plate_that_cannot_be_read_is_all_unsure(text):
    """A plate that was found, but of which no possible text was read, is "-" alone, and of unknown kind."""
    plate = vote([look(text)] * 3)
    assert plate.text == "-------"
    assert plate.plate_type is PlateType.UNKNOWN
    assert plate.confidence == 0
    assert plate.looks == 3


def test_agreeing_looks_give_the_full_plate():
    """Three looks that agree give every character, kind and colour."""
    plate = vote([look("渝A12345")] * 3)
    assert plate.text == "渝A12345"
    assert plate.is_certain
    assert plate.plate_type is PlateType.ORDINARY
    assert plate.colour is PlateColour.BLUE
    assert plate.looks == 3
    assert plate.confidence == pytest.approx(0.99)


def test_few_looks_keep_the_text_but_lower_the_confidence():
    """One look is not as good as three, however sure the reader was."""
    one, two, three = (vote([look("渝A12345")] * n) for n in (1, 2, 3))
    assert one.text == two.text == three.text
    assert one.confidence == pytest.approx(0.99 * FEW_LOOKS_FACTOR[1])
    assert one.confidence < two.confidence < three.confidence


def test_a_minority_is_outvoted_and_leaves_no_trace_in_the_text():
    """One misreading among many sure looks changes nothing."""
    assert vote([look("渝C23456")] * 6 + [look("渝C23457", 0.6)]).text == "渝C23456"


def test_contradicting_looks_leave_the_character_unsure():
    """Where looks say 8 and B in equal strength, nobody knows; the other characters stand."""
    plate = vote([look("渝A12348")] * 3 + [look("渝A1234B")] * 3)
    assert plate.text == "渝A1234-"


def test_two_different_plates_are_not_mixed_into_a_third():
    """A track that saw two plates gives neither, nor a blend."""
    plate = vote([look("渝A12345")] * 3 + [look("川B98760")] * 3)
    assert not plate.is_certain
    assert plate.text.count("-") >= 6


def test_look_alikes_need_more_than_distinct_characters():
    """At the same probability a 3 is written and an 8 is not: 8 is also B."""
    plate = vote([look("渝C39999", others={2: (0.75, ()), 3: (0.75, ())})] * 3)
    assert plate.text == "渝C39999"
    plate = vote([look("渝C38999", others={2: (0.75, ()), 3: (0.75, ())})] * 3)
    assert plate.text == "渝C3-999"


def test_the_grammar_masks_what_a_position_cannot_hold():
    """A province is never a letter: the alternative that fits wins only by its own probability."""
    weak = vote([look("8A12345", others={0: (0.55, (("渝", 0.45),))})] * 3)
    assert weak.text == "-A12345"
    strong = vote([look("渝A12345", others={0: (0.9, (("8", 0.1),))})] * 3)
    assert strong.text == "渝A12345"


def test_alternatives_count():
    """A character that is second in some looks and first in others sums up over all."""
    first = look("渝C33333", others={2: (0.6, (("9", 0.4),))})
    second = look("渝C93333", others={2: (0.95, (("3", 0.05),))})
    assert vote([first, second, second, second]).text == "渝C93333"


def test_wide_plates_weigh_more_than_far_ones():
    """A far look at 30 px does not outweigh a near one at 130 px."""
    plate = vote([look("渝C99999", 0.99, width_px=130)] * 3 + [look("渝C33333", 0.99, width_px=15)] * 3)
    assert plate.text == "渝C99999"


def test_lengths_that_contradict_each_other_are_not_read():
    """Seven or eight characters: with half of the looks each, the plate stays unread."""
    plate = vote([look("渝AD12345", colour=PlateColour.GREEN)] * 3 + [look("渝A12345", colour=PlateColour.GREEN)] * 3)
    assert set(plate.text) == {"-"}


def test_an_impossible_ground_is_a_misreading():
    """A new-energy text on a blue ground is refused; on a green one it stands."""
    assert not vote([look("渝AD12345", colour=PlateColour.BLUE)] * 4).is_certain
    green = vote([look("渝AD12345", colour=PlateColour.GREEN)] * 4)
    assert (green.text, green.plate_type) == ("渝AD12345", PlateType.NEV_SMALL)


def test_a_doubtful_ground_lowers_the_confidence():
    """Seven characters on green are possible, but less sure than on blue."""
    green, blue = (vote([look("渝A12345", colour=c)] * 4) for c in (PlateColour.GREEN, PlateColour.BLUE))
    assert green.text == blue.text
    assert green.confidence < blue.confidence


def test_more_letters_than_the_standard_allows_are_given_up():
    """Three serial letters cannot be: the least sure one becomes unsure."""
    readings = [look("渝CHKL34", others={3: (0.85, (("4", 0.1),))})] * 3
    assert vote(readings).text == "渝CH-L34"


readings = st.builds(
    look,
    st.text(alphabet="渝京粤ABD0189挂警WJ", max_size=8),
    st.floats(0.05, 1),
    colour=st.sampled_from(PlateColour),
    width_px=st.floats(1, 300),
    rows=st.sampled_from((1, 2)),
)


@given(st.lists(readings, min_size=1, max_size=8))
def test_whatever_is_voted_is_a_possible_plate(looks):
    """A vote with any sure character is a text that the grammar knows, with one confidence a character in 0 to 1."""
    plate = vote(looks)
    assert len(plate.characters) == len(plate.text)
    assert all(0 <= p <= 1 for p in plate.characters)
    if set(plate.text) != {"-"}:
        assert classify(plate.text, plate.colour) is plate.plate_type


@given(st.lists(readings, min_size=1, max_size=6), st.randoms())
def test_order_of_looks_does_not_matter(looks, random):
    """The same looks in any order give the same plate."""
    shuffled = random.sample(looks, len(looks))
    first, second = vote(looks), vote(shuffled)
    assert (first.text, first.plate_type, first.colour) == (second.text, second.plate_type, second.colour)
    assert first.characters == pytest.approx(second.characters, abs=2e-4)
