"""The door of this station."""

from datetime import datetime
from typing import Protocol

from detector.entities import Detections, Track


class Tracker(Protocol):
    """Follows the vehicles of one camera; never share one between cameras."""

    def update(self, detections: Detections, captured_at: datetime) -> tuple[Track, ...]:
        """Take the detections of the next frame.

        Args:
            detections: what the detector found, low confidences included; empty when it found nothing.
            captured_at: capture time of the frame, later than that of the frame before; the spacing may vary.

        Returns:
            Every track that lives, ordered by id, and those that ended with this frame, once, as REMOVED.

        Raises:
            ValueError: time does not advance.
        """
        ...

    def finish(self) -> tuple[Track, ...]:
        """End every track: each is returned as REMOVED, and forgotten. Later frames start new tracks with new ids."""
        ...
