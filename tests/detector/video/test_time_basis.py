"""Absolute time of a clip: which source wins, and what each kind of wrong sidecar is told."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from detector.entities import RELATIVE_EPOCH, TimeBasis, TimeSource
from detector.errors import ConfigurationError
from detector.video.time_basis import clip_time, parse_instant, read_sidecar

OPERATOR = datetime(2026, 3, 1, 22, 0, tzinfo=timezone(timedelta(hours=8)))
SIDECAR = {"started_at": "2026-03-01T22:15:04.250+08:00", "uncertainty_ms": 40, "camera_id": "gate-3"}
CREATED = "2026-02-28T01:02:03.000000Z"


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return tmp_path / "x.mp4"


def put(clip: Path, content: object, name: str = "x.json") -> Path:
    path = clip.with_name(name)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_the_operator_is_believed_first(clip: Path) -> None:
    """An explicit start wins over sidecar and container, and is turned into UTC."""
    put(clip, SIDECAR)
    found = clip_time(clip, OPERATOR, CREATED)
    assert found.started_at == datetime(2026, 3, 1, 14, 0, tzinfo=UTC)
    assert found.started_at.tzinfo is UTC
    assert found.basis == TimeBasis(TimeSource.OPERATOR, 1000.0)


def test_a_sidecar_wins_over_the_container(clip: Path) -> None:
    """Its uncertainty is carried on."""
    put(clip, SIDECAR)
    found = clip_time(clip, None, CREATED)
    assert found.started_at == datetime(2026, 3, 1, 14, 15, 4, 250_000, tzinfo=UTC)
    assert found.basis == TimeBasis(TimeSource.FILE_SIDECAR, 40.0)


@pytest.mark.parametrize("name", ["x.json", "x.mp4.json"])
def test_both_names_of_a_sidecar_are_found(clip: Path, name: str) -> None:
    """`x.json` and `x.mp4.json` both belong to `x.mp4`."""
    put(clip, SIDECAR, name)
    assert read_sidecar(clip).camera_id == "gate-3"


def test_the_longer_name_wins(clip: Path) -> None:
    """`x.json` may belong to another file of that stem; `x.mp4.json` can only mean this one."""
    put(clip, SIDECAR)
    put(clip, SIDECAR | {"camera_id": "gate-4"}, "x.mp4.json")
    assert read_sidecar(clip).camera_id == "gate-4"


def test_container_time_comes_with_its_uncertainty(clip: Path) -> None:
    """creation_time has a resolution of one second."""
    found = clip_time(clip, None, CREATED)
    assert found.started_at == datetime(2026, 2, 28, 1, 2, 3, tzinfo=UTC)
    assert found.basis == TimeBasis(TimeSource.CONTAINER, 1000.0)


@pytest.mark.parametrize("created", [None, "1904-01-01T00:00:00Z", "1970-01-01T00:00:00.000000Z", "2000-01-01", "soon"])
def test_without_a_believable_source_time_is_relative(clip: Path, created: str | None) -> None:
    """A clock that was never set, or no metadata at all, makes no absolute time."""
    found = clip_time(clip, None, created)
    assert found.started_at == RELATIVE_EPOCH
    assert found.basis == TimeBasis(TimeSource.RELATIVE, None)


def test_a_time_without_offset_is_refused(clip: Path) -> None:
    """No time zone is ever assumed, neither for the operator nor for a sidecar."""
    with pytest.raises(ConfigurationError, match=r"--started-at.*no offset from UTC"):
        clip_time(clip, datetime(2026, 3, 1), None)
    with pytest.raises(ConfigurationError, match=r"--started-at: 2026-03-01T22:15:04 has no offset"):
        parse_instant("2026-03-01T22:15:04", "--started-at")


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ("{not json", "not a readable JSON file"),
        ("[1, 2]", "must hold a JSON object"),
        ({"uncertainty_ms": 1}, "started_at: must be ISO 8601 text"),
        (SIDECAR | {"started_at": "yesterday"}, "started_at: 'yesterday' is not an ISO 8601 time"),
        (SIDECAR | {"started_at": "2026-03-01T22:15:04"}, "started_at: .* no offset"),
        (SIDECAR | {"started_at": "0001-01-01T00:00:00+08:00"}, "started_at: .* out of range"),
        ({"started_at": SIDECAR["started_at"]}, "uncertainty_ms: must be a number"),
        (SIDECAR | {"uncertainty_ms": "40"}, "uncertainty_ms: must be a number"),
        (SIDECAR | {"uncertainty_ms": -1}, "uncertainty_ms: must be a number"),
        (SIDECAR | {"uncertainty_ms": True}, "uncertainty_ms: must be a number"),
        (SIDECAR | {"uncertainty_ms": float("nan")}, "uncertainty_ms: must be a number"),
        (SIDECAR | {"camera_id": 3}, "camera_id: must be text"),
        (SIDECAR | {"camera_id": ""}, "camera_id: must be text"),
    ],
)
def test_each_wrong_sidecar_is_told_in_one_line(clip: Path, content: object, key: str) -> None:
    """The line names the file and the key."""
    path = put(clip, content)
    with pytest.raises(ConfigurationError, match=key) as caught:
        read_sidecar(clip)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_clip_named_json_is_not_its_own_sidecar(tmp_path: Path) -> None:
    """A footage file with the suffix .json is not read as JSON."""
    clip = tmp_path / "x.json"
    clip.write_bytes(b"\x00\x01")
    assert read_sidecar(clip) is None
