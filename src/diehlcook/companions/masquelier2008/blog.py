"""The steps of Corvoysier's blog (2018, "Identify repeating patterns using spiking neural networks"), before the pattern and with it.

The blog and its notebook (`snn/STDP_masquelier_2008.ipynb` of kaizouman/tensorsandbox) give a neuron spikes
by hand, look at the rewards and penalties of its synapses, feed it 500 random synapses, and then 2000 of
which half repeat a pattern.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import engines, kernel
from .afferents import Block
from .constants import Masquelier2008

PLAIN = {"pattern_freq": "0", "noise_rate": "0 Hz", "silence_max": "1000 s", "blocks": "1"}
"""Input at drifting rates and nothing else."""

ONE = PLAIN | {"n_afferents": "1", "n_pattern": "1", "threshold": "1", "block": "80 ms", "t_pattern": "80 ms"}
SIX = (2, 23, 44, 45, 48, 61)
"""One synapse and its six spikes, ms (notebook, cell 5)."""

FIVE = PLAIN | {
    "n_afferents": "5", "n_pattern": "5", "threshold": "1.25", "block": "100 ms", "t_pattern": "100 ms"
}  # fmt: skip
TRAIN = (2, 23, 34, 35, 38, 51, 60, 62, 65, 66, 67, 75), (1, 3, 2, 0, 4, 1, 3, 2, 3, 0, 1, 1)
"""Five synapses; times of their twelve spikes, ms, and which synapse each belongs to (cell 21)."""

RANDOM = PLAIN | {"n_afferents": "500", "n_pattern": "500", "threshold": "125"}
"""500 synapses without a pattern; the threshold is a quarter of their number (cells 14 and 25)."""

PATTERN = {
    "dt": "1 ms", "sweep": "0.05 ms", "jitter": "0 ms", "pattern_freq": "0.2", "block": "15 s", "blocks": "1"
}  # fmt: skip
"""2000 synapses, half of them with the pattern (cell 29). A rate changes by up to 1800 Hz in a ms, because
its slope is not multiplied by the time step. After a pattern and a slot without, each slot has it with
probability 1/4, which makes 1/5 of all slots."""


def given(params: Masquelier2008, times: ArrayLike, afferents: ArrayLike) -> Block:
    """Return a block of given spikes, without a pattern.

    Parameters
    ----------
    times, afferents
        Times of the spikes in ms and whose they are (n,), in any order; one spike of an afferent in a time
        step.
    """
    step = np.rint(np.asarray(times) * 1e-3 / params.dt).astype(np.int32)
    who = np.asarray(afferents, np.int32)
    order = np.lexsort((who, step))
    return Block(step[order], who[order], np.zeros(0, np.int64))


class Closely(NamedTuple):
    """What happened in each time step."""

    time: NDArray[np.float64]
    """Milliseconds (t,)."""
    spikes: NDArray[np.float64]
    """Of the neuron, ms (n,)."""
    potential: NDArray[np.float32]
    """In thresholds, before each step (t,)."""
    changes: NDArray[np.float64]
    """Of each weight in each step (t, n_afferents): rewards are positive, penalties negative."""


def watch(params: Masquelier2008, block: Block) -> Closely:
    """Run the compiled loop step by step over a short block, shown once."""
    numbers, state, synapses = engines.start(params)
    potential, weights = np.empty(params.steps, np.float32), np.empty((params.steps + 1, params.n_afferents))
    weights[0] = params.w_init
    fired = np.empty(1, np.int64)
    spikes = []
    for step in range(params.steps):
        here = potential[step : step + 1]
        if kernel.run(step, step + 1, block.step, block.afferent, state, synapses, fired, here, numbers):
            spikes.append(step)
        weights[step + 1] = synapses[0]
    ms = 1e3 * params.dt
    return Closely(
        np.arange(params.steps, dtype=np.float64) * ms,
        np.array(spikes) * ms,
        potential / np.float32(params.threshold),
        np.diff(weights, axis=0),
    )
