"""`roadwarden labels import …`: labelled pictures of one's own cameras, for measuring and training."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from pipelines.labels import ClassMap, LabelledPicture, read_coco, read_desk, read_yolo, unpacked, write_set
from pipelines.report import make_console

app = typer.Typer(
    help="Labelled pictures of your own cameras: import, then evaluate and train.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
imports = typer.Typer(help="Add labelled pictures to a set.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(imports, name="import")

Out = Annotated[Path, typer.Argument(metavar="OUT", help="Folder of the set; made, or added to.")]
Maps = Annotated[
    list[str] | None, typer.Option("--map", metavar="THEIRS=OURS", help="What a class is; `lorry=truck`, `bike=-`.")
]
ValShare = Annotated[float, typer.Option("--val-share", min=0.0, max=1.0, help="Share held back for measuring.")]


@imports.command()
def yolo(
    source: Annotated[Path, typer.Argument(metavar="DIR", help="Holds images/, labels/, data.yaml or classes.txt.")],
    out: Out,
    maps: Maps = None,
    val_share: ValShare = 0.3,
) -> None:
    """Vehicles in YOLO form, as a folder or a ZIP.

    Example: roadwarden labels import yolo export mine --map lorry=truck
    """
    with unpacked(source) as folder:
        _write(read_yolo(folder, ClassMap.parse(maps or [])), out, val_share)


@imports.command()
def coco(
    source: Annotated[Path, typer.Argument(metavar="JSON", help="COCO detection file.")],
    images: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of its pictures.")],
    out: Out,
    maps: Maps = None,
    val_share: ValShare = 0.3,
) -> None:
    """Vehicles in COCO form. Example: roadwarden labels import coco instances.json images mine."""
    _write(read_coco(source, images, ClassMap.parse(maps or [])), out, val_share)


@imports.command()
def desk(
    source: Annotated[
        Path, typer.Argument(metavar="ZIP", help="Training export of the officers' desk, or its folder.")
    ],
    out: Out,
    val_share: ValShare = 0.3,
) -> None:
    """What officers confirmed and rejected. Example: roadwarden labels import desk training.zip mine."""
    with unpacked(source) as folder:
        _write(read_desk(folder), out, val_share)


def _write(pictures: list[LabelledPicture], out: Path, val_share: float) -> None:
    counts = write_set(pictures, out, val_share)
    names = sorted({name for part in counts.values() for name in part} - {"pictures"})
    table = Table("part", "pictures", *names, box=None)
    for part, count in counts.items():
        table.add_row(part, str(count["pictures"]), *(str(count[name]) for name in names))
    make_console().print(table)
