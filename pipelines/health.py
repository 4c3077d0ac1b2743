"""How the cameras and the worker fare: measured every few seconds, told as states, rates and counts.

A camera that is silent is a fault like a black one: a road on which nothing passes for hours is rarer than a camera
that looks at the wrong place.
"""

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from time import monotonic
from typing import Any

from detector.entities import Frame, TimeSource
from pipelines.camera_watch import CameraWatch, Tally
from pipelines.intake import Intake

STALLED_S = 2.0
"""A live camera that sends nothing for so long; after its time-out the session ends."""

CLOCK_WRONG_MS = 1000.0
SILENT_S = 6 * 3600.0
STUCK_S = 30.0
"""A worker that has not come to its chores for so long is stuck."""

_DELAYS_KEPT = 1000


class CameraState(StrEnum):
    """What is worst about a camera; `LIVE` when nothing is wrong."""

    CONNECTING = "connecting"
    STALLED = "stalled"
    BLACK = "black"
    FROZEN = "frozen"
    NIGHT_BLIND = "night_blind"
    BLURRED = "blurred"
    MOVED = "moved"
    CLOCK_WRONG = "clock_wrong"
    SILENT = "silent"
    OVERLOADED = "overloaded"
    LIVE = "live"


@dataclass(frozen=True, slots=True)
class CameraHealth:
    """One camera at one moment.

    Attributes:
        camera_id: which.
        state: the worst of `faults`.
        faults: all that is wrong; empty when nothing is.
        last_fault: why the last session or attempt ended, in words; None before.
        sessions: connections so far; the first one counts.
        packets_per_s, analysed_per_s: since the measurement before.
        lag_s: from what has arrived to what has been judged; 0 while the scene is still.
        is_gated: whether the scene is held to be still, so that only glances are taken.
        time_source, uncertainty_ms: of the session's capture times; None while there is none.
        tally: counts since the start of the program.
        analysed, shed: frames since the start of the program.
    """

    camera_id: str
    state: CameraState
    faults: tuple[CameraState, ...]
    last_fault: str | None
    sessions: int
    packets_per_s: float
    analysed_per_s: float
    lag_s: float
    is_gated: bool
    time_source: str | None
    uncertainty_ms: float | None
    tally: Tally
    analysed: int
    shed: int


@dataclass(frozen=True, slots=True)
class WorkerHealth:
    """The worker at one moment.

    Attributes:
        cameras: each of them.
        cases_sealed, cases_waiting: with evidence; on their way to it.
        storage_faults: what disk or database refused so far.
        alert_delays_s: from the deciding picture to the stored alert, of the last alerts.
    """

    cameras: tuple[CameraHealth, ...] = ()
    cases_sealed: int = 0
    cases_waiting: int = 0
    storage_faults: int = 0
    alert_delays_s: tuple[float, ...] = ()

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong with any camera."""
        return all(camera.state is CameraState.LIVE for camera in self.cameras)

    def as_json(self) -> dict[str, Any]:
        """For `/status`."""
        return asdict(self)


@dataclass(slots=True)
class _Memory:
    """What is remembered of a camera between two measurements."""

    measured_at: float
    passed_at: float
    packets: int = 0
    analysed: int = 0
    judged_s: float = 0.0
    frame: Frame | None = None


class HealthBook:
    """Notes what happens in the judging thread, and gives the last measurement to any thread."""

    def __init__(self, silent_s: float = SILENT_S) -> None:
        """Start without cameras; `silent_s` without a vehicle make a camera silent."""
        self._silent_s = silent_s
        self._memories: dict[str, _Memory] = {}
        self._lock = threading.Lock()
        self._delays: deque[float] = deque(maxlen=_DELAYS_KEPT)
        self._beat_at = monotonic()
        self._storage_faults = 0
        self._report = WorkerHealth()

    @property
    def report(self) -> WorkerHealth:
        """The last measurement."""
        return self._report

    @property
    def is_stuck(self) -> bool:
        """Whether the judging thread has not come round for long; only a restart helps."""
        return monotonic() - self._beat_at > STUCK_S

    def note_pass(self, camera_id: str) -> None:
        """A vehicle passed."""
        self._remember(camera_id).passed_at = monotonic()

    def note_judged(self, frame: Frame) -> None:
        """Analysis has come to this frame of the session; the last one of each camera is kept."""
        memory = self._remember(frame.camera_id)
        memory.judged_s, memory.frame = frame.stream_s, frame

    def last_frame(self, camera_id: str) -> Frame | None:
        """The frame that was judged last; None for an unknown camera, or before its first one."""
        memory = self._memories.get(camera_id)
        return memory.frame if memory else None

    def note_alert(self, delay_s: float) -> None:
        """An alert is stored, so long after its deciding picture."""
        with self._lock:
            self._delays.append(delay_s)

    def note_storage_fault(self) -> None:
        """A disk or database refused something."""
        self._storage_faults += 1

    def beat(self) -> None:
        """The judging thread has come round."""
        self._beat_at = monotonic()

    def measure(self, watches: Mapping[str, CameraWatch], intake: Intake, analysed: Mapping[str, int]) -> None:
        """Look at every camera; called every few seconds by the judging thread."""
        self.beat()
        for gone in self._memories.keys() - watches.keys():
            del self._memories[gone]
        cameras = tuple(self._measure(watch, intake, analysed.get(name, 0)) for name, watch in watches.items())
        with self._lock:
            delays = tuple(self._delays)
        before = self._report
        self._report = WorkerHealth(cameras, before.cases_sealed, before.cases_waiting, self._storage_faults, delays)

    def count_cases(self, sealed: int, waiting: int) -> None:
        """How many cases have evidence, and how many wait for it."""
        cameras, delays = self._report.cameras, self._report.alert_delays_s
        self._report = WorkerHealth(cameras, sealed, waiting, self._storage_faults, delays)

    def _remember(self, camera_id: str) -> _Memory:
        now = monotonic()
        return self._memories.setdefault(camera_id, _Memory(now, now))

    def _measure(self, watch: CameraWatch, intake: Intake, analysed: int) -> CameraHealth:
        camera_id, source = watch.plan.camera.camera_id, watch.source
        memory, now, tally = self._remember(camera_id), monotonic(), watch.tally()
        elapsed_s = max(now - memory.measured_at, 1e-3)
        rates = (tally.packets - memory.packets) / elapsed_s, (analysed - memory.analysed) / elapsed_s
        memory.measured_at, memory.packets, memory.analysed = now, tally.packets, analysed
        is_gated = source is not None and source.gate is not None and not source.gate.is_open
        faults = self._find_faults(watch, intake.is_late(camera_id), now - memory.passed_at)
        return CameraHealth(
            camera_id=camera_id,
            state=faults[0] if faults else CameraState.LIVE,
            faults=faults,
            last_fault=watch.last_fault,
            sessions=watch.sessions,
            packets_per_s=round(rates[0], 2),
            analysed_per_s=round(rates[1], 2),
            lag_s=round(max(0.0, source.newest_s - memory.judged_s), 2) if source and not is_gated else 0.0,
            is_gated=is_gated,
            time_source=str(source.time.source) if source else None,
            uncertainty_ms=source.time.uncertainty_ms if source else None,
            tally=tally,
            analysed=analysed,
            shed=intake.shed(camera_id),
        )

    def _find_faults(self, watch: CameraWatch, is_late: bool, without_pass_s: float) -> tuple[CameraState, ...]:
        source = watch.source
        if source is None:
            return (CameraState.CONNECTING,)
        found = [CameraState(fault.value) for fault in watch.pictures.faults]
        if source.silence_s > STALLED_S:
            found.insert(0, CameraState.STALLED)
        time = source.time
        if time.source is TimeSource.RTCP_SENDER_REPORT and (time.uncertainty_ms or 0.0) > CLOCK_WRONG_MS:
            found.append(CameraState.CLOCK_WRONG)
        if without_pass_s > self._silent_s:
            found.append(CameraState.SILENT)
        if is_late:
            found.append(CameraState.OVERLOADED)
        return tuple(found)
