"""Train layer by layer, decide by reward, test; with epochs chosen on training images that were held out.

`select` learns from all training images but the last ones, and these choose the epoch. `refit` starts again
from nothing with all of them; test images are looked at by it alone, and choose nothing.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...data.datasets import Dataset
from ...errors import DiehlCookError
from ...model.arrays import Expected
from ...model.order import image_at
from ...model.stimulus import fold, uniform
from ...progress import Interrupted, Report, no_report, waiting_for
from ...runs import layout
from ...runs.checkpoints import Checkpoints
from ...runs.files import digest, identity, load_array, load_json, read_npy, save_array, save_json
from ...runs.run import versions
from ..common.run import SCHEMA, discard_page, owned_by, refuse_existing
from . import kernel
from .constants import IMAGE_SIDE, Mozafari2019
from .encoding import NEVER, Times, Weights, encode

log = logging.getLogger(__name__)

PARTS = ("select", "refit")

CACHE = r"cache/(about\.json|train\.npy|test\.npy)"
OF_PARTS = (
    rf"({'|'.join(PARTS)})/((weights_[123]|features_train|features_judging|labels_judging|curve)\.npy"
    r"|checkpoints/(\d+|\.unfinished-[0-9a-f]{8})/(checkpoint\.json|\w+\.npy))"
)
"""All files that a run has beside run.json and figures."""
FIGURES = r"figures/(features_[123]|spike_times|epochs|tsne)\.png"

HELD_OUT = 1 / 6
"""Share of the training images that choose: the last 10,000 of 60,000."""

DROPOUT = 6
"""Tells the keys of dropout from those of `order` and `stimulus`."""

CURVE = np.dtype([("train", "f8"), ("judged", "f8"), ("silent", "f8")])
"""A row per epoch of the last layer: share of right decisions while learning, and of the images that judge;
without a decision."""


def learned_from(n_images: int) -> int:
    """Return how many training images are learned from while those that choose are held out."""
    return n_images - round(HELD_OUT * n_images)


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
    seed: int,
    cancelled: Callable[[], bool] = lambda: False,
) -> int:
    """Let layer 1 or 2 learn by STDP, in place; return how many images it was shown.

    Rates double every `doubling` images until they are at their largest; as often, but not before the end of the
    first pass, it is seen whether the weights have `settled`.
    """
    layer, epochs = params.layer(number), params.epochs_1 if number == 1 else params.epochs_2
    a_plus, a_minus = params.a_plus, params.a_minus
    n, shown = len(times), 0
    while shown < epochs * n:
        # up to where the rates double next, which does not care where an epoch ends
        until = min(shown + params.doubling - shown % params.doubling, epochs * n)
        images = image_at(np.arange(shown, until), n, order=params.order, seed=seed)
        kernel.train(times[images], weights, layer, params.steps, a_plus, a_minus)
        shown = until
        if shown % params.doubling == 0:
            a_plus = min(2 * a_plus, params.a_plus_max)
            a_minus = params.a_ratio * a_plus
            if params.settled and shown >= n and convergence(weights) < params.settled:
                break
        waiting_for(f"layer {number}, image {shown} of {epochs * n}")
        if cancelled():
            raise Interrupted("interrupted; `--resume` begins again with layer 1")
    return shown


def convergence(weights: Weights) -> float:
    """Return the mean of w (1 - w): 0 when every weight is at a bound."""
    return float((weights * (1 - weights)).mean())


def kept_maps(params: Mozafari2019, seed: int, position: int) -> NDArray[np.int64]:
    """Return the maps of layer 3 that dropout leaves from a position on, as many of each class.

    The position counts the images shown to the layer from 0, over all passes.
    """
    per_class = params.maps_3 // 10
    key = fold(fold(fold(0, seed), DROPOUT), position)
    by_chance = uniform(key, np.arange(params.maps_3)).reshape(10, per_class).argsort(axis=1)
    left = by_chance[:, int(params.dropout_3 * per_class) :]
    return np.sort((left + per_class * np.arange(10)[:, None]).ravel())


def train_batch(
    spiked: NDArray[np.bool_],
    labels: NDArray[np.uint8],
    weights: Weights,
    params: Mozafari2019,
    seed: int,
    position: int,
    rates: NDArray[np.float32],
) -> tuple[int, int]:
    """Let the last layer learn from a batch, in place; return how many images were right, and how many had no winner.

    Maps that drop out are not computed at all: those that are left learn in an array of their own.
    """
    right, quiet = 0, 0
    some = params.renewal_3 if params.dropout_3 else len(labels)
    for first in range(0, len(labels), some):
        part = slice(first, first + some)
        kept = kept_maps(params, seed, position + first)
        left = np.ascontiguousarray(weights[..., kept])
        counts = kernel.train_decision(
            spiked[part], labels[part], left, kept // (params.maps_3 // 10), params.pad_3, rates,
            (params.low_3, params.high_3),
        )  # fmt: skip
        weights[..., kept] = left
        right, quiet = right + counts[0], quiet + counts[1]
    return right, quiet


def train_epoch(
    spiked: NDArray[np.bool_],
    labels: NDArray[np.uint8],
    weights: Weights,
    params: Mozafari2019,
    seed: int,
    epoch: int,
    performance: tuple[float, float],
) -> tuple[tuple[float, float], float]:
    """Let the last layer learn for an epoch, in place.

    Reward is scaled by the share of wrong decisions in the batch before, punishment by that of right ones.

    Parameters
    ----------
    epoch
        Its number, from 0: with the seed it decides the order of the images and what dropout leaves out.
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
    punished = np.array([-params.b_minus, params.b_plus])
    total, n = 0, len(labels)
    images = image_at(np.arange(epoch * n, (epoch + 1) * n), n, order=params.order, seed=seed)
    for first in range(0, n, params.batch):
        batch = images[first : first + params.batch]
        right_before, wrong_before = performance
        rates = np.array([rewarded * wrong_before, punished * right_before], np.float32)
        right, quiet = train_batch(
            spiked[batch], labels[batch], weights, params, seed, epoch * n + first, rates
        )
        performance = right / len(batch), (len(batch) - right - quiet) / len(batch)
        total += right
    return performance, total / n


def features(times: Times, weights: tuple[Weights, Weights], params: Mozafari2019) -> NDArray[np.bool_]:
    """Return which neurons after layer 2 and its pooling spike at all (n, rows, columns, maps)."""
    spiked = []
    for first in range(0, len(times), 5000):
        one = kernel.transform(times[first : first + 5000], weights[0], params.layer(1), params.steps)
        spiked.append(kernel.transform(one, weights[1], params.layer(2), params.steps) != NEVER)
    return np.concatenate(spiked)


def run_part(
    folder: Path,
    images: Images,
    params: Mozafari2019,
    seed: int,
    epochs: int,
    report: Report = no_report,
    cancelled: Callable[[], bool] = lambda: False,
) -> NDArray[Any]:
    """Train the three layers, or what is missing of that, in `folder`; return the curve over the epochs (`CURVE`).

    The files weights_1.npy, weights_2.npy, features_train.npy and features_judging.npy (bits) appear when
    they are complete; the last layer has a checkpoint per epoch.
    """
    w1, w2, w3 = initial_weights(params, seed)
    names = "weights_1", "weights_2", "features_train", "features_judging"
    paths = [folder / f"{name}.npy" for name in names]
    if not all(path.exists() for path in paths):
        times = images.times
        for number, weights in enumerate((w1, w2), 1):
            started = time.monotonic()
            shown = train_layer(number, times, weights, params, seed, cancelled)
            wall, settled = time.monotonic() - started, convergence(weights)
            log.info("layer %d: %d images, %.0f s, mean w (1 - w) %.4f", number, shown, wall, settled)
            times = kernel.transform(times, weights, params.layer(number), params.steps)
        both = times != NEVER, features(images.judging, (w1, w2), params)
        save_array(folder / "labels_judging.npy", images.judging_labels)
        save_array(paths[0], w1)
        save_array(paths[1], w2)
        for path, one in zip(paths[2:], both, strict=True):
            save_array(path, np.packbits(one.reshape(len(one), -1), axis=1))
    made = {name: digest(read_npy(path)) for name, path in zip(names, paths, strict=True)}
    spiked, judging = (read_features(path, params) for path in paths[2:])
    known = identity(dict(params.as_texts()), seed, digest(images.labels), digest(images.judging_labels))
    checkpoints, curve, performance = Checkpoints(folder, known), np.zeros(0, CURVE), (1.0, 1.0)
    saved = checkpoints.load()
    if saved is not None:
        arrays, facts = saved
        for name, one in facts.get("made", made).items():  # older checkpoints do not say
            if made[name] != one:
                raise DiehlCookError(
                    f"{folder / name}.npy is not the one that layer 3 has learned from; restore it, or use "
                    "--force"
                )
        w3, curve = arrays["weights_3"], arrays["curve"]
        performance = facts["performance"][0], facts["performance"][1]
    while len(curve) < epochs:
        report(len(curve), f"{curve['judged'][-1]:.2%}" if len(curve) else "")
        if cancelled():
            raise Interrupted("interrupted; `--resume` goes on")
        performance, learnt = train_epoch(spiked, images.labels, w3, params, seed, len(curve), performance)
        decided = kernel.decisions(judging, w3, params.pad_3)
        right = (decided // (params.maps_3 // 10) == images.judging_labels).mean()
        curve = np.append(curve, np.array([(learnt, right, (decided < 0).mean())], CURVE))
        checkpoints.save(
            len(curve), {"weights_3": w3, "curve": curve}, {"performance": list(performance), "made": made}
        )
    report(epochs, "")
    save_array(folder / "weights_3.npy", w3)
    save_array(folder / "curve.npy", curve)
    return curve[:epochs]


def read_features(path: Path, params: Mozafari2019) -> NDArray[np.bool_]:
    """Read bits written by `run_part` (n, rows, columns, maps)."""
    packed = load_array(path, Expected((None, None), "u"), made_by="companion mozafari2019")
    side = params.side
    bits = np.unpackbits(packed, axis=1, count=side * side * params.maps_2)
    return bits.reshape(len(bits), side, side, params.maps_2).astype(np.bool_)


class Encoded(NamedTuple):
    """The spike times of all images, and what the cache says of them."""

    times: dict[str, Times]
    """By split."""
    facts: dict[str, Any]
    kept: bool
    """Whether the cache has them."""


def encoded(folder: Path, train: Dataset, test: Dataset, params: Mozafari2019) -> Encoded:
    """Return the spike times of all images, from the cache in `folder` if it has those of these images, undamaged."""
    encoding = {name: params.text(name) for name in ("steps", "floor", "radius_norm")}
    facts: dict[str, Any] = {"train": train.digest, "test": test.digest, "encoding": encoding}
    times: dict[str, Times] = {}
    with contextlib.suppress(DiehlCookError):  # one that is not there or cannot be read is made anew
        about = load_json(folder / "cache" / "about.json")
        times = {name: read_npy(folder / "cache" / f"{name}.npy") for name in ("train", "test")}
        facts["sha256"] = {name: digest(array) for name, array in times.items()}
        if about == facts:
            return Encoded(times, facts, True)
    for name, data in (("train", train), ("test", test)):
        try:
            times[name] = encode(data.images, params)
        except DiehlCookError as error:
            raise DiehlCookError(f"{data.name}, {name} images: {error}") from None
    facts["sha256"] = {name: digest(array) for name, array in times.items()}
    return Encoded(times, facts, False)


def keep_encoded(folder: Path, found: Encoded) -> None:
    """Put spike times into the cache, unless it has them."""
    if not found.kept:
        layout.remove_matching(folder, CACHE)
        for name, times in found.times.items():
            save_array(folder / "cache" / f"{name}.npy", times)
        save_json(folder / "cache" / "about.json", found.facts)


def run(
    folder: Path,
    train: Dataset,
    test: Dataset,
    params: Mozafari2019,
    *,
    seed: int = 0,
    epochs: int = 30,
    resume: bool = False,
    force: bool = False,
    report: Report = no_report,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Choose an epoch on held-out training images, start again with all of them, test; return what run.json has.

    Parameters
    ----------
    epochs
        Passes of the last layer over the images; a run can be resumed with more of them.

    Raises
    ------
    DiehlCookError
        There is a run already, and neither `resume` nor `force`; or it is of other parameters or images, or
        longer; the images are not of 28 x 28 pixels and ten classes, or too few.
    Interrupted
        `cancelled` returned true; what was finished is kept.
    """
    for data in (train, test):
        if data.images.shape[1:] != (IMAGE_SIDE, IMAGE_SIDE) or data.labels.max(initial=0) > 9:
            raise DiehlCookError(f"{data.name}: images must be of 28 x 28 pixels, labels from 0 to 9")
    if learned_from(len(train)) == len(train):
        raise DiehlCookError(f"{len(train)} training images are too few: a sixth of them is held out")
    if resume and force:
        raise DiehlCookError("--resume goes on, --force begins again; choose one")
    plan = {
        "schema": SCHEMA,
        "versions": versions(),
        "companion": "mozafari2019",
        "seed": seed,
        "params": params.as_texts(),
        "data": {"name": train.name, "images": len(train), "train": train.digest, "test": test.digest},
    }
    with owned_by("mozafari2019", folder):
        refuse_existing(folder, resume or force, "use --resume to continue it, --force to replace it")
        return run_owned(
            folder, plan, train, test, params, seed=seed, epochs=epochs, resume=resume, force=force,
            report=report, cancelled=cancelled,
        )  # fmt: skip


def run_owned(
    folder: Path,
    plan: dict[str, Any],
    train: Dataset,
    test: Dataset,
    params: Mozafari2019,
    *,
    seed: int,
    epochs: int,
    resume: bool,
    force: bool,
    report: Report,
    cancelled: Callable[[], bool],
) -> dict[str, Any]:
    """Do the work of `run` in a folder that this process owns."""
    path = folder / "run.json"
    if resume and not path.exists():
        raise DiehlCookError(f"{folder}: nothing to resume (run.json not found); name the run with --run")
    if resume:
        old = load_json(path)
        different = [name for name in plan if name != "versions" and old.get(name) != plan[name]]
        if different:
            raise DiehlCookError(
                f"{folder}: cannot resume with another {different[0]} than the run was started with"
            )
        asked = old.get("epochs_asked", old.get("epochs", 0))
        if asked > epochs:
            raise DiehlCookError(f"{folder}: the run is one of {asked} epochs; --epochs must not be less")
    found = encoded(folder, train, test, params)  # what can fail has not failed: only now an earlier run goes
    discard_page(folder)
    if force or not path.exists():
        layout.remove_matching(folder, OF_PARTS)  # first, or a kill would leave them to the new run
        layout.remove_matching(folder, FIGURES)
        save_json(path, plan)
    started, before = time.monotonic(), load_json(path) | {"epochs_asked": epochs, "finished": False}
    save_json(path, before)
    keep_encoded(folder, found)

    def wall() -> float:
        return round(float(before.get("wall_s", 0.0)) + time.monotonic() - started, 1)

    times, test_times = found.times["train"], found.times["test"]
    kept = learned_from(len(train))
    parts = {
        "select": Images(times[:kept], train.labels[:kept], times[kept:], train.labels[kept:]),
        "refit": Images(times, train.labels, test_times, test.labels),
    }
    curves = {}
    for number, (name, images) in enumerate(parts.items()):

        def told(epoch: int, words: str, number: int = number, name: str = name) -> None:
            report(number * epochs + epoch, f"{name} {words}".strip())

        try:
            curves[name] = run_part(folder / name, images, params, seed, epochs, told, cancelled)
        except Interrupted:
            save_json(path, before | {"wall_s": wall()})
            raise
    best = int(curves["select"]["judged"].argmax())
    del before["epochs_asked"]
    facts = before | {
        "finished": True,
        "versions": versions(),
        "sources": dict(params.sources),
        "epochs": epochs,
        "validation": {
            "images": len(train) - kept,
            "best_epoch": best + 1,
            "best": float(curves["select"]["judged"][best]),
        },
        "test": {
            "images": len(test),
            "last": float(curves["refit"]["judged"][-1]),
            "at_best_epoch": float(curves["refit"]["judged"][best]),
            "maps_that_decide": maps_that_decide(folder / "refit", params),
        },
        "wall_s": wall(),
        "date": time.strftime("%Y-%m-%d"),
    }
    save_json(path, facts)
    return facts


def maps_that_decide(part: Path, params: Mozafari2019) -> int:
    """Return how many maps of the last layer decide one of the judging images, or more."""
    judging = read_features(part / "features_judging.npy", params)
    decided = kernel.decisions(judging, read_npy(part / "weights_3.npy"), params.pad_3)
    return int(np.unique(decided[decided >= 0]).size)


def add_linear(folder: Path, train: Dataset, test: Dataset, params: Mozafari2019) -> dict[str, Any]:
    """Fit the linear classifier on the features of both parts; write and return what run.json gets."""
    from .linear import readout

    kept = learned_from(len(train))
    labels = (train.labels[:kept], train.labels[kept:]), (train.labels, test.labels)
    select, refit = (
        (
            read_features(folder / part / "features_train.npy", params), learned,
            read_features(folder / part / "features_judging.npy", params), judging,
        )
        for part, (learned, judging) in zip(PARTS, labels, strict=True)
    )  # fmt: skip
    facts = {"linear": readout(select, refit)._asdict()}
    save_json(folder / "run.json", load_json(folder / "run.json") | facts)
    return facts
