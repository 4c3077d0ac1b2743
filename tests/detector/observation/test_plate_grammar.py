"""Plate grammar: the test strings of domain.md section 10, hard rejections, soft doubts."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.entities import PlateColour, PlateType
from detector.observation.plate_grammar import PATTERNS, UNSURE, Doubt, classify, doubts, look_alikes

ACCEPTED = {
    PlateType.ORDINARY: "渝A12345 渝BT1234 渝DC6123 渝A1B2C3 渝AB1C23 渝A123D5",
    PlateType.NEV_SMALL: "渝AD12345 渝ADA1234",
    PlateType.NEV_LARGE: "渝A12345D 渝A12345F",
    PlateType.TRAILER: "渝A1234挂",
    PlateType.TRAINER: "渝A1234学",
    PlateType.POLICE: "渝A0001警 渝O0001警",
    PlateType.HK_MACAU: "粤ZF123港 粤Z1234澳",
    PlateType.EMBASSY: "224578使 使224578",
    PlateType.CONSULATE: "沪22478领 渝A1234领",
    PlateType.MILITARY: "VA12345",
    PlateType.ARMED_POLICE: "WJ渝12345 WJ渝1234X WJ12345",
    PlateType.EMERGENCY: "渝X1234应急",
    PlateType.AIRSIDE: "民航G0123",
    PlateType.TRACTOR: "渝0112345",
}
REJECTED = ["渝ABCD12", "渝AF1234D", "渝AI2345", "渝AO1234", "渝A123456", "渝A1234", "渝AX12345"]


@pytest.mark.parametrize(("kind", "text"), [(k, t) for k, texts in ACCEPTED.items() for t in texts.split()])
def test_every_real_form_is_named(kind, text):
    """A text that plates carry is accepted, and its kind follows from the text alone."""
    assert classify(text) is kind


@pytest.mark.parametrize("text", [*REJECTED, "", "-", "渝", "渝a12345", "渝A·12345", "渝A12345 "])
def test_impossible_texts_are_refused(text):
    """A text that no plate carries is a misreading, whatever the colour."""
    assert classify(text) is None
    assert all(classify(text, colour) is None for colour in PlateColour)


@pytest.mark.parametrize(
    ("text", "colour"),
    [
        ("渝A12345D", "blue"),
        ("渝AD12345", "blue"),
        ("渝A1234挂", "blue"),
        ("渝A1234警", "yellow"),
        ("粤Z1234港", "blue"),
    ],
)
def test_wrong_ground_refuses_marks_and_new_energy(text, colour):
    """New-energy plates are never blue, and a mark needs its own ground."""
    assert classify(text) is not None
    assert classify(text, PlateColour(colour)) is None


def test_unsure_characters_keep_the_kind_open_until_it_follows():
    """With "-" the kind is UNKNOWN while several fit, and known as soon as one is left."""
    assert classify("渝A-----") is PlateType.UNKNOWN
    assert classify("渝A1234-") is PlateType.UNKNOWN
    assert classify("渝A123-挂") is PlateType.TRAILER
    assert classify("渝A1234-", PlateColour.BLUE) is PlateType.ORDINARY


def test_soft_doubts_do_not_refuse():
    """A green seven-character plate and a rare authority letter are possible, but doubtful."""
    assert classify("渝A12345", PlateColour.GREEN) is PlateType.ORDINARY
    assert doubts("渝A12345", PlateColour.GREEN) == {Doubt.COLOUR_AGAINST_KIND}
    assert doubts("渝Z12345", PlateColour.BLUE) == {Doubt.AUTHORITY_NOT_IN_USE}
    assert doubts("渝A12345", PlateColour.YELLOW) == frozenset()
    assert doubts("京Z12345", PlateColour.BLUE) == frozenset(), "no list is known for 京"


def test_look_alikes_are_mutual():
    """Whoever is taken for another can be taken for by it."""
    for character in "0DQ8B5S2Z17T6GUV4A渝湘皖豫鄂粤":
        assert look_alikes(character)
        assert all(character in look_alikes(other) for other in look_alikes(character))
    assert look_alikes("京") == ""


@st.composite
def plates(draw):
    """A pattern and a text that is spelled from it."""
    pattern = draw(st.sampled_from(PATTERNS))
    text = "".join(draw(st.sampled_from(allowed)) for allowed in pattern.positions)
    return pattern, text


@given(plates())
def test_spelled_texts_have_exactly_one_kind(example):
    """The forms do not overlap: a complete text that a pattern fits has that pattern's kind and no other."""
    pattern, text = example
    assert len({p.plate_type for p in PATTERNS if p.fits(text)}) <= 1
    if pattern.fits(text):
        assert classify(text) is pattern.plate_type


@given(plates(), st.data())
def test_hiding_characters_never_refuses_a_plate(example, data):
    """A plate stays possible when any of its characters become unsure."""
    pattern, text = example
    hidden = data.draw(st.lists(st.booleans(), min_size=len(text), max_size=len(text)))
    masked = "".join(UNSURE if h else c for c, h in zip(text, hidden, strict=True))
    if pattern.fits(text):
        assert classify(masked) in {pattern.plate_type, PlateType.UNKNOWN}


@given(plates(), st.sampled_from(PlateColour))
def test_own_ground_never_contradicts(example, colour):
    """A plate on its own ground, or on an unknown one, is never refused for its colour."""
    pattern, text = example
    if pattern.fits(text) and (colour in pattern.colours or colour is PlateColour.UNKNOWN):
        assert classify(text, colour) is pattern.plate_type


@given(st.text(alphabet="渝京粤ZABIO0189挂警港使WJ", max_size=9))
def test_ordinary_plates_agree_with_the_regular_expression_of_the_standard(text):
    """The pattern of ordinary plates is the regular expression in domain.md, character for character."""
    province, letter = "[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼]", "A-HJ-NP-Z"
    expression = rf"{province}[{letter}](?!(?:[0-9]*[{letter}]){{3}})[{letter}0-9]{{5}}"
    assert (classify(text) is PlateType.ORDINARY) == bool(re.fullmatch(expression, text))
