"""Classify images with a trained and labelled network."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..analysis import readouts
from ..analysis.readouts import PAPER
from ..data.datasets import bright_borders, shortened
from ..data.pictures import Size
from ..engines.registry import DEFAULT_ENGINE
from ..model.arrays import check_whole
from ..model.stimulus import stream_key
from ..progress import Report, no_report
from ..runs.provenance import images_of, responses
from ..runs.run import Run
from .given import Named, read_given
from .responses import BLOCK, current_run, respond, trained_network

log = logging.getLogger(__name__)


class Predicted(NamedTuple):
    """Predicted classes of n images, and the responses to them."""

    labels: NDArray[np.int8]
    """The predicted class of each image (n,). It is -1 where no neuron fired; with the paper's readout, where no labelled neuron fired."""
    counts: NDArray[np.uint16]
    """The number of spikes of each excitatory neuron for each image (n, n_exc)."""


class Answers(NamedTuple):
    """What a network says of n images."""

    names: list[str]
    """What the images are called (n,)."""
    labels: NDArray[np.int8]
    """See `Predicted`."""
    scores: NDArray[np.float64]
    """Share of the predicted class in the scores of all classes (n,), 0 to 1; 0 where none is predicted."""
    counts: NDArray[np.uint16]
    """See `Predicted`."""


def predict(
    run: Run | Path | str,
    images: Any,
    *,
    size: Size | None = None,
    invert: bool = False,
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
        One image, (rows, columns), or several, (n, rows, columns) or (n, n_input), grey or in colour (3 or 4
        values at the end, which become grey); integers from 0 to 255 or floats from 0 to 1, where 0 is silent.
        Or the path of a picture, of an .npy file or of an .npz file with the array ``images``; or a list of
        such paths.
    size
        Rows and columns to resize images to; by default they must have the size of the network's input.
    invert
        Exchange dark and bright: networks that learned bright ink on black see black ink on white with it.
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
        Labels (n,) and responses (n, n_exc); n is 1 for one image. `Run.classes` has the names of the labels.

    Raises
    ------
    DiehlCookError
        The images have another shape or range than the network takes, the neurons are not labelled yet, the
        readout is not known, or the stored responses are of another network.
    """
    jobs = check_whole("jobs", jobs, 1)
    run = current_run(run)
    run.assignments()  # says now if there are none
    named = read_given(images, run.image_shape(), size)
    answers = answer(run, named, invert=invert, readout=readout, data=data, engine=engine, jobs=jobs)
    return Predicted(answers.labels, answers.counts)


def answer(
    run: Run,
    images: Named,
    *,
    invert: bool = False,
    readout: str = PAPER,
    data: Path | None = None,
    engine: str = DEFAULT_ENGINE,
    jobs: int = 1,
    report: Report = no_report,
) -> Answers:
    """Classify images that have been read, and say how clear the case was.

    The score of an image is the share of the predicted class in the scores of all classes. With the paper's
    readout the score of a class is the mean number of spikes of its neurons, so a score of 0.6 says that 60 %
    of the sum of these means belongs to the class: it is no probability. `readouts.Fitted.shares` says what the
    scores of the other readouts are.

    See `predict` for the arguments and errors; `report` is called with the images done.
    """
    fitted = fit(run, readout, data)
    images = images._replace(images=255 - images.images) if invert else images
    warn_of_ink(run, images, invert=invert)
    trained = trained_network(run, engine, "predict")
    jobs = min(jobs, math.ceil(len(images.names) / BLOCK))
    (presented,) = respond(
        trained, images.images, [stream_key(run.seed, "predict")], jobs=jobs, report=report
    )
    labels = fitted.classify(presented.counts)
    shares = fitted.shares(presented.counts)[np.arange(len(labels)), labels]
    return Answers(images.names, labels, np.where(labels >= 0, shares, 0.0), presented.counts)


def fit(run: Run, readout: str, data: Path | None) -> readouts.Fitted:
    """Return a readout that has learned: the labels of the neurons, or from the responses to the labelling images."""
    readouts.check_name(readout)
    if readout == PAPER:
        return readouts.Assigned(run.assignments(), len(run.classes() or ()), {})
    seen, labelling = responses(run, "observe"), images_of(run, "observe", data)
    return readouts.fit(readout, seen, labelling.labels, labelling.n_classes)


def warn_of_ink(run: Run, images: Named, *, invert: bool) -> None:
    """Warn of images that are blank, or dark on a bright background, unless those of the training often were, too."""
    pixels = images.images.reshape(len(images.images), -1)
    blank = np.flatnonzero((pixels == pixels[:, :1]).all(axis=1))
    if blank.size:
        log.warning("%s: blank, all pixels are alike", shortened([images.names[k] for k in blank]))
    bright = np.flatnonzero(bright_borders(images.images))
    usual = run.facts["train"].get("grey", {}).get("bright_borders", 0.0)
    if bright.size > 2 * usual * len(images.names):
        log.warning(
            "%s: dark on a bright background, where the network has learned bright on black; %s",
            shortened([images.names[k] for k in bright]),
            "leave invert=True (--invert) out" if invert else "give invert=True (--invert)",
        )
