"""Stretches of images through a layer: compiled by Numba where it is installed, else image by image with `layers`."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import layers
from .constants import Layer
from .layers import Times, Weights

COMPILED = importlib.util.find_spec("numba") is not None

if COMPILED:
    from . import kernel


def train(times: Times, weights: Weights, layer: Layer, steps: int, a_plus: float, a_minus: float) -> None:
    """Let a layer learn from spike times (n, rows, columns, channels), in place."""
    if COMPILED:
        rates = np.float32(a_plus), np.float32(a_minus)
        kernel.train(times, weights, layer.pad, layer.theta, steps, layer.winners, layer.radius, *rates)
        return
    for one in times:
        spikes, potentials = layers.convolve(one, weights, layer, steps)
        winners = layers.choose_winners(spikes, potentials, layer)
        layers.stdp(one, weights, winners, layer, a_plus, a_minus)


def transform(times: Times, weights: Weights, layer: Layer, steps: int) -> Times:
    """Return the spike times after convolution and pooling (n, rows, columns, maps)."""
    sides = ((side + 2 * layer.pad - layer.size + 1) // layer.pool for side in times.shape[1:3])
    pooled = np.empty((len(times), *sides, layer.maps), np.uint8)
    if COMPILED:
        kernel.transform(times, weights, layer.pad, layer.theta, steps, layer.pool, pooled)
    else:
        for number, one in enumerate(times):
            pooled[number] = layers.pool(layers.convolve(one, weights, layer, steps)[0], layer.pool)
    return pooled


def decisions(spiked: NDArray[np.bool_], weights: Weights, pad: int) -> NDArray[np.int64]:
    """Return the winning map of the last layer for each image, -1 for none."""
    if COMPILED:
        decided = np.empty(len(spiked), np.int64)
        kernel.decisions(spiked, weights, pad, decided)
        return decided
    winners = (layers.decide(one, weights, pad) for one in spiked)
    return np.array([-1 if one is None else one.map for one in winners], np.int64)


def train_decision(
    spiked: NDArray[np.bool_],
    labels: NDArray[Any],
    weights: Weights,
    pad: int,
    rates: NDArray[np.float32],
    bounds: tuple[float, float],
) -> tuple[int, int]:
    """Reward or punish the winner of each image, in place; return how many were right, and how many had no winner.

    `rates` are for inputs that spiked and for others (columns), rewarded and punished (rows).
    """
    per_class = weights.shape[3] // 10
    if COMPILED:
        low, high = map(np.float32, bounds)
        right, silent = kernel.train_decision(spiked, labels, weights, pad, per_class, rates, low, high)
        return int(right), int(silent)
    right = silent = 0
    for one, label in zip(spiked, labels, strict=True):
        winner = layers.decide(one, weights, pad)
        if winner is None:
            silent += 1
            continue
        good = winner.map // per_class == label
        right += good
        layers.reward(one, weights, winner, pad, tuple(rates[0 if good else 1]), bounds)
    return right, silent
