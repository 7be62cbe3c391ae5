"""One process at a time writes into a run directory: the first has a lock, which goes with it, and the next is told who has it."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from ..errors import DiehlCookError
from ..whole import try_lock

NAME = ".lock"
"""File in a run directory; what it says counts only while it is locked."""


@contextlib.contextmanager
def owned(folder: Path, what: str) -> Iterator[None]:
    """Own a run directory, which is made if needed, while the block runs.

    Parameters
    ----------
    folder
        Run directory.
    what
        What is done there, for the message to others.

    Raises
    ------
    DiehlCookError
        Another process owns it, or it cannot be written.
    """
    made = missing_folders(folder)
    path = folder / NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b")
    except OSError as error:
        raise DiehlCookError(
            f"{folder}: cannot write ({error.strerror or error}); choose another --run"
        ) from None
    with file:
        if not try_lock(file):
            file.seek(0)
            owner = file.read(200).decode(errors="replace").strip() or "another process"
            raise DiehlCookError(f"{folder}: in use by {owner}; wait for it, or choose another --run")
        file.truncate(0)
        file.write(f"{what} (process {os.getpid()}, since {time.strftime('%Y-%m-%d %H:%M:%S')})".encode())
        file.flush()
        try:
            yield
        finally:
            if made and list(folder.iterdir()) == [path]:  # nothing came of it
                path.unlink()
                for one in made:
                    with contextlib.suppress(OSError):
                        one.rmdir()


def missing_folders(folder: Path) -> list[Path]:
    """Return which folders of a path are not there yet, the innermost first."""
    return [one for one in (folder, *folder.parents) if not one.exists()]
