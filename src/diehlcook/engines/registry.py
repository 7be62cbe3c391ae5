"""The engines by name: where each is, loaded when it is opened; standard library only."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import DiehlCookError
from ..model.preferences import refuse_preferences

if TYPE_CHECKING:
    from .base import Engine, Model


class Row(NamedTuple):
    """Where an engine is, and what the help says of it."""

    module: str
    """Within this package."""
    kind: str
    """Name of its class."""
    says: str


ENGINES = {
    "standalone": Row("standalone.engine", "StandaloneEngine", "compiled C++"),
    "runtime": Row("runtime", "RuntimeEngine", "Brian2 in this process"),
    "fused": Row("fused.engine", "FusedEngine", "a Numba kernel, the fastest"),
}

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
        There is no such engine, it lacks what it needs, or there are preferences of Brian2 in the working directory.
    """
    if name not in ENGINES:
        raise DiehlCookError(f"unknown engine {name!r}; choose one of {', '.join(ENGINES)}")
    refuse_preferences()
    row = ENGINES[name]
    engine: Engine = getattr(importlib.import_module(f".{row.module}", __package__), row.kind)(model, delays)
    return engine
