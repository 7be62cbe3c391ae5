"""Responses of a trained network: weights and theta frozen, the training's delays, any number of processes.

Images are presented in fixed blocks, each from the preset's initial state, so that the responses do not
depend on the number of processes. The <5-spikes rule is on, and the response to an image is that of its last
attempt.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import logging
import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import jobs as jobs_of
from ..data.datasets import Dataset
from ..engines.base import Engine, Model, State
from ..engines.registry import DEFAULT_ENGINE, is_shared, open_engine, resolve
from ..errors import Cancelled, DiehlCookError
from ..model import wiring
from ..model.arrays import Expected, check_images, check_whole, checked
from ..model.stimulus import stream_key
from ..progress import Interrupted, Progress, Report, no_report, shown
from ..runs import lock, schema
from ..runs.files import digest, load_json, read_npy, save_array, save_json
from ..runs.rows import PRESENTED
from ..runs.run import Run, as_run, load_run
from .training import check_choice

log = logging.getLogger(__name__)

BLOCK = 250
"""Images of a block; recorded in run.json."""


class Presented(NamedTuple):
    """Responses to n images."""

    counts: NDArray[np.uint16]
    """Spikes of each excitatory neuron in the last attempt (n, n_exc); zeros if it had too few in all, a
    silent image."""
    attempts: NDArray[np.uint16]
    """Presentations of each image (n,)."""


BlockTask = tuple[int, int, NDArray[np.uint8]]
"""Random stream of a block, position of its first image, and its images."""


class TrainedNetwork(NamedTuple):
    """A trained network, as a process needs it to present blocks."""

    engine: str
    model: Model
    delays: NDArray[np.float64]
    weights: NDArray[np.float64]
    theta: NDArray[np.float64]

    def open(self) -> Engine:
        """Return its engine."""
        return open_engine(self.engine, self.model, self.delays)


def trained_network(run: Run, engine: str, phase: str) -> TrainedNetwork:
    """Return the trained network of a run for a phase: its delays, or new ones under `redraw_delays`."""
    run.trained()
    params, model = run.params, dataclasses.replace(run.model, learning=False)
    model.check()
    delays = wiring.initial_delays(params, run.seed, phase) if params.redraw_delays else run.delays()
    return TrainedNetwork(resolve(engine, model), model, delays, run.weights(), run.theta())


def respond_to_blocks(
    network: Engine,
    trained: TrainedNetwork,
    tasks: Sequence[BlockTask],
    cancelled: Callable[[], bool] = lambda: False,
) -> list[NDArray[np.uint16]]:
    """Return, for each block, counts and, in the last column, attempts (n, n_exc + 1)."""
    params = trained.model.params
    begin = network.initial_state(0, trained.weights, trained.theta)
    states: dict[int, State] = {}
    blocks = []
    for k, (stream, first, images) in enumerate(tasks):
        states[k] = network.moved(begin, stream, first)
        blocks.append(np.zeros((len(images), params.n_exc + 1), np.uint16))
    while states:
        done = {k: int(state["protocol.position"][0]) - tasks[k][1] for k, state in states.items()}
        left = [tasks[k][2][done[k] :] for k in states]
        advanced = network.advance_all(list(states.values()), left, cancelled=cancelled)
        for k, (state, responses) in zip(list(states), advanced, strict=True):
            _, first, images = tasks[k]
            final = responses.final(params)
            rows = responses.position[final] - first
            blocks[k][rows, :-1] = responses.counts[final]
            blocks[k][rows, -1] = responses.attempt[final] + 1
            blocks[k][rows[~responses.answered(params)[final]], :-1] = 0
            states[k] = state
            if int(state["protocol.position"][0]) - first == len(images):
                del states[k]
    return blocks


def prepare(trained: TrainedNetwork) -> tuple[Engine, TrainedNetwork]:
    """Open the engine of a worker process."""
    network = trained.open()
    multiprocessing.util.Finalize(None, network.close, exitpriority=1)
    return network, trained


def work(stream: int, first: int, images: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Present one block in a worker process."""
    network, trained = jobs_of.shared()
    return respond_to_blocks(network, trained, [(stream, first, images)], jobs_of.asked_to_stop)[0]


def respond(
    trained: TrainedNetwork,
    images: NDArray[np.uint8],
    streams: list[int],
    *,
    jobs: int = 1,
    partial: Path | None = None,
    report: Report = no_report,
    cancelled: Callable[[], bool] = lambda: False,
) -> list[Presented]:
    """Present all images once for each stream.

    Parameters
    ----------
    trained
        The network.
    images
        (n, rows, columns) or (n, n_input).
    streams
        Random streams, one per pass over the images.
    jobs
        Processes, where the engine makes use of them; the responses do not depend on it.
    partial
        Folder that keeps finished blocks until the caller has stored the result; those of the same task are
        used.
    report, cancelled
        Called with the images done; asked whether to stop.

    Raises
    ------
    Interrupted
        `cancelled` returned true; finished blocks are kept in `partial`.
    DiehlCookError
        An engine failed.
    """
    images = check_images("images", images, trained.model.params.n_input)
    tasks = {
        f"{k:03d}-{first:07d}": (stream, first, images[first : first + BLOCK])
        for k, stream in enumerate(streams)
        for first in range(0, len(images), BLOCK)
    }
    blocks = Blocks(partial, trained, images, streams)
    done = blocks.kept(tasks)
    left = {name: task for name, task in tasks.items() if name not in done}
    if left:  # compile before the clock starts, and once, not in every worker
        trained.open().close()
    in_this_process = jobs == 1 or is_shared(trained.engine) or not jobs_of.can_start_workers()

    def images_done() -> int:
        return sum(len(block) for block in done.values())

    def keep(name: str, block: NDArray[np.uint16]) -> None:
        done[name] = block
        blocks.keep(name, block)
        report(images_done(), "")

    report(images_done(), "")
    try:
        if left and in_this_process:
            with trained.open() as network:
                for names in in_groups(left, network.several):
                    group = [left[name] for name in names]
                    for name, block in zip(
                        names, respond_to_blocks(network, trained, group, cancelled), strict=True
                    ):
                        keep(name, block)
        elif left:
            jobs_of.run_jobs(
                work, left, jobs=jobs, keep=keep, given=trained, prepare=prepare, cancelled=cancelled
            )
    except Cancelled:
        raise Interrupted(
            f"saved {images_done()} of {len(images) * len(streams)} images; the same command continues"
        ) from None
    whole = np.concatenate([done[name] for name in tasks])
    return [Presented(one[:, :-1], one[:, -1]) for one in np.split(whole, len(streams))]


def in_groups(names: Iterable[str], size: int) -> Iterator[tuple[str, ...]]:
    """Yield so many names at a time."""
    names = iter(names)
    while group := tuple(itertools.islice(names, size)):
        yield group


class Blocks:
    """The finished blocks of an interrupted task, in a folder of its own; each is believed only with its digest.

    Parameters
    ----------
    folder
        Where they are; None: nowhere.
    trained, images, streams
        What decides the responses: blocks of another task are not used.
    """

    def __init__(
        self, folder: Path | None, trained: TrainedNetwork, images: NDArray[np.uint8], streams: list[int]
    ) -> None:
        self.folder = folder
        self.n_exc = trained.theta.size
        self.digests: dict[str, str] = {}
        self.task = {
            "model": repr(trained.model),
            "delays": digest(trained.delays),
            "weights": digest(trained.weights),
            "theta": digest(trained.theta),
            "images": digest(images),
            "streams": streams,
            "block": BLOCK,
        }

    def kept(self, tasks: Mapping[str, tuple[int, int, NDArray[np.uint8]]]) -> dict[str, NDArray[np.uint16]]:
        """Return the finished blocks of this task that are whole."""
        if self.folder is None:
            return {}
        found = {}
        try:
            known = load_json(self.folder / "task.json")
            schema.check(known, schema.TASK, "task.json")
        except DiehlCookError:  # not begun, or damaged: it can all be computed again
            known = {}
        if known.get("task") == self.task:
            for name in known["blocks"].keys() & tasks.keys():
                with contextlib.suppress(DiehlCookError):
                    expected = Expected((len(tasks[name][2]), self.n_exc + 1), "u")
                    block = checked(name, read_npy(self.folder / f"{name}.npy"), expected)
                    if digest(block) == known["blocks"][name]:
                        found[name], self.digests[name] = block, known["blocks"][name]
        return found

    def keep(self, name: str, block: NDArray[np.uint16]) -> None:
        """Keep a block; it counts once task.json has its digest."""
        if self.folder is not None:
            save_array(self.folder / f"{name}.npy", block)
            self.digests[name] = digest(block)
            save_json(self.folder / "task.json", {"task": self.task, "blocks": self.digests})


class Judged(NamedTuple):
    """What a phase made of responses: arrays and facts to store, and which other arrays they were made from."""

    arrays: dict[str, NDArray[Any]]
    facts: dict[str, Any]
    parents: tuple[str, ...] = ()


DONE = {
    "observe": ("the neurons are labelled already", "to label them again"),
    "test": ("the run is tested already", "to test again"),
}
"""What there is to say of a phase that is asked for once more, and what for it can be forced."""


def current_run(run: Run | Path | str) -> Run:
    """Return a run as its folder has it now, the same object if one is given; see `take_over`."""
    own = as_run(run)
    take_over(own, load_run(own.folder))
    return own


def take_over(run: Run, now: Run) -> None:
    """Let a run know what run.json says by now.

    Raises
    ------
    DiehlCookError
        Another training has taken its place in the folder: what is made of it would be stored as that of this one.
    """
    if run.params.differences(now.params) or run.seed != now.seed or run.model != now.model:
        raise DiehlCookError(f"{run.folder}: the run there is another one by now; load it again")
    run.preset, run.dataset, run.facts, run.schema = now.preset, now.dataset, now.facts, now.schema


def run_phase(
    run: Run,
    phase: str,
    data: Dataset,
    judge: Callable[[TrainedNetwork, list[Presented]], Judged],
    *,
    repeats: int = 1,
    engine: str = DEFAULT_ENGINE,
    jobs: int = 1,
    resume: bool = False,
    force: bool = False,
    progress: Progress = True,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Present a data set to the trained network of a run, `judge` the responses and store what comes of it.

    See `observe.observe` for the options and errors; returns the entry of the phase in run.json.
    """
    run.trained()
    jobs = check_whole("jobs", jobs, 1)
    check_choice(resume=resume, force=force)
    with lock.owned(run.folder, phase):
        take_over(run, load_run(run.folder))  # as it is now that nobody else can change it
        run.tidy()
        known = run.facts.get(phase)
        if known is not None and not force:
            known = run.done(phase)
            same = known.get("data", {}).get("sha256") == data.digest and known.get("repeats", 1) == repeats
            done, again = DONE[phase]
            if not (resume and same):
                seen = f", with {known['images']:,} images" if "images" in known else ""
                wrong = f"{run.folder}: {done}{seen}; use"
                raise DiehlCookError(f"{wrong} force=True {again}", f"{wrong} --force {again}")
            log.info(done)
            return dict(known)
        trained, started = trained_network(run, engine, phase), time.monotonic()
        partial = run.folder / "checkpoints" / phase
        streams = [stream_key(run.seed, phase, repeat) for repeat in range(repeats)]
        with shown(progress, phase, len(data) * repeats) as report:
            presented = respond(
                trained, data.images, streams, jobs=jobs, partial=partial, report=report, cancelled=cancelled
            )
            judged = judge(trained, presented)
        spikes = np.concatenate([one.counts.sum(axis=1, dtype=np.int64) for one in presented])
        rows = np.zeros(len(spikes), PRESENTED)
        rows["label"] = np.tile(data.labels, repeats)
        rows["presentations"] = np.concatenate([one.attempts for one in presented])
        facts = {
            "images": len(data),
            "data": {"name": data.name, "split": data.split, "sha256": data.digest},
            "classes": list(data.classes),
            "engine": trained.engine,
            "jobs": jobs,
            "block": BLOCK,
            "wall_s": round(time.monotonic() - started, 1),
            "presentations_per_image": round(float(rows["presentations"].mean()), 4),
            "spikes_per_image": round(float(spikes.mean()), 3),
            **judged.facts,
            "parents": {name: run.digest_of(name) for name in ("weights", "theta", *judged.parents)},
        }
        run.commit(phase, judged.arrays | {f"{phase}_history": rows}, facts)
        return dict(run.facts[phase])
