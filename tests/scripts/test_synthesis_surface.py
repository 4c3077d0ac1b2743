"""Maps of what lies where in a rendered bed, and how the load network's samples read them. No bpy needed."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from detector.observation.load_crop import Window
from scripts.synthesis.cameras import PinholeCamera, aim_camera
from scripts.synthesis.surface import NOBODY, STRIDE_PX, Surface, decode_heights, find_map, map_surface, write_map
from scripts.training.load_samples import Vehicle, sample_surface

RIM_M, LOAD_M = 2.5, 2.1
SIZE_PX = (416, 416)


def make_truck(number: int, y_m: float, material: str):
    """A bed of 5 x 2 m, in the world at (0, y); `material` is for the rays."""
    rim = np.array([[0.0, 1, RIM_M], [0, -1, RIM_M], [-5, -1, RIM_M], [-5, 1, RIM_M]])
    place = np.array([0.0, y_m, 0.0])
    return SimpleNamespace(
        spec="a tipper",
        track_id=number,
        position_m=place,
        heading_rad=0.0,
        body=SimpleNamespace(rim_m=rim),
        load=material,
    )


def cast_onto(trucks):
    """Rays from above: level loads, and the road around them, of a material that no bed has."""

    def cast_ray(origin, direction):
        for truck in trucks:
            place = origin + (LOAD_M - origin[2]) / direction[2] * direction
            if -5 <= place[0] <= 0 and abs(place[1] - truck.position_m[1]) <= 1:
                return truck.load, place
        return "asphalt", origin - origin[2] / direction[2] * direction

    return cast_ray


def look_down() -> PinholeCamera:
    return aim_camera(np.array([-2.5, 0.01, 20.0]), np.array([-2.5, 0, 0.0]), 700.0, SIZE_PX)


def box_load(camera: PinholeCamera, truck) -> list[float]:
    pixels, _ = camera.project(truck.body.rim_m * (1, 1, 0) + truck.position_m + (0, 0, LOAD_M))
    return [*pixels.min(0), *pixels.max(0)]


def test_each_place_has_its_kind_height_and_vehicle():
    trucks = [make_truck(0, 0.0, "load"), make_truck(1, 4.0, "cloth")]
    camera = look_down()
    drawn = map_surface(camera, trucks, [box_load(camera, t) for t in trucks], cast_onto(trucks))
    assert drawn.shape == (52, 52, 3)
    for truck, kind in zip(trucks, (Surface.LOAD, Surface.COVER), strict=True):
        here = drawn[..., 2] == truck.track_id
        x1, y1, x2, y2 = box_load(camera, truck)
        assert here.sum() == pytest.approx((x2 - x1) * (y2 - y1) / STRIDE_PX**2, rel=0.15)
        assert (drawn[here, 0] == kind).all()
        assert decode_heights(drawn)[here] == pytest.approx(LOAD_M - RIM_M, abs=0.011)
    assert (drawn[drawn[..., 2] == NOBODY, 0] == Surface.OTHER).all()


def test_what_lies_on_no_bed_belongs_to_nobody():
    truck, heap = make_truck(0, 0.0, "load"), make_truck(1, 3.0, "load")
    camera = look_down()
    drawn = map_surface(camera, [truck], [(0, 0, 416, 416)], cast_onto([truck, heap]))
    assert set(np.unique(drawn[..., 2])) == {0, NOBODY}


def test_without_a_bed_there_is_no_map(tmp_path: Path):
    assert map_surface(look_down(), [], [None], cast_onto([])) is None
    write_map(tmp_path / "a.jpg", None)
    assert not find_map(tmp_path / "a.jpg").exists()


@pytest.fixture
def vehicle(tmp_path: Path) -> Vehicle:
    drawn = np.zeros((10, 10, 3), np.uint8)
    drawn[..., 2] = NOBODY
    drawn[2:6, 3:7] = Surface.LOAD, 75, 0  # 16 to 48 px down, 24 to 56 px right; -1 m
    drawn[6:8, 3:7] = Surface.COVER, 125, 1
    write_map(tmp_path / "a.jpg", drawn)
    return Vehicle(tmp_path / "a.jpg", (0, 0, 80, 80), True, (24, 16, 56, 48), None, 1.0, 2, 1, -1.0, "render")


def test_samples_see_their_own_bed_alone(vehicle: Vehicle):
    kinds, heights = sample_surface(vehicle, Window(24, 16, 32, 48), 4)
    assert kinds[:2].tolist() == [[Surface.LOAD] * 4] * 2
    assert kinds[3].tolist() == [Surface.OTHER] * 4, "the neighbour's cover"
    assert heights[0, 0] == pytest.approx(-1.0)
    assert sample_surface(replace(vehicle, number=1), Window(24, 16, 32, 48), 4)[0][3].tolist() == [Surface.COVER] * 4


def test_samples_follow_a_picture_that_is_cut_off_and_go_beyond_it(vehicle: Vehicle):
    kinds, _ = sample_surface(replace(vehicle, cut_px=16), Window(24, 0, 32, 48), 4)
    assert (kinds == sample_surface(vehicle, Window(24, 16, 32, 48), 4)[0]).all()
    beyond, _ = sample_surface(vehicle, Window(-400, -400, 300, 300), 3)
    assert (beyond == Surface.OTHER).all()


def test_a_picture_without_a_map_teaches_no_surfaces(vehicle: Vehicle):
    assert sample_surface(replace(vehicle, image=Path("/nowhere/b.jpg")), Window(0, 0, 1, 1), 2) is None
