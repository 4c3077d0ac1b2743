"""All rules by name, and their application to one pass."""

from collections.abc import Iterable
from dataclasses import fields
from typing import Any, cast

from detector.entities import Camera, VehiclePass, Violation
from detector.errors import ConfigurationError
from detector.rules.heaped_load import HeapedLoad
from detector.rules.permits import NoPermit, OffRoute, OutsideHours
from detector.rules.protocol import Facts, Rule
from detector.rules.uncovered_load import UncoveredLoad
from detector.rules.unreadable_plate import UnreadablePlate

RULES: dict[str, type[Rule]] = {
    rule.name: rule for rule in (UncoveredLoad, HeapedLoad, UnreadablePlate, NoPermit, OutsideHours, OffRoute)
}


def build_rule(name: str, parameters: dict[str, Any]) -> Rule:
    """A rule with some of its parameters changed.

    Raises:
        ConfigurationError: unknown rule, unknown parameter, a value that is no number, or a negative one.
    """
    if name not in RULES:
        raise ConfigurationError(f"unknown rule {name!r}; known: {', '.join(RULES)}")
    known = {f.name: f.type for f in fields(cast(Any, RULES[name]))}
    for key, value in parameters.items():
        if key not in known:
            raise ConfigurationError(f"rule {name}: unknown parameter {key!r}; known: {', '.join(known)}")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ConfigurationError(f"rule {name}: {key} must be a number, not {value!r}")
        if known[key] is int and not isinstance(value, int):
            raise ConfigurationError(f"rule {name}: {key} must be a whole number, not {value!r}")
        if value < 0:
            raise ConfigurationError(f"rule {name}: {key} must not be negative, but is {value!r}")
    return RULES[name](**parameters)


def judge(vehicle_pass: VehiclePass, camera: Camera, rules: Iterable[Rule], facts: Facts) -> Violation | None:
    """All findings on one pass as one violation; None when no rule is broken."""
    found = (rule.judge(vehicle_pass, camera, facts) for rule in rules)
    findings = tuple(finding for finding in found if finding is not None)
    return Violation(vehicle_pass, findings) if findings else None
