"""Where things are kept between runs that can be made or fetched again."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from .errors import DiehlCookError


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
