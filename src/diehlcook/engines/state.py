"""The state of a network between two presentations, variable by variable: what an engine takes, and what it returns.

It is that of the network with summed inhibition (`model.network`), for the equations of this package. Equations
that replace them may add variables, which only an engine that builds the network with Brian2 has.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..model.params import Params
from ..model.rules import EQUATIONS
from ..model.wiring import initial_potentials
from .base import LONG_AGO_SECONDS, REST_SPIKES, State


class Variable(NamedTuple):
    """A variable of the state."""

    size: tuple[str, ...]
    """Parameters that say how large it is; none: one value, as an array of shape (1,)."""
    dtype: str
    says: str
    """What it is, and its unit."""


EXC, INP, ONE, SYNAPSES = ("n_exc",), ("n_input",), (), ("n_input", "n_exc")

STATE = {
    "exc.v": Variable(EXC, "f8", "membrane potential, V"),
    "exc.ge": Variable(EXC, "f8", "excitatory conductance, relative to the leak"),
    "exc.gi": Variable(EXC, "f8", "inhibitory conductance, relative to the leak"),
    "exc.theta": Variable(EXC, "f8", "adaptive part of the threshold, V"),
    "exc.refractory_left": Variable(EXC, "i4", "time steps for which the neuron is still refractory"),
    "exc.lockout_left": Variable(EXC, "i4", "time steps for which it is still locked out"),
    "exc.lastspike": Variable(EXC, "f8", "time of the last spike since the end of the presentation, s"),
    "exc.not_refractory": Variable(EXC, "?", "whether v is not held; for Brian2, and no equation reads it"),
    "exc.own": Variable(EXC, "f8", "0; within a step, 1 if the own inhibitory neuron has spiked"),
    "inh.v": Variable(EXC, "f8", "membrane potential, V"),
    "inh.ge": Variable(EXC, "f8", "excitatory conductance, relative to the leak"),
    "inh.gi": Variable(EXC, "f8", "0; nothing inhibits inhibitory neurons"),
    "inh.refractory_left": Variable(EXC, "i4", "time steps for which the neuron is still refractory"),
    "inh.lastspike": Variable(EXC, "f8", "as exc.lastspike"),
    "inh.not_refractory": Variable(EXC, "?", "as exc.not_refractory"),
    "inp.rate": Variable(INP, "f8", "rate of the last presentation, Hz"),
    "inp_exc.w": Variable(SYNAPSES, "f8", "weights, without unit"),
    "lateral.fired": Variable(ONE, "f8", "0; within a step, how many inhibitory neurons have spiked"),
    "protocol.stream": Variable(ONE, "i8", "key of the random stream; see model.stimulus.stream_key"),
    "protocol.position": Variable(ONE, "i8", "position of the next image in the phase"),
    "protocol.attempt": Variable(ONE, "i4", "how often that image was shown already"),
    "protocol.key": Variable(ONE, "i8", "random key of the last presentation"),
    "protocol.intensity": Variable(ONE, "f8", "intensity of the last presentation"),
    "protocol.normalising": Variable(ONE, "i4", "whether weights were normalised before it, 0 or 1"),
    "protocol.n_spikes": Variable(ONE, "i4", "excitatory spikes that counted for it"),
    "protocol.n_rest_spikes": Variable(ONE, "i4", "excitatory spikes in its rest"),
    "protocol.theta_sum": Variable(ONE, "f8", "sum of theta at its start, V"),
    "protocol.theta_squares": Variable(ONE, "f8", "sum of the squares of theta at its start, V²"),
    "protocol.weights_sum": Variable(ONE, "f8", "sum of the weights, not yet normalised; 0 without learning"),
    "protocol.weights_squares": Variable(ONE, "f8", "sum of their squares"),
    REST_SPIKES: Variable(EXC, "u2", "excitatory spikes of each neuron in its rest"),
}  # fmt: skip
"""The variables of every network, learning or not."""

WHILE_LEARNING = {
    "exc.w_total": Variable(EXC, "f8", "sum of the neuron's weights when they were summed last"),
    "exc.w_squares": Variable(EXC, "f8", "sum of their squares"),
    "exc.w_factor": Variable(EXC, "f8", "what they were multiplied by then"),
    "inp_exc.x0": Variable(
        SYNAPSES,
        "f8",
        "presynaptic trace as it would be, without the decay, at the start of the presentation",
    ),
}
"""Those that a network which learns has besides, with the traces of its rule (`LearningRule.neuron_variables`)."""

TRACE = Variable(EXC, "f8", "postsynaptic trace of the learning rule")


def variables(params: Params, learning: bool) -> dict[str, Variable]:
    """Return the variables of a network by name."""
    if not learning:
        return STATE
    return STATE | WHILE_LEARNING | {f"exc.{name}": TRACE for name in EQUATIONS[params.rule].neuron_variables}


def blank(params: Params, learning: bool) -> State:
    """Return the state of a network that has just been built, all weights 0."""
    state: State = {
        name: np.zeros([getattr(params, size) for size in one.size] or 1, one.dtype)
        for name, one in variables(params, learning).items()
    }
    state["exc.theta"][:] = params.theta_init
    state["exc.v"], state["inh.v"] = initial_potentials(params, state["exc.theta"], 0)
    state["exc.lockout_left"][:] = params.steps("lockout_exc")
    for group in ("exc", "inh"):
        state[f"{group}.lastspike"][:] = LONG_AGO_SECONDS
        state[f"{group}.not_refractory"][:] = True
    return state
