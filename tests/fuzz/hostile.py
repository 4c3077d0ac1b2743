"""What the tests of this folder share: inputs that are nearly right, and what must come of any of them."""

import copy
import json
import os
import tomllib
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Any

import tomlkit
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from detector.errors import RoadwardenError

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "25"))
"""Of each test; `make fuzz` tries more."""

bounded = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize="FUZZ_EXAMPLES" not in os.environ,  # a run of the suite tries the same inputs every time
    suppress_health_check=list(HealthCheck),
)

TELLING = [
    b"", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\n", b"\r", b'"', b"'", b",", b";", b"=", b"[", b"]", b"{", b"}", b"-1",
    b"0", b"1e999", b"-1e999", b"nan", b"NaN", b"true", b"null", b"9" * 400, b"[" * 4000, b"{" * 4000, b'{"a":' * 4000,
    b"= " + b"[" * 4000,
   
    b"\\ud800", "渝A12345".encode(), "\u202e".encode(), b"../../etc/passwd", b"<script>alert(1)</script>", b"%s%n",
    b"2026-02-30", b"0001-01-01T00:00:00+23:59", b"9999-12-31T23:59:59-23:59", b"x" * 140_000, b"[[camera]]\n",
]  # fmt: skip
"""Pieces that parsers are known to stumble over."""


@st.composite
def nearly(draw: st.DrawFn, *rights: bytes) -> bytes:
    """One of some right inputs with a few pieces cut out, doubled, turned over or put in; seldom anything at all."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=200))
    content = bytearray(draw(st.sampled_from(rights)))
    for _ in range(draw(st.integers(1, 4))):
        begin = draw(st.integers(0, len(content)))
        end = min(len(content), begin + draw(st.integers(0, 12)))
        piece = draw(st.one_of(st.sampled_from(TELLING), st.binary(max_size=4), st.just(bytes(content[begin:end]) * 2)))
        content[begin:end] = piece
    return bytes(content)


PLAIN = st.one_of(
    st.booleans(), st.integers(-(10**400), 10**400), st.integers(-2, 2), st.floats(), st.text(max_size=20),
    st.sampled_from([piece.decode("utf-8", "replace")[:300] for piece in TELLING]),
    st.sampled_from([date(1, 1, 1), datetime(9999, 12, 31, 23, 59), datetime(1, 1, 1, tzinfo=UTC), time(23, 59)]),
)  # fmt: skip
VALUES: st.SearchStrategy[Any] = st.recursive(
    PLAIN,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=6,
)


@st.composite
def altered(draw: st.DrawFn, right: dict[str, Any]) -> dict[str, Any]:
    """A right table with some of its values, at any depth, exchanged for others or left out."""
    content = copy.deepcopy(right)
    for _ in range(draw(st.integers(1, 3))):
        place: Any = content
        while True:
            keys = sorted(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(place[key], dict | list) and place[key] and draw(st.integers(0, 3)):
                place = place[key]
                continue
            if draw(st.integers(0, 4)):
                place[key] = draw(VALUES)
            else:
                del place[key]
            break
    return content


def nearly_toml(right: bytes) -> st.SearchStrategy[bytes]:
    """A right file with something altered: in what it says, or in its letters."""
    return st.one_of(altered(tomllib.loads(right.decode())).map(_to_toml), nearly(right))


def nearly_json(right: dict[str, Any]) -> st.SearchStrategy[bytes]:
    """A right document with something altered: in what it says, or in its letters."""
    said = altered(right).map(lambda content: json.dumps(content, default=str).encode())
    return st.one_of(said, nearly(json.dumps(right).encode()))


def _to_toml(content: dict[str, Any]) -> bytes:
    return tomlkit.dumps(content).encode("utf-8", "surrogatepass")


def answer_or_one_line(read: Callable[[], Any]) -> Any:
    """What is read, or None after the program's own error, which must be one line of bounded length.

    Any other exception passes through and fails the test.
    """
    try:
        return read()
    except RoadwardenError as error:
        said = str(error)
        assert said.strip()
        assert len(said.splitlines()) == 1, said
        assert len(said) < 20_000, f"{len(said)} characters"
        return None
