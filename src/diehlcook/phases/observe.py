"""Phase 2: present labelled images to the trained network and label its neurons (paper §2.6).

The class of a neuron is that of the highest mean response; labels never come from test images.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..analysis import health, readout
from ..data.datasets import Given, for_network
from ..engines.registry import DEFAULT_ENGINE
from ..errors import DiehlCookError
from ..progress import Progress, waiting_for
from ..runs.run import Run
from .raster import record_raster
from .responses import Judged, Presented, TrainedNetwork, current_run, run_phase


def observe(
    run: Run | Path | str,
    data: Given,
    *,
    engine: str = DEFAULT_ENGINE,
    jobs: int = 1,
    raster: bool = True,
    resume: bool = False,
    force: bool = False,
    progress: Progress = True,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Label the neurons of a trained run by their responses to labelled images (paper, section 2.6).

    Each neuron gets the class to which it responded most on average. The weights and theta do not change.

    Parameters
    ----------
    run
        A run whose training is finished, or the path of its directory.
    data
        Labelled images, which must come from the training images: a data set, or a pair (images, labels); see
        `datasets.Dataset.from_arrays`. Their classes have to be among those of the training.
    engine
        The name of an engine, one of `engines.registry.ENGINES`, or ``"auto"`` for the fastest of them that can
        run the model on this machine. All give the same spikes.
    jobs
        How many processes work at once. The responses do not depend on it.
    raster
        Record all spikes, and some membranes, of the first three images, for the figure ``raster``. It takes some
        seconds.
    resume
        Keep the labels if this phase is finished already with the same images. Blocks of images that an
        interrupted phase has finished are used in any case.
    force
        Replace labels that are there already.
    progress
        True shows the progress on stderr, and False shows none. A function is called again and again with the
        number of images that are done and with a few words on the state of things.
    cancelled
        A function that is called again and again; as soon as it returns true, the phase stops.

    Returns
    -------
    dict
        The entry ``observe`` of run.json. The run directory then holds observe_counts.npy, assignments.npy and
        the files raster_*.npy.

    Raises
    ------
    DiehlCookError
        The training is not finished, the neurons are labelled already, `data` are test images, or the input
        is bad.
    Interrupted
        `cancelled` returned true. Finished blocks of images are kept.
    """
    own = current_run(run)
    data = for_network(data, own.params, classes=own.classes("observe"))
    if data.split == "test":
        raise DiehlCookError("labels must not come from test images: observe takes the training split")

    def judge(trained: TrainedNetwork, presented: list[Presented]) -> Judged:
        counts = presented[0].counts
        assignment = readout.assign_labels(counts, data.labels, data.n_classes)
        labels = assignment.labels
        per_class = np.bincount(labels[labels >= 0], minlength=data.n_classes).tolist()
        arrays: dict[str, NDArray[Any]] = {
            "observe_counts": counts,
            "assignments": labels,
            "observe_images": data.marks(),
        }
        checks = (
            health.labelling(per_class, np.unique(data.labels).tolist(), own.params.n_exc, data.classes),
            health.answering(readout.silent(labels), int(counts.sum(dtype=np.int64)), own.params.n_exc),
        )
        facts = {
            "silent_images": int((counts.sum(axis=1, dtype=np.int64) < own.params.min_spikes).sum()),
            "neurons_per_class": per_class,
            "unassigned_neurons": readout.silent(labels),
            "ties": assignment.ties,
            "health": health.as_facts([check for check in checks if check is not None]),
        }
        if raster:
            waiting_for("recording three presentations")
            recorded = record_raster(own, trained, data.head(min(3, len(data))), counts)
            arrays |= {f"raster_{name}": array for name, array in recorded.arrays.items()}
            facts["raster"] = recorded.facts
        return Judged(arrays, facts)

    return run_phase(
        own, "observe", data, judge,
        engine=engine, jobs=jobs, resume=resume, force=force, progress=progress, cancelled=cancelled,
    )  # fmt: skip
