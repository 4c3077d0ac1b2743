"""`roadwarden evaluate leads`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.options import AsJson
from pipelines.evaluation.leads import evaluate_leads


def leads(
    sightings: Annotated[
        Path, typer.Argument(metavar="SIGHTINGS", help="CSV as `roadwarden sightings import` takes it.")
    ],
    truth: Annotated[Path, typer.Argument(metavar="TRUTH", help="CSV with plate, kind, illegal (0 or 1).")],
    registers: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder with licensed.csv and exemptions.csv; default: none.")
    ] = None,
    cameras: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="With the hubs; default cameras.toml beside SIGHTINGS, else ROADWARDEN_HOME."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Precision and recall of ride-hailing leads against a truth file, and of two naive baselines.

    Example: roadwarden evaluate leads sightings.csv truth.csv --registers registers
    """
    found = evaluate_leads(sightings, truth, registers, cameras)
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
        return
    for name in ("scored", "excluded", "illegal", "listed", "precision_of_listed", "recall", "exempt_listed"):
        print(f"{name}: {found[name]}")
    print(f"precision at: {_row(found['precision_at'])}")
    print(f"recall at: {_row(found['recall_at'])}")
    for name, baseline in found["baselines"].items():
        print(f"baseline {name}: precision at: {_row(baseline['precision_at'])}")
    print(f"recall by kind: {_row(found['recall_by_kind'])}")
    print(f"listed by kind: {_row(found['listed_by_kind'])}")
    for row in found["calibration"]:
        print(f"score from {row['from']}: {row['plates']} plates, mean {row['mean_score']}, illegal {row['illegal']}")
    for code in found["unchecked"]:
        print(f"not checked: {code}")


def _row(values: dict[str, float | int | None]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
