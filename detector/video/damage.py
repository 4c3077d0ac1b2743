"""Where a recording is damaged, in words."""

_MERGE_S = 1.0
_SHOWN = 5


class DamageLog:
    """Collects the times of pictures that could not be decoded, and says them in few lines."""

    def __init__(self) -> None:
        """Start without damage."""
        self.count = 0
        self._spans: list[list[float]] = []  # [first_s, last_s, pictures], at most _SHOWN; the last one keeps growing
        self._hidden_spans = 0

    def add(self, stream_s: float) -> None:
        """Note one lost picture at `stream_s`; times come nearly in order."""
        self.count += 1
        is_new = not self._spans or stream_s - self._spans[-1][1] > _MERGE_S
        if is_new and len(self._spans) < _SHOWN:
            self._spans.append([stream_s, stream_s, 0])
        elif is_new:
            self._hidden_spans += 1
        first_s, last_s, pictures = self._spans[-1]
        self._spans[-1] = [min(first_s, stream_s), max(last_s, stream_s), pictures + 1]

    def notes(self) -> list[str]:
        """One line for each damaged stretch; many stretches are summed up in the last line."""
        return [
            f"corrupt: {pictures:.0f} frames could not be decoded at {max(0.0, first_s):.1f}-{max(0.0, last_s):.1f} s"
            + (f" ({self._hidden_spans + 1} stretches)" if i == _SHOWN - 1 and self._hidden_spans else "")
            for i, (first_s, last_s, pictures) in enumerate(self._spans)
        ]
