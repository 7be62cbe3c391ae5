"""From the options of a companion to its constants, and what constants must be."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from ...errors import DiehlCookError
from ...model.constants import Constants


def changes(
    args: argparse.Namespace, settings: Mapping[str, str], small: Mapping[str, str], *names: str
) -> dict[str, str]:
    """Return what options change in the constants: ``--small``, those that have an option of their own, ``--set``.

    Raises
    ------
    DiehlCookError
        A constant is given twice.
    """
    named = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    for name in named.keys() & settings.keys():
        raise DiehlCookError(f"{name} is given twice: as an option, and with --set")
    return {**(small if args.small else {}), **named, **settings}


def require(params: Constants, name: str, holds: bool, what: str) -> None:
    """Raise `DiehlCookError`, which says what the constant `name` is and what it must be, unless it `holds`."""
    if not holds:
        raise DiehlCookError(f"{name} is {params.text(name)}; {what}")
