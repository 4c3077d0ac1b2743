"""Parts of `scripts/benchmark_replay.py`."""
