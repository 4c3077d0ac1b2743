"""How the C library keeps memory that was freed."""

import ctypes

_M_MMAP_THRESHOLD = -3
"""Of glibc's `mallopt`."""

LARGE = 2**18
"""Bytes from which a block is a mapping of its own: a decoded picture of 1920x1080 has planes of 2 MB and twice 0.5."""


def give_back_large_blocks() -> None:
    """Have freed pictures go back to the system at once, in every thread of this process.

    glibc raises its threshold to the largest block ever freed, so that pictures come to lie in the heap of each thread
    that had one, and stay (docs/live.md, MiB a camera). Without effect where the C library is another.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, LARGE)
