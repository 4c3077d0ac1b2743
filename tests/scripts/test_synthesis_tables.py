"""Rendered stills become a table that the program's own evaluation reads."""

import json

import cv2
import numpy as np
import pytest

from pipelines.evaluation.load_states import read_table
from scripts.synthesis.tables import name_label, write_load_table

BOX = [41.6, 0.0, 416.0, 208.0]


@pytest.mark.parametrize(
    ("cover", "fill", "label"),
    [
        ("closed", "not_visible", "covered"),
        ("open", "empty", "empty"),
        ("partial", "below_edge", "loaded"),
        ("open", "above_edge", "heaped"),
        ("open", "not_visible", "open"),
        ("not_visible", "not_visible", "not_visible"),
    ],
)
def test_both_axes_become_one_label(cover, fill, label):
    """A bed that is not closed is named by what lies in it."""
    assert name_label({"tipper": True, "cover": cover, "fill": fill}) == label


def test_the_evaluation_reads_what_is_written_and_look_alikes_are_left_out(tmp_path):
    """Boxes are shares of the picture; a vehicle without a bed has no row."""
    rows = [
        {"image": "0.jpg", "vehicles": [{"tipper": True, "cover": "open", "fill": "empty", "box_xyxy": BOX}]},
        {"image": "1.jpg", "vehicles": [{"tipper": False, "cover": None, "fill": None, "box_xyxy": BOX}]},
    ]
    (tmp_path / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    cv2.imwrite(str(tmp_path / "0.jpg"), np.zeros((416, 416, 3), np.uint8))
    (vehicle,) = read_table(write_load_table(tmp_path, (416, 416)))
    assert vehicle.label == "empty"
    assert vehicle.box == pytest.approx((0.1, 0.0, 1.0, 0.5))
