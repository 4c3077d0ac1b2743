"""Which packets are worth decoding: a still scene costs a key frame now and then, and what begins is not missed.

Coding a moving vehicle takes more bytes than coding a still road. How many more depends on camera, light and encoder,
so the gate learns it from what the analysis finds: `ActivityLevel` keeps, for the last passes that were looked at, how
many bytes a second there were when the look began. Below the least of them, with a margin, nothing is expected. A
camera whose stream shows no such contrast (constant bit rate, noise at night) never gets below it and is never gated.

    closed:  some key frames alone ("glances"), for a detector without memory; everything else waits in the look-back
    opens:   by bytes, or by a glance that shows a vehicle where none stood; decoding begins `look_back_s` earlier
    closes:  when bytes have been few for a while, and analysis has seen everything until then and nothing that moves

The gate knows no clock and no pixels. The look-back holds compressed packets only.
"""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from detector.packets import Packet

WINDOW_S = 0.5
"""Bytes are summed over so long: a few packets, so that B-frames and P-frames even out."""

_RATES_KEPT_S = 120.0
"""Passes are learned from when they end; one that lasts longer teaches nothing."""


@dataclass(frozen=True, slots=True)
class GateSettings:
    """How careful the gate is.

    Attributes:
        look_back_s: how far before the first sign decoding begins; learning looks for the sign within this time.
        stay_s: how long bytes must have been few before it closes.
        glance_s: least time between two glances.
        margin: share of the least activity of a pass that still counts as activity.
        passes_to_trust: passes that must have been seen before it closes for the first time.
        passes_remembered: the last ones count.
        longest_closed_s: key frames further apart than this open it: they would be too rare to glance at.
    """

    look_back_s: float = 2.0
    stay_s: float = 2.0
    glance_s: float = 3.9
    margin: float = 0.7
    passes_to_trust: int = 3
    passes_remembered: int = 50
    longest_closed_s: float = 10.0


class ActivityLevel:
    """What activity costs in bytes at one camera; outlives its sessions."""

    def __init__(self, settings: GateSettings | None = None, levels: Sequence[float] = ()) -> None:
        """Know nothing yet but `levels`, as an earlier one told them."""
        self.settings = settings or GateSettings()
        self._levels: deque[float] = deque(levels, maxlen=self.settings.passes_remembered)

    @property
    def levels(self) -> tuple[float, ...]:
        """Bytes a second with which the last passes began."""
        return tuple(self._levels)

    @property
    def threshold(self) -> float | None:
        """Bytes a second from which on something may be moving; None while too little has been seen."""
        if len(self._levels) < self.settings.passes_to_trust:
            return None
        return min(self._levels) * self.settings.margin

    def add(self, bytes_per_s: float) -> None:
        """Note the activity with which a pass began."""
        self._levels.append(bytes_per_s)


class Need(Enum):
    """What a packet that leaves the gate is for. Each one leaves once, and one that was glanced at once more."""

    NOTHING = "to be counted; it is never decoded"

    GLANCE = "to be decoded alone and shown to the detector, outside the order of time"
    REFERENCE = "to be decoded, since others rest on it; its picture is not analysed"
    ANALYSE = "to be decoded and analysed"


class PacketGate:
    """Holds packets back while nothing moves; one session, fed in decoding order, told of the analysis by any thread.

    Attributes:
        is_open: whether packets pass.
        held_back: packets that were never decoded.
    """

    def __init__(self, level: ActivityLevel) -> None:
        """Start open."""
        self._level = level
        self._settings = level.settings
        self._window: deque[tuple[float, int]] = deque()
        self._window_bytes = 0
        self._rates: deque[tuple[float, float]] = deque()
        self._groups: deque[list[Packet]] = deque()
        self._last_active_s = self._glanced_s = float("-inf")
        self._judged_s = float("-inf")
        self._is_busy = self._wants_open = False
        self._lock = threading.Lock()
        self.is_open = True
        self.held_back = 0

    def take(self, packet: Packet) -> list[tuple[Packet, Need]]:
        """The next packet; returns what is to be done now, in this order."""
        with self._lock:
            return self._take(packet, packet.decode_s)

    def _take(self, packet: Packet, now_s: float) -> list[tuple[Packet, Need]]:
        is_active = self._measure(packet, now_s)
        if is_active or self._last_active_s == float("-inf"):  # a beginning counts as activity
            self._last_active_s = now_s
        if packet.is_keyframe:
            self._try_to_close(now_s)
        if self.is_open:
            return [(packet, Need.ANALYSE)]
        dropped = self._hold(packet, now_s)
        if is_active or self._wants_open or now_s - self._groups[-1][0].decode_s > self._settings.longest_closed_s:
            return dropped + self._open(now_s)
        if packet.is_keyframe and now_s - self._glanced_s >= self._settings.glance_s:
            self._glanced_s = now_s
            return [*dropped, (packet, Need.GLANCE)]
        return dropped

    def judged(self, stream_s: float, is_busy: bool) -> None:
        """Analysis has come to a picture, be it analysed or glanced at.

        Args:
            stream_s: when it was taken.
            is_busy: whether it shows a vehicle that has not stood where it is for long.
        """
        with self._lock:
            self._judged_s = max(self._judged_s, stream_s)
            self._is_busy = is_busy
            self._wants_open = self._wants_open or (is_busy and not self.is_open)

    def learn(self, first_look_s: float) -> None:
        """A vehicle that moved was first looked at then: note the activity with which it came."""
        # Half the look-back is for what precedes the look: the vehicle must have been seen before it is looked at.
        until_s = first_look_s + self._settings.look_back_s / 2
        with self._lock:
            rates = [rate for at_s, rate in self._rates if first_look_s - WINDOW_S <= at_s <= until_s]
        if rates:
            self._level.add(max(rates))

    def _measure(self, packet: Packet, now_s: float) -> bool:
        """Whether the bytes of the last moments speak of activity; True while nobody knows what that is."""
        if not packet.is_keyframe:
            self._window.append((now_s, len(packet.data)))
            self._window_bytes += len(packet.data)
            while now_s - self._window[0][0] > WINDOW_S:
                self._window_bytes -= self._window.popleft()[1]
            self._rates.append((now_s, self._window_bytes / WINDOW_S))
            while now_s - self._rates[0][0] > _RATES_KEPT_S:
                self._rates.popleft()
        threshold = self._level.threshold
        return threshold is None or (bool(self._rates) and self._rates[-1][1] >= threshold)

    def _try_to_close(self, now_s: float) -> None:
        """Close at a key frame, so that nothing that was passed on needs what is now held back."""
        is_quiet = now_s - self._last_active_s > self._settings.stay_s
        # What analysis has not come to yet may hold a vehicle: it must have seen everything up to the quiet.
        is_seen = self._judged_s >= self._last_active_s + WINDOW_S
        if self.is_open and is_quiet and is_seen and not self._is_busy:
            self.is_open = False
            self._wants_open = False
            self._groups.clear()

    def _hold(self, packet: Packet, now_s: float) -> list[tuple[Packet, Need]]:
        """Keep a packet in the look-back; returns those that leave it for good."""
        dropped: list[tuple[Packet, Need]] = []
        if packet.is_keyframe:
            self._groups.append([])
        self._groups[-1].append(packet)
        while len(self._groups) > 1 and self._groups[1][0].decode_s <= now_s - self._settings.look_back_s:
            dropped += [(old, Need.NOTHING) for old in self._groups.popleft()]
        self.held_back += len(dropped)
        return dropped

    def _open(self, now_s: float) -> list[tuple[Packet, Need]]:
        from_s = now_s - self._settings.look_back_s
        released = [packet for group in self._groups for packet in group]
        self._groups.clear()
        self.is_open, self._wants_open = True, False
        self._last_active_s = now_s
        return [(p, Need.ANALYSE if p.stream_s >= from_s else Need.REFERENCE) for p in released]
