"""Compiled code that is kept between runs, until any file of the kernel changes."""

from __future__ import annotations

import atexit
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


def cached(**options: Any) -> Any:
    """Return a decorator that compiles a function with `options` and keeps what it compiled.

    Numba would notice a change of the function's own file only, and run yesterday's code after a change of a
    function in another file.
    """

    def decorate(function: Any) -> Any:
        chosen = config.CACHE_DIR
        config.CACHE_DIR = str(folder())
        try:
            return njit(cache=True, **options)(function)
        finally:
            config.CACHE_DIR = chosen

    return decorate
