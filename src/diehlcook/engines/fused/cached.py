"""Compiled code that is kept between runs, until any file of the kernel changes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from numba import config, njit

from ...cache import user_cache


def sources_digest() -> str:
    """Return the digest of all files that are compiled together."""
    texts = [path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))]
    return hashlib.sha256(b"\0".join(texts)).hexdigest()[:16]


def cached(**options: Any) -> Any:
    """Return a decorator that compiles a function with `options` and keeps what it compiled.

    Numba would notice a change of the function's own file only, and run yesterday's code after a change of a
    function in another file.
    """

    def decorate(function: Any) -> Any:
        chosen = config.CACHE_DIR
        config.CACHE_DIR = str(user_cache(f"fused/{sources_digest()}"))
        try:
            return njit(cache=True, **options)(function)
        finally:
            config.CACHE_DIR = chosen

    return decorate
