"""Train, export and measure the plate reader.

    python -m scripts.train_plate_reader --data /work/shared/data            # train, resume where it stopped, export
    python -m scripts.train_plate_reader --data /work/shared/data --evaluate # figures of weights/plate_reader.onnx

About 200,000 drawn crops are seen; the cache is $ROADWARDEN_CACHE (default ~/.cache/roadwarden), about 0.7 GB a part.
"""

import argparse
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import torch

from scripts.training.plates_crops import read_real_crops
from scripts.training.plates_reader import Plan, train
from scripts.training.plates_sources import cache_folder, crop_parts

SEED = 0


def main() -> None:
    """Parse the command line and do it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with plates/ and vehicles/")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--parts", type=int, default=8, help="different parts of 20,000 drawn crops")
    args = parser.parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    cv2.setNumThreads(1)
    checkpoint = cache_folder() / "reader.pt"
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    real = read_real_crops(args.data / "plates" / "crops-94x24", train=True)
    train(crop_parts(args.data, SEED), real, Plan(args.epochs, args.parts), checkpoint)


if __name__ == "__main__":
    main()
