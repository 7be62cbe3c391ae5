"""What all figures share: settings, colours, titles, empty figures, and checks of shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeVar, cast

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.text import Annotation
from numpy.typing import ArrayLike, NDArray

from ..errors import printable

BLACK, SKY, GREEN, BLUE, VERMILION = "#000000", "#56B4E9", "#009E73", "#0072B2", "#D55E00"
GREY = "#6E6E6E"
CLASS_COLOURS = (
    "#332288", "#88CCEE", "#44AA99", "#117733", "#999933", "#DDCC77", "#661100", "#CC6677", "#882255",
    "#AA4499",
)  # fmt: skip
"""Colours of the classes 0 to 9 (Paul Tol's qualitative scheme of ten); more classes go round again."""

PENS: tuple[dict[str, Any], ...] = tuple(
    {"color": colour, "linestyle": dashes, "marker": marker}
    for colour, dashes, marker in zip(
        (BLUE, VERMILION, GREEN, "#CC79A7", BLACK, SKY, "#E69F00", "#882255", "#999933", "#332288"),
        2 * ("-", "--", "-.", ":", (0, (6, 1.5, 1, 1.5, 1, 1.5))),
        "os^DvPX*<>",
        strict=True,
    )
)
"""How up to ten lines in one panel are drawn: they can be told apart without their colours, too."""

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

styled = matplotlib.rc_context(STYLE)
"""Decorator: run a drawing function under `STYLE`, whatever the caller's settings are."""

FigureOrAxes = TypeVar("FigureOrAxes", Figure, Axes)


def facts_title(target: Figure | Axes, title: str, facts: str = "") -> None:
    """Put a title over a figure or an Axes, and under it the facts of the run in small grey type.

    Parameters
    ----------
    target : Figure or Axes
        The figure or the panel that gets the title.
    title : str
        The title; ``""`` for none.
    facts : str
        A line that says which run it is, such as
        ``"diehl-cook-2015 · 400 neurons · 60,000 images · seed 1 · 87.9 % [87.2, 88.5]"``. It is broken at
        ``" · "`` where it is too long for the target.
    """
    title, facts = plain(title), plain(facts)
    small: dict[str, Any] = {"color": GREY, "fontsize": 7.5, "va": "bottom", "textcoords": "offset points"}
    if isinstance(target, Figure):
        inches = target.get_figwidth()
        lines = _wrap(facts, inches)
        # Blank lines hold the place of the facts, so that the layout reckons with them.
        heading = title + "\n" * len(lines)
        top = target.suptitle(heading, x=0.08 / inches, ha="left", weight="bold", fontsize=10)
        target.add_artist(Annotation("\n".join(lines), (0, 0), xycoords=top, xytext=(0, 3), **small))
        return
    # Before the layout is known: 0.775 of the figure is what a lone panel holds, and most of it what it
    # will get.
    lines = _wrap(facts, figure_of(target).get_figwidth() * min(0.9, 1.2 * target.get_position().width))
    target.set_title(title, loc="left", weight="bold", fontsize=10, pad=6 + 10.5 * len(lines))
    if lines:
        target.annotate("\n".join(lines), (0, 1), xycoords="axes fraction", xytext=(0, 5), **small)


def plain(text: str) -> str:
    """Return a text that Matplotlib shows as it is: in one line, no mathtext, nothing that fonts choke on."""
    return printable(text.replace("\n", " ")).replace("$", r"\$")


def _wrap(facts: str, inches: float) -> list[str]:
    """Break facts at " · " into lines that fit a width in inches at 7.5 points."""
    lines: list[str] = []
    for fact in facts.split(" · ") if facts else []:
        if lines and len(lines[-1]) + len(fact) + 3 <= 17 * inches:
            lines[-1] += f" · {fact}"
        else:
            lines.append(fact)
    return lines


def named(target: FigureOrAxes, title: str | None, usual: str, facts: str) -> FigureOrAxes:
    """Return a figure or Axes under its title or, for None, the usual one."""
    facts_title(target, usual if title is None else title, facts)
    return target


def new_figure(
    size: tuple[float, float], layout: Literal["constrained", "compressed"] = "constrained"
) -> Figure:
    """Figure that pyplot does not know of: it needs no display and is freed with its last reference."""
    return Figure(figsize=size, layout=layout)


def new_axes(size: tuple[float, float], layout: Literal["constrained", "compressed"] = "compressed") -> Axes:
    """Axes in a new figure of a size in inches; "compressed" suits images, whose aspect is fixed."""
    ax = new_figure(size, layout).subplots()
    ax.tick_params(labelsize=8)
    return ax


def figure_of(ax: Axes) -> Figure:
    """Figure of an Axes."""
    return ax.figure.figure  # past a SubFigure


def colour_bar(ax: Axes, image: AxesImage, label: str, **options: Any) -> None:
    """Put a colour bar at the right of an image, of its height."""
    height, width = cast(NDArray[Any], image.get_array()).shape
    place = ax.inset_axes((1 + 0.02 * height / width, 0.0, 0.032 * height / width, 1.0))
    bar = figure_of(ax).colorbar(image, cax=place, **options)
    bar.set_label(label)
    bar.ax.tick_params(labelsize=8)
    bar.outline.set_linewidth(0.5)


def class_name(label: int, classes: Sequence[str] | None = None) -> str:
    """Return the name of a class, by default its number, or a dash for none."""
    if label < 0:
        return "—"
    return str(label) if classes is None else plain(classes[label])


def counted(number: int, noun: str) -> str:
    """Return "1 neuron", "1,600 neurons"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def as_matrix(name: str, array: ArrayLike, expected: str) -> NDArray[Any]:
    """Array with two axes and at least one element."""
    values = np.asarray(array)
    if values.ndim != 2 or not values.size:
        raise ValueError(f"{name}: expected shape {expected}, got {values.shape}")
    return values


def as_vector(name: str, array: ArrayLike, size: int) -> NDArray[np.int64]:
    """Integers (size,)."""
    values = np.asarray(array)
    if values.shape != (size,):
        raise ValueError(f"{name}: expected shape ({size},), got {values.shape}")
    if values.dtype.kind not in "iu" and values.size:
        raise ValueError(f"{name}: expected integers, got {values.dtype}")
    return values.astype(np.int64)
