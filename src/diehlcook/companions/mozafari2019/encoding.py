"""From an image to spike times: six filters, local normalisation, ranks in bins. NumPy only.

Strong responses spike early. An input spikes once or never; its time is the bin of its rank among all
responses of the image. Maps are (rows, columns, channels) throughout.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ...errors import DiehlCookError
from .constants import DOG, Mozafari2019

Times = NDArray[np.uint8]
Weights = NDArray[np.float32]

NEVER = 255
"""Spike time of what does not spike."""

AT_ONCE = 200
"""Images that are filtered together."""


def dog_kernels() -> NDArray[np.float32]:
    """Return the kernels (size, size, 6), small ones with zeros around; each sums to 0 and has a largest value of 1."""
    largest = max(size for size, _, _ in DOG)
    kernels = np.zeros((largest, largest, len(DOG)))
    for number, (size, first, second) in enumerate(DOG):
        half, edge = size // 2, (largest - size) // 2
        square = np.add.outer(np.arange(-half, half + 1) ** 2, np.arange(-half, half + 1) ** 2)
        one, other = (np.exp(-square / (2 * sd**2)) / sd**2 for sd in (first / 9, second / 9))
        kernel = one - other
        kernel -= kernel.mean()
        kernels[edge : edge + size, edge : edge + size, number] = kernel / kernel.max()
    return kernels.astype(np.float32)


def contrasts(images: NDArray[np.uint8], params: Mozafari2019) -> NDArray[np.float32]:
    """Return the normalised responses (n, rows, columns, 6) to images (n, rows, columns); 0 where a filter does not respond."""
    kernels = dog_kernels()
    size = kernels.shape[0]
    padded = np.pad(images.astype(np.float32), ((0, 0), (size // 2, size // 2), (size // 2, size // 2)))
    windows = sliding_window_view(padded, (1, size, size))
    responses = windows.reshape(*images.shape, size * size) @ kernels.reshape(size * size, -1)
    responses[responses < params.floor] = 0
    return np.asarray(responses / (box_mean(responses, params.radius_norm) + 1e-12), dtype=np.float32)


def box_mean(maps: NDArray[np.float32], radius: int) -> NDArray[np.float64]:
    """Return the mean over the square around each position (n, rows, columns, channels); outside of a map there are zeros."""
    width = 2 * radius + 1
    total = np.pad(maps.astype(np.float64), ((0, 0), (radius + 1, radius), (radius + 1, radius), (0, 0)))
    total = total.cumsum(axis=1).cumsum(axis=2)
    inside = (
        total[:, width:, width:]
        - total[:, :-width, width:]
        - total[:, width:, :-width]
        + total[:, :-width, :-width]
    )
    return np.asarray(np.maximum(inside, 0) / width**2)


def ranks(responses: NDArray[np.float32], steps: int) -> NDArray[np.uint8]:
    """Return spike times of the responses (...) to one image: equal bins of the non-zero ones, strongest first.

    As many as do not fill another bin, the weakest, never spike.

    Raises
    ------
    DiehlCookError
        There are fewer responses than bins: the image has too little contrast.
    """
    flat = responses.ravel()
    bin_size = int(np.count_nonzero(flat)) // steps
    if not bin_size:
        raise DiehlCookError(f"it gives {np.count_nonzero(flat)} input spikes; at least {steps} are needed")
    order = np.argsort(-flat, kind="stable")[: bin_size * steps]
    times = np.full(flat.size, NEVER, np.uint8)
    times[order] = np.repeat(np.arange(steps, dtype=np.uint8), bin_size)
    return times.reshape(responses.shape)


def encode(images: NDArray[np.uint8], params: Mozafari2019) -> NDArray[np.uint8]:
    """Return the spike times (n, rows, columns, 6) for images (n, rows, columns) of grey values."""
    times = np.empty((*images.shape, len(DOG)), np.uint8)
    for first in range(0, len(images), AT_ONCE):
        responses = contrasts(images[first : first + AT_ONCE], params)
        for number, one in enumerate(responses, first):
            try:
                times[number] = ranks(one, params.steps)
            except DiehlCookError as error:
                raise DiehlCookError(f"image {number} (from 0): {error}") from None
    return times
