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
    """Predicted classes of n images, and the responses to them."""

    labels: NDArray[np.int8]
    """The predicted class of each image (n,). It is -1 where no neuron fired; with the paper's readout, where no labelled neuron fired."""
    counts: NDArray[np.uint16]
    """The number of spikes of each excitatory neuron for each image (n, n_exc)."""


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
        A run whose neurons are labelled, or the path of its directory.
    images
        Grey values from 0 to 255, in the shape (n, rows, columns) or (n, n_input).
    readout
        How the class is read from the spikes: the name of one of `analysis.readouts.READOUTS`. The paper's
        readout, the default, uses the labels of the neurons. The others learn from the responses that
        `observe` has stored.
    data
        The folder of the MNIST files that the run was labelled with. The other readouts need them; name the
        folder if the package does not find it by itself.
    engine
        The name of an engine, one of `engines.registry.ENGINES`, or ``"auto"`` for the fastest of them that can
        run the model on this machine. All give the same spikes.
    jobs
        How many processes work at once. The responses do not depend on it.

    Returns
    -------
    Predicted
        The predicted classes (n,) and the responses (n, n_exc).

    Raises
    ------
    DiehlCookError
        The images have another shape or range than the network takes, the neurons are not labelled yet, the
        readout is not known, or the stored responses are of another network.
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
