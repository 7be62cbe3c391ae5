"""Is the network alive, competing, learning? Findings from what training and labelling recorded; NumPy only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RETRIES = 0.5
"""Extra presentations per image above which the input counts as too weak; healthy runs of 100 to 400 neurons have below 0.1."""

MONOPOLY = 0.5
"""Share of all spikes that one neuron may have."""

WEAK_NORM = 0.01
"""Relative deviation of the mean weight from its normalised value, at the start of presentations."""


def training_findings(
    history: NDArray[np.void], spikes: NDArray[np.int64], weights: NDArray[np.float64], weight_sum: float
) -> list[str]:
    """Return what is wrong with a training, one sentence each; none if nothing is.

    Parameters
    ----------
    history
        Rows of `train.HISTORY`.
    spikes
        Spikes of each excitatory neuron (n_exc,).
    weights
        Trained weights (n_input, n_exc).
    weight_sum
        Sum to which the weights of a neuron are normalised.
    """
    findings = []
    newest = history[-1000:]
    retries = newest["presentations"].mean() - 1
    if retries > RETRIES:
        findings.append(
            f"{retries:.2f} extra presentations per image: input or weight_sum too weak, or theta too high"
        )
    per_image = newest["spikes"].mean()
    if per_image > spikes.size:
        findings.append(
            f"{per_image:.0f} spikes per image from {spikes.size} neurons: inhibition (w_inh_exc) too weak"
        )
    share = spikes.max() / max(spikes.sum(), 1)
    if spikes.size >= 10 and share > MONOPOLY:
        findings.append(f"one neuron fired {share:.0%} of all spikes: theta_plus too small for homeostasis")
    sums = weights.sum(axis=0)
    off = np.abs(sums / weight_sum - 1).max()
    if off > WEAK_NORM * 10:
        findings.append(
            f"input weights of a neuron sum to {sums[np.abs(sums / weight_sum - 1).argmax()]:.1f} instead of {weight_sum:g}"
        )
    return findings


def labelling_findings(neurons_per_class: list[int]) -> list[str]:
    """Return what is wrong with the labels of the neurons."""
    empty = [str(c) for c, n in enumerate(neurons_per_class) if n == 0]
    return [f"no neuron for class {', '.join(empty)}: train on more images"] if empty else []
