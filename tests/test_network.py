"""The network as Brian2 runs it: objects, topology, frozen phases, edited equations."""

import brian2 as b2
import numpy as np
import pytest

from diehlcook import build_network, presentation_time, weight_matrix
from diehlcook.model import wiring
from diehlcook.model.neurons import EXCITATORY

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


@pytest.mark.parametrize("self_inhibition", [False, True])
@pytest.mark.parametrize("inhibition", ["pairwise", "summed"])
def test_one_inhibitory_spike_reaches_all_but_the_own(smoke, inhibition, self_inhibition):
    params = smoke.with_values({"self_inhibition": self_inhibition})
    network = build_network(params, inhibition=inhibition)
    network["exc"].gi = 0.7
    network["inh"].v = [-20 * b2.mV if k == 3 else -60 * b2.mV for k in range(smoke.n_exc)]
    before = 0.7 * np.exp(-smoke.dt / smoke.tau_gi)
    network.run(smoke.dt * b2.second, namespace={})
    inhibited = [k for k in range(smoke.n_exc) if k != 3 or self_inhibition]
    expected = [before + smoke.w_inh_exc * (k in inhibited) for k in range(smoke.n_exc)]
    assert np.array(network["exc"].gi) == pytest.approx(expected, rel=1e-14)
    assert len(inhibited) == smoke.n_exc - 1 + self_inhibition
    if inhibition == "pairwise":
        assert len(network["inh_exc"]) == smoke.n_exc * (smoke.n_exc - 1 + self_inhibition)


def test_delays_and_weights_are_uniform_and_drawn_apart(smoke):
    params = smoke.with_values({"delay_min": "3 ms", "delay_max": "20 ms", "n_exc": 100})
    delays, weights = wiring.initial_delays(params, 2), wiring.initial_weights(params, 2)
    assert delays.min() >= 0.003
    assert delays.max() < 0.020
    for values, low, high in ((delays, 0.003, 0.020), (weights, 0.003, 0.303)):
        part = np.histogram(values, bins=10, range=(low, high))[0] / values.size
        assert part == pytest.approx(np.full(10, 0.1), abs=0.006)
    assert abs(np.corrcoef(delays.ravel(), weights.ravel())[0, 1]) < 4 / np.sqrt(delays.size)


def test_other_phases_draw_delays_of_their_own(smoke):
    drawn = [wiring.initial_delays(smoke, 2, phase) for phase in ("train", "observe", "test", "predict")]
    for k, one in enumerate(drawn):
        for other in drawn[k + 1 :]:
            assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.05
    assert np.array_equal(drawn[2], wiring.initial_delays(smoke, 2, "test"))


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
