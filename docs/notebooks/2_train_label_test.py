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
# # Train, label, test: step by step
# The three phases of the experiment, each a function that reads and writes files in one folder, the *run*. Here 100 neurons
# learn the handwritten digits that come with the package (1,287 to learn from, 510 to test with). MNIST works the same:
# replace `"digits"` by `"mnist"`.

# %%
# %matplotlib inline
# %config InlineBackend.print_figure_kwargs = {"dpi": 80}
import os
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from diehlcook import figures, load, load_preset, observe, test, train
from diehlcook.analysis.history import examine_run, read_evidence

EPOCHS = int(os.environ.get("DIEHLCOOK_EPOCHS", "12"))

folder = Path(tempfile.mkdtemp()) / "run"
params = load_preset("paper-triplet-100")
training, testing = load("digits", "train"), load("digits", "test")
print(f"{len(training)} images to learn from, {len(testing)} to test with")

# %% [markdown]
# ## 1. Train: no labels
# Every image is shown for 350 ms, then comes a rest of 150 ms. Weights change by STDP when spikes come; nothing tells the
# network which digit it sees. There is no loss function and no gradient.

# %%
run = train(folder, training, params, seed=1, epochs=EPOCHS)
recorded = read_evidence(run)
figures.training_curves(recorded.history, recorded.windows)

# %% [markdown]
# What each neuron has learned is its *receptive field*: its input weights, laid out as the pixels of an image.

# %%
figures.receptive_fields(recorded.weights).figure

# %% [markdown]
# Is the network well? Each check says what was measured and what is normal.

# %%
for check in examine_run(run):
    print("ok" if check.ok else "!!", check)

# %% [markdown]
# ## 2. Label the neurons
# Weights and thresholds are frozen. The training images are shown once more, and each neuron gets the class to which it
# responded most on average. This is the only place where labels are used.

# %%
observed = observe(run, training)
labels = run.assignments()
print("neurons per class:", observed["neurons_per_class"])
figures.receptive_fields(recorded.weights, assignments=labels, sort="label").figure

# %% [markdown]
# By hand, for one neuron: its mean number of spikes for the images of each digit.

# %%
counts = np.load(folder / "observe_counts.npy")
neuron = 7
means = [counts[training.labels == digit, neuron].mean() for digit in range(10)]
assert int(np.argmax(means)) == labels[neuron] or max(means) == 0
figure, ax = plt.subplots(figsize=(6, 2.5), layout="constrained")
ax.bar(range(10), means)
ax.set(
    xlabel="digit",
    ylabel="mean spikes",
    xticks=range(10),
    title=f"neuron {neuron} gets the label {labels[neuron]}",
)
plt.show()

# %% [markdown]
# ## 3. Test
# New images. The prediction is the class whose neurons spike most on average.

# %%
tested = test(run, testing)
low, high = tested["interval95"]
print(f"accuracy {tested['accuracy']:.1%}, 95 % interval [{low:.1%}, {high:.1%}]")
confusion = np.load(folder / "confusion.npy")
figures.confusion_matrix(
    confusion, class_sizes=tested["class_sizes"], accuracy=tested["accuracy"], interval=(low, high)
).figure

# %% [markdown]
# The same by hand:

# %%
responses = np.load(folder / "test_counts.npy")
scores = np.stack(
    [
        responses[:, labels == digit].mean(axis=1) if (labels == digit).any() else np.zeros(len(responses))
        for digit in range(10)
    ]
)
by_hand = scores.argmax(axis=0)
right = (by_hand == testing.labels)[responses.sum(axis=1) > 0].sum() / len(testing)
print(f"by hand: {right:.1%}")
assert abs(right - tested["accuracy"]) < 0.01

# %% [markdown]
# From the command line all this is `python -m diehlcook demo`, or `train`, `observe`, `test`, `plot` one by one;
# `python -m diehlcook report --run ...` makes one page of it, and `doctor` examines a run.
