"""The neuron and its synapses in Brian2: a spike response model as differential equations, and three STDP rules.

The neuron's potential is that of Gerstner's spike response model: each spike of an afferent since the
neuron's last one adds w (e^(-s/τ_m) - e^(-s/τ_s)), scaled to a height of w; its own last spike adds T (K1
e^(-s/τ_m) - K2 (e^(-s/τ_m) - e^(-s/τ_s))). Both are solutions of the equations here, so they are exact.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...model.brian import b2
from .afferents import Block
from .constants import Masquelier2008

NEURON = """
du/dt = (epsp*x - u)/tau_m - after*a/tau_s : 1
dx/dt = -x/tau_s : 1
da/dt = -a/tau_s : 1
"""
THRESHOLD = "u > threshold"
RESET = """
u = k1*threshold
x = 0
a = 1
"""
"""A spike flushes what came before it, and starts the after-potential anew."""

SYNAPSE = """
w : 1
dltp/dt = -ltp/tau_plus : 1 (event-driven)
dltd/dt = -ltd/tau_minus : 1 (event-driven)
"""


class Rule(NamedTuple):
    """What an afferent spike and a spike of the neuron do to a weight."""

    on_pre: str
    on_post: str


RULES = {
    "rnn": Rule(
        on_pre="""
x_post += w
w = clip(w - ltd, 0, w_max)
ltd = 0
ltp = a_plus
""",
        on_post="""
w = clip(w + ltp, 0, w_max)
ltp = 0
ltd = a_minus
""",
    ),
    "nn": Rule(
        on_pre="""
x_post += w
w = clip(w - ltd, 0, w_max)
ltp = a_plus
""",
        on_post="""
w = clip(w + ltp, 0, w_max)
ltd = a_minus
""",
    ),
    "all-to-all": Rule(
        on_pre="""
x_post += w
w = clip(w - ltd, 0, w_max)
ltp += a_plus
""",
        on_post="""
w = clip(w + ltp, 0, w_max)
ltd += a_minus
""",
    ),
}
"""Reduced nearest neighbour: a trace is used up by the pair it makes, so each afferent is potentiated and
depressed at most once per spike of the neuron. Nearest neighbour: it is not. All-to-all: traces add up,
too."""


def namespace(params: Masquelier2008) -> dict[str, Any]:
    """Return the constants for Brian2, with the two scales that make the kernels what they are."""
    tau_m, tau_s = params.tau_m, params.tau_s
    return params.quantities() | {
        # the kernel X τ_s/(τ_m - τ_s) (e^(-s/τ_m) - e^(-s/τ_s)) has a height of 1
        "epsp": (tau_s / tau_m) ** (tau_m / (tau_s - tau_m)),
        "after": params.k2 * params.threshold * (tau_m - tau_s) / tau_m,
    }


def build(params: Masquelier2008, block: Block) -> b2.Network:
    """Return the network: `afferents`, the `neuron`, the `synapses`, its `spikes`.

    `block` is shown again and again, as long as the network runs.
    """
    dt, n = params.dt * b2.second, params.n_afferents
    exact: dict[str, Any] = {"method": "exact", "dt": dt, "namespace": namespace(params)}
    afferents = b2.SpikeGeneratorGroup(
        n, block.afferent, block.step * dt, period=params.steps * dt, sorted=True, dt=dt, name="afferents"
    )
    refractory = params.refractory * b2.second
    neuron = b2.NeuronGroup(
        1, NEURON, threshold=THRESHOLD, reset=RESET, refractory=refractory, name="neuron", **exact
    )
    synapses = b2.Synapses(
        afferents, neuron, SYNAPSE, **RULES[params.rule]._asdict(), name="synapses", **exact
    )
    synapses.connect(i=np.arange(n), j=np.zeros(n, dtype=int))
    synapses.w = params.w_init
    return b2.Network(afferents, neuron, synapses, b2.SpikeMonitor(neuron, name="spikes"))
