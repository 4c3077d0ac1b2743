"""No library reports home: those for inference do, about each session or import, unless they are kept from it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command_line import ROOT
from tests.footage import ClipSpec, write

WATCHED = """
import sys
sys.addaudithook(lambda event, _: event.startswith(("socket.connect", "socket.getaddrinfo")) and print(event))
from pipelines.cli import main
main()
"""


@pytest.mark.parametrize("device", ["cpu", "openvino"])
def test_a_replay_asks_for_no_address_and_notes_nothing_at_home(device: str, tmp_path: Path) -> None:
    """Libraries that report in machine code are seen by the identity and the queue that they keep in HOME."""
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    clip = write(work / "road.mp4", ClipSpec(frames=10, width=320, height=192))
    # Both keep still where they see that tests are run.
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "LD_LIBRARY_PATH"}}
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, "replay", str(clip), "--json"],
        capture_output=True,
        text=True,
        check=False,
        cwd=work,
        env={**kept, "HOME": str(home), "PYTHONPATH": str(ROOT), "ROADWARDEN_DEVICE": device},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("{")
    assert [str(path.relative_to(home)) for path in home.rglob("*")] == []
