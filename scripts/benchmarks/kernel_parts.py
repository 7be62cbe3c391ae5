"""Where the time of the fused engine goes: parts of its kernel alone, on one image, and this machine's memory bandwidth.

python scripts/benchmarks/kernel_parts.py              # a minute; 400 and 6400 neurons, dt 0.5 ms
"""

# mypy: allow-untyped-decorators
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from contestants import SEED
from numba import njit
from speed import load_images

from diehlcook.engines.base import Model
from diehlcook.engines.fused import events, membranes
from diehlcook.engines.fused.engine import FusedEngine
from diehlcook.model import wiring
from diehlcook.model.params import Params, with_size
from diehlcook.model.stimulus import stream_key


@njit(error_model="numpy")
def all_arrivals(stimulus_steps: Any, net: Any, drawn: Any) -> None:
    """Let all input events arrive, step by step."""
    longest = net.first.shape[1] - 2
    for step in range(stimulus_steps + longest):
        oldest = drawn.first_of_step[max(step - longest, 0)]
        newest = drawn.first_of_step[min(step + 1, stimulus_steps)]
        events.arrive(step, oldest, newest, net.ge, net.w, net.target, net.first, drawn.input, drawn.step)


@njit(error_model="numpy")
def all_euler(c: Any, net: Any) -> None:
    """Advance the membranes through a presentation."""
    for step in range(c.presentation_steps):
        membranes.advance_euler(
            c, step, 1.0, net.v, net.ge, net.gi, net.theta, net.refractory_until, net.locked_until
        )


@njit(error_model="numpy")
def all_exponential(c: Any, net: Any, x: Any, decay: Any, whole: Any) -> None:
    """Advance the membranes through a presentation."""
    for step in range(c.presentation_steps):
        membranes.advance_exponential(
            c, step, 1.0, net.v, net.ge, net.gi, net.theta, net.refractory_until, net.locked_until, x, decay,
            whole,
        )  # fmt: skip


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
    image = images[np.argsort(images.sum(axis=1))[len(images) // 2]]
    batch, position = np.tile(image, (20, 1)), int(state["protocol.position"][0])
    room = engine.room(20)
    whole = best(lambda: engine.run(engine.constants, engine.load(state), batch, position, 20, room)) / 20
    net, c = engine.load(state), engine.constants
    net.theta[:] = 1.0  # nobody spikes
    drawn = events.no_events(params.n_input, c.stimulus_steps)
    rate = image * params.pixel_rate * params.intensity_init
    found = {"a whole presentation, in training": whole}
    found["drawing input spikes"] = best(lambda: events.draw_events(c, rate, 1, drawn))
    found["arrivals, step by step"] = best(lambda: all_arrivals(c.stimulus_steps, net, drawn))
    if c.sum_beforehand:
        steps = c.stimulus_steps + net.first.shape[1] - 2
        coming, sums = np.empty((steps, n_exc)), np.empty(4 * steps)
        found["arrivals, summed beforehand"] = best(
            lambda: events.sum_input(net.w, net.place, net.delay, drawn.first, drawn.sent, sums, coming)
        )
    net.ge[:] = 1.0
    scratch = np.empty((3, n_exc))
    found["membranes, exponential Euler"] = best(lambda: all_exponential(c, net, *scratch))
    found["membranes, Euler"] = best(lambda: all_euler(c, net))
    found["synaptic events, millions"] = drawn.first[-1] * n_exc / 1e6
    return found


def main() -> None:
    """Measure and print."""
    images = load_images().images[:2000].reshape(2000, -1)
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


if __name__ == "__main__":
    main()
