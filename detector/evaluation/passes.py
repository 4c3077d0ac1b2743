"""Passes and findings of a film against the vehicles that drove through it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from detector.entities import VehiclePass
from detector.evaluation.plates import PlateScore
from detector.geometry import Box, iou

MIN_OVERLAP = 0.3
"""Mean overlap of boxes from which a pass is a vehicle's: the boxes of models are loose, and vehicles do not overlap so
much for long."""


@dataclass(frozen=True, slots=True)
class TrueVehicle:
    """A vehicle of a film.

    Attributes:
        name: for the list of errors.
        plate: text; None where it is never in view.
        plate_type: its kind.
        violations: rules that it breaks in view of the camera.
        boxes: its box in px by the number of the frame.
    """

    name: str
    plate: str | None
    plate_type: str
    violations: frozenset[str]
    boxes: dict[int, Box]


@dataclass(frozen=True, slots=True)
class JudgedVehicle:
    """A pass and the rules that a case says it broke."""

    vehicle_pass: VehiclePass
    rules: frozenset[str]


def find_vehicle(vehicle_pass: VehiclePass, vehicles: Sequence[TrueVehicle]) -> TrueVehicle | None:
    """The vehicle whose boxes the pass's looks overlap most on average; None where that is below `MIN_OVERLAP`."""
    looks = vehicle_pass.observations
    if not looks or not vehicles:
        return None
    nowhere = (0.0, 0.0, 0.0, 0.0)

    def overlap(vehicle: TrueVehicle) -> float:
        return sum(iou(o.xyxy, vehicle.boxes.get(o.frame_index, nowhere)) for o in looks) / len(looks)

    best = max(vehicles, key=overlap)
    return best if overlap(best) >= MIN_OVERLAP else None


@dataclass(slots=True)
class _RuleTally:
    true: int = 0
    found: int = 0
    false: int = 0


@dataclass(slots=True)
class PassScore:
    """Counts over films; each finding is either of a vehicle that broke the rule, or false."""

    clips: int = 0
    video_s: float = 0.0
    passes: int = 0
    plates: PlateScore = field(default_factory=PlateScore)
    errors: list[dict[str, Any]] = field(default_factory=list)
    _rules: dict[str, _RuleTally] = field(default_factory=lambda: defaultdict(_RuleTally))

    def add(self, clip: str, video_s: float, vehicles: Sequence[TrueVehicle], judged: Sequence[JudgedVehicle]) -> None:
        """Count one film; two cases of one vehicle for the same rule are one found and one false."""
        self.clips += 1
        self.video_s += video_s
        self.passes += len(judged)
        of_vehicle: dict[str, list[JudgedVehicle]] = defaultdict(list)
        for item in judged:
            vehicle = find_vehicle(item.vehicle_pass, vehicles)
            if vehicle is None:
                self._count_false(clip, None, item.rules)
            else:
                of_vehicle[vehicle.name].append(item)
        for vehicle in vehicles:
            self._add_vehicle(clip, vehicle, of_vehicle[vehicle.name])

    def _add_vehicle(self, clip: str, vehicle: TrueVehicle, judged: Sequence[JudgedVehicle]) -> None:
        found: set[str] = set()
        for item in judged:
            self._count_false(clip, vehicle.name, item.rules - vehicle.violations | item.rules & found)
            found |= item.rules & vehicle.violations
        for rule in sorted(vehicle.violations):
            self._rules[rule].true += 1
            self._rules[rule].found += rule in found
            if rule not in found:
                self.errors.append({"clip": clip, "vehicle": vehicle.name, "rule": rule, "error": "missed"})
        if vehicle.plate is not None:
            plates = [i.vehicle_pass.plate for i in judged if i.vehicle_pass.plate is not None]
            best = max(plates, key=lambda plate: plate.confidence, default=None)
            self.plates.add(f"{clip} {vehicle.name}", vehicle.plate, vehicle.plate_type, best)

    def _count_false(self, clip: str, vehicle: str | None, rules: Iterable[str]) -> None:
        for rule in sorted(rules):
            self._rules[rule].false += 1
            self.errors.append({"clip": clip, "vehicle": vehicle, "rule": rule, "error": "false"})

    def to_json(self) -> dict[str, Any]:
        """The keys of `roadwarden evaluate passes`; `false_per_hour` is None without footage."""
        hours = self.video_s / 3600
        false = sum(tally.false for tally in self._rules.values())
        rules = {
            name: {"true": tally.true, "found": tally.found, "false": tally.false}
            for name, tally in sorted(self._rules.items())
        }
        plates = {"n": self.plates.n, "exact": self.plates.exact}
        return {
            "clips": self.clips,
            "hours": hours,
            "passes": self.passes,
            "per_rule": rules,
            "plates": {**plates, "wrong": self.plates.wrong, "abstained": self.plates.abstained},
            "false_per_hour": false / hours if hours else None,
            "errors": self.errors,
        }
