"""A package's clip judged again by the models that its manifest names: is the judgement the same?

What rules took from registers is not in a package, so findings that rest on registers cannot be reproduced from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from detector import geometry
from detector.entities import Camera, VehiclePass
from detector.errors import EvidenceError, ModelError
from detector.evidence.texts import Language
from detector.evidence.verify import MANIFEST, read_manifest, verify_package
from detector.tracking import ByteTracker
from detector.video.file_source import FileSource
from detector.weights import ModelFile
from pipelines.build_models import load_models
from pipelines.model_store import MODELS, ModelStore, list_files
from pipelines.spans import cut_spans
from pipelines.violation_pipeline import JudgedPass, ViolationPipeline

FROM_REGISTERS = frozenset({"no_permit", "outside_hours", "off_route"})
SAME_BOX = 0.5
"""Overlap (IoU) from which on two boxes of one moment are the same vehicle."""

SAME_MOMENT_S = 0.06
"""Two looks so near in time are at the same picture: 25 frames a second are 0.04 s apart."""


@dataclass(frozen=True, slots=True)
class Reproduction:
    """What came out a second time.

    Attributes:
        recorded, found: rules of findings that rest on pictures alone.
        recorded_plate, found_plate: voted text; None where none was read.
        recorded_load, found_load: label; None where the load was not looked at.
        not_reproducible: recorded findings that rest on registers.
        seen_again: whether the vehicle was found again at all.
        recorded_engine, found_engine: what computed the models' answers; None where a package of old does not say.
    """

    recorded: tuple[str, ...]
    found: tuple[str, ...]
    recorded_plate: str | None
    found_plate: str | None
    recorded_load: str | None
    found_load: str | None
    not_reproducible: tuple[str, ...]
    seen_again: bool
    recorded_engine: str | None
    found_engine: str

    @property
    def is_same(self) -> bool:
        """Whether the judgement is the same: the vehicle, every finding, the plate, the load."""
        recorded = (self.recorded, self.recorded_plate, self.recorded_load)
        return self.seen_again and recorded == (self.found, self.found_plate, self.found_load)


def reproduce_package(folder: Path, store: ModelStore) -> Reproduction:
    """Judge the original clip of a package again.

    Args:
        folder: the package.
        store: sets of weights, among which the recorded ones are looked for.

    Raises:
        EvidenceError: the package is not intact.
        ModelError: the recorded weights are not here.
        SourceError: the clip cannot be read.
    """
    report = verify_package(folder)
    if not report.is_intact:
        raise EvidenceError(f"{folder}: is not what was sealed: {'; '.join(report.lines(Language.EN))}")
    content, _ = read_manifest(folder / MANIFEST)
    if content["clip"] is None:
        raise EvidenceError(f"{folder}: holds no clip: the disk was nearly full when this lead was found")
    models, _ = load_models(find_recorded(content, store))
    camera = _camera(content["camera"])
    roles = {row["role"]: row["name"] for row in content["files"]}
    clip = roles.get("analysed_clip", roles["original_clip"])
    pipeline = ViolationPipeline(models, ByteTracker)
    judged: list[JudgedPass] = []
    with FileSource(folder / clip, camera.camera_id, camera.analysis_fps, _started_at(content)) as source:
        pipeline.open_camera(camera, absolute_time=content["time"]["first_deciding_at"] is not None)
        for _, some in pipeline.run(cut_spans(source, camera.analysis_fps)):
            judged += some
        judged += pipeline.close_camera(camera.camera_id)
    return _compare(content, judged, models.engine)


def find_recorded(content: Mapping[str, Any], store: ModelStore) -> dict[str, ModelFile]:
    """The very weights that a manifest names, by model, all of one set.

    Raises:
        ModelError: there is none.
    """
    recorded = {model["name"]: model["sha256"] for model in content["models"]}
    for name in store.names():
        folder = store.folder_of(name)
        try:
            files = list_files(folder)
        except ModelError:
            continue
        found = {file.name: file for file in files if file.sha256 == recorded.get(file.name)}
        if found.keys() == recorded.keys() == set(MODELS):
            return found
    wanted = ", ".join(f"{m['name']} {m['version']} ({m['sha256'][:12]})" for m in content["models"])
    raise ModelError(
        f"the weights that judged this package are not here: {wanted}; stage them with `roadwarden models`"
    )


def _camera(record: Mapping[str, Any]) -> Camera:
    """The camera as it was configured; its legal record plays no part in judging."""
    known = {name: value for name, value in record.items() if name in Camera.__dataclass_fields__ and name != "legal"}
    zone = known.get("zone")
    return Camera(**{**known, "zone": tuple((x, y) for x, y in zone) if zone else None})


def _started_at(content: Mapping[str, Any]) -> datetime | None:
    """Capture time of the judged clip's first picture, so that frames fall on the same grid; None when relative."""
    time, analysed = content["time"], content.get("analysed")
    if time["first_deciding_at"] is None:
        return None
    if analysed is not None:
        look = analysed["observations"][0]
        return datetime.fromisoformat(look["captured_at"]) - timedelta(seconds=look["stream_s"] - analysed["start_s"])
    first = datetime.fromisoformat(time["first_deciding_at"])
    return first - timedelta(seconds=time["first_deciding_s"] - content["clip"]["start_s"])


def _compare(content: Mapping[str, Any], judged: list[JudgedPass], engine: str) -> Reproduction:
    rules = [finding["rule"] for finding in content["findings"]]
    recorded = content["pass"]
    again = [item for item in judged if _is_same_vehicle(item.vehicle_pass, content)]
    last = again[-1] if again else None
    found = {f.rule for item in again if item.violation for f in item.violation.findings}
    plate = last.vehicle_pass.plate if last else None
    load = last.vehicle_pass.load if last else None
    return Reproduction(
        recorded=tuple(sorted(set(rules) - FROM_REGISTERS)),
        found=tuple(sorted(found - FROM_REGISTERS)),
        recorded_plate=recorded["plate"]["text"] if recorded["plate"] else None,
        found_plate=plate.text if plate else None,
        recorded_load=recorded["load_label"],
        found_load=load.label.value if load else None,
        not_reproducible=tuple(sorted(set(rules) & FROM_REGISTERS)),
        seen_again=last is not None,
        recorded_engine=content["software"].get("engine"),
        found_engine=engine,
    )


def _is_same_vehicle(vehicle_pass: VehiclePass, content: Mapping[str, Any]) -> bool:
    """Whether a pass of the clip is the recorded one: at some moment its box is where the recorded one was."""
    start_s = content.get("analysed", content["clip"])["start_s"]
    for row in content.get("analysed", content)["observations"]:
        for look in vehicle_pass.observations:
            is_same_moment = abs(row["stream_s"] - start_s - look.stream_s) <= SAME_MOMENT_S
            if is_same_moment and geometry.iou(tuple(row["xyxy"]), look.xyxy) >= SAME_BOX:
                return True
    return False
