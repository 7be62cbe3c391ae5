"""Brian2 reference replication of Diehl & Cook (2015), doi:10.3389/fncom.2015.00099.

The names below are loaded when they are first used, so that ``import diehlcook`` stays quick.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "build_network": "model.network",
    "compare": "phases.compare",
    "export_run": "runs.exchange",
    "import_run": "runs.exchange",
    "load_preset": "model.params",
    "load_run": "runs.run",
    "load_shipped": "runs.shipped",
    "predict": "phases.predict",
    "presentation_time": "model.network",
    "weight_matrix": "model.network",
}

__all__ = ["__version__", *_HOMES]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
