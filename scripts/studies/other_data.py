"""Train on other data than all of MNIST: the embedded digits, two classes, few images; fill the tables of docs/other_data.md.

    python scripts/studies/other_data.py           # what is missing: about a quarter of an hour of one core
    python scripts/studies/other_data.py --page    # the tables from the record, without running anything

Each network is a `DiehlCook` with pixels as they are, whose constants follow from the rule, the number of neurons and
the number of images alone. All readouts learn from its responses to the images that it has learned from; test
images only judge. A seed draws the training images, too, where not all are used.
"""

import argparse
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pages import Row, append_rows, put, read_rows, table

from diehlcook.analysis.readouts import PAPER, READOUTS, evenly, fit
from diehlcook.classifier import DiehlCook
from diehlcook.data import datasets
from diehlcook.data.datasets import Dataset

DOCS = Path(__file__).parents[2] / "docs"
RECORD, PAGE = DOCS / "other_data.csv", DOCS / "other_data.md"

ENGINE = "fused"
RULES = "triplet", "power-law"
SEEDS = 1, 2, 3
PIXELS = "pixels"
"""What the record calls classifiers without neurons."""

JUDGES = 5_000
"""Test images that judge, at most: evenly spread over all of them."""


class Source(NamedTuple):
    """Where images are from."""

    data: str
    images: int | None = None
    """Training images, drawn by the seed; None: all of them."""
    classes: tuple[str, ...] = ()
    """Classes that are told apart; none named: all of them."""

    def load(self, seed: int) -> tuple[Dataset, Dataset]:
        """Return the images to learn from and those that judge."""
        training, testing = (datasets.load(self.data, split) for split in ("train", "test"))
        if self.classes:
            training, testing = training.only(*self.classes), testing.only(*self.classes)
        drawn = np.random.default_rng(seed).permutation(len(training))[: self.images]
        return part(training, np.sort(drawn)), part(testing, evenly(np.arange(len(testing)), JUDGES))


def part(data: Dataset, which: NDArray[np.int64]) -> Dataset:
    """Return some images of a data set, in this order."""
    return Dataset.from_arrays(data.images[which], data.labels[which], split=data.split)


SOURCES = {
    "embedded digits": Source("digits"),
    "MNIST, 4 and 9": Source("mnist", 5_000, ("4", "9")),
    "MNIST, 100 images": Source("mnist", 100),
    "MNIST, 1,000 images": Source("mnist", 1_000),
    "MNIST, 10,000 images": Source("mnist", 10_000),
}
SIZES = [*((name, 100) for name in SOURCES), ("MNIST, 10,000 images", 400)]
"""What is learned, and by how many neurons."""


class Case(NamedTuple):
    """What is run at once."""

    data: str
    learner: str
    """A learning rule, or `PIXELS`."""
    n_exc: int
    seed: int


def cases() -> list[Case]:
    """Return all that is wanted, the most wanted first."""
    return [Case(name, PIXELS, 0, seed) for seed in SEEDS for name in SOURCES] + [
        Case(name, rule, n_exc, seed)
        for n_exc in sorted({n_exc for _, n_exc in SIZES})
        for seed in SEEDS
        for rule in RULES
        for name, size in SIZES
        if size == n_exc
    ]


def flat(data: Dataset) -> NDArray[np.float64]:
    """Return the images as samples."""
    return data.images.reshape(len(data), -1).astype(np.float64)


WITHOUT_NEURONS = "nearest image", "nearest class mean"
"""Classifiers of pixels that have nothing to choose."""


def without_neurons(training: Dataset, testing: Dataset) -> dict[str, NDArray[Any]]:
    """Return what the nearest training image and the nearest class mean say of each test image."""
    from sklearn.neighbors import KNeighborsClassifier

    x, y = flat(training), training.labels
    means = np.array([x[y == k].mean(axis=0) for k in range(training.n_classes)])
    judges = flat(testing)
    found = (
        KNeighborsClassifier(1).fit(x, y).predict(judges),
        KNeighborsClassifier(1).fit(means, np.arange(training.n_classes)).predict(judges),
    )
    return dict(zip(WITHOUT_NEURONS, found, strict=True))


def measure(case: Case) -> list[Row]:
    """Return a row for each readout."""
    training, testing = SOURCES[case.data].load(case.seed)
    started = time.process_time()
    kind = {"theta_plus_mV": "", "spikes_per_image": ""}
    if case.learner == PIXELS:
        found = without_neurons(training, testing)
    else:
        model = DiehlCook(case.n_exc, case.learner, engine=ENGINE, random_state=case.seed, coding="pixels")
        model.fit(flat(training), training.labels)
        seen, shown = model.responses_, model.transform(flat(testing)).astype(np.uint16)
        found = {
            name: fit(name, seen, training.labels, training.n_classes).classify(shown) for name in READOUTS
        }
        kind = {
            "theta_plus_mV": f"{1e3 * model.params_.theta_plus:.4g}",
            "spikes_per_image": f"{shown.sum(axis=1).mean():.1f}",
        }
    told = kind | {"cpu_s": f"{time.process_time() - started:.0f}", "date": time.strftime("%Y-%m-%d")}
    return [
        {key: str(value) for key, value in case._asdict().items()}
        | {
            "readout": name,
            "learned": str(len(training)),
            "judged": str(len(testing)),
            "right": str(int((predicted == testing.labels).sum())),
        }
        | told
        for name, predicted in found.items()
    ]


def case_of(row: Row) -> Case:
    """Return the case of a row."""
    return Case(row["data"], row["learner"], int(row["n_exc"]), int(row["seed"]))


def run_missing() -> None:
    """Run what the record does not have, and add its rows."""
    done = {case_of(row) for row in read_rows(RECORD)}
    for case in cases():
        if case not in done:
            append_rows(RECORD, measure(case))
            print(*case, f"{time.process_time():.0f} s", flush=True)


Results = dict[tuple[str, str, int, str], list[float]]
"""By data, learner, number of neurons and readout: the accuracy of each seed."""


def results(rows: list[Row]) -> Results:
    """Put the seeds together."""
    found: Results = {}
    for row in rows:
        key = row["data"], row["learner"], int(row["n_exc"]), row["readout"]
        found.setdefault(key, []).append(int(row["right"]) / int(row["judged"]))
    return found


def percent(accuracies: list[float]) -> str:
    """Return mean ± sd over seeds, and where it is not all of them, how many seeds; of one seed the accuracy."""
    if not accuracies:
        return ""
    told = f"{100 * np.mean(accuracies):.1f}"
    if len(accuracies) > 1:
        told += f" ± {100 * np.std(accuracies, ddof=1):.1f}"
    return told if len(accuracies) == len(SEEDS) else f"{told} (n = {len(accuracies)})"


def tables(rows: list[Row]) -> str:
    """Return the tables of the page."""
    found = results(rows)
    networks = [
        (name, rule, n_exc) for name, n_exc in SIZES for rule in RULES if (name, rule, n_exc, PAPER) in found
    ]
    learned = {row["data"]: (row["learned"], row["judged"]) for row in rows}
    short = [
        (
            *(name, *(f"{int(n):,}" for n in learned[name]), rule, n_exc),
            percent(found[name, rule, n_exc, PAPER]),
            percent(found[name, rule, n_exc, "logistic"]),
            *(percent(found.get((name, PIXELS, 0, one), [])) for one in WITHOUT_NEURONS),
        )
        for name, rule, n_exc in networks
    ]
    all_readouts = [
        (f"{name}, {rule}, {n_exc}", *(percent(found[name, rule, n_exc, one]) for one in READOUTS))
        for name, rule, n_exc in networks
    ]
    activity = {
        (row["data"], row["learner"], int(row["n_exc"])): (row["theta_plus_mV"], row["spikes_per_image"])
        for row in rows
        if row["seed"] == str(SEEDS[0])
    }
    kinds = [(f"{name}, {rule}, {n_exc}", *activity[name, rule, n_exc]) for name, rule, n_exc in networks]
    seconds = [float(row["cpu_s"]) for row in rows if row["learner"] != PIXELS]
    parts = [
        table(
            "| data | training images | test images | rule | neurons | `assignment` | `logistic` | "
            f"{' | '.join(WITHOUT_NEURONS)} |",
            short,
        ),
        "### All readouts",
        table(f"| network | {' | '.join(f'`{name}`' for name in READOUTS)} |", all_readouts),
        "### The networks",
        table("| network | threshold step, mV | spikes per test image (seed 1) |", kinds),
        (
            f"Test accuracy in %, mean ± standard deviation over seeds 1 to {len(SEEDS)}. "
            "Processor time for a network with all its readouts: "
            f"{min(seconds):.0f} to {max(seconds):.0f} s. "
            f"Last row of {max(row['date'] for row in rows)}."
        ),
    ]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Run what is missing, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", action="store_true", help="write the tables only")
    options = parser.parse_args()
    if not options.page:
        run_missing()
    put(PAGE, "other_data.py", tables(read_rows(RECORD)))


if __name__ == "__main__":
    main()
