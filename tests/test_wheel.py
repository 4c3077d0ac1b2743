"""The wheel is the whole product: weights, fonts and migrations are in it, and it runs from any folder."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.footage import ClipSpec, write

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel, unpacked as an installer would, away from the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q", "-w", folder, ROOT]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("roadwarden-*.whl")
    target = folder / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    return target


@pytest.mark.long
def test_nothing_of_the_tests_or_training_is_in_it(installed: Path) -> None:
    """The run-time environment gets the product alone."""
    tops = {path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")}
    assert tops == {"detector", "pipelines"}


@pytest.mark.long
def test_it_replays_a_clip_when_started_from_the_root_folder(installed: Path, tmp_path: Path) -> None:
    """Weights are found beside the packages, and the database is made by the migrations in the wheel."""
    clip = write(tmp_path / "road.mp4", ClipSpec(frames=20, width=320, height=192))
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ROADWARDEN_")}
    environment |= {"PYTHONPATH": str(installed), "ROADWARDEN_HOME": str(tmp_path / "var"), "PYTHONSAFEPATH": "1"}
    code = (
        f"import detector; assert detector.__file__.startswith({str(installed)!r}); "
        "from pipelines.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "replay", clip],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert "no case" in done.stdout
    assert (tmp_path / "var" / "roadwarden.db").is_file()
