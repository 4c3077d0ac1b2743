"""The evidence clip: the camera's own NAL units, from before the asked start, whole or not at all."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from detector.entities import Frame
from detector.errors import EvidenceError, StorageError
from detector.evidence.clip import needs_viewing_copy, write_clip, write_viewing_copy
from detector.evidence.nal_units import is_parameter_set, length_size_of, nal_units, parameter_sets
from detector.packets import Packet, StreamInfo
from detector.video.file_source import FileSource
from tests.footage import ClipSpec, index_in, join, tag_full_range, write

START_S, END_S = 0.56, 0.84


def read(path: Path) -> tuple[list[Frame], FileSource]:
    with FileSource(path, "gate-1", 25.0) as source:
        return list(source), source


def units_of(packets: list[Packet], info: StreamInfo) -> list[bytes]:
    length_size = length_size_of(info.extradata, info.codec)
    return [unit for packet in packets for unit in nal_units(packet.data, length_size)]


def numbers(frames: list[Frame]) -> list[int]:
    return [index_in(frame.image) for frame in frames]


SOURCES = {
    "h264.mp4": ClipSpec(),
    "h264.ts": ClipSpec(),
    "h264.mkv": ClipSpec(),
    "h264.avi": ClipSpec(),
    "h264.h264": ClipSpec(),
    "h265.mp4": ClipSpec(codec="libx265"),
    "h265.ts": ClipSpec(codec="libx265"),
    "h265.mkv": ClipSpec(codec="libx265"),
    "h265.hevc": ClipSpec(codec="libx265"),
}


@pytest.mark.parametrize("name", SOURCES)
def test_nal_units_are_the_sources_own(tmp_path: Path, name: str) -> None:
    """From every container, every NAL unit of the clip is the source's, in the same order and none missing.

    Only parameter sets of H.265 in Annex B move from the packets into the file's head, as "hvc1" demands.
    """
    _, source = read(write(tmp_path / name, SOURCES[name]))
    packets = source.ring.read(START_S, END_S)
    _, clip = read(write_clip(packets, source.info, tmp_path / "clip.mp4").path)
    cut = units_of(packets, source.info)
    kept = units_of(clip.ring.read(-9.0, 9.0), clip.info)
    if name in ("h265.ts", "h265.hevc"):
        moved = [unit for unit in cut if is_parameter_set(unit, "hevc")]
        assert moved and set(moved) <= parameter_sets(clip.info.extradata, "hevc")
        cut = [unit for unit in cut if not is_parameter_set(unit, "hevc")]
    assert len(kept) >= len(packets)
    assert kept == cut


@pytest.mark.parametrize("name", SOURCES)
def test_the_clip_begins_before_the_asked_start_and_shows_the_same(tmp_path: Path, name: str) -> None:
    """Outward to key frames; each picture decodes to the source's, and lies at the same distance from the first."""
    frames, source = read(write(tmp_path / name, SOURCES[name]))
    packets = source.ring.read(START_S, END_S)
    record = write_clip(packets, source.info, tmp_path / "clip.mp4")
    shown, clip = read(record.path)
    assert numbers(shown) == list(range(10, 30))
    assert record.start_s == pytest.approx(0.4) and record.start_s <= START_S
    assert record.end_s >= END_S
    originals = frames[10:30]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(originals, shown, strict=True))
    assert [f.stream_s for f in shown] == pytest.approx([f.stream_s - 0.4 for f in originals], abs=0.0011)
    assert record.packets == len(packets)
    assert record.size_bytes == record.path.stat().st_size
    assert clip.repairs + clip.losses == ()


@pytest.mark.parametrize(("name", "tag"), [("h264.ts", "avc1"), ("h265.ts", "hvc1"), ("h265.mkv", "hvc1")])
def test_players_find_the_tag_that_they_want(tmp_path: Path, name: str, tag: str) -> None:
    """Apple's players show H.265 only under "hvc1"."""
    _, source = read(write(tmp_path / name, SOURCES[name]))
    record = write_clip(source.ring.read(START_S, END_S), source.info, tmp_path / "clip.mp4")
    with av.open(str(record.path)) as clip:
        assert clip.streams.video[0].codec_context.codec_tag == tag
        assert clip.streams.video[0].start_time == 0


def test_changing_parameter_sets_stay_in_the_packets(tmp_path: Path) -> None:
    """H.265 that changes its size in mid-clip keeps its parameter sets, and every picture decodes."""
    small = write(tmp_path / "small.ts", ClipSpec(codec="libx265", frames=10))
    large = write(tmp_path / "large.ts", ClipSpec(codec="libx265", frames=10, width=128, height=96))
    frames, source = read(join([small, large], tmp_path / "joined.ts"))
    packets = source.ring.read(0.0, 9.0)
    record = write_clip(packets, source.info, tmp_path / "clip.mp4")
    shown, clip = read(record.path)
    assert [f.image.shape for f in shown] == [f.image.shape for f in frames]
    assert len({f.image.shape for f in shown}) == 2
    assert units_of(clip.ring.read(-9.0, 9.0), clip.info) == units_of(packets, source.info)


@pytest.mark.parametrize("degrees", [90, 180, -90])
def test_rotation_is_kept(tmp_path: Path, degrees: int) -> None:
    """Players turn the clip as they turned the source."""
    frames, source = read(write(tmp_path / "x.mp4", ClipSpec(rotation=degrees)))
    record = write_clip(source.ring.read(START_S, END_S), source.info, tmp_path / "clip.mp4")
    shown, clip = read(record.path)
    assert clip.info.display_matrix == source.info.display_matrix
    assert np.array_equal(shown[0].image, frames[10].image)


def test_colours_that_only_the_container_tells_are_kept(tmp_path: Path) -> None:
    """A clip looks like its source also where the codec says nothing of its colours."""
    frames, source = read(tag_full_range(write(tmp_path / "plain.mp4"), tmp_path / "full.mp4"))
    record = write_clip(source.ring.read(START_S, END_S), source.info, tmp_path / "clip.mp4")
    shown, clip = read(record.path)
    assert clip.info.colour == source.info.colour
    assert np.array_equal(shown[0].image, frames[10].image)


@pytest.mark.parametrize(
    ("name", "spec", "container"),
    [
        ("x.avi", ClipSpec(codec="mpeg4"), "mp4"),
        ("x.avi", ClipSpec(codec="mjpeg", pixel_format="yuvj420p"), "mp4"),
        ("x.webm", ClipSpec(codec="libvpx-vp9", options={"cpu-used": "8", "deadline": "realtime"}), "mp4"),
        ("x.webm", ClipSpec(codec="libvpx", options={"cpu-used": "8", "deadline": "realtime"}), "matroska"),
        ("x.asf", ClipSpec(codec="wmv2"), "avi"),
        ("x.mov", ClipSpec(codec="prores_ks", pixel_format="yuv422p10le", frames=20), "matroska"),
    ],
)
def test_other_codecs_keep_their_bytes(tmp_path: Path, name: str, spec: ClipSpec, container: str) -> None:
    """Packets are byte for byte the source's; what MP4 cannot hold goes elsewhere, and the record says where."""
    frames, source = read(write(tmp_path / name, spec))
    packets = source.ring.read(START_S, END_S)
    record = write_clip(packets, source.info, tmp_path / "clip.mp4")
    assert record.container == container
    assert record.path.suffix == {"mp4": ".mp4", "matroska": ".mkv", "avi": ".avi"}[container]
    shown, clip = read(record.path)
    assert [p.data for p in clip.ring.read(-9.0, 9.0)] == [p.data for p in packets]
    first = next(f for f in frames if f.pts == packets[0].pts)
    assert np.array_equal(shown[0].image, first.image)


def test_a_clip_must_begin_with_a_key_frame(tmp_path: Path) -> None:
    """A clip whose beginning cannot be decoded is refused, and no file is made."""
    _, source = read(write(tmp_path / "x.mp4"))
    packets = source.ring.read(0.0, 1.0)
    for wrong in ([], packets[1:]):
        with pytest.raises(EvidenceError, match="must begin with a key frame"):
            write_clip(wrong, source.info, tmp_path / "clip.mp4")
    assert not (tmp_path / "clip.mp4").exists()


def test_packets_that_ffmpeg_refuses_leave_nothing(tmp_path: Path) -> None:
    """Decoding times that run backwards cannot be muxed: an error that names the clip, and no file."""
    _, source = read(write(tmp_path / "x.mp4"))
    packets = source.ring.read(0.0, 1.0)
    folder = tmp_path / "case"
    folder.mkdir()
    with pytest.raises(EvidenceError, match=r"clip\.mp4"):
        write_clip([*packets, replace(packets[0])], source.info, folder / "clip.mp4")
    assert list(folder.iterdir()) == []


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Files may not grow beyond `size` bytes: writing fails as it does on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, share: float) -> None:
    """Wherever the disk fills up, the error names the place, no half clip stays, and an older one stays whole."""
    _, source = read(write(tmp_path / "x.mp4", ClipSpec(options={"crf": "1"})))
    packets = source.ring.read(0.0, 1.0)
    folder = tmp_path / "case"
    folder.mkdir()
    path = folder / "clip.mp4"
    size = write_clip(packets, source.info, path).size_bytes
    before = path.read_bytes()
    with file_size_limit(int(size * share)), pytest.raises(StorageError, match=r"clip\.mp4"):
        write_clip(packets, source.info, path)
    assert list(folder.iterdir()) == [path]
    assert path.read_bytes() == before


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    """One line that names the file."""
    _, source = read(write(tmp_path / "x.mp4"))
    with pytest.raises(StorageError, match=r"nowhere/clip\.mp4: cannot be written \(No such file"):
        write_clip(source.ring.read(0.0, 1.0), source.info, tmp_path / "nowhere" / "clip.mp4")


def test_writing_leaves_no_descriptor_open(tmp_path: Path) -> None:
    """A worker that writes clips for months does not run out of file handles."""
    _, source = read(write(tmp_path / "x.mp4"))
    packets = source.ring.read(0.0, 1.0)
    write_clip(packets, source.info, tmp_path / "clip.mp4")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        write_clip(packets, source.info, tmp_path / "clip.mp4")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_which_streams_browsers_play(tmp_path: Path) -> None:
    """H.264 in 8-bit 4:2:0 plays everywhere; H.265, MPEG-4 and finer pixel formats do not."""
    _, source = read(write(tmp_path / "x.mp4", ClipSpec(frames=1)))
    assert not needs_viewing_copy(source.info)
    assert needs_viewing_copy(replace(source.info, pixel_format="yuv422p10le"))
    assert needs_viewing_copy(replace(source.info, pixel_format=None))
    assert needs_viewing_copy(replace(source.info, codec="hevc"))
    assert needs_viewing_copy(replace(source.info, codec="mpeg4"))


@pytest.mark.parametrize(
    "spec",
    [
        ClipSpec(codec="libx265", rotation=90, frames=20, times=[*range(10), *range(20, 30)]),
        ClipSpec(pixel_format="yuv444p", width=97, height=65, frames=20),
    ],
)
def test_the_viewing_copy_shows_the_same_and_says_what_it_is(tmp_path: Path, spec: ClipSpec) -> None:
    """H.264 in 4:2:0, every picture at its time and upright, marked inside as a copy."""
    frames, source = read(write(tmp_path / "x.mp4", spec))
    record = write_clip(source.ring.read(0.0, 9.0), source.info, tmp_path / "clip.mp4")
    path = tmp_path / "clip.viewing.mp4"
    write_viewing_copy(record.path, path)
    shown, copy = read(path)
    assert (copy.info.codec, copy.info.pixel_format) == ("h264", "yuv420p")
    assert not needs_viewing_copy(copy.info)
    assert [f.stream_s for f in shown] == pytest.approx([f.stream_s for f in frames], abs=0.001)
    height, width = shown[0].image.shape[:2]
    errors = [np.abs(a.image[:height, :width].astype(int) - b.image).mean() for a, b in zip(frames, shown, strict=True)]
    assert max(errors) < 12
    with av.open(str(path)) as container:
        assert container.metadata["comment"].startswith("VIEWING COPY")


def test_the_viewing_copy_of_a_damaged_clip_shows_the_rest(tmp_path: Path) -> None:
    """The evidence keeps its damage; the copy shows what can be seen before and after it."""
    path = write(tmp_path / "x.mp4", ClipSpec(codec="libx265", options={"crf": "5"}))
    with av.open(str(path)) as container:
        at = [packet.pos for packet in container.demux(video=0) if packet.size][13]
    content = bytearray(path.read_bytes())
    content[at : at + 200] = bytes(200)
    path.write_bytes(content)
    frames, source = read(path)
    record = write_clip(source.ring.read(0.0, 9.0), source.info, tmp_path / "clip.mp4")
    write_viewing_copy(record.path, tmp_path / "copy.mp4")
    shown, _ = read(tmp_path / "copy.mp4")
    assert 20 <= len(frames) < 30
    assert len(frames) <= len(shown) < 30
    assert numbers(shown)[:10] == list(range(10))
    assert index_in(shown[-1].image) == 29


def test_a_clip_that_cannot_be_opened_has_no_viewing_copy(tmp_path: Path) -> None:
    """A damaged or missing clip is an error that names it, and leaves no file."""
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"no video at all" * 50)
    for wrong in (clip, tmp_path / "missing.mp4"):
        with pytest.raises(EvidenceError, match=rf"{wrong.name}: cannot be opened"):
            write_viewing_copy(wrong, tmp_path / "copy.mp4")
    assert list(tmp_path.iterdir()) == [clip]
