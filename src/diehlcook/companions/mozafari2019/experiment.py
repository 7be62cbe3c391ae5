"""Train layer by layer, decide by reward, test; with epochs chosen on training images that were held out.

`select` learns from all training images but the last ones, and these choose the epoch. `refit` starts again from nothing with
all of them; test images are looked at by it alone, and choose nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...checkpoint import Checkpoints, load_array, save_array
from ...progress import Interrupted, Report, silent
from . import backend
from .constants import Mozafari2019
from .encoding import NEVER
from .layers import Times, Weights

log = logging.getLogger(__name__)

SCHEMA = 1
PARTS = ("select", "refit")
HELD_OUT = 1 / 6
"""Share of the training images that choose: the last 10,000 of 60,000."""

CURVE = np.dtype([("train", "f8"), ("judged", "f8"), ("silent", "f8")])
"""A row per epoch of the last layer: share of right decisions while learning, and of the images that judge; without a decision."""


class Images(NamedTuple):
    """Spike times and labels of what a part learns from and what judges it."""

    times: Times
    labels: NDArray[np.uint8]
    judging: Times
    judging_labels: NDArray[np.uint8]


def initial_weights(params: Mozafari2019, seed: int) -> tuple[Weights, Weights, Weights]:
    """Draw the weights of the three layers, (channels, size, size, maps), cut to their bounds."""
    rng = np.random.default_rng(seed)

    def draw(channels: int, size: int, maps: int, low: float, high: float) -> Weights:
        drawn = rng.normal(params.w_mean, params.w_sd, (channels, size, size, maps))
        return np.clip(drawn, low, high).astype(np.float32)

    p = params
    return (
        draw(6, p.size_1, p.maps_1, 0, 1),
        draw(p.maps_1, p.size_2, p.maps_2, 0, 1),
        draw(p.maps_2, p.size_3, p.maps_3, p.low_3, p.high_3),
    )


def train_layer(
    number: int,
    times: Times,
    weights: Weights,
    params: Mozafari2019,
    report: Callable[[int], None],
    cancelled: Callable[[], bool],
) -> None:
    """Let layer 1 or 2 learn by STDP, in place; rates double every `doubling` images until they are at their largest."""
    layer, epochs = params.layer(number), params.epochs_1 if number == 1 else params.epochs_2
    a_plus, a_minus = params.a_plus, params.a_minus
    shown = 0
    for _ in range(epochs):
        first = 0
        while first < len(times):
            # up to where the rates double next, which does not care where an epoch ends
            until = min(first + params.doubling - shown % params.doubling, len(times))
            backend.train(times[first:until], weights, layer, params.steps, a_plus, a_minus)
            shown += until - first
            first = until
            if shown % params.doubling == 0:
                a_plus = min(2 * a_plus, params.a_plus_max)
                a_minus = params.a_ratio * a_plus
            report(shown)
            if cancelled():
                raise Interrupted("interrupted; `--resume` goes on from the last finished layer or epoch")


def convergence(weights: Weights) -> float:
    """Return the mean of w (1 - w): 0 when every weight is at a bound."""
    return float((weights * (1 - weights)).mean())


def train_epoch(
    spiked: NDArray[np.bool_],
    labels: NDArray[np.uint8],
    weights: Weights,
    params: Mozafari2019,
    performance: tuple[float, float],
) -> tuple[tuple[float, float], float]:
    """Let the last layer learn for an epoch, in place.

    Reward is scaled by the share of wrong decisions in the batch before, punishment by that of right ones.

    Parameters
    ----------
    performance
        Shares of right and of wrong decisions of the batch before; (1, 1) at the very first.

    Returns
    -------
    performance
        Of the last batch.
    accuracy
        Share of right decisions of the epoch.
    """
    rewarded = np.array([params.a_plus, -params.a_minus])
    punished = np.array([-params.b_plus, params.b_minus])
    total = 0
    for first in range(0, len(labels), params.batch):
        part = slice(first, first + params.batch)
        right_before, wrong_before = performance
        rates = np.array([rewarded * wrong_before, punished * right_before], np.float32)
        n = len(labels[part])
        right, quiet = backend.train_decision(
            spiked[part], labels[part], weights, params.pad_3, rates, (params.low_3, params.high_3)
        )
        performance = right / n, (n - right - quiet) / n
        total += right
    return performance, total / len(labels)


def features(times: Times, weights: tuple[Weights, Weights], params: Mozafari2019) -> NDArray[np.bool_]:
    """Return which neurons after layer 2 and its pooling spike at all (n, rows, columns, maps)."""
    spiked = []
    for first in range(0, len(times), 5000):
        one = backend.transform(times[first : first + 5000], weights[0], params.layer(1), params.steps)
        spiked.append(backend.transform(one, weights[1], params.layer(2), params.steps) != NEVER)
    return np.concatenate(spiked)


def accuracy(
    decided: NDArray[np.int64], labels: NDArray[np.uint8], params: Mozafari2019
) -> tuple[float, float]:
    """Return the shares of right decisions and of images without one."""
    per_class = params.maps_3 // 10
    return float((decided // per_class == labels).mean()), float((decided < 0).mean())


def run_part(
    folder: Path,
    images: Images,
    params: Mozafari2019,
    seed: int,
    epochs: int,
    report: Report = silent,
    cancelled: Callable[[], bool] = lambda: False,
) -> NDArray[Any]:
    """Train the three layers, or what is missing of that, in `folder`; return the curve over the epochs (`CURVE`).

    The files weights_1.npy, weights_2.npy, features_train.npy and features_judging.npy (bits) appear when they are complete;
    the last layer has a checkpoint per epoch.
    """
    w1, w2, w3 = initial_weights(params, seed)
    names = [
        folder / f"{name}.npy" for name in ("weights_1", "weights_2", "features_train", "features_judging")
    ]
    if not all(path.exists() for path in names):
        started = time.monotonic()
        train_layer(1, images.times, w1, params, lambda n: report(0, f"layer 1, image {n}"), cancelled)
        log.info("layer 1: %.0f s, mean w (1 - w) %.4f", time.monotonic() - started, convergence(w1))
        pooled = backend.transform(images.times, w1, params.layer(1), params.steps)
        started = time.monotonic()
        train_layer(2, pooled, w2, params, lambda n: report(0, f"layer 2, image {n}"), cancelled)
        log.info("layer 2: %.0f s, mean w (1 - w) %.4f", time.monotonic() - started, convergence(w2))
        bits = backend.transform(pooled, w2, params.layer(2), params.steps) != NEVER
        del pooled
        save_array(names[0], w1)
        save_array(names[1], w2)
        save_array(names[2], np.packbits(bits.reshape(len(bits), -1), axis=1))
        judging = features(images.judging, (w1, w2), params)
        save_array(names[3], np.packbits(judging.reshape(len(judging), -1), axis=1))
    spiked, judging = (read_features(path, params) for path in names[2:])
    checkpoints, curve, performance = Checkpoints(folder), np.zeros(0, CURVE), (1.0, 1.0)
    saved = checkpoints.load()
    if saved is not None:
        arrays, facts = saved
        w3, curve, performance = arrays["weights_3"], arrays["curve"], tuple(facts["performance"])
    while len(curve) < epochs:
        report(len(curve), f"{curve['judged'][-1]:.2%}" if len(curve) else "")
        if cancelled():
            raise Interrupted("interrupted; `--resume` goes on")
        performance, learned = train_epoch(spiked, images.labels, w3, params, performance)
        right, quiet = accuracy(backend.decisions(judging, w3, params.pad_3), images.judging_labels, params)
        curve = np.append(curve, np.array([(learned, right, quiet)], CURVE))
        checkpoints.save(len(curve), {"weights_3": w3, "curve": curve}, {"performance": list(performance)})
    report(epochs, "")
    save_array(folder / "weights_3.npy", w3)
    save_array(folder / "curve.npy", curve)
    return curve[:epochs]


def read_features(path: Path, params: Mozafari2019) -> NDArray[np.bool_]:
    """Read bits written by `run_part` (n, rows, columns, maps)."""
    packed = load_array(path, shape=(None, None), kind="u", made_by="companion mozafari2019")
    side = 28 // params.pool_1 // params.pool_2
    bits = np.unpackbits(packed, axis=1, count=side * side * params.maps_2)
    return bits.reshape(len(bits), side, side, params.maps_2).astype(np.bool_)
