"""The package against the classic Brian2 loop of ``scripts/benchmarks/classic.py``: same input spikes, same network.

Input spikes are recorded from the package's network and played to the classic one, presentation by
presentation. So the two agree only if they also decide alike which image is presented again.
"""

import itertools
import os
from typing import NamedTuple

import brian2 as b2
import numpy as np
import pytest
from conftest import load_script

from diehlcook.data import datasets
from diehlcook.model import wiring
from diehlcook.model.network import build_network, presentation_time, weight_matrix
from diehlcook.model.params import load_preset

SEED = 3
EXAMPLE = load_preset("brian2-example").with_values({"dt": "0.5 ms"})
FAINT = 1
"""Index of an image so faint that it takes more than one presentation."""


classic = load_script("classic")


@pytest.fixture(autouse=True)
def numpy_target():
    """NumPy code: what Cython would gain in ten images, it loses in compiling."""
    before = b2.prefs.codegen.target
    b2.prefs.codegen.target = "numpy"
    yield
    b2.prefs.codegen.target = before


class Record(NamedTuple):
    """What a network did."""

    inputs: list  # per presentation: time step in it, input neuron
    attempts: list  # per image: presentations
    step: np.ndarray  # of each excitatory spike, since the start
    neuron: np.ndarray
    weights: np.ndarray
    theta: np.ndarray


def strokes(n):
    """Return n images (n, 784) of three strokes each, about as much ink as in a digit."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:28, :28]
    images = np.zeros((n, 28, 28))
    for image in images:
        corners = rng.uniform(5, 23, (4, 2))
        for start, end in itertools.pairwise(corners):
            along = np.linspace(0, 1, 40)[:, None, None]
            points = start[:, None, None, None] + (end - start)[:, None, None, None] * along
            distance = np.hypot(points[0] - y, points[1] - x).min(axis=0)
            np.maximum(image, 255 * np.clip(2.3 - distance, 0, 1), out=image)
    return images.reshape(n, 784).astype(np.uint8)


def mnist(n):
    return datasets.load("mnist", "train", download=False).images[:n].reshape(n, 784)


def with_faint(images):
    images = images.copy()
    images[FAINT] //= 3
    return images


def sorted_spikes(monitor, dt):
    step, neuron = np.rint(np.asarray(monitor.t_) / dt).astype(int), np.asarray(monitor.i)
    order = np.lexsort((neuron, step))
    return step[order], neuron[order]


def run_package(images, params=EXAMPLE):
    network = build_network(params, images=images, seed=SEED, inhibition="pairwise")
    monitor = b2.SpikeMonitor(network["inp"])
    network.add(monitor)
    network["protocol"].images_left = len(images)
    network.run(len(images) * params.max_attempts * presentation_time(params), namespace={})
    position = network["history"].position[0]
    step, neuron = sorted_spikes(monitor, params.dt)
    presentation, step = np.divmod(step, params.presentation_steps)
    return Record(
        [(step[presentation == k], neuron[presentation == k]) for k in range(len(position))],
        np.bincount(position).tolist(),
        *sorted_spikes(network["spikes"], params.dt),
        weight_matrix(network),
        np.array(network["exc"].theta_),
    )


class Player:
    """Plays recorded input spikes, the next presentation whenever an image is shown, and says how often that was."""

    def __init__(self, inp, presentations):
        self.inp, self.presentations, self.shown = inp, presentations, 0

    def __call__(self, intensity):
        if intensity == 0:
            return
        assert self.shown < len(self.presentations), (
            "the classic loop shows an image once more than the package"
        )
        step, neuron = self.presentations[self.shown]
        now = float(self.inp.t_[:])
        self.inp.set_spikes(neuron, (now + step * EXAMPLE.dt) * b2.second)
        self.shown += 1


def run_classic(presentations, n_images):
    inp = b2.SpikeGeneratorGroup(784, [], [] * b2.second, dt=EXAMPLE.dt * b2.second, name="inp")
    network = classic.build_network(
        inp, wiring.initial_weights(EXAMPLE, SEED), wiring.initial_delays(EXAMPLE, SEED)
    )
    play, attempts = Player(inp, presentations), []
    for _ in range(n_images):
        before = play.shown
        classic.train_image(network, play)
        attempts.append(play.shown - before)
    return Record(
        presentations,
        attempts,
        *sorted_spikes(network["spikes"], EXAMPLE.dt),
        np.array(network["inp_exc"].w).reshape(784, -1),
        np.array(network["exc"].theta_),
    )


def assert_agree(package, loop):
    assert package.attempts == loop.attempts
    np.testing.assert_array_equal(package.step, loop.step)
    np.testing.assert_array_equal(package.neuron, loop.neuron)
    np.testing.assert_allclose(package.weights, loop.weights, rtol=0, atol=1e-9)
    np.testing.assert_allclose(package.theta, loop.theta, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "source",
    [
        strokes,
        pytest.param(
            mnist,
            marks=[
                pytest.mark.skipif("DIEHLCOOK_MNIST" not in os.environ, reason="needs MNIST"),
                pytest.mark.slow,
            ],
        ),
    ],
)
def test_same_spikes_and_weights_as_the_classic_loop(source):
    images = with_faint(source(10))
    package = run_package(images)
    assert package.attempts[FAINT] > 1
    assert package.step.size > 100
    assert_agree(package, run_classic(package.inputs, len(images)))


@pytest.mark.parametrize(
    "change",
    [{"eta_pre": "-0.0001"}, {"theta_plus": "0.055 mV"}, {"lockout_exc": "49.5 ms"}],
    ids=["depression potentiates", "theta grows by a tenth more", "lock-out a step shorter"],
)
def test_the_comparison_notices(change):
    images = strokes(2)
    package = run_package(images, EXAMPLE.with_values(change))
    with pytest.raises(AssertionError, match=r"(?i)not equal"):
        assert_agree(package, run_classic(package.inputs, len(images)))
