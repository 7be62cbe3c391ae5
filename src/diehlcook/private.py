"""Folders of one process, which the next one clears away if it was killed.

Each holds a marker that its process keeps locked: where the lock can be taken, the process is gone. Nothing
else is ever cleared: no folder of another user, none without our marker, none whose name is not exactly ours.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import time
from pathlib import Path
from typing import BinaryIO

from .errors import DiehlCookError
from .whole import try_lock

MARKER = ".diehlcook-alive"

NEW = ".new-"
"""Begins the name of a folder that is not locked yet."""

TIME_TO_LOCK = 3600
"""Seconds after which a process that has not locked its folder is held to be gone."""


class PrivateFolder:
    """A new folder ``PREFIX-<8 hex digits>`` in `parent`, for this process alone.

    Parameters
    ----------
    prefix
        Of its name.
    parent
        Where it is made, if need be with its parents.

    Raises
    ------
    DiehlCookError
        It cannot be made.
    """

    def __init__(self, prefix: str, parent: Path) -> None:
        clear_abandoned(prefix, parent)
        name = f"{prefix}-{secrets.token_hex(4)}"
        self.path, new = parent / name, parent / (NEW + name)
        try:
            new.mkdir(mode=0o700, parents=True)
            self.marker: BinaryIO = (new / MARKER).open("wb")
            try_lock(self.marker)
            new.rename(self.path)  # others look at it only now that it is locked
        except OSError as error:
            raise DiehlCookError(
                f"{parent}: cannot write ({error.strerror or error}); free space or choose another folder "
                "(TMPDIR, XDG_CACHE_HOME)"
            ) from None

    def close(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.marker.close()


def clear_abandoned(prefix: str, parent: Path) -> None:
    """Delete the folders that processes of this user left in `parent` when they were killed."""
    name = rf"({re.escape(NEW)})?{re.escape(prefix)}-[0-9a-f]{{8}}"
    with contextlib.suppress(OSError):
        for path in parent.iterdir():
            if re.fullmatch(name, path.name) and is_abandoned(path):
                shutil.rmtree(path, ignore_errors=True)


def is_abandoned(path: Path) -> bool:
    """Return whether a folder is one of ours whose process is gone."""
    try:
        about = path.lstat()
        mine = not hasattr(os, "getuid") or about.st_uid == os.getuid()
        if not mine or path.is_symlink() or not path.is_dir():
            return False
        if path.name.startswith(NEW):
            held = {entry.name for entry in path.iterdir()}
            return held <= {MARKER} and time.time() - about.st_mtime > TIME_TO_LOCK
        with (path / MARKER).open("r+b") as marker:  # NFS locks no other
            return bool(try_lock(marker))
    except OSError:
        return False
