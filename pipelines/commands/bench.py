"""`roadwarden bench`."""

import json
import re
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from detector.errors import ConfigurationError
from pipelines.commands.options import AsJson
from pipelines.report import make_console


def bench(
    size: Annotated[str, typer.Option(metavar="WxH", help="Size of the cameras' pictures, px.")] = "1920x1080",
    rate: Annotated[float, typer.Option(min=1, max=120, help="Pictures a second that a camera sends.")] = 25.0,
    analysis_fps: Annotated[float, typer.Option(min=0.5, max=60, help="Pictures a second that are analysed.")] = 8.0,
    vehicles: Annotated[float, typer.Option(min=0, max=600, help="Vehicles a minute that pass a camera.")] = 10.0,
    trucks: Annotated[float, typer.Option(min=0, max=1, help="Share of trucks among them.")] = 0.3,
    seconds: Annotated[float, typer.Option(min=0.1, max=60, help="How long each stage is measured.")] = 3.0,
    as_json: AsJson = False,
) -> None:
    """Measure what this machine can carry, in cameras that are never idle.

    Example: roadwarden bench --size 1920x1080 --rate 25 --vehicles 10
    """
    from pipelines.bench import USABLE, Demand, measure_capacity  # the vision stack loads only where it is used

    found = re.fullmatch(r"(\d{2,5})x(\d{2,5})", size)
    if found is None or not all(64 <= int(side) <= 8192 for side in found.groups()):
        raise ConfigurationError(f"--size {size}: must be two numbers from 64 to 8192, for instance 1920x1080")
    demand = Demand(int(found[1]), int(found[2]), rate, analysis_fps, vehicles, trucks)
    capacity = measure_capacity(demand, seconds)
    if as_json:
        stages = [asdict(stage) | {"cores": round(stage.cores, 4)} for stage in capacity.stages]
        print(json.dumps({**asdict(demand), "cores": capacity.cores, "cameras": capacity.cameras, "stages": stages}))
        return
    table = Table("stage", "ms each", "a second", "cores a camera", box=None)
    for stage in capacity.stages:
        table.add_row(stage.name, f"{stage.each_ms:.2f}", f"{stage.per_s:.1f}", f"{stage.cores:.3f}")
    table.add_row("sum", "", "", f"{capacity.cores_per_camera:.3f}")
    make_console().print(table)
    print(f"{capacity.cameras} cameras on {capacity.cores} cores, {USABLE:.0%} of them planned for")
