"""The device: what it may do, and what the law knows of it."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from detector.geometry import Point


@dataclass(frozen=True, slots=True)
class Authority:
    """What authorises a body to prove certain acts by technical monitoring; a row of versioned data.

    Attributes:
        version: of the table.
        level: "law", "administrative_regulation" or something lower, as the table has it.
        body: who may use it.
        rules: rules whose findings are acts that it covers.
        valid_from, valid_to: both included; None: still in force.
    """

    authority_id: str
    version: str
    title: str
    level: str
    body: str
    rules: tuple[str, ...]
    valid_from: date
    valid_to: date | None
    source: str


@dataclass(frozen=True, slots=True)
class LegalRecord:
    """What makes a camera's record admissible (Administrative Penalty Law art. 41); None = not on record.

    Attributes:
        body: which body uses the camera.
        authority: the law that allows it to.
    """

    technical_review: str | None = None
    legal_review: str | None = None
    published_at_url: str | None = None
    sign: str | None = None
    valid_to: datetime | None = None
    body: str | None = None
    authority: Authority | None = None


@dataclass(frozen=True, slots=True)
class Camera:
    """A device that looks at a road.

    Attributes:
        camera_id: unique and stable; part of every derived id.
        place: where it stands, in words for officers.
        direction: which traffic it sees, in words for officers; None when not configured.
        analysis_fps: analysed frames a second, on an absolute time grid.
        sees_into_box: capability flag; without it no rule about the load may yield anything.
        reads_plates: capability flag; without it no rule about plates may yield anything.
        zone: polygon in shares of width and height (0 to 1) within which vehicles are judged; None = whole picture.
        lines: name → two ends in shares of width and height, for orientation: stop line, gate, edge of the site.
        approaching: True where traffic comes toward the camera (front plates), False where it leaves, None for both.
        rules: rule name → parameters that differ from the rule's defaults; a rule not named is not in force.
        legal: the legal record; None makes every case a lead.
        district: id of the district in which it stands; decides who sees its cases. Empty: those who see all.
        latitude, longitude: where it stands, degrees WGS 84 (not GCJ-02, the shifted grid of Chinese maps); None when
            not configured.
        source_site: building site whose gate the camera watches; None for a camera that watches no gate.
    """

    camera_id: str
    place: str = ""
    direction: str | None = None
    analysis_fps: float = 8.0
    sees_into_box: bool = True
    reads_plates: bool = True
    zone: tuple[Point, ...] | None = None
    lines: dict[str, tuple[Point, Point]] = field(default_factory=dict)
    approaching: bool | None = None
    rules: dict[str, dict[str, Any]] = field(default_factory=dict)
    legal: LegalRecord | None = None
    district: str = ""
    latitude: float | None = None
    longitude: float | None = None
    source_site: str | None = None
