"""The ring on disk keeps what the ring in memory keeps, and a refusing disk loses nothing."""

from fractions import Fraction
from pathlib import Path

import pytest

from detector.errors import EvidenceError
from detector.packets import Packet
from detector.video.ring import PacketRing
from detector.video.segment_ring import SegmentRing


def packet(number: int, gop: int = 5) -> Packet:
    data = bytes([number % 256]) * (10 + number % 7)
    return Packet(data, number, number, 1, Fraction(1, 5), number % gop == 0, number / 5)


def bytes_of(packets: list[Packet]) -> list[tuple[bytes, int]]:
    return [(p.data, p.pts) for p in packets]


def test_it_reads_what_the_ring_in_memory_reads(tmp_path: Path) -> None:
    """Same packets, same holds, same answers, after trimming too."""
    disk, memory = SegmentRing(tmp_path / "ring", seconds=3.0), PacketRing(seconds=3.0)
    for number in range(60):
        for ring in (disk, memory):
            ring.append(packet(number))
            if number == 30:
                ring.hold("case", 4.2)
    for span in ((4.5, 6.0), (9.0, 11.0), (4.2, 30.0)):
        assert bytes_of(disk.read(*span)) == bytes_of(memory.read(*span))
    assert disk.size_bytes == memory.size_bytes
    assert disk.is_complete(10.0) == memory.is_complete(10.0)


def test_files_leave_with_their_groups(tmp_path: Path) -> None:
    """Only the segments within the bound lie on disk, and what was dropped is refused."""
    ring = SegmentRing(tmp_path / "ring", seconds=2.0)
    for number in range(200):
        ring.append(packet(number))
    assert len(list((tmp_path / "ring").iterdir())) <= 4
    with pytest.raises(EvidenceError, match="dropped"):
        ring.read(1.0, 99.0)


def test_what_the_disk_refuses_stays_in_memory(tmp_path: Path) -> None:
    """The folder vanishes as a full disk would: every packet can still be read, and the refusals are counted."""
    ring = SegmentRing(tmp_path / "ring")
    for number in range(7):
        ring.append(packet(number))
    (tmp_path / "ring").rename(tmp_path / "elsewhere")
    for number in range(7, 15):
        ring.append(packet(number))
    (tmp_path / "elsewhere").rename(tmp_path / "ring")
    assert bytes_of(ring.read(0.0, 99.0)) == bytes_of([packet(number) for number in range(15)])
    assert ring.refusals > 0


def test_discarding_removes_the_folder(tmp_path: Path) -> None:
    """Nothing of a finished session stays behind."""
    ring = SegmentRing(tmp_path / "ring")
    ring.append(packet(0))
    ring.discard()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_read_again(tmp_path: Path) -> None:
    """The same packets in every detail; what had been dropped is refused, not passed over."""
    ring = SegmentRing(tmp_path / "ring", seconds=3.0)
    for number in range(43):
        ring.append(packet(number))
    again = SegmentRing.reopen(tmp_path / "ring", Fraction(1, 5))
    for mine, its in zip(ring.read(5.0, 99.0), again.read(5.0, 99.0), strict=True):
        assert [getattr(mine, name) for name in Packet.__slots__] == [getattr(its, name) for name in Packet.__slots__]
    assert again.is_complete(99.0)
    with pytest.raises(EvidenceError, match="dropped"):
        again.read(0.0, 99.0)


@pytest.mark.parametrize("cut", [1, 12, 30])
def test_a_torn_record_ends_its_segment(tmp_path: Path, cut: int) -> None:
    """Killed in the middle of a write: the packets before are whole, however much of the last one is there."""
    ring = SegmentRing(tmp_path / "ring")
    for number in range(8):
        ring.append(packet(number))
    last = sorted((tmp_path / "ring").iterdir())[-1]
    last.write_bytes(last.read_bytes()[:-cut])
    again = SegmentRing.reopen(tmp_path / "ring", Fraction(1, 5))
    assert bytes_of(again.read(0.0, 99.0)) == bytes_of([packet(number) for number in range(7)])
