"""Which frames are analysed: the first frame in each cell of an absolute time grid."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class SamplingGrid:
    """Chooses frames by capture time alone, so that live, restarted and replayed runs choose the same ones.

    Time is cut into cells of 1/fps seconds, counted from 1970-01-01 UTC; a frame is chosen when the frame before it
    lies in another cell. The first frame of a source is chosen, whatever its place in its cell.
    """

    def __init__(self, fps: float) -> None:
        """Make a grid.

        Args:
            fps: cells a second; a source that is slower has every frame chosen.

        Raises:
            ValueError: `fps` is not a positive number.
        """
        if not fps > 0:
            raise ValueError(f"analysis_fps must be positive, not {fps}")
        self._fps = Fraction(fps).limit_denominator(1000)
        self._last_cell: int | None = None

    def cell(self, captured_at: datetime) -> int:
        """Number of the cell in which an aware instant lies.

        Instants are rounded to microseconds when they become `datetime`; one microsecond is added so that a frame that
        truly lies on a border (30 pictures a second on a grid of 15) does not fall to this side or that by rounding.
        """
        microseconds = (captured_at - _EPOCH) // _MICROSECOND + 1
        return microseconds * self._fps.numerator // (self._fps.denominator * 1_000_000)

    def chooses(self, captured_at: datetime) -> bool:
        """Whether the next frame of the source, captured at an aware instant, is to be analysed."""
        cell = self.cell(captured_at)
        is_chosen = cell != self._last_cell
        self._last_cell = cell
        return is_chosen
