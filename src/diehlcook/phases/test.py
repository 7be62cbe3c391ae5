"""Phase 3: classify test images with the trained and labelled network (paper §2.6, §3).

The prediction is the class whose neurons respond most on average. An image that no labelled neuron responds
to is predicted -1 and counted wrong.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ..analysis import health, readout
from ..data.datasets import Dataset, check_size
from ..engines.registry import DEFAULT_ENGINE
from ..errors import DiehlCookError
from ..model.stimulus import stream_key
from ..progress import Report, no_report
from ..runs import layout
from ..runs.files import digest
from ..runs.provenance import SEEN
from ..runs.run import Run
from .responses import BLOCK, respond, trained_network

log = logging.getLogger(__name__)


def test(
    run: Run,
    data: Dataset,
    *,
    repeats: int = 1,
    engine: str = DEFAULT_ENGINE,
    jobs: int = 1,
    resume: bool = False,
    force: bool = False,
    report: Report = no_report,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Measure the accuracy of a labelled run on `data`.

    Parameters
    ----------
    run
        A run with labelled neurons.
    data
        Test images with their labels.
    repeats
        Presentations of the whole set, each with its own input spikes (the paper: 10).
    engine, jobs, resume, force, report, cancelled
        As in `observe.observe`.

    Returns
    -------
    dict
        The entry ``test`` of run.json. test_counts.npy (repeats * n, n_exc), test_predictions.npy (repeats,
        n) and confusion.npy (n_classes, n_classes), summed over the repeats, are in the run's folder.

    Raises
    ------
    DiehlCookError
        No labels yet, results already there, or bad input.
    Interrupted
        `cancelled` returned true; finished blocks are kept.
    """
    if repeats < 1:
        raise DiehlCookError(f"--repeats is {repeats}; it must be at least 1")
    known = run.facts.get("test", {})
    same = known.get("repeats") == repeats and known["data"]["sha256"] == data.digest
    if resume and not force and same:
        log.info("the run is tested already")
        return dict(run.facts["test"])
    if "test" in run.facts and not force:
        raise DiehlCookError(f"{run.folder}: the run is tested already; use --force to test again")
    check_size(data, run.params)
    trained = trained_network(run, engine, "test")
    assignments = run.assignments()
    n_classes = max(data.n_classes, int(assignments.max()) + 1)
    started = time.monotonic()
    partial = run.folder / "checkpoints" / "test"
    presented = respond(
        trained,
        data.images,
        [stream_key(run.seed, "test", repeat) for repeat in range(repeats)],
        jobs=jobs,
        partial=partial,
        report=report,
        cancelled=cancelled,
    )
    predictions = [readout.predict(one.counts, assignments, n_classes) for one in presented]
    outcome = readout.outcome(data.labels, predictions, n_classes)
    counts = np.concatenate([one.counts for one in presented])
    precision, recall = readout.per_class(outcome.confusion, outcome.class_sizes)
    interval = readout.wilson(round(outcome.accuracy * len(data)), len(data))
    if data.digest == run.facts.get("observe", {}).get("data", {}).get("sha256"):
        log.warning(SEEN)
    results = {
        "test_counts": counts,
        "test_predictions": np.array([one.labels for one in predictions]),
        "confusion": outcome.confusion,
    }
    digests = layout.save(run.folder, "test", results)
    run.facts["test"] = {
        "images": len(data),
        "repeats": repeats,
        "data": {"name": data.name, "split": data.split, "sha256": data.digest},
        "engine": engine,
        "jobs": jobs,
        "block": BLOCK,
        "wall_s": round(time.monotonic() - started, 1),
        "accuracy": round(outcome.accuracy, 6),
        # Repeats show the same images again, so they do not narrow the interval
        "interval95": [round(end, 4) for end in interval],
        "accuracies": [round(one, 6) for one in outcome.accuracies],
        "class_sizes": outcome.class_sizes.tolist(),
        "precision": [round(float(one), 4) for one in precision],
        "recall": [round(float(one), 4) for one in recall],
        "silent_images": outcome.silent,
        "ties": outcome.ties,
        "unassigned_neurons": readout.silent(assignments),
        "health": health.as_facts(
            [health.above_chance(outcome.accuracy, len(data), len(np.unique(data.labels)))]
        ),
        "spikes_per_image": round(float(counts.sum(axis=1, dtype=np.int64).mean()), 3),
        "parents": {
            "weights": digest(trained.weights),
            "theta": digest(trained.theta),
            "assignments": digest(assignments),
        },
        "sha256": digests,
    }
    run.save()
    shutil.rmtree(partial, ignore_errors=True)
    return dict(run.facts["test"])
