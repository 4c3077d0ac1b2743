"""`roadwarden verify`, `roadwarden export`, `roadwarden print` and `roadwarden keys`."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.x509 import Certificate

from detector.errors import ConfigurationError, EvidenceError, StorageError
from detector.evidence.archive import opened, write_archive
from detector.evidence.chain import check_chain, public_keys, read_chain
from detector.evidence.keys import KeyFolder
from detector.evidence.texts import Language, text
from detector.evidence.timestamp import read_certificates, stamp_package
from detector.evidence.verify import verify_package
from pipelines.commands.options import AsJson, CamerasFile, Database, open_engine, open_store
from pipelines.config import resolve_home
from pipelines.configuration_store import load_configuration
from pipelines.evidence_place import local_package
from pipelines.printing import print_case

keys_app = typer.Typer(help="Keys that sign evidence packages.", no_args_is_help=True, rich_markup_mode=None)
GIVE_UP_AFTER = 3
"""Refusals of a timestamp authority after which a run asks it no more."""

LOOK_BACK = 5000
"""Newest cases among which packages without a timestamp are looked for."""

Trusted = tuple[Mapping[str, Ed25519PublicKey], Sequence[Certificate]]
LanguageOption = Annotated[Language, typer.Option(help="Language of the answer.")]


def verify(
    path: Annotated[str, typer.Argument(metavar="PATH", help="A package: folder, ZIP or s3://…; or a site's folder.")],
    key: Annotated[list[Path] | None, typer.Option(metavar="FILE", help="Public key (PEM); may be repeated.")] = None,
    tsa: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Root certificate (PEM) of the timestamp authority.")
    ] = None,
    chain: Annotated[bool, typer.Option("--chain", help="Walk the chain of all packages of a site.")] = False,
    language: LanguageOption = Language.EN,
    as_json: AsJson = False,
) -> None:
    """Check a package offline: names what is altered, missing, added, re-signed or out of the chain.

    Example: roadwarden verify var/evidence/RW-20260518-093012-1A2B3C4D --key site.pub
    """
    keys, roots = public_keys(key or []), read_certificates(tsa or [])
    if chain:
        _verify_chain(Path(path), (keys, roots), language, as_json)
        return
    with local_package(path) as place, opened(place) as folder:
        report = verify_package(folder, keys=keys, roots=roots)
    if as_json:
        found = {"altered": report.altered, "missing": report.missing, "added": report.added}
        seal = {"key_id": report.seal.key_id, "faults": report.seal.faults, "checked": report.seal.is_checked}
        stamp = report.timestamp
        told = (
            {"at": stamp.at and stamp.at.isoformat(), "faults": stamp.faults, "checked": stamp.is_checked}
            if stamp
            else None
        )
        said = {"path": path, "intact": report.is_intact, **found, "seal": seal, "timestamp": told}
        print(json.dumps(said, ensure_ascii=False))
    else:
        for line in report.lines(language):
            print(f"{path}: {line}")
    if not report.is_intact:
        raise typer.Exit(1)


def export(
    case_id: Annotated[str, typer.Argument(metavar="CASE", help="Id of the case.")],
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="Default: CASE.zip.")] = None,
    as_evidence: Annotated[bool, typer.Option("--as-evidence", help="Refuse a case that is only a lead.")] = False,
    database: Database = None,
) -> None:
    """Write a case's package as one ZIP file, which `verify` checks as it checks the folder.

    Example: roadwarden export RW-20260518-093012-1A2B3C4D --output case.zip
    """
    case = open_store(database).get(case_id)
    if case.evidence is None:
        raise EvidenceError(f"case {case_id} has no package yet")
    if as_evidence and case.grade_reasons:
        reasons = "; ".join(text(f"reason.{reason}", Language.EN) for reason in case.grade_reasons)
        raise EvidenceError(f"case {case_id} is a lead and cannot be exported as evidence: {reasons}")
    target = output or Path(f"{case_id}.zip")
    with local_package(case.evidence.folder) as folder:
        size = write_archive(folder, target)
    print(f"{target}: {size / 1e6:.1f} MB, grade {case.grade.value}")


def print_pdf(
    case_id: Annotated[str, typer.Argument(metavar="CASE", help="Id of the case.")],
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="Default: CASE.pdf.")] = None,
    originals: Annotated[bool, typer.Option("--originals", help="Original pictures instead of masked copies.")] = False,
    language: Annotated[Language, typer.Option(help="Language of the pages.")] = Language.ZH,
    database: Database = None,
) -> None:
    """Print a case as PDF (A4): pictures, facts, basis, reviews, hashes, and a QR code of the manifest's hash.

    Example: roadwarden print RW-20260518-093012-1A2B3C4D --output case.pdf
    """
    document = print_case(open_engine(database), case_id, masked=not originals, language=language)
    target = output or Path(f"{case_id}.pdf")
    write_whole(target, document)
    print(f"{target}: {len(document) / 1e6:.1f} MB")


def timestamp(cameras: CamerasFile = None, database: Database = None) -> None:
    """Ask the timestamp authority of the configuration for tokens of all packages without one; run it every minute.

    Packages in s3://… are left out.

    Example: roadwarden timestamp
    """
    url = load_configuration(cameras, database).evidence.timestamp_url
    if url is None:
        raise ConfigurationError("no [evidence] timestamp_url in the configuration; nobody can be asked")
    stamped, waiting = 0, []
    for case in open_store(database).list(LOOK_BACK):
        if case.evidence is None or not Path(case.evidence.folder).is_dir():
            continue
        try:
            stamped += stamp_package(Path(case.evidence.folder), url)
        except EvidenceError as error:
            waiting.append(str(error))
            if len(waiting) >= GIVE_UP_AFTER:
                break
    print(f"{stamped} packages stamped")
    if waiting:
        raise EvidenceError(f"{waiting[-1]}; packages without a timestamp wait for the next run")


@keys_app.command("make")
def make() -> None:
    """Make the first key of this site.

    Example: roadwarden keys make
    """
    folder = _keys()
    if folder.list():
        raise EvidenceError(f"{folder.folder} holds a key already; `roadwarden keys rotate` makes another")
    print(f"key {folder.make()} in use: {folder.folder}")


@keys_app.command("rotate")
def rotate() -> None:
    """Make a new key and use it from now on; older public keys stay, since older packages need them.

    Example: roadwarden keys rotate
    """
    folder = _keys()
    print(f"key {folder.make()} in use: {folder.folder}")


@keys_app.command("list")
def list_keys() -> None:
    """List the keys of this site with their public files.

    Example: roadwarden keys list
    """
    for key_id, in_use in _keys().list():
        print(f"{key_id}  {'in use' if in_use else 'older '}  {_keys().folder / f'{key_id}.pub'}")


def _verify_chain(root: Path, trusted: Trusted, language: Language, as_json: bool) -> None:
    """Walk a chain, and every package in it; `trusted` are public keys and certificates of timestamp authorities."""
    if not root.is_dir():
        raise EvidenceError(f"{root} is no folder of packages")
    faults = [(name, text(kind, language, name=name)) for kind, name in check_chain(root)]
    lines = read_chain(root)
    for row in lines:
        folder = root / str(row.get("case_id"))
        if folder.is_dir():
            report = verify_package(folder, keys=trusted[0], roots=trusted[1])
            wrong = [] if report.is_intact else report.lines(language)
            faults += [(folder.name, f"{folder.name}: {line}") for line in wrong]
    if as_json:
        print(json.dumps({"path": str(root), "packages": len(lines), "faults": faults}, ensure_ascii=False))
    else:
        for _, line in faults:
            print(f"{root}: {line}")
        if not faults:
            print(f"{root}: {text('chain.whole', language, count=len(lines))}")
    if faults:
        raise typer.Exit(1)


def write_whole(target: Path, document: bytes) -> None:
    """Write a file that appears whole or not at all; an older one of that name is replaced.

    Raises:
        StorageError: it cannot be written.
    """
    part = target.with_name(f".{target.name}.part")
    try:
        part.write_bytes(document)
        part.rename(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StorageError(f"{target} cannot be written: {error.strerror}") from error


def _keys() -> KeyFolder:
    return KeyFolder(resolve_home() / "signing")
