"""Is it the same network? What another program's network did, measured by how far seeds of ours are apart.

A reference is what twenty seeds of one preset did with the first images of MNIST. Of each of `QUANTITIES` it
has the distribution function in every seed, on one grid. Two distributions are as far apart as their functions
are where these differ most (the Kolmogorov-Smirnov distance), and two accuracies as far as their difference. A
network is judged by its mean distance to the seeds, over the largest mean distance that a reference seed has
from the others: seeds of one model are near 1 or below, another model is above.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import DiehlCookError, advice
from ..model.arrays import LARGEST_THETA, NUMBERS, Expected, checked
from ..runs import layout
from ..runs.files import read_npy
from ..runs.rows import HISTORY, has_rows, read_rows
from ..runs.run import Run, load_run
from .readout import assign_labels, predict

REFERENCES = Path(__file__).with_name("references")
"""Folder of the references that come with the package, one .npz file each."""

LIMIT = 1.25
"""Mean distance to the reference seeds, over the largest of a reference seed, above which a network differs."""

GRID = 200
"""Points at which distribution functions are compared: quantiles of all reference seeds together."""

ACCURACY = "accuracy in training"
"""Share of the second half of the images that is told right with labels from the first half."""


class Made(NamedTuple):
    """What a network did in training, and what it has become; None for what is not known.

    Parameters
    ----------
    counts
        Spikes of each excitatory neuron in the presentation of each image, the last one if it was presented
        again: (images, n_exc).
    theta
        Adaptive part of the thresholds after the last image (n_exc,), in volts.
    weights
        From input to excitatory neurons, as the last image left them (n_input, n_exc).
    labels
        Classes of the images (images,).
    images
        How many the network was trained with, if that is known without `counts`.
    """

    counts: NDArray[Any] | None = None
    theta: NDArray[Any] | None = None
    weights: NDArray[Any] | None = None
    labels: NDArray[Any] | None = None
    images: int | None = None
    data: str | None = None
    """The data set it has learned from, as far as that is known."""


class Quantity(NamedTuple):
    """Something that has a distribution."""

    of: str
    """The array of `Made` that it is computed from."""
    values: Callable[[NDArray[Any]], NDArray[Any]]
    unit: str = ""


def images_won(counts: NDArray[Any]) -> NDArray[Any]:
    """Return for each neuron how many images it answered with the most spikes (n_exc,); of equals, which silent ones are, the first wins."""
    return np.bincount(np.argmax(counts, axis=1), minlength=counts.shape[1])


QUANTITIES = {
    "spikes per image": Quantity("counts", lambda counts: counts.sum(axis=1, dtype=np.int64)),
    "spikes of the winner per image": Quantity("counts", lambda counts: counts.max(axis=1)),
    "spikes per neuron": Quantity("counts", lambda counts: counts.sum(axis=0, dtype=np.int64)),
    "images won per neuron": Quantity("counts", images_won),
    "theta": Quantity("theta", lambda theta: 1e3 * theta, "mV"),
    "weights": Quantity("weights", np.ravel),
}
"""What is compared, in this order, and after it the accuracy."""


def accuracy_in_training(counts: NDArray[Any], labels: NDArray[Any]) -> float:
    """Return the share of the second half of the images that is told right with labels from the first half."""
    half, classes = len(counts) // 2, int(labels.max()) + 1
    neurons = assign_labels(counts[:half], labels[:half], classes).labels
    return float(np.mean(predict(counts[half:], neurons, classes).labels == labels[half:]))


class Reference(NamedTuple):
    """What the seeds of a preset did."""

    preset: str
    n_exc: int
    images: int
    grids: dict[str, NDArray[np.float64]]
    """Points (at most `GRID`,) by quantity."""
    functions: dict[str, NDArray[np.float64]]
    """Shares of the values that are not larger than the points (seeds, points), by quantity."""
    means: dict[str, NDArray[np.float64]]
    """Mean of each seed (seeds,) by quantity, and the accuracy."""

    @property
    def name(self) -> str:
        """What it is called: preset, neurons and images."""
        return f"{self.preset}-{self.n_exc}-{self.images}"

    @property
    def seeds(self) -> int:
        """How many seeds it has."""
        return len(self.means[ACCURACY])


def distribution_function(values: NDArray[Any], grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return which share of the values is not larger than each point of a grid.

    Both are rounded to single precision, in which a reference keeps its grid: else values that many neurons share,
    such as the threshold of those that never fired, could lie just above the point that stands for them.
    """
    return (
        np.searchsorted(np.sort(values.astype(np.float32)), grid.astype(np.float32), side="right")
        / values.size
    )


def make_reference(preset: str, images: int, seeds: Sequence[Made]) -> Reference:
    """Return the reference of networks of one preset that differ in nothing but their seeds; none may lack an array."""
    grids, functions, means = {}, {}, {}
    for name, one in QUANTITIES.items():
        found = [np.asarray(one.values(getattr(made, one.of)), np.float64) for made in seeds]
        points = np.quantile(np.concatenate(found), np.linspace(0, 1, GRID)).astype(np.float32)
        grids[name] = np.unique(points).astype(np.float64)
        functions[name] = np.array([distribution_function(values, grids[name]) for values in found])
        means[name] = np.array([values.mean() for values in found])
    means[ACCURACY] = np.array([accuracy_in_training(made.counts, made.labels) for made in seeds])  # type: ignore[arg-type]
    return Reference(preset, len(seeds[0].theta), images, grids, functions, means)  # type: ignore[arg-type]


def save_reference(reference: Reference, path: Path) -> None:
    """Write a reference to an .npz file, functions and grids in single precision."""
    arrays: dict[str, Any] = {
        name: np.array(getattr(reference, name)) for name in ("preset", "n_exc", "images")
    }
    for kind in ("grids", "functions", "means"):
        for name, array in getattr(reference, kind).items():
            arrays[f"{kind}/{name}"] = array.astype(np.float64 if kind == "means" else np.float32)
    np.savez_compressed(path, **arrays)


def load_reference(path: Path) -> Reference:
    """Read a reference.

    Raises
    ------
    DiehlCookError
        The file cannot be read, or is no reference.
    """
    found: dict[str, dict[str, NDArray[np.float64]]] = {"grids": {}, "functions": {}, "means": {}}
    try:
        with np.load(path, allow_pickle=False) as stored:
            for key in stored.files:
                kind, _, name = key.partition("/")
                if name:
                    found[kind][name] = stored[key].astype(np.float64)
            reference = Reference(
                str(stored["preset"]), int(stored["n_exc"]), int(stored["images"]), *found.values()
            )
    except Exception as error:  # noqa: BLE001 - a damaged archive raises almost anything
        reason = "not found" if isinstance(error, FileNotFoundError) else "not a reference of yardstick.py"
        raise DiehlCookError(f"{path}: {reason}") from None
    if (
        reference.means.keys() != {*QUANTITIES, ACCURACY}
        or reference.functions.keys() != QUANTITIES.keys()
        or reference.grids.keys() != QUANTITIES.keys()
    ):
        raise DiehlCookError(f"{path}: a reference of another version of this package")
    seeds = reference.seeds
    fit = all(
        reference.functions[name].shape == (seeds, *reference.grids[name].shape) for name in QUANTITIES
    ) and all(means.shape == (seeds,) for means in reference.means.values())
    if not fit or seeds < 2:
        raise DiehlCookError(f"{path}: its arrays do not fit each other, or it has fewer than 2 seeds")
    return reference


def reference_names() -> list[str]:
    """Return the names of the references that come with the package."""
    return sorted(path.stem for path in REFERENCES.glob("*.npz"))


def named_reference(name: str) -> Reference:
    """Return a reference of the package, or the one in a file.

    Raises
    ------
    DiehlCookError
        There is none of this name, or the file is no reference.
    """
    if name.endswith(".npz"):
        return load_reference(Path(name))
    if name not in reference_names():
        raise DiehlCookError(f"unknown reference {name!r}; {advice(name, reference_names())}")
    return load_reference(REFERENCES / f"{name}.npz")


def find_reference(n_exc: int | None, images: int | None) -> Reference:
    """Return the reference of the package for so many neurons and images; None: whichever there is, the longest.

    Raises
    ------
    DiehlCookError
        There is none.
    """
    known = [load_reference(REFERENCES / f"{name}.npz") for name in reference_names()]
    fitting = [one for one in known if n_exc in (None, one.n_exc) and images in (None, one.images)]
    if not fitting:
        has = " and ".join(
            f"{n:,} {what}" for n, what in ((n_exc, "neurons"), (images, "images")) if n is not None
        )
        sizes = ", ".join(f"{one.n_exc} neurons after {one.images:,} images" for one in known)
        raise DiehlCookError(
            f"there is no reference for {has}; there are those of {sizes}; scripts/studies/yardstick.py "
            "makes others, for --reference"
        )
    return max(fitting, key=lambda one: (one.n_exc, one.images))


def read_made(folder: Path, n_input: int = 784) -> Made:
    """Read what a folder has of a network: the arrays of `Made`, each in a file of its name, or a run of this package.

    Raises
    ------
    DiehlCookError
        There is no such folder, or nothing to judge in it, or an array is damaged or not what is expected.
    """
    if not folder.is_dir():
        raise DiehlCookError(f"{folder}: {'not a folder' if folder.exists() else 'not found'}")
    if layout.is_ours(folder):
        return made_by_run(load_run(folder))
    paths = {name: folder / f"{name}.npy" for name in ("counts", "theta", "weights", "labels")}
    found = {name: read_npy(path) if path.exists() else None for name, path in paths.items()}
    counts, theta, weights, labels = found.values()
    if counts is None and theta is None and weights is None:
        raise DiehlCookError(f"{folder}: expected counts.npy, theta.npy or weights.npy in it, found none")
    n_exc = None
    if counts is not None:
        counts = checked(str(paths["counts"]), counts, Expected((None, None), NUMBERS, 0, 1e6))
        if (counts != np.rint(counts)).any():
            raise DiehlCookError(f"{paths['counts']}: contains fractions, expected whole numbers of spikes")
        counts = counts.astype(np.int64)
        n_exc = counts.shape[1]
    if theta is not None:
        expected = Expected((n_exc,), NUMBERS, None, LARGEST_THETA, "V", " V; are these millivolts?")
        theta = checked(str(paths["theta"]), theta, expected)
        n_exc = len(theta)
    if weights is not None:
        if weights.ndim == 1 and weights.size % n_input == 0:  # as the example script of Brian2 saves them
            weights = weights.reshape(n_input, -1)
        weights = checked(str(paths["weights"]), weights, Expected((n_input, n_exc), NUMBERS))
    if labels is not None:
        images = None if counts is None else len(counts)
        labels = checked(str(paths["labels"]), labels, Expected((images,), "iu", 0, 126))
    return Made(counts, theta, weights, labels)


def made_by_run(run: Run) -> Made:
    """Return what a run of this package did in training; a long one has not kept all responses, and those it has are left out."""
    train = run.trained()
    made = Made(theta=run.theta(), weights=run.weights())
    if "imported" in train:
        return made
    made = made._replace(images=train["images"] * train["epochs"], data=train["data"]["name"])
    if has_rows(run, "train") and layout.is_there(run.folder, "train_counts"):
        counts, labels = run.load("train_counts"), read_rows(run, "train_history", HISTORY)["label"]
        if len(counts) == len(labels) == made.images:
            made = made._replace(counts=counts, labels=labels)
    return made


def size_of(made: Made) -> tuple[int | None, int | None]:
    """Return how many neurons a network has, and how many images it was trained with as far as that is known."""
    arrays = [one for one in (made.counts, made.theta, made.weights) if one is not None]
    images = len(made.counts) if made.counts is not None else made.images
    return (arrays[0].shape[-1] if arrays else None), images


def check_size(made: Made, reference: Reference) -> None:
    """Raise `DiehlCookError` if a network has not as many neurons and images as a reference."""
    n_exc, images = size_of(made)
    for what, own, wanted in (("neurons", n_exc, reference.n_exc), ("images", images, reference.images)):
        if own not in (None, wanted):
            raise DiehlCookError(f"{own:,} {what}; the reference {reference.name} has {wanted:,}")


def check_data(made: Made) -> None:
    """Raise `DiehlCookError` if a network has learned from other images than the seeds of the references, which are MNIST's first."""
    if made.data not in (None, "mnist"):
        raise DiehlCookError(f"it has learned from {made.data}; the references are of MNIST's first images")


class Verdict(NamedTuple):
    """How one quantity compares with the reference."""

    quantity: str
    unit: str
    mean: float
    reference_mean: float
    reference_sd: float
    """Over seeds."""
    distance: float
    """Mean distance to the reference seeds."""
    largest: float
    """Largest mean distance of a reference seed from the others."""

    @property
    def ratio(self) -> float:
        """The distance, over the largest of a reference seed."""
        if self.largest:
            return self.distance / self.largest
        return math.inf if self.distance else 0.0

    @property
    def alike(self) -> bool:
        """Whether it is within what seeds differ by."""
        return self.ratio <= LIMIT


def distances(functions: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distance of each function (seeds, points) from another one (points,)."""
    return np.abs(functions - other).max(axis=1)  # type: ignore[no-any-return]


def judge(made: Made, reference: Reference) -> list[Verdict]:
    """Return how a network compares with a reference, for each quantity that can be computed.

    Parameters
    ----------
    made
        Of as many neurons and images as the reference has.
    reference
        See `find_reference`.

    Returns
    -------
    list of Verdict
        In the order of `QUANTITIES`, and then the accuracy.
    """
    functions: dict[str, tuple[NDArray[np.float64], NDArray[np.float64], float]] = {}
    for name, quantity in QUANTITIES.items():
        array = getattr(made, quantity.of)
        if array is not None:
            values = np.asarray(quantity.values(array), np.float64)
            own = distribution_function(values, reference.grids[name])
            functions[name] = reference.functions[name], own, float(values.mean())
    if made.counts is not None and made.labels is not None:
        right = accuracy_in_training(made.counts, made.labels)
        functions[ACCURACY] = reference.means[ACCURACY][:, np.newaxis], np.array([right]), right
    return [verdict(name, *given, reference.means[name]) for name, given in functions.items()]


def verdict(
    name: str, seeds: NDArray[np.float64], own: NDArray[np.float64], mean: float, means: NDArray[np.float64]
) -> Verdict:
    """Return how a function (points,) compares with those of the seeds (seeds, points)."""
    others = len(seeds) - 1
    usual = [distances(seeds, one).sum() / others for one in seeds]  # that from itself is 0
    return Verdict(
        name,
        QUANTITIES[name].unit if name in QUANTITIES else "",
        mean,
        float(means.mean()),
        float(means.std(ddof=1)),
        float(distances(seeds, own).mean()),
        float(max(usual)),
    )


def as_facts(verdicts: Sequence[Verdict]) -> list[Mapping[str, Any]]:
    """Return verdicts as they are printed as JSON, which has no infinity."""
    return [
        one._asdict() | {"ratio": one.ratio if math.isfinite(one.ratio) else None, "alike": one.alike}
        for one in verdicts
    ]
