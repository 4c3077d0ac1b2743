"""Labelled pictures of one's own cameras: from what labelling tools write into what is trained and measured on.

    OUT/train/images/*  OUT/train/labels/*.txt      vehicles in YOLO form (`evaluate vehicles OUT/val`)
    OUT/train/load_state.csv  OUT/train/beds/*      beds (`evaluate load-state OUT/val/load_state.csv`)
    OUT/val/…                                       the same, never trained on

Whole groups (a camera's day, a case) fall into one part, chosen by a hash of the group's name: pictures that resemble
each other do not stand on both sides. What stands in a set stays on its side, whatever is imported later.
"""

import csv
import shutil
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from detector.documents import read_json
from detector.entities import VehicleType
from detector.errors import SourceError, StorageError
from detector.evaluation.load_states import LABELS
from detector.evidence.archive import UNREADABLE
from detector.geometry import Box

CLASSES = {kind.label: kind for kind in VehicleType}
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
BED_COLUMNS = ("image", "x1", "y1", "x2", "y2", "label")
PARTS = ("train", "val")
LOAD_TABLE = "load_state.csv"
MAX_EXPORT_BYTES = 20 * 2**30


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    """One picture.

    Attributes:
        path: of the picture.
        group: what it must not be torn from; the picture itself where nothing is known.
        vehicles: class and box (shares of the picture); None where vehicles are not labelled.
        beds: label of `LABELS` and the vehicle's box; None where beds are not labelled.
    """

    path: Path
    group: str
    vehicles: tuple[tuple[VehicleType, Box], ...] | None = None
    beds: tuple[tuple[str, Box], ...] | None = None


@dataclass(frozen=True, slots=True)
class ClassMap:
    """Names of a labelling tool's classes and ours; None for a class that is left out.

    Names that are ours need no entry.
    """

    entries: Mapping[str, VehicleType | None]

    @classmethod
    def parse(cls, pairs: Iterable[str]) -> "ClassMap":
        """From words `theirs=ours`; `theirs=-` leaves a class out.

        Raises:
            SourceError: a word is none of these.
        """
        entries = {}
        for pair in pairs:
            theirs, sign, ours = pair.partition("=")
            if not sign or (ours != "-" and ours not in CLASSES):
                raise SourceError(f"--map {pair!r}: must be THEIRS=OURS with OURS one of {', '.join(CLASSES)} or -")
            entries[theirs.strip().lower()] = CLASSES.get(ours)
        return cls(entries)

    def find(self, names: Iterable[str]) -> dict[str, VehicleType | None]:
        """What each name means.

        Raises:
            SourceError: a name is neither ours nor mapped.
        """
        known = {**CLASSES, **self.entries}
        unknown = sorted({name for name in names if name.strip().lower() not in known})
        if unknown:
            say = f"say what they are with --map {unknown[0]}=truck or leave them out with --map {unknown[0]}=-"
            raise SourceError(f"classes {', '.join(map(repr, unknown))} are not known; {say}")
        return {name: known[name.strip().lower()] for name in names}


def read_yolo(folder: Path, classes: ClassMap) -> list[LabelledPicture]:
    """A YOLO export: `images/`, `labels/`, and `data.yaml` or `classes.txt` with the names (neither: ours).

    Raises:
        SourceError: a file is missing or wrong; names file and line.
    """
    names = _yolo_names(folder)
    meaning = classes.find(names.values())
    pictures = []
    for path in _pictures(folder / "images"):
        labels = folder / "labels" / f"{path.stem}.txt"
        vehicles = []
        for number, line in enumerate(_read(labels).splitlines(), 1):
            if not line.strip():
                continue
            try:
                kind, x, y, width, height = int(line.split()[0]), *map(float, line.split()[1:5])
                name = names[kind]
                if not (0 < width <= 1 and 0 < height <= 1 and -1 < x < 2 and -1 < y < 2):
                    raise ValueError
            except (ValueError, LookupError) as error:
                say = "must be CLASS X Y WIDTH HEIGHT, a class that has a name, the rest shares of the picture"
                raise SourceError(f"{labels}, line {number}: {line.strip()!r} {say}") from error
            if (ours := meaning[name]) is not None:
                vehicles.append((ours, (x - width / 2, y - height / 2, x + width / 2, y + height / 2)))
        pictures.append(LabelledPicture(path, path.name, tuple(vehicles)))
    return pictures


def read_coco(file: Path, images: Path, classes: ClassMap) -> list[LabelledPicture]:
    """A COCO export: one JSON file, and the folder of its pictures.

    Raises:
        SourceError: a file is missing or wrong; names file and what is wrong.
    """
    try:
        data = read_json(_read(file))
        names = {row["id"]: str(row["name"]) for row in data["categories"]}
        rows = {row["id"]: (str(row["file_name"]), float(row["width"]), float(row["height"])) for row in data["images"]}
        boxes = [(row["image_id"], names[row["category_id"]], *map(float, row["bbox"])) for row in data["annotations"]]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise SourceError(f"{file}: no COCO detection file: {type(error).__name__} {error}") from error
    meaning = classes.find(names.values())
    vehicles: dict[Any, list[tuple[VehicleType, Box]]] = {image_id: [] for image_id in rows}
    for image_id, name, x, y, width, height in boxes:
        _, across, down = rows.get(image_id, ("", 0.0, 0.0))
        if not min(across, down, width, height) > 0:
            raise SourceError(f"{file}: a box of picture {image_id!r}: no such picture, or no size")
        if (ours := meaning[name]) is not None:
            vehicles[image_id].append((ours, (x / across, y / down, (x + width) / across, (y + height) / down)))
    found = []
    for image_id, (name, _, _) in rows.items():
        path = _inside(images, name, file)
        found.append(LabelledPicture(path, path.name, tuple(vehicles[image_id])))
    return found


def read_desk(folder: Path) -> list[LabelledPicture]:
    """The desk's training export, unpacked: `labels.csv` (with columns `BED_COLUMNS` and `case_id`) and its pictures.

    Raises:
        SourceError: a file is missing or wrong; names file and line.
    """
    table = folder / "labels.csv"
    beds: dict[tuple[Path, str], list[tuple[str, Box]]] = {}
    for number, row in enumerate(csv.DictReader(_read(table).splitlines()), 2):
        try:
            x1, y1, x2, y2 = (float(row[key]) for key in BED_COLUMNS[1:5])
            label, name, group = row["label"], row["image"], row["case_id"]
        except (KeyError, TypeError, ValueError) as error:
            needed = ", ".join((*BED_COLUMNS, "case_id"))
            raise SourceError(f"{table}, line {number}: needs the columns {needed}; boxes are shares") from error
        if label not in LABELS or not (-0.5 <= x1 < x2 <= 1.5 and -0.5 <= y1 < y2 <= 1.5):
            raise SourceError(f"{table}, line {number}: label {label!r} or its box is none; known: {', '.join(LABELS)}")
        beds.setdefault((_inside(folder, name, table), group), []).append((label, (x1, y1, x2, y2)))
    return [LabelledPicture(path, group, None, tuple(rows)) for (path, group), rows in beds.items()]


@contextmanager
def unpacked(source: Path) -> Iterator[Path]:
    """The folder of an export, or of a ZIP of one, unpacked for as long as the block lasts.

    Raises:
        SourceError: it is neither, or the ZIP is damaged or larger than can be meant.
    """
    if source.is_dir():
        yield source
        return
    with TemporaryDirectory() as scratch:
        try:
            with zipfile.ZipFile(source) as archive:
                if sum(item.file_size for item in archive.infolist()) > MAX_EXPORT_BYTES:
                    raise SourceError(f"{source}: more than {MAX_EXPORT_BYTES // 2**30} GB when unpacked")
                archive.extractall(scratch)  # zipfile drops absolute paths and ".."
        except UNREADABLE as error:
            raise SourceError(f"{source}: neither a folder nor a ZIP file that can be read") from error
        yield Path(scratch)


def write_set(pictures: list[LabelledPicture], out: Path, val_share: float) -> dict[str, Counter[str]]:
    """Add pictures to a set of one's own; a picture that is there already (by content) is replaced, not doubled.

    Args:
        pictures: of one import.
        out: folder of the set; made where it is missing.
        val_share: share of the groups that are held back for measuring, 0 to 1; of those that are new.

    Returns:
        Counts of pictures, classes and labels by part.

    Raises:
        SourceError: there is no picture, or one is missing; nothing is written.
        StorageError: the folder cannot be written.
    """
    if not pictures:
        raise SourceError("no labelled picture in the import; nothing was written")
    missing = next((picture.path for picture in pictures if not picture.path.is_file()), None)
    if missing is not None:
        raise SourceError(f"{missing}: a labelled picture is missing; nothing was written")
    counts: dict[str, Counter[str]] = {part: Counter() for part in PARTS}
    beds: dict[str, dict[str, list[tuple[str, Box]]]] = {part: {} for part in PARTS}
    try:
        for picture, part, name in _share_out(pictures, out, val_share):
            folder = "beds" if picture.vehicles is None else "images"  # without labels a picture of images/ says: empty
            counts[part]["pictures"] += 1
            (out / part / folder).mkdir(parents=True, exist_ok=True)
            (out / part / folder / name).write_bytes(picture.path.read_bytes())
            if picture.vehicles is not None:
                lines = [_to_yolo(kind, box) for kind, box in picture.vehicles]
                (out / part / "labels").mkdir(exist_ok=True)
                (out / part / "labels" / f"{Path(name).stem}.txt").write_text("".join(lines), encoding="utf-8")
                counts[part].update(kind.label for kind, _ in picture.vehicles)
            if picture.beds is not None:
                beds[part].setdefault(f"{folder}/{name}", []).extend(picture.beds)
                counts[part].update(label for label, _ in picture.beds)
        for part, rows in beds.items():
            if rows:
                _merge_beds(out / part / LOAD_TABLE, rows)
    except OSError as error:
        raise StorageError(f"{out}: cannot be written: {error.strerror}") from error
    return counts


def choose_part(group: str, val_share: float) -> str:
    """The part of a new group: the same for the same name, whatever else is imported."""
    return "val" if int(sha256(group.encode()).hexdigest()[:8], 16) < val_share * 2**32 else "train"


def _share_out(
    pictures: list[LabelledPicture], out: Path, val_share: float
) -> Iterator[tuple[LabelledPicture, str, str]]:
    """Each picture with its part and its name in the set; where it or its group stands already, there it stays."""
    digests = [sha256(picture.path.read_bytes()).hexdigest()[:16] for picture in pictures]
    standing = {path.stem: part for part in PARTS for path in (out / part).glob("*/*")}
    groups = {p.group: standing[digest] for p, digest in zip(pictures, digests, strict=True) if digest in standing}
    for picture, digest in zip(pictures, digests, strict=True):
        chosen = groups.get(picture.group) or choose_part(picture.group, val_share)
        yield picture, standing.setdefault(digest, chosen), f"{digest}{picture.path.suffix.lower()}"


def _merge_beds(table: Path, rows: Mapping[str, list[tuple[str, Box]]]) -> None:
    """Rows of pictures that are new or imported again, with those that stand already; written whole or not at all."""
    kept: list[list[str]] = []
    if table.exists():
        fresh_names = {Path(image).name for image in rows}
        kept = [r for r in list(csv.reader(_read(table).splitlines()))[1:] if Path(r[0]).name not in fresh_names]
    fresh = [[image, *(f"{v:.6f}" for v in box), label] for image, found in rows.items() for label, box in found]
    building = table.with_suffix(".part")
    with building.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([list(BED_COLUMNS), *kept, *fresh])
    shutil.move(building, table)


def _to_yolo(kind: VehicleType, box: Box) -> str:
    x1, y1, x2, y2 = box
    return f"{kind.value} {(x1 + x2) / 2:.6f} {(y1 + y2) / 2:.6f} {x2 - x1:.6f} {y2 - y1:.6f}\n"


def _yolo_names(folder: Path) -> dict[int, str]:
    """Names by the number that labels use."""
    for file in ("data.yaml", "data.yml"):
        if (folder / file).is_file():
            try:
                names = yaml.safe_load(_read(folder / file))["names"]
                numbered = names.items() if isinstance(names, dict) else enumerate(names)
                return {int(number): str(name) for number, name in numbered}
            except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
                raise SourceError(f"{folder / file}: no list of `names` in it") from error
    if (folder / "classes.txt").is_file():
        return dict(enumerate(line.strip() for line in _read(folder / "classes.txt").splitlines() if line.strip()))
    return dict(enumerate(CLASSES))


def _pictures(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise SourceError(f"{folder}: no such folder; a YOLO export has images/ and labels/")
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)


def _inside(folder: Path, name: str, named_by: Path) -> Path:
    """A picture that a file names, which must lie in its folder."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise SourceError(f"{named_by}: picture {name!r} lies outside {folder}")
    return path


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: is not UTF-8 text") from error
