"""Four Poisson neurons that drive one neuron, shown iris flowers: the network that a forum asked about, many of them at once.

The question named inputs of 0 to 1 Hz, one for each feature, weights of at most 0.3 mV, which is the threshold
too, and 20 ms for each flower; the neuron learned from the first species alone. The rest was not said, and is taken
from the STDP example of Brian2 (after Song, Miller and Abbott 2000) but for the time constant of the leaky
membrane, 20 ms where the example has 10: pairs of spikes that
change a weight by 1 % of the largest, depression being 5 % stronger. Every flower begins with a membrane at rest and
without traces.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import brian2 as b2
import numpy as np
from brian2 import Hz, ms, mV
from iris_folds import Fold
from numpy.typing import NDArray
from pages import Row
from sklearn.metrics import roc_auc_score

SETOSA = 0
"""The species to learn."""

PASSES = 5
"""Over the flowers to learn from, before weights stand still."""

INPUTS = 8
"""One for each feature, and one for what each lacks to its largest value, which most networks leave silent."""


class Condition(NamedTuple):
    """What such a network is given."""

    hertz: float
    """Of an input whose feature has its largest value."""
    largest: float
    """The largest weight, in mV."""
    duration: float
    """Of a flower, in seconds."""
    lacks: bool = False
    """Whether there are inputs, too, that fire the more the less there is of a feature."""
    learns: bool = True


POSTED = Condition(1, 0.3, 0.02)
LONG = Condition(100, 0.3, 0.1)

CONDITIONS = [
    [POSTED._replace(hertz=hertz, largest=largest) for largest in (0.3, 0.6, 1.2) for hertz in (1, 10, 100)],
    [LONG, LONG._replace(learns=False), LONG._replace(lacks=True), LONG._replace(lacks=True, learns=False)],
]
"""By duration: those of one list are simulated together."""

CONSTANTS = {
    "v_threshold": 0.3 * mV,
    "tau_membrane": 20 * ms,
    "tau_trace": 20 * ms,
    "learning_rate": 0.01,
    "depression": 1.05,
}

INPUT = """
rate = rates(t, i) : Hz
dx/dt = -x/tau_trace : 1
"""

OUTPUT = """
dv/dt = -v/tau_membrane : volt
dx/dt = -x/tau_trace : 1
"""

SYNAPSE = """
w : volt
w_max : volt
"""

ON_PRE = """
v_post += w
w = clip(w - learns(t, j)*learning_rate*depression*w_max*x_post, 0*mV, w_max)
"""

ON_POST = "w = clip(w + learns(t, j)*learning_rate*w_max*x_pre, 0*mV, w_max)"


def simulate(
    rates: NDArray[np.float64],
    largest: NDArray[np.float64],
    learns: NDArray[np.bool_],
    duration: float,
    seed: int = 0,
) -> NDArray[np.int64]:
    """Show flowers to many networks of one neuron each.

    Parameters
    ----------
    rates
        Of each input at each flower, in Hz (n_flowers, n_networks, n_inputs).
    largest
        The largest weight of each network, in mV (n_networks,); weights begin anywhere between 0 and that.
    learns
        Whether the weights change at each flower (n_flowers, n_networks).
    duration
        For which each flower is shown, in seconds.
    seed
        Of initial weights and input spikes.

    Returns
    -------
    ndarray of int, shape (n_flowers, n_networks)
        Spikes of each neuron at each flower.
    """
    b2.prefs.codegen.target = "numpy"
    b2.start_scope()
    b2.seed(seed)
    n_flowers, n_networks, n_inputs = rates.shape
    shown, step = duration * b2.second, 0.5 * ms
    names = CONSTANTS | {
        "rates": b2.TimedArray(rates.reshape(n_flowers, -1) * Hz, dt=shown),
        "learns": b2.TimedArray(learns.astype(float), dt=shown),
    }
    inputs = b2.NeuronGroup(
        n_networks * n_inputs, INPUT, threshold="rand() < rate*dt", reset="x += 1", method="exact", dt=step
    )
    neurons = b2.NeuronGroup(
        n_networks, OUTPUT, threshold="v > v_threshold", reset="v = 0*mV; x += 1", method="exact", dt=step
    )
    synapses = b2.Synapses(inputs, neurons, SYNAPSE, on_pre=ON_PRE, on_post=ON_POST, dt=step)
    synapses.connect(j=f"i//{n_inputs}")
    synapses.w_max = np.repeat(largest, n_inputs) * mV
    synapses.w = "rand()*w_max"
    inputs.run_regularly("x = 0", dt=shown)
    neurons.run_regularly("v = 0*mV; x = 0", dt=shown)
    monitor = b2.SpikeMonitor(neurons)
    b2.Network(inputs, neurons, synapses, monitor).run(n_flowers * shown, namespace=names)
    flower = np.floor(np.asarray(monitor.t) / duration + 1e-6).astype(np.int64)
    spikes = np.zeros((n_flowers, n_networks), np.int64)
    np.add.at(spikes, (flower, np.asarray(monitor.i)), 1)
    return spikes


def shown_to(condition: Condition, fold: Fold) -> NDArray[np.float64]:
    """Return the rates of a network's inputs: flowers to learn from, then all of a fold (n_flowers, INPUTS)."""
    first = fold.learned[fold.labels == SETOSA]
    flowers = np.concatenate([np.tile(first, (PASSES, 1)), fold.learned, fold.asked])
    lacks = 1 - flowers if condition.lacks else np.zeros_like(flowers)
    return condition.hertz * np.hstack([flowers, lacks])


def measure(conditions: Sequence[Condition], folds: Sequence[Fold]) -> Iterator[tuple[Condition, Fold, Row]]:
    """Yield what came of a network for each condition, all of one duration, and fold."""
    networks = [(condition, fold) for condition in conditions for fold in folds]
    rates = np.stack([shown_to(condition, fold) for condition, fold in networks], axis=1)
    n_learning = len(rates) - sum(map(len, (folds[0].learned, folds[0].asked)))
    learning = np.arange(len(rates)) < n_learning
    learns = np.outer(learning, [condition.learns for condition, _ in networks])
    largest = np.array([condition.largest for condition, _ in networks])
    spikes = simulate(rates, largest, learns, conditions[0].duration)
    for (condition, fold), counts in zip(networks, spikes.T, strict=True):
        yield condition, fold, outcome(fold, *np.split(counts[n_learning:], [len(fold.learned)]))


def outcome(fold: Fold, learned: NDArray[np.int64], asked: NDArray[np.int64]) -> Row:
    """Return what the spikes of a neuron tell of the species of flowers.

    These are its mean spikes at each species that it is asked about, and how often a flower of one species has
    more than one of others (the area under the ROC curve; equal numbers are half): setosa against the others, and
    versicolor against virginica. And the share of right answers to the question whether a flower is a setosa,
    which is answered by more or by fewer spikes than some number; the flowers to learn from decide which.
    """
    _, cut, more = max(
        (float(((learned >= cut) == ((fold.labels == SETOSA) == more)).mean()), cut, more)
        for cut in range(learned.max() + 2)
        for more in (True, False)
    )
    means = {f"spikes_{number}": f"{asked[fold.answers == number].mean():.3f}" for number in range(3)}
    others = fold.answers != SETOSA
    return means | {
        "more_at_setosa": f"{roc_auc_score(~others, asked):.4f}",
        "more_at_versicolor": f"{roc_auc_score(fold.answers[others] == 1, asked[others]):.4f}",
        "right": f"{((asked >= cut) == ((fold.answers == SETOSA) == more)).mean():.4f}",
    }
