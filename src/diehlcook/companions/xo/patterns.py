"""X and O on 5 x 5 pixels, and when the inputs get their current; NumPy only."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .constants import XO

CLASSES = ("X", "O")
SIDE, PIXELS = 5, 25
BITMAPS = (("#...#", ".#.#.", "..#..", ".#.#.", "#...#"), (".###.", "#...#", "#...#", "#...#", ".###."))
PATTERNS = np.array([[[dot == "#" for dot in row] for row in one] for one in BITMAPS]).reshape(2, PIXELS)
"""Black pixels of X and O (2, 25); they have none in common."""


class Shown(NamedTuple):
    """Images in the order in which a network sees them."""

    labels: NDArray[np.int64]
    """0 for X, 1 for O (n,)."""
    pixels: NDArray[np.bool_]
    """(n, 25)."""
    onsets: NDArray[np.float64]
    """Seconds after which the current into each input starts (n, 25)."""


def flipped(
    labels: NDArray[np.int64], flips: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Return images of these classes (n, 25), each with so many random pixels inverted."""
    order = rng.random((len(labels), PIXELS)).argsort(axis=1).argsort(axis=1)
    return np.asarray(PATTERNS[labels] ^ (order < flips[:, None]))


def training(params: XO, rng: np.random.Generator) -> Shown:
    """Draw the clean images that a network learns from: both classes equally often, in random order."""
    labels = rng.permutation(np.arange(params.presentations) % 2)
    return Shown(labels, PATTERNS[labels], onsets(params, len(labels), rng))


def testing(params: XO, rng: np.random.Generator) -> Shown:
    """Draw the test images: `tests` of each class without flipped pixels, then with one, and so on."""
    labels = np.tile(np.repeat([0, 1], params.tests), params.flips_max + 1)
    flips = np.repeat(np.arange(params.flips_max + 1), 2 * params.tests)
    return Shown(labels, flipped(labels, flips, rng), onsets(params, len(labels), rng))


def onsets(params: XO, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw when the currents start."""
    return rng.uniform(0, params.jitter, (n, PIXELS))


def nearest(pixels: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return how likely it is that the pattern with the fewest different pixels is X (..., 25): 1, 0, or 1/2 if both differ alike."""
    away = (pixels[..., None, :] ^ PATTERNS).sum(axis=-1)
    return np.asarray((np.sign(away[..., 1] - away[..., 0]) + 1) / 2)
