"""Sets of neurons that need attention, so that the others can be passed over.

A set is one array of shape (2, n + 1): its members in the order in which they came (as long as none is
dropped) and their number at the end; below, the place of each neuron among the members, or `ABSENT`. One array
rather than a tuple of three, because compiled code counts references to what it takes out of a tuple.
"""

from __future__ import annotations

import numpy as np
from numba import njit

ABSENT = -1


@njit
def empty_set(n):
    """Return a set with room for `n` neurons."""
    active = np.full((2, n + 1), ABSENT)
    active[0, n] = 0
    return active


@njit(forceinline=True)
def size(active):
    """Return the number of members."""
    return active[0, active.shape[1] - 1]


@njit(forceinline=True)
def member(active, a):
    """Return the member at place `a`."""
    return active[0, a]


@njit(forceinline=True)
def holds(active, j):
    """Return whether neuron `j` is in the set."""
    return active[1, j] != ABSENT


@njit(forceinline=True)
def add(active, j):
    """Let neuron `j` be in the set."""
    if not holds(active, j):
        a, end = size(active), active.shape[1] - 1
        active[0, a], active[1, j] = j, a
        active[0, end] = a + 1


@njit(forceinline=True)
def drop(active, a):
    """Remove the member at place `a`; the last one takes its place."""
    end = active.shape[1] - 1
    last = size(active) - 1
    active[1, active[0, a]] = ABSENT
    if a < last:
        moved = active[0, last]
        active[0, a], active[1, moved] = moved, a
    active[0, end] = last


@njit(forceinline=True)
def clear(active):
    """Remove all members."""
    for a in range(size(active)):
        active[1, active[0, a]] = ABSENT
    active[0, active.shape[1] - 1] = 0
