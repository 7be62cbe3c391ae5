"""One process at a time writes into a run directory: the first has a lock, which goes with it, and the next is told who has it."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ..errors import DiehlCookError, pasteable
from ..whole import followed, leads_to, try_lock

PACKAGE = Path(__file__).resolve().parents[1]
"""The package itself, in which nobody writes."""

NAME = ".lock"
"""File in a run directory; what it says counts only while it is locked."""


def is_shipped(folder: Path) -> bool:
    """Return whether a folder is one of the package.

    Raises
    ------
    DiehlCookError
        Its path leads in a circle.
    """
    try:
        return PACKAGE in followed(folder).parents
    except OSError as error:
        raise cannot_write(folder, error) from None


def refuse_shipped(folder: Path) -> None:
    """Raise `DiehlCookError` if a folder is one of the package, such as that of a network that comes with it."""
    if is_shipped(folder):
        name = folder.name
        raise DiehlCookError(
            f"{name}: comes with the package, which is not changed; make a run of your own of it with "
            f'load_shipped("{name}", folder)',
            f"{name}: comes with the package, which is not changed; make a run of your own of it with "
            f"{pasteable('networks', name)}",
        )


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
        Another process owns it, or it cannot be written, or it is a folder of the package.
    """
    refuse_shipped(folder)
    made = [one for one in (folder, *folder.parents) if not one.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = locked_file(folder)
    except OSError as error:
        raise cannot_write(folder, error) from None
    with file:
        try:
            try:
                file.truncate(0)
                since = time.strftime("%Y-%m-%d %H:%M:%S")
                file.write(f"{what} (process {os.getpid()}, since {since})".encode())
            except OSError as error:
                raise cannot_write(folder, error) from None
            yield
        finally:
            with contextlib.suppress(OSError):  # the folder may be gone by now
                (folder / NAME).unlink()
            for one in made:  # empty if nothing came of it
                with contextlib.suppress(OSError):
                    one.rmdir()


def cannot_write(folder: Path, error: OSError) -> DiehlCookError:
    """Return what there is to say of a folder that cannot be written."""
    return DiehlCookError(f"{folder}: cannot write ({error.strerror or error}); choose another --run")


def locked_file(folder: Path) -> BinaryIO:
    """Open and lock the file `NAME` of a folder."""
    path = folder / NAME
    while True:
        file = path.open("a+b", buffering=0)  # or closing it on a full disk would fail once more
        if try_lock(file) is False:
            with file:
                file.seek(0)
                owner = file.read(200).decode(errors="replace").strip() or "another process"
            raise DiehlCookError(f"{folder}: in use by {owner}; wait for it, or choose another --run")
        if leads_to(path, file):
            return file
        file.close()  # its last owner has deleted it between our opening and locking it
