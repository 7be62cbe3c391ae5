"""Measure the package against the classic Brian2 loop of ``classic.py``, side by side, and print a Markdown table.

    python scripts/benchmarks/benchmark.py                          # about 20 minutes on two idle cores
    python scripts/benchmarks/benchmark.py --quick --sizes 100 400  # a look
    python scripts/benchmarks/benchmark.py --json result.json       # keep every single measurement too

How it measures. All contestants are opened and warmed up first (compilation, first presentations). Then, in
every repeat, each of them is timed once, so that a machine that drifts drifts for all. Every repeat starts
from the same state, that of a network which has learned from ``--warm`` images, and shows the same images; so
the spread of the package's engines is the machine's alone (the classic loop draws new input spikes). The
classic loop and the engines with its preset start from the same weights, thresholds and delays. Times are
wall times; a slow neighbour makes them longer, which is why minimum and maximum stand beside the median.

A standalone chunk costs something besides its presentations: files of state written and read, a process
started, synapses made. That overhead is the wall time of a chunk of one presentation, less one presentation;
what a presentation takes by itself is the difference between a long chunk and a chunk of one, divided. Peak
memory is VmHWM in /proc (Linux), polled ten times a second while the program runs: getrusage would count the
forked parent too.
"""

import argparse
import contextlib
import datetime
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from diehlcook.data import datasets
from diehlcook.engines.base import Engine, Model, State
from diehlcook.engines.compiler import compiler_version
from diehlcook.engines.registry import open_engine
from diehlcook.engines.standalone.engine import CAPACITY
from diehlcook.errors import DiehlCookError
from diehlcook.model import wiring
from diehlcook.model.params import BASE_PRESET, REFERENCE_N_EXC, Params, load_preset, with_size
from diehlcook.model.stimulus import stream_key
from diehlcook.phases.train import CHUNK_SECONDS

SEED = 0
EXAMPLE = "brian2-example"


def parameters(preset: str, n_exc: int) -> Params:
    """Return the parameters of a preset at 0.5 ms and a size."""
    return with_size(load_preset(preset).with_values({"dt": "0.5 ms"}), n_exc)


class Contestant:
    """Something that can be timed; ``seconds`` collects (long chunk, chunk of one or None) per repeat."""

    def __init__(self, label: str, preset: str, n_exc: int, presentations: int) -> None:
        self.label, self.preset, self.n_exc, self.presentations = label, preset, n_exc, presentations
        self.key = f"{label}, {preset}, {n_exc}"
        self.times: list[float] = []
        """Milliseconds per presentation."""
        self.overheads: list[float] = []
        """Milliseconds per chunk."""

    def measure(self) -> None:
        """Time once."""
        self.times.append(1e3 * self.run())

    def run(self) -> float:
        """Return seconds per presentation."""
        raise NotImplementedError


class EngineContestant(Contestant):
    """An engine of the package, from one state of a network that has learned a little."""

    def __init__(
        self, label: str, preset: str, n_exc: int, presentations: int, images: np.ndarray, warm: int,
        *, engine: str, source: "EngineContestant | None" = None, learning: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(label, preset, n_exc, presentations)
        say(f"opening {self.key}")
        self.images, self.standalone = images, engine == "standalone"
        params = parameters(preset, n_exc)
        delays = wiring.initial_delays(params, SEED)
        self.engine: Engine = open_engine(engine, Model(params, learning), delays)
        stream = stream_key(SEED, "train" if learning else "test")
        if source is None:
            weights, theta, position = wiring.initial_weights(params, SEED), None, 0
        else:  # take over what another contestant has learned; one presentation brings v and conductances to life
            learned: State = source.state
            weights, theta, warm = learned["inp_exc.w"], learned["exc.theta"], 1
            position = int(learned["protocol.position"][0])
        self.state: State = self.engine.initial_state(stream, weights, theta, position)
        self.state = self.show(warm)

    def show(self, presentations: int) -> State:
        """Show so many presentations, from the state at hand; return the state after them."""
        state = self.state
        while presentations:
            first = int(state["protocol.position"][0])
            chunk = min(presentations, CAPACITY)
            batch = self.images[(first + np.arange(chunk)) % len(self.images)]
            state, responses = self.engine.advance(state, batch, presentations=chunk)
            presentations -= len(responses.position)
        return state

    def run(self) -> float:
        """Return seconds per presentation; for standalone measure the overhead too."""
        long = seconds(lambda: self.show(self.presentations))
        if self.standalone:
            one = seconds(lambda: self.show(1))
            own = (long - one) / (self.presentations - 1)
            self.overheads.append(1e3 * (one - own))
        return long / self.presentations

    def own_times(self) -> list[float]:
        """Return milliseconds per presentation without the chunk overhead."""
        return [t - o / self.presentations for t, o in zip(self.times, self.overheads, strict=True)]


class ClassicContestant(Contestant):
    """The classic loop, from the weights and thresholds that `source` has learned."""

    def __init__(self, label: str, presentations: int, source: Any, *, learning: bool = True) -> None:
        super().__init__(label, EXAMPLE, source.n_exc, presentations)
        import brian2 as b2
        import classic

        say(f"opening {self.key}")
        self.classic, self.images, self.learning = classic, source.images, learning
        self.inp = b2.PoissonGroup(classic.N_INPUT, 0 * b2.Hz, dt=0.5 * b2.ms, name="inp")
        self.network = classic.build_network(
            self.inp,
            source.state["inp_exc.w"],
            source.engine.delays,
            source.state["exc.theta"],
            learning=learning,
        )
        self.first = int(source.state["protocol.position"][0])
        self.show(1)
        self.network.store()

    def show(self, presentations: int) -> int:
        """Show images until so many presentations are done; return how many were (the last image may need more)."""
        done = image = 0

        def count(shine: Callable[[int], None]) -> Callable[[int], None]:
            def counting(intensity: int) -> None:
                nonlocal done
                done += intensity > 0
                shine(intensity)

            return counting

        show_image = self.classic.train_image if self.learning else self.classic.show_image
        while done < presentations:
            shine = self.classic.poisson(self.inp, self.images[(self.first + image) % len(self.images)])
            show_image(self.network, count(shine))
            image += 1
        return done

    def run(self) -> float:
        """Return seconds per presentation."""
        self.network.restore()
        started = time.perf_counter()
        done = self.show(self.presentations)
        return (time.perf_counter() - started) / done


def seconds(action: Callable[[], object]) -> float:
    """Return the wall time of a call."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def say(text: str) -> None:
    """Report progress on stderr."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def contestants(images: np.ndarray, options: argparse.Namespace) -> dict[str, Contestant]:
    """Open and warm up all contestants, in the order of the table."""
    n, few, warm = REFERENCE_N_EXC, options.presentations, options.warm
    many = min(10 * few, CAPACITY)

    def engine(label: str, preset: str, size: int = n, **more: Any) -> EngineContestant:
        fast = more["engine"] == "standalone"
        count = max(few, min(many, many * n // size)) if fast else few
        return EngineContestant(label, preset, size, count, images, warm, **more)

    example = engine("standalone", EXAMPLE, engine="standalone")
    default = engine("standalone", BASE_PRESET, engine="standalone")
    frozen: dict[str, Any] = {"source": example, "learning": False}
    entries: list[Contestant] = [
        ClassicContestant("classic loop", few, example),
        engine("runtime", EXAMPLE, engine="runtime", source=example),
        example,
        engine("runtime", BASE_PRESET, engine="runtime", source=default),
        default,
        ClassicContestant("classic loop, frozen", few, example, learning=False),
        engine("standalone, frozen", EXAMPLE, engine="standalone", **frozen),
        engine("standalone, frozen", BASE_PRESET, engine="standalone", **(frozen | {"source": default})),
    ]
    entries += [
        engine("standalone", BASE_PRESET, size, engine="standalone") for size in options.sizes if size != n
    ]
    return {entry.key: entry for entry in entries}


def fresh_process(n_exc: int) -> None:
    """In a process of its own: time from a cached build to the first presentation, then poll memory; print JSON."""
    images = datasets.load("digits", "train").images
    images = images.reshape(len(images), -1)
    params = parameters(BASE_PRESET, n_exc)
    started = time.perf_counter()
    engine = open_engine("standalone", Model(params, True), wiring.initial_delays(params, SEED))
    with engine:
        state = engine.initial_state(stream_key(SEED, "train"), wiring.initial_weights(params, SEED))
        state, _ = engine.advance(state, images, presentations=1)
        first, at = time.perf_counter() - started, time.time()
        peak = 0.0

        def poll() -> bool:
            nonlocal peak
            peak = max([peak, *(high_water(pid) for pid in children())])
            return False

        engine.advance(state, images, presentations=max(3, 20_000 // n_exc), cancelled=poll)
    print(json.dumps({"first": first, "at": at, "child": peak, "python": high_water("self")}))


def children() -> list[str]:
    """Return the process ids of the children of this process (Linux)."""
    path = Path(f"/proc/self/task/{os.getpid()}/children")
    return path.read_text().split() if path.exists() else []


def high_water(pid: str) -> float:
    """Return the peak resident memory of a process in MiB; 0 where /proc does not say."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024
    return 0.0


def in_fresh_process(n_exc: int) -> dict[str, float]:
    """Return what `fresh_process` prints, and the time until its first presentation with Python's start and imports."""
    command = [sys.executable, __file__, "--fresh-process", str(n_exc)]
    started = time.time()
    made = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    measured: dict[str, float] = json.loads(made.stdout)
    return measured | {"whole": measured.pop("at") - started}


def help_seconds() -> float | None:
    """Return the wall time of ``python -m diehlcook --help``, None if it fails."""
    started = time.perf_counter()
    made = subprocess.run([sys.executable, "-m", "diehlcook", "--help"], capture_output=True, check=False)
    return None if made.returncode else time.perf_counter() - started


def facts(data: datasets.Dataset, options: argparse.Namespace) -> dict[str, str]:
    """Return what the numbers depend on."""
    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line for line in lines if line.startswith("model name")).partition(":")[2].strip()
    packages = ("diehlcook", "brian2", "numpy", "Cython")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": f"{model}, {os.cpu_count()} cores",
        "load before": f"{os.getloadavg()[0]:.1f} processes (idle: 0)",
        "system": platform.platform(),
        "versions": f"Python {platform.python_version()}, {versions}; {compiler_version()}",
        "images": f"{data.name}, {data.split}",
        "protocol": f"dt 0.5 ms, {options.repeats} repeats, interleaved, after {options.warm} presentations",
    }


def spread(values: list[float]) -> str:
    """Return "median (min-max)"."""
    middle = statistics.median(values)
    digits = 0 if middle >= 100 else 1 if middle >= 10 else 2
    return f"{middle:.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def speed_table(entries: dict[str, Contestant]) -> list[str]:
    """Return the Markdown lines of the table against the classic loop."""
    base = {
        label: statistics.median(entries[f"{label}, {EXAMPLE}, {REFERENCE_N_EXC}"].times)
        for label in ("classic loop", "classic loop, frozen")
    }
    lines = [
        "| 400 neurons | preset | presentations | ms per presentation | classic / this |",
        "|---|---|---:|---:|---:|",
    ]
    for entry in entries.values():
        if entry.n_exc == REFERENCE_N_EXC:
            classic = base["classic loop, frozen" if "frozen" in entry.label else "classic loop"]
            ratio = classic / statistics.median(entry.times)
            lines.append(
                f"| {entry.label} | {entry.preset} | {entry.presentations} | {spread(entry.times)} | "
                f"{ratio:.1f} |"
            )
    return lines


def size_table(
    entries: dict[str, Contestant], sizes: list[int], memory: dict[int, dict[str, float]]
) -> list[str]:
    """Return the Markdown lines of the table of sizes."""
    heads = [
        "neurons", "presentations", "ms per presentation", "by itself", "by itself / 400",
        "classic at 400 / this",
        "overhead of a chunk, ms", "of 1000 presentations", f"of {CHUNK_SECONDS:g} s", "peak, program",
        "peak, Python",
    ]  # fmt: skip
    lines = ["| " + " | ".join(heads) + " |", "|" + "---:|" * len(heads)]
    classic = statistics.median(entries[f"classic loop, {EXAMPLE}, {REFERENCE_N_EXC}"].times)
    reference = entries[f"standalone, {BASE_PRESET}, {REFERENCE_N_EXC}"]
    assert isinstance(reference, EngineContestant)
    for size in sizes:
        entry = entries[f"standalone, {BASE_PRESET}, {size}"]
        assert isinstance(entry, EngineContestant)
        own, overhead = statistics.median(entry.own_times()), statistics.median(entry.overheads)
        lines.append(
            f"| {size} | {entry.presentations} | {spread(entry.times)} | {spread(entry.own_times())} "
            f"| {own / statistics.median(reference.own_times()):.2f} | "
            f"{classic / statistics.median(entry.times):.1f} "
            f"| {spread(entry.overheads)} | {overhead / (overhead + 1000 * own):.1%} | "
            f"{overhead / (1e3 * CHUNK_SECONDS):.1%} "
            f"| {memory[size]['child']:.0f} MiB | {memory[size]['python']:.0f} MiB |"
        )
    return lines


def start_table(helps: list[float | None], starts: list[dict[str, float]]) -> list[str]:
    """Return the Markdown lines of the table of start-up times."""
    shown = [value for value in helps if value is not None]
    return [
        "| start | s |",
        "|---|---:|",
        f"| `python -m diehlcook --help` | {spread(shown) if shown else 'failed'} |",
        (
            "| 400 neurons, cached build: Python started, engine opened, one presentation done | "
            f"{spread([x['whole'] for x in starts])} |"
        ),
        f"| of it without Python's start and imports | {spread([x['first'] for x in starts])} |",
    ]


def options_from(arguments: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few presentations and repeats: rough numbers")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 400, 1600, 6400], metavar="N")
    parser.add_argument(
        "--presentations", type=int, help="of the classic loop per repeat; standalone 10 times as many (100)"
    )
    parser.add_argument("--repeats", type=int, help="of everything (5)")
    parser.add_argument("--warm", type=int, help="presentations to learn from before any timing (200)")
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of MNIST")
    parser.add_argument("--json", type=Path, metavar="FILE", help="save all measurements")
    parser.add_argument("--fresh-process", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    for name, usual, quick in (("presentations", 100, 5), ("repeats", 5, 2), ("warm", 200, 20)):
        if getattr(options, name) is None:
            setattr(options, name, quick if options.quick else usual)
        if getattr(options, name) < 1:
            parser.error(f"--{name} must be at least 1")
    options.sizes = sorted({*options.sizes, REFERENCE_N_EXC})
    return options


def load_images(folder: Path | None) -> datasets.Dataset:
    """Return MNIST if it is there, else the embedded digits."""
    try:
        return datasets.load("mnist", "train", data=folder, download=False)
    except DiehlCookError as error:
        if folder is not None:
            sys.exit(str(error))
        return datasets.load("digits", "train")


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    options = options_from(arguments)
    if options.fresh_process:
        fresh_process(options.fresh_process)
        return
    data = load_images(options.data)
    machine = facts(data, options)
    entries = contestants(data.images.reshape(len(data), -1), options)
    helps, starts = [], []
    for repeat in range(options.repeats):
        say(f"repeat {repeat + 1} of {options.repeats}")
        for entry in entries.values():
            entry.measure()
        helps.append(help_seconds())
        starts.append(in_fresh_process(REFERENCE_N_EXC))
    for entry in entries.values():
        if isinstance(entry, EngineContestant):
            entry.engine.close()
    memory = {size: in_fresh_process(size) for size in options.sizes}
    machine["load after"] = f"{os.getloadavg()[0]:.1f} processes (1: this benchmark alone)"

    tables = [speed_table(entries), size_table(entries, options.sizes, memory), start_table(helps, starts)]
    print("\n".join(f"- {name}: {value}" for name, value in machine.items()))
    print(
        "\nMedians, in brackets minimum and maximum of the repeats. Times of standalone include the chunk "
        "overhead,"
    )
    print("except `by itself`.")
    for lines in tables:
        print("\n" + "\n".join(lines))
    if options.json:
        content = {
            "machine": machine,
            "contestants": {
                key: {"presentations": e.presentations, "ms": e.times, "overhead_ms": e.overheads}
                for key, e in entries.items()
            },
            "memory_mib": memory,
            "help_s": helps,
            "start": starts,
        }
        options.json.write_text(json.dumps(content, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
