"""Turning images upright, and decoding stills again from the packets that were kept."""

import gc
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from detector.entities import Frame
from detector.errors import EvidenceError
from detector.inference import count_gpus
from detector.video.decoding import ImageConverter, decode_at, open_decoder, upright
from detector.video.file_source import FileSource
from tests.footage import ClipSpec, tag_full_range, write

ONE = 1 << 16
NUMBERS = np.arange(6, dtype=np.uint8).reshape(2, 3, 1).repeat(3, axis=2)
"""0 1 2 over 3 4 5"""


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        (None, [[0, 1, 2], [3, 4, 5]]),
        ((ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30), [[0, 1, 2], [3, 4, 5]]),
        ((0, ONE, 0, -ONE, 0, 0, 0, 0, 1 << 30), [[3, 0], [4, 1], [5, 2]]),
        ((-ONE, 0, 0, 0, -ONE, 0, 0, 0, 1 << 30), [[5, 4, 3], [2, 1, 0]]),
        ((0, -ONE, 0, ONE, 0, 0, 0, 0, 1 << 30), [[2, 5], [1, 4], [0, 3]]),
        ((-ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30), [[2, 1, 0], [5, 4, 3]]),
        ((ONE, 0, 0, 0, -ONE, 0, 0, 0, 1 << 30), [[3, 4, 5], [0, 1, 2]]),
        ((0, ONE, 0, ONE, 0, 0, 0, 0, 1 << 30), [[0, 3], [1, 4], [2, 5]]),
    ],
)
def test_upright_follows_the_display_matrix(matrix: tuple[int, ...] | None, expected: list[list[int]]) -> None:
    """Quarter turns and mirror images, as (x, y) goes to (a·x + c·y, b·x + d·y)."""
    turned = upright(NUMBERS, matrix)
    assert turned[:, :, 0].tolist() == expected
    assert turned.flags.c_contiguous


def read(path: Path, fps: float = 25.0) -> tuple[list[Frame], FileSource]:
    with FileSource(path, "gate-1", fps) as source:
        return list(source), source


KINDS = {
    "h264.mp4": ClipSpec(),
    "h264.ts": ClipSpec(),
    "h264.avi": ClipSpec(),
    "h265.mkv": ClipSpec(codec="libx265"),
    "rotated.mp4": ClipSpec(rotation=90),
    "odd.mp4": ClipSpec(width=97, height=65, pixel_format="yuv444p"),
    "mjpeg.avi": ClipSpec(codec="mjpeg", pixel_format="yuvj420p"),
    "vp9.webm": ClipSpec(codec="libvpx-vp9", options={"cpu-used": "8", "deadline": "realtime"}),
    "one-key.mp4": ClipSpec(gop=999),
    "full-range.mp4": ClipSpec(pixel_format="yuvj420p"),
}


@pytest.mark.parametrize("name", KINDS)
def test_stills_are_the_very_frames_that_were_analysed(tmp_path: Path, name: str) -> None:
    """Decoded again from a later key frame on, every picture is identical to the analysed one, to the last bit."""
    frames, source = read(write(tmp_path / name, KINDS[name]))
    wanted = {frame.pts: frame for frame in frames[13:27]}
    packets = source.ring.read(frames[13].stream_s, frames[26].stream_s)
    images = decode_at(packets, source.info, wanted)
    assert images.keys() == wanted.keys()
    assert all(np.array_equal(images[pts], frame.image) for pts, frame in wanted.items())


def test_stills_have_the_colours_that_only_the_container_tells(tmp_path: Path) -> None:
    """Range and matrix of the colours, where the codec is silent on them, reach frames and stills alike."""
    plain = write(tmp_path / "plain.mp4")
    frames, source = read(tag_full_range(plain, tmp_path / "full.mp4"))
    images = decode_at(source.ring.read(0.5, 0.9), source.info, [frames[15].pts])
    assert np.array_equal(images[frames[15].pts], frames[15].image)
    assert not np.array_equal(frames[15].image, read(plain)[0][15].image)


def test_stills_come_from_the_packets_alone(tmp_path: Path) -> None:
    """The source may be closed and its file gone by the time that evidence is written."""
    path = write(tmp_path / "x.mp4")
    frames, source = read(path)
    path.unlink()
    images = decode_at(source.ring.read(0.0, 0.1), source.info, [frames[1].pts])
    assert np.array_equal(images[frames[1].pts], frames[1].image)


def test_a_still_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """A missing picture is named, never replaced by its neighbour."""
    frames, source = read(write(tmp_path / "x.mp4"))
    packets = source.ring.read(0.0, 0.1)
    with pytest.raises(EvidenceError, match=rf"pts \[{frames[25].pts}\]"):
        decode_at(packets, source.info, [frames[1].pts, frames[25].pts])


def test_a_damaged_still_is_an_error(tmp_path: Path) -> None:
    """A picture that decodes with damage is not what was analysed, and is refused."""
    frames, source = read(write(tmp_path / "x.mp4", ClipSpec(options={"crf": "5"})))
    packets = source.ring.read(0.0, 0.5)
    key = packets[10]
    half = len(key.data) // 2
    packets[10] = replace(key, data=key.data[:half] + bytes(len(key.data) - half))
    assert key.is_keyframe
    with pytest.raises(EvidenceError, match=rf"pts \[{key.pts}\]"):
        decode_at(packets, source.info, [key.pts, frames[3].pts])


def decode_all(source: FileSource, device: str = "cpu") -> list[av.VideoFrame]:
    """The pictures of the first second, as the decoder gives them."""
    with open_decoder(source.info, device) as decoder:
        return [picture for packet in source.ring.read(0.0, 1.0) for picture in decoder.decode(packet.to_av())]


@pytest.mark.parametrize(("format_", "order"), [("yuv420p", "nv12"), ("yuv420p10le", "p010le")])
def test_a_cards_order_of_colours_makes_the_same_image(tmp_path: Path, format_: str, order: str) -> None:
    """NVIDIA's decoder gives NV12 or P010: stills are cut by the processor, and must be what was analysed."""
    frames, source = read(write(tmp_path / "x.mp4", ClipSpec(codec="libx265", pixel_format=format_)))
    picture = decode_all(source)[3]
    assert picture.format.name == format_
    turned = picture.reformat(format=order)
    assert np.array_equal(ImageConverter(source.info).image(turned), frames[3].image)


def test_without_a_card_the_processor_decodes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A camera that a card shall decode is watched all the same where there is none; with one, nothing differs."""
    frames, source = read(write(tmp_path / "x.mp4"))
    picture = decode_all(source, "cuda")[3]
    assert np.array_equal(ImageConverter(source.info).image(picture), frames[3].image)
    assert count_gpus() or "decoding on cuda: no such device" in caplog.text


def test_pictures_are_let_go_at_once(tmp_path: Path) -> None:
    """Nothing of a converted picture waits for the garbage collector: at 1920x1080 that would be 3 MB each."""
    path = write(tmp_path / "clip.mp4", ClipSpec(frames=30))
    with FileSource(path, "camera", 25.0) as source:
        info = source.info
    converter = ImageConverter(info)
    with av.open(str(path)) as container:
        gc.collect()
        gc.disable()
        try:
            for picture in container.decode(video=0):
                converter.image(picture)
            del picture
            held = [found for found in gc.get_objects() if isinstance(found, av.VideoFrame)]
            assert len(held) <= 3  # of the decoder itself
        finally:
            gc.enable()
