"""Frames of many cameras meet: bounded, fair, fresh, and sessions never lost."""

import threading
from datetime import UTC, datetime

import numpy as np

from detector.entities import Frame
from detector.video.source import Glance
from pipelines.intake import FRESH_S, LATE_S, Intake, SessionEnds
from pipelines.spans import Span


def frame(camera_id: str, index: int) -> Frame:
    return Frame(camera_id, np.zeros((1, 1, 3), np.uint8), index, index, index / 8, datetime.now(UTC), "")


def span(camera_id: str, *indices: int) -> Span:
    return Span(tuple(frame(camera_id, index) for index in indices))


def drain(intake: Intake) -> list[dict]:
    batches = []
    while batch := intake.take(timeout_s=0.0):
        batches.append(batch)
    return batches


def test_the_freshest_frames_stay_and_the_rest_is_counted() -> None:
    """The oldest are pushed out, in order, and only those of the camera that has too many."""
    intake = Intake(depth=3)
    for index in range(10):
        intake.put("busy", span("busy", index))
    intake.put("quiet", span("quiet", 0))
    batches = drain(intake)
    assert [batch["busy"].last.index for batch in batches] == [7, 8, 9]
    assert [batch["quiet"].last.index for batch in batches if "quiet" in batch] == [0]
    assert (intake.shed("busy"), intake.shed("quiet"), intake.shed("unknown")) == (7, 0, 0)


def test_the_end_of_a_session_is_never_pushed_out() -> None:
    """An end keeps its place between the frames before and after it."""
    intake = Intake(depth=2)
    items = [span("a", 0), span("a", 1), SessionEnds(), span("a", 2), span("a", 3), span("a", 4)]
    for item in items:
        intake.put("a", item)
    assert [batch["a"] for batch in drain(intake)] == [items[2], items[4], items[5]]


def test_what_is_pushed_out_is_counted_in_frames() -> None:
    """A span of four frames that makes way for a fresher one has cost four."""
    intake = Intake(depth=3)
    intake.put("a", span("a", 0, 1, 2, 3))
    intake.put("a", span("a", 4, 5, 6, 7))
    assert intake.shed("a") == 4
    assert [len(batch["a"].frames) for batch in drain(intake)] == [4]


def test_every_camera_has_its_place_in_each_batch() -> None:
    """One item a camera: a camera with many frames does not delay the others."""
    intake = Intake()
    for camera in ("a", "b", "c"):
        for index in range(3):
            intake.put(camera, span(camera, index))
    assert [sorted(batch) for batch in drain(intake)] == [["a", "b", "c"]] * 3


def test_nothing_to_take_is_an_empty_batch() -> None:
    """The judge is woken to do its chores."""
    assert Intake().take(timeout_s=0.01) == {}


def test_a_burst_waits_while_it_is_not_late() -> None:
    """More frames than may wait, as after a look back: none is lost, the sender waits for the judge."""
    intake, sent = Intake(depth=2), range(20)
    sender = threading.Thread(target=lambda: [intake.put("a", span("a", i), lag_s=lambda: 1.0) for i in sent])
    sender.start()
    taken = []
    while len(taken) < len(sent):
        taken += [batch["a"].last.index for batch in drain(intake)]
    sender.join(10)
    assert taken == list(sent)
    assert intake.shed("a") == 0


def test_a_late_camera_gets_its_freshest_frame_until_it_has_caught_up() -> None:
    """Beyond the bound nobody waits: everything older goes and is counted; then frames wait again."""
    intake = Intake(depth=3)
    for index in range(6):
        intake.put("a", span("a", index), lag_s=lambda: LATE_S + 1)
    assert intake.is_late("a")
    assert [batch["a"].last.index for batch in drain(intake)] == [5]
    assert intake.shed("a") == 5
    for index in range(6, 9):
        intake.put("a", span("a", index), lag_s=lambda: FRESH_S / 2)
    assert not intake.is_late("a")
    assert [batch["a"].last.index for batch in drain(intake)] == [6, 7, 8]


def test_still_scenes_keep_none_that_moves_waiting() -> None:
    """A batch holds few glances, in turn, and every frame."""
    intake = Intake()
    for number in range(5):
        intake.put(f"still-{number}", Glance(frame(f"still-{number}", 0)))
    intake.put("busy", span("busy", 0))
    batches = [set(batch) for batch in drain(intake)]
    assert [len(batch - {"busy"}) for batch in batches] == [2, 2, 1]
    assert "busy" in batches[0]
    assert set().union(*batches) == {"busy", *(f"still-{number}" for number in range(5))}
