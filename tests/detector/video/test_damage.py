"""Which pictures rest on damaged ones, by hand-made groups; and how damage is told."""

from fractions import Fraction

import pytest

from detector.packets import Packet
from detector.video.damage import DamageLog, PictureTrust


def send(trust: PictureTrust, order: str, damaged: str = "") -> None:
    """Send pictures in decoding order, named by their place in showing order; capitals are key frames."""
    for name in order:
        pts = "abcdefghijklmnop".index(name.lower())
        packet = Packet(b"x", pts, pts - 20, 1, Fraction(1), name.isupper(), float(pts))
        trust.send(packet, is_damaged=name in damaged)


def receive(trust: PictureTrust, names: str, corrupt: str = "") -> str:
    """Let pictures come out and return the names of those that may be judged."""
    sound = ""
    for name in names:
        pts = "abcdefghijklmnop".index(name)
        trust.lose_before(pts)
        packet, is_sound = trust.receive(pts, is_corrupt=name in corrupt)
        assert packet is None or packet.pts == pts
        sound += name if is_sound else ""
    return sound


def test_sound_pictures_are_trusted() -> None:
    """Without damage every picture may be judged, and none is lost."""
    trust = PictureTrust()
    send(trust, "AdbcgefHkij")
    assert receive(trust, "abcdefghijk") == "abcdefghijk"
    assert trust.lose_before(None) == []


def test_nothing_is_trusted_between_damage_and_the_next_key_frame() -> None:
    """Damage counts in decoding order: what was decoded before it stays sound, though it is shown later."""
    trust = PictureTrust()
    send(trust, "Acbfedhg", damaged="e")
    send(trust, "Ikj")
    assert receive(trust, "abcdefghijk") == "abcfijk"


def test_a_corrupt_picture_spoils_its_followers() -> None:
    """The decoder's own mark has the same effect as the container's."""
    trust = PictureTrust()
    send(trust, "AbcdEf")
    assert receive(trust, "abcdef", corrupt="c") == "abef"


def test_a_lost_picture_spoils_its_followers() -> None:
    """A picture that never comes out is named once and spoils the rest of its group."""
    trust = PictureTrust()
    send(trust, "AbcdEf")
    assert receive(trust, "ab") == "ab"
    assert [packet.pts for packet in trust.lose_before(3)] == [2]
    assert trust.lose_before(3) == []
    assert receive(trust, "def") == "ef"


def test_a_failure_concerns_the_packet_before() -> None:
    """With two threads the decoder reports an error when the next packet is sent; pictures shown earlier are hit."""
    trust = PictureTrust()
    send(trust, "Adb")
    trust.fail()  # "d" failed, which "b" and "c" rest on although they are shown before it
    send(trust, "cE")
    assert receive(trust, "abcde") == "ae"


def test_a_failure_at_the_beginning_is_no_surprise() -> None:
    """An error before any packet was sent, or at the very first one, is survived."""
    trust = PictureTrust()
    trust.fail()
    send(trust, "A")
    trust.fail()
    send(trust, "bC")
    assert receive(trust, "abc") == "c"


def test_leading_pictures_rest_on_the_group_before() -> None:
    """In open groups the pictures shown before their key frame need the group before it; the key frame does not."""
    trust = PictureTrust()
    send(trust, "AbcFdegh", damaged="c")
    assert receive(trust, "abcdefgh") == "abfgh"


def test_lost_leading_pictures_spoil_nothing() -> None:
    """A decoder leaves out leading pictures whose group before is missing; what follows the key frame is sound."""
    trust = PictureTrust()
    send(trust, "AbFdegh")
    assert receive(trust, "abfgh") == "abfgh"


def test_what_a_decoder_skips_at_the_beginning_spoils_nothing() -> None:
    """Starting between key frames, a decoder waits until its pictures are sound, and only then hands them out."""
    trust = PictureTrust()
    send(trust, "abcdef")
    assert receive(trust, "def") == "def"


@pytest.mark.parametrize("may_hide", [True, False])
def test_packets_without_pictures_are_normal_in_some_codecs(may_hide: bool) -> None:
    """VP9 sends pictures that are never shown: no damage there, but damage in H.264."""
    trust = PictureTrust(may_hide_pictures=may_hide)
    send(trust, "AbcdE")
    assert receive(trust, "abde") == ("abde" if may_hide else "abe")


def test_hidden_pictures_do_not_pile_up() -> None:
    """Where packets without pictures are normal, they are forgotten after a while; memory stays flat."""
    trust = PictureTrust(may_hide_pictures=True)
    for pts in range(1000):
        trust.send(Packet(b"x", pts, pts, 1, Fraction(1), pts == 0, float(pts)), is_damaged=False)
        trust.lose_before(pts)
    assert trust.receive(0, is_corrupt=False) == (None, False)
    assert trust.receive(999, is_corrupt=False)[1]


def test_many_stretches_are_summed_up() -> None:
    """A recording that is broken everywhere does not flood the terminal."""
    log = DamageLog()
    for second in range(0, 40, 4):
        log.add(second)
        log.add(second + 0.04)
    assert log.count == 20
    notes = log.notes()
    assert len(notes) == 5
    assert notes[0] == "corrupt: 2 frames could not be decoded soundly at 0.0-0.0 s"
    assert notes[-1] == "corrupt: 12 frames could not be decoded soundly at 16.0-36.0 s (6 stretches)"
