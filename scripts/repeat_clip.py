"""A clip put one after another until it is long, to measure what a replay costs when its start no longer counts.

    python scripts/repeat_clip.py ../shared/data/footage/motorway-04.mp4 OUT.mp4 [--minutes 5]

The packets are copied as they are; nothing is encoded.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.benchmarking.still_film import write_loop


def main() -> None:
    """Write the clip."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=5.0)
    options = parser.parse_args()
    write_loop([options.clip], options.out, options.minutes * 60)


if __name__ == "__main__":
    main()
