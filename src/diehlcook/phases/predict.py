"""Classify images with a trained and labelled network."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..analysis import readouts
from ..analysis.readouts import PAPER
from ..engines.registry import DEFAULT_ENGINE
from ..errors import DiehlCookError
from ..model.stimulus import stream_key
from ..runs.provenance import images_of, responses
from ..runs.run import Run, load_run
from .responses import respond, trained_network


class Predicted(NamedTuple):
    """Labels and responses for n images."""

    labels: NDArray[np.int8]
    """Predicted class (n,); -1 where no neuron fired (with the paper's readout: no labelled one)."""
    counts: NDArray[np.uint16]
    """Spikes of each excitatory neuron (n, n_exc)."""


def trained_readout(run: Run, name: str, data: Path | None = None) -> readouts.Fitted:
    """Return a readout that has learned from the responses to the images that a run was labelled with.

    Parameters
    ----------
    run
        A labelled run.
    name
        One of `readouts.READOUTS`.
    data
        Folder of the MNIST files, if they are not where they are looked for.

    Raises
    ------
    DiehlCookError
        Not labelled, responses of another network, other images than were presented, or no such readout.
    """
    readouts.check_name(name)
    seen, labelling = responses(run, "observe"), images_of(run, "observe", data)
    return readouts.fit(name, np.asarray(seen), labelling.labels, labelling.n_classes)


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
    run = run if isinstance(run, Run) else load_run(Path(run))
    images = np.asarray(images)
    if images.ndim not in (2, 3) or not len(images) or images[0].size != run.params.n_input:
        raise DiehlCookError(
            f"images have shape {images.shape}; expected (n, rows, columns) or (n, {run.params.n_input})"
        )
    if images.dtype.kind not in "ui" or images.min() < 0 or images.max() > 255:
        raise DiehlCookError(
            f"images of dtype {images.dtype} from {images.min()} to {images.max()}; expected integers 0 to "
            "255"
        )
    fitted: readouts.Fitted
    if readout == PAPER:
        assignments = run.assignments()
        fitted = readouts.Assigned(assignments, max(10, int(assignments.max()) + 1), {})
    else:
        fitted = trained_readout(run, readout, data)
    (presented,) = respond(
        trained_network(run, engine, "predict"),
        images.astype(np.uint8),
        [stream_key(run.seed, "predict")],
        jobs=jobs,
    )
    return Predicted(fitted.classify(presented.counts), presented.counts)
