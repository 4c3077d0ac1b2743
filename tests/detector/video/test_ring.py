"""The packet ring: what it keeps, what it gives, and when it refuses."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.errors import EvidenceError
from detector.packets import Packet
from detector.video.ring import PacketRing

TICK = Fraction(1, 10)


def packet(number: int, is_key: bool, shown: int | None = None, size: int = 10) -> Packet:
    """Packet `number` in decoding order, ten a second; `shown` is its place in showing order."""
    pts = (number if shown is None else shown) + 2
    return Packet(bytes([number % 256]) * size, pts, number, 1, TICK, is_key, float((pts - 2) * TICK))


def fill(ring: PacketRing, count: int, gop: int, size: int = 10) -> list[Packet]:
    """Append packets without reordering, a key frame each `gop` packets."""
    packets = [packet(i, i % gop == 0, size=size) for i in range(count)]
    for p in packets:
        ring.append(p)
    return packets


def test_reading_goes_outward_to_key_frames() -> None:
    """A start inside a group gives its key frame, an end inside a group gives the rest of it."""
    ring = PacketRing()
    packets = fill(ring, 40, gop=10)
    assert ring.read(1.25, 2.35) == packets[10:30]


def test_a_start_on_a_key_frame_needs_nothing_before_it() -> None:
    """The key frame at exactly the asked start is the first packet; an end just before a key frame excludes it."""
    ring = PacketRing()
    packets = fill(ring, 40, gop=10)
    assert ring.read(1.0, 1.95) == packets[10:20]


def test_a_start_before_the_source_began_gives_what_there_is() -> None:
    """Five seconds of pre-roll cannot exist at second two: the clip begins with the source."""
    ring = PacketRing()
    packets = fill(ring, 20, gop=10)
    assert ring.read(-3.0, 0.5) == packets[:10]


def test_pictures_shown_before_their_key_frame_are_found_in_the_group_after() -> None:
    """With open groups a picture of second 0.9 may follow the key frame of second 1.1 in decoding order."""
    ring = PacketRing()
    packets = [packet(i, i == 0) for i in range(9)]
    packets += [packet(9, True, shown=11), packet(10, False, shown=9), packet(11, False, shown=10), packet(12, False)]
    for p in packets:
        ring.append(p)
    assert ring.read(0.0, 0.95) == packets
    assert ring.read(0.0, 0.85) == packets[:9]


def test_reading_what_was_dropped_is_refused() -> None:
    """A clip that would miss its beginning is an error, never a shorter clip."""
    ring = PacketRing(seconds=1.0)
    fill(ring, 100, gop=5)
    with pytest.raises(EvidenceError, match=r"from 2\.0 s has been dropped"):
        ring.read(2.0, 9.0)


def test_nothing_decodable_is_refused() -> None:
    """An empty ring, or one that never saw a key frame, has no clip to give."""
    ring = PacketRing()
    with pytest.raises(EvidenceError, match="no decodable packet"):
        ring.read(0.0, 1.0)
    ring.append(packet(0, False))
    with pytest.raises(EvidenceError, match="no decodable packet"):
        ring.read(0.0, 1.0)


def test_packets_before_the_first_key_frame_are_not_given() -> None:
    """A recording that begins in the middle of a group is given from its first key frame on."""
    ring = PacketRing()
    packets = [packet(i, i == 3) for i in range(8)]
    for p in packets:
        ring.append(p)
    assert ring.read(0.0, 0.7) == packets[3:]


def test_a_hold_keeps_what_seconds_would_drop() -> None:
    """Evidence in progress is not trimmed; after its release the ring shrinks to its bound."""
    ring = PacketRing(seconds=1.0)
    packets = fill(ring, 10, gop=5)
    ring.hold("pass", 0.7)
    for i in range(10, 100):
        ring.append(packet(i, i % 5 == 0))
    assert ring.read(0.7, 0.8) == packets[5:]
    with pytest.raises(EvidenceError):
        ring.read(0.4, 0.8)
    ring.release("pass")
    with pytest.raises(EvidenceError):
        ring.read(0.7, 0.8)


def test_a_group_longer_than_the_bound_stays_whole() -> None:
    """A key frame only at the start: half a group would be worth nothing, so all of it is kept."""
    ring = PacketRing(seconds=1.0)
    packets = fill(ring, 100, gop=1000)
    assert ring.read(5.0, 6.0) == packets


def test_bytes_are_bounded_even_without_key_frames_and_against_holds() -> None:
    """The bound in bytes is absolute: an endless group is dropped, and packets are kept again from the next key on."""
    ring = PacketRing(max_bytes=1000)
    ring.hold("pass", 0.0)
    for i in range(150):
        ring.append(packet(i, i == 0))
        assert ring.size_bytes <= 1000
    assert ring.size_bytes == 0
    with pytest.raises(EvidenceError):
        ring.read(0.0, 14.0)
    ring.append(packet(150, True))
    assert [p.dts for p in ring.read(15.0, 15.0)] == [150]
    with pytest.raises(EvidenceError, match="has been dropped"):
        ring.read(14.0, 15.0)


def test_completeness_waits_for_the_key_frame_after_the_end() -> None:
    """Complete means that later packets cannot change the answer; the end of the source completes everything."""
    ring = PacketRing()
    fill(ring, 20, gop=10)
    assert ring.is_complete(0.85)
    assert not ring.is_complete(1.5)
    ring.finish()
    assert ring.is_complete(1.5)


def test_completeness_waits_for_pictures_that_may_still_be_reordered() -> None:
    """A key frame shown after the end does not suffice while pictures shown before the end may still follow it."""
    ring = PacketRing()
    for p in [*(packet(i, i == 0) for i in range(9)), packet(9, True, shown=11)]:
        ring.append(p)
    assert not ring.is_complete(0.95)
    assert not ring.is_complete(0.85)
    for p in [packet(10, False, shown=9), packet(11, False, shown=10), packet(12, False)]:
        ring.append(p)
    assert ring.is_complete(0.85)
    assert not ring.is_complete(0.95)


@settings(deadline=None)
@given(
    gops=st.lists(st.integers(1, 12), min_size=1, max_size=12),
    seconds=st.floats(0.1, 5.0),
    start_s=st.floats(0.0, 10.0),
    length_s=st.floats(0.0, 3.0),
)
def test_what_is_given_is_decodable_whole_and_final(
    gops: list[int], seconds: float, start_s: float, length_s: float
) -> None:
    """For any groups and any interval the answer begins at or before the start with a key frame, has no gap, covers
    the interval, and once it is complete it never changes."""
    ring = PacketRing(seconds=seconds)
    ring.hold("pass", start_s)
    end_s = start_s + length_s
    keys = {sum(gops[:i]) for i in range(len(gops))}
    packets = [packet(i, i in keys) for i in range(sum(gops))]
    final = None
    for p in packets:
        ring.append(p)
        if final is None and ring.is_complete(end_s):
            final = ring.read(start_s, end_s)
    ring.finish()
    given_packets = ring.read(start_s, end_s)
    first = given_packets[0].dts
    assert given_packets == packets[first : first + len(given_packets)]
    assert given_packets[0].is_keyframe and given_packets[0].stream_s <= start_s
    assert {p.dts for p in packets if start_s <= p.stream_s <= end_s} <= {p.dts for p in given_packets}
    assert final is None or final == given_packets
    newest_s = packets[-1].stream_s
    ring.release("pass")
    assert ring.read(newest_s, newest_s)[-1] is packets[-1]


@settings(deadline=None)
@given(gops=st.lists(st.integers(1, 12), min_size=1, max_size=20), seconds=st.floats(0.1, 3.0))
def test_at_least_the_promised_seconds_stay(gops: list[int], seconds: float) -> None:
    """Whatever the groups, the last `seconds` can be read, and at most one group more is kept."""
    ring = PacketRing(seconds=seconds)
    keys = [sum(gops[:i]) for i in range(len(gops))]
    for i in range(sum(gops)):
        ring.append(packet(i, i in keys))
    newest_s = (sum(gops) - 1) * 0.1
    start_s = newest_s - 0.2 - seconds  # pictures are shown two ticks after they are decoded
    kept = ring.read(start_s, newest_s)
    assert kept[0].stream_s <= max(0.0, start_s)
    oldest_s, _ = ring.span_s
    second_s = next((k * 0.1 for k in keys if k * 0.1 > oldest_s + 0.05), None)
    assert second_s is None or second_s > start_s - 1e-6
