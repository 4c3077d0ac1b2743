"""What each load network is shown and what it is punished for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Protocol

import cv2
import numpy as np
import torch
from torch.nn import functional

from detector.entities import Cover, Fill
from detector.inference import to_batch
from detector.observation.load_crop import Window
from detector.observation.load_state import COVERS, FILLS, Network
from scripts.synthesis.surface import Surface
from scripts.training.load_degrade import degrade, is_lost, repaint
from scripts.training.load_samples import (
    UNKNOWN,
    Source,
    Vehicle,
    cut_bed,
    cut_off_top,
    cut_truck,
    find_shown,
    has_bed,
    mirror_target,
    name_kind,
    read_picture,
    sample_surface,
    to_shares,
)

Batch = dict[str, torch.Tensor]
CUT_OFF = 0.2  # how often the picture ends within the bed
DEGRADED = 0.4  # how often each degradation happens, against its own chance
STATE_SHARES: dict[Source, float] = {"render": 0.68, "sketch": 0.12, "photograph": 0.2}
HIDDEN = COVERS.index(Cover.NOT_VISIBLE)  # the last of both axes
CELL_PX = 16  # side of the cells whose surface the load network names
REPAINTED = 0.5  # how often what lies in a bed is painted anew, and each kind of surface in it
LOADED = (FILLS.index(Fill.BELOW_EDGE), FILLS.index(Fill.ABOVE_EDGE))


class Task(Protocol):
    """Draws batches and measures errors for one network."""

    size_px: int

    def draw(self, count: int, rng: np.random.Generator) -> Batch:
        """`images` (N, 3, S, S) and targets."""
        ...

    def measure_loss(self, found: Batch, wanted: Batch) -> torch.Tensor:
        """A scalar to be made small."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Vehicles with the chance of each to be drawn.

    Kinds are balanced half-way (by the root of their number), sources by the shares given.
    """

    vehicles: list[Vehicle]
    chances: np.ndarray

    @classmethod
    def balance(cls, vehicles: list[Vehicle], shares: dict[Source, float]) -> Pool:
        """Sets the chances; a source without vehicles leaves its share to the others."""
        kinds = [name_kind(v) for v in vehicles]
        counts = Counter(kinds)
        chances = np.array([counts[kind] ** -0.5 for kind in kinds])
        for source, share in shares.items():
            here = np.array([v.source == source for v in vehicles])
            chances[here] *= share / max(chances[here].sum(), 1e-9)
        return cls(vehicles, chances / chances.sum())

    def draw(self, count: int, rng: np.random.Generator) -> list[Vehicle]:
        """Some vehicles, with replacement."""
        return [self.vehicles[i] for i in rng.choice(len(self.vehicles), count, p=self.chances)]


def change(crop: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, bool]:
    """A degraded copy of a crop whose grey padding stays as it is, and whether nothing can be told from it any more."""
    rows, columns = find_shown(crop)
    if rows.stop - rows.start < 8 or columns.stop - columns.start < 8:
        return crop, True
    crop = crop.copy()
    shown = degrade(np.ascontiguousarray(crop[rows, columns]), rng, DEGRADED)
    crop[rows, columns] = shown
    return crop, is_lost(shown)


def show(vehicle: Vehicle, rng: np.random.Generator) -> tuple[np.ndarray, Vehicle]:
    """A vehicle's picture (H, W, 3), now and then cut off within its bed."""
    image = read_picture(vehicle.image)
    return cut_off_top(image, vehicle, rng) if rng.random() < CUT_OFF else (image, vehicle)


class LocatorTask:
    """Find the bed, tell tippers from others."""

    def __init__(self, vehicles: list[Vehicle], size_px: int) -> None:
        """Draws from renders and photographs."""
        self.size_px = size_px
        self._pool = Pool.balance(vehicles, {"render": 0.6, "photograph": 0.4})

    def draw(self, count: int, rng: np.random.Generator) -> Batch:
        """See `Task.draw`; `place` (N, 12) is NaN where unknown, `tipper` and `visible` (N,) likewise."""
        crops, places, vehicles = [], [], []
        for vehicle in self._pool.draw(count, rng):
            image, vehicle = show(vehicle, rng)
            vehicles.append(vehicle)
            crop, place = cut_truck(image, vehicle, self.size_px, rng)
            if rng.random() < 0.5:
                crop, place = crop[:, ::-1], mirror_target(place)
            crops.append(change(crop, rng)[0])
            places.append(place)
        nan = float("nan")
        return {
            "images": torch.from_numpy(to_batch(crops)),
            "place": torch.from_numpy(np.stack(places)),
            "tipper": torch.tensor([nan if v.tipper is None else float(v.tipper) for v in vehicles]),
            "visible": torch.tensor([nan if v.visible is None else v.visible for v in vehicles]),
        }

    def measure_loss(self, found: Batch, wanted: Batch) -> torch.Tensor:
        """Distance of box and rim, overlap of the box, and cross entropies."""
        boxes, rims = wanted["place"][:, :4], wanted["place"][:, 4:]
        loss = functional.binary_cross_entropy_with_logits(*_known(found["tipper"][:, 0], wanted["tipper"]))
        visible = _known(found["visible"][:, 0], wanted["visible"])
        if len(visible[0]):
            loss = loss + 0.3 * functional.binary_cross_entropy_with_logits(*visible)
        known = ~boxes.isnan().any(1)
        if known.any():
            box, target = found["box"][known], boxes[known]
            loss = loss + 6 * functional.smooth_l1_loss(box, target, beta=0.02) + (1 - _overlap(box, target)).mean()
        known = ~rims.isnan().any(1)
        if known.any():
            loss = loss + 2 * functional.smooth_l1_loss(found["rim"][known], rims[known], beta=0.04)
        return loss


def hide_bed(vehicle: Vehicle) -> Vehicle:
    """A vehicle without a bed as one whose bed, where the locator may see it, tells nothing."""
    x1, y1, x2, y2 = vehicle.truck_xyxy
    return replace(vehicle, bed_xyxy=(x1, y1, x2, 0.4 * y1 + 0.6 * y2), cover=HIDDEN, fill=HIDDEN)


class StateTask:
    """Name cover and fill of a bed."""

    def __init__(self, vehicles: list[Vehicle], size_px: int) -> None:
        """Draws from vehicles with a bed and a label; of other rendered vehicles the upper part is a hidden bed."""
        self.size_px = size_px
        # Not of photographs: they are as many as the beds there, and taught the net to abstain from all photographs.
        beds = [hide_bed(v) if v.tipper is False and v.source == "render" else v for v in vehicles]
        self._pool = Pool.balance([v for v in beds if has_bed(v)], STATE_SHARES)

    def draw(self, count: int, rng: np.random.Generator) -> Batch:
        """See `Task.draw`; of every vehicle `cover`, `fill` (N,) and of cells `surface` (N, C, C) are UNKNOWN, and
        `heap` (N,), `height` (N, C, C) in metres NaN, where not to be learnt."""
        drawn = [self._draw_one(vehicle, rng) for vehicle in self._pool.draw(count, rng)]
        crops, covers, fills, heaps, surfaces, heights = zip(*drawn, strict=True)
        return {
            "images": torch.from_numpy(to_batch(list(crops))),
            "cover": torch.tensor(covers),
            "fill": torch.tensor(fills),
            "heap": torch.tensor(heaps),
            "surface": torch.from_numpy(np.stack(surfaces)),
            "height": torch.from_numpy(np.stack(heights)),
        }

    def _draw_one(
        self, drawn: Vehicle, rng: np.random.Generator
    ) -> tuple[np.ndarray, int, int, float, np.ndarray, np.ndarray]:
        """A vehicle's crop and targets in the order of `draw`."""
        cells = self.size_px // CELL_PX
        image, vehicle = show(drawn, rng)
        crop, window = cut_bed(image, vehicle, self.size_px, rng)
        if rng.random() < REPAINTED:
            crop = repaint_bed(crop, vehicle, window, rng)
        surface, height = np.full((cells, cells), UNKNOWN), np.full((cells, cells), np.nan, np.float32)
        if found := sample_surface(vehicle, window, cells):
            shown = np.zeros((cells, cells), bool)
            rows, columns = (slice(s.start // CELL_PX, -(-s.stop // CELL_PX)) for s in find_shown(crop))
            shown[rows, columns] = True
            surface = np.where(shown, found[0], Surface.OTHER).astype(np.int64)
            height = np.where(surface == Surface.OTHER, height, found[1])
        if rng.random() < 0.5:
            crop, surface, height = crop[:, ::-1], surface[:, ::-1], height[:, ::-1]
        crop, lost = change(crop, rng)
        if lost:
            return crop, HIDDEN, HIDDEN, np.nan, np.full_like(surface, UNKNOWN), np.full_like(height, np.nan)
        heap = vehicle.heap_m if vehicle.heap_m is not None and vehicle.fill in LOADED else np.nan
        return crop, vehicle.cover, vehicle.fill, heap, surface, height

    def measure_loss(self, found: Batch, wanted: Batch) -> torch.Tensor:
        """Cross entropies of both axes and, as teachers, the crest's height and what lies where and how high."""
        loss = 0.0
        for axis in ("cover", "fill"):
            known = wanted[axis] != UNKNOWN
            if known.any():
                loss = loss + functional.cross_entropy(found[axis][known], wanted[axis][known], label_smoothing=0.03)
        if (wanted["surface"] != UNKNOWN).any():
            loss = loss + functional.cross_entropy(found["surface"], wanted["surface"], ignore_index=UNKNOWN)
        for name in ("heap", "height"):
            heights = _known(found[name][:, 0], wanted[name])
            if len(heights[0]):
                loss = loss + functional.smooth_l1_loss(*heights, beta=0.1)
        return loss


class TaughtStateTask(StateTask):
    """Name cover and fill as labels say and as another network, or the same one of before, answers to the same crops.

    The teacher knows what can be seen in a dark or hazy bed, where a label alone has the net learn the still by heart.
    """

    def __init__(self, vehicles: list[Vehicle], size_px: int, teacher: Network) -> None:
        """Draws as `StateTask` does; `teacher` gives logits for cover and fill (N, 4)."""
        super().__init__(vehicles, size_px)
        self._teacher = teacher

    def draw(self, count: int, rng: np.random.Generator) -> Batch:
        """As `StateTask.draw`, with probabilities `taught_cover` and `taught_fill` (N, 4).

        They are of the mean of what the teacher answers to a crop and to its mirror image, which it does not know
        for one: so it is right more often than either answer.
        """
        batch = super().draw(count, rng)
        crops = batch["images"].numpy()
        answers = zip(self._teacher.run(crops), self._teacher.run(np.ascontiguousarray(crops[..., ::-1])), strict=True)
        for axis, pair in zip(("cover", "fill"), answers, strict=True):
            batch[f"taught_{axis}"] = torch.from_numpy(np.mean(pair, axis=0)).softmax(1)
        return batch

    def measure_loss(self, found: Batch, wanted: Batch) -> torch.Tensor:
        """As `StateTask.measure_loss`, plus cross entropies with what the teacher answers where it may know better.

        That a bed is hidden the label knows best.
        """
        loss = super().measure_loss(found, wanted)
        for axis in ("cover", "fill"):
            asked = wanted[axis] != HIDDEN
            if asked.any():
                loss = loss + functional.cross_entropy(found[axis][asked], wanted[f"taught_{axis}"][asked])
        return loss


def repaint_bed(crop: np.ndarray, vehicle: Vehicle, window: Window, rng: np.random.Generator) -> np.ndarray:
    """A crop with new colours: of each surface where a map tells them apart, of all within the rim where none does."""
    size = crop.shape[0]
    if found := sample_surface(vehicle, window, size // 4):
        for kind in (Surface.WALL, Surface.FLOOR, Surface.LOAD, Surface.COVER):
            mask = (found[0] == kind).astype(np.float32)
            if rng.random() < REPAINTED and mask.any():
                mask = cv2.resize(mask, (size, size), interpolation=cv2.INTER_LINEAR)
                crop = repaint(crop, mask, kind == Surface.LOAD, rng)
    elif vehicle.rim is not None:
        rim = to_shares(window, vehicle.rim) * size
        mask = np.zeros((size, size), np.float32)
        cv2.fillPoly(mask, [np.clip(rim, -2000, 2000).round().astype(np.int32)], 1.0)
        is_load_seen = vehicle.cover != COVERS.index(Cover.CLOSED) and vehicle.fill in LOADED
        crop = repaint(crop, mask, is_load_seen, rng)
    return crop


def _known(found: torch.Tensor, wanted: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The pairs in which the wanted value is no NaN."""
    known = ~wanted.isnan()
    return found[known], wanted[known]


def _overlap(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Generalised intersection over union of paired boxes (N, 4), -1 to 1."""
    low, high = torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:])
    shared = (high - low).clamp(min=0).prod(1)
    union = (a[:, 2:] - a[:, :2]).clamp(min=0).prod(1) + (b[:, 2:] - b[:, :2]).prod(1) - shared
    hull = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).prod(1)
    return shared / union.clamp(min=1e-6) - (hull - union) / hull.clamp(min=1e-6)
