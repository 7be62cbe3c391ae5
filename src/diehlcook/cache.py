"""Where things are kept between runs that can be made or fetched again."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .errors import DiehlCookError
from .private import MARKER, is_abandoned

COMPILED = ("builds", "fused", "cuda")
"""Compiled programs, a folder each: of the engines standalone, fused and cuda."""

MOST_DAYS, MOST_BYTES = 90, 2 * 2**30
"""Compiled programs that have not been used for so long go, and the oldest of those that are more than this."""


def user_cache(name: str) -> Path:
    """Return the folder where fetched files or compiled programs are kept.

    Parameters
    ----------
    name : str
        What is kept.

    Returns
    -------
    Path
        ``~/Library/Caches/diehlcook/NAME`` on macOS; elsewhere ``diehlcook/NAME`` in ``$XDG_CACHE_HOME``
        or ``~/.cache``. It need not exist.

    Raises
    ------
    DiehlCookError
        If the user has no home folder.
    """
    # The XDG specification tells to ignore a relative path.
    chosen = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if sys.platform != "darwin" and chosen.is_absolute():
        return chosen / "diehlcook" / name
    try:
        home = Path.home()
    except RuntimeError as error:
        raise DiehlCookError(
            f"no home folder to keep {name} in; set XDG_CACHE_HOME to a writable folder (for MNIST, --data "
            "DIR will do)"
        ) from error
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "diehlcook" / name


def check_trusted(folder: Path) -> None:
    """Refuse a folder of compiled programs that somebody else could have written into: what is in it is run.

    Raises
    ------
    DiehlCookError
        It is of another user, or others may write into it.
    """
    if not hasattr(os, "getuid"):
        return
    about = folder.stat()
    if about.st_uid not in (os.getuid(), 0) or about.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise DiehlCookError(
            f"{folder}: compiled programs in a folder that others can write into; delete it, or set "
            "XDG_CACHE_HOME to a folder of your own"
        )


def private_cache(name: str) -> Path:
    """Return a folder of compiled programs, made for this user alone if it was not there; see `user_cache`.

    Raises
    ------
    DiehlCookError
        It cannot be written, or is not this user's.
    """
    folder = user_cache(name)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_trusted(folder)
        if not os.access(folder, os.W_OK):
            raise PermissionError(13, os.strerror(13))
    except OSError as error:
        raise DiehlCookError(
            f"{folder}: cannot write compiled programs ({error.strerror or error}); set XDG_CACHE_HOME to a "
            "writable folder"
        ) from None
    return folder


OURS = re.compile(r"[0-9a-f]{16}|[0-9a-f]{24}|unfinished-[0-9a-f]{8}")
"""Names of folders in the cache."""


class Kept(NamedTuple):
    """Something in the cache: its folder, bytes, and when it was used last (seconds since 1970)."""

    path: Path
    size: int
    used: float


def kept() -> Iterator[Kept]:
    """Yield all compiled programs, the least recently used first."""
    found = []
    for name in COMPILED:
        folder = user_cache(name)
        for path in folder.iterdir() if folder.is_dir() else ():
            if not OURS.fullmatch(path.name):  # somebody else's
                continue
            with contextlib.suppress(OSError):  # it is gone, or other than it was
                in_work = (path / MARKER).exists() and not is_abandoned(path)
                if path.is_dir() and not path.is_symlink() and not in_work:
                    files = [one.lstat() for one in path.rglob("*") if not one.is_dir()]
                    used = max([path.lstat().st_mtime, *(max(one.st_mtime, one.st_atime) for one in files)])
                    found.append(Kept(path, sum(one.st_size for one in files), used))
    yield from sorted(found, key=lambda one: one.used)


def prune() -> None:
    """Delete compiled programs that are old, or too many; see `MOST_DAYS`."""
    everything = list(kept())
    size = sum(one.size for one in everything)
    for one in everything:
        if size > MOST_BYTES or time.time() - one.used > MOST_DAYS * 86_400:
            shutil.rmtree(one.path, ignore_errors=True)
            size -= one.size


def clear() -> list[Kept]:
    """Delete all compiled programs; return what they were. Fetched data stays, and so does what is being compiled."""
    everything = list(kept())
    for one in everything:
        shutil.rmtree(one.path, ignore_errors=True)
    return [one for one in everything if not one.path.exists()]
