"""Styles, scripts and pictures of the desk: read once, named by their hash, so that browsers may keep them."""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).with_name("static")
MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".txt": "text/plain"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file."""

    name: str
    content: bytes
    media_type: str
    version: str


@cache
def load_assets() -> dict[str, Asset]:
    """Every asset by name."""
    found = {}
    for path in FOLDER.iterdir():
        content = path.read_bytes()
        kind = MEDIA_TYPES[path.suffix]
        found[path.name] = Asset(path.name, content, kind, hashlib.sha256(content).hexdigest()[:12])
    return found


def asset_url(name: str) -> str:
    """Address of an asset.

    Raises:
        KeyError: there is none of that name.
    """
    return f"/static/{load_assets()[name].version}/{name}"
