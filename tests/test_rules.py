"""Every learning rule against its replay, spike by spike, in plain Python; and the replay against changed rules.

The network is tiny and half scripted: postsynaptic spikes come at given steps, presynaptic ones are recorded.
The replay shares nothing with the package's code: it keeps the times of all spikes and sums their traces anew
each time.
"""

from math import exp

import brian2 as b2
import numpy as np
import pytest

from diehlcook import build_network, presentation_time, weight_matrix
from diehlcook.model import rules, wiring
from diehlcook.model.params import load_preset, with_rule
from diehlcook.model.rules import EQUATIONS as RULES

pytestmark = pytest.mark.usefixtures("numpy_target")

PRESENTATIONS = 2
SCRIPT = [(40, 0), (52, 1), (53, 0), (55, 2), (70, 0), (90, 1), (90, 2), (104, 0), (112, 2), (131, 1)]
"""Step and neuron of the postsynaptic spikes of each presentation: pairs near and far, one in the rest."""


def tiny(rule, **values):
    params = with_rule(load_preset("smoke"), rule).with_values(
        {
            "n_input": 20, "n_exc": 3, "t_stimulus": "60 ms", "t_rest": "20 ms", "min_spikes": 1,
            "pixel_rate": "0.5 Hz",
            "eta_pre": 0.02, "eta_post": 0.1, "x_tar": 0.7, "mu": 0.4, "beta": 1.5, "tau_pre": "17 ms",
            "tau_post1": "23 ms", "ltp_window": "15 ms",
            "w_init_scale": 0.9, "weight_sum": 11, "v_thresh_exc": "1000 mV", "w_exc_inh": 0,
        }
    )  # fmt: skip
    return params.with_values(values)


def learned(params, rule=None):
    """Return (weights, input spikes, postsynaptic spikes); spikes as lists of (step since the start, neuron)."""
    images = np.random.default_rng(3).integers(0, 256, (PRESENTATIONS, params.n_input))
    network = build_network(params, seed=4, images=images, plasticity=rule)
    inputs = b2.SpikeMonitor(network["inp"])
    script = {}
    for step, neuron in SCRIPT:
        script.setdefault(step, []).append(neuron)

    def fire():
        step = round(float(network.t) / params.dt) % params.presentation_steps
        if step in script:
            network["exc"].v_[script[step]] = 2

    network.add(inputs, b2.NetworkOperation(fire, clock=network["exc"].clock, when="before_thresholds"))
    network.run(PRESENTATIONS * presentation_time(params), namespace={})
    spikes = [
        list(zip(np.rint(np.asarray(m.t_) / params.dt).astype(int), np.array(m.i), strict=True))
        for m in (inputs, network["spikes"])
    ]
    assert len(spikes[1]) == PRESENTATIONS * len(SCRIPT)
    assert len(spikes[0]) > 200
    return weight_matrix(network), *spikes


ON_PRE = {
    "triplet": lambda p, w, x1: w - p.eta_pre * x1,
    "triplet-100n": lambda p, w, x1: w - p.eta_pre * x1,
    "power-law": lambda p, w, x1: w,
    "exponential": lambda p, w, x1: w,
    "pre-and-post": lambda p, w, x1: w - p.eta_pre * x1 * w**p.mu,  # paper Eq. 5
    "rectangular": lambda p, w, x1: w,
}
ON_POST = {
    "triplet": lambda p, w, x, x2: w + p.eta_post * x * x2,
    "triplet-100n": lambda p, w, x, x2: w + p.eta_post * x * x2,
    "power-law": lambda p, w, x, x2: w + p.eta_post * (x - p.x_tar) * (p.w_max - w) ** p.mu,  # Eq. 3
    "exponential": lambda p, w, x, x2: (  # Eq. 4
        w + p.eta_post * (x * exp(-p.beta * w) - p.x_tar * exp(-p.beta * (p.w_max - w)))
    ),
    "pre-and-post": lambda p, w, x, x2: w + p.eta_post * (x - p.x_tar) * (p.w_max - w) ** p.mu,  # Eq. 6
    "rectangular": lambda p, w, x, x2: (  # Querlioz et al. 2013
        w + p.eta_post * exp(-p.beta * w)
        if x > exp(-(p.ltp_window + p.dt / 2) / p.tau_pre)
        else w - p.eta_post * p.x_tar * exp(-p.beta * (p.w_max - w))
    ),
}


def replay(params, inputs, fired):
    """Return the weights that the rule of the paper gives for these spikes."""
    weights, delays = wiring.initial_weights(params, 4), wiring.initial_delays(params, 4)
    dt, rule = params.dt, params.rule
    arrivals, posts = {}, {}
    for step, i in inputs:
        for j in range(params.n_exc):
            arrivals.setdefault(step + int(delays[i, j] / dt + 0.5), []).append((i, j))
    for step, j in fired:
        posts.setdefault(step, []).append(j)
    arrived = {(i, j): [] for i in range(params.n_input) for j in range(params.n_exc)}
    spiked = [[] for _ in range(params.n_exc)]

    def trace(steps, now, tau):
        used = steps if params.pairing == "all-to-all" else steps[-1:]
        return sum(exp(-(now - step) * dt / tau) for step in used)

    def slow_trace(steps, now):
        if (
            rule == "triplet-100n"
        ):  # leaks by the fast trace, which starts at 1: the integral of dx2/dt = -x1/tau_post2
            lost = params.tau_post1 / params.tau_post2
            return sum(
                1 - lost * (1 - exp(-(now - step) * dt / params.tau_post1))
                for step in (steps if params.pairing == "all-to-all" else steps[-1:])
            )
        return trace(steps, now, params.tau_post2)

    def clip(w):
        return min(max(w, 0.0), params.w_max)

    for step in range(PRESENTATIONS * params.presentation_steps):
        if step % params.presentation_steps == 0 and params.normalise != "never":
            weights = weights * (params.weight_sum / weights.sum(axis=0))
        for i, j in arrivals.get(step, []):
            weights[i, j] = clip(
                ON_PRE[rule](params, weights[i, j], trace(spiked[j], step, params.tau_post1))
            )
            arrived[i, j].append(step)
        for j in posts.get(step, []):
            slow = slow_trace(spiked[j], step)
            for i in range(params.n_input):
                x = trace(arrived[i, j], step, params.tau_pre)
                weights[i, j] = clip(ON_POST[rule](params, weights[i, j], x, slow))
            spiked[j].append(step)
    return weights


PAIRINGS = ("nearest", "all-to-all")


@pytest.mark.parametrize(
    ("rule", "pairing"),
    [
        (rule, one)
        for rule in RULES
        for one in PAIRINGS
        if one == "nearest" or not rules.RULES[rule].nearest_only
    ],
)
def test_every_rule_equals_its_replay(rule, pairing):
    params = tiny(rule, pairing=pairing)
    got, inputs, fired = learned(params)
    expected = replay(params, inputs, fired)
    assert np.abs(got - expected).max() < 1e-12
    start = wiring.initial_weights(params, 4)
    assert np.abs(expected - start).max() > 0.05  # it learned
    assert np.mean((expected > 0) & (expected < params.w_max)) > 0.02  # and not all is clipped


def test_the_sign_of_the_depression_is_that_of_eta_pre():
    """The ports' flip is ``eta_pre=-0.0001``."""
    right, flipped = tiny("triplet"), tiny("triplet", eta_pre="-0.02", w_max=5)
    got, inputs, fired = learned(flipped)
    assert np.abs(got - replay(flipped, inputs, fired)).max() < 1e-12
    assert np.abs(got - replay(right, inputs, fired)).max() > 1e-3


def test_rules_without_presynaptic_updates_leave_the_weights_alone_until_a_spike():
    for rule in ("power-law", "exponential"):
        assert not any(line.startswith("w") for line in RULES[rule].on_pre.splitlines())
        assert RULES[rule].neuron == RULES[rule].neuron_every_step == RULES[rule].neuron_reset == ""


MUTATIONS = [
    ("triplet", "on_pre", "w - eta_pre", "w + eta_pre"),
    ("triplet", "on_pre", "x_post1_post", "x_post2_post"),
    ("triplet", "on_post", "x_pre*x_post2_post", "x_pre"),
    ("triplet", "on_post", "w + eta_post", "w - eta_post"),
    ("triplet", "on_post", "tau_pre", "tau_post2"),
    ("triplet", "every_presentation", "x0 *= exp(-presentation_steps*dt/tau_pre)", "x0 *= 1"),
    ("triplet", "neuron_every_step", "x_post2 *= exp(-dt/tau_post2)", "x_post2 *= exp(-dt/tau_post1)"),
    ("triplet", "neuron_every_step", "x_post1 *= exp(-dt/tau_post1)", "x_post1 *= exp(-dt/tau_post2)"),
    ("triplet", "neuron_reset", "x_post1 = all_to_all*x_post1 + 1", "x_post1 = x_post1 + 1"),
    ("triplet", "neuron_reset", "x_post2 = all_to_all*x_post2 + 1", "x_post2 = x_post2 + 1"),
    ("triplet-100n", "neuron_every_step", "x_post2 -= x_post1", "x_post2 += x_post1"),
    ("triplet-100n", "neuron_every_step", "x_post2 -= x_post1", "x_post2 -= x_post2"),
    ("power-law", "on_pre", "all_to_all*x0", "x0"),
    ("power-law", "on_post", "- x_tar", "+ x_tar"),
    ("power-law", "on_post", "(w_max - w)**mu", "1"),
    ("power-law", "on_post", "(w_max - w)**mu", "w**mu"),
    ("power-law", "on_post", "tau_pre", "tau_post1"),
    ("exponential", "on_post", "exp(-beta*w)", "exp(beta*w)"),
    ("exponential", "on_post", "x_tar*exp(-beta*(w_max - w))", "x_tar"),
    ("exponential", "on_post", "- x_tar", "+ x_tar"),
    ("exponential", "on_pre", "step_pre*dt/tau_pre", "step_pre*dt/tau_post1"),
    ("pre-and-post", "on_pre", "w - eta_pre", "w + eta_pre"),
    ("pre-and-post", "on_pre", "*w**mu", ""),
    ("pre-and-post", "on_pre", "*x_post1_post", ""),
    ("pre-and-post", "on_post", "- x_tar", ""),
    ("pre-and-post", "neuron_every_step", "tau_post1", "tau_post2"),
    ("pre-and-post", "neuron_reset", "x_post1 = all_to_all*x_post1 + 1", "x_post1 = 2"),
    ("rectangular", "on_post", "(1 - recent)", "1"),
    ("rectangular", "on_post", "ltp_window + 0.5*dt", "0.5*ltp_window"),
    ("rectangular", "on_post", "recent*exp(-beta*w)", "x_pre*exp(-beta*w)"),
]


QUICK = [one for k, one in enumerate(MUTATIONS) if [other[0] for other in MUTATIONS[:k]].count(one[0]) < 2]
"""Two changes of each rule; the others are left to the slow tests."""


@pytest.mark.parametrize(
    ("rule", "part", "old", "new"),
    [pytest.param(*one, marks=[] if one in QUICK else pytest.mark.slow) for one in MUTATIONS],
)
def test_the_replay_notices_a_changed_rule(rule, part, old, new):
    text = getattr(RULES[rule], part)
    assert text.count(old) == 1
    params = tiny(rule, pairing="nearest")
    got, inputs, fired = learned(params, RULES[rule]._replace(**{part: text.replace(old, new)}))
    assert np.abs(got - replay(params, inputs, fired)).max() > 1e-6
