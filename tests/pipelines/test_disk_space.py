"""A disk that fills: a warning, then leads without clips, and evidence as ever."""

import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from detector.entities import Grade
from detector.evidence.package import write_package
from detector.evidence.verify import verify_package
from pipelines.disk_space import GB, DiskSpace
from tests.detector.evidence.makers import CAMERA, FakeClip, make_request


@pytest.mark.parametrize(("free_gb", "warns", "is_short"), [(20, False, False), (19.9, True, False), (4.9, True, True)])
def test_first_a_warning_then_shortness(
    free_gb: float, warns: bool, is_short: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Told once an hour, however often it is asked."""
    space = DiskSpace(tmp_path, 20, 5, lambda _: int(free_gb * GB))
    with caplog.at_level(logging.WARNING):
        assert [space.is_short() for _ in range(3)] == [is_short] * 3
    assert len(caplog.records) == warns


def test_a_disk_that_does_not_answer_is_no_reason_to_lose_anything(tmp_path: Path) -> None:
    """Nothing is spared on a guess."""

    def fail(_: Path) -> int:
        raise OSError

    assert DiskSpace(tmp_path, 20, 5, fail).describe() is None


def test_a_lead_goes_without_its_clip_and_still_verifies(tmp_path: Path) -> None:
    """Stills, copies and manifest are there; the manifest says that there is no clip."""
    camera = replace(CAMERA, legal=None)
    package = write_package(make_request(camera=camera, spares_clip=True), tmp_path)
    folder = tmp_path / package.evidence.folder
    assert package.grade is Grade.LEAD
    assert not (folder / "clip.mp4").exists() and (folder / "scene_1.jpg").exists()
    assert json.loads((folder / "manifest.json").read_bytes())["clip"] is None
    assert verify_package(folder).is_intact
    assert (package.evidence.clip_start_s, package.evidence.clip_end_s) == (6.0, 8.0)


def test_what_may_be_evidence_keeps_its_clip(tmp_path: Path) -> None:
    """However full the disk is."""
    package = write_package(make_request(spares_clip=True, write_clip=FakeClip()), tmp_path)
    assert package.grade is Grade.EVIDENCE
    assert (tmp_path / package.evidence.folder / "clip.mp4").exists()
