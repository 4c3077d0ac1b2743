"""What the C library and Python do with freed memory, seen from a process of its own."""

import subprocess
import sys

PROGRAM = """
import sys
from pathlib import Path
import numpy as np
from pipelines.freed_memory import give_back_free_pages, give_back_large_blocks

def count_mib() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 // 2**20

if sys.argv[1] == "given back":
    give_back_large_blocks()
first = np.ones(30 * 2**20, np.uint8)
del first  # raises glibc's threshold, unless that is fixed
planes = [np.ones(2 * 2**20, np.uint8) for _ in range(100)]
last = np.ones(2**20, np.uint8)  # lies above them in the heap
before = count_mib()
del planes
if sys.argv[1] == "given back at last":
    give_back_free_pages()
print(before - count_mib())
"""


SHARING = """
import sys, threading
from pathlib import Path
import numpy as np
from pipelines.freed_memory import share_one_heap

def count_mib() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 // 2**20

def fill() -> list[np.ndarray]:
    return [np.ones(2**16, np.uint8) for _ in range(1600)]

def work() -> None:
    blocks = fill()
    kept.append(blocks.pop())  # lies above the others

if sys.argv[1] == "shared":
    share_one_heap()
kept = []
thread = threading.Thread(target=work)
thread.start()
thread.join()
before = count_mib()
blocks = fill()
print(count_mib() - before)
"""


LOADING = """
import gc, sys
from pipelines.freed_memory import loading

rounds = []
gc.callbacks.append(lambda phase, info: rounds.append(info["generation"]))
with loading():
    rounds.clear()
    loaded = [[] for _ in range(200_000)]
    during = len(rounds)
gc.collect()
searched = sum(item is loaded[0] for item in gc.get_objects())
print(during + searched if gc.isenabled() else -1)
"""


def run(program: str, *arguments: str) -> int:
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_pictures_that_were_freed_go_back_to_the_system() -> None:
    """A hundred planes of 2 MiB, as decoded pictures have: all of them; left to itself glibc keeps them."""
    assert run(PROGRAM, "given back") > 190
    assert run(PROGRAM, "given back at last") > 190
    assert run(PROGRAM, "kept") < 100


def test_what_one_thread_freed_another_one_takes() -> None:
    """A hundred MiB in small blocks; left to itself glibc keeps them for the thread that had them."""
    assert run(SHARING, "shared") < 20
    assert run(SHARING, "each its own") > 80


def test_what_was_loaded_is_never_searched_for_garbage() -> None:
    """Neither while it is loaded nor afterwards, when everything else is again."""
    assert run(LOADING) == 0
