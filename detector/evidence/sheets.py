"""Copies of stills for people: the composite, scenes with their caption, and what of both may be published."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from detector.entities import Grade
from detector.evidence import texts
from detector.evidence.composite import CYAN, YELLOW, Tile, draw_composite, draw_overlay
from detector.evidence.manifest import CaseFacts
from detector.evidence.masks import Mask, cover
from detector.evidence.stills import Still, encode
from detector.evidence.texts import Language
from detector.geometry import Box

ON_SCENES = ("time", "place", "direction", "camera", "acts", "plate", "code")
"""Facts that stand on a scene's overlay (GA/T 832-2014, 3.6, as far as its text is known: domain.md 1.3)."""


def describe_facts(facts: CaseFacts, grade: Grade, code: str, language: Language) -> list[tuple[str, str]]:
    """Key and words of everything that a sheet says of a case, in its order."""
    violation, camera = facts.violation, facts.camera
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
    return list(caption.items())


@dataclass(frozen=True, slots=True)
class Sheets:
    """Draws the sheets of one case, in one language; `captions` as `describe_facts` gives them."""

    facts: CaseFacts
    captions: Sequence[tuple[str, str]]
    language: Language

    def composite(self, stills: Sequence[Still]) -> bytes:
        """Scenes, vehicle and plate on one sheet with all facts; a JPEG file."""
        tiles = [self._tile(still) for still in stills]
        if not stills[1].name.startswith("scene"):
            tiles.insert(1, self._empty_tile("tile.scene", "tile.no_scene"))
        if stills[-1].role != "plate":
            tiles.append(self._empty_tile("tile.plate", "tile.no_plate"))
        lines = [(self._label(key), value) for key, value in self.captions]
        return draw_composite(texts.text("title", self.language), tiles, lines)

    def overlay(self, still: Still) -> bytes:
        """A scene with its facts in a strip above the picture, nothing of which they cover; a JPEG file."""
        moment = texts.describe_time(still.observation, self.facts.time, self.language)
        values = dict(self.captions) | {"time": moment}
        return draw_overlay(still.image, [(self._label(key), values[key]) for key in ON_SCENES])

    def _label(self, key: str) -> str:
        return texts.text(f"label.{key}", self.language)

    def _tile(self, still: Still) -> Tile:
        """The tile of one still: what it is, when it was taken, and the boxes of vehicle and bed."""
        number = still.name.removeprefix("scene_").partition(".")[0]
        label = texts.text(f"tile.{still.role}", self.language, number=number)
        moment = texts.describe_moment(still.observation, self.facts.time, self.language)
        boxes = []
        if still.role == "scene":
            boxes.append((still.observation.xyxy, YELLOW))
        load = still.observation.load
        if still.role != "plate" and load is not None and load.bed_xyxy is not None:
            boxes.append((_shifted(load.bed_xyxy, still.crop_xyxy), CYAN))
        return Tile(f"{label}  {moment}", still.image, tuple(boxes))

    def _empty_tile(self, label_key: str, text_key: str) -> Tile:
        label = texts.text(label_key, self.language, number=2)
        return Tile(label, None, empty_text=texts.text(text_key, self.language))


def mask_still(still: Still, image: np.ndarray, planned: Mapping[int, Sequence[Mask]]) -> Still:
    """A still as it may be published; the subject's plate shows nothing else and stays the still that it is.

    Args:
        still: cut from `image`.
        image: (H, W, 3) uint8 BGR, the whole picture.
        planned: masks of each moment, by its time stamp.
    """
    if still.role == "plate":
        return still
    moment = still.observation
    covered = cover(image, planned[moment.pts], moment.plate.xyxy if moment.plate is not None else None)
    if still.crop_xyxy is not None:
        x1, y1, x2, y2 = (int(value) for value in still.crop_xyxy)
        covered = covered[y1:y2, x1:x2]
    name = still.name.replace(".jpg", ".masked.jpg")
    return replace(still, name=name, data=encode(name, covered), image=covered)


def _shifted(box: Box, crop: Box | None) -> Box:
    """A box of the whole picture in px of a crop."""
    dx, dy = (crop[0], crop[1]) if crop else (0.0, 0.0)
    return box[0] - dx, box[1] - dy, box[2] - dx, box[3] - dy
