"""Phase 2: present labelled images to the trained network and label its neurons (paper §2.6).

The class of a neuron is that of the highest mean response; labels never come from test images.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..analysis import health, readout
from ..data.datasets import Dataset, check_size
from ..engines.registry import DEFAULT_ENGINE
from ..errors import DiehlCookError
from ..model.stimulus import stream_key
from ..progress import Report, no_report
from ..runs import layout
from ..runs.files import digest
from ..runs.run import Run
from .raster import record_raster
from .responses import BLOCK, respond, trained_network

log = logging.getLogger(__name__)


def observe(
    run: Run,
    data: Dataset,
    *,
    engine: str = DEFAULT_ENGINE,
    jobs: int = 1,
    resume: bool = False,
    force: bool = False,
    report: Report = no_report,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Label the neurons of a trained run by their responses to `data`.

    Parameters
    ----------
    run
        A finished training.
    data
        Labelled images, from the training split.
    engine, jobs
        How to simulate; the responses depend on neither.
    resume, force
        Keep a finished phase; replace it. Finished blocks of an interrupted one are used in any case.
    report, cancelled
        Called with progress; asked whether to stop.

    Returns
    -------
    dict
        The entry ``observe`` of run.json. observe_counts.npy, assignments.npy and the raster_*.npy files are
        in the run's folder.

    Raises
    ------
    DiehlCookError
        Training unfinished, labels already there, test images given, or bad input.
    Interrupted
        `cancelled` returned true; finished blocks are kept.
    """
    if data.split == "test":
        raise DiehlCookError("labels must not come from test images: observe takes the training split")
    known = run.facts.get("observe", {}).get("data", {})
    if resume and not force and known.get("sha256") == data.digest:
        log.info("the neurons are labelled already")
        return dict(run.facts["observe"])
    if "observe" in run.facts and not force:
        raise DiehlCookError(
            f"{run.folder}: the neurons are labelled already; use --force to label them again"
        )
    check_size(data, run.params)
    trained = trained_network(run, engine, "observe")
    started = time.monotonic()
    partial = run.folder / "checkpoints" / "observe"
    (presented,) = respond(
        trained,
        data.images,
        [stream_key(run.seed, "observe")],
        jobs=jobs,
        partial=partial,
        report=report,
        cancelled=cancelled,
    )
    assignment = readout.assign_labels(presented.counts, data.labels, data.n_classes)
    neurons_per_class = np.bincount(
        assignment.labels[assignment.labels >= 0], minlength=data.n_classes
    ).tolist()
    results: dict[str, NDArray[Any]] = {"observe_counts": presented.counts, "assignments": assignment.labels}
    raster = record_raster(run, trained, data.head(min(3, len(data))), presented.counts)
    results |= {f"raster_{name}": array for name, array in raster.arrays.items()}
    digests = layout.save(run.folder, "observe", results)
    run.facts.pop("test", None)
    run.facts["observe"] = {
        "images": len(data),
        "data": {"name": data.name, "split": data.split, "sha256": data.digest},
        "engine": engine,
        "jobs": jobs,
        "block": BLOCK,
        "wall_s": round(time.monotonic() - started, 1),
        "spikes_per_image": round(float(presented.counts.sum(axis=1, dtype=np.int64).mean()), 3),
        "presentations_per_image": round(float(presented.attempts.mean()), 4),
        "silent_images": int((presented.counts.sum(axis=1, dtype=np.int64) < run.params.min_spikes).sum()),
        "neurons_per_class": neurons_per_class,
        "unassigned_neurons": int((assignment.labels < 0).sum()),
        "ties": assignment.ties,
        "health": health.as_facts([health.labelling(neurons_per_class, np.unique(data.labels).tolist())]),
        "raster": raster.facts,
        "parents": {"weights": digest(trained.weights), "theta": digest(trained.theta)},
        "sha256": digests,
    }
    run.save()
    layout.discard(run.folder, "test")  # results of other labels
    shutil.rmtree(partial, ignore_errors=True)
    return dict(run.facts["observe"])
