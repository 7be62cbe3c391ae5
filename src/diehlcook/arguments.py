"""What options of the command line are parsed with."""

from __future__ import annotations

import argparse
from pathlib import Path

FORMATS = ("png", "pdf", "svg")
"""Formats of figures."""


MOST = 2**31 - 1
"""The largest whole number that an option takes, but for seeds."""

MOST_SEEDS = 10_000
"""Seeds of one command."""


def filled(text: str) -> str:
    """Parse a name: an empty one is a slip, such as a variable of the shell that is not set."""
    if not text.strip() or "\0" in text:
        raise argparse.ArgumentTypeError(f"{text!r} is no name; is a variable of the shell not set?")
    return text


def path(text: str) -> Path:
    """Parse a path, with ``~`` for the home folder."""
    given = Path(filled(text))
    try:
        return given.expanduser()
    except RuntimeError:  # no such user
        return given


def positive(text: str) -> int:
    """Parse a whole number of at least 1."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if not 1 <= number <= MOST:
        words = f"of at most {MOST}" if number > MOST else "of at least 1"
        raise argparse.ArgumentTypeError(f"{text[:30]!r} is not a whole number {words}")
    return number


def natural(text: str) -> int:
    """Parse a whole number of at least 0."""
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or int(text) >= 2**63:
        raise argparse.ArgumentTypeError(f"{text[:30]!r} is not a whole number from 0 to 2**63 - 1")
    return int(text)


def listed(text: str) -> tuple[str, ...]:
    """Parse names with commas between them, as in 0,1."""
    return tuple(filled(part).strip() for part in text.split(","))


def seeds(text: str) -> list[int]:
    """Parse seeds: numbers and ranges, as in 1-4,7."""
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        numbers = range(natural(first), natural(last if dash else first) + 1)
        if not numbers:
            raise argparse.ArgumentTypeError(f"{part!r} is not a range of seeds; expected for example 1-8")
        if len(found) + len(numbers) > MOST_SEEDS:
            raise argparse.ArgumentTypeError(f"{text[:30]!r} are more than {MOST_SEEDS:,} seeds")
        found.update(numbers)
    return sorted(found)
