"""Write the record of a labelled and tested run: all that the pages of results need, so that no run folder has to be kept.

Called by the workflow: python scripts/studies/record.py RUN --cell CELL --passes N --out FILE.
"""

import argparse
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from diehlcook.analysis import readout
from diehlcook.analysis.history import ACCURACY
from diehlcook.analysis.ladder import ladder
from diehlcook.data.datasets import Dataset
from diehlcook.errors import DiehlCookError
from diehlcook.model.params import Params
from diehlcook.runs import schema
from diehlcook.runs.files import load_json, save_json
from diehlcook.runs.provenance import images_of, responses
from diehlcook.runs.run import Run, load_run
from diehlcook.runs.schema import AMOUNT, DIGEST, NATURAL, POSITIVE, SHARE, TEXT, Each

BLOCKS = 6
"""Parts of the training images that are judged apart."""

OWN, OTHER = "own_class", "other_classes"

KEPT = {
    "train": (
        "images", "epochs", "engine", "wall_s", "presentations_per_image", "spikes_per_image", "theta_mV",
        "silent_neurons",
    ),
    "observe": ("images", "wall_s", "neurons_per_class", "unassigned_neurons", "ties"),
    "test": (
        "images", "repeats", "wall_s", "accuracy", "accuracies", "interval95", "silent_images", "ties",
    ),
}  # fmt: skip
"""What a record has of the facts of each phase."""

SPIKES = {OWN: AMOUNT, OTHER: AMOUNT}

NEURONS = {
    "theta_mV": Each(AMOUNT), "labels": Each(schema.whole(-1)), "training_spikes": Each(NATURAL),
    "test_spikes": Each(NATURAL),
}  # fmt: skip

SCHEMA = {
    "cell": TEXT, "preset": TEXT, "seed": NATURAL, "rule": TEXT, "n_exc": POSITIVE,
    "params": Each(TEXT, named=True),
    **{
        phase: {key: kinds[key] for key in KEPT[phase]}
        for phase, kinds in (
            ("train", schema.TRAINED), ("observe", schema.OBSERVED), ("test", schema.TESTED),
        )
    },
    "curve": Each(Each(NATURAL, 3)), "confusion": Each(Each(NATURAL)),
    "spikes": {"right": SPIKES, "wrong": SPIKES},
    "labels": {
        "all": SHARE, "first_2000": SHARE, "test_images": SHARE, "training_blocks": Each(SHARE, BLOCKS),
    },
    "neurons?": NEURONS,
    "readouts?": Each(
        {"says": TEXT, "accuracy": SHARE, "interval95": Each(SHARE, 2), "gained?": NATURAL,
        "lost?": NATURAL, "p?": SHARE},
        named=True,
    ),
    "assumed?": Each(TEXT), "data?": Each(DIGEST, named=True), "commit?": TEXT,
    "versions": Each(TEXT, named=True), "machine": TEXT, "date": TEXT,
}  # fmt: skip
"""What a record is: kinds and ranges; what records of earlier versions lack is optional."""


def answers(run: Run, testing: Dataset) -> dict[str, dict[str, float]]:
    """Return the spikes per image from neurons of the image's class and from others, for right and for wrong answers."""
    facts = run.facts["test"]
    repeats, images = facts["repeats"], facts["images"]
    predictions = run.load("test_predictions", repeats=repeats, images=images).ravel()
    counts = np.load(run.folder / "test_counts.npy", mmap_mode="r")
    truth = np.tile(testing.labels[:images], repeats).astype(int)
    membership = (run.assignments()[:, np.newaxis] == np.arange(testing.n_classes)).astype(float)
    of_class = np.concatenate(
        [counts[k : k + 1000].astype(float) @ membership for k in range(0, len(counts), 1000)]
    )
    own = of_class[np.arange(len(truth)), truth]
    other = of_class.sum(axis=1) - own
    right = predictions == truth
    return {
        name: {OWN: round(float(own[which].mean()), 2), OTHER: round(float(other[which].mean()), 2)}
        for name, which in (("right", right), ("wrong", ~right))
    }


def labelled_otherwise(run: Run, training: Dataset, testing: Dataset) -> dict[str, Any]:
    """Return what other labels give in the first presentation of the test set, and how the training images do.

    Labels from the very test images that are judged are the mistake of the authors' readme, measured.
    """
    seen = np.load(run.folder / "observe_counts.npy")
    first = np.load(run.folder / "test_counts.npy", mmap_mode="r")[: len(testing)]

    def right(counts: Any, labels: Any, truth: Any) -> Any:
        return readout.predict(counts, labels).labels == truth

    few = readout.assign_labels(seen[:2_000], training.labels[:2_000]).labels
    own = readout.assign_labels(first, testing.labels).labels
    blocks = np.array_split(right(seen, run.assignments(), training.labels), BLOCKS)
    return {
        "all": run.facts["test"]["accuracies"][0],
        "first_2000": round(float(right(first, few, testing.labels).mean()), 4),
        "test_images": round(float(right(first, own, testing.labels).mean()), 4),
        "training_blocks": [round(float(one.mean()), 4) for one in blocks],
    }


def machine() -> str:
    """Return the processor's name and the number of cores."""
    name = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
        name = found[1] if found else name
    return f"{name}, {os.cpu_count()} cores"


def record(run: Run, cell: str) -> dict[str, Any]:
    """Return what the pages need of a finished run."""
    training, testing = images_of(run, "observe"), images_of(run, "test")
    curve = run.load("train_accuracy").astype(ACCURACY)
    confusion = run.load("confusion")
    return {
        "cell": cell,
        "preset": run.preset,
        "seed": run.seed,
        "rule": run.params.rule,
        "n_exc": run.params.n_exc,
        "params": {name: here for name, (here, _) in run.params.differences(Params()).items()},
        **{phase: {key: run.facts[phase][key] for key in keys} for phase, keys in KEPT.items()},
        "curve": [[int(row["images"]), int(row["correct"]), int(row["total"])] for row in curve],
        "confusion": confusion.tolist(),
        "spikes": answers(run, testing),
        "labels": labelled_otherwise(run, training, testing),
        "neurons": neurons(run),
        "readouts": ladder(run)["readouts"],
        "assumed": run.params.assumed,
        "data": {phase: run.facts[phase]["data"]["sha256"] for phase in KEPT},
        "commit": commit(),
        "versions": {k: v for k, v in trained_with(run).items() if k != "platform"},
        "machine": machine(),
        "date": run.facts["train"]["started"][:10],
    }


def read_record(path: Path) -> dict[str, Any]:
    """Read a record that agrees with `SCHEMA` and with itself.

    Raises
    ------
    DiehlCookError
        In one line, which names the file and the field.
    """
    one = load_json(path)
    schema.check(one, SCHEMA, str(path))
    test, confusion = one["test"], np.array(one["confusion"])
    if confusion.ndim != 2 or len(confusion) != len(confusion.T):
        raise DiehlCookError(f"{path}: confusion: expected as many rows as columns")
    shown = test["images"] * test["repeats"]
    if (
        len(test["accuracies"]) != test["repeats"]
        or confusion.sum() + test["silent_images"] != shown
        or not np.allclose(
            [np.trace(confusion) / shown, np.mean(test["accuracies"])], test["accuracy"], atol=1e-4
        )
    ):
        raise DiehlCookError(f"{path}: confusion, accuracies and accuracy do not fit together")
    for name, values in one.get("neurons", {}).items():
        schema.check(values, Each(NEURONS[name].of, one["n_exc"]), f"{path}: neurons.{name}")
    return one


def neurons(run: Run) -> dict[str, list[Any]]:
    """Return what each neuron does: threshold, label, and spikes in training and in the test."""
    shown = responses(run, "test")
    return {
        "theta_mV": (1e3 * run.theta()).round(2).tolist(),
        "labels": run.assignments().tolist(),
        "training_spikes": run.load("train_spikes").tolist(),
        "test_spikes": shown.sum(axis=0, dtype=np.int64).tolist(),
    }


def trained_with(run: Run) -> dict[str, str]:
    """Return the versions that the training had; of older runs, those of the last phase."""
    versions: dict[str, str] = run.facts["train"].get("versions") or load_json(run.path)["versions"]
    return versions


def commit() -> str:
    """Return the commit of the repository that writes the record, which is the one that made the run unless it went on since."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def main() -> None:
    """Write the record of one run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="finished run directory")
    parser.add_argument("--cell", required=True, help="cell of the grid that the run is of")
    parser.add_argument("--passes", type=int, required=True, help="passes that the run must have had")
    parser.add_argument("--out", type=Path, required=True, help="file to write")
    options = parser.parse_args()
    run = load_run(options.run)
    if run.trained()["epochs"] != options.passes:
        sys.exit(
            f"{run.folder}: has had {run.trained()['epochs']} passes, and the record is to be of "
            f"{options.passes}; train the network again, in a folder of its own"
        )
    save_json(options.out, record(run, options.cell))


if __name__ == "__main__":
    main()
