"""Calibrates the load networks on validation renders and counts what the shipped reader gets right. numpy only."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import product

import cv2
import numpy as np

from detector.entities import Cover, LoadLabel, LoadState
from detector.geometry import iou
from detector.inference import to_batch
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
LEVELS = (0.6, 0.66, 0.73, 0.8, 0.88, 0.94)
"""Thresholds that are tried."""

TIPPER_ODDS = (1.0, 1.2, 1.5, 1.8)
"""Factors on the odds of a tipper that are tried. The permit rules' `min_tipper_confidence` goes with the largest."""

SILENT, COVERED, EMPTY, LOADED, HEAPED = range(-1, 4)
CLOSED_SIDE, OPEN_SIDE = range(2)
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


def calibrate(logits: Logits, settings: LoadStateSettings, accused_allowed: float) -> LoadStateSettings:
    """Settings with temperatures, and the thresholds that answer best without accusing too many who did nothing.

    The best have most right answers less twice the wrong ones to two questions, closed or not, and which of four states
    (covered, empty, loaded, heaped), among those by which at most `accused_allowed` of the looks at closed or empty
    beds say *loaded* or *heaped*. To say *covered* or *empty* accuses nobody, so that their thresholds may be low.

    Raises:
        ValueError: every combination accuses more.
    """
    settings = replace(
        settings,
        cover_temperature=find_temperature(logits.cover, logits.cover_truth),
        fill_temperature=find_temperature(logits.fill, logits.fill_truth),
    )
    covers = np.stack([soften(row, settings.cover_temperature) for row in logits.cover])
    fills = np.stack([soften(row, settings.fill_temperature) for row in logits.fill])
    is_innocent = (logits.cover_truth == 0) | (logits.fill_truth == 0)
    asked = is_innocent | (np.isin(logits.cover_truth, (1, 2)) & np.isin(logits.fill_truth, (1, 2)))
    truth = np.where(logits.cover_truth == 0, COVERED, EMPTY + logits.fill_truth)
    has_side = np.isin(logits.cover_truth, (0, 1, 2))
    true_sides = np.where(logits.cover_truth == 0, CLOSED_SIDE, OPEN_SIDE)
    best, best_score = None, -np.inf
    for levels in product(LEVELS, repeat=5):
        names = dict(zip(("min_closed", "min_open", "min_empty", "min_loaded", "min_heaped"), levels, strict=True))
        named = name_states(covers, fills, **names)
        if (named[is_innocent] >= LOADED).sum() > accused_allowed * is_innocent.sum():
            continue
        sides = name_sides(covers, names["min_closed"], names["min_open"])
        score = _score(named[asked], truth[asked]) + _score(sides[has_side], true_sides[has_side])
        if score > best_score:
            best, best_score = names, score
    if best is None:
        raise ValueError(f"no thresholds of {LEVELS} accuse so few; train more")
    return replace(settings, **best)


def _score(named: np.ndarray, truth: np.ndarray) -> int:
    """Right answers less twice the wrong ones; SILENT is neither."""
    right = named == truth
    return int(right.sum() - 2 * ((named != SILENT) & ~right).sum())


def name_sides(covers: np.ndarray, min_closed: float, min_open: float) -> np.ndarray:
    """What `name_cover` says of probabilities (N, 4): SILENT, CLOSED_SIDE or OPEN_SIDE, (N,)."""
    closed, uncovered = covers[:, 0], covers[:, 1] + covers[:, 2]
    sides = np.full(len(covers), SILENT)
    sides[(closed > uncovered) & (closed >= min_closed)] = CLOSED_SIDE
    sides[(closed <= uncovered) & (uncovered >= min_open)] = OPEN_SIDE
    return sides


def name_states(
    covers: np.ndarray,
    fills: np.ndarray,
    *,
    min_closed: float,
    min_open: float,
    min_empty: float,
    min_loaded: float,
    min_heaped: float,
) -> np.ndarray:
    """What `name_cover`, `name_fill` and `LoadState.label` say of probabilities (N, 4) each: SILENT to HEAPED, (N,)."""
    sides = name_sides(covers, min_closed, min_open)
    is_covered, is_open = sides == CLOSED_SIDE, sides == OPEN_SIDE
    empty, above = fills[:, 0], fills[:, 2]
    loaded = fills[:, 1] + above
    is_loaded = (empty <= loaded) & (loaded >= min_loaded)
    named = np.full(len(covers), SILENT)
    named[is_open & (empty > loaded) & (empty >= min_empty)] = EMPTY
    named[is_open & is_loaded] = LOADED
    named[is_loaded & (above >= min_heaped)] = HEAPED  # also where the cover is not known
    named[is_covered] = COVERED
    return named


def choose_tipper_odds(vehicles: list[Vehicle], states: list[LoadState]) -> float:
    """The largest of `TIPPER_ODDS` by which no more other vehicles are called loaded or heaped than by the smallest.

    A tipper that is refused is never judged; another vehicle that is taken for one is harmed by an accusation alone.

    Args:
        vehicles: validation pictures.
        states: the reader's answers to them with the largest factor.
    """
    accusing = (LoadLabel.LOADED, LoadLabel.HEAPED)
    pairs = zip(vehicles, states, strict=True)
    accused = [s.tipper_confidence for v, s in pairs if v.tipper is False and s.label in accusing]
    odds = np.array([c / max(1 - c, 1e-6) for c in accused]) / TIPPER_ODDS[-1]
    counts = [int((odds * factor >= 1).sum()) for factor in TIPPER_ODDS]
    return max(factor for factor, count in zip(TIPPER_ODDS, counts, strict=True) if count <= counts[0])


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
