"""Several trainings at once, one process each, or together on a GPU: other seeds, other rules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from .. import jobs as jobs_of
from ..data.datasets import Dataset
from ..engines.base import Model
from ..engines.registry import DEFAULT_ENGINE, is_shared
from ..errors import Cancelled
from ..model.arrays import check_whole
from ..model.params import Params
from ..progress import Interrupted, Progress, shown
from ..runs import layout, lock
from ..runs.run import Run
from .train import check_epochs, plan_of, to_resume, train
from .training import check_choice


class Task(NamedTuple):
    """One training."""

    folder: Path
    params: Params
    preset: str
    seed: int


def work(number: int, task: Task) -> Run | None:
    """Train in a worker process; return None if it was interrupted, with its checkpoint saved."""
    data, options = jobs_of.shared()
    if not (task.folder / "run.json").exists():
        options = options | {"resume": False}  # this one had not begun
    try:
        return train(
            task.folder, data, task.params, preset=task.preset, seed=task.seed,
            progress=lambda images, _words: jobs_of.tell(number, images), cancelled=jobs_of.asked_to_stop,
            **options,
        )  # fmt: skip
    except Interrupted:
        return None


def train_several(
    tasks: list[Task],
    data: Dataset,
    *,
    jobs: int,
    progress: Progress = True,
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
        Processes; an engine for many networks at once needs none, and takes all of them.
    progress
        Whether to show it on stderr, or a function that is called with the images done in all and a few words.
    cancelled
        Asked again and again whether to stop.
    **options
        ``epochs``, ``engine``, ``snapshots``, ``resume``, ``force``, as in `train`.

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
    check_choice(resume=bool(options.get("resume")), force=bool(options.get("force")))
    jobs, epochs = check_whole("jobs", jobs, 1), check_epochs(options.get("epochs", 1))
    for task in tasks:  # refuse before any of them has begun, gone on or been discarded
        layout.check_ours(task.folder)
        if task.folder.exists():
            with lock.owned(task.folder, "train"):
                pass
    if not options.get("force"):
        plan = plan_of(data, epochs, options.get("engine", DEFAULT_ENGINE))
        for task in tasks:
            begun = Run(task.folder, task.preset, task.params, task.seed, data.name, Model(task.params, True))
            if begun.path.exists():
                to_resume(begun, plan, resume=bool(options.get("resume")), force=False)
    trained: dict[str, Run] = {}
    total = len(data) * epochs * len(tasks)
    try:
        with shown(progress, "train", total) as report:
            how: dict[str, Any] = {
                "keep": trained.__setitem__,
                "given": (data, options),
                "cancelled": cancelled,
                "watch": lambda done: report(sum(done), f"{len(trained)} of {len(tasks)} trainings done"),
            }
            numbered = {str(number): (number, task) for number, task in enumerate(tasks)}
            if is_shared(options.get("engine", DEFAULT_ENGINE)):
                jobs_of.run_threads(work, numbered, **how)
            else:
                jobs_of.run_jobs(work, numbered, jobs=jobs, **how)
    except Cancelled:
        raise Interrupted("saved; the same command with --resume continues") from None
    return [trained[str(number)] for number in range(len(tasks))]
