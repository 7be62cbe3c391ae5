"""What a layer of mozafari2019 does, in plain NumPy: the oracle of its compiled kernel.

A neuron does not leak and spikes at most once, so its potential at a step is the sum of the weights of all
inputs that have spiked until then, and maps of spike times (uint8, `NEVER` for none) say all. Maps are (rows,
columns, channels), weights (channels, size, size, maps).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from diehlcook.companions.mozafari2019.constants import Layer
from diehlcook.companions.mozafari2019.encoding import NEVER, Times, Weights

LATER = 1e4
"""More than any potential: what an earlier step is worth."""


class Winner(NamedTuple):
    """A neuron that learns."""

    map: int
    row: int
    column: int
    time: int


def convolve(times: Times, weights: Weights, layer: Layer, steps: int) -> tuple[Times, NDArray[np.float32]]:
    """Return spike times and potentials at the spike of each neuron (rows, columns, maps).

    A neuron spikes at the first step at which its potential is above the threshold. Potentials of those that
    do not are those of the last step.
    """
    size, pad = layer.size, layer.pad
    rows, columns = (side + 2 * pad - size + 1 for side in times.shape[:2])
    edge = size - 1
    potential = np.zeros((rows + 2 * edge, columns + 2 * edge, layer.maps), np.float32)
    inner = potential[edge : edge + rows, edge : edge + columns]
    spikes = np.full(inner.shape, NEVER, np.uint8)
    at_spike = np.zeros(inner.shape, np.float32)
    spread = weights[:, ::-1, ::-1]
    for step in range(steps):
        for row, column, channel in np.argwhere(times == step):
            row, column = row + pad, column + pad
            potential[row : row + size, column : column + size] += spread[channel]
        now = (inner > layer.theta) & (spikes == NEVER)
        spikes[now] = step
        at_spike[now] = inner[now]
    still = spikes == NEVER
    at_spike[still] = inner[still]
    return spikes, at_spike


def pool(times: Times, window: int) -> Times:
    """Return the earliest spike of each window; what does not fill a window is left out."""
    rows, columns, maps = times.shape[0] // window, times.shape[1] // window, times.shape[2]
    cut = times[: rows * window, : columns * window]
    return np.asarray(cut.reshape(rows, window, columns, window, maps).min(axis=(1, 3)))


def choose_winners(times: Times, potentials: NDArray[np.float32], layer: Layer) -> list[Winner]:
    """Return the neurons that learn, at most `layer.winners`.

    At each position only the earliest map stays, the one with the highest potential if there are several.
    Among these, winners are taken in the same order; each one inhibits its map, and all maps within
    `layer.radius` of it.
    """
    rank = np.where(times == NEVER, -np.inf, potentials.astype(np.float64) - LATER * times)
    best = rank.argmax(axis=2)
    left = np.take_along_axis(rank, best[..., None], axis=2)[..., 0]
    winners: list[Winner] = []
    while len(winners) < layer.winners:
        row, column = np.unravel_index(int(left.argmax()), left.shape)
        if left[row, column] == -np.inf:
            break
        winner = int(best[row, column])
        winners.append(Winner(winner, int(row), int(column), int(times[row, column, winner])))
        left[best == winner] = -np.inf
        r = layer.radius
        left[max(row - r, 0) : row + r + 1, max(column - r, 0) : column + r + 1] = -np.inf
    return winners


def stdp(
    times: Times, weights: Weights, winners: list[Winner], layer: Layer, a_plus: float, a_minus: float
) -> None:
    """Let the kernels of the winners learn, in place.

    An input that spiked not later than the winner is potentiated, any other depressed, those that never spike
    and those outside of the map among them; both in proportion to w (1 - w).
    """
    padded = np.pad(times, ((layer.pad, layer.pad), (layer.pad, layer.pad), (0, 0)), constant_values=NEVER)
    for winner in winners:
        field = padded[winner.row : winner.row + layer.size, winner.column : winner.column + layer.size]
        before = field.transpose(2, 0, 1) <= winner.time
        kernel = weights[..., winner.map]
        kernel += np.where(before, a_plus, -a_minus) * kernel * (1 - kernel)
        np.clip(kernel, 0, 1, out=kernel)


def decide(spiked: NDArray[np.bool_], weights: Weights, pad: int) -> Winner | None:
    """Return the neuron of the last layer with the highest potential, None if all are 0.

    Its neurons have no threshold and spike at the last step, so all that counts is which inputs (rows,
    columns, channels) have spiked; the first of equals wins, in the order of maps, rows, columns.
    """
    layer = Layer(weights.shape[3], weights.shape[1], pad, np.inf, 1, 1, 0)
    _, potentials = convolve(np.where(spiked, 0, NEVER).astype(np.uint8), weights, layer, 1)
    if not potentials.max() > 0:
        return None
    by_map = potentials.transpose(2, 0, 1)
    winner, row, column = np.unravel_index(int(by_map.argmax()), by_map.shape)
    return Winner(int(winner), int(row), int(column), 0)


def reward(
    spiked: NDArray[np.bool_],
    weights: Weights,
    winner: Winner,
    pad: int,
    rates: tuple[float, float],
    bounds: tuple[float, float],
) -> None:
    """Change the kernel of the winner, in place: `rates` are for inputs that have spiked, and for all others.

    Positive and negative for a right decision (reward), negative and positive for a wrong one (punishment).
    """
    padded = np.pad(spiked, ((pad, pad), (pad, pad), (0, 0)))
    size = weights.shape[1]
    field = padded[winner.row : winner.row + size, winner.column : winner.column + size].transpose(2, 0, 1)
    kernel = weights[..., winner.map]
    kernel += np.where(field, *rates)
    np.clip(kernel, *bounds, out=kernel)
