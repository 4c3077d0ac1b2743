import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.errors import EvidenceError
from detector.evidence.stills import VISIBLE_SHARE, cut_stills, displacement_px, plan_stills
from tests.detector.evidence.makers import IMAGE_WH, draw_picture, make_observation, make_violation

TRUCK = (300.0, 100.0, 620.0, 400.0)


def moved(dx, dy=0.0):
    x1, y1, x2, y2 = TRUCK
    return (x1 + dx, y1 + dy, x2 + dx, y2 + dy)


def frames(observations):
    return [o.frame_index for o in observations]


class TestScenes:
    def test_the_two_deciding_moments_that_are_furthest_apart(self):
        """Officers must see that the vehicle moves: the largest displacement shows it best."""
        looks = [make_observation(n, moved(dx)) for n, dx in enumerate((0, 100, 300, 290))]
        plan = plan_stills(make_violation(looks), IMAGE_WH)
        assert (frames(plan.scenes), plan.scene_count) == (frames([looks[0], looks[2]]), 2)
        assert plan.displacement_px == pytest.approx(300)

    def test_a_vehicle_cut_off_by_the_border_gives_way_to_a_whole_one(self):
        """A scene shows the whole front of the vehicle where that is possible."""
        looks = [make_observation(n, moved(dx)) for n, dx in enumerate((-300, 0, 200, 660))]
        assert frames(plan_stills(make_violation(looks), IMAGE_WH).scenes) == frames(looks[1:3])

    def test_cut_off_moments_are_taken_when_they_alone_show_movement(self):
        looks = [make_observation(n, moved(dx)) for n, dx in enumerate((-300, 0, 5))]
        plan = plan_stills(make_violation(looks), IMAGE_WH)
        assert (frames(plan.scenes), plan.scene_count) == (frames([looks[0], looks[2]]), 2)

    def test_movement_toward_the_camera_counts(self):
        """The centre of a box stands still while it grows; its corners do not."""
        near = make_observation(1, (240.0, 40.0, 680.0, 460.0))
        assert displacement_px(make_observation(0, TRUCK), near) > VISIBLE_SHARE * IMAGE_WH[0]

    def test_the_nearest_other_moment_helps_out(self):
        """When the deciding frames lie too close together, the second scene comes from elsewhere in the pass."""
        looks = [make_observation(n, moved(dx)) for n, dx in enumerate((-200, -90, 0, 3, 60, 200))]
        deciding = frames(looks[2:4])
        plan = plan_stills(make_violation(looks, deciding=deciding), IMAGE_WH)
        assert (frames(plan.scenes), plan.scene_count) == (frames([looks[1], looks[2]]), 2)

    @pytest.mark.parametrize(("step_s", "scene_count"), [(0.5, 1), (10.0, 2)])
    def test_a_standing_vehicle_needs_ten_seconds(self, step_s, scene_count):
        """Two pictures of a vehicle that stands count as two only when they are ten seconds apart."""
        looks = [make_observation(n, TRUCK, step_s=step_s) for n in range(2)]
        plan = plan_stills(make_violation(looks), IMAGE_WH)
        assert (len(plan.scenes), plan.scene_count) == (2, scene_count)

    def test_one_moment_gives_one_scene(self):
        plan = plan_stills(make_violation([make_observation(0, TRUCK)]), IMAGE_WH)
        assert (len(plan.scenes), plan.scene_count, plan.displacement_px) == (1, 1, 0.0)


class TestCloseUps:
    def test_the_vehicle_is_the_largest_and_sharpest_deciding_look(self):
        looks = [
            make_observation(0, TRUCK, sharpness=100),
            make_observation(1, moved(50), sharpness=300),
            make_observation(2, (250.0, 80.0, 700.0, 480.0), sharpness=20),
            make_observation(3, moved(90), sharpness=900),
        ]
        plan = plan_stills(make_violation(looks, deciding=frames(looks[:3])), IMAGE_WH)
        assert plan.vehicle is looks[1]

    def test_the_plate_is_the_reading_that_agrees_with_the_vote(self):
        texts = ("渝D1Z345", "渝D12345", "渝B12345", None)
        looks = [make_observation(n, moved(40 * n), plate_text=text) for n, text in enumerate(texts)]
        assert plan_stills(make_violation(looks), IMAGE_WH).plate is looks[1]

    def test_without_a_vote_the_plate_is_a_deciding_look(self):
        """An unreadable plate is shown as the rule saw it."""
        looks = [make_observation(n, moved(40 * n), plate_text="") for n in range(3)]
        violation = make_violation(looks, deciding=frames(looks[1:2]), plate=None, rules=("unreadable_plate",))
        assert plan_stills(violation, IMAGE_WH).plate is looks[1]

    def test_no_plate_found_is_no_plate_shown(self):
        looks = [make_observation(0, TRUCK)]
        assert plan_stills(make_violation(looks, plate=None), IMAGE_WH).plate is None


boxes = st.tuples(st.floats(-50, 1200), st.floats(-50, 650), st.floats(20, 600), st.floats(20, 500)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)


class TestAvailability:
    @settings(deadline=None)
    @given(st.lists(st.tuples(boxes, st.booleans(), st.floats(1, 1000), st.booleans()), min_size=1, max_size=8))
    def test_asking_again_with_the_pictures_asked_for_gives_the_same_plan(self, rows):
        """First the plan names the pictures to decode; with exactly those it comes out the same."""
        looks = [
            make_observation(n, box, plate_text="渝D12345" if has_plate else None, sharpness=sharpness)
            for n, (box, has_plate, sharpness, _) in enumerate(rows)
        ]
        deciding = [o.frame_index for o, row in zip(looks, rows, strict=True) if row[3]]
        violation = make_violation(looks, deciding=deciding)
        plan = plan_stills(violation, IMAGE_WH)
        assert plan_stills(violation, IMAGE_WH, plan.pts) == plan

    def test_pictures_that_could_not_be_decoded_are_done_without(self):
        looks = [make_observation(n, moved(100 * n), plate_text="渝D12345") for n in range(4)]
        plan = plan_stills(make_violation(looks), IMAGE_WH, {o.pts for o in looks[1:3]})
        assert plan.pts == {o.pts for o in looks[1:3]}

    def test_no_picture_at_all_is_an_error(self):
        with pytest.raises(EvidenceError, match="none of its deciding pictures can be decoded"):
            plan_stills(make_violation(), IMAGE_WH, ())


class TestCutting:
    def test_stills_are_the_pictures_themselves(self):
        """The plate is bit for bit what was decoded, and nothing is drawn on any still."""
        violation = make_violation()
        images = {o.pts: draw_picture(o) for o in violation.vehicle_pass.observations}
        before = {pts: image.copy() for pts, image in images.items()}
        stills = {still.name: still for still in cut_stills(plan_stills(violation, IMAGE_WH), images)}
        assert list(stills) == ["scene_1.jpg", "scene_2.jpg", "vehicle.jpg", "plate.png"]
        plate = stills["plate.png"]
        x1, y1, x2, y2 = (int(value) for value in plate.crop_xyxy)
        decoded = cv2.imdecode(np.frombuffer(plate.data, np.uint8), cv2.IMREAD_COLOR)
        assert np.array_equal(decoded, before[plate.observation.pts][y1:y2, x1:x2])
        for name in ("scene_1.jpg", "scene_2.jpg"):
            decoded = cv2.imdecode(np.frombuffer(stills[name].data, np.uint8), cv2.IMREAD_COLOR)
            assert cv2.PSNR(decoded, before[stills[name].observation.pts]) > 35
        assert all(np.array_equal(images[pts], before[pts]) for pts in images)

    @pytest.mark.parametrize("box", [(-50.0, -50.0, 20.0, 20.0), (1270.0, 700.0, 1400.0, 800.0),
                                     (1300.0, 800.0, 1400.0, 900.0), (-90.0, -90.0, -50.0, -50.0),
                                     (100.2, 100.2, 100.4, 100.4)])  # fmt: skip
    def test_boxes_at_or_beyond_the_border_still_give_a_picture(self, box):
        """A predicted box may lie outside the picture; the close-up then shows what is nearest, and nothing breaks."""
        look = make_observation(0, box, plate_text="渝D12345")
        plan = plan_stills(make_violation([look]), IMAGE_WH)
        blank = np.zeros((IMAGE_WH[1], IMAGE_WH[0], 3), np.uint8)
        for still in cut_stills(plan, {look.pts: blank}):
            assert cv2.imdecode(np.frombuffer(still.data, np.uint8), cv2.IMREAD_COLOR).size > 0
