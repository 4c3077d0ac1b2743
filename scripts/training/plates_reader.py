"""Training, export and measurement of the plate reader."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.nn import functional

from scripts.training.onnx_weights import take_up
from scripts.training.plates_crops import ALPHABET, COLOURS, IGNORED, SLOTS, Crops
from scripts.training.plates_pace import pace
from scripts.training.plates_reader_net import ReaderNet
from scripts.training.precision import mixed_on_cpu

BATCH = 64
REAL_PER_BATCH = 24  # of the real train crops, which are nearly all 皖 and blue: weighed low
PROVINCE_KEPT = 0.15  # share of real 皖 crops whose first character is learned; the rest would only teach "say 皖"
COLOUR_WEIGHT = 0.2
FIRST_WEIGHT = 2.0  # of the first character: provinces are the hardest and cost most plates


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how fast to learn.

    Attributes:
        epochs: each is one part of the drawn crops; parts are taken in turn.
        parts: how many different parts there are.
        peak_rate: highest learning rate of the one cycle.
        start: exported reader to learn on from; None starts afresh.
    """

    epochs: int
    parts: int
    peak_rate: float = 2e-3
    start: Path | None = None


def build() -> ReaderNet:
    """An untrained network for the project's alphabet."""
    return ReaderNet(len(ALPHABET) + 1, len(COLOURS), SLOTS).to(memory_format=torch.channels_last)


def as_input(images: np.ndarray) -> torch.Tensor:
    """(B, H, W, 3) uint8 BGR → (B, 3, H, W) float RGB in 0 to 1, as at run time."""
    rgb = np.ascontiguousarray(images[..., ::-1])
    return torch.from_numpy(rgb).permute(0, 3, 1, 2).float().div_(255)


def shake(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A real crop, moved, stretched and blurred a little, so that the few there are last longer."""
    height, width = image.shape[:2]
    size = np.array([width, height])
    source = np.array([[0, 0], [width, 0], [0, height]], np.float32)
    target = source * rng.uniform(0.93, 1.07, 2) + rng.normal(0, 0.02, (3, 2)) * size
    warp = cv2.getAffineTransform(source, target.astype(np.float32))
    image = cv2.warpAffine(image, warp, (width, height), borderMode=cv2.BORDER_REPLICATE)
    if rng.random() < 0.3:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 2.5))
    noise = rng.normal(0, rng.uniform(0, 8), image.shape)
    return np.clip(image * rng.uniform(0.6, 1.3, 3) + noise, 0, 255).astype(np.uint8)


def batches(drawn: Crops, real: Crops, rng: np.random.Generator) -> Iterator[tuple[torch.Tensor, ...]]:
    """Batches of one epoch: every drawn crop once, a few real ones beside them in each batch."""
    wan = ALPHABET.index("皖") + 1
    order, step = rng.permutation(len(drawn)), BATCH - REAL_PER_BATCH
    for start in range(0, len(order) - step + 1, step):
        rows = np.sort(order[start : start + step])
        picks = rng.integers(0, len(real), REAL_PER_BATCH)
        shaken = np.stack([shake(real.images[i], rng) for i in picks])
        texts = np.concatenate([drawn.texts[rows], real.texts[picks]])
        hidden = (texts[:, 0] == wan) & (np.arange(len(texts)) >= step) & (rng.random(len(texts)) > PROVINCE_KEPT)
        texts[hidden, 0] = IGNORED
        colours = np.concatenate([drawn.colours[rows], real.colours[picks]])
        yield as_input(np.concatenate([drawn.images[rows], shaken])), torch.from_numpy(texts), torch.from_numpy(colours)


def train(part: Callable[[int], Crops], real: Crops, plan: Plan, checkpoint: Path) -> ReaderNet:
    """Train from `checkpoint` where it exists, else from the plan's start; it is rewritten after every epoch."""
    net = build()
    if plan.start and not checkpoint.exists():
        take_up(net, plan.start, as_input(part(0).images[:512]))
    steps = plan.epochs * (len(part(0)) // (BATCH - REAL_PER_BATCH))
    optimiser = torch.optim.AdamW(net.parameters(), lr=plan.peak_rate, weight_decay=0.02)
    first, step = 0, 0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        net.load_state_dict(state["net"])
        optimiser.load_state_dict(state["optimiser"])
        first, step = state["epoch"], state["step"]
    for epoch in range(first, plan.epochs):
        net.train()
        losses = []
        for crops, texts, colours in batches(part(epoch % plan.parts), real, np.random.default_rng(epoch)):
            with mixed_on_cpu():
                names, grounds = net(crops.contiguous(memory_format=torch.channels_last))
            loss = naming_loss(names.float(), texts)
            loss = loss + COLOUR_WEIGHT * functional.cross_entropy(grounds.float(), colours, ignore_index=IGNORED)
            optimiser.param_groups[0]["lr"] = plan.peak_rate * pace(step / steps)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            step += 1
            losses.append(loss.item())
            if len(losses) % 50 == 0:
                print(
                    f"epoch {epoch + 1}/{plan.epochs} step {len(losses)} loss {np.mean(losses[-50:]):.4f}", flush=True
                )
        state = {"net": net.state_dict(), "optimiser": optimiser.state_dict()}
        torch.save({**state, "epoch": epoch + 1, "step": step}, checkpoint)
    return net.eval()


def naming_loss(names: torch.Tensor, texts: torch.Tensor) -> torch.Tensor:
    """Cross entropy of names (B, slots, characters) against texts (B, slots); the first slot weighs more."""
    losses = functional.cross_entropy(names.flatten(0, 1), texts.flatten(), ignore_index=IGNORED, reduction="none")
    weights = torch.ones_like(texts, dtype=losses.dtype)
    weights[:, 0] = FIRST_WEIGHT
    weights[texts == IGNORED] = 0
    return (losses.view_as(weights) * weights).sum() / weights.sum()
