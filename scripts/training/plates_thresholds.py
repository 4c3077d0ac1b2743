"""Chooses the plate models' thresholds on drawn validation pictures, never on the measuring sets."""

from collections.abc import Sequence

import numpy as np

from detector.geometry import distance
from detector.observation.plate_detector import OnnxPlateDetector
from scripts.synthesis.plates import Glyphs
from scripts.training.plates_scenes import SIDE_PX, Source, draw_scene

READABLE_PX = 24.0  # narrower plates of a 320 px scene are not asked for
NEAR = 0.3  # of the plate's width: a found centre this near to the true one is that plate


def scan_scenes(
    detector: OnnxPlateDetector, sources: tuple[Sequence[Source], Sequence[Glyphs]], n: int, seed: int
) -> dict[str, np.ndarray | int]:
    """Run the detector on `n` drawn scenes.

    Args:
        detector: with thresholds low enough to see what higher ones would drop.
        sources: pictures with vehicle boxes, and glyph sources.
        n: scenes.
        seed: of the scenes.

    Returns:
        `plates`: how many true plates were wide enough; `hits` (H, 3): confidence, corner error in shares of the width,
        rows right; `false` (F,): confidences of what is no plate, where nothing real can hide.
    """
    rng = np.random.default_rng(seed)
    plates, hits, false = 0, [], []
    for _ in range(n):
        scene = draw_scene(*sources, rng)
        found = detector.find(scene.image, [(0.0, 0.0, SIDE_PX, SIDE_PX)])[0]
        truths = [(c, r) for c, r in zip(scene.corners, scene.rows, strict=True) if r]
        for corners, rows in truths:
            width = float(np.linalg.norm(corners[1] - corners[0]))
            if width < READABLE_PX:
                continue
            plates += 1
            near = [p for p in found if distance(p.centre, tuple(corners.mean(axis=0))) < NEAR * width]
            if near:
                error = np.abs(np.array(near[0].corners) - corners).max() / width
                hits.append((near[0].confidence, error, near[0].rows == rows))
        for plate in found:
            cell = np.clip((np.array(plate.centre) / 8).astype(int), 0, scene.weights.shape[0] - 1)
            is_true = any(distance(plate.centre, tuple(c.mean(axis=0))) < plate.width_px for c, _ in truths)
            if not is_true and scene.weights[cell[1], cell[0]] == 1:
                false.append(plate.confidence)
    return {"plates": plates, "hits": np.array(hits).reshape(-1, 3), "false": np.array(false), "scenes": n}


def print_scan(scan: dict[str, np.ndarray | int]) -> None:
    """Recall and false plates by threshold, and the corners' accuracy."""
    hits, false = scan["hits"], scan["false"]
    print(f"scenes {scan['scenes']}, plates of {READABLE_PX:.0f} px or more: {scan['plates']}")
    for threshold in (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6):
        kept = hits[hits[:, 0] >= threshold]
        print(f"  threshold {threshold:.2f}: found {len(kept)}, false {(false >= threshold).sum()}")
    for share in (50, 90):
        print(f"  largest corner error, {share} % of the found: {np.percentile(hits[:, 1], share):.3f} of the width")
    slope, offset = fit_logistic(hits[:, 0], false)
    print(f"  calibration: slope={slope:.2f} offset={offset:.2f}")
    print(f"  rows right: {int(hits[:, 2].sum())} of {len(hits)}")


def fit_logistic(right: np.ndarray, wrong: np.ndarray) -> tuple[float, float]:
    """Slope and offset of the curve from confidence (as a logit) to the probability of being right; Newton's method."""
    p = np.clip(np.concatenate([right, wrong]), 1e-6, 1 - 1e-6)
    x = np.stack([np.log(p / (1 - p)), np.ones(len(p))], axis=1)
    truth = np.concatenate([np.ones(len(right)), np.zeros(len(wrong))])
    weights = np.array([1.0, 0.0])
    for _ in range(30):
        said = 1 / (1 + np.exp(-x @ weights))
        curvature = (x.T * (said * (1 - said))) @ x + 1e-3 * np.eye(2)
        weights = weights + np.linalg.solve(curvature, x.T @ (truth - said) - 1e-3 * weights)
    return float(weights[0]), float(weights[1])
