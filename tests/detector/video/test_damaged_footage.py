"""Damaged recordings: what can be read is read, nothing false is shown, and the damage is told."""

from pathlib import Path

import numpy as np
import pytest

from detector.entities import Frame
from detector.video.file_source import FileSource
from tests.footage import ClipSpec, index_in, write, write_with_sound

SPEC = ClipSpec(frames=60, options={"crf": "10"})
BLOCK = 1200


def read(path: Path) -> tuple[list[Frame], FileSource]:
    with FileSource(path, "gate-1", 25.0) as source:
        return list(source), source


def true_numbers(frames: list[Frame]) -> list[int]:
    """The numbers of the pictures, after checking that each one shows what was there at its time."""
    shown = [index_in(frame.image) for frame in frames]
    assert shown == [round(frame.stream_s * 25) for frame in frames]
    return shown


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("whole")
    return {name: write(folder / f"x.{name}", SPEC).read_bytes() for name in ("mp4", "ts", "mkv")}


def overwritten(content: bytes, at: int, filler: bytes) -> bytes:
    return content[:at] + filler + content[at + len(filler) :]


@pytest.mark.parametrize("filler", ["noise", "zeros"])
@pytest.mark.parametrize("container", ["mp4", "ts"])
@pytest.mark.parametrize("share", [0.25, 0.35, 0.45])
def test_nothing_false_is_shown_after_damage(
    tmp_path: Path, whole: dict[str, bytes], container: str, share: float, filler: str
) -> None:
    """Decoders conceal lost pictures by old ones, unmarked; such frames are left out until the next key frame.

    Without that rule frames of 1.8 s show what was there at 1.1 s (measured on these very clips).
    """
    content = whole[container]
    block = np.random.default_rng(7).bytes(BLOCK) if filler == "noise" else bytes(BLOCK)
    path = tmp_path / f"x.{container}"
    path.write_bytes(overwritten(content, int(len(content) * share), block))
    frames, source = read(path)
    shown = true_numbers(frames)
    assert shown[:10] == list(range(10))
    assert shown[-10:] == list(range(50, 60))
    counters = source.counters
    assert counters.corrupt > 0
    assert counters.decoded + counters.corrupt <= 60
    assert any(note.startswith("corrupt: ") for note in source.losses)


def test_the_note_names_number_and_time(tmp_path: Path, whole: dict[str, bytes]) -> None:
    """Officers read how many pictures are missing, and when."""
    content = whole["mp4"]
    path = tmp_path / "x.mp4"
    path.write_bytes(overwritten(content, int(len(content) * 0.5), bytes(BLOCK)))
    frames, source = read(path)
    missing = sorted(set(range(60)) - set(true_numbers(frames)))
    first_s, last_s = missing[0] / 25, missing[-1] / 25
    assert source.losses == (
        f"corrupt: {len(missing)} frames could not be decoded soundly at {first_s:.1f}-{last_s:.1f} s",
    )


def test_damage_is_the_same_in_every_run(tmp_path: Path, whole: dict[str, bytes]) -> None:
    """Which frames are left out does not depend on the timing of decoder threads."""
    content = whole["mp4"]
    path = tmp_path / "x.mp4"
    path.write_bytes(overwritten(content, int(len(content) * 0.4), bytes(BLOCK)))
    runs = [read(path)[0] for _ in range(3)]
    assert [[f.pts for f in run] for run in runs] == [[f.pts for f in runs[0]]] * 3
    assert all(np.array_equal(a.image, b.image) for run in runs[1:] for a, b in zip(runs[0], run, strict=True))


def test_a_cut_matroska_file_is_read_to_the_cut(tmp_path: Path, whole: dict[str, bytes]) -> None:
    """What was readable is processed, and the missing rest is told in seconds."""
    path = tmp_path / "x.mkv"
    path.write_bytes(whole["mkv"][: len(whole["mkv"]) * 6 // 10])
    frames, source = read(path)
    shown = true_numbers(frames)
    assert shown == list(range(len(shown)))
    assert 20 < len(shown) < 45
    assert f"truncated: nothing can be read after {(shown[-1] + 1) / 25:.1f} s of 2.4 s" in source.losses


@pytest.mark.parametrize("name", ["x.mkv", "x.nut", "x.asf", "x.mp4", "x.ts"])
def test_a_piece_of_a_longer_recording_is_whole(tmp_path: Path, name: str) -> None:
    """Its time stamps go on from the piece before; some containers name the time of their end as their length."""
    codec = "wmv2" if name == "x.asf" else "libx264"
    frames, source = read(write(tmp_path / name, ClipSpec(codec, b_frames=0, times=range(250, 280))))
    assert len(frames) == 30
    assert source.losses == ()


@pytest.mark.parametrize("name", ["x.mkv", "x.flv", "x.mp4"])
def test_sound_that_goes_on_is_no_missing_picture(tmp_path: Path, name: str) -> None:
    """A container's length is that of its longest stream."""
    frames, source = read(write_with_sound(tmp_path / name, ClipSpec(b_frames=0), 6.0))
    assert len(frames) == 30
    assert source.losses == ()


def test_a_cut_transport_stream_is_read_to_the_cut(tmp_path: Path, whole: dict[str, bytes]) -> None:
    """A transport stream states no length; a cut inside a packet shows."""
    path = tmp_path / "x.ts"
    path.write_bytes(whole["ts"][: 188 * 70 + 100])
    frames, source = read(path)
    shown = true_numbers(frames)
    assert shown == list(range(len(shown)))
    assert len(shown) > 10
    assert any(note.startswith("truncated: the file ends in the middle of a packet after ") for note in source.losses)


def test_a_cut_mp4_with_its_index_in_front_is_read_to_the_cut(tmp_path: Path) -> None:
    """Where the index comes first, the pictures before the cut are not lost with the rest."""
    fragmented = write(tmp_path / "whole.mp4", SPEC, options={"movflags": "faststart"}).read_bytes()
    path = tmp_path / "x.mp4"
    path.write_bytes(fragmented[: len(fragmented) * 7 // 10])
    frames, source = read(path)
    shown = true_numbers(frames)
    assert shown == list(range(len(shown)))
    assert 20 < len(shown) < 59
    assert any(note.startswith("truncated: nothing can be read after ") for note in source.losses)


def test_a_recording_that_begins_between_key_frames_begins_at_the_first(
    tmp_path: Path, whole: dict[str, bytes]
) -> None:
    """What cannot be decoded at the beginning is told, and does not spoil what follows."""
    content = whole["ts"]
    path = tmp_path / "x.ts"
    path.write_bytes(content[: 188 * 3] + content[188 * 20 :])
    frames, source = read(path)
    shown = [index_in(frame.image) for frame in frames]
    assert shown[-1] == 59
    assert shown == list(range(shown[0], 60))
    assert shown[0] % 10 == 0
    assert frames[0].stream_s == 0.0
    assert source.counters.decoded == len(shown)


def test_pictures_leading_the_first_key_frame_do_not_spoil_it(tmp_path: Path) -> None:
    """H.265 with open groups, cut before a key frame: its leading pictures are lost, those after it are sound."""
    spec = ClipSpec(codec="libx265", frames=40)
    content = write(tmp_path / "whole.ts", spec).read_bytes()
    with FileSource(tmp_path / "whole.ts", "gate-1", 25.0) as source:
        list(source)
    keys = [at for at in range(0, len(content), 188) if content[at + 1] & 0x40 and content[at + 5] & 0x40]
    path = tmp_path / "x.ts"
    path.write_bytes(content[: 188 * 3] + content[keys[1] :])
    frames, _ = read(path)
    shown = [index_in(frame.image) for frame in frames]
    assert shown == list(range(shown[0], 40))
    assert len(shown) >= 25
