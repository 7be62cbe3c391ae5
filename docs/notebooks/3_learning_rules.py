# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # The four learning rules and their curves
# The paper compares four rules of spike-timing-dependent plasticity (§2.3). Here each is run as the package has it, its
# own Brian2 code, on single pairs of spikes: how much does the weight change, for which time between the spikes, and for
# which weight?

# %%
import brian2 as b2
import matplotlib.pyplot as plt
import numpy as np

from diehlcook.model.params import load_preset
from diehlcook.model.rules import EQUATIONS

b2.prefs.codegen.target = "numpy"

NAMES = {
    "triplet": "paper-triplet-400",
    "power-law": "paper-power-law-400",
    "exponential": "paper-exponential-400",
    "pre-and-post": "paper-pre-and-post-400",
}


def change(name, intervals, weight, before=None):
    """Return how weights change by pairs of spikes, `intervals` (s) from the input's spike to the neuron's.

    Each interval has its own input, neuron and, if `weight` is an array, weight. `before`: the neuron has spiked once more,
    so many seconds earlier.
    """
    params, rule = load_preset(NAMES[name]), EQUATIONS[name]
    constants = params.namespace() | {"all_to_all": int(params.pairing == "all-to-all")}
    n, middle = len(intervals), 0.25
    common = {"namespace": constants, "dt": params.dt * b2.second}
    spike = "abs(t - moment) < dt/2 or abs(t - earlier) < dt/2"
    pre = b2.NeuronGroup(
        n, "moment : second\nearlier : second\nstep : integer", threshold=spike, reset="", **common
    )
    pre.run_regularly("step = int(t/dt + 0.5)", when="start")
    post = b2.NeuronGroup(
        n,
        "moment : second\nearlier : second\nge : 1\n" + rule.neuron,
        threshold=spike,
        reset=rule.neuron_reset or "",
        **common,
    )
    if rule.neuron_every_step:
        post.run_regularly(rule.neuron_every_step, when="start")
    pre.moment = middle * b2.second
    post.moment = np.round((middle + np.asarray(intervals)) / params.dt) * params.dt * b2.second
    pre.earlier = -1 * b2.second
    post.earlier = -1 * b2.second if before is None else post.moment - before * b2.second
    synapses = b2.Synapses(pre, post, rule.model, on_pre=rule.on_pre, on_post=rule.on_post, **common)
    synapses.connect(j="i")
    synapses.w = weight
    b2.Network(pre, post, synapses).run(0.5 * b2.second)
    return np.asarray(synapses.w) - weight


# %% [markdown]
# ## Timing
# Left of zero the neuron spikes before the input does, right of it after. The exponential curve is the trace x_pre: it jumps
# when an input spike arrives and decays with 20 ms, so that the rule knows how long ago the input was. That is what the paper
# means by "exponential time dependence"; Querlioz et al. (2013) only ask whether there was a spike within a window.

# %%
intervals = np.arange(-0.08, 0.0801, 0.002) + 0.0005
figure, axes = plt.subplots(1, 4, figsize=(12, 3), layout="constrained")
for ax, name in zip(axes, NAMES, strict=True):
    before = 0.1 if name == "triplet" else None
    for weight in (0.1, 0.5, 0.9):
        ax.plot(intervals * 1e3, 1e3 * change(name, intervals, weight, before), label=f"w = {weight}")
    ax.axhline(0, color="0.7", linewidth=0.8)
    ax.axvline(0, color="0.7", linewidth=0.8)
    ax.set(title=name, xlabel="t_post − t_pre (ms)")
axes[0].set(ylabel="change of w (1/1000)")
axes[0].legend()
plt.show()

# %% [markdown]
# - **power-law**, **exponential**: nothing happens when an input spike arrives. When the neuron spikes, inputs whose trace is above
#   `x_tar` grow, and the others shrink: a neuron learns what was there when it spiked, and forgets the rest.
# - **pre-and-post**: the same, and a little depression when an input arrives after the neuron's spike.
# - **triplet**: no target. Potentiation needs an input spike *and* an earlier spike of the neuron; depression comes with every
#   input spike after the neuron's. Weights are kept in bounds by normalisation instead.
#
# ## The triplet rule needs a third spike
# The growth also depends on the time since the neuron's previous spike, through the slow trace (40 ms). A lone spike teaches
# nothing: this is why a lock-out of 50 ms, as in popular ports, changes what is learned.

# %%
since = np.array([0.006, 0.01, 0.02, 0.04, 0.06, 0.1, 0.15])
growth = [change("triplet", [0.01], 0.5, before)[0] for before in since]
figure, ax = plt.subplots(figsize=(5, 3), layout="constrained")
ax.plot(since * 1e3, 1e3 * np.array(growth), "o-")
ax.set(xlabel="time since the neuron's previous spike (ms)", ylabel="change of w (1/1000)")
plt.show()
assert change("triplet", [0.01], 0.5)[0] == 0 < growth[0]

# %% [markdown]
# ## Weight dependence
# Where does a weight settle? Now the time between the spikes is fixed, and the weight varies. The three rules with a target
# strengthen a small weight more than a large one. (The curves of power-law and pre-and-post are
# the same: they differ in what an arriving input does.)

# %%
figure, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
weights = np.linspace(0.01, 0.99, 25)
for name in list(NAMES)[1:]:
    near, far = (1e3 * change(name, np.full(weights.shape, interval), weights) for interval in (0.005, 0.06))
    ax.plot(weights, near, label=name)
    ax.plot(weights, far, "--", color=ax.lines[-1].get_color())
ax.axhline(0, color="0.7", linewidth=0.8)
ax.set(
    xlabel="w", ylabel="change of w (1/1000)", title="input 5 ms before the spike (—) and 60 ms before (- -)"
)
ax.legend()
plt.show()
