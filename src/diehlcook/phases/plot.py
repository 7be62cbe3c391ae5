"""Phase 4: the figures of a run, as files; the drawing itself is in `figures`."""

from __future__ import annotations

import logging
import os
import sys
import time
import webbrowser
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..analysis import health
from ..analysis.health import Evidence
from ..analysis.history import read_evidence
from ..data.datasets import Dataset
from ..errors import DiehlCookError
from ..runs import layout, snapshots
from ..runs.checkpoints import Checkpoints
from ..runs.run import Run, load_run
from .doctor import examine_run

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
    paths = write(run, draw(run, test_data), format)
    if show:
        for path in paths:
            webbrowser.open(path.resolve().as_uri())
    return paths


def follow(
    folder: Path,
    *,
    test_data: Callable[[Run], Callable[[], Dataset] | None] = lambda _run: None,
    format: str = "png",
    every: float = 10.0,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Path]:
    """Draw the figures of a running training again whenever it has saved a checkpoint, until it is finished.

    Parameters
    ----------
    folder
        Run directory; a training may yet have to begin there.
    test_data
        As in `plot`, given the run; used once it is finished.
    format
        As in `plot`.
    every
        Seconds between looks.
    sleep
        Waits.

    Returns
    -------
    list of Path
        The files, as they were drawn last.

    Raises
    ------
    DiehlCookError
        The training stopped, or a file is damaged.
    """
    drawn = 0
    log.info("following %s; Ctrl-C ends it", folder)
    while True:
        run = load_run(folder) if (folder / "run.json").exists() else None
        facts = run.facts.get("train", {}) if run else {}
        if run and facts.get("finished"):
            return plot(run, test_data=test_data(run), format=format)
        if "stopped" in facts:
            raise DiehlCookError(facts["stopped"])
        saved = Checkpoints(folder).numbers()
        if run and saved and saved[-1] not in (0, drawn):
            try:
                recorded = read_evidence(run)
            except DiehlCookError:  # gone while it was read: training has finished, or has saved the next one
                if Checkpoints(folder).numbers() == saved:
                    raise
                continue
            write(run, training_figures(run, recorded, facts_line(run, recorded)), format)
            drawn = saved[-1]
            log.info("%d images: %s", recorded.images, health.in_short(examine_run(run, recorded)))
        sleep(every)


def write(run: Run, figures: Iterable[tuple[str, Figure]], format: str) -> list[Path]:
    """Write figures into the folder ``figures`` of a run; each file appears whole."""
    folder = run.folder / "figures"
    paths = []
    for name, figure in figures:
        path = folder / f"{name}.{format}"
        unfinished = path.with_name(f".{path.name}")
        try:
            folder.mkdir(exist_ok=True)
            figure.savefig(unfinished, format=format)
            unfinished.replace(path)
        except OSError as error:
            raise DiehlCookError(f"{path}: cannot write ({error.strerror or error})") from None
        paths.append(path)
    return paths


def draw(run: Run, test_data: Callable[[], Dataset] | None) -> Iterator[tuple[str, Figure]]:
    """Yield name and figure, one after another."""
    recorded = read_evidence(run)
    facts = facts_line(run, recorded)
    yield from training_figures(run, recorded, facts)
    if "observe" in run.facts:
        yield from labelling_figures(run, facts)
    if "test" in run.facts:
        yield from test_figures(run, test_data, facts)


def training_figures(run: Run, recorded: Evidence, facts: str) -> Iterator[tuple[str, Figure]]:
    """Yield the figures of the phase train, as far as it has come."""
    from .. import figures

    weights, windows, shape = recorded.weights, recorded.windows, run.image_shape()
    yield "receptive_fields", whole(figures.receptive_fields(weights, shape=shape, facts=facts))
    if recorded.history is not None:
        shown = windows if windows is not None and len(windows) else None
        yield "training", figures.training_curves(recorded.history, shown, facts=facts)
    else:
        log.warning("no training curves: train_history.npy is not there (shipped networks have none)")
    yield "weights", whole(figures.weight_histogram(weights, facts=facts))
    yield "theta", whole(figures.theta_histogram(recorded.theta, facts=facts))
    chosen = np.linspace(0, run.params.n_exc - 1, min(STRIP_NEURONS, run.params.n_exc)).round().astype(int)
    strip = snapshots.read(run, chosen)
    if len(strip) > 1:
        figure = figures.weight_snapshots(strip, neurons=chosen.tolist(), shape=shape, facts=facts)
        yield "receptive_fields_over_training", figure


def labelling_figures(run: Run, facts: str) -> Iterator[tuple[str, Figure]]:
    """Yield the figures of the phase observe."""
    from .. import figures

    observed, assignments = run.facts["observe"], run.assignments()
    fields = figures.receptive_fields(
        run.weights(), assignments=assignments, sort="label", shape=run.image_shape(), facts=facts
    )
    yield "receptive_fields_by_label", whole(fields)
    yield "labels", figures.label_map(assignments, n_classes=len(observed["neurons_per_class"]), facts=facts)
    if layout.is_there(run.folder, "raster_v"):
        yield "raster", raster(run, observed["raster"], facts)
    else:
        log.warning("no raster: raster_v.npy is not there (`observe --force` records it)")


def test_figures(
    run: Run, test_data: Callable[[], Dataset] | None, facts: str
) -> Iterator[tuple[str, Figure]]:
    """Yield the figures of the phase test."""
    from .. import figures

    tested = run.facts["test"]
    n_classes = len(tested["recall"])
    confusion = run.load("confusion", classes=n_classes)
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
    predictions = run.load("test_predictions", repeats=tested["repeats"], images=tested["images"])
    yield "misclassified", figures.misclassified(data.images, data.labels, predictions[0], facts=facts)


def whole(axes: Axes) -> Figure:
    """Return the figure that axes are in."""
    return cast("Figure", axes.figure)


def raster(run: Run, recorded: dict[str, Any], facts: str) -> Figure:
    """Draw the presentations that observe recorded."""
    from .. import figures

    def spikes(name: str) -> tuple[Any, Any]:
        neuron, time = run.load(f"raster_{name}")
        return neuron.astype(int), time

    p, names = run.params, {"input": "inp", "excitatory": "exc", "inhibitory": "inh"}
    period = p.presentation_steps * p.dt
    v = run.load("raster_v")
    starts = np.arange(recorded["presentations"] + 1) * period
    return figures.raster(
        {title: spikes(name) for title, name in names.items()},
        boundaries=starts,
        stimulus_ends=starts[:-1] + p.t_stimulus,
        labels=recorded["labels"],
        sizes={"input": p.n_input, "excitatory": p.n_exc, "inhibitory": p.n_exc},
        time=np.arange(v.shape[1]) * p.dt,
        v=v,
        threshold=run.load("raster_threshold"),
        neurons=run.load("raster_neurons").tolist(),
        facts=facts,
    )


def facts_line(run: Run, recorded: Evidence) -> str:
    """Return which run it is, in one line."""
    train, tested = run.facts["train"], run.facts.get("test")
    words = [
        run.preset,
        f"{run.params.n_exc} neurons",
        f"{train['data']['name']}, {train['images']:,} images"
        + (f" × {train['epochs']}" if train["epochs"] > 1 else ""),
        *([] if train.get("finished") else [f"after {recorded.images:,}"]),
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
