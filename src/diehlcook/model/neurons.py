"""Membranes, thresholds and resets (paper §2.1, §2.4), each set of equations whole.

Constants stand by name; their values and sources are in `params`. ``refractory_left`` and ``lockout_left``
count time steps down to zero: whole numbers, because a floating "time since the last spike" differs in its
last bit with the moment a simulation was split, and an absolute one is wrong after a restart.
"""

from typing import NamedTuple


class NeuronModel(NamedTuple):
    """What makes a population: Brian2 equations and code, as text."""

    equations: str
    """Differential equations and variables."""
    threshold: str
    """Condition for a spike."""
    reset: str
    """Executed for a neuron that has just spiked."""
    every_step: str
    """Executed at the start of every time step."""


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
