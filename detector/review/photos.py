"""Photos that departments send with their feedback: checked by content, made anew without metadata, kept beside the
evidence and not in it. Which photo belongs to which feedback stands in the audit log, with its hash.
"""

import hashlib
import io
import secrets
import shutil
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image, UnidentifiedImageError

from detector.errors import EvidenceError, StorageError
from detector.review.refusals import Refusal

PHOTOS_MOST = 6
PHOTO_BYTES = 12 * 1024 * 1024
"""Of one upload, as phones send it."""
UPLOAD_BYTES = PHOTOS_MOST * PHOTO_BYTES + 64 * 1024
PIXELS_MOST = 120_000_000
LONGEST_SIDE_PX = 2560
FORMATS = ("JPEG", "PNG", "WEBP")
QUALITY = 88
TURNS: Mapping[object, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip
"""How a picture becomes upright, by its orientation in EXIF. `ImageOps.exif_transpose` writes all of EXIF anew, and
stumbles over any other tag of the wrong type."""


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo as it is kept.

    Attributes:
        name: of its file; random, so that nothing of the upload's own name remains.
        sha256: of the kept file.
    """

    name: str
    sha256: str
    width: int
    height: int


class PhotoShelf:
    """Keeps and finds photos, one folder a case."""

    def __init__(self, root: Path) -> None:
        """Take the folder; it need not exist yet."""
        self.root = root.resolve()

    def keep(self, case_id: str, uploads: Sequence[bytes]) -> list[Photo]:
        """Check photos and keep them; all or none.

        Raises:
            Refusal: too many, too large, or no photo that can be shown.
            StorageError: they cannot be written.
        """
        if len(uploads) > PHOTOS_MOST:
            raise Refusal(400, "error.photos_many")
        cleaned = [clean(upload) for upload in uploads]
        kept: list[Photo] = []
        try:
            for content, (width, height) in cleaned:
                photo = Photo(f"{secrets.token_hex(12)}.jpg", hashlib.sha256(content).hexdigest(), width, height)
                kept.append(photo)
                folder = self._folder(case_id)
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                (folder / photo.name).write_bytes(content)
        except OSError as error:
            self.discard(case_id, kept)
            raise StorageError(f"photos in {self.root} cannot be written: {error.strerror}") from error
        return kept

    def open(self, case_id: str, photo: Photo) -> Path:
        """Path of a kept photo.

        Raises:
            EvidenceError: it is missing, or not what was kept.
        """
        path = self._folder(case_id) / photo.name
        try:
            is_own = path.resolve().parent == self._folder(case_id)
            if is_own and hashlib.sha256(path.read_bytes()).hexdigest() == photo.sha256:
                return path
        except OSError as error:
            raise EvidenceError(f"photo {photo.name} of case {case_id}: {error.strerror}") from error
        raise EvidenceError(f"photo {photo.name} of case {case_id} is not the one that was kept")

    def discard(self, case_id: str, photos: Sequence[Photo]) -> None:
        """Remove photos whose feedback did not come to be."""
        for photo in photos:
            (self._folder(case_id) / photo.name).unlink(missing_ok=True)

    def remove_case(self, case_id: str) -> None:
        """Remove every photo of a case that is deleted.

        Raises:
            StorageError: they cannot be removed.
        """
        try:
            shutil.rmtree(self._folder(case_id))
        except FileNotFoundError:
            return
        except OSError as error:
            raise StorageError(f"photos of case {case_id} cannot be deleted: {error.strerror}") from error

    def _folder(self, case_id: str) -> Path:
        folder = self.root / case_id
        if case_id in ("", ".", "..") or folder.resolve().parent != self.root:
            raise EvidenceError(f"case {case_id!r} names no folder of photos")
        return folder.resolve()


def clean(upload: bytes) -> tuple[bytes, tuple[int, int]]:
    """A photo as JPEG without any metadata, upright and no larger than screens need; and its size.

    Decoding and encoding anew leaves nothing of the upload but its pixels: no position, no device, no hidden content.

    Raises:
        Refusal: it is too large, or its content is no photo whatever its name says.
    """
    if len(upload) > PHOTO_BYTES:
        raise Refusal(413, "error.photo_large")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # PIXELS_MOST decides
            with Image.open(io.BytesIO(upload), formats=FORMATS) as image:
                if image.width * image.height > PIXELS_MOST:
                    raise Refusal(413, "error.photo_large")
                image.draft("RGB", (LONGEST_SIDE_PX, LONGEST_SIDE_PX))
                image.load()
                turn = TURNS.get(image.getexif().get(ExifTags.Base.Orientation))
                upright = (image if turn is None else image.transpose(turn)).convert("RGB")
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError) as error:
        raise Refusal(400, "error.photo_type") from error
    upright.thumbnail((LONGEST_SIDE_PX, LONGEST_SIDE_PX))
    plain = Image.new("RGB", upright.size)
    plain.paste(upright)
    written = io.BytesIO()
    plain.save(written, "JPEG", quality=QUALITY)
    return written.getvalue(), plain.size


def to_details(photos: Sequence[Photo]) -> list[dict[str, Any]]:
    """Photos as the details of a feedback."""
    return [asdict(photo) for photo in photos]


def from_details(details: Mapping[str, Any]) -> list[Photo]:
    """The photos of a feedback; empty for one without."""
    return [Photo(**photo) for photo in details.get("photos", ())]
