"""X and O on 5 x 5 pixels, and when the inputs get their current; NumPy only."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .constants import XO

CLASSES = ("X", "O")
KINDS = (*CLASSES, "blank", "circle")
NOTHING = -1
"""The right answer to a blank image, and the answer of a network of which no output spikes."""
LABELS = np.array([0, 1, NOTHING, 1])
"""The right answer to each kind of image: a circle is to be taken for an O."""
SIDE, PIXELS = 5, 25
BITMAPS = (("#...#", ".#.#.", "..#..", ".#.#.", "#...#"), (".###.", "#...#", "#...#", "#...#", ".###."))
PATTERNS = np.array([[[dot == "#" for dot in row] for row in one] for one in BITMAPS]).reshape(2, PIXELS)
"""Black pixels of X and O (2, 25); they have none in common."""
CORNERS = np.array([0, 4, 20, 24])
CHANGED = 2
"""Pixels of O that a circle lacks, and corners that it has in their place: it has as many as O, and is 4 away from it."""


class Shown(NamedTuple):
    """Images in the order in which a network sees them."""

    labels: NDArray[np.int64]
    """0 for X, 1 for O, `NOTHING` for a blank image (n,)."""
    pixels: NDArray[np.bool_]
    """(n, 25)."""
    onsets: NDArray[np.float64]
    """Seconds after which the current into each input starts (n, 25)."""


def drawn(kinds: NDArray[np.int64], flips: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return images of these kinds (n, 25), each with so many random pixels inverted; each circle is another one."""
    order = rng.random((len(kinds), PIXELS)).argsort(axis=1).argsort(axis=1)
    pixels = np.zeros((len(kinds), PIXELS), np.bool_)
    for image, kind in zip(pixels, kinds, strict=True):
        if KINDS[kind] == "circle":
            image[PATTERNS[1]] = True
            image[rng.choice(np.flatnonzero(PATTERNS[1]), CHANGED, replace=False)] = False
            image[rng.choice(CORNERS, CHANGED, replace=False)] = True
        elif KINDS[kind] != "blank":
            image[:] = PATTERNS[kind]
    return np.asarray(pixels ^ (order < flips[:, None]))


def training(params: XO, rng: np.random.Generator) -> Shown:
    """Draw the images that a network learns from, without flipped pixels: all kinds equally often, in random order."""
    kinds = rng.permutation(np.arange(params.presentations) % params.kinds)
    starts = onsets(params, len(kinds), rng)
    return Shown(LABELS[kinds], drawn(kinds, np.zeros_like(kinds), rng), starts)


def testing(params: XO, rng: np.random.Generator) -> Shown:
    """Draw the test images: `tests` of each kind without flipped pixels, then with one, and so on."""
    kinds = np.tile(np.repeat(np.arange(params.kinds), params.tests), params.flips_max + 1)
    flips = np.repeat(np.arange(params.flips_max + 1), params.kinds * params.tests)
    return Shown(LABELS[kinds], drawn(kinds, flips, rng), onsets(params, len(kinds), rng))


def onsets(params: XO, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw when the currents start."""
    return rng.uniform(0, params.jitter, (n, PIXELS))


def nearest(pixels: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return how likely it is that the pattern with the fewest different pixels is X (..., 25): 1, 0, or 1/2 if both differ alike."""
    away = (pixels[..., None, :] ^ PATTERNS).sum(axis=-1)
    return np.asarray((np.sign(away[..., 1] - away[..., 0]) + 1) / 2)
