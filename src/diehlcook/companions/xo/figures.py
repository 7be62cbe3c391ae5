"""Figures of an experiment: arrays in, Matplotlib figures out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...figures.style import BLUE, GREEN, GREY, VERMILION, facts_title, new_figure, styled
from .constants import XO
from .experiment import accuracy
from .patterns import CLASSES, PATTERNS, PIXELS, SIDE
from .recorded import Recorded

COLOURS = (BLUE, VERMILION)
"""Of X and of O."""


def weights_over_images(ax: Axes, params: XO, recorded: Recorded) -> None:
    """Draw the weights of the first network onto its hidden neurons: means of those from the pixels of X and of O."""
    w = 1e3 * recorded.weights_hidden[:, 0]
    for pattern, colour, name in zip(PATTERNS, COLOURS, CLASSES, strict=True):
        lines = ax.plot(w[:, pattern].mean(axis=1), color=colour, lw=0.9)
        lines[0].set_label(f"from pixels of {name}")
    ax.set(xlabel="image", ylabel="weight, mV", ylim=(0, None), xlim=(0, params.presentations))


def spikes_over_images(ax: Axes, params: XO, recorded: Recorded) -> None:
    """Draw the spikes per image of hidden neurons and outputs, mean of all networks, in blocks of ten images."""
    for counts, colour, name in (
        (recorded.hidden_spikes, GREEN, "hidden"),
        (recorded.output_spikes, GREY, "outputs"),
    ):
        each = counts[:, : params.presentations].sum(axis=2).mean(axis=0)
        blocks = [block.mean() for block in np.array_split(each, max(len(each) // 10, 1))]
        ax.stairs(blocks, np.linspace(0, len(each), len(blocks) + 1), color=colour, label=name, baseline=None)
    ax.set(xlabel="image", ylabel="spikes per image", ylim=(0, None), xlim=(0, params.presentations))


def right_over_flips(ax: Axes, params: XO, recorded: Recorded) -> None:
    """Draw the share of right answers of each network, and their mean, over the flipped pixels of test images."""
    right, _, none = accuracy(params, recorded)
    x = np.arange(params.flips_max + 1)
    shift = np.linspace(-0.25, 0.25, params.networks)[:, None] if params.networks > 1 else np.zeros((1, 1))
    ax.plot(x + shift, 100 * right, ".", color=BLUE, ms=2, alpha=0.6)
    ax.plot(x, 100 * right.mean(axis=0), color=BLUE, label="right")
    ax.plot(x, 100 * none.mean(axis=0), color=GREY, ls="--", label="no answer")
    ax.axhline(50, color=GREY, lw=0.6, ls=":")
    ax.set(xlabel="flipped pixels of 25", ylabel="test images, %", ylim=(-3, 103))


PANELS = (weights_over_images, spikes_over_images, right_over_flips)


@styled
def course(named: Sequence[tuple[str, XO, Recorded]], title: str, facts: str = "") -> Figure:
    """Draw experiments below each other: weights and spikes over the training, answers to test images.

    Parameters
    ----------
    named
        For each experiment a few words on it, its parameters, and what was recorded.
    """
    figure = new_figure((9.5, 0.7 + 2.0 * len(named)))
    rows = figure.subplots(len(named), len(PANELS), squeeze=False)
    for axes, (name, params, recorded) in zip(rows, named, strict=True):
        for ax, panel in zip(axes, PANELS, strict=True):
            panel(ax, params, recorded)
        axes[0].set_title(name, loc="left", fontsize=9)
    for ax in rows[0]:
        ax.legend(fontsize=7)
    for ax in rows[:-1].ravel():
        ax.set_xlabel("")
    facts_title(figure, title, facts)
    return figure


@styled
def fields(params: XO, recorded: Recorded, facts: str = "") -> Figure:
    """Draw the weights of the first network: pixels onto each hidden neuron, hidden neurons onto the outputs."""
    n = params.n_hidden
    figure = new_figure((max(1.5 * n, 4), 3.4))
    top, bottom = np.asarray(figure.subfigures(2, 1, height_ratios=(3, 2)))
    w = 1e3 * recorded.weights_hidden[-1, 0]
    for number, ax in enumerate(np.atleast_1d(top.subplots(1, n))):
        image = ax.imshow(w[:, number].reshape(SIDE, SIDE), cmap="viridis", vmin=0, vmax=max(w.max(), 1e-9))
        ax.set_title(f"hidden {number}", fontsize=8)
        ax.set(xticks=[], yticks=[])
    top.colorbar(image, ax=top.axes, label="mV", shrink=0.8)
    ax = bottom.subplots()
    for output, colour in enumerate(COLOURS):
        ax.bar(
            np.arange(n) + 0.4 * output - 0.2, 1e3 * recorded.weights_output[-1, 0, :, output], 0.38,
            color=colour, label=f"onto {CLASSES[output]}",
        )  # fmt: skip
    ax.set(xlabel="hidden neuron", ylabel="weight, mV", xticks=np.arange(n))
    ax.legend(fontsize=7)
    facts_title(figure, "What the hidden neurons have learned, and which output they drive", facts)
    return figure


@styled
def raster(params: XO, recorded: Recorded, facts: str = "") -> Figure:
    """Draw the spikes of the first network for the first test image of each class, without flipped pixels."""
    figure = new_figure((8, 4))
    time, layer, neuron = recorded.raster
    last = PIXELS + params.n_hidden + 3
    place = np.where(layer == 2, last + 2 * neuron, neuron + np.where(layer == 1, PIXELS + 1, 0))
    axes = figure.subplots(1, 2, sharey=True)
    for number, (ax, name) in enumerate(zip(axes, CLASSES, strict=True)):
        start = (params.presentations + number * params.tests) * params.t_presentation
        own = (time >= start) & (time < start + 0.03)
        for which, colour in enumerate((GREY, GREEN, VERMILION)):
            part = own & (layer == which)
            ax.plot(1e3 * (time[part] - start), place[part], "|", color=colour, ms=5, mew=1.3)
        ax.set(xlabel="ms", xlim=(0, 30), title=f"an {name}")
    middle = PIXELS + 1 + (params.n_hidden - 1) / 2
    axes[0].set_yticks([12, middle, last, last + 2], ["inputs", "hidden", *CLASSES])
    facts_title(figure, "Spikes of the first network for a clean test image", facts)
    return figure
