"""Make a trained run one of those that come with the package: single precision, labelled and tested as shipped.

    python scripts/tools/ship.py data/runs/workflow/triplet-400-seed1

Rounding the weights changes spikes, so the labels and the accuracy are those of the rounded network: labels
from all 60,000 training images, one presentation of the 10,000 test images.
"""

import argparse
import shutil
import tempfile
from pathlib import Path

import numpy as np

from diehlcook.data import datasets
from diehlcook.phases.observe import observe
from diehlcook.phases.test import test
from diehlcook.runs.files import digest, load_json, save_array, save_json
from diehlcook.runs.run import load_run
from diehlcook.runs.shipped import TRAINED


def main() -> None:
    """Round, label, test and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="finished run directory")
    options = parser.parse_args()
    name = "{0.rule}-{0.n_exc}".format(load_run(options.run).params)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        run = load_run(options.run)
        weights = run.weights().astype(np.float32)
        save_array(folder / "weights.npy", weights)
        for file in ("theta.npy", "delays.npy", "train_accuracy.npy"):
            shutil.copy(options.run / file, folder / file)
        run.folder, train = folder, run.trained()
        train["sha256"]["weights"] = digest(weights)
        run.facts = {"train": train}
        run.save()
        observe(run, datasets.load("mnist", "train"), engine="fused", jobs=2)
        test(run, datasets.load("mnist", "test"), engine="fused", jobs=2)
        tested = run.facts.pop("test")
        run.facts["shipped"] = {key: tested[key] for key in ("images", "repeats", "accuracy", "interval95")}
        run.save()
        target = TRAINED / name
        target.mkdir(parents=True, exist_ok=True)
        for file in ("weights.npy", "theta.npy", "assignments.npy", "train_accuracy.npy"):
            shutil.copy(folder / file, target / file)
        content = load_json(folder / "run.json")
        content["versions"].pop("platform")  # nobody's machine
        content["observe"].pop("raster")  # its files do not come with the package
        save_json(target / "run.json", content)
    print(f"{name}: {tested['accuracy']:.2%} of {tested['images']} test images")


if __name__ == "__main__":
    main()
