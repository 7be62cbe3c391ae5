"""Classify images with a trained and labelled network."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..analysis import readouts
from ..analysis.readouts import PAPER
from ..engines.registry import DEFAULT_ENGINE
from ..model.arrays import check_images
from ..model.stimulus import stream_key
from ..runs.provenance import images_of, responses
from ..runs.run import Run, as_run
from .responses import respond, trained_network


class Predicted(NamedTuple):
    """Labels and responses for n images."""

    labels: NDArray[np.int8]
    """Predicted class (n,); -1 where no neuron fired (with the paper's readout: no labelled one)."""
    counts: NDArray[np.uint16]
    """Spikes of each excitatory neuron (n, n_exc)."""


def predict(
    run: Run | Path | str,
    images: NDArray[np.uint8],
    *,
    readout: str = PAPER,
    data: Path | None = None,
    engine: str = DEFAULT_ENGINE,
    jobs: int = 1,
) -> Predicted:
    """Classify images with a trained and labelled run.

    Parameters
    ----------
    run
        A run or its directory.
    images
        Grey levels 0 to 255, (n, rows, columns) or (n, n_input).
    readout
        How to read the spikes, one of `analysis.readouts.READOUTS`. The paper's uses the labels of the neurons; the
        others learn from the responses that observe has stored.
    data
        Folder of the MNIST files that the run was labelled with, for the other readouts, if it is not where
        it is looked for.
    engine, jobs
        How to simulate; see `responses.respond`.

    Returns
    -------
    Predicted
        Labels (n,) and responses (n, n_exc).

    Raises
    ------
    DiehlCookError
        Images of another shape or range, no labels yet, an unknown readout, or responses of another network.
    """
    run = as_run(run)
    images = check_images("images", images, run.params.n_input)
    readouts.check_name(readout)
    if readout == PAPER:
        assignments = run.assignments()
        fitted: readouts.Fitted = readouts.Assigned(assignments, max(10, int(assignments.max()) + 1), {})
    else:  # learns from the responses to the images that the run was labelled with
        seen, labelling = responses(run, "observe"), images_of(run, "observe", data)
        fitted = readouts.fit(readout, seen, labelling.labels, labelling.n_classes)
    (presented,) = respond(
        trained_network(run, engine, "predict"), images, [stream_key(run.seed, "predict")], jobs=jobs
    )
    return Predicted(fitted.classify(presented.counts), presented.counts)
