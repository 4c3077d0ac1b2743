"""`roadwarden status`."""

import json
from typing import Annotated, Any

import httpx
import typer

from detector.errors import StorageError
from pipelines.commands.options import AsJson

COLUMNS = ("camera", "state", "packets/s", "analysed/s", "lag s", "shed", "sessions", "also, or last fault")


def status(
    url: Annotated[
        str, typer.Option("--url", metavar="URL", help="Where `roadwarden run` says how it fares.")
    ] = "http://127.0.0.1:9464",
    as_json: AsJson = False,
) -> None:
    """How the cameras of a running `roadwarden run` fare; exit code 1 when something is wrong with one.

    Example: roadwarden status
    """
    try:
        answer = httpx.get(f"{url.rstrip('/')}/status", timeout=10.0, trust_env=False)
        report = answer.raise_for_status().json()
        cameras = report["cameras"]
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
        reason = str(error) or type(error).__name__
        raise StorageError(f"{url}: no roadwarden run answers there ({reason}); see --health of run") from error
    if as_json:
        print(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        rows = [COLUMNS, *(_row(camera) for camera in cameras)]
        widths = [max(len(row[at]) for row in rows) for at in range(len(COLUMNS))]
        for row in rows:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        waiting, faults = report["cases_waiting"], report["storage_faults"]
        print(f"cases sealed {report['cases_sealed']}, waiting for evidence {waiting}, storage faults {faults}")
    if any(camera["state"] != "live" for camera in cameras):
        raise typer.Exit(1)


def _row(camera: dict[str, Any]) -> tuple[str, ...]:
    also = ", ".join(camera["faults"][1:])
    return (
        camera["camera_id"],
        camera["state"] + (" (still)" if camera["is_gated"] else ""),
        f"{camera['packets_per_s']:.1f}",
        f"{camera['analysed_per_s']:.1f}",
        f"{camera['lag_s']:.1f}",
        str(camera["shed"]),
        str(camera["sessions"]),
        also or (camera["last_fault"] or "" if camera["state"] != "live" else ""),
    )
