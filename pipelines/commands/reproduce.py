"""`roadwarden reproduce`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from detector.evidence.archive import opened
from pipelines.commands.options import AsJson
from pipelines.config import resolve_home


def reproduce(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A package, as folder or ZIP.")],
    as_json: AsJson = False,
) -> None:
    """Judge a package's clip again with the recorded models, and say whether the judgement is the same.

    Example: roadwarden reproduce var/evidence/RW-20260518-093012-1A2B3C4D
    """
    from pipelines.model_store import ModelStore  # the vision stack loads only where it is used
    from pipelines.reproduce import reproduce_package

    with opened(path) as folder:
        again = reproduce_package(folder, ModelStore(resolve_home() / "models"))
    rows = {
        "findings": (", ".join(again.recorded), ", ".join(again.found)),
        "plate": (again.recorded_plate, again.found_plate),
        "load": (again.recorded_load, again.found_load),
    }
    if as_json:
        told = {name: {"recorded": before, "reproduced": now} for name, (before, now) in rows.items()}
        said = {"path": str(path), "same": again.is_same, "seen_again": again.seen_again, **told}
        engines = {"recorded": again.recorded_engine, "reproduced": again.found_engine}
        said |= {"not_reproducible": again.not_reproducible, "engine": engines}
        print(json.dumps(said, ensure_ascii=False))
    else:
        for name, (before, now) in rows.items():
            print(f"{name}: recorded {before or '-'}, reproduced {now or '-'}")
        if again.recorded_engine != again.found_engine:
            print(f"computed by: recorded {again.recorded_engine or '-'}, reproduced {again.found_engine}")
        for rule in again.not_reproducible:
            print(f"finding {rule} rests on a register, which is not in the package")
        print(f"{path}: {'the judgement is the same' if again.is_same else 'the judgement differs'}")
    if not again.is_same:
        raise typer.Exit(1)
