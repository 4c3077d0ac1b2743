import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.entities import Cover, TimeBasis, TimeSource
from detector.errors import EvidenceError
from detector.evidence.canonical import canonical_json, seal, to_plain, unseal

texts = st.text(st.characters(codec="utf-8"), max_size=12)
leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4))
contents = st.dictionaries(texts.filter(lambda key: key != "digest"), values, min_size=1, max_size=5)


@dataclass(frozen=True)
class Box:
    name: str
    xyxy: tuple[float, ...]


def test_the_form_is_as_documented():
    """One example holds every promise: sorted keys, no white space, plain UTF-8, six decimals, no -0.0, UTC with Z."""
    beijing = datetime(2024, 3, 5, 18, 35, 12, 300000, tzinfo=timezone(timedelta(hours=8)))
    content = {"b": [1, 1.0, -0.0, 1 / 3, True, None], "a": {"渝": "渣\n土"}, "at": beijing, "c": Box("x", (0.5, 2.0))}
    expected = (
        '{"a":{"渝":"渣\\n土"},"at":"2024-03-05T10:35:12.300000Z","b":[1,1.0,0.0,0.333333,true,null],'
        '"c":{"name":"x","xyxy":[0.5,2.0]}}'
    )
    assert canonical_json(content) == expected.encode()


def test_numbers_of_numpy_and_enums_are_written_like_plain_ones():
    """Which library a number came from leaves no trace in the manifest."""
    odd = {"a": np.float32(0.5), "b": np.int64(3), "c": np.array([1, 2]), "d": Cover.OPEN, "e": np.bool_(True)}
    assert canonical_json(odd) == canonical_json({"a": 0.5, "b": 3, "c": [1, 2], "d": "open", "e": True})
    assert (
        canonical_json(TimeBasis(TimeSource.OPERATOR, None))
        == b'{"host_offset_ms":null,"source":"operator","uncertainty_ms":null}'
    )


@given(values)
def test_reading_back_gives_the_same_value_and_the_same_bytes(value):
    """Canonical JSON is JSON, loses nothing beyond the sixth decimal, and writing it again changes no byte."""
    document = canonical_json(value)
    assert json.loads(document) == to_plain(value)
    assert canonical_json(json.loads(document)) == document


@given(st.dictionaries(texts, leaves, max_size=6))
def test_the_order_of_insertion_leaves_no_trace(content):
    """Two dicts that are equal have the same bytes."""
    assert canonical_json(dict(reversed(content.items()))) == canonical_json(content)


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"a": [1, float("nan")]}, r"\$\.a\[1\]"),
        ({"a": np.float64("inf")}, r"\$\.a"),
        (Box("x", (float("-inf"),)), r"\$\.xyxy\[0\]"),
        ({"at": datetime(2024, 3, 5)}, r"\$\.at"),
        ({1: "a"}, r"\$"),
        ({"a": {"b": b"bytes"}}, r"\$\.a\.b"),
        ({"a": object()}, r"\$\.a"),
    ],
)
def test_what_has_no_canonical_form_is_refused_by_place(value, place):
    """Nothing is written that would read back as something else."""
    with pytest.raises(EvidenceError, match=place):
        canonical_json(value)


def test_text_that_is_no_unicode_is_refused():
    """A lone surrogate, as broken file names give, cannot be written as UTF-8."""
    with pytest.raises(EvidenceError, match="no Unicode"):
        canonical_json({"a": "\ud800"})


@given(contents)
def test_what_was_sealed_is_read_back_with_its_digest(content):
    """The digest is the last member and covers the canonical form of everything before it."""
    document, digest = seal(content)
    assert unseal(document) == (to_plain(content), digest)
    assert list(json.loads(document))[-1] == "digest"
    assert digest == hashlib.sha256(canonical_json(content)).hexdigest()
    assert digest == hashlib.sha256(document[:-108] + b"}").hexdigest()  # the rule of thumb in the module's text


@given(contents, st.data())
def test_any_changed_byte_breaks_the_seal(content, data):
    """Flipped, cut out or put in: no altered document passes, wherever the change is."""
    document, _ = seal(content)
    at = data.draw(st.integers(0, len(document) - 1))
    flipped = bytearray(document)
    flipped[at] ^= data.draw(st.integers(1, 255))
    for altered in (bytes(flipped), document[:at], document[:at] + b" " + document[at:], document + b"\n"):
        with pytest.raises(EvidenceError):
            unseal(altered)


@pytest.mark.parametrize("content", [{}, {"digest": "mine"}])
def test_content_that_cannot_be_sealed_unambiguously_is_a_defect(content):
    with pytest.raises(ValueError, match="digest"):
        seal(content)


def test_an_instant_keeps_its_microseconds():
    """Whole seconds are written as long as others: one form for one instant."""
    assert to_plain(datetime(2024, 3, 5, tzinfo=UTC)) == "2024-03-05T00:00:00.000000Z"
