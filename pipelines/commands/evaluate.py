"""`roadwarden evaluate …`: the shipped models on labelled pictures and films, with the numbers they rest on."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from detector.evaluation.intervals import wilson
from pipelines.commands.options import AsJson
from pipelines.config import load_cameras
from pipelines.report import make_console

app = typer.Typer(
    help="Measure the models on your own labelled pictures and films.", no_args_is_help=True, rich_markup_mode=None
)

Errors = Annotated[
    Path | None, typer.Option("--errors", metavar="DIR", help="Write a picture of every error: truth green, said red.")
]


@app.command()
def vehicles(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Holds images/ and labels/ in YOLO form.")],
    errors: Errors = None,
    as_json: AsJson = False,
) -> None:
    """Vehicle detector: average precision, and recall and precision at the shipped thresholds.

    Classes: 0 car, 1 bus, 2 truck, 3 motorcycle, 4 person. Example: roadwarden evaluate vehicles val --errors wrong
    """
    from pipelines.evaluation.vehicles import evaluate_vehicles  # the vision stack loads only where it is used

    result = evaluate_vehicles(folder, errors).to_json()
    if as_json:
        print_json(result)
        return
    table = Table("class", "boxes", "AP50", "AP50-95", "recall", "recall from 32 px", "precision", box=None)
    for name, row in result["per_class"].items():
        near = show_share(row["found_32px"], row["n_32px"])
        recall, precision = show_share(row["found"], row["n"]), show_share(row["found"], row["reported"])
        table.add_row(name, str(row["n"]), show(row["ap50"]), show(row["ap50_95"]), recall, near, precision)
    make_console().print(f"{result['n']} pictures; mean AP50 {show(result['map50'])}", table, sep="\n")


@app.command()
def plates(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Pictures named PLATE.jpg or PLATE_anything.jpg.")],
    crops: Annotated[bool, typer.Option("--crops", help="The pictures are plates cut out: look for none.")] = False,
    errors: Errors = None,
    as_json: AsJson = False,
) -> None:
    """Plate models, one look a picture: exact, wrong (another full plate), or abstained.

    Example: roadwarden evaluate plates photos --errors wrong
    """
    from pipelines.evaluation.plates import evaluate_plates

    score = evaluate_plates(folder, crops, errors)
    if as_json:
        print_json(score.to_json())
        return
    result = score.to_json()
    table = Table("type", "n", "exact", "wrong", "abstained", box=None)
    for name, row in [("all", result), *result["by_type"].items()]:
        shares = [show_share(row[key], row["n"]) for key in ("exact", "wrong", "abstained")]
        table.add_row(name, str(row["n"]), *shares)
    found = show_share(result["found"], result["n"])
    make_console().print(
        table, f"plate found {found}; characters read {show(result['char_accuracy'])}", *lines(score.errors), sep="\n"
    )


@app.command(name="load-state")
def load_state(
    table_file: Annotated[
        Path, typer.Argument(metavar="CSV", help="Columns image, x1, y1, x2, y2 (shares of the picture), label.")
    ],
    errors: Errors = None,
    as_json: AsJson = False,
) -> None:
    """Load states, one look a vehicle.

    Labels: covered, empty, loaded, heaped, laden (loaded or heaped), open (any uncovered), not_visible, not_a_tipper.
    Example: roadwarden evaluate load-state trucks.csv --errors wrong
    """
    from pipelines.evaluation.load_states import evaluate_load_states

    score = evaluate_load_states(table_file, errors)
    result = score.to_json()
    if as_json:
        print_json(result)
        return
    table = Table("question", "n", "right", box=None)
    questions = {
        "covered or open": result["covered_open"],
        "empty or laden": result["empty_laden"],
        "four states": result["states"],
        "not visible": result["not_visible"],
        "no tipper": result["not_a_tipper"],
    }
    for name, row in questions.items():
        table.add_row(name, str(row["n"]), show_share(row["right"], row["n"]))
    matrix = Table("truth", "said", "n", box=None)
    for truth, counts in result["confusion"].items():
        for said, n in sorted(counts.items()):
            matrix.add_row(truth, said, str(n))
    summary = f"{result['n']} vehicles; abstained {show_share(result['abstained'], result['n'])}"
    make_console().print(summary, table, matrix, *lines(score.errors), sep="\n")


@app.command()
def passes(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Films NAME.mp4 with NAME.truth.json beside them.")],
    cameras: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Camera configuration; default: the built-in camera.")
    ] = None,
    errors: Errors = None,
    as_json: AsJson = False,
) -> None:
    """The whole product on films with truth: violations found and false, plates, false alarms an hour.

    Example: roadwarden evaluate passes films --cameras cameras.toml
    """
    from pipelines.evaluation.passes import evaluate_passes

    result = evaluate_passes(folder, load_cameras(cameras), errors).to_json()
    if as_json:
        print_json(result)
        return
    table = Table("rule", "true", "found", "false", "precision", box=None)
    for name, row in result["per_rule"].items():
        found = show_share(row["found"], row["true"])
        precision = show_share(row["found"], row["found"] + row["false"])
        table.add_row(name, str(row["true"]), found, str(row["false"]), precision)
    read = result["plates"]
    plates_line = ", ".join(f"{key} {show_share(read[key], read['n'])}" for key in ("exact", "wrong", "abstained"))
    make_console().print(
        f"{result['clips']} films, {result['hours']:.3f} h, {result['passes']} passes; "
        f"false alarms an hour {show(result['false_per_hour'])}",
        table,
        f"plates (n {read['n']}): {plates_line}",
        *lines(result["errors"]),
        sep="\n",
    )


def print_json(result: dict[str, Any]) -> None:
    """One object on standard output."""
    print(json.dumps(result, ensure_ascii=False))


def show(value: float | None) -> str:
    """A figure with three decimals; "-" where it could not be measured."""
    return "-" if value is None else f"{value:.3f}"


def show_share(right: int, n: int) -> str:
    """A share as counts, value and 95 % interval; "-" for none."""
    if not n:
        return "-"
    low, high = wilson(right, n)
    return escape(f"{right}/{n} = {right / n:.3f} [{low:.3f}, {high:.3f}]")


def lines(errors: Iterable[dict[str, Any]]) -> list[str]:
    """Errors, one a line."""
    return [escape("  " + ", ".join(f"{key} {value}" for key, value in error.items())) for error in errors]
