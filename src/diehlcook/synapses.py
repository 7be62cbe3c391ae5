"""The four learning rules of the paper (§2.3) and the static synapses, one whole block per rule.

Presynaptic spikes arrive after a delay that differs from synapse to synapse, so what a rule knows of them belongs
to the synapse. Postsynaptic traces are the same for all synapses of a neuron: they live in the neuron and decay once
per time step. Within a step Brian2 handles arrivals (`on_pre`) before postsynaptic spikes (`on_post`) before resets.

A spike sets a trace to 1 or, if `all_to_all` is 1, adds 1 to it. The trace of the presynaptic spikes is

    x_pre = x0 exp(-t/tau_pre),    t = step_pre*dt since the start of the presentation,

where the variable ``x0`` changes with an arrival only and is rescaled between presentations: no trace has to decay in
every time step, the exponentials of an arrival are the same for all synapses, and no absolute time is kept.
``step_pre`` is the time step within the presentation, as the input neurons know it.
"""

from typing import NamedTuple


class LearningRule(NamedTuple):
    """A plastic (or static) connection from input to excitatory neurons: Brian2 equations and code, as text."""

    model: str
    """Variables of a synapse."""
    on_pre: str
    """Executed when a presynaptic spike arrives."""
    on_post: str = ""
    """Executed when the postsynaptic neuron spikes."""
    every_presentation: str = ""
    """Executed for every synapse before each presentation."""
    neuron: str = ""
    """Variables of the excitatory neuron."""
    neuron_every_step: str = ""
    """Executed for every excitatory neuron at the start of every time step."""
    neuron_reset: str = ""
    """Executed for an excitatory neuron that has just spiked, after `on_post`."""


TRIPLET = (
    LearningRule(  # Pfister & Gerstner 2006, as in the authors' public code; the paper prints no equation
        model="""
w : 1
x0 : 1
""",
        on_pre="""
ge_post += w
w = clip(w - eta_pre*x_post1_post, 0, w_max)
x0 = all_to_all*x0 + exp(step_pre*dt/tau_pre)
""",
        on_post="""
x_pre = x0*exp(-step_pre*dt/tau_pre)
w = clip(w + eta_post*x_pre*x_post2_post, 0, w_max)
""",
        every_presentation="""
x0 *= exp(-presentation_steps*dt/tau_pre)
""",
        neuron="""
x_post1 : 1
x_post2 : 1
""",
        neuron_every_step="""
x_post1 *= exp(-dt/tau_post1)
x_post2 *= exp(-dt/tau_post2)
""",
        neuron_reset="""
x_post1 = all_to_all*x_post1 + 1
x_post2 = all_to_all*x_post2 + 1
""",
    )
)

TRIPLET_100N = (
    LearningRule(  # as written in the authors' script for 100 neurons: dx_post2/dt = -x_post1/tau_post2
        model=TRIPLET.model,
        on_pre=TRIPLET.on_pre,
        on_post=TRIPLET.on_post,
        every_presentation=TRIPLET.every_presentation,
        neuron=TRIPLET.neuron,
        neuron_every_step="""
x_post2 -= x_post1*tau_post1/tau_post2*(1 - exp(-dt/tau_post1))
x_post1 *= exp(-dt/tau_post1)
""",
        neuron_reset=TRIPLET.neuron_reset,
    )
)

POWER_LAW = LearningRule(  # paper Eq. 3; nothing happens to w on a presynaptic spike
    model="""
w : 1
x0 : 1
""",
    on_pre="""
ge_post += w
x0 = all_to_all*x0 + exp(step_pre*dt/tau_pre)
""",
    on_post="""
x_pre = x0*exp(-step_pre*dt/tau_pre)
w = clip(w + eta_post*(x_pre - x_tar)*(w_max - w)**mu, 0, w_max)
""",
    every_presentation="""
x0 *= exp(-presentation_steps*dt/tau_pre)
""",
)

EXPONENTIAL = LearningRule(  # paper Eq. 4; nothing happens to w on a presynaptic spike
    model="""
w : 1
x0 : 1
""",
    on_pre="""
ge_post += w
x0 = all_to_all*x0 + exp(step_pre*dt/tau_pre)
""",
    on_post="""
x_pre = x0*exp(-step_pre*dt/tau_pre)
w = clip(w + eta_post*(x_pre*exp(-beta*w) - x_tar*exp(-beta*(w_max - w))), 0, w_max)
""",
    every_presentation="""
x0 *= exp(-presentation_steps*dt/tau_pre)
""",
)

PRE_AND_POST = LearningRule(  # paper Eqs 5 and 6, "symmetric"
    model="""
w : 1
x0 : 1
""",
    on_pre="""
ge_post += w
w = clip(w - eta_pre*x_post1_post*w**mu, 0, w_max)
x0 = all_to_all*x0 + exp(step_pre*dt/tau_pre)
""",
    on_post="""
x_pre = x0*exp(-step_pre*dt/tau_pre)
w = clip(w + eta_post*(x_pre - x_tar)*(w_max - w)**mu, 0, w_max)
""",
    every_presentation="""
x0 *= exp(-presentation_steps*dt/tau_pre)
""",
    neuron="x_post1 : 1",
    neuron_every_step="x_post1 *= exp(-dt/tau_post1)",
    neuron_reset="x_post1 = all_to_all*x_post1 + 1",
)

STATIC = LearningRule(  # labelling and testing
    model="w : 1",
    on_pre="ge_post += w",
)

RULES = {
    "triplet": TRIPLET,
    "triplet-100n": TRIPLET_100N,
    "power-law": POWER_LAW,
    "exponential": EXPONENTIAL,
    "pre-and-post": PRE_AND_POST,
}
"""Rules by the name that the parameter `rule` takes."""

SUM_WEIGHTS = """
w_total_post += w
w_squares_post += w**2
"""
"""First pass over the synapses before a presentation, for normalisation (paper §2.3, Goodhill & Barrow 1994) and statistics."""

NORMALISATION = """
w_total : 1    # sum of the neuron's input weights before they are normalised
w_squares : 1
w_factor : 1
normalising : integer (linked)
"""
"""What the excitatory neurons hold for it."""

FIND_FACTORS = """
w_factor = int(normalising == 0) + int(normalising == 1)*weight_sum/(w_total + int(w_total == 0))
"""
"""A neuron that has lost all its weights keeps none."""

NORMALISE = "w *= w_factor_post"
"""Second pass."""

SUM_NEURONS = """
theta_sum_post += theta_pre
theta_squares_post += theta_pre**2
weights_sum_post += w_total_pre
weights_squares_post += w_squares_pre
"""
"""Statistics of the presentation, from excitatory neurons to the protocol."""

EXC_TO_INH = "ge_post += w_exc_inh"
"""One to one (paper §2.2)."""

INH_TO_EXC = "gi_post += w_inh_exc"
"""Pairwise: from each inhibitory neuron to all excitatory neurons but its own (paper §2.2), or to all."""

LATERAL = "fired : 1  # inhibitory neurons that spiked in this step"
"""Summed: one neuron stands for all inhibitory neurons."""

OWN_INHIBITION = """
own : 1  # 1 if the own inhibitory neuron spiked in this step
"""

INH_TO_LATERAL = "fired_post += 1"

INH_TO_OWN = "own_post += 1"

LATERAL_TO_EXC = {
    "inhibit": "gi_post += w_inh_exc*(fired_pre - own_post*(1 - self_inhibition))",
    "clear": "own_post = 0",
}
"""Equal to `INH_TO_EXC`: all inhibitory spikes of a step, less the own unless `self_inhibition`."""
