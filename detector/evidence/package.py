"""Making a sealed package: clip, stills, composite and manifest in one folder that appears whole or not at all.

<root>/<case_id>/   clip.mp4  [clip.view.mp4]  scene_1.jpg  scene_2.jpg  vehicle.jpg  [plate.png]
                    composite.jpg  manifest.json  seal.json
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from detector.entities import Evidence, Grade
from detector.errors import EvidenceError
from detector.evidence import texts
from detector.evidence.canonical import seal
from detector.evidence.chain import next_link
from detector.evidence.clip import ClipRecord
from detector.evidence.composite import CYAN, YELLOW, Tile, draw_composite
from detector.evidence.grade import grade_violation
from detector.evidence.keys import Signer
from detector.evidence.manifest import CaseFacts, evidence_code, file_row, make_manifest
from detector.evidence.staging import publish, staging_folder
from detector.evidence.stills import Still, cut_stills, plan_stills
from detector.evidence.texts import Language
from detector.evidence.verify import MANIFEST, read_manifest, verify_package
from detector.geometry import Box


@dataclass(frozen=True, slots=True, eq=False)
class EvidenceRequest:
    """What a package is made of.

    Attributes:
        facts: of the case; `facts.case_id` names the folder.
        images: pts → (H, W, 3) uint8 BGR, upright, whole pictures; those that `plan_stills(...).pts` asks for, as far
            as they could be decoded.
        write_clip: writes the original clip into the given folder and returns its record; every other file that it
            leaves there is taken for a viewing copy.
        language: of the composite.
    """

    facts: CaseFacts
    images: Mapping[int, np.ndarray]
    write_clip: Callable[[Path], ClipRecord]
    language: Language = Language.ZH


class Outcome(StrEnum):
    """What became of a package: written; the same was there already; or another one is there, and was kept."""

    WRITTEN = "written"
    UNCHANGED = "unchanged"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Package:
    """A sealed package and what it says.

    Attributes:
        evidence: for the case; with `Outcome.KEPT`, that of the older package.
        grade, grade_reasons: as the package on disk states them.
        outcome: see `Outcome`.
    """

    evidence: Evidence
    grade: Grade
    grade_reasons: tuple[str, ...]
    outcome: Outcome


def write_package(request: EvidenceRequest, root: Path, signer: Signer | None = None) -> Package:
    """Write and seal the package of one violation below `root`, all or nothing.

    With a signer the package takes the next place in the site's chain.

    A sealed package is never overwritten: when one stands there already it is verified and kept, and `outcome` says
    whether it is the same. That makes a second run, or one after a crash, harmless.

    Args:
        request: what to write.
        root: the evidence root; made when missing.
        signer: signs the seal; None for a package without one.

    Raises:
        EvidenceError: there is no picture to show, or an older package of this case is damaged (names the file).
        StorageError: the disk is full or the place cannot be written; nothing is left behind.
    """
    place = root / request.facts.case_id
    with staging_folder(root, request.facts.case_id) as folder:
        _build(request, folder)
        built = _describe(folder, place.name, Outcome.WRITTEN)
        if signer is None:
            if publish(folder, place):
                return built
        elif not place.exists():
            with next_link(root) as link:
                link.seal(folder, request.facts.case_id, signer)
                is_new = publish(folder, place)
                link.commit()
            if is_new:
                return built
    report = verify_package(place)
    if not report.is_intact:
        raise EvidenceError(
            f"{place}: an older package of this case is damaged ({'; '.join(report.lines(Language.EN))}); "
            f"it is left as it is: move it away and run again"
        )
    same = report.manifest_sha256 == built.evidence.manifest_sha256
    return _describe(place, place.name, Outcome.UNCHANGED if same else Outcome.KEPT)


def _build(request: EvidenceRequest, folder: Path) -> None:
    facts = request.facts
    clip = request.write_clip(folder)
    rows = [
        file_row(path, "original_clip" if path.name == clip.path.name else "viewing_copy")
        for path in sorted(folder.iterdir())
    ]
    plan = plan_stills(facts.violation, _image_wh(request.images), request.images.keys())
    grade = grade_violation(
        facts.violation,
        facts.camera,
        facts.time,
        _image_wh({o.pts: request.images[o.pts] for o in plan.scenes}),
        plan.scene_count,
    )
    stills = cut_stills(plan, request.images)
    for still in stills:
        path = folder / still.name
        path.write_bytes(still.data)
        rows.append(file_row(path, still.role, still))
    path = folder / "composite.jpg"
    path.write_bytes(_composite(request, stills, grade[0], evidence_code(facts.case_id, rows)))
    rows.append(file_row(path, "composite"))
    document, _ = seal(make_manifest(facts, plan, grade, clip, rows))
    (folder / MANIFEST).write_bytes(document)


def _describe(folder: Path, name: str, outcome: Outcome) -> Package:
    """What the manifest in a folder says."""
    content, digest = read_manifest(folder / MANIFEST)
    clip, grade = content["clip"], content["grade"]
    return Package(
        Evidence(name, digest, clip["start_s"], clip["end_s"]), Grade(grade["grade"]), tuple(grade["reasons"]), outcome
    )


def _image_wh(images: Mapping[int, np.ndarray]) -> tuple[int, int]:
    """The smallest width and height among pictures, px; (0, 0) for none."""
    return (
        min((image.shape[1] for image in images.values()), default=0),
        min((image.shape[0] for image in images.values()), default=0),
    )


def _composite(request: EvidenceRequest, stills: Sequence[Still], grade: Grade, code: str) -> bytes:
    facts, language = request.facts, request.language
    violation, camera = facts.violation, facts.camera
    tiles = [_tile(still, facts, language) for still in stills]
    if not stills[1].name.startswith("scene"):
        tiles.insert(1, _empty_tile("tile.scene", "tile.no_scene", language))
    if stills[-1].role != "plate":
        tiles.append(_empty_tile("tile.plate", "tile.no_plate", language))
    first = (violation.deciding or violation.vehicle_pass.observations)[0]
    caption = {
        "time": texts.describe_time(first, facts.time, language),
        "place": camera.place or "-",
        "direction": texts.describe_direction(violation, camera, language) or "-",
        "camera": camera.camera_id,
        "acts": texts.describe_acts(violation, language),
        "plate": texts.describe_plate(violation.vehicle_pass.plate, language),
        "case": facts.case_id,
        "code": code,
        "grade": texts.text(f"grade.{grade.value}", language),
    }
    lines = [(texts.text(f"label.{key}", language), value) for key, value in caption.items()]
    return draw_composite(texts.text("title", language), tiles, lines)


def _tile(still: Still, facts: CaseFacts, language: Language) -> Tile:
    """The tile of one still: what it is, when it was taken, and the boxes of vehicle and bed."""
    number = still.name.removeprefix("scene_").removesuffix(".jpg")
    label = texts.text(f"tile.{still.role}", language, number=number)
    moment = texts.describe_moment(still.observation, facts.time, language)
    boxes = []
    if still.role == "scene":
        boxes.append((still.observation.xyxy, YELLOW))
    load = still.observation.load
    if still.role != "plate" and load is not None and load.bed_xyxy is not None:
        boxes.append((_shifted(load.bed_xyxy, still.crop_xyxy), CYAN))
    return Tile(f"{label}  {moment}", still.image, tuple(boxes))


def _empty_tile(label_key: str, text_key: str, language: Language) -> Tile:
    label = texts.text(label_key, language, number=2)
    return Tile(label, None, empty_text=texts.text(text_key, language))


def _shifted(box: Box, crop: Box | None) -> Box:
    """A box of the whole picture in px of a crop."""
    dx, dy = (crop[0], crop[1]) if crop else (0.0, 0.0)
    return box[0] - dx, box[1] - dy, box[2] - dx, box[3] - dy
