"""What gates have learned outlives the process."""

from pathlib import Path

import pytest

from pipelines.level_memory import FILE, LevelMemory


def test_levels_are_there_again_after_a_restart(tmp_path: Path) -> None:
    """Of every camera, also of one that this process did not watch."""
    first = LevelMemory(tmp_path)
    for level in (100.0, 300.0, 200.0):
        first.get("gate").add(level)
    first.save()
    second = LevelMemory(tmp_path)
    assert second.get("gate").threshold == first.get("gate").threshold
    third = LevelMemory(tmp_path)
    third.get("kerb").add(5.0)
    third.save()
    assert LevelMemory(tmp_path).get("gate").levels == (100.0, 300.0, 200.0)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"gate": "x"}', b"\xff"])
def test_a_file_that_cannot_be_read_is_as_none(tmp_path: Path, content: bytes) -> None:
    """It only saves time: gates learn anew, and the file is replaced."""
    (tmp_path / FILE).write_bytes(content)
    memory = LevelMemory(tmp_path)
    assert memory.get("gate").threshold is None
    memory.get("gate").add(1.0)
    memory.save()
    assert LevelMemory(tmp_path).get("gate").levels == (1.0,)
