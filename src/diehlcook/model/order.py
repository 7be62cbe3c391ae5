"""The order in which a training shows its images: which image stands at which position; NumPy only.

A position counts the images of a training, all passes of them; `image_at` is the only place that knows which
image it is. Every pass of ``"shuffled"`` is a permutation of its own, drawn from the seed and the number of
the pass by the hash that also makes the input spikes (see `stimulus`): no generator whose state would have to
be saved, and the same on every engine, in chunks of any length, after a resume, and with any version of
NumPy.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .stimulus import fold, uniform

STREAM = 5
"""Tells the keys of permutations from those of the phases' input spikes, `stimulus.PHASES`."""


@lru_cache(maxsize=4)
def permutation(seed: int, epoch: int, n_images: int) -> NDArray[np.int64]:
    """Return the order of the images in one pass.

    Parameters
    ----------
    seed
        Of the run.
    epoch
        Number of the pass, from 0.
    n_images
        Images of a pass.

    Returns
    -------
    ndarray of int64, shape (n_images,)
        The image at each place of the pass; read-only.
    """
    key = fold(fold(fold(0, seed), STREAM), epoch)
    images = np.argsort(uniform(key, np.arange(n_images)), kind="stable").astype(np.int64)
    images.flags.writeable = False
    return images


def image_at(position: NDArray[np.int64] | int, n_images: int, *, order: str, seed: int) -> NDArray[np.int64]:
    """Return the index, among the images of a training, of the image at each position.

    Parameters
    ----------
    position
        Counts the images shown in a training from 0, over all passes; one or many.
    n_images
        Images of a pass.
    order
        One of `params.ORDERS`: every pass in file order, as the authors' code (j mod 60,000), or each
        shuffled anew.
    seed
        Of the run.

    Returns
    -------
    ndarray of int64
        Of the shape of `position`, each from 0 to `n_images` - 1.
    """
    epoch, place = np.divmod(np.asarray(position, np.int64), n_images)
    if order == "file":
        return np.asarray(place)
    images = np.empty_like(place)
    for one in np.unique(epoch):
        here = epoch == one
        images[here] = permutation(seed, int(one), n_images)[place[here]]
    return images
