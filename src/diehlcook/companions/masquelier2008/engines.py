"""Three ways to run the network for the whole experiment: Brian2 in this process, Brian2 as a C++ program, the compiled loop."""

from __future__ import annotations

import itertools
import math
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import brian2 as b2
import numpy as np
from numpy.typing import NDArray

from ...engines.runtime import choose_target
from ...errors import DiehlCookError
from ...progress import Interrupted, Report
from .afferents import Block
from .constants import Masquelier2008
from .neuron import build, namespace

STOPPED = "interrupted; nothing was written"

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
    """Run the network in this process."""
    choose_target()
    b2.prefs.core.stop_on_keyboard_interrupt = False  # a stopped run would look like a finished one
    network = observed(params, block)
    stopped = False

    def told(_elapsed: Any, completed: float, start: Any, duration: Any) -> None:
        nonlocal stopped
        report(round(float(start) + completed * float(duration)), "")
        if cancelled():
            stopped = True
            b2.stop()

    for seconds, watched in parts(params.duration):
        network["potential"].active = watched
        network.run(seconds * b2.second, namespace={}, report=told, report_period=1 * b2.second)
        if stopped:
            raise Interrupted(STOPPED)
    return recorded(network, params)


def standalone(
    params: Masquelier2008, block: Block, _report: Report, cancelled: Callable[[], bool]
) -> Recorded:
    """Run the network as a C++ program, without progress."""
    folder = Path(tempfile.mkdtemp(prefix="masquelier2008-"))
    before = b2.get_device()
    # Else the program would skip a part when interrupted, and end as if nothing were missing
    b2.prefs.core.stop_on_keyboard_interrupt = False
    try:
        b2.set_device("cpp_standalone", directory=str(folder), build_on_run=False)
        b2.device.reinit()
        b2.device.activate(directory=str(folder), build_on_run=False)
        network = observed(params, block)
        for seconds, watched in parts(params.duration):
            network["potential"].active = watched
            network.run(seconds * b2.second, namespace={})
        b2.device.build(directory=str(folder), compile=True, run=True, debug=False)
        return recorded(network, params)
    except RuntimeError as error:
        if cancelled():  # the signal has stopped the program; one to the compiler does not reach this process
            raise Interrupted(STOPPED) from None
        raise DiehlCookError(
            f"the C++ program was not built, or stopped ({error}); --engine runtime needs no program"
        ) from None
    finally:
        b2.device.reinit()
        b2.set_device(before)
        shutil.rmtree(folder, ignore_errors=True)


def observed(params: Masquelier2008, block: Block) -> b2.Network:
    """Return the network with monitors of the potential and of the weights."""
    network = build(params, block)
    every = max(params.dt, 1e-4) * b2.second
    network.add(
        b2.StateMonitor(network["neuron"], "u", record=0, dt=every, name="potential"),
        b2.StateMonitor(network["synapses"], "w", record=True, dt=WEIGHTS_EVERY * b2.second, name="weights"),
    )
    return network


def recorded(network: b2.Network, params: Masquelier2008) -> Recorded:
    """Return what the monitors of a network have kept."""
    weights, potential = network["weights"], network["potential"]
    return Recorded(
        np.array(network["spikes"].t_),
        np.vstack([np.array(weights.w).T, np.array(network["synapses"].w)[None]]).astype(np.float32),
        np.append(np.array(weights.t_), params.duration),
        (np.array(potential.u)[0] / params.threshold).astype(np.float32),
        np.array(potential.t_),
    )


def fused(params: Masquelier2008, block: Block, report: Report, cancelled: Callable[[], bool]) -> Recorded:
    """Run the compiled loop: the same spikes at the same time steps as Brian2."""
    try:
        from . import kernel
    except ImportError as error:
        raise DiehlCookError(
            f'--engine fused needs Numba ({error}): pip install "diehlcook[fast]", or use --engine runtime'
        ) from None
    numbers = kernel.Steps(**per_step(params))
    dt, total = params.dt, params.steps * params.blocks
    weights_every = round(WEIGHTS_EVERY / dt)
    state = np.array([0.0, 0.0, 0.0, -float(numbers.refractory)])
    synapses = np.zeros((4, params.n_afferents))
    synapses[0] = params.w_init
    room = np.empty(total // max(numbers.refractory, 1) + 1, np.int64)
    seconds, watched = zip(*parts(params.duration), strict=True)
    ends = np.rint(np.cumsum([0, *seconds]) / dt).astype(int).tolist()
    spans = list(itertools.compress(itertools.pairwise(ends), watched))
    every = max(round(1e-4 / dt), 1)
    spikes, weights, potential, times = 0, [], [], []
    edges = sorted({*range(0, total, weights_every), *range(0, total, params.steps), *ends})
    for first, last in itertools.pairwise(edges):
        if cancelled():
            raise Interrupted(STOPPED)
        report(round(first * dt), "")
        if first % weights_every == 0:
            weights.append(synapses[0].astype(np.float32))
        turn = first // params.steps * params.steps
        some = slice(*np.searchsorted(block.step, (first - turn, last - turn)))
        keeping = any(start <= first < stop for start, stop in spans)
        kept = np.empty(last - first if keeping else 0)
        spikes += kernel.run(
            first,
            last,
            block.step[some] + turn,
            block.afferent[some],
            state,
            synapses,
            room[spikes:],
            kept,
            numbers,
        )
        if keeping:
            potential.append(kept[::every].astype(np.float32))
            times.append(np.arange(first, last, every) * dt)
    report(round(total * dt), "")
    return Recorded(
        np.asarray(room[:spikes] * dt, np.float64),
        np.array([*weights, synapses[0].astype(np.float32)]),
        np.append(np.arange(len(weights)) * WEIGHTS_EVERY, params.duration),
        np.concatenate(potential) / np.float32(params.threshold),
        np.concatenate(times),
    )


def per_step(params: Masquelier2008) -> dict[str, Any]:
    """Return the constants of `kernel.Steps`: the exact solution of the neuron's equations after a time step, and the rule."""
    dt, tau_m, tau_s = params.dt, params.tau_m, params.tau_s
    scales = namespace(params)
    decay_m, decay_s = math.exp(-dt / tau_m), math.exp(-dt / tau_s)
    # what decays with tau_s and drives u, seen through the membrane
    through = (decay_m - decay_s) / (1 / tau_s - 1 / tau_m)
    return {
        "threshold": params.threshold,
        "reset": params.k1 * params.threshold,
        "decay_m": decay_m,
        "decay_s": decay_s,
        "from_x": scales["epsp"] / tau_m * through,
        "from_a": scales["after"] / tau_s * through,
        "refractory": round(params.refractory / dt),
        "reduced": params.rule == "rnn",
        "adding": params.rule == "all-to-all",
        "w_max": params.w_max,
        "a_plus": params.a_plus,
        "a_minus": params.a_minus,
        "rate_plus": dt / params.tau_plus,
        "rate_minus": dt / params.tau_minus,
    }


ENGINES = {"runtime": runtime, "standalone": standalone, "fused": fused}
