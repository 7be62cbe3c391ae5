"""When a training closes a window of its accuracy and keeps a snapshot of its weights; pure functions.

Both depend on the images of a pass and on how many images have been shown, never on how many are still to
come: so a training of one pass that goes on for a second has the windows and snapshots of one that was asked
for two at once.
"""

from __future__ import annotations

WINDOW = 10_000
"""Images of a window of a long pass, as the paper's Fig. 2C."""

WINDOWS = 5
"""Windows of a pass that is too short for two of `WINDOW` images."""

SMALLEST_WINDOW = 100
"""Images below which a window says nothing."""


def window_size(n_images: int) -> int:
    """Return the images of a window of accuracy for passes of `n_images`; 0 if they are too few for windows.

    A window of a pass that is too short for several is the whole pass: labels are then from the pass before.
    """
    if n_images >= 2 * WINDOW:
        return WINDOW
    size = n_images // WINDOWS
    if size < SMALLEST_WINDOW:
        size = n_images
    return size if size >= SMALLEST_WINDOW else 0


def grid(position: int, n_images: int, most: int) -> tuple[int, int]:
    """Return the points of the grid of snapshots reached after `position` images, and of these every how many is kept.

    The grid has `most` points in a pass. Every second kept one is given up when there are more than `most`.
    """
    reached = ((position + 1) * most - 1) // n_images
    every = 1
    while reached > every * most:
        every *= 2
    return reached, every


def snapshots(position: int, n_images: int, most: int) -> set[int]:
    """Return the positions of the snapshots that a training keeps once `position` images have been shown.

    Parameters
    ----------
    position
        Images shown so far.
    n_images
        Images of a pass.
    most
        Snapshots kept beside the first, that of the weights before training; a power of 2, so that the ends
        of passes are among them for as long as they can.
    """
    reached, every = grid(position, n_images, most)
    return {point * n_images // most for point in range(0, reached + 1, every)}


def next_snapshot(position: int, n_images: int, most: int) -> int:
    """Return the next position after `position` at which a snapshot may be due; see `snapshots`."""
    reached, every = grid(position, n_images, most)
    return (reached // every + 1) * every * n_images // most
