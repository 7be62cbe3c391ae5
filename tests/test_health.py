import numpy as np

from diehlcook import health
from diehlcook.train import HISTORY


def history(presentations, spikes):
    rows = np.zeros(500, HISTORY)
    rows["presentations"], rows["spikes"] = presentations, spikes
    return rows


def test_a_healthy_training_has_no_findings():
    assert health.training_findings(history(1, 17), np.full(100, 85)) == []
    assert health.labelling_findings([3] * 10, list(range(10))) == []
    assert health.labelling_findings([3, 3, 3, 0], [0, 1, 2]) == []
    assert health.test_findings(0.8, 10) == []


def test_each_fault_is_named():
    (retries,) = health.training_findings(history(3, 6), np.full(100, 30))
    assert "2.00 extra presentations" in retries
    (runaway,) = health.training_findings(history(1, 250), np.full(100, 1250))
    assert "250 spikes per image from 100 neurons" in runaway
    one = np.zeros(100, int)
    one[7] = 8500
    (monopoly,) = health.training_findings(history(1, 17), one)
    assert "one neuron fired 100% of all spikes" in monopoly
    (empty,) = health.labelling_findings([1, 0, 2, 0, 0], [0, 1, 2, 3])
    assert "class 1, 3:" in empty
    (chance,) = health.test_findings(0.08, 10)
    assert "not above chance (10%)" in chance
