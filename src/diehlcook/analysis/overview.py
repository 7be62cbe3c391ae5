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
    """A run in a list; None: not known, or not yet."""

    folder: Path
    preset: str
    n_exc: int | None
    images: int | None
    """Training images, times passes."""
    accuracy: float | None
    """Share of the test images that is right."""
    health: str
    """The first finding, or how far it is."""
    date: str
    """When the training began, YYYY-MM-DD."""
    bytes: int


def list_runs(folder: Path | str | None = None) -> list[Overview]:
    """Return what there is in a folder of runs, those written last first.

    Parameters
    ----------
    folder
        By default $DIEHLCOOK_RUNS, or data/runs in the working directory.

    Returns
    -------
    list of Overview
        A damaged run is in it with what is wrong as its health.
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
    images = None if imported or not train else train["images"] * train["epochs"]
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
    accuracy = (tested or run.facts.get("shipped") or {}).get("accuracy")
    date = str(train.get("started", ""))[:10]
    return Overview(folder, run.preset, run.params.n_exc, images, accuracy, state, date, size_of(folder))


def size_of(folder: Path) -> int:
    """Return the bytes of the files in a folder."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += 0 if path.is_symlink() or path.is_dir() else path.stat().st_size
        except OSError:  # it vanished meanwhile
            continue
    return total
