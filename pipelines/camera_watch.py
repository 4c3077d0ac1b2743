"""One thread a camera: connects, hands on frames, and connects again for ever."""

import logging
import random
import secrets
import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic

from detector.entities import Camera, Frame
from detector.errors import SourceError
from detector.video.activity_gate import ActivityLevel, PacketGate
from detector.video.live_source import LiveSource
from detector.video.paired_source import open_source
from detector.video.picture_checks import PictureWatch, look_at
from detector.video.stream_settings import StreamSettings
from pipelines.intake import Intake, SessionBegins, SessionEnds
from pipelines.spans import cut_spans, last_frame

logger = logging.getLogger(__name__)

FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 30.0

LOOK_EVERY_S = 1.0
"""How often the picture itself is checked."""

START_LAG_S, START_S = 8.0, 40.0
"""Frames wait while a session's clock settles: in its first `START_S` seconds so much more lag is no overload."""


@dataclass(frozen=True, slots=True)
class CameraPlan:
    """A camera and how to reach it."""

    camera: Camera
    stream: StreamSettings


@dataclass(frozen=True, slots=True)
class Tally:
    """What went through a camera's sessions.

    Attributes:
        packets, decoded, corrupt: as in `SourceCounters`.
        undecoded: packets left out because decoding lagged.
        held_back: packets that the gate for still scenes never had decoded.
    """

    packets: int = 0
    decoded: int = 0
    corrupt: int = 0
    undecoded: int = 0
    held_back: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        """Both together."""
        return Tally(*(getattr(self, name) + getattr(other, name) for name in Tally.__slots__))


def wait_before(attempt: int, rng: random.Random) -> float:
    """Seconds to wait before connection `attempt` (from 1): doubling, with jitter, so that cameras do not march."""
    longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(attempt - 1, 10))
    return longest * rng.uniform(0.5, 1.0)


class CameraWatch(threading.Thread):
    """Watches one camera until `stop`; nothing that happens to it reaches another camera.

    Attributes:
        source: the session in progress; None while connecting.
        level: what activity costs at this camera; learned in one session, it serves the next.
        pictures: what is wrong with the camera's picture.
        sessions: sessions so far.
        last_fault: why the last session or attempt ended; None before.
    """

    def __init__(self, plan: CameraPlan, intake: Intake, ring_root: Path, level: ActivityLevel | None = None) -> None:
        """Prepare the thread; `level` as another watch has learned it, None for a new one."""
        super().__init__(name=f"watch {plan.camera.camera_id}", daemon=True)
        self.plan = plan
        self._intake = intake
        self._ring_root = ring_root / plan.camera.camera_id
        self._stop_wanted = threading.Event()
        self._rng = random.Random()
        self.source: LiveSource | None = None
        self.level = level or ActivityLevel()
        self.pictures = PictureWatch()
        self._looked_at = float("-inf")
        self._ended = Tally()
        self.sessions = 0
        self.last_fault: str | None = None

    def run(self) -> None:
        """Connect, watch, wait, again."""
        attempt = 0
        while not self._stop_wanted.is_set():
            try:
                self._watch_once()
                attempt = 0
            except SourceError as error:
                self.last_fault = str(error)
            except Exception:  # a defect in the handling of one camera must not end its watch
                logger.exception("camera %s", self.plan.camera.camera_id)
                self.last_fault = "a defect of the program; see the log"
            attempt += 1
            wait_s = wait_before(attempt, self._rng)
            if not self._stop_wanted.is_set():
                logger.warning("%s; next attempt in %.1f s", self.last_fault, wait_s)
            self._stop_wanted.wait(wait_s)

    def stop(self) -> None:
        """End the watch; what has been seen is still handed on."""
        self._stop_wanted.set()

    def tally(self) -> Tally:
        """What went through so far; may be called from any thread."""
        source = self.source
        return self._ended if source is None else self._ended + _tally(source)

    def _look(self, frame: Frame) -> None:
        """Check the picture itself now and then; time is the host's, since that of sessions starts anew."""
        if monotonic() - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = monotonic()
            self.pictures.update(look_at(frame.image), self._looked_at)

    def _watch_once(self) -> None:
        """One session."""
        camera = self.plan.camera
        folder = self._ring_root / secrets.token_hex(6)
        source = open_source(camera.camera_id, camera.analysis_fps, self.plan.stream, folder, self._stop_wanted)
        self.sessions += 1
        logger.info("camera %s: live, %s, time by %s", camera.camera_id, source.info.codec, source.time.source)
        if self.plan.stream.is_gated:
            source.gate = PacketGate(self.level)
        began = monotonic()

        def lag_s(stream_s: float) -> float:
            allowed_s = START_LAG_S if monotonic() - began < START_S else 0.0
            return source.newest_s - stream_s - allowed_s

        self._intake.put(camera.camera_id, SessionBegins(source))
        try:
            with source:
                self.source = source
                for item in cut_spans(source, camera.analysis_fps):
                    newest = last_frame(item)
                    self._look(newest)
                    self._intake.put(camera.camera_id, item, partial(lag_s, newest.stream_s))
        finally:
            self._ended, self.source = self._ended + _tally(source), None
            self.last_fault = f"camera {camera.camera_id}: {source.end_reason}"
            self._intake.put(camera.camera_id, SessionEnds())


def _tally(source: LiveSource) -> Tally:
    counters, gate = source.counters, source.gate
    held_back = gate.held_back if gate is not None else 0
    return Tally(counters.packets, counters.decoded, counters.corrupt, source.undecoded, held_back)
