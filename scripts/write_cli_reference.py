"""Write docs/cli.md from the commands themselves.

python scripts/write_cli_reference.py            # rewrite
python scripts/write_cli_reference.py --check    # exit 1 when it is stale
"""

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import typer  # noqa: E402  the repository's own packages must be found first

from pipelines.cli import app  # noqa: E402

TARGET = ROOT / "docs" / "cli.md"
HEAD = "# Commands\n\nWritten by `python scripts/write_cli_reference.py`; a test fails when it is stale.\n"


def list_commands() -> list[tuple[tuple[str, ...], Any]]:
    """Every command with its words, groups expanded, in alphabetical order."""
    found: list[tuple[tuple[str, ...], Any]] = []
    waiting: list[tuple[tuple[str, ...], Any]] = [((), typer.main.get_command(app))]
    while waiting:
        words, command = waiting.pop(0)
        children = getattr(command, "commands", None)
        if children is None:
            found.append((words, command))
        else:
            waiting += [((*words, name), child) for name, child in children.items()]
    return sorted(found, key=lambda item: item[0])


def describe(parameter: Any) -> str:
    """One row of a command's table."""
    is_option = parameter.opts[0].startswith("-")
    name = ", ".join(parameter.opts) if is_option else parameter.metavar or parameter.name.upper()
    value = f" {parameter.metavar}" if is_option and parameter.metavar else ""
    default = parameter.default
    shown = "required" if parameter.required else "" if default in (None, False) or callable(default) else str(default)
    return f"| `{name}{value}` | {parameter.help or ''} | {shown} |\n"


def render() -> str:
    """The whole page."""
    sections = [HEAD]
    for words, command in list_commands():
        rows = "".join(describe(p) for p in command.params if p.name != "help")
        title = " ".join(("roadwarden", *words))
        sections.append(
            f"\n## `{title}`\n\n{command.help}\n\n| argument | meaning | default |\n| --- | --- | --- |\n{rows}"
        )
    return "".join(sections)


if __name__ == "__main__":
    page = render()
    if "--check" in sys.argv[1:]:
        sys.exit(0 if TARGET.exists() and TARGET.read_text(encoding="utf-8") == page else f"{TARGET} is stale")
    TARGET.write_text(page, encoding="utf-8")
