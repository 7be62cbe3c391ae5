"""The iris flowers in folds, and intervals for what is measured on them, for `iris` and `iris_neuron`.

Each repetition cuts the 150 flowers anew into five folds with equally many of each species; a method learns from
four of them and is asked about the fifth.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t as student
from sklearn.model_selection import StratifiedKFold

DATA = Path(__file__).parents[2] / "docs" / "notebooks" / "iris.csv"

REPETITIONS, FOLDS = 10, 5

Features = NDArray[np.float64]
Labels = NDArray[np.uint8]


class Flowers(NamedTuple):
    """The data set."""

    features: Features
    """Lengths and widths in cm (150, 4)."""
    labels: Labels
    """Numbers of the species (150,), in alphabetical order."""


class Fold(NamedTuple):
    """What a method learns from, and what it is asked.

    Features are scaled: those of the flowers to learn from go from 0 to 1, and others are cut off there.
    """

    repetition: int
    number: int
    learned: Features
    labels: Labels
    asked: Features
    answers: Labels
    """Only for counting what is right; no method learns from them."""

    @property
    def seed(self) -> int:
        """A number of its own."""
        return self.repetition * FOLDS + self.number


def read_flowers() -> Flowers:
    """Return the data set."""
    with DATA.open(newline="") as file:
        rows = list(csv.DictReader(file))
    species = sorted({row["species"] for row in rows})
    features = np.array([[float(value) for value in list(row.values())[:4]] for row in rows])
    return Flowers(features, np.array([species.index(row["species"]) for row in rows], np.uint8))


def folds(flowers: Flowers) -> Iterator[Fold]:
    """Yield the folds of all repetitions; the number of a repetition decides how it cuts."""
    for repetition in range(REPETITIONS):
        cut = StratifiedKFold(FOLDS, shuffle=True, random_state=repetition)
        for k, (seen, unseen) in enumerate(cut.split(flowers.features, flowers.labels)):
            seen = np.random.default_rng((repetition, k)).permutation(seen)  # the file is sorted by species
            low, high = flowers.features[seen].min(axis=0), flowers.features[seen].max(axis=0)
            scaled = np.clip((flowers.features - low) / (high - low), 0, 1)
            labels = flowers.labels
            yield Fold(repetition, k, scaled[seen], labels[seen], scaled[unseen], labels[unseen])


class Mean(NamedTuple):
    """A mean over folds, and what it leaves open."""

    value: float
    low: float
    high: float
    """Ends of the 95 % interval."""
    p: float
    """Of the hypothesis that the mean is 0, two-sided: for differences."""

    def percent(self, sign: str = "") -> str:
        """Return mean and interval in percent, the latter within what a share can be."""
        low, high = (self.low, self.high) if sign else (max(self.low, 0), min(self.high, 1))
        return f"{100 * self.value:{sign}.1f} [{100 * low:{sign}.1f}, {100 * high:{sign}.1f}]"


def mean_of(values: ArrayLike) -> Mean:
    """Return the mean of one value per fold of repeated cross-validation, by the corrected resampled t-test.

    The folds are no independent samples: any two of them have learned from flowers that are mostly the same.
    Nadeau and Bengio (2003, section 3.3) therefore add the share n_test/n_train to the 1/n of the variance of the
    mean; Bouckaert and Frank (2004) take it for repeated cross-validation, with n - 1 degrees of freedom. So more
    repetitions narrow the interval only down to what so many flowers allow.
    """
    values = np.asarray(values, np.float64)
    n, mean = len(values), float(values.mean())
    error = float(np.sqrt((1 / n + 1 / (FOLDS - 1)) * values.var(ddof=1)))
    half = float(student.ppf(0.975, n - 1)) * error
    p = float(2 * student.sf(abs(mean) / error, n - 1)) if error else float(mean == 0)
    return Mean(mean, mean - half, mean + half, p)
