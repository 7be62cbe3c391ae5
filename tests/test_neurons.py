"""Membranes, synaptic potentials, thresholds and refractoriness against the step computed by hand."""

import brian2 as b2
import numpy as np
import pytest

from diehlcook import build_network
from diehlcook.model import wiring

pytestmark = pytest.mark.usefixtures("numpy_target")


@pytest.mark.parametrize(
    ("clamp", "lockout", "shortest"), [("false", "0 ms", 10), ("true", "0 ms", 10), ("true", "50 ms", 100)]
)
def test_refractoriness(smoke, clamp, lockout, shortest):
    """A neuron far above threshold fires as often as it may; whether v moves in between is the clamp."""
    params = smoke.with_values(
        {"clamp_exc": clamp, "lockout_exc": lockout, "v_init_offset": "0 mV", "w_exc_inh": "0"}
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


INTEGRATORS = ("euler", "exponential_euler")


def step(params, v, ge, gi, *, e_inh, v_rest, tau):
    """Return (v, ge, gi) one time step later, by the textbook formula of the integrator."""
    dt = params.dt
    drive, leak = v_rest + ge * params.e_exc + gi * e_inh, 1 + ge + gi
    if params.integrator == "euler":
        return v + dt / tau * (drive - leak * v), ge - dt * ge / params.tau_ge, gi - dt * gi / params.tau_gi
    there = drive / leak
    return (
        there + (v - there) * np.exp(-dt * leak / tau),
        ge * np.exp(-dt / params.tau_ge),
        gi * np.exp(-dt / params.tau_gi),
    )


@pytest.mark.parametrize("integrator", INTEGRATORS)
def test_membrane_step_by_hand(smoke, integrator):
    params = smoke.with_values({"integrator": integrator})
    network = build_network(params)
    v, ge, gi, theta = -0.06, 0.4, 3.0, 0.031
    for name in ("exc", "inh"):
        network[name].v = v * b2.volt
        network[name].ge, network[name].gi = ge, gi
    network["exc"].theta = theta * b2.volt
    network.run(params.dt * b2.second, namespace={})
    exc, inh = network["exc"], network["inh"]
    expected = step(
        params, v, ge, gi, e_inh=params.e_inh_exc, v_rest=params.v_rest_exc, tau=params.tau_mem_exc
    )
    assert [exc.v_[0], exc.ge[0], exc.gi[0]] == pytest.approx(expected, rel=1e-13)
    expected = step(
        params, v, ge, gi, e_inh=params.e_inh_inh, v_rest=params.v_rest_inh, tau=params.tau_mem_inh
    )
    assert [inh.v_[0], inh.ge[0], inh.gi[0]] == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("integrator", INTEGRATORS)
def test_postsynaptic_potential_of_one_input_spike(smoke, integrator):
    """One pixel fires once, in step 0: g_e jumps by the weight after the delay, then v follows Eqs 1 and 2."""
    params = smoke.with_values(
        {"integrator": integrator, "t_stimulus": "0.5 ms", "pixel_rate": "100 Hz", "v_init_offset": "0 mV"}
    )
    image = np.zeros((1, params.n_input))
    image[0, 300] = 255
    weights, delays = wiring.initial_weights(params, 1), wiring.initial_delays(params, 1)
    network = build_network(params, images=image, phase="test", weights=weights, delays=delays)
    monitor = b2.StateMonitor(network["exc"], ["v", "ge"], record=True, when="end")
    network.add(monitor)
    network.run(60 * params.dt * b2.second, namespace={})
    arrival = (delays[300] / params.dt + 0.5).astype(int)
    assert len(set(arrival)) > 5
    for neuron in range(params.n_exc):
        v, ge = params.v_rest_exc, 0.0
        for now in range(60):
            v, ge, _ = step(
                params, v, ge, 0.0,
                e_inh=params.e_inh_exc, v_rest=params.v_rest_exc, tau=params.tau_mem_exc,
            )  # fmt: skip
            ge += weights[300, neuron] * (now == arrival[neuron])
            assert monitor.ge[neuron, now] == pytest.approx(ge, rel=1e-12, abs=1e-300)
            assert monitor.v_[neuron, now] == pytest.approx(v, rel=1e-13)
        assert v > params.v_rest_exc


@pytest.mark.parametrize("integrator", INTEGRATORS)
def test_threshold_rises_with_each_spike_and_decays(smoke, integrator):
    params = smoke.with_values({"integrator": integrator, "tau_theta": "80 ms", "theta_plus": "3 mV"})
    network = build_network(params)
    theta = params.theta_init
    decay = (
        1 - params.dt / params.tau_theta if integrator == "euler" else np.exp(-params.dt / params.tau_theta)
    )
    near, above = [], []

    def nudge():
        now = round(float(network.t) / params.dt)
        threshold = network["exc"].theta_[0] + params.v_thresh_exc - params.theta_offset
        if now in (5, 25, 45):
            network["exc"].v_[0] = threshold - 1e-9
            near.append(now)
        if now in (6, 26, 46, 50):  # 50 has to wait for the end of the refractory time
            network["exc"].v_[0] = threshold + 1e-9
            above.append(now)

    network.add(b2.NetworkOperation(nudge, clock=network["exc"].clock, when="before_thresholds"))
    network.run(60 * params.dt * b2.second, namespace={})
    assert (near, above) == ([5, 25, 45], [6, 26, 46, 50])
    assert np.rint(np.asarray(network["spikes"].t_) / params.dt).tolist() == [6, 26, 46, 56]
    for now in range(60):
        theta = theta * decay + params.theta_plus * (now in (6, 26, 46, 56))
    assert network["exc"].theta_[0] == pytest.approx(theta, rel=1e-12)
    assert network["exc"].theta_[1] == pytest.approx(params.theta_init * decay**60, rel=1e-12)


def test_a_spike_silences_the_others_through_its_inhibitory_neuron(smoke):
    """Excitatory spike in step 0, its inhibitory partner fires in step 1, and inhibits all others in the same step."""
    params = smoke.with_values({"v_init_offset": "0 mV"})
    network = build_network(params)
    inhibitory = b2.SpikeMonitor(network["inh"])

    def fire():
        if network.t < 0.1 * b2.ms:
            network["exc"].v_[5] = 0

    network.add(inhibitory, b2.NetworkOperation(fire, clock=network["exc"].clock, when="before_thresholds"))
    network.run(params.dt * b2.second, namespace={})
    assert network["inh"].ge[:].tolist() == [params.w_exc_inh * (k == 5) for k in range(params.n_exc)]
    v, _, _ = step(
        params, params.v_rest_inh, params.w_exc_inh, 0,
        e_inh=params.e_inh_inh, v_rest=params.v_rest_inh, tau=params.tau_mem_inh,
    )  # fmt: skip
    assert v > params.v_thresh_inh
    network.run(params.dt * b2.second, namespace={})
    assert list(zip(inhibitory.i, np.rint(np.asarray(inhibitory.t_) / params.dt), strict=True)) == [(5, 1)]
    assert network["exc"].gi[:].tolist() == [params.w_inh_exc * (k != 5) for k in range(params.n_exc)]
    assert network["inh"].v_[5] == params.v_reset_inh
    network.run(params.dt * b2.second, namespace={})
    held = params.steps("refractory_inh") - 1
    for _ in range(held - 1):
        network.run(params.dt * b2.second, namespace={})
        assert network["inh"].v_[5] == params.v_reset_inh
    network.run(params.dt * b2.second, namespace={})
    assert network["inh"].v_[5] != params.v_reset_inh
