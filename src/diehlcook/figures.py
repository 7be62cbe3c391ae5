"""Figures of a run: arrays in, Matplotlib Axes or Figures out; no files, no display, no pyplot state.

Functions that draw one panel take an optional `ax` and return the Axes (``.figure.savefig(...)`` writes it);
functions that draw several return the Figure. All take a `title` (None: the usual one, "": none) and `facts`,
a line in small grey type that says which run it is. Quantities arrive in SI units, as the files of a run hold
them, and are shown in mV, s and images. Colours are safe for colour-blind readers: Okabe and Ito's for curves,
Tol's ten for classes; receptive fields keep the colour map of the paper's figure 2, ``hot_r``.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, ParamSpec, TypeVar, cast

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap, PowerNorm, to_rgb
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.text import Annotation
from matplotlib.ticker import EngFormatter, MaxNLocator, PercentFormatter
from numpy.typing import ArrayLike, NDArray

from diehlcook.readout import wilson

__all__ = [
    "CLASS_COLOURS",
    "STYLE",
    "confusion_matrix",
    "facts_title",
    "label_map",
    "misclassified",
    "raster",
    "receptive_fields",
    "theta_histogram",
    "training_curves",
    "weight_histogram",
    "weight_snapshots",
]

BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7",
)  # fmt: skip
CLASS_COLOURS = (
    "#332288", "#88CCEE", "#44AA99", "#117733", "#999933", "#DDCC77", "#661100", "#CC6677", "#882255", "#AA4499",
)  # fmt: skip
"""Colours of the classes 0 to 9 (Paul Tol's qualitative scheme of ten); more classes go round again."""
UNASSIGNED = "#D8D8D8"
GREY = "#6E6E6E"

STYLE: Any = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.labelsize": 9,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.3,
    "figure.dpi": 150,
    "figure.facecolor": "white",
}
"""Settings under which every figure is made; hand to ``matplotlib.rc_context`` for figures of your own."""

_P = ParamSpec("_P")
_R = TypeVar("_R")


def _styled(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Run a drawing function under `STYLE`, whatever the caller's settings are."""

    @functools.wraps(function)
    def wrapper(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        with matplotlib.rc_context(STYLE):
            return function(*args, **kwargs)

    return wrapper


@_styled
def receptive_fields(
    weights: ArrayLike,
    *,
    assignments: ArrayLike | None = None,
    sort: str = "none",
    shape: tuple[int, int] | None = None,
    vmax: float | None = None,
    ax: Axes | None = None,
    title: str | None = None,
    facts: str = "",
) -> Axes:
    """Draw the input weights of every excitatory neuron as an image, in a square grid (paper, figure 2a).

    Neuron k (or the k-th in sorted order) stands in row ``k // side`` and column ``k % side``, with ``side`` the
    square root of the number of neurons, rounded up.

    Parameters
    ----------
    weights : array_like, shape (n_input, n_exc)
        Input weights, dimensionless.
    assignments : array_like of integers, shape (n_exc,), optional
        Class of each neuron, -1 for none. If given, it is written into each field, for up to 400
        neurons, or up to 100 in sorted order.
    sort : {"none", "label"}
        Order of the neurons: their own, or by class with the unassigned last; the borders between classes
        are then drawn, and above 100 neurons the classes written beside the grid.
    shape : tuple of int, optional
        Rows and columns of the input image; square by default.
    vmax : float, optional
        Weight at the end of the colour scale, which starts at 0. Default 1, the paper's greatest weight; but if
        no weight reaches 0.5, the 99.9th percentile, and the colour bar says so.
    ax : Axes, optional
        Where to draw; a new figure by default.
    title, facts : str
        See `facts_title`.

    Returns
    -------
    Axes
        Its first image holds the grid, (side * rows, side * columns), with NaN where there is no neuron.

    Raises
    ------
    ValueError
        If shapes do not fit, `sort` is unknown, or is "label" without `assignments`.
    """
    matrix = _matrix("weights", weights, "(n_input, n_exc)")
    n_input, n_exc = matrix.shape
    rows, columns = _image_shape(n_input, shape)
    if sort not in ("none", "label"):
        raise ValueError(f'sort: expected "none" or "label", got {sort!r}')
    if sort == "label" and assignments is None:
        raise ValueError('sort: "label" needs assignments')
    classes = None if assignments is None else _vector("assignments", assignments, n_exc)
    if classes is not None and sort == "label":
        order = np.argsort(np.where(classes < 0, np.iinfo(np.int64).max, classes), kind="stable")
        matrix, classes = matrix[:, order], classes[order]

    side = math.isqrt(n_exc - 1) + 1
    fields = matrix.T.reshape(n_exc, rows, columns)
    ax = ax or _axes(_grid_size(side))
    _draw_weights(ax, _mosaic(fields, side, side), *_weight_scale(matrix, vmax))
    _draw_grid(ax, side, side, rows, columns)
    if classes is not None and n_exc <= (100 if sort == "label" else 400):
        size = min(11.0, 0.24 * _grid_size(side)[0] * 72 / side)
        for k, label in enumerate(classes):
            x, y = (k % side + 0.04) * columns - 0.5, (k // side + 0.04) * rows - 0.5
            text = _class_name(int(label))
            ax.text(
                x, y, text, color=BLUE, fontsize=size, weight="bold", va="top", in_layout=False, clip_on=True
            )
    if classes is not None and sort == "label":
        _draw_groups(ax, classes, side, rows, columns)
    kind = f"Receptive fields of {_count(n_exc, 'neuron')}" + (", sorted by class" if sort == "label" else "")
    return _finish(ax, title, kind, facts)


@_styled
def weight_snapshots(
    snapshots: Sequence[tuple[int, ArrayLike]],
    *,
    neurons: Sequence[int] | None = None,
    shape: tuple[int, int] | None = None,
    vmax: float | None = None,
    limit: int = 12,
    title: str | None = None,
    facts: str = "",
) -> Figure:
    """Draw a film strip: the receptive fields of a few neurons (rows) in the course of training (columns).

    Parameters
    ----------
    snapshots : sequence of (int, array_like of shape (n_input, n_neurons))
        Images seen so far, and the weights of the same few neurons then.
    neurons : sequence of int, optional
        Numbers of these neurons, to name the rows.
    shape : tuple of int, optional
        Rows and columns of the input image; square by default.
    vmax : float, optional
        Weight at the end of the colour scale; as in `receptive_fields`.
    limit : int
        At most so many columns: of more snapshots, evenly spaced ones with the first and the last.
    title, facts : str
        See `facts_title`.

    Returns
    -------
    Figure
        One Axes with the strip, and its colour bar.

    Raises
    ------
    ValueError
        If there is no snapshot, or shapes do not fit.
    """
    if not snapshots or limit < 1:
        raise ValueError("snapshots: expected at least one, and a limit of at least 1")
    chosen = np.unique(np.linspace(0, len(snapshots) - 1, min(limit, len(snapshots))).round().astype(int))
    seen = [int(snapshots[k][0]) for k in chosen]
    frames = [_matrix("snapshots", snapshots[k][1], "(n_input, n_neurons)") for k in chosen]
    n_input, n_neurons = frames[0].shape
    if any(frame.shape != frames[0].shape for frame in frames):
        raise ValueError(f"snapshots: expected shape {frames[0].shape} throughout")
    names = range(n_neurons) if neurons is None else neurons
    if len(names) != n_neurons:
        raise ValueError(f"neurons: expected {n_neurons} numbers, got {len(names)}")
    rows, columns = _image_shape(n_input, shape)

    film = np.stack(frames, axis=2)  # (n_input, n_neurons, n_frames)
    fields = film.reshape(rows, columns, -1).transpose(2, 0, 1)
    cell = min(1.1, 9.0 / len(frames))
    ax = _axes((max(5.2, cell * len(frames) + 1.6), max(2.0, cell * n_neurons + 1.1)))
    _draw_weights(ax, _mosaic(fields, n_neurons, len(frames)), *_weight_scale(film, vmax))
    _draw_grid(ax, n_neurons, len(frames), rows, columns, width=2.0, colour="white")
    ax.set_xticks((np.arange(len(frames)) + 0.5) * columns - 0.5, [f"{n:,}" for n in seen])
    ax.set_yticks((np.arange(n_neurons) + 0.5) * rows - 0.5, [str(n) for n in names])
    ax.tick_params(length=0)
    ax.set(xlabel="images seen", ylabel="neuron")
    figure = _figure(ax)
    facts_title(figure, "Receptive fields during training" if title is None else title, facts)
    return figure


@_styled
def weight_histogram(
    weights: ArrayLike, *, bins: int = 100, ax: Axes | None = None, title: str | None = None, facts: str = ""
) -> Axes:
    """Draw the distribution of the input weights, on a logarithmic count axis.

    Parameters
    ----------
    weights : array_like, shape (n_input, n_exc)
        Input weights, dimensionless.
    bins : int
        Bins between 0 and 1, or the greatest weight if that is more.
    ax : Axes, optional
        Where to draw; a new figure by default.
    title, facts : str
        See `facts_title`.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If `weights` is not a matrix.
    """
    values, left_out = _finite(_matrix("weights", weights, "(n_input, n_exc)"))
    ax = ax or _axes((5.0, 3.4), "constrained")
    top = max(1.0, float(values.max(initial=0.0)))
    heights, edges = np.histogram(values, bins=bins, range=(min(0.0, float(values.min(initial=0.0))), top))
    ax.stairs(heights, edges, fill=True, color=BLUE)
    ax.set_yscale("log")
    ax.set(xlabel="synaptic weight", ylabel="synapses", xlim=(edges[0], edges[-1]), ylim=(0.7, None))
    if values.size:
        near_zero, strong = np.mean(values < 0.01), np.mean(values > 0.5)
        note = f"mean {values.mean():.3f} ± {values.std():.3f} sd\n{100 * near_zero:.1f} % below 0.01\n{100 * strong:.1f} % above 0.5"
        _note(ax, note + left_out)
    return _finish(ax, title, "Input weights", facts)


@_styled
def theta_histogram(
    theta: ArrayLike, *, bins: int = 50, ax: Axes | None = None, title: str | None = None, facts: str = ""
) -> Axes:
    """Draw the distribution of the adaptive thresholds (paper, section 2.4).

    Parameters
    ----------
    theta : array_like, shape (n_exc,)
        Adaptive part of each excitatory neuron's threshold, in volts; shown in mV.
    bins : int
        Number of bins.
    ax : Axes, optional
        Where to draw; a new figure by default.
    title, facts : str
        See `facts_title`.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If `theta` is not a vector.
    """
    vector = np.asarray(theta, np.float64)
    if vector.ndim != 1:
        raise ValueError(f"theta: expected shape (n_exc,), got {vector.shape}")
    values, left_out = _finite(vector * 1e3)
    ax = ax or _axes((5.0, 3.4), "constrained")
    heights, edges = np.histogram(values, bins=min(bins, max(5, values.size // 4)))
    ax.stairs(heights, edges, fill=True, color=SKY)
    ax.set(xlabel="adaptive threshold θ (mV)", ylabel="neurons")
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    if values.size:
        ax.axvline(values.mean(), color=BLUE)
        _note(ax, f"mean {values.mean():.1f} ± {values.std():.1f} mV sd\nn = {values.size:,}" + left_out)
        ax.set_ylim(0, heights.max() * 1.25)
    return _finish(ax, title, "Adaptive thresholds", facts)


@_styled
def label_map(
    assignments: ArrayLike, *, n_classes: int = 10, title: str | None = None, facts: str = ""
) -> Figure:
    """Draw the class of each neuron in the grid of `receptive_fields`, and the number of neurons per class.

    Parameters
    ----------
    assignments : array_like of integers, shape (n_exc,)
        Class of each neuron, -1 for none (grey).
    n_classes : int
        Number of classes.
    title, facts : str
        See `facts_title`.

    Returns
    -------
    Figure
        Axes of the map, whose image holds the classes (side, side), NaN where there is no neuron; and Axes of
        the bars. Classes are written into the cells where they can be read, up to about 1,600 neurons.

    Raises
    ------
    ValueError
        If `assignments` is not a vector of classes below `n_classes`.
    """
    classes = _vector("assignments", assignments, np.asarray(assignments).size)
    if not classes.size or classes.min() < -1 or classes.max() >= n_classes:
        raise ValueError(f"assignments: expected at least one class, each -1 to {n_classes - 1}")
    n_exc = classes.size
    side = math.isqrt(n_exc - 1) + 1
    width = 5.4
    figure = _new_figure((8.0, 5.6))
    ax, bars = figure.subplots(1, 2, width_ratios=(3, 1))

    colours = [UNASSIGNED, *(CLASS_COLOURS[c % len(CLASS_COLOURS)] for c in range(n_classes))]
    grid = np.full(side * side, np.nan)
    grid[:n_exc] = classes
    colour_map = ListedColormap(colours).with_extremes(bad="white")
    limits = {"vmin": -1.5, "vmax": n_classes - 0.5}
    ax.imshow(grid.reshape(side, side), cmap=colour_map, interpolation="nearest", **limits)
    _bare(ax)
    _draw_grid(ax, side, side, 1, 1, colour="white")
    size = min(16.0, 0.6 * width * 72 / side)
    for k, label in enumerate(classes if size >= 5 else classes[:0]):
        ink = _ink(colours[label + 1])
        place: dict[str, Any] = {"ha": "center", "va": "center_baseline", "in_layout": False, "clip_on": True}
        ax.text(k % side, k // side, _class_name(int(label)), color=ink, fontsize=size, **place)

    numbers = np.bincount(classes + 1, minlength=n_classes + 1)
    shown = [*range(n_classes), *([-1] if numbers[0] else [])]
    drawn = bars.barh(range(len(shown)), numbers[np.array(shown) + 1], color=[colours[c + 1] for c in shown])
    bars.bar_label(drawn, fmt="{:,.0f}", padding=3, fontsize=8)
    bars.set_yticks(range(len(shown)), [_class_name(c) if c >= 0 else "none" for c in shown])
    bars.invert_yaxis()
    bars.set_xlim(0, max(1, numbers.max()) * 1.25)
    bars.spines.bottom.set_visible(False)
    bars.set(xticks=[], ylabel="class")
    bars.set_title("neurons per class", fontsize=9, loc="left")
    bars.tick_params(length=0, labelsize=8)
    facts_title(figure, f"Classes of {_count(n_exc, 'neuron')}" if title is None else title, facts)
    return figure


@_styled
def confusion_matrix(
    confusion: ArrayLike,
    *,
    class_sizes: ArrayLike | None = None,
    accuracy: float | None = None,
    interval: tuple[float, float] | None = None,
    ax: Axes | None = None,
    title: str | None = None,
    facts: str = "",
) -> Axes:
    """Draw how often each true class was predicted as each class (paper, figure 3).

    Parameters
    ----------
    confusion : array_like of integers, shape (n_classes, n_classes)
        Number of images, rows true, columns predicted.
    class_sizes : array_like of integers, shape (n_classes,), optional
        Images of each true class. If given and some images were not predicted at all, these stand in one more
        column, headed "none"; rows are normalised by their sums.
    accuracy : float, optional
        Fraction correct, for the title.
    interval : tuple of float, optional
        Its confidence interval, for the title.
    ax : Axes, optional
        Where to draw; a new figure by default.
    title, facts : str
        See `facts_title`.

    Returns
    -------
    Axes
        Its image holds the row-normalised matrix, its texts the counts.

    Raises
    ------
    ValueError
        If shapes do not fit, a count is negative, or a class has fewer images than its row.
    """
    counts = _matrix("confusion", confusion, "(n_classes, n_classes)")
    n_classes = counts.shape[0]
    if counts.shape != (n_classes, n_classes) or counts.min() < 0:
        raise ValueError(f"confusion: expected counts of shape (n_classes, n_classes), got {counts.shape}")
    heads = [str(c) for c in range(n_classes)]
    if class_sizes is not None:
        missing = _vector("class_sizes", class_sizes, n_classes) - counts.sum(axis=1)
        if missing.min() < 0:
            raise ValueError("class_sizes: a class has fewer images than its row of the confusion matrix")
        if missing.any():
            counts, heads = np.column_stack([counts, missing]), [*heads, "none"]

    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax = ax or _axes((6.0, 5.6))
    image = ax.imshow(shares, cmap="Blues", norm=PowerNorm(0.5, vmin=0.0, vmax=1.0))
    size = min(9.0, 85 / n_classes)
    for (row, column), count in np.ndenumerate(counts):
        ink = "white" if shares[row, column] > 0.4 else ("#BBBBBB" if count == 0 else "black")
        ax.text(column, row, f"{int(count)}", color=ink, ha="center", va="center", fontsize=size)
    ticks = [0, 0.01, 0.05, 0.2, 0.5, 1]
    label = "share of the true class (square-root colour scale)"
    _colour_bar(ax, image, label, ticks=ticks, format=PercentFormatter(1.0, decimals=0, symbol=" %"))
    ax.set_xticks(range(len(heads)), heads)
    ax.set_yticks(range(n_classes))
    ax.tick_params(length=0, labelsize=9)
    ax.spines[:].set_visible(False)
    ax.set(xlabel="predicted class", ylabel="true class")
    kind = "Confusion matrix"
    if accuracy is not None:
        kind += f": {100 * accuracy:.2f} % correct"
    if interval is not None:
        kind += f" [{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]"
    return _finish(ax, title, kind, facts)


@_styled
def misclassified(
    images: ArrayLike,
    true: ArrayLike,
    predicted: ArrayLike,
    *,
    limit: int = 100,
    title: str | None = None,
    facts: str = "",
) -> Figure:
    """Draw a sheet of the first wrongly predicted images, each with "true→predicted", "—" for no prediction.

    Parameters
    ----------
    images : array_like, shape (n_images, rows, columns)
        Grey values, 0 is background.
    true : array_like of integers, shape (n_images,)
        True classes.
    predicted : array_like of integers, shape (n_images,)
        Predicted classes, -1 for none.
    limit : int
        At most so many images.
    title, facts : str
        See `facts_title`.

    Returns
    -------
    Figure
        One Axes; it has one text per image shown.

    Raises
    ------
    ValueError
        If shapes do not fit.
    """
    pictures = np.asarray(images)
    if pictures.ndim != 3:
        raise ValueError(f"images: expected shape (n_images, rows, columns), got {pictures.shape}")
    truth = _vector("true", true, len(pictures))
    guess = _vector("predicted", predicted, len(pictures))
    wrong = np.flatnonzero(truth != guess)
    shown = wrong[: max(0, limit)]
    kind = f"{wrong.size:,} of {_count(len(pictures), 'image')} misclassified"
    if shown.size < wrong.size:
        kind += f", the first {shown.size:,}"
    heading = kind if title is None else title
    if not shown.size:
        ax = _axes((5.2, 1.0))
        ax.set_axis_off()
        facts_title(_figure(ax), heading, facts)
        return _figure(ax)

    across = min(10, shown.size)
    down = math.ceil(shown.size / across)
    height, width = pictures.shape[1:]
    step = math.ceil(height * 1.32)  # room for the text under each image
    cell = 0.62
    ax = _axes((max(5.2, across * cell + 0.4), down * cell * step / width + 0.8))
    ax.set_axis_off()
    sheet = np.full((down * step, across * width), np.nan)
    for k, index in enumerate(shown):
        top, left = k // across * step, k % across * width
        picture = pictures[index].astype(np.float64)
        sheet[top : top + height, left : left + width] = picture / max(picture.max(), 1e-12)
        text = f"{_class_name(int(truth[index]))}→{_class_name(int(guess[index]))}"
        place: dict[str, Any] = {"ha": "center", "va": "top", "in_layout": False}
        ax.text(left + (width - 1) / 2, top + height - 0.5, text, color=VERMILION, fontsize=8, **place)
    ax.imshow(sheet, cmap="gray_r", vmin=0, vmax=1)
    facts_title(_figure(ax), heading, facts)
    return _figure(ax)


HISTORY_FIELDS = ("presentations", "spikes", "theta_mean", "theta_sd", "weight_sd")


@_styled
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
        Online accuracy with the fields ``images`` (trained by the end of the window), ``correct``, ``total``.
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
    window = max(1, history.size // max(1, points))
    starts = np.arange(0, history.size - window + 1, window)  # the last window takes the remainder
    ends = np.append(starts[1:], history.size)
    means = {
        name: np.add.reduceat(history[name].astype(np.float64), starts) / (ends - starts)
        for name in HISTORY_FIELDS
    }

    layout = [["theta", "spikes"], ["presentations", "weight_sd"]]
    if accuracy is not None:
        layout = [["accuracy", "accuracy", "theta"], ["spikes", "presentations", "weight_sd"]]
    figure = _new_figure((10.0 if accuracy is not None else 7.5, 5.4))
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
    per = f"\n(mean of {window:,} images)" if window > 1 else ""
    theta, spread = means["theta_mean"] * 1e3, means["theta_sd"] * 1e3
    marker = "o" if ends.size < 3 else None
    style: dict[str, Any] = {"marker": marker, "markersize": 3}
    axes["theta"].fill_between(ends, theta - spread, theta + spread, color=SKY, alpha=0.35, linewidth=0)
    axes["theta"].plot(ends, theta, color=BLUE, **style)
    axes["theta"].set_ylabel("θ, mean ± sd (mV)")
    axes["spikes"].plot(ends, means["spikes"], color=BLUE, **style)
    axes["spikes"].set_ylabel(f"spikes per image{per}")
    axes["spikes"].set_ylim(bottom=0)
    axes["presentations"].plot(ends, means["presentations"], color=VERMILION, **style)
    axes["presentations"].set_ylabel(f"presentations per image{per}")
    axes["presentations"].set_ylim(0.98, max(1.1, 1.02 * means["presentations"].max()))
    axes["weight_sd"].plot(ends, means["weight_sd"], color=GREEN, **style)
    axes["weight_sd"].set_ylabel("sd of the weights")
    facts_title(figure, f"Training on {_count(history.size, 'image')}" if title is None else title, facts)
    return figure


@_styled
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
    traced: str = "excitatory",
    title: str | None = None,
    facts: str = "",
) -> Figure:
    """Draw spikes of populations and membrane potentials of some neurons, with the presentations marked.

    Parameters
    ----------
    spikes : mapping of str to (indices, times)
        Per population its neuron indices (n_spikes,) and spike times in seconds (n_spikes,); one panel each, in
        the order of the mapping.
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
        Indices of these neurons, to name them and to mark their spikes.
    traced : str
        Population of these neurons.
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
    starts, stops = (
        np.atleast_1d(np.asarray(boundaries, float)),
        np.atleast_1d(np.asarray(stimulus_ends, float)),
    )
    if not trains or starts.ndim != 1 or stops.ndim != 1 or starts.size - stops.size not in (0, 1):
        raise ValueError("raster: expected populations, one start and one stimulus end per presentation")
    if labels is not None and len(labels) != stops.size:
        raise ValueError(f"labels: expected {stops.size}, one per presentation, got {len(labels)}")
    potentials, thresholds, times = _traces(v, threshold, time)
    n_traces = len(potentials)
    if neurons is not None and len(neurons) != n_traces:
        raise ValueError(f"neurons: expected {n_traces}, one per trace, got {len(neurons)}")

    latest = [float(t.max()) for _, t in trains.values() if t.size] + [
        float(stops[-1]) if stops.size else 0.0
    ]
    end = float(starts[-1]) if starts.size > stops.size else max([*latest, *times[-1:]])
    begin = min([*starts[:1], *times[:1]], default=0.0)
    heights = [1.6] * len(trains) + [1.0] * n_traces
    figure = _new_figure((9.0, 0.95 * sum(heights) + 1.1))
    axes = list(figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0])
    for ax in axes:
        for stop, rest_end in zip(stops, [*starts[1 : stops.size], end], strict=True):
            ax.axvspan(stop, rest_end, color="#EFEFEF", linewidth=0, zorder=0)
        for start in starts[: stops.size]:
            ax.axvline(start, color=GREY, linewidth=0.7, zorder=1)
        ax.tick_params(labelsize=8)
    for ax, (name, (index, when)), colour in zip(axes, trains.items(), _cycle(len(trains)), strict=False):
        size = (sizes or {}).get(name, int(index.max(initial=0)) + 1)
        tick = float(np.clip(1600 / size, 2.0, 7.0))
        pen = {
            "color": colour,
            "marker": "|",
            "markersize": tick,
            "markeredgewidth": 0.6 if tick < 3 else 1.0,
        }
        ax.plot(when, index, linestyle="none", rasterized=True, **pen)
        ax.set(ylim=(-0.5, size - 0.5), ylabel=f"{name}\nneuron")
        ax.set_label(name)
        ax.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    panels = zip(axes[len(trains) :], potentials, strict=True)
    for k, (ax, potential) in enumerate(panels):
        _draw_trace(ax, times, potential, None if thresholds is None else thresholds[k])
        ax.set_label(f"v {k}")
        ax.set_ylabel("v (mV)" if neurons is None else f"neuron {neurons[k]}\nv (mV)")
        if neurons is not None and traced in trains:
            index, when = trains[traced]
            own = when[index == neurons[k]]
            level = np.full(own.shape, potential.max() * 1e3)
            if thresholds is not None and own.size:
                level = np.interp(own, times, thresholds[k]) * 1e3
            ax.plot(own, level, "v", color=BLACK, markersize=4, label="spike", clip_on=False)
        if k == 0:
            ax.legend(
                loc="lower left", bbox_to_anchor=(0.0, 0.96), ncols=3, borderaxespad=0, handlelength=1.4
            )
    axes[-1].set(xlabel="time (s)", xlim=(begin, end if end > begin else begin + 1.0))
    for start, stop, label in zip(starts, stops, () if labels is None else labels, strict=False):
        place: dict[str, Any] = {
            "xytext": (0, 2),
            "textcoords": "offset points",
            "ha": "center",
            "va": "bottom",
        }
        at = axes[0].get_xaxis_transform()
        axes[0].annotate(str(label), ((start + stop) / 2, 1.0), xycoords=at, weight="bold", **place)
    kind = "Spikes and membrane potentials" if n_traces else "Spikes"
    facts_title(figure, kind if title is None else title, facts)
    return figure


def facts_title(target: Figure | Axes, title: str, facts: str = "") -> None:
    """Put a title over a figure or an Axes, and under it the facts of the run in small grey type.

    Parameters
    ----------
    target : Figure or Axes
        What to name.
    title : str
        Title; "" for none.
    facts : str
        Such as ``"diehl-cook-2015 · 400 neurons · 60,000 images · seed 1 · 87.9 % [87.2, 88.5]"``; broken at
        " · " where it is too long for the target.
    """
    if isinstance(target, Figure):
        inches = target.get_figwidth()
        lines = _wrap(facts, inches)
        # Blank lines hold the place of the facts, so that the layout reckons with them.
        blank = "\n" * len(lines)
        top = target.suptitle(title + blank, x=0.08 / inches, ha="left", weight="bold", fontsize=10)
        place: dict[str, Any] = {
            "xy": (0, 0),
            "xycoords": top,
            "xytext": (0, 3),
            "textcoords": "offset points",
        }
        target.add_artist(Annotation("\n".join(lines), color=GREY, fontsize=7.5, va="bottom", **place))
        return
    # Before the layout is known: 0.775 of the figure is what a lone panel holds, and most of it what it will get.
    lines = _wrap(facts, _figure(target).get_figwidth() * min(0.9, 1.2 * target.get_position().width))
    target.set_title(title, loc="left", weight="bold", fontsize=10, pad=6 + 10.5 * len(lines))
    if lines:
        place = {"xy": (0, 1), "xycoords": "axes fraction", "xytext": (0, 5), "textcoords": "offset points"}
        target.annotate("\n".join(lines), color=GREY, fontsize=7.5, va="bottom", **place)


def _wrap(facts: str, inches: float) -> list[str]:
    """Break facts at " · " into lines that fit a width in inches at 7.5 points."""
    lines: list[str] = []
    for fact in facts.split(" · ") if facts else []:
        if lines and len(lines[-1]) + len(fact) + 3 <= 17 * inches:
            lines[-1] += f" · {fact}"
        else:
            lines.append(fact)
    return lines


def _finish(ax: Axes, title: str | None, kind: str, facts: str) -> Axes:
    """Name a panel by its title or, for None, by its kind."""
    heading = kind if title is None else title
    if heading or facts:
        facts_title(ax, heading, facts)
    return ax


def _note(ax: Axes, text: str) -> None:
    """Write numbers into the upper right corner."""
    ax.text(0.98, 0.97, text, transform=ax.transAxes, ha="right", va="top", fontsize=8, color="#333333")


def _new_figure(
    size: tuple[float, float], layout: Literal["constrained", "compressed"] = "constrained"
) -> Figure:
    """Figure that pyplot does not know of: it needs no display and is freed with its last reference."""
    return Figure(figsize=size, layout=layout)


def _axes(size: tuple[float, float], layout: Literal["constrained", "compressed"] = "compressed") -> Axes:
    """Axes in a new figure of a size in inches; "compressed" suits images, whose aspect is fixed."""
    ax = _new_figure(size, layout).subplots()
    ax.tick_params(labelsize=8)
    return ax


def _figure(ax: Axes) -> Figure:
    """Figure of an Axes."""
    return ax.figure.figure  # past a SubFigure


def _bare(ax: Axes) -> None:
    """Take away ticks and frame."""
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)


def _grid_size(side: int) -> tuple[float, float]:
    """Figure size in inches for a grid of side * side receptive fields."""
    width = float(np.interp(side, [1, 3, 10, 20, 40, 80], [3.6, 4.2, 5.6, 7.0, 8.5, 10.5]))
    return width, 0.93 * width


def _mosaic(fields: NDArray[Any], down: int, across: int) -> NDArray[np.float32]:
    """Lay images (n, rows, columns) out row by row in a grid; NaN where there is none."""
    n_fields, rows, columns = fields.shape
    cells = np.full((down * across, rows, columns), np.nan, np.float32)
    cells[:n_fields] = fields
    return cells.reshape(down, across, rows, columns).swapaxes(1, 2).reshape(down * rows, across * columns)


def _weight_scale(weights: NDArray[Any], vmax: float | None) -> tuple[float, str]:
    """End of the colour scale and what to write at the colour bar; the rule is in `receptive_fields`."""
    label = "synaptic weight"
    if vmax is not None:
        return vmax, label
    values = weights[np.isfinite(weights)]
    greatest = float(values.max(initial=0.0))
    if greatest >= 0.5 or greatest <= 0:
        return 1.0, label
    end = float(np.percentile(values, 99.9))
    end = end if end > 0 else greatest
    return end, f"{label}\n(scale ends at the 99.9th percentile, {end:.3g}; greatest {greatest:.3g})"


def _draw_weights(ax: Axes, mosaic: NDArray[np.float32], vmax: float, label: str) -> None:
    """Show weights with their colour bar."""
    colours = matplotlib.colormaps["hot_r"].with_extremes(bad="#E3E8EC")
    image = ax.imshow(mosaic, cmap=colours, vmin=0.0, vmax=vmax)
    _bare(ax)
    over = "max" if np.nanmax(mosaic, initial=0.0) > vmax * (1 + 1e-6) else "neither"
    _colour_bar(ax, image, label, extend=over)


def _colour_bar(ax: Axes, image: AxesImage, label: str, **options: Any) -> None:
    """Put a colour bar at the right of an image, of its height."""
    height, width = cast(NDArray[Any], image.get_array()).shape
    place = ax.inset_axes((1 + 0.02 * height / width, 0.0, 0.032 * height / width, 1.0))
    bar = _figure(ax).colorbar(image, cax=place, **options)
    bar.set_label(label)
    bar.ax.tick_params(labelsize=8)
    bar.outline.set_linewidth(0.5)


def _draw_grid(
    ax: Axes,
    down: int,
    across: int,
    rows: int,
    columns: int,
    *,
    width: float | None = None,
    colour: str = "#A8A8A8",
) -> None:
    """Draw thin lines between the cells of a mosaic, thinner for more cells."""
    height, length = down * rows - 0.5, across * columns - 0.5
    lines = [[(-0.5, y), (length, y)] for y in np.arange(down + 1) * rows - 0.5]
    lines += [[(x, -0.5), (x, height)] for x in np.arange(across + 1) * columns - 0.5]
    thin = float(np.clip(8 / max(down, across), 0.15, 0.8))
    ax.add_collection(LineCollection(lines, colors=colour, linewidths=width or thin), autolim=False)


def _draw_groups(ax: Axes, classes: NDArray[np.int64], side: int, rows: int, columns: int) -> None:
    """Draw the borders between runs of equal classes and, where fields are too small, name them at the left."""
    grid = np.full((side, side), -2, np.int64)
    grid.flat[: classes.size] = classes
    lines = []
    for r, c in np.argwhere(grid[:, 1:] != grid[:, :-1]):
        x = (c + 1) * columns - 0.5
        lines.append([(x, r * rows - 0.5), (x, (r + 1) * rows - 0.5)])
    for r, c in np.argwhere(grid[1:] != grid[:-1]):
        y = (r + 1) * rows - 0.5
        lines.append([(c * columns - 0.5, y), ((c + 1) * columns - 0.5, y)])
    ax.add_collection(LineCollection(lines, colors=BLUE, linewidths=1.3, capstyle="round"), autolim=False)
    if classes.size <= 100:
        return
    lowest = -np.inf
    for label in dict.fromkeys(classes.tolist()):
        members = np.flatnonzero(classes == label)
        y = max((members[0] + members[-1] + 1) / 2 / side, lowest)
        lowest = y + side / 45  # one line of text
        place: dict[str, Any] = {"ha": "right", "va": "center", "fontsize": 10, "weight": "bold"}
        ax.text(-0.008 * side * columns, y * rows - 0.5, _class_name(label), color=BLUE, **place)


def _draw_accuracy(ax: Axes, accuracy: NDArray[Any]) -> None:
    """Draw online accuracy with its Wilson band, in percent, and write the last value beside it."""
    _fields("accuracy", accuracy, ("images", "correct", "total"))
    windows = accuracy[accuracy["total"] > 0]
    ax.set_ylabel("online accuracy (%)")
    if not windows.size:
        ax.text(0.5, 0.5, "no labelled window yet", transform=ax.transAxes, ha="center", color=GREY)
        return
    share = 100.0 * windows["correct"] / windows["total"]
    band = 100.0 * np.array(
        [wilson(int(c), int(n)) for c, n in zip(windows["correct"], windows["total"], strict=True)]
    )
    images = windows["images"]
    ax.fill_between(images, band[:, 0], band[:, 1], color=SKY, alpha=0.35, linewidth=0, label="95 % interval")
    style: dict[str, Any] = {"marker": "o" if windows.size <= 40 else None, "markersize": 3, "clip_on": False}
    ax.plot(images, share, color=BLUE, **style)
    if windows.size == 1:  # a band of one point has no area
        ax.vlines(images, band[:, 0], band[:, 1], color=BLUE)
    ax.margins(y=0.12)
    ax.annotate(
        f"{share[-1]:.1f} %",
        (float(images[-1]), float(share[-1])),
        xytext=(-2, -9),
        textcoords="offset points",
        ha="right",
        va="top",
        weight="bold",
        color=BLUE,
    )
    ax.legend(loc="lower right")


def _draw_trace(
    ax: Axes, times: NDArray[np.float64], potential: NDArray[np.float64], limit: NDArray[np.float64] | None
) -> None:
    """Draw a membrane potential and its threshold in mV."""
    ax.plot(times, potential * 1e3, color=BLUE, linewidth=0.8, label="membrane potential")
    if limit is not None:
        ax.plot(times, limit * 1e3, color=VERMILION, linewidth=1.0, label="threshold + θ")
    ax.yaxis.set_major_locator(MaxNLocator(3))
    ax.margins(y=0.12)


def _cycle(number: int) -> list[str]:
    """Return colours of populations: input grey, then excitatory and inhibitory."""
    return [("#555555", VERMILION, BLUE, GREEN)[k % 4] for k in range(number)]


def _class_name(label: int) -> str:
    """Return the digit, or a dash for none."""
    return str(label) if label >= 0 else "—"


def _count(number: int, noun: str) -> str:
    """Return "1 neuron", "1,600 neurons"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _ink(background: str) -> str:
    """Black or white, whichever reads better on a colour."""
    red, green, blue = to_rgb(background)
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"


def _matrix(name: str, array: ArrayLike, expected: str) -> NDArray[Any]:
    """Array with two axes and at least one element."""
    matrix = np.asarray(array)
    if matrix.ndim != 2 or not matrix.size:
        raise ValueError(f"{name}: expected shape {expected}, got {matrix.shape}")
    return matrix


def _vector(name: str, array: ArrayLike, size: int) -> NDArray[np.int64]:
    """Integers (size,)."""
    vector = np.asarray(array)
    if vector.shape != (size,):
        raise ValueError(f"{name}: expected shape ({size},), got {vector.shape}")
    if vector.dtype.kind not in "iu" and vector.size:
        raise ValueError(f"{name}: expected integers, got {vector.dtype}")
    return vector.astype(np.int64)


def _image_shape(n_input: int, shape: tuple[int, int] | None) -> tuple[int, int]:
    """Rows and columns of an input image of `n_input` pixels."""
    if shape is None:
        shape = (math.isqrt(n_input), math.isqrt(n_input))
    if shape[0] * shape[1] != n_input:
        raise ValueError(f"shape: expected rows * columns = {n_input} inputs, got {shape[0]} * {shape[1]}")
    return shape


def _finite(values: NDArray[Any]) -> tuple[NDArray[Any], str]:
    """Finite values, flat, and a line that says how many others were left out."""
    good = values[np.isfinite(values)]
    lost = values.size - good.size
    return good, f"\n{lost:,} not finite, left out" if lost else ""


def _fields(name: str, array: NDArray[Any], fields: Sequence[str]) -> None:
    """Check a structured vector."""
    names = np.asarray(array).dtype.names or ()
    missing = [field for field in fields if field not in names]
    if missing or np.asarray(array).ndim != 1:
        raise ValueError(f"{name}: expected a structured vector with {', '.join(fields)}; missing {missing}")


def _train(name: str, index: ArrayLike, when: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return indices and times of the spikes of a population, as vectors of one length."""
    times = np.asarray(when, np.float64)
    if times.ndim != 1:
        raise ValueError(f"spikes[{name!r}]: expected times of shape (n_spikes,), got {times.shape}")
    return _vector(f"spikes[{name!r}]", index, times.size), times


def _traces(
    v: ArrayLike | None, threshold: ArrayLike | None, time: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None, NDArray[np.float64]]:
    """Potentials (n_traces, n_times), thresholds of the same shape or None, and times (n_times,)."""
    if v is None:
        return np.empty((0, 0)), None, np.empty(0)
    potentials = _matrix("v", v, "(n_traces, n_times)").astype(np.float64)
    times = np.asarray([] if time is None else time, np.float64)
    if times.shape != potentials.shape[1:]:
        raise ValueError(f"time: expected shape {potentials.shape[1:]}, got {times.shape}")
    if threshold is None:
        return potentials, None, times
    thresholds = np.asarray(threshold, np.float64)
    if thresholds.shape != potentials.shape:
        raise ValueError(f"threshold: expected shape {potentials.shape}, got {thresholds.shape}")
    return potentials, thresholds, times
