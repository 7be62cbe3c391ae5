"""Two ways to run the network for the whole experiment: Brian2, which has the equations, and the compiled loop."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...engines.runtime import code_target
from ...model.brian import b2, in_this_process
from ...progress import Interrupted, Report
from ..common.brian import STOPPED, run_network
from . import kernel
from .afferents import Block
from .constants import Masquelier2008
from .neuron import build, namespace

WATCHED = 0.5
"""Seconds at the beginning, in the middle and at the end during which the potential is kept, every 0.1 ms or
step."""

WEIGHTS_EVERY = 5.0
"""Seconds between two records of the weights."""


class Recorded(NamedTuple):
    """What is kept of an experiment; times in seconds. An engine fills in what the neuron did."""

    spikes: NDArray[np.float64]
    """Of the neuron (n,)."""
    weights: NDArray[np.float32]
    """(k, n_afferents), at `weights_time`; the last row is at the end."""
    weights_time: NDArray[np.float64]
    potential: NDArray[np.float32]
    """(p,) at `potential_time`, in thresholds."""
    potential_time: NDArray[np.float64]
    onsets: NDArray[np.float64] = np.zeros(0)
    """Beginnings of the patterns (m,)."""
    raster: NDArray[np.int32] = np.zeros((2, 0), np.int32)
    """Time steps and afferents of the input (2, r), up to `experiment.RASTER` after the first pattern has
    begun."""


def parts(duration: float) -> list[tuple[float, bool]]:
    """Return the parts of the experiment in order: seconds, and whether the potential is kept."""
    if duration <= 3 * WATCHED:
        return [(duration, True)]
    between = (duration - 3 * WATCHED) / 2
    return [(WATCHED, True), (between, False), (WATCHED, True), (between, False), (WATCHED, True)]


def runtime(params: Masquelier2008, block: Block, report: Report, cancelled: Callable[[], bool]) -> Recorded:
    """Run the network in Brian2."""
    with in_this_process(code_target()):
        network, every, rarely = (
            build(params, block),
            max(params.dt, 1e-4) * b2.second,
            WEIGHTS_EVERY * b2.second,
        )
        potential = b2.StateMonitor(network["neuron"], "u", record=0, dt=every, name="potential")
        weights = b2.StateMonitor(network["synapses"], "w", record=True, dt=rarely, name="weights")
        network.add(potential, weights)
        for seconds, watched in parts(params.duration):
            potential.active = watched
            run_network(network, seconds, report, cancelled)
    return Recorded(
        np.array(network["spikes"].t_),
        np.vstack([np.array(weights.w).T, np.array(network["synapses"].w)[None]]).astype(np.float32),
        np.append(np.array(weights.t_), params.duration),
        (np.array(potential.u)[0] / params.threshold).astype(np.float32),
        np.array(potential.t_),
    )


def fused(params: Masquelier2008, block: Block, report: Report, cancelled: Callable[[], bool]) -> Recorded:
    """Run the compiled loop: the same spikes at the same time steps as Brian2."""
    (numbers, state, synapses), dt, total = start(params), params.dt, params.steps * params.blocks
    fired = np.empty(total // max(numbers.refractory, 1) + 1, np.int64)
    spikes, weights, every = 0, [], round(WEIGHTS_EVERY / dt)
    potential, shown = np.empty(every, np.float32), []
    seconds, watched = zip(*parts(params.duration), strict=True)
    ends = itertools.pairwise(np.rint(np.cumsum([0, *seconds]) / dt).astype(int))
    each = max(round(1e-4 / dt), 1)
    kept = np.concatenate([np.arange(*span, each) for span in itertools.compress(ends, watched)])
    for first in range(0, total, every):
        if cancelled():
            raise Interrupted(STOPPED)
        report(round(first * dt), "")
        weights.append(synapses[0].astype(np.float32))
        until = min(first + every, total)
        spikes += kernel.run(first, until, *block[:2], state, synapses, fired[spikes:], potential, numbers)
        shown.append(potential[kept[(kept >= first) & (kept < until)] - first])
    report(round(total * dt), "")
    return Recorded(
        np.asarray(fired[:spikes] * dt, np.float64),
        np.array([*weights, synapses[0].astype(np.float32)]),
        np.append(np.arange(len(weights)) * WEIGHTS_EVERY, params.duration),
        np.concatenate(shown) / np.float32(params.threshold),
        kept * dt,
    )


def start(params: Masquelier2008) -> tuple[kernel.Steps, NDArray[np.float64], NDArray[np.float64]]:
    """Return what `kernel.run` takes at the beginning: constants, the neuron at rest, synapses at their initial weight."""
    numbers, synapses = per_step(params), np.zeros((4, params.n_afferents))
    synapses[0] = params.w_init
    return numbers, np.array([0.0, 0.0, 0.0, -float(numbers.refractory)]), synapses


def per_step(params: Masquelier2008) -> kernel.Steps:
    """Return the exact solution of the neuron's equations after a time step, and the rule."""
    dt, tau_m, tau_s = params.dt, params.tau_m, params.tau_s
    scales = namespace(params)
    decay_m, decay_s = math.exp(-dt / tau_m), math.exp(-dt / tau_s)
    # what decays with tau_s and drives u, seen through the membrane
    through = (decay_m - decay_s) / (1 / tau_s - 1 / tau_m)
    return kernel.Steps(
        block=params.steps,
        threshold=params.threshold,
        reset=params.k1 * params.threshold,
        decay_m=decay_m,
        decay_s=decay_s,
        from_x=scales["epsp"] / tau_m * through,
        from_a=scales["after"] / tau_s * through,
        refractory=int(params.refractory / dt + 1e-3),  # as Brian2 counts whole steps
        reduced=params.rule == "rnn",
        adding=params.rule == "all-to-all",
        w_max=params.w_max,
        a_plus=params.a_plus,
        a_minus=params.a_minus,
        rate_plus=dt / params.tau_plus,
        rate_minus=dt / params.tau_minus,
    )


ENGINES = {"runtime": runtime, "fused": fused}
