"""From an image to spike times: filters, local normalisation, ranks in bins. NumPy only.

Strong responses spike early. An input spikes once or never; its time is the bin of its rank among all
responses of the image. Maps are (rows, columns, channels) throughout. `encode` is what the network gets, `code`
is for a picture of any size.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from ...errors import DiehlCookError
from ...model.arrays import Expected, checked
from .constants import DOG, DOG_BLOG, Filters, Mozafari2019

Times = NDArray[np.uint8]
Weights = NDArray[np.float32]

NEVER = 255
"""Spike time of what does not spike."""

AT_ONCE = 200
"""Images that are filtered together."""


WINDOWS = 2**16
"""Places of a picture that are filtered together, to keep memory small."""


class Coded(NamedTuple):
    """A picture as spike times, and what they come from; of each (rows, columns, filters)."""

    responses: NDArray[np.float32]
    """Of the filters; negative where light and dark are the other way round."""
    contrasts: NDArray[np.float32]
    """The responses that are not smaller than the floor, 0 elsewhere."""
    times: Times
    """Time steps, `NEVER` where an input does not spike."""


def dog_kernels(filters: Filters = DOG) -> NDArray[np.float32]:
    """Return the kernels (size, size, filters), small ones with zeros around; each sums to 0 and has a largest value of 1."""
    largest = max(size for size, _, _ in filters)
    kernels = np.zeros((largest, largest, len(filters)))
    for number, (size, first, second) in enumerate(filters):
        half, edge = size // 2, (largest - size) // 2
        square = np.add.outer(np.arange(-half, half + 1) ** 2, np.arange(-half, half + 1) ** 2)
        one, other = (np.exp(-square / (2 * sd**2)) / sd**2 for sd in (first, second))
        kernel = one - other
        kernel -= kernel.mean()
        with np.errstate(invalid="ignore"):  # of two equal Gaussians nothing is left; `code` refuses them
            kernels[edge : edge + size, edge : edge + size, number] = kernel / kernel.max()
    return kernels.astype(np.float32)


def padded(images: NDArray[Any], kernels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return images (n, rows, columns) with as many zeros around as kernels reach."""
    reach = kernels.shape[0] // 2
    return np.pad(images.astype(np.float32), ((0, 0), (reach, reach), (reach, reach)))


def filtered(images: NDArray[np.float32], kernels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the responses (n, rows, columns, filters) to padded images."""
    size = kernels.shape[0]
    windows = sliding_window_view(images, (1, size, size))
    places = windows.shape[:3]
    return np.asarray(windows.reshape(*places, size * size) @ kernels.reshape(size * size, -1))


def contrasts(images: NDArray[np.uint8], params: Mozafari2019) -> NDArray[np.float32]:
    """Return the normalised responses (n, rows, columns, 6) to images (n, rows, columns); 0 where a filter does not respond."""
    kernels = dog_kernels()
    responses = filtered(padded(images, kernels), kernels)
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


def code(picture: ArrayLike, filters: Filters = DOG_BLOG, floor: float = 50.0, steps: int = 15) -> Coded:
    """Turn a picture of any size into spike times as in the blog: filters, a floor, ranks; no local normalisation.

    Parameters
    ----------
    picture
        Grey values from 0 to 255 (rows, columns).
    filters
        Size, in pixels and odd, and standard deviations of the two Gaussians of each.
    floor
        Smaller responses are none.
    steps
        Time steps: bins of equally many spikes.

    Returns
    -------
    Coded
        Responses, contrasts and spike times (rows, columns, filters).

    Raises
    ------
    DiehlCookError
        The picture is no such array, a filter or the number of steps is not possible, or there is too little
        contrast in the picture.
    """
    grey = checked("picture", picture, Expected((None, None), "fiu", low=0, high=255))
    for size, first, second in filters:
        possible = size >= 3 and size % 2 == 1 and min(first, second) > 0
        if not (possible and np.isfinite(dog_kernels(((size, first, second),))).all()):
            raise DiehlCookError(
                f"filter ({size}, {first}, {second}): expected an odd size from 3 on and two different, "
                "positive standard deviations, e.g. (7, 1, 2)"
            )
    params = Mozafari2019(steps=steps, floor=floor)
    if not (filters and grey.size):
        raise DiehlCookError(f"the picture has {grey.size} pixels, and there are {len(filters)} filters")
    kernels = dog_kernels(filters)
    framed, overlap = padded(grey[None], kernels), kernels.shape[0] - 1
    band = max(WINDOWS // grey.shape[1], 1)
    responses = np.concatenate(
        [filtered(framed[:, row : row + band + overlap], kernels)[0] for row in range(0, len(grey), band)]
    )
    strong = np.where(responses < params.floor, np.float32(0), responses)
    return Coded(responses, strong, ranks(strong, params.steps))
