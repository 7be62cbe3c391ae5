"""Let networks learn to tell X from O, test them on images with flipped pixels, write what came out."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import brian2 as b2
import numpy as np
from numpy.typing import NDArray

from ...engines.runtime import choose_target
from ...errors import DiehlCookError
from ...progress import Interrupted, Report, no_report
from ...runs.files import load_array, save_array, save_json
from ...runs.run import versions
from .constants import XO
from .diagnosis import enough, findings
from .network import Built, build, normalised
from .patterns import PIXELS, Shown, nearest, testing, training
from .recorded import Recorded

SCHEMA = 1
WORTH_COMPILING = 200
"""Images; for fewer, compiling the equations takes longer than NumPy does."""

NOTHING = -1
"""Answer of a network of which no output spikes."""


def draw(params: XO, seed: int) -> tuple[list[Shown], NDArray[np.float64], NDArray[np.float64]]:
    """Return what each network sees, and the initial weights of both layers (networks, before, after).

    Network number k of a seed always gets the same random numbers, however many networks there are.
    """
    shown: list[Shown] = []
    hidden: list[NDArray[np.float64]] = []
    output: list[NDArray[np.float64]] = []
    for number in range(params.networks):
        rng = [np.random.default_rng(child) for child in np.random.SeedSequence((seed, number)).spawn(3)]
        parts = training(params, rng[0]), testing(params, rng[1])
        shown.append(Shown(*(np.concatenate(pair) for pair in zip(*parts, strict=True))))
        shapes = (PIXELS, params.n_hidden), (params.n_hidden, 2)
        for weights, shape, mean in zip((hidden, output), shapes, params.initial_means, strict=True):
            low, high = (1 - params.w_spread) * mean, (1 + params.w_spread) * mean
            weights.append(rng[2].uniform(low, high, shape))
    return shown, np.array(hidden), np.array(output)


def simulate(
    params: XO, seed: int, report: Report = no_report, cancelled: Callable[[], bool] = lambda: False
) -> Recorded:
    """Let all networks learn, freeze their weights, test them.

    Raises
    ------
    Interrupted
        `cancelled` returned true; an experiment takes less than a minute and is not resumed.
    """
    target = b2.prefs.codegen.target
    if params.images < WORTH_COMPILING:
        b2.prefs.codegen.target = "numpy"
    choose_target()
    try:
        return show(params, seed, report, cancelled)
    finally:
        b2.prefs.codegen.target = target


def show(params: XO, seed: int, report: Report, cancelled: Callable[[], bool]) -> Recorded:
    """Show all images to all networks; see `simulate`."""
    b2.prefs.core.stop_on_keyboard_interrupt = False  # a stopped run would look like a finished one
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

    built.network.add(
        b2.NetworkOperation(
            before_image, dt=params.t_presentation * b2.second, when="start", name="normalise"
        )
    )
    stopped = False

    def told(_elapsed: Any, completed: float, start: Any, duration: Any) -> None:
        nonlocal stopped
        report(round((float(start) + completed * float(duration)) / params.t_presentation), "")
        if cancelled():
            stopped = True
            b2.stop()

    for images, plastic in ((n, 1), (labels.shape[1] - n, 0)):
        for name in ("onto_hidden", "onto_output"):
            built.network[name].plastic = plastic
        built.network.run(
            images * params.t_presentation * b2.second, namespace={}, report=told, report_period=1 * b2.second
        )
        if stopped:
            raise Interrupted("interrupted; nothing was written")
    return recorded(built, params, labels, pixels, history)


def recorded(
    built: Built,
    params: XO,
    labels: NDArray[np.int64],
    pixels: NDArray[np.bool_],
    history: tuple[list[NDArray[np.float64]], ...],
) -> Recorded:
    """Return what is kept, from the monitors of the network."""
    spikes = [
        (np.array(built.network[name].t_), np.array(built.network[name].i))
        for name in ("spikes_inputs", "spikes_hidden", "spikes_outputs")
    ]
    counts, first = [], np.full((*labels.shape, 2), np.inf)
    for (times, neurons), size in zip(spikes, built.sizes, strict=True):
        count = np.zeros((*labels.shape, size), np.int64)
        image = np.minimum((times / params.t_presentation + 1e-6).astype(np.int64), labels.shape[1] - 1)
        at = neurons // size, image, neurons % size
        np.add.at(count, at, 1)
        counts.append(count)
    np.minimum.at(first, at, times)  # of the outputs, the last layer
    answers = np.where(first[..., 0] == first[..., 1], NOTHING, first.argmin(axis=-1))
    raster = np.concatenate(
        [
            np.array([times[neurons < size], np.full((neurons < size).sum(), layer), neurons[neurons < size]])
            for layer, ((times, neurons), size) in enumerate(zip(spikes, built.sizes, strict=True))
        ],
        axis=1,
    )
    onto_hidden, onto_output = (np.array(one, np.float32) for one in history)
    shown = labels, pixels.astype(np.uint8), answers
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
    report: Report = no_report,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Run an experiment and write its .npy files and run.json into `folder`; return what run.json has.

    Raises
    ------
    DiehlCookError
        There is a run already, and no `force`; or bad input.
    """
    path = folder / "run.json"
    if path.exists() and not force:
        raise DiehlCookError(f"{folder}: there is a run already; use --force to replace it, or another --run")
    started = time.monotonic()
    found = simulate(params, seed, report, cancelled)
    right, wrong, none = accuracy(params, found)
    facts = {
        "schema": SCHEMA,
        "companion": "xo",
        "versions": versions(),
        "seed": seed,
        "params": params.as_texts(),
        "sources": dict(params.sources),
        "right": right.mean(axis=0).tolist(),
        "wrong": wrong.mean(axis=0).tolist(),
        "no_answer": none.mean(axis=0).tolist(),
        "right_of_each_network": right.tolist(),
        "nearest_pattern": ideal(params, found).tolist(),
        "findings": findings(params, found),
        "all_checks": enough(params),
        "wall_s": round(time.monotonic() - started, 1),
        "date": time.strftime("%Y-%m-%d"),
    }
    for name, array in found._asdict().items():
        save_array(folder / f"{name}.npy", array)
    save_json(path, facts)
    return facts


def load(folder: Path) -> Recorded:
    """Read what an experiment has written into `folder`."""
    axes = {"labels": 2, "pixels": 3, "answers": 2, "hidden_spikes": 3, "output_spikes": 3, "raster": 2}
    return Recorded(
        **{
            name: load_array(
                folder / f"{name}.npy", shape=(None,) * axes.get(name, 4), kind="fiu", made_by="companion xo"
            )
            for name in Recorded._fields
        }
    )
