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
# # Why do my STDP weights vanish?
# A question of the Brian2 forum: a small network of Izhikevich neurons is to tell X from O on 5 x 5 pixels. The outputs spike as
# the paper says, but the weights go to 0. One of five mistakes in the programs of the forum does this, and the others hide it. Here is a
# network with all five; they are mended one after the other, and each time the network says what is still wrong.

# %%
# %matplotlib inline
import os

from diehlcook.companions.xo import FAULTS, XO, diagnosis, experiment, figures, network
from diehlcook.companions.xo.command import with_cures, with_faults, with_neuron
from diehlcook.companions.xo.constants import EXPLAINED

IMAGES = int(os.environ.get("DIEHLCOOK_IMAGES", "150"))
small = {"tests": "1", "flips_max": "1"} if IMAGES < 150 else {}
params = XO().with_values({"presentations": str(IMAGES), "networks": "10", **small})
for fault in FAULTS:
    print(f"{fault:15} {EXPLAINED[fault]}")

# %% [markdown]
# The equations: pulses of current into the inputs of black pixels, two layers of plastic synapses, and a teacher that makes the
# output of the right class spike 10 ms after the start of the image. With `engine="fused"` a compiled loop runs the same network, with the
# same spikes, in a second; `engine="runtime"` is Brian2.

# %%
print(network.OUTPUT, network.ON_PRE, network.ON_POST, sep="")


# %%
def look(faults, params=params):
    """Run 10 networks with these faults; draw their course and say what the health checks of the core find."""
    resolved = with_faults(params, faults)
    recorded = experiment.simulate(resolved, seed=0, engine="fused")
    right = experiment.accuracy(resolved, recorded)[0].mean(axis=0)
    print(f"clean images: {right[0]:.0%} right; {len(right) - 1} flipped pixels: {right[-1]:.0%}")
    for one in diagnosis.findings(resolved, recorded):
        print(
            f"- {one['networks']} of {resolved.networks}: {one['finding']} ({one['measured']}); change {one['change']}"
        )
    return figures.course([(" + ".join(faults) or "no fault", resolved, recorded)], ""), recorded


# %% [markdown]
# ## All five at once
# All clean images are told, and the weights are gone. How can that be?

# %%
faults = list(FAULTS)
look(faults)[0]

# %% [markdown]
# ## 1. The bound of the weights
# `clip(w + apost, 0, wmax*mV)` with a weight without unit: up to Brian2 2.4 the bound was taken as 0.001 instead of 1. Newer
# versions refuse to mix units. With the right bound, weights no longer vanish, and the answers are the same as before. So the
# answers did not come from the weights.

# %%
faults.remove("clip-units")
look(faults)[0]

# %% [markdown]
# ## 2. The current that everyone gets
# One string of equations, with the current of pixel i, was used for all three groups. Output 0 gets the current of pixel 0, which
# belongs to X; output 1 that of pixel 1, which belongs to O. The right answers were read off two pixels, past all synapses; with noise
# that shows. With equations for each group, nothing answers any more, which is the truth about these weights.

# %%
faults.remove("shared-current")
look(faults)[0]

# %% [markdown]
# ## 3. Weights that cannot make a neuron spike
# From rest it takes about 15.2 mV at once. Twelve pixels of 0.8 mV are 9.6 mV. Without a spike of the hidden neuron there is no
# potentiation, whatever the learning rates are: first let the neuron spike, then learn. With larger bounds hidden neurons spike,
# and now weights only grow.

# %%
faults.remove("small-w-max")
look(faults)[0]

# %% [markdown]
# ## 4. No competition
# X and O have no pixel in common, yet every hidden neuron has learned both, and both outputs spike at once: no answer. Inhibition
# lets few neurons have an image, and normalisation takes from the other pixels what it gives to those of this image.

# %%
faults.remove("no-competition")
look(faults)[0]

# %% [markdown]
# ## 5. Volleys that repeat
# All pixels spike in the same time step, and 1.8 ms later once more. Hidden neurons spike in between, and the second volley takes
# back what the first has taught: the answers are right, but in some networks hidden neurons do not specialise. With starts spread over 3 ms, they do.

# %%
faults.remove("synchronous")
figure, recorded = look(faults)
figure

# %%
figures.fields(params, recorded)

# %% [markdown]
# ## Images with flipped pixels
# The weights from the pixels of a pattern are uneven: a pixel that starts late, or spikes once more after the hidden neuron has, is weakened. With
# one spike of each pixel, all at once, they become alike, and images with 8 of 25 pixels flipped are told.

# %%
cured = with_cures(params, ["one-spike"])
print("changed:", cured.differences(params))
figure, recorded = look([], cured)
figures.fields(cured, recorded)

# %% [markdown]
# Izhikevich's neuron of 2007 has the same equation with other constants. It is slower, and sums up pixels that start at different times; with
# weights that are larger by as much as it needs more to spike, it tells these images without the cure.

# %%
slower = with_neuron(params, "2007")
for name, (here, before) in slower.differences(params).items():
    print(f"{name:18} {before:>12} -> {here}")
figure, recorded = look([], slower)
figure

# %% [markdown]
# ## What to take home
# - Count the spikes of the postsynaptic neuron before you look at weights: without them there is nothing to learn from.
# - Give weights a unit or none, everywhere; Brian2 checks the rest.
# - A right answer does not say where it comes from: flip some pixels, or cut the synapses.
# - STDP between pairs only strengthens what spikes together; who wins, and what is forgotten, comes from competition.
