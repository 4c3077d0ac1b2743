"""What a cargo bed shows: two axes, and the labels derived from them."""

from dataclasses import dataclass
from enum import StrEnum

from detector.geometry import Box


class Cover(StrEnum):
    """State of a tipper's cover."""

    CLOSED = "closed"
    PARTIAL = "partial"
    OPEN = "open"
    NOT_VISIBLE = "not_visible"


class Fill(StrEnum):
    """State of a tipper's load."""

    EMPTY = "empty"
    BELOW_EDGE = "below_edge"
    ABOVE_EDGE = "above_edge"
    NOT_VISIBLE = "not_visible"


class LoadLabel(StrEnum):
    """The one word that follows from cover and fill."""

    COVERED = "covered"
    EMPTY = "empty"
    LOADED = "loaded"
    HEAPED = "heaped"
    NOT_VISIBLE = "not_visible"
    NOT_A_TIPPER = "not_a_tipper"


@dataclass(frozen=True, slots=True)
class LoadState:
    """Cover and fill of one cargo bed.

    Attributes:
        cover_confidence: probability of the side that the cover is on, closed or not.
        fill_confidence: probability of empty or of loaded; for ABOVE_EDGE, that the load is above the edge.
        tipper_confidence: probability that the vehicle is a tipper (open-topped bed for bulk goods) at all.
        bed_xyxy: box in px of the whole image; None when no bed was located.
    """

    cover: Cover
    cover_confidence: float
    fill: Fill
    fill_confidence: float
    tipper_confidence: float
    bed_xyxy: Box | None = None

    @property
    def label(self) -> LoadLabel:
        """The derived label: heaped and loaded mean *not closed*; a closed cover is covered whatever is beneath."""
        if self.tipper_confidence < 0.5:
            return LoadLabel.NOT_A_TIPPER
        if self.cover is Cover.CLOSED:
            return LoadLabel.COVERED
        if self.cover is Cover.NOT_VISIBLE and self.fill is not Fill.ABOVE_EDGE:
            return LoadLabel.NOT_VISIBLE
        labels = {Fill.EMPTY: LoadLabel.EMPTY, Fill.BELOW_EDGE: LoadLabel.LOADED, Fill.ABOVE_EDGE: LoadLabel.HEAPED}
        return labels.get(self.fill, LoadLabel.NOT_VISIBLE)

    @property
    def confidence(self) -> float:
        """Probability that the label is right, as far as cover and fill are independent."""
        if self.label is LoadLabel.NOT_A_TIPPER:
            return 1.0 - self.tipper_confidence
        return self.cover_confidence * (1.0 if self.label is LoadLabel.COVERED else self.fill_confidence)
