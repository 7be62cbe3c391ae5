"""What an experiment of the companion xo records."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Recorded(NamedTuple):
    """What is kept of an experiment; k networks, n images for learning, m for testing."""

    labels: NDArray[np.int64]
    """0 for X, 1 for O, of the images for learning and then of those for testing (k, n + m)."""
    pixels: NDArray[np.uint8]
    """(k, n + m, 25)."""
    answers: NDArray[np.int64]
    """The output that spikes first, `NOTHING` if none does, or both in the same time step (k, n + m)."""
    hidden_spikes: NDArray[np.int64]
    """(k, n + m, n_hidden)."""
    output_spikes: NDArray[np.int64]
    """(k, n + m, 2)."""
    weights_hidden: NDArray[np.float32]
    """Volts, before each image for learning and at the end (n + 1, k, 25, n_hidden)."""
    weights_output: NDArray[np.float32]
    """(n + 1, k, n_hidden, 2)."""
    raster: NDArray[np.float64]
    """Seconds, layer (0, 1, 2) and neuron of each spike of the first network (3, s)."""
