"""Redo the paper's results, from nothing to docs/results.md; stop it at any time, the same command goes on.

    python scripts/replicate.py                             # what has no record yet
    python scripts/replicate.py --again                     # everything, from nothing: about ten hours of two cores
    python scripts/replicate.py --again --only triplet-400  # one cell of the table
    python scripts/replicate.py --page                      # write the page from the records, without running anything

Every cell (rule and size) is trained as in the paper, labelled with all 60,000 training images and tested on all 10,000
test images ten times, with each of its seeds. A record of each finished run goes to docs/results, and the page is written
from the records. A record says where and when a network was made: it stays as it is when the network is made again.
"""

import argparse
import multiprocessing
import sys
import time
from collections.abc import Sequence
from concurrent import futures
from pathlib import Path
from typing import Any, NamedTuple

from cells import CELLS
from results_page import RECORDS, record, write_page

from diehlcook import datasets
from diehlcook.checkpoint import save_json
from diehlcook.observe import observe
from diehlcook.params import load_preset
from diehlcook.processes import become_worker
from diehlcook.progress import Interrupted, Interruption, duration
from diehlcook.run import load_run
from diehlcook.test import test
from diehlcook.train import train

ENGINE = "fused"


COSTS = {100: (1.8, 1.4), 400: (3.0, 1.9), 1600: (10.6, 6.5), 6400: (59.0, 28.0)}
"""Milliseconds per presentation with and without learning (docs/performance.md), at a time step of 0.5 ms: for the time left."""


class Task(NamedTuple):
    """One network, from training to record."""

    cell: str
    seed: int

    @property
    def name(self) -> str:
        """Name of its folder and record."""
        return f"{self.cell}-seed{self.seed}"

    @property
    def record(self) -> Path:
        """Its record: says where and when a network was made, which is not made again on another machine."""
        return RECORDS / f"{self.name}.json"

    def costs(self) -> tuple[float, float, float]:
        """Return the estimated seconds of training, labelling and testing."""
        cell = CELLS[self.cell]
        params = load_preset(cell.preset)
        learning, frozen = (0.5e-3 / params.dt * 1e-3 * cost for cost in COSTS[params.n_exc])
        return learning * cell.images * cell.epochs, frozen * 60_000, frozen * 10_000 * cell.repeats


shared: dict[str, Any] = {}
"""What a worker process holds: a cancel flag, and the estimated seconds of work done by each task."""


def start_worker(cancel: Any, done: Any) -> None:
    """Prepare a worker process."""
    become_worker()
    shared.update(cancel=cancel, done=done)


def work(number: int, task: Task, folder: Path) -> bool:
    """Train, label, test and record; return False if interrupted, with everything saved."""
    cell, cancelled = CELLS[task.cell], shared["cancel"].is_set
    costs = task.costs()
    training, testing = datasets.load("mnist", "train"), datasets.load("mnist", "test")

    def reporting(phase: int, images: int) -> Any:
        def report(done: int, _words: str = "") -> None:
            shared["done"][number] = sum(costs[:phase]) + costs[phase] * done / images

        return report

    resume = (folder / "run.json").exists()
    try:
        run = train(
            folder, training.head(cell.images), load_preset(cell.preset), preset=cell.preset, seed=task.seed,
            epochs=cell.epochs, engine=ENGINE, resume=resume, cancelled=cancelled,
            report=reporting(0, cell.images * cell.epochs),
        )  # fmt: skip
        observe(
            run, training, engine=ENGINE, resume=True, cancelled=cancelled, report=reporting(1, len(training))
        )
        test(
            run, testing, repeats=cell.repeats, engine=ENGINE, resume=True, cancelled=cancelled,
            report=reporting(2, len(testing) * cell.repeats),
        )  # fmt: skip
    except Interrupted:
        return False
    if not task.record.exists():
        save_json(task.record, record(load_run(folder), task.cell, training, testing))
    shared["done"][number] = sum(costs)
    return True


def tasks_of(cells: Sequence[str]) -> list[Task]:
    """Return the networks of these cells: one of every cell before the second of any."""
    most = max(CELLS[name].seeds for name in cells)
    return [Task(name, seed) for seed in range(1, most + 1) for name in cells if seed <= CELLS[name].seeds]


def replicate(tasks: list[Task], runs: Path, jobs: int) -> bool:
    """Do the tasks, the longest first; return False if interrupted."""
    tasks = sorted(tasks, key=lambda task: -sum(task.costs()))
    total = sum(sum(task.costs()) for task in tasks)
    context = multiprocessing.get_context("spawn")
    cancel, done = context.Event(), context.Array("d", len(tasks))
    started, shown = time.monotonic(), time.monotonic()
    resumed: dict[int, float] = {}  # work that was done before
    with (
        Interruption() as interrupted,
        futures.ProcessPoolExecutor(
            jobs, mp_context=context, initializer=start_worker, initargs=(cancel, done)
        ) as pool,
    ):
        running = {pool.submit(work, k, task, runs / task.name): k for k, task in enumerate(tasks)}
        try:
            while running:
                finished, _ = futures.wait(running, timeout=1, return_when=futures.FIRST_COMPLETED)
                for future in finished:
                    number = running.pop(future)
                    resumed.setdefault(number, done[number])
                    if not future.cancelled() and future.result():
                        print(f"{tasks[number].name} is done", flush=True)
                if interrupted():
                    cancel.set()
                    for future in running:
                        future.cancel()
                for number in running.values():
                    if done[number] > 0:
                        resumed.setdefault(number, done[number])
                now, gained = time.monotonic(), sum(done[k] - before for k, before in resumed.items())
                if now - shown > 60 and gained > 0:
                    shown = now
                    left = (total - sum(done[:])) * (now - started) / gained
                    doing = ", ".join(
                        f"{task.name} {done[k] / sum(task.costs()):.0%}"
                        for k, task in enumerate(tasks)
                        if k in running.values() and done[k] > 0
                    )
                    print(f"{sum(done[:]) / total:.1%} done, {duration(left)} left: {doing}", flush=True)
        finally:
            cancel.set()
            pool.shutdown(cancel_futures=True)
    return not interrupted()


def main() -> int:
    """Run what is missing and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=CELLS, default=list(CELLS), metavar="CELL")
    parser.add_argument("--runs", type=Path, default=Path("data/runs/replicate"), help="folder of the runs")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument(
        "--again", action="store_true", help="run networks that have a record too; records stay"
    )
    parser.add_argument("--page", action="store_true", help="write docs/results.md only")
    options = parser.parse_args()
    if not options.page:
        tasks = tasks_of(options.only)
        if not options.again:
            recorded = [task.name for task in tasks if task.record.exists()]
            tasks = [task for task in tasks if not task.record.exists()]
            if recorded:
                print(f"{len(recorded)} networks have a record and are left out; --again runs them too")
        if not replicate(tasks, options.runs, options.jobs):
            print("interrupted; everything is saved, the same command goes on")
            return 130
    write_page()
    return 0


if __name__ == "__main__":
    sys.exit(main())
