"""What `layers` does, compiled by Numba: whole stretches of images in one call. Tested to give the same."""

from __future__ import annotations

import numpy as np
from numba import njit

from .encoding import NEVER

NEVER_ = np.uint8(NEVER)


@njit(cache=True, nogil=True)
def convolve(times, weights, pad, theta, steps, spikes, at_spike, potential, order, starts):
    """Fill `spikes` and `at_spike`; see `layers.convolve`. The last three are working space."""
    in_columns, channels = times.shape[1:]
    size, maps = weights.shape[1], weights.shape[3]
    rows, columns = spikes.shape[0], spikes.shape[1]
    flat = times.ravel()
    starts[:] = 0
    for one in flat:
        if one != NEVER_:
            starts[one + 1] += 1
    for step in range(steps):
        starts[step + 1] += starts[step]
    for place in range(flat.size):
        if flat[place] != NEVER_:
            order[starts[flat[place]]] = place
            starts[flat[place]] += 1
    # `starts` now has the ends of the steps
    spikes[:] = NEVER_
    potential[:] = 0
    for step in range(steps):
        for number in range(starts[step - 1] if step else 0, starts[step]):
            place = order[number]
            row, column = place // channels // in_columns + pad, place // channels % in_columns + pad
            kernel = weights[place % channels]
            for r in range(max(row - size + 1, 0), min(row + 1, rows)):
                for c in range(max(column - size + 1, 0), min(column + 1, columns)):
                    add = kernel[row - r, column - c]
                    to = potential[r, c]
                    for f in range(maps):
                        to[f] += add[f]
        for r in range(rows):
            for c in range(columns):
                here = potential[r, c]
                above = 0
                for f in range(maps):
                    above += here[f] > theta
                if above:
                    for f in range(maps):
                        if here[f] > theta:
                            spikes[r, c, f] = step
                            at_spike[r, c, f] = here[f]
                            here[f] = -np.inf  # it spikes once
    for r in range(rows):
        for c in range(columns):
            for f in range(maps):
                if spikes[r, c, f] == NEVER_:
                    at_spike[r, c, f] = potential[r, c, f]


@njit(cache=True, nogil=True)
def space(times, weights, pad, steps):
    """Return arrays for `convolve`: spikes, at_spike, potential, order, starts."""
    rows = times.shape[0] + 2 * pad - weights.shape[1] + 1
    columns = times.shape[1] + 2 * pad - weights.shape[1] + 1
    shape = (rows, columns, weights.shape[3])
    return (
        np.empty(shape, np.uint8), np.empty(shape, np.float32), np.empty(shape, np.float32),
        np.empty(times.size, np.int64), np.empty(steps + 1, np.int64),
    )  # fmt: skip


@njit(cache=True, nogil=True)
def choose_winners(spikes, at_spike, k, radius, best, key, winners):
    """Fill `winners` (k, 4) with map, row, column, time; return how many there are. See `layers.choose_winners`."""
    rows, columns, maps = spikes.shape
    for r in range(rows):
        for c in range(columns):
            best[r, c], key[r, c] = -1, -np.inf
            for f in range(maps):
                if spikes[r, c, f] != NEVER_:
                    value = np.float64(at_spike[r, c, f]) - 1e4 * spikes[r, c, f]
                    if value > key[r, c]:
                        best[r, c], key[r, c] = f, value
    found = 0
    while found < k:
        row, column, largest = -1, -1, -np.inf
        for r in range(rows):
            for c in range(columns):
                if key[r, c] > largest:
                    row, column, largest = r, c, key[r, c]
        if row < 0:
            break
        winner = best[row, column]
        winners[found, 0], winners[found, 1], winners[found, 2] = winner, row, column
        winners[found, 3] = spikes[row, column, winner]
        found += 1
        for r in range(rows):
            for c in range(columns):
                if best[r, c] == winner or (abs(r - row) <= radius and abs(c - column) <= radius):
                    key[r, c] = -np.inf
    return found


@njit(cache=True, nogil=True)
def learn(times, weights, winner, pad, a_plus, a_minus):
    """Let the kernel of a winner learn; see `layers.stdp`, bounds 0 and 1 with the stabiliser."""
    size = weights.shape[1]
    f, row, column, time = winner
    for channel in range(weights.shape[0]):
        for ky in range(size):
            for kx in range(size):
                r, c = row + ky - pad, column + kx - pad
                inside = 0 <= r < times.shape[0] and 0 <= c < times.shape[1]
                w = weights[channel, ky, kx, f]
                rate = a_plus if inside and times[r, c, channel] <= time else -a_minus
                w += rate * (w * (np.float32(1) - w))
                weights[channel, ky, kx, f] = min(max(w, np.float32(0)), np.float32(1))


@njit(cache=True, nogil=True)
def train(images, weights, pad, theta, steps, k, radius, a_plus, a_minus):
    """Show spike times (n, rows, columns, channels) one after the other, and let the winners learn."""
    spikes, at_spike, potential, order, starts = space(images[0], weights, pad, steps)
    best, key = np.empty(spikes.shape[:2], np.int64), np.empty(spikes.shape[:2], np.float64)
    winners = np.empty((k, 4), np.int64)
    for number in range(images.shape[0]):
        convolve(images[number], weights, pad, theta, steps, spikes, at_spike, potential, order, starts)
        for one in range(choose_winners(spikes, at_spike, k, radius, best, key, winners)):
            learn(images[number], weights, winners[one], pad, a_plus, a_minus)


@njit(cache=True, nogil=True)
def transform(images, weights, pad, theta, steps, window, pooled):
    """Fill `pooled` with the spike times after convolution and pooling."""
    spikes, at_spike, potential, order, starts = space(images[0], weights, pad, steps)
    for number in range(images.shape[0]):
        convolve(images[number], weights, pad, theta, steps, spikes, at_spike, potential, order, starts)
        for r in range(pooled.shape[1]):
            for c in range(pooled.shape[2]):
                for f in range(pooled.shape[3]):
                    first = NEVER_
                    for y in range(r * window, (r + 1) * window):
                        for x in range(c * window, (c + 1) * window):
                            first = min(first, spikes[y, x, f])
                    pooled[number, r, c, f] = first


@njit(cache=True, nogil=True)
def decide(spiked, weights, pad, potential):
    """Return map, row and column of the highest potential, map -1 if none is above 0; see `layers.decide`."""
    rows, columns, channels = spiked.shape
    size, maps = weights.shape[1], weights.shape[3]
    out_rows, out_columns = potential.shape[:2]
    potential[:] = 0
    for row in range(rows):
        for column in range(columns):
            for channel in range(channels):
                if spiked[row, column, channel]:
                    y, x = row + pad, column + pad
                    for r in range(max(y - size + 1, 0), min(y + 1, out_rows)):
                        for c in range(max(x - size + 1, 0), min(x + 1, out_columns)):
                            add = weights[channel, y - r, x - c]
                            to = potential[r, c]
                            for f in range(maps):
                                to[f] += add[f]
    winner, at_row, at_column, largest = -1, 0, 0, np.float32(0)
    for r in range(out_rows):
        for c in range(out_columns):
            for f in range(maps):
                value = potential[r, c, f]
                if value > largest or (value == largest and -1 < f < winner):
                    winner, at_row, at_column, largest = f, r, c, value
    return winner, at_row, at_column


@njit(cache=True, nogil=True)
def decisions(images, weights, pad, decided):
    """Fill `decided` with the winning map of each image (n, rows, columns, channels)."""
    size = weights.shape[1]
    shape = (images.shape[1] + 2 * pad - size + 1, images.shape[2] + 2 * pad - size + 1, weights.shape[3])
    potential = np.empty(shape, np.float32)
    for number in range(images.shape[0]):
        decided[number] = decide(images[number], weights, pad, potential)[0]


@njit(cache=True, nogil=True)
def train_decision(images, labels, weights, pad, per_class, rates, low, high):
    """Show images, reward or punish the winner of each; return how many were right and how many had no winner.

    `rates` are for inputs that spiked and others, rewarded and punished (2, 2).
    """
    size, right, silent = weights.shape[1], 0, 0
    rows, columns = images.shape[1], images.shape[2]
    shape = (rows + 2 * pad - size + 1, columns + 2 * pad - size + 1, weights.shape[3])
    potential = np.empty(shape, np.float32)
    for number in range(images.shape[0]):
        winner, row, column = decide(images[number], weights, pad, potential)
        if winner < 0:
            silent += 1
            continue
        good = winner // per_class == labels[number]
        right += good
        with_spike, without = rates[0 if good else 1]
        for channel in range(weights.shape[0]):
            for ky in range(size):
                for kx in range(size):
                    r, c = row + ky - pad, column + kx - pad
                    inside = 0 <= r < rows and 0 <= c < columns
                    change = with_spike if inside and images[number, r, c, channel] else without
                    w = weights[channel, ky, kx, winner] + change
                    weights[channel, ky, kx, winner] = min(max(w, low), high)
    return right, silent
