"""Seven ways to read a digit from the same spikes: the paper's, and others of the field; NumPy, two of them scikit-learn.

Every readout learns from the responses to labelled training images, its hyperparameter included, and then
classifies other responses. The network is the same for all of them, and nothing is simulated here. An image
without a single spike has no answer (-1) in any of them, nor has one for which only neurons fired that were
silent in learning, where spikes vote; ties go to the lower class.

The names are in alphabetical order. Which one is best for a network is for the reader to say, and for
training images to decide: a readout that is chosen because of its test accuracy has been fitted to the test
set.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import DiehlCookError, advice
from . import readout

Counts = NDArray[Any]
"""Spikes of each neuron for each image, integers (n_images, n_exc)."""

PAPER = "assignment"
"""The readout of the paper (section 2.6), whose accuracy is *the* accuracy of a run."""

HELD_OUT = 10_000
"""Training images that choose a hyperparameter, at most; a fifth of them if they are few."""

LOGISTIC_FIT = 10_000
"""Other training images from which the candidates of the logistic readout learn, at most: it is the slow
one."""

SMOOTHING = (1000.0, 100.0, 10.0, 1.0, 0.1)
"""Candidates of naive Bayes: images with the mean response of all classes that are added to each class."""

PENALTY = (1e4, 1e3, 1e2, 1e1, 1.0, 0.1)
"""Candidates of ridge regression: the weight of the squared coefficients."""

STRENGTH = (0.01, 0.1, 1.0, 10.0)
"""Candidates of logistic regression: C, the inverse weight of the squared coefficients."""

LOGISTIC_STEPS = 1000
"""Iterations of the logistic fit, at most; it needs some hundred."""


class Fitted(Protocol):
    """A readout that has learned."""

    @property
    def chosen(self) -> dict[str, float]:
        """The hyperparameter that held-out training images chose, by its name."""

    def classify(self, counts: Counts) -> NDArray[np.int8]:
        """Return the class of each image (n_images,), -1 for an image without spikes."""

    def shares(self, counts: Counts) -> NDArray[np.float64]:
        """Return the share of each class in the scores of an image (n_images, n_classes); each row adds up to 1.

        The scores of `assignment`, `most-active` and the two readouts of proportions are numbers of spikes.
        Those of naive Bayes and of the two regressions are logarithms: their exponentials are taken. A row is 0
        where all scores are.
        """


class Readout(NamedTuple):
    """One way to read the spikes."""

    says: str
    """What it does, for tables."""
    fit: Callable[[Counts, NDArray[Any], int], Fitted]
    """Learn from counts (n_images, n_exc) and labels (n_images,) of so many classes."""
    needs_sklearn: bool = False


class Assigned(NamedTuple):
    """The paper's readout: neurons have labels, and the class with the highest mean response wins."""

    labels: NDArray[np.int8]
    n_classes: int
    chosen: dict[str, float]

    def classify(self, counts: Counts) -> NDArray[np.int8]:
        """Return the class of each image; see `Fitted`."""
        return readout.predict(counts, self.labels, self.n_classes).labels

    def shares(self, counts: Counts) -> NDArray[np.float64]:
        """Return the share of each class in the scores of an image; see `Fitted`."""
        return divided(readout.scores(counts, self.labels, self.n_classes))


class MostActive(Assigned):
    """The label of the neuron that spikes most; of equally active ones, the lowest label."""

    def classify(self, counts: Counts) -> NDArray[np.int8]:
        """Return the class of each image; see `Fitted`."""
        return answers(self.scores(counts), counts)

    def shares(self, counts: Counts) -> NDArray[np.float64]:
        """Return the share of each class in the scores of an image; see `Fitted`."""
        return divided(self.scores(counts))

    def scores(self, counts: Counts) -> NDArray[np.float64]:
        """Return the most spikes of a neuron of each class (n_images, n_classes)."""
        scores = np.zeros((len(counts), self.n_classes))
        for k in np.unique(self.labels[self.labels >= 0]):
            scores[:, k] = counts[:, self.labels == k].max(axis=1)
        return scores


class Linear(NamedTuple):
    """A weighted sum of the counts, or of their square roots, for every class; the largest wins."""

    weights: NDArray[np.float64]
    """(n_exc, n_classes)."""
    bias: NDArray[np.float64]
    """(n_classes,)."""
    chosen: dict[str, float]
    square_root: bool = False
    logarithmic: bool = False
    """Whether the sums are logarithms of what belongs to the classes."""

    def classify(self, counts: Counts) -> NDArray[np.int8]:
        """Return the class of each image; see `Fitted`."""
        found = np.empty(len(counts), np.int8)
        for rows in readout.blocks(*counts.shape):
            found[rows] = answers(self.scores(counts[rows]), counts[rows])
        return found

    def shares(self, counts: Counts) -> NDArray[np.float64]:
        """Return the share of each class in the scores of an image; see `Fitted`."""
        scores = np.concatenate([self.scores(counts[rows]) for rows in readout.blocks(*counts.shape)])
        return divided(np.exp(scores - scores.max(axis=1, keepdims=True)) if self.logarithmic else scores)

    def scores(self, counts: Counts) -> NDArray[np.float64]:
        """Return the sum for each class (n_images, n_classes)."""
        features = counts.astype(np.float64)
        return (np.sqrt(features) if self.square_root else features) @ self.weights + self.bias


def divided(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what each score is of the sum of its row; 0 where that is 0."""
    total = scores.sum(axis=1, keepdims=True)
    shares: NDArray[np.float64] = np.divide(scores, total, out=np.zeros_like(scores), where=total > 0)
    return shares


def answers(scores: NDArray[np.float64], counts: Counts) -> NDArray[np.int8]:
    """Return the class of the highest score, the lower one of equals; -1 without spikes, or if no spike tells a class."""
    told = counts.any(axis=1) & scores.any(axis=1)
    found: NDArray[np.int8] = np.where(told, scores.argmax(axis=1), -1).astype(np.int8)
    return found


def proportions(counts: Counts, labels: NDArray[Any], n_classes: int) -> NDArray[np.float64]:
    """Return for each neuron how its mean responses divide between the classes (n_exc, n_classes); 0 if it never fired."""
    return divided(readout.assign_labels(counts, labels, n_classes).responses.T)


def labelled(counts: Counts, labels: NDArray[Any], n_classes: int) -> tuple[NDArray[np.int8], int]:
    """Return the class of the highest mean response of each neuron (paper, section 2.6), and the number of classes."""
    return readout.assign_labels(counts, labels, n_classes).labels, n_classes


def fit_proportion_weighting(counts: Counts, labels: NDArray[Any], n_classes: int) -> Fitted:
    """Weigh each spike by the share of its neuron's label, per neuron of the class (as BindsNET's `proportion_weighting`)."""
    assigned = readout.assign_labels(counts, labels, n_classes).labels
    own = np.equal(assigned[:, np.newaxis], np.arange(n_classes))
    weights = proportions(counts, labels, n_classes) * own / np.maximum(own.sum(axis=0), 1)
    return Linear(weights, np.zeros(n_classes), {})


def fit_all_proportions(counts: Counts, labels: NDArray[Any], n_classes: int) -> Fitted:
    """Let every spike vote for all classes, with the shares of its neuron's mean responses."""
    return Linear(proportions(counts, labels, n_classes), np.zeros(n_classes), {})


def bayes_fits(
    counts: Counts, labels: NDArray[Any], n_classes: int, candidates: Iterable[float]
) -> Iterator[Linear]:
    """Yield for each smoothing the readout that takes the counts of neurons as independent Poisson numbers.

    The mean count of a neuron for a class is drawn towards its mean over all images as if so many more images
    of the class had been answered with that (the mean of a posterior whose prior is a gamma distribution).
    """
    sizes = np.bincount(labels, minlength=n_classes).astype(np.float64)
    sums = readout.assign_labels(counts, labels, n_classes).responses * np.maximum(sizes, 1)[:, np.newaxis]
    overall = sums.sum(axis=0) / len(labels)
    fires, known = overall > 0, sizes > 0
    for smoothing in candidates:
        rates = (sums + smoothing * overall) / (sizes + smoothing)[:, np.newaxis]
        weights = np.zeros((counts.shape[1], n_classes))
        weights[fires] = np.log(rates[:, fires]).T
        prior = np.where(known, np.log(np.maximum(sizes, 1) / len(labels)), -np.inf)
        yield Linear(weights, prior - rates.sum(axis=1), {"smoothing": smoothing}, logarithmic=True)


def ridge_fits(
    counts: Counts, labels: NDArray[Any], n_classes: int, candidates: Iterable[float]
) -> Iterator[Linear]:
    """Yield for each penalty the linear regression of the classes, as 1 and -1, on the counts."""
    linear_model = sklearn("linear_model", "readout ridge")
    features = sparse(counts, square_root=False)
    for penalty in candidates:
        model = linear_model.RidgeClassifier(alpha=penalty, solver="sparse_cg", tol=1e-6)
        yield as_linear(model.fit(features, labels), n_classes, {"penalty": penalty}, square_root=False)


def logistic_fits(
    counts: Counts, labels: NDArray[Any], n_classes: int, candidates: Iterable[float]
) -> Iterator[Linear]:
    """Yield for each C the multinomial logistic regression on the square roots of the counts.

    The spread of the square roots does not grow with their mean.
    """
    linear_model = sklearn("linear_model", "readout logistic")
    features = sparse(counts, square_root=True)
    for strength in candidates:
        model = linear_model.LogisticRegression(C=strength, max_iter=LOGISTIC_STEPS)
        yield as_linear(model.fit(features, labels), n_classes, {"C": strength}, square_root=True)


def sklearn(module: str, user: str) -> Any:
    """Return a module of scikit-learn; `user` is what needs it.

    Raises
    ------
    DiehlCookError
        scikit-learn is not installed.
    """
    try:
        return importlib.import_module(f"sklearn.{module}")
    except ImportError:
        raise no_sklearn(user) from None


def no_sklearn(user: str) -> DiehlCookError:
    """Return the error that says that `user` needs scikit-learn, which is not installed, or too old."""
    return DiehlCookError(f'{user} needs scikit-learn; install it with `pip install "diehlcook[sklearn]"`')


def sparse(counts: Counts, *, square_root: bool) -> Any:
    """Return counts, or their square roots, as a sparse matrix: few neurons answer an image."""
    from scipy.sparse import csr_matrix, vstack

    parts = (counts[rows].astype(np.float64) for rows in readout.blocks(*counts.shape))
    return vstack([csr_matrix(np.sqrt(part) if square_root else part) for part in parts], format="csr")


def as_linear(model: Any, n_classes: int, chosen: dict[str, float], *, square_root: bool) -> Linear:
    """Return what a linear classifier of scikit-learn has learned.

    Of two classes it has one score: how far the higher is above the lower, so each gets half of it.
    """
    coefficients, intercept = np.atleast_2d(model.coef_), model.intercept_
    if len(model.classes_) == 2:
        coefficients, intercept = (
            np.concatenate([-coefficients / 2, coefficients / 2]),
            np.concatenate([-intercept / 2, intercept / 2]),
        )
    weights, bias = np.zeros((coefficients.shape[1], n_classes)), np.full(n_classes, -np.inf)
    weights[:, model.classes_], bias[model.classes_] = coefficients.T, intercept
    return Linear(weights, bias, chosen, square_root, logarithmic=True)


def held_out(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which training images choose a hyperparameter: every fifth, or as seldom as makes `HELD_OUT` of them.

    Where labels come in a regular order, which would leave out classes, it is every fifth of each class.
    """
    every = max(5, -(-len(labels) // HELD_OUT))
    chosen: NDArray[np.bool_] = np.arange(len(labels)) % every == every - 1
    of_class = np.bincount(labels)
    if (np.bincount(labels[chosen], minlength=of_class.size) < of_class // (2 * every)).any():
        for label in np.flatnonzero(of_class):
            images = np.flatnonzero(labels == label)
            chosen[images] = np.arange(len(images)) % every == every - 1
    return chosen


def evenly(images: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Return at most so many of the images, evenly spread."""
    return images[:: max(1, -(-len(images) // most))]


def chosen_by_held_out(
    fits: Callable[..., Iterator[Linear]],
    candidates: Sequence[float],
    counts: Counts,
    labels: NDArray[Any],
    n_classes: int,
    *,
    at_most: int | None = None,
) -> Linear:
    """Fit every candidate on some training images, judge it by others, and fit the best one on all of them.

    Parameters
    ----------
    fits
        Yields the fit for each candidate.
    candidates
        Values of the hyperparameter, the strongest regularisation first: of equally good ones it is taken.
    counts, labels, n_classes
        All the responses to learn from.
    at_most
        Images that the candidates learn from, at most.
    """
    judges = held_out(labels)
    others = np.flatnonzero(~judges)
    if at_most is not None:
        others = evenly(others, at_most)
    best = candidates[len(candidates) // 2]
    if judges.any() and len(np.unique(labels[others])) > 1:
        tried = fits(counts[others], labels[others], n_classes, candidates)
        seen, truth = counts[judges], labels[judges]
        right = [int((one.classify(seen) == truth).sum()) for one in tried]
        best = candidates[int(np.argmax(right))]
    return next(fits(counts, labels, n_classes, [best]))


READOUTS = {
    "all-proportions": Readout(
        "every spike votes with the class proportions of its neuron", fit_all_proportions
    ),
    "assignment": Readout(
        "class with the highest mean count of its neurons (the paper)",
        lambda *seen: Assigned(*labelled(*seen), {}),
    ),
    "logistic": Readout(
        "logistic regression on square roots of counts",
        lambda *seen: chosen_by_held_out(logistic_fits, STRENGTH, *seen, at_most=LOGISTIC_FIT),
        needs_sklearn=True,
    ),
    "most-active": Readout("label of the most active neuron", lambda *seen: MostActive(*labelled(*seen), {})),
    "naive-bayes": Readout(
        "Poisson naive Bayes", lambda *seen: chosen_by_held_out(bayes_fits, SMOOTHING, *seen)
    ),
    "proportion-weighting": Readout(
        "the paper's, each spike weighted by its neuron's share", fit_proportion_weighting
    ),
    "ridge": Readout(
        "ridge regression on counts",
        lambda *seen: chosen_by_held_out(ridge_fits, PENALTY, *seen),
        needs_sklearn=True,
    ),
}
"""All readouts, in the order of their names."""


def fit(name: str, counts: Counts, labels: NDArray[Any], n_classes: int = 10) -> Fitted:
    """Let a readout learn from the responses to labelled training images.

    Parameters
    ----------
    name
        One of `READOUTS`.
    counts
        Spikes of each neuron for each image, integers (n_images, n_exc).
    labels
        Class of each image (n_images,), 0 to `n_classes` - 1.
    n_classes
        Number of classes, at most 127.

    Returns
    -------
    Fitted
        Classifies other counts; `chosen` holds its hyperparameter, if it has one.

    Raises
    ------
    DiehlCookError
        There is no such readout, it needs scikit-learn, or all images are of one class.
    ValueError
        If shapes, dtypes or values do not fit.
    """
    check_name(name)
    counts, classes = readout.checked(counts, labels, n_classes)
    one = READOUTS[name]
    if one.needs_sklearn and len(np.unique(classes)) < 2:
        raise DiehlCookError(f"readout {name} needs images of two classes at least")
    return one.fit(counts, classes, n_classes)


def check_name(name: str) -> None:
    """Raise `DiehlCookError` if there is no readout of that name."""
    if not isinstance(name, str) or name not in READOUTS:
        raise DiehlCookError(f"unknown readout {name!r}; {advice(str(name), READOUTS)}")
