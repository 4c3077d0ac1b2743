"""Replay from file to sealed case with real sources, ring, evidence and database; only the models are scripted."""

import errno
import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import av
import numpy as np
import pytest

from detector.cases.store import CaseStore
from detector.database.engine import open_database
from detector.entities import Detections, Grade, VehicleType
from detector.errors import ConfigurationError, StorageError
from detector.evidence.manifest import ModelRecord, Provenance
from detector.evidence.verify import verify_package
from detector.tracking import ByteTracker
from pipelines.case_pipeline import AFTER_S, BEFORE_S
from pipelines.config import load_cameras
from pipelines.package_maker import PackageMaker
from pipelines.progress import ReplayProgress
from pipelines.replay import Replayer, ReplayOptions
from pipelines.report import ClipReport
from pipelines.violation_pipeline import Models, ViolationPipeline
from tests.footage import ClipSpec, index_in, write
from tests.scripted_truck import Heap, Plates

WIDTH, HEIGHT, FRAMES, TICKS = 480, 192, 250, 3
"""A clip of 30 s: 250 pictures, each 3/25 s after the one before."""

ENTERS, LEAVES = 83, 117
"""Frame numbers between which a scripted truck is in the picture: from 10 s to 14 s."""


class ScriptedDetector:
    """Knows from the frame's own number where the truck is."""

    def detect(self, images: Sequence[np.ndarray]) -> list[Detections]:
        return [self._detect(index_in(image)) for image in images]

    def _detect(self, index: int) -> Detections:
        if not ENTERS <= index < LEAVES:
            return Detections.empty()
        y = 20 + 80 * (index - ENTERS) / (LEAVES - ENTERS)
        box = np.array([[60, y, 360, y + 90]], np.float32)
        return Detections(box, np.array([0.9], np.float32), np.array([VehicleType.TRUCK], np.int64))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """30 s with a key frame nearly every second."""
    times = [i * TICKS for i in range(FRAMES)]
    spec = ClipSpec(frames=FRAMES, width=WIDTH, height=HEIGHT, gop=8, times=times)
    return write(tmp_path_factory.mktemp("clip") / "gate.mp4", spec)


def make_replayer(folder: Path, started_at: datetime | None = None) -> tuple[Replayer, CaseStore]:
    store = CaseStore(open_database(f"sqlite:///{folder / 'cases.db'}"))
    provenance = Provenance((ModelRecord("scripted", "1", "0" * 64),), load_cameras(None).sha256, "test")
    options = ReplayOptions(load_cameras(None), None, started_at, folder / "evidence")
    pipeline = ViolationPipeline(Models(ScriptedDetector(), Heap(), Plates()), ByteTracker)
    return Replayer(options, pipeline, PackageMaker(folder / "evidence", provenance), store), store


def replay(clip: Path, folder: Path, **options: object) -> tuple[ClipReport, CaseStore]:
    replayer, store = make_replayer(folder, **options)
    with ReplayProgress() as progress:
        return replayer.replay(clip, progress), store


def read_packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(p) for p in container.demux(container.streams.video[0]) if p.size]


def test_a_clip_becomes_a_sealed_case(clip: Path, tmp_path: Path) -> None:
    """One truck, one case with both findings, an intact package, and a lead because time is only relative."""
    report, store = replay(clip, tmp_path)
    assert report.error is None
    assert (report.frames, len(report.passes)) == (FRAMES, 1)
    assert 200 <= report.analysed <= FRAMES
    ((case, folder),) = report.cases
    assert [f.rule for f in case.findings] == ["uncovered_load", "heaped_load"]
    assert case.plate is not None
    assert case.plate.text == "渝DC6123"
    assert (case.grade, "time_relative" in case.grade_reasons) == (Grade.LEAD, True)
    assert verify_package(Path(folder)).is_intact
    assert store.get(case.case_id) == case
    assert {p.name for p in Path(folder).iterdir()} == {
        "clip.mp4",
        "scene_1.jpg",
        "scene_2.jpg",
        "scene_1.overlay.jpg",
        "scene_2.overlay.jpg",
        "vehicle.jpg",
        "plate.png",
        "composite.jpg",
        "manifest.json",
    }


def test_the_clip_covers_the_deciding_moments_with_margins(clip: Path, tmp_path: Path) -> None:
    """From at least 5 s before the first deciding moment to 10 s after the last, in the source's own packets."""
    report, _ = replay(clip, tmp_path)
    case, folder = report.cases[0]
    manifest = json.loads((Path(folder) / "manifest.json").read_text(encoding="utf-8"))
    time = manifest["time"]
    assert case.evidence is not None
    assert case.evidence.clip_start_s <= time["first_deciding_s"] - BEFORE_S
    assert case.evidence.clip_end_s >= time["last_deciding_s"] + AFTER_S
    source, copied = read_packets(clip), read_packets(Path(folder) / "clip.mp4")
    start = source.index(copied[0])
    assert copied == source[start : start + len(copied)]


def test_replaying_twice_adds_nothing(clip: Path, tmp_path: Path) -> None:
    """The same footage gives the same case and leaves the sealed files untouched."""
    first, store = replay(clip, tmp_path)
    before = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in (tmp_path / "evidence").rglob("*") if p.is_file()}
    second, _ = replay(clip, tmp_path)
    assert second.cases == first.cases
    assert len(store.list()) == 1
    assert {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in before} == before
    assert {p for p in (tmp_path / "evidence").rglob("*") if p.is_file()} == set(before)


def test_another_folder_holds_the_same_manifest(clip: Path, tmp_path: Path) -> None:
    """Nothing in a package depends on when or where it was made."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    digests = set()
    for name in ("a", "b"):
        report, _ = replay(clip, tmp_path / name)
        assert report.cases[0][0].evidence is not None
        digests.add(report.cases[0][0].evidence.manifest_sha256)
    assert len(digests) == 1


def test_absolute_time_makes_readable_ids(clip: Path, tmp_path: Path) -> None:
    """With --started-at the case id carries the Beijing time of the pass."""
    report, _ = replay(clip, tmp_path, started_at=datetime(2026, 5, 18, 1, 30, tzinfo=UTC))
    case = report.cases[0][0]
    assert case.case_id.startswith("RW-20260518-0930")
    assert "time_relative" not in case.grade_reasons


def test_a_full_disk_leaves_nothing_half_written_and_is_made_good_later(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run ends with one clear error, the folder is clean, and the next replay completes the case."""
    real = os.fsync

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match=r"No space|full"):
        replay(clip, tmp_path)
    assert list((tmp_path / "evidence").rglob("*")) == []
    monkeypatch.setattr(os, "fsync", real)
    report, store = replay(clip, tmp_path)
    assert verify_package(Path(report.cases[0][1])).is_intact
    assert [c.evidence is not None for c in store.list()] == [True]


def test_a_truncated_clip_is_judged_as_far_as_it_can_be_read(clip: Path, tmp_path: Path) -> None:
    """The truck before the cut is reported, and the report says where the footage ends."""
    whole = tmp_path / "whole.mkv"
    with av.open(str(clip)) as source, av.open(str(whole), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    cut = tmp_path / "cut.mkv"
    content = whole.read_bytes()
    cut.write_bytes(content[: len(content) * 2 // 3])
    report, _ = replay(cut, tmp_path)
    assert report.error is not None
    assert report.error.startswith(f"{cut}: truncated")
    assert len(report.cases) == 1


def test_footage_that_cannot_be_opened_is_an_error_in_its_report(tmp_path: Path) -> None:
    """A missing file does not stop the clips after it."""
    report, store = replay(tmp_path / "none.mp4", tmp_path)
    assert report.error is not None
    assert "none.mp4" in report.error
    assert store.list() == []


def test_a_wrong_sidecar_stops_the_run(clip: Path, tmp_path: Path) -> None:
    """A time that cannot be trusted is worse than none."""
    copy = tmp_path / "gate.mp4"
    copy.write_bytes(clip.read_bytes())
    (tmp_path / "gate.json").write_text('{"started_at": "yesterday", "uncertainty_ms": 1}', encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"gate\.json: started_at"):
        replay(copy, tmp_path)


def test_a_vehicle_that_stays_is_sealed_while_in_view(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A parked truck does not keep its case waiting for ever."""
    monkeypatch.setattr("pipelines.case_pipeline.LONGEST_WAIT_S", 2.0)
    report, _ = replay(clip, tmp_path)
    case, folder = report.cases[0]
    assert verify_package(Path(folder)).is_intact
    assert case.evidence is not None
    assert case.evidence.clip_end_s < 20.0
