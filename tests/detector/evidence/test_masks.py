"""What published copies must not show."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from detector.entities import VehicleType
from detector.evidence.masks import GREY, Mask, SceneObjects, cover, plan_masks
from detector.evidence.package import write_package
from tests.detector.evidence.makers import draw_picture, make_observation, make_request, make_violation

SUBJECT = make_observation(0, (300.0, 100.0, 600.0, 500.0), plate_text="渝D12345")
NEIGHBOUR = (700.0, 200.0, 900.0, 400.0)
OWN_PLATE = SUBJECT.plate.xyxy


def objects(*, persons=(), vehicles=(), plates=None):
    everything = ((VehicleType.TRUCK, SUBJECT.xyxy), *vehicles)
    return SceneObjects(tuple(persons), everything, plates or ((OWN_PLATE,), *(() for _ in vehicles)))


def covers(masks, point, kind=None):
    """Whether any mask (of a kind) holds a point."""
    return any(
        m.xyxy[0] <= point[0] <= m.xyxy[2] and m.xyxy[1] <= point[1] <= m.xyxy[3] and kind in (None, m.kind)
        for m in masks
    )


def middle(box):
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


class TestPlan:
    def test_the_subjects_plate_and_load_show_and_its_windscreen_does_not(self):
        """The bed is above the windscreen, the plate below it."""
        masks = plan_masks(objects(), SUBJECT, leaves=False)
        assert not covers(masks, middle(OWN_PLATE))
        assert not covers(masks, middle(SUBJECT.load.bed_xyxy))
        assert covers(masks, (450.0, 320.0), "windscreen")

    def test_a_bed_that_was_located_too_low_shows_no_face(self):
        """Where a truck is cut off at the top, the bed is found in its cab: the cab is covered all the same."""
        x1, y1, x2, y2 = SUBJECT.xyxy
        low = replace(SUBJECT.load, bed_xyxy=(x1, y1, x2, y1 + 0.75 * (y2 - y1)))
        masks = plan_masks(objects(), replace(SUBJECT, load=low), leaves=False)
        assert covers(masks, ((x1 + x2) / 2, y1 + 0.55 * (y2 - y1)), "windscreen")

    def test_a_truck_that_drives_away_shows_its_tail(self):
        """Nobody sits behind a tailgate."""
        assert plan_masks(objects(), SUBJECT, leaves=True) == ()

    def test_heads_of_persons_and_riders(self):
        """The upper part of a person, and of who rides."""
        bike = (VehicleType.MOTORCYCLE, (100.0, 100.0, 150.0, 200.0))
        masks = plan_masks(objects(persons=[(10.0, 100.0, 50.0, 200.0)], vehicles=[bike]), SUBJECT, leaves=True)
        assert covers(masks, (30.0, 105.0), "head")
        assert not covers(masks, (30.0, 180.0), "head")
        assert covers(masks, (125.0, 120.0), "head")

    @pytest.mark.parametrize("kind", [VehicleType.CAR, VehicleType.BUS, VehicleType.TRUCK])
    def test_other_vehicles_show_neither_windscreen_nor_plate(self, kind):
        """The plate that was found, with a margin."""
        plate = (780.0, 360.0, 840.0, 375.0)
        found = objects(vehicles=[(kind, NEIGHBOUR)], plates=((OWN_PLATE,), (plate,)))
        masks = plan_masks(found, SUBJECT, leaves=True)
        assert covers(masks, middle(plate), "plate")
        assert covers(masks, (800.0, 250.0), "windscreen")
        assert not covers(masks, (705.0, 398.0))

    def test_a_near_vehicle_whose_plate_was_not_found_is_covered_where_it_may_hang(self):
        """Rather too much than a plate too many; far ones are too small to be read."""
        near = plan_masks(objects(vehicles=[(VehicleType.CAR, NEIGHBOUR)]), SUBJECT, leaves=True)
        assert covers(near, (705.0, 398.0), "plate")
        far = plan_masks(objects(vehicles=[(VehicleType.CAR, (700.0, 200.0, 760.0, 240.0))]), SUBJECT, leaves=True)
        assert not any(mask.kind == "plate" for mask in far)

    def test_a_neighbours_plate_inside_the_subjects_box(self):
        """It is covered, whichever vehicle it was found in."""
        stray = (560.0, 480.0, 595.0, 495.0)
        masks = plan_masks(objects(plates=((OWN_PLATE, stray),)), SUBJECT, leaves=True)
        assert covers(masks, middle(stray), "plate")
        assert not covers(masks, middle(OWN_PLATE))

    def test_without_a_recorded_plate_the_one_in_the_middle_is_the_subjects(self):
        """Unless it lies in another vehicle's box as well."""
        unread = replace(SUBJECT, plate=None)
        assert plan_masks(objects(), unread, leaves=True) == ()
        before = objects(vehicles=[(VehicleType.CAR, (380.0, 380.0, 560.0, 500.0))])
        assert covers(plan_masks(before, unread, leaves=True), middle(OWN_PLATE))

    def test_the_subject_that_is_not_found_again_loses_nothing_but_its_windscreen(self):
        """Its plate is known by where it was read."""
        masks = plan_masks(SceneObjects((), (), ()), SUBJECT, leaves=False)
        assert [mask.kind for mask in masks] == ["windscreen"]


class TestCover:
    def test_what_is_covered_is_gone_and_the_original_stays(self):
        """One flat colour, also at the picture's edge; the subject's plate shows through a neighbour's mask."""
        image = np.arange(60 * 80 * 3, dtype=np.uint8).reshape(60, 80, 3)
        before = image.copy()
        masks = [Mask("head", (-5.0, -5.0, 10.5, 10.0)), Mask("plate", (40.0, 40.0, 200.0, 200.0))]
        shown = cover(image, masks, (50.0, 50.0, 60.0, 55.0))
        assert (image == before).all()
        assert (shown[:10, :11] == GREY).all()
        assert (shown[50:55, 50:60] == image[50:55, 50:60]).all()
        assert (shown[56:, 40:] == GREY).all()
        assert (shown[:40, 12:] == image[:40, 12:]).all()


def test_a_package_holds_masked_copies_of_what_may_be_published(tmp_path):
    """Rows name the original; what was covered stands in the manifest; originals are what they are without masks."""
    violation = make_violation()
    plain = write_package(make_request(violation), tmp_path / "plain")
    seen = []

    def look(image):
        seen.append(image)
        moment = violation.vehicle_pass.observations[len(seen) - 1]
        return SceneObjects(((1000.0, 300.0, 1040.0, 400.0),), ((VehicleType.TRUCK, moment.xyxy),), ((),))

    masked = write_package(make_request(violation, look=look), tmp_path / "masked")
    folders = [tmp_path / side / one.evidence.folder for side, one in (("plain", plain), ("masked", masked))]
    originals = sorted(path.name for path in folders[0].iterdir() if path.name != "manifest.json")
    assert all((folders[0] / name).read_bytes() == (folders[1] / name).read_bytes() for name in originals)
    added = sorted(path.name for path in folders[1].iterdir() if path.name not in {*originals, "manifest.json"})
    assert added == ["composite.masked.jpg", "scene_1.masked.jpg", "scene_2.masked.jpg", "vehicle.masked.jpg"]
    shown = cv2.imread(str(folders[1] / "scene_1.masked.jpg"))
    assert abs(shown[310, 1020].astype(int) - GREY[0]).max() < 6
    first = violation.vehicle_pass.observations[0]
    assert abs(draw_picture(first)[310, 1020].astype(int) - GREY[0]).max() > 6
