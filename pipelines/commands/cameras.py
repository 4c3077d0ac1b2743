"""`roadwarden cameras ...`: versions of the configuration, and the cameras themselves."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from detector.entities import BEIJING
from detector.errors import ConfigurationError
from pipelines.commands.options import AsJson, CamerasFile, Database, Person, account, open_engine
from pipelines.configuration_store import ConfigurationStore, load_configuration, write_file
from pipelines.report import make_console

if TYPE_CHECKING:
    from pipelines.camera_check import CameraReport

app = typer.Typer(
    help="Cameras: versions of their configuration, and whether they can be reached.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
OfFile = Annotated[
    Path | None,
    typer.Option("--of", metavar="FILE", help="Versions of this file of one machine, instead of the shared ones."),
]
Note = Annotated[str, typer.Option("--note", metavar="TEXT", help="Why.")]


@app.command()
def push(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="A cameras.toml.")] = None,
    again: Annotated[
        int | None, typer.Option("--version", metavar="N", help="Instead of a file: an older version again (undo).")
    ] = None,
    note: Note = "",
    person: Person = None,
    of: OfFile = None,
    database: Database = None,
) -> None:
    """Check a configuration and make it the newest version in the database; what runs from there takes it up.

    Example: roadwarden cameras push cameras.toml --note 围栏移位
    """
    store = ConfigurationStore(open_engine(database), of)
    by = person or account()
    if file is not None and again is None:
        version = store.save(_read(file), by, note)
    elif file is None and again is not None:
        version = store.restore(again, by, note)
    else:
        raise ConfigurationError("push needs either a file or --version N")
    print(f"version {version.number} of {store.place}, {version.sha256[:12]}")


@app.command()
def pull(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="Where to; default: standard output.")] = None,
    number: Annotated[
        int | None, typer.Option("--version", metavar="N", help="Which version; default: the one in force.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that says something else.")] = False,
    of: OfFile = None,
    database: Database = None,
) -> None:
    """Write a version of the configuration to a file, as it was pushed to the byte.

    Example: roadwarden cameras pull cameras.toml
    """
    store = ConfigurationStore(open_engine(database), of)
    found = store.get(number) if number is not None else store.current()
    if found is None:
        raise ConfigurationError(f"{store.place}: there is none yet; store one with roadwarden cameras push FILE")
    if file is None:
        print(found.content, end="")
        return
    if file.exists() and not force and _read(file) != found.content:
        raise ConfigurationError(f"{file}: exists and says something else; --force replaces it")
    write_file(file, found.content)


@app.command()
def history(of: OfFile = None, database: Database = None) -> None:
    """List the versions of the configuration, the newest first.

    Example: roadwarden cameras history
    """
    table = Table("version", "saved", "by", "sha256", "note", box=None, pad_edge=False)
    for version in ConfigurationStore(open_engine(database), of).history():
        saved = f"{version.saved_at.astimezone(BEIJING):%Y-%m-%d %H:%M:%S}"
        table.add_row(str(version.number), saved, version.saved_by or "-", version.sha256[:12], version.note)
    make_console().print(table)


@app.command()
def check(
    camera_ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Default: all of them.")] = None,
    cameras: CamerasFile = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Try cameras side by side and say what each one sends; exit code 1 when one of them cannot be watched.

    Example: roadwarden cameras check gate-03
    """
    from pipelines.camera_check import check_cameras  # the vision stack loads only where it is used

    found = load_configuration(cameras, database)
    if camera_ids:
        camera_ids = [found.choose(camera_id).camera_id for camera_id in camera_ids]
    else:
        camera_ids = [name for name, table in found.tables.items() if table.stream is not None]
    if not camera_ids:
        found.find_streams()  # says what is missing
    reports = check_cameras(found, camera_ids)
    if as_json:
        print(json.dumps({"cameras": [report.to_json() for report in reports]}, ensure_ascii=False))
    else:
        table = Table("camera", "codec", "size", "fps", "time", "clock", "problem", box=None, pad_edge=False)
        for report in reports:
            table.add_row(*_describe(report))
        make_console().print(table)
    if any(report.problem for report in reports):
        raise typer.Exit(1)


@app.command()
def draw(
    camera_id: Annotated[str, typer.Argument(metavar="ID", help="The camera.")],
    clip: Annotated[
        Path | None, typer.Option("--clip", metavar="FILE", help="Take the picture from recorded footage.")
    ] = None,
    at_s: Annotated[float, typer.Option("--at", metavar="SECONDS", min=0.0, help="Where in the clip.")] = 0.0,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="PICTURE", help="Where to (.png, .jpg); default ID.png.")
    ] = None,
    cameras: CamerasFile = None,
    database: Database = None,
) -> None:
    """Save a picture of a camera with its zone and lines drawn, to check the geometry by eye.

    Example: roadwarden cameras draw gate-03 --output gate.png
    """
    from pipelines.camera_drawing import draw_geometry, save, take_from_clip, take_live

    found = load_configuration(cameras, database)
    camera = found.choose(camera_id)
    image = take_from_clip(camera, clip, at_s) if clip else take_live(camera, found.find_stream(camera_id))
    path = output or Path(f"{camera_id}.png")
    save(draw_geometry(image, camera), path)
    print(path)


def _describe(report: "CameraReport") -> tuple[str, ...]:
    """A row of the table of `check`."""
    size = f"{report.width}x{report.height}" if report.width else "-"
    clock = "-" if report.clock_offset_s is None else f"{report.clock_offset_s:+.2f} s"
    problem = "; ".join(part for part in (report.problem, *report.remarks) if part)
    fps = "-" if report.fps is None else f"{report.fps:g}"
    return report.camera_id, report.codec or "-", size, fps, report.time or "-", clock, problem or "none"


def _read(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8")
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file}: is not UTF-8 text") from None
