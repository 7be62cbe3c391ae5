"""Write the data set that constants are chosen by: MNIST's training images alone, the last 10,000 of them as test images.

    python scripts/workflow/held_out_images.py data/runs/workflow/held-out.npz

The file is not to be committed. Cells of the grid use it as dataset: held-out.
"""

import argparse
from pathlib import Path

import numpy as np

from diehlcook.data import datasets

FIRST = 50_000
"""The first image that judges; those before train and label."""


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    whole = datasets.load("mnist", "train")
    unfinished = options.out.with_name(f".{options.out.name}")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with unfinished.open("wb") as file:
        np.savez(
            file,
            train_images=whole.images[:FIRST],
            train_labels=whole.labels[:FIRST],
            test_images=whole.images[FIRST:],
            test_labels=whole.labels[FIRST:],
        )
    unfinished.replace(options.out)


if __name__ == "__main__":
    main()
