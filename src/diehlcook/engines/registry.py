"""The engines by name: where each is, loaded when it is opened; standard library only."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ..errors import DiehlCookError

if TYPE_CHECKING:
    from .base import Engine, Model

ENGINES = {
    "standalone": ("standalone.engine", "StandaloneEngine"),
    "runtime": ("runtime", "RuntimeEngine"),
    "fused": ("fused.engine", "FusedEngine"),
}
"""Name to module within this package and class in it."""

DEFAULT_ENGINE = "standalone"


def open_engine(name: str, model: Model, delays: Any) -> Engine:
    """Return an engine for a model and its delays.

    Parameters
    ----------
    name
        One of `ENGINES`.
    model
        What is simulated.
    delays
        (n_input, n_exc) in seconds.

    Raises
    ------
    DiehlCookError
        There is no such engine, or it lacks what it needs.
    """
    if name not in ENGINES:
        raise DiehlCookError(f"unknown engine {name!r}; choose one of {', '.join(ENGINES)}")
    module, kind = ENGINES[name]
    engine: Engine = getattr(importlib.import_module(f".{module}", __package__), kind)(model, delays)
    return engine
