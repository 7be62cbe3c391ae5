"""Make the records of a grid on one NVIDIA GPU: all its networks in one process, as many at once as the GPU takes.

It does what the Snakefile does (the same cells, run folders and records, and what was interrupted goes on), with the
engine cuda instead of a job for each phase:

DIEHLCOOK_MNIST=FOLDER python scripts/workflow/gpu.py --configfile scripts/workflow/config.yaml

The readouts of a record take minutes of a processor; they are made by processes beside the GPU.
"""

import argparse
import os
import shlex
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache
from pathlib import Path

import grid as cells_of_grid
import yaml
from grid import Grid, GridError

from diehlcook.data import datasets
from diehlcook.data.datasets import Dataset
from diehlcook.model.params import load_preset
from diehlcook.phases.observe import observe
from diehlcook.phases.test import test
from diehlcook.phases.train import train
from diehlcook.progress import Interrupted
from diehlcook.runs.run import load_run

ENGINE = "cuda"


@cache
def images_of(name: str, split: str) -> Dataset:
    """Return a part of a data set, read once."""
    return datasets.load(name, split, progress=False)


class Work:
    """The networks of a grid under way.

    Parameters
    ----------
    grid
        Its cells.
    readouts
        Records that are made at the same time.
    until
        Time, as of `time.monotonic`, at which what is under way is saved and left.
    """

    def __init__(self, grid: Grid, readouts: int, until: float) -> None:
        self.grid, self.until = grid, until
        self.records = ThreadPoolExecutor(readouts)
        self.failed = 0
        self.recording: dict[tuple[str, int], Future[None]] = {}
        self.started = time.monotonic()
        self.lock = threading.Lock()

    def say(self, words: str) -> None:
        """Print a line with the time since the beginning."""
        with self.lock:
            print(f"{time.monotonic() - self.started:7.1f} s  {words}", flush=True)

    def is_late(self) -> bool:
        """Return whether there is no time left."""
        return time.monotonic() > self.until

    def network(self, cell: str, seed: int) -> None:
        """Train, label and test one network, after each of the passes that its cell names."""
        one, folder = self.grid.cells[cell], self.grid.folder(cell, seed)
        dataset = self.grid.dataset(cell)
        params = load_preset(one.preset).with_values(dict(one.settings))
        for passes in self.grid.tested(cell, seed):
            record = self.grid.record(cell, seed, passes)
            if record.exists():
                continue
            if self.is_late():
                return
            name = f"{cell}-seed{seed}, {passes} passes"
            data = images_of(dataset, "train")
            if one.images is not None:
                data = data.head(one.images)
            before = time.monotonic()
            train(
                folder, data, params, preset=one.preset, seed=seed, epochs=passes, engine=ENGINE,
                progress=False, resume=(folder / "run.json").exists(), cancelled=self.is_late,
            )  # fmt: skip
            between = time.monotonic()
            observe(
                load_run(folder), images_of(dataset, "train"), engine=ENGINE, raster=False, resume=True,
                progress=False, cancelled=self.is_late,
            )  # fmt: skip
            facts = test(
                load_run(folder), images_of(dataset, "test"), repeats=one.repeats, engine=ENGINE, resume=True,
                progress=False, cancelled=self.is_late,
            )  # fmt: skip
            self.say(
                f"{name}: {facts['accuracy']:.2%}, {facts['spikes_per_image']:.1f} spikes per image; "
                f"trained in {between - before:.0f} s, judged in {time.monotonic() - between:.0f} s"
            )
            recording = self.records.submit(self.write_record, cell, seed, passes, record, name)
            if passes != self.grid.cells[cell].passes[-1] or self.grid.cells[cell].until:
                recording.result()  # before a longer training discards what it is made of
            else:
                self.recording[cell, seed] = recording

    def write_record(self, cell: str, seed: int, passes: int, record: Path, name: str) -> None:
        """Write the record of a network that was tested."""
        record.parent.mkdir(parents=True, exist_ok=True)
        command = [*shlex.split(self.grid.record_command(cell, seed, passes)), str(record)]
        one_core = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=one_core)
        if done.returncode:
            raise GridError(f"{name}: {cells_of_grid.last_line(done.stderr)}")
        self.say(f"{name}: recorded")

    def attempt(self, cell: str, seed: int) -> None:
        """Do a network, and say what went wrong rather than stop the others."""
        try:
            self.network(cell, seed)
        except Interrupted:
            self.say(f"{cell}-seed{seed}: saved, not finished")
        except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
            self.fail(f"{cell}-seed{seed}: {type(error).__name__}: {error}")

    def fail(self, words: str) -> None:
        """Say what went wrong, and count it."""
        self.say(words)
        with self.lock:
            self.failed += 1

    def run(self, at_once: int) -> None:
        """Run all networks whose records are missing, so many at once, and wait for the records."""
        most = max(len(cell.seeds) for cell in self.grid.cells.values())
        networks = [
            (name, cell.seeds[k])
            for k in range(most)
            for name, cell in self.grid.cells.items()
            if k < len(cell.seeds)
        ]
        for name, cell in self.grid.cells.items():
            held_out = Path(self.grid.dataset(name))
            if cell.dataset == cells_of_grid.HELD_OUT and not held_out.exists():
                held_out.parent.mkdir(parents=True, exist_ok=True)
                command = [*shlex.split(self.grid.held_out_command()), str(held_out)]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                if done.returncode:
                    raise GridError(cells_of_grid.last_line(done.stderr))
        with ThreadPoolExecutor(at_once) as pool:
            under_way = [pool.submit(self.attempt, one, seed) for one, seed in networks]
            try:
                wait(under_way)
            except KeyboardInterrupt:
                self.until = 0.0  # so that what is under way is saved
                pool.shutdown(cancel_futures=True)
        for (name, seed), recording in self.recording.items():
            if (error := recording.exception()) is not None:
                self.fail(f"{name}-seed{seed}: {error}")


def main() -> int:
    """Run the grid of a configuration."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--configfile", type=Path, default=cells_of_grid.CONFIG, help="cells of the grid")
    parser.add_argument("--networks", type=int, default=32, help="at most so many at once (default: 32)")
    parser.add_argument("--minutes", type=float, default=1e6, help="save and stop after so many minutes")
    parser.add_argument("--readouts", type=int, default=os.cpu_count() or 1, help="records made at once")
    options = parser.parse_args()
    try:
        grid = cells_of_grid.read(yaml.safe_load(options.configfile.read_text(encoding="utf-8")))
        work = Work(grid, options.readouts, time.monotonic() + 60 * options.minutes)
        work.run(options.networks)
    except (GridError, OSError, yaml.YAMLError) as error:
        print(f"grid: {error}", file=sys.stderr)
        return 2
    return 1 if work.failed else 0


if __name__ == "__main__":
    sys.exit(main())
