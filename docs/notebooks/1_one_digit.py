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
# # One digit, watched closely
# An image of a digit becomes spikes; the spikes excite neurons; one neuron wins and silences the others; its threshold
# rises, so that next time another one has a chance. This notebook shows each of these steps in a trained network of 400
# neurons that comes with the package. No data is downloaded; it takes about a minute.

# %%
import brian2 as b2
import matplotlib.pyplot as plt
import numpy as np

from diehlcook import build_network, load_preset, load_shipped, presentation_time
from diehlcook.data.datasets import load

b2.prefs.codegen.target = "numpy"  # nothing to compile: fine for a few presentations

trained = load_shipped("triplet-400")
params, labels = trained.params, trained.assignments()
digits = load("digits", "test")
index = 3
image = digits.images[index]
print(
    f"the image is a {digits.labels[index]}; the network has {params.n_exc} neurons, trained on {trained.dataset}"
)

# %% [markdown]
# ## Build the network
# `build_network` returns an ordinary `brian2.Network`: any monitor can be attached. In phase "predict" weights and
# thresholds are frozen.

# %%
network = build_network(
    params,
    images=image[np.newaxis],
    phase="predict",
    weights=trained.weights(),
    theta=trained.theta(),
    delays=trained.delays(),
)
inputs = b2.SpikeMonitor(network["inp"])
inhibitory = b2.SpikeMonitor(network["inh"])
membranes = b2.StateMonitor(network["exc"], ["v", "ge", "gi"], record=True)
network.add(inputs, inhibitory, membranes)
network.run(presentation_time(params), namespace={})
excitatory = network["spikes"]

# %% [markdown]
# ## Rate coding and the raster
# A pixel fires the faster the brighter it is, up to 63.75 Hz, for 350 ms; then there is nothing for 150 ms, so that all
# variables settle. Of the excitatory neurons only a few answer, and their inhibitory partners with them.

# %%
figure, (left, *rows) = plt.subplots(1, 4, figsize=(11, 3), width_ratios=[1, 2, 2, 2], layout="constrained")
left.imshow(image, cmap="gray_r")
left.set(title="image", xticks=[], yticks=[])
for ax, monitor, name in zip(
    rows, (inputs, excitatory, inhibitory), ("input", "excitatory", "inhibitory"), strict=True
):
    ax.plot(monitor.t / b2.ms, monitor.i, ".", markersize=2)
    ax.axvspan(params.t_stimulus * 1e3, 500, color="0.92")
    ax.set(
        title=f"{name}: {monitor.num_spikes} spikes", xlabel="ms", xlim=(0, 500), ylim=(0, monitor.source.N)
    )
plt.show()

# %% [markdown]
# ## The winner and a loser
# Who spiked most, and what do the receptive fields of these neurons look like? The label of a neuron is the digit it
# responded to most among the training images; the prediction is the class whose neurons spike most on average.

# %%
counts = np.asarray(excitatory.count)
order = np.argsort(counts)[::-1]
weights = trained.weights()
figure, axes = plt.subplots(1, 6, figsize=(11, 2.3), layout="constrained")
for ax, j in zip(axes, order[:6], strict=True):
    ax.imshow(weights[:, j].reshape(28, 28), cmap="hot_r", vmin=0, vmax=1)
    ax.set(title=f"neuron {j}: {counts[j]} spikes\nlabel {labels[j]}", xticks=[], yticks=[])
plt.show()

# %% [markdown]
# ## Lateral inhibition, seen from the inside
# When the winner spikes, its inhibitory partner spikes too, and inhibits *all other* excitatory neurons: their inhibitory
# conductance jumps by 17 and pulls their membrane towards −100 mV. The winner itself is spared (there is no synapse back to
# the own neuron), so it fires again. That is the whole competition: no rule compares neurons, the wiring does.

# %%
winner, loser = order[0], order[counts[order] == 0][0]
threshold = (params.v_thresh_exc - params.theta_offset + trained.theta()) * 1e3
ms = membranes.t / b2.ms
figure, axes = plt.subplots(3, 2, figsize=(11, 6), sharex=True, sharey="row", layout="constrained")
for column, (j, name) in enumerate(((winner, "winner"), (loser, "a neuron that lost"))):
    v, ge, gi = axes[:, column]
    v.plot(ms, membranes.v[j] / b2.mV, linewidth=0.8)
    v.axhline(threshold[j], color="0.5", linestyle="--", linewidth=0.8)
    v.plot(
        excitatory.t[excitatory.i == j] / b2.ms,
        np.full((excitatory.i == j).sum(), threshold[j]),
        "v",
        color="C3",
    )
    v.set(title=f"{name} (neuron {j})", ylabel="v (mV)")
    ge.plot(ms, membranes.ge[j], linewidth=0.8)
    ge.set(ylabel="ge (of the leak)")
    gi.plot(ms, membranes.gi[j], linewidth=0.8, color="C1")
    gi.set(ylabel="gi (of the leak)", xlabel="ms")
plt.show()

# %% [markdown]
# ## Homeostasis: the threshold of the winner rises
# Now the same image ten times, with learning on, in a network that has learned nothing yet. Every spike adds `theta_plus` to
# the threshold of the neuron that fired; it decays with a time constant of hours. So a neuron that wins too often becomes
# harder to excite, and others get their turn. Without it one neuron would win every image. The step is 0.05 mV in the paper's
# network; here it is 20 times as large, so that ten images are enough to see the winner change.

# %%
fresh = load_preset("paper-triplet-400").with_values({"theta_plus": "1 mV"})
network = build_network(fresh, seed=1, images=np.repeat(image[np.newaxis], 10, axis=0))
theta = b2.StateMonitor(network["exc"], "theta", record=True, dt=10 * b2.ms)
network.add(theta)
network.run(10 * presentation_time(fresh), namespace={})
final = theta.theta[:, -1] / b2.mV
risen = np.argsort(final)[::-1][:5]
figure, ax = plt.subplots(figsize=(8, 3), layout="constrained")
ax.plot(theta.t / b2.second, (theta.theta[risen] / b2.mV).T, label=[f"neuron {j}" for j in risen])
ax.plot(theta.t / b2.second, np.median(theta.theta, axis=0) / b2.mV, "k--", label="median of all")
ax.set(xlabel="s", ylabel="theta (mV)")
ax.legend()
plt.show()
assert (final > fresh.theta_init * 1e3 + 5).sum() >= 3, "several neurons should have had their turn"
