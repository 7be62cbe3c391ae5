"""Phase 4: the figures of a run, as files; the drawing itself is in `figures`."""

from __future__ import annotations

import logging
import os
import sys
import webbrowser
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from .checkpoint import load_array
from .datasets import Dataset
from .errors import DiehlCookError
from .run import Run
from .train import ACCURACY, HISTORY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

log = logging.getLogger(__name__)

FORMATS = ("png", "pdf", "svg")
STRIP_NEURONS = 6
"""Neurons in the film strip of receptive fields."""


def plot(
    run: Run, *, test_data: Callable[[], Dataset] | None = None, format: str = "png", show: bool = False
) -> list[Path]:
    """Draw every figure that the finished phases of a run allow, into its folder ``figures``.

    Parameters
    ----------
    run
        A run, trained at least.
    test_data
        Gives the test images, for the sheet of misclassified ones; without it that sheet is left out.
    format
        ``"png"``, ``"pdf"`` or ``"svg"``.
    show
        Open the files with the desktop's viewer as well.

    Returns
    -------
    list of Path
        The files, in the order of the phases.
    """
    run.trained()
    if format not in FORMATS:
        raise DiehlCookError(f"--format is {format!r}; choose one of {', '.join(FORMATS)}")
    if show and not has_display():
        raise DiehlCookError("--show found no display; leave it out, the figures are files anyway")
    folder = run.folder / "figures"
    paths = []
    for name, figure in draw(run, test_data):
        path = folder / f"{name}.{format}"
        try:
            folder.mkdir(exist_ok=True)
            figure.savefig(path)
        except OSError as error:
            raise DiehlCookError(f"{path}: cannot write ({error.strerror or error})") from None
        paths.append(path)
    if show:
        for path in paths:
            webbrowser.open(path.resolve().as_uri())
    return paths


def draw(run: Run, test_data: Callable[[], Dataset] | None) -> Iterator[tuple[str, Figure]]:
    """Yield name and figure, one after another."""
    facts = facts_line(run)
    yield from training_figures(run, facts)
    if "observe" in run.facts:
        yield from labelling_figures(run, facts)
    if "test" in run.facts:
        yield from test_figures(run, test_data, facts)


def training_figures(run: Run, facts: str) -> Iterator[tuple[str, Figure]]:
    """Yield the figures of the phase train."""
    from . import figures

    weights = run.weights()
    yield "receptive_fields", whole(figures.receptive_fields(weights, facts=facts))
    if (run.folder / "train_history.npy").exists():
        history = load_array(run.folder / "train_history.npy", shape=(None,), kind="V")
        accuracy = load_array(run.folder / "train_accuracy.npy", shape=(None,), kind="V")
        if history.dtype != HISTORY or accuracy.dtype != ACCURACY:
            raise DiehlCookError(f"{run.folder}: the training history has another layout than this version's")
        yield "training", figures.training_curves(history, accuracy if len(accuracy) else None, facts=facts)
    else:
        log.warning("no training curves: train_history.npy is not there (shipped networks have none)")
    yield "weights", whole(figures.weight_histogram(weights, facts=facts))
    yield "theta", whole(figures.theta_histogram(run.theta(), facts=facts))
    snapshots = sorted((run.folder / "snapshots").glob("*.npy"))
    if len(snapshots) > 1:
        chosen = (
            np.linspace(0, run.params.n_exc - 1, min(STRIP_NEURONS, run.params.n_exc)).round().astype(int)
        )
        strip = [(int(path.stem), load_array(path, shape=weights.shape)[:, chosen]) for path in snapshots]
        figure = figures.weight_snapshots(strip, neurons=chosen.tolist(), facts=facts)
        yield "receptive_fields_over_training", figure


def labelling_figures(run: Run, facts: str) -> Iterator[tuple[str, Figure]]:
    """Yield the figures of the phase observe."""
    from . import figures

    observed, assignments = run.facts["observe"], run.assignments()
    fields = figures.receptive_fields(run.weights(), assignments=assignments, sort="label", facts=facts)
    yield "receptive_fields_by_label", whole(fields)
    yield "labels", figures.label_map(assignments, n_classes=len(observed["neurons_per_class"]), facts=facts)
    if (run.folder / "raster_v.npy").exists():
        yield "raster", raster(run, observed["raster"], facts)
    else:
        log.warning("no raster: raster_v.npy is not there (`observe --force` records it)")


def test_figures(
    run: Run, test_data: Callable[[], Dataset] | None, facts: str
) -> Iterator[tuple[str, Figure]]:
    """Yield the figures of the phase test."""
    from . import figures

    tested = run.facts["test"]
    n_classes = len(tested["recall"])
    confusion = load_array(
        run.folder / "confusion.npy", shape=(n_classes, n_classes), kind="i", made_by="test"
    )
    axes = figures.confusion_matrix(
        confusion,
        class_sizes=tested["class_sizes"],
        accuracy=tested["accuracy"],
        interval=tested["interval95"],
        facts=facts,
    )
    yield "confusion", whole(axes)
    if test_data is None:
        return
    try:
        data = test_data()
    except DiehlCookError as error:
        log.warning("no sheet of misclassified images: %s", error)
        return
    if data.digest != tested["data"]["sha256"]:
        log.warning("no sheet of misclassified images: %s is not what the run was tested with", data.name)
        return
    shape = (tested["repeats"], tested["images"])
    predictions = load_array(
        run.folder / "test_predictions.npy", shape=shape, kind="i", low=-1, made_by="test"
    )
    yield "misclassified", figures.misclassified(data.images, data.labels, predictions[0], facts=facts)


def whole(axes: Axes) -> Figure:
    """Return the figure that axes are in."""
    return cast("Figure", axes.figure)


def raster(run: Run, recorded: dict[str, Any], facts: str) -> Figure:
    """Draw the presentations that observe recorded."""
    from . import figures

    def load(name: str) -> Any:
        return load_array(
            run.folder / f"raster_{name}.npy",
            shape=(None,) if name == "neurons" else (None, None),
            kind="fi",
            made_by="observe",
        )

    def spikes(name: str) -> tuple[Any, Any]:
        neuron, time = load(name)
        return neuron.astype(int), time

    p, names = run.params, {"input": "inp", "excitatory": "exc", "inhibitory": "inh"}
    period = p.presentation_steps * p.dt
    v = load("v")
    starts = np.arange(recorded["presentations"] + 1) * period
    return figures.raster(
        {title: spikes(name) for title, name in names.items()},
        boundaries=starts,
        stimulus_ends=starts[:-1] + p.t_stimulus,
        labels=recorded["labels"],
        sizes={"input": p.n_input, "excitatory": p.n_exc, "inhibitory": p.n_exc},
        time=np.arange(v.shape[1]) * p.dt,
        v=v,
        threshold=load("threshold"),
        neurons=load("neurons"),
        facts=facts,
    )


def facts_line(run: Run) -> str:
    """Return which run it is, in one line."""
    train, tested = run.trained(), run.facts.get("test")
    words = [
        run.preset,
        f"{run.params.n_exc} neurons",
        f"{train['data']['name']}, {train['images']:,} images"
        + (f" × {train['epochs']}" if train["epochs"] > 1 else ""),
        f"seed {run.seed}",
    ]
    if tested:
        low, high = tested["interval95"]
        words.append(f"{tested['accuracy']:.1%} [{low:.1%}, {high:.1%}] of {tested['images']:,} test images")
    return " · ".join(words)


def has_display() -> bool:
    """Return whether a picture can be opened here."""
    return sys.platform in ("darwin", "win32") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
