"""Engines advance a network by chunks of presentations; what they share is in `base`."""

from __future__ import annotations

from .base import Cancelled, Engine, Model, Responses, State, open_engine

__all__ = ["Cancelled", "Engine", "Model", "Responses", "State", "open_engine"]
