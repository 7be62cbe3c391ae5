"""Files that appear whole: written under a temporary name beside their own, and renamed once they are on the disk."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from .errors import DiehlCookError


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
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        if path.is_char_device() or path.is_fifo():  # such as /dev/stdout: there is nothing to replace
            with path.open("wb") as file:
                write(file)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise DiehlCookError(f"{path}: cannot write ({error.strerror or error}); {advice}") from None
    except BaseException:  # an interrupt, say: leave nothing behind
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
