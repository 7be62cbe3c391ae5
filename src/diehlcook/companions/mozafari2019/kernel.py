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
    """Return the potentials, all 0, of the neurons that see a map of inputs (rows, columns, maps).

    Of shape (rows, columns * maps), the columns from right to left: so an input finds the weights and the neurons
    of a row side by side in memory, in the same order.
    """
    edge = 2 * pad - weights.shape[1] + 1
    return np.zeros((inputs.shape[0] + edge, (inputs.shape[1] + edge) * weights.shape[3]), np.float32)


@njit(cache=True, nogil=True)
def arrive(potential, kernel, maps, row, column):
    """Add the weights (size, size * maps) of one input, at a place of the padded map, to the potentials of all neurons that see it."""
    rows, columns, size = len(potential), potential.shape[1] // maps, len(kernel)
    left, right = max(column - size + 1, 0), min(column, columns - 1)
    first, seen, n = (columns - 1 - right) * maps, (column - right) * maps, (right - left + 1) * maps
    for r in range(max(row - size + 1, 0), min(row + 1, rows)):
        to, add = potential[r, first : first + n], kernel[row - r, seen : seen + n]
        for k in range(n):
            to[k] += add[k]


@njit(cache=True, nogil=True)
def convolve(times, weights, layer, steps):
    """Return spike times, and potentials at the spike of those that spike (rows, columns, maps).

    A neuron spikes at the first step at which its potential is above the threshold.
    """
    potential = at_rest(times, weights, layer.pad)
    channels, size, _, maps = weights.shape
    kernels = weights.reshape(channels, size, size * maps)
    rows, columns, width = len(potential), potential.shape[1] // maps, times.shape[1]
    shape, flat = (rows, columns, maps), times.ravel()
    spikes, at_spike = np.full(shape, NEVER_, np.uint8), np.zeros(shape, np.float32)
    for step in range(steps):
        for place in np.flatnonzero(flat == step):
            position, channel = divmod(place, channels)
            row, column = divmod(position, width)
            arrive(potential, kernels[channel], maps, row + layer.pad, column + layer.pad)
        for r in range(rows):
            for c in range(columns):
                here = potential[r, (columns - 1 - c) * maps : (columns - c) * maps]
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
def compete(spikes, at_spike):
    """Let the maps compete at each position, and return the one that stays, and what it is worth (rows, columns).

    It is the map that spikes earliest, of several the one with the highest potential. An earlier spike is worth
    more, then a higher potential; -inf where no map spikes.
    """
    rows, columns, maps = spikes.shape
    best, worth = np.zeros((rows, columns), np.int64), np.full((rows, columns), -np.inf)
    for r in range(rows):
        for c in range(columns):
            for f in range(maps):
                if spikes[r, c, f] != NEVER_:
                    value = np.float64(at_spike[r, c, f]) - LATER * spikes[r, c, f]
                    if value > worth[r, c]:
                        best[r, c], worth[r, c] = f, value
    return best, worth


@njit(cache=True, nogil=True)
def choose_winners(spikes, at_spike, layer):
    """Return map, row, column and time of the neurons that learn, at most `layer.winners`.

    They are taken from the maps that stay at each position (`compete`), what is worth most first; each one
    inhibits its map, and all maps within `layer.radius` of it.
    """
    best, worth = compete(spikes, at_spike)
    winners: list[Any] = []
    while len(winners) < layer.winners and worth.max() > -np.inf:
        row, column = divmod(worth.argmax(), worth.shape[1])
        winner, near = best[row, column], layer.radius
        winners.append((winner, row, column, spikes[row, column, winner]))
        worth = np.where(best == winner, -np.inf, worth)
        worth[max(row - near, 0) : row + near + 1, max(column - near, 0) : column + near + 1] = -np.inf
    return winners


@njit(cache=True, nogil=True)
def learn(spiked, weights, winner, pad, rates, bounds, soft):
    """Change the kernel of a neuron (map, row, column) within bounds: `rates` are for inputs that spiked, and for all others.

    Those outside of the map are among the others. With `soft`, changes are in proportion to w (1 - w).
    """
    f, row, column = winner
    low, high, one = np.float32(bounds[0]), np.float32(bounds[1]), np.float32(1)
    channels, size, _, _ = weights.shape
    for channel in range(channels):  # in the order in which weights lie in memory
        for ky in range(size):
            r = row + ky - pad
            for kx in range(size):
                c = column + kx - pad
                inside = 0 <= r < spiked.shape[0] and 0 <= c < spiked.shape[1]
                w = weights[channel, ky, kx, f]
                scale = w * (one - w) if soft else one
                w += (rates[0] if inside and spiked[r, c, channel] else rates[1]) * scale
                weights[channel, ky, kx, f] = min(max(w, low), high)


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
    window, maps = layer.pool, weights.shape[3]
    rows, width = at_rest(images[0], weights, layer.pad).shape
    columns = width // maps
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
def at_the_end(spiked, weights, pad):
    """Return the potentials of the last layer when all inputs (rows, columns, channels) that spike have done so (rows, columns, maps)."""
    potential = at_rest(spiked, weights, pad)
    channels, size, _, maps = weights.shape
    kernels = weights.reshape(channels, size, size * maps)
    for channel in range(channels):  # outermost, so that each weight is read from memory once
        for row in range(spiked.shape[0]):
            for column in range(spiked.shape[1]):
                if spiked[row, column, channel]:
                    arrive(potential, kernels[channel], maps, row + pad, column + pad)
    return potential.reshape(len(potential), -1, maps)[:, ::-1]


@njit(cache=True, nogil=True)
def decide(spiked, weights, pad):
    """Return map, row and column of the neuron of the last layer with the highest potential, map -1 if none is above 0.

    Its neurons have no threshold and spike at the last step, so all that counts is which inputs (rows,
    columns, channels) have spiked; the first of equals wins, in the order of maps, rows, columns.
    """
    potential = at_the_end(spiked, weights, pad)
    rows, columns, _ = potential.shape
    winner, position = divmod(np.ascontiguousarray(potential.transpose(2, 0, 1)).argmax(), rows * columns)
    row, column = divmod(position, columns)
    return winner if potential[row, column, winner] > 0 else -1, row, column


@njit(cache=True, nogil=True)
def decisions(images, weights, pad):
    """Return the winning map of the last layer for each image (n, rows, columns, channels), -1 for none."""
    return np.array([decide(spiked, weights, pad)[0] for spiked in images])


@njit(cache=True, nogil=True)
def train_decision(images, labels, weights, classes, pad, rates, bounds):
    """Reward or punish the winner of each image, in place; return how many were right, and how many had no winner.

    `classes` are those of the maps, `rates` are for inputs that spiked and for others (columns), rewarded and
    punished (rows).
    """
    right, silent = 0, 0
    for number in range(len(images)):
        winner = decide(images[number], weights, pad)
        if winner[0] < 0:
            silent += 1
            continue
        good = classes[winner[0]] == labels[number]
        right += good
        learn(images[number], weights, winner, pad, rates[0 if good else 1], bounds, False)
    return right, silent
