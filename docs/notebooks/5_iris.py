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
import os
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from diehlcook import figures, load, load_preset, load_run, observe, test, train
from diehlcook.analysis.history import examine_run
from diehlcook.errors import DiehlCookError

FOLDS = int(os.environ.get("DIEHLCOOK_FOLDS", "5"))
EPOCHS = 10

with Path("iris.csv").open(newline="") as file:
    table = list(csv.DictReader(file))
species = sorted({row["species"] for row in table})
y = np.array([species.index(row["species"]) for row in table], np.uint8)
x = np.array([[float(value) for value in list(row.values())[:4]] for row in table])
print(x.shape, species)

# %% [markdown]
# ## Why four inputs stay silent
# One neuron per feature, firing with at most 64 Hz: too few spikes to lift any membrane to its threshold. Each flower
# is shown again and again, brighter each time, until the training stops; the health check says why.

# %%
folder = Path(tempfile.mkdtemp())
scaled = (x - x.min(axis=0)) / (x.max(axis=0) - x.min(axis=0))


def dataset(name, images, labels):
    """Return images and labels as a data set of the package."""
    np.savez(folder / f"{name}.npz", images=images, labels=labels)
    return load(str(folder / f"{name}.npz"), "train")


few = dataset("few", np.uint8(255 * np.clip(scaled, 0.05, 1)).reshape(-1, 2, 2), y)
naive = load_preset("paper-triplet-100").with_values({"n_input": "4", "n_exc": "10", "weight_sum": "1"})
try:
    train(folder / "few", few, naive)
except DiehlCookError as error:
    print(error, end="\n\n")
for check in examine_run(load_run(folder / "few")):
    if not check.ok:
        print(check)

# %% [markdown]
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
# ## Five-fold cross-validation
# Train on four fifths without labels, label the neurons with the same flowers, test on the rest. As a linear baseline Fisher's
# discriminant, with which the data set became known in 1936: it *uses* the labels to learn.

# %%
params = load_preset("paper-triplet-100").with_values(
    {"n_input": str(4 * COLUMNS), "n_exc": "40", "weight_sum": "40"}
)
rng = np.random.default_rng(0)
fold = np.zeros(len(y), int)
for kind in range(3):
    fold[y == kind] = rng.permutation(np.arange((y == kind).sum()) % 5)


def linear(k):
    """Return the share of flowers of fold k that a linear discriminant gets right."""
    seen, unseen = x[fold != k], x[fold == k]
    labels = y[fold != k]
    means = np.array([seen[labels == kind].mean(axis=0) for kind in range(3)])
    within = sum(np.cov(seen[labels == kind].T) for kind in range(3)) / 3
    directions = np.linalg.solve(within, means.T)
    scores = unseen @ directions - 0.5 * np.sum(means.T * directions, axis=0)
    return (scores.argmax(axis=1) == y[fold == k]).mean()


spiking, baseline = [], []
for k in range(FOLDS):
    order = rng.permutation(np.flatnonzero(fold != k))  # the file is sorted by species
    learned = dataset(f"train-{k}", images[order], y[order])
    held_out = dataset(f"test-{k}", images[fold == k], y[fold == k])
    run = train(folder / f"run-{k}", learned, params, seed=k, epochs=EPOCHS)
    observe(run, learned)
    spiking.append(test(run, held_out)["accuracy"])
    baseline.append(linear(k))
    print(f"fold {k}: spiking network {spiking[-1]:.1%}, linear discriminant {baseline[-1]:.1%}")
print(f"mean: spiking network {np.mean(spiking):.1%}, linear discriminant {np.mean(baseline):.1%}")

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
