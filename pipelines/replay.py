"""Recorded clips through the pipeline: one report a clip, whatever state the clip is in."""

import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from detector.cases.case_id import derive_case_id
from detector.cases.store import CaseStore
from detector.entities import Camera, VehiclePass
from detector.errors import SourceError
from detector.video.activity_gate import ActivityLevel, PacketGate
from detector.video.file_source import FileSource
from detector.video.time_basis import read_sidecar
from pipelines.case_pipeline import CaseKeeping, CasePipeline
from pipelines.config import Cameras
from pipelines.package_maker import PackageMaker
from pipelines.report import ClipReport
from pipelines.sighting_recorder import SightingRecorder
from pipelines.spans import cut_spans, last_frame
from pipelines.violation_pipeline import JudgedPass, ViolationPipeline
from pipelines.workers import Workers


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """What the command line says.

    Attributes:
        cameras: the configuration in use.
        camera_id: which camera took the clips; None: as the sidecar says, or the only one.
        started_at: capture time of each clip's first picture, aware; None: find it.
        evidence_root: absolute path; packages are folders in it.
        records_sightings: False keeps no sighting, whatever the configuration says; for measuring.
        evidence_url: of the storage into which packages go then; None when they stay.
        every_frame: analyse also while nothing moves (see `PacketGate`).
    """

    cameras: Cameras
    camera_id: str | None
    started_at: datetime | None
    evidence_root: Path
    records_sightings: bool = True
    evidence_url: str | None = None
    every_frame: bool = False


class Progress(Protocol):
    """Is told how far a replay has come."""

    def begin(self, name: str, duration_s: float | None) -> None:
        """A recording of known length in seconds begins; None when the container does not say."""

    def advance(self, stream_s: float, frames: int) -> None:
        """The recording has been read up to `stream_s` seconds."""


class Replayer:
    """Replays clips one after another; the result does not depend on what was replayed before."""

    def __init__(
        self,
        options: ReplayOptions,
        pipeline: ViolationPipeline,
        packages: PackageMaker,
        store: CaseStore,
        recorder: SightingRecorder | None = None,
    ) -> None:
        """Take collaborators that are ready to run; without a recorder no sightings are kept."""
        self._recorder = recorder
        self._options = options
        self._pipeline = pipeline
        self._packages = packages
        self._store = store

    def replay(self, clip: Path, progress: Progress) -> ClipReport:
        """Judge one clip.

        Returns:
            A report; its `error` says what is wrong with the footage, and the rest what could be read all the same.

        Raises:
            ConfigurationError: the clip's camera is unknown, or its sidecar is wrong.
            StorageError: cases or evidence cannot be written.
        """
        began = time.monotonic()
        sidecar = read_sidecar(clip)
        camera = self._options.cameras.choose(self._options.camera_id, sidecar.camera_id if sidecar else None)
        try:
            source = FileSource(clip, camera.camera_id, camera.analysis_fps, self._options.started_at)
        except SourceError as error:
            return ClipReport(str(clip), wall_s=time.monotonic() - began, error=str(error))
        with source, closing(Workers.sealing_aside()) as workers:
            progress.begin(clip.name, source.duration_s)
            # What activity costs is learned anew in each clip: the result does not depend on what was replayed before.
            source.gate = None if self._options.every_frame else PacketGate(ActivityLevel())
            cases = CasePipeline(camera, source, CaseKeeping(self._packages, self._store, workers))
            passes: list[VehiclePass] = []
            self._pipeline.open_camera(camera, absolute_time=source.time.is_absolute)
            for item, judged in self._pipeline.run(cut_spans(source, camera.analysis_fps)):
                passes += take_closed(judged, cases)
                self._record(judged, camera, source)
                at_s = last_frame(item).stream_s
                if source.gate is not None:
                    teach(source.gate, judged)
                    source.gate.judged(at_s, self._pipeline.is_busy(camera.camera_id))
                cases.advance(at_s)
                progress.advance(at_s, source.counters.decoded)
            judged = self._pipeline.close_camera(camera.camera_id)
            passes += take_closed(judged, cases)
            self._record(judged, camera, source)
            cases.drain()
            if self._recorder is not None:
                self._recorder.flush()
            counters = source.counters
            return ClipReport(
                path=str(clip),
                video_s=source.end_s,
                wall_s=time.monotonic() - began,
                frames=counters.decoded,
                analysed=counters.analysed,
                passes=tuple(sorted(passes, key=lambda p: (p.first_seen_s, p.track_id))),
                cases=cases.sealed,
                notes=(*source.repairs, *describe_gate(source)),
                error=f"{clip}: {'; '.join(source.losses)}" if source.losses else None,
            )

    def _record(self, judged: list[JudgedPass], camera: Camera, source: FileSource) -> None:
        """Sightings of the passes that ended; only a case keeps pictures."""
        if self._recorder is None:
            return
        for item in judged:
            case_id = derive_case_id(item.vehicle_pass, source.time) if item.violation is not None else None
            self._recorder.take(item, camera, source.time, case_id)


def teach(gate: PacketGate, judged: Iterable[JudgedPass]) -> None:
    """Tell the gate with how much activity each vehicle came that moved and was looked at."""
    for vehicle_pass in (item.vehicle_pass for item in judged):
        if not vehicle_pass.is_open and vehicle_pass.direction and vehicle_pass.observations:
            gate.learn(vehicle_pass.observations[0].stream_s)


def describe_gate(source: FileSource) -> Iterator[str]:
    """What was not decoded, in words."""
    if source.gate is not None and source.gate.held_back:
        packets = source.counters.packets
        yield f"nothing moved in {source.gate.held_back} of {packets} pictures; they were not analysed (--every-frame)"


def take_closed(judged: list[JudgedPass], cases: CasePipeline) -> list[VehiclePass]:
    """Hand everything to the case pipeline; the passes that ended are returned for the report."""
    for item in judged:
        cases.take(item)
    return [item.vehicle_pass for item in judged if not item.vehicle_pass.is_open]
