"""Documentation that cannot go stale: commands, configuration keys, rules, models, and the tree in the README."""

import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import typer

from detector.rules import RULES
from pipelines.camera_tables import CameraTable, GatewayTable, LegalTable, StreamTable
from pipelines.cli import app
from pipelines.sightings_config import HubTable, LeadsTable, PrivacyTable, RoadTable
from scripts.write_cli_reference import list_commands

TABLES = (CameraTable, GatewayTable, LegalTable, StreamTable, HubTable, RoadTable, PrivacyTable, LeadsTable)
ROOT = Path(__file__).resolve().parent.parent


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def test_the_command_reference_is_what_the_commands_say() -> None:
    """docs/cli.md is generated; rewriting it must change nothing."""
    command = [sys.executable, ROOT / "scripts/write_cli_reference.py", "--check"]
    check = subprocess.run(command, capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stderr


@pytest.mark.parametrize("key", [key for table in TABLES for key in table.model_fields if key != "start"])
def test_every_configuration_key_is_documented(key: str) -> None:
    """Each key of cameras.toml has a row in docs/configuration.md."""
    assert f"| `{key}` |" in read("docs/configuration.md")


@pytest.mark.parametrize(("rule", "parameter"), [(n, f.name) for n, r in RULES.items() for f in fields(r)])
def test_every_rule_parameter_is_documented_with_its_default(rule: str, parameter: str) -> None:
    """The default in the page is the default in the code."""
    section = read("docs/configuration.md").split(f"`{rule}`:")[1].split("\n`")[0].split("\n##")[0]
    default = next(f.default for f in fields(RULES[rule]) if f.name == parameter)
    row = re.search(rf"\| `{parameter}` \|.*\| ([\d.]+) \|", section)
    assert row is not None
    assert float(row.group(1)) == default


def test_every_environment_variable_is_documented() -> None:
    """What the code reads from the environment stands in the page, and nothing else does."""
    read_by_code = {
        name
        for folder in ("detector", "pipelines")
        for path in (ROOT / folder).rglob("*.py")
        for name in re.findall(r"ROADWARDEN_[A-Z_]+", path.read_text(encoding="utf-8"))
    }
    page = read("docs/configuration.md")
    assert read_by_code == set(re.findall(r"^\| `(ROADWARDEN_[A-Z_]+)` \|", page, re.MULTILINE))


def test_every_model_has_a_row_and_a_card() -> None:
    """Each weight file stands in the manifest, each row names a file, and each has a card."""
    rows = tomllib.loads(read("weights/manifest.toml"))
    files = {path.name for path in (ROOT / "weights").glob("*.onnx")}
    assert {row["file"] for row in rows.values()} == files
    assert [name for name in rows if f"## {name}" not in read("weights/README.md")] == []
    assert sum((ROOT / "weights" / f).stat().st_size for f in files) <= 30 * 2**20


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
def test_both_readmes_name_the_two_commands(page: str) -> None:
    """A newcomer finds `make demo` and `make test` in either language, and every file they link to exists."""
    text = read(page)
    assert "make demo" in text
    assert "make test" in text
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert [link for link in links if not (ROOT / link).exists()] == []


COMMANDS = list_commands()


@pytest.mark.parametrize(("words", "command"), COMMANDS, ids=[" ".join(words) for words, _ in COMMANDS])
def test_every_command_shows_an_example_of_itself(words: tuple[str, ...], command: Any) -> None:
    """Its help ends with a command line that this very command understands."""
    example = re.search(r"Example: (?:ROADWARDEN_\w+=\S+ )?(roadwarden .+)", command.help or "")
    assert example is not None
    typed = shlex.split(example.group(1).rstrip("."))[1:]
    assert tuple(typed[: len(words)]) == words
    options = {name for parameter in command.params for name in parameter.opts}
    assert [word for word in typed[len(words) :] if word.startswith("-") and word not in options] == []


PROGRAM = typer.main.get_command(app)
PAGES = ["README.md", "README.zh-CN.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))]


@pytest.mark.parametrize("page", PAGES)
def test_pages_name_only_commands_that_there_are(page: str) -> None:
    """Every command line in a page is understood by the program: its words, and each of its options."""
    faults = []
    for line in re.findall(r"(?:^|`|\$ )(roadwarden [a-z][^`\n#|;…]*)", read(page), re.MULTILINE):
        words, command = line.split()[1:], PROGRAM
        while words and hasattr(command, "commands") and words[0] in command.commands:
            command = command.commands[words.pop(0)]
        if hasattr(command, "commands"):
            named = words[0].split("|") if words else []
            faults += [line] if [name for name in named if name.strip("`.,)") not in command.commands] else []
            continue
        options = {name for parameter in command.params for name in parameter.opts} | {"--help"}
        faults += [line for word in words if re.match(r"--[a-z]", word) and word.split("=")[0] not in options]
    assert faults == []
