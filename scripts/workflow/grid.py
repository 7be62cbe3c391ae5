"""The cells of a grid of networks: what a configuration asks for, checked, and what each job of it runs and needs.

A cell is a preset with what is changed of it, and how long and how often it is trained and tested. The
Snakefile makes a chain of jobs of every network (a cell with a seed) whose record is not there yet.
"""

from __future__ import annotations

import difflib
import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
STUDIES = ROOT / "scripts" / "studies"
CONFIG = HERE / "config.yaml"

HELD_OUT = "held-out"
"""MNIST's training images, the first 50,000 to train and label with, the others to judge by: for the choice
of constants."""

LEARNING = {100: 1.8, 400: 5.0, 1600: 20.0, 6400: 110.0}
FROZEN = {100: 1.2, 400: 3.5, 1600: 13.0, 6400: 60.0}
"""Milliseconds per presentation of a slow, shared core at a time step of 0.5 ms, with and without learning,
by size."""

RISE = 0.002
"""A training with `until` goes on while a pass is better than the one before by more than this share of its images."""

MARGIN = 1.5
"""A job may take so many times what it is reckoned to take before a cluster ends it; it would be requeued and
go on."""


class GridError(Exception):
    """A configuration or a record that cannot be used; the message says so in one line."""


@dataclass(frozen=True)
class Cell:
    """One cell of the grid.

    Parameters
    ----------
    name
        Of its records and run folders.
    preset, settings
        Preset of the package, and the parameters changed of it, as texts.
    dataset
        As for ``--dataset``; or `HELD_OUT`, training images of MNIST alone.
    images
        The first so many training images; None: all.
    passes
        After which passes the network is labelled and tested; the last is the end of its training.
    until
        Passes up to which it goes on, one by one, while the accuracy during training rises (see `rising`); None: no further.
    seeds
        One network each.
    repeats
        Presentations of the test set.
    resolved
        All parameters as texts; see `resolve`.
    differences
        Those of them that differ from the base preset, as in a record.
    """

    name: str
    preset: str
    settings: Mapping[str, str]
    dataset: str
    images: int | None
    passes: tuple[int, ...]
    until: int | None
    seeds: tuple[int, ...]
    repeats: int
    resolved: Mapping[str, str]
    differences: Mapping[str, str]

    @property
    def n_exc(self) -> int:
        """Excitatory neurons."""
        return int(self.resolved["n_exc"])


SIZES = {"mnist": 60_000, "digits": 1_287, HELD_OUT: 50_000}
"""Training images of the data sets that cells can name, but for files of one's own."""

FIELDS = {"preset", "set", "dataset", "images", "passes", "until", "seeds", "repeats"}
OPTIONS = {"python", "engine", "runs", "records", "cells"}


@dataclass(frozen=True)
class Grid:
    """A configuration that has been checked: see `read`."""

    python: str
    engine: str
    runs: Path
    records: Path
    cells: Mapping[str, Cell]

    def record(self, cell: str, seed: int, passes: int) -> Path:
        """Return the record of a network after so many passes."""
        last = passes == self.cells[cell].passes[-1]
        name = f"{cell}-seed{seed}.json"
        return self.records / name if last else self.records / "passes" / f"{passes}-{name}"

    def tested(self, cell: str, seed: int) -> list[int]:
        """Return after which passes a network is tested, as far as its records tell."""
        one = self.cells[cell]
        passes = list(one.passes)
        while one.until and passes[-1] < one.until and rising(self.record(cell, seed, passes[-1])):
            passes.append(passes[-1] + 1)
        return passes

    def marker(self, phase: str, cell: str, seed: int, passes: int) -> Path:
        """Return the file that says that a phase of a network is done."""
        return self.runs / "done" / f"{cell}-seed{seed}-pass{passes}.{phase}.json"

    def folder(self, cell: str, seed: int) -> Path:
        """Return the run folder of a network."""
        return self.runs / f"{cell}-seed{seed}"

    def missing(self) -> list[Path]:
        """Return the records that are not there: one network of every cell before the second of any."""
        most = max((len(cell.seeds) for cell in self.cells.values()), default=0)
        wanted = [
            self.record(name, cell.seeds[k], passes)
            for k in range(most)
            for name, cell in self.cells.items()
            if k < len(cell.seeds)
            for passes in self.tested(name, cell.seeds[k])
        ]
        return [path for path in wanted if not path.exists()]

    def before(self, cell: str, seed: int, passes: int) -> list[Path]:
        """Return the record that must be there before a training goes on for more passes, which discards what it is made of."""
        tested = self.tested(cell, seed)
        place = tested.index(passes)
        return [self.record(cell, seed, tested[place - 1])] if place else []

    def dataset(self, cell: str) -> str:
        """Return the data set of a cell, as for ``--dataset``."""
        given = self.cells[cell].dataset
        return str(self.runs / f"{HELD_OUT}.npz") if given == HELD_OUT else given

    def needs(self, cell: str, seed: int, passes: int) -> list[Path]:
        """Return the files that must be there before a training begins or goes on."""
        held_out = [Path(self.dataset(cell))] if self.cells[cell].dataset == HELD_OUT else []
        return [*held_out, *self.before(cell, seed, passes)]

    def command(self, phase: str, cell: str, seed: int, passes: int) -> str:
        """Return the command of a phase; it goes on where a killed one stopped."""
        one, folder = self.cells[cell], self.folder(cell, seed)
        words = [
            self.python,
            *f"-m diehlcook {phase} --json -q --engine".split(),
            self.engine,
            "--run",
            folder,
        ]
        if phase == "train":
            words += ["--preset", one.preset, "--seed", seed, "--epochs", passes]
            words += [word for name, value in one.settings.items() for word in ("--set", f"{name}={value}")]
            words += ["--dataset", self.dataset(cell)]
            words += ["--samples", one.images] if one.images is not None else []
        else:
            words += ["--jobs", 1, "--resume"]
            words += ["--repeats", one.repeats] if phase == "test" else []
        command = shlex.join(map(str, words))
        if phase == "train":  # the first time there is nothing to resume
            command += f" $(test -e {shlex.quote(str(folder / 'run.json'))} && echo --resume || true)"
        return command

    def held_out_command(self) -> str:
        """Return the command that writes the data set `HELD_OUT`, but for the file."""
        return shlex.join([self.python, str(STUDIES / "held_out.py"), "--out"])

    def record_command(self, cell: str, seed: int, passes: int) -> str:
        """Return the command that writes the record of a network after so many passes, but for the file."""
        words = [self.python, STUDIES / "record.py", self.folder(cell, seed), "--cell", cell]
        words += ["--passes", passes, "--out"]
        return shlex.join(map(str, words))

    def minutes(self, phase: str, cell: str, passes: int) -> int:
        """Return how long a phase of a network may take, in minutes."""
        one = self.cells[cell]
        images = one.images or 60_000
        shown = {"train": images * passes, "observe": 60_000, "test": 10_000 * one.repeats}[phase]
        cost = LEARNING if phase == "train" else FROZEN
        return minutes(cost, shown, one.n_exc, milliseconds(one.resolved["dt"]))

    def megabytes(self, cell: str) -> int:
        """Return the memory that a phase of a network needs: the package, its synapses, and 100,000 rows of counts, twice."""
        n_exc = self.cells[cell].n_exc
        return 1000 + round(n_exc * (784 * 60 + 2 * 2 * 100_000) / 1e6)


def minutes(cost: Mapping[int, float], shown: int, n_exc: int, dt: float) -> int:
    """Return how long so many presentations may take, in minutes; `cost` is `LEARNING` or `FROZEN`, `dt` is in ms."""
    size = min(cost, key=lambda n: abs(n - n_exc))
    return max(10, round(MARGIN * shown * cost[size] * n_exc / size * 0.5 / dt / 60_000))


def rising(record: Path) -> bool:
    """Return whether the accuracy during training rose in the last pass: the mean over its windows by more than `RISE`."""
    try:
        one = json.loads(record.read_text(encoding="utf-8"))
        curve, n = one["curve"], one["train"]["images"]
    except (OSError, ValueError, KeyError, TypeError):
        return False  # not there yet, or refused by `check_records`
    last = curve[-1][0] // n if curve else 0
    means = []
    for epoch in (last - 1, last):
        shares = [right / of for at, right, of in curve if (epoch - 1) * n < at <= epoch * n]
        if not shares:
            return False
        means.append(sum(shares) / len(shares))
    return bool(means[1] - means[0] > RISE)


def milliseconds(text: str) -> float:
    """Return a time step such as "0.25 ms" as a number."""
    return float(text.removesuffix(" ms"))


def read(config: Mapping[str, Any] | None = None) -> Grid:
    """Return the grid of a configuration, by default that of `CONFIG`.

    Raises
    ------
    GridError
        Something in it does not exist or does not fit; or a record is of another preset than its cell.
    """
    if not config or "cells" not in config:  # `--config NAME=VALUE` changes an option of the default grid
        import yaml

        config = yaml.safe_load(CONFIG.read_text(encoding="utf-8")) | dict(config or {})
    check_names("the configuration", config, OPTIONS)
    if not isinstance(config.get("cells"), Mapping) or not config["cells"]:
        raise GridError("cells: expected at least one")
    python = find_python(config.get("python"))
    for name, given in config["cells"].items():
        check_names(f"cell {name}", given, FIELDS)
        if "preset" not in given:
            raise GridError(f"cell {name}: preset is missing")
    resolved = resolve(python, config["cells"])
    cells = {name: cell_of(name, given, resolved[name]) for name, given in config["cells"].items()}
    grid = Grid(
        python,
        str(config.get("engine", "fused")),
        Path(config.get("runs", "data/runs/workflow")),
        Path(config.get("records", "docs/results")),
        cells,
    )
    check_records(grid)
    return grid


def check_names(where: str, given: Any, known: set[str]) -> None:
    """Refuse names that mean nothing."""
    if not isinstance(given, Mapping):
        raise GridError(f"{where}: expected names and values, found {given!r}")
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"expected {', '.join(sorted(known))}"
            raise GridError(f"{where}: unknown {name}; {hint}")


def find_python(given: str | None) -> str:
    """Return the interpreter that has the package: the configured one, $DIEHLCOOK_PYTHON, or that of .venv."""
    for path in (given, os.environ.get("DIEHLCOOK_PYTHON"), str(ROOT / ".venv" / "bin" / "python")):
        if path:
            if not Path(path).exists():
                break
            return str(path)
    raise GridError(f"{path}: no Python there; set DIEHLCOOK_PYTHON to one that has diehlcook")


def resolve(python: str, cells: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, dict[str, str]]]:
    """Return the parameters of every cell, as the package resolves them."""
    asked = {name: [given["preset"], given.get("set", {})] for name, given in cells.items()}
    return ask([python, str(HERE / "resolve.py")], json.dumps(asked))


def ask(command: list[str], told: str | None = None) -> dict[str, Any]:
    """Return what a script prints as JSON; its last words if it fails."""
    done = subprocess.run(command, input=told, capture_output=True, text=True, check=False)
    if done.returncode:
        raise GridError(last_line(done.stderr))
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def last_line(text: str) -> str:
    """Return the last line of what a program said."""
    return (text.strip().splitlines() or ["no message"])[-1]


class Trial(NamedTuple):
    """A trial that a table lacks: its row's file, the command that runs it, and minutes."""

    file: Path
    command: str
    minutes: int


def trials(python: str, rows: Path) -> list[Trial]:
    """Return the trials that the tables lack; see ``scripts/studies/trials.py``."""
    found = []
    for name, one in ask([python, str(STUDIES / "trials.py"), "--missing"]).items():
        trial = one["trial"]
        command = shlex.join([python, str(STUDIES / "held_out.py"), json.dumps(trial), "--out"])
        shown = trial["images"] * trial["epochs"] + trial["label"] + trial["choose"]
        reckoned = minutes(LEARNING, shown, trial["n_exc"], milliseconds(one["dt"]))
        found.append(Trial(rows / f"{name}.json", command, reckoned))
    return found


def numbers(where: str, given: Any, *, least: int) -> tuple[int, ...]:
    """Return a number or a list of numbers as a tuple."""
    values = given if isinstance(given, list) else [given]
    if not values or any(type(value) is not int or value < least for value in values):
        raise GridError(f"{where}: expected whole numbers from {least} on, found {given!r}")
    if sorted(set(values)) != values:
        raise GridError(f"{where}: expected numbers in order, each once, found {given!r}")
    return tuple(values)


def cell_of(name: str, given: Mapping[str, Any], resolved: Mapping[str, Mapping[str, str]]) -> Cell:
    """Return one cell of a configuration."""
    where = f"cell {name}"
    images = given.get("images")
    return Cell(
        name,
        given["preset"],
        {key: str(value) for key, value in given.get("set", {}).items()},
        given.get("dataset", "mnist"),
        None if images is None else numbers(f"{where}: images", images, least=1)[0],
        numbers(f"{where}: passes", given.get("passes", 1), least=1),
        None if "until" not in given else numbers(f"{where}: until", given["until"], least=1)[0],
        numbers(f"{where}: seeds", given.get("seeds", 1), least=0),
        numbers(f"{where}: repeats", given.get("repeats", 1), least=1)[0],
        resolved["params"],
        resolved["differences"],
    )


def check_slurm(partition: str) -> None:
    """Refuse a cluster that is not there, before jobs are handed to it one after another."""
    if shutil.which("sbatch") is None:
        raise GridError(
            "no SLURM here (sbatch was not found); use --profile scripts/workflow/profiles/local, or a "
            "login node"
        )
    done = subprocess.run(["sinfo", "--noheader", "--format=%R"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise GridError(f"SLURM does not answer: {last_line(done.stderr)}")
    known = sorted(set(done.stdout.split()))
    if partition not in known:
        raise GridError(
            f"slurm_partition: {partition} does not exist, there are {', '.join(known)}; edit "
            "scripts/workflow/profiles/slurm/config.yaml"
        )


def check_records(grid: Grid) -> None:
    """Refuse records that are not of what their cell is now: preset, parameters, images, passes and presentations."""
    for name, cell in grid.cells.items():
        for seed in cell.seeds:
            for passes in grid.tested(name, seed):
                path = grid.record(name, seed, passes)
                if not path.exists():
                    continue
                try:
                    one = json.loads(path.read_text(encoding="utf-8"))
                    known = one["preset"], one["params"]
                    found = {
                        "seed": one["seed"], "images": one["train"]["images"],
                        "passes": one["train"]["epochs"], "repeats": one["test"]["repeats"],
                    }  # fmt: skip
                except (ValueError, KeyError, TypeError):
                    raise GridError(f"{path}: not a record; delete it to run the network again") from None
                if known != (cell.preset, dict(cell.differences)):
                    raise GridError(
                        f"{path}: a record of preset {known[0]} with other parameters than cell {name} has "
                        "now; give the cell another name, or delete the record"
                    )
                now = {"seed": seed, "passes": passes, "repeats": cell.repeats}
                images = SIZES.get(cell.dataset) if cell.images is None else cell.images
                now |= {} if images is None else {"images": images}
                for what, value in now.items():
                    if found[what] != value:
                        raise GridError(
                            f"{path}: a record with {what} {found[what]}, where cell {name} has {value} now; "
                            "give the cell another name, or delete the record"
                        )
