"""Phase 3: classify test images with the trained and labelled network (paper §2.6, §3).

The prediction is the class whose neurons respond most on average. An image that no labelled neuron responds
to is predicted -1 and counted wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..analysis import health, readout
from ..data.datasets import Given, for_network
from ..engines.registry import DEFAULT_ENGINE
from ..model.arrays import check_whole
from ..progress import Progress
from ..runs.provenance import warn_of_seen
from ..runs.run import Run
from .responses import Judged, Presented, TrainedNetwork, current_run, run_phase

MOST_REPEATS = 1000
"""Presentations of the test set, at most; the paper has 10."""


def test(
    run: Run | Path | str,
    data: Given,
    *,
    repeats: int = 1,
    engine: str = DEFAULT_ENGINE,
    jobs: int = 1,
    resume: bool = False,
    force: bool = False,
    progress: Progress = True,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Classify test images with a labelled run, and measure how many are right (paper, sections 2.6 and 3).

    Parameters
    ----------
    run
        A run whose neurons are labelled, or the path of its directory.
    data
        Test images with their labels: a data set, or a pair (images, labels); see
        `datasets.Dataset.from_arrays`. Their classes have to be among those of the labelling.
    repeats
        How often the whole set is presented, each time with input spikes of its own. The paper presents it
        ten times.
    engine, jobs, resume, force, progress, cancelled
        As in `observe.observe`.

    Returns
    -------
    dict
        The entry ``test`` of run.json; ``accuracy`` is the share of right predictions, and ``interval95`` holds
        the ends of its 95 % interval. The run directory then holds test_counts.npy (repeats * n, n_exc),
        test_predictions.npy (repeats, n) and confusion.npy (n_classes, n_classes), which is summed over the
        repeats.

    Raises
    ------
    DiehlCookError
        The neurons are not labelled yet, there are results of a test already, or the input is bad.
    Interrupted
        `cancelled` returned true. Finished blocks of images are kept.
    """
    own, repeats = current_run(run), check_whole("repeats", repeats, 1, MOST_REPEATS)
    own.assignments()  # says now if there are none
    data = for_network(data, own.params, split="test", classes=own.classes())

    def judge(_trained: TrainedNetwork, presented: list[Presented]) -> Judged:
        assignments = own.assignments()
        predictions = [readout.predict(one.counts, assignments, data.n_classes) for one in presented]
        outcome = readout.outcome(data.labels, predictions, data.n_classes)
        precision, recall = readout.per_class(outcome.confusion, outcome.class_sizes)
        # Repeats show the same images again, so they do not narrow the interval
        interval = readout.wilson(round(outcome.accuracy * len(data)), len(data))
        sizes = np.unique(data.labels, return_counts=True)[1]
        check = health.above_chance(
            outcome.accuracy, len(data), len(sizes), neurons=own.params.n_exc,
            largest=float(sizes.max() / len(data)),
        )  # fmt: skip
        warn_of_seen(own, data)
        arrays = {
            "test_counts": np.concatenate([one.counts for one in presented]),
            "test_predictions": np.array([one.labels for one in predictions]),
            "confusion": outcome.confusion,
        }
        facts = {
            "repeats": repeats,
            "accuracy": round(outcome.accuracy, 6),
            "interval95": [round(end, 4) for end in interval],
            "accuracies": [round(one, 6) for one in outcome.accuracies],
            "class_sizes": outcome.class_sizes.tolist(),
            "precision": [round(float(one), 4) for one in precision],
            "recall": [round(float(one), 4) for one in recall],
            "silent_images": outcome.silent,
            "ties": outcome.ties,
            "unassigned_neurons": readout.silent(assignments),
            "health": health.as_facts([check]),
        }
        return Judged(arrays, facts, ("assignments",))

    return run_phase(
        own, "test", data, judge, repeats=repeats,
        engine=engine, jobs=jobs, resume=resume, force=force, progress=progress, cancelled=cancelled
    )  # fmt: skip


test.__test__ = False  # type: ignore[attr-defined]  # no test of pytest, where it is imported
