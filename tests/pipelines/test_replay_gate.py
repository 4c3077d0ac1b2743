"""A mostly idle recording: what nothing moves in is not analysed, and nothing that moves is missed."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from detector.cases.store import CaseStore
from detector.database.engine import open_database
from detector.entities import Camera, Detections, VehicleType
from detector.evidence.manifest import ModelRecord, Provenance
from detector.tracking import ByteTracker
from pipelines.config import Cameras
from pipelines.package_maker import PackageMaker
from pipelines.progress import ReplayProgress
from pipelines.replay import Replayer, ReplayOptions
from pipelines.report import ClipReport
from pipelines.violation_pipeline import ViolationPipeline
from tests.scripted_truck import make_models

WIDTH, HEIGHT, RATE = 480, 192, Fraction(25, 2)
VISITS, VISIT, STILL = 5, 25, 175
"""Five visits of 2 s, each followed by 14 s of an empty road."""

CAMERA = Camera("gate", rules={"uncovered_load": {}, "heaped_load": {}})


class BrightTruck:
    """What is bright is a truck."""

    def detect(self, images: Sequence[np.ndarray]) -> list[Detections]:
        return [self._detect(image) for image in images]

    def _detect(self, image: np.ndarray) -> Detections:
        ys, xs = np.nonzero(image[..., 1] > 180)
        if len(ys) < 1000:
            return Detections.empty()
        box = np.array([[xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]], np.float32)
        return Detections(box, np.array([0.9], np.float32), np.array([VehicleType.TRUCK], np.int64))


def draw(index: int) -> np.ndarray:
    """An empty road, or a speckled truck that comes down it."""
    image = np.full((HEIGHT, WIDTH, 3), 70, np.uint8)
    step = index % (VISIT + STILL)
    if step < VISIT:
        speckle = np.random.default_rng(index).integers(200, 256, (90, 300, 1), np.uint8)
        top = 10 + 3 * step
        image[top : top + 90, 60:360] = speckle
    return image


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("idle") / "gate.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "g": "13", "sc_threshold": "0"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for index in range(VISITS * (VISIT + STILL)):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(draw(index), format="bgr24")))
        out.mux(stream.encode(None))
    return path


def replay(clip: Path, folder: Path, every_frame: bool, workers: int = 2) -> ClipReport:
    models = replace(make_models(), detector=BrightTruck(), workers=workers)
    options = ReplayOptions(
        Cameras({"gate": CAMERA}, "0" * 64, None), None, None, folder / "evidence", every_frame=every_frame
    )
    provenance = Provenance((ModelRecord("scripted", "1", "0" * 64),), "0" * 64, "test")
    store = CaseStore(open_database(f"sqlite:///{folder / 'cases.db'}"))
    pipeline, packages = ViolationPipeline(models, ByteTracker), PackageMaker(options.evidence_root, provenance)
    with ReplayProgress() as progress:
        return Replayer(options, pipeline, packages, store).replay(clip, progress)


@pytest.mark.long
def test_an_idle_clip_costs_little_and_loses_nothing(clip: Path, tmp_path: Path) -> None:
    """Three visits teach what activity costs; then still road is not analysed, and every visit is a case."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    gated, whole = replay(clip, tmp_path / "a", False), replay(clip, tmp_path / "b", True)
    assert len(whole.cases) == len(gated.cases) == VISITS
    assert [c.case_id for c, _ in gated.cases] == [c.case_id for c, _ in whole.cases]
    assert [[f.rule for f in c.findings] for c, _ in gated.cases] == [
        [f.rule for f in c.findings] for c, _ in whole.cases
    ]
    assert [p.pass_id for p in gated.passes] == [p.pass_id for p in whole.passes]
    assert gated.analysed < 0.8 * whole.analysed
    assert any("nothing moved" in note for note in gated.notes)
    assert not any("nothing moved" in note for note in whole.notes)
    assert (gated.error, whole.error) == (None, None)


@pytest.mark.parametrize("workers", [1, 5])
def test_the_number_of_cores_changes_no_case(clip: Path, tmp_path: Path, workers: int) -> None:
    """However far the detector works ahead of the judgement that tells the gate what moves."""
    report = replay(clip, tmp_path, False, workers)
    assert len(report.cases) == VISITS
    assert report.analysed < 0.9 * VISITS * (VISIT + STILL) * 8 / 12.5
