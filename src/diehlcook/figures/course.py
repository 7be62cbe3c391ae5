"""What happened in time: curves of a training, and spikes and membrane potentials of a few presentations."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator
from numpy.typing import ArrayLike, NDArray

from ..analysis.readout import wilson
from . import style

HISTORY_FIELDS = ("presentations", "spikes", "theta_mean", "theta_sd", "weight_sd")


@style.styled
def training_curves(
    history: NDArray[Any],
    accuracy: NDArray[Any] | None = None,
    *,
    points: int = 400,
    title: str | None = None,
    facts: str = "",
) -> Figure:
    """Draw how training went: accuracy, adaptive thresholds, spikes, presentations and weights over images.

    Parameters
    ----------
    history : structured ndarray, shape (n_images,)
        One row per trained image with the fields ``presentations``, ``spikes`` (of the accepted presentation,
        all excitatory neurons), ``theta_mean`` and ``theta_sd`` (volts), ``weight_sd``; more are ignored.
    accuracy : structured ndarray, shape (n_windows,), optional
        Accuracy of windows of training images with the fields ``images`` (trained by the end of the window), ``correct``, ``total``.
        Without it there is no such panel. Its band is the 95 % Wilson interval.
    points : int
        Rows are averaged in about so many equal windows; each curve's axis says how many images that is.
    title, facts : str
        See `facts_title`.

    Returns
    -------
    Figure
        Axes are labelled "accuracy", "theta", "spikes", "presentations" and "weight_sd".

    Raises
    ------
    ValueError
        If an array is not a structured vector with the fields, or `history` is empty.
    """
    _fields("history", history, HISTORY_FIELDS)
    if not history.size:
        raise ValueError("history: expected at least one trained image, got none")
    window = max(1, history.size // points)
    starts = np.arange(0, history.size - window + 1, window)  # the last window takes the remainder
    ends = np.append(starts[1:], history.size)
    means = {
        name: np.add.reduceat(history[name].astype(np.float64), starts) / (ends - starts)
        for name in HISTORY_FIELDS
    }

    layout = [["theta", "spikes"], ["presentations", "weight_sd"]]
    if accuracy is not None:
        layout = [["accuracy", "accuracy", "theta"], ["spikes", "presentations", "weight_sd"]]
    figure = style.new_figure((10.0 if accuracy is not None else 7.5, 5.4))
    axes = cast(dict[str, Axes], figure.subplot_mosaic(layout, sharex=True))  # type: ignore[arg-type]
    for name, ax in axes.items():
        ax.set_label(name)
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        ax.xaxis.set_major_formatter(EngFormatter(sep=""))
        ax.tick_params(labelsize=8, labelbottom=True)
        ax.grid(axis="y", color="#E6E6E6", linewidth=0.6)
        ax.set_axisbelow(True)
        if name in layout[-1]:
            ax.set_xlabel("images trained")
    axes["theta"].set_xlim(0, max(history.size, 2))

    if accuracy is not None:
        _draw_accuracy(axes["accuracy"], accuracy)
    theta, spread = means["theta_mean"] * 1e3, means["theta_sd"] * 1e3
    axes["theta"].fill_between(ends, theta - spread, theta + spread, color=style.SKY, alpha=0.35, linewidth=0)
    per = f"\n(mean of {window:,} images)" if window > 1 else ""
    for name, values, colour, label in (
        ("theta", theta, style.BLUE, "θ, mean ± sd (mV)"),
        ("spikes", means["spikes"], style.BLUE, f"spikes per image{per}"),
        ("presentations", means["presentations"], style.VERMILION, f"presentations per image{per}"),
        ("weight_sd", means["weight_sd"], style.GREEN, "sd of the weights"),
    ):
        axes[name].plot(ends, values, color=colour, marker="o" if ends.size < 3 else None, markersize=3)
        axes[name].set_ylabel(label)
    axes["spikes"].set_ylim(bottom=0)
    axes["presentations"].set_ylim(0.98, max(1.1, 1.02 * means["presentations"].max()))
    return style.named(figure, title, f"Training on {style.counted(history.size, 'image')}", facts)


@style.styled
def accuracy_curves(
    curves: Mapping[str, NDArray[Any]], *, ax: Axes | None = None, title: str | None = None, facts: str = ""
) -> Axes:
    """Draw the accuracy during the training of several runs, one line each.

    Parameters
    ----------
    curves : mapping of str to structured ndarray, shape (n_windows,)
        The `accuracy` of `training_curves` for each run, by its name; at most as many runs as there are
        `style.PENS`. Windows without images are left out.
    ax : Axes, optional
        Where to draw; a new figure by default.
    title, facts : str
        See `facts_title`.

    Returns
    -------
    Axes
        One line per run with its name as label, in the order of the mapping; colours, dashes and markers
        differ.

    Raises
    ------
    ValueError
        If an array is not a structured vector with the fields, or there are no runs or too many.
    """
    if not 1 <= len(curves) <= len(style.PENS):
        raise ValueError(f"curves: expected 1 to {len(style.PENS)} runs, got {len(curves)}")
    ax = ax or style.new_axes((5.2, 3.2 + 0.19 * len(curves)), "constrained")
    for (name, accuracy), pen in zip(curves.items(), style.PENS, strict=False):
        _fields(f"curves[{name!r}]", accuracy, ("images", "correct", "total"))
        windows = accuracy[accuracy["total"] > 0]
        share = 100.0 * windows["correct"] / windows["total"]
        every = max(1, windows.size // 12)  # markers tell lines apart, and do not cover them
        label = re.sub("^_", " _", style.plain(name))  # a legend leaves out what begins with _
        ax.plot(windows["images"], share, **pen, label=label, markersize=4.5, markevery=every)
    ax.set(xlabel="images trained", ylabel="accuracy of training images (%)")
    ax.set_xlim(left=0)
    ax.xaxis.set_major_formatter(EngFormatter(sep=""))
    ax.grid(axis="y", color="#E6E6E6", linewidth=0.6)
    ax.set_axisbelow(True)
    # Below the panel, where names of any length have room
    style.figure_of(ax).legend(loc="outside lower left", handlelength=3.2)
    return style.named(ax, title, "Accuracy during training", facts)


@style.styled
def raster(
    spikes: Mapping[str, tuple[ArrayLike, ArrayLike]],
    *,
    boundaries: ArrayLike,
    stimulus_ends: ArrayLike,
    labels: Sequence[object] | None = None,
    sizes: Mapping[str, int] | None = None,
    time: ArrayLike | None = None,
    v: ArrayLike | None = None,
    threshold: ArrayLike | None = None,
    neurons: Sequence[int] | None = None,
    title: str | None = None,
    facts: str = "",
) -> Figure:
    """Draw spikes of populations and membrane potentials of some neurons, with the presentations marked.

    Parameters
    ----------
    spikes : mapping of str to (indices, times)
        Per population its neuron indices (n_spikes,) and spike times in seconds (n_spikes,); one panel each,
        in the order of the mapping.
    boundaries : array_like, shape (n_presentations,)
        Start of each presentation, in seconds, ascending; one more, the end of the last rest, is welcome.
    stimulus_ends : array_like, shape (n_presentations,)
        Time in seconds at which the image is taken away; the rest up to the next boundary is shaded.
    labels : sequence, optional
        What to write over each presentation, such as the digit.
    sizes : mapping of str to int, optional
        Number of neurons of each population; by default its greatest index in `spikes` plus 1.
    time : array_like, shape (n_times,), optional
        Times of `v` in seconds.
    v : array_like, shape (n_traces, n_times), optional
        Membrane potentials in volts; one panel each, in mV.
    threshold : array_like, shape (n_traces, n_times), optional
        Firing thresholds of these neurons with their adaptive part, in volts.
    neurons : sequence of int, optional
        Indices of these neurons in the population ``excitatory``, to name them and to mark their spikes.
    title, facts : str
        See `facts_title`.

    Returns
    -------
    Figure
        Axes are labelled with the populations' names, then "v 0", "v 1" and so on.

    Raises
    ------
    ValueError
        If shapes do not fit, there is nothing to draw, or `v` comes without `time`.
    """
    trains = {name: _train(name, *pair) for name, pair in spikes.items()}
    starts, stops = np.asarray(boundaries, np.float64), np.asarray(stimulus_ends, np.float64)
    if not (trains and stops.size and starts.ndim == stops.ndim == 1 and 0 <= starts.size - stops.size <= 1):
        raise ValueError("raster: expected populations, one start and one stimulus end per presentation")
    if labels is not None and len(labels) != stops.size:
        raise ValueError(f"labels: expected {stops.size}, one per presentation, got {len(labels)}")
    potentials, thresholds, times = _traces(v, threshold, time)
    n_traces = len(potentials)
    if neurons is not None and len(neurons) != n_traces:
        raise ValueError(f"neurons: expected {n_traces}, one per trace, got {len(neurons)}")

    if starts.size == stops.size:  # the last rest lasts as long as anything is known
        last = [train.max(initial=0.0) for _, train in trains.values()]
        starts = np.append(starts, max([stops[-1], *last, *times[-1:]]))
    heights = [1.6] * len(trains) + [1.0] * n_traces
    figure = style.new_figure((9.0, 0.95 * sum(heights) + 1.1))
    axes = list(figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0])
    for ax in axes:
        for start, stop, rest_end in zip(starts[:-1], stops, starts[1:], strict=True):
            ax.axvline(start, color=style.GREY, linewidth=0.7, zorder=1)
            ax.axvspan(stop, rest_end, color="#EFEFEF", linewidth=0, zorder=0)
        ax.tick_params(labelsize=8)
    # Input, excitatory, inhibitory
    colours = itertools.cycle(("#555555", style.VERMILION, style.BLUE, style.GREEN))
    for ax, (name, (index, when)), colour in zip(axes, trains.items(), colours, strict=False):
        size = (sizes or {}).get(name, int(index.max(initial=0)) + 1)
        tick = float(np.clip(1600 / size, 2.0, 7.0))
        pen: dict[str, Any] = {"markersize": tick, "markeredgewidth": 0.6 if tick < 3 else 1.0}
        ax.plot(when, index, "|", color=colour, rasterized=True, **pen)
        ax.set(ylim=(-0.5, size - 0.5), ylabel=f"{name}\nneuron", label=name)
        ax.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    for k, ax in enumerate(axes[len(trains) :]):
        own = None
        if neurons is not None and "excitatory" in trains:
            index, when = trains["excitatory"]
            own = when[index == neurons[k]]
        _draw_trace(ax, times, potentials[k], None if thresholds is None else thresholds[k], own)
        ax.set(label=f"v {k}", ylabel="v (mV)" if neurons is None else f"neuron {neurons[k]}\nv (mV)")
        if k == 0:
            above: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0.0, 0.96), "borderaxespad": 0}
            ax.legend(ncols=3, handlelength=1.4, **above)
    axes[-1].set(xlabel="time (s)", xlim=(min([starts[0], *times[:1]]), starts[-1]))
    over: dict[str, Any] = {"xytext": (0, 2), "textcoords": "offset points", "ha": "center", "va": "bottom"}
    for start, stop, label in zip(starts, stops, () if labels is None else labels, strict=False):
        at = axes[0].get_xaxis_transform()
        axes[0].annotate(str(label), ((start + stop) / 2, 1.0), xycoords=at, weight="bold", **over)
    return style.named(figure, title, "Spikes and membrane potentials" if n_traces else "Spikes", facts)


def _draw_accuracy(ax: Axes, accuracy: NDArray[Any]) -> None:
    """Draw the accuracy of training images with its Wilson band, in percent, and write the last value beside it."""
    _fields("accuracy", accuracy, ("images", "correct", "total"))
    windows = accuracy[accuracy["total"] > 0]
    ax.set_ylabel("accuracy of training images (%)")
    if not windows.size:
        ax.text(0.5, 0.5, "no labelled window yet", transform=ax.transAxes, ha="center", color=style.GREY)
        return
    share = 100.0 * windows["correct"] / windows["total"]
    band = 100.0 * np.array([wilson(int(c), int(n)) for c, n in windows[["correct", "total"]]])
    images = windows["images"]
    ax.fill_between(
        images, band[:, 0], band[:, 1], color=style.SKY, alpha=0.35, linewidth=0, label="95 % interval"
    )
    pen: dict[str, Any] = {"marker": "o" if windows.size <= 40 else None, "markersize": 3, "clip_on": False}
    ax.plot(images, share, color=style.BLUE, **pen)
    if windows.size == 1:  # a band of one point has no area
        ax.vlines(images, band[:, 0], band[:, 1], color=style.BLUE)
    ax.margins(y=0.2)
    last = (float(images[-1]), float(share[-1]))
    place: dict[str, Any] = {"xytext": (0, 12), "textcoords": "offset points", "ha": "right", "va": "bottom"}
    ax.annotate(f"{share[-1]:.1f} %", last, weight="bold", color=style.BLUE, **place)
    ax.legend(loc="lower right")


def _draw_trace(
    ax: Axes,
    times: NDArray[np.float64],
    potential: NDArray[np.float64],
    limit: NDArray[np.float64] | None,
    spikes: NDArray[np.float64] | None,
) -> None:
    """Draw a membrane potential, its threshold and its spikes in mV."""
    ax.plot(times, potential * 1e3, color=style.BLUE, linewidth=0.8, label="membrane potential")
    if limit is not None:
        ax.plot(times, limit * 1e3, color=style.VERMILION, linewidth=1.0, label="threshold + θ")
    if spikes is not None:
        level = np.full(spikes.shape, potential.max()) if limit is None else np.interp(spikes, times, limit)
        clip = not spikes.size  # a line without points that may leave its panel spoils the layout
        ax.plot(spikes, level * 1e3, "v", color=style.BLACK, markersize=4, label="spike", clip_on=clip)
    ax.yaxis.set_major_locator(MaxNLocator(3))
    # One overshoot of the explicit Euler step would flatten all the rest
    shown = potential if limit is None else np.append(potential, limit)
    low, high = np.percentile(potential, 0.5), shown.max()
    ax.set_ylim(1e3 * (low - 0.12 * (high - low)), 1e3 * (high + 0.12 * (high - low)) + 1e-9)


def _fields(name: str, array: NDArray[Any], fields: Sequence[str]) -> None:
    """Check a structured vector."""
    missing = [field for field in fields if field not in (array.dtype.names or ())]
    if missing or array.ndim != 1:
        raise ValueError(f"{name}: expected a structured vector with {', '.join(fields)}; missing {missing}")


def _train(name: str, index: ArrayLike, when: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return indices and times of the spikes of a population, as vectors of one length."""
    times = np.asarray(when, np.float64)
    if times.ndim != 1:
        raise ValueError(f"spikes[{name!r}]: expected times of shape (n_spikes,), got {times.shape}")
    return style.as_vector(f"spikes[{name!r}]", index, times.size), times


def _traces(
    v: ArrayLike | None, threshold: ArrayLike | None, time: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None, NDArray[np.float64]]:
    """Potentials (n_traces, n_times), thresholds of the same shape or None, and times (n_times,)."""
    if v is None:
        return np.empty((0, 0)), None, np.empty(0)
    potentials = style.as_matrix("v", v, "(n_traces, n_times)").astype(np.float64)
    times = np.asarray([] if time is None else time, np.float64)
    if times.shape != potentials.shape[1:]:
        raise ValueError(f"time: expected shape {potentials.shape[1:]}, got {times.shape}")
    thresholds = None if threshold is None else np.asarray(threshold, np.float64)
    if thresholds is not None and thresholds.shape != potentials.shape:
        raise ValueError(f"threshold: expected shape {potentials.shape}, got {thresholds.shape}")
    return potentials, thresholds, times
