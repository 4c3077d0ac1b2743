"""PASSES → VIOLATIONS: one file per kind of violation, each a pure function of a pass, its camera and given facts."""

from detector.rules.protocol import Facts, Rule
from detector.rules.registry import RULES, build_rule, judge

__all__ = ["RULES", "Facts", "Rule", "build_rule", "judge"]
