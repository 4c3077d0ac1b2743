"""How fast packages are verified: hashes (SHA-256 and SM3), signatures, and the chain of a site.

    python scripts/benchmark_verify.py PACKAGE [--packages 100] [--repetitions 3]

Copies a real package so many times into a site of its own, seals each copy with a new key, and verifies all of them as
`roadwarden verify --chain --key` does. Everything is read from the page cache: disks are slower.
"""

import argparse
import platform
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from detector.evidence.chain import SEAL, check_chain, hash_sm3, next_link, public_keys
from detector.evidence.keys import KeyFolder
from detector.evidence.verify import verify_package


def build_site(package: Path, root: Path, keys: KeyFolder, count: int) -> None:
    """A site of so many sealed copies."""
    root.mkdir()
    signer = keys.signer()
    for number in range(count):
        folder = root / f"RW-{number:06}"
        shutil.copytree(package, folder, ignore=shutil.ignore_patterns(SEAL, "timestamp.tsr"))
        with next_link(root) as link:
            link.seal(folder, folder.name, signer)
            link.commit()


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path)
    parser.add_argument("--packages", type=int, default=100)
    parser.add_argument("--repetitions", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="roadwarden-") as scratch:
        root, keys = Path(scratch) / "site", KeyFolder(Path(scratch) / "keys")
        build_site(arguments.package, root, keys, arguments.packages)
        trusted = public_keys(list((Path(scratch) / "keys").glob("*.pub")))
        folders = sorted(path for path in root.iterdir() if path.is_dir())
        size = sum(path.stat().st_size for path in folders[0].iterdir())
        each, walks, sm3 = [], [], []
        for _ in range(arguments.repetitions):
            for folder in folders:
                began = time.perf_counter()
                report = verify_package(folder, keys=trusted)
                each.append(time.perf_counter() - began)
                assert report.is_intact and report.seal.is_checked, report
            began = time.perf_counter()
            assert check_chain(root) == []
            walks.append(time.perf_counter() - began)
            clip = max(folders[0].iterdir(), key=lambda path: path.stat().st_size)
            began = time.perf_counter()
            hash_sm3(clip)
            sm3.append(clip.stat().st_size / (time.perf_counter() - began) / 1e6)
    each.sort()
    print(f"{platform.machine()}, {len(folders)} packages of {size / 1e6:.1f} MB, {arguments.repetitions} repetitions")
    p95 = each[int(len(each) * 0.95)]
    print(f"verify one package: median {statistics.median(each) * 1000:.1f} ms, p95 {p95 * 1000:.1f} ms, n={len(each)}")
    print(f"throughput: {size / statistics.median(each) / 1e6:.0f} MB/s; SM3 alone {statistics.median(sm3):.0f} MB/s")
    print(f"walk of the chain without packages' files: {statistics.median(walks) * 1000:.0f} ms")


if __name__ == "__main__":
    main()
