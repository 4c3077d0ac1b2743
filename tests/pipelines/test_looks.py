"""Which pictures are looked at, and in which order."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Event
from time import monotonic, sleep

import numpy as np
import pytest

from detector.entities import Detections, Frame, VehicleType
from detector.errors import ModelError
from pipelines.looks import Looks

START_AT = datetime(2026, 5, 18, 1, 30, tzinfo=UTC)


class Greys:
    """A detector that finds one car as wide as the picture is grey, and a person."""

    def __init__(self) -> None:
        self.looked_at: list[int] = []

    def detect(self, images: Sequence[np.ndarray]) -> list[Detections]:
        return [self._detect(int(image[0, 0, 0])) for image in images]

    def _detect(self, grey: int) -> Detections:
        self.looked_at.append(grey)
        xyxy = np.array([[0, 0, grey, 50], [5, 5, 9, 20]], np.float32)
        return Detections(xyxy, np.full(2, 0.9, np.float32), np.array([VehicleType.CAR, VehicleType.PERSON], np.int64))


def make_frame(grey: int, at_s: float = 0.0, camera_id: str = "a") -> Frame:
    image = np.full((180, 320, 3), grey, np.uint8)
    return Frame(camera_id, image, 0, 0, at_s, START_AT + timedelta(seconds=at_s), "")


def look(detector: Greys, greys: Sequence[int], step_s: float = 4.0, workers: int = 2) -> list[float]:
    """Widths of the cars in successive pictures of one camera; all are begun before any is waited for."""
    looks = Looks(detector, workers)
    begun = [looks.begin([make_frame(grey, i * step_s)])[0] for i, grey in enumerate(greys)]
    return [float(found.xyxy[0, 2]) for (found,) in (one.result() for one in begun)]


def test_pictures_of_several_cameras_are_looked_at_together_without_persons() -> None:
    """Each look gives what its own picture shows."""
    looks = Looks(Greys(), 2).begin([make_frame(10 * i, camera_id=str(i)) for i in range(1, 6)])
    assert [one.result()[0].xyxy.tolist() for one in looks] == [[[0, 0, 10 * i, 50]] for i in range(1, 6)]
    assert [int(one.picture()[0, 0]) for one in looks] == [10, 20, 30, 40, 50]


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_what_has_not_changed_is_not_looked_at(workers: int) -> None:
    """It shows what the last look showed, also when the light changes slowly: compared is what was looked at."""
    detector = Greys()
    assert look(detector, [5, 6, 4, 8, 11, 12, 15, 18], workers=workers) == [5, 5, 5, 5, 5, 12, 12, 12]
    assert sorted(detector.looked_at) == [5, 12]


def test_what_a_look_showed_is_trusted_for_a_minute() -> None:
    """A look that saw too little or too much is not taken for the truth for ever."""
    detector = Greys()
    look(detector, [5] * 31)
    assert detector.looked_at == [5, 5, 5]


def test_cameras_do_not_share_what_they_show() -> None:
    """Each has looks of its own."""
    detector = Greys()
    looks = Looks(detector, 2)
    assert [len(one.result()) for one in looks.begin([make_frame(5), make_frame(5, camera_id="b")])] == [1, 1]
    assert detector.looked_at == [5, 5]


def test_a_recording_that_begins_anew_is_looked_at_anew() -> None:
    """What was seen later in another recording of the camera says nothing of this one."""
    detector = Greys()
    looks = Looks(detector, 1)
    for at_s in (8.0, 0.0):
        looks.begin([make_frame(5, at_s)])[0].result()
    assert detector.looked_at == [5, 5]


def test_a_look_that_failed_or_was_given_up_is_none() -> None:
    """The next picture of the same scene is looked at."""

    class Faulty(Greys):
        def _detect(self, grey: int) -> Detections:
            found = super()._detect(grey)
            if len(self.looked_at) == 1:
                may_fail.wait(30)
                raise ModelError("no look")
            return found

    may_fail, detector = Event(), Faulty()
    looks = Looks(detector, 1)
    failed, given_up, good = (looks.begin([make_frame(grey, at_s)])[0] for grey, at_s in ((5, 0), (90, 1), (90, 2)))
    given_up.cancel()
    may_fail.set()
    with pytest.raises(ModelError, match="no look"):
        failed.result()
    assert float(good.result()[0].xyxy[0, 2]) == 90
    assert float(looks.begin([make_frame(90, 3)])[0].result()[0].xyxy[0, 2]) == 90
    assert float(looks.begin([make_frame(5, 4)])[0].result()[0].xyxy[0, 2]) == 5


def test_a_look_that_somebody_waits_for_comes_before_those_that_have_begun() -> None:
    """While the first picture is looked at, two others wait, and then somebody needs a fourth at once."""

    class Slow(Greys):
        def _detect(self, grey: int) -> Detections:
            found = super()._detect(grey)
            assert grey != 10 or may_go_on.wait(30)
            return found

    may_go_on, detector = Event(), Slow()
    looks = Looks(detector, 1)
    begun = [looks.begin([make_frame(grey, grey)])[0] for grey in (10, 20, 30)]
    with ThreadPoolExecutor(1) as somebody:
        urgent = somebody.submit(looks.look_now, make_frame(40))
        until = monotonic() + 30
        while (detector.looked_at != [10] or len(looks._waiting) < 3) and monotonic() < until:
            sleep(0.01)
        may_go_on.set()
        assert float(urgent.result().xyxy[0, 2]) == 40
    assert [one.result()[0].xyxy[0, 2] for one in begun] == [10, 20, 30]
    assert detector.looked_at == [10, 40, 20, 30]
