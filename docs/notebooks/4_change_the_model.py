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
# # Change the model, stay compiled
# Equations, threshold, reset and learning rule are text. Replace what you like and train: the network, protocol included, is
# still one Brian2 program, compiled to C++. Here the excitatory neurons get spike-frequency adaptation:
# each spike adds to a current that pulls the membrane down and decays with 200 ms.

# %%
import os
import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from diehlcook import load, load_preset, train
from diehlcook.model.neurons import EXCITATORY

IMAGES = int(os.environ.get("DIEHLCOOK_IMAGES", "1000"))
params = load_preset("paper-triplet-100")
images = load("digits", "train").head(IMAGES)
print(EXCITATORY.equations)

# %% [markdown]
# ## The change
# A new variable `a`, a term in the membrane equation, a line in the reset. Units are checked by Brian2.

# %%
adapting = EXCITATORY._replace(
    equations=EXCITATORY.equations.replace("(v_rest_exc - v", "(v_rest_exc - v - a")
    + "da/dt = -a/(200*ms) : volt\n",
    reset=EXCITATORY.reset + "a += 10*mV\n",
)
print(adapting.equations)
print(adapting.reset)

# %% [markdown]
# ## Train both
# The engine is chosen by itself: the fast kernel knows the equations of the package only, so that the new ones become a
# C++ program, which is compiled once and kept. The new variable is part of the state: it travels through chunks,
# checkpoints and `--resume`.

# %%
folder = Path(tempfile.mkdtemp())
runs, seconds = {}, {}
for name, model in (("as published", EXCITATORY), ("adapting", adapting)):
    started = time.perf_counter()
    runs[name] = train(folder / name, images, params, seed=1, excitatory=model)
    seconds[name] = time.perf_counter() - started
    print(f"{name}: {seconds[name]:.1f} s, compilation included")

# %% [markdown]
# ## What it does
# A neuron that has spiked a few times gives way to others: the spikes of an image are shared by more of them.

# %%
counts = {name: np.load(run.folder / "train_counts.npy") for name, run in runs.items()}
figure, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
for name, spikes in counts.items():
    axes[0].plot(np.sort(spikes, axis=1)[:, ::-1][:, :12].mean(axis=0), "o-", markersize=3, label=name)
    axes[1].hist((spikes > 0).sum(axis=1), bins=range(40), histtype="step", label=name)
axes[0].set(xlabel="neurons of an image, most active first", ylabel="mean spikes")
axes[1].set(xlabel="neurons that spike per image", ylabel="images")
axes[0].legend()
plt.show()
top = {name: spikes.max(axis=1).mean() for name, spikes in counts.items()}
print(top)
assert top["adapting"] < top["as published"]

# %% [markdown]
# The learning rule can be replaced in the same way (`plasticity=`), as can the threshold; `build_network` takes the same
# arguments for a look with monitors. Rules for what may be changed are in the guide, under "Change the model".
