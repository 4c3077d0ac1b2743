"""The packet ring on disk: short segments from key frame to key frame, so that many cameras cost little memory."""

import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from detector.packets import Packet
from detector.video.ring import Group, PacketRing


@dataclass(slots=True)
class _Segment(Group):
    """A group of pictures in a file that holds nothing but the bytes of its packets, in decoding order.

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
        try:
            with self.path.open("ab", buffering=0) as file:
                written = file.write(packet.data)
        except OSError:
            written = -1
        if written == len(packet.data):
            self.sizes.append(written)
            self.packets[-1] = replace(packet, data=b"")
        else:
            self.on_refusal()

    def load(self) -> list[Packet]:
        """The packets with their bytes, from the file or from memory."""
        data = self.path.read_bytes() if self.sizes else b""
        packets, at = list(self.packets), 0
        for i, size in enumerate(self.sizes):
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
        refusals: groups of which the disk took nothing or only the first packets.
    """

    def __init__(self, folder: Path, seconds: float = 120.0, max_bytes: int = 256 * 2**20) -> None:
        """Make an empty ring.

        Args:
            folder: of this ring alone; made here, and removed by `discard`.
            seconds: how much to keep at least, once it has been there.
            max_bytes: upper bound of the sum of packet sizes.

        Raises:
            OSError: the folder cannot be made.
        """
        super().__init__(seconds, max_bytes)
        folder.mkdir(parents=True)
        self._folder = folder
        self._made = 0
        self._lock = threading.Lock()
        self.refusals = 0

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
            shutil.rmtree(self._folder, ignore_errors=True)

    def _make_group(self) -> _Segment:
        self._made += 1
        return _Segment(path=self._folder / f"{self._made:08d}.es", on_refusal=self._note_refusal)

    def _note_refusal(self) -> None:
        self.refusals += 1
