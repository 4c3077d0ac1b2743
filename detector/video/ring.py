"""The packet ring: the last minutes of compressed video in memory, in whole groups of pictures."""

from collections import deque
from dataclasses import dataclass, field

from detector.errors import EvidenceError
from detector.packets import Packet


@dataclass(slots=True)
class Group:
    """A key frame and all packets up to the next one; the very first group may lack its key frame."""

    packets: list[Packet] = field(default_factory=list)
    size: int = 0
    least_s: float = float("inf")

    def append(self, packet: Packet) -> None:
        """Take the next packet."""
        self.packets.append(packet)
        self.size += len(packet.data)
        self.least_s = min(self.least_s, packet.stream_s)

    def load(self) -> list[Packet]:
        """The packets with their bytes."""
        return self.packets

    def drop(self) -> None:
        """The group leaves the ring."""

    @property
    def is_decodable(self) -> bool:
        """Whether it begins with a key frame."""
        return self.packets[0].is_keyframe

    @property
    def key_s(self) -> float:
        """When its first packet is shown."""
        return self.packets[0].stream_s


class PacketRing:
    """`PacketStore` in memory, bounded in seconds and bytes, trimmed at key frames only.

    Whole groups leave as soon as the younger ones span `seconds` and no hold needs them. A group that is itself longer
    than `seconds` stays, because half a group cannot be decoded. The bound in bytes is absolute: it wins over holds,
    and if one group alone exceeds it (a stream without key frames) that group is dropped and nothing is kept until
    the next key frame. What was dropped is never passed over in silence: `read` refuses.
    """

    def __init__(self, seconds: float = 120.0, max_bytes: int = 256 * 2**20) -> None:
        """Make an empty ring.

        Args:
            seconds: how much to keep at least, once it has been there.
            max_bytes: upper bound of the sum of packet sizes.
        """
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._groups: deque[Group] = deque()
        self._holds: dict[str, float] = {}
        self._size = 0
        self._dropped_any = False
        self._awaits_key = False
        self._finished = False

    @property
    def size_bytes(self) -> int:
        """Sum of the sizes of the packets kept."""
        return self._size

    @property
    def span_s(self) -> tuple[float, float] | None:
        """`stream_s` of the oldest and the newest packet kept in decoding order; None while empty."""
        return (self._groups[0].key_s, self._groups[-1].packets[-1].stream_s) if self._groups else None

    def append(self, packet: Packet) -> None:
        """Take the next packet in decoding order."""
        if self._awaits_key and not packet.is_keyframe:
            return
        self._awaits_key = False
        if packet.is_keyframe or not self._groups:
            self._groups.append(self._make_group())
        self._groups[-1].append(packet)
        self._size += len(packet.data)
        self._trim()

    def _make_group(self) -> Group:
        return Group()

    def finish(self) -> None:
        """Declare that no packet will follow."""
        self._finished = True

    def hold(self, name: str, from_s: float) -> None:
        """Keep what is needed to show everything from `from_s` on until `release(name)`; the same name replaces."""
        self._holds[name] = from_s

    def release(self, name: str) -> None:
        """Give up a hold; an unknown name is ignored."""
        self._holds.pop(name, None)
        self._trim()

    def is_complete(self, end_s: float) -> bool:
        """Whether `read(..., end_s)` would give the same answer at any later time.

        True once the source has finished, or once a group has begun of which nothing is shown before `end_s`: decoding
        times only grow, so no later packet can be shown before the newest decoding time.
        """
        if self._finished:
            return True
        if not self._groups:
            return False
        newest = self._groups[-1]
        return newest.is_decodable and newest.least_s > end_s and newest.packets[-1].decode_s >= end_s

    def read(self, start_s: float, end_s: float) -> list[Packet]:
        """Packets in decoding order that show everything in [start_s, end_s], outward to key frames.

        The first is the last key frame at or before `start_s`, or the first key frame of the source when `start_s`
        lies before it. The last is the one before the first key frame by which everything up to `end_s` is shown,
        or the newest when that key frame has not come (see `is_complete`).

        Raises:
            EvidenceError: the start has been dropped already, or nothing decodable is there.
        """
        groups = [g for g in self._groups if g.is_decodable and g.least_s <= end_s]
        first = max((i for i, g in enumerate(groups) if g.key_s <= start_s), default=0)
        if not groups:
            raise EvidenceError(f"no decodable packet at {start_s:.1f}-{end_s:.1f} s")
        if self._dropped_any and groups[first].key_s > start_s:
            raise EvidenceError(
                f"the video from {start_s:.1f} s has been dropped from the packet ring"
                f" (kept from {groups[first].key_s:.1f} s on, {self._seconds:.0f} s or {self._max_bytes} bytes at most)"
            )
        return [packet for group in groups[first:] for packet in group.load()]

    def _trim(self) -> None:
        while self._groups and (self._size > self._max_bytes or self._oldest_is_spent()):
            group = self._groups.popleft()
            self._size -= group.size
            group.drop()
            self._dropped_any = True
            self._awaits_key = not self._groups

    def _oldest_is_spent(self) -> bool:
        """Whether the group after the oldest still spans `seconds`, and every hold is served without the oldest."""
        if len(self._groups) < 2:
            return False
        next_key_s = self._groups[1].key_s
        newest_s = self._groups[-1].packets[-1].decode_s
        return newest_s - next_key_s >= self._seconds and all(s >= next_key_s for s in self._holds.values())
