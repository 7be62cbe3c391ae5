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
# # Iris flowers with the same network
# A question that comes up again and again: can this network classify something else, such as the iris data set (150 flowers,
# four lengths, three species)? Four input neurons, one per feature, stay silent, as people find out. The trick is in the
# input: each feature is given to a *population* of neurons, each tuned to another value.

# %%
# %matplotlib inline
# %config InlineBackend.print_figure_kwargs = {"dpi": 80}
import csv
import tempfile
from pathlib import Path

import brian2 as b2
import matplotlib.pyplot as plt
import numpy as np
from brian2 import Hz, ms, mV

from diehlcook import figures, load_preset, observe, test, train

EPOCHS = 10

with Path("iris.csv").open(newline="") as file:
    table = list(csv.DictReader(file))
species = sorted({row["species"] for row in table})
y = np.array([species.index(row["species"]) for row in table], np.uint8)
x = np.array([[float(value) for value in list(row.values())[:4]] for row in table])
print(x.shape, species)

# %% [markdown]
# ## One fifth is kept for testing
# The other four fifths are for learning. Nothing is taken from the flowers of the test before it: the scale of the features,
# too, comes from the flowers to learn from.

# %%
rng = np.random.default_rng(0)
fold = np.zeros(len(y), int)
for kind in range(3):
    fold[y == kind] = rng.permutation(np.arange((y == kind).sum()) % 5)
learned = rng.permutation(np.flatnonzero(fold != 0))  # the file is sorted by species
asked = np.flatnonzero(fold == 0)
low, high = x[learned].min(axis=0), x[learned].max(axis=0)
scaled = np.clip((x - low) / (high - low), 0, 1)

# %% [markdown]
# ## Why four inputs stay silent
# In the forum somebody gave each feature to one Poisson neuron that fires with 0 to 1 Hz, and all four drive one neuron whose
# threshold is 0.3 mV. Weights are at most 0.3 mV, and each flower is shown for 20 ms. Count it: an iris gives its four neurons
# two spikes per *second* together, which is one spike for every 28 flowers, and one spike is not enough. No learning rule
# mends that, because without spikes nothing is learned. Here is the membrane when a flower is shown for a whole second: as
# it was posted, and with 100 times the rates.

# %%
b2.prefs.codegen.target = "numpy"  # a second of two neurons is not worth compiling
b2.defaultclock.dt = 0.5 * ms
b2.seed(2)
flower = scaled[y == 1][0]
inputs = b2.PoissonGroup(8, np.concatenate([flower, 100 * flower]) * Hz)
neurons = b2.NeuronGroup(
    2, "dv/dt = -v/(20*ms) : volt", threshold="v > 0.3*mV", reset="v = 0*mV", method="exact"
)
synapses = b2.Synapses(inputs, neurons, "w : volt", on_pre="v_post += w")
synapses.connect(j="i // 4")
synapses.w = "rand()*0.3*mV"
membrane, spikes = b2.StateMonitor(neurons, "v", record=True), b2.SpikeMonitor(neurons)
b2.run(1000 * ms)

figure, axes = plt.subplots(2, 1, figsize=(8, 3), layout="constrained", sharex=True, sharey=True)
for ax, k, title in zip(axes, range(2), ("inputs of 0 to 1 Hz", "inputs of 0 to 100 Hz"), strict=True):
    ax.plot(membrane.t / ms, membrane.v[k] / mV, lw=0.8)
    ax.axhline(0.3, color="0.5", ls="--", lw=0.8)
    ax.axvspan(0, 20, color="0.9")
    ax.set(title=f"{title}: {spikes.count[k]} spikes", ylabel="v (mV)")
axes[1].set(xlabel="time (ms); grey: the 20 ms of a flower")
plt.show()

# %% [markdown]
# With these rates the neuron fires, but it cannot do what was hoped for, which is to fire for the species that it has learned:
# `docs/iris.md` has the measurements. A weight is never negative, so the neuron fires more for larger flowers whatever it has
# learned, and the species that it was to learn is the smallest.
#
# ## Population code
# 100 neurons per feature, with preferred values from the smallest to the largest. A neuron fires with 64 Hz for its preferred
# value and with less the further away the value is (a Gaussian). So a flower is an "image" of 4 rows and 100 columns with
# about as much light as a digit, and the constants of the paper's network fit. Tuning width and passes were chosen on training
# flowers.

# %%
COLUMNS, WIDTH = 100, 0.1
preferred = np.linspace(0, 1, COLUMNS)
images = np.uint8(255 * np.exp(-((scaled[:, :, None] - preferred) ** 2) / (2 * WIDTH**2)))
figure, axes = plt.subplots(3, 1, figsize=(8, 3), layout="constrained", sharex=True)
for ax, kind in zip(axes, range(3), strict=True):
    ax.imshow(images[y == kind][0], cmap="gray_r", aspect="auto")
    ax.set(title=species[kind], yticks=range(4), yticklabels=["sepal l.", "sepal w.", "petal l.", "petal w."])
plt.show()

# %% [markdown]
# ## Train, label, test
# Train on the flowers to learn from, without their labels; label the neurons with the same flowers; test on the others.

# %%
params = load_preset("paper-triplet-100").with_values(
    {"n_input": str(4 * COLUMNS), "n_exc": "40", "weight_sum": "40"}
)
flowers = images[learned], y[learned]
run = train(Path(tempfile.mkdtemp()) / "run", flowers, params, epochs=EPOCHS, progress=False)
observe(run, flowers, raster=False, progress=False)
tested = test(run, (images[asked], y[asked]), progress=False)
print(f"{tested['accuracy']:.1%} of {len(asked)} flowers, 95 % interval", tested["interval95"])

# %% [markdown]
# ## What the neurons have learned
# Each neuron stands for a kind of flower: a bump of weights at its typical value of each feature.

# %%
weights, labels = run.weights(), run.assignments()
figure, axes = plt.subplots(3, 4, figsize=(10, 4), layout="constrained", sharex=True, sharey=True)
for row, kind in zip(axes, range(3), strict=True):
    for ax, j in zip(row, np.flatnonzero(labels == kind)[:4], strict=False):
        ax.imshow(weights[:, j].reshape(4, COLUMNS), cmap="hot_r", aspect="auto", vmin=0, vmax=weights.max())
        ax.set(title=f"neuron {j}: {species[kind]}", yticks=range(4), yticklabels=["sl", "sw", "pl", "pw"])
plt.show()
figures.theta_histogram(run.theta()).figure

# %% [markdown]
# ## How good is that?
# 30 flowers cannot say: the interval above is wide. So `scripts/studies/iris.py` has done all of this 50 times (five folds, cut
# anew ten times), with other methods on the same folds, and kept what came out in `iris_folds.csv`. A point is one of the ten
# repetitions, in which every flower was tested once; bars are means with 95 % intervals. As the folds share most of the
# flowers that they learn from, they are no independent samples, and the intervals allow for that (Nadeau and Bengio 2003).

# %%
METHODS = {
    "network": "network",
    "untrained": "network without learning",
    "classifier": "DiehlCook(n_exc=40)",
    "discriminant": "linear discriminant",
    "neighbours": "5 nearest neighbours",
    "prototypes": "k-means, 40 prototypes",
}
with Path("iris_folds.csv").open(newline="") as file:
    records = list(csv.DictReader(file))
figure, ax = plt.subplots(figsize=(8, 3), layout="constrained")
for place, name in enumerate(METHODS):
    own = [row for row in records if row["method"] == name]
    shares = np.array([sum(int(row[one]) for one in species) / len(asked) for row in own])
    # A fold tests a fourth of what it learns from; 2.01 is t for 49 degrees of freedom
    half = 100 * 2.01 * np.sqrt((1 / len(shares) + 1 / 4) * shares.var(ddof=1))
    points = 100 * shares.reshape(10, 5).mean(axis=1)
    ax.plot(points, place + np.linspace(-0.3, 0.3, 10), ".", color="0.6")
    ax.errorbar(points.mean(), place, xerr=half, fmt="o", capsize=3, color="C0")
ax.set(yticks=range(len(METHODS)), yticklabels=METHODS.values(), xlabel="flowers recognised (%)")
ax.invert_yaxis()
ax.set_xlim(right=100.3)
plt.show()
