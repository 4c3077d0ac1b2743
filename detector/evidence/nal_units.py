"""NAL units of H.264 and H.265: the parts of a packet that stay the same whatever container carries them.

MPEG-TS and RTSP put a start code before each unit (Annex B), MP4 and Matroska its length; a packet's bytes therefore
change on the way into an MP4 clip, while its NAL units do not. ISO/IEC 14496-15 describes both configuration records.
"""

import re

_START_CODE = re.compile(b"\x00\x00\x01")
_H264_PARAMETER_SETS = {7, 8}  # SPS, PPS
_HEVC_PARAMETER_SETS = {32, 33, 34}  # VPS, SPS, PPS


def nal_units(data: bytes, length_size: int | None) -> list[bytes]:
    """Split the bytes of a packet into NAL units, without start codes or lengths.

    Args:
        data: one packet.
        length_size: bytes of the length before each unit; None = Annex B. See `length_size_of`.

    Raises:
        ValueError: a length points beyond the end.
    """
    if length_size is None:
        starts = [match.end() for match in _START_CODE.finditer(data)]
        ends = [start - 3 for start in starts[1:]] + [len(data)]
        return [data[start:end].rstrip(b"\x00") for start, end in zip(starts, ends, strict=True)]
    units, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + length_size], "big")
        at += length_size
        if at + size > len(data):
            raise ValueError(f"a NAL unit of {size} bytes does not fit into a packet of {len(data)}")
        units.append(data[at : at + size])
        at += size
    return units


def length_size_of(extradata: bytes, codec: str) -> int | None:
    """Bytes of the length before each NAL unit, as a stream's extradata say; None = Annex B."""
    if extradata[:1] != b"\x01":
        return None
    return (extradata[4 if codec == "h264" else 21] & 3) + 1


def is_parameter_set(unit: bytes, codec: str) -> bool:
    """Whether a NAL unit is a parameter set (VPS, SPS, PPS), which a container may store apart from the pictures."""
    if codec == "h264":
        return unit[0] & 0x1F in _H264_PARAMETER_SETS
    return (unit[0] >> 1) & 0x3F in _HEVC_PARAMETER_SETS


def parameter_sets(extradata: bytes, codec: str) -> set[bytes]:
    """The parameter sets that extradata hold, be they Annex B, avcC or hvcC."""
    if extradata[:1] != b"\x01":
        return {u for u in nal_units(extradata, None) if u and is_parameter_set(u, codec)}
    return _avcc_sets(extradata) if codec == "h264" else _hvcc_sets(extradata)


def _avcc_sets(record: bytes) -> set[bytes]:
    found, at = set(), 5
    for mask in (0x1F, 0xFF):  # count of SPS in five bits, then count of PPS in eight
        count, at = record[at] & mask, at + 1
        for _ in range(count):
            unit, at = _sized(record, at)
            found.add(unit)
    return found


def _hvcc_sets(record: bytes) -> set[bytes]:
    found, at = set(), 23
    for _ in range(record[22]):
        count, at = int.from_bytes(record[at + 1 : at + 3], "big"), at + 3
        for _ in range(count):
            unit, at = _sized(record, at)
            if is_parameter_set(unit, "hevc"):
                found.add(unit)
    return found


def _sized(record: bytes, at: int) -> tuple[bytes, int]:
    """The unit whose two-byte size stands at `at`, and where the next one begins."""
    end = at + 2 + int.from_bytes(record[at : at + 2], "big")
    return record[at + 2 : end], end
