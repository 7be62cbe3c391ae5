"""A list of runs: what each is, how far it is, and how well it does."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ..errors import DiehlCookError
from ..runs import collection
from ..runs.files import load_json
from ..runs.run import load_run
from . import health


class Overview(NamedTuple):
    """What there is to say of a run in a list. A value is None if it is not known, or not known yet."""

    folder: Path
    """The run directory."""
    preset: str
    """The nearest preset and what differs from it; empty if the run is damaged."""
    n_exc: int | None
    """The number of excitatory neurons."""
    images: int | None
    """The number of images that the training showed, all passes together."""
    accuracy: float | None
    """The share of the test images that is recognised."""
    health: str
    """The first finding of the health check, or how far the run is."""
    date: str
    """The day on which the training began, YYYY-MM-DD."""
    bytes: int
    """The size of all its files."""


def list_runs(folder: Path | str | None = None) -> list[Overview]:
    """List the runs in a folder: what each is, how far it is, and how well it does.

    Parameters
    ----------
    folder
        The folder that the run directories are in; by default $DIEHLCOOK_RUNS, or data/runs in the working
        directory.

    Returns
    -------
    list of Overview
        The runs, the one that was written last first. A damaged run is in the list, too; its `health` says
        what is wrong. The list is empty if there are no runs, or no such folder.
    """
    found = []
    for one in collection.run_folders(None if folder is None else Path(folder)):
        try:
            found.append(overview(one))
        except DiehlCookError as error:
            if one.exists():  # else it vanished meanwhile
                found.append(Overview(one, "", None, None, None, str(error), "", size_of(one)))
    return found


def overview(folder: Path) -> Overview:
    """Return what there is to say of a run, of a network or of a companion."""
    content = load_json(folder / "run.json")
    if "companion" in content:
        date = str(content.get("date", ""))[:10]
        state = "finished" if content.get("finished", True) else "not finished"
        name = f"companion {content['companion']}"
        return Overview(folder, name, None, None, None, state, date, size_of(folder))
    run = load_run(folder)
    train, tested = run.facts.get("train", {}), run.facts.get("test")
    imported = "imported" in train
    done = train.get("finished") and not imported
    images = train["images"] * train["epochs"] if done else None
    checks = [
        check
        for phase in ("train", "observe", "test")
        for check in health.from_facts(run.facts.get(phase, {}).get("health", []))
    ]
    if not train.get("finished"):
        state = "stopped" if "stopped" in train else "training is not finished"
    elif imported and not checks:
        state = "imported"
    else:
        state = health.in_short(checks)
    accuracy = (tested or {}).get("accuracy")
    date = str(train.get("started", ""))[:10]
    return Overview(folder, run.what, run.params.n_exc, images, accuracy, state, date, size_of(folder))


def size_of(folder: Path) -> int:
    """Return the bytes of the files in a folder."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += 0 if path.is_symlink() or path.is_dir() else path.stat().st_size
        except OSError:  # it vanished meanwhile
            continue
    return total
