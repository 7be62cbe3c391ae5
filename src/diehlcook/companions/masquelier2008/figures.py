"""Figures of an experiment: arrays in, Matplotlib figures out."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ...figures.style import BLACK, BLUE, GREEN, GREY, VERMILION, facts_title, new_figure, styled
from .afferents import Block
from .blog import Closely
from .constants import Masquelier2008
from .criteria import latencies
from .engines import Recorded

SHOWN = 100
"""Afferents in the raster, half of them of the pattern."""


def shade(ax: Axes, onsets: NDArray[np.floating[Any]], t_pattern: float, start: float, stop: float) -> None:
    """Mark the patterns between two times."""
    for onset in onsets[(onsets > start - t_pattern) & (onsets < stop)]:
        ax.axvspan(max(onset, start), min(onset + t_pattern, stop), color="0.88", lw=0)


@styled
def membrane(params: Masquelier2008, recorded: Recorded, facts: str = "") -> Figure:
    """Draw the potential in the first, a middle and the last half second, with patterns and spikes marked."""
    figure = new_figure((9, 5))
    time, u = recorded.potential_time, recorded.potential
    gap = np.flatnonzero(np.diff(time) > 0.1) + 1
    pieces = list(zip(np.split(time, gap), np.split(u, gap), strict=True))
    for ax, (t, v) in zip(np.atleast_1d(figure.subplots(len(pieces), 1, sharey=True)), pieces, strict=True):
        shade(ax, recorded.onsets, params.t_pattern, t[0], t[-1])
        ax.plot(t, v, color=BLUE, lw=0.8)
        fired = recorded.spikes[(recorded.spikes >= t[0]) & (recorded.spikes <= t[-1])]
        ax.plot(fired, np.full(fired.size, 2.15), "|", color=VERMILION)
        ax.axhline(1, color=GREY, lw=0.6, ls=":")
        ax.set(xlim=(t[0], t[-1]), ylabel="u / T")
    ax.set_xlabel("time, s")
    facts_title(
        figure, "Membrane potential at the beginning, in the middle, at the end; grey: the pattern", facts
    )
    return figure


@styled
def latency(params: Masquelier2008, recorded: Recorded, facts: str = "") -> Figure:
    """Draw the time from the beginning of the pattern to each spike, 0 for spikes outside of it."""
    figure = new_figure((7, 3.4))
    ax = figure.subplots()
    since = latencies(recorded.spikes, recorded.onsets, params.t_pattern)
    ax.plot(np.arange(1, since.size + 1), 1e3 * since, ".", ms=2, color=BLUE)
    ax.set(xlabel="discharge", ylabel="since the pattern began, ms", ylim=(-1, 1e3 * params.t_pattern))
    facts_title(ax, "Latency; 0: outside of the pattern", facts)
    return figure


@styled
def weights(params: Masquelier2008, recorded: Recorded, facts: str = "") -> Figure:
    """Draw the mean weights of both groups of afferents over time, and the weights at the end."""
    figure = new_figure((9, 3.4))
    left, right = figure.subplots(1, 2)
    groups = (
        ("in the pattern", slice(0, params.n_pattern), BLUE),
        ("not", slice(params.n_pattern, None), VERMILION),
    )
    for name, part, colour in groups:
        if recorded.weights[:, part].size:
            left.plot(recorded.weights_time, recorded.weights[:, part].mean(axis=1), color=colour, label=name)
            right.hist(
                recorded.weights[-1, part], bins=np.linspace(0, params.w_max, 41), histtype="step",
                color=colour, label=name
            )  # fmt: skip
    left.set(xlabel="time, s", ylabel="mean weight", ylim=(0, params.w_max))
    right.set(xlabel="weight at the end", ylabel="afferents", yscale="log")
    left.legend()
    facts_title(figure, "Weights of the afferents in the pattern, and of the others", facts)
    return figure


@styled
def afferents(params: Masquelier2008, recorded: Recorded, facts: str = "", seconds: float = 0.5) -> Figure:
    """Draw spikes of some afferents, and the rate of both groups, around the first pattern."""
    figure = new_figure((9, 5))
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    onsets, (step, afferent) = recorded.onsets, recorded.raster
    start = max(float(onsets[:1].sum()) - 0.1, 0.0)
    time = step * params.dt
    part = (time >= start) & (time < start + seconds)
    time, who = time[part], afferent[part]
    half = SHOWN // 2
    for first, place, colour in ((0, 0, BLUE), (params.n_pattern, half, VERMILION)):
        chosen = (who >= first) & (who < first + half)
        top.plot(time[chosen], who[chosen] - first + place, "|", ms=2.5, color=colour)
    for ax in (top, bottom):
        shade(ax, onsets, params.t_pattern, start, start + seconds)
    bins = np.arange(start, start + seconds + 1e-9, 0.010)
    for chosen, size, colour, name in (
        (who < params.n_pattern, params.n_pattern, BLUE, "in the pattern"),
        (who >= params.n_pattern, params.n_afferents - params.n_pattern, VERMILION, "not"),
    ):
        if size:
            bottom.stairs(np.histogram(time[chosen], bins)[0] / size / 0.010, bins, color=colour, label=name)
    top.set(ylabel="afferent", xlim=(start, start + seconds))
    bottom.set(xlabel="time, s", ylabel="spikes per s", ylim=(0, None))
    bottom.legend(loc="lower right", ncols=2)
    facts_title(
        figure, "Afferents that take part in the pattern (below) and that do not; grey: the pattern", facts
    )
    return figure


AROUND = -0.05, 0.1
"""Seconds since the beginning of a pattern between which `around` shows what the neuron does."""


@styled
def around(params: Masquelier2008, recorded: Recorded, facts: str = "") -> Figure:
    """Draw the neuron's spikes around each pattern, one pattern a line, and its rate in the first and the last tenth of them."""
    figure = new_figure((9, 3.6))
    left, right = figure.subplots(1, 2, width_ratios=(1.2, 1))
    since = recorded.spikes[None] - recorded.onsets[:, None]
    start, stop = AROUND
    number, spike = np.nonzero((since >= start) & (since < stop))
    ms = 1e3 * since[number, spike]
    left.plot(ms, number + 1, ".", ms=2, color=BLUE)
    tenth = max(recorded.onsets.size // 10, 1)
    bins = np.linspace(1e3 * start, 1e3 * stop, 61)
    for name, chosen, colour in (
        ("first tenth of the patterns", number < tenth, GREY),
        ("last tenth", number >= recorded.onsets.size - tenth, BLUE),
    ):
        rate = np.histogram(ms[chosen], bins)[0] / tenth / (1e-3 * np.diff(bins))
        right.stairs(rate, bins, color=colour, label=name)
    for ax in (left, right):
        ax.axvspan(0, 1e3 * params.t_pattern, color="0.88", lw=0, zorder=0)
        ax.set(xlabel="since the pattern began, ms", xlim=(1e3 * start, 1e3 * stop))
    left.set(ylabel="pattern")
    right.set(ylabel="spikes per s")
    right.legend()
    facts_title(figure, "Spikes of the neuron around the pattern, before and after learning", facts)
    return figure


@styled
def rewards(block: Block, course: Closely, facts: str = "") -> Figure:
    """Draw spikes of the afferents, the rewards and penalties of their synapses, and the potential, step by step."""
    figure = new_figure((9, 4))
    top, bottom = figure.subplots(2, 1, sharex=True)
    top.plot(course.time[block.step], block.afferent, "o", ms=9, color=BLUE, label="spike")
    for sign, colour, name in ((1, GREEN, "reward"), (-1, VERMILION, "penalty")):
        step, who = np.nonzero(sign * course.changes > 0)
        top.plot(course.time[step], who, "o", ms=4, color=colour, label=name)
    bottom.plot(course.time, course.potential, color=BLUE)
    bottom.axhline(1, color=GREY, lw=0.6, ls=":")
    for ax in (top, bottom):
        for spike in course.spikes:
            ax.axvline(spike, color=BLACK, lw=0.8, ls="--")
    top.set(ylabel="synapse", ylim=(-0.7, course.changes.shape[1] - 0.3))
    bottom.set(xlabel="ms", ylabel="u / T")
    top.legend(ncols=3, loc="upper left", bbox_to_anchor=(0, 1.25))
    facts_title(figure, "Rewards and penalties; dashed: spikes of the neuron", facts)
    return figure


SHEETS = {"potential": membrane, "latency": latency, "weights": weights, "afferents": afferents}
"""The figures of an experiment, by the names of their files."""
