"""Brian2 as the package needs it: with nobody's preferences where they decide results."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .preferences import refuse_preferences

log = logging.getLogger(__name__)

DECISIVE = {"core.default_float_dtype": np.float64, "core.default_integer_dtype": np.int32}
"""Preferences that decide results, with Brian2's own defaults."""


def load() -> Any:
    """Return Brian2, imported; preferences of the user that would change results are set back, and said so."""
    refuse_preferences()
    import brian2

    for name, value in DECISIVE.items():
        if brian2.prefs[name] is not value:
            log.warning("the Brian2 preference %s = %s is set back to %s", name, brian2.prefs[name], value)
            brian2.prefs[name] = value
    return brian2


b2 = load()


@contextmanager
def in_this_process(target: str) -> Iterator[None]:
    """Let Brian2 run in this process, with code for `target`, whatever its user has set; that is set again afterwards."""
    # Only here: `load` has to be the first to import Brian2
    from brian2.devices.device import runtime_device

    before, stops = b2.prefs.codegen.target, b2.prefs.core.stop_on_keyboard_interrupt
    b2.set_device(runtime_device)
    b2.prefs.codegen.target = target
    b2.prefs.core.stop_on_keyboard_interrupt = False  # a stopped run would look like a finished one
    try:
        yield
    finally:
        b2.prefs.codegen.target, b2.prefs.core.stop_on_keyboard_interrupt = before, stops
        b2.devices.reset_device()
