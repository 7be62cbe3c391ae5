"""Compiled code that is kept between runs, until any file of the kernel changes."""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import logging
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from numba import config, njit

from ...cache import private_cache
from ...errors import DiehlCookError
from ...private import PrivateFolder

log = logging.getLogger(__name__)


def sources_digest() -> str:
    """Return the digest of all files that are compiled together."""
    texts = [path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))]
    return hashlib.sha256(b"\0".join(texts)).hexdigest()[:16]


@cache
def folder() -> Path:
    """Return the folder of the compiled code: in the user's cache, or for this process alone where that cannot be written."""
    try:
        found = private_cache(f"fused/{sources_digest()}")
        os.utime(found)  # for `prune`
        return found
    except DiehlCookError as error:
        log.warning("%s; compiling the kernel anew, and not keeping it", error)
        private = PrivateFolder("diehlcook-kernel", Path(tempfile.gettempdir()))
        atexit.register(private.close)
        return private.path


def is_kept() -> bool:
    """Return whether there is compiled code already."""
    return any(folder().rglob("*.nbc"))


class Forgiving:
    """Numba's cache of a function, but that what cannot be read is compiled again, and what cannot be written is not kept."""

    def __init__(self, cache: Any) -> None:
        self.cache = cache

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cache, name)

    def load_overload(self, *given: Any) -> Any:
        """Return compiled code, None if there is none that can be read."""
        try:
            return self.cache.load_overload(*given)
        except Exception as error:  # noqa: BLE001 - a damaged file raises almost anything
            log.warning("%s: compiled code that cannot be read (%s); compiling it again", folder(), error)
            with contextlib.suppress(OSError):
                self.cache.flush()
            return None

    def save_overload(self, *given: Any) -> None:
        """Keep compiled code, if there is room."""
        try:
            self.cache.save_overload(*given)
        except OSError as error:
            log.warning("%s: cannot keep compiled code (%s)", folder(), error.strerror or error)


def cached(**options: Any) -> Any:
    """Return a decorator that compiles a function with `options` and keeps what it compiled.

    Numba would notice a change of the function's own file only, and run yesterday's code after a change of a
    function in another file.
    """

    def decorate(function: Any) -> Any:
        chosen = config.CACHE_DIR
        config.CACHE_DIR = str(folder())
        try:
            dispatcher = njit(cache=True, **options)(function)
            dispatcher._cache = Forgiving(dispatcher._cache)
            return dispatcher
        finally:
            config.CACHE_DIR = chosen

    return decorate
