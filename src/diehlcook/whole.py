"""Files that appear whole: written under a temporary name beside their own, and renamed once they are on the disk.

A process that is killed leaves its temporary file behind. A file that is being written is locked, and the
lock goes with its process: so whoever finds one that is not locked may clear it away.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from .errors import DiehlCookError

TEMPORARY = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{8}\.tmp")
"""Names of unfinished files; ``name`` is the one that it would have got."""


def try_lock(file: BinaryIO) -> bool:
    """Lock an open file for this process; return whether no other one has done so."""
    try:
        import fcntl
    except ImportError:  # Windows has no such locks
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def sync_folder(folder: Path) -> None:
    """Make sure that the names in a folder are on the disk."""
    with contextlib.suppress(OSError):  # not every system can
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_whole(
    path: Path, write: Callable[[BinaryIO], Any], *, advice: str = "what was there before is unchanged"
) -> None:
    """Let `write` fill a file that gets the name `path` once it is complete.

    Parameters
    ----------
    path
        File to write; its folder is made if needed.
    write
        Called with the open file.
    advice
        What the message says to do if it fails.

    Raises
    ------
    DiehlCookError
        The folder cannot be written, or the disk is full.
    """
    path = path.resolve()  # through a link, to what it leads to
    temporary: Path | None = None
    try:
        if path.is_char_device() or path.is_fifo():  # such as /dev/stdout: there is nothing to replace
            with path.open("wb") as file:
                write(file)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
        with temporary.open("xb") as file:
            try_lock(file)
            write(file)
            file.flush()
            os.fsync(file.fileno())
            temporary.replace(path)
            temporary = None
        sync_folder(path.parent)
    except OSError as error:
        raise DiehlCookError(f"{path}: cannot write ({error.strerror or error}); {advice}") from None
    finally:  # after an interrupt, too, nothing is left
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()


def unfinished(folder: Path) -> Iterator[Path]:
    """Yield the temporary files in a folder that no process is writing any more."""
    for path in folder.glob(".*.tmp"):
        if TEMPORARY.fullmatch(path.name) and path.is_file() and not path.is_symlink():
            with contextlib.suppress(OSError), path.open("rb") as file:
                if try_lock(file):
                    yield path
