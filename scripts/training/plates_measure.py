"""What the exported plate models do, with the program's own classes: exact, wrong and abstained, always with n.

Exact: the voted text of a single look is the truth. Wrong: it is another full plate. Abstained: no plate found, or a
character is "-".
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from detector.entities import PlateReading
from detector.evaluation.intervals import wilson
from detector.inference import Device, OnnxModel
from detector.observation.plate_detector import OnnxPlateDetector, PlateBox, PlateDetectorSettings
from detector.observation.plate_reader import OnnxPlateReader, PlateReaderSettings, softmax
from detector.observation.plate_vote import vote
from detector.weights import load_model_file
from scripts.synthesis.plates import STYLES, Glyphs
from scripts.training.plates_crops import encode, in_train_part, render_plate

LEGIBLE_PX = 90.0  # plates narrower than this are measured apart (domain.md 3: soft limit 100 px)


@dataclass(slots=True)
class Score:
    """Counts of one set; `errors` are truth and what was said instead."""

    n: int = 0
    found: int = 0
    exact: int = 0
    wrong: int = 0
    raw_exact: int = 0
    errors: list[tuple[str, str]] = field(default_factory=list)

    def add(self, truth: str, reading: PlateReading | None) -> None:
        """Count one picture."""
        plate = vote([reading]) if reading else None
        said = plate.text if plate else ""
        self.n += 1
        self.found += reading is not None
        self.raw_exact += reading is not None and reading.text == truth
        self.exact += said == truth
        self.wrong += bool(plate and plate.is_certain and said != truth)
        if said != truth:
            self.errors.append((truth, f"{said or 'not found'} ({reading.text if reading else ''})"))

    def __str__(self) -> str:
        """One line for people."""
        abstained = self.n - self.exact - self.wrong
        raw = f"best guess right {self.raw_exact}"
        low, high = wilson(self.exact, self.n)
        exact = f"exact {self.exact} ({self.exact / max(self.n, 1):.3f} [{low:.3f}, {high:.3f}])"
        return f"n {self.n}  found {self.found}  {exact}  wrong {self.wrong}  abstained {abstained}  ({raw})"


def open_reader(weights: Path | None = None) -> tuple[OnnxPlateReader, OnnxPlateDetector]:
    """The shipped models as the program opens them."""
    detector_row, reader_row = (load_model_file(name, weights) for name in ("plate_detector", "plate_reader"))
    finder = OnnxModel(detector_row.path, Device.CPU, threads=1)
    detector = OnnxPlateDetector(finder, PlateDetectorSettings.parse(detector_row.settings))
    network = OnnxModel(reader_row.path, Device.CPU, threads=1)
    return OnnxPlateReader(detector, network, PlateReaderSettings.parse(reader_row.settings)), detector


def whole(picture: np.ndarray) -> PlateBox:
    """A picture that is nothing but a plate."""
    height, width = picture.shape[:2]
    return PlateBox(((0.0, 0.0), (width, 0.0), (width, height), (0.0, height)), 1, 1.0)


def measure_photos(reader: OnnxPlateReader, folder: Path) -> Score:
    """Whole photos whose file names are their plates."""
    score = Score()
    for path in sorted(folder.glob("*.jpg")):
        picture = _read(path)
        reading = reader.read(picture, [(0.0, 0.0, picture.shape[1], picture.shape[0])])[0]
        score.add(path.stem.split("_")[0], reading)
    return score


def measure_crops(reader: OnnxPlateReader, folder: Path) -> Score:
    """The part of the real crops that no training has seen."""
    score = Score()
    for path in sorted(p for p in folder.glob("*.jpg") if not in_train_part(p.name)):
        picture = _read(path)
        score.add(path.stem.split("_")[0], reader.read_plates(picture, [whole(picture)])[0])
    return score


def draw_sample(
    sources: tuple[Sequence[Glyphs], Sequence[np.ndarray]], n: int, seed: int
) -> Iterator[tuple[str, np.ndarray, PlateBox, str]]:
    """Drawn, degraded plates of every kind, `n` each, of LEGIBLE_PX to 230 px, true corners slightly misplaced.

    Yields:
        Kind, picture (H, W, 3) BGR, where the plate is, its text.
    """
    glyphs, backgrounds = sources
    rng = np.random.default_rng(seed)
    for kind, style in STYLES.items():
        for _ in range(n):
            width_px = np.exp(rng.uniform(np.log(LEGIBLE_PX), np.log(230)))
            picture, corners, text = render_plate(kind, width_px, (glyphs[rng.integers(len(glyphs))], backgrounds), rng)
            points = corners + rng.normal(0, 0.015, (4, 2)) * (corners.max(axis=0) - corners.min(axis=0))
            quad = tuple((float(x), float(y)) for x, y in points)
            yield kind, picture, PlateBox(quad, 2 if style.height == 220 else 1, 1.0), text


def measure_drawn(
    reader: OnnxPlateReader, sources: tuple[Sequence[Glyphs], Sequence[np.ndarray]], n: int, seed: int
) -> dict[str, Score]:
    """What the reader makes of `draw_sample`, by kind."""
    scores: dict[str, Score] = {}
    for kind, picture, plate, text in draw_sample(sources, n, seed):
        scores.setdefault(kind, Score()).add(text, reader.read_plates(picture, [plate])[0])
    return scores


def calibrate(
    reader: OnnxPlateReader, sources: tuple[Sequence[Glyphs], Sequence[np.ndarray]], n: int, seed: int
) -> float:
    """The temperature at which the characters' probabilities fit best (least log loss) on `draw_sample`.

    Plates of which no character can be made out (median probability of the truth below 0.2) are left out: the vote
    abstains there anyhow, and they would soften all others.
    """
    scores, truths = [], []
    for _, picture, plate, text in draw_sample(sources, n, seed):
        scores.append(reader.score(picture, [plate])[0][0])
        truths.append(encode(text))
    logits, truth = np.stack(scores), np.stack(truths)

    def name_truth(temperature: float) -> np.ndarray:
        return np.take_along_axis(softmax(logits / temperature), truth[..., None], axis=2)[..., 0]

    seen = np.median(name_truth(1.0), axis=1) >= 0.2
    losses = {t: float(-np.log(np.maximum(name_truth(t)[seen], 1e-12)).mean()) for t in np.geomspace(0.3, 3.0, 80)}
    best = min(losses, key=lambda t: losses[t])
    right = float((logits.argmax(axis=2) == truth).all(axis=1).mean())
    print(f"validation: n {len(truth)}, whole plate right {right:.4f}, temperature {best:.3f}, loss {losses[best]:.4f}")
    return float(best)


def _read(path: Path) -> np.ndarray:
    return cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)


def confusions(score: Score) -> Counter[tuple[str, str]]:
    """Which characters were taken for which, over errors of equal length."""
    pairs: Counter[tuple[str, str]] = Counter()
    for truth, said in score.errors:
        read = said[said.index("(") + 1 : -1]
        if len(read) == len(truth):
            pairs.update((t, r) for t, r in zip(truth, read, strict=True) if t != r)
    return pairs
