"""Engines agree, whatever the parameters: models drawn at random from all that is legal, by fused and by Brian2 itself."""

import numpy as np
import pytest
from test_engines import assert_agree

from diehlcook.engines.base import Model
from diehlcook.engines.registry import ENGINES, load, open_engine
from diehlcook.errors import DiehlCookError
from diehlcook.model import stimulus, wiring
from diehlcook.model.params import Params
from diehlcook.model.rules import RULES

VALUES = {
    "n_input": (1, 2, 9, 12), "n_exc": (1, 2, 3, 5, 7), "dt": ("0.25 ms", "0.5 ms", "1 ms", "2 ms"),
    "integrator": ("exponential_euler", "euler"), "clamp_exc": ("true", "false"),
    "lockout_exc": ("0 ms", "4 ms", "80 ms"), "refractory_exc": ("0 ms", "2 ms", "6 ms"),
    "refractory_inh": ("0 ms", "2 ms", "40 ms"), "pairing": ("nearest", "all-to-all"),
    "normalise": ("presentation", "image", "never"), "normalise_every": (1, 2, 3),
    "self_inhibition": ("true", "false"), "count_rest": ("true", "false"), "v_init_random": ("true", "false"),
    "t_stimulus": ("20 ms", "40 ms"), "t_rest": ("16 ms", "30 ms"), "delay_min": ("0 ms",),
    "delay_max": ("0 ms", "3.3 ms", "15.9 ms"), "pixel_rate": ("0.3 Hz", "2 Hz", "10 Hz"),
    "noise_rate": ("0 Hz", "30 Hz"), "intensity_init": (1, 2), "intensity_step": (0, 0.5, 1),
    "min_spikes": (0, 3, 8), "max_attempts": (1, 3, 5), "tau_ge": ("2.5 ms", "4 ms", "50 ms"),
    "tau_gi": ("2.5 ms", "5 ms", "60 ms"), "tau_mem_inh": ("4 ms", "10 ms"),
    "tau_theta": ("10000000 ms", "500 ms", "20 ms"), "theta_plus": ("0 mV", "0.05 mV", "2 mV"),
    "theta_init": ("0 mV", "10 mV", "20 mV"), "v_thresh_exc": ("-52 mV", "-60 mV", "-64 mV"),
    "w_max": (0.5, 1, 5), "weight_sum": (1, 3, 8), "w_exc_inh": (0.5, 10.4), "w_inh_exc": (0, 2, 17),
    "eta_pre": (-1e-3, 1e-4, 0.05), "eta_post": (-1e-2, 1e-2, 0.3), "tau_pre": ("1 ms", "20 ms", "200 ms"),
    "tau_post1": ("3 ms", "20 ms", "300 ms"), "tau_post2": ("1 ms", "40 ms", "400 ms"),
    "x_tar": (-0.2, 0.0, 0.4), "mu": (0, 0.2, 1, 2), "beta": (-1, 0.5, 3),
    "ltp_window": ("0 ms", "6 ms", "50 ms"),
}  # fmt: skip
"""What is drawn from, beside the rule."""


def drawn(rng):
    """Return legal parameters."""
    while True:
        values = {name: str(some[rng.integers(len(some))]) for name, some in VALUES.items()}
        values["rule"] = list(RULES)[rng.integers(len(RULES))]
        if RULES[values["rule"]].below_w_max:
            values["normalise"] = "never"
        if RULES[values["rule"]].nearest_only:
            values["pairing"] = "nearest"
        try:
            params = Params().with_values(values)
        except DiehlCookError:
            continue
        if load(ENGINES["fused"]).obstacle(Model(params, True)) is None:
            return params


def outcome(name, model, delays, weights, stream, images):
    """Return what an engine makes of all images, or what it refuses them with."""
    with open_engine(name, model, delays) as engine:
        state = engine.initial_state(stream, weights)
        responses = []
        try:
            while (at := int(state["protocol.position"][0])) < len(images):
                state, some = engine.advance(state, images[at:], presentations=3)
                responses.append(some)
        except DiehlCookError as error:
            return str(error)
        return state, responses


@pytest.mark.parametrize(
    "seed", [*range(4), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(4, 80))]
)
def test_fused_has_the_spikes_of_brian2(seed, numpy_target):
    rng = np.random.default_rng(seed)
    params = drawn(rng)
    model = Model(params, bool(rng.integers(4)))
    delays, weights = wiring.initial_delays(params, seed), wiring.initial_weights(params, seed)
    images = rng.integers(0, 256, (4, params.n_input)).astype(np.uint8)
    images[rng.random(images.shape) < 0.4] = 0
    stream = stimulus.stream_key(seed, "train" if model.learning else "test")
    fused, runtime = (outcome(name, model, delays, weights, stream, images) for name in ("fused", "runtime"))
    if isinstance(fused, str) or isinstance(runtime, str):
        assert fused == runtime
    else:
        assert_agree(*fused, *runtime)
