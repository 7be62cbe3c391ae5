"""What a layer does, in spike times: convolution, pooling, competition, learning; compiled by Numba.

A neuron does not leak and spikes at most once, so its potential at a step is the sum of the weights of all
inputs that have spiked until then, and maps of spike times (uint8, `NEVER` for none) say all. Maps are (rows,
columns, channels), weights (channels, size, size, maps). The tests have the same in plain NumPy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from .encoding import NEVER

NEVER_ = np.uint8(NEVER)

LATER = 1e4
"""More than any potential: what an earlier step is worth."""


@njit(cache=True, nogil=True)
def at_rest(inputs, weights, pad):
    """Return the potentials, all 0, of the neurons that see a map of inputs (rows, columns, maps)."""
    edge = 2 * pad - weights.shape[1] + 1
    return np.zeros((inputs.shape[0] + edge, inputs.shape[1] + edge, weights.shape[3]), np.float32)


@njit(cache=True, nogil=True)
def arrive(potential, weights, pad, place, inputs):
    """Add the weights of the input at a place of the flat map to the potentials of all neurons that see it."""
    size, channels = weights.shape[1], inputs.shape[2]
    row, column = place // channels // inputs.shape[1] + pad, place // channels % inputs.shape[1] + pad
    kernel = weights[place % channels]
    for r in range(max(row - size + 1, 0), min(row + 1, potential.shape[0])):
        for c in range(max(column - size + 1, 0), min(column + 1, potential.shape[1])):
            add = kernel[row - r, column - c]
            to = potential[r, c]
            for f in range(add.size):
                to[f] += add[f]


@njit(cache=True, nogil=True)
def convolve(times, weights, layer, steps):
    """Return spike times, and potentials at the spike of those that spike (rows, columns, maps).

    A neuron spikes at the first step at which its potential is above the threshold.
    """
    potential = at_rest(times, weights, layer.pad)
    spikes, at_spike = np.full(potential.shape, NEVER_, np.uint8), np.zeros(potential.shape, np.float32)
    rows, columns, maps = potential.shape
    flat = times.ravel()
    for step in range(steps):
        for place in np.flatnonzero(flat == step):
            arrive(potential, weights, layer.pad, place, times)
        for r in range(rows):
            for c in range(columns):
                here = potential[r, c]
                above = 0
                for f in range(maps):
                    above += here[f] > layer.theta
                if above:
                    for f in range(maps):
                        if here[f] > layer.theta:
                            spikes[r, c, f] = step
                            at_spike[r, c, f] = here[f]
                            here[f] = -np.inf  # it spikes once
    return spikes, at_spike


@njit(cache=True, nogil=True)
def choose_winners(spikes, at_spike, layer):
    """Return map, row, column and time of the neurons that learn, at most `layer.winners`.

    At each position only the earliest map stays, the one with the highest potential if there are several.
    Among these, winners are taken in the same order; each one inhibits its map, and all maps within
    `layer.radius` of it.
    """
    rows, columns, maps = spikes.shape
    best, key = np.zeros((rows, columns), np.int64), np.full((rows, columns), -np.inf)
    for r in range(rows):
        for c in range(columns):
            for f in range(maps):
                if spikes[r, c, f] != NEVER_:
                    value = np.float64(at_spike[r, c, f]) - LATER * spikes[r, c, f]
                    if value > key[r, c]:
                        best[r, c], key[r, c] = f, value
    winners: list[Any] = []
    while len(winners) < layer.winners and key.max() > -np.inf:
        row, column = divmod(key.argmax(), columns)
        winner, near = best[row, column], layer.radius
        winners.append((winner, row, column, spikes[row, column, winner]))
        key = np.where(best == winner, -np.inf, key)
        key[max(row - near, 0) : row + near + 1, max(column - near, 0) : column + near + 1] = -np.inf
    return winners


@njit(cache=True, nogil=True)
def learn(spiked, weights, winner, pad, rates, bounds, soft):
    """Change the kernel of a neuron (map, row, column) within bounds: `rates` are for inputs that spiked, and for all others.

    Those outside of the map are among the others. With `soft`, changes are in proportion to w (1 - w).
    """
    f, row, column = winner
    for channel, ky, kx in np.ndindex(weights.shape[:3]):
        r, c = row + ky - pad, column + kx - pad
        inside = 0 <= r < spiked.shape[0] and 0 <= c < spiked.shape[1]
        w = weights[channel, ky, kx, f]
        scale = w * (np.float32(1) - w) if soft else np.float32(1)
        w += (rates[0] if inside and spiked[r, c, channel] else rates[1]) * scale
        weights[channel, ky, kx, f] = min(max(w, np.float32(bounds[0])), np.float32(bounds[1]))


@njit(cache=True, nogil=True)
def train(images, weights, layer, steps, a_plus, a_minus):
    """Show spike times (n, rows, columns, channels) one after the other, and let the winners learn by STDP, in place.

    An input that spiked not later than the winner is potentiated, any other depressed, those that never spike
    among them.
    """
    rates = np.float32(a_plus), np.float32(-a_minus)
    for times in images:
        spikes, at_spike = convolve(times, weights, layer, steps)
        for f, row, column, time in choose_winners(spikes, at_spike, layer):
            learn(times <= time, weights, (f, row, column), layer.pad, rates, (0.0, 1.0), True)


@njit(cache=True, nogil=True)
def transform(images, weights, layer, steps):
    """Return the spike times after convolution and pooling (n, rows, columns, maps).

    The earliest spike of each window stays; what does not fill a window is left out.
    """
    window, (rows, columns, maps) = layer.pool, at_rest(images[0], weights, layer.pad).shape
    pooled = np.full((len(images), rows // window, columns // window, maps), NEVER_, np.uint8)
    for number in range(len(images)):
        spikes, _ = convolve(images[number], weights, layer, steps)
        for r in range(rows // window * window):
            for c in range(columns // window * window):
                first = pooled[number, r // window, c // window]
                for f in range(maps):
                    first[f] = min(first[f], spikes[r, c, f])
    return pooled


@njit(cache=True, nogil=True)
def decide(spiked, weights, pad):
    """Return map, row and column of the neuron of the last layer with the highest potential, map -1 if none is above 0.

    Its neurons have no threshold and spike at the last step, so all that counts is which inputs (rows,
    columns, channels) have spiked; the first of equals wins, in the order of maps, rows, columns.
    """
    potential = at_rest(spiked, weights, pad)
    for place in np.flatnonzero(spiked):
        arrive(potential, weights, pad, place, spiked)
    rows, columns, _ = potential.shape
    winner, position = divmod(np.ascontiguousarray(potential.transpose(2, 0, 1)).argmax(), rows * columns)
    row, column = divmod(position, columns)
    return winner if potential[row, column, winner] > 0 else -1, row, column


@njit(cache=True, nogil=True)
def decisions(images, weights, pad):
    """Return the winning map of the last layer for each image (n, rows, columns, channels), -1 for none."""
    return np.array([decide(spiked, weights, pad)[0] for spiked in images])


@njit(cache=True, nogil=True)
def train_decision(images, labels, weights, pad, rates, bounds):
    """Reward or punish the winner of each image, in place; return how many were right, and how many had no winner.

    `rates` are for inputs that spiked and for others (columns), rewarded and punished (rows).
    """
    right, silent, per_class = 0, 0, weights.shape[3] // 10
    for number in range(len(images)):
        winner = decide(images[number], weights, pad)
        if winner[0] < 0:
            silent += 1
            continue
        good = winner[0] // per_class == labels[number]
        right += good
        learn(images[number], weights, winner, pad, rates[0 if good else 1], bounds, False)
    return right, silent
