"""What a network has learnt: receptive fields, weights, adaptive thresholds, and classes of neurons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from . import style

UNASSIGNED = "#D8D8D8"


@style.styled
def receptive_fields(
    weights: ArrayLike,
    *,
    assignments: ArrayLike | None = None,
    sort: str = "none",
    shape: tuple[int, int] | None = None,
    vmax: float | None = None,
    class_names: Sequence[str] | None = None,
    ax: Axes | None = None,
    title: str | None = None,
    facts: str = "",
) -> Axes:
    """Draw the input weights of every excitatory neuron as an image, in a square grid (paper, figure 2a).

    Neuron k (or the k-th in sorted order) stands in row ``k // side`` and column ``k % side``, with ``side``
    the square root of the number of neurons, rounded up.

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
        Weight at the end of the colour scale, which starts at 0. Default 1, the paper's greatest weight; but
        if no weight reaches 0.5, the 99.9th percentile, and the colour bar says so.
    class_names : sequence of str, optional
        Names of the classes; by default their numbers.
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
    matrix = style.as_matrix("weights", weights, "(n_input, n_exc)")
    n_input, n_exc = matrix.shape
    rows, columns = _image_shape(n_input, shape)
    if sort not in ("none", "label"):
        raise ValueError(f'sort: expected "none" or "label", got {sort!r}')
    if sort == "label" and assignments is None:
        raise ValueError('sort: "label" needs assignments')
    classes = None if assignments is None else style.as_vector("assignments", assignments, n_exc)
    if classes is not None and sort == "label":
        order = np.argsort(np.where(classes < 0, np.iinfo(np.int64).max, classes), kind="stable")
        matrix, classes = matrix[:, order], classes[order]

    side = math.isqrt(n_exc - 1) + 1
    inches = float(np.interp(side, [1, 3, 10, 20, 40, 80], [3.6, 4.2, 5.6, 7.0, 8.5, 10.5]))
    ax = ax or style.new_axes((inches, 0.93 * inches))
    _draw_weights(ax, mosaic(matrix.T.reshape(n_exc, rows, columns), side, side), vmax)
    _draw_grid(ax, side, side, rows, columns)
    if classes is not None and n_exc <= (100 if sort == "label" else 400):
        size = min(11.0, 0.24 * inches * 72 / side) * _narrower(class_names)
        pen: dict[str, Any] = {"color": style.BLUE, "fontsize": size}
        pen |= {"weight": "bold", "va": "top", "in_layout": False, "clip_on": True}
        for k, label in enumerate(classes):
            x, y = (k % side + 0.04) * columns - 0.5, (k // side + 0.04) * rows - 0.5
            ax.text(x, y, style.class_name(int(label), class_names), **pen)
    if classes is not None and sort == "label":
        _draw_groups(ax, classes, side, rows, columns, class_names)
    order_of = ", sorted by class" if sort == "label" else ""
    usual = f"Receptive fields of {style.counted(n_exc, 'neuron')}{order_of}"
    return style.named(ax, title, usual, facts)


@style.styled
def weight_snapshots(
    snapshots: Sequence[tuple[int, ArrayLike]],
    *,
    neurons: Sequence[int] | None = None,
    shape: tuple[int, int] | None = None,
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
    frames = [style.as_matrix("snapshots", snapshots[k][1], "(n_input, n_neurons)") for k in chosen]
    n_input, n_neurons = frames[0].shape
    if any(frame.shape != frames[0].shape for frame in frames):
        raise ValueError(f"snapshots: expected shape {frames[0].shape} throughout")
    names = range(n_neurons) if neurons is None else neurons
    if len(names) != n_neurons:
        raise ValueError(f"neurons: expected {n_neurons} numbers, got {len(names)}")
    rows, columns = _image_shape(n_input, shape)

    fields = np.stack(frames, axis=2).reshape(rows, columns, -1).transpose(2, 0, 1)
    cell = min(1.1, 9.0 / len(frames))
    ax = style.new_axes((max(5.2, cell * len(frames) + 1.6), max(2.0, cell * n_neurons + 1.1)))
    _draw_weights(ax, mosaic(fields, n_neurons, len(frames)))
    _draw_grid(ax, n_neurons, len(frames), rows, columns, width=2.0, colour="white")
    ax.set_xticks((np.arange(len(frames)) + 0.5) * columns - 0.5, [f"{n:,}" for n in seen])
    ax.set_yticks((np.arange(n_neurons) + 0.5) * rows - 0.5, [str(n) for n in names])
    ax.tick_params(length=0)
    ax.set(xlabel="images seen", ylabel="neuron")
    return style.named(style.figure_of(ax), title, "Receptive fields during training", facts)


@style.styled
def weight_histogram(
    weights: ArrayLike, *, ax: Axes | None = None, title: str | None = None, facts: str = ""
) -> Axes:
    """Draw the distribution of the input weights, on a logarithmic count axis.

    Parameters
    ----------
    weights : array_like, shape (n_input, n_exc)
        Input weights, dimensionless.
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
    values, left_out = _finite(style.as_matrix("weights", weights, "(n_input, n_exc)"))
    ax = ax or style.new_axes((5.0, 3.4), "constrained")
    top = max(1.0, float(values.max(initial=0.0)))
    heights, edges = np.histogram(values, bins=100, range=(min(0.0, float(values.min(initial=0.0))), top))
    ax.stairs(heights, edges, fill=True, color=style.BLUE)
    ax.set_yscale("log")
    ax.set(xlabel="synaptic weight", ylabel="synapses", xlim=(edges[0], edges[-1]), ylim=(0.7, None))
    if values.size:
        near_zero, strong = np.mean(values < 0.01), np.mean(values > 0.5)
        note = f"mean {values.mean():.3f} ± {values.std():.3f} sd\n"
        note += f"{100 * near_zero:.1f} % below 0.01\n{100 * strong:.1f} % above 0.5"
        _note(ax, note + left_out)
    return style.named(ax, title, "Input weights", facts)


@style.styled
def theta_histogram(
    theta: ArrayLike, *, ax: Axes | None = None, title: str | None = None, facts: str = ""
) -> Axes:
    """Draw the distribution of the adaptive thresholds (paper, section 2.4).

    Parameters
    ----------
    theta : array_like, shape (n_exc,)
        Adaptive part of each excitatory neuron's threshold, in volts; shown in mV.
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
    ax = ax or style.new_axes((5.0, 3.4), "constrained")
    heights, edges = np.histogram(values, bins=min(50, max(5, values.size // 4)))
    ax.stairs(heights, edges, fill=True, color=style.SKY)
    ax.set(xlabel="adaptive threshold θ (mV)", ylabel="neurons")
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    if values.size:
        ax.axvline(values.mean(), color=style.BLUE)
        _note(ax, f"mean {values.mean():.1f} ± {values.std():.1f} mV sd\nn = {values.size:,}" + left_out)
        ax.set_ylim(0, heights.max() * 1.45)
        ax.lines[-1].set_ydata([0, 1 / 1.45])  # below the note
    return style.named(ax, title, "Adaptive thresholds", facts)


@style.styled
def label_map(
    assignments: ArrayLike,
    *,
    n_classes: int = 10,
    class_names: Sequence[str] | None = None,
    title: str | None = None,
    facts: str = "",
) -> Figure:
    """Draw the class of each neuron in the grid of `receptive_fields`, and the number of neurons per class.

    Parameters
    ----------
    assignments : array_like of integers, shape (n_exc,)
        Class of each neuron, -1 for none (grey).
    n_classes : int
        Number of classes.
    class_names : sequence of str, optional
        Their names; by default their numbers.
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
    classes = style.as_vector("assignments", assignments, np.asarray(assignments).size)
    if not classes.size or classes.min() < -1 or classes.max() >= n_classes:
        raise ValueError(f"assignments: expected at least one class, each -1 to {n_classes - 1}")
    n_exc = classes.size
    side = math.isqrt(n_exc - 1) + 1
    figure = style.new_figure((8.0, 5.6))
    ax, bars = figure.subplots(1, 2, width_ratios=(3, 1))

    colours = [UNASSIGNED, *(style.CLASS_COLOURS[c % len(style.CLASS_COLOURS)] for c in range(n_classes))]
    grid = np.full(side * side, np.nan)
    grid[:n_exc] = classes
    colour_map = ListedColormap(colours).with_extremes(bad="white")
    image = grid.reshape(side, side)
    ax.imshow(image, cmap=colour_map, interpolation="nearest", vmin=-1.5, vmax=n_classes - 0.5)
    _bare(ax)
    _draw_grid(ax, side, side, 1, 1, colour="white")
    size = min(16.0, 0.6 * 5.4 * 72 / side)
    place: dict[str, Any] = {"ha": "center", "va": "center_baseline", "in_layout": False, "clip_on": True}
    for k, label in enumerate(classes if size >= 5 else ()):
        ink = _ink(colours[label + 1])
        name = style.class_name(int(label), class_names)
        ax.text(k % side, k // side, name, color=ink, fontsize=size * _narrower(class_names), **place)

    numbers = np.bincount(classes + 1, minlength=n_classes + 1)
    shown = [*range(n_classes), *([-1] if numbers[0] else [])]
    drawn = bars.barh(range(len(shown)), numbers[np.array(shown) + 1], color=[colours[c + 1] for c in shown])
    bars.bar_label(drawn, fmt="{:,.0f}", padding=3, fontsize=8)
    names = [style.class_name(c, class_names) if c >= 0 else "none" for c in shown]
    bars.set_yticks(range(len(shown)), names)
    bars.invert_yaxis()
    bars.set_xlim(0, max(1, numbers.max()) * 1.25)
    bars.spines.bottom.set_visible(False)
    bars.set(xticks=[], ylabel="class")
    bars.set_title("neurons per class", fontsize=9, loc="left")
    bars.tick_params(length=0, labelsize=8)
    return style.named(figure, title, f"Classes of {style.counted(n_exc, 'neuron')}", facts)


def _image_shape(n_input: int, shape: tuple[int, int] | None) -> tuple[int, int]:
    """Rows and columns of an input image of `n_input` pixels."""
    shape = shape or (math.isqrt(n_input), math.isqrt(n_input))
    if shape[0] * shape[1] != n_input:
        raise ValueError(f"shape: expected rows * columns = {n_input} inputs, got {shape[0]} * {shape[1]}")
    return shape


def mosaic(fields: NDArray[Any], down: int, across: int) -> NDArray[np.float32]:
    """Lay images (n, rows, columns) out row by row in a grid; NaN where there is none."""
    n_fields, rows, columns = fields.shape
    cells = np.full((down * across, rows, columns), np.nan, np.float32)
    cells[:n_fields] = fields
    return cells.reshape(down, across, rows, columns).swapaxes(1, 2).reshape(down * rows, across * columns)


def _draw_weights(ax: Axes, cells: NDArray[np.float32], vmax: float | None = None) -> None:
    """Show weights with their colour bar; the rule of the scale is in `receptive_fields`."""
    label = "synaptic weight"
    greatest = float(np.nanmax(cells, initial=0.0))
    if vmax is None:
        vmax = 1.0
        if 0 < greatest < 0.5:
            vmax = float(np.nanpercentile(cells, 99.9)) or greatest
            label += f"\n(scale ends at the 99.9th percentile, {vmax:.3g}; greatest {greatest:.3g})"
    colours = matplotlib.colormaps["hot_r"].with_extremes(bad="#E3E8EC")
    image = ax.imshow(cells, cmap=colours, vmin=0.0, vmax=vmax)
    _bare(ax)
    style.colour_bar(ax, image, label, extend="max" if greatest > vmax * (1 + 1e-6) else "neither")


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


def _draw_groups(
    ax: Axes,
    classes: NDArray[np.int64],
    side: int,
    rows: int,
    columns: int,
    class_names: Sequence[str] | None,
) -> None:
    """Draw the borders between runs of equal classes and, where fields are too small, name them at the left."""
    grid = np.full((side, side), -2, np.int64)
    grid.flat[: classes.size] = classes
    right = [((r, c + 1), (r + 1, c + 1)) for r, c in np.argwhere(grid[:, 1:] != grid[:, :-1])]
    below = [((r + 1, c), (r + 1, c + 1)) for r, c in np.argwhere(grid[1:] != grid[:-1])]
    lines = [[(c * columns - 0.5, r * rows - 0.5) for r, c in ends] for ends in right + below]
    borders = LineCollection(lines, colors=style.BLUE, linewidths=1.3, capstyle="round")
    ax.add_collection(borders, autolim=False)
    if classes.size <= 100:
        return
    place: dict[str, Any] = {"ha": "right", "va": "center", "fontsize": 10, "weight": "bold"}
    lowest = -np.inf
    for label in dict.fromkeys(classes.tolist()):
        members = np.flatnonzero(classes == label)
        y = max((members[0] + members[-1] + 1) / 2 / side, lowest)
        lowest = y + side / 45  # one line of text
        name = style.class_name(label, class_names)
        ax.text(-0.008 * side * columns, y * rows - 0.5, name, color=style.BLUE, **place)


def _narrower(class_names: Sequence[str] | None) -> float:
    """By how much letters have to be smaller than digits are, for the longest name to fit into a cell."""
    return min(1.0, 2 / max(map(len, class_names))) if class_names else 1.0


def _bare(ax: Axes) -> None:
    """Take away ticks and frame."""
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)


def _ink(background: str) -> str:
    """Black or white, whichever reads better on a colour."""
    red, green, blue = to_rgb(background)
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"


def _finite(values: NDArray[Any]) -> tuple[NDArray[Any], str]:
    """Finite values, flat, and a line that says how many others were left out."""
    good = values[np.isfinite(values)]
    lost = values.size - good.size
    return good, f"\n{lost:,} not finite, left out" if lost else ""


def _note(ax: Axes, text: str) -> None:
    """Write numbers into the upper right corner."""
    ax.text(0.98, 0.97, text, transform=ax.transAxes, ha="right", va="top", fontsize=8, color="#333333")
