"""Ids of cases, derived from the pass, so that the same footage can never make two cases."""

import hashlib

from detector.entities import BEIJING, TimeBasis, VehiclePass


def derive_case_id(vehicle_pass: VehiclePass, time: TimeBasis) -> str:
    """The id of the case that a pass makes.

    With absolute time it is `RW-YYYYMMDD-HHMMSS-HHHHHHHH`: Beijing time at which the vehicle was first seen, then 32
    bits of the SHA-256 of the pass id, which tell apart what was seen in the same second anywhere. With relative time
    it is `RW-REL-` and 64 bits of the same hash: there is no date to read, and more depends on the hash.

    The pass id already names the camera and the instant (or the packet), so this adds no knowledge: it makes the id
    short enough to be read out over a radio, and sortable by time.
    """
    digest = hashlib.sha256(vehicle_pass.pass_id.encode()).hexdigest().upper()
    if not time.is_absolute:
        return f"RW-REL-{digest[:16]}"
    return f"RW-{vehicle_pass.first_seen_at.astimezone(BEIJING):%Y%m%d-%H%M%S}-{digest[:8]}"
