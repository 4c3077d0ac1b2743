"""Training of the plate detector: scenes drawn once into the cache, point targets, one cycle."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.nn import functional

from scripts.training.onnx_weights import take_up
from scripts.training.plates_detector_net import DetectorNet
from scripts.training.plates_pace import pace
from scripts.training.plates_scenes import CELLS, MAX_PLATES, SIDE_PX, STRIDE_PX, Source, draw_scene
from scripts.training.plates_sources import cache_folder, glyph_sources
from scripts.training.precision import mixed_on_cpu

BATCH = 24
TRAIN_PX = 256  # scenes are shrunk to it: two thirds of the time, and at run time the finer 320 px are seen as larger
TRAIN_CELLS = TRAIN_PX // STRIDE_PX
ROWS_WEIGHT, CORNERS_WEIGHT = 0.3, 2.0
BACKBONE_PACE = 0.33  # of the learning rate: it already knows edges and vehicles
VEHICLE_CLASSES = 3  # car, bus, truck come first
ARRAYS = {"image": ((SIDE_PX, SIDE_PX, 3), np.uint8), "corners": ((MAX_PLATES, 4, 2), np.float32),
          "rows": ((MAX_PLATES,), np.int64), "weights": ((CELLS, CELLS), np.float32)}  # fmt: skip

Scenes = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Plan:
    """Epochs (each one part of scenes, in turn), parts, highest learning rate, exported detector to go on from."""

    epochs: int
    parts: int
    peak_rate: float = 1.5e-3
    start: Path | None = None


def read_sources(folder: Path) -> list[Source]:
    """All pictures of the vehicle sets' train parts with the boxes of cars, buses and trucks."""
    sources = []
    for path in sorted(folder.glob("*/train/images/*")):
        picture = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
        rows = [line.split()[:5] for line in (path.parents[1] / "labels" / f"{path.stem}.txt").read_text().splitlines()]
        labels = np.array(rows, np.float64).reshape(-1, 5)
        labels = labels[labels[:, 0] < VEHICLE_CLASSES, 1:]
        size = np.array([picture.shape[1], picture.shape[0]])
        centre, half = labels[:, :2] * size, labels[:, 2:] * size / 2
        sources.append((picture, np.concatenate([centre - half, centre + half], axis=1)))
    return sources


def write_scenes(folder: Path, n: int, data: Path, seed: int) -> None:
    """Draw `n` scenes into `folder`; one that exists is complete, and is kept."""
    if folder.exists():
        return
    unfinished = folder.with_name(f"{folder.name}.{os.getpid()}")
    unfinished.mkdir(parents=True)
    sources, glyphs = read_sources(data / "vehicles"), glyph_sources(data)
    rng = np.random.default_rng(seed)
    files = {
        name: np.lib.format.open_memmap(unfinished / f"{name}.npy", mode="w+", dtype=dtype, shape=(n, *shape))
        for name, (shape, dtype) in ARRAYS.items()
    }
    for i in range(n):
        scene = draw_scene(sources, glyphs, rng)
        for name, file in files.items():
            file[i] = getattr(scene, name)
    for file in files.values():
        file.flush()
    unfinished.rename(folder)


def open_scenes(number: int, n: int, data: Path, seed: int) -> Scenes:
    """The `number`-th part of the scenes, drawn first where the cache lacks it."""
    folder = cache_folder() / f"scenes-seed{seed}-part{number:02d}"
    write_scenes(folder, n, data, seed=1000 * seed + 500 + number)
    return {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in ARRAYS}


def targets(corners: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Point targets of a batch.

    Args:
        corners: (B, MAX_PLATES, 4, 2) px, NaN where there is no plate.
        rows: (B, MAX_PLATES).

    Returns:
        Heat (B, C, C), 1 at a plate's centre, C being TRAIN_CELLS; two rows (B, C, C) 0 or 1; offsets (B, 8, C, C)
        in px from the cell's centre to the corners of the plate whose heat is highest there.
    """
    batch = len(corners)
    heat = np.zeros((batch, TRAIN_CELLS, TRAIN_CELLS), np.float32)
    double = np.zeros_like(heat)
    offsets = np.zeros((batch, 8, TRAIN_CELLS, TRAIN_CELLS), np.float32)
    middle = (np.arange(TRAIN_CELLS, dtype=np.float32) + 0.5) * STRIDE_PX
    grid = np.stack(np.meshgrid(middle, middle), axis=-1)
    for b, p in np.argwhere(rows > 0):
        plate = corners[b, p]
        centre, size = plate.mean(axis=0), plate.max(axis=0) - plate.min(axis=0)
        spread = np.maximum(0.11 * size, 0.45 * STRIDE_PX)
        bump = np.exp(-((middle[None] - centre[0]) ** 2) / (2 * spread[0] ** 2)) * np.exp(
            -((middle[:, None] - centre[1]) ** 2) / (2 * spread[1] ** 2)
        )
        bump = bump / bump.max()
        stronger = bump > heat[b]
        heat[b][stronger] = bump[stronger]
        double[b][stronger] = float(rows[b, p] == 2)
        away = (plate[:, None, None] - grid).transpose(0, 3, 1, 2).reshape(8, TRAIN_CELLS, TRAIN_CELLS)
        offsets[b][:, stronger] = away[:, stronger]
    return heat, double, offsets


def loss_of(net: DetectorNet, pictures: torch.Tensor, truth: Sequence[torch.Tensor]) -> torch.Tensor:
    """Focal loss of the centres, cross entropy of the rows, L1 of the corners in shares of the plate's width.

    Args:
        net: the network.
        pictures: (B, 3, TRAIN_PX, TRAIN_PX).
        truth: heat, rows and offsets of `targets`, and the scenes' weights.
    """
    heat, double, offsets, weights = truth
    with mixed_on_cpu():
        scores, corners = net(pictures.contiguous(memory_format=torch.channels_last))
    scores, corners = scores.float(), corners.float()
    probability = scores[:, 0].sigmoid().clamp(1e-5, 1 - 1e-5)
    is_centre = heat > 0.999
    plates = is_centre.sum().clamp(min=1)
    hit = (probability.log() * (1 - probability) ** 2)[is_centre].sum()
    miss = ((1 - probability).log() * probability**2 * (1 - heat) ** 4 * weights)[~is_centre].sum()
    near = heat * (heat > 0.3)
    rows = functional.binary_cross_entropy_with_logits(scores[:, 1], double, weight=near, reduction="sum")
    width = (offsets[:, 0::2].amax(1) - offsets[:, 0::2].amin(1)).clamp(min=4)
    error = functional.smooth_l1_loss(corners / width[:, None], offsets / width[:, None], beta=0.02, reduction="none")
    placed = (error.mean(1) * near).sum()
    total = near.sum().clamp(min=1)
    return -(hit + miss) / plates + (ROWS_WEIGHT * rows + CORNERS_WEIGHT * 8 * placed) / total


def shrink(square: np.ndarray, side: int) -> np.ndarray:
    """A square array at another size, averaged."""
    return cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA)


def batches(scenes: Scenes, rng: np.random.Generator) -> Iterator[tuple[torch.Tensor, list[torch.Tensor]]]:
    """Every scene once, in random order."""
    order = rng.permutation(len(scenes["image"]))
    for start in range(0, len(order) - BATCH + 1, BATCH):
        rows = np.sort(order[start : start + BATCH])
        shrunk = np.stack([shrink(scenes["image"][i], TRAIN_PX) for i in rows])
        weights = np.stack([shrink(scenes["weights"][i], TRAIN_CELLS) for i in rows])
        pictures = torch.from_numpy(np.ascontiguousarray(shrunk[..., ::-1]))
        truth = [*targets(scenes["corners"][rows] * (TRAIN_PX / SIDE_PX), scenes["rows"][rows]), weights]
        yield pictures.permute(0, 3, 1, 2).float() / 255, [torch.from_numpy(np.asarray(t)) for t in truth]


def train(parts: Sequence[Scenes], weights: Path, plan: Plan, checkpoint: Path) -> DetectorNet:
    """Train from `checkpoint` where it exists, else from the backbone in `weights`; rewritten after every epoch."""
    net = DetectorNet(weights).to(memory_format=torch.channels_last)
    if plan.start and not checkpoint.exists():
        pictures = torch.from_numpy(np.ascontiguousarray(parts[0]["image"][:96, ..., ::-1]))
        take_up(net, plan.start, pictures.permute(0, 3, 1, 2).float() / 255)
    steps = sum(len(parts[e % plan.parts]["image"]) // BATCH for e in range(plan.epochs))
    slow = [p for n, p in net.named_parameters() if n.startswith("backbone")]
    fast = [p for n, p in net.named_parameters() if not n.startswith("backbone")]
    optimiser = torch.optim.AdamW([{"params": slow}, {"params": fast}], weight_decay=0.01)
    first, step = 0, 0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        net.load_state_dict(state["net"])
        optimiser.load_state_dict(state["optimiser"])
        first, step = state["epoch"], state["step"]
    for epoch in range(first, plan.epochs):
        net.train()
        losses = []
        for pictures, truth in batches(parts[epoch % plan.parts], np.random.default_rng(epoch)):
            loss = loss_of(net, pictures, truth)
            for group, share in zip(optimiser.param_groups, (BACKBONE_PACE, 1.0), strict=True):
                group["lr"] = plan.peak_rate * share * pace(step / steps)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            optimiser.step()
            step += 1
            losses.append(loss.item())
            if len(losses) % 25 == 0:
                print(f"epoch {epoch + 1}/{plan.epochs}, step {len(losses)}: {np.mean(losses[-25:]):.4f}", flush=True)
        state = {"net": net.state_dict(), "optimiser": optimiser.state_dict()}
        torch.save({**state, "epoch": epoch + 1, "step": step}, checkpoint)
    return net.eval()
