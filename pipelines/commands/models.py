"""`roadwarden models …`: weights of one's own, measured against those in use, promoted and rolled back."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from detector.errors import ModelError
from detector.weights import load_model_file
from pipelines.commands.options import Person, account
from pipelines.config import resolve_home
from pipelines.model_store import MODELS, ModelStore, active_weights, check, parse_settings, stage
from pipelines.report import make_console

app = typer.Typer(
    help="Weights: which are in use, better ones measured, promoted, rolled back.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why; kept in the history.")]


@app.command("list")
def list_models() -> None:
    """Every set of weights with its models' versions; * marks the one in use. Example: roadwarden models list."""
    store = _store()
    table = Table("", "set", *MODELS, box=None)
    for name in store.names():
        folder = store.folder_of(name)
        table.add_row("*" if name == store.active else "", name, *(load_model_file(m, folder).version for m in MODELS))
    console = make_console()
    console.print(table)
    for change in store.history():
        at = change.at.astimezone().isoformat(timespec="seconds")
        console.print(f"{at} {change.person}: {change.action} {change.before} -> {change.name}: {change.reason}")
    if "ROADWARDEN_WEIGHTS" in os.environ:
        console.print(f"ROADWARDEN_WEIGHTS is set: {active_weights()} is used instead")


@app.command("stage")
def stage_model(
    model: Annotated[str, typer.Argument(metavar="MODEL", help=f"One of {', '.join(MODELS)}.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="New ONNX file.")],
    candidate: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the candidate.")],
    version: Annotated[str, typer.Option(metavar="TEXT", help="Version of the new weights.")],
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Thresholds that change, values in TOML.")
    ] = None,
) -> None:
    """Make a candidate: the weights in use with one model replaced; again for a second model.

    Example: roadwarden models stage vehicle_detector new.onnx candidate --version ours-1
    """
    stage(model, file, candidate, version, parse_settings(settings or []))
    print(f"{candidate}: {model} {version}; measure it with: roadwarden models compare {candidate} --vehicles DIR")


@app.command()
def compare(
    candidate: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the candidate.")],
    vehicles: Annotated[Path | None, typer.Option(metavar="DIR", help="As for evaluate vehicles.")] = None,
    plates: Annotated[Path | None, typer.Option(metavar="DIR", help="As for evaluate plates.")] = None,
    load_state: Annotated[Path | None, typer.Option(metavar="CSV", help="As for evaluate load-state.")] = None,
    passes: Annotated[Path | None, typer.Option(metavar="DIR", help="As for evaluate passes.")] = None,
) -> None:
    """The weights in use against a candidate, on pictures that neither was trained on.

    Example: roadwarden models compare candidate --vehicles mine/val --load-state mine/val/load_state.csv
    """
    check(candidate)
    wanted = {"vehicles": vehicles, "plates": plates, "load-state": load_state, "passes": passes}
    chosen = {kind: path for kind, path in wanted.items() if path is not None}
    if not chosen:
        raise ModelError("nothing to measure on; give --vehicles, --plates, --load-state or --passes")
    table = Table("figure", "in use", "candidate", box=None)
    for kind, path in chosen.items():
        old, new = (_flatten(_evaluate(folder, kind, path)) for folder in (active_weights(), candidate))
        for key in old:
            table.add_row(f"{kind}: {key}", _show(old[key]), _show(new.get(key)))
    make_console().print(table)


@app.command()
def promote(
    candidate: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the candidate.")],
    reason: Reason,
    person: Person = None,
) -> None:
    """Take a candidate into use from the next start on. Example: roadwarden models promote candidate --reason 更准."""
    change = _store().promote(candidate, person or account(), reason)
    print(f"in use: {change.name} (before: {change.before}); `roadwarden models rollback` takes it back")


@app.command()
def rollback(
    reason: Reason,
    name: Annotated[str | None, typer.Argument(metavar="SET", help="Which set; default: the one before.")] = None,
    person: Person = None,
) -> None:
    """Take an earlier set into use again; `bundled` is what came with the program.

    Example: roadwarden models rollback --reason 误报增多
    """
    change = _store().roll_back(person or account(), reason, name)
    print(f"in use: {change.name} (before: {change.before})")


def _store() -> ModelStore:
    return ModelStore(resolve_home() / "models")


def _evaluate(weights: Path, kind: str, path: Path) -> dict[str, Any]:
    """What `roadwarden evaluate` prints with these weights, in a process of its own."""
    command = [sys.executable, "-m", "pipelines", "evaluate", kind, str(path), "--json"]
    environment = {**os.environ, "ROADWARDEN_WEIGHTS": str(weights), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise ModelError(done.stderr.strip().removeprefix("roadwarden: ") or f"{kind} could not be measured")
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def _flatten(result: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Figures by dotted name; lists and confusions are left to `evaluate` itself."""
    flat: dict[str, Any] = {}
    for key, value in result.items():
        if isinstance(value, dict) and key != "confusion":
            flat |= _flatten(value, f"{prefix}{key}.")
        elif isinstance(value, int | float | None):
            flat[f"{prefix}{key}"] = value
    return flat


def _show(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
