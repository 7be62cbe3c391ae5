"""What a test found: the confusion matrix and the misclassified images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import ArrayLike

from . import style

LETTERS = 50
"""Of names of classes that stand beside each other under a confusion matrix; more stand upright."""


@style.styled
def confusion_matrix(
    confusion: ArrayLike,
    *,
    class_sizes: ArrayLike | None = None,
    accuracy: float | None = None,
    interval: tuple[float, float] | None = None,
    classes: Sequence[str] | None = None,
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
    classes : sequence of str, optional
        Names of the classes; by default their numbers.
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
    counts = style.as_matrix("confusion", confusion, "(n_classes, n_classes)")
    n_classes = counts.shape[0]
    if counts.shape != (n_classes, n_classes) or counts.min() < 0:
        raise ValueError(f"confusion: expected counts of shape (n_classes, n_classes), got {counts.shape}")
    names = [style.class_name(c, classes) for c in range(n_classes)]
    heads = names
    if class_sizes is not None:
        missing = style.as_vector("class_sizes", class_sizes, n_classes) - counts.sum(axis=1)
        if missing.min() < 0:
            raise ValueError("class_sizes: a class has fewer images than its row of the confusion matrix")
        if missing.any():
            counts, heads = np.column_stack([counts, missing]), [*heads, "none"]

    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax = ax or style.new_axes((6.0, 5.6))
    image = ax.imshow(shares, cmap="Blues", norm=PowerNorm(0.5, vmin=0.0, vmax=1.0))
    size = min(9.0, 85 / n_classes)
    for (row, column), count in np.ndenumerate(counts):
        ink = "white" if shares[row, column] > 0.4 else ("#BBBBBB" if count == 0 else "black")
        ax.text(column, row, f"{int(count)}", color=ink, ha="center", va="center", fontsize=size)
    ticks = [0, 0.01, 0.05, 0.2, 0.5, 1]
    label = "share of the true class (square-root colour scale)"
    style.colour_bar(ax, image, label, ticks=ticks, format=PercentFormatter(1.0, decimals=0, symbol=" %"))
    ax.set_xticks(range(len(heads)), heads)
    ax.set_yticks(range(n_classes), names)
    ax.tick_params(length=0, labelsize=9)
    if max(map(len, names)) * n_classes > LETTERS:
        ax.tick_params(axis="x", labelrotation=90)
    ax.spines[:].set_visible(False)
    ax.set(xlabel="predicted class", ylabel="true class")
    kind = "Confusion matrix"
    if accuracy is not None:
        kind += f": {100 * accuracy:.2f} % correct"
    if interval is not None:
        kind += f" [{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]"
    return style.named(ax, title, kind, facts)


@style.styled
def misclassified(
    images: ArrayLike,
    true: ArrayLike,
    predicted: ArrayLike,
    *,
    limit: int = 100,
    classes: Sequence[str] | None = None,
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
    classes : sequence of str, optional
        Names of the classes; by default their numbers.
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
    truth = style.as_vector("true", true, len(pictures))
    guess = style.as_vector("predicted", predicted, len(pictures))
    wrong = np.flatnonzero(truth != guess)
    shown = wrong[:limit]
    across = min(10, shown.size)
    down = math.ceil(shown.size / 10)
    height, width = pictures.shape[1:]
    step = math.ceil(height * 1.32)  # room for the text under each image
    cell = 0.62
    ax = style.new_axes((max(5.2, across * cell + 0.4), max(1.0, down * cell * step / width + 0.8)))
    ax.set_axis_off()
    sheet = np.full((down * step, across * width), np.nan)
    place: dict[str, Any] = {"ha": "center", "va": "top", "in_layout": False}
    for k, index in enumerate(shown):
        top, left = k // across * step, k % across * width
        picture = pictures[index].astype(np.float64)
        sheet[top : top + height, left : left + width] = picture / max(picture.max(), 1e-12)
        text = "→".join(style.class_name(int(label[index]), classes) for label in (truth, guess))
        ax.text(left + (width - 1) / 2, top + height - 0.5, text, color=style.VERMILION, fontsize=8, **place)
    if shown.size:
        ax.imshow(sheet, cmap="gray_r", vmin=0, vmax=1)
    kind = f"{wrong.size:,} of {style.counted(len(pictures), 'image')} misclassified"
    if shown.size < wrong.size:
        kind += f", the first {shown.size:,}"
    return style.named(style.figure_of(ax), title, kind, facts)
