"""A command line imports what it needs, and the program has every command all the same."""

import subprocess
import sys
from pathlib import Path

from typer.main import get_command

from pipelines import cli

ROOT = Path(__file__).resolve().parents[2]


def test_every_command_is_there_under_its_name() -> None:
    """One command alone is the same as among all others."""
    every = get_command(cli.app).commands
    assert set(every) == set(cli.COMMANDS)
    for name in cli.COMMANDS:
        alone = get_command(cli.make_app([name])).commands
        assert set(alone) == {name}
        assert [p.name for p in alone[name].params] == [p.name for p in every[name].params]
        assert set(getattr(alone[name], "commands", ())) == set(getattr(every[name], "commands", ()))


def test_a_command_does_not_import_the_others() -> None:
    """`units` loads neither the web application nor the vision models, nor what prints and what searches patterns."""
    code = (
        "import sys; sys.argv = ['roadwarden', 'units', '--help']\n"
        "from pipelines.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(sorted({'fpdf', 'starlette', 'onnxruntime', 'duckdb', 'scipy'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.stderr.strip() == "[]"
