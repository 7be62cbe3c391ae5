"""Samples of any kind as grey levels of input neurons: pictures as they are, other numbers by populations.

A population codes a number by many neurons, each of which prefers another value and fires the less the further
away the number is (a Gaussian; Bohte, La Poutre and Kok 2002, section 4). A few neurons with rates in proportion
to the numbers would not do: a small number would be silence, and a neuron can learn only that a number is large.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import DiehlCookError

CODINGS = "features", "pixels"

INPUTS = 784
"""Inputs that all features have together, about, unless there are more features: those for which the constants of the network are meant."""

FEWEST = 2
"""Neurons of a population, at least: one prefers the smallest value, one the largest."""

WIDTH = 0.1
"""Standard deviation of the Gaussian, in ranges of a feature, unless half the distance of two preferred values is more."""

BLOCK = 1000
"""Samples that are coded at once."""


class Coder(NamedTuple):
    """What has been learned of the features, and how they become grey levels."""

    coding: str
    """One of `CODINGS`."""
    low: NDArray[np.float64]
    """The value of each feature that is the lower end of the scale (n_features,)."""
    high: NDArray[np.float64]
    """The value of each feature that is the upper end of the scale (n_features,)."""

    @property
    def population(self) -> int:
        """How many input neurons a feature has; those of a pixel are all alike."""
        return max(FEWEST if self.coding == "features" else 1, round(INPUTS / len(self.low)))

    @property
    def n_input(self) -> int:
        """How many input neurons there are in all."""
        return len(self.low) * self.population

    def images(self, X: NDArray[Any]) -> NDArray[np.uint8]:
        """Return samples (n, n_features) as images (n, n_features, population); values off the scale are at its end."""
        coded = np.empty((len(X), len(self.low), self.population), np.uint8)
        span = np.where(self.high > self.low, self.high - self.low, 1.0)
        for first in range(0, len(X), BLOCK):
            part = slice(first, first + BLOCK)
            scaled = np.clip((X[part].astype(np.float64) - self.low) / span, 0, 1)[:, :, np.newaxis]
            if self.coding == "features":
                preferred = np.linspace(0, 1, self.population)
                width = max(WIDTH, preferred[1] / 2)
                scaled = np.exp(-((scaled - preferred) ** 2) / (2 * width**2))
            coded[part] = np.rint(255 * scaled)
        return coded


def check_coding(coding: Any) -> None:
    """Raise `DiehlCookError` if there is no such coding."""
    if coding not in CODINGS:
        raise DiehlCookError(f"coding is {coding!r}; choose one of {', '.join(CODINGS)}")


def learned(coding: str, X: NDArray[Any]) -> Coder:
    """Return how samples like these are coded.

    Parameters
    ----------
    coding
        ``"features"``: each feature has a scale of its own, from its smallest value to its largest. ``"pixels"``:
        all have the same, from 0 to the largest of all values.
    X
        Finite numbers (n_samples, n_features).

    Raises
    ------
    DiehlCookError
        Another coding, or pixels below 0 or all of them 0.
    """
    check_coding(coding)
    low, high = X.min(axis=0).astype(np.float64), X.max(axis=0).astype(np.float64)
    if coding == "pixels":
        if low.min() < 0 or high.max() <= 0:
            raise DiehlCookError(
                f"pixels are from {low.min():g} to {high.max():g}; they must not be below 0, nor all 0: "
                "0 is silent, and the largest is the brightest (coding='features' takes any numbers)"
            )
        low, high = np.zeros_like(low), np.full_like(high, high.max())
    return Coder(coding, low, high)
