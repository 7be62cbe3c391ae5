"""One experiment: draw the input, run the network, judge it, write what came out."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import brian2 as b2
import numpy as np
from numpy.typing import NDArray

from ...checkpoint import load_array, save_array, save_json
from ...engines.runtime import choose_target
from ...errors import DiehlCookError
from ...progress import Interrupted, Report, silent
from ...run import versions
from .afferents import draw_block
from .constants import Masquelier2008
from .criteria import judge
from .neuron import build

ENGINES = ("runtime", "standalone")

WATCHED = 0.5
"""Seconds at the beginning, in the middle and at the end during which the potential is kept, every 0.1 ms or step."""

WEIGHTS_EVERY = 5.0
"""Seconds between two records of the weights."""

SCHEMA = 1


class Recorded(NamedTuple):
    """What is kept of an experiment; times in seconds."""

    spikes: NDArray[np.float64]
    """Of the neuron (n,)."""
    onsets: NDArray[np.float64]
    """Beginnings of the patterns (m,)."""
    weights: NDArray[np.float32]
    """(k, n_afferents), at `weights_time`; the last row is at the end."""
    weights_time: NDArray[np.float64]
    potential: NDArray[np.float32]
    """(p,) at `potential_time`, in thresholds."""
    potential_time: NDArray[np.float64]


def simulate(
    params: Masquelier2008,
    seed: int,
    engine: str = "runtime",
    report: Report = silent,
    cancelled: Callable[[], bool] = lambda: False,
) -> Recorded:
    """Draw the input and run the network for the whole duration.

    Parameters
    ----------
    engine
        runtime: in this process; standalone: a C++ program, without progress.

    Raises
    ------
    Interrupted
        `cancelled` returned true; an experiment takes a minute or two and is not resumed.
    """
    if engine not in ENGINES:
        raise DiehlCookError(f"engine is {engine!r}; choose one of {', '.join(ENGINES)}")
    block = draw_block(params, seed)
    folder = Path(tempfile.mkdtemp(prefix="masquelier2008-"))
    before = b2.get_device()
    try:
        if engine == "standalone":
            b2.set_device("cpp_standalone", directory=str(folder), build_on_run=False)
            b2.device.reinit()
            b2.device.activate(directory=str(folder), build_on_run=False)
        else:
            choose_target()
        network = build(params, block)
        neuron, synapses = network["neuron"], network["synapses"]
        potential = b2.StateMonitor(
            neuron, "u", record=0, dt=max(params.dt, 1e-4) * b2.second, name="potential"
        )
        weights = b2.StateMonitor(synapses, "w", record=True, dt=WEIGHTS_EVERY * b2.second, name="weights")
        network.add(potential, weights)

        stopped = False

        def told(_elapsed: Any, completed: float, start: Any, duration: Any) -> None:
            nonlocal stopped
            report(round(float(start) + completed * float(duration)), "")
            if cancelled():
                stopped = True
                b2.stop()

        for seconds, watched in parts(params.duration):
            potential.active = watched
            follow = {"report": told, "report_period": 1 * b2.second} if engine == "runtime" else {}
            network.run(seconds * b2.second, namespace={}, **follow)
            if stopped:
                raise Interrupted("interrupted; nothing was written")
        if engine == "standalone":
            b2.device.build(directory=str(folder), compile=True, run=True, debug=False)
        onsets = (np.arange(params.blocks)[:, None] * params.block + block.slots * params.t_pattern).ravel()
        return Recorded(
            np.array(network["spikes"].t_),
            onsets,
            np.vstack([np.array(weights.w).T, np.array(synapses.w)[None]]).astype(np.float32),
            np.append(np.array(weights.t_), params.duration),
            (np.array(potential.u)[0] / params.threshold).astype(np.float32),
            np.array(potential.t_),
        )
    finally:
        if engine == "standalone":
            b2.device.reinit()
            b2.set_device(before)
        shutil.rmtree(folder, ignore_errors=True)


def parts(duration: float) -> list[tuple[float, bool]]:
    """Return the parts of the experiment in order: seconds, and whether the potential is kept."""
    if duration <= 3 * WATCHED:
        return [(duration, True)]
    between = (duration - 3 * WATCHED) / 2
    return [(WATCHED, True), (between, False), (WATCHED, True), (between, False), (WATCHED, True)]


def run(
    folder: Path,
    params: Masquelier2008,
    *,
    seed: int = 0,
    engine: str = "runtime",
    force: bool = False,
    report: Report = silent,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Run an experiment and write its .npy files and run.json into `folder`; return what run.json has.

    Raises
    ------
    DiehlCookError
        There is a run already, and no `force`; or bad input.
    """
    path = folder / "run.json"
    if path.exists() and not force:
        raise DiehlCookError(f"{folder}: there is a run already; use --force to replace it, or another --run")
    started = time.monotonic()
    recorded = simulate(params, seed, engine, report, cancelled)
    verdict = judge(recorded.spikes, recorded.onsets, params.t_pattern, params.duration)
    facts = {
        "schema": SCHEMA,
        "companion": "masquelier2008",
        "versions": versions(),
        "seed": seed,
        "engine": engine,
        "params": params.as_texts(),
        "sources": dict(params.sources),
        "spikes": recorded.spikes.size,
        "patterns": recorded.onsets.size,
        **verdict._asdict(),
        "weights_high": int((recorded.weights[-1] > params.w_max / 2).sum()),
        "weights_high_in_pattern": int((recorded.weights[-1, : params.n_pattern] > params.w_max / 2).sum()),
        "wall_s": round(time.monotonic() - started, 1),
        "date": time.strftime("%Y-%m-%d"),
    }
    for name, array in recorded._asdict().items():
        save_array(folder / f"{name}.npy", array)
    save_json(path, facts)
    return facts


def load(folder: Path, params: Masquelier2008) -> Recorded:
    """Read what an experiment has written into `folder`."""
    one, weights = (None,), (None, params.n_afferents)
    shapes = {name: weights if name == "weights" else one for name in Recorded._fields}
    return Recorded(
        **{name: load_array(folder / f"{name}.npy", shape=shape, made_by="companion masquelier2008") for name, shape in shapes.items()}
    )  # fmt: skip
