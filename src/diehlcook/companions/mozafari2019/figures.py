"""Figures of an experiment: arrays in, Matplotlib figures out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from ...figures.style import BLUE, CLASS_COLOURS, GREY, VERMILION, facts_title, new_figure, styled
from .encoding import NEVER, Coded, Times, Weights, dog_kernels

SHOWN = 100
"""Features of a layer that are drawn at most, from all of its maps."""


def features(weights: Sequence[Weights], strides: Sequence[int]) -> NDArray[np.float64]:
    """Return what the maps of the last of `weights` respond to, in pixels (maps, side, side).

    Each weight is replaced by the feature of the layer below, weighted and shifted by the pooling between;
    filters of the input are at the bottom. Without regard to thresholds, so a sketch.

    Parameters
    ----------
    weights
        Of the layers from the first on.
    strides
        Pixels from one position of each layer's input to the next.
    """
    below = np.moveaxis(dog_kernels().astype(np.float64), 2, 0)
    for one, stride in zip(weights, strides, strict=True):
        size, side = one.shape[1], below.shape[1]
        sketch = np.zeros((one.shape[3], side + stride * (size - 1), side + stride * (size - 1)))
        for row in range(size):
            for column in range(size):
                at = slice(row * stride, row * stride + side), slice(column * stride, column * stride + side)
                sketch[(slice(None), *at)] += np.tensordot(one[:, row, column], below, axes=(0, 0))
        below = sketch
    return below


@styled
def feature_sheet(sketches: NDArray[np.float64], title: str, facts: str = "") -> Figure:
    """Draw features (n, side, side), light where input makes the neuron spike."""
    shown = sketches[:: math.ceil(len(sketches) / SHOWN)]
    columns = math.ceil(math.sqrt(2 * len(shown)))
    rows = math.ceil(len(shown) / columns)
    figure = new_figure((9, 0.75 + 9 * rows / columns))
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes:
        ax.axis("off")
    for ax, one in zip(axes, shown, strict=False):
        largest = np.abs(one).max() or 1.0
        ax.imshow(one, cmap="gray", vmin=-largest, vmax=largest)
    if len(shown) < len(sketches):
        facts = f"{facts} · {len(shown)} of {len(sketches)} maps".removeprefix(" · ")
    facts_title(figure, title, facts)
    return figure


@styled
def spike_times(times: Times, steps: int, facts: str = "") -> Figure:
    """Draw when the inputs of an image spike (rows, columns, 6): one map per filter, dark is early."""
    figure = new_figure((9, 2.2))
    names = ("on, small", "off, small", "on, middle", "off, middle", "on, large", "off, large")
    for ax, one, name in zip(figure.subplots(1, 6), np.moveaxis(times, 2, 0), names, strict=True):
        image = ax.imshow(np.where(one == NEVER, np.nan, one), cmap="viridis", vmin=0, vmax=steps - 1)
        ax.set_title(name, fontsize=8)
        ax.set(xticks=[], yticks=[])
    figure.colorbar(image, ax=figure.axes, label="time step", shrink=0.8)
    facts_title(figure, "Spike times of the input; white: never", facts)
    return figure


@styled
def coded_picture(
    picture: ArrayLike, coded: Coded, facts: str = "", names: Sequence[str] = ("on", "off")
) -> Figure:
    """Draw a picture (rows, columns), and of each filter its responses, those above the floor, and when they spike."""
    grey = np.asarray(picture)
    steps = int(coded.times[coded.times != NEVER].max()) + 1
    figure = new_figure((9, 0.7 + len(names) * (0.3 + 2 * grey.shape[0] / grey.shape[1])))
    panels = figure.subplots(len(names), 4, squeeze=False)
    for number, (name, row) in enumerate(zip(names, panels, strict=True)):
        responses, contrasts, times = (one[..., number] for one in coded)
        largest = np.abs(responses).max() / 2  # the strongest few would leave all others grey
        row[1].imshow(responses, cmap="gray", vmin=-largest, vmax=largest)
        row[2].imshow(contrasts, cmap="gray", vmin=0, vmax=largest)
        shown = np.where(times == NEVER, np.nan, times)
        image = row[3].imshow(shown, cmap="viridis", vmin=0, vmax=steps - 1, interpolation="nearest")
        for ax, title in zip(row[1:], ("responses", "above the floor", "spike times"), strict=True):
            ax.set_title(f"{name}: {title}", fontsize=8)
    panels[0, 0].imshow(grey, cmap="gray", vmin=0, vmax=255)
    panels[0, 0].set_title("picture", fontsize=8)
    for ax in panels.flat:
        ax.axis("off")
    figure.colorbar(image, ax=panels[:, 3], label="time step", shrink=0.8)
    facts_title(figure, "From a picture to spike times; white: never", facts)
    return figure


@styled
def epochs(curves: dict[str, NDArray[Any]], published: dict[str, float], facts: str = "") -> Figure:
    """Draw the share of right decisions over the epochs of the last layer."""
    figure = new_figure((7, 4))
    ax = figure.subplots()
    for (name, judges), colour in zip(
        (("select", "held-out training images"), ("refit", "test images")), (BLUE, VERMILION), strict=True
    ):
        x = np.arange(1, len(curves[name]) + 1)
        ax.plot(x, 100 * curves[name]["judged"], color=colour, label=judges)
        ax.plot(
            x, 100 * curves[name]["train"], color=colour, lw=0.6, ls="--", label=f"while learning ({name})"
        )
    for name, value in published.items():
        ax.axhline(100 * value, color=GREY, lw=0.7, ls=":")
        ax.annotate(name, (1, 100 * value), fontsize=7, color=GREY, va="bottom")
    ax.set(xlabel="epoch of layer 3", ylabel="right, %", ylim=(None, 98.5))
    ax.legend()
    facts_title(ax, "Accuracy over the epochs of reward-modulated STDP", facts)
    return figure


@styled
def embedding(points: NDArray[np.float64], labels: NDArray[np.uint8], facts: str = "") -> Figure:
    """Draw points (n, 2) in the colours of their classes."""
    figure = new_figure((6, 6))
    ax = figure.subplots()
    for c in np.unique(labels):
        own = points[labels == c]
        ax.plot(*own.T, ".", ms=2, color=CLASS_COLOURS[c % 10])
        ax.annotate(str(c), np.median(own, axis=0), weight="bold", ha="center", va="center")
    ax.set(xticks=[], yticks=[])
    facts_title(ax, "Layer 2 in two dimensions (t-SNE)", facts)
    return figure
