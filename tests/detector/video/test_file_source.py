"""Recorded files as frames: every container, codec and kind of stamps gives the right pictures at the right time."""

import hashlib
import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from detector.entities import RELATIVE_EPOCH, Frame, TimeSource
from detector.errors import ConfigurationError, SourceError
from detector.video.file_source import FileSource
from detector.video.ring import PacketRing
from tests.footage import ClipSpec, draw, index_in, join, remux, write, write_audio, write_audio_with_cover

PICTURE_S = 1 / 25


def read(path: Path, fps: float = 25.0) -> tuple[list[Frame], FileSource]:
    with FileSource(path, "gate-1", fps) as source:
        return list(source), source


def numbers(frames: list[Frame]) -> list[int]:
    return [index_in(frame.image) for frame in frames]


KINDS = {
    "h264.mp4": ClipSpec(),
    "h264.ts": ClipSpec(),
    "h264.mkv": ClipSpec(),
    "h264.avi": ClipSpec(),
    "h264.mpg": ClipSpec(),
    "h264.h264": ClipSpec(),
    "h265.mp4": ClipSpec(codec="libx265"),
    "h265.ts": ClipSpec(codec="libx265"),
    "h265.hevc": ClipSpec(codec="libx265"),
    "mpeg4.avi": ClipSpec(codec="mpeg4"),
    "mjpeg.avi": ClipSpec(codec="mjpeg", pixel_format="yuvj420p"),
    "vp9.webm": ClipSpec(codec="libvpx-vp9", options={"cpu-used": "8", "deadline": "realtime"}),
    "h264-no-b.mp4": ClipSpec(b_frames=0),
    "h264-one-key.mp4": ClipSpec(gop=999),
    "h264-422-10.mp4": ClipSpec(pixel_format="yuv422p10le"),
    "h264-odd.mp4": ClipSpec(pixel_format="yuv444p", width=97, height=65),
    "h264-gray.mkv": ClipSpec(pixel_format="gray"),
}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_gives_every_picture_at_its_time(tmp_path: Path, name: str) -> None:
    """Container, codec, pixel format and B-frames change neither the order of the pictures nor their times."""
    spec = KINDS[name]
    frames, source = read(write(tmp_path / name, spec))
    assert numbers(frames) == list(range(30))
    assert [frame.stream_s for frame in frames] == pytest.approx([i * PICTURE_S for i in range(30)], abs=0.0011)
    assert all(frame.image.shape == (spec.height, spec.width, 3) for frame in frames)
    assert all(frame.image.dtype == np.uint8 and frame.image.flags.c_contiguous for frame in frames)
    counters = source.counters
    assert (counters.packets, counters.decoded, counters.analysed, counters.corrupt) == (30, 30, 30, 0)
    assert [frame.index for frame in frames] == list(range(30))
    assert all(a.pts < b.pts for a, b in itertools.pairwise(frames))


@pytest.mark.parametrize("name", ["h264.mp4", "h264.ts", "h264.mkv", "h265.mp4"])
def test_sound_footage_has_no_notes(tmp_path: Path, name: str) -> None:
    """Nothing is said where nothing was done."""
    _, source = read(write(tmp_path / name, KINDS[name]))
    assert source.repairs + source.losses == ()
    assert source.counters.repaired == 0


@pytest.mark.parametrize("name", ["h264.avi", "h264.mpg", "h264.h264"])
def test_files_without_presentation_times_say_so(tmp_path: Path, name: str) -> None:
    """Their times follow the order in which pictures come out of the decoder."""
    _, source = read(write(tmp_path / name))
    assert source.repairs == (
        "time stamps: the file stores no presentation times; they follow the order of its pictures",
    )


def test_colours_are_those_of_the_scene(tmp_path: Path) -> None:
    """BGR is BGR: the yellow square stays yellow and where it was."""
    frames, _ = read(write(tmp_path / "x.mp4", ClipSpec(options={"crf": "5"})))
    error = np.abs(frames[7].image.astype(int) - draw(7))
    assert error.mean() < 4


def test_variable_frame_rate_keeps_the_times(tmp_path: Path) -> None:
    """Each picture keeps its own time, however uneven."""
    times = [0, 1, 2, 10, 11, 30, 31, 60, 61, 62]
    frames, source = read(write(tmp_path / "x.mp4", ClipSpec(frames=10, times=times)))
    assert [frame.stream_s for frame in frames] == pytest.approx([t * PICTURE_S for t in times])
    assert numbers(frames) == list(range(10))
    assert source.repairs + source.losses == ()


def test_sampling_thins_out_by_time_and_counts(tmp_path: Path) -> None:
    """Eight of twenty-five pictures a second are handed out; all are decoded and counted."""
    frames, source = read(write(tmp_path / "x.mp4"), fps=8.0)
    assert numbers(frames) == [0, 4, 7, 10, 13, 16, 19, 22, 25, 29]
    assert [frame.index for frame in frames] == numbers(frames)
    assert source.counters.decoded == 30
    assert source.counters.analysed == len(frames)


def test_the_grid_is_absolute(tmp_path: Path) -> None:
    """The same instants are chosen from a recording that begins later: a restarted run analyses the same frames."""
    path = write(tmp_path / "x.mp4", ClipSpec(b_frames=0, gop=5))
    later = remux(path, tmp_path / "later.mp4", [None] * 5 + [(i, i) for i in range(25)])
    start = datetime(2026, 3, 1, 14, 15, 4, 37_000, tzinfo=UTC)
    with FileSource(path, "gate-1", 8.0, started_at=start) as source:
        whole = [frame.captured_at for frame in source]
    with FileSource(later, "gate-1", 8.0, started_at=start + timedelta(seconds=0.2)) as source:
        part = [frame.captured_at for frame in source]
    assert part[1:] == [t for t in whole if t > part[0]]
    assert len(part) > 5


@pytest.mark.parametrize("degrees", [90, 180, -90])
def test_rotated_video_is_turned_upright(tmp_path: Path, degrees: int) -> None:
    """The display matrix is applied to the image: what players show is what is analysed."""
    plain, _ = read(write(tmp_path / "plain.mp4"))
    turned, source = read(write(tmp_path / "turned.mp4", ClipSpec(rotation=degrees)))
    assert all(np.array_equal(b.image, np.rot90(a.image, degrees // 90)) for a, b in zip(plain, turned, strict=True))
    assert source.info.display_matrix is not None


def test_resolution_may_change_in_mid_stream(tmp_path: Path) -> None:
    """Frames follow the size of the picture; nothing is scaled or lost."""
    small = write(tmp_path / "small.ts", ClipSpec(frames=10, b_frames=0))
    large = write(tmp_path / "large.ts", ClipSpec(frames=10, b_frames=0, width=128, height=96))
    frames, _ = read(join([small, large], tmp_path / "joined.ts"))
    assert [frame.image.shape[:2] for frame in frames] == [(64, 96)] * 10 + [(96, 128)] * 10
    assert numbers(frames) == [*range(10), *range(10)]


def test_a_clock_that_starts_anew_makes_no_jump(tmp_path: Path) -> None:
    """Two recordings joined: time goes on, and the seam is told."""
    part = write(tmp_path / "part.ts", ClipSpec(frames=25, b_frames=0))
    frames, source = read(join([part, part], tmp_path / "joined.ts"))
    assert [frame.stream_s for frame in frames] == pytest.approx([i * PICTURE_S for i in range(50)])
    assert numbers(frames) == [*range(25), *range(25)]
    assert source.repairs == ("time stamps: jump back by 1.0 s at 1.0 s; time goes on without the jump",)


def test_stamps_that_step_back_are_repaired_and_counted(tmp_path: Path) -> None:
    """Pictures with stamps in the past are not lost, and the repair is told."""
    part = write(tmp_path / "part.ts", ClipSpec(frames=4, b_frames=0))
    frames, source = read(join([part, part], tmp_path / "joined.ts"), fps=90_000.0)
    assert numbers(frames) == [*range(4), *range(4)]
    assert all(a.stream_s < b.stream_s for a, b in itertools.pairwise(frames))
    assert source.counters.repaired == 4
    assert source.repairs == ("time stamps: 4 were missing or did not increase and were repaired",)


def test_pictures_hidden_by_an_edit_list_stay_hidden(tmp_path: Path) -> None:
    """Time counts from the first picture that the container shows; hidden packets are kept, with negative times."""
    whole = write(tmp_path / "whole.mp4", ClipSpec(b_frames=0))
    trimmed = remux(whole, tmp_path / "trimmed.mp4", [(i - 4, i - 4) for i in range(30)])
    frames, source = read(trimmed)
    assert numbers(frames) == list(range(4, 30))
    assert frames[0].stream_s == 0.0
    assert source.ring.span_s[0] == pytest.approx(-4 * PICTURE_S)
    assert source.counters.corrupt == 0


def test_a_single_picture_is_a_recording(tmp_path: Path) -> None:
    """One frame in, one frame out."""
    frames, source = read(write(tmp_path / "x.mp4", ClipSpec(frames=1)), fps=8.0)
    assert numbers(frames) == [0]
    assert source.repairs + source.losses == ()


def test_every_packet_is_in_the_ring_before_its_frame(tmp_path: Path) -> None:
    """When a frame is handed out its packet can be read already, with the hash that the frame names."""
    with FileSource(write(tmp_path / "x.mp4"), "gate-1", 25.0) as source:
        for frame in source:
            packet = next(p for p in source.ring.read(0.0, 9.0) if p.pts == frame.pts)
            assert hashlib.sha256(packet.data).hexdigest() == frame.packet_sha256
            assert packet.stream_s == frame.stream_s
    assert source.ring.is_complete(99.0)


def test_a_given_ring_is_used(tmp_path: Path) -> None:
    """The caller chooses where packets are kept, also when the ring is still empty."""
    ring = PacketRing(seconds=0.2)
    with FileSource(write(tmp_path / "x.mp4"), "gate-1", ring=ring) as source:
        list(source)
    assert source.ring is ring
    assert ring.span_s[0] > 0


def test_capture_time_is_start_plus_position(tmp_path: Path) -> None:
    """Sidecar, metadata and nothing: the source of time is carried with the frames' times."""
    path = write(tmp_path / "x.mp4", ClipSpec(metadata={"creation_time": "2026-02-28T01:02:03Z"}))
    frames, source = read(path)
    assert source.time.source is TimeSource.CONTAINER
    assert frames[5].captured_at == datetime(2026, 2, 28, 1, 2, 3, 200_000, tzinfo=UTC)
    sidecar = {"started_at": "2026-03-01T22:15:04.250+08:00", "uncertainty_ms": 40}
    path.with_suffix(".json").write_text(json.dumps(sidecar), encoding="utf-8")
    frames, source = read(path)
    assert source.time.source is TimeSource.FILE_SIDECAR
    assert frames[5].captured_at == datetime(2026, 3, 1, 14, 15, 4, 450_000, tzinfo=UTC)
    plain, source = read(write(tmp_path / "plain.mp4"))
    assert source.time.source is TimeSource.RELATIVE
    assert plain[5].captured_at == RELATIVE_EPOCH + timedelta(seconds=0.2)


def test_a_wrong_sidecar_stops_the_source(tmp_path: Path) -> None:
    """A sidecar that cannot be believed is not passed over."""
    path = write(tmp_path / "x.mp4", ClipSpec(frames=1))
    path.with_suffix(".json").write_text("{}", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"x\.json: started_at"):
        FileSource(path, "gate-1")


def test_reading_twice_gives_the_same(tmp_path: Path) -> None:
    """Decoding in parallel changes nothing from run to run."""
    path = write(tmp_path / "x.mp4", ClipSpec(frames=60))
    first, _ = read(path)
    second, _ = read(path)
    assert [f.pts for f in first] == [f.pts for f in second]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(first, second, strict=True))


def test_closing_early_releases_the_file(tmp_path: Path) -> None:
    """After closing in the middle no descriptor stays open, and closing again is harmless."""
    path = write(tmp_path / "x.mp4")

    def is_open() -> bool:
        return any(link.resolve() == path for link in Path("/proc/self/fd").iterdir())

    source = FileSource(path, "gate-1")
    next(iter(source))
    assert is_open()
    source.close()
    source.close()
    assert not is_open()
    assert list(source) == []


@pytest.mark.parametrize("name", ["渣土车 01.mp4", "a:b%03d.mp4", "http:x.mp4"])
def test_names_are_only_names(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chinese characters, spaces, colons and patterns in a file name mean nothing else, also in the working folder."""
    (tmp_path / name).write_bytes(write(tmp_path / "plain.mp4").read_bytes())
    monkeypatch.chdir(tmp_path)
    frames, _ = read(Path(name))
    assert len(frames) == 30


def test_metadata_in_any_encoding_is_tolerated(tmp_path: Path) -> None:
    """Recorders write GBK into fields that should be UTF-8."""
    path = write(tmp_path / "x.mp4", ClipSpec(metadata={"title": "PLACEHOLDER"}))
    path.write_bytes(path.read_bytes().replace(b"PLACEHOLDER", "渣土车卡口".encode("gbk") + b"x"))
    frames, _ = read(path)
    assert len(frames) == 30


def make_directory(path: Path) -> None:
    path.mkdir()


def make_undecodable(path: Path) -> None:
    """A sound container whose pictures are noise."""
    write(path, ClipSpec(frames=5))
    content = bytearray(path.read_bytes())
    start = content.index(b"mdat") + 4
    end = start + int.from_bytes(content[start - 8 : start - 4], "big") - 8
    content[start:end] = b"\xff" * (end - start)
    path.write_bytes(content)


def make_cut(path: Path) -> None:
    """The index of this MP4 stands at its end, so that a cut loses it."""
    write(path)
    path.write_bytes(path.read_bytes()[:-400])


BAD = [
    (make_directory, "is a directory"),
    (lambda path: None, "No such file"),
    (lambda path: path.write_bytes(b""), "is empty"),
    (lambda path: path.write_text("hello\n" * 200, encoding="utf-8"), "not a video file"),
    (write_audio, "holds no video stream"),
    (write_audio_with_cover, "holds no video stream"),
    (make_undecodable, "no picture in it can be decoded"),
    (make_cut, "cut off before its index was written"),
]


@pytest.mark.parametrize(("make", "message"), BAD)
def test_bad_files_are_told_in_one_line(
    tmp_path: Path, make: Callable[[Path], object], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """One line that names the file, at opening, and no noise of FFmpeg on the terminal."""
    path = tmp_path / "bad.mp4"
    make(path)
    with pytest.raises(SourceError, match=message) as caught:
        FileSource(path, "gate-1")
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")
