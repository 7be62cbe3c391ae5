"""Progress on stderr, of phases and of what they wait for; interrupts that wait for a safe point.

A terminal or a notebook shows one line with a bar, anything else a plain line now and then.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, Self

log = logging.getLogger(__name__)

LINE_EVERY = 15.0
"""Seconds between plain lines where there is no bar."""

QUIET_START = 1.5
"""Seconds before anything is shown: what takes no longer needs no progress."""

DRAW_EVERY = 0.25
"""Seconds between two looks of the bar."""

PACE_OVER = 30.0
"""Seconds over which the pace is measured: trainings get faster as thresholds rise."""

SMALLEST_BAR = 10
"""Characters that a bar has at least; words are left out for it."""

NOTEBOOK_WIDTH = 100
"""Characters of a line in a notebook, whose width is not known."""

Report = Callable[[int, str], None]
"""Called with what is done so far and a few words on the state of things, the most important first."""

Progress = bool | Report
"""What a phase is told of progress: True shows it on stderr, False does not, a function is called with it."""


def no_report(done: int, words: str = "") -> None:
    """Report nothing."""


def duration(seconds: float) -> str:
    """Return a duration as h:mm:ss, without the hours if there are none."""
    whole = round(seconds)
    hours = f"{whole // 3600}:{whole // 60 % 60:02}" if whole >= 3600 else f"{whole // 60}"
    return f"{hours}:{whole % 60:02}"


def fitted(words: str, width: int) -> str:
    """Return as much of `words` as fits, cut at a comma; what comes first is never cut."""
    kept, *others = words.split(", ")
    for one in others:
        if len(kept) + len(one) + 2 > width:
            break
        kept = f"{kept}, {one}"
    return kept


class Pace:
    """How fast something goes, from what was done when.

    Parameters
    ----------
    total
        How much there is to do.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.seen: deque[tuple[float, int]] = deque()

    def add(self, now: float, done: int) -> None:
        """Note what is done by now, in seconds of any clock."""
        self.seen.append((now, done))
        while len(self.seen) > 2 and now - self.seen[1][0] > PACE_OVER:
            self.seen.popleft()

    def words(self) -> str:
        """Return rate and time left; nothing as long as they are not known."""
        (before, first), (now, last) = self.seen[0], self.seen[-1]
        if now - before <= 0 or last <= first:
            return ""
        rate = (last - first) / (now - before)
        return f"{rate:.{0 if rate >= 100 else 1}f}/s, {duration((self.total - last) / rate)} left"


def in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return type(shell).__name__ == "ZMQInteractiveShell"


class Display:
    """A line on stderr that says how far something is, or what it is waiting for and for how long.

    Parameters
    ----------
    title
        What is going on.
    total, unit
        How much there is to do, and of what.
    """

    current: Display | None = None
    """The one that is shown."""

    def __init__(self, title: str, total: int, unit: str) -> None:
        self.title, self.total, self.unit = title, total, unit
        self.pace = Pace(total)
        self.done, self.words = 0, ""
        self.started = self.waiting_since = time.monotonic()
        self.shown_at = self.started
        self.wait: str | None = "preparing"
        self.told: str | None = None
        """What was said to be waited for last."""
        self.bar: Any = None
        self.with_bar = sys.stderr.isatty() or in_notebook()
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.ticker = threading.Thread(target=self.tick, daemon=True)

    def text(self) -> str:
        """Return what there is to say."""
        if self.wait is not None:
            return f"{self.wait}, {duration(time.monotonic() - self.waiting_since)}"
        parts = (f"{self.done}/{self.total} {self.unit}", self.pace.words(), self.words)
        return ", ".join(part for part in parts if part)

    def report(self, done: int, words: str = "") -> None:
        """Take note of what is done; see `Report`."""
        with self.lock:
            self.done, self.words, self.wait = done, words, None
            self.pace.add(time.monotonic(), done)
        self.show()

    def wait_for(self, what: str) -> None:
        """Take note of what is waited for; without the lock, which a forked process may never get.

        What stands before a comma names it: what follows may change, and the clock goes on.
        """
        if self.wait is None or self.wait.partition(",")[0] != what.partition(",")[0]:
            self.waiting_since = time.monotonic()
        self.wait = what

    def tick(self) -> None:
        """Show again and again how long it has been waited, until it is over."""
        while not self.over.wait(DRAW_EVERY):
            now = time.monotonic()
            if self.wait is not None and now - self.waiting_since > QUIET_START:
                self.show()

    def show(self) -> None:
        """Draw, if it is time."""
        with self.lock:
            now = time.monotonic()
            every = DRAW_EVERY if self.with_bar else LINE_EVERY
            new = self.wait is not None and self.wait != self.told
            if now - self.started < QUIET_START or (now - self.shown_at < every and not new):
                return
            self.shown_at, self.told = now, self.wait
            if self.with_bar:
                self.draw()
            else:
                print(f"{self.title}: {self.text()}", file=sys.stderr, flush=True)  # noqa: T201

    def width(self) -> int:
        """Return the characters of a line."""
        try:
            return os.get_terminal_size(sys.__stderr__.fileno()).columns  # type: ignore[union-attr]
        except (OSError, ValueError, AttributeError):
            return NOTEBOOK_WIDTH

    def draw(self) -> None:
        """Draw the bar, which keeps other lines on stderr above it."""
        import progressbar

        if self.bar is None:
            head = f"{self.title} "

            def state(bar: Any, _data: Any) -> str:
                return fitted(self.text(), bar.term_width - len(f"{head}100%  ") - SMALLEST_BAR - 1)

            widgets = [head, progressbar.Percentage(), " ", progressbar.Bar(), " ", state]
            self.bar = progressbar.ProgressBar(
                max_value=self.total, widgets=widgets, fd=sys.stderr, redirect_stderr=True,
                enable_colors=False, is_terminal=True, term_width=self.width(),
            )  # fmt: skip
            self.bar.start()
        self.bar.term_width = self.width()
        self.bar.update(min(self.done, self.total), force=True)

    def __enter__(self) -> Self:
        Display.current = self
        self.ticker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.ticker.join()
        Display.current = None
        if self.bar is not None:
            self.draw()
            self.bar.finish(dirty=True)
        elif time.monotonic() - self.started > LINE_EVERY and self.wait is None:
            print(f"{self.title}: {self.text()}", file=sys.stderr, flush=True)  # noqa: T201


def waiting_for(what: str) -> None:
    """Let the progress that is shown say what is waited for, with a clock, until the next report."""
    if Display.current is not None:
        Display.current.wait_for(what)


@contextlib.contextmanager
def shown(progress: Progress, title: str, total: int, *, unit: str = "images") -> Iterator[Report]:
    """Report what is done, how fast, and the time left.

    Parameters
    ----------
    progress
        Whether to show it on stderr, or what to call with it.
    title
        Name of the phase.
    total, unit
        How much there is to do, and of what.
    """
    if callable(progress):
        yield progress
    elif not progress or Display.current is not None:  # one line at a time
        yield no_report
    else:
        with Display(title, total, unit) as display:
            yield display.report


class Interruption:
    """Turns the first SIGINT or SIGTERM into a flag, so that a phase stops at a safe point; a second SIGINT is immediate.

    Use as a context manager in the main thread; call it to ask whether to stop. Before the work has `begun`
    there is no such point to wait for: while a network is compiled, say, a signal ends at once.
    """

    def __init__(self) -> None:
        self.asked = False
        self.said = False
        self.begun = False
        self.previous: dict[int, Any] = {}

    def __call__(self) -> bool:
        """Return whether the phase shall stop; the first time that it shall, say so."""
        if self.asked and not self.said:
            self.said = True
            log.warning("interrupted: stopping at a safe point; once more to give up at once")
        return self.asked

    def beginning(self, report: Report) -> Report:
        """Return a report whose first call says that the work has begun."""

        def told(done: int, words: str = "") -> None:
            self.begun = True
            report(done, words)

        return told

    def handle(self, number: int, _frame: FrameType | None) -> None:
        """Remember the first signal; nothing is written here, because the signal may have come amid a write."""
        if not self.begun or (self.asked and number == signal.SIGINT):
            raise KeyboardInterrupt
        self.asked = True

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
