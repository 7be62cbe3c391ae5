"""Networks in Brian2, run with progress and interrupts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...model.brian import b2
from ...progress import Interrupted, Report

LOOK_EVERY = 0.1
"""Seconds between two looks at whether to stop."""

STOPPED = "interrupted; nothing was written"


def run_network(
    network: b2.Network, seconds: float, report: Report, cancelled: Callable[[], bool], unit: float = 1.0
) -> None:
    """Run a network, and report how far it is, in units of so many seconds.

    Raises
    ------
    Interrupted
        `cancelled` returned true.
    """
    stopped = False

    def told(_elapsed: Any, completed: float, start: Any, duration: Any) -> None:
        nonlocal stopped
        report(round((float(start) + completed * float(duration)) / unit), "")
        if cancelled():
            stopped = True
            b2.stop()

    network.run(seconds * b2.second, namespace={}, report=told, report_period=LOOK_EVERY * b2.second)
    if stopped:
        raise Interrupted(STOPPED)
