"""What the kernel works on: the numbers of a model, the arrays of a network, and what a call records."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

STATIC, TRIPLET, TRIPLET_100N, POWER_LAW, EXPONENTIAL, PRE_AND_POST, RECTANGULAR = range(7)
CODES = {
    "triplet": TRIPLET,
    "triplet-100n": TRIPLET_100N,
    "power-law": POWER_LAW,
    "exponential": EXPONENTIAL,
    "pre-and-post": PRE_AND_POST,
    "rectangular": RECTANGULAR,
}
"""The rules that the kernel knows, and what tells them apart in compiled code."""

WRITTEN_FOR = "798eb59fed1c3048"
"""Digest of the equations that the kernel follows; see `engine.equations_digest`."""

FLUSH = 2.0**-80
"""Conductances below this are zero between presentations, lest they become denormal."""

CUT = 2.0**-42
"""Postsynaptic traces below this are zero: after 29 time constants. What they would change is below 1e-16 of
a weight."""


class Constants(NamedTuple):
    """Numbers of the model, in SI units or per time step; fields are named as in `params` where they are the same."""

    rule_code: int
    euler: bool
    learning: bool
    traced: bool
    all_to_all: float
    clamp: bool
    summing_own: float
    stimulus_steps: int
    presentation_steps: int
    refractory_exc_steps: int
    refractory_inh_steps: int
    lockout_exc_steps: int
    v_rest_exc: float
    v_reset_exc: float
    threshold_exc: float
    e_exc: float
    e_inh_exc: float
    v_rest_inh: float
    v_reset_inh: float
    v_thresh_inh: float
    step_exc: float
    step_inh: float
    decay_ge: float
    decay_gi: float
    decay_theta: float
    theta_plus: float
    w_exc_inh: float
    w_inh_exc: float
    eta_pre: float
    eta_post: float
    w_max: float
    x_tar: float
    mu: float
    beta: float
    ltp_trace: float
    dt_over_tau_pre: float
    decay_post1: float
    decay_post2: float
    leak_100n: float
    weight_sum: float
    memory_steps: int
    normalise_images: bool
    normalise_presentations: bool
    normalise_every: int
    pixel_rate: float
    noise_rate: float
    dt: float
    intensity_init: float
    intensity_step: float
    min_spikes: int
    max_attempts: int
    count_rest: bool
    sum_beforehand: bool


class Network(NamedTuple):
    """Arrays of the network; n_exc neurons, n_input inputs, D delays in steps. Times are steps since the presentation began."""

    v: NDArray[np.float64]
    ge: NDArray[np.float64]
    gi: NDArray[np.float64]
    theta: NDArray[np.float64]
    x_post1: NDArray[np.float64]
    x_post2: NDArray[np.float64]
    refractory_until: NDArray[np.int64]
    locked_until: NDArray[np.int64]
    spiked: NDArray[np.int64]
    v_inh: NDArray[np.float64]
    ge_inh: NDArray[np.float64]
    refractory_until_inh: NDArray[np.int64]
    spiked_inh: NDArray[np.int64]
    x0: NDArray[np.float64]
    rate: NDArray[np.float64]
    w_total: NDArray[np.float64]
    w_squares: NDArray[np.float64]
    w_factor: NDArray[np.float64]
    over: NDArray[np.bool_]
    w: NDArray[np.float64]
    target: NDArray[Any]
    first: NDArray[np.int32]
    place: NDArray[Any]
    delay: NDArray[Any]
    reach: NDArray[np.float64]
    counters: NDArray[np.int64]
    sums: NDArray[np.float64]


COUNTERS = ("position", "attempt", "n_spikes", "n_rest_spikes", "key", "normalising", "stream")
POSITION, ATTEMPT, N_SPIKES, N_REST_SPIKES, KEY, NORMALISING, STREAM = range(7)
"""Of `Network.counters`, and the variables of the protocol that they are."""
SUMS = ("intensity", "theta_sum", "theta_squares", "weights_sum", "weights_squares")
INTENSITY, THETA_SUM, THETA_SQUARES, WEIGHTS_SUM, WEIGHTS_SQUARES = range(5)
"""Likewise of `Network.sums`."""

VALUES = {
    "v": "exc.v", "ge": "exc.ge", "gi": "exc.gi", "theta": "exc.theta", "x_post1": "exc.x_post1",
    "x_post2": "exc.x_post2", "w_total": "exc.w_total", "w_squares": "exc.w_squares",
    "w_factor": "exc.w_factor", "v_inh": "inh.v", "ge_inh": "inh.ge", "rate": "inp.rate",
}  # fmt: skip
"""Fields of `Network` that hold a variable of a state as it is."""
STEPS_LEFT = {
    "refractory_until": "exc.refractory_left", "locked_until": "exc.lockout_left",
    "refractory_until_inh": "inh.refractory_left",
}  # fmt: skip
"""Fields that hold a step where a state holds how many steps are left."""
SECONDS = {"spiked": "exc.lastspike", "spiked_inh": "inh.lastspike"}
"""Fields that hold a step where a state holds seconds."""


class Recorded(NamedTuple):
    """Where a call writes what happened, from its start on."""

    position: NDArray[np.int64]
    attempt: NDArray[np.int32]
    sums: NDArray[np.float64]
    step: NDArray[np.int64]
    neuron: NDArray[np.int32]
