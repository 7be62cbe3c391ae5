"""Classes of images: each has a number, which stands in labels and results, and a name."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DiehlCookError

MOST_CLASSES = 127
"""Numbers of classes are signed bytes, and -1 is none."""

LONGEST_NAME = 40
"""Characters of a name."""


def numbers(n: int) -> tuple[str, ...]:
    """Return the names of `n` classes that have none but their numbers: "0", "1" and so on."""
    return tuple(map(str, range(n)))


DIGITS = numbers(10)


def check_names(names: NDArray[Any], where: str) -> tuple[str, ...]:
    """Return names of classes, in the order of their numbers; `where` is what a message calls them.

    Raises
    ------
    DiehlCookError
        Not a list of texts or whole numbers, too many, a name that cannot be printed, or one that stands
        there twice.
    """
    if names.ndim != 1 or not 1 <= names.size <= MOST_CLASSES or names.dtype.kind not in "Uui":
        raise DiehlCookError(
            f"{where}: shape {names.shape} of {names.dtype}; expected 1 to {MOST_CLASSES} names of classes"
        )
    found = tuple(map(str, names.tolist()))
    for name in found:
        if not (name.strip() and name.isprintable() and len(name) <= LONGEST_NAME):
            raise DiehlCookError(
                f"{where}: {name[:LONGEST_NAME]!r} is no name of a class; expected 1 to {LONGEST_NAME} "
                "printable characters"
            )
        if found.count(name) > 1:
            raise DiehlCookError(f"{where}: {name!r} stands there twice; expected a name for each class")
    return found


def as_integers(labels: NDArray[Any]) -> NDArray[Any]:
    """Return labels as integers if they are floats such as 3.0, which tables read from a file often are."""
    if (
        labels.dtype.kind == "f"
        and (labels == np.rint(labels)).all()
        and np.abs(labels).max(initial=0) < 2**53
    ):
        return labels.astype(np.int64)
    return labels


def as_numbers(labels: NDArray[Any], where: str) -> NDArray[np.uint8]:
    """Return labels that are class numbers from 0 on as bytes (n,).

    Raises
    ------
    DiehlCookError
        Other shapes, kinds or values.
    """
    if labels.ndim != 1 or labels.size == 0:
        raise DiehlCookError(f"{where}: shape {labels.shape}; expected (n,), one class number per image")
    labels = as_integers(labels)
    if labels.dtype.kind not in "ui":
        raise DiehlCookError(
            f"{where}: type {labels.dtype}; expected integers, class numbers from 0, or names of classes"
        )
    if labels.min() < 0 or labels.max() >= MOST_CLASSES:
        raise DiehlCookError(
            f"{where}: values {labels.min()} to {labels.max()}; expected class numbers 0..{MOST_CLASSES - 1}"
        )
    return labels.astype(np.uint8)


def numbered(labels: NDArray[Any], where: str) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Give a number to each class of labels.

    Parameters
    ----------
    labels
        Whole numbers (also as floats) or texts, one per image (n,).
    where
        What a message calls them.

    Returns
    -------
    numbers : ndarray of uint8, shape (n,)
        The labels themselves if they are 0 to k - 1 with none left out, else their places in sorted order.
    classes : tuple of str
        The names of the k classes.

    Raises
    ------
    DiehlCookError
        Other shapes or kinds, negative numbers, or too many classes.
    """
    if labels.dtype.kind == "O" and all(isinstance(label, str) for label in labels.ravel()):
        labels = labels.astype(str)
    labels = as_integers(labels)
    if labels.ndim != 1 or labels.size == 0 or labels.dtype.kind not in "uiU":
        return as_numbers(labels, where), ()  # which refuses them
    if labels.dtype.kind != "U" and labels.min() < 0:
        raise DiehlCookError(
            f"{where}: values {labels.min()} to {labels.max()}; expected class numbers from 0; leave out "
            "images without a class"
        )
    present, places = np.unique(labels, return_inverse=True)
    if present.size > MOST_CLASSES:
        raise DiehlCookError(f"{where}: {present.size:,} different labels; expected at most {MOST_CLASSES}")
    return places.reshape(-1).astype(np.uint8), check_names(present, where)
