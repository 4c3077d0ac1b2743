"""Whether a record may serve as evidence, or is a lead that officers must prove by other means.

The reasons are stable keys; their wording in Chinese and English is in `texts`.
"""

from datetime import datetime

from detector.entities import BEIJING, Authority, Camera, Grade, LegalRecord, TimeBasis, Violation

MAX_UNCERTAINTY_MS = 1000.0
"""GA/T 832-2014, 3.2: the clock is at most 1.0 s off Beijing time: offset and uncertainty together."""

SUFFICIENT_LEVELS = ("law", "administrative_regulation")
"""Administrative Penalty Law, art. 41(1): technical monitoring "依照法律、行政法规规定"."""

MIN_IMAGE_WH = (1280, 720)
"""GA/T 832-2014, 3.4: the least picture of a digital camera, px."""

MIN_SCENES = 2
"""GA/T 832-2014, 3.3.1: pictures of the whole scene at different times."""


def grade_violation(
    violation: Violation, camera: Camera, time: TimeBasis, image_wh: tuple[int, int], scene_count: int
) -> tuple[Grade, tuple[str, ...]]:
    """Grade a record, and say everything that keeps it from being evidence.

    Args:
        violation: its plate must be certain; its last deciding moment must lie within the legal record's validity.
        camera: with its legal record (Administrative Penalty Law, art. 41: technical and legal review, sign,
            published place) and the law that authorises its use by its body for every act that was found.
        time: how the capture time is known.
        image_wh: of the smallest scene picture, px.
        scene_count: scene pictures between which the vehicle visibly moved, or 10 s went by.

    Returns:
        The grade, and the keys of the reasons against `evidence`; no reason means `evidence`.
    """
    reasons = [*_legal_reasons(camera.legal, violation, time), *_time_reasons(time)]
    if image_wh[0] < MIN_IMAGE_WH[0] or image_wh[1] < MIN_IMAGE_WH[1]:
        reasons.append("image_too_small")
    if scene_count < MIN_SCENES:
        reasons.append("scenes_too_few")
    plate = violation.vehicle_pass.plate
    if plate is None:
        reasons.append("plate_missing")
    elif not plate.is_certain:
        reasons.append("plate_uncertain")
    return (Grade.LEAD if reasons else Grade.EVIDENCE), tuple(reasons)


def _legal_reasons(legal: LegalRecord | None, violation: Violation, time: TimeBasis) -> list[str]:
    if legal is None:
        return ["legal_record_missing"]
    entries = (legal.technical_review, legal.legal_review, legal.published_at_url, legal.sign, legal.valid_to)
    if not all(entries) or legal.valid_to is None:
        return ["legal_record_incomplete"]
    deciding = violation.deciding
    last_at = deciding[-1].captured_at if deciding else violation.vehicle_pass.last_seen_at
    # A relative time cannot be held against a date; `time_relative` already makes such a record a lead.
    expired = ["legal_record_expired"] if time.is_absolute and last_at > legal.valid_to else []
    return [*expired, *_authority_reasons(legal, violation, last_at if time.is_absolute else None)]


def _authority_reasons(legal: LegalRecord, violation: Violation, at: datetime | None) -> list[str]:
    authority = legal.authority
    if authority is None or not legal.body:
        return ["authority_missing"]
    reasons = []
    if authority.level not in SUFFICIENT_LEVELS:
        reasons.append("authority_too_low")
    if authority.body != legal.body:
        reasons.append("authority_other_body")
    if not all(finding.rule in authority.rules for finding in violation.findings):
        reasons.append("authority_other_act")
    if at is not None and not _is_in_force(authority, at):
        reasons.append("authority_not_in_force")
    return reasons


def _is_in_force(authority: Authority, at: datetime) -> bool:
    day = at.astimezone(BEIJING).date()
    return authority.valid_from <= day and (authority.valid_to is None or day <= authority.valid_to)


def _time_reasons(time: TimeBasis) -> list[str]:
    if not time.is_absolute:
        return ["time_relative"]
    if time.uncertainty_ms is None:
        return ["time_uncertainty_unknown"]
    if time.rests_on_host and time.host_offset_ms is None:
        return ["host_clock_unknown"]
    offset_ms = abs(time.host_offset_ms or 0.0)
    # Written so that NaN, which compares as false, is a reason too.
    is_known = time.uncertainty_ms >= 0 and offset_ms + time.uncertainty_ms <= MAX_UNCERTAINTY_MS
    return [] if is_known else ["time_uncertain"]
