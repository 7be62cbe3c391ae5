"""Let networks learn to tell X from O, test them on images with flipped pixels, write what came out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DiehlCookError
from ...progress import Report, no_report
from ..common.run import Draw, run_and_keep
from .constants import XO
from .diagnosis import enough, findings
from .engines import ENGINES, Course
from .patterns import KINDS, NOTHING, PIXELS, Shown, nearest, testing, training
from .recorded import Recorded


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
    params: XO,
    seed: int,
    engine: str = "runtime",
    report: Report = no_report,
    cancelled: Callable[[], bool] = lambda: False,
) -> Recorded:
    """Let all networks learn, freeze their weights, test them.

    Parameters
    ----------
    engine
        One of `ENGINES`.

    Raises
    ------
    Interrupted
        `cancelled` returned true; an experiment takes less than two minutes and is not resumed.
    """
    if engine not in ENGINES:
        raise DiehlCookError(f"engine is {engine!r}; choose one of {', '.join(ENGINES)}")
    shown, *weights = draw(params, seed)
    together = Shown(*(np.stack(one) for one in zip(*shown, strict=True)))
    return recorded(
        params, together, ENGINES[engine](params, together, (weights[0], weights[1]), report, cancelled)
    )


def recorded(params: XO, shown: Shown, course: Course) -> Recorded:
    """Return what is kept of what networks did."""
    labels = shown.labels
    counts, rasters, first = [], [], np.full((*labels.shape, 2), np.inf)
    sizes = PIXELS, params.n_hidden, 2
    for layer, ((times, neurons), size) in enumerate(zip(course.spikes, sizes, strict=True)):
        count = np.zeros((*labels.shape, size), np.int64)
        image = np.minimum((times / params.t_presentation + 1e-6).astype(np.int64), labels.shape[1] - 1)
        at = neurons // size, image, neurons % size
        np.add.at(count, at, 1)
        counts.append(count)
        own = neurons < size
        rasters.append(np.array([times[own], np.full(own.sum(), layer), neurons[own]]))
    np.minimum.at(first, at, times)  # of the outputs, the last layer
    answers = np.where(first[..., 0] == first[..., 1], NOTHING, first.argmin(axis=-1))
    onto_hidden, onto_output = (np.array(one, np.float32) for one in course.weights)
    kept, raster = (labels, shown.pixels.astype(np.uint8), answers), np.concatenate(rasters, axis=1)
    return Recorded(*kept, counts[1], counts[2], onto_hidden, onto_output, raster)


def tested(params: XO, values: NDArray[Any]) -> NDArray[Any]:
    """Return values of all images (networks, n + m, ...) for the test images: (networks, flips, kinds, tests, ...)."""
    shape = params.networks, params.flips_max + 1, params.kinds, params.tests
    return values[:, params.presentations :].reshape(*shape, *values.shape[2:])


def shares(params: XO, recorded: Recorded) -> NDArray[np.float64]:
    """Return the shares of right, wrong and no answers for each network, number of flipped pixels and kind of image (3, networks, flips, kinds).

    To a blank image no answer is the right one.
    """
    answers, labels = tested(params, recorded.answers), tested(params, recorded.labels)
    none = answers == NOTHING
    judged = answers == labels, ~none & (answers != labels), none
    return np.array([one.mean(axis=3) for one in judged])


def accuracy(params: XO, recorded: Recorded) -> NDArray[np.float64]:
    """Return the shares of right, wrong and no answers to X and O for each network and number of flipped pixels (3, networks, flips)."""
    return np.asarray(shares(params, recorded)[..., :2].mean(axis=3))


def ideal(params: XO, recorded: Recorded) -> NDArray[np.float64]:
    """Return how often the nearer of the two patterns would be right for X and O, for each number of flipped pixels (flips,)."""
    x = nearest(tested(params, recorded.pixels)[:, :, :2].astype(np.bool_))
    right = np.where(tested(params, recorded.labels)[:, :, :2] == 0, x, 1 - x)
    return np.asarray(right.mean(axis=(0, 2, 3)))


def run(
    folder: Path,
    params: XO,
    *,
    seed: int = 0,
    engine: str = "runtime",
    force: bool = False,
    draw: Draw | None = None,
    report: Report = no_report,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[dict[str, Any], Recorded]:
    """Run an experiment and write it into `folder`; see `run_and_keep`."""
    shown, judged = partial(simulate, params, seed, engine, report, cancelled), partial(outcome, params)
    return run_and_keep(
        folder, force, shown, judged, params, companion="xo", draw=draw, seed=seed, engine=engine
    )


def outcome(params: XO, recorded: Recorded) -> dict[str, Any]:
    """Return what run.json says about an experiment."""
    right, wrong, none = accuracy(params, recorded)
    return {
        "right": right.mean(axis=0).tolist(),
        "wrong": wrong.mean(axis=0).tolist(),
        "no_answer": none.mean(axis=0).tolist(),
        "right_of_each_network": right.tolist(),
        **others(params, recorded),
        "nearest_pattern": ideal(params, recorded).tolist(),
        "findings": findings(params, recorded),
        "all_checks": enough(params),
    }


def others(params: XO, recorded: Recorded) -> dict[str, Any]:
    """Return the shares of right answers to blank and circle-like images for each number of flipped pixels, if there were any."""
    right = shares(params, recorded)[0].mean(axis=0)
    return {f"right_{KINDS[kind]}": right[:, kind].tolist() for kind in range(2, params.kinds)}
