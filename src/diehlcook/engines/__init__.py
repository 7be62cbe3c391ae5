"""Engines advance a network by chunks of presentations; what they share is in `base`, which there are in `registry`."""

from __future__ import annotations

from .base import Cancelled, Engine, Model, Responses, State
from .registry import ENGINES, open_engine

__all__ = ["ENGINES", "Cancelled", "Engine", "Model", "Responses", "State", "open_engine"]
