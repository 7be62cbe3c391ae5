"""The cells of the paper's table that are run here, and how."""

from typing import NamedTuple


class Cell(NamedTuple):
    """One cell: a preset, and how long and how often it is trained and tested."""

    preset: str
    images: int = 60_000
    epochs: int = 1
    seeds: int = 1
    repeats: int = 10


CELLS = {
    "triplet-100": Cell("paper-triplet-100", images=40_000, seeds=3),
    "triplet-400": Cell("paper-triplet-400", epochs=3, seeds=3),
    "triplet-1600": Cell("paper-triplet-1600", epochs=7),
    "triplet-6400": Cell("paper-triplet-6400", repeats=1),
    "power-law-100": Cell("paper-power-law-100", images=40_000, seeds=3),
    "power-law-400": Cell("paper-power-law-400", epochs=3, seeds=3),
    "power-law-1600": Cell("paper-power-law-1600", epochs=7),
    "exponential-100": Cell("paper-exponential-100", images=40_000, seeds=2),
    "exponential-400": Cell("paper-exponential-400", epochs=3, seeds=3),
    "pre-and-post-100": Cell("paper-pre-and-post-100", images=40_000, seeds=2),
    "pre-and-post-400": Cell("paper-pre-and-post-400", epochs=3, seeds=3),
    "best-triplet-400": Cell("best-triplet-400", epochs=3, seeds=3),
    "best-power-law-400": Cell("best-power-law-400", epochs=3, seeds=3),
    "best-exponential-400": Cell("best-exponential-400", epochs=3, seeds=3),
    "best-pre-and-post-400": Cell("best-pre-and-post-400", epochs=3, seeds=3),
    "authors-100": Cell("authors-100", images=40_000, seeds=2),
    "diehl-cook-2015": Cell("diehl-cook-2015", epochs=3),
}
"""Passes and images as in the paper (§2.6), except for 6400 neurons: one pass instead of 15, one test instead of ten. The cells
`best-*` show the images of every pass in a new order. The last two are to compare with: the authors' script for 100 neurons, and their
public code."""
