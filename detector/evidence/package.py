"""Making a sealed package: clip, stills, composite and manifest in one folder that appears whole or not at all.

<root>/<case_id>/   clip.mp4  [clip.view.mp4]  [analysed.mp4 | main.mp4]
                    scene_1.jpg  scene_2.jpg  vehicle.jpg  [plate.png]
                    scene_N.overlay.jpg  composite.jpg  |.masked.jpg of scenes, vehicle and composite|
                    manifest.json  seal.json
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from detector.entities import Evidence, Grade
from detector.errors import EvidenceError
from detector.evidence.canonical import seal
from detector.evidence.chain import next_link
from detector.evidence.clip import ClipRecord
from detector.evidence.grade import grade_violation
from detector.evidence.keys import Signer
from detector.evidence.manifest import CaseFacts, describe_clip, evidence_code, file_row, make_manifest
from detector.evidence.masks import Look, plan_masks
from detector.evidence.sheets import Sheets, describe_facts, mask_still
from detector.evidence.staging import publish, staging_folder
from detector.evidence.stills import Still, cut_stills, plan_stills
from detector.evidence.texts import Language
from detector.evidence.verify import MANIFEST, read_manifest, verify_package


@dataclass(frozen=True, slots=True, eq=False)
class SecondClip:
    """The same passage in the camera's other stream, beside the clip that everything else in the package is of.

    Attributes:
        name: "analysed" (the smaller stream, in which vehicles were looked for) or "main" (the larger one, where its
            pictures could not be matched); key in the manifest, and with "_clip" the file's role.
        record: for the manifest, besides what it says of every clip.
        write_clip: writes it into the given folder and returns its record.
    """

    name: str
    record: Mapping[str, Any]
    write_clip: Callable[[Path], ClipRecord]


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
        look: finds what published copies must not show; None where nobody can look: then no such copies are made.
        spares_clip: whether a lead goes without its clip, because the disk is nearly full; evidence never does.
        second: None for a camera with one stream.
    """

    facts: CaseFacts
    images: Mapping[int, np.ndarray]
    write_clip: Callable[[Path], ClipRecord]
    language: Language = Language.ZH
    look: Look | None = None
    spares_clip: bool = False
    second: SecondClip | None = None


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
        built = describe_package(folder, place.name, Outcome.WRITTEN)
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
    return describe_package(place, place.name, Outcome.UNCHANGED if same else Outcome.KEPT)


def _build(request: EvidenceRequest, folder: Path) -> None:
    facts = request.facts
    plan = plan_stills(facts.violation, _image_wh(request.images), request.images.keys())
    grade = grade_violation(
        facts.violation,
        facts.camera,
        facts.time,
        _image_wh({o.pts: request.images[o.pts] for o in plan.scenes}),
        plan.scene_count,
    )
    is_spared = request.spares_clip and grade[0] is Grade.LEAD
    clip = None if is_spared else request.write_clip(folder)
    roles, second = {clip.path: "original_clip"} if clip else {}, {}
    if request.second is not None and not is_spared:
        other, name = request.second.write_clip(folder), request.second.name
        roles[other.path] = f"{name}_clip"
        second[name] = (describe_clip(other) or {}) | {"file": other.path.name, **request.second.record}
    rows = [file_row(path, roles.get(path, "viewing_copy")) for path in sorted(folder.iterdir())]
    stills = cut_stills(plan, request.images)
    for still in stills:
        path = folder / still.name
        path.write_bytes(still.data)
        rows.append(file_row(path, still.role, still))
    captions = describe_facts(facts, grade[0], evidence_code(facts.case_id, rows), request.language)
    masks = _write_copies(request, stills, captions, folder, rows)
    document, _ = seal(make_manifest(facts, plan, grade, clip, rows) | {"masks": masks} | second)
    (folder / MANIFEST).write_bytes(document)


def _write_copies(
    request: EvidenceRequest,
    stills: Sequence[Still],
    captions: Sequence[tuple[str, str]],
    folder: Path,
    rows: list[dict[str, Any]],
) -> list[dict[str, Any]]:
    """Composite, scenes with their caption, and masked copies of all that may be published; adds their rows.

    Returns:
        For the manifest: what was covered at each moment, px of the whole picture.
    """

    def add(name: str, role: str, data: bytes, original: str | None) -> None:
        path = folder / name
        path.write_bytes(data)
        rows.append(file_row(path, role) | ({"copy_of": original} if original else {}))

    sheets = Sheets(request.facts, captions, request.language)
    add("composite.jpg", "composite", sheets.composite(stills), None)
    for still in stills:
        if still.role == "scene":
            add(still.name.replace(".jpg", ".overlay.jpg"), "overlay", sheets.overlay(still), still.name)
    if request.look is None:
        return []
    leaves = request.facts.violation.vehicle_pass.direction == "leaving"
    moments = {still.observation.pts: still.observation for still in stills}
    planned = {
        pts: plan_masks(request.look(request.images[pts]), moment, leaves=leaves) for pts, moment in moments.items()
    }
    masked = [mask_still(still, request.images[still.observation.pts], planned) for still in stills]
    for still, original in zip(masked, stills, strict=True):
        if still is not original:
            add(still.name, "masked", still.data, original.name)
    add("composite.masked.jpg", "masked", sheets.composite(masked), "composite.jpg")
    return [{"pts": pts, "covered": list(masks)} for pts, masks in sorted(planned.items())]


def describe_package(folder: Path, name: str, outcome: Outcome) -> Package:
    """What the manifest in a folder says; `name` is what the package is called."""
    content, digest = read_manifest(folder / MANIFEST)
    clip, grade, time = content["clip"], content["grade"], content["time"]
    span = (clip["start_s"], clip["end_s"]) if clip else (time["first_deciding_s"], time["last_deciding_s"])
    return Package(Evidence(name, digest, *span), Grade(grade["grade"]), tuple(grade["reasons"]), outcome)


def _image_wh(images: Mapping[int, np.ndarray]) -> tuple[int, int]:
    """The smallest width and height among pictures, px; (0, 0) for none."""
    return (
        min((image.shape[1] for image in images.values()), default=0),
        min((image.shape[0] for image in images.values()), default=0),
    )
