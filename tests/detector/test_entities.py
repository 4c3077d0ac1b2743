"""What the nouns derive from themselves."""

import numpy as np
import pytest

from detector.entities import (
    Cover,
    Detections,
    Fill,
    LoadLabel,
    LoadState,
    Plate,
    PlateColour,
    PlateReading,
    PlateType,
)


@pytest.mark.parametrize(
    ("cover", "fill", "label"),
    [
        (Cover.CLOSED, Fill.NOT_VISIBLE, LoadLabel.COVERED),
        (Cover.CLOSED, Fill.ABOVE_EDGE, LoadLabel.COVERED),
        (Cover.OPEN, Fill.EMPTY, LoadLabel.EMPTY),
        (Cover.OPEN, Fill.BELOW_EDGE, LoadLabel.LOADED),
        (Cover.PARTIAL, Fill.BELOW_EDGE, LoadLabel.LOADED),
        (Cover.OPEN, Fill.ABOVE_EDGE, LoadLabel.HEAPED),
        (Cover.OPEN, Fill.NOT_VISIBLE, LoadLabel.NOT_VISIBLE),
        (Cover.NOT_VISIBLE, Fill.NOT_VISIBLE, LoadLabel.NOT_VISIBLE),
        (Cover.NOT_VISIBLE, Fill.BELOW_EDGE, LoadLabel.NOT_VISIBLE),
        (Cover.NOT_VISIBLE, Fill.ABOVE_EDGE, LoadLabel.HEAPED),
    ],
)
def test_the_label_follows_from_cover_and_fill(cover: Cover, fill: Fill, label: LoadLabel) -> None:
    """Every pair has one label, and the unseen stays unseen."""
    assert LoadState(cover, 0.9, fill, 0.9, 0.9).label is label


def test_what_is_no_tipper_has_no_load_label() -> None:
    """A low tipper confidence outweighs the rest, and its confidence is that of not being one."""
    state = LoadState(Cover.OPEN, 0.9, Fill.ABOVE_EDGE, 0.9, 0.2)
    assert state.label is LoadLabel.NOT_A_TIPPER
    assert state.confidence == pytest.approx(0.8)


def test_a_plate_is_as_sure_as_its_least_sure_character() -> None:
    """One doubtful character makes a doubtful plate."""
    plate = Plate("渝A1234-", (0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.1), PlateType.ORDINARY, PlateColour.BLUE, 4)
    assert plate.confidence == 0.1
    assert not plate.is_certain
    assert not Plate("", (), PlateType.UNKNOWN, PlateColour.UNKNOWN, 0).is_certain


def test_a_tilted_plate_has_the_width_of_its_upper_edge() -> None:
    """Width is measured along the plate, not across the picture."""
    reading = PlateReading("", (), (), PlateColour.BLUE, 1.0, ((0, 0), (30, 40), (25, 45), (-5, 5)), 1, 0.9)
    assert reading.width_px == 50.0
    assert reading.xyxy == (-5, 0, 30, 45)


def test_detections_must_be_parallel() -> None:
    """Arrays of different lengths are refused at once."""
    with pytest.raises(ValueError, match="not parallel"):
        Detections(np.zeros((2, 4), np.float32), np.zeros(1, np.float32), np.zeros(2, np.int64))
    assert len(Detections.empty()) == 0
