"""Calibrates the load networks on validation renders and counts what the shipped reader gets right. numpy only."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import cv2
import numpy as np

from detector.entities import Cover, LoadState
from detector.geometry import iou
from detector.observation.load_crop import to_batch
from detector.observation.load_state import (
    COVERS,
    FILLS,
    LoadStateSettings,
    Network,
    OnnxLoadStateReader,
    soften,
)
from scripts.training.load_samples import UNKNOWN, Vehicle, cut_bed, has_bed, jitter, name_kind

TEMPERATURES = np.exp(np.linspace(np.log(0.5), np.log(4), 60))
THRESHOLDS = np.round(np.arange(0.55, 0.995, 0.01), 2)
BOX_NOISE = 0.04
REPEATS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Logits:
    """Answers of the load network to labelled beds: logits (N, 4) and true indices (N,) on both axes."""

    cover: np.ndarray
    fill: np.ndarray
    cover_truth: np.ndarray
    fill_truth: np.ndarray


def collect_logits(network: Network, vehicles: list[Vehicle], size_px: int) -> Logits:
    """Runs the load network on marked beds, each `REPEATS` times with a box as noisy as a locator's, also mirrored."""
    rng = np.random.default_rng(11)
    beds = [v for v in vehicles if has_bed(v)]
    covers, fills = [], []
    for repeat in range(REPEATS):
        crops = [cut_bed(cv2.imread(str(v.image)), v, size_px, rng)[0] for v in beds]
        cover, fill = network.run(to_batch([crop[:, ::-1] if repeat % 2 else crop for crop in crops]))
        covers.append(cover)
        fills.append(fill)
    truths = np.array([(v.cover, v.fill) for v in beds] * REPEATS)
    return Logits(np.concatenate(covers), np.concatenate(fills), truths[:, 0], truths[:, 1])


def find_temperature(logits: np.ndarray, truth: np.ndarray) -> float:
    """The divisor of logits (N, 4) under which the truth (N,) is likeliest; UNKNOWN rows take no part."""
    known = truth != UNKNOWN
    rows = np.arange(known.sum())

    def cost(temperature: float) -> float:
        scaled = logits[known].astype(np.float64) / temperature
        scaled -= scaled.max(1, keepdims=True)
        return float((np.log(np.exp(scaled).sum(1)) - scaled[rows, truth[known]]).mean())

    return round(float(min(TEMPERATURES, key=cost)), 3)


def calibrate(logits: Logits, settings: LoadStateSettings, allowed: float) -> LoadStateSettings:
    """Settings with temperatures, and for each side the lowest threshold at which `allowed` of its answers are wrong.

    Sides differ: nets say *open* of creased brown cloths with more certainty than they ever say *closed* of a load.
    An answer is wrong when it names the other side; naming a side where nothing can be seen counts as half a wrong
    one, since labels draw that line where no eye can.
    """
    settings = replace(
        settings,
        cover_temperature=find_temperature(logits.cover, logits.cover_truth),
        fill_temperature=find_temperature(logits.fill, logits.fill_truth),
    )
    covers = np.stack([soften(row, settings.cover_temperature) for row in logits.cover])
    fills = np.stack([soften(row, settings.fill_temperature) for row in logits.fill])
    cover_sides = np.stack([covers[:, 0], covers[:, 1] + covers[:, 2]])
    fill_sides = np.stack([fills[:, 0], fills[:, 1] + fills[:, 2]])
    sides = np.array([0, 1, 1, 2])
    min_closed, min_open = find_thresholds(cover_sides, sides[logits.cover_truth], allowed)
    seen = ~((cover_sides.argmax(0) == 0) & (cover_sides[0] >= min_closed))  # under a closed cover no side is named
    min_empty, min_loaded = find_thresholds(fill_sides[:, seen], sides[logits.fill_truth[seen]], allowed)
    heaped = np.stack([fills[:, 2], np.zeros(len(fills))])
    min_heaped, _ = find_thresholds(heaped, np.array([1, 1, 0, 2])[logits.fill_truth], 2 * allowed)
    return replace(
        settings,
        min_closed=min_closed,
        min_open=min_open,
        min_empty=min_empty,
        min_loaded=min_loaded,
        min_heaped=min_heaped,
    )


def find_thresholds(sides: np.ndarray, truth: np.ndarray, allowed: float) -> tuple[float, float]:
    """For each of two sides the lowest threshold that keeps wrong answers at `allowed` of all that name this side.

    Args:
        sides: probabilities (2, N) of the two sides; the likelier one is what an answer would name.
        truth: 0 or 1 for the side, 2 for neither (N,).
        allowed: share of wrong answers.
    """
    named = sides.argmax(0)
    return _find_threshold(0, sides[0], named, truth, allowed), _find_threshold(1, sides[1], named, truth, allowed)


def _find_threshold(side: int, likely: np.ndarray, named: np.ndarray, truth: np.ndarray, allowed: float) -> float:
    """The threshold of one side; the highest of `THRESHOLDS` where none will do."""
    cost = (truth != side) * np.where(truth == 2, 0.5, 1.0)
    for threshold in THRESHOLDS:
        answered = (named == side) & (likely >= threshold)
        if (cost * answered).sum() <= allowed * answered.sum():
            return float(threshold)
    return float(THRESHOLDS[-1])


def rate_likeliest(logits: Logits) -> dict[str, str]:
    """Shares of looks whose likeliest answer is right, thresholds aside and *not visible* left out, each with its n."""
    rates = {}
    for axis, sides, found, truth in (
        ("cover of three", "closed or not", logits.cover, logits.cover_truth),
        ("fill of three", "empty or loaded", logits.fill, logits.fill_truth),
    ):
        known = (truth != UNKNOWN) & (truth < 3)
        named, wanted = found[known, :3].argmax(1), truth[known]
        n = f"(n={known.sum()})"
        rates[axis] = f"{(named == wanted).mean():.3f} {n}"
        rates[sides] = f"{((named > 0) == (wanted > 0)).mean():.3f} {n}"
    return rates


def read_all(reader: OnnxLoadStateReader, vehicles: list[Vehicle]) -> list[LoadState]:
    """The reader's answers to vehicles' boxes with a detector's noise."""
    rng = np.random.default_rng(12)
    states = []
    for vehicle in vehicles:
        states += reader.read(cv2.imread(str(vehicle.image)), [jitter(vehicle.truck_xyxy, BOX_NOISE, rng)])
    return states


def count(vehicles: list[Vehicle], states: list[LoadState]) -> dict[str, str]:
    """Tables of right, wrong and abstained answers as text, each with its n."""
    pairs = list(zip(vehicles, states, strict=True))
    tippers = [(v, s) for v, s in pairs if v.tipper]
    others = [(v, s) for v, s in pairs if v.tipper is False]
    beds = [iou(v.bed_xyxy, s.bed_xyxy) for v, s in tippers if v.bed_xyxy and s.bed_xyxy]
    found = {
        "tippers found": _share([s.tipper_confidence >= 0.5 for _, s in tippers]),
        "others refused": _share([s.tipper_confidence < 0.5 for _, s in others]),
        "bed overlap": f"mean IoU {np.mean(beds or [0]):.3f} (n={len(beds)})",
        "bed overlap above 0.6": _share([overlap > 0.6 for overlap in beds]),
    }
    covers = [(COVERS.index(s.cover), v.cover) for v, s in tippers]
    fills = [(FILLS.index(s.fill), v.fill) for v, s in tippers]
    found["closed or not"] = _tally([(_side(a), _side(t)) for a, t in covers if t in (0, 1, 2)])
    found["empty or loaded"] = _tally([(_side(a), _side(t)) for a, t in fills if t in (0, 1, 2)])
    found["below or above"] = _tally([(a, t) for a, t in fills if t in (1, 2)])
    four = [(v, s) for v, s in tippers if v.cover == 0 or (v.cover in (1, 2) and v.fill in (0, 1, 2))]
    found["four states"] = _share([_four(v) == s.label.value for v, s in four])
    found["accused though closed or empty"] = _share(
        [s.label.value in ("loaded", "heaped") for v, s in tippers if v.cover == 0 or v.fill == 0]
    )
    found["named though not visible"] = _share([s.cover is not Cover.NOT_VISIBLE for v, s in tippers if v.cover == 3])
    return found


def _side(index: int) -> int:
    """0 closed or empty, 1 partial, open or loaded, 3 not visible."""
    return 1 if index == 2 else index


def _four(vehicle: Vehicle) -> str:
    """The label that follows from the truth."""
    return "covered" if vehicle.cover == 0 else ("empty", "loaded", "heaped")[vehicle.fill]


def _tally(pairs: list[tuple[int, int]]) -> str:
    """Right, wrong, abstained."""
    right = sum(a == t for a, t in pairs)
    silent = sum(a == 3 for a, _ in pairs)
    return f"{right} right, {len(pairs) - right - silent} wrong, {silent} abstained (n={len(pairs)})"


def _share(hits: list[bool]) -> str:
    """A share with its n."""
    return f"{sum(hits)}/{len(hits)}"


def list_errors(vehicles: list[Vehicle], states: list[LoadState]) -> Counter:
    """How often each truth got each answer, axes joined."""
    return Counter(
        (name_kind(v), f"{s.cover}/{s.fill}" if s.tipper_confidence >= 0.5 else "not a tipper")
        for v, s in zip(vehicles, states, strict=True)
    )
