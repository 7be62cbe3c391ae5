"""Measure how the time of a presentation grows with the network, engine by engine; print a table, draw docs/scaling.png.

    python scripts/benchmarks/scaling.py                                  # about 15 minutes on two idle cores
    python scripts/benchmarks/scaling.py --yardstick limit.cpp            # with a plain C++ program that does
    the same work
    python scripts/benchmarks/scaling.py --python other/bin/python        # with BindsNET, from an environment
    that has it

All contestants of a size are opened and warmed up first; then each is timed once in every repeat, so that a
machine that drifts drifts for all. They start from one state, that of a network which has learned from the
first images.

Preset ``brian2-example`` starts with a timer of 50 ms at zero, so that all neurons fire in the same step;
with explicit Euler and 1600 neurons or more this drives the network silent. As in the yardstick, the timer
starts run out here.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from benchmark import EXAMPLE, SEED, ClassicContestant, load_images, say

from diehlcook.engines.base import Model
from diehlcook.engines.registry import open_engine
from diehlcook.model import wiring
from diehlcook.model.params import BASE_PRESET, REFERENCE_N_EXC, Params, load_preset, with_size
from diehlcook.model.stimulus import stream_key

PICTURE = Path(__file__).parents[2] / "docs" / "scaling.png"
WORK = {"fused": 40_000, "standalone": 60_000, "runtime": 1_200}
"""Neurons times presentations of one measurement, at least 3 presentations."""

LARGEST_SLOW = 1600
"""Neurons up to which the slower contestants are measured."""

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


def parameters(preset: str, n_exc: int, dt: str) -> Params:
    """Return the parameters of a preset at a size and time step."""
    return with_size(load_preset(preset).with_values({"dt": dt}), n_exc)


class Measured:
    """An engine that can be timed: milliseconds per presentation in `times`."""

    def __init__(
        self, engine: str, preset: str, n_exc: int, dt: str, images: np.ndarray, learning: bool = True
    ) -> None:
        self.name, self.preset, self.n_exc, self.dt, self.learning = engine, preset, n_exc, dt, learning
        params = parameters(preset, n_exc, dt)
        delays = wiring.initial_delays(params, SEED)
        self.images = images
        self.times: list[float] = []
        self.count = max(3, WORK[engine] // n_exc)
        say(f"opening {engine}, {preset}, {n_exc}, dt {dt}{'' if learning else ', not learning'}")
        # What is learned first is learned by the fastest: the states are the same
        with open_engine("fused", Model(params, True), delays) as fast:
            state = fast.initial_state(stream_key(SEED, "train"), wiring.initial_weights(params, SEED))
            state["exc.lockout_left"][:] = 0
            warm = max(20, 20_000 // n_exc)
            state, _ = fast.advance(state, images[:warm], presentations=warm)
        self.engine = open_engine(engine, Model(params, learning), delays)
        if not learning:
            weights, theta, position = (
                state["inp_exc.w"],
                state["exc.theta"],
                int(state["protocol.position"][0]),
            )
            state = self.engine.initial_state(stream_key(SEED, "test"), weights, theta, position)
        self.state = state
        self.spikes = self.presentations = self.inputs = 0.0
        self.measure(max(1, self.count // 10))
        self.times.clear()

    def measure(self, count: int | None = None) -> None:
        """Time once."""
        position = int(self.state["protocol.position"][0])
        started = time.perf_counter()
        _, responses = self.engine.advance(
            self.state, self.images[position : position + self.count], presentations=count or self.count
        )
        self.times.append(1e3 * (time.perf_counter() - started) / len(responses.position))
        self.spikes = float(responses.counts.sum(axis=1).mean())
        self.inputs = float(
            np.mean(
                [
                    self.images[p].sum() / 4 * 0.35 * (1 + a / 2)
                    for p, a in zip(responses.position, responses.attempt, strict=True)
                ]
            )
        )


def yardstick(source: Path, sizes: list[int], folder: Path) -> dict[int, list[float]]:
    """Return milliseconds per presentation of the plain C++ program, three runs of each size."""
    program = folder / "limit"
    flags = ["-O3", "-march=native", "-ffast-math", "-std=c++17", "-DREAL=double"]
    subprocess.run(["g++", *flags, str(source), "-o", str(program)], check=True)
    found: dict[int, list[float]] = {}
    for n_exc in sizes:
        count = max(20, 80_000 // n_exc)
        for _ in range(3):
            said = subprocess.run(
                [program, folder / "images", str(n_exc), str(count), "0.5"],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            found.setdefault(n_exc, []).append(float(said.split("ms/pres ")[1].split()[0]))
    return found


def bindsnet(python: str, sizes: list[int], images: np.ndarray, folder: Path) -> dict[int, list[float]]:
    """Return milliseconds per 500 ms of BindsNET's model, on one core."""
    found: dict[int, list[float]] = {}
    for n_exc in sizes:
        np.save(folder / "few.npy", images[: 6 if n_exc < 1000 else 3])
        made = subprocess.run(
            [python, "-c", BINDSNET, str(n_exc), str(folder / "few.npy")],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            say(f"BindsNET, {n_exc}: {made.stderr.strip().splitlines()[-1]}")
            break
        found[n_exc] = [1e3 * float(made.stdout)]
    return found


def draw(rows: dict[str, dict[int, list[float]]]) -> None:
    """Draw the curves."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(10, 4.5), layout="constrained")
    for name, sizes in rows.items():
        x = sorted(sizes)
        axes.plot(x, [statistics.median(sizes[n]) for n in x], "o-", label=name)
    axes.set(xscale="log", yscale="log", xlabel="excitatory neurons", ylabel="ms per presentation of 500 ms")
    axes.axhline(500, color="0.7", lw=1)
    axes.text(6400, 520, "real time", color="0.5", fontsize=8, ha="right", va="bottom")
    axes.set_xticks([100, 400, 1600, 6400], ["100", "400", "1600", "6400"])
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(PICTURE, dpi=130)


def main() -> int:
    """Measure, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 400, 1600, 6400])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--yardstick", type=Path, metavar="FILE.cpp")
    parser.add_argument("--python", metavar="PYTHON", help="an interpreter that has bindsnet")
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of MNIST")
    options = parser.parse_args()
    images = load_images(options.data).images.reshape(-1, 784)
    rows: dict[str, dict[int, list[float]]] = {}
    facts: dict[str, dict[int, Measured]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "images").write_bytes(b"\0" * 16 + images.tobytes())
        for n_exc in options.sizes:
            wanted = [
                ("fused", EXAMPLE, "0.5 ms", True),
                ("fused", BASE_PRESET, "0.5 ms", True),
                ("fused", EXAMPLE, "0.5 ms", False),
                ("standalone", EXAMPLE, "0.5 ms", True),
                ("fused", EXAMPLE, "0.1 ms", True),
            ]
            if n_exc <= LARGEST_SLOW:
                wanted += [("runtime", EXAMPLE, "0.5 ms", True), ("standalone", EXAMPLE, "0.1 ms", True)]
            entries = [Measured(e, preset, n_exc, dt, images, learning) for e, preset, dt, learning in wanted]
            classic = ClassicContestant("classic loop", 4, entries[0]) if n_exc <= REFERENCE_N_EXC else None
            for repeat in range(options.repeats):
                say(f"{n_exc}: repeat {repeat + 1}")
                for entry in entries:
                    if entry.name != "runtime" or repeat < 2:
                        entry.measure()
                if classic is not None and repeat < 3:
                    classic.measure()
            for entry in entries:
                label = f"{entry.name}, {entry.preset}, dt {entry.dt}" + (
                    "" if entry.learning else ", not learning"
                )
                rows.setdefault(label, {})[n_exc] = entry.times
                facts.setdefault(label, {})[n_exc] = entry
                entry.engine.close()
            if classic is not None:
                rows.setdefault(f"classic loop, {EXAMPLE}, dt 0.5 ms", {})[n_exc] = classic.times
            if options.yardstick:
                label = "plain C++ (yardstick), dt 0.5 ms"
                rows.setdefault(label, {}).update(yardstick(options.yardstick, [n_exc], folder))
            if options.python:
                rows.setdefault("BindsNET, dt 1 ms", {}).update(
                    bindsnet(options.python, [n_exc], images, folder)
                )
    print("| ms per presentation | " + " | ".join(map(str, options.sizes)) + " |")
    print("|---|" + "---:|" * len(options.sizes))
    for label, sizes in rows.items():
        cells = [
            f"{statistics.median(sizes[n]):.3g} ({min(sizes[n]):.3g}–{max(sizes[n]):.3g})"
            if sizes.get(n)
            else "—"
            for n in options.sizes
        ]
        print(f"| {label} | " + " | ".join(cells) + " |")
    label = f"fused, {EXAMPLE}, dt 0.5 ms"
    for n, entry in facts[label].items():
        events = entry.inputs * n
        print(
            f"{n}: {entry.inputs:.0f} input and {entry.spikes:.1f} excitatory spikes, "
            f"{events / statistics.median(entry.times) / 1e3:.0f} million synaptic events per second"
        )
    print(json.dumps({"load": os.getloadavg()[0], "date": time.strftime("%Y-%m-%d %H:%M")}))
    draw(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
