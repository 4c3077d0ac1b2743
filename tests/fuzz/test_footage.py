"""Recordings with hostile bytes: frames, or one line that names the file; never another fault, nor an endless read."""

from pathlib import Path

import pytest
from hypothesis import given

from detector.video.file_source import FileSource
from pipelines.spans import picture_of
from tests.footage import ClipSpec, write
from tests.fuzz.hostile import answer_or_one_line, bounded, nearly

MOST_FRAMES = 1000
"""Far more than the clip has, however its times are read."""


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts", "avi"])
def test_recordings(container: str, tmp_path: Path) -> None:
    right = write(tmp_path / f"right.{container}", ClipSpec(frames=12, width=64, height=48)).read_bytes()
    clip = tmp_path / f"a.{container}"

    @bounded
    @given(nearly(right))
    def attack(content: bytes) -> None:
        clip.write_bytes(content)

        def read() -> int:
            with FileSource(clip, "gate", 25.0) as source:
                for count, frame in enumerate(map(picture_of, source)):
                    assert frame.image.ndim == 3
                    assert count < MOST_FRAMES
                return source.counters.packets

        answer_or_one_line(read)

    attack()
