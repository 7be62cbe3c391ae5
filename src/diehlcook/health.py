"""Is the network alive, competing, learning? Findings from what training and labelling recorded; NumPy only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RETRIES = 0.5
"""Extra presentations per image above which the input counts as too weak; healthy runs of 100 to 400 neurons have below 0.1."""

MONOPOLY = 0.5
"""Share of all spikes that one neuron may have."""


def training_findings(history: NDArray[np.void], spikes: NDArray[np.int64]) -> list[str]:
    """Return what is wrong with a training, one sentence each; none if nothing is.

    Parameters
    ----------
    history
        Rows of `train.HISTORY`.
    spikes
        Spikes of each excitatory neuron (n_exc,).
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
    return findings


def labelling_findings(neurons_per_class: list[int], classes: list[int]) -> list[str]:
    """Return what is wrong with the labels of the neurons, given the classes among the labelling images."""
    empty = [str(c) for c in classes if neurons_per_class[c] == 0]
    return [f"no neuron for class {', '.join(empty)}: train on more images"] if empty else []


def test_findings(lowest_accuracy: float, n_classes: int) -> list[str]:
    """Return what is wrong with an accuracy, given the lower end of its interval."""
    at_chance = n_classes > 1 and lowest_accuracy <= 1 / n_classes
    return (
        [f"the accuracy is not above chance ({1 / n_classes:.0%}): the network has not learned"]
        if at_chance
        else []
    )
