"""The same neuron and rules as one loop over time steps, compiled by Numba: a hundred runs in the time of ten.

Order in a step as in Brian2: the potential decays and may reach the threshold; spikes of the afferents
arrive; a spike of the neuron changes all weights; reset. Traces decay when they are used.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit


class Steps(NamedTuple):
    """Constants per time step, and the rule."""

    block: int
    """Time steps until the input comes again."""
    threshold: float
    reset: float
    decay_m: float
    decay_s: float
    from_x: float
    """Potential after a step that comes from 1 of `x`, and from 1 of `a`."""
    from_a: float
    refractory: int
    reduced: bool
    """Pairs use a trace up (rnn)."""
    adding: bool
    """Traces add up (all-to-all)."""
    w_max: float
    a_plus: float
    a_minus: float
    rate_plus: float
    """Decay of a trace per step, in the exponent."""
    rate_minus: float


@njit(cache=True, nogil=True)
def run(first, last, steps, afferents, u, synapses, fired, potential, p):
    """Advance from time step `first` to `last`; return how many spikes are in `fired`.

    Parameters
    ----------
    steps, afferents
        Input of a block, in order; it comes again and again.
    u
        Potential, `x`, `a` and the time step of the neuron's last spike (4,), in place.
    synapses
        Weights, traces `ltp` and `ltd`, and the time step up to which the traces have decayed (4, n), in
        place.
    fired
        Gets the time steps of the neuron's spikes.
    potential
        Gets the potential before each time step.
    p
        `Steps`.
    """
    w, ltp, ltd, updated = synapses
    event, spikes = np.searchsorted(steps, first % p.block), 0
    for step in range(first, last):
        potential[step - first] = u[0]
        if step % p.block == 0:
            event = 0
        u[0] = p.decay_m * u[0] + p.from_x * u[1] - p.from_a * u[2]
        u[1] *= p.decay_s
        u[2] *= p.decay_s
        fires = u[0] > p.threshold and step - u[3] >= p.refractory
        while event < steps.size and steps[event] == step % p.block:
            i = afferents[event]
            event += 1
            elapsed = step - updated[i]
            updated[i] = step
            ltp[i] *= math.exp(-elapsed * p.rate_plus)
            ltd[i] *= math.exp(-elapsed * p.rate_minus)
            u[1] += w[i]
            w[i] = min(max(w[i] - ltd[i], 0.0), p.w_max)
            if p.reduced:
                ltd[i] = 0.0
            ltp[i] = (ltp[i] if p.adding else 0.0) + p.a_plus
        if fires:
            fired[spikes] = step
            spikes += 1
            for i in range(w.size):
                elapsed = step - updated[i]
                updated[i] = step
                ltp[i] *= math.exp(-elapsed * p.rate_plus)
                ltd[i] *= math.exp(-elapsed * p.rate_minus)
                w[i] = min(max(w[i] + ltp[i], 0.0), p.w_max)
                if p.reduced:
                    ltp[i] = 0.0
                ltd[i] = (ltd[i] if p.adding else 0.0) + p.a_minus
            u[0], u[1], u[2], u[3] = p.reset, 0.0, 1.0, step
    return spikes


class Bounds(NamedTuple):
    """What keeps the rates of the afferents within bounds."""

    rate: float
    slope: float
    turn: float
    """Largest change of the slope at a grid point."""
    silence: float
    """Seconds without a spike after which an afferent spikes."""


@njit(cache=True, nogil=True)
def drift(first, rate, slope, last, chance, back, turn, bounds, grid):
    """Advance the rates of all afferents over some grid points; return times and afferents of the spikes.

    Parameters
    ----------
    first
        Number of the first grid point.
    rate, slope, last
        Rate, its slope, and time of the last spike of each afferent (n,), in place.
    chance, back, turn
        Random numbers from 0 to 1 for each grid point (k, n): whether there is a spike, how long before the
        grid point it is, and how the slope changes.
    bounds
        `Bounds`.
    grid
        Seconds between two grid points.
    """
    times, afferents, spikes = np.empty(chance.size), np.empty(chance.size, np.int32), 0
    for point in range(chance.shape[0]):
        now = (first + point + 1) * grid
        for i in range(rate.size):
            if chance[point, i] / grid < rate[i] or now - last[i] > bounds.silence:
                last[i] = now - back[point, i] * grid
                times[spikes], afferents[spikes] = last[i], i
                spikes += 1
            rate[i] = min(max(rate[i] + slope[i] * grid, 0.0), bounds.rate)
            changed = slope[i] + (-bounds.turn + 2 * bounds.turn * turn[point, i])
            slope[i] = min(max(changed, -bounds.slope), bounds.slope)
    return times[:spikes].copy(), afferents[:spikes].copy()
