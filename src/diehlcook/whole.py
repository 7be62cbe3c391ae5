"""Files that appear whole: written under a temporary name beside their own, and renamed once they are on the disk.

A process that is killed leaves its temporary file behind. A file that is being written is locked, and the
lock goes with its process: so whoever finds one that is not locked may clear it away.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from .errors import DiehlCookError

UNCHANGED = "what was there before is unchanged"

TEMPORARY = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{8}\.tmp")
"""Names of unfinished files; ``name`` is the one that it would have got."""


def try_lock(file: BinaryIO) -> bool | None:
    """Lock a file that is open for writing; return whether it is this process's now, None where files have no locks.

    Who wants to write may go on with None, but who wants to delete may not: it says nothing of others.
    """
    try:
        import fcntl
    except ImportError:  # Windows has no such locks
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return None
    return True


def leads_to(path: Path, file: BinaryIO) -> bool:
    """Return whether a path is that of an open file, which somebody may have deleted meanwhile."""
    with contextlib.suppress(OSError):
        return path.stat().st_ino == os.fstat(file.fileno()).st_ino
    return False


def sync_folder(folder: Path) -> None:
    """Make sure that the names in a folder are on the disk."""
    with contextlib.suppress(OSError):  # not every system can
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def followed(path: Path) -> Path:
    """Return where a path leads to, through links.

    Raises
    ------
    OSError
        It leads in a circle.
    """
    try:
        return path.resolve()
    except RuntimeError:  # of Python before 3.13
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from None


class Written:
    """A file that is written, and gets its name once it is told to.

    Parameters
    ----------
    path
        Its name; the folder is made if needed.
    write
        Called with the open file.
    advice
        What the message says to do if it fails.

    Raises
    ------
    DiehlCookError
        The folder cannot be written, or the disk is full.
    """

    def __init__(self, path: Path, write: Callable[[BinaryIO], Any], advice: str = UNCHANGED) -> None:
        self.path, self.advice = path, advice
        self.temporary = self.path
        self.file: BinaryIO | None = None
        try:
            self.path = self.temporary = followed(path)
            if self.path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.file = self.locked_file()
            write(self.file)
            self.file.flush()
            os.fsync(self.file.fileno())
        except BaseException as error:  # after an interrupt, too, nothing is left
            self.abandon()
            if isinstance(error, OSError):
                raise self.failure(error) from None
            raise

    def locked_file(self) -> BinaryIO:
        """Open a file with a temporary name, again if somebody took it for abandoned before it was locked."""
        while True:
            self.temporary = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}.tmp")
            file = self.temporary.open("xb")
            if try_lock(file) is not False and leads_to(self.temporary, file):
                return file
            file.close()
            self.temporary.unlink(missing_ok=True)

    def failure(self, error: OSError) -> DiehlCookError:
        """Return what there is to say of an error."""
        reason = error.strerror or "only a part of it, is the disk full?"  # of NumPy, which names no number
        return DiehlCookError(f"{self.path}: cannot write ({reason}); {self.advice}")

    def appear(self) -> None:
        """Give the file its name, in the place of one that has it."""
        try:
            self.temporary.replace(self.path)
        except BaseException as error:
            self.abandon()
            if isinstance(error, OSError):
                raise self.failure(error) from None
            raise
        sync_folder(self.path.parent)
        if self.file is not None:
            self.file.close()

    def abandon(self) -> None:
        """Delete the file, unless it has appeared."""
        if self.temporary != self.path:  # our own name, drawn before the file was opened
            with contextlib.suppress(OSError):
                self.temporary.unlink()
        if self.file is not None:
            self.file.close()


def write_whole(path: Path, write: Callable[[BinaryIO], Any], *, advice: str = UNCHANGED) -> None:
    """Let `write` fill a file that gets the name `path` once it is complete; see `Written`."""
    if path.is_char_device() or path.is_fifo():  # such as /dev/stdout: there is nothing to replace
        try:
            with path.open("wb") as file:
                write(file)
        except OSError as error:
            raise DiehlCookError(f"{path}: cannot write ({error.strerror or error})") from None
        return
    Written(path, write, advice).appear()


def unfinished(folder: Path) -> Iterator[Path]:
    """Yield the temporary files in a folder that no process is writing any more."""
    for path in folder.glob(".*.tmp"):
        if TEMPORARY.fullmatch(path.name) and path.is_file() and not path.is_symlink():
            with contextlib.suppress(OSError), path.open("r+b") as file:  # NFS locks no other
                if try_lock(file):
                    yield path
