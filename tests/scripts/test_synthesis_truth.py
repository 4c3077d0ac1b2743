"""Labels of rendered scenes: projection, what a camera sees of a bed, and the honest judgement. No bpy needed."""

import numpy as np
import pytest

from scripts.synthesis.cameras import PLACES, aim_camera, draw_place, frame_points
from scripts.synthesis.looks import CABS, CLOTHS, FLOOR, LOADS, PAINTS
from scripts.synthesis.specs import STATES, Cover, Load, PlateSource, Tipper, draw_tipper
from scripts.synthesis.truth import (
    BedView,
    box_points,
    box_seen_bed,
    judge_bed,
    label_plate,
    look_into_bed,
    name_state,
    place_points,
)

RIM = np.array([[0.0, 1, 2.5], [0, -1, 2.5], [-5, -1, 2.5], [-5, 1, 2.5]])
WALL_M = 1.2
SEES_ALL = BedView(open_share=0.9, cover_share=0.0, load_share=0.8, deep_share=0.0, heap_points=0)


def make_spec(load: Load, cover: Cover) -> Tipper:
    return Tipper(CABS["train"][0], (0.1,) * 3, (0.1,) * 3, load, cover, "渝A12345", "yellow_single")


def make_load(crest_m: float | None) -> Load:
    return Load(LOADS["train"][0], crest_m)


def cast_into_box(floor_m: float, material: str):
    """Rays into an open box with the edge RIM whose floor (or load) is level at `floor_m`; walls outside are opaque."""

    def cast_ray(origin, direction):
        hits = []
        for height, name in ((floor_m, material),):
            if abs(direction[2]) > 1e-9 and (t := (height - origin[2]) / direction[2]) > 0:
                place = origin + t * direction
                if -5 <= place[0] <= 0 and -1 <= place[1] <= 1:
                    hits.append((t, name, place))
        for axis, at in ((0, 0.0), (0, -5.0), (1, 1.0), (1, -1.0)):
            if abs(direction[axis]) > 1e-9 and (t := (at - origin[axis]) / direction[axis]) > 0:
                place = origin + t * direction
                if 0.8 < place[2] < 2.5 and -5.001 <= place[0] <= 0.001 and -1.001 <= place[1] <= 1.001:
                    hits.append((t, "bed_inside", place))
        return min(hits, key=lambda h: h[0])[1:] if hits else None

    return cast_ray


def test_camera_projects_its_target_to_the_middle_with_right_and_down_positive():
    camera = aim_camera(np.array([10.0, 0, 6]), np.array([0.0, 0, 0]), 800.0, (640, 480))
    pixels, depth = camera.project(np.array([[0.0, 0, 0], [0, 1, 0], [0, 0, 1]]))
    assert pixels[0] == pytest.approx((320, 240))
    assert pixels[1][0] > 320, "looking along -x, +y lies to the right"
    assert pixels[2][1] < 240, "higher is further up"
    assert depth[0] == pytest.approx(np.hypot(10, 6))


@pytest.mark.parametrize("fill", [0.5, 0.8, 1.0])
def test_framing_fills_the_asked_share_and_centres_the_box(fill):
    rng = np.random.default_rng(3)
    points = rng.uniform((-8, -1.2, 0), (0, 1.2, 3), (60, 3))
    camera = frame_points(np.array([9.0, 3, 6]), points, (416, 416), fill)
    pixels, _ = camera.project(points)
    low, high = pixels.min(0), pixels.max(0)
    assert (high - low).max() == pytest.approx(fill * 416, rel=0.05)
    assert (low + high) / 2 == pytest.approx((208, 208), abs=12)


def test_box_is_clipped_to_the_picture_and_none_when_behind():
    camera = aim_camera(np.array([0.0, 0, 2]), np.array([-10.0, 0, 2]), 500.0, (400, 300))
    wide = np.array([[-10.0, -50, 2], [-10.0, 0, 2], [-10.0, 0, 1], [-10.0, -50, 1]])
    assert box_points(camera, wide) == [0.0, 150.0, 200.0, 200.0]
    assert box_points(camera, wide * (-1, 1, 1)) is None


def test_box_of_a_shape_that_is_cut_off_is_no_wider_than_what_is_seen():
    camera = aim_camera(np.array([0.0, 0, 2]), np.array([-10.0, 0, 2]), 500.0, (400, 300))
    triangle = np.array([[-10.0, 0, 1], [-10.0, -8, -5], [-10.0, 8, -5]])
    x1, _, x2, y2 = box_points(camera, triangle)
    assert y2 == 300
    assert (x1, x2) == pytest.approx((200 - 400 / 3, 200 + 400 / 3), abs=1), "the cut at the lower border, not the base"


def test_places_turn_about_the_vertical_before_they_move():
    moved = place_points(np.array([[1.0, 0, 0]]), np.array([5.0, 0, 0]), np.pi / 2)
    assert moved[0] == pytest.approx((5, 1, 0))


@pytest.mark.parametrize(("height_m", "sees"), [(7.0, True), (1.8, False)])
def test_a_high_camera_sees_into_the_bed_and_a_low_one_does_not(height_m, sees):
    camera = aim_camera(np.array([8.0, 0, height_m]), np.array([-2.5, 0, 2.0]), 600.0, (800, 800))
    view = look_into_bed(camera, RIM, WALL_M, np.zeros((0, 3)), cast_into_box(1.3, "floor"))
    assert (view.open_share > 0.8) == sees
    assert (view.deep_share > 0.15) == sees


def test_a_load_just_below_the_edge_is_seen_as_load():
    camera = aim_camera(np.array([8.0, 0, 7]), np.array([-2.5, 0, 2.0]), 600.0, (800, 800))
    view = look_into_bed(camera, RIM, WALL_M, np.zeros((0, 3)), cast_into_box(2.3, "load"))
    assert view.load_share > 0.5
    assert judge_bed(make_spec(make_load(-0.2), Cover()), -0.2, view) == ("open", "below_edge")


def behind_a_board(cast_ray, x_m: float, low_m: float, high_m: float):
    """The same rays with an opaque board across the road at `x_m`, a cab's back wall."""

    def cast(origin, direction):
        t = (x_m - origin[0]) / direction[0] if abs(direction[0]) > 1e-9 else -1.0
        place = origin + t * direction
        hit = cast_ray(origin, direction)
        if t > 0 and low_m < place[2] < high_m and abs(place[1]) < 1.3:
            return hit if hit and np.linalg.norm(hit[1] - origin) < t else ("paint", place)
        return hit

    return cast


def test_the_seen_box_leaves_out_what_a_cab_hides():
    camera = aim_camera(np.array([14.0, 0, 6]), np.array([-2.5, 0, 2.0]), 900.0, (800, 800))
    open_box = cast_into_box(1.3, "floor")
    free = box_seen_bed(camera, RIM, np.zeros((0, 3)), open_box)
    hidden = box_seen_bed(camera, RIM, np.zeros((0, 3)), behind_a_board(open_box, 0.6, 0.0, 3.0))
    whole = box_points(camera, np.concatenate([RIM, RIM - (0, 0, 0.3)]))
    assert free == pytest.approx(whole, abs=4), "nothing stands in the way"
    assert hidden[1] == pytest.approx(free[1], abs=4), "the rear end is seen over the cab"
    assert hidden[3] < free[3] - 10, "the front end is not"


def test_the_seen_box_holds_a_heap_above_the_edge():
    camera = aim_camera(np.array([14.0, 0, 6]), np.array([-2.5, 0, 2.0]), 900.0, (800, 800))
    boxes = []
    for z in (2.3, 3.2):
        load = np.array([[x, y, z] for x in np.linspace(-5, 0, 9) for y in np.linspace(-1, 1, 5)])
        boxes.append(box_seen_bed(camera, RIM, load, cast_into_box(z, "load")))
    level, heaped = boxes
    assert heaped[1] < level[1] - 10


def test_a_bed_that_is_out_of_sight_has_no_seen_box():
    camera = aim_camera(np.array([14.0, 0, 1.5]), np.array([-2.5, 0, 1.5]), 900.0, (800, 800))
    wall = behind_a_board(cast_into_box(1.3, "floor"), 0.6, 0.0, 4.0)
    assert box_seen_bed(camera, RIM, np.zeros((0, 3)), wall) is None


CLOSED = Cover("cloth", CLOTHS["train"][0])
HALF = Cover("cloth", CLOTHS["train"][0], extent=0.5)
BLIND = BedView(0.0, 0.0, 0.0, 0.0, 0)


@pytest.mark.parametrize(
    ("crest_m", "cover", "view", "expected"),
    [
        (None, Cover(), BedView(0.9, 0, 0, 0.4, 0), ("open", "empty")),
        (None, Cover(), BedView(0.9, 0, 0, 0.02, 0), ("open", "not_visible")),
        (-0.3, Cover(), SEES_ALL, ("open", "below_edge")),
        (-1.0, Cover(), BedView(0.6, 0, 0.01, 0.1, 0), ("open", "not_visible")),
        (0.4, Cover(), BedView(0.9, 0, 0.8, 0, 40), ("open", "above_edge")),
        (0.4, Cover(), BedView(0.0, 0, 0.0, 0, 20), ("open", "above_edge")),
        (0.4, CLOSED, BedView(0.9, 0.9, 0, 0, 40), ("closed", "above_edge")),
        (-0.4, CLOSED, BedView(0.9, 0.9, 0, 0, 0), ("closed", "not_visible")),
        (-0.4, HALF, BedView(0.9, 0.4, 0.4, 0, 0), ("partial", "below_edge")),
        (-0.4, HALF, BedView(0.4, 0.39, 0.01, 0, 0), ("not_visible", "not_visible")),
        (-0.4, CLOSED, BLIND, ("not_visible", "not_visible")),
        (None, Cover(), BLIND, ("not_visible", "not_visible")),
    ],
)
def test_what_cannot_be_seen_is_not_claimed(crest_m, cover, view, expected):
    assert judge_bed(make_spec(make_load(crest_m), cover), crest_m, view) == expected


def test_states_follow_from_the_two_axes():
    assert name_state("closed", "above_edge") == "covered"
    assert name_state("open", "above_edge") == "heaped"
    assert name_state("open", "not_visible") == "not_visible"
    assert {
        name_state(c, f) for c in ("closed", "partial", "open", "not_visible") for f in ("empty", "below_edge")
    } <= set(STATES)


def test_plate_corners_are_given_only_for_a_plate_that_faces_the_camera():
    front = np.array([[0.0, -0.22, 0.65], [0, 0.22, 0.65], [0, 0.22, 0.51], [0, -0.22, 0.51]])
    camera = aim_camera(np.array([10.0, 0, 4]), np.array([0.0, 0, 0.6]), 2000.0, (800, 600))
    corners = label_plate(camera, front, lambda origin, direction: ("plate", front.mean(0)))
    assert corners is not None
    assert corners[0][0] < corners[1][0] and corners[0][1] < corners[3][1], "top-left first, clockwise"
    assert label_plate(camera, front[[1, 0, 3, 2]], lambda origin, direction: ("plate", front.mean(0))) is None
    assert label_plate(camera, front, lambda origin, direction: ("leaf", np.array([5.0, 0, 2]))) is None


@pytest.mark.parametrize("pool", [CABS, LOADS, CLOTHS])
def test_validation_shares_no_looks_with_training(pool):
    assert not {look.name for look in pool["train"]} & {look.name for look in pool["val"]}
    assert not set(PAINTS["train"]) & set(PAINTS["val"])
    assert not set(PLACES["train"]) & set(PLACES["val"])


def test_training_mixes_its_looks_and_validation_shows_the_named_ones():
    plates = PlateSource(lambda plate_type, rng: "渝A12345")
    drawn = {
        split: [draw_tipper("heaped", split, plates, np.random.default_rng(n)) for n in range(60)] for split in CABS
    }
    assert {spec.load.material for spec in drawn["val"]} <= set(LOADS["val"])
    assert {spec.paint for spec in drawn["val"]} <= set(PAINTS["val"])
    assert {spec.floor_rgb for spec in drawn["val"]} == {FLOOR}
    mixed = [spec.load.material for spec in drawn["train"] if spec.load.material not in LOADS["train"]]
    assert 20 < len(mixed) < 50
    assert len({material.dark for material in mixed}) == len(mixed)
    for material in mixed:
        assert all(0 < dark < light < 1 for dark, light in zip(material.dark, material.light, strict=True))
        assert 0.003 < material.grain_m < 0.08 and 0 <= material.wetness <= 0.9


@pytest.mark.parametrize("state", STATES[:6])
def test_the_same_seed_draws_the_same_tipper_and_the_state_holds(state):
    plates = PlateSource(lambda plate_type, rng: "渝A12345")
    for seed in range(25):
        first = draw_tipper(state, "train", plates, np.random.default_rng(seed))
        assert first == draw_tipper(state, "train", plates, np.random.default_rng(seed))
        crest, kind = first.load.crest_m, first.cover.kind
        if state == "empty":
            assert crest is None and kind == "none"
        if state == "loaded":
            assert crest < 0 and kind == "none"
        if state == "heaped":
            assert crest > 0 and kind == "none"
        if state == "covered":
            assert first.cover.extent == 1.0 and kind != "none"
        if kind in ("slide", "fold"):
            assert crest is None or crest <= -0.05, "no heap under a hard lid"


def test_loads_are_bundled_up_under_green_and_blue_cloths_in_training_alone():
    """With gaps to the walls; of a ball in another colour nobody could tell whether it is rubble."""
    plates = PlateSource(lambda plate_type, rng: "渝A12345")
    drawn = {
        split: [draw_tipper("covered", split, plates, np.random.default_rng(seed)) for seed in range(200)]
        for split in ("train", "val")
    }
    bundled = [spec for spec in drawn["train"] if spec.cover.shape == "bundled"]
    assert 5 < len(bundled) < 60
    for spec in bundled:
        red, *others = spec.cover.cloth.rgb
        assert max(others) >= 2 * red
        assert spec.load.crest_m - spec.load.contact_m >= 0.3
        assert spec.cover.overhang_m == 0
    assert not [spec for spec in drawn["val"] if spec.cover.shape == "bundled"]


def test_places_lie_on_the_asked_side():
    rng = np.random.default_rng(0)
    for _ in range(50):
        name, position = draw_place("train", 8.0, rng)
        assert position[2] > 4
        if name == "gantry_front":
            assert position[0] > 0
        if name == "gantry_rear":
            assert position[0] < -8
