"""Slag trucks against the permit register: no permit, outside its hours, off its routes.

Each speaks only when the register is loaded, the plate is certain, and the vehicle is surely a tipper; what the facts
do not hold is not known, and what is not known is no finding.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, ClassVar

from detector.entities import BEIJING, Camera, Finding, Observation, RegisterEntry, VehiclePass, VehicleType
from detector.rules.protocol import Facts


@dataclass(frozen=True, slots=True)
class NoPermit:
    """The plate stands in no permit that is valid on the day.

    Attributes:
        min_looks: looks that read exactly this plate; below 2 is taken as 2.
        min_tipper_confidence: that the vehicle is a tipper at all.
    """

    name: ClassVar[str] = "no_permit"
    min_looks: int = 2
    min_tipper_confidence: float = 0.88

    def judge(self, vehicle_pass: VehiclePass, camera: Camera, facts: Facts) -> Finding | None:
        """See `Rule.judge`; without absolute time only a plate that has no permit of any day is a finding."""
        looks = certain_looks(vehicle_pass, self.min_looks, self.min_tipper_confidence)
        if not looks or facts.permits is None or (facts.permits and facts.seen_at is None):
            return None
        if facts.seen_at is not None and valid_permits(facts):
            return None
        measured = {"permits_valid": 0, "permits_expired_or_future": len(facts.permits), "looks": len(looks)}
        return _finding(self.name, measured, {"permits_valid": 1, "looks": self.min_looks}, (vehicle_pass, looks))


@dataclass(frozen=True, slots=True)
class OutsideHours:
    """Every valid permit of the plate has hours, and the pass lies outside all of them.

    Attributes:
        min_looks, min_tipper_confidence: as of `NoPermit`.
        grace_min: minutes before and after permitted hours that are let pass.
    """

    name: ClassVar[str] = "outside_hours"
    min_looks: int = 2
    min_tipper_confidence: float = 0.88
    grace_min: float = 10.0

    def judge(self, vehicle_pass: VehiclePass, camera: Camera, facts: Facts) -> Finding | None:
        """See `Rule.judge`; without absolute time yields None."""
        looks = certain_looks(vehicle_pass, self.min_looks, self.min_tipper_confidence)
        permits = valid_permits(facts)
        if not looks or facts.seen_at is None or not permits or any(not p.hours for p in permits):
            return None
        at = facts.seen_at.astimezone(BEIJING)
        hours = [span for permit in permits for span in permit.hours]
        if any(_is_within(at, span, timedelta(minutes=self.grace_min)) for span in hours):
            return None
        permitted = [f"{begin:%H:%M}-{end:%H:%M}" for begin, end in hours]
        measured = {"time": f"{at:%H:%M:%S}", "looks": len(looks)}
        limits = {"time": ";".join(permitted), "grace_min": self.grace_min, "looks": self.min_looks}
        return _finding(self.name, measured, limits, (vehicle_pass, looks))


@dataclass(frozen=True, slots=True)
class OffRoute:
    """Every valid permit of the plate has routes, and this camera lies on none of them.

    Attributes:
        min_looks, min_tipper_confidence: as of `NoPermit`.
    """

    name: ClassVar[str] = "off_route"
    min_looks: int = 2
    min_tipper_confidence: float = 0.88

    def judge(self, vehicle_pass: VehiclePass, camera: Camera, facts: Facts) -> Finding | None:
        """See `Rule.judge`; a camera that no configured road touches yields None."""
        looks = certain_looks(vehicle_pass, self.min_looks, self.min_tipper_confidence)
        permits = valid_permits(facts)
        if not looks or facts.route_cameras is None or not permits or any(not p.routes for p in permits):
            return None
        if camera.camera_id in facts.route_cameras:
            return None
        measured = {"camera": camera.camera_id, "looks": len(looks)}
        limits = {"camera": ";".join(sorted(facts.route_cameras)), "looks": self.min_looks}
        return _finding(self.name, measured, limits, (vehicle_pass, looks))


def certain_looks(vehicle_pass: VehiclePass, min_looks: int, min_tipper: float) -> tuple[Observation, ...]:
    """The looks that read the certain plate of a sure tipper; empty when there are too few, or it is not that sure."""
    plate, load = vehicle_pass.plate, vehicle_pass.load
    if vehicle_pass.vehicle_type is not VehicleType.TRUCK or load is None or load.tipper_confidence < min_tipper:
        return ()
    if plate is None or not plate.is_certain:
        return ()
    looks = tuple(o for o in vehicle_pass.observations if o.plate is not None and o.plate.text == plate.text)
    return looks if len(looks) >= max(2, min_looks) else ()


def valid_permits(facts: Facts) -> tuple[RegisterEntry, ...]:
    """Permits that hold on the day of the pass (Beijing); none without absolute time."""
    if facts.permits is None or facts.seen_at is None:
        return ()
    day = facts.seen_at.astimezone(BEIJING).date()
    return tuple(permit for permit in facts.permits if permit.is_valid_on(day))


def _is_within(at: datetime, span: tuple[time, time], grace: timedelta) -> bool:
    """Whether an instant lies in daily hours, also in those that began the day before."""
    begin, end = span
    for day in (at.date() - timedelta(days=1), at.date(), at.date() + timedelta(days=1)):
        opens = datetime.combine(day, begin, at.tzinfo)
        closes = datetime.combine(day if end > begin else day + timedelta(days=1), end, at.tzinfo)
        if opens - grace <= at <= closes + grace:
            return True
    return False


def _finding(
    rule: str, measured: dict[str, Any], limits: dict[str, Any], seen: tuple[VehiclePass, tuple[Observation, ...]]
) -> Finding:
    vehicle_pass, looks = seen
    plate = vehicle_pass.plate
    return Finding(rule, measured, limits, plate.confidence if plate else 0.0, tuple(o.frame_index for o in looks))
