"""Phase 1: learn from images without labels (paper §2.6); state goes to checkpoints, results to .npy files.

`model.order.image_at` says which image is shown when. Labels are only written beside the history
and used for the accuracy curve during training: labels from one window of images classify the next (paper
Fig. 2C).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..analysis import health
from ..data.datasets import Dataset, Given, for_network, grey_values
from ..engines.base import Model
from ..engines.registry import AUTO, DEFAULT_ENGINE, open_engine, resolve
from ..errors import DiehlCookError
from ..model import neurons, wiring
from ..model.arrays import check_seed, check_text, check_whole
from ..model.neurons import NeuronModel
from ..model.params import Params, as_params, preset_of
from ..model.rules import LearningRule
from ..progress import Progress, Report, shown
from ..runs import layout
from ..runs import snapshots as moments
from ..runs.checkpoints import Checkpoints, Saved
from ..runs.exchange import check_can_go_on
from ..runs.files import digest
from ..runs.run import Run, as_path, load_run, start_afresh, versions
from .training import Training, check_choice, seconds_between_checkpoints

log = logging.getLogger(__name__)


MOST_EPOCHS = 10_000
"""Passes, at most: the history has a row for every image of each."""


def train(
    folder: Path | str,
    data: Given,
    params: Params | str,
    *,
    preset: str | None = None,
    seed: int = 0,
    epochs: int = 1,
    engine: str = DEFAULT_ENGINE,
    excitatory: NeuronModel = neurons.EXCITATORY,
    plasticity: LearningRule | None = None,
    snapshots: int | None = None,
    resume: bool = False,
    force: bool = False,
    progress: Progress = True,
    cancelled: Callable[[], bool] = lambda: False,
) -> Run:
    """Train a network without labels, and write what it has learned into a run directory (paper, section 2.6).

    Parameters
    ----------
    folder
        The run directory. It is made if it is not there.
    data
        The images to learn from, all of which every pass shows once: a data set, which `datasets.load` reads, or
        a pair (images, labels); see `datasets.Dataset.from_arrays`.
    params
        The constants of the model, which `load_preset` returns, or the name of a preset.
    preset
        The name of these constants, which run.json and the report show. By default it is that of the preset which
        has all these values, or ``"custom"``.
    seed
        The number from which initial weights, delays and input spikes follow.
    epochs
        How many passes over the images are made, in all.
    engine
        The name of an engine, one of `engines.registry.ENGINES`, or ``"auto"`` for the fastest of them that can
        run the model on this machine. All give the same spikes. A run that goes on keeps its engine under ``"auto"``.
    excitatory, plasticity
        Equations that replace those of the excitatory neurons, or the learning rule; see
        `model.network.build_network`. They are tried in a tiny network before anything else is done.
    snapshots
        How many times at least the weights are kept on the way; by default as many as a report shows.
    resume
        Go on with the run in `folder` from its newest checkpoint. A training that is finished goes on if
        `epochs` is larger than before.
    force
        Discard the run that is in `folder`, and begin anew.
    progress
        True shows the progress on stderr, and False shows none. A function is called again and again with the
        number of images that are done and with a few words on the state of things.
    cancelled
        A function that is called again and again; as soon as it returns true, the phase stops.

    Returns
    -------
    Run
        The trained run. Its directory holds weights.npy, theta.npy, delays.npy, the history and the snapshots.

    Raises
    ------
    DiehlCookError
        The input is bad, or a run would be overwritten, or the network diverges or falls silent. In the last
        case the newest checkpoint stays.
    Interrupted
        `cancelled` returned true. A checkpoint was saved before.
    """
    folder, seed, params = as_path(folder), check_seed(seed), as_params(params)
    epochs = check_epochs(epochs)
    data = for_network(data, params)
    check_visible(data)
    model = Model(params, True, excitatory, plasticity)
    preset = check_text("preset", preset) if preset else preset_of(params)
    run = Run(folder, preset, params, seed, data.name, model)
    plan = plan_of(data, epochs, engine) | {"snapshots": moments.most_of(params, snapshots)}
    asked = snapshots is not None
    check_choice(resume=resume, force=force)
    if resume and not run.path.exists():
        raise DiehlCookError(f"{folder}: nothing to resume (run.json not found); name the run with --run")
    layout.check_ours(folder)
    model.check()
    with layout.owned(folder, "train"), shown(progress, "train", len(data) * epochs) as report:
        return train_owned(
            run, plan, data, resume=resume, force=force, asked=asked, report=report, cancelled=cancelled
        )


def check_epochs(epochs: Any) -> int:
    """Return a number of passes, if it is one.

    Raises
    ------
    DiehlCookError
        It is no whole number, or not from 1 to `MOST_EPOCHS`.
    """
    return check_whole("epochs", epochs, 1, MOST_EPOCHS)


def train_owned(
    run: Run,
    plan: dict[str, Any],
    data: Dataset,
    *,
    resume: bool,
    force: bool,
    asked: bool,
    report: Report,
    cancelled: Callable[[], bool],
) -> Run:
    """Train in a folder that this process owns; see `train`. `asked` is whether a number of snapshots was."""
    saved = to_resume(run, plan, resume=resume, force=force)
    known = run.facts.get("train", {})  # of a run that goes on
    if saved is None and known.get("finished"):
        run.tidy()
        Checkpoints(run.folder, run.identity).prune(1)
        return run
    for foreseen in health.foreseen(run.params, plan["grey"]):
        log.warning("%s", foreseen)

    engine = plan["engine"] if plan["engine"] != AUTO else known.get("engine", AUTO)
    plan["engine"] = resolve(engine, run.model)
    every = seconds_between_checkpoints()
    delays = wiring.initial_delays(run.params, run.seed)
    with open_engine(plan["engine"], run.model, delays) as network:
        training = Training(run, data, plan, network)
        if saved is None:  # all that can be known to fail has not failed: only now an earlier run goes
            start_afresh(run, plan)
            training.begin()
        else:
            training.restore(saved)
            for name in ("grey", "classes"):  # runs of earlier versions have none
                run.facts["train"].setdefault(name, plan[name])
            if asked and plan["snapshots"] != training.most_snapshots:
                log.warning(
                    "this training keeps %d snapshots, as it did from its beginning", training.most_snapshots
                )
            go_on(run, plan["epochs"], plan["engine"])
            layout.clear_litter(run.folder)
            log.info("resuming after %d of %d images", training.position, training.total)
        last_saved = time.monotonic()
        report(training.position, "")
        while training.position < training.total:
            checks = training.step(cancelled)
            report(training.position, training.record.words(checks))
            if training.position == training.total or time.monotonic() - last_saved > every:
                training.save()
                last_saved = time.monotonic()
        training.finish()
    return run


def check_visible(data: Dataset) -> None:
    """Refuse images without light, which no intensity makes visible."""
    black = np.flatnonzero(~data.images.reshape(len(data), -1).any(axis=1))
    if black.size:
        raise DiehlCookError(
            f"{data.name}: image {black[0]} of the {data.split} images is all black ({black.size} such); "
            "nothing can respond to it, leave it out"
        )


def plan_of(data: Dataset, epochs: int, engine: str) -> dict[str, Any]:
    """Return what run.json says of a training before it begins."""
    return {
        "images": len(data),
        "epochs": epochs,
        "engine": engine,
        "data": {"name": data.name, "split": data.split, "sha256": data.digest},
        "shape": list(data.images.shape[1:]),
        "classes": list(data.classes),
        "grey": grey_values(data.images),
        "versions": versions(),
    }


def to_resume(run: Run, plan: dict[str, Any], *, resume: bool, force: bool) -> Saved | None:
    """Return the checkpoint to go on from, if any; refuse what would overwrite or mix runs. Changes no file."""
    if force or not run.path.exists():
        return None
    if not resume:
        there = f"{run.folder}: there is a run already; use"
        raise DiehlCookError(
            f"{there} resume=True to continue it, force=True to discard it, or another folder",
            f"{there} --resume to continue it, --force to discard it, or another --run",
        )
    old = load_run(run.folder)
    if "train" not in old.facts:
        return None
    check_can_go_on(old)
    facts = old.facts["train"]
    different = run.params.differences(old.params)
    before = {
        "seed": old.seed,
        "classes": plan["classes"],
    } | facts  # runs of earlier versions name no classes
    for name, value in {
        "seed": run.seed,
        **{key: plan[key] for key in ("images", "data", "classes")},
    }.items():
        if value != before.get(name):
            different[name] = (str(value), str(before[name]))
    if different:
        name, (now, then) = next(iter(different.items()))
        raise DiehlCookError(
            f"{run.folder}: cannot resume with {name} = {now}, the run was started with {then}"
        )
    if run.model != old.model:
        raise DiehlCookError(
            f"{run.folder}: cannot resume with other equations than the run was started with"
        )
    if plan["epochs"] < facts["epochs"]:
        raise DiehlCookError(
            f"{run.folder}: cannot resume with --epochs {plan['epochs']}, the run was started with "
            f"{facts['epochs']}; give as many or more"
        )
    run.preset, run.facts, run.schema = old.preset, old.facts, old.schema
    if not facts.get("cleared", True):  # it was stopped before it had begun
        return None
    checkpoints = Checkpoints(run.folder, run.identity)
    if not facts["finished"]:
        return checkpoints.load()
    if plan["epochs"] == facts["epochs"]:
        log.info("training is finished already")
        return None
    saved = checkpoints.load()
    if saved is None or not saved[1].get("complete"):
        raise DiehlCookError(
            f"{run.folder}: the final state of its training was not kept (networks that come with the "
            "package and runs of earlier versions have none), so it cannot go on for more passes; train "
            "again with --force"
        )
    if digest(saved[0]["state.inp_exc.w"]) != facts["sha256"]["weights"]:
        raise DiehlCookError(
            f"{checkpoints.folder}: the final state is not that of the weights in run.json; train again "
            "with --force"
        )
    return saved


def go_on(run: Run, epochs: int, engine: str) -> None:
    """Write into run.json that the training goes on with an engine, for so many passes in all; discard what came after a shorter one."""
    train = run.facts["train"]
    was_finished, before = train["finished"], train["epochs"]
    later = [name for name in ("observe", "test") if run.facts.pop(name, None) is not None]
    for name in ("stopped", "health"):
        train.pop(name, None)
    train |= {"epochs": epochs, "engine": engine, "finished": False}
    run.save()
    layout.discard_shown(run.folder, *layout.PHASES)
    layout.discard(run.folder, "observe", "test")  # also what a kill left here the last time
    if was_finished:
        log.warning(
            "going on from %d to %d passes%s", before, epochs,
            f"; what {' and '.join(later)} made of the shorter training is discarded" if later else "",
        )  # fmt: skip
