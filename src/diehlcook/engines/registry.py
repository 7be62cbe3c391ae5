"""The engines by name: where each is, loaded when it is opened; standard library only."""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import DiehlCookError
from ..model.preferences import refuse_preferences

if TYPE_CHECKING:
    from .base import Engine, Model


log = logging.getLogger(__name__)


class Row(NamedTuple):
    """Where an engine is, and what the help says of it."""

    module: str
    """Its full name."""
    kind: str
    """Name of its class."""
    says: str
    slow: bool = False
    """Whether it is said of the engine, when it is chosen, that it is slow."""
    automatic: bool = True
    """Whether ``auto`` may stand for it."""
    shared: bool = False
    """Whether many networks share what it runs on, at the same time, so that more processes are of no use."""


ENGINES = {
    "fused": Row(
        f"{__package__}.fused.engine",
        "FusedEngine",
        "a Numba kernel, the fastest; for the package's own equations",
    ),
    "standalone": Row(
        f"{__package__}.standalone.engine", "StandaloneEngine", "compiled C++, for changed equations, too"
    ),
    "runtime": Row(
        f"{__package__}.runtime",
        "RuntimeEngine",
        "Brian2 in this process, slow, without a compiler",
        slow=True,
    ),
    "cuda": Row(
        f"{__package__}.cuda.engine",
        "CudaEngine",
        "an NVIDIA GPU, for many networks at once; for the package's own equations",
        automatic=False,
        shared=True,
    ),
}
"""Those that `choose` may take from the fastest to the slowest, of which the last one can run every model; then the others."""

AUTO = "auto"
"""The fastest engine that can run a model on this machine; see `choose`."""

DEFAULT_ENGINE = AUTO


class Choice(NamedTuple):
    """The engine that ``auto`` stands for, and why."""

    name: str
    why: str


def choose(model: Model) -> Choice:
    """Return the fastest engine that can run a model on this machine; all give the same spikes."""
    against: list[str] = []
    for name, row in ENGINES.items():
        if not row.automatic:
            continue
        obstacle = load(row).obstacle(model)
        if obstacle is None:
            why = ", and ".join(against) or "the fastest; the equations are those of this package"
            return Choice(name, f"{why}; this is slow" if row.slow else why)
        against.append(obstacle)
    raise DiehlCookError(f"no engine can run this: {', and '.join(against)}")


def is_shared(name: str) -> bool:
    """Return `Row.shared` of the engine that a name, maybe ``auto``, stands for."""
    return name in ENGINES and ENGINES[name].shared


def load(row: Row) -> type[Engine]:
    """Return the class of an engine."""
    kind: type[Engine] = getattr(importlib.import_module(row.module), row.kind)
    return kind


def resolve(name: str, model: Model) -> str:
    """Return the name of the engine that a name, maybe ``auto``, stands for, and say in the log why it was chosen."""
    if name != AUTO:
        return name
    chosen = choose(model)
    log.info("engine %s: %s", chosen.name, chosen.why)
    return chosen.name


def open_engine(name: str, model: Model, delays: Any) -> Engine:
    """Return an engine for a model and its delays.

    Parameters
    ----------
    name
        One of `ENGINES`, or ``auto``.
    model
        What is simulated.
    delays
        (n_input, n_exc) in seconds.

    Raises
    ------
    DiehlCookError
        There is no such engine, it lacks what it needs, or there are preferences of Brian2 in the working directory.
    """
    if name not in (AUTO, *ENGINES):
        raise DiehlCookError(f"unknown engine {name!r}; choose one of {', '.join((AUTO, *ENGINES))}")
    refuse_preferences()
    name = resolve(name, model)
    kind = load(ENGINES[name])
    against = kind.obstacle(model)
    if against is not None:
        raise DiehlCookError(f"--engine {name} cannot run this: {against}; use --engine {choose(model).name}")
    return kind(model, delays)
