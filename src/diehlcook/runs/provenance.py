"""What a result of a run was made from: whether that is still what is there, and the images it was made with."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..data import datasets
from ..data.datasets import Dataset
from ..errors import DiehlCookError, pasteable
from . import layout, lock
from .run import Run

log = logging.getLogger(__name__)


def warn_of_seen(run: Run, data: Dataset) -> None:
    """Warn of images that a run is judged by and that its neurons were labelled with: compared one by one."""
    if layout.is_there(run.folder, "observe_images"):
        seen = int(np.isin(data.marks(), run.load("observe_images")).sum())
    else:  # labels of earlier versions, or from elsewhere, which came without images
        known = run.facts["observe"].get("data", {}).get("sha256")
        seen = len(data) if data.digest == known else 0
    if seen:
        words = "are among those that the neurons were labelled with: about these the accuracy says nothing"
        log.warning("%d of %d images %s", seen, len(data), words)


def responses(run: Run, phase: str) -> NDArray[np.uint16]:
    """Return the spikes that a phase counted, checked to be those of the network in the folder.

    Parameters
    ----------
    run
        A run that has been labelled or tested.
    phase
        ``"observe"`` or ``"test"``.

    Returns
    -------
    ndarray of uint16, shape (repeats * n_images, n_exc)
        In the order of the images; all of them once for every repeat.

    Raises
    ------
    DiehlCookError
        The phase is missing; weights, theta or labels are not those that it was made from; or the counts are
        not there, or not those of the phase.
    """
    name = f"{phase}_counts"
    path = layout.path_of(run.folder, name)
    if phase not in run.facts:
        command = pasteable(phase, "--run", run.folder)
        raise DiehlCookError(f"{run.folder}: no responses of {phase}; run {command} first")
    facts = run.done(phase)
    for parent in facts["parents"]:
        run.load(parent)  # checks that it is the one that run.json tells of
    if "imported" in facts or not path.exists():
        cure = "make it again with "
        if "imported" in facts:
            cure = "labels from elsewhere come without responses: label the neurons anew with "
        if lock.is_shipped(run.folder):
            cure = (
                "networks that come with the package bring none: make a run of it with "
                f"{pasteable('networks', run.folder.name)}, then "
            )
        raise DiehlCookError(f"{path}: not found; {cure}{run.command(phase)}")
    shown = facts.get("repeats", 1) * facts["images"]
    return run.load(name, images=shown, presentations=shown)


def images_of(run: Run, phase: str, folder: Path | None = None) -> Dataset:
    """Return the images that a phase presented, found again.

    Parameters
    ----------
    run
        A run that has been labelled or tested.
    phase
        ``"observe"`` or ``"test"``.
    folder
        Of the MNIST files, if they are not where they are looked for; of no account to other data.

    Raises
    ------
    DiehlCookError
        The data set is not there, or has other images now.
    """
    facts = run.facts[phase]
    known = facts["data"]
    place = folder if known["name"] == "mnist" else None
    data = datasets.load(known["name"], known["split"], data=place, download=False)
    if "classes" in facts:
        data = data.numbered_as(facts["classes"])
    if facts["images"] < len(data):
        data = data.head(facts["images"])
    if data.digest != known["sha256"]:
        raise DiehlCookError(
            f"{data.name} is not what {phase} of {run.folder} was given: it has other images now"
        )
    return data
