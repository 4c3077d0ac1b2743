"""How far the clock of this machine may be off, as the kernel knows it from chrony, ntpd or systemd-timesyncd."""

import ctypes
import ctypes.util

STA_UNSYNC = 0x0040
STA_NANO = 0x2000


class _Timex(ctypes.Structure):
    """`struct timex` of Linux (adjtimex(2)), read only."""

    _fields_ = [
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 192),
    ]


def read_host_offset_ms() -> float | None:
    """A bound of this machine's clock error in ms: what is still to be slewed plus the kernel's maximum error.

    Source: adjtimex(2), `offset` and `maxerror` (NTP's root distance, which grows by 0.5 ms a second without news).

    Returns:
        None when no time service keeps the clock, or the system does not tell.
    """
    try:
        library = ctypes.CDLL(ctypes.util.find_library("c"), use_errno=True)
        timex = _Timex()
        if library.adjtimex(ctypes.byref(timex)) < 0:
            return None
    except (OSError, AttributeError):
        return None
    return bound_ms(timex.status, timex.offset, timex.maxerror)


def bound_ms(status: int, offset: int, maxerror_us: int) -> float | None:
    """The bound from the kernel's numbers; `offset` in ns with STA_NANO, else in us. None when not synchronised."""
    if status & STA_UNSYNC:
        return None
    offset_ms = abs(offset) / (1e6 if status & STA_NANO else 1e3)
    return round(offset_ms + maxerror_us / 1e3, 1)
