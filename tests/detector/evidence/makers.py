"""A truck that drives through a made-up picture, and the evidence request that follows from it."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np

from detector.entities import (
    Camera,
    Cover,
    Fill,
    Finding,
    LegalRecord,
    LoadState,
    Observation,
    Plate,
    PlateColour,
    PlateReading,
    PlateType,
    TimeBasis,
    TimeSource,
    VehiclePass,
    VehicleType,
    Violation,
)
from detector.evidence.authority import load_authorities
from detector.evidence.clip import ClipRecord
from detector.evidence.manifest import CaseFacts, ModelRecord, Provenance
from detector.evidence.package import EvidenceRequest

START = datetime(2024, 3, 5, 10, 35, 12, 340000, tzinfo=UTC)
OPERATOR = TimeBasis(TimeSource.OPERATOR, 500.0)
RELATIVE = TimeBasis(TimeSource.RELATIVE, None)
AUTHORITY = load_authorities()["road-traffic-safety-law-114"]
LEGAL = LegalRecord(
    "技审〔2024〕1号",
    "法审〔2024〕1号",
    "https://example.org/cameras",
    "已设置",
    START + timedelta(days=365),
    "公安交管",
    AUTHORITY,
)
CAMERA = Camera("cq-bn-017", "巴南区渝南大道", "朝前台路方向", rules={"uncovered_load": {}}, legal=LEGAL)
PROVENANCE = Provenance((ModelRecord("vehicle_detector", "1", "ab" * 32), ModelRecord("plate_reader", "2", "cd" * 32)),
                        "ef" * 32, "0.1.0")  # fmt: skip
PLATE = Plate("渝D12345", (0.99, 0.98, 0.99, 0.97, 0.99, 0.98, 0.96), PlateType.ORDINARY, PlateColour.YELLOW, 5)
IMAGE_WH = (1280, 720)


def make_observation(number, xyxy, *, plate_text=None, sharpness=100.0, step_s=0.5):
    """Observation number `number` of a pass, `step_s` after the one before; frame 8 a second, pts in 1/90000 s."""
    x1, y1, x2, y2 = xyxy
    width, height = x2 - x1, y2 - y1
    stream_s = 6.0 + number * step_s
    reading = None
    if plate_text is not None:
        px, py = x1 + 0.35 * width, y2 - 0.2 * height
        corners = ((px, py), (px + 0.3 * width, py), (px + 0.3 * width, py + 0.1 * height), (px, py + 0.1 * height))
        reading = PlateReading(plate_text, (0.9,) * len(plate_text), (), PlateColour.YELLOW, 0.9, corners, 1, 0.95)
    return Observation(
        frame_index=100 + number * 4,
        pts=round(stream_s * 90000),
        stream_s=stream_s,
        captured_at=START + timedelta(seconds=number * step_s),
        packet_sha256=f"{number:064x}",
        xyxy=xyxy,
        detection_confidence=0.9,
        sharpness=sharpness,
        load=LoadState(Cover.OPEN, 0.95, Fill.ABOVE_EDGE, 0.9, 0.99, (x1 + 10, y1 + 5, x2 - 10, y1 + 0.4 * height)),
        plate=reading,
        plate_searched=True,
    )


def make_violation(observations=None, *, deciding=None, plate=PLATE, rules=("uncovered_load", "heaped_load")):
    """A truck that grows while it approaches; all observations decide unless frame indices are given."""
    if observations is None:
        observations = [
            make_observation(n, (300.0 + 40 * n, 60.0 + 30 * n, 620.0 + 70 * n, 300.0 + 70 * n), plate_text="渝D12345")
            for n in range(5)
        ]
    frames = tuple(o.frame_index for o in observations) if deciding is None else tuple(deciding)
    findings = tuple(Finding(rule, {"looks": len(frames), "share": 0.25}, {"looks": 3}, 0.9, frames) for rule in rules)
    vehicle_pass = VehiclePass(
        "0123456789abcdef0123", CAMERA.camera_id, 7, VehicleType.TRUCK, observations[0].captured_at,
        observations[-1].captured_at, observations[0].stream_s, observations[-1].stream_s, "approaching",
        observations[0].load, plate, tuple(observations), False,
    )  # fmt: skip
    return Violation(vehicle_pass, findings)


def draw_picture(observation):
    """A road with a truck: (720, 1280, 3) uint8 BGR, the same for the same observation."""
    width, height = IMAGE_WH
    rows = np.linspace(200, 90, height, dtype=np.uint8)
    picture = np.repeat(np.repeat(rows[:, None, None], width, 1), 3, 2).copy()
    x1, y1, x2, y2 = (round(value) for value in observation.xyxy)
    middle = y1 + (y2 - y1) // 3
    cv2.rectangle(picture, (x1, middle), (x2, y2), (60, 140, 60), -1)
    cv2.ellipse(picture, ((x1 + x2) // 2, middle), ((x2 - x1) // 2, middle - y1), 0, 180, 360, (60, 90, 130), -1)
    if observation.plate is not None:
        left, top, right, bottom = (round(value) for value in observation.plate.xyxy)
        cv2.rectangle(picture, (left, top), (right, bottom), (0, 200, 240), -1)
        scale = (bottom - top) / 30
        cv2.putText(picture, "D12345", (left + 4, bottom - 4), cv2.FONT_HERSHEY_SIMPLEX, scale, (0, 0, 0), 2)
    return picture


@dataclass(frozen=True)
class FakeClip:
    """Leaves a clip (and a viewing copy) in the folder, as the pipeline's collaborator does."""

    content: bytes = b"original packets" * 1000
    viewing_copy: bytes | None = None

    def __call__(self, folder: Path) -> ClipRecord:
        (folder / "clip.mp4").write_bytes(self.content)
        if self.viewing_copy is not None:
            (folder / "clip.view.mp4").write_bytes(self.viewing_copy)
        return ClipRecord(folder / "clip.mp4", "mp4", "h264", 0.96, 18.4, 436, len(self.content))


def make_request(violation=None, *, camera=CAMERA, time=OPERATOR, write_clip=None, **changes):
    """A complete request that earns the grade `evidence`."""
    violation = violation or make_violation()
    images = {o.pts: draw_picture(o) for o in violation.vehicle_pass.observations}
    facts = CaseFacts("RW-20240305-183512-0A1B2C3D", violation, camera, time, PROVENANCE)
    return replace(EvidenceRequest(facts, images, write_clip or FakeClip()), **changes)
