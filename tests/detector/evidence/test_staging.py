import errno
import os
import signal
import time

import pytest

from detector.errors import StorageError
from detector.evidence.staging import publish, remove_leftovers, staging_folder
from tests.processes import PROCESSES


def build_forever(root):
    with staging_folder(root, "RW-1") as folder:
        (folder / "clip.mp4").write_bytes(b"half")
        (root / "ready").touch()
        time.sleep(60)


def build(root, content=b"new"):
    with staging_folder(root, "RW-1") as folder:
        (folder / "clip.mp4").write_bytes(content)
        return publish(folder, root / "RW-1")


def names(root):
    return sorted(path.name for path in root.iterdir())


def test_a_published_folder_has_its_name_and_all_its_files(tmp_path):
    """Missing parents are made, and nothing but the folder remains."""
    root = tmp_path / "deep" / "evidence"
    assert build(root) is True
    assert names(root) == ["RW-1"]
    assert (root / "RW-1" / "clip.mp4").read_bytes() == b"new"


def test_a_folder_that_is_there_is_left_alone(tmp_path):
    """The first one stays; the second is told, and leaves nothing behind."""
    build(tmp_path, b"old")
    assert build(tmp_path, b"new") is False
    assert (tmp_path / "RW-1" / "clip.mp4").read_bytes() == b"old"
    assert names(tmp_path) == ["RW-1"]


def test_what_is_not_published_disappears(tmp_path):
    """An error in the middle leaves nothing half-written, and comes through as it was."""
    with pytest.raises(RuntimeError, match="mine"), staging_folder(tmp_path, "RW-1") as folder:
        (folder / "clip.mp4").write_bytes(b"half")
        raise RuntimeError("mine")
    assert names(tmp_path) == []


def test_leftovers_of_a_killed_process_are_removed_and_those_of_a_living_one_stay(tmp_path):
    """kill -9 leaves a folder under construction; the next one to build removes it, but never another's work."""
    process = PROCESSES.Process(target=build_forever, args=(tmp_path,))
    process.start()
    for _ in range(600):
        if (tmp_path / "ready").exists():
            break
        time.sleep(0.05)
    (tmp_path / "ready").unlink()
    (under_construction,) = names(tmp_path)
    remove_leftovers(tmp_path)
    assert names(tmp_path) == [under_construction]
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    build(tmp_path)
    assert names(tmp_path) == ["RW-1"]


@pytest.mark.parametrize(("number", "words"), [(errno.ENOSPC, "the disk is full; free some space"),
                                               (errno.EDQUOT, "the disk is full; free some space"),
                                               (errno.EACCES, "cannot be written: Permission denied; check its rights"),
                                               (errno.EROFS, "Read-only file system")])  # fmt: skip
def test_faults_of_the_disk_are_one_line_that_names_the_place(tmp_path, number, words):
    with pytest.raises(StorageError, match=words) as caught, staging_folder(tmp_path, "RW-1"):
        raise OSError(number, os.strerror(number))
    assert str(tmp_path) in str(caught.value)
    assert names(tmp_path) == []


def test_a_file_where_the_root_should_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=str(tmp_path)), staging_folder(tmp_path / "file", "RW-1"):
        pytest.fail("the block must not be entered")
