"""The folder that runs are in: what a new one is called, and which is the newest."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from ..errors import DiehlCookError, pasteable
from .files import load_json

LONGEST_NAME = 100
"""Characters of the name of a run."""


def runs_folder() -> Path:
    """Return the folder of the runs: $DIEHLCOOK_RUNS, or data/runs in the working directory."""
    return Path(os.environ.get("DIEHLCOOK_RUNS") or "data/runs").expanduser()


def name_of(*parts: str) -> str:
    """Return the name of a run that is made of `parts`, as a name for a folder: what is left out or cut is in a digest."""
    text = "-".join(part for part in parts if part)
    name = re.sub(r"[^\w.=+-]+", "", text, flags=re.ASCII).strip(".")
    if name != text.replace(" ", "") or len(name) > LONGEST_NAME:
        name = f"{name[:LONGEST_NAME]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    return name


def run_folders(folder: Path | None = None) -> list[Path]:
    """Return the run directories in a folder and in its folders, those written last first.

    Parameters
    ----------
    folder
        By default `runs_folder`.
    """
    found = []
    for pattern in ("*/run.json", "*/*/run.json"):
        for path in (folder or runs_folder()).glob(pattern):
            try:
                found.append((path.stat().st_mtime_ns, path.parent))
            except OSError:  # it vanished meanwhile
                continue
    return [path for _, path in sorted(found, reverse=True)]


def newest_run() -> Path:
    """Return the run directory of a network that was written last.

    Raises
    ------
    DiehlCookError
        There is none.
    """
    for folder in run_folders():
        try:
            companion = "companion" in load_json(folder / "run.json")
        except DiehlCookError:  # a damaged one is named when it is opened
            companion = not folder.exists()
        if not companion:
            return folder
    raise DiehlCookError(
        f"{runs_folder()}: no run here; run {pasteable('train')} first, or name a run with --run"
    )
