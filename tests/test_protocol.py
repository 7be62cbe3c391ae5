"""Protocol and input in the network: what is shown when, how often and how bright; when weights are normalised."""

import brian2 as b2
import numpy as np
import pytest
from test_stimulus import spikes as expected_spikes

from diehlcook import build_network, presentation_time, weight_matrix
from diehlcook.model import stimulus

pytestmark = pytest.mark.usefixtures("numpy_target")


def run(network, params, presentations):
    network.run(presentations * presentation_time(params), namespace={})
    return network


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


@pytest.mark.parametrize(
    ("when", "presentations"), [("presentation", {1, 2, 3}), ("image", {3}), ("never", set())]
)
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


def test_weights_are_normalised_at_every_second_image(smoke, strokes):
    params = smoke.with_values({"normalise_every": 2, "max_attempts": 1})
    network = build_network(params, images=strokes[:4], seed=1)
    exact = []
    for position in range(4):
        network.run(params.dt * b2.second, namespace={})
        exact.append(np.allclose(weight_matrix(network).sum(axis=0), params.weight_sum, rtol=1e-12))
        network.run(presentation_time(params) - params.dt * b2.second, namespace={})
        assert network["protocol"].position[0] == position + 1
        network["inp_exc"].w = network["inp_exc"].w * 0.99
    assert exact == [True, False, True, False]


def test_a_neuron_without_weights_keeps_none(smoke):
    weights = np.full((smoke.n_input, smoke.n_exc), 0.2)
    weights[:, 3] = 0
    for normalise in ("presentation", "never"):
        network = build_network(smoke.with_values({"normalise": normalise}), weights=weights)
        network.run(smoke.dt * b2.second, namespace={})
        got = weight_matrix(network)
        assert (got[:, 3] == 0).all()
        kept = smoke.weight_sum if normalise == "presentation" else 0.2 * smoke.n_input
        assert got[:, 4].sum() == pytest.approx(kept, rel=1e-12)


def test_noise_adds_to_every_input_in_training_only(smoke, strokes):
    params = smoke.with_values({"noise_rate": "40 Hz"})
    rates = {}
    for phase in ("train", "test"):
        network = build_network(params, images=strokes[:1], phase=phase)
        network.run(params.dt * b2.second, namespace={})
        rates[phase] = np.array(network["inp"].rate)
    shown = strokes[0] * params.pixel_rate * params.intensity_init
    assert rates["test"] == pytest.approx(shown)
    assert rates["train"] == pytest.approx(shown + 40)


@pytest.mark.parametrize(("spikes", "after"), [(4, (0, 1)), (5, (1, 0))])
def test_fewer_than_five_spikes_are_too_few(smoke, spikes, after):
    """Paper §2.5: (position, attempt) after a presentation of a black image with so many spikes of our making."""
    network = build_network(smoke.with_values({"w_exc_inh": 0}))

    def fire():
        if round(float(network.t) / smoke.dt) == 100:
            network["exc"].v_[:spikes] = 0

    network.add(b2.NetworkOperation(fire, clock=network["exc"].clock, when="before_thresholds"))
    run(network, smoke, 1)
    assert network["spikes"].num_spikes == spikes
    assert (int(network["protocol"].position[0]), int(network["protocol"].attempt[0])) == after


@pytest.mark.parametrize(("least", "after"), [(1, (0, 1)), (0, (1, 0))])
def test_no_spikes_are_enough_where_none_are_asked_for(smoke, least, after):
    """(position, attempt) after a presentation of a black image without a spike."""
    network = run(build_network(smoke.with_values({"w_exc_inh": 0, "min_spikes": least})), smoke, 1)
    assert network["spikes"].num_spikes == 0
    assert (int(network["protocol"].position[0]), int(network["protocol"].attempt[0])) == after
