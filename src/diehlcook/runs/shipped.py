"""Trained networks that come with the package: weights, thresholds and labels.

Each is a small run directory under ``trained``: weights.npy in single precision, theta.npy, assignments.npy,
train_accuracy.npy, run.json and card.md. Delays are drawn again from the seed, and must give the digest that run.json
has.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from ..errors import DiehlCookError, advice
from . import layout
from .run import Run, load_run, start_afresh

MAKING = "copy of a network of the package"
"""What run.json has for an engine while a copy is being made."""

TRAINED = Path(__file__).with_name("trained")

CARD = "card.md"
"""What one should know who takes a network; ``scripts/tools/ship.py`` writes it."""


def shipped_names() -> list[str]:
    """Return the names of the networks that come with the package."""
    return sorted(path.parent.name for path in TRAINED.glob("*/run.json"))


def load_shipped(name: str, folder: Path | str | None = None) -> Run:
    """Return a trained network that comes with the package.

    Parameters
    ----------
    name
        The learning rule and the number of neurons, such as ``"triplet-400"``; `shipped_names` lists all.
    folder
        The run directory to make of it, to which the phases may write then. By default the network is that in the
        package, to look at or to `predict` with.

    Returns
    -------
    Run
        The run. Without `folder` its directory is within the package, and no phase writes to it.

    Raises
    ------
    DiehlCookError
        No network of this name comes with the package, or there is something in `folder`.
    """
    if folder is not None:
        return unpack(name, Path(folder))
    names = shipped_names()
    if name not in names:
        raise DiehlCookError(f"no trained network {name!r} comes with the package; {advice(name, names)}")
    return load_run(TRAINED / name)


def unpack(name: str, folder: Path, *, force: bool = False) -> Run:
    """Make a run directory of a network that comes with the package, for observe, test and plot.

    Parameters
    ----------
    name
        See `load_shipped`.
    folder
        Run directory to make.
    force
        Replace the run that is there.

    Raises
    ------
    DiehlCookError
        No such network, or a run would be overwritten.
    """
    folder = Path(folder)
    shipped = load_shipped(name)
    with layout.owned(folder, "networks"):
        if (folder / "run.json").exists() and not force:
            begun = load_run(folder).facts.get("train", {})
            if begun.get("finished") or begun.get("engine") != MAKING:
                raise DiehlCookError(
                    f"{folder}: there is a run already; use --force to replace it, or another --run"
                )
        arrays: dict[str, dict[str, Any]] = {phase: {} for phase in layout.PHASES}
        for array, file in layout.FILES.items():
            if layout.is_there(shipped.folder, array):
                arrays[file.phase][array] = shipped.load(array)
        arrays["train"]["delays"] = shipped.delays()
        run = dataclasses.replace(shipped, folder=folder, facts={})
        start_afresh(run, {**shipped.facts["train"], "engine": MAKING})
        run.facts["shipped"] = shipped.facts["shipped"]
        run.commit_all({phase: (some, shipped.facts[phase]) for phase, some in arrays.items() if some})
        return run
