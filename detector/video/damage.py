"""Damage in a recording: which pictures it spoils, and how it is told."""

from collections import deque
from dataclasses import dataclass

from detector.packets import Packet

_MERGE_S = 1.0
_SHOWN = 5
_REMEMBERED_GROUPS = _REMEMBERED_PACKETS = 64
"""More pictures than a decoder holds back, so more groups too, even where each picture is a key frame."""


class DamageLog:
    """Collects the times of pictures that were lost to damage, and says them in few lines."""

    def __init__(self) -> None:
        """Start without damage."""
        self.count = 0
        self._spans: list[list[float]] = []  # [first_s, last_s, pictures], at most _SHOWN; the last one keeps growing
        self._hidden_spans = 0

    def add(self, stream_s: float) -> None:
        """Note one lost picture at `stream_s`; times come nearly in order."""
        self.count += 1
        is_new = not self._spans or stream_s - self._spans[-1][1] > _MERGE_S
        if is_new and len(self._spans) < _SHOWN:
            self._spans.append([stream_s, stream_s, 0])
        elif is_new:
            self._hidden_spans += 1
        first_s, last_s, pictures = self._spans[-1]
        self._spans[-1] = [min(first_s, stream_s), max(last_s, stream_s), pictures + 1]

    def notes(self) -> list[str]:
        """One line for each damaged stretch; many stretches are summed up in the last line."""
        return [
            f"corrupt: {pictures:.0f} frames could not be decoded soundly"
            f" at {max(0.0, first_s):.1f}-{max(0.0, last_s):.1f} s"
            + (f" ({self._hidden_spans + 1} stretches)" if i == _SHOWN - 1 and self._hidden_spans else "")
            for i, (first_s, last_s, pictures) in enumerate(self._spans)
        ]


@dataclass(frozen=True, slots=True, eq=False)
class _Sent:
    """A packet in the decoder: its number in decoding order, its group of pictures and that group's key frame."""

    packet: Packet
    number: int
    group: int
    key_pts: int

    @property
    def is_leading(self) -> bool:
        """Whether the picture is shown before the key frame of its group: it also rests on the group before."""
        return self.packet.pts < self.key_pts


class PictureTrust:
    """Tells which decoded pictures may be judged, and which never came out of the decoder.

    A decoder hides damage: pictures that rest on a lost one come out unmarked, made from whatever older picture is at
    hand, so that they can show a vehicle that passed seconds ago. Hence nothing that was decoded after damage is
    trusted until the next key frame. Signs of damage are a packet that the container marks as broken, an error of the
    decoder, a picture that it marks as corrupt, and a picture that never comes out.
    """

    def __init__(self, may_hide_pictures: bool = False) -> None:
        """Start at the first packet; `may_hide_pictures`: a packet without a picture is no damage in this codec."""
        self._may_hide_pictures = may_hide_pictures
        self._in_decoder: dict[int, _Sent] = {}
        self._recent: deque[_Sent] = deque(maxlen=2)
        self._broken: dict[int, int] = {}  # group: number of the first packet that is not to be trusted
        self._number = self._group = self._key_pts = 0
        self._has_output = False

    def send(self, packet: Packet, is_damaged: bool) -> None:
        """A packet goes into the decoder; `is_damaged` is the container's word on it."""
        if packet.is_keyframe:
            self._group += 1
            self._key_pts = packet.pts
            self._broken.pop(self._group - _REMEMBERED_GROUPS, None)
        sent = _Sent(packet, self._number, self._group, self._key_pts)
        self._number += 1
        self._in_decoder[packet.pts] = sent
        self._recent.append(sent)
        if is_damaged:
            self._break(sent)

    def fail(self) -> None:
        """The decoder raised an error: with two threads it concerns the packet before the one just sent."""
        if self._recent:
            self._break(self._recent[0])

    def receive(self, pts: int, is_corrupt: bool) -> tuple[Packet | None, bool]:
        """A picture came out: its packet (None: it was given up before), and whether it may be judged."""
        sent = self._in_decoder.pop(pts, None)
        if sent is None:
            return None, False
        self._has_output = True
        if is_corrupt:
            self._break(sent)
        return sent.packet, not self._rests_on_damage(sent)

    def lose_before(self, pts: int | None) -> list[Packet]:
        """Packets whose pictures should have come out before the picture `pts` (None: before the end), but did not."""
        if self._may_hide_pictures:
            for old in list(self._in_decoder)[:-_REMEMBERED_PACKETS]:
                del self._in_decoder[old]
            return []
        lost = [self._in_decoder.pop(p) for p in sorted(self._in_decoder) if pts is None or p < pts]
        for sent in lost:
            if self._has_output and not sent.is_leading:
                self._break(sent)
        return [sent.packet for sent in lost]

    def _break(self, sent: _Sent) -> None:
        self._broken[sent.group] = min(sent.number, self._broken.get(sent.group, sent.number))

    def _rests_on_damage(self, sent: _Sent) -> bool:
        first = self._broken.get(sent.group)
        is_after = first is not None and sent.number >= first
        return is_after or (sent.is_leading and sent.group - 1 in self._broken)
