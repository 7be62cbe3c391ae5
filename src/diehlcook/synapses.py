"""The learning rules (paper §2.3) and the static synapses, one whole block per rule.

Presynaptic spikes arrive after a delay that differs from synapse to synapse, so what a rule knows of them belongs
to the synapse. Postsynaptic traces are the same for all synapses of a neuron: they live in the neuron and decay once
per time step. Within a step Brian2 handles arrivals (`on_pre`) before postsynaptic spikes (`on_post`) before resets.

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


TRIPLET = LearningRule(  # Pfister & Gerstner 2006, nearest spikes, as in the authors' public code
    model="""
w : 1
arrival : integer     # step of the last presynaptic arrival, counted from the start of this presentation
""",
    on_pre="""
ge_post += w
w = clip(w - eta_pre*x_post1_post, 0, w_max)
arrival = step_pre
""",
    on_post="""
x_pre = exp(-(step_pre - arrival)*dt/tau_pre)
w = clip(w + eta_post*x_pre*x_post2_post, 0, w_max)
""",
    every_presentation="""
arrival = clip(arrival - presentation_steps, -long_ago, 0)
""",
    neuron="""
x_post1 : 1           # set to 1 by a spike, not incremented
x_post2 : 1
""",
    neuron_every_step="""
x_post1 *= exp(-dt/tau_post1)
x_post2 *= exp(-dt/tau_post2)
""",
    neuron_reset="""
x_post1 = 1
x_post2 = 1
""",
)

STATIC = LearningRule(  # labelling and testing
    model="w : 1",
    on_pre="ge_post += w",
)

RULES = {"triplet": TRIPLET}
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

FIND_FACTORS = "w_factor = int(normalising == 1)*weight_sum/w_total + int(normalising == 0)"

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
"""Pairwise: from each inhibitory neuron to all excitatory neurons but its own (paper §2.2)."""

LATERAL = "fired : 1  # inhibitory neurons that spiked in this step"
"""Summed: one neuron stands for all inhibitory neurons."""

OWN_INHIBITION = """
own : 1  # 1 if the own inhibitory neuron spiked in this step
"""

INH_TO_LATERAL = "fired_post += 1"

INH_TO_OWN = "own_post += 1"

LATERAL_TO_EXC = {"inhibit": "gi_post += w_inh_exc*(fired_pre - own_post)", "clear": "own_post = 0"}
"""Equal to `INH_TO_EXC`: all inhibitory spikes of a step, less the own."""
