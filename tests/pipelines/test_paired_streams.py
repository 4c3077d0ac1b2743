"""A camera with two streams, each with its own pictures, key frames and clock: one is analysed, the other proves."""

import json
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from detector.cases.store import CaseStore
from detector.database.engine import open_database
from detector.errors import SourceError, StorageError
from detector.evidence.manifest import CaseFacts, ModelRecord, Provenance
from detector.evidence.package import Package
from detector.evidence.verify import verify_package
from detector.packets import Excerpt
from detector.tracking import ByteTracker
from detector.video.file_source import FileSource
from detector.video.paired_source import PairedSource, open_source
from detector.video.stream_settings import StreamSettings
from pipelines.camera_watch import CameraPlan
from pipelines.case_pipeline import BEFORE_S
from pipelines.intake import Intake
from pipelines.live import CaseDesk, LiveRunner
from pipelines.package_maker import PackageMaker
from pipelines.spans import cut_spans
from pipelines.violation_pipeline import ViolationPipeline
from tests.footage import ClipSpec, draw, index_in, write
from tests.scripted_truck import CAMERA, HEIGHT, TICKS, WIDTH, make_models

FRAMES, LATE = 175, 4
"""The smaller stream lacks the first `LATE` pictures: its clock puts everything 0.32 s earlier."""


class RefusingPackages(PackageMaker):
    """A disk that takes nothing."""

    def make(self, *_: object) -> Package:
        raise StorageError("disk is full")


def pictures(first: int) -> Iterator[av.VideoFrame]:
    """Large pictures that say their number, with a truck where the scripted detector knows it to be."""
    for place, number in enumerate(range(first, FRAMES)):
        image = draw(number, 2 * WIDTH, 2 * HEIGHT)
        y = round(2 * (20 + 80 * (number - 80) / 25))
        if 80 <= number < 105:
            image[max(y, 96) : y + 180, 120:720] = (30, 60, 170)
            image[max(y + 60, 96) : y + 120, 300:540] = (200, 210, 220)
        frame = av.VideoFrame.from_ndarray(image, format="bgr24")
        frame.pts, frame.time_base = place * TICKS, Fraction(1, 25)
        yield frame


def encode(path: Path, wh: tuple[int, int], gop: int, first: int) -> Path:
    with av.open(str(path), "w") as out:
        options = {"preset": "ultrafast", "crf": "23", "g": str(gop), "x264-params": "bframes=0:scenecut=0"}
        stream = out.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = *wh, "yuv420p"
        for frame in pictures(first):
            out.mux(stream.encode(frame.reformat(*wh, "yuv420p", interpolation="AREA")))
        out.mux(stream.encode(None))
    return path


def make_desk(folder: Path, packages: type[PackageMaker]) -> CaseDesk:
    store = CaseStore(open_database(f"sqlite:///{folder / 'cases.db'}"))
    provenance = Provenance((ModelRecord("scripted", "1", "0" * 64),), "0" * 64, "test")
    pipeline = ViolationPipeline(make_models(), ByteTracker)
    return CaseDesk(pipeline, packages(folder / "evidence", provenance), store, None)


def run(plans: list[CameraPlan], desk: CaseDesk, ring: Path, until: Callable[[], bool]) -> bool:
    """Run until a condition holds (a minute at most); whether everything was written."""
    runner, stop = LiveRunner(plans, desk, ring, Intake(depth=10_000)), threading.Event()
    results: list[bool] = []
    thread = threading.Thread(target=lambda: results.append(runner.run(stop)))
    thread.start()
    clock = threading.Event()
    for _ in range(600):
        if until() or clock.wait(0.1):
            break
    stop.set()
    thread.join(90)
    return results[0]


def sizes(path: Path) -> set[tuple[int, int]]:
    with av.open(str(path)) as container:
        return {(frame.width, frame.height) for frame in container.decode(video=0)}


@pytest.mark.long
def test_stills_show_the_main_stream_at_the_instant_that_was_analysed_in_the_other(
    tmp_path: Path, serve_rtsp: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the process ends before the package is made, and another one makes it of what lies on the disk."""
    main = encode(tmp_path / "main.mp4", (2 * WIDTH, 2 * HEIGHT), 25, 0)
    small = encode(tmp_path / "small.mp4", (WIDTH, HEIGHT), 8, LATE)
    url = serve_rtsp(f"main={main}", f"small={small}")
    plan = CameraPlan(CAMERA, StreamSettings(f"{url}/main", analysis_url=f"{url}/small"))
    monkeypatch.setattr("pipelines.live.LAST_TRIES_S", 1.0)
    refusing = make_desk(tmp_path, RefusingPackages)
    waiting = tmp_path / "ring"
    over = threading.Event()

    def has_seen_enough() -> bool:
        if refusing.store.list() and not over.is_set():
            threading.Timer(6.0, over.set).start()
        return over.is_set()

    assert not run([plan], refusing, waiting, has_seen_enough)
    assert [case.evidence for case in refusing.store.list()] == [None]

    desk = make_desk(tmp_path, PackageMaker)
    assert run([], desk, waiting, lambda: all(case.evidence for case in desk.store.list()))
    (case,) = desk.store.list()
    folder = Path(case.evidence.folder)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert verify_package(folder).is_intact
    assert sizes(folder / "clip.mp4") == {(2 * WIDTH, 2 * HEIGHT)}
    assert sizes(folder / "analysed.mp4") == {(WIDTH, HEIGHT)}
    assert case.evidence.clip_start_s <= manifest["time"]["first_deciding_s"] - BEFORE_S
    analysed = manifest["analysed"]
    assert (analysed["file"], analysed["width"], analysed["height"]) == ("analysed.mp4", WIDTH, HEIGHT)
    assert {row["role"] for row in manifest["files"]} >= {"original_clip", "analysed_clip", "scene"}
    scenes = [row for row in manifest["files"] if row["role"] == "scene"]
    for row in scenes:
        image = cv2.imread(str(folder / row["name"]))
        assert image.shape == (2 * HEIGHT, 2 * WIDTH, 3)
        assert index_in(image) == row["frame_index"] + LATE
    # Whoever plays the clip and draws the observations over it sees them in place and in time.
    shown = {number: index for index, number in enumerate(numbers_in(folder / "clip.mp4"))}
    for row, was in zip(manifest["observations"], analysed["observations"], strict=True):
        assert row["xyxy"] == pytest.approx([2 * value for value in was["xyxy"]], abs=1e-3)
        at_s = row["stream_s"] - manifest["clip"]["start_s"]
        assert abs(at_s - shown[row["frame_index"] + LATE] * TICKS / 25) < 0.041


def numbers_in(path: Path) -> list[int]:
    with av.open(str(path)) as container:
        return [index_in(frame.to_ndarray(format="bgr24")) for frame in container.decode(video=0)]


def test_streams_that_do_not_show_the_same_are_not_brought_together(tmp_path: Path) -> None:
    """The package is then of the analysed stream alone, and the other one lies beside it."""
    small = encode(tmp_path / "small.mp4", (WIDTH, HEIGHT), 8, 0)
    noise = np.random.default_rng(1)
    with av.open(str(tmp_path / "other.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"preset": "ultrafast", "g": "25"})
        stream.width, stream.height, stream.pix_fmt = 320, 128, "yuv420p"
        for place in range(FRAMES):
            image = cv2.resize(noise.integers(0, 255, (16, 40, 3), np.uint8), (320, 128))
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = place * TICKS, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    with FileSource(tmp_path / "other.mp4", "gate") as other:
        list(other)
        main = Excerpt(other.info, other.ring.read(0.0, 14.0))
    desk = make_desk(tmp_path, PackageMaker)
    with FileSource(small, "gate") as source:
        desk.pipeline.open_camera(CAMERA, absolute_time=False)
        spans = cut_spans(source, CAMERA.analysis_fps)
        judged = [item for _, some in desk.pipeline.run(spans) for item in some]
        judged += desk.pipeline.close_camera("gate")
        violation = next(item.violation for item in reversed(judged) if item.violation is not None)
        analysed = Excerpt(source.info, source.ring.read(0.0, 14.0))
        facts = CaseFacts("RW-1", violation, CAMERA, source.time, desk.packages.provenance)
        desk.packages.make(facts, main, analysed)
    folder = desk.packages.root / "RW-1"
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert verify_package(folder).is_intact
    assert sizes(folder / "clip.mp4") == {(WIDTH, HEIGHT)}
    assert sizes(folder / "main.mp4") == {(320, 128)}
    assert {row["name"]: row["role"] for row in manifest["files"]}["main.mp4"] == "main_clip"
    assert manifest["main"]["file"] == "main.mp4"
    assert "analysed" not in manifest


def test_the_session_ends_with_its_main_stream(tmp_path: Path, serve_rtsp: Callable[..., str]) -> None:
    """Without the stream that proves there is no use in watching on; nothing is left behind."""
    short = write(tmp_path / "short.mp4", ClipSpec(frames=75, width=192, height=128))
    long = write(tmp_path / "long.mp4", ClipSpec(frames=250))
    url = serve_rtsp(f"main={short}", f"small={long}")
    settings = StreamSettings(f"{url}/main", analysis_url=f"{url}/small")
    with open_source("gate", 8.0, settings, tmp_path / "ring") as source:
        assert isinstance(source, PairedSource)
        seen = sum(1 for _ in source)
    assert 0 < seen < 60
    assert source.end_reason.startswith("main stream: ")
    assert (source.info.upright_wh, source.analysed.info.upright_wh) == ((192, 128), (96, 64))
    source.ring.discard()
    assert not (tmp_path / "ring").exists()


@pytest.mark.parametrize("missing", ["main", "small"])
def test_a_stream_that_is_not_there_is_one_line_and_leaves_nothing(
    tmp_path: Path, serve_rtsp: Callable[..., str], missing: str
) -> None:
    """Whichever of the two it is."""
    clip = write(tmp_path / "a.mp4", ClipSpec(frames=100))
    url = serve_rtsp(f"{'small' if missing == 'main' else 'main'}={clip}")
    settings = StreamSettings(f"{url}/main", analysis_url=f"{url}/small")
    before = set(count_threads())
    with pytest.raises(SourceError, match=f"camera gate: {url}/{missing}: "):
        open_source("gate", 8.0, settings, tmp_path / "ring")
    assert list((tmp_path / "ring").rglob("*.es")) == []
    assert set(count_threads()) <= before


def count_threads() -> list[str]:
    """Names of the reader threads that live."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("read ")]
