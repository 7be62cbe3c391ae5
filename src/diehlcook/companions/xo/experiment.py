"""Let networks learn to tell X from O, test them on images with flipped pixels, write what came out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...engines.runtime import code_target
from ...model.brian import b2, in_this_process
from ...progress import Report, no_report
from ..common.brian import run_network
from ..common.run import Draw, run_and_keep
from .constants import XO
from .diagnosis import enough, findings
from .network import Built, build, normalised
from .patterns import PIXELS, Shown, nearest, testing, training
from .recorded import Recorded

WORTH_COMPILING = 200
"""Images; for fewer, compiling the equations takes longer than NumPy does."""

NOTHING = -1
"""Answer of a network of which no output spikes."""


def draw(params: XO, seed: int) -> tuple[list[Shown], NDArray[np.float64], NDArray[np.float64]]:
    """Return what each network sees, and the initial weights of both layers (networks, before, after).

    Network number k of a seed always gets the same random numbers, however many networks there are.
    """
    shown: list[Shown] = []
    weights = []
    shapes, spread = ((PIXELS, params.n_hidden), (params.n_hidden, 2)), params.w_spread
    for number in range(params.networks):
        rng = [np.random.default_rng(child) for child in np.random.SeedSequence((seed, number)).spawn(3)]
        parts = training(params, rng[0]), testing(params, rng[1])
        shown.append(Shown(*(np.concatenate(pair) for pair in zip(*parts, strict=True))))
        layers = zip(params.initial_means, shapes, strict=True)
        weights.append([rng[2].uniform((1 - spread) * m, (1 + spread) * m, shape) for m, shape in layers])
    hidden, output = (np.array(one) for one in zip(*weights, strict=True))
    return shown, hidden, output


def simulate(
    params: XO, seed: int, report: Report = no_report, cancelled: Callable[[], bool] = lambda: False
) -> Recorded:
    """Let all networks learn, freeze their weights, test them.

    Raises
    ------
    Interrupted
        `cancelled` returned true; an experiment takes less than a minute and is not resumed.
    """
    with in_this_process("numpy" if params.images < WORTH_COMPILING else code_target()):
        return show(params, seed, report, cancelled)


def show(params: XO, seed: int, report: Report, cancelled: Callable[[], bool]) -> Recorded:
    """Show all images to all networks; see `simulate`."""
    shown, hidden, output = draw(params, seed)
    labels, pixels, onsets = (np.stack(one) for one in zip(*shown, strict=True))
    n = params.presentations
    teacher = np.eye(2, dtype=np.bool_)[labels]
    teacher[:, n:] = False
    built = build(params, pixels, onsets, teacher)
    built.set_weights(1, hidden)
    built.set_weights(2, output)
    history: tuple[list[NDArray[np.float64]], ...] = ([], [])

    def before_image() -> None:
        sums = params.weight_sum_hidden, params.weight_sum_output
        for layer, kept in enumerate(history, 1):
            if len(kept) > n:  # nothing changes any more in tests
                return
            weights = built.weights(layer)
            if params.normalise:
                weights = normalised(weights, sums[layer - 1], params.bounds[layer - 1])
                built.set_weights(layer, weights)
            kept.append(weights)

    each = params.t_presentation * b2.second
    built.network.add(b2.NetworkOperation(before_image, dt=each, when="start", name="normalise"))
    for images, plastic in ((n, 1), (labels.shape[1] - n, 0)):
        for name in ("onto_hidden", "onto_output"):
            built.network[name].plastic = plastic
        run_network(built.network, images * params.t_presentation, report, cancelled, params.t_presentation)
    return recorded(built, params, labels, pixels, history)


def recorded(
    built: Built,
    params: XO,
    labels: NDArray[np.int64],
    pixels: NDArray[np.bool_],
    history: tuple[list[NDArray[np.float64]], ...],
) -> Recorded:
    """Return what is kept, from the monitors of the network."""
    counts, rasters, first = [], [], np.full((*labels.shape, 2), np.inf)
    for layer, (name, size) in enumerate(zip(("inputs", "hidden", "outputs"), built.sizes, strict=True)):
        monitor = built.network[f"spikes_{name}"]
        times, neurons = np.array(monitor.t_), np.array(monitor.i)
        count = np.zeros((*labels.shape, size), np.int64)
        image = np.minimum((times / params.t_presentation + 1e-6).astype(np.int64), labels.shape[1] - 1)
        at = neurons // size, image, neurons % size
        np.add.at(count, at, 1)
        counts.append(count)
        own = neurons < size
        rasters.append(np.array([times[own], np.full(own.sum(), layer), neurons[own]]))
    np.minimum.at(first, at, times)  # of the outputs, the last layer
    answers = np.where(first[..., 0] == first[..., 1], NOTHING, first.argmin(axis=-1))
    onto_hidden, onto_output = (np.array(one, np.float32) for one in history)
    shown, raster = (labels, pixels.astype(np.uint8), answers), np.concatenate(rasters, axis=1)
    return Recorded(*shown, counts[1], counts[2], onto_hidden, onto_output, raster)


def accuracy(params: XO, recorded: Recorded) -> NDArray[np.float64]:
    """Return the shares of right, wrong and no answers for each network and number of flipped pixels (3, networks, flips)."""
    shape = params.networks, params.flips_max + 1, -1
    answers, labels = (
        one[:, params.presentations :].reshape(shape) for one in (recorded.answers, recorded.labels)
    )
    none = answers == NOTHING
    return np.array([(one).mean(axis=2) for one in (answers == labels, ~none & (answers != labels), none)])


def ideal(params: XO, recorded: Recorded) -> NDArray[np.float64]:
    """Return how often the nearer of the two patterns would be right, for each number of flipped pixels (flips,)."""
    x = nearest(recorded.pixels[:, params.presentations :].astype(np.bool_))
    right = np.where(recorded.labels[:, params.presentations :] == 0, x, 1 - x)
    return np.asarray(right.reshape(params.networks, params.flips_max + 1, -1).mean(axis=(0, 2)))


def run(
    folder: Path,
    params: XO,
    *,
    seed: int = 0,
    force: bool = False,
    draw: Draw | None = None,
    report: Report = no_report,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[dict[str, Any], Recorded]:
    """Run an experiment and write it into `folder`; see `run_and_keep`."""
    shown, judged = partial(simulate, params, seed, report, cancelled), partial(outcome, params)
    return run_and_keep(folder, force, shown, judged, params, companion="xo", draw=draw, seed=seed)


def outcome(params: XO, recorded: Recorded) -> dict[str, Any]:
    """Return what run.json says about an experiment."""
    right, wrong, none = accuracy(params, recorded)
    return {
        "right": right.mean(axis=0).tolist(),
        "wrong": wrong.mean(axis=0).tolist(),
        "no_answer": none.mean(axis=0).tolist(),
        "right_of_each_network": right.tolist(),
        "nearest_pattern": ideal(params, recorded).tolist(),
        "findings": findings(params, recorded),
        "all_checks": enough(params),
    }
