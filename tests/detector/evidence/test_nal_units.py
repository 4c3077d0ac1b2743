"""NAL units and parameter sets, split by hand-written bytes."""

import pytest

from detector.evidence.nal_units import is_parameter_set, length_size_of, nal_units, parameter_sets

SPS, PPS, SLICE = b"\x67\x64\x00\x0a", b"\x68\xeb", b"\x65\x88\x84"
HEVC_VPS, HEVC_SPS, HEVC_SEI = b"\x40\x01\x0c", b"\x42\x01\x01", b"\x4e\x01\x05"
AVCC = b"\x01\x64\x00\x0a\xff\xe1\x00\x04" + SPS + b"\x01\x00\x02" + PPS + b"\xfd\xf8\xf8\x00"
HVCC = (
    b"\x01" + bytes(20) + b"\xff\x03"
    + b"\xa0\x00\x01\x00\x03" + HEVC_VPS
    + b"\xa1\x00\x01\x00\x03" + HEVC_SPS
    + b"\x27\x00\x01\x00\x03" + HEVC_SEI
)  # fmt: skip


def test_start_codes_of_both_lengths_separate_units() -> None:
    """Three and four byte start codes, and zeros that trail a unit, belong to no unit."""
    data = b"\x00\x00\x00\x01" + SPS + b"\x00\x00\x00\x01" + PPS + b"\x00\x00\x01" + SLICE + b"\x00"
    assert nal_units(data, None) == [SPS, PPS, SLICE]


@pytest.mark.parametrize("length_size", [1, 2, 4])
def test_lengths_separate_units(length_size: int) -> None:
    """The length before each unit has the size that the extradata say."""
    data = b"".join(len(unit).to_bytes(length_size, "big") + unit for unit in (SPS, SLICE))
    assert nal_units(data, length_size) == [SPS, SLICE]


def test_both_ways_of_packing_give_the_same_units() -> None:
    """This is how a clip is compared with its source."""
    annex_b = b"\x00\x00\x00\x01" + PPS + b"\x00\x00\x01" + SLICE
    prefixed = b"\x00\x00\x00\x02" + PPS + b"\x00\x00\x00\x03" + SLICE
    assert annex_b != prefixed
    assert nal_units(annex_b, None) == nal_units(prefixed, 4)


def test_a_length_beyond_the_end_is_an_error() -> None:
    """A wrong length size must not look like an equal clip."""
    with pytest.raises(ValueError, match="does not fit"):
        nal_units(b"\x00\x00\x00\x09\x65", 4)


def test_extradata_say_how_units_are_packed() -> None:
    """avcC and hvcC begin with version 1; everything else is Annex B."""
    assert length_size_of(AVCC, "h264") == 4
    assert length_size_of(HVCC, "hevc") == 4
    assert length_size_of(AVCC[:4] + b"\xfd" + AVCC[5:], "h264") == 2
    assert length_size_of(b"\x00\x00\x01" + SPS, "h264") is None
    assert length_size_of(b"", "h264") is None


def test_parameter_sets_are_found_in_every_kind_of_extradata() -> None:
    """Configuration records and Annex B hold the same sets; SEI units among them are none."""
    assert parameter_sets(AVCC, "h264") == {SPS, PPS}
    assert parameter_sets(b"\x00\x00\x00\x01" + SPS + b"\x00\x00\x01" + PPS, "h264") == {SPS, PPS}
    assert parameter_sets(HVCC, "hevc") == {HEVC_VPS, HEVC_SPS}
    assert parameter_sets(b"\x00\x00\x01" + HEVC_SPS + b"\x00\x00\x01" + HEVC_SEI, "hevc") == {HEVC_SPS}


def test_types_differ_between_the_codecs() -> None:
    """The same byte is a parameter set in one codec and none in the other."""
    assert is_parameter_set(SPS, "h264") and not is_parameter_set(SLICE, "h264")
    assert is_parameter_set(HEVC_VPS, "hevc") and not is_parameter_set(HEVC_SEI, "hevc")
    assert not is_parameter_set(HEVC_VPS, "h264")
