"""What each load network is shown and what it is punished for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from torch.nn import functional

from detector.entities import Cover, Fill
from detector.observation.load_crop import to_batch
from detector.observation.load_state import COVERS, FILLS
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
)

Batch = dict[str, torch.Tensor]
CUT_OFF = 0.2  # how often the picture ends within the bed
DEGRADED = 0.4  # how often each degradation happens, against its own chance
STATE_SHARES: dict[Source, float] = {"render": 0.68, "sketch": 0.12, "photograph": 0.2}
HIDDEN = COVERS.index(Cover.NOT_VISIBLE)  # the last of both axes
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
        """See `Task.draw`; `cover` and `fill` (N,) are UNKNOWN, `heap` (N,) is NaN where not to be learnt."""
        crops, truths, vehicles = [], [], self._pool.draw(count, rng)
        for drawn in vehicles:
            image, vehicle = show(drawn, rng)
            crop, rim = cut_bed(image, vehicle, self.size_px, rng)
            if rim is not None and rng.random() < 0.5:
                crop = repaint(crop, rim, vehicle.cover != COVERS.index(Cover.CLOSED) and vehicle.fill in LOADED, rng)
            crop = crop[:, ::-1] if rng.random() < 0.5 else crop
            crop, lost = change(crop, rng)
            crops.append(crop)
            truths.append((HIDDEN, HIDDEN) if lost else (vehicle.cover, vehicle.fill))
        heaps = [v.heap_m if v.heap_m is not None and v.fill in LOADED else float("nan") for v in vehicles]
        return {
            "images": torch.from_numpy(to_batch(crops)),
            "cover": torch.tensor([cover for cover, _ in truths]),
            "fill": torch.tensor([fill for _, fill in truths]),
            "heap": torch.tensor(heaps),
        }

    def measure_loss(self, found: Batch, wanted: Batch) -> torch.Tensor:
        """Cross entropies of both axes and, as a teacher, the crest's height."""
        loss = 0.0
        for axis in ("cover", "fill"):
            known = wanted[axis] != UNKNOWN
            if known.any():
                loss = loss + functional.cross_entropy(found[axis][known], wanted[axis][known], label_smoothing=0.03)
        heap = _known(found["heap"][:, 0], wanted["heap"])
        if len(heap[0]):
            loss = loss + functional.smooth_l1_loss(*heap, beta=0.1)
        return loss


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
