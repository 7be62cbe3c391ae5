"""The same network as one loop over time steps, compiled by Numba: 20 networks in the time that Brian2 needs to begin.

Order in a step as in Brian2: all neurons advance; those above the threshold spike; spikes arrive at synapses,
first from before, then from behind; reset. Traces decay when they are used.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from numba import njit

V, U, INH, TRACE, LAST = range(5)
"""Rows of the state of a network: potential, recovery, inhibitory current, trace, time step of the last spike."""


class Constants(NamedTuple):
    """Constants of the network in SI units, by their names in `XO`; and its `bounds`."""

    dt: float
    k: float
    v_r: float
    v_t: float
    a: float
    b: float
    c: float
    d: float
    v_peak: float
    pulse: float
    height: float
    teacher_delay: float
    a_plus: float
    a_ratio: float
    tau_stdp: float
    inhibition: float
    tau_inh: float
    bound_hidden: float
    bound_output: float


@njit(cache=True, nogil=True)
def show(first, steps, pixels, onsets, teacher, plastic, state, hidden, output, fired, p):
    """Show one image to one network; return how many spikes are in `fired`.

    Parameters
    ----------
    first, steps
        Number of the image's first time step, and how many it has.
    pixels, onsets
        Which neurons get the current of a pixel, and seconds until it starts (n,); the neurons are inputs,
        hidden neurons, outputs.
    teacher
        The output that the teacher makes spike, or -1.
    plastic
        Whether weights change.
    state
        (5, n), see `V`; in place.
    hidden, output
        Weights (25, n_hidden) and (n_hidden, 2), in place.
    fired
        Gets time steps and neurons of the spikes (2, steps * n).
    """
    inputs, n = len(hidden), state.shape[1]
    before_output = n - 2
    number = 0
    for step in range(first, first + steps):
        shown = (step - first) * p.dt + 1e-9
        taught = p.teacher_delay <= shown < p.teacher_delay + p.pulse
        begin = number
        for i in range(n):
            v, u, inh = state[V, i], state[U, i], state[INH, i]
            current = -inh
            if pixels[i] and onsets[i] <= shown < onsets[i] + p.pulse:
                current += p.height
            if taught and i == before_output + teacher and teacher >= 0:
                current += p.height
            state[V, i] = v + p.dt * (p.k * (v - p.v_r) * (v - p.v_t) - u + current)
            state[U, i] = u + p.dt * (p.a * (p.b * (v - p.v_r) - u))
            state[INH, i] = inh - p.dt * inh / p.tau_inh
            if state[V, i] > p.v_peak:
                fired[0, number], fired[1, number] = step, i
                number += 1
        for spike in range(begin, number):  # from before a synapse
            i = fired[1, spike]
            if i < inputs:
                arrive(hidden[i], inputs, step, state, plastic, p.bound_hidden, p)
            elif i < before_output:
                arrive(output[i - inputs], before_output, step, state, plastic, p.bound_output, p)
        for spike in range(begin, number):
            i = fired[1, spike]
            if i >= inputs:
                low, high = (inputs, before_output) if i < before_output else (before_output, n)
                for j in range(low, high):
                    if j != i:
                        state[INH, j] += p.inhibition
            state[TRACE, i] = 1.0 + trace(state, i, step, p)
            state[LAST, i] = step
        for spike in range(begin, number):  # from behind
            i = fired[1, spike]
            if plastic and i >= before_output:
                strengthen(output[:, i - before_output], inputs, step, state, p.bound_output, p)
            elif plastic and i >= inputs:
                strengthen(hidden[:, i - inputs], 0, step, state, p.bound_hidden, p)
        for spike in range(begin, number):
            i = fired[1, spike]
            state[V, i] = p.c
            state[U, i] += p.d
    return number


@njit(cache=True, nogil=True)
def trace(state, i, step, p):
    """Return the trace of a neuron now: 1 of each of its spikes, which has decayed since."""
    return state[TRACE, i] * math.exp((state[LAST, i] - step) * p.dt / p.tau_stdp)


@njit(cache=True, nogil=True)
def arrive(weights, behind, step, state, plastic, bound, p):
    """Let a spike arrive at the neurons from number `behind` on, and weaken its synapses by their traces."""
    for j in range(len(weights)):
        state[V, behind + j] += weights[j]
        if plastic:
            change = p.a_ratio * p.a_plus * trace(state, behind + j, step, p)
            weights[j] = min(max(weights[j] - change, 0.0), bound)


@njit(cache=True, nogil=True)
def strengthen(weights, before, step, state, bound, p):
    """Strengthen the synapses of a neuron that spikes by the traces of the neurons from number `before` on."""
    for i in range(len(weights)):
        weights[i] = min(max(weights[i] + p.a_plus * trace(state, before + i, step, p), 0.0), bound)
