"""The classic way to run this experiment: a small Brian2 model and a Python loop around ``net.run``, image by image.

Model and protocol are those of the script `Diehl_Cook_2015` among the Brian2 examples (B. A. Lindqvist,
2024), quirks included: excitatory neurons keep v for 5 ms after a spike but cannot fire for 50 ms, by a
`timer` that starts at 0; the three traces of the learning rule belong to each synapse and are event-driven;
weights are normalised in NumPy, once per image and not before its retries; only the spikes of the 350 ms
count; all neurons inhibit all others through n (n - 1) synapses; explicit Euler. dt, weights, delays and
input are arguments; inhibitory neurons take input from their own excitatory neuron only.

Frozen: it is the baseline that ``tests/test_against_classic.py`` compares the package with and
``scripts/benchmarks/speed.py`` measures it against: it must not use the package, nor get faster or
better.
"""

from collections.abc import Callable
from typing import Any

import brian2 as b2
import numpy as np
from brian2 import Hz, ms, mV, volt
from numpy.typing import NDArray

N_INPUT = 784
FIRST_INTENSITY = 2
FEWEST_SPIKES = 5
WEIGHT_SUM = 78.0

# The timer is there for inhibitory neurons too, which do not use it
MEMBRANE = """
dv/dt = (v_rest - v - ge*v + gi*(e_inh - v))/tau_mem : volt (unless refractory)
dge/dt = -ge/(1*ms) : 1
dgi/dt = -gi/(2*ms) : 1
dtimer/dt = 1 : second
"""
ADAPTATION = {True: "dtheta/dt = -theta/(1e7*ms) : volt", False: "theta : volt"}  # learning or not
EXC_RESET = {True: "v = v_rest; timer = 0*ms; theta += 0.05*mV", False: "v = v_rest; timer = 0*ms"}

PLASTIC = {
    "model": """
        w : 1
        post2before : 1
        dpre/dt = -pre/(20*ms) : 1 (event-driven)
        dpost1/dt = -post1/(20*ms) : 1 (event-driven)
        dpost2/dt = -post2/(40*ms) : 1 (event-driven)
    """,
    "on_pre": """
        ge_post += w
        pre = 1.0
        w = clip(w - 1e-4*post1, 0, 1)
    """,
    "on_post": """
        post2before = post2
        w = clip(w + 1e-2*pre*post2before, 0, 1)
        post1 = 1.0
        post2 = 1.0
    """,
}
STATIC = {"model": "w : 1", "on_pre": "ge_post += w"}


def build_network(
    inp: b2.SpikeSource,
    weights: np.ndarray,
    delays: np.ndarray,
    theta: np.ndarray | float = 20e-3,
    *,
    learning: bool = True,
) -> b2.Network:
    """Return the network behind an input group, on the clock of that group.

    Parameters
    ----------
    inp
        784 neurons: a PoissonGroup, or a SpikeGeneratorGroup for scripted spikes; its name must be "inp".
    weights
        (784, n_exc).
    delays
        (784, n_exc) in seconds.
    theta
        Adaptive thresholds in volts.
    learning
        False: weights and thresholds are frozen.
    """
    n_exc = weights.shape[1]
    common: dict[str, Any] = {"clock": inp.clock, "method": "euler"}
    exc = b2.NeuronGroup(
        n_exc,
        MEMBRANE + ADAPTATION[learning],
        threshold="v > theta - 72*mV and timer > 50*ms",
        reset=EXC_RESET[learning],
        refractory=5 * ms,
        namespace={"v_rest": -65 * mV, "e_inh": -100 * mV, "tau_mem": 100 * ms},
        name="exc",
        **common,
    )
    exc.v = -65 * mV
    exc.theta = theta * volt
    inh = b2.NeuronGroup(
        n_exc,
        MEMBRANE,
        threshold="v > -40*mV",
        reset="v = -45*mV",
        refractory=2 * ms,
        namespace={"v_rest": -60 * mV, "e_inh": -85 * mV, "tau_mem": 10 * ms},
        name="inh",
        **common,
    )
    inh.v = -60 * mV

    inp_exc = b2.Synapses(inp, exc, **(PLASTIC if learning else STATIC), clock=inp.clock, name="inp_exc")
    inp_exc.connect()
    inp_exc.w = weights.ravel()
    inp_exc.delay = delays.ravel() * b2.second
    exc_inh = b2.Synapses(exc, inh, on_pre="ge_post += 10.4", clock=inp.clock, name="exc_inh")
    exc_inh.connect(j="i")
    inh_exc = b2.Synapses(inh, exc, on_pre="gi_post += 17.0", clock=inp.clock, name="inh_exc")
    inh_exc.connect("i != j")
    return b2.Network(inp, exc, inh, inp_exc, exc_inh, inh_exc, b2.SpikeMonitor(exc, name="spikes"))


def poisson(inp: b2.PoissonGroup, image: np.ndarray) -> Callable[[int], None]:
    """Return what `show_image` needs to show grey levels 0 to 255 (784,) with a PoissonGroup."""

    def shine(intensity: int) -> None:
        inp.rates = image / 8 * intensity * Hz

    return shine


def show_image(
    network: b2.Network, shine: Callable[[int], None], intensity: int = FIRST_INTENSITY
) -> np.ndarray:
    """Present an image, brighter and brighter until 5 neurons have fired; return the spikes of each neuron (n_exc,).

    `shine` sets the input to an image of the given intensity; 0 is darkness.
    """
    monitor = network["spikes"]
    before = np.array(monitor.count)
    shine(intensity)
    network.run(350 * ms)
    response: NDArray[np.int64] = np.array(monitor.count) - before
    shine(0)
    network.run(150 * ms)
    if response.sum() < FEWEST_SPIKES:
        return show_image(network, shine, intensity + 1)
    return response


def normalise(network: b2.Network) -> None:
    """Scale the input weights of each excitatory neuron to a fixed sum."""
    synapses = network["inp_exc"]
    weights = np.array(synapses.w).reshape(N_INPUT, -1)
    synapses.w = (weights * (WEIGHT_SUM / weights.sum(axis=0))).ravel()


def train_image(network: b2.Network, shine: Callable[[int], None]) -> np.ndarray:
    """Learn from one image: one turn of the loop."""
    normalise(network)
    return show_image(network, shine)
