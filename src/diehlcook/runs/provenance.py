"""What a result of a run was made from: whether that is still what is there, and the images it was made with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data import datasets
from ..data.datasets import Dataset
from ..errors import DiehlCookError
from . import layout
from .files import digest
from .run import Run

SEEN = "these are the images that the neurons were labelled with: the accuracy says nothing about new ones"
"""The warning where a run is judged by the images it was labelled with."""


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
    command = f"python -m diehlcook {phase} --run {run.folder}"
    facts, name = run.facts.get(phase), f"{phase}_counts"
    if facts is None:
        raise DiehlCookError(f"{run.folder}: no responses of {phase}; run `{command}` first")
    path = layout.path_of(run.folder, name)
    files: dict[str, Callable[[], NDArray[Any]]] = {
        "weights": run.weights, "theta": run.theta, "assignments": run.assignments,
    }  # fmt: skip
    for parent, known in facts["parents"].items():
        if digest(files[parent]()) != known:
            raise DiehlCookError(
                f"{run.folder / parent}.npy is not the one that {phase} was made with; "
                f"run `{command} --force` again"
            )
    if "imported" in facts or not path.exists():
        cure = "make it again with "
        if "imported" in facts:
            cure = "labels from elsewhere come without responses: label the neurons anew with "
        if "shipped" in run.facts:
            cure = (
                "networks that come with the package bring none: make a run of it with `python -m "
                "diehlcook networks NAME`, then "
            )
        raise DiehlCookError(f"{path}: not found; {cure}`python -m diehlcook {phase} --run DIR --force`")
    shown = facts.get("repeats", 1) * facts["images"]
    counts = run.load(name, images=shown, presentations=shown)
    known = facts.get("sha256", {}).get(name)
    if known is not None and digest(counts) != known:
        raise DiehlCookError(f"{path}: not what {phase} wrote; run `{command} --force` again")
    return counts


def images_of(run: Run, phase: str, folder: Path | None = None) -> Dataset:
    """Return the images that a phase presented, found again.

    Parameters
    ----------
    run
        A run that has been labelled or tested.
    phase
        ``"observe"`` or ``"test"``.
    folder
        Of the MNIST files, if they are not where they are looked for.

    Raises
    ------
    DiehlCookError
        The data set is not there, or has other images now.
    """
    facts = run.facts[phase]
    known = facts["data"]
    data = datasets.load(known["name"], known["split"], data=folder, download=False)
    if facts["images"] < len(data):
        data = data.head(facts["images"])
    if data.digest != known["sha256"]:
        raise DiehlCookError(
            f"{data.name} is not what {phase} of {run.folder} was given: it has other images now"
        )
    return data
