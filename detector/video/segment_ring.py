"""The packet ring on disk: short segments from key frame to key frame, so that many cameras cost little memory.

A segment is a file of records, each a header (`_RECORD`) and the bytes of one packet, in decoding order. That is all
that is needed to read the ring again after its process was killed (`reopen`); a record that was torn ends its segment.
"""

import shutil
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from errno import EEXIST
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from detector.packets import Packet, PacketStore
from detector.video.ring import Group, PacketRing

_RECORD = struct.Struct("<IqqqdB")
"""Size of the packet in bytes, pts, dts, duration, stream_s, and whether it is a key frame."""


class SessionRing(PacketStore, Protocol):
    """What is kept of a live session, in a folder of its own."""

    @property
    def folder(self) -> Path:
        """Where the segments are."""

    def discard(self) -> None:
        """Delete everything; the ring is not used afterwards."""


@dataclass(slots=True)
class _Segment(Group):
    """A group of pictures in a file.

    Once the disk refuses a packet, this one and the rest of the group keep their bytes in memory.
    """

    path: Path = Path()
    on_refusal: Callable[[], None] = lambda: None
    sizes: list[int] = field(default_factory=list)
    """Of the packets in the file: the first ones of the group."""

    def append(self, packet: Packet) -> None:
        """Write the bytes and keep the rest."""
        Group.append(self, packet)
        if len(self.sizes) < len(self.packets) - 1:
            return
        record = _pack(packet)
        try:
            with self.path.open("ab", buffering=0) as file:
                written = file.write(record)
        except OSError:
            written = -1
        if written == len(record):
            self.take_written(packet)
        else:
            self.on_refusal()

    def take_written(self, packet: Packet) -> None:
        """The newest packet of the group is in the file: its bytes need not be kept."""
        self.sizes.append(len(packet.data))
        self.packets[-1] = replace(packet, data=b"")

    def load(self) -> list[Packet]:
        """The packets with their bytes, from the file or from memory."""
        data = self.path.read_bytes() if self.sizes else b""
        packets, at = list(self.packets), 0
        for i, size in enumerate(self.sizes):
            at += _RECORD.size
            packets[i] = replace(packets[i], data=data[at : at + size])
            at += size
        return packets

    def drop(self) -> None:
        """Delete the file."""
        self.path.unlink(missing_ok=True)


class SegmentRing(PacketRing):
    """`PacketRing` with its bytes on disk; one thread appends while another one reads.

    A full disk loses nothing within the bound in bytes: what it refuses stays in memory.

    Attributes:
        folder: of the segments.
        refusals: groups of which the disk took nothing or only the first packets.
    """

    def __init__(self, folder: Path, seconds: float = 120.0, max_bytes: int = 256 * 2**20) -> None:
        """Make an empty ring.

        Args:
            folder: of this ring alone; made here, and removed by `discard`.
            seconds: how much to keep at least, once it has been there.
            max_bytes: upper bound of the sum of packet sizes.

        Raises:
            OSError: the folder cannot be made, or holds a ring already.
        """
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.glob("*.es")):
            raise FileExistsError(EEXIST, "holds a ring already", str(folder))
        self._set_up(folder, seconds, max_bytes)

    @classmethod
    def reopen(cls, folder: Path, time_base: Fraction) -> "SegmentRing":
        """The ring that a killed process left, as far as it reached the disk; nothing more is appended to it.

        Args:
            folder: of its segments; what lies there besides is left alone.
            time_base: of the stream.

        Raises:
            OSError: the folder cannot be read.
        """
        ring = cls.__new__(cls)
        ring._set_up(folder, float("inf"), 2**63)
        kept: list[_Segment] = []
        for path in sorted(folder.glob("*.es")):
            segment = _Segment(path=path)
            for packet in _unpack(path.read_bytes(), time_base):
                Group.append(segment, packet)
                segment.take_written(packet)
            if segment.packets:
                kept.append(segment)
                ring._groups.append(segment)
                ring._size += segment.size
        # What came before the oldest segment may have been dropped: a clip that needs it is refused, not cut short.
        ring._dropped_any = bool(kept) and kept[0].path.stem != f"{1:08d}"
        ring.finish()
        return ring

    def append(self, packet: Packet) -> None:
        """Take the next packet in decoding order."""
        with self._lock:
            super().append(packet)

    def release(self, name: str) -> None:
        """Give up a hold; an unknown name is ignored."""
        with self._lock:
            super().release(name)

    def hold(self, name: str, from_s: float) -> None:
        """Keep what is needed to show everything from `from_s` on until `release(name)`; the same name replaces."""
        with self._lock:
            super().hold(name, from_s)

    def is_complete(self, end_s: float) -> bool:
        """Whether `read(..., end_s)` would give the same answer at any later time."""
        with self._lock:
            return super().is_complete(end_s)

    def read(self, start_s: float, end_s: float) -> list[Packet]:
        """Packets in decoding order that show everything in [start_s, end_s], outward to key frames.

        Raises:
            EvidenceError: the start has been dropped already, or nothing decodable is there.
        """
        with self._lock:
            return super().read(start_s, end_s)

    def discard(self) -> None:
        """Delete everything; the ring is not used afterwards."""
        with self._lock:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _set_up(self, folder: Path, seconds: float, max_bytes: int) -> None:
        super().__init__(seconds, max_bytes)
        self.folder = folder
        self._made = 0
        self._lock = threading.Lock()
        self.refusals = 0

    def _make_group(self) -> _Segment:
        self._made += 1
        return _Segment(path=self.folder / f"{self._made:08d}.es", on_refusal=self._note_refusal)

    def _note_refusal(self) -> None:
        self.refusals += 1


def _pack(packet: Packet) -> bytes:
    size, key = len(packet.data), packet.is_keyframe
    return _RECORD.pack(size, packet.pts, packet.dts, packet.duration, packet.stream_s, key) + packet.data


def _unpack(data: bytes, time_base: Fraction) -> list[Packet]:
    """The whole records of a segment."""
    packets, at = [], 0
    while at + _RECORD.size <= len(data):
        size, pts, dts, duration, stream_s, is_key = _RECORD.unpack_from(data, at)
        at += _RECORD.size
        if at + size > len(data):
            break
        packets.append(Packet(data[at : at + size], pts, dts, duration, time_base, bool(is_key), stream_s))
        at += size
    return packets
