"""Preferences of Brian2 in the working directory, which Brian2 reads when it is imported, and runs.

A folder that somebody sent could so change results in silence, or worse. Standard library only.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ..errors import DiehlCookError

FILE = "brian_preferences"


def refuse_preferences() -> None:
    """Refuse them as long as Brian2 has not read them.

    Raises
    ------
    DiehlCookError
        There are some.
    """
    if "brian2" not in sys.modules and Path(FILE).exists():
        raise DiehlCookError(
            f"{Path(FILE).absolute()}: Brian2 would run what is in it, and results could change; move "
            f"it away, "
            "or start in another folder"
        )
