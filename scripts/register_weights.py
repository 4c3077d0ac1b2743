"""Write a weight file's row into the manifest.toml beside it, with its hash.

    python scripts/register_weights.py vehicle_detector weights/vehicle_detector.onnx version=1 classes='["car"]'

Values are TOML; a bare word is taken as a string. Keys of an existing row that are not named are kept.
"""

import hashlib
import json
import sys
import tomllib
from pathlib import Path


def parse_value(text: str) -> object:
    """A TOML value, or the text itself where it is none."""
    try:
        return tomllib.loads(f"v = {text}")["v"]
    except tomllib.TOMLDecodeError:
        return text


def to_toml(value: object) -> str:
    """A string, number, boolean, list or flat table as TOML."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {to_toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)


def main(name: str, file: str, *pairs: str) -> None:
    """Add or replace row `name` and rewrite the manifest with sorted rows."""
    path = Path(file)
    manifest = path.with_name("manifest.toml")
    rows = tomllib.loads(manifest.read_text(encoding="utf-8")) if manifest.exists() else {}
    row = {**rows.get(name, {}), "file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    row |= {key: parse_value(value) for key, _, value in (pair.partition("=") for pair in pairs)}
    rows[name] = row
    lines = [
        f"[{title}]\n" + "".join(f"{key} = {to_toml(value)}\n" for key, value in row.items())
        for title, row in sorted(rows.items())
    ]
    manifest.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
