"""The files of `deploy/`, as far as they can be checked without systemd and without a container engine."""

import re
import shlex
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from pipelines.cli import app

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
PROGRAM = "/opt/roadwarden/bin/roadwarden"


def refuse_unknown(words: list[str]) -> None:
    """Walk a command line through the program's own commands: every word and option must exist."""
    command: Any = typer.main.get_command(app)
    while words and hasattr(command, "commands"):
        assert words[0] in command.commands, words
        command = command.commands[words.pop(0)]
    options = {name for parameter in command.params for name in parameter.opts}
    assert [word for word in words if word.startswith("--") and word not in options] == []


def commands_of(unit: Path) -> list[str]:
    return re.findall(r"^ExecStart=-?(.+)$", unit.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_start_commands_that_exist(unit: Path) -> None:
    """Each service starts this program; each timer has its service."""
    if unit.suffix == ".timer":
        assert unit.with_suffix(".service") in UNITS
        return
    commands = commands_of(unit)
    assert commands
    for line in commands:
        program, *words = shlex.split(line)
        assert program == PROGRAM
        refuse_unknown(words)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_understands_the_units(unit: Path, tmp_path: Path) -> None:
    """No unknown key and no unknown section; the program itself is not installed here."""
    if shutil.which("systemd-analyze") is None:
        parser = ConfigParser(strict=False, interpolation=None)
        parser.read(unit, encoding="utf-8")
        assert parser.has_section("Service") or parser.has_section("Timer")
        return
    for path in UNITS:
        text = path.read_text(encoding="utf-8").replace(PROGRAM, shutil.which("true") or "/bin/true")
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    command = ["systemd-analyze", "verify", "--man=no", str(tmp_path / unit.name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = [line for line in (done.stdout + done.stderr).splitlines() if unit.name in line]
    assert said == []


def test_containers_run_commands_that_exist() -> None:
    """Every service of ours runs a command of the program; what is mounted and named is there or is said to be made."""
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    ours = {name: s for name, s in compose["services"].items() if s["image"] == "roadwarden"}
    assert set(ours) == {"worker", "desk", "dispatch"}
    for service in ours.values():
        refuse_unknown([str(word) for word in service["command"]])
        assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
    for service in compose["services"].values():
        mounts = [str(mount).split(":")[0] for mount in service.get("volumes", [])]
        assert [m for m in mounts if not (m in compose["volumes"] or (DEPLOY / m).is_file())] == []
        assert set(service.get("secrets", [])) <= set(compose["secrets"])


def test_the_image_copies_what_is_there() -> None:
    """Each COPY of the Containerfile names files of the repository."""
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    sources = [word for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE) for word in line.split()[:-1]]
    assert len(sources) >= 6
    assert [source for source in sources if not (ROOT / source).exists()] == []
