"""How good the leads are: a file of sightings with truth, scanned like any other, against two naive baselines."""

import csv
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from detector.database.engine import open_database
from detector.entities import Opening, RegisterKind
from detector.errors import ConfigurationError, SourceError
from detector.observation.plate_grammar import classify, is_complete
from detector.patterns.scanning import Scan, frequent_visitors, rank
from detector.registers.reading import normalise
from detector.registers.store import RegisterStore
from detector.sightings.store import SightingStore
from pipelines.build_sightings import make_importer, make_scan, make_store
from pipelines.config import Cameras, load_cameras, resolve_home

AT = (10, 50, 100, 200)
OPENING = Opening("evaluate", "evaluation against a truth file", "evaluate leads")


@dataclass(frozen=True, slots=True)
class Study:
    """A file of sightings in a store of its own."""

    store: SightingStore
    scan: Scan
    without_registers: Scan
    cameras: Cameras
    window_to: datetime
    exempt: frozenset[str]


def open_study(folder: Path, sightings: Path, registers: Path | None, cameras_path: Path | None) -> Study:
    """Import a file and its registers into a folder that is thrown away afterwards.

    Raises:
        RoadwardenError: a file is missing or wrong, or no hub is configured.
    """
    cameras = load_cameras(cameras_path or _find_cameras(sightings))
    if not cameras.sightings.hubs:
        raise ConfigurationError(
            f"{cameras.place or 'no cameras.toml found'}: no [[hub]]; name hubs with --cameras FILE"
        )
    engine = open_database(f"sqlite:///{folder / 'study.db'}")
    store = make_store(cameras, engine, folder / "store", folder / "keys")
    report = make_importer(store).run(sightings)
    if not report.kept:
        raise SourceError(f"{sightings}: holds no usable row")
    known = RegisterStore(engine)
    if registers is not None:
        if not registers.is_dir():
            raise SourceError(f"{registers}: is no folder")
        for kind in RegisterKind:
            path = registers / f"{kind.value}.csv"
            if path.exists():
                known.import_file(kind, path, lambda p: classify(p) is not None, source=str(path), person="evaluate")
    newest = store.newest()
    assert newest is not None
    window_to = newest + timedelta(microseconds=1)
    scan = make_scan(cameras, store, known, {})
    empty = RegisterStore(open_database("sqlite://"))
    days = (datetime.min.date(), datetime.max.date())
    exempt: set[str] = set()
    for kind in (RegisterKind.LICENSED, RegisterKind.EXEMPTIONS):
        exempt |= set(known.plates(kind, *days) or {})
    return Study(store, scan, replace(scan, registers=empty), cameras, window_to, frozenset(exempt))


def evaluate_leads(
    sightings: Path, truth: Path, registers: Path | None = None, cameras_path: Path | None = None
) -> dict[str, Any]:
    """Precision and recall of the leads of one file.

    Args:
        sightings: as `roadwarden sightings import` takes it.
        truth: CSV with plate, kind, illegal (0 or 1).
        registers: folder with `licensed.csv`, `exemptions.csv`; None for a site without any.
        cameras_path: with the hubs; None: `cameras.toml` beside the sightings, else that of ROADWARDEN_HOME.

    Returns:
        What `roadwarden evaluate leads --json` prints.

    Raises:
        RoadwardenError: a file is missing or wrong.
    """
    kinds, illegal = read_truth(truth)
    with tempfile.TemporaryDirectory(prefix="roadwarden-leads-") as folder:
        study = open_study(Path(folder), sightings, registers, cameras_path)
        leads = study.cameras.sightings.leads
        window = timedelta(days=leads.window_days)
        ranking = rank(study.scan, window, study.window_to, (100_000, 0.0, OPENING))
        plates = [s.plate_text for s in ranking.suspects]
        listed = [s.plate_text for s in ranking.suspects if s.score >= leads.min_score]
        most = (max(AT), OPENING)
        naive = {
            "visit_frequency": frequent_visitors(study.without_registers, window, study.window_to, most),
            "frequency_outside_register": frequent_visitors(study.scan, window, study.window_to, most),
        }
    counted = Counter(kinds[plate] for plate in illegal)
    found = Counter(kinds[plate] for plate in listed if plate in illegal)
    top = Counter(kinds[plate] for plate in plates[:100] if plate in illegal)
    return {
        "precision_at": _precision(plates, illegal),
        "recall": _share(sum(found.values()), len(illegal)),
        "recall_at": {str(k): _share(sum(p in illegal for p in plates[:k]), len(illegal)) for k in AT},
        "recall_by_kind": {kind: _share(found[kind], count) for kind, count in sorted(counted.items())},
        "recall_by_kind_at_100": {kind: _share(top[kind], count) for kind, count in sorted(counted.items())},
        "exempt_listed": sum(plate in study.exempt for plate in plates),
        "listed": len(listed),
        "precision_of_listed": _share(sum(plate in illegal for plate in listed), len(listed)),
        "listed_by_kind": dict(Counter(kinds.get(p, "misread") for p in listed).most_common()),
        "calibration": _calibration([(s.score, s.plate_text in illegal) for s in ranking.suspects]),
        "baselines": {name: {"precision_at": _precision(found, illegal)} for name, found in naive.items()},
        "scored": ranking.scored,
        "excluded": ranking.excluded,
        "unchecked": list(ranking.unchecked),
        "illegal": len(illegal),
    }


def read_truth(path: Path) -> tuple[dict[str, str], set[str]]:
    """Kind of each plate, and the illegal ones; plates are compared as an import of sightings compares them.

    Raises:
        SourceError: the file cannot be read, or a row is wrong.
    """
    kinds: dict[str, str] = {}
    illegal: set[str] = set()
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            for name in ("plate", "kind", "illegal"):
                if name not in (reader.fieldnames or []):
                    raise SourceError(f"{path}: the first line must name the columns plate, kind, illegal")
            for row in reader:
                plate = normalise(row["plate"] or "")
                if not is_complete(plate):
                    raise SourceError(f"{path}: line {reader.line_num}: plate is no complete Chinese plate")
                if row["illegal"] not in ("0", "1"):
                    raise SourceError(f"{path}: line {reader.line_num}: illegal must be 0 or 1")
                kinds[plate] = row["kind"]
                if row["illegal"] == "1":
                    illegal.add(plate)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{path}: cannot be read: {error}") from error
    return kinds, illegal


def _find_cameras(sightings: Path) -> Path | None:
    places = (sightings.parent / "cameras.toml", resolve_home() / "cameras.toml")
    return next((path for path in places if path.is_file()), None)


def _share(part: int, whole: int) -> float | None:
    """A share rounded for people; None of nothing."""
    return round(part / whole, 4) if whole else None


def _precision(plates: Sequence[str], illegal: set[str]) -> dict[str, float | None]:
    """Share of illegal ones among the first K; a list that is shorter is taken whole."""
    return {str(k): _share(sum(p in illegal for p in plates[:k]), len(plates[:k])) for k in AT}


def _calibration(scored: Sequence[tuple[float, bool]]) -> list[dict[str, Any]]:
    """What the score promises against what is true, in five ranges."""
    rows = []
    for low in (0.0, 0.2, 0.4, 0.6, 0.8):
        inside = [
            (score, is_illegal) for score, is_illegal in scored if low <= score < low + 0.2 or score == low + 0.2 == 1.0
        ]
        if inside:
            mean = sum(score for score, _ in inside) / len(inside)
            rows.append({"from": low, "plates": len(inside), "mean_score": round(mean, 3),
                         "illegal": _share(sum(is_illegal for _, is_illegal in inside), len(inside))})  # fmt: skip
    return rows
