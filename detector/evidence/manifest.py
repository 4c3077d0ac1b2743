"""What a package says about itself: everything that led from pictures to judgement, and the hash of every file.

No clock is read here: the same input makes the same manifest to the byte. When the package was made is known to the
database.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detector.entities import Camera, Grade, Observation, TimeBasis, Violation
from detector.evidence.canonical import canonical_json
from detector.evidence.chain import hash_sm3
from detector.evidence.clip import ClipRecord
from detector.evidence.stills import Still, StillPlan
from detector.evidence.verify import FORMAT

ORIGINALS = ("original_clip", "analysed_clip", "main_clip", "scene", "vehicle", "plate")
"""Roles of the files that the evidence code is made of."""


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """A model that took part in the judgement, as the weights' manifest knows it."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """What made the judgement.

    Attributes:
        models: every model that took part.
        configuration_sha256: of the configuration in force.
        software_version: of roadwarden.
        engine: what computed the models' answers, with version and arithmetic; empty where no network did.
    """

    models: tuple[ModelRecord, ...]
    configuration_sha256: str
    software_version: str
    engine: str = ""


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """Everything about a case that is known before its files are.

    Attributes:
        case_id: of the case; also the name of the package's folder.
        violation: what was found, with the observations that led to it.
        camera: that saw it.
        time: how its capture time is known.
        provenance: what made the judgement.
    """

    case_id: str
    violation: Violation
    camera: Camera
    time: TimeBasis
    provenance: Provenance


def make_manifest(
    facts: CaseFacts,
    plan: StillPlan,
    grade: tuple[Grade, Sequence[str]],
    clip: ClipRecord | None,
    files: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """The content of `manifest.json`, still unsealed.

    Args:
        facts: of the case.
        plan: which moments became stills.
        grade: and the reasons against `evidence`.
        clip: the original clip; None for a lead whose clip was spared because the disk was nearly full.
        files: one row per file, as `file_row` makes them.
    """
    violation, vehicle_pass = facts.violation, facts.violation.vehicle_pass
    return {
        "format": FORMAT,
        "case_id": facts.case_id,
        "evidence_code": evidence_code(facts.case_id, files),
        "software": {
            "name": "roadwarden",
            "version": facts.provenance.software_version,
            "engine": facts.provenance.engine,
        },
        "configuration_sha256": facts.provenance.configuration_sha256,
        "models": sorted(facts.provenance.models, key=lambda model: model.name),
        "camera": facts.camera,
        "zone_sha256": _zone_hash(facts.camera),
        "time": _time_block(facts),
        "pass": {
            "pass_id": vehicle_pass.pass_id,
            "vehicle_type": vehicle_pass.vehicle_type.label,
            "direction": vehicle_pass.direction,
            "first_seen_s": vehicle_pass.first_seen_s,
            "last_seen_s": vehicle_pass.last_seen_s,
            "plate": vehicle_pass.plate,
            "load": vehicle_pass.load,
            "load_label": vehicle_pass.load.label if vehicle_pass.load else None,
        },
        "findings": violation.findings,
        "observations": describe_observations(facts),
        "scenes": {"count_as": plan.scene_count, "displacement_px": plan.displacement_px},
        "grade": {"grade": grade[0], "reasons": list(grade[1])},
        "clip": describe_clip(clip),
        "files": sorted(files, key=lambda row: row["name"]),
    }


def describe_observations(facts: CaseFacts) -> list[dict[str, Any]]:
    """The rows of the reasoning, in time order."""
    return [_observation(look, facts) for look in facts.violation.vehicle_pass.observations]


def describe_clip(clip: ClipRecord | None) -> dict[str, Any] | None:
    """What a manifest says of a clip besides its file's row; None for one that was spared."""
    if clip is None:
        return None
    return {name: getattr(clip, name) for name in ("container", "codec", "packets", "start_s", "end_s")}


def file_row(path: Path, role: str, still: Still | None = None) -> dict[str, Any]:
    """The row of one file: name, role, bytes, SHA-256 and SM3; for a still also the moment and part it shows."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    row: dict[str, Any] = {"name": path.name, "role": role, "size": path.stat().st_size, "sha256": sha256}
    row["sm3"] = hash_sm3(path)
    if still is not None:
        moment = still.observation
        row |= {"frame_index": moment.frame_index, "pts": moment.pts, "stream_s": moment.stream_s}
        row |= {"packet_sha256": moment.packet_sha256, "crop_xyxy": still.crop_xyxy}
    return row


def evidence_code(case_id: str, files: Sequence[Mapping[str, Any]]) -> str:
    """The anti-forgery code printed on the composite: 64 bits over the case id and the hashes of the originals.

    It cannot be the manifest's digest, which covers the composite itself.
    """
    originals = sorted(f"{row['name']} {row['sha256']}" for row in files if row["role"] in ORIGINALS)
    digits = hashlib.sha256("\n".join([case_id, *originals]).encode()).hexdigest()[:16].upper()
    return "-".join(digits[at : at + 4] for at in range(0, 16, 4))


def _zone_hash(camera: Camera) -> str:
    """SHA-256 of the canonical form of what decides where vehicles are judged and what the camera can see."""
    names = ("zone", "approaching", "sees_into_box", "reads_plates")
    return hashlib.sha256(canonical_json({name: getattr(camera, name) for name in names})).hexdigest()


def _time_block(facts: CaseFacts) -> dict[str, Any]:
    moments = facts.violation.deciding or facts.violation.vehicle_pass.observations
    first, last, is_absolute = moments[0], moments[-1], facts.time.is_absolute
    return {
        "source": facts.time.source,
        "uncertainty_ms": facts.time.uncertainty_ms,
        "host_offset_ms": facts.time.host_offset_ms,
        "first_deciding_at": first.captured_at if is_absolute else None,
        "last_deciding_at": last.captured_at if is_absolute else None,
        "first_deciding_s": first.stream_s,
        "last_deciding_s": last.stream_s,
    }


def _observation(observation: Observation, facts: CaseFacts) -> dict[str, Any]:
    """One row of the reasoning, with the rules that it decided; a relative time shows no date."""
    row = {name: getattr(observation, name) for name in Observation.__dataclass_fields__}
    row["captured_at"] = observation.captured_at if facts.time.is_absolute else None
    row["decided"] = [f.rule for f in facts.violation.findings if observation.frame_index in f.deciding]
    return row
