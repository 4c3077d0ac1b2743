"""A clip put one after another until it is long, to measure what a replay costs when its start no longer counts.

    python scripts/repeat_clip.py ../shared/data/footage/motorway-04.mp4 OUT.mp4 [--minutes 5]

The packets are copied as they are; nothing is encoded.
"""

import argparse
from fractions import Fraction
from pathlib import Path

import av


def main() -> None:
    """Write the clip."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=5.0)
    options = parser.parse_args()
    with av.open(str(options.clip)) as source, av.open(str(options.out), "w") as target:
        shown = source.streams.video[0]
        written = target.add_stream_from_template(shown)
        packets = [p for p in source.demux(shown) if p.dts is not None]
        picture = round(1 / (shown.average_rate * shown.time_base))
        length = max(p.pts for p in packets) - min(p.pts for p in packets) + picture
        for turn in range(max(1, round(options.minutes * 60 / float(length * shown.time_base)))):
            for packet in packets:
                target.mux(copy_packet(packet, turn * length, shown.time_base, written))


def copy_packet(packet: av.Packet, later: int, time_base: Fraction, stream: av.VideoStream) -> av.Packet:
    """The same packet in another file, so many ticks later."""
    copy = av.Packet(bytes(packet))
    copy.pts, copy.dts, copy.time_base, copy.duration = (
        packet.pts + later,
        packet.dts + later,
        time_base,
        packet.duration,
    )
    copy.stream, copy.is_keyframe = stream, packet.is_keyframe
    return copy


if __name__ == "__main__":
    main()
