"""The spikes of the afferents: rates that drift at random, a pattern that comes again and again, noise.

A block is drawn and shown several times. In slots of 50 ms that are drawn at random, never two in a row, some
of the afferents fire the same spikes every time, but for a jitter of a millisecond. Rates say nothing: an
afferent fires as often in the pattern as out of it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import kernel
from .constants import Masquelier2008

GRID = 1e-3
"""Seconds; rates change on this grid. Spikes have continuous times."""

AT_ONCE = 1000
"""Grid points whose random numbers are drawn together."""


class Block(NamedTuple):
    """The input of a block, at most one spike of an afferent in a time step, in order of time."""

    step: NDArray[np.int32]
    """Time step of each spike (n,)."""
    afferent: NDArray[np.int32]
    """Its afferent (n,); those of the pattern come first."""
    slots: NDArray[np.int64]
    """Slots with the pattern, ascending."""


Spikes = tuple[NDArray[np.float64], NDArray[np.int32]]
"""Times in seconds and afferents (n,), one row of each per spike."""


OF_BASE = ("block", "n_afferents", "rate_max", "sweep", "turn", "silence_max")
"""The constants on which `draw_base` depends."""


def draw_base(params: Masquelier2008, seed: int) -> Spikes:
    """Draw the spikes of a block before pattern and noise, which takes most of the time."""
    return drifting(params, generators(seed)[0])


def draw_block(params: Masquelier2008, seed: int, base: Spikes | None = None) -> Block:
    """Draw the input of a block; the same seed gives the same spikes on every machine with the same NumPy.

    Parameters
    ----------
    base
        What `draw_base` returned for the same seed, if it is at hand.
    """
    _, slots, paste, noise = generators(seed)
    time, afferent = draw_base(params, seed) if base is None else base
    chosen = draw_slots(params, slots)
    time, afferent = with_pattern(params, time, afferent, chosen, paste)
    extra = noise.poisson(params.noise_rate * params.block * params.n_afferents)
    time = np.concatenate([time, noise.uniform(0, params.block, extra)])
    afferent = np.concatenate([afferent, noise.integers(params.n_afferents, size=extra, dtype=np.int32)])
    step = np.clip(np.floor(time / params.dt).astype(np.int64), 0, params.steps - 1)
    key = np.sort(step * params.n_afferents + afferent)  # many times faster than np.unique
    step, afferent = np.divmod(key[np.diff(key, prepend=-1) > 0], params.n_afferents)
    return Block(step.astype(np.int32), afferent.astype(np.int32), chosen)


def generators(seed: int) -> list[np.random.Generator]:
    """Return the generators of base, slots, pattern and noise: changing one of these leaves the others as they are."""
    return [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(4)]


def drifting(params: Masquelier2008, rng: np.random.Generator) -> Spikes:
    """Return times and afferents of spikes at rates that drift between 0 and `rate_max`, without pattern and noise.

    On a grid of 1 ms: the slope of a rate changes at random, slope and rate are kept within bounds, and an
    afferent that was silent for `silence_max` spikes.
    """
    n, slope_max = params.n_afferents, params.rate_max / params.sweep
    rate = rng.uniform(0, params.rate_max, n)
    slope = rng.uniform(-slope_max, slope_max, n)
    last = rng.uniform(-params.silence_max, 0, n)
    bounds = kernel.Bounds(params.rate_max, slope_max, params.turn * slope_max, params.silence_max)
    times, afferents = [], []  # per stretch, not per point: small arrays would fragment the memory
    points = round(params.block / GRID)
    for first in range(0, points, AT_ONCE):
        chance, back, turn = rng.random((3, min(AT_ONCE, points - first), n))
        own_times, own_afferents = kernel.drift(first, rate, slope, last, chance, back, turn, bounds, GRID)
        times.append(own_times)
        afferents.append(own_afferents)
    return np.concatenate(times), np.concatenate(afferents)


def draw_slots(params: Masquelier2008, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the slots of the pattern: every choice without neighbours is equally likely, the block being a ring."""
    n = params.slots
    k = min(round(params.pattern_freq * n), n // 2)
    # A slot with the pattern and the one after it are one piece: k pieces among n - k places, then turned
    # at random
    places = np.sort(rng.choice(n - k, size=k, replace=False))
    return np.sort((places + np.arange(k) + rng.integers(n)) % n).astype(np.int64)


def with_pattern(
    params: Masquelier2008,
    time: NDArray[np.float64],
    afferent: NDArray[np.int32],
    slots: NDArray[np.int64],
    rng: np.random.Generator,
) -> Spikes:
    """Replace the spikes of the first `n_pattern` afferents in `slots` by those of the first of these slots, jittered."""
    if not slots.size:
        return time, afferent
    takes_part = afferent < params.n_pattern
    slot = np.minimum((time / params.t_pattern).astype(np.int64), params.slots - 1)
    model = np.flatnonzero(takes_part & (slot == slots[0]))
    within = time[model] - slots[0] * params.t_pattern
    shape = (slots.size, model.size)
    moved = rng.random(shape) < params.deletion
    pasted = np.where(moved, rng.uniform(0, params.t_pattern, shape), within)
    pasted += np.where(moved, 0, rng.normal(0, params.jitter, shape)) + slots[:, None] * params.t_pattern
    keep = ~(takes_part & np.isin(slot, slots))
    return (
        np.concatenate([time[keep], pasted.ravel()]),
        np.concatenate([afferent[keep], np.tile(afferent[model], slots.size)]),
    )
