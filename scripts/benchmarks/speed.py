"""The engines, the classic Brian2 loop, plain C++ programs, BindsNET and neuroSush, side by side; fill docs/performance.md.

    python scripts/benchmarks/speed.py                # times, memory and starts: a quarter of an hour of an idle machine
    python scripts/benchmarks/speed.py --courses      # how many images to an accuracy: an hour, may run beside other things
    python scripts/benchmarks/speed.py --page         # tables and picture from the record, without running anything
    python scripts/benchmarks/speed.py --bindsnet PYTHON --neurosush PYTHON EXAMPLE.py --limit FILE.cpp --limit2 FILE.cpp

Without the options of the last line those that they name are left out. PYTHON is an interpreter of an
environment with BindsNET 0.3.4 or neuroSush 0.5.0, EXAMPLE.py the file examples/diehl_cook_mnist.py of
neuroSush's source archive.

Every contestant is a process (contestants.py). All of a size are opened; then, in every repeat, each of them
is timed once, so that a machine that drifts drifts for all. Those of the package and the classic loop start
every repeat from the same state, that of a network which has learned from the first images, and from the same
image, the slower ones with fewer images; BindsNET and neuroSush go on learning. Times are wall times; a slow
neighbour makes them longer, which is why lowest and highest stand beside the median. What is measured is kept in
docs/performance.json.
"""

import argparse
import importlib.metadata
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from workers import Peak, Worker, line_of

from diehlcook.analysis import readout
from diehlcook.data import datasets
from diehlcook.data.datasets import Dataset
from diehlcook.engines.compiler import compiler_version
from diehlcook.errors import DiehlCookError
from diehlcook.model.params import REFERENCE_N_EXC

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "studies"))
from pages import put, table

RECORD, PAGE, PICTURE = (
    ROOT / "docs" / name for name in ("performance.json", "performance.md", "scaling.png")
)

SIZES = (100, REFERENCE_N_EXC)
"""Neurons at which all are compared."""

LARGE = (1600, 6400)
"""Neurons at which the fast ones are measured, too."""

WARM = 20_000
"""Neurons times presentations that a network has learned from before it is timed; at least 20 presentations."""

COURSES = {"fused": 10_000, "BindsNET 0.3.4": 3_000, "neuroSush 0.5.0": 2_000}
"""How many images are shown to see how fast a network learns."""

WINDOW, STEP = 500, 100
"""As in the paper's Fig. 2C, but shorter: labels from so many images classify the next so many; looked at every so many images."""

TARGETS = (0.7, 0.8)
"""Accuracies during training that are waited for."""


class Contestant(NamedTuple):
    """Who takes part."""

    name: str
    model: str
    """Which constants or which model."""
    command: tuple[str, ...]
    """What contestants.py is called with, after the number of neurons."""
    work: int = 0
    """Neurons times presentations of one measurement, at least 3 presentations; 0: 5 presentations."""
    sizes: tuple[int, ...] = SIZES
    python: str = sys.executable

    @property
    def label(self) -> str:
        """Its row in the tables."""
        return f"{self.name}, {self.model}"

    @property
    def frozen(self) -> bool:
        """Whether it does not learn."""
        return "frozen" in self.command

    def presentations(self, n_exc: int) -> int:
        """Return how many presentations are timed at once."""
        return max(3, self.work // n_exc) if self.work else 5

    def arguments(self, n_exc: int) -> list[str]:
        """Return what contestants.py is called with: {n} stands for the number of neurons."""
        return [str(n_exc), *(word.replace("{n}", str(n_exc)) for word in self.command)]

    def open(self, images: Path, n_exc: int, home: Path | None = None) -> Worker:
        """Start it; in a home folder of its own nothing has been compiled."""
        places = {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache")} if home else {}
        command = [self.python, str(Path(__file__).with_name("contestants.py")), str(images)]
        worker = Worker(f"{self.label}, {n_exc} neurons", [*command, *self.arguments(n_exc)], places)
        worker.answer()
        return worker


PAPER, EXAMPLE = "paper-triplet-{n}", "brian2-example"


def of_package(
    engine: str, preset: str, work: int, *, learning: bool = True, large: bool = False
) -> Contestant:
    """Return an engine with a preset."""
    model = "the default preset" if preset == PAPER else f"`{preset}`"
    return Contestant(
        engine,
        model if learning else f"{model}, not learning",
        ("engine", engine, preset, "learning" if learning else "frozen"),
        work,
        (*SIZES, *LARGE) if large else SIZES,
    )


OURS = (
    of_package("fused", PAPER, 160_000, large=True),
    of_package("fused", PAPER, 160_000, learning=False, large=True),
    of_package("standalone", PAPER, 60_000, large=True),
    of_package("runtime", PAPER, 1_200),
    of_package("fused", EXAMPLE, 160_000),
    of_package("standalone", EXAMPLE, 60_000),
    of_package("runtime", EXAMPLE, 1_200),
    Contestant("classic loop", f"`{EXAMPLE}`", ("classic",), 1_600),
)
CLASSIC = OURS[-1]

FIRST_USES = (OURS[0], OURS[2], OURS[3], CLASSIC)
"""Whose first use, with nothing compiled, is timed."""


def contestants(options: argparse.Namespace) -> list[Contestant]:
    """Return those that take part: the package, and what is named."""
    found = list(OURS)
    if options.bindsnet:
        found.append(
            Contestant("BindsNET 0.3.4", "its example, 250 ms", ("bindsnet",), python=options.bindsnet)
        )
    if options.neurosush:
        python, example = options.neurosush
        found.append(
            Contestant("neuroSush 0.5.0", "its example, 350 ms", ("neurosush", example), python=python)
        )
    return found


class Program(NamedTuple):
    """A plain C++ program, which says itself how long a presentation took."""

    label: str
    source: str
    flags: tuple[str, ...]
    arguments: tuple[str, ...]
    """After images, neurons and presentations."""

    def build(self, folder: Path) -> Path:
        """Compile it."""
        made = folder / Path(self.source).stem
        flags = ["-O3", "-march=native", "-ffast-math", "-std=c++17", "-DREAL=double", *self.flags]
        subprocess.run(["g++", *flags, self.source, "-o", str(made), "-pthread"], check=True)
        return made

    def milliseconds(self, program: Path, images: Path, n_exc: int) -> float:
        """Return how long it says that a presentation takes."""
        count = str(max(20, 80_000 // n_exc))
        command = [str(program), str(images), str(n_exc), count, *self.arguments]
        words = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
        return float(
            words[words.index("ms/pres") + 1] if "ms/pres" in words else words[words.index("ms") - 1]
        )


def programs(options: argparse.Namespace) -> list[Program]:
    """Return the plain programs that are named."""
    found = []
    if options.limit:
        found.append(Program("plain C++, the example's model", options.limit, (), ("0.5",)))
    if options.limit2:
        label = "plain C++ in tiles, potentiation only"
        found.append(Program(label, options.limit2, ("-DTS=8",), ("0.5", "1", "0.05")))
    return found


def say(text: str) -> None:
    """Report progress on stderr."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


Times = dict[str, dict[str, list[float]]]
"""By label and number of neurons."""


class Bench(NamedTuple):
    """What a measurement needs: who takes part, and a folder with the images in it."""

    given: list[Contestant]
    built: list[tuple[Program, Path]]
    images: Path
    raw: Path
    """The same images, as plain programs read them."""
    repeats: int

    def warm(self, preset: str, n_exc: int) -> Path:
        """Save the state of a network that has learned from the first images."""
        state = self.images.with_name(f"{n_exc}-{preset.partition('-')[0]}.npz")
        if not state.exists():
            maker = of_package("fused", preset, 0).open(self.images, n_exc)
            maker.ask(f"save {state} {max(20, WARM // n_exc)}")
            maker.close()
        return state

    def measure(self, n_exc: int) -> tuple[dict[str, list[float]], dict[str, float]]:
        """Return the milliseconds per presentation of all repeats, and the peak memory in MiB, by label."""
        times: dict[str, list[float]] = {}
        memory: dict[str, float] = {}
        workers = []
        for one in self.given:
            if n_exc in one.sizes:
                say(f"opening {one.label}, {n_exc} neurons")
                worker = one.open(self.images, n_exc)
                if one in OURS:
                    worker.ask(f"open {self.warm(EXAMPLE if EXAMPLE in one.model else PAPER, n_exc)}")
                workers.append((one, worker))
        for repeat in range(self.repeats):
            say(f"{n_exc} neurons: repeat {repeat + 1} of {self.repeats}")
            for one, worker in workers:
                with Peak(worker.process.pid) as peak:
                    seconds = float(worker.ask(f"show {one.presentations(n_exc)}"))
                times.setdefault(one.label, []).append(1e3 * seconds)
                memory[one.label] = max(memory.get(one.label, 0.0), peak.mebibytes)
            for program, made in self.built:
                times.setdefault(program.label, []).append(program.milliseconds(made, self.raw, n_exc))
        for _, worker in workers:
            worker.close()
        return times, memory

    def start(self, one: Contestant) -> dict[str, list[float]]:
        """Return the seconds from a shell to the first image shown, with 400 neurons: again, and with nothing compiled."""
        say(f"starting {one.label}")

        def seconds(home: Path | None = None) -> float:
            began = time.perf_counter()
            one.open(self.images, REFERENCE_N_EXC, home).close()
            return time.perf_counter() - began

        found = {"again": [seconds() for _ in range(self.repeats)]}
        if one in FIRST_USES:
            found["first"] = [seconds(Path(tempfile.mkdtemp(dir=self.images.parent)))]
        return found


def measure(bench: Bench, record: dict[str, Any], keep: Callable[[], None]) -> None:
    """Measure times, memory and starts into a record, which is kept once all are there."""
    new: dict[str, Any] = {"ms": {}, "MiB": {}, "starts": {}}
    for n_exc in (*SIZES, *LARGE):
        times, memory = bench.measure(n_exc)
        for label, found in times.items():
            new["ms"].setdefault(label, {})[str(n_exc)] = found
        for label, peak in memory.items():
            new["MiB"].setdefault(label, {})[str(n_exc)] = peak
    for one in bench.given:
        new["starts"][one.label] = bench.start(one)
    record |= new | {"machine": machine(), "repeats": bench.repeats}
    keep()


def milestones(counts: NDArray[np.uint16], labels: NDArray[Any]) -> dict[str, int]:
    """Return after how many images an accuracy during training is reached, for each target that is."""
    found: dict[str, int] = {}
    for middle in range(WINDOW, len(counts) - WINDOW + 1, STEP):
        before, after = slice(middle - WINDOW, middle), slice(middle, middle + WINDOW)
        assigned = readout.assign_labels(counts[before], labels[before]).labels
        accuracy = float((readout.predict(counts[after], assigned).labels == labels[after]).mean())
        for target in TARGETS:
            if accuracy >= target:
                found.setdefault(f"{target:g}", middle + WINDOW)
    return found


def courses(
    given: list[Contestant], data: Dataset, done: dict[str, Any]
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield how the networks that are not done learn: images to each target, presentations, processor time."""
    with tempfile.TemporaryDirectory() as name:
        file, counts = Path(name) / "images.npy", Path(name) / "counts.npy"
        taking_part = [one for one in given if one.name in COURSES and not one.frozen]
        for n_exc, one in itertools.product(SIZES, taking_part):
            if str(n_exc) in done.get(one.label, {}):
                continue
            images = COURSES[one.name]
            say(f"{one.label}, {n_exc} neurons: {images:,} images")
            np.save(file, data.images[:images].reshape(images, -1))
            worker = one.open(file, n_exc)
            cpu, presentations = map(float, worker.ask(f"course {images} {counts}").split())
            worker.close()
            course = {
                "images": images,
                "reached": milestones(np.load(counts), data.labels[:images]),
                "presentations_per_image": presentations,
                "cpu_s": cpu,
                "date": time.strftime("%Y-%m-%d"),
            }
            yield one.label, str(n_exc), course


def machine() -> dict[str, str]:
    """Return what the times depend on."""
    names = ("brian2", "numpy", "numba", "Cython")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    return {
        "date": time.strftime("%Y-%m-%d"),
        "processor": line_of("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "cores": str(os.cpu_count()),
        "AVX-512": "yes" if "avx512f" in line_of("/proc/cpuinfo", "flags") else "no",
        "load": f"{os.getloadavg()[0]:.1f}",
        "versions": f"Python {platform.python_version()}, {versions}; {compiler_version()}",
    }


def spread(values: list[float]) -> str:
    """Return median, lowest and highest."""
    if not values:
        return ""
    shown = f"{statistics.median(values):.3g}"
    return shown if len(values) == 1 else f"{shown} ({min(values):.3g}–{max(values):.3g})"


def duration(seconds: float) -> str:
    """Return a time for people."""
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def tables(record: dict[str, Any]) -> str:
    """Return what was measured, for the page."""
    times, memory, starts = record["ms"], record["MiB"], record["starts"]
    n = str(REFERENCE_N_EXC)
    classic = statistics.median(times[CLASSIC.label][n])
    sizes = [str(size) for size in SIZES]
    side = [
        (
            label,
            *(spread(found.get(size, [])) for size in sizes),
            f"{classic / statistics.median(found[n]):.3g}",
            *(f"{memory[label][size]:.0f}" if label in memory else "" for size in sizes),
        )
        for label, found in times.items()
    ]
    first = [
        (label, spread(found.get("first", [])), spread(found["again"])) for label, found in starts.items()
    ]
    models = {one.label: f"fused, {one.model}" for one in OURS if not one.frozen}
    reached = []
    for size, label in itertools.product(sizes, [one for one in times if one in starts]):
        course = record.get("courses", {}).get(models.get(label, label), {}).get(size)
        if course:
            again = statistics.median(starts[label]["again"])
            per_image = 1e-3 * course["presentations_per_image"] * statistics.median(times[label][size])
            counts = [course["reached"].get(f"{target:g}") for target in TARGETS]
            images = [f"{count:,}" if count else f"not in {course['images']:,}" for count in counts]
            waits = [duration(again + count * per_image) if count else "" for count in counts]
            reached.append((label, size, *images, *waits))
    large = [
        (label, *(spread(found.get(str(size), [])) for size in (*SIZES, *LARGE)))
        for label, found in times.items()
        if str(LARGE[-1]) in found
    ]
    told = record["machine"]
    heads = " | ".join(f"{size} neurons" for size in sizes)
    percents = " | ".join(f"images to {target:.0%}" for target in TARGETS)
    durations = " | ".join(f"time to {target:.0%}" for target in TARGETS)
    columns = " | ".join(map(str, (*SIZES, *LARGE)))
    vector = "with" if told["AVX-512"] == "yes" else "without"
    parts = [
        (
            f"{told['date']}; {told['cores']} cores of an {told['processor']} {vector} AVX-512, "
            f"idle but for this (load {told['load']}); {told['versions']}; "
            f"medians of {record['repeats']} interleaved repeats, "
            "lowest and highest in brackets; one core each."
        ),
        "### Side by side",
        "Milliseconds per presentation in training; peak memory in MiB.\n\n"
        + table(f"| | {heads} | classic loop / this, {n} | MiB, {sizes[0]} | MiB, {sizes[1]} |", side),
        "### More neurons",
        table(f"| ms per presentation | {columns} |", large),
        "### From a shell to the first image",
        f"Seconds until Python has started, the network of {n} neurons is there and one image has been "
        "shown: the first time, when nothing has been compiled, and again.\n\n"
        + table("| | first use, s | again, s |", first),
        "### From a shell to an accuracy",
        table(f"| | neurons | {percents} | {durations} |", reached),
    ]
    return "\n\n".join(parts)


def draw(times: Times, machine: dict[str, str]) -> None:
    """Draw times against sizes."""
    from diehlcook.figures import style

    @style.styled
    def drawn() -> None:
        ax = style.new_axes((7.2, 5.6), "constrained")
        left_out = [one.label for one in OURS if one.frozen or (EXAMPLE in one.model and one != CLASSIC)]
        for label in [one for one in times if one not in left_out]:
            found = times[label]
            ax.plot(
                [int(size) for size in found],
                [statistics.median(one) for one in found.values()],
                "o-",
                ms=3,
                label=label.replace("`", ""),
            )
        ax.axhline(500, color=style.GREY, linewidth=0.8)
        ax.text(
            6400, 520, "500 ms: real time of a whole presentation", ha="right", va="bottom", color=style.GREY
        )
        sizes = [*SIZES, *LARGE]
        ax.set(
            xscale="log", yscale="log", xlabel="excitatory neurons", ylabel="ms per presentation, one core"
        )
        ax.set_xticks(sizes, [str(size) for size in sizes])
        ax.minorticks_off()
        vector = "with" if machine["AVX-512"] == "yes" else "without"
        facts = f"in training · {machine['processor']} {vector} AVX-512 · {machine['date']}"
        style.facts_title(ax, "Time for a presentation", facts)
        style.figure_of(ax).legend(loc="outside lower center", ncols=2, fontsize=7)
        style.figure_of(ax).savefig(PICTURE, dpi=130)

    drawn()


def load_images(split: str = "train") -> Dataset:
    """Return MNIST, which must be there."""
    try:
        return datasets.load("mnist", split, download=False)
    except DiehlCookError as error:
        sys.exit(str(error))


def main() -> None:
    """Measure what is asked for, keep it, and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--courses", action="store_true", help="how many images to an accuracy, instead of times"
    )
    parser.add_argument("--page", action="store_true", help="tables and picture only")
    parser.add_argument("--bindsnet", metavar="PYTHON")
    parser.add_argument("--neurosush", nargs=2, metavar=("PYTHON", "EXAMPLE.py"))
    parser.add_argument("--limit", metavar="FILE.cpp")
    parser.add_argument("--limit2", metavar="FILE.cpp")
    options = parser.parse_args()
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {}

    def keep() -> None:
        RECORD.write_text(json.dumps(record, indent=1) + "\n")

    if options.courses:
        data = load_images()
        done = record.setdefault("courses", {})
        for label, size, course in courses(contestants(options), data, done):
            done.setdefault(label, {})[size] = course
            keep()
    elif not options.page:
        images = load_images().images[:2_000].reshape(-1, 784)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            np.save(folder / "images.npy", images)
            (folder / "images").write_bytes(b"\0" * 16 + images.tobytes())
            built = [(one, one.build(folder)) for one in programs(options)]
            files = folder / "images.npy", folder / "images"
            measure(Bench(contestants(options), built, *files, options.repeats), record, keep)
    if "ms" in record:
        put(PAGE, "speed.py", tables(record), folder="benchmarks")
        draw(record["ms"], record["machine"])


if __name__ == "__main__":
    main()
