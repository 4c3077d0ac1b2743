"""A package as one ZIP file: stored, not compressed, the same bytes for the same package."""

import lzma
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from detector.errors import EvidenceError, StorageError

EPOCH = (1980, 1, 1, 0, 0, 0)
MAX_FILES, MAX_BYTES = 100, 4 * 2**30


def write_archive(folder: Path, target: Path) -> int:
    """Write a package's files into a new ZIP file, which appears whole or not at all.

    Returns:
        Its size in bytes.

    Raises:
        EvidenceError: the folder is not there.
        StorageError: the file is there already, or cannot be written.
    """
    if not folder.is_dir():
        raise EvidenceError(f"{folder}: the package is not there")
    if target.exists():
        raise StorageError(f"{target}: is there already; name another file")
    part = target.with_name(f".{target.name}.part")
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
            for path in sorted(folder.iterdir()):
                info = zipfile.ZipInfo(path.name, EPOCH)
                info.external_attr = 0o644 << 16
                with path.open("rb") as source, archive.open(info, "w", force_zip64=True) as sink:
                    shutil.copyfileobj(source, sink, 1 << 20)
        part.rename(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StorageError(f"{target} cannot be written: {error.strerror}") from error
    return target.stat().st_size


UNREADABLE = (
    OSError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError, ValueError
)  # fmt: skip
"""What readers of ZIP files and of their compressions raise on a file that is damaged, locked or of another kind."""


@contextmanager
def opened(path: Path) -> Iterator[Path]:
    """The folder of a package; that of a ZIP file is a copy which goes when the block ends.

    Raises:
        EvidenceError: the file is no ZIP, or holds what no package holds.
    """
    if path.is_dir():
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="roadwarden-") as folder:
        try:
            with zipfile.ZipFile(path) as archive:
                _extract(archive, path, Path(folder))
        except UNREADABLE as error:
            raise EvidenceError(f"{path}: is no package: {getattr(error, 'strerror', None) or error}") from error
        yield Path(folder)


def _extract(archive: zipfile.ZipFile, path: Path, folder: Path) -> None:
    rows = archive.infolist()
    names = [row.filename for row in rows]
    if len(rows) > MAX_FILES or sum(row.file_size for row in rows) > MAX_BYTES or len(set(names)) != len(names):
        raise EvidenceError(f"{path}: holds more, larger or doubled files than a package has")
    for row in rows:
        plain = row.filename and not set(row.filename) & {"/", "\\", "\0"} and row.filename not in {".", ".."}
        if not plain:
            raise EvidenceError(f"{path}: holds {row.filename!r}, which no package has")
        with archive.open(row) as source, (folder / row.filename).open("wb") as sink:
            shutil.copyfileobj(source, sink, 1 << 20)
