"""What the tracker promises the rest of the program."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from detector.entities import Detections, Track, TrackState, VehicleType
from detector.tracking import ByteTracker, ByteTrackSettings, Tracker

START = datetime(2026, 1, 1, tzinfo=UTC)
GOLDEN = Path(__file__).parents[2] / "golden" / "byte_track.npz"
TRUCK, BUS, CAR, PERSON = VehicleType.TRUCK, VehicleType.BUS, VehicleType.CAR, VehicleType.PERSON


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def see(*boxes: tuple, confidence: float = 0.9, kind: VehicleType = TRUCK) -> Detections:
    n = len(boxes)
    return Detections(
        np.array(boxes, np.float32).reshape(n, 4), np.full(n, confidence, np.float32), np.full(n, kind, np.int64)
    )


def moving(x: float, y: float = 100.0) -> tuple:
    return x, y, x + 100, y + 80


def follow(tracker: Tracker, xs: list[float | None], step_s: float = 0.125) -> list[tuple[Track, ...]]:
    """Feed one vehicle; None stands for a frame in which it is not detected."""
    return [tracker.update(see() if x is None else see(moving(x)), at(index * step_s)) for index, x in enumerate(xs)]


def test_gives_every_detection_the_track_that_the_reference_gives_it() -> None:
    """On an uneven, noisy street of 24 vehicles the tracks are those of `trackers` 2.6.1, detection by detection."""
    golden = np.load(GOLDEN)
    tracker = ByteTracker(ByteTrackSettings(sure_confidence=0.6, start_confidence=0.7, min_iou_unsure=0.1))
    ours = np.full(len(golden["frame"]), -1)
    for frame, seconds in enumerate(golden["time_s"]):
        rows = np.flatnonzero(golden["frame"] == frame)
        boxes = golden["xyxy"][rows]
        tracks = tracker.update(Detections(boxes, golden["confidence"][rows], np.full(len(rows), TRUCK)), at(seconds))
        for track in tracks:
            if track.state is TrackState.CONFIRMED:
                ours[rows[(boxes == np.array(track.xyxy)).all(axis=1)]] = track.track_id
    reference = golden["reference"]
    assert ((ours >= 0) == (reference >= 0)).all()
    pairs = set(zip(reference[ours >= 0].tolist(), ours[ours >= 0].tolist(), strict=True))
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs}) == 24


def test_a_track_is_tentative_until_its_second_hit() -> None:
    """One detection may be a false alarm; the second confirms."""
    first, second = follow(ByteTracker(), [100, 110])
    assert [(t.track_id, t.state, t.was_confirmed) for t in first] == [(1, TrackState.TENTATIVE, False)]
    assert [(t.track_id, t.state, t.was_confirmed) for t in second] == [(1, TrackState.CONFIRMED, True)]
    assert second[0].first_seen_at == at(0)
    assert second[0].seen_at == at(0.125)


def test_the_number_of_hits_that_confirm_can_be_chosen() -> None:
    """With 1 the first detection confirms, with 3 the third does."""
    assert follow(ByteTracker(ByteTrackSettings(confirm_hits=1)), [100])[0][0].state is TrackState.CONFIRMED
    states = [tracks[0].state for tracks in follow(ByteTracker(ByteTrackSettings(confirm_hits=3)), [100, 105, 110])]
    assert states == [TrackState.TENTATIVE, TrackState.TENTATIVE, TrackState.CONFIRMED]


def test_a_tentative_track_that_is_not_seen_again_ends_at_once() -> None:
    """A single false alarm is reported as removed in the next frame, and never as confirmed."""
    _, second, third = follow(ByteTracker(), [100, None, None])
    assert [(t.state, t.was_confirmed) for t in second] == [(TrackState.REMOVED, False)]
    assert third == ()


def test_a_vehicle_that_returns_from_short_occlusion_keeps_its_id() -> None:
    """Driving on unseen for 1 s, at a place its first box does not overlap, it is the same track."""
    xs = [100 + 30 * i for i in range(6)] + [None] * 8 + [100 + 30 * i for i in range(14, 17)]
    history = follow(ByteTracker(), xs)
    assert [t.state for t in history[10]] == [TrackState.LOST]
    assert history[10][0].seen_at == at(5 * 0.125)
    assert history[10][0].xyxy == pytest.approx(moving(250))
    assert [(t.track_id, t.state) for t in history[-1]] == [(1, TrackState.CONFIRMED)]


def test_a_vehicle_unseen_for_longer_than_lost_s_is_removed_once_and_forgotten() -> None:
    """After 1.5 s the track ends, is reported as removed exactly once, and the next vehicle is a new one."""
    history = follow(ByteTracker(), [100, 100, 100] + [None] * 20 + [100, 100])
    removed = [(i, t.track_id, t.was_confirmed) for i, ts in enumerate(history) for t in ts if t.state == "removed"]
    assert removed == [(2 + 13, 1, True)]  # 13 x 0.125 s is the first spacing above 1.5 s
    assert [t.track_id for t in history[-1]] == [2]


def test_time_decides_and_not_the_number_of_frames() -> None:
    """A pause of 2 s ends a track even if no frame came between; 1.4 s does not."""
    for pause_s, ids in ((1.4, [1]), (2.0, [1, 2])):
        tracker = ByteTracker()
        follow(tracker, [100, 100])
        tracks = tracker.update(see(moving(100)), at(0.125 + pause_s))
        assert [t.track_id for t in tracks] == ids


def test_uneven_spacing_does_not_break_a_track() -> None:
    """A vehicle at 300 px/s is followed although frames are 0.04 to 0.6 s apart, three times its own length."""
    seconds = np.cumsum([0.1, 0.1, 0.1, 0.1, 0.04, 0.6, 0.04, 0.3, 0.6, 0.1, 1.0, 0.04])
    tracker = ByteTracker()
    for now_s in seconds:
        tracks = tracker.update(see(moving(300 * now_s)), at(now_s))
        assert [t.track_id for t in tracks] == [1]


def test_time_that_does_not_advance_is_refused() -> None:
    """Two frames at one instant are a fault of the source, not something to guess about."""
    tracker = ByteTracker()
    tracker.update(see(moving(0)), at(1))
    for seconds in (1.0, 0.5):
        with pytest.raises(ValueError, match="time does not advance"):
            tracker.update(see(moving(0)), at(seconds))


def test_two_cameras_count_their_ids_independently() -> None:
    """Each tracker starts at 1, and ending one does not touch the other."""
    one, two = ByteTracker(), ByteTracker()
    one.update(see(moving(0), moving(0, 300)), at(0))
    assert [t.track_id for t in two.update(see(moving(0)), at(0))] == [1]
    one.finish()
    assert [t.track_id for t in two.update(see(moving(0), moving(0, 300)), at(0.1))] == [1, 2]


def test_wavering_between_bus_and_truck_neither_splits_a_track_nor_changes_its_type() -> None:
    """The class is voted by summed confidence."""
    tracker = ByteTracker()
    for index in range(10):
        kind, confidence = ((TRUCK, 0.8), (BUS, 0.7))[index % 2]
        (track,) = tracker.update(see(moving(5 * index), kind=kind, confidence=confidence), at(index / 8))
        assert (track.track_id, track.vehicle_type) == (1, TRUCK)


def test_a_person_does_not_continue_the_track_of_a_vehicle() -> None:
    """The driver who stands where the lorry stood is not the lorry."""
    tracker = ByteTracker()
    follow(tracker, [100, 100])
    tracks = tracker.update(see(moving(100), kind=PERSON), at(0.25))
    assert [(t.track_id, t.state, t.vehicle_type) for t in tracks] == [
        (1, TrackState.LOST, TRUCK),
        (2, TrackState.TENTATIVE, PERSON),
    ]


def test_a_person_is_followed_as_a_person() -> None:
    """Persons continue the tracks of persons."""
    tracker = ByteTracker()
    tracker.update(see(moving(100), kind=PERSON), at(0))
    (track,) = tracker.update(see(moving(105), kind=PERSON), at(0.1))
    assert (track.track_id, track.state, track.vehicle_type) == (1, TrackState.CONFIRMED, PERSON)


def test_a_leaving_vehicle_does_not_shrink_away_while_hidden() -> None:
    """From 200 px it shrank by 100 px a second; hidden for 1.2 s it is taken up again at 90 px."""
    tracker = ByteTracker()
    for index in range(11):
        half = 100 - 5 * index
        tracker.update(see((500 - half, 300 - half, 500 + half, 300 + half)), at(index / 10))
    for index in range(11, 22):
        tracker.update(see(), at(index / 10))
    (track,) = tracker.update(see((455, 255, 545, 345)), at(2.2))
    assert (track.track_id, track.state) == (1, TrackState.CONFIRMED)


def test_an_unsure_detection_continues_a_track_but_starts_none() -> None:
    """ByteTrack's idea: half-hidden vehicles are kept, noise is not."""
    tracker = ByteTracker()
    assert tracker.update(see(moving(100), confidence=0.2), at(0)) == ()
    tracker.update(see(moving(100)), at(0.1))
    tracker.update(see(moving(100)), at(0.2))
    (track,) = tracker.update(see(moving(100), confidence=0.2), at(0.3))
    assert (track.state, track.seen_at, track.confidence) == (TrackState.CONFIRMED, at(0.3), pytest.approx(0.2))


def test_finish_ends_every_track_once_and_later_frames_start_new_ones() -> None:
    """Tentative, confirmed and lost tracks all end; ids are not used again."""
    tracker = ByteTracker()
    follow(tracker, [100, 110])
    tracker.update(see(moving(500)), at(0.25))
    ended = tracker.finish()
    assert [(t.track_id, t.state, t.was_confirmed) for t in ended] == [
        (1, TrackState.REMOVED, True),
        (2, TrackState.REMOVED, False),
    ]
    assert tracker.finish() == ()
    assert [t.track_id for t in tracker.update(see(moving(100)), at(0.375))] == [3]


def test_memory_is_forgotten_when_tracks_end() -> None:
    """After 500 vehicles have passed, nothing of them is kept."""
    tracker = ByteTracker()
    for index in range(500):
        tracker.update(see(moving(0), moving(0, 400)) if index % 2 else see(), at(index * 2.0))
    tracker.update(see(), at(1010))
    assert tracker.update(see(), at(1020)) == ()
    assert sum(len(value) for value in vars(tracker).values() if hasattr(value, "__len__")) == 0


def test_an_empty_street_yields_nothing() -> None:
    """No detections, no tracks, no error."""
    tracker = ByteTracker()
    assert tracker.update(see(), at(0)) == tracker.update(see(), at(1)) == tracker.finish() == ()
