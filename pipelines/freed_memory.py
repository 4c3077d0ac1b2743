"""How memory that was freed is kept, by the C library and by Python."""

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
"""Of glibc's `mallopt`."""

LARGE = 2**18
"""Bytes from which a block is a mapping of its own: a decoded picture of 1920x1080 has planes of 2 MB and twice 0.5."""


def give_back_large_blocks() -> None:
    """Have freed pictures go back to the system at once, in every thread of this process.

    glibc raises its threshold to the largest block ever freed, so that pictures come to lie in the heap of each thread
    that had one, and stay (docs/live.md, MiB a camera). Without effect where the C library is another.
    """
    _tell_allocator("mallopt", _M_MMAP_THRESHOLD, LARGE)


def share_one_heap() -> None:
    """Have all threads of this process take memory from one heap; to be called before there are threads.

    With a heap each, what one thread freed is kept from the others: three minutes of 1920x1080 took 640 MB to replay
    (docs/performance.md). Where nothing idles, as in a replay, this is cheaper than `give_back_large_blocks`, whose
    pictures are mapped anew, page by page. Without effect where the C library is another.
    """
    _tell_allocator("mallopt", _M_ARENA_MAX, 1)


def give_back_free_pages() -> None:
    """Have every page that is free now go back to the system, wherever in the heap it lies; takes some 25 ms.

    For before what needs much memory at once: 100 MB of 530 lie idle between the pictures of a replay of 1920x1080.
    Without effect where the C library is another.
    """
    _tell_allocator("malloc_trim", 0)


@contextmanager
def loading() -> Iterator[None]:
    """Look for no garbage while the program is loaded, and never again in what was loaded then: there is none in it.

    Python looks every time that the number of objects has grown by a quarter, which takes an eighth of the imports.
    """
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _tell_allocator(function: str, *arguments: int) -> None:
    told = getattr(ctypes.CDLL(None), function, None)
    if told is not None:
        told(*arguments)
