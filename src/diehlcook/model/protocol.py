"""The protocol of the experiment as equations of one neuron (paper §2.5): which image, which attempt, how many spikes.

A presentation lasts `t_stimulus` + `t_rest`. `BEGIN_PRESENTATION` runs at its start, `END_PRESENTATION` in
its last time step: it goes to the next image or, after too few spikes, to the next attempt at this one, and
it stops the run when as many presentations or images as asked for are done. So nothing outside the network
has to intervene.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from brian2 import Function

STEP = """
step = timestep(t, dt) % presentation_steps : integer (shared)  # within the presentation
"""
"""Runs begin and end between presentations, so this needs no memory of its own."""

PROTOCOL = """
step = timestep(t, dt) % presentation_steps : integer (shared)  # within the presentation
stream : integer              # random stream of the phase
position : integer            # of the image in the phase, all epochs counted
attempt : integer             # 0 for the first presentation of an image
key : integer                 # random key of the presentation
intensity : 1
normalising : integer         # 1: the weights are normalised before this presentation
n_spikes : integer              # excitatory spikes that count for this presentation
n_rest_spikes : integer         # excitatory spikes in its rest
first_position : integer      # position of the first image in `pixels`
slot : integer                # row of the image in `pixels`
presentations_left : integer  # the run stops when it reaches 0; negative: never
images_left : integer         # the same, for images
stopped : integer
theta_sum : volt              # sums over excitatory neurons, at the start of the presentation
theta_squares : volt**2
weights_sum : 1               # sums over plastic synapses, before they are normalised
weights_squares : 1
"""

WIDE = ("stream", "position", "key", "first_position", "presentations_left", "images_left")
"""Variables of 64 bits."""

CONTROL = ("first_position", "slot", "presentations_left", "images_left", "stopped")
"""Variables that say how far to run, not what happens."""

RECORDED = ("position", "attempt", "theta_sum", "theta_squares", "weights_sum", "weights_squares")
"""What is recorded of each presentation."""

BEGIN_PRESENTATION = """
key = presentation_key(stream, position, attempt)
slot = position - first_position
intensity = intensity_init + intensity_step*attempt
normalising = normalise_images*int(position % normalise_every == 0)*int(attempt == 0 or normalise_presentations == 1)
n_spikes = n_rest_spikes*count_rest
n_rest_spikes = 0
theta_sum = 0*volt
theta_squares = 0*volt**2
weights_sum = 0
weights_squares = 0
"""

LAST_STEP = "step == presentation_steps - 1"

END_PRESENTATION = """
accepted = int(n_spikes >= min_spikes or attempt + 1 >= max_attempts)
position += accepted
attempt = (attempt + 1)*(1 - accepted)
presentations_left -= 1
images_left -= accepted
stopped = stop_when(presentations_left == 0 or images_left == 0)
"""

COUNT_SPIKE = """
n_spikes_post += int(step_post < stimulus_steps)
n_rest_spikes_post += int(step_post >= stimulus_steps)
"""
"""Executed for each excitatory spike."""

CPP = """
static inline int32_t stop_when(bool condition) {
    if (condition) Network::_globally_stopped = true;
    return condition;
}
"""

CYTHON = """
cdef int stop_when(int condition):
    if condition:
        import brian2
        brian2.stop()
    return condition
"""


def stop_when(condition: Any) -> NDArray[np.int32]:
    """Stop the current run after this time step if the condition holds; return the condition as 0 or 1."""
    if np.any(condition):
        import brian2

        brian2.stop()
    return np.asarray(condition, dtype=np.int32)


def brian_functions() -> dict[str, Function]:
    """Return `stop_when` for Brian2 equations, with C++, Cython and NumPy implementations."""
    from brian2 import Function

    function = Function(
        stop_when, arg_units=[1], arg_types=["boolean"], return_unit=1, return_type="integer", stateless=False
    )
    function.implementations.add_implementation("cpp", CPP)
    function.implementations.add_implementation("cython", CYTHON)
    function.implementations.add_implementation("numpy", stop_when)
    return {"stop_when": function}
