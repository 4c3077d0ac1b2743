"""A camera whose smaller stream is analysed while its main stream is kept for evidence, both on one timeline.

    main stream   RTSP ─► packets ─► ring                                  (never decoded while watching)
    sub-stream    RTSP ─► packets ─► ring, decoder ─► frames on the grid   (`stream_s` counts from its first picture)

Two sessions, each with a clock of its own: capture times bring them together, and `margin_s` is what may be wrong
with that. Which picture of the main stream shows the very instant of an analysed one is found by the pictures
themselves when a package is made (`detector.evidence.instants`).
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from detector.entities import TimeBasis, TimeSource
from detector.errors import SourceError
from detector.packets import AnalysedStream, Packet, StreamInfo
from detector.video.live_source import LiveSource
from detector.video.segment_ring import SessionRing
from detector.video.stream_settings import StreamSettings

MARGIN_S = 2.0
"""How far apart two clocks may put the same instant: as much as arrival alone leaves open (`StreamClock`)."""

ANALYSED = "analysed"
"""Folder of the smaller stream's ring, in that of the main stream."""


class PairedRing:
    """The main stream's packets on the timeline of the analysed stream; what is held stays in both rings.

    A `PacketStore` for those who read; each session fills its own ring.
    """

    def __init__(self, main: SessionRing, analysed: SessionRing, shift_s: float) -> None:
        """Join two rings.

        Args:
            main: what clips are cut from.
            analysed: what was analysed.
            shift_s: see `AnalysedStream`.
        """
        self._main, self._analysed, self._shift_s = main, analysed, shift_s

    @property
    def folder(self) -> Path:
        """Of the main stream's segments; the others lie in it."""
        return self._main.folder

    def hold(self, name: str, from_s: float) -> None:
        """Keep what is needed to show everything from `from_s` on until `release(name)`; the same name replaces."""
        self._main.hold(name, from_s - self._shift_s - MARGIN_S)
        self._analysed.hold(name, from_s)

    def release(self, name: str) -> None:
        """Give up a hold; an unknown name is ignored."""
        self._main.release(name)
        self._analysed.release(name)

    def is_complete(self, end_s: float) -> bool:
        """Whether `read(..., end_s)` would give the same answer at any later time, in either ring."""
        is_main_complete = self._main.is_complete(end_s - self._shift_s + MARGIN_S)
        return is_main_complete and self._analysed.is_complete(end_s)

    def read(self, start_s: float, end_s: float) -> list[Packet]:
        """Packets of the main stream that show everything in [start_s, end_s], and `MARGIN_S` more on either side.

        Raises:
            EvidenceError: the start has been dropped already, or nothing decodable is there.
        """
        first_s, last_s = start_s - self._shift_s - MARGIN_S, end_s - self._shift_s + MARGIN_S
        return [replace(p, stream_s=p.stream_s + self._shift_s) for p in self._main.read(first_s, last_s)]

    def discard(self) -> None:
        """Delete everything; the rings are not used afterwards."""
        self._analysed.discard()
        self._main.discard()


class PairedSource(LiveSource):
    """A `LiveSource` of the smaller stream whose `ring` and `info` are those of the main stream.

    The session lasts as long as both streams do.
    """

    def __init__(
        self,
        camera_id: str,
        analysis_fps: float,
        settings: StreamSettings,
        ring_folder: Path,
        stop: threading.Event | None = None,
    ) -> None:
        """Connect to both streams, side by side; see `LiveSource`.

        Raises:
            SourceError: one of them cannot be watched; says which.
        """
        self._companion: LiveSource | None = None
        with ThreadPoolExecutor(1) as pool:
            connecting = pool.submit(LiveSource, camera_id, None, settings, ring_folder, stop)
            try:
                super().__init__(camera_id, analysis_fps, settings.analysed(), ring_folder / ANALYSED, stop)
            except Exception:  # whatever it was, nothing of the other session stays behind
                if connecting.exception() is None:
                    _put_away(connecting.result())
                raise
        try:
            self._main = self._companion = connecting.result()
        except SourceError:
            super().close()
            super().ring.discard()
            raise
        self._shift_s = (self._main.started_at - self.started_at).total_seconds()
        self._pair = PairedRing(self._main.ring, super().ring, self._shift_s)
        self._main.when_ended(self._follow)

    @property
    def info(self) -> StreamInfo:
        """The main stream, which clips are cut from."""
        return self._main.info

    @property
    def ring(self) -> SessionRing:
        """The main stream's packets on the timeline of the frames."""
        return self._pair

    @property
    def analysed(self) -> AnalysedStream:
        """The stream that the frames come from."""
        return AnalysedStream(super().info, super().ring, self._shift_s)

    @property
    def time(self) -> TimeBasis:
        """How the capture times are known: no better than those of either stream."""
        return worse(super().time, self._main.time)

    def close(self) -> None:
        """End both sessions; returns when both connections are closed, harmless when repeated."""
        super().close()
        if self._companion is not None:
            self._companion.close()

    def _follow(self, reason: str) -> None:
        """The main stream has ended: without it nothing could be proved."""
        self.give_up(f"main stream: {reason}")


def worse(one: TimeBasis, other: TimeBasis) -> TimeBasis:
    """The time basis of which less is known."""

    def quality(basis: TimeBasis) -> tuple[int, float]:
        uncertainty_ms = basis.uncertainty_ms if basis.uncertainty_ms is not None else float("inf")
        return list(TimeSource).index(basis.source), uncertainty_ms

    return max((one, other), key=quality)


def _put_away(source: LiveSource) -> None:
    source.close()
    source.ring.discard()


def open_source(
    camera_id: str,
    analysis_fps: float,
    settings: StreamSettings,
    ring_folder: Path,
    stop: threading.Event | None = None,
) -> LiveSource:
    """A session with a camera, of one stream or of two, as its settings say; see `LiveSource`.

    Raises:
        SourceError: it cannot be watched; never names credentials.
    """
    kind = PairedSource if settings.analysis_url else LiveSource
    return kind(camera_id, analysis_fps, settings, ring_folder, stop)
