"""Tries cameras, all at once: what each of them sends, how its clock stands to ours, and what is wrong with it."""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

from detector.entities import Camera, TimeSource
from detector.errors import ConfigurationError, SourceError
from detector.evidence.grade import MAX_UNCERTAINTY_MS, MIN_IMAGE_WH
from detector.video.live_source import LiveSource
from detector.video.stream_settings import StreamSettings
from pipelines.config import Cameras

AT_ONCE = 64
"""Cameras that are tried side by side; each costs a thread that waits."""

MEASURE_S = 3.0
"""Seconds of stream over which the picture rate is measured."""


@dataclass(frozen=True, slots=True)
class CameraReport:
    """What a camera showed of itself.

    Attributes:
        codec, width, height: None when nothing came.
        fps: pictures a second, measured; None when too few came.
        time: where capture times come from; None when nothing came.
        clock_offset_s: how far the camera's clock is ahead of ours; None when it tells no time.
        problem: why it cannot be watched; None when it can.
        remarks: what works, but not as it should.
    """

    camera_id: str
    codec: str | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    time: str | None = None
    clock_offset_s: float | None = None
    problem: str | None = None
    remarks: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def check_cameras(cameras: Cameras, camera_ids: list[str]) -> list[CameraReport]:
    """Try cameras side by side, none for longer than its time-outs allow; the reports come in the order asked for."""
    with ThreadPoolExecutor(min(AT_ONCE, len(camera_ids))) as pool:
        return [report for found in pool.map(partial(check_camera, cameras), camera_ids) for report in found]


def check_camera(cameras: Cameras, camera_id: str) -> list[CameraReport]:
    """Connect, decode one picture, and measure for `MEASURE_S`; credentials are in no report.

    Returns:
        One report; a second one for the smaller stream of a camera that has one for analysis.
    """
    try:
        settings = cameras.find_stream(camera_id)
    except ConfigurationError as error:
        return [CameraReport(camera_id, problem=str(error))]
    if settings is None:
        return [CameraReport(camera_id, problem="has no [camera.stream] table")]
    camera = cameras.by_id[camera_id]
    reports = [_check_stream(camera, settings, is_proof=True)]
    if settings.analysis_url is not None:
        report = _check_stream(camera, settings.analysed(), is_proof=False)
        reports.append(replace(report, camera_id=f"{camera_id} (analysis)"))
    return reports


def _check_stream(camera: Camera, settings: StreamSettings, *, is_proof: bool) -> CameraReport:
    """Try one stream; `is_proof`: clips and stills are cut from it."""
    camera_id = camera.camera_id
    with tempfile.TemporaryDirectory(prefix="roadwarden-check-") as folder:
        try:
            source = LiveSource(camera_id, camera.analysis_fps, settings, Path(folder) / "ring")
        except SourceError as error:
            return CameraReport(camera_id, problem=str(error).removeprefix(f"camera {camera_id}: "))
        with source:
            frame = next(iter(source), None)
            fps = _measure_fps(source)
        width, height = source.info.upright_wh
        return CameraReport(
            camera_id,
            source.info.codec,
            width,
            height,
            fps,
            source.time.source.value,
            None if source.clock_offset_s is None else round(source.clock_offset_s, 2),
            None if frame is not None else f"no picture can be decoded ({'; '.join(source.losses) or 'none came'})",
            tuple(_remark(source, fps, camera.analysis_fps, is_proof=is_proof)),
        )


def _measure_fps(source: LiveSource) -> float | None:
    """Pictures a second over the next `MEASURE_S`, by their own time stamps; None when the session ends before."""
    began, clock = monotonic(), Event()
    pictures, from_s = source.counters.packets, source.newest_s
    while source.newest_s - from_s < MEASURE_S:
        if source.end_reason is not None or monotonic() > began + 3 * MEASURE_S:
            return None
        clock.wait(0.1)
    return round((source.counters.packets - pictures) / (source.newest_s - from_s), 1)


def _remark(source: LiveSource, fps: float | None, analysis_fps: float, *, is_proof: bool) -> list[str]:
    """What stands against evidence, and what against seeing well."""
    remarks = []
    width, height = source.info.upright_wh
    if is_proof and (width < MIN_IMAGE_WH[0] or height < MIN_IMAGE_WH[1]):
        remarks.append(f"smaller than {MIN_IMAGE_WH[0]}x{MIN_IMAGE_WH[1]}: leads only")
    if source.time.source is not TimeSource.RTCP_SENDER_REPORT:
        remarks.append("tells no capture time: leads only")
    elif source.clock_offset_s is not None and abs(source.clock_offset_s) * 1000 > MAX_UNCERTAINTY_MS:
        remarks.append("clock is wrong: leads only")
    if fps is not None and fps < analysis_fps:
        remarks.append(f"fewer pictures than analysis_fps = {analysis_fps:g}")
    if source.end_reason not in (None, "it was stopped"):
        remarks.append(source.end_reason)
    return remarks
