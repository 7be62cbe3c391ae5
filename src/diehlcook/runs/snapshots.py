"""The weights at some moments of a training, kept as files: which moments, `schedule` says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DiehlCookError
from ..model.arrays import Expected, check_whole
from ..model.params import Params
from . import layout, schedule
from .files import load_array, save_array
from .run import Run

USUAL = 8
"""Snapshots beside the first: what a report shows."""

EARLIER = 16
"""Those of trainings whose run.json does not say how many."""

LARGEST = 1024

BYTES = 256 * 2**20
"""On disk, where nobody asks for a number."""


def most_of(params: Params, wanted: int | None = None) -> int:
    """Return how many snapshots a training keeps beside the first, a power of 2 (see `schedule.snapshots`).

    Parameters
    ----------
    params
        Of the network; of a large one fewer are kept.
    wanted
        How many at least; None: `USUAL`, within `BYTES`.
    """
    if wanted is not None:
        return 1 << (check_whole("snapshots", wanted, 1, LARGEST) - 1).bit_length()
    most = USUAL
    while most > 1 and most * params.n_input * params.n_exc * 4 > BYTES:
        most //= 2
    return most


def keep(run: Run, position: int, n_images: int, weights: NDArray[Any], *, most: int, last: bool) -> None:
    """Keep the weights if a snapshot is due at `position`, or if it is the last; delete those that are given up for it."""
    kept = schedule.snapshots(position, n_images, most)
    if last:
        kept.add(position)
    if position not in kept:
        return
    save_array(run.folder / "snapshots" / f"{position:08d}.npy", weights.astype(np.float32))
    for path in files(run):
        if int(path.stem) not in kept:
            layout.remove(path)


def files(run: Run) -> list[Path]:
    """Return the files of the snapshots, in the order of their positions."""
    found = [
        path for path, name in layout.walk(run.folder) if re.fullmatch(layout.OTHERS["snapshots"].files, name)
    ]
    return sorted(found, key=lambda path: int(path.stem))


def read(run: Run, neurons: NDArray[np.int64]) -> list[tuple[int, NDArray[np.float32]]]:
    """Return the weights of some neurons at each snapshot of a training, with the images trained by then.

    A training that is running gives up snapshots as it goes on; one that is gone by the time it is read is
    left out.
    """
    shape, found = (run.params.n_input, run.params.n_exc), []
    for path in files(run):
        try:
            found.append((int(path.stem), load_array(path, Expected(shape))[:, neurons]))
        except DiehlCookError:
            if path.exists():
                raise
    return found
