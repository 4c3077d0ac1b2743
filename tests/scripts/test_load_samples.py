"""Samples of the load models: pictures cut off within a bed, beds seen from below."""

import json
from pathlib import Path

import numpy as np
import pytest

from detector.entities import Cover
from detector.observation.load_state import COVERS
from scripts.training.load_samples import UNKNOWN, Vehicle, cut_off_top, load_renders

IMAGE = np.arange(400, dtype=np.uint8).repeat(300).reshape(400, 300, 1).repeat(3, 2)
RIM = np.array([[60, 120], [140, 120], [120, 80], [70, 80]], np.float32)


def make_vehicle(bed: tuple[float, float, float, float] | None) -> Vehicle:
    rim = None if bed is None else RIM
    return Vehicle(Path("x.jpg"), (50.0, 60.0, 150.0, 360.0), bed is not None, bed, rim, 0.8, 2, 1, -0.2, "render")


@pytest.mark.parametrize("seed", range(20))
def test_boxes_follow_the_picture_and_a_part_of_the_bed_stays(seed: int) -> None:
    bed = (60.0, 80.0, 140.0, 180.0)
    image, vehicle = cut_off_top(IMAGE, make_vehicle(bed), np.random.default_rng(seed))
    row = IMAGE.shape[0] - image.shape[0]
    assert (image[0] == IMAGE[row]).all()
    assert vehicle.truck_xyxy == (50.0, max(60.0 - row, 0.0), 150.0, 360.0 - row)
    assert vehicle.bed_xyxy[1] == 0.0, "the picture ends within the bed"
    assert vehicle.bed_xyxy[3] == 180.0 - row >= 39.0
    assert (vehicle.rim == RIM - np.float32((0, row))).all()
    assert vehicle.visible is None, "nobody has measured it anew"


@pytest.mark.parametrize("seed", range(20))
def test_of_another_vehicle_most_stays(seed: int) -> None:
    _, vehicle = cut_off_top(IMAGE, make_vehicle(None), np.random.default_rng(seed))
    assert vehicle.bed_xyxy is None
    assert vehicle.truck_xyxy[1] == 0.0
    assert vehicle.truck_xyxy[3] >= 0.7 * 300


def make_label(tipper: bool, cover: str | None) -> dict:
    return {
        "box_xyxy": [10.0, 10.0, 200.0, 200.0], "tipper": tipper, "bed_box_xyxy": None, "bed_polygon": None,
        "cover": cover, "fill": cover and "not_visible", "heap_height_m": None, "visible_share": 0.1,
    }  # fmt: skip


def test_from_below_an_uncovered_bed_is_open_and_a_covered_one_is_left_to_photographs(tmp_path: Path) -> None:
    hidden, closed, other = make_label(True, "not_visible"), make_label(True, "closed"), make_label(False, None)
    rows = [
        {"image": "a.jpg", "cover_kind": "none", "vehicles": [hidden, hidden]},
        {"image": "b.jpg", "cover_kind": "cloth", "vehicles": [hidden]},
        {"image": "c.jpg", "cover_kind": "cloth", "vehicles": [closed]},
        {"image": "d.jpg", "cover_kind": None, "vehicles": [other]},
        {"image": "gone.jpg", "cover_kind": "none", "vehicles": [hidden]},
    ]
    (tmp_path / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for row in rows[:4]:
        (tmp_path / row["image"]).touch()

    covers = [vehicle.cover for vehicle in load_renders(tmp_path)]

    neighbour = COVERS.index(Cover.NOT_VISIBLE)
    assert covers == [COVERS.index(Cover.OPEN), neighbour, UNKNOWN, COVERS.index(Cover.CLOSED), UNKNOWN]
