"""From spike counts to digits: labels of neurons, predictions, and how good they are (paper, section 2.6).

A neuron is given the class of the images to which it responds most on average; an image is predicted to be
the class whose neurons respond most on average. The network itself never sees a label. Pure NumPy: arrays in,
arrays out; counts are read in blocks, so that (60000, 6400) spike counts are never copied as a whole.

Conventions: class -1 means "none" (a neuron that never fired, an image for which no labelled neuron fired).
Ties go to the lower class and are counted. A tie is exact: sums of counts are whole numbers, and two means
that differ as fractions differ as float64 too, for uint16 counts and up to 65,536 images or neurons.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

_BLOCK_ELEMENTS = 1 << 22
"""Counts converted to float64 at a time (32 MiB)."""


class Assignment(NamedTuple):
    """What `assign_labels` found.

    Attributes
    ----------
    labels : ndarray of int8, shape (n_exc,)
        Class of each excitatory neuron; -1 for a neuron that never fired.
    ties : int
        Neurons that fired and whose highest mean response is shared by two or more classes.
    responses : ndarray of float64, shape (n_classes, n_exc)
        Mean spike count per image of each class; 0 for a class without images.
    """

    labels: NDArray[np.int8]
    ties: int
    responses: NDArray[np.float64]


class Prediction(NamedTuple):
    """What `predict` found.

    Attributes
    ----------
    labels : ndarray of int8, shape (n_images,)
        Predicted class of each image; -1 where no labelled neuron fired.
    ties : int
        Images whose highest score is above 0 and shared by two or more classes.
    """

    labels: NDArray[np.int8]
    ties: int


def assign_labels(counts: ArrayLike, labels: ArrayLike, n_classes: int = 10) -> Assignment:
    """Give every excitatory neuron the class of its highest mean response (paper, section 2.6).

    Parameters
    ----------
    counts : array_like of integers, shape (n_images, n_exc)
        Spikes of each neuron during the presentation of each image.
    labels : array_like of integers, shape (n_images,)
        True class of each image, 0 to `n_classes` - 1.
    n_classes : int
        Number of classes, at most 127.

    Returns
    -------
    Assignment
        Labels (n_exc,), number of ties, mean responses (n_classes, n_exc).

    Raises
    ------
    ValueError
        If shapes, dtypes or values do not fit.
    """
    counts, truth = checked(counts, labels, n_classes)
    n_images, n_exc = counts.shape
    sums = np.zeros((n_classes, n_exc))
    for rows in blocks(n_images, n_exc):
        sums += _one_hot(truth[rows], n_classes).T @ counts[rows].astype(np.float64)
    sizes = np.bincount(truth, minlength=n_classes)
    responses = sums / np.maximum(sizes, 1)[:, np.newaxis]
    winners, ties = _winners(responses.T)
    return Assignment(winners, ties, responses)


def predict(counts: ArrayLike, assignments: ArrayLike, n_classes: int = 10) -> Prediction:
    """Predict the class of each image from the neurons assigned to each class (paper, section 2.6).

    The score of a class is the mean spike count of the neurons assigned to it; a class without neurons
    scores 0. An image whose scores are all 0 is predicted -1, and so is counted wrong.

    Parameters
    ----------
    counts : array_like of integers, shape (n_images, n_exc)
        Spikes of each neuron during the presentation of each image.
    assignments : array_like of integers, shape (n_exc,)
        Class of each neuron; those of -1 are left out.
    n_classes : int
        Number of classes, at most 127.

    Returns
    -------
    Prediction
        Labels (n_images,) and number of ties.

    Raises
    ------
    ValueError
        If shapes, dtypes or values do not fit.
    """
    return Prediction(*_winners(scores(counts, assignments, n_classes)))


def scores(counts: ArrayLike, assignments: ArrayLike, n_classes: int = 10) -> NDArray[np.float64]:
    """Return the scores by which `predict` decides.

    Parameters
    ----------
    counts, assignments, n_classes
        As in `predict`.

    Returns
    -------
    ndarray of float64, shape (n_images, n_classes)
        Mean spike count of the neurons assigned to each class; 0 for a class without neurons.

    Raises
    ------
    ValueError
        If shapes, dtypes or values do not fit.
    """
    counts = _counts(counts)
    n_images, n_exc = counts.shape
    classes = _classes("assignments", assignments, n_exc, n_classes)
    membership = _one_hot(classes, n_classes)
    sizes = np.maximum(membership.sum(axis=0), 1.0)
    found = np.empty((n_images, n_classes))
    for rows in blocks(n_images, n_exc):
        found[rows] = (counts[rows].astype(np.float64) @ membership) / sizes
    return found


def confusion(true: ArrayLike, predicted: ArrayLike, n_classes: int = 10) -> NDArray[np.int64]:
    """Count the images of each true class by predicted class.

    Parameters
    ----------
    true : array_like of integers, shape (n_images,)
        True classes.
    predicted : array_like of integers, shape (n_images,)
        Predicted classes. Images of -1 are in no column: a row then adds up to less than the size of its
        class, and the sum of the differences is `silent(predicted)`.
    n_classes : int
        Number of classes, at most 127.

    Returns
    -------
    ndarray of int64, shape (n_classes, n_classes)
        Rows are true classes, columns are predicted classes.

    Raises
    ------
    ValueError
        If shapes, dtypes or values do not fit.
    """
    truth = _classes("true", true, np.asarray(true).size, n_classes, lowest=0)
    guess = _classes("predicted", predicted, truth.size, n_classes)
    answered = guess >= 0
    cells = truth[answered] * n_classes + guess[answered]
    return np.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes).astype(np.int64)


def silent(predicted: ArrayLike) -> int:
    """Count the images for which no labelled neuron fired.

    Parameters
    ----------
    predicted : array_like of integers, shape (n_images,)
        Predicted classes, -1 for none.

    Returns
    -------
    int
        Number of predictions that are -1.
    """
    return int(np.count_nonzero(np.asarray(predicted) == -1))


def per_class(
    confusion: ArrayLike, class_sizes: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Precision and recall of each class; 0.0, never NaN, where undefined.

    Parameters
    ----------
    confusion : array_like of integers, shape (n_classes, n_classes)
        As `confusion` returns it, rows true.
    class_sizes : array_like of integers, shape (n_classes,)
        Images of each true class, silent ones included.

    Returns
    -------
    precision : ndarray of float64, shape (n_classes,)
        Fraction of the images predicted as the class that are of it.
    recall : ndarray of float64, shape (n_classes,)
        Fraction of the images of the class that are predicted as it.

    Raises
    ------
    ValueError
        If shapes do not fit, or a class has fewer images than its row of the matrix.
    """
    matrix, sizes = np.asarray(confusion), np.asarray(class_sizes)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"confusion: expected shape (n_classes, n_classes), got {matrix.shape}")
    if sizes.shape != matrix.shape[:1]:
        raise ValueError(f"class_sizes: expected shape {matrix.shape[:1]}, got {sizes.shape}")
    if np.any(matrix.sum(axis=1) > sizes):
        raise ValueError("class_sizes: a class has fewer images than its row of the confusion matrix")
    hits = np.diagonal(matrix).astype(np.float64)
    return hits / np.maximum(matrix.sum(axis=0), 1), hits / np.maximum(sizes, 1)


def wilson(correct: int, total: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """Wilson score interval of a proportion, 95 % by default.

    Parameters
    ----------
    correct : int
        Successes.
    total : int
        Trials; 0 gives the interval (0, 1).
    z : float
        Quantile of the standard normal distribution.

    Returns
    -------
    low, high : float
        Ends of the interval, within [0, 1].

    Raises
    ------
    ValueError
        If not 0 <= correct <= total.
    """
    if not 0 <= correct <= total:
        raise ValueError(f"wilson: expected 0 <= correct <= total, got {correct} of {total}")
    if total == 0:
        return 0.0, 1.0
    centre = correct + z * z / 2
    half = z * math.sqrt(correct * (total - correct) / total + z * z / 4)
    low = 0.0 if correct == 0 else (centre - half) / (total + z * z)
    high = 1.0 if correct == total else (centre + half) / (total + z * z)
    return low, high


class McNemar(NamedTuple):
    """Two classifiers of the same images compared; see `mcnemar`.

    Attributes
    ----------
    gained, lost : int
        Images that only the first one has right, and that only the second one has.
    p : float
        Probability of so uneven a split or a more uneven one, if each were as likely as the other; two-sided,
        exact.
    """

    gained: int
    lost: int
    p: float


def mcnemar(first: ArrayLike, second: ArrayLike) -> McNemar:
    """Compare two classifiers by the images on which they differ (McNemar 1947; the exact, binomial form).

    Parameters
    ----------
    first, second : array_like of bool, shape (n_images,)
        Which images each has right. Every image must be there once: presentations of the same image are not
        independent.

    Returns
    -------
    McNemar

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    one, other = np.asarray(first, bool), np.asarray(second, bool)
    if one.ndim != 1 or one.shape != other.shape:
        raise ValueError(f"mcnemar: expected two vectors of equal length, got {one.shape} and {other.shape}")
    gained, lost = int((one & ~other).sum()), int((~one & other).sum())
    differing, term, tail = gained + lost, 1, 0
    for k in range(min(gained, lost) + 1):
        tail += term  # the binomial coefficient of k, in whole numbers
        term = term * (differing - k) // (k + 1)
    return McNemar(gained, lost, float(min(Fraction(1), Fraction(2 * tail, 2**differing))))


class Outcome(NamedTuple):
    """How a test came out, all presentations of the set together."""

    confusion: NDArray[np.int64]
    """Rows true, columns predicted; silent images are in none (n_classes, n_classes)."""
    class_sizes: NDArray[np.int64]
    """Images presented of each class (n_classes,)."""
    accuracies: list[float]
    """Share of right images in each presentation of the set; 0 of no images."""
    silent: int
    """Images predicted -1, counted wrong."""
    ties: int
    """Images with more than one best class."""

    @property
    def accuracy(self) -> float:
        """Mean over the presentations of the set."""
        return float(np.mean(self.accuracies))


def outcome(true: ArrayLike, predictions: Sequence[Prediction], n_classes: int = 10) -> Outcome:
    """Judge the predictions of a test.

    Parameters
    ----------
    true : array_like of integers, shape (n_images,)
        True classes.
    predictions : sequence of Prediction
        One for each presentation of the set, as `predict` returns it.
    n_classes : int
        Number of classes, at most 127.

    Returns
    -------
    Outcome

    Raises
    ------
    ValueError
        If shapes, dtypes or values do not fit.
    """
    matrices = [confusion(true, one.labels, n_classes) for one in predictions]
    sizes = np.bincount(np.asarray(true, np.int64), minlength=n_classes)
    return Outcome(
        confusion=np.sum(matrices, axis=0),
        class_sizes=len(predictions) * sizes,
        accuracies=[int(np.trace(one)) / max(int(sizes.sum()), 1) for one in matrices],
        silent=sum(silent(one.labels) for one in predictions),
        ties=sum(int(one.ties) for one in predictions),
    )


def _winners(scores: NDArray[np.float64]) -> tuple[NDArray[np.int8], int]:
    """Class of the highest score of each row of (n, n_classes), -1 if all are 0, and the number of ties."""
    best = scores.max(axis=1)
    active = best > 0
    shared = np.count_nonzero(scores == best[:, np.newaxis], axis=1) > 1
    winners = np.where(active, scores.argmax(axis=1), -1).astype(np.int8)
    return winners, int(np.count_nonzero(shared & active))


def _one_hot(classes: NDArray[np.int64], n_classes: int) -> NDArray[np.float64]:
    """Membership (n, n_classes), 1 or 0; a row of -1 is all 0."""
    members: NDArray[np.float64] = np.equal(classes[:, np.newaxis], np.arange(n_classes)).astype(np.float64)
    return members


def blocks(n_rows: int, n_columns: int) -> Iterator[slice]:
    """Cut the rows of a matrix into slices of about `_BLOCK_ELEMENTS` elements.

    Parameters
    ----------
    n_rows, n_columns : int
        Shape of the matrix.

    Yields
    ------
    slice
        Of rows, in order, all of them together.
    """
    step = max(1, _BLOCK_ELEMENTS // max(n_columns, 1))
    for start in range(0, n_rows, step):
        yield slice(start, start + step)


def _counts(counts: ArrayLike) -> NDArray[Any]:
    """Spike counts as an integer matrix, without a copy."""
    matrix = np.asarray(counts)
    if matrix.ndim != 2:
        raise ValueError(f"counts: expected shape (n_images, n_exc), got {matrix.shape}")
    if matrix.dtype.kind not in "iu":
        raise ValueError(f"counts: expected integers, got {matrix.dtype}")
    if matrix.dtype.kind == "i" and matrix.size and matrix.min() < 0:
        raise ValueError(f"counts: expected no negative count, got {matrix.min()}")
    return matrix


def _classes(name: str, classes: ArrayLike, size: int, n_classes: int, lowest: int = -1) -> NDArray[np.int64]:
    """Classes as int64 (size,), checked to lie in [lowest, n_classes)."""
    if not 1 <= n_classes <= np.iinfo(np.int8).max:
        raise ValueError(f"n_classes: expected 1 to {np.iinfo(np.int8).max}, got {n_classes}")
    vector = np.asarray(classes)
    if vector.shape != (size,):
        raise ValueError(f"{name}: expected shape ({size},), got {vector.shape}")
    if vector.dtype.kind not in "iu" and vector.size:
        raise ValueError(f"{name}: expected integers, got {vector.dtype}")
    if vector.size and not lowest <= vector.min() <= vector.max() < n_classes:
        raise ValueError(
            f"{name}: expected {lowest} to {n_classes - 1}, got {vector.min()} to {vector.max()}"
        )
    return vector.astype(np.int64)


def checked(counts: ArrayLike, labels: ArrayLike, n_classes: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return counts (n_images, n_exc) and true classes (n_images,) to learn from.

    Raises
    ------
    ValueError
        If shapes, dtypes or values do not fit.
    """
    matrix = _counts(counts)
    return matrix, _classes("labels", labels, len(matrix), n_classes, lowest=0)
