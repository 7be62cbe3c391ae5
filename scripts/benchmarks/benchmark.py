"""Measure the engines against the classic Brian2 loop of ``classic.py`` at several sizes, side by side; print Markdown tables.

    python scripts/benchmarks/benchmark.py                          # an hour on two idle cores; draws docs/scaling.png
    python scripts/benchmarks/benchmark.py --quick --sizes 100      # a look, without a picture
    python scripts/benchmarks/benchmark.py --yardstick limit.cpp    # with a plain C++ program that does the same work
    python scripts/benchmarks/benchmark.py --python other/bin/python    # with BindsNET, from an environment that has it

How it measures. All contestants of a size are opened and warmed up first (compilation, first presentations).
Then, in every repeat, each of them is timed once, so that a machine that drifts drifts for all. Every repeat
starts from the same state, that of a network which has learned from the first images, and shows the same
images; so the spread of the package's engines is the machine's alone (the classic loop draws new input
spikes). The classic loop and the engines with its preset start from the same weights, thresholds and delays.
Times are wall times; a slow neighbour makes them longer, which is why minimum and maximum stand beside the
median.

Preset ``brian2-example`` starts with a timer of 50 ms at zero, so that all neurons fire in the same step;
with explicit Euler and 1600 neurons or more this drives the network silent. As in the yardstick, the timer
starts run out here.

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
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from diehlcook.data import datasets
from diehlcook.engines.base import Model, Responses, State
from diehlcook.engines.compiler import compiler_version
from diehlcook.engines.registry import open_engine
from diehlcook.errors import DiehlCookError
from diehlcook.model import wiring
from diehlcook.model.params import BASE_PRESET, REFERENCE_N_EXC, load_preset, with_size
from diehlcook.model.stimulus import stream_key
from diehlcook.phases.training import CHUNK_SECONDS

PICTURE = Path(__file__).parents[2] / "docs" / "scaling.png"
SEED = 0
EXAMPLE = "brian2-example"
FROZEN = ", not learning"
LARGEST_SLOW = 1600

ENGINES = (
    ("fused", EXAMPLE, "0.5 ms", True, None),
    ("fused", BASE_PRESET, "0.5 ms", True, None),
    ("fused", EXAMPLE, "0.5 ms", False, None),
    ("standalone", EXAMPLE, "0.5 ms", True, None),
    ("standalone", BASE_PRESET, "0.5 ms", True, None),
    ("fused", EXAMPLE, "0.1 ms", True, None),
    ("standalone", EXAMPLE, "0.1 ms", True, LARGEST_SLOW),
    ("runtime", EXAMPLE, "0.5 ms", True, LARGEST_SLOW),
    ("runtime", BASE_PRESET, "0.5 ms", True, REFERENCE_N_EXC),
    ("standalone", EXAMPLE, "0.5 ms", False, REFERENCE_N_EXC),
    ("standalone", BASE_PRESET, "0.5 ms", False, REFERENCE_N_EXC),
)
"""Engine, preset, time step, whether it learns, and the largest size at which it is measured."""

WORK = {"fused": 40_000, "standalone": 60_000, "runtime": 1_200, "classic": 1_600}
"""Neurons times presentations of one measurement, at least 3 presentations."""

BINDSNET = """
import json, sys, time, numpy as np, torch
from bindsnet.models import DiehlAndCook2015
n, path = int(sys.argv[1]), sys.argv[2]
torch.set_num_threads(1); torch.manual_seed(0)
images = torch.from_numpy(np.load(path)).float()
network = DiehlAndCook2015(n_inpt=784, n_neurons=n, dt=1.0, inpt_shape=(1, 28, 28))
times = []
for image in images:
    spikes = (torch.rand(500, 1, 1, 28, 28) < image.view(1, 1, 28, 28) / 4 * 1e-3).byte()
    spikes[350:] = 0
    started = time.perf_counter(); network.run({"X": spikes}, time=500); times.append(time.perf_counter() - started)
    network.reset_state_variables()
print(json.dumps(sorted(times[1:])[len(times) // 2]))
"""


class Contestant:
    """Something that can be timed, once for each repeat."""

    def __init__(self, label: str, n_exc: int, images: np.ndarray, work: int) -> None:
        say(f"opening {label}, {n_exc}")
        self.label, self.n_exc, self.images = label, n_exc, images
        self.presentations = max(3, work // n_exc)
        self.times: list[float] = []
        """Milliseconds per presentation."""


class EngineContestant(Contestant):
    """An engine of the package, from one state of a network that has learned a little."""

    def __init__(
        self, engine: str, preset: str, dt: str, learning: bool, n_exc: int, images: np.ndarray, work: int
    ) -> None:
        super().__init__(f"{engine}, {preset}, dt {dt}{'' if learning else FROZEN}", n_exc, images, work)
        params = with_size(load_preset(preset).with_values({"dt": dt}), n_exc)
        self.delays = wiring.initial_delays(params, SEED)
        # What is learned first is learned by the fastest: the states are the same
        with open_engine("fused", Model(params, True), self.delays) as fast:
            state = fast.initial_state(stream_key(SEED, "train"), wiring.initial_weights(params, SEED))
            state["exc.lockout_left"][:] = 0
            warm = max(20, 20_000 // n_exc)
            state, _ = fast.advance(state, images[:warm], presentations=warm)
        self.first = int(state["protocol.position"][0])
        self.engine = open_engine(engine, Model(params, learning), self.delays)
        if not learning:
            stream = stream_key(SEED, "test")
            state = self.engine.initial_state(stream, state["inp_exc.w"], state["exc.theta"], self.first)
        self.state: State = state
        self.standalone = engine == "standalone"
        self.overheads: list[float] = []
        """Milliseconds per chunk, of the standalone engine."""
        self.responses = self.show(max(1, self.presentations // 10))

    def show(self, presentations: int) -> Responses:
        """Show so many presentations, from the state at hand."""
        batch = self.images[self.first : self.first + presentations]
        return self.engine.advance(self.state, batch, presentations=presentations)[1]

    def measure(self) -> None:
        """Time once; for standalone measure the overhead too."""
        started = time.perf_counter()
        self.responses = self.show(self.presentations)
        long, done = time.perf_counter() - started, len(self.responses.position)
        self.times.append(1e3 * long / done)
        if self.standalone:
            started = time.perf_counter()
            self.show(1)
            one = time.perf_counter() - started
            self.overheads.append(1e3 * (one - (long - one) / (done - 1)))

    def own_times(self) -> list[float]:
        """Return milliseconds per presentation without the chunk overhead."""
        done = len(self.responses.position)
        return [t - o / done for t, o in zip(self.times, self.overheads, strict=True)]

    def work_done(self) -> str:
        """Return how many spikes and synaptic events a presentation has."""
        images, repeats = self.images[self.responses.position], 1 + self.responses.attempt / 2
        inputs = float(np.mean(datasets.expected_input_spikes(images) * repeats))
        return (
            f"{self.n_exc}: {inputs:.0f} input and {self.responses.counts.sum(axis=1).mean():.1f} excitatory "
            f"spikes, {inputs * self.n_exc / statistics.median(self.times) / 1e3:.0f} million synaptic "
            "events per second"
        )


class ClassicContestant(Contestant):
    """The classic loop, from the weights and thresholds that `source` has learned."""

    def __init__(self, source: EngineContestant, work: int, *, learning: bool) -> None:
        label = f"classic loop, {EXAMPLE}, dt 0.5 ms{'' if learning else FROZEN}"
        super().__init__(label, source.n_exc, source.images, work)
        import brian2 as b2
        import classic

        self.classic, self.first = classic, source.first
        self.show_image = classic.train_image if learning else classic.show_image
        self.inp = b2.PoissonGroup(classic.N_INPUT, 0 * b2.Hz, dt=0.5 * b2.ms, name="inp")
        weights, theta = source.state["inp_exc.w"], source.state["exc.theta"]
        self.network = classic.build_network(self.inp, weights, source.delays, theta, learning=learning)
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

        while done < presentations:
            self.show_image(
                self.network, count(self.classic.poisson(self.inp, self.images[self.first + image]))
            )
            image += 1
        return done

    def measure(self) -> None:
        """Time once."""
        self.network.restore()
        started = time.perf_counter()
        done = self.show(self.presentations)
        self.times.append(1e3 * (time.perf_counter() - started) / done)


def say(text: str) -> None:
    """Report progress on stderr."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def measure_size(
    n_exc: int, images: np.ndarray, options: argparse.Namespace
) -> list[EngineContestant | ClassicContestant]:
    """Open all contestants of a size and time each once in every repeat."""
    work = {name: amount // (10 if options.quick else 1) for name, amount in WORK.items()}
    engines = [
        EngineContestant(engine, preset, dt, learning, n_exc, images, work[engine])
        for engine, preset, dt, learning, largest in ENGINES
        if largest is None or n_exc <= largest
    ]
    entries: list[EngineContestant | ClassicContestant] = [*engines]
    if n_exc <= REFERENCE_N_EXC:
        entries += [ClassicContestant(engines[0], work["classic"], learning=on) for on in (True, False)]
    for repeat in range(options.repeats):
        say(f"{n_exc}: repeat {repeat + 1} of {options.repeats}")
        for entry in entries:
            entry.measure()
    for one in engines:
        one.engine.close()
    return entries


def yardstick(source: Path, n_exc: int, images: np.ndarray, folder: Path) -> list[float]:
    """Return milliseconds per presentation of the plain C++ program, three runs."""
    program, data = folder / "limit", folder / "images"
    flags = ["-O3", "-march=native", "-ffast-math", "-std=c++17", "-DREAL=double"]
    subprocess.run(["g++", *flags, str(source), "-o", str(program)], check=True)
    data.write_bytes(b"\0" * 16 + images.tobytes())
    command = [str(program), str(data), str(n_exc), str(max(20, 80_000 // n_exc)), "0.5"]
    said = [subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout for _ in range(3)]
    return [float(one.split("ms/pres ")[1].split()[0]) for one in said]


def bindsnet(python: str, n_exc: int, images: np.ndarray, folder: Path) -> list[float]:
    """Return milliseconds per 500 ms of BindsNET's model, on one core."""
    np.save(folder / "few.npy", images[: 6 if n_exc < 1000 else 3])
    command = [python, "-c", BINDSNET, str(n_exc), str(folder / "few.npy")]
    return [1e3 * float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)]


def fresh_process(n_exc: int) -> None:
    """In a process of its own: time from a cached build to the first presentation, then poll memory; print JSON."""
    images = datasets.load("digits", "train").images
    images = images.reshape(len(images), -1)
    params = with_size(load_preset(BASE_PRESET).with_values({"dt": "0.5 ms"}), n_exc)
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


def line_of(path: str, name: str) -> str:
    """Return what follows a name and a colon in a file of /proc; "" where there is none."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path(path).read_text().splitlines()
        return next(line for line in lines if line.startswith(name)).partition(":")[2].strip()
    return ""


def high_water(pid: str) -> float:
    """Return the peak resident memory of a process in MiB; 0 where /proc does not say."""
    return int((line_of(f"/proc/{pid}/status", "VmHWM") or "0").split()[0]) / 1024


def in_fresh_process(n_exc: int) -> dict[str, float]:
    """Return what `fresh_process` prints, and the time until its first presentation with Python's start and imports."""
    command = [sys.executable, __file__, "--fresh-process", str(n_exc)]
    started = time.time()
    made = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    measured: dict[str, float] = json.loads(made.stdout)
    return measured | {"whole": measured.pop("at") - started}


def help_seconds() -> float:
    """Return the wall time of ``python -m diehlcook --help``."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "diehlcook", "--help"], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def facts(data: datasets.Dataset, options: argparse.Namespace) -> dict[str, str]:
    """Return what the numbers depend on."""
    model = line_of("/proc/cpuinfo", "model name") or platform.processor() or platform.machine()
    packages = ("diehlcook", "brian2", "numpy", "Cython")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": f"{model}, {os.cpu_count()} cores",
        "load before": f"{os.getloadavg()[0]:.1f} processes (idle: 0)",
        "system": platform.platform(),
        "versions": f"Python {platform.python_version()}, {versions}; {compiler_version()}",
        "images": f"{data.name}, {data.split}; {options.repeats} repeats, interleaved",
    }


def spread(values: list[float]) -> str:
    """Return "median (min-max)"."""
    return f"{statistics.median(values):.3g} ({min(values):.3g}–{max(values):.3g})"


Times = dict[str, dict[int, list[float]]]
"""Milliseconds per presentation by contestant and size."""


def speed_table(times: Times, sizes: list[int]) -> list[str]:
    """Return the Markdown lines of the times, and how many times faster than the classic loop each is at 400 neurons."""
    n = REFERENCE_N_EXC
    lines = [
        f"| ms per presentation | {' | '.join(map(str, sizes))} | classic / this, {n} |",
        f"|---|{'---:|' * (len(sizes) + 1)}",
    ]
    for label, found in times.items():
        cells = [spread(found[size]) if size in found else "—" for size in sizes]
        frozen = FROZEN if FROZEN in label else ""
        classic = statistics.median(times[f"classic loop, {EXAMPLE}, dt 0.5 ms{frozen}"][n])
        ratio = f"{classic / statistics.median(found[n]):.1f}" if n in found else "—"
        lines.append(f"| {label} | {' | '.join(cells)} | {ratio} |")
    return lines


def size_table(entries: list[EngineContestant], memory: dict[int, dict[str, float]]) -> list[str]:
    """Return the Markdown lines of the table of sizes of one standalone contestant."""
    heads = [
        "neurons, standalone", "presentations", "ms per presentation", "by itself", "by itself / 400",
        "overhead of a chunk, ms", "of 1000 presentations", f"of {CHUNK_SECONDS:g} s", "peak, program",
        "peak, Python",
    ]  # fmt: skip
    lines = ["| " + " | ".join(heads) + " |", "|" + "---:|" * len(heads)]
    owns = {entry.n_exc: statistics.median(entry.own_times()) for entry in entries}
    for entry in entries:
        own, overhead = owns[entry.n_exc], statistics.median(entry.overheads)
        lines.append(
            f"| {entry.n_exc} | {entry.presentations} | {spread(entry.times)} | {spread(entry.own_times())} "
            f"| {own / owns[REFERENCE_N_EXC]:.2f} | {spread(entry.overheads)} "
            f"| {overhead / (overhead + 1000 * own):.1%} | {overhead / (1e3 * CHUNK_SECONDS):.1%} "
            f"| {memory[entry.n_exc]['child']:.0f} MiB | {memory[entry.n_exc]['python']:.0f} MiB |"
        )
    return lines


def start_table(helps: list[float], starts: list[dict[str, float]]) -> list[str]:
    """Return the Markdown lines of the table of start-up times."""
    whole, first = ([one[name] for one in starts] for name in ("whole", "first"))
    return [
        "| start | s |",
        "|---|---:|",
        f"| `python -m diehlcook --help` | {spread(helps)} |",
        (
            "| 400 neurons, cached build: Python started, engine opened, one presentation done "
            f"| {spread(whole)} |"
        ),
        f"| of it without Python's start and imports | {spread(first)} |",
    ]


def draw(times: Times) -> None:
    """Draw the curves of all that was measured at several sizes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.5), layout="constrained")
    axes = figure.subplots()
    for label, found in times.items():
        if len(found) > 1:
            axes.plot(list(found), [statistics.median(one) for one in found.values()], "o-", label=label)
    axes.set(xscale="log", yscale="log", xlabel="excitatory neurons", ylabel="ms per presentation of 500 ms")
    axes.axhline(500, color="0.7", lw=1)
    axes.text(6400, 520, "real time", color="0.5", fontsize=8, ha="right", va="bottom")
    axes.set_xticks([100, 400, 1600, 6400], ["100", "400", "1600", "6400"])
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(PICTURE, dpi=130)


def load_images(folder: Path | None) -> datasets.Dataset:
    """Return MNIST if it is there, else the embedded digits."""
    try:
        return datasets.load("mnist", "train", data=folder, download=False)
    except DiehlCookError as error:
        if folder is not None:
            sys.exit(str(error))
        return datasets.load("digits", "train")


def main() -> None:
    """Measure, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the presentations: rough numbers")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 400, 1600, 6400], metavar="N")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--yardstick", type=Path, metavar="FILE.cpp")
    parser.add_argument("--python", metavar="PYTHON", help="an interpreter that has bindsnet")
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of MNIST")
    parser.add_argument("--fresh-process", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fresh_process:
        fresh_process(options.fresh_process)
        return
    sizes = sorted({*options.sizes, REFERENCE_N_EXC})
    data = load_images(options.data)
    images, machine = data.images.reshape(len(data), -1), facts(data, options)
    times: Times = {}
    found: dict[str, list[EngineContestant]] = {}
    with tempfile.TemporaryDirectory() as name:
        for n_exc in sizes:
            for entry in measure_size(n_exc, images, options):
                times.setdefault(entry.label, {})[n_exc] = entry.times
                if isinstance(entry, EngineContestant):
                    found.setdefault(entry.label, []).append(entry)
            if options.yardstick:
                made = yardstick(options.yardstick, n_exc, images, Path(name))
                times.setdefault("plain C++ (yardstick), dt 0.5 ms", {})[n_exc] = made
            if options.python:
                made = bindsnet(options.python, n_exc, images, Path(name))
                times.setdefault("BindsNET, dt 1 ms", {})[n_exc] = made
    memory = {size: in_fresh_process(size) for size in sizes}
    helps = [help_seconds() for _ in range(options.repeats)]
    starts = [in_fresh_process(REFERENCE_N_EXC) for _ in range(options.repeats)]
    machine["load after"] = f"{os.getloadavg()[0]:.1f} processes (1: this benchmark alone)"

    print("\n".join(f"- {name}: {value}" for name, value in machine.items()))
    print("\nMedians, in brackets minimum and maximum of the repeats; training unless said otherwise.")
    print("Times of standalone include the chunk overhead, except `by itself`.")
    by_itself = size_table(found[f"standalone, {BASE_PRESET}, dt 0.5 ms"], memory)
    for lines in (speed_table(times, sizes), by_itself, start_table(helps, starts)):
        print("\n" + "\n".join(lines))
    print("\n" + "\n".join(one.work_done() for one in found[f"fused, {EXAMPLE}, dt 0.5 ms"]))
    if not options.quick:
        draw(times)


if __name__ == "__main__":
    main()
