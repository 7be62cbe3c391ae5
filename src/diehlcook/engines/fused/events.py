"""Input spikes of a presentation: drawn before it begins, and where and when they arrive."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .active import member, size


class Events(NamedTuple):
    """Input events of a presentation, T steps of stimulus: by input, then by step."""

    draws: NDArray[np.uint64]
    """Scratch (T,)."""
    first: NDArray[np.int64]
    """Events of input i are those from first[i] to first[i + 1] (n_input + 1,)."""
    sent: NDArray[np.int32]
    """Step of each event."""
    trace: NDArray[np.float64]
    """The trace of its input as each event leaves it."""
    happened: NDArray[np.int64]
    """Events of an input so far (n_input,)."""
    first_of_step: NDArray[np.int64]
    """Events of a step, inputs ascending, are those from first_of_step[step] on (T + 1,)."""
    input: NDArray[np.int32]
    step: NDArray[np.int32]


@njit
def no_events(n_input, stimulus_steps):
    """Return room for the events of a presentation."""
    most = n_input * stimulus_steps
    return Events(
        np.empty(stimulus_steps, np.uint64), np.empty(n_input + 1, np.int64), np.empty(most, np.int32),
        np.empty(most), np.empty(n_input, np.int64),
        np.empty(stimulus_steps + 1, np.int64), np.empty(most, np.int32), np.empty(most, np.int32),
    )  # fmt: skip


@njit(inline="always")
def mix(z):
    """SplitMix64's finaliser; see `stimulus.mix`."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit
def fold(key, value):
    """See `stimulus.fold`."""
    return mix(mix(key + np.uint64(0x9E3779B97F4A7C15)) ^ value)


@njit(error_model="numpy")
def draw_events(c, rate, key, events):
    """Draw the input spikes of a presentation."""
    draws, first, sent, first_of_step = events.draws, events.first, events.sent, events.first_of_step
    n_input = rate.size
    n = 0
    first_of_step[:] = 0
    for i in range(n_input):
        first[i] = n
        if rate[i] > 0:
            limit = np.uint64(min(np.ceil(rate[i] * c.dt * 2.0**53), 2.0**53))
            z = np.uint64(key) + np.uint64(i + 1) * np.uint64(0x9E3779B97F4A7C15)
            stride = np.uint64(n_input) * np.uint64(0x9E3779B97F4A7C15)
            for step in range(c.stimulus_steps):
                draws[step] = mix(z + np.uint64(step) * stride) >> np.uint64(11)
            for step in range(c.stimulus_steps):
                if draws[step] < limit:
                    sent[n] = step
                    first_of_step[step + 1] += 1
                    n += 1
    first[n_input] = n
    count_up(first_of_step)
    for i in range(n_input):
        for a in range(first[i], first[i + 1]):
            step = sent[a]
            events.input[first_of_step[step]] = i
            events.step[first_of_step[step]] = step
            first_of_step[step] += 1
    back_to_first(first_of_step)
    events.happened[:] = 0


@njit
def count_up(first):
    """Turn numbers of things, each one place late, into where the things of a place begin."""
    for k in range(first.size - 1):
        first[k + 1] += first[k]


@njit
def back_to_first(first):
    """Undo that each beginning was moved to its end while the things were written."""
    for k in range(first.size - 1, 0, -1):
        first[k] = first[k - 1]
    first[0] = 0


@njit
def trace_events(c, decays, longest, start, events):
    """Write the trace of an input as each of its events leaves it.

    `decays` holds exp(-k*dt/tau_pre) for k from -longest on, `start` the traces at step 0.
    """
    for i in range(start.size):
        x, last = start[i], 0
        for a in range(events.first[i], events.first[i + 1]):
            x = c.all_to_all * x * decays[longest + events.sent[a] - last] + 1.0
            last = events.sent[a]
            events.trace[a] = x


@njit(error_model="numpy", forceinline=True)
def arrive(step, oldest, newest, ge, w, target, first, event_input, event_step):
    """Let the input events that are under way excite the targets they reach now: the oldest first, as Brian2's queue does."""
    n_exc = ge.size
    for a in range(oldest, newest):
        i, ago = event_input[a], step - event_step[a]
        begin, end = i * n_exc + first[i, ago], i * n_exc + first[i, ago + 1]
        for s in range(np.uint64(begin), np.uint64(end)):
            ge[target[s]] += w[s]


@njit(error_model="numpy")
def sum_input(w, place, delay, first, sent, sums, coming):
    """Write what the input adds to the conductance of each neuron in each step (steps, n_exc), with the weights as they are.

    Four neurons at a time: their sums, in `sums`, stay in the nearest cache, and one event is read for all
    four.
    """
    n_exc, n_input = place.shape
    steps = np.uint64(coming.shape[0])
    for block in range(0, n_exc, 4):
        j = min(block, n_exc - 4)
        sums[:] = 0.0
        for i in range(n_input):
            if first[i] == first[i + 1]:
                continue
            row = i * n_exc
            w0, w1 = w[np.uint64(row + place[j, i])], w[np.uint64(row + place[j + 1, i])]
            w2, w3 = w[np.uint64(row + place[j + 2, i])], w[np.uint64(row + place[j + 3, i])]
            d0, d1 = np.uint64(delay[j, i]), steps + np.uint64(delay[j + 1, i])
            d2, d3 = 2 * steps + np.uint64(delay[j + 2, i]), 3 * steps + np.uint64(delay[j + 3, i])
            for a in range(np.uint64(first[i]), np.uint64(first[i + 1])):
                s = np.uint64(sent[a])
                sums[s + d0] += w0
                sums[s + d1] += w1
                sums[s + d2] += w2
                sums[s + d3] += w3
        for step in range(steps):
            for k in range(np.uint64(4)):
                coming[step, j + k] = sums[k * steps + step]


@njit
def list_arrivals(j, since, place, delay, events, due_first, due):
    """List the synapses of neuron `j` that input events reach from step `since` on, by step: see `depress`.

    All events of a presentation are known when it begins, and all arrive before it ends.
    """
    first, sent = events.first, events.sent
    n_exc = place.shape[0]
    due_first[:] = 0
    for i in range(first.size - 1):
        for a in range(first[i], first[i + 1]):
            step = sent[a] + delay[j, i]
            if step >= since:
                due_first[step + 1] += 1
    count_up(due_first)
    for i in range(first.size - 1):
        for a in range(first[i], first[i + 1]):
            step = sent[a] + delay[j, i]
            if step >= since:
                due[due_first[step]] = i * n_exc + place[j, i]
                due_first[step] += 1
    back_to_first(due_first)


@njit
def with_room(rows, n_rows, n_columns):
    """Return the rows, with room for twice as many where `n_rows` and `n_columns` do not fit."""
    if n_rows <= rows.shape[0] and n_columns <= rows.shape[1]:
        return rows
    n, m = rows.shape
    more = np.empty((2 * n if n_rows > n else n, 2 * n_columns if n_columns > m else m), rows.dtype)
    for r in range(n):
        for k in range(m):
            more[r, k] = rows[r, k]
    return more


@njit(error_model="numpy", forceinline=True)
def receive(step, coming, ge, w, listed, held, due_first, due):
    """Let the input that arrives in a step excite its targets: listed neurons by their weights of the moment."""
    for r in range(size(listed)):
        held[r] = ge[member(listed, r)]
    for j in range(ge.size):
        ge[j] += coming[step, j]
    for r in range(size(listed)):
        g = held[r]
        for a in range(due_first[r, step], due_first[r, step + 1]):
            g += w[np.uint64(due[r, a])]
        ge[member(listed, r)] = g
