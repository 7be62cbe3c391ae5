"""A row for every image that a phase has presented: what is recorded of it, and what follows from that without simulating."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DiehlCookError, advice
from . import layout
from .provenance import responses
from .run import Run, as_run

BEFORE = ("theta_mean", "theta_sd", "weight_mean", "weight_sd")
"""What a presentation begins with: theta (V) and weights, before normalisation."""

HISTORY = np.dtype(
    [("label", "i2"), ("presentations", "i4"), ("spikes", "i4"), *((name, "f8") for name in BEFORE)]
)
"""A row per image of a training: spikes of its last presentation, and what that began with."""

PRESENTED = np.dtype([("label", "i2"), ("presentations", "i4")])
"""A row per image of observe and test, whose spikes are in the counts, and in which weights and theta stand still."""

PER_IMAGE = np.dtype(
    [("label", "i2"), ("presentations", "i4"), ("intensity", "f8"), ("spikes", "i8"), ("seconds", "f8")]
)
"""What there is to say of an image in every phase; see `per_image`."""


def read_rows(run: Run, name: str, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Read rows that a phase has recorded, and refuse those of another layout."""
    rows = run.load(name)
    if rows.dtype != dtype:
        again = run.command(layout.FILES[name].phase)
        raise DiehlCookError(
            f"{layout.path_of(run.folder, name)}: has another layout than this version's; run {again} again"
        )
    return rows


def has_rows(run: Run, phase: str) -> bool:
    """Return whether a phase of a run has recorded a row per image."""
    return phase in run.facts and layout.is_there(run.folder, f"{phase}_history")


def per_image(run: Run | Path | str, phase: str) -> NDArray[Any]:
    """Return what a phase did with each image.

    Parameters
    ----------
    run
        A run, or the path of its directory.
    phase
        ``"train"``, ``"observe"`` or ``"test"``.

    Returns
    -------
    structured ndarray, shape (n,)
        One row per image, in the order in which they were presented; those of test come once for every repeat.
        ``label``, the class of the image; ``presentations``, how often it was shown until there were enough
        spikes (paper section 2.5); ``intensity``, the factor of the input rates in the last presentation;
        ``spikes``, those of all excitatory neurons in that presentation, 0 for a silent image of observe or
        test; and ``seconds``, the time simulated for it, rests included.

    Raises
    ------
    DiehlCookError
        The phase has not been done or has recorded no rows, or a file is missing or damaged.
    """
    run = as_run(run)
    check_phase(run, phase)
    if phase == "train":
        recorded = read_rows(run, "train_history", HISTORY)
        spikes = recorded["spikes"]
    else:
        recorded = read_rows(run, f"{phase}_history", PRESENTED)
        spikes = responses(run, phase).sum(axis=1, dtype=np.int64)
    params, shown = run.params, recorded["presentations"]
    rows = np.zeros(len(recorded), PER_IMAGE)
    rows["label"], rows["presentations"], rows["spikes"] = recorded["label"], shown, spikes
    rows["intensity"] = params.intensity_init + params.intensity_step * (shown - 1)
    rows["seconds"] = shown * (params.presentation_steps * params.dt)
    return rows


def check_phase(run: Run, phase: str) -> None:
    """Refuse a phase that has recorded no rows.

    Raises
    ------
    DiehlCookError
        There is no such phase, it is not finished, or it was done elsewhere or by an earlier version.
    """
    if phase not in layout.PHASES:
        raise DiehlCookError(f"unknown phase {phase!r}; {advice(phase, layout.PHASES)}")
    if phase == "train":
        run.trained()
    else:
        run.done(phase)
    if not has_rows(run, phase):
        path = layout.path_of(run.folder, f"{phase}_history")
        raise DiehlCookError(
            f"{path}: not found; networks from elsewhere and phases of earlier versions have none: "
            f"run {run.command(phase)}"
        )


def example_statistics(run: Run, phase: str) -> NDArray[np.float64]:
    """Return what the Brian2 example script calls the statistics of a phase, in its layout.

    Parameters
    ----------
    run
        A run.
    phase
        One that has recorded rows (`has_rows`).

    Returns
    -------
    ndarray of float, shape (n + 1, 7)
        The state before the first image, then that after each image. Columns are the time step of a clock that
        runs through the phase; spikes so far, of all excitatory neurons; mean and standard deviation of the
        weights; mean and standard deviation of theta in mV; and the label of the image, -1 in the first row.
        Spikes are those of `per_image`. The state after an image of the training is that at the start of the
        presentation recorded of the next one, before normalisation, and after the last image the final state.
    """
    images = per_image(run, phase)
    rows = np.zeros((len(images) + 1, 7))
    rows[1:, 0] = np.cumsum(images["presentations"], dtype=np.int64) * run.params.presentation_steps
    rows[1:, 1] = np.cumsum(images["spikes"])
    weights, theta = run.weights(), run.theta()
    rows[:, 2:6] = weights.mean(), weights.std(), theta.mean(), theta.std()
    if phase == "train":
        recorded = read_rows(run, "train_history", HISTORY)
        for column, name in enumerate(("weight_mean", "weight_sd", "theta_mean", "theta_sd"), 2):
            rows[:-1, column] = recorded[name]
    rows[:, 4:6] *= 1e3
    rows[:, 6] = -1, *images["label"]
    return rows
