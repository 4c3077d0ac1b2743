from dataclasses import replace
from datetime import date, timedelta

import pytest

from detector.entities import Grade, TimeBasis, TimeSource
from detector.evidence.grade import grade_violation
from tests.detector.evidence.makers import AUTHORITY, CAMERA, LEGAL, OPERATOR, PLATE, RELATIVE, START, make_violation

LEGAL_ENTRIES = ("technical_review", "legal_review", "published_at_url", "sign", "valid_to")
COMPLETE = (make_violation(), CAMERA, OPERATOR, (1280, 720), 2)


def with_legal(**changes):
    return replace(CAMERA, legal=replace(LEGAL, **changes))


def with_authority(**changes):
    return with_legal(authority=replace(AUTHORITY, **changes))


def with_uncertainty(ms):
    return TimeBasis(TimeSource.OPERATOR, ms)


def test_a_complete_record_is_evidence():
    """Legal record, clock, picture, movement and plate are all there: no reason against it."""
    assert grade_violation(*COMPLETE) == (Grade.EVIDENCE, ())


@pytest.mark.parametrize(
    ("position", "value", "reason"),
    [
        (0, make_violation(plate=None), "plate_missing"),
        (0, make_violation(plate=replace(PLATE, text="渝D1234-")), "plate_uncertain"),
        (0, make_violation(plate=replace(PLATE, text="")), "plate_uncertain"),
        (1, replace(CAMERA, legal=None), "legal_record_missing"),
        *((1, with_legal(**{name: None}), "legal_record_incomplete") for name in LEGAL_ENTRIES),
        *((1, with_legal(**{name: None}), "authority_missing") for name in ("body", "authority")),
        (1, with_authority(level="local_regulation"), "authority_too_low"),
        (1, with_legal(body="城市管理"), "authority_other_body"),
        (1, with_authority(rules=("heaped_load",)), "authority_other_act"),
        (1, with_authority(valid_from=date(2024, 3, 6)), "authority_not_in_force"),
        (1, with_authority(valid_to=date(2024, 3, 4)), "authority_not_in_force"),
        (1, with_legal(sign=""), "legal_record_incomplete"),
        (1, with_legal(valid_to=START + timedelta(seconds=1.9)), "legal_record_expired"),
        (2, RELATIVE, "time_relative"),
        (2, with_uncertainty(None), "time_uncertainty_unknown"),
        (2, with_uncertainty(1000.1), "time_uncertain"),
        (2, with_uncertainty(float("nan")), "time_uncertain"),
        (2, TimeBasis(TimeSource.RTCP_SENDER_REPORT, 600.0, 400.1), "time_uncertain"),
        (2, TimeBasis(TimeSource.RTCP_SENDER_REPORT, 50.0), "host_clock_unknown"),
        (2, TimeBasis(TimeSource.HOST_ARRIVAL, 50.0), "host_clock_unknown"),
        (3, (1279, 720), "image_too_small"),
        (3, (1280, 719), "image_too_small"),
        (3, (720, 1280), "image_too_small"),
        (4, 1, "scenes_too_few"),
        (4, 0, "scenes_too_few"),
    ],
)
def test_each_shortcoming_alone_makes_it_a_lead(position, value, reason):
    """One missing condition is enough, and it is the one that is named."""
    record = [*COMPLETE]
    record[position] = value
    assert grade_violation(*record) == (Grade.LEAD, (reason,))


@pytest.mark.parametrize(
    ("position", "value"),
    [
        (1, with_legal(valid_to=START + timedelta(seconds=2))),
        (2, with_uncertainty(1000.0)),
        (2, with_uncertainty(0.0)),
        (2, TimeBasis(TimeSource.RTCP_SENDER_REPORT, 600.0, 400.0)),
        (1, with_authority(valid_from=date(2024, 3, 5), valid_to=date(2024, 3, 5))),
    ],
)
def test_the_limits_themselves_are_allowed(position, value):
    """The standard says "at most": exactly the limit is within it."""
    record = [*COMPLETE]
    record[position] = value
    assert grade_violation(*record)[0] is Grade.EVIDENCE


def test_all_reasons_are_listed():
    """An officer sees everything that is missing at once, not one thing after the other."""
    grade, reasons = grade_violation(make_violation(plate=None), replace(CAMERA, legal=None), RELATIVE, (640, 480), 1)
    assert grade is Grade.LEAD
    assert set(reasons) == {
        "plate_missing", "legal_record_missing", "time_relative", "image_too_small", "scenes_too_few",
    }  # fmt: skip


def test_validity_is_not_judged_by_a_clock_that_counts_from_1970():
    """With relative time the date means nothing, so "expired" is never concluded from it."""
    long_ago = with_legal(valid_to=START - timedelta(days=36500))
    assert grade_violation(make_violation(), long_ago, RELATIVE, (1280, 720), 2)[1] == ("time_relative",)
