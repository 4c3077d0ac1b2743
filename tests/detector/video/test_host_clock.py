"""The bound of this machine's clock error."""

import pytest

from detector.video.host_clock import STA_NANO, STA_UNSYNC, bound_ms, read_host_offset_ms


@pytest.mark.parametrize(
    ("status", "offset", "maxerror_us", "bound"),
    [
        (STA_UNSYNC, 0, 16_000_000, None),
        (0, -1500, 20_000, 21.5),
        (STA_NANO, 1_500_000, 20_000, 21.5),
    ],
)
def test_the_kernels_numbers(status: int, offset: int, maxerror_us: int, bound: float | None) -> None:
    """Offset in us, or ns where the status says so; without a time service nothing is known."""
    assert bound_ms(status, offset, maxerror_us) == bound


def test_this_machine_answers() -> None:
    """A bound, or that there is none; never an error."""
    found = read_host_offset_ms()
    assert found is None or 0 <= found < 60_000
