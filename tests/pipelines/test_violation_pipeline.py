"""The flow: the same frames give the same passes and violations on any number of cores, however cameras interleave."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from detector.entities import (
    Camera,
    Detections,
    Frame,
    PlateColour,
    PlateReading,
    VehicleType,
)
from detector.geometry import Box
from detector.rules import RULES
from detector.tracking import ByteTracker
from pipelines.spans import Span, cut_spans
from pipelines.violation_pipeline import JudgedPass, Models, ViolationPipeline
from tests.scripted_truck import Heap

START_AT = datetime(2026, 5, 18, 1, 30, tzinfo=UTC)
FRAMES = 24
ASPHALT = np.random.default_rng(0).integers(60, 120, (720, 1280, 3), np.uint8)


class SceneDetector:
    """Reads the scene from the picture itself: one pixel says how far a truck has come."""

    def detect(self, images: Sequence[np.ndarray]) -> list[Detections]:
        return [self._detect(image) for image in images]

    def _detect(self, image: np.ndarray) -> Detections:
        step = int(image[0, 0, 0])
        if step == 255:
            return Detections.empty()
        boxes = np.array([[300, 20 + 15 * step, 600, 300 + 15 * step], [900, 100, 960, 250]], np.float32)
        kinds = np.array([VehicleType.TRUCK, VehicleType.PERSON], np.int64)
        return Detections(boxes, np.array([0.9, 0.8], np.float32), kinds)


class PlateEverywhere:
    """Every vehicle has a plate at its foot."""

    def read(self, image: np.ndarray, boxes: Sequence[Box], hints: object = None) -> list[PlateReading | None]:
        return [self._read(*box) for box in boxes]

    def _read(self, x1: float, y1: float, x2: float, y2: float) -> PlateReading:
        left, right, top, low = x1 + 110, x1 + 170, y2 - 60, y2 - 40
        corners = ((left, top), (right, top), (right, low), (left, low))
        return PlateReading("渝DC6123", (0.99,) * 7, (), PlateColour.YELLOW, 0.99, corners, 1, 0.99)


def make_frames(camera_id: str) -> list[Frame]:
    frames = []
    for i in range(FRAMES):
        image = ASPHALT.copy()
        image[0, 0, 0] = i if i < 18 else 255
        at = timedelta(seconds=i * 0.125)
        frames.append(Frame(camera_id, image, i, i, at.total_seconds(), START_AT + at, f"{camera_id}-{i}"))
    return frames


def make_camera(camera_id: str) -> Camera:
    return Camera(camera_id, rules={name: {} for name in RULES})


FPS = 8.0


def run(spans: Sequence[Span], workers: int, cameras: Sequence[Camera]) -> dict[str, list[JudgedPass]]:
    models = Models(SceneDetector(), Heap(), PlateEverywhere(), workers=workers)
    pipeline = ViolationPipeline(models, ByteTracker)
    for camera in cameras:
        pipeline.open_camera(camera, absolute_time=True)
    judged = [item for _, some in pipeline.run(spans) for item in some]
    for camera in cameras:
        judged += pipeline.close_camera(camera.camera_id)
    return {c.camera_id: [j for j in judged if j.vehicle_pass.camera_id == c.camera_id] for c in cameras}


def make_spans(camera_id: str, frames: int = FRAMES) -> list[Span]:
    return list(cut_spans(make_frames(camera_id)[:frames], FPS))


def test_a_heap_passing_is_one_violation_with_both_findings() -> None:
    """From pictures to findings: one truck, one closed pass, two rules; the person beside it is not followed."""
    judged = run(make_spans("a"), 1, [make_camera("a")])["a"]
    closed = [j for j in judged if not j.vehicle_pass.is_open]
    assert len(closed) == 1
    assert closed[0].violation is not None
    assert [f.rule for f in closed[0].violation.findings] == ["uncovered_load", "heaped_load"]
    assert closed[0].vehicle_pass.plate is not None
    assert closed[0].vehicle_pass.plate.text == "渝DC6123"
    assert any(j.vehicle_pass.is_open and j.violation for j in judged)


@pytest.mark.parametrize("workers", [2, 3, 8])
@pytest.mark.parametrize("frames", [0, 1, 2, 5, FRAMES])
def test_the_number_of_cores_changes_nothing(frames: int, workers: int) -> None:
    """However far detectors work ahead, and however few spans there are."""
    spans, cameras = make_spans("a", frames), [make_camera("a")]
    assert run(spans, workers, cameras) == run(spans, 1, cameras)


def test_a_run_that_is_given_up_ends() -> None:
    """Whoever stops asking for spans leaves no thread waiting."""
    pipeline = ViolationPipeline(Models(SceneDetector(), Heap(), PlateEverywhere()), ByteTracker)
    pipeline.open_camera(make_camera("a"), absolute_time=True)
    running = pipeline.run(make_spans("a"))
    first, _ = next(running)
    running.close()
    assert len(first.frames) == 1


@pytest.mark.parametrize("seed", range(5))
def test_interleaving_of_cameras_changes_nothing(seed: int) -> None:
    """Each camera's result is what it would be alone, however frames of several cameras mix."""
    names = ["a", "b", "c"]
    cameras = [make_camera(n) for n in names]
    lanes = {n: make_spans(n) for n in names}
    alone = {n: run(lanes[n], 1, [make_camera(n)])[n] for n in names}
    order = [n for n in names for _ in lanes[n]]
    random.Random(seed).shuffle(order)
    waiting = {n: iter(lanes[n]) for n in names}
    assert run([next(waiting[n]) for n in order], 4, cameras) == alone


def test_a_camera_without_rules_yields_passes_and_no_violation() -> None:
    """Rules that are not in force accuse nobody."""
    judged = run(make_spans("a"), 1, [replace(make_camera("a"), rules={})])["a"]
    assert [j.violation for j in judged] == [None] * len(judged)
    assert judged


def test_closing_a_camera_that_saw_nothing_is_harmless() -> None:
    """A clip without a frame ends without a pass."""
    assert run([], 1, [make_camera("a")]) == {"a": []}
