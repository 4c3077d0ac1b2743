"""`roadwarden report`."""

import csv
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from detector.cases.measures import By, Measures, measure
from detector.entities import BEIJING
from detector.errors import ConfigurationError, StorageError
from detector.review.charts import Bar, draw_bars
from detector.video.time_basis import FIRST_YEAR, LAST_YEAR
from pipelines.commands.options import AsJson, Database, open_engine
from pipelines.report import make_console

COLUMNS = (
    "cases", "waiting", "rejected", "valid", "dispatched", "disposed", "returned", "reworked", "appealed",
    "appeals_upheld", "precision", "disposal_rate", "on_time_rate", "median_h", "p90_h",
)  # fmt: skip


def report(
    start: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day, Beijing time.")],
    end: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day, included.")],
    by: Annotated[By, typer.Option(help="One line for each of these.")] = By.ALL,
    as_csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write the table there.")] = None,
    chart: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the disposal rate as SVG there.")] = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Show yield, disposal rate, times, returns and rejects of the cases captured in a period.

    Example: roadwarden report --from 2026-11-01 --to 2026-11-30 --by department
    """
    for name, day in (("--from", start), ("--to", end)):
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise ConfigurationError(f"{name}: {day:%Y-%m-%d} is out of range ({FIRST_YEAR} to {LAST_YEAR})")
    period = start.replace(tzinfo=BEIJING), end.replace(tzinfo=BEIJING) + timedelta(days=1)
    groups = measure(open_engine(database), period, by)
    rows = {name: describe(found) for name, found in groups.items()}
    if as_csv is not None:
        _write(as_csv, rows, by)
    if chart is not None:
        bars = [Bar(name, row["disposal_rate"], _percent(row["disposal_rate"])) for name, row in rows.items()]
        _save(chart, draw_bars(f"处置率 {start:%Y-%m-%d} – {end:%Y-%m-%d}", bars, full=1.0))
    if as_json:
        reasons = {name: dict(found.reject_reasons) for name, found in groups.items()}
        print(json.dumps({"by": by.value, "groups": rows, "reject_reasons": reasons}, ensure_ascii=False))
        return
    if not rows:
        print("no case was captured in this period")
        return
    table = Table(by.value, *COLUMNS, box=None, pad_edge=False)
    for name, row in rows.items():
        table.add_row(name, *(_cell(column, row[column]) for column in COLUMNS))
    make_console().print(table)
    for name, found in groups.items():
        told = ", ".join(f"{reason} {count}" for reason, count in found.reject_reasons.most_common())
        if told:
            print(f"rejected, {name}: {told}")


def describe(found: Measures) -> dict[str, float | int | None]:
    """The figures of a group by the names of `COLUMNS`; rates 0 to 1, times in hours, None where there are none."""
    derived = {"median_h": found.hours_at(0.5), "p90_h": found.hours_at(0.9)}
    return {name: derived[name] if name in derived else getattr(found, name) for name in COLUMNS}


def _cell(column: str, value: float | int | None) -> str:
    if value is None:
        return "-"
    if column.endswith("_rate") or column == "precision":
        return _percent(value)
    return f"{value:.1f}" if column.endswith("_h") else str(value)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _write(path: Path, rows: dict[str, dict[str, float | int | None]], by: By) -> None:
    try:
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([by.value, *COLUMNS])
            for name, row in rows.items():
                writer.writerow([name, *("" if row[column] is None else row[column] for column in COLUMNS)])
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error


def _save(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error
