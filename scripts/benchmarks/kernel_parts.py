"""Where the time of the fused engine goes: each part of its kernel alone, on one image, and this machine's memory bandwidth.

python scripts/benchmarks/kernel_parts.py              # a minute; 400 and 6400 neurons, dt 0.5 ms
"""

# mypy: allow-untyped-decorators
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from benchmark import SEED, load_images
from numba import njit

from diehlcook.engines.base import Model
from diehlcook.engines.fused import kernel
from diehlcook.engines.fused.engine import FusedEngine
from diehlcook.model import wiring
from diehlcook.model.params import Params, with_size
from diehlcook.model.stimulus import stream_key

SPIKES = 16
"""Excitatory spikes of a presentation."""


@njit(error_model="numpy")
def all_arrivals(
    steps: Any, ge: Any, w: Any, target: Any, first: Any, event_first: Any, event_input: Any, event_step: Any
) -> None:
    """Let all input events arrive."""
    longest = first.shape[1] - 2
    for step in range(steps + longest):
        oldest, newest = event_first[max(step - longest, 0)], event_first[min(step + 1, steps)]
        kernel.arrive(step, oldest, newest, ge, w, target, first, event_input, event_step)


@njit(error_model="numpy")
def all_euler(c: Any, v: Any, ge: Any, gi: Any, theta: Any, refractory: Any, locked: Any) -> None:
    """Advance the membranes through a presentation."""
    for step in range(c.presentation_steps):
        kernel.membranes_euler(c, step, 1.0, v, ge, gi, theta, refractory, locked)


@njit(error_model="numpy")
def all_exponential(
    c: Any, v: Any, ge: Any, gi: Any, theta: Any, refractory: Any, locked: Any, x: Any, decay: Any, whole: Any
) -> None:
    """Advance the membranes through a presentation."""
    for step in range(c.presentation_steps):
        kernel.membranes_exponential(c, step, 1.0, v, ge, gi, theta, refractory, locked, x, decay, whole)


@njit
def all_learning(
    c: Any,
    w: Any,
    place: Any,
    delay: Any,
    longest: Any,
    decays: Any,
    emission_first: Any,
    emission_step: Any,
    emitted: Any,
    event_trace: Any,
    start: Any,
    spikes: Any,
) -> None:
    """Let the first neurons spike."""
    for j in range(spikes):
        kernel.learn(
            c, j, 500, 0.5, False, w, place, delay, longest, decays, emission_first, emission_step, emitted,
            event_trace,
            start,
        )  # fmt: skip


@njit(error_model="numpy")
def all_depression(
    c: Any,
    w: Any,
    place: Any,
    delay: Any,
    emission_first: Any,
    emission_step: Any,
    arrival_first: Any,
    arrivals: Any,
    neurons: Any,
) -> None:
    """Let all input events depress the synapses of the first neurons."""
    for j in range(neurons):
        kernel.list_arrivals(j, 0, place, delay, emission_first, emission_step, arrival_first, arrivals)
        for step in range(c.presentation_steps):
            kernel.depress(c, 0.0, w, arrivals, arrival_first[step], arrival_first[step + 1])


def best(action: Callable[[], object]) -> float:
    """Return the shortest of ten times, in ms."""
    action()
    times = []
    for _ in range(10):
        started = time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
    return 1e3 * min(times)


def parts(n_exc: int, images: np.ndarray) -> dict[str, float]:
    """Return ms per presentation of each part; the image is the one with the median number of input spikes."""
    params = with_size(Params(), n_exc)
    delays = wiring.initial_delays(params, SEED)
    engine = FusedEngine(Model(params, learning=True), delays)
    state = engine.initial_state(stream_key(SEED, "train"), wiring.initial_weights(params, SEED))
    state, _ = engine.advance(state, images, presentations=max(20, 20_000 // n_exc))
    net, c = engine.load(state), engine.constants
    net.theta[:] = 1.0  # nobody spikes
    image = images[np.argsort(images.sum(axis=1))[len(images) // 2]]
    rate = image * params.pixel_rate * params.intensity_init
    steps, n_input, longest = c.stimulus_steps, params.n_input, net.first.shape[1] - 2
    events = (
        np.empty(steps, np.uint64), np.empty(steps + 1, np.int64), np.empty(n_input * steps, np.int32),
        np.empty(n_input * steps, np.int32), np.empty(n_input + 1, np.int64),
        np.empty(n_input * steps, np.int32),
    )  # fmt: skip
    _, event_first, event_input, event_step, emission_first, emission_step = events
    scratch = np.empty((3, n_exc))
    membrane = (net.v, net.ge, net.gi, net.theta, net.refractory_until, net.locked_until)
    sums = (net.w_total, net.w_squares, net.w_factor, net.over, net.w)
    found = {"drawing input spikes": best(lambda: kernel.draw_events(c, rate, 1, *events))}
    found["arrivals"] = best(
        lambda: all_arrivals(
            steps, net.ge, net.w, net.target, net.first, event_first, event_input, event_step
        )
    )
    if c.sum_beforehand:
        coming, input_sums = np.empty((c.presentation_steps, n_exc)), np.empty(4 * c.presentation_steps)
        found["(arrivals, step by step, which larger networks need)"] = found.pop("arrivals")
        found["arrivals"] = best(
            lambda: kernel.sum_input(
                net.w, net.place, net.delay, emission_first, emission_step, input_sums, coming
            )
        )
    net.ge[:] = 1.0
    found["membranes, exponential Euler"] = best(lambda: all_exponential(c, *membrane, *scratch))
    found["membranes, Euler"] = best(lambda: all_euler(c, *membrane))
    decays, start = np.ones(c.presentation_steps + longest + 1), np.zeros(n_input)
    emitted, event_trace = np.diff(emission_first), np.ones(n_input * steps)
    found[f"learning at {SPIKES} spikes"] = best(
        lambda: all_learning(
            c,
            net.w,
            net.place,
            net.delay,
            longest,
            decays,
            emission_first,
            emission_step,
            emitted,
            event_trace,
            start,
            SPIKES,
        )
    )
    listed = np.empty(c.presentation_steps + 1, np.int32), np.empty(emission_first[-1], np.int32)
    found[f"depression of {2 * SPIKES} neurons with a trace"] = best(
        lambda: all_depression(
            c, net.w, net.place, net.delay, emission_first, emission_step, *listed, 2 * SPIKES
        )
    )
    net.spiked[:] = -(10**6)
    net.spiked[: 2 * SPIKES] = -1
    net.over[:] = False
    found[f"normalising {2 * SPIKES} neurons"] = best(
        lambda: kernel.normalise_changed(c, True, net.spiked, *sums, net.place)
    )
    found["(normalising all neurons)"] = best(lambda: kernel.normalise_all(c, True, *sums, net.target))
    found["synaptic events, millions"] = event_first[-1] * n_exc / 1e6
    return found


def main() -> int:
    """Measure and print."""
    images = load_images(None).images[:2000].reshape(2000, -1)
    sizes = (400, 6400)
    table = [parts(n_exc, images) for n_exc in sizes]
    print("| ms | " + " | ".join(f"{n} neurons" for n in sizes) + " |\n|---|" + "---:|" * len(sizes))
    for name in table[0]:
        print(f"| {name} | " + " | ".join(f"{one[name]:.3g}" if name in one else "" for one in table) + " |")
    source, copy = np.ones(40_000_000), np.empty(40_000_000)
    print(
        f"\nmemory: {2 * 8 * source.size / best(lambda: np.copyto(copy, source)) / 1e6:.1f} GB/s read and "
        "written by a copy"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
