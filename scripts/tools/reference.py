"""Make the reference distributions of the statistical regression test, tests/reference/seeds.npz.

    python scripts/tools/reference.py            # about a minute

Ten seeds of the preset ``smoke`` learn from embedded digits. For each seed four distributions are kept:
spikes per image, threshold per neuron, weights, and intervals between the spikes of a neuron. How far two
seeds are apart (Kolmogorov-Smirnov distance) is the yardstick: a changed model shows when its own seeds are
farther from the reference than any reference seed is from the others. Make the file anew only for an intended
change of the model, and say so in CHANGELOG.md.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from diehlcook.data import datasets
from diehlcook.engines.base import Engine, Model
from diehlcook.engines.registry import open_engine
from diehlcook.model import wiring
from diehlcook.model.params import Params, load_preset
from diehlcook.model.stimulus import stream_key

FILE = Path(__file__).parents[2] / "tests" / "reference" / "seeds.npz"
SEEDS = range(10)
IMAGES = 400
KEPT = 500
"""Quantiles kept of a distribution that has more values."""

Samples = dict[str, NDArray[np.float32]]


def samples(params: Params, seed: int, engine: str = "standalone") -> Samples:
    """Train on the first images and return the distributions, sorted."""
    images = datasets.load("digits", "train").images[:IMAGES].reshape(IMAGES, -1)
    with open_engine(engine, Model(params, learning=True), wiring.initial_delays(params, seed)) as network:
        return trained(network, params, seed, images)


def trained(network: Engine, params: Params, seed: int, images: NDArray[np.uint8]) -> Samples:
    """Train an open network and return the distributions, sorted."""
    state = network.initial_state(stream_key(seed, "train"), wiring.initial_weights(params, seed))
    spikes, intervals = [], []
    while (done := int(state["protocol.position"][0])) < len(images):
        state, responses = network.advance(state, images[done:])
        spikes.append(responses.counts[responses.final(params)].sum(axis=1))
        by_neuron = np.lexsort((responses.spike_step, responses.spike_neuron))
        steps, neurons = responses.spike_step[by_neuron], responses.spike_neuron[by_neuron]
        apart = np.diff(steps)[np.diff(neurons) == 0]
        intervals.append(apart[apart < params.presentation_steps] * params.dt)
    found = {
        "spikes per image": np.concatenate(spikes),
        "theta": state["exc.theta"],
        "weights": state["inp_exc.w"].ravel(),
        "interspike intervals": np.concatenate(intervals),
    }
    return {name: quantiles(values) for name, values in found.items()}


def quantiles(values: NDArray[Any]) -> NDArray[np.float32]:
    """Return the values sorted, or that many quantiles of them."""
    n = min(KEPT, values.size)
    return np.asarray(np.quantile(values, (np.arange(n) + 0.5) / n), np.float32)


def distance(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Return the Kolmogorov-Smirnov distance of two samples: between their distribution functions, the largest."""
    return float(ks_2samp(a, b, method="asymp").statistic)


def load() -> list[Samples]:
    """Return the reference, one entry per seed."""
    with np.load(FILE, allow_pickle=False) as stored:
        return [{name: stored[name][k] for name in stored.files} for k in range(len(SEEDS))]


def spread(reference: list[Samples], name: str) -> list[float]:
    """Return for each reference seed its mean distance to the others."""
    return [
        float(np.mean([distance(one[name], other[name]) for other in reference if other is not one]))
        for one in reference
    ]


def excess(new: list[Samples], reference: list[Samples]) -> dict[str, float]:
    """Return, by distribution, the mean distance of new seeds to the reference over the largest of a reference seed.

    Above 1 the new seeds are not of the model that made the reference.
    """
    return {
        name: float(np.mean([distance(one[name], other[name]) for one in new for other in reference]))
        / max(spread(reference, name))
        for name in reference[0]
    }


def main() -> None:
    """Write the file."""
    found = [samples(load_preset("smoke"), seed) for seed in SEEDS]
    sizes = {name: min(one[name].size for one in found) for name in found[0]}
    arrays = {name: np.stack([quantiles(one[name])[: sizes[name]] for one in found]) for name in sizes}
    np.savez_compressed(FILE, allow_pickle=False, **arrays)
    for name, array in arrays.items():
        print(f"{name}: {array.shape}, mean distance to the other seeds {np.round(spread(found, name), 3)}")


if __name__ == "__main__":
    main()
