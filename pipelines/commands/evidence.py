"""`roadwarden verify`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from detector.evidence.texts import Language
from detector.evidence.verify import verify_package
from pipelines.commands.options import AsJson


def verify(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="An evidence package.")],
    language: Annotated[Language, typer.Option(help="Language of the answer.")] = Language.EN,
    as_json: AsJson = False,
) -> None:
    """Check an evidence package by itself: names every altered, missing or added file."""
    report = verify_package(folder)
    if as_json:
        found = {"altered": report.altered, "missing": report.missing, "added": report.added}
        print(json.dumps({"path": str(folder), "intact": report.is_intact, **found}, ensure_ascii=False))
    else:
        for line in report.lines(language):
            print(f"{folder}: {line}")
    if not report.is_intact:
        raise typer.Exit(1)
