"""What is wrong with the networks of an experiment: the core's health checks, where they apply, with advice for this network."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...analysis import health
from ...model.params import Params
from ...runs.rows import HISTORY
from .constants import XO
from .patterns import NOTHING, PATTERNS
from .recorded import Recorded

LOOKS = (health.strengths, health.drift, health.activity, health.dead, health.specialisation)
"""Checks of weights and activity that do not ask for an adaptive threshold or an inhibitory population."""

ADVICE = {
    "weights collapse to zero": (
        "their bound is a thousandth of what it should be, or nothing but depression reaches them",
        "clip_units and shared_current to false",
    ),
    "weights saturate": (
        "nothing holds their sum, or their bound is too low for it",
        "w_max_hidden up, or normalise to true where it is not",
    ),
    "normalisation drifts": ("the bound is below what the sum needs", "w_max_hidden up, clip_units to false"),
    "the network is silent": (
        "the weights of a whole image together do not make a hidden neuron spike (15 mV at once)",
        "w_max_hidden up, clip_units to false",
    ),
    "neurons are dead": ("others win every image, or the weights are too small", "weight_sum_hidden up"),
    "neurons do not specialise": ("nothing is learned", "a_plus up"),
    "neurons learn all the same": (
        "they spike together, for both images",
        "inhibition up, normalise to true",
    ),
    "the accuracy is at chance": ("what the other findings say", "what they say"),
}
"""Finding: its likely causes here, and what to change."""

NORMAL = {
    "activity": "2 to 3 spikes per image",
    "specialisation": "contrast 0.9 to 1.2, likeness 0.5 to 0.65",
}
"""Check: what the networks without a fault have (seed 100); the limits are the core's, well outside of
this."""


def examine(params: XO, recorded: Recorded, network: int) -> list[health.Check]:
    """Return the core's checks of one network, of its hidden neurons and of its answers to test images."""
    n, spread = params.presentations, params.w_spread
    mean = params.initial_means[0] * 1e3
    same = Params().with_values(
        {
            "n_input": 25,
            "n_exc": params.n_hidden,
            "theta_plus": "0 mV",
            "weight_sum": params.weight_sum_hidden * 1e3,
            "w_max": params.w_max_hidden * 1e3,
            "normalise": "presentation" if params.normalise else "never",
            "w_init_scale": max(2 * spread, 1e-5) * mean,
            "w_init_offset": (1 - spread) / max(2 * spread, 1e-5),
            "min_spikes": 1,
            "max_attempts": 1,
        }
    )
    hidden = recorded.hidden_spikes[network, :n]
    history = np.zeros(n, HISTORY)
    history["presentations"], history["spikes"] = 1, hidden.sum(axis=1)
    late = hidden[n // 2 :]
    evidence = health.Evidence(
        params=same,
        images=n,
        weights=recorded.weights_hidden[-1, network].astype(np.float64) * 1e3,
        theta=np.zeros(params.n_hidden),
        history=history[n // 2 :],
        spikes=late.sum(axis=0),
        spikes_of=len(late),
        unanswered=not late.any(),
    )
    checks = health.examine(evidence, LOOKS)
    right = (recorded.answers == recorded.labels)[network, n:][recorded.labels[network, n:] != NOTHING]
    checks.append(health.above_chance(float(right.mean()), len(right), 2))
    return [advised(check) for check in checks]


def enough(params: XO) -> bool:
    """Return whether there are images enough for all checks: with fewer, less is looked at, or nothing."""
    learned = params.presentations >= max(health.ENOUGH, health.SETTLED * params.n_hidden)
    return learned and params.images - params.presentations >= health.ENOUGH


def advised(check: health.Check) -> health.Check:
    """Return a check with this network's causes and constants in the place of the core's."""
    if check.ok:
        return check
    causes, change = ADVICE.get(check.finding, (check.causes, check.change))
    return check._replace(causes=causes, change=change, normal=NORMAL.get(check.name, check.normal))


def unevenness(recorded: Recorded) -> NDArray[np.float64]:
    """Return how much the weights of a hidden neuron from the pixels of its pattern differ (networks,).

    That is their standard deviation over their mean, averaged over the neurons of a network; the pattern of a
    neuron is the one with the larger weights.
    """
    weights = recorded.weights_hidden[-1].astype(np.float64)
    means, spreads = (
        np.array([measure(weights[:, pattern], axis=1) for pattern in PATTERNS])
        for measure in (np.mean, np.std)
    )
    own = means.argmax(axis=0)[None]
    spread, mean = (np.take_along_axis(one, own, axis=0)[0] for one in (spreads, means))
    return np.asarray((spread / mean).mean(axis=1))


def findings(params: XO, recorded: Recorded) -> list[dict[str, Any]]:
    """Return what is wrong, the most frequent first: a dictionary as of `health.Check`, of the first network that has it.

    `networks` says how many have it.
    """
    seen: dict[str, health.Check] = {}
    count: Counter[str] = Counter()
    for network in range(params.networks):
        for check in examine(params, recorded, network):
            if not check.ok:
                seen.setdefault(check.finding, check)
                count[check.finding] += 1
    return [{**seen[finding]._asdict(), "networks": number} for finding, number in count.most_common()]
