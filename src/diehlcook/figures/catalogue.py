"""All figures of a run in one table: which phase each is of, its caption, and what draws it from the arrays of the run.

A new figure is a function that draws arrays (in a module of this room), a function here that finds them, and
a row of `FIGURES` here and of `runs.layout.FIGURES`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..analysis.health import Evidence
from ..data.datasets import DATASETS
from ..errors import DiehlCookError, pasteable
from ..runs import layout, snapshots
from ..runs.described import described
from ..runs.provenance import images_of
from ..runs.run import Run
from . import style
from .course import raster, training_curves
from .fields import label_map, receptive_fields, theta_histogram, weight_histogram, weight_snapshots
from .outcome import confusion_matrix, misclassified

log = logging.getLogger(__name__)

STRIP_NEURONS = 6
"""Neurons in the film strip of receptive fields."""


class Source(NamedTuple):
    """What figures are drawn from.

    Parameters
    ----------
    run
        A run, trained or training.
    recorded
        What its training recorded; see `analysis.history.read_evidence`.
    data
        Folder of the MNIST files, for the figures that show images, if it is not where it is looked for.
    """

    run: Run
    recorded: Evidence
    data: Path | None = None

    @property
    def facts(self) -> str:
        """Which run it is, in one line."""
        run, train, tested = self.run, self.run.facts["train"], self.run.facts.get("test")
        words = [
            *described(run.preset, run.model),
            f"{run.params.n_exc} neurons",
            "imported"
            if "imported" in train
            else f"{train['data']['name']}, {train['images']:,} images"
            + (f" × {train['epochs']}" if train["epochs"] > 1 else ""),
            *([] if train.get("finished") else [f"after {self.recorded.images:,}"]),
            f"seed {run.seed}",
        ]
        if tested:
            low, high = tested["interval95"]
            right = f"{tested['accuracy']:.1%} [{low:.1%}, {high:.1%}]"
            words.append(f"{right} of {tested['images']:,} test images")
        return " · ".join(words)


class Row(NamedTuple):
    """A figure of `FIGURES`; `layout.FIGURES` has the phase whose results it shows."""

    caption: str
    draw: Callable[[Source], Axes | Figure | None]
    """Draws it; returns None if what it needs is not there."""


def fields_of_neurons(source: Source) -> Axes:
    """Draw the weights of every neuron."""
    return receptive_fields(source.recorded.weights, shape=source.run.image_shape(), facts=source.facts)


def curves_of_training(source: Source) -> Figure | None:
    """Draw what the training recorded over its images."""
    recorded = source.recorded
    if recorded.history is None:
        log.warning(
            "no training curves: train_history.npy is not there (shipped and imported networks have none)"
        )
        return None
    shown = recorded.windows if recorded.windows is not None and len(recorded.windows) else None
    return training_curves(recorded.history, shown, facts=source.facts)


def weights_of_run(source: Source) -> Axes:
    """Draw the distribution of the weights."""
    return weight_histogram(source.recorded.weights, facts=source.facts)


def theta_of_run(source: Source) -> Axes:
    """Draw the distribution of the thresholds."""
    return theta_histogram(source.recorded.theta, facts=source.facts)


def fields_over_training(source: Source) -> Figure | None:
    """Draw some receptive fields at each snapshot, if there are several."""
    run = source.run
    n_exc = run.params.n_exc
    chosen = np.linspace(0, n_exc - 1, min(STRIP_NEURONS, n_exc)).round().astype(int)
    strip = snapshots.read(run, chosen)
    if len(strip) < 2:
        return None
    return weight_snapshots(strip, neurons=chosen.tolist(), shape=run.image_shape(), facts=source.facts)


def fields_by_label(source: Source) -> Axes:
    """Draw the weights of every neuron, sorted by label."""
    run = source.run
    return receptive_fields(
        run.weights(), assignments=run.assignments(), sort="label", shape=run.image_shape(),
        class_names=run.classes(), facts=source.facts
    )  # fmt: skip


def labels_of_neurons(source: Source) -> Figure:
    """Draw the label of every neuron."""
    names = source.run.classes() or ()
    return label_map(source.run.assignments(), n_classes=len(names), class_names=names, facts=source.facts)


def raster_of_presentations(source: Source) -> Figure | None:
    """Draw the presentations that observe recorded in detail."""
    run = source.run
    if not layout.is_there(run.folder, "raster_v"):
        log.warning(
            "no raster: raster_v.npy is not there (%s records it)",
            pasteable("observe", "--force", "--run", run.folder),
        )
        return None

    def spikes(name: str) -> tuple[Any, Any]:
        neuron, time = run.load(f"raster_{name}")
        return neuron.astype(int), time

    observed = run.facts["observe"]
    p, recorded, v = run.params, observed["raster"], run.load("raster_v")
    class_names, data = observed.get("classes"), observed["data"]["name"]
    names = {"input": "inp", "excitatory": "exc", "inhibitory": "inh"}
    starts = np.arange(recorded["presentations"] + 1) * p.presentation_steps * p.dt
    return raster(
        {title: spikes(name) for title, name in names.items()},
        boundaries=starts,
        stimulus_ends=starts[:-1] + p.t_stimulus,
        labels=[named_class(style.class_name(label, class_names), data) for label in recorded["labels"]],
        sizes={"input": p.n_input, "excitatory": p.n_exc, "inhibitory": p.n_exc},
        time=np.arange(v.shape[1]) * p.dt,
        v=v,
        threshold=run.load("raster_threshold"),
        neurons=run.load("raster_neurons").tolist(),
        facts=source.facts,
    )


def named_class(name: str, data: str) -> str:
    """Return a class of a data set in words where its name is but a number: "digit 3", of other data "class 3"."""
    if not name.isdecimal():
        return name
    return f"{'digit' if data in DATASETS else 'class'} {name}"


def confusion_of_test(source: Source) -> Axes:
    """Draw the confusion matrix."""
    tested = source.run.facts["test"]
    return confusion_matrix(
        source.run.load("confusion", classes=len(tested["recall"])),
        class_sizes=tested["class_sizes"],
        accuracy=tested["accuracy"],
        interval=tested["interval95"],
        classes=tested.get("classes"),
        facts=source.facts,
    )


def misclassified_of_test(source: Source) -> Figure | None:
    """Draw the images that were classified wrongly, if the images of the test are at hand."""
    tested = source.run.facts["test"]
    try:
        data = images_of(source.run, "test", source.data)
    except DiehlCookError as error:
        log.warning("no sheet of misclassified images: %s", error)
        return None
    predictions = source.run.load("test_predictions", repeats=tested["repeats"], images=tested["images"])
    return misclassified(
        data.images, data.labels, predictions[0], classes=tested.get("classes"), facts=source.facts
    )


FIGURES = {
    "receptive_fields": Row("Weights of every neuron, as images.", fields_of_neurons),
    "training": Row(
        "Accuracy, thresholds, spikes and weights during training. The accuracy is that of training images, "
        "which the labels of the window before classify; it is no test accuracy.",
        curves_of_training,
    ),
    "weights": Row("Distribution of the weights.", weights_of_run),
    "theta": Row("Distribution of the adaptive thresholds.", theta_of_run),
    "receptive_fields_over_training": Row("How some receptive fields came to be.", fields_over_training),
    "receptive_fields_by_label": Row("The same fields, sorted by label.", fields_by_label),
    "labels": Row("The label of every neuron.", labels_of_neurons),
    "raster": Row("Spikes and membrane potentials of a few presentations.", raster_of_presentations),
    "confusion": Row("True and predicted classes.", confusion_of_test),
    "misclassified": Row("Images that were classified wrongly.", misclassified_of_test),
}
"""Figures by the name of their file. One can be drawn once its phase is finished, of a training while it runs."""


def draw(source: Source, phases: Iterable[str] | None = None) -> Iterator[tuple[str, Figure]]:
    """Yield name and figure of everything that can be drawn of some phases, by default of those that have begun."""
    wanted = source.run.facts.keys() if phases is None else set(phases)
    for name, row in FIGURES.items():
        if layout.FIGURES[name] in wanted:
            drawn = row.draw(source)
            if drawn is not None:
                yield name, drawn if isinstance(drawn, Figure) else cast("Figure", drawn.figure)
