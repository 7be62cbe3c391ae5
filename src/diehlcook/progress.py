"""Progress on stderr: a bar in a terminal, a plain line now and then elsewhere; interrupts that wait for a safe point."""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, Self

log = logging.getLogger(__name__)

LINE_EVERY = 15.0
"""Seconds between plain lines where stderr is not a terminal."""

Report = Callable[[int, str], None]
"""Called with what is done so far and a few words on the state of things."""


def no_report(done: int, words: str = "") -> None:
    """Report nothing."""


def duration(seconds: float) -> str:
    """Return a duration as h:mm:ss."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


@contextlib.contextmanager
def progress_report(
    title: str, total: int, *, unit: str = "images", enabled: bool = True
) -> Iterator[Report]:
    """Report what is done, how fast, and the time left.

    Parameters
    ----------
    title
        Name of the phase.
    total, unit
        How much there is to do, and of what.
    enabled
        False: report nothing.
    """
    if not enabled:
        yield no_report
        return
    started, first = 0.0, -1
    if sys.stderr.isatty():
        import progressbar

        widgets: list[Any] = [
            f"{title} ",
            progressbar.Percentage(),
            " ",
            progressbar.Bar(),
            " ",
            progressbar.Variable("state", format="{formatted_value}"),
        ]
        bar = progressbar.ProgressBar(max_value=total, widgets=widgets, fd=sys.stderr)
        bar.update(0, state="starting")
        shown = [0.0]
    else:
        bar, shown = None, [time.monotonic()]

    def report(now_done: int, words: str = "") -> None:
        nonlocal started, first
        if first < 0:  # the first report comes when the engine stands, so compiling does not count
            started, first = time.monotonic(), now_done
        seconds = time.monotonic() - started
        rate = (now_done - first) / seconds if seconds > 0 else 0.0
        left = duration((total - now_done) / rate) if rate > 0 else "?"
        text = f"{now_done}/{total} {unit}, {rate:.1f}/s, {left} left{', ' + words if words else ''}"
        if bar is not None:
            bar.update(now_done, state=text)
        elif time.monotonic() - shown[0] >= LINE_EVERY or now_done == total:
            shown[0] = time.monotonic()
            print(f"{title}: {text}", file=sys.stderr, flush=True)  # noqa: T201

    try:
        yield report
    finally:
        if bar is not None:
            bar.finish(dirty=True)


class Interruption:
    """Turns the first SIGINT or SIGTERM into a flag, so that a phase stops at a safe point; a second SIGINT is immediate.

    Use as a context manager in the main thread; call it to ask whether to stop. Before the work has `begun`
    there is nothing to save: while a network is compiled, say, a signal ends at once.
    """

    def __init__(self) -> None:
        self.asked = False
        self.begun = False
        self.previous: dict[int, Any] = {}

    def __call__(self) -> bool:
        """Return whether the phase shall stop."""
        return self.asked

    def beginning(self, report: Report) -> Report:
        """Return a report whose first call says that the work has begun."""

        def told(done: int, words: str = "") -> None:
            self.begun = True
            report(done, words)

        return told

    def handle(self, number: int, _frame: FrameType | None) -> None:
        """Remember the first signal."""
        if not self.begun or (self.asked and number == signal.SIGINT):
            raise KeyboardInterrupt
        self.asked = True
        log.warning("interrupted: saving; once more to give up at once")

    def __enter__(self) -> Self:
        try:
            for number in (signal.SIGINT, signal.SIGTERM):
                self.previous[number] = signal.signal(number, self.handle)
        except ValueError:  # not in the main thread (a notebook's worker): interrupts work as they did
            self.previous.clear()
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.previous.items():
            signal.signal(number, handler)


class Interrupted(Exception):
    """A phase was stopped by a signal after it had saved what it had; `str` tells how to go on."""
