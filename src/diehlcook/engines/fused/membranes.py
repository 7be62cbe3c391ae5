"""Membranes of one step; see `neurons.EXCITATORY` and `neurons.INHIBITORY`."""

from __future__ import annotations

import numpy as np
from numba import njit

from .active import add, clear, drop, member, size
from .arrays import FLUSH
from .exponential import NEAR, SMALL, exponential, near_exponential, small_exponential

SETTLED = 1e-15
"""Volts: an inhibitory neuron so near to rest, without input, is at rest."""

NOTHING = 2.0**-54
"""A conductance that adds nothing to 1, the conductance of the leak."""

FADED = 2.0**-46
"""A conductance that, until it is gone, moves a membrane by less than its last digit."""


@njit(error_model="numpy", inline="always")
def advance_euler(c, step, level, v, ge, gi, theta, refractory, silent_until):
    """Advance the excitatory neurons by explicit Euler; return whether any spikes."""
    ready = 0
    for j in range(v.size):
        now = v[j] + c.step_exc * (
            c.v_rest_exc - v[j] + ge[j] * (c.e_exc - v[j]) + gi[j] * (c.e_inh_exc - v[j])
        )
        if c.clamp and step < refractory[j]:
            now = v[j]
        v[j] = now
        ge[j] *= c.decay_ge
        gi[j] *= c.decay_gi
        ready |= int(now > c.threshold_exc + theta[j] * level) & int(step >= silent_until[j])
    return ready != 0


@njit(error_model="numpy", inline="always")
def advance_exponential(c, step, level, v, ge, gi, theta, refractory, silent_until, x, decay, whole):
    """Advance the excitatory neurons by exponential Euler; return whether any spikes."""
    large, far = 0, 0
    for j in range(v.size):
        x[j] = -c.step_exc * (1.0 + ge[j] + gi[j])
        large |= int(x[j] < -SMALL)
        far |= int(x[j] < -NEAR)
    if far:
        exponential(x, decay, whole)
    elif large:
        for j in range(v.size):
            decay[j] = near_exponential(x[j])
    else:
        for j in range(v.size):
            decay[j] = small_exponential(x[j])
    ready = 0
    for j in range(v.size):
        end = (c.v_rest_exc + ge[j] * c.e_exc + gi[j] * c.e_inh_exc) / (1.0 + ge[j] + gi[j])
        now = end + (v[j] - end) * decay[j]
        if c.clamp and step < refractory[j]:
            now = v[j]
        v[j] = now
        ge[j] *= c.decay_ge
        gi[j] *= c.decay_gi
        ready |= int(now > c.threshold_exc + theta[j] * level) & int(step >= silent_until[j])
    return ready != 0


@njit(error_model="numpy", forceinline=True)
def advance(c, step, level, v, ge, gi, theta, refractory, silent_until, x, decay, whole, fired):
    """Advance the excitatory neurons a step, and let `fired` be those that spike."""
    clear(fired)
    if c.euler:
        spikes = advance_euler(c, step, level, v, ge, gi, theta, refractory, silent_until)
    else:
        spikes = advance_exponential(
            c, step, level, v, ge, gi, theta, refractory, silent_until, x, decay, whole
        )
    if spikes:
        for j in range(v.size):
            if v[j] > c.threshold_exc + theta[j] * level and step >= silent_until[j]:
                add(fired, j)


@njit(error_model="numpy")
def is_over(c, step, level, v, ge, gi, theta, refractory, v_inh, ge_inh, awake):
    """Return whether all that is left to the excitatory neurons in this presentation is to relax, without input.

    `level` is what will be left of theta at the end, where thresholds are lowest. Inhibitory neurons may go on
    to relax, but none may spike any more: each is drawn towards `end`, and that sinks towards rest.
    """
    active = 0
    for a in range(size(awake)):
        j = member(awake, a)
        end = (c.v_rest_inh + ge_inh[j] * c.e_exc) / (1.0 + ge_inh[j])
        active |= int(not max(v_inh[j], end, c.v_rest_inh) <= c.v_thresh_inh)
        active |= int(c.euler) & int(c.step_inh * (1.0 + ge_inh[j]) > 1.0)  # which would carry it past `end`
    if active:
        return False
    for j in range(v.size):
        bound = c.threshold_exc + theta[j] * level
        active |= int(ge[j] + gi[j] > FADED) | int(not max(v[j], c.v_rest_exc) <= bound)
        active |= int(c.clamp) & int(step < refractory[j])
    return active == 0


@njit(error_model="numpy")
def relax(c, steps, v, ge, gi):
    """Advance the excitatory neurons by so many steps without input, in closed form."""
    decay = (1.0 - c.step_exc) ** steps if c.euler else np.exp(-c.step_exc * steps)
    for j in range(v.size):
        v[j] = c.v_rest_exc + (v[j] - c.v_rest_exc) * decay
        ge[j] *= c.decay_ge**steps
        gi[j] *= c.decay_gi**steps


@njit(error_model="numpy", inline="always")
def advance_inhibitory(c, step, v_inh, ge_inh, refractory, awake, fired):
    """Advance the inhibitory neurons that are not at rest, and let `fired` be those that spike."""
    clear(fired)
    at_rest = np.exp(-c.step_inh)
    a = 0
    while a < size(awake):
        j = member(awake, a)
        v, g = v_inh[j], ge_inh[j]
        if step >= refractory[j]:
            if c.euler:
                v += c.step_inh * (c.v_rest_inh - v + g * (c.e_exc - v))
            elif g < NOTHING:
                v = c.v_rest_inh + (v - c.v_rest_inh) * at_rest
            else:
                end = (c.v_rest_inh + g * c.e_exc) / (1.0 + g)
                v = end + (v - end) * np.exp(-c.step_inh * (1.0 + g))
            if v > c.v_thresh_inh:
                add(fired, j)
        g *= c.decay_ge
        if g < FLUSH:
            g = 0.0
        if g == 0.0 and abs(v - c.v_rest_inh) < SETTLED:
            v = c.v_rest_inh
            drop(awake, a)
        else:
            a += 1
        v_inh[j], ge_inh[j] = v, g
