"""The exceptions of the package: those that the command line turns into one line on stderr, and giving up when asked to."""

import contextlib
import difflib
import re
import shlex
from collections.abc import Iterable, Iterator
from contextvars import ContextVar

_TYPED: ContextVar[bool] = ContextVar("typed", default=False)
"""Whether it is the command line that is spoken to."""

SWITCHES = ("force", "resume", "show", "follow")
"""Options without a value."""

ARGUMENTS = {"run": "folder", "out": "path"}
"""Options that are called otherwise as an argument of a function."""


@contextlib.contextmanager
def spoken_to_the_command_line() -> Iterator[None]:
    """Let messages keep the options that they are written with."""
    before = _TYPED.set(True)
    try:
        yield
    finally:
        _TYPED.reset(before)


def in_python(text: str) -> str:
    """Return a message with the arguments of functions for the options of the command line; commands between backticks stay."""

    def argument(option: re.Match[str]) -> str:
        name = option[1].replace("-", "_")
        return f"{name}=True" if name in SWITCHES else ARGUMENTS.get(name, name)

    parts = text.split("`")
    parts[::2] = [re.sub(r"(?<![\w-])--([a-z][a-z-]*)", argument, part) for part in parts[::2]]
    return "`".join(parts)


class DiehlCookError(Exception):
    """An error that the user can mend. Its message says what was found, what was expected, and what to do.

    Parameters
    ----------
    message
        What `str` gives. Without `typed` it may be written with the options of the command line, for which
        `str` has the arguments of functions where it is not the command line that asks.
    typed
        The same in the words of the command line, where these are others.
    """

    def __init__(self, message: str, typed: str | None = None) -> None:
        super().__init__(message, *([] if typed is None else [typed]))
        self.python = in_python(message) if typed is None else message
        self.typed = typed or message

    def __str__(self) -> str:
        return self.typed if _TYPED.get() else self.python


class NetworkError(DiehlCookError):
    """The network itself fails, whatever machine it runs on: it is silent, runs away or diverges."""


class Cancelled(Exception):
    """Work was given up because the caller asked for it; what was handed in is still the newest."""


def pasteable(*words: object) -> str:
    """Return a command of this package between backticks, such that it can be pasted into a shell."""
    return f"`python -m diehlcook {shlex.join(map(str, words))}`"


def advice(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """Return what to say of a name that does not exist: the one that is written nearly so, else `otherwise`, or all."""
    lower = {one.lower(): one for one in known}
    near = difflib.get_close_matches(name.lower(), lower, n=1)
    if near:
        return f"did you mean {lower[near[0]]}?"
    return otherwise or f"choose one of {', '.join(lower.values())}"


def printable(text: str) -> str:
    """Return a text in which nothing can steer a terminal or fail to be written: control characters as their codes."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text
    )
