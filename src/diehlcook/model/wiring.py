"""Initial weights, delays and potentials, and the order of the plastic synapses: NumPy only, from the seed."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .params import Params
from .stimulus import PHASES, fold, uniform

BEFORE_ALL = -1
"""Where presentations of an image have a count in their random key, what is drawn before the first has this."""


def streams(seed: int) -> tuple[np.random.Generator, np.random.Generator]:
    """Return independent generators for the weights and for the delays of a run."""
    weights, delays = np.random.SeedSequence(seed).spawn(2)
    return np.random.default_rng(weights), np.random.default_rng(delays)


def initial_weights(params: Params, seed: int) -> NDArray[np.float64]:
    """Return weights (n_input, n_exc) before training: scale (U[0,1) + offset), authors' public code."""
    rng, _ = streams(seed)
    return params.w_init_scale * (rng.random((params.n_input, params.n_exc)) + params.w_init_offset)


def initial_delays(params: Params, seed: int, phase: str = "train") -> NDArray[np.float64]:
    """Return delays (n_input, n_exc) in seconds, uniform between `delay_min` and `delay_max`.

    Those of the training are the network's; other phases have their own under `redraw_delays`.
    """
    _, rng = streams(seed)
    if phase != "train":
        rng = rng.spawn(len(PHASES))[PHASES[phase] - 1]
    return rng.uniform(params.delay_min, params.delay_max, (params.n_input, params.n_exc))


def initial_potentials(
    params: Params, theta: NDArray[np.float64], stream: int, position: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the potentials of excitatory and of inhibitory neurons before the first presentation.

    Parameters
    ----------
    params
        Constants of the network.
    theta
        Adaptive part of the thresholds (n_exc,) in volts.
    stream, position
        Random stream (see `stimulus.stream_key`), and position in it of the first image.

    Returns
    -------
    tuple of ndarray
        Volts, (n_exc,) each: `v_init_offset` above rest or, with `v_init_random`, uniform between rest and the
        threshold of the neuron, so that no neuron fires of itself.
    """
    rest_exc, rest_inh = np.full((2, params.n_exc), [[params.v_rest_exc], [params.v_rest_inh]])
    if not params.v_init_random:
        return rest_exc + params.v_init_offset, rest_inh + params.v_init_offset
    share = uniform(fold(fold(stream, position), BEFORE_ALL), np.arange(2 * params.n_exc))
    threshold_exc = params.v_thresh_exc - params.theta_offset + theta
    return (
        rest_exc + share[: params.n_exc] * (threshold_exc - rest_exc),
        rest_inh + share[params.n_exc :] * (params.v_thresh_inh - rest_inh),
    )


class SynapseOrder(NamedTuple):
    """The order in which Brian2 holds the synapses of `inp_exc`.

    They are sorted by source and, for each source, by delay in time steps: those that one spike reaches in
    the same step lie next to each other in memory.
    """

    i: NDArray[np.int32]
    """Source of each synapse (n_input * n_exc,)."""
    j: NDArray[np.int32]
    """Target of each synapse (n_input * n_exc,)."""

    def flatten(self, matrix: NDArray[Any]) -> NDArray[Any]:
        """Return the values of a matrix (n_input, n_exc) in the order of the synapses."""
        flat: NDArray[Any] = np.take_along_axis(matrix, self.j.reshape(matrix.shape), axis=1).reshape(-1)
        return flat

    def matrix(self, flat: NDArray[Any]) -> NDArray[Any]:
        """Return values in the order of the synapses as a matrix (n_input, n_exc)."""
        n_input = int(self.i[-1]) + 1
        matrix: NDArray[Any] = np.empty((n_input, self.j.size // n_input), flat.dtype)
        np.put_along_axis(matrix, self.j.reshape(matrix.shape), flat.reshape(matrix.shape), axis=1)
        return matrix


def delay_steps(delays: NDArray[np.float64], dt: float) -> NDArray[np.int32]:
    """Return delays in whole time steps, rounded as Brian2 rounds."""
    return (delays / dt + 0.5).astype(np.int32)


def synapse_order(delays: NDArray[np.float64], dt: float) -> SynapseOrder:
    """Return the order of the synapses for delays (n_input, n_exc) in seconds."""
    steps = delay_steps(delays, dt)
    n_input, n_exc = delays.shape
    targets = np.argsort(steps, axis=1, kind="stable").astype(np.int32)
    return SynapseOrder(np.repeat(np.arange(n_input, dtype=np.int32), n_exc), targets.reshape(-1))
