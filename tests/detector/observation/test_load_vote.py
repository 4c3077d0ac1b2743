"""The vote over the looks of a pass."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.entities import Cover, Fill, LoadState, Observation
from detector.observation.load_vote import vote

BED = (400.0, 300.0, 620.0, 480.0)
START = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def look(cover="open", fill="below_edge", confidence=0.95, *, index=0, sharpness=200.0, bed=BED):
    """One look, clear and near unless said otherwise."""
    load = LoadState(Cover(cover), confidence, Fill(fill), confidence, 0.98, bed)
    return Observation(
        frame_index=index,
        pts=index,
        stream_s=index / 8,
        captured_at=START + timedelta(seconds=index / 8),
        packet_sha256="",
        xyxy=(350.0, 200.0, 700.0, 650.0),
        detection_confidence=0.9,
        sharpness=sharpness,
        load=load,
    )


def looks(*cases):
    """Looks from (count, cover, fill, confidence), numbered."""
    flat = [case for count, *case in cases for _ in range(count)]
    return [look(*case, index=i) for i, case in enumerate(flat)]


HIDDEN = ("not_visible", "not_visible", 1.0)


@pytest.mark.parametrize(
    ("cases", "cover", "fill"),
    [
        ([(1, "open", "empty", 0.9)], "open", "empty"),
        ([(8, "open", "below_edge", 0.9)], "open", "below_edge"),
        ([(10, *HIDDEN), (3, "open", "above_edge", 0.9)], "open", "above_edge"),
        ([(5, "open", "below_edge", 0.9), (5, "closed", "not_visible", 0.9)], "not_visible", "below_edge"),
        ([(5, "open", "empty", 0.9), (4, "open", "below_edge", 0.9)], "open", "not_visible"),
        ([(9, "open", "empty", 0.9), (1, "open", "below_edge", 0.9)], "open", "empty"),
        ([(5, "open", "below_edge", 0.9), (5, "open", "above_edge", 0.9)], "open", "below_edge"),
        ([(1, "open", "below_edge", 0.9), (5, "open", "above_edge", 0.9)], "open", "above_edge"),
        ([(4, "partial", "below_edge", 0.9), (3, "open", "below_edge", 0.9)], "partial", "below_edge"),
        ([(4, "partial", "below_edge", 0.9), (4, "open", "below_edge", 0.9)], "partial", "below_edge"),
        ([(2, "partial", "below_edge", 0.9), (3, "open", "below_edge", 0.9)], "open", "below_edge"),
        ([(2, "closed", "above_edge", 0.9), (6, "closed", "not_visible", 0.9)], "closed", "above_edge"),
        ([(4, *HIDDEN)], "not_visible", "not_visible"),
    ],
)
def test_looks_are_voted(cases, cover, fill):
    """Hidden looks do not vote, contradiction is not visible, and in doubt the lesser state of a side is named."""
    voted = vote(looks(*cases))
    assert (voted.cover, voted.fill) == (Cover(cover), Fill(fill))


def test_no_look_is_no_state():
    """A pass whose load was never looked at has no load state, which is not the same as an invisible load."""
    assert vote([]) is None
    assert vote([replace(look(), load=None)]) is None


def test_looks_without_load_are_ignored():
    """Frames in which only the plate was read do not change the result."""
    seen = looks((4, "open", "empty", 0.9))
    assert vote([*seen, replace(look(), load=None)]) == vote(seen)


def test_a_near_sharp_look_outweighs_a_far_blurred_one():
    """One clear look settles the cover against one poor look that contradicts it."""
    clear = look("open", "empty", 0.9, index=1)
    poor = look("closed", "not_visible", 0.9, index=2, sharpness=8.0, bed=(400.0, 300.0, 445.0, 340.0))
    assert vote([clear, poor]).cover is Cover.OPEN
    assert (
        vote([clear, replace(poor, sharpness=200.0, load=replace(poor.load, bed_xyxy=BED))]).cover is Cover.NOT_VISIBLE
    )


def test_a_low_load_that_only_the_near_looks_show_is_no_contradiction():
    """From afar it looks empty; a bed counts by its size up to the 288 px of the network's input."""
    far = [look(fill="empty", confidence=0.9, index=i, bed=(400.0, 300.0, 540.0, 440.0)) for i in range(4)]
    near = [look(confidence=0.93, index=4 + i, bed=(300.0, 200.0, 600.0, 500.0)) for i in range(5)]
    assert vote([*far, *near]).fill is Fill.BELOW_EDGE
    assert vote([*far, *near[:3]]).fill is Fill.NOT_VISIBLE


def test_one_look_is_less_sure_than_many():
    """Agreement raises the confidence, but never above that of the best look."""
    one, many = vote(looks((1, "open", "empty", 0.9))), vote(looks((12, "open", "empty", 0.9)))
    assert one.fill_confidence < many.fill_confidence < 0.9
    assert one.cover_confidence < many.cover_confidence < 0.9


def test_contradiction_costs_confidence():
    """A minority that contradicts leaves the state standing and its confidence lower."""
    agreed, disputed = (
        looks((8, "open", "empty", 0.9)),
        looks((8, "open", "empty", 0.9), (2, "open", "below_edge", 0.9)),
    )
    assert vote(disputed).fill is Fill.EMPTY
    assert vote(disputed).fill_confidence < vote(agreed).fill_confidence - 0.1


def test_the_bed_is_that_of_the_best_agreeing_look():
    """The box that illustrates the result comes from a look that says the same, the largest and sharpest one."""
    near = (300.0, 200.0, 700.0, 560.0)
    small = (400.0, 300.0, 460.0, 350.0)
    seen = [
        look("open", "empty", index=0, bed=small),
        look("open", "empty", index=1, bed=BED),
        look("closed", "not_visible", 0.3, index=2, bed=near),
    ]
    assert vote(seen).bed_xyxy == BED
    assert vote(looks((5, "open", "empty", 0.9), (5, "closed", "not_visible", 0.9))).bed_xyxy is None


def test_few_doubtful_vehicles_are_no_tippers():
    """The tipper's probability is the weighted mean over all looks, also over those that saw no bed."""
    seen = [look(index=i) for i in range(2)]
    no = replace(look("not_visible", "not_visible", 1.0).load, tipper_confidence=0.1, bed_xyxy=None)
    seen += [replace(look(index=i + 2), load=no) for i in range(8)]
    assert vote(seen).tipper_confidence < 0.5


BEDS = st.sampled_from([BED, (0.0, 0.0, 50.0, 40.0), (10.0, 20.0, 130.0, 95.0), None])
LOOKS = st.builds(
    look,
    cover=st.sampled_from(list(Cover)),
    fill=st.sampled_from(list(Fill)),
    confidence=st.floats(0.5, 1.0),
    index=st.integers(0, 9),
    sharpness=st.floats(0.0, 2000.0),
    bed=BEDS,
)
PASSES = st.lists(LOOKS, min_size=1, max_size=8)


@given(PASSES.flatmap(lambda seen: st.tuples(st.just(seen), st.permutations(seen))))
def test_order_does_not_matter(pair):
    """The same looks in another order give the same state to the last bit."""
    seen, shuffled = pair
    numbered = {id(o): replace(o, frame_index=i) for i, o in enumerate(seen)}
    assert vote([numbered[id(o)] for o in seen]) == vote([numbered[id(o)] for o in shuffled])


@given(PASSES, st.floats(0.5, 1.0), st.floats(0.0, 2000.0), BEDS)
def test_an_agreeing_look_never_lowers_confidence(seen, confidence, sharpness, bed):
    """A further look that names the voted states, however poor, keeps them and does not make them less sure."""
    before = vote(seen)
    further = look(before.cover.value, before.fill.value, confidence, sharpness=sharpness, bed=bed)
    after = vote([*seen, further])
    for axis in ("cover", "fill"):
        if getattr(before, axis).value != "not_visible":
            assert getattr(after, axis) is getattr(before, axis)
            assert getattr(after, f"{axis}_confidence") >= getattr(before, f"{axis}_confidence") - 1e-12


@given(PASSES)
def test_confidence_is_bounded_by_the_best_look(seen):
    """No vote is surer than the surest look: looks of one pass share their errors."""
    voted = vote(seen)
    assert 0.0 <= voted.confidence <= 1.0
    if voted.cover is not Cover.NOT_VISIBLE:
        assert voted.cover_confidence <= max(o.load.cover_confidence for o in seen)
    if voted.fill is not Fill.NOT_VISIBLE:
        assert voted.fill_confidence <= max(o.load.fill_confidence for o in seen)
