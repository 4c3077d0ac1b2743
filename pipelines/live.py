"""Live cameras through the pipeline of replay: one process, one thread a camera, one thread that judges."""

import logging
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import TypeGuard

from detector.cases.case_id import derive_case_id
from detector.cases.store import CaseStore
from detector.entities import Camera, Frame, Violation
from detector.errors import RoadwardenError
from detector.video.activity_gate import PacketGate
from detector.video.live_source import LiveSource
from detector.video.source import Glance
from pipelines.camera_watch import CameraPlan, CameraWatch
from pipelines.case_pipeline import CaseKeeping, CasePipeline
from pipelines.health import HealthBook
from pipelines.intake import Intake, Item, SessionBegins, SessionEnds
from pipelines.journal import Journal, SessionStream
from pipelines.level_memory import LevelMemory
from pipelines.package_maker import PackageMaker
from pipelines.recovery import Remains, find_remains, lock_rings
from pipelines.sighting_recorder import SightingRecorder
from pipelines.spans import Found, Seen, Span, last_frame
from pipelines.violation_pipeline import JudgedPass, ViolationPipeline
from pipelines.workers import Workers

logger = logging.getLogger(__name__)

CHORES_S = 5.0
"""How often sightings are stored and what a disk or database refused is tried again."""

REPORT_S = 60.0
LAST_TRIES_S = 30.0
"""How long an end waits for evidence that is being written; the rest is taken up at the next start."""

KEEP_SEALED = 100
"""Sealed cases that a session remembers, in case a vehicle that stayed in view ends its pass."""


@dataclass(frozen=True, slots=True)
class CaseDesk:
    """What judges and keeps: the collaborators that replay uses too."""

    pipeline: ViolationPipeline
    packages: PackageMaker
    store: CaseStore
    recorder: SightingRecorder | None


@dataclass(frozen=True, slots=True, eq=False)
class _Session:
    camera: Camera
    footage: LiveSource | Remains
    cases: CasePipeline
    gate: PacketGate | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Batch:
    """One item of each camera, and what its pictures show, which is looked for ahead."""

    items: dict[str, Item]
    found: Found


class LiveRunner:
    """Watches cameras until it is stopped, then finishes the evidence in progress."""

    def __init__(self, plans: list[CameraPlan], desk: CaseDesk, ring_root: Path, intake: Intake | None = None) -> None:
        """Prepare, without connecting.

        Args:
            plans: the cameras.
            desk: judges and keeps.
            ring_root: folder of the packet rings, of this process alone.
            intake: None for one of the usual depth.

        Raises:
            StorageError: the ring's folder cannot be written, or another process uses it.
        """
        self._desk = desk
        self._lock = lock_rings(ring_root)
        self._intake = intake or Intake()
        self._ring_root = ring_root
        self._plans = {plan.camera.camera_id: plan for plan in plans}
        self._levels = LevelMemory(ring_root)
        self._watches: dict[str, CameraWatch] = {}
        self._workers = Workers.threads()
        self._ahead: _Batch | None = None
        self._flushing: Future[None] | None = None
        self._sessions: dict[str, _Session] = {}
        self._unfinished = [self._resume(remains) for remains in find_remains(ring_root)]
        self._sealed_before = 0
        self.health = HealthBook()
        self.analysed: dict[str, int] = dict.fromkeys(self._plans, 0)
        self._judging_s = 0.0
        self._asked_at = monotonic()

    def run(self, stop: threading.Event) -> bool:
        """Watch until `stop` is set.

        Returns:
            False when evidence could not be written to the last; its case stays without.
        """
        for session in self._unfinished:
            session.cases.finish()
        chores_at, report_at = monotonic() + CHORES_S, monotonic() + REPORT_S
        while not stop.is_set():
            self._follow_plans()
            self._work(timeout_s=0.5)
            self._finish_sessions()
            self.health.beat()
            if monotonic() >= chores_at:
                self._do_chores()
                chores_at = monotonic() + CHORES_S
            if monotonic() >= report_at:
                self.report()
                self._levels.save()
                report_at = monotonic() + REPORT_S
        return self._finish()

    def set_plans(self, plans: Sequence[CameraPlan], configuration_sha256: str) -> None:
        """Watch these cameras from now on; may be called from any thread.

        A camera whose plan is the same as before notices nothing. One that is gone or changed ends its session, with
        its evidence sealed as far as it was seen; then the changed one is connected anew.

        Args:
            plans: all cameras that are to be watched.
            configuration_sha256: of the configuration that they come from; the packages of new cases name it.
        """
        wanted = {plan.camera.camera_id: plan for plan in plans}
        for camera_id in sorted(wanted.keys() | self._plans.keys()):
            before, after = self._plans.get(camera_id), wanted.get(camera_id)
            if before != after:
                what = "added" if before is None else "removed" if after is None else "changed"
                logger.info("camera %s: %s by the configuration", camera_id, what)
        packages = self._desk.packages
        provenance = replace(packages.provenance, configuration_sha256=configuration_sha256)
        self._desk = replace(self._desk, packages=replace(packages, provenance=provenance))
        self._plans = wanted

    def is_watching(self, camera_id: str) -> bool:
        """Whether frames of a camera may still be judged; may be called from any thread."""
        return camera_id in self._watches

    def is_quiet(self, camera_id: str) -> bool:
        """Whether a camera's session could end now without cutting a pass or a clip; may be called from any thread."""
        session = self._sessions.get(camera_id)
        return session is None or not (session.cases.has_pending or self._desk.pipeline.has_open_passes(camera_id))

    def measure_load(self) -> float:
        """Share of the time since the last question that was spent judging, 0 to 1."""
        now = monotonic()
        share = self._judging_s / max(now - self._asked_at, 1e-3)
        self._judging_s, self._asked_at = 0.0, now
        return min(1.0, share)

    def _follow_plans(self) -> None:
        """Start what is to be watched; stop what is not, or not so, and let it go once its last frame is judged."""
        plans = self._plans
        for camera_id, watch in list(self._watches.items()):
            if plans.get(camera_id) == watch.plan:
                continue
            watch.stop()
            if not watch.is_alive() and camera_id not in self._sessions and self._intake.forget(camera_id):
                del self._watches[camera_id]
        for camera_id, plan in plans.items():
            if camera_id not in self._watches:
                self.analysed.setdefault(camera_id, 0)
                self._watches[camera_id] = watch = CameraWatch(
                    plan, self._intake, self._ring_root, self._levels.get(camera_id)
                )
                watch.start()

    @property
    def watches(self) -> Mapping[str, CameraWatch]:
        """The cameras that are watched now, by id."""
        return self._watches

    @property
    def cases_sealed(self) -> int:
        """Cases that got their evidence so far."""
        return self._sealed_before + sum(s.cases.sealed_count for s in [*self._sessions.values(), *self._unfinished])

    def report(self) -> None:
        """Say in the log how each camera fares."""
        for camera_id, watch in self._watches.items():
            state = "connecting" if watch.source is None else "live"
            shed = self._intake.shed(camera_id)
            logger.info(
                "camera %s: %s, %d sessions, %d frames analysed, %d shed",
                *(camera_id, state, watch.sessions, self.analysed[camera_id], shed),
            )

    def shed(self, camera_id: str) -> int:
        """Frames of a camera that were due and not analysed, because fresher ones came."""
        return self._intake.shed(camera_id)

    def _work(self, timeout_s: float) -> bool:
        """Begin the detection of the next batch, and judge the one before; False when there is neither."""
        items = self._intake.take(0.0 if self._ahead else timeout_s)
        ready, self._ahead = self._ahead, None
        if items:
            self._ahead = _Batch(items, self._desk.pipeline.look([item for item in items.values() if _is_seen(item)]))
        if ready is not None:
            began = monotonic()
            self._judge(ready)
            self._judging_s += monotonic() - began
        return bool(items) or ready is not None

    def _judge(self, batch: _Batch) -> None:
        """One item of each camera: beginnings first, then all pictures, then ends."""
        for camera_id, item in batch.items.items():
            if isinstance(item, SessionBegins):
                self._begin(camera_id, item.source)
        seen = [(camera_id, item) for camera_id, item in batch.items.items() if _is_seen(item)]
        for (camera_id, item), found in zip(seen, batch.found.result(), strict=True):
            for judged in self._desk.pipeline.judge(item, found):
                self._take(self._sessions[camera_id], judged)
            self.analysed[camera_id] += len(item.frames) if isinstance(item, Span) else 0
            self._note_judged(last_frame(item), self._desk.pipeline.is_busy(camera_id))
        for camera_id, item in batch.items.items():
            if isinstance(item, SessionEnds):
                self._end(camera_id)

    def _note_judged(self, frame: Frame, is_busy: bool) -> None:
        session = self._sessions[frame.camera_id]
        session.cases.advance(frame.stream_s)
        self.health.note_judged(frame)
        if session.gate is not None:
            session.gate.judged(frame.stream_s, is_busy)

    def _begin(self, camera_id: str, source: LiveSource) -> None:
        camera = self._watches[camera_id].plan.camera
        journal = Journal(source.ring.folder, SessionStream.of(source))
        cases = CasePipeline(camera, source, self._keeping(camera, journal))
        self._sessions[camera_id] = _Session(camera, source, cases, source.gate)
        self._desk.pipeline.open_camera(camera, absolute_time=source.time.is_absolute)

    def _resume(self, remains: Remains) -> _Session:
        """A session of an earlier process, as if it had just ended."""
        camera = remains.waiting[0].camera
        journal = Journal(remains.ring.folder, remains.stream)
        cases = CasePipeline(camera, remains, self._keeping(camera, journal))
        for facts in remains.waiting:
            logger.warning("camera %s: case %s: its evidence is taken up again", camera.camera_id, facts.case_id)
            cases.resume(facts)
        return _Session(camera, remains, cases)

    def _keeping(self, camera: Camera, journal: Journal) -> CaseKeeping:
        desk = self._desk
        alarm = partial(self._alarm, camera.camera_id)
        return CaseKeeping(desk.packages, desk.store, self._workers, alarm, journal, self._note_alert)

    def _alarm(self, camera_id: str, error: RoadwardenError) -> None:
        """Something could not be stored for a camera."""
        self.health.note_storage_fault()
        logger.error("camera %s: %s", camera_id, error)

    def _note_alert(self, violation: Violation) -> None:
        delay_s = (datetime.now(UTC) - violation.deciding[-1].captured_at).total_seconds()
        self.health.note_alert(delay_s)
        camera_id = violation.vehicle_pass.camera_id
        logger.info("camera %s: alert %.1f s after the picture that decided", camera_id, delay_s)

    def _take(self, session: _Session, judged: JudgedPass) -> None:
        """A judged pass to the cases and, when it has ended, to the sightings."""
        session.cases.take(judged)
        self.health.note_pass(session.camera.camera_id)
        ended = judged.vehicle_pass
        if session.gate is not None and not ended.is_open and ended.direction and ended.observations:
            session.gate.learn(ended.observations[0].stream_s)
        if self._desk.recorder is None:
            return
        time = session.footage.time
        case_id = derive_case_id(judged.vehicle_pass, time) if judged.violation is not None else None
        self._desk.recorder.take(judged, session.camera, time, case_id)

    def _end(self, camera_id: str) -> None:
        session = self._sessions.pop(camera_id)
        for judged in self._desk.pipeline.close_camera(camera_id):
            self._take(session, judged)
        for loss in session.footage.losses:
            logger.warning("camera %s: %s", camera_id, loss)
        self._unfinished.append(session)
        self._finish_sessions()

    def _finish_sessions(self) -> None:
        """Go on with sessions that have ended; let go of those with nothing left to write, and of their packets."""
        for session in list(self._unfinished):
            session.cases.finish()
            if not session.cases.has_pending:
                self._sealed_before += session.cases.sealed_count
                session.footage.ring.discard()
                self._unfinished.remove(session)

    def _do_chores(self) -> None:
        """Sightings are stored, and what is known of sealed cases is forgotten in time."""
        sessions = [*self._sessions.values(), *self._unfinished]
        for session in sessions:
            session.cases.forget_sealed(KEEP_SEALED)
        self.health.measure(self._watches, self._intake, self.analysed)
        self.health.count_cases(self.cases_sealed, sum(session.cases.pending_count for session in sessions))
        if self._flushing is not None and self._flushing.done():
            flushing, self._flushing = self._flushing, None
            if error := flushing.exception():
                self.health.note_storage_fault()
                logger.error("sightings: %s", error)
        if self._desk.recorder is not None and self._flushing is None:
            self._flushing = self._workers.clerk.submit(self._desk.recorder.flush)

    def _is_writing(self) -> bool:
        recorder = self._desk.recorder
        # Each round of chores begins a flush, be there anything to store or not: nobody waits for one that is done.
        is_flushing = self._flushing is not None and not self._flushing.done()
        return bool(self._unfinished) or is_flushing or (recorder is not None and recorder.has_waiting)

    def _finish(self) -> bool:
        """End every session, and write everything that is in progress."""
        for watch in self._watches.values():
            watch.stop()
        while any(watch.is_alive() for watch in self._watches.values()):
            self._work(timeout_s=0.2)
        while self._work(timeout_s=0.0):
            pass
        until = monotonic() + LAST_TRIES_S
        while self._is_writing() and monotonic() < until:
            self._finish_sessions()
            self._do_chores()
            sleep(0.1)
        self._workers.close()
        for session in self._unfinished:
            logger.error("camera %s: evidence could not be written; it is for the next start", session.camera.camera_id)
        self.report()
        self._levels.save()
        self._lock.close()
        return not self._unfinished


def _is_seen(item: Item) -> TypeGuard[Seen]:
    """Whether an item is a picture."""
    return isinstance(item, Span | Glance)
