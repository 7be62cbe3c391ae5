"""What options of the command line are parsed with."""

from __future__ import annotations

import argparse

FORMATS = ("png", "pdf", "svg")
"""Formats of figures."""


def positive(text: str) -> int:
    """Parse a whole number of at least 1."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return number


def natural(text: str) -> int:
    """Parse a whole number of at least 0."""
    if not text.isdigit() or int(text) >= 2**63:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to 2**63 - 1")
    return int(text)


def seeds(text: str) -> list[int]:
    """Parse seeds: numbers and ranges, as in 1-4,7."""
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        numbers = range(natural(first), natural(last if dash else first) + 1)
        if not numbers:
            raise argparse.ArgumentTypeError(f"{part!r} is not a range of seeds; expected for example 1-8")
        found += numbers
    return sorted(set(found))
