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


def test_networks_of_one_neuron_are_what_their_equations_say(numpy_target):
    """Inputs that fire in every step, or never, and weights that follow from the seed: the rest is arithmetic."""
    neuron = load_script("iris_neuron")
    rates = np.zeros((3, 2, 2))
    rates[:, :, 0] = 1e9
    rates[1:, :, 1] = 1e9
    learns = np.array([[True, False], [True, False], [False, False]])
    found = neuron.simulate(rates, np.array([0.1, 0.1]), learns, duration=0.1, seed=5)
    np.random.seed(5)  # noqa: NPY002 - the generator that Brian2 draws from
    weights = 0.1 * np.random.rand(4).reshape(2, 2)  # noqa: NPY002
    decay = np.exp(-0.5 / 20)
    expected = np.zeros((3, 2), int)
    for flower in range(3):
        for k in range(2):
            v, x_post, x_pre, w = 0.0, 0.0, np.zeros(2), weights[k]
            fires = rates[flower, k] > 0
            for _ in range(200):  # of 0.5 ms
                v, x_post, x_pre = v * decay, x_post * decay, x_pre * decay
                spikes = v > 0.3
                v += w[fires].sum()
                if learns[flower, k]:
                    w[fires] = np.clip(w[fires] - 0.01 * 1.05 * 0.1 * x_post, 0, 0.1)
                    if spikes:
                        w[:] = np.clip(w + 0.01 * 0.1 * x_pre, 0, 0.1)
                x_pre[fires] += 1
                if spikes:
                    v, x_post = 0.0, x_post + 1
                    expected[flower, k] += 1
    np.testing.assert_array_equal(found, expected)
    assert expected[0, 0] > expected[1, 0] > expected[2, 0] == 0  # depression wins where inputs never rest


def test_page_shows_the_records(cut):
    study = load_script("iris")
    page, rows = study.PAGE.read_text(), study.read_rows(study.TABLE)
    assert study.methods_table(rows) in page, "run scripts/studies/iris.py --page"
    assert study.neurons_table(study.read_rows(study.NEURON_TABLE)) in page, (
        "run scripts/studies/iris.py --page"
    )
    recorded = 10 * study.shares(rows, "discriminant")
    for fold, right in zip(
        cut.folds(cut.read_flowers()), recorded, strict=True
    ):  # Fisher's discriminant by hand
        means = np.array([fold.learned[fold.labels == kind].mean(axis=0) for kind in range(3)])
        within = sum(np.cov(fold.learned[fold.labels == kind].T) for kind in range(3))
        directions = np.linalg.solve(within, means.T)
        said = (fold.asked @ directions - 0.5 * np.sum(means.T * directions, axis=0)).argmax(axis=1)
        assert np.bincount(fold.answers, said == fold.answers).tolist() == right.tolist()


def test_a_page_keeps_what_stands_around_its_tables(tmp_path):
    pages = load_script("pages")
    page = tmp_path / "page.md"
    marks = [f"<!-- measured: scripts/studies/{name}.py -->\nold {name}\n{pages.END}" for name in "ab"]
    page.write_text(f"one\n{marks[0]}two\n{marks[1]}three\n")
    pages.put(page, "a.py", "new a")
    pages.put(page, "b.py", "new b")
    lines = [line for line in page.read_text().splitlines() if line and not line.startswith("<!--")]
    assert lines == ["one", "new a", "two", "new b", "three"]
