"""Frames of many cameras meet: bounded, fair, fresh, and sessions never lost."""

from datetime import UTC, datetime

import numpy as np

from detector.entities import Frame
from pipelines.intake import Intake, SessionEnds


def frame(camera_id: str, index: int) -> Frame:
    return Frame(camera_id, np.zeros((1, 1, 3), np.uint8), index, index, index / 8, datetime.now(UTC), "")


def drain(intake: Intake) -> list[dict]:
    batches = []
    while batch := intake.take(timeout_s=0.0):
        batches.append(batch)
    return batches


def test_the_freshest_frames_stay_and_the_rest_is_counted() -> None:
    """The oldest are pushed out, in order, and only those of the camera that has too many."""
    intake = Intake(depth=3)
    for index in range(10):
        intake.put("busy", frame("busy", index))
    intake.put("quiet", frame("quiet", 0))
    batches = drain(intake)
    assert [batch["busy"].index for batch in batches] == [7, 8, 9]
    assert [batch["quiet"].index for batch in batches if "quiet" in batch] == [0]
    assert (intake.shed("busy"), intake.shed("quiet"), intake.shed("unknown")) == (7, 0, 0)


def test_the_end_of_a_session_is_never_pushed_out() -> None:
    """An end keeps its place between the frames before and after it."""
    intake = Intake(depth=2)
    items = [frame("a", 0), frame("a", 1), SessionEnds(), frame("a", 2), frame("a", 3), frame("a", 4)]
    for item in items:
        intake.put("a", item)
    assert [batch["a"] for batch in drain(intake)] == [items[2], items[4], items[5]]


def test_every_camera_has_its_place_in_each_batch() -> None:
    """One item a camera: a camera with many frames does not delay the others."""
    intake = Intake()
    for camera in ("a", "b", "c"):
        for index in range(3):
            intake.put(camera, frame(camera, index))
    assert [sorted(batch) for batch in drain(intake)] == [["a", "b", "c"]] * 3


def test_nothing_to_take_is_an_empty_batch() -> None:
    """The judge is woken to do its chores."""
    assert Intake().take(timeout_s=0.01) == {}
