"""What connects the populations besides the plastic synapses, and how these are normalised: Brian2 code, each block whole.

A neuron's weights are summed and scaled before a presentation (paper §2.3, Goodhill & Barrow 1994);
inhibition comes pairwise, as the paper draws it (§2.2), or as one sum.
"""

SUM_WEIGHTS = """
w_total_post += w
w_squares_post += w**2
"""
"""First pass over the synapses before a presentation, for normalisation (paper §2.3, Goodhill & Barrow 1994)
and statistics."""

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
