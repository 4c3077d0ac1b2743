"""Stills of a camera of which a smaller stream was analysed: out of its main stream, at the very same instants."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from detector.entities import Observation, Violation
from detector.evidence.instants import Instant, InstantFinder, transfer
from detector.evidence.stills import plan_stills
from detector.packets import Excerpt
from detector.video.decoding import decode_at, decode_between


@dataclass(frozen=True, slots=True, eq=False)
class PairedStills:
    """Pictures of the main stream for the stills, and the violation as they show it.

    Attributes:
        violation: boxes, pts and times are those of the main stream.
        images: pts → (H, W, 3) uint8 BGR.
        instants: for the manifest: which pictures of the two streams belong together.
    """

    violation: Violation
    images: dict[int, np.ndarray]
    instants: list[dict[str, Any]]


def pair_stills(violation: Violation, main: Excerpt, analysed: Excerpt) -> PairedStills | None:
    """Find the main pictures of the moments that become stills; None where it is sure of none of them.

    Args:
        violation: as it was analysed.
        main: the passage in the main stream.
        analysed: the same in the smaller one.

    Raises:
        EvidenceError: what was analysed cannot be decoded again.
    """
    small_wh, main_wh = analysed.info.upright_wh, main.info.upright_wh
    wanted = plan_stills(violation, small_wh).pts
    analysed_images = decode_at(analysed.packets, analysed.info, wanted)
    looks = [look for look in violation.vehicle_pass.observations if look.pts in wanted]
    finder = InstantFinder([(look, analysed_images[look.pts]) for look in looks])
    for packet, image in decode_between(main.packets, main.info, *finder.span_s):
        finder.offer(packet.stream_s, packet.pts, packet.sha256, image)
    found = finder.found()
    if not found:
        return None
    scale = (main_wh[0] / small_wh[0], main_wh[1] / small_wh[1])
    images = {instant.pts: instant.image for instant in found.values()}
    moved = transfer(violation, found, main.packets, scale)
    return PairedStills(moved, images, [_row(look, found.get(look.pts)) for look in looks])


def _row(look: Observation, instant: Instant | None) -> dict[str, Any]:
    """Which pictures of the two streams belong together; None where the main one is not sure."""
    return {
        "frame_index": look.frame_index,
        "analysed_pts": look.pts,
        "analysed_packet_sha256": look.packet_sha256,
        "pts": instant.pts if instant else None,
        "packet_sha256": instant.packet_sha256 if instant else None,
        "offset_s": round(instant.offset_s, 3) if instant else None,
        "likeness": round(instant.likeness, 3) if instant else None,
    }
