"""The study of iris flowers: folds that leak nothing, intervals that know what folds share, and what spikes tell."""

import numpy as np
import pytest
from conftest import load_script


@pytest.fixture(scope="module")
def cut():
    return load_script("iris_folds")


def test_scale_of_a_fold_is_that_of_the_flowers_to_learn_from(cut):
    flowers = cut.read_flowers()
    found = list(cut.folds(flowers))
    assert len({one.seed for one in found}) == len(found) == 50
    for one in found:
        assert np.bincount(one.labels).tolist() == [40, 40, 40]
        assert np.bincount(one.answers).tolist() == [10, 10, 10]
        # In the folds that ask about the largest flowers, a scale that had seen them would end below 1
        assert (one.learned.min(axis=0) == 0).all()
        assert (one.learned.max(axis=0) == 1).all()
        assert one.asked.min() >= 0
        assert one.asked.max() <= 1
    assert not np.array_equal(found[0].asked, found[cut.FOLDS].asked)


def test_interval_of_folds_is_wider_than_that_of_independent_samples(cut):
    values = [0.9, 1.0, 0.8, 0.9, 1.0]
    found = cut.mean_of(values)
    sd = np.sqrt((0.02**2 + 0.08**2 + 0.12**2 + 0.02**2 + 0.08**2) / 4)
    half = (
        2.776 * sd * np.sqrt(1 / 5 + 1 / 4)
    )  # t of 4 degrees of freedom; 30 flowers asked about, 120 learned from
    assert found.value == pytest.approx(0.92)
    assert (found.low, found.high) == pytest.approx((0.92 - half, 0.92 + half), abs=1e-4)
    assert found.percent() == f"92.0 [{100 * (0.92 - half):.1f}, 100.0]"  # no share is above 1
    many = cut.mean_of(values * 1000)
    assert (
        many.high - many.low > 2 * 1.96 * sd * np.sqrt(1 / 4) * 0.89
    )  # repetitions do not narrow it to nothing
    apart = cut.mean_of([0.1, -0.1, 0.0, 0.1, -0.1])
    assert apart.p == pytest.approx(1)
    assert apart.percent("+").startswith("+0.0 [-")
    assert cut.mean_of([0.1, 0.11, 0.1, 0.09, 0.1]).p < 0.001
    assert cut.mean_of([0.0, 0.0]).p == 1


def test_what_spikes_tell_of_a_species(cut):
    neuron = load_script("iris_neuron")
    labels = np.repeat([0, 1, 2], 4).astype(np.uint8)
    fold = cut.Fold(0, 0, np.zeros((12, 4)), labels, np.zeros((6, 4)), np.array([0, 0, 1, 1, 2, 2], np.uint8))
    learned = np.array([0, 1, 1, 2, 3, 4, 5, 5, 8, 8, 9, 9])
    found = neuron.outcome(fold, learned, np.array([1, 3, 2, 4, 4, 6]))
    assert found == {
        "spikes_0": "2.000", "spikes_1": "3.000", "spikes_2": "5.000",
        "more_at_setosa": "0.1250",  # of 8 pairs only 3 against 2
        "more_at_versicolor": "0.1250",  # half of 4 against 4
        "right": f"{4 / 6:.4f}",  # fewer than 3 spikes: a setosa; wrong are the second and the third flower
    }  # fmt: skip
    silent = neuron.outcome(fold, 0 * learned, np.zeros(6, int))
    assert (silent["more_at_setosa"], silent["right"]) == ("0.5000", f"{4 / 6:.4f}")
