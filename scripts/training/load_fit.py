"""The training loop of the load networks: seeded, resumable, bf16 and channels_last, weights averaged."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from scripts.training.load_tasks import Batch, Task
from scripts.training.precision import mixed_on_cpu

SAVE_EVERY = 100


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast to learn."""

    steps: int
    batch: int = 16
    rate: float = 1e-3
    decay: float = 0.02
    average: float = 0.995
    seed: int = 1


def fit(network: nn.Module, task: Task, schedule: Schedule, checkpoint: Path) -> nn.Module:
    """Trains and returns the averaged network in eval mode.

    A checkpoint of the same schedule is taken up again; a finished one is returned as it is. The learning rate warms
    up over 5 % of the steps and falls as a cosine.

    Args:
        network: started from COCO; changed in place.
        task: draws batches and measures errors.
        schedule: how long and how fast.
        checkpoint: file to write every `SAVE_EVERY` steps.
    """
    torch.manual_seed(schedule.seed)
    network = network.to(memory_format=torch.channels_last).train()
    averaged = copy.deepcopy(network)
    optimiser = torch.optim.AdamW(
        [p for p in network.parameters() if p.requires_grad], schedule.rate, weight_decay=schedule.decay
    )
    parts = {"network": network, "averaged": averaged, "optimiser": optimiser}
    step = _resume(checkpoint, schedule, parts)
    began, losses = time.monotonic(), []
    for batch in _draw_ahead(task, schedule, step):
        for group in optimiser.param_groups:
            group["lr"] = schedule.rate * _rate_share(step, schedule.steps)
        images = batch["images"].contiguous(memory_format=torch.channels_last)
        with mixed_on_cpu():
            found = network(images)
        loss = task.measure_loss(found, batch)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        _mix_in(averaged, network, min(schedule.average, (1 + step) / (10 + step)))
        losses.append(loss.item())
        step += 1
        if step % SAVE_EVERY == 0 or step == schedule.steps:
            _save(checkpoint, schedule, step, parts)
            pace = (time.monotonic() - began) / len(losses)
            mean = np.mean(losses[-SAVE_EVERY:])
            print(f"step {step}/{schedule.steps} loss {mean:.4f} {pace:.2f} s/step", flush=True)
    return averaged.eval()


def load_averaged(network: nn.Module, parts: list[tuple[Path, float]]) -> None:
    """Puts the weighted mean of checkpoints' averaged weights into a network, to learn on with new data or new parts.

    Args:
        network: changed in place. What no checkpoint holds keeps its start.
        parts: checkpoints with their shares. What only some of them hold is the mean of these.

    Raises:
        RuntimeError: a checkpoint holds what the network has not.
    """
    wanted = network.state_dict()
    stored = [(torch.load(path, weights_only=True)["averaged"], share) for path, share in parts]
    for (path, _), (weights, _) in zip(parts, stored, strict=True):
        if unknown := sorted(weights.keys() - wanted.keys()):
            raise RuntimeError(f"{path}: of another network ({', '.join(unknown[:3])}, …)")
    for name, start in wanted.items():
        holders = [(weights[name], share) for weights, share in stored if name in weights]
        if not holders:
            print(f"learnt anew: {name}", flush=True)
            continue
        whole = sum(share for _, share in holders)
        wanted[name] = sum(values * (share / whole) for values, share in holders).to(start.dtype)
    network.load_state_dict(wanted)


def _draw_ahead(task: Task, schedule: Schedule, first: int) -> Iterator[Batch]:
    """The batches of the steps from `first` on; while the network learns from one, the next is drawn."""
    with ThreadPoolExecutor(1) as thread:
        drawn = None
        for step in range(first, schedule.steps):
            following = thread.submit(task.draw, schedule.batch, np.random.default_rng([schedule.seed, step]))
            if drawn is not None:
                yield drawn.result()
            drawn = following
        if drawn is not None:
            yield drawn.result()


def _rate_share(step: int, steps: int) -> float:
    """Share of the learning rate at a step."""
    warm = max(1, round(0.05 * steps))
    return (step + 1) / warm if step < warm else 0.5 + 0.5 * math.cos(math.pi * (step - warm) / max(1, steps - warm))


@torch.no_grad()
def _mix_in(averaged: nn.Module, network: nn.Module, keep: float) -> None:
    """Moves the averaged weights a little towards the network's."""
    for a, b in zip(averaged.state_dict().values(), network.state_dict().values(), strict=True):
        if a.dtype.is_floating_point:
            a.mul_(keep).add_(b, alpha=1 - keep)
        else:
            a.copy_(b)


def _save(path: Path, schedule: Schedule, step: int, parts: dict) -> None:
    """Writes a checkpoint so that a killed process leaves the old or the new one, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {name: part.state_dict() for name, part in parts.items()}
    torch.save({"schedule": repr(schedule), "step": step, **state}, path.with_suffix(".tmp"))
    path.with_suffix(".tmp").replace(path)


def _resume(path: Path, schedule: Schedule, parts: dict) -> int:
    """Loads a checkpoint of the same schedule into `parts`; returns the steps done, 0 where there is none."""
    if not path.exists():
        return 0
    saved = torch.load(path, weights_only=True)
    if saved["schedule"] != repr(schedule):
        return 0
    for name, part in parts.items():
        part.load_state_dict(saved[name])
    print(f"going on at step {saved['step']} of {path}", flush=True)
    return int(saved["step"])
