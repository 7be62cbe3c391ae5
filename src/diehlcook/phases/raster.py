"""A few presentations in full detail: all spikes, and the membranes of the neurons that fired most."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..data.datasets import Dataset
from ..runs.run import Run
from .responses import TrainedNetwork

TRACES = 3
"""Neurons whose membrane potential is recorded."""


class Raster(NamedTuple):
    """What was recorded; times in seconds since the first presentation."""

    arrays: dict[str, NDArray[Any]]
    """``inp``, ``exc``, ``inh``: neuron and time of each spike (2, S); ``v``, ``threshold``: volts (TRACES,
    T); ``neurons`` (TRACES,)."""
    facts: dict[str, Any]
    """Time step, presentations and labels."""


def record_raster(run: Run, trained: TrainedNetwork, data: Dataset, counts: NDArray[np.uint16]) -> Raster:
    """Present each image once to the trained network in this process and record it.

    `counts` (n, n_exc), the responses to these images and maybe more, say which neurons fire most. NumPy
    code: it needs no compiler and starts at once, which counts for a handful of presentations.
    """
    from ..model.brian import b2, in_this_process
    from ..model.network import build_network, presentation_time

    params = run.params
    neurons = np.argsort(-counts[: len(data)].sum(axis=0, dtype=np.int64), kind="stable")[:TRACES]
    with in_this_process("numpy"):
        network = build_network(
            params.with_values({"max_attempts": 1}),
            images=data.images,
            phase="observe",
            seed=run.seed,
            weights=trained.weights,
            theta=trained.theta,
            delays=trained.delays,
            excitatory=trained.model.excitatory,
            inhibition="summed",
        )
        monitors = {name: b2.SpikeMonitor(network[name]) for name in ("inp", "exc", "inh")}
        potential = b2.StateMonitor(network["exc"], "v", record=neurons)
        network.add(*monitors.values(), potential)
        network.run(len(data) * presentation_time(params), namespace={})
    v = np.asarray(potential.v_, np.float32)
    threshold = trained.theta[neurons] + params.v_thresh_exc - params.theta_offset
    arrays: dict[str, NDArray[Any]] = {
        **{name: np.array([np.asarray(one.i), np.asarray(one.t_)]) for name, one in monitors.items()},
        "v": v,
        "threshold": np.repeat(threshold[:, None], v.shape[1], axis=1).astype(np.float32),
        "neurons": neurons.astype(np.int32),
    }
    facts = {"presentations": len(data), "labels": data.labels.tolist(), "dt_ms": params.dt * 1e3}
    return Raster(arrays, facts)
