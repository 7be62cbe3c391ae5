"""Several trainings at once, one process each: other seeds, other rules."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent import futures
from pathlib import Path
from typing import Any, NamedTuple

from ..data.datasets import Dataset
from ..engines.base import Model
from ..errors import DiehlCookError
from ..jobs import become_worker
from ..model.params import Params
from ..progress import Interrupted, Report, no_report
from ..runs.checkpoints import Checkpoints
from ..runs.run import Run
from .train import plan_of, to_resume, train


class Task(NamedTuple):
    """One training."""

    folder: Path
    params: Params
    preset: str
    seed: int


shared: dict[str, Any] = {}
"""What a worker process holds: the data, the options, a cancel flag and the images done by each task."""


def start_worker(data: Dataset, options: dict[str, Any], cancel: Any, done: Any) -> None:
    """Prepare a worker process."""
    become_worker()
    shared.update(data=data, options=options, cancel=cancel, done=done)


def work(number: int, task: Task) -> Run | None:
    """Train in a worker process; return None if it was interrupted, with its checkpoint saved."""

    def report(images: int, _words: str) -> None:
        shared["done"][number] = images

    options = dict(shared["options"])
    if not (task.folder / "run.json").exists():
        options["resume"] = False  # this one had not begun
    try:
        return train(
            task.folder, shared["data"], task.params, preset=task.preset, seed=task.seed,
            report=report, cancelled=shared["cancel"].is_set, **options,
        )  # fmt: skip
    except Interrupted:
        return None


def train_several(
    tasks: list[Task],
    data: Dataset,
    *,
    jobs: int,
    report: Report = no_report,
    cancelled: Callable[[], bool] = lambda: False,
    **options: Any,
) -> list[Run]:
    """Train several networks on the same images, as many at once as there are `jobs`.

    Parameters
    ----------
    tasks
        What to train, each into a folder of its own.
    data
        Training images.
    jobs
        Processes.
    report, cancelled
        Called with the images done in all; asked whether to stop.
    **options
        ``epochs``, ``engine``, ``resume``, ``force``, as in `train`.

    Returns
    -------
    list of Run
        In the order of the tasks; each is what `train` alone would have given.

    Raises
    ------
    DiehlCookError
        A training failed; the others are stopped, with their checkpoints saved.
    Interrupted
        `cancelled` returned true; every training that had begun has saved a checkpoint.
    """
    if options.get("resume"):  # refuse before any of them has gone on
        plan = plan_of(data, options.get("epochs", 1), options.get("engine", "standalone"))
        for task in tasks:
            begun = Run(task.folder, task.preset, task.params, task.seed, data.name, Model(task.params, True))
            if begun.path.exists():
                to_resume(
                    begun, plan, Checkpoints(task.folder), resume=True, force=bool(options.get("force"))
                )
    context = multiprocessing.get_context("spawn")
    cancel, done = context.Event(), context.Array("q", len(tasks))
    with futures.ProcessPoolExecutor(
        min(jobs, len(tasks)),
        mp_context=context,
        initializer=start_worker,
        initargs=(data, options, cancel, done),
    ) as pool:
        trainings = [pool.submit(work, number, task) for number, task in enumerate(tasks)]
        try:
            waiting = set(trainings)
            while waiting:
                finished, waiting = futures.wait(waiting, timeout=0.5, return_when=futures.FIRST_EXCEPTION)
                report(sum(done[:]), f"{sum(t.done() for t in trainings)} of {len(tasks)} trainings done")
                for training in finished:
                    training.result()  # raises what it raised
                if cancelled():
                    cancel.set()
                    for training in trainings:
                        training.cancel()
                    futures.wait([t for t in trainings if not t.cancelled()])
                    raise Interrupted("saved; the same command with --resume continues")
        except futures.process.BrokenProcessPool:
            raise DiehlCookError("a training process died (out of memory?); use fewer --jobs") from None
        finally:
            cancel.set()
            pool.shutdown(cancel_futures=True)
    return [run for training in trainings if (run := training.result()) is not None]
