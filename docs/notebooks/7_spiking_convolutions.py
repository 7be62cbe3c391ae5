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
# # Convolutions that spike, in small numbers
# The companion mozafari2019 (docs/companions/mozafari2019.md) learns digits with three layers of convolutions that spike.
# This notebook follows one picture into spikes, and then one layer through one step of learning, with tensors so small that every number can be read.
# All functions are those that the companion itself uses.

# %%
# %matplotlib inline
import os

os.environ["NUMBA_DISABLE_JIT"] = "1"  # plain Python is quicker than compiling, for tensors as small as these

import numpy as np
from IPython.display import display
from matplotlib.cbook import get_sample_data
from PIL import Image

from diehlcook.companions.mozafari2019 import encoding, figures, kernel
from diehlcook.companions.mozafari2019.constants import Layer
from diehlcook.companions.mozafari2019.encoding import NEVER
from diehlcook.figures.style import new_figure

# %% [markdown]
# ## From a picture to spikes
# The retina is modelled by two filters, each a difference of two Gaussians of 7 x 7 pixels.
# The first answers to light spots in the dark ("on"), the second to dark spots in the light ("off").
# Responses below 50 are taken as noise.
# The others are ranked, all of both filters together: the strongest 15th of them spikes in the first time step, the next 15th in the second, and so on.
# The picture is the portrait of Grace Hopper that comes with Matplotlib, of 512 x 600 pixels; put in any other, as an array of grey values from 0 to 255.

# %%
with get_sample_data("grace_hopper.jpg") as file:
    picture = np.asarray(Image.open(file).convert("L").resize((256, 300)))
coded = encoding.code(picture, floor=50, steps=15)
figure = figures.coded_picture(picture, coded)
figure.set_dpi(90)
figure

# %% [markdown]
# The off filter has the larger responses, and so most of the early spikes: the largest weight of every kernel is 1, and the off filter has its largest weight many times, in a ring.
# The network itself divides the responses by their mean nearby, filter by filter, before it ranks them; the blog that this notebook follows does not.


# %% [markdown]
# ## A fake input
# Two maps of 5 x 5 inputs; the numbers are responses.
# A bar of light runs from the upper left to the lower right; the off filter answers beside it.
# `ranks` turns responses into time steps, here four: 0 is the first, and an empty place never spikes.


# %%
def show(maps, title, digits=0, marked=()):
    """Draw maps (rows, columns, maps) side by side with their numbers, what never spikes empty; return the figure."""
    figure = new_figure((2.2 * maps.shape[2], 2.4))
    panels = figure.subplots(1, maps.shape[2], squeeze=False)[0]
    for number, ax in enumerate(panels):
        one = np.where(maps[..., number] == NEVER, np.nan, maps[..., number])
        ax.imshow(one, cmap="Blues", vmin=0, vmax=1.5 * np.nanmax(maps[maps != NEVER]))
        for row, column in np.argwhere(~np.isnan(one)):
            weight = "bold" if (number, row, column) in marked else "normal"
            ax.text(
                column,
                row,
                f"{one[row, column]:.{digits}f}",
                ha="center",
                va="center",
                fontsize=8,
                weight=weight,
            )
        ax.set(xticks=[], yticks=[], title=f"map {number}")
    figure.suptitle(title, fontsize=10)
    figure.set_dpi(80)
    return figure


responses = np.zeros((5, 5, 2), np.float32)
for place in range(5):
    responses[place, place, 0] = 90 - 5 * abs(place - 2)
    if place < 4:
        responses[place, place + 1, 1] = 70 - 5 * place
        responses[place + 1, place, 1] = 45 - 2 * place
times = encoding.ranks(responses, steps=4)
display(show(responses, "Responses of two filters"))
show(times, "Time steps at which they spike")

# %% [markdown]
# ## A random kernel
# Three maps look at the two input maps through 3 x 3 weights each: a kernel of shape (3, 2, 3, 3).
# The companion keeps the maps last, because all maps at a place are computed together.

# %%
weights = np.random.default_rng(2).uniform(0.2, 0.8, (3, 2, 3, 3)).astype(np.float32)
weights = np.ascontiguousarray(weights.transpose(1, 2, 3, 0))  # input maps, rows, columns, maps
for channel in range(2):
    display(show(weights[channel], f"Weights from input map {channel}", digits=2))

# %% [markdown]
# ## Potentials and spikes
# A neuron does not leak: its potential is the sum of the weights of all inputs that have spiked so far.
# These are the potentials after each time step, without a threshold.

# %%
layer = Layer(maps=3, size=3, pad=1, theta=1.5, pool=1, winners=1, radius=0)
for step in range(4):
    display(
        show(kernel.at_the_end(times <= step, weights, layer.pad), f"Potentials after step {step}", digits=1)
    )

# %% [markdown]
# A neuron spikes once, at the first step at which its potential is above the threshold, 1.5.

# %%
spikes, at_spike = kernel.convolve(times, weights, layer, steps=4)
display(show(spikes, "Time steps at which the neurons spike"))
show(at_spike, "Their potentials at that step; 0 without a spike", digits=2)

# %% [markdown]
# ## Who may learn
# First the maps compete at each position: the earliest spike stays, and of several the one with the highest potential.
# The other maps are inhibited there.

# %%
best, worth = kernel.compete(spikes, at_spike)
left = np.full_like(spikes, NEVER)
for row, column in np.argwhere(worth > -np.inf):
    left[row, column, best[row, column]] = spikes[row, column, best[row, column]]
show(left, "Spikes that are left")

# %% [markdown]
# Then the winners are chosen among them in the same order; here there is one, in the real network five in layer 1 and eight in layer 2, at some distance from each other and each of another map.

# %%
((winner, row, column, time),) = kernel.choose_winners(spikes, at_spike, layer)
print(
    f"map {winner} wins at row {row}, column {column}: it spikes at step {time}, at {at_spike[row, column, winner]:.3f}"
)
show(left, "The winner, in bold", marked=[(winner, row, column)])

# %% [markdown]
# ## STDP
# The winner's inputs that spiked not later than it did are strengthened, by 0.4 w (1 - w).
# All others are weakened, by 0.3 w (1 - w), those that never spike among them.
# The real rates begin at 0.004 and 0.003.

# %%
before = weights.copy()
kernel.learn(
    times <= time, weights, (winner, row, column), layer.pad,
    (np.float32(0.4), np.float32(-0.3)), (0.0, 1.0), True,
)  # fmt: skip
seen = np.pad(times, ((1, 1), (1, 1), (0, 0)), constant_values=NEVER)[row : row + 3, column : column + 3]
display(show(seen, "What the winner sees: time steps of its inputs"))
display(
    show(
        np.moveaxis(before[..., winner], 0, 2),
        f"Weights of map {winner} before, from both input maps",
        digits=2,
    )
)
show(np.moveaxis(weights[..., winner], 0, 2), f"Weights of map {winner} after", digits=2)

# %%
for channel in range(2):
    print(f"change of the weights from input map {channel}:")
    print(np.round(weights - before, 3)[channel, ..., winner])
others = np.delete(weights - before, winner, axis=3)
print("largest change of the other maps:", np.abs(others).max())

# %% [markdown]
# Weights are shared: the kernel of the map changes at all positions at once, though only one neuron has learned.
# Each step moves the kernel towards what came early where it won; after some thousands of pictures all weights are near 0 or 1.
# The third layer learns by reward: the same step if its decision is right, the opposite one if it is wrong.
