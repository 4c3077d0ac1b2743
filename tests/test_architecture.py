"""The direction of dependence, enforced: scripts → pipelines → stations → {entities, geometry, errors, …}."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
INNERMOST = {"entities", "geometry", "errors", "documents"}
LEAVES = INNERMOST | {"packets", "weights", "inference", "database"}
SIDEWAYS = {
    "patterns": {"sightings", "registers"},
    "dispatch": {"cases"},
    "review": {"cases", "sightings", "patterns", "registers", "dispatch"},
}
VISION = {"cv2", "onnxruntime", "torch"}
WITHOUT_VISION = {
    "cases",
    "review",
    "dispatch",
    "sightings",
    "patterns",
    "registers",
    "rules",
    "entities",
    "geometry",
    "errors",
    "documents",
}
TRAINING = {"torch", "torchvision", "ultralytics", "bpy"}
HARD_LIMIT_LINES = 500


def find_imports(path: Path) -> set[str]:
    """Every module that a file imports, as dotted names."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def is_forbidden(station: str | None, name: str) -> bool:
    """Whether code of a station (None: pipelines) may not import a module."""
    top, *rest = name.split(".")
    if top in TRAINING or top == "scripts":
        return True
    if station is None:
        return False
    if top == "pipelines" or (station in WITHOUT_VISION and top in VISION):
        return True
    if top != "detector" or not rest:
        return False
    lower = INNERMOST if station in LEAVES - {"database"} else LEAVES
    return rest[0] not in lower | {station} | SIDEWAYS.get(station, set())


def find_faults(root: Path) -> list[str]:
    """Imports that go against the direction of dependence, one line each."""
    faults = []
    for path in sorted([*(root / "detector").rglob("*.py"), *(root / "pipelines").rglob("*.py")]):
        parts = path.relative_to(root).with_suffix("").parts
        station = parts[1] if parts[0] == "detector" and len(parts) > 1 else None
        faults += [f"{'/'.join(parts)} imports {n}" for n in sorted(find_imports(path)) if is_forbidden(station, n)]
    return faults


def test_no_import_goes_against_the_direction_of_dependence() -> None:
    """Stations know the nouns and themselves; nobody but scripts knows torch."""
    assert find_faults(ROOT) == []


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("detector/rules/a.py", "from detector.tracking import Tracker"),
        ("detector/rules/a.py", "import pipelines.config"),
        ("detector/cases/a.py", "import cv2"),
        ("detector/entities/a.py", "from detector.database import tables"),
        ("detector/observation/a.py", "import torch.nn"),
        ("pipelines/a.py", "from scripts import x"),
    ],
)
def test_the_check_finds_each_kind_of_fault(tmp_path: Path, file: str, line: str) -> None:
    """A tree with one forbidden import has exactly that fault."""
    for folder in ("detector", "pipelines"):
        (tmp_path / folder).mkdir()
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(line + "\n", encoding="utf-8")
    assert len({fault.split(" imports ")[0] for fault in find_faults(tmp_path)}) == 1


def test_files_stay_readable() -> None:
    """No file of ours grows over the hard limit of lines."""
    long = {
        str(path.relative_to(ROOT)): lines
        for folder in ("detector", "pipelines", "scripts", "tests")
        for path in (ROOT / folder).rglob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > HARD_LIMIT_LINES
    }
    assert long == {}


def test_no_grab_bag_modules() -> None:
    """Nothing is called utils, helpers, common or misc."""
    names = {"utils", "helpers", "common", "misc"}
    bags = [p for folder in ("detector", "pipelines", "scripts") for p in (ROOT / folder).rglob("*.py")]
    assert [str(p) for p in bags if p.stem in names] == []
