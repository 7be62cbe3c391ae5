"""Statistical regression: seeds of today's model against reference seeds, with the seeds' own spread as the yardstick.

Exact replays notice what they replay; this notices whatever changes what the network does as a whole.
"""

import numpy as np
import pytest
from conftest import load_script

reference = load_script("reference")
SEEDS = range(100, 105)
LIMIT = 1.25
"""Mean distance of the new seeds, over the largest mean distance of a reference seed from the others."""


def excess(params):
    return reference.excess([reference.samples(params, seed, "fused") for seed in SEEDS], reference.load())


def test_the_reference_holds_what_the_yardstick_needs():
    seeds = reference.load()
    assert len(seeds) == 10
    for name in seeds[0]:
        spread = reference.spread(seeds, name)
        assert 0 < max(spread) < 2.5 * min(spread), name


def test_distance_is_that_of_kolmogorov_and_smirnov():
    a, b = np.array([1.0, 2.0, 3.0, 4.0]), np.array([2.5, 3.5, 5.0])
    assert reference.distance(a, b) == pytest.approx(0.5)  # at 2: 2/4 against 0/3
    assert reference.distance(a, a) == 0
    assert reference.distance(a, a + 10) == 1


def test_other_seeds_of_the_same_model_stay_within_the_spread(smoke):
    found = excess(smoke)
    assert max(found.values()) < LIMIT, found


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [{"eta_pre": "-0.0001"}, {"theta_plus": "0.025 mV"}],
    ids=["flipped depression", "halved theta step"],
)
def test_a_changed_model_does_not(smoke, change):
    found = excess(smoke.with_values(change))
    assert max(found.values()) > LIMIT, found
