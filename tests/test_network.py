"""The network as Brian2 runs it: topology, input, protocol, normalisation, and the learning rule replayed by hand."""

import brian2 as b2
import numpy as np
import pytest
from test_stimulus import spikes as expected_spikes

from diehlcook import build_network, presentation_time, stimulus, weight_matrix, wiring
from diehlcook.neurons import EXCITATORY
from diehlcook.synapses import TRIPLET

pytestmark = pytest.mark.usefixtures("numpy_target")


def run(network, params, presentations):
    network.run(presentations * presentation_time(params), namespace={})
    return network


def test_names_and_sizes(smoke):
    network = build_network(smoke)
    names = {
        "inp",
        "exc",
        "inh",
        "inp_exc",
        "exc_inh",
        "inh_exc",
        "protocol",
        "exc_count",
        "spikes",
        "history",
    }
    assert names <= {thing.name for thing in network.objects}
    n = smoke.n_exc
    assert len(network["inp_exc"]) == 784 * n
    assert list(zip(network["exc_inh"].i, network["exc_inh"].j, strict=True)) == [(k, k) for k in range(n)]
    pairs = set(zip(network["inh_exc"].i[:].tolist(), network["inh_exc"].j[:].tolist(), strict=True))
    assert pairs == {(i, j) for i in range(n) for j in range(n) if i != j}


def test_synapses_are_sorted_and_give_back_the_matrix(smoke):
    network = build_network(smoke, seed=5)
    assert np.array_equal(weight_matrix(network), wiring.initial_weights(smoke, 5))
    delays = wiring.initial_delays(smoke, 5)
    i, j = network["inp_exc"].i[:], network["inp_exc"].j[:]
    assert np.array_equal(np.asarray(network["inp_exc"].delay), delays[i, j])
    steps = (delays[i, j] / smoke.dt + 0.5).astype(int)
    assert (np.diff(i * 1000 + steps) >= 0).all()


def test_input_spikes_are_those_of_the_definition(smoke, strokes):
    network = build_network(smoke, seed=7, images=strokes[:2])
    monitor = b2.SpikeMonitor(network["inp"])
    network.add(monitor)
    run(network, smoke, 2)
    step = np.rint(np.asarray(monitor.t_) / smoke.dt).astype(int)
    for position in range(2):
        fired = expected_spikes(smoke, strokes[position], stimulus.stream_key(7, "train"), position)
        here = step // smoke.presentation_steps == position
        got = np.zeros_like(fired)
        got[step[here] % smoke.presentation_steps, monitor.i[here]] = True  # fails if any fired in the rest
        assert np.array_equal(got, fired)


@pytest.mark.parametrize("delays", [None, "equal"])
def test_summed_inhibition_gives_the_same_spikes(smoke, strokes, delays):
    """With equal delays and one weight all neurons fire in the same step: the hardest case for the sum."""
    options = {}
    if delays:
        shape = (smoke.n_input, smoke.n_exc)
        options = {"delays": np.full(shape, 0.002), "weights": np.full(shape, 0.1)}
    got = []
    for inhibition in ("pairwise", "summed"):
        network = run(
            build_network(smoke, seed=2, images=strokes[:3], inhibition=inhibition, **options), smoke, 3
        )
        got.append((np.array(network["spikes"].i), np.array(network["spikes"].t_), weight_matrix(network)))
    assert len(got[0][0]) > 20
    for pairwise, summed in zip(*got, strict=True):
        assert np.array_equal(pairwise, summed)


def test_one_inhibitory_spike_reaches_all_but_the_own(smoke):
    changed = []
    for inhibition in ("pairwise", "summed"):
        network = build_network(smoke, inhibition=inhibition)
        network["exc"].gi = 0.7
        network["inh"].v = [-20 * b2.mV if k == 3 else -60 * b2.mV for k in range(smoke.n_exc)]
        before = 0.7 * np.exp(-smoke.dt / smoke.tau_gi)
        network.run(smoke.dt * b2.second, namespace={})
        gi = np.array(network["exc"].gi)
        changed.append(np.flatnonzero(gi != gi[3]).tolist())
        assert gi[3] == pytest.approx(before, rel=1e-14)
        assert gi[4] == pytest.approx(before + smoke.w_inh_exc, rel=1e-14)
    assert changed[0] == changed[1] == [k for k in range(smoke.n_exc) if k != 3]


def test_faint_images_are_shown_again_brighter_and_weights_stay_normalised(smoke, strokes):
    faint = (strokes[:1] // 12).astype(np.uint8)
    params = smoke.with_values({"max_attempts": 3})
    network = build_network(params, images=np.concatenate([faint, strokes[:1]]))
    monitor = b2.SpikeMonitor(network["inp"])
    before = b2.StateMonitor(
        network["protocol"], ["intensity"], record=True, dt=presentation_time(params), when="start", order=9
    )
    network.add(monitor, before)
    run(network, params, 4)
    assert network["history"].position[0].tolist() == [0, 0, 0, 1]
    assert network["history"].attempt[0].tolist() == [0, 1, 2, 0]
    assert before.intensity[0].tolist() == [2, 3, 4, 2]
    per_presentation = np.bincount((np.asarray(monitor.t_) / float(presentation_time(params))).astype(int))
    grey = faint.sum() * params.pixel_rate * params.t_stimulus
    for attempt in range(3):
        assert per_presentation[attempt] == pytest.approx(grey * (2 + attempt), abs=5 * np.sqrt(grey * 4))


@pytest.mark.parametrize(("when", "presentations"), [("presentation", {1, 2, 3}), ("image", {3})])
def test_weights_are_normalised_when_the_parameter_says(smoke, strokes, when, presentations):
    """Column sums right after the start of presentations 1 and 2 (retries) and 3 (the next image)."""
    params = smoke.with_values({"max_attempts": 3, "normalise": when})
    network = build_network(params, images=np.concatenate([strokes[:1] // 12, strokes[:1]]), seed=1)
    exact = set()
    run(network, params, 1)
    for presentation in (1, 2, 3):
        network["inp_exc"].w = network["inp_exc"].w * 0.99
        network.run(params.dt * b2.second, namespace={})
        if np.allclose(weight_matrix(network).sum(axis=0), params.weight_sum, rtol=1e-12):
            exact.add(presentation)
        network.run(presentation_time(params) - params.dt * b2.second, namespace={})
    assert exact == presentations


@pytest.mark.parametrize("count_rest", [True, False])
def test_counting_window(smoke, count_rest):
    """Six spikes in the rest count for the next presentation in the authors' code, and for none in the example."""
    params = smoke.with_values({"count_rest": str(count_rest), "max_attempts": 2})
    network = build_network(params)  # a black image: no spikes of its own

    def fire():
        if params.steps("t_stimulus") == round(float(network.t) / params.dt):
            network["exc"].v = [0 * b2.mV if k < 6 else -65 * b2.mV for k in range(params.n_exc)]

    network.add(b2.NetworkOperation(fire, clock=network["exc"].clock, when="before_groups"))
    run(network, params, 2)
    assert network["spikes"].num_spikes == 6
    position = int(network["protocol"].position[0])
    attempt = int(network["protocol"].attempt[0])
    # First presentation: too few spikes, shown again; then 6 spikes of the rest before are enough, or not
    assert (position, attempt) == (1, 0)
    assert int(network["protocol"].n_spikes[0]) == (6 if count_rest else 0)


def replay_triplet(params, weights, delays, inputs, fired, *, sign=-1):
    """Replay the rule of Pfister & Gerstner (2006), nearest spikes, spike by spike in plain Python.

    `inputs` and `fired` are lists of (step, neuron); nothing is shared with the package's code.
    """
    n_input, n_exc = weights.shape
    w = weights * (params.weight_sum / weights.sum(axis=0))
    arrivals = {}
    for step, i in inputs:
        for j in range(n_exc):
            arrivals.setdefault(step + int(delays[i, j] / params.dt + 0.5), []).append((i, j))
    posts = {}
    for step, j in fired:
        posts.setdefault(step, []).append(j)
    last_arrival = {}
    last_post = {}
    dt = params.dt
    for step in range(params.presentation_steps):
        for i, j in arrivals.get(step, []):
            trace = np.exp(-(step - last_post[j]) * dt / params.tau_post1) if j in last_post else 0.0
            w[i, j] = min(max(w[i, j] + sign * params.eta_pre * trace, 0), params.w_max)
            last_arrival[i, j] = step
        for j in posts.get(step, []):
            slow = np.exp(-(step - last_post[j]) * dt / params.tau_post2) if j in last_post else 0.0
            for i in range(n_input):
                pre = (
                    np.exp(-(step - last_arrival[i, j]) * dt / params.tau_pre)
                    if (i, j) in last_arrival
                    else 0.0
                )
                w[i, j] = min(max(w[i, j] + params.eta_post * pre * slow, 0), params.w_max)
            last_post[j] = step
    return w


def learned(params, strokes, rule=TRIPLET):
    small = params.with_values({"n_exc": 4, "eta_pre": "0.01", "weight_sum": "200"})
    network = build_network(small, seed=4, images=strokes[:1], plasticity=rule)
    monitor = b2.SpikeMonitor(network["inp"])
    network.add(monitor)
    run(network, small, 1)
    inputs, fired = (
        list(zip(np.rint(np.asarray(m.t_) / small.dt).astype(int), np.array(m.i), strict=True))
        for m in (monitor, network["spikes"])
    )
    assert len(fired) > 20
    return small, weight_matrix(network), inputs, fired


def test_triplet_rule_equals_its_replay(smoke, strokes):
    params, got, inputs, fired = learned(smoke, strokes)
    weights, delays = wiring.initial_weights(params, 4), wiring.initial_delays(params, 4)
    replayed = replay_triplet(params, weights, delays, inputs, fired)
    assert np.abs(got - replayed).max() < 1e-12
    assert np.abs(got - replay_triplet(params, weights, delays, inputs, fired, sign=+1)).max() > 1e-3


@pytest.mark.parametrize(
    "mutation",
    [
        ("on_pre", "w - eta_pre", "w + eta_pre"),
        ("on_post", "eta_post*x_pre*x_post2_post", "eta_post*x_pre"),
        ("on_post", "tau_pre", "tau_post2"),
        ("neuron_every_step", "tau_post2", "tau_post1"),
        ("neuron_reset", "x_post1 = 1", "x_post1 += 1"),
    ],
)
def test_the_replay_notices_a_changed_rule(smoke, strokes, mutation):
    part, old, new = mutation
    assert old in getattr(TRIPLET, part)
    params, got, inputs, fired = learned(
        smoke, strokes, TRIPLET._replace(**{part: getattr(TRIPLET, part).replace(old, new)})
    )
    replayed = replay_triplet(
        params, wiring.initial_weights(params, 4), wiring.initial_delays(params, 4), inputs, fired
    )
    assert np.abs(got - replayed).max() > 1e-6


@pytest.mark.parametrize(
    ("clamp", "lockout", "shortest"), [("false", "0 ms", 10), ("true", "0 ms", 10), ("true", "50 ms", 100)]
)
def test_refractoriness(smoke, clamp, lockout, shortest):
    """A neuron far above threshold fires as often as it may; whether v moves in between is the clamp."""
    params = smoke.with_values(
        {"clamp_exc": clamp, "lockout_exc": lockout, "v_init_exc": "-65 mV", "w_exc_inh": "0"}
    )
    network = build_network(params)
    network["exc"].ge = 50
    hold = b2.NetworkOperation(
        lambda: setattr(network["exc"], "ge", 50), clock=network["exc"].clock, when="before_groups"
    )
    monitor = b2.StateMonitor(network["exc"], "v", record=[0])
    network.add(hold, monitor)
    network.run(260 * params.dt * b2.second, namespace={})
    steps = np.rint(np.asarray(network["spikes"].t_)[np.array(network["spikes"].i) == 0] / params.dt).astype(
        int
    )
    assert set(np.diff(steps)) == {shortest}
    if lockout == "50 ms":
        assert (
            steps[0] == 99
        )  # the example's timer starts at 0, and 100 steps of 0.5 ms sum to a bit over 50 ms
    v = monitor.v_[0]
    after = v[steps[0] + 1 : steps[0] + 10]
    assert (after == -0.065).all() if clamp == "true" else (np.diff(after) > 0).all()


@pytest.mark.parametrize("integrator", ["euler", "exponential_euler"])
def test_membrane_step_by_hand(smoke, integrator):
    params = smoke.with_values({"integrator": integrator})
    network = build_network(params)
    v, ge, gi, theta = -0.06, 0.4, 3.0, 0.031
    network["exc"].v = v * b2.volt
    network["exc"].ge, network["exc"].gi = ge, gi
    network["exc"].theta = theta * b2.volt
    network.run(params.dt * b2.second, namespace={})
    dt, tau = params.dt, params.tau_mem_exc
    drive = params.v_rest_exc + ge * params.e_exc + gi * params.e_inh_exc
    leak = 1 + ge + gi
    if integrator == "euler":
        expected = (
            v + dt / tau * (drive - leak * v),
            ge - dt * ge / params.tau_ge,
            gi - dt * gi / params.tau_gi,
        )
        decay = 1 - dt / params.tau_theta
    else:
        expected = (
            drive / leak + (v - drive / leak) * np.exp(-dt * leak / tau),
            ge * np.exp(-dt / params.tau_ge),
            gi * np.exp(-dt / params.tau_gi),
        )
        decay = np.exp(-dt / params.tau_theta)
    exc = network["exc"]
    assert [exc.v_[0], exc.ge[0], exc.gi[0]] == pytest.approx(expected, rel=1e-13)
    assert exc.theta_[0] == pytest.approx(theta * decay, rel=1e-14)


def test_frozen_phases_change_neither_weights_nor_theta(smoke, strokes):
    weights = wiring.initial_weights(smoke, 1)
    weights *= smoke.weight_sum / weights.sum(axis=0)
    theta = np.linspace(0.02, 0.024, smoke.n_exc)
    network = run(
        build_network(smoke, phase="test", images=strokes[:2], weights=weights, theta=theta), smoke, 2
    )
    assert network["spikes"].num_spikes > 10
    assert np.array_equal(weight_matrix(network), weights)
    assert np.array_equal(np.array(network["exc"].theta_), theta)


def test_an_edited_equation_is_used(smoke, strokes):
    reset = EXCITATORY.reset.replace("theta += theta_plus", "theta += 2*theta_plus")
    double = build_network(smoke, images=strokes[:1], excitatory=EXCITATORY._replace(reset=reset))
    run(double, smoke, 1)
    rise = np.array(double["exc"].theta_) - smoke.theta_init * np.exp(-0.5 / smoke.tau_theta)
    fired = np.bincount(np.array(double["spikes"].i), minlength=smoke.n_exc)
    assert rise == pytest.approx(2 * smoke.theta_plus * fired, rel=1e-3)
