"""Responses of a trained network: weights and theta frozen, the training's delays, any number of processes.

Images are presented in fixed blocks, each from the preset's initial state, so that the responses do not
depend on the number of processes. The <5-spikes rule is on, and the response to an image is that of its last
attempt.
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import jobs as jobs_of
from ..engines.base import Engine, Model
from ..engines.registry import open_engine
from ..errors import Cancelled
from ..model import wiring
from ..progress import Interrupted, Report, no_report
from ..runs.files import digest, load_json, save_array, save_json
from ..runs.run import Run

BLOCK = 250
"""Images of a block; recorded in run.json."""


class Presented(NamedTuple):
    """Responses to n images."""

    counts: NDArray[np.uint16]
    """Spikes of each excitatory neuron in the last attempt (n, n_exc); zeros if it had too few in all, a
    silent image."""
    attempts: NDArray[np.uint16]
    """Presentations of each image (n,)."""


class TrainedNetwork(NamedTuple):
    """A trained network, as a process needs it to present blocks."""

    engine: str
    model: Model
    delays: NDArray[np.float64]
    weights: NDArray[np.float64]
    theta: NDArray[np.float64]


def trained_network(run: Run, engine: str, phase: str) -> TrainedNetwork:
    """Return the trained network of a run for a phase: its delays, or new ones under `redraw_delays`."""
    run.trained()
    params = run.params
    delays = wiring.initial_delays(params, run.seed, phase) if params.redraw_delays else run.delays()
    return TrainedNetwork(
        engine, dataclasses.replace(run.model, learning=False), delays, run.weights(), run.theta()
    )


def respond_to_block(
    network: Engine,
    trained: TrainedNetwork,
    stream: int,
    first: int,
    images: NDArray[np.uint8],
    cancelled: Callable[[], bool] = lambda: False,
) -> NDArray[np.uint16]:
    """Return counts and, in the last column, attempts (n, n_exc + 1) for the images at positions from `first` on."""
    params = trained.model.params
    state = network.initial_state(stream, trained.weights, trained.theta, position=first)
    block = np.zeros((len(images), params.n_exc + 1), np.uint16)
    while (done := int(state["protocol.position"][0]) - first) < len(images):
        state, responses = network.advance(state, images[done:], cancelled=cancelled)
        final = responses.final(params.min_spikes, params.max_attempts)
        rows = responses.position[final] - first
        block[rows, :-1] = responses.counts[final]
        block[rows, -1] = responses.attempt[final] + 1
        silent_rows = rows[responses.counts[final].sum(axis=1, dtype=np.int64) < params.min_spikes]
        block[silent_rows, :-1] = 0
    return block


def prepare(trained: TrainedNetwork) -> tuple[Engine, TrainedNetwork]:
    """Open the engine of a worker process."""
    network = open_engine(trained.engine, trained.model, trained.delays)
    multiprocessing.util.Finalize(None, network.close, exitpriority=1)
    return network, trained


def work(stream: int, first: int, images: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Present one block in a worker process."""
    network, trained = jobs_of.shared()
    return respond_to_block(network, trained, stream, first, images, jobs_of.asked_to_stop)


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
        Processes; the responses do not depend on it.
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
    images = images.reshape(len(images), -1)
    tasks = {
        f"{k:03d}-{first:07d}": (stream, first, images[first : first + BLOCK])
        for k, stream in enumerate(streams)
        for first in range(0, len(images), BLOCK)
    }
    done = kept_blocks(partial, trained, images, streams, tasks)
    waiting = [name for name in tasks if name not in done]
    if waiting:  # compile before the clock starts, and once, not in every worker
        open_engine(trained.engine, trained.model, trained.delays).close()
    report(sum(len(block) for block in done.values()), "")

    def keep(name: str, block: NDArray[np.uint16]) -> None:
        done[name] = block
        if partial is not None:
            save_array(partial / f"{name}.npy", block)
        report(sum(len(block) for block in done.values()), "")

    try:
        if waiting and (jobs == 1 or not jobs_of.can_start_workers()):
            with open_engine(trained.engine, trained.model, trained.delays) as network:
                for name in waiting:
                    keep(name, respond_to_block(network, trained, *tasks[name], cancelled))
        elif waiting:
            left = {name: tasks[name] for name in waiting}
            jobs_of.run_jobs(
                work, left, jobs=jobs, keep=keep, given=trained, prepare=prepare, cancelled=cancelled
            )
    except Cancelled:
        raise Interrupted(
            f"saved {sum(len(b) for b in done.values())} of {len(images) * len(streams)} images; the same "
            "command continues"
        ) from None
    blocks = [
        np.concatenate([done[name] for name in tasks if name.startswith(f"{k:03d}-")])
        for k in range(len(streams))
    ]
    return [Presented(block[:, :-1], block[:, -1]) for block in blocks]


def kept_blocks(
    partial: Path | None,
    trained: TrainedNetwork,
    images: NDArray[np.uint8],
    streams: list[int],
    tasks: dict[str, tuple[int, int, NDArray[np.uint8]]],
) -> dict[str, NDArray[np.uint16]]:
    """Return the finished blocks of an interrupted task; start afresh if they are of another one."""
    if partial is None:
        return {}
    task = {
        "model": repr(trained.model),
        "delays": digest(trained.delays),
        "weights": digest(trained.weights),
        "theta": digest(trained.theta),
        "images": digest(images),
        "streams": streams,
        "block": BLOCK,
    }
    if not ((partial / "task.json").exists() and load_json(partial / "task.json") == task):
        shutil.rmtree(partial, ignore_errors=True)
        save_json(partial / "task.json", task)
        return {}
    done = {}
    for name, (_, _, block_images) in tasks.items():
        path = partial / f"{name}.npy"
        if path.exists():
            block = np.load(path, allow_pickle=False)
            if block.shape == (len(block_images), trained.theta.size + 1):
                done[name] = block
    return done
