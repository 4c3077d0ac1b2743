"""One byte sequence for one content: the canonical JSON of manifests, and the digest that ends them.

Canonical form: JSON in UTF-8; keys sorted by code point; no white space; every character written as itself except
those JSON must escape; floats rounded to six decimals (microseconds, millionths) and written as the shortest decimal
that reads back as the same double, never -0.0; NaN and infinity refused; instants in UTC as ISO 8601 with `Z`,
days as YYYY-MM-DD.

A sealed document is the canonical form of its content with one more member at the very end:

    {"a":1,…,"digest":{"algorithm":"sha256","value":"<64 hex digits>"}}

The digest is that of the content *without* the member: `head -c -108 manifest.json`, then `}`, then `sha256sum`.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any

from detector.documents import read_json
from detector.errors import EvidenceError

DECIMALS = 6
"""Of every float: finer than any measurement here, coarse enough that representation plays no part."""

_BEFORE_DIGEST = b',"digest":{"algorithm":"sha256","value":"'
_AFTER_DIGEST = b'"}}'
_TAIL_BYTES = len(_BEFORE_DIGEST) + 64 + len(_AFTER_DIGEST)


def to_plain(value: Any, path: str = "$") -> Any:
    """Reduce a value to what JSON knows: dataclasses and mappings to dicts, enums to their values, numpy to Python.

    Args:
        value: anything made of dataclasses, mappings, sequences, numbers, texts, instants, None.
        path: where it stands, for messages.

    Raises:
        EvidenceError: a value has no canonical form (NaN, naive instant, unknown type); names the place.
    """
    if isinstance(value, Enum):
        return to_plain(value.value, path)
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise EvidenceError(f"manifest {path}: {value} has no canonical form")
        return round(float(value), DECIMALS) + 0.0
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise EvidenceError(f"manifest {path}: {value} has no time zone")
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if is_dataclass(value):
        return {f.name: to_plain(getattr(value, f.name), f"{path}.{f.name}") for f in fields(value)}
    if isinstance(value, Mapping):
        return {_key(key, path): to_plain(inner, f"{path}.{key}") for key, inner in value.items()}
    if hasattr(value, "tolist"):
        return to_plain(value.tolist(), path)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [to_plain(inner, f"{path}[{index}]") for index, inner in enumerate(value)]
    raise EvidenceError(f"manifest {path}: {type(value).__name__} has no canonical form")


def canonical_json(value: Any) -> bytes:
    """The canonical bytes of a value; see the module's text for the form.

    Raises:
        EvidenceError: a value has no canonical form.
    """
    text = json.dumps(to_plain(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise EvidenceError(
            f"manifest holds text that is no Unicode: {error.object[error.start : error.end]!r}"
        ) from error


def seal(content: Mapping[str, Any]) -> tuple[bytes, str]:
    """The sealed document of a non-empty mapping without a key "digest", and the digest in it (64 hex digits).

    Raises:
        EvidenceError: a value has no canonical form.
    """
    if not content or "digest" in content:
        raise ValueError("content must be non-empty and hold no digest of its own")
    rest = canonical_json(content)
    digest = hashlib.sha256(rest).hexdigest()
    return rest[:-1] + _BEFORE_DIGEST + digest.encode() + _AFTER_DIGEST, digest


def unseal(document: bytes) -> tuple[dict[str, Any], str]:
    """The content of a sealed document and its digest.

    Raises:
        EvidenceError: the document is not what was sealed: any byte of it differs.
    """
    tail, rest = document[-_TAIL_BYTES:], document[:-_TAIL_BYTES] + b"}"
    digest = hashlib.sha256(rest).hexdigest()
    if tail != _BEFORE_DIGEST + digest.encode() + _AFTER_DIGEST:
        raise EvidenceError("the digest at its end is not that of its content")
    try:
        content = read_json(rest)
    except ValueError as error:
        raise EvidenceError(f"its content is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise EvidenceError("its content is no JSON object")
    return content, digest


def _key(key: Any, path: str) -> str:
    if not isinstance(key, str):
        raise EvidenceError(f"manifest {path}: key {key!r} is not a text")
    return str(key)
