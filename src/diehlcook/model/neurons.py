"""Membranes, thresholds and resets (paper §2.1, §2.4), each set of equations whole.

Constants stand by name; their values and sources are in `params`. ``refractory_left`` and ``lockout_left``
count time steps down to zero: whole numbers, because a floating "time since the last spike" differs in its
last bit with the moment a simulation was split, and an absolute one is wrong after a restart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .changes import changed_texts


class NeuronModel(NamedTuple):
    """What makes a population: Brian2 equations and code, as text.

    `EXCITATORY` and `INHIBITORY` are those of the package. `changed` makes another one of either; for the
    excitatory neurons `build_network` and `train` take it as ``excitatory``. They need the variables `NEEDED`:
    ``v`` and ``theta`` in volts, ``ge`` and ``gi`` without unit, and the counters ``refractory_left`` and
    ``lockout_left``, whole numbers. An equation may name them, its own variables, all parameters of the model
    and all units of Brian2.

    Parameters
    ----------
    equations
        Differential equations, one ``dx/dt = ... : unit`` a line, and variables, ``x : unit``. The membrane
        potential ``v`` is ``(unless refractory)``, so that it can be held after a spike; ``ge`` and ``gi`` are
        what the synapses add to, and ``theta`` is the adaptive part of the threshold.
    threshold
        The condition for a spike. It must ask that the counters are 0: that is what keeps a neuron from spiking.
    reset
        Code that is executed for a neuron that has just spiked. It sets the counters to the steps that a neuron
        may not spike, ``refractory_exc_steps`` and ``lockout_exc_steps``.
    every_step
        Code that is executed for every neuron at the start of every time step, before anything else. It counts
        the counters down to 0, so these lines have to stay.

    Examples
    --------
    Neurons that adapt: each spike adds to a variable that pulls the membrane down.

    >>> from brian2 import ms
    >>> adapting = EXCITATORY.changed(
    ...     replace={"(v_rest_exc - v": "(v_rest_exc - v - a"},
    ...     add={"equations": "da/dt = -a/tau_a : volt", "reset": "a += 1*mV"},
    ...     constants={"tau_a": 200 * ms},
    ... )
    """

    equations: str
    threshold: str
    reset: str
    every_step: str

    def changed(
        self,
        *,
        replace: Mapping[str, str] | None = None,
        add: Mapping[str, str] | None = None,
        constants: Mapping[str, Any] | None = None,
    ) -> NeuronModel:
        """Return a copy with changes, made in the order of the arguments.

        Parameters
        ----------
        replace
            Texts and what to put in their place, wherever they stand in equations, threshold, reset and
            `every_step`.
        add
            Lines to add at the end of ``"equations"``, ``"reset"`` or ``"every_step"``.
        constants
            Values by name, such as ``{"tau_a": 200*ms}``: a Brian2 quantity, or a number for a constant without
            unit. They become lines of the equations. A constant that is there already gets the new value.

        Returns
        -------
        NeuronModel
            The copy. Whether Brian2 understands it is found out when a network is built.

        Raises
        ------
        DiehlCookError
            A text to replace does not occur (the message has the line most like it), a constant is not used, or
            something is of the wrong type.
        """
        texts = self._asdict()
        homes = {"equations": self._fields}
        return NeuronModel(**changed_texts(texts, homes, replace=replace, add=add, constants=constants))


NEEDED = ("v", "ge", "gi", "theta", "refractory_left", "lockout_left")
"""Variables that the network expects of the excitatory neurons."""


EXCITATORY = NeuronModel(
    equations="""
dv/dt = (v_rest_exc - v + ge*(e_exc - v) + gi*(e_inh_exc - v)) / tau_mem_exc : volt (unless refractory)  # paper Eq. 1
dge/dt = -ge/tau_ge : 1              # paper Eq. 2; conductances relative to the leak
dgi/dt = -gi/tau_gi : 1
dtheta/dt = -theta/tau_theta : volt  # homeostasis, paper §2.4
refractory_left : integer            # steps
lockout_left : integer               # steps
""",
    threshold="v > v_thresh_exc - theta_offset + theta and refractory_left == 0 and lockout_left == 0",
    reset="""
v = v_reset_exc
theta += theta_plus
refractory_left = refractory_exc_steps
lockout_left = lockout_exc_steps
""",
    every_step="""
refractory_left -= int(refractory_left > 0)
lockout_left -= int(lockout_left > 0)
""",
)

INHIBITORY = NeuronModel(
    equations="""
dv/dt = (v_rest_inh - v + ge*(e_exc - v) + gi*(e_inh_inh - v)) / tau_mem_inh : volt (unless refractory)  # paper Eq. 1
dge/dt = -ge/tau_ge : 1
dgi/dt = -gi/tau_gi : 1              # nothing in the paper's network drives it
refractory_left : integer            # steps
""",
    threshold="v > v_thresh_inh and refractory_left == 0",
    reset="""
v = v_reset_inh
refractory_left = refractory_inh_steps
""",
    every_step="refractory_left -= int(refractory_left > 0)",
)
