"""What a sealed package says about how it was decided, arranged for the case page; nothing is judged anew."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from detector.entities import Plate

STRIP_MOST = 12
ALTERNATIVES_MOST = 3
LOOP_AROUND_S = 0.6


@dataclass(frozen=True, slots=True)
class Moment:
    """One frame that decided.

    Attributes:
        clip_s: seconds from the start of the clip.
        decided: rules that it decided.
        cover, fill: state of the load as seen in this frame; None when it was not looked at.
        confidence: of that state, 0 to 1; None likewise.
        plate: as read in this frame; None when it was not.
        xyxy: of the vehicle, px.
    """

    frame_index: int
    clip_s: float
    captured_at: str | None
    decided: tuple[str, ...]
    cover: str | None
    fill: str | None
    confidence: float | None
    plate: str | None
    xyxy: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Character:
    """One character of the plate.

    Attributes:
        confidence: after the vote, 0 to 1.
        alternatives: what single looks saw instead, with the share of the looks' probability, likeliest first.
    """

    text: str
    confidence: float
    alternatives: tuple[tuple[str, float], ...]


def find_moments(manifest: Mapping[str, Any]) -> list[Moment]:
    """The frames that decided any finding, in time order; where there are more than a strip holds, evenly chosen.

    Without a clip, which is spared where the disk is nearly full, there is none to go to.
    """
    if manifest["clip"] is None:
        return []
    start_s = float(manifest["clip"]["start_s"])
    deciding = [look for look in manifest["observations"] if look["decided"]]
    if len(deciding) > STRIP_MOST:
        step = (len(deciding) - 1) / (STRIP_MOST - 1)
        deciding = [deciding[round(number * step)] for number in range(STRIP_MOST)]
    return [_moment(look, start_s) for look in deciding]


def describe_player(manifest: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the player draws over the clip and where it loops, in seconds of the clip and px; None without a clip."""
    clip = manifest["clip"]
    if clip is None:
        return None
    start_s, seconds = float(clip["start_s"]), float(clip["end_s"]) - float(clip["start_s"])
    looks = [
        {
            "s": round(look["stream_s"] - start_s, 3),
            "box": look["xyxy"],
            "bed": (look["load"] or {}).get("bed_xyxy"),
            "plate": (look["plate"] or {}).get("corners"),
            "decided": bool(look["decided"]),
        }
        for look in manifest["observations"]
    ]
    times = [look["s"] for look in looks if look["decided"]] or [look["s"] for look in looks] or [0.0]
    return {
        "looks": looks,
        "fps": round(clip["packets"] / seconds, 3) if seconds > 0 else 25.0,
        "loop": [max(0.0, times[0] - LOOP_AROUND_S), min(seconds, times[-1] + LOOP_AROUND_S)],
    }


def find_characters(plate: Plate | None, observations: Sequence[Mapping[str, Any]]) -> list[Character]:
    """Every character of the voted plate, with what single looks of the same length saw instead."""
    if plate is None:
        return []
    votes: list[dict[str, float]] = [defaultdict(float) for _ in plate.text]
    readings = [look["plate"] for look in observations if look["plate"]]
    used = [reading for reading in readings if len(reading["text"]) == len(plate.text)]
    for reading in used:
        for place, (text, confidence) in enumerate(zip(reading["text"], reading["characters"], strict=False)):
            votes[place][text] += confidence
            for other, probability in (reading["alternatives"] or [()] * len(plate.text))[place]:
                votes[place][other] += probability
    found = []
    for place, text in enumerate(plate.text):
        others = sorted(((share / len(used), other) for other, share in votes[place].items() if other != text))
        best = tuple((other, share) for share, other in reversed(others) if share >= 0.01)[:ALTERNATIVES_MOST]
        found.append(Character(text, plate.characters[place] if place < len(plate.characters) else 0.0, best))
    return found


def _moment(look: Mapping[str, Any], start_s: float) -> Moment:
    load, plate = look["load"] or {}, look["plate"] or {}
    sure = [load[name] for name in ("cover_confidence", "fill_confidence") if name in load]
    return Moment(
        look["frame_index"], look["stream_s"] - start_s, look["captured_at"], tuple(look["decided"]), load.get("cover"),
        load.get("fill"), min(sure) if sure else None, plate.get("text"), tuple(look["xyxy"]),
    )  # fmt: skip
