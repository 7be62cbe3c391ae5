"""Labels, predictions and their numbers, against examples small enough to do by hand."""

import math
from fractions import Fraction

import numpy as np
import pytest

from diehlcook.analysis import readout


def test_labels_by_hand():
    counts = np.array([[4, 0, 0, 3], [2, 0, 0, 1], [0, 6, 0, 0], [0, 0, 0, 2], [9, 3, 0, 4]], np.uint16)
    found = readout.assign_labels(counts, [0, 0, 2, 2, 2], 3)
    # Class 0 has two images, class 1 none, class 2 three.
    assert found.responses.tolist() == [[3, 0, 0, 2], [0, 0, 0, 0], [3, 3, 0, 2]]
    assert found.labels.tolist() == [0, 2, -1, 0]  # n0 and n3 tie and go to the lower class; n2 never fired
    assert found.ties == 2
    assert found.labels.dtype == np.int8


def test_a_tie_of_unequal_class_sizes_is_exact():
    # 1/3 + 1/3 + ... would not be exact if images were averaged one by one: 7/21 and 1/3 must tie.
    counts = np.array([[1]] * 7 + [[0]] * 14 + [[1], [0], [0]], np.uint16)
    found = readout.assign_labels(counts, [1] * 21 + [0] * 3, 2)
    assert found.ties == 1
    assert found.labels.tolist() == [0]


def test_prediction_by_hand():
    assignments = [0, 0, 2, -1, 3]
    counts = np.array(
        [
            [5, 1, 2, 0, 0],  # 3 | 0 | 2 | 0
            [1, 1, 2, 0, 0],  # 1 | 0 | 2 | 0
            [2, 2, 2, 0, 1],  # tie of 0 and 2
            [0, 0, 0, 9, 0],  # only the unlabelled neuron
            [0, 0, 0, 0, 0],  # nothing
            [0, 0, 1, 9, 1],  # tie of 2 and 3
        ],
        np.uint16,
    )
    found = readout.predict(counts, assignments, 4)
    assert found.labels.tolist() == [0, 2, 0, -1, -1, 2]
    assert found.ties == 2


def test_no_neuron_is_labelled():
    found = readout.predict(np.ones((3, 2), np.uint16), [-1, -1], 10)
    assert found.labels.tolist() == [-1, -1, -1]
    assert found.ties == 0


def test_no_images():
    empty = np.zeros((0, 3), np.uint16)
    assert readout.assign_labels(empty, [], 10).labels.tolist() == [-1, -1, -1]
    assert readout.predict(empty, [0, 1, -1]).labels.shape == (0,)


@pytest.mark.parametrize("dtype", ["<u2", ">u2", np.int32])
def test_blocks_do_not_show(monkeypatch, dtype):
    """Blocks of 7 images (the last one short), any byte order: as one sum over all."""
    rng = np.random.default_rng(1)
    counts = rng.poisson(0.4, (100, 30)).astype(dtype)
    counts[:, 3] = 0
    counts[0, 4] = 65535
    labels = rng.integers(0, 9, 100)  # class 9 is empty
    monkeypatch.setattr(readout, "_BLOCK_ELEMENTS", 7 * 30)

    found = readout.assign_labels(counts, labels)
    for neuron in range(30):
        sums = [sum(int(counts[i, neuron]) for i in range(100) if labels[i] == c) for c in range(10)]
        means = [Fraction(s, max(1, int(np.sum(labels == c)))) for c, s in enumerate(sums)]
        assert found.labels[neuron] == (means.index(max(means)) if max(means) else -1)
        assert found.responses[:, neuron].tolist() == [float(m) for m in means]

    predicted = readout.predict(counts, found.labels)
    ties = 0
    for image in range(100):
        scores = []
        for c in range(10):
            group = np.flatnonzero(found.labels == c)
            scores.append(Fraction(int(counts[image, group].sum(dtype=int)), max(1, len(group))))
        best = max(scores)
        ties += best > 0 and scores.count(best) > 1
        assert predicted.labels[image] == (scores.index(best) if best else -1)
    assert predicted.ties == ties > 0


def test_a_memory_map_is_read(tmp_path):
    np.save(tmp_path / "counts.npy", np.eye(3, dtype=np.uint16))
    counts = np.load(tmp_path / "counts.npy", mmap_mode="r")
    assert readout.assign_labels(counts, [2, 1, 0]).labels.tolist() == [2, 1, 0]


def test_confusion_leaves_silent_images_out():
    true, predicted = [0, 0, 1, 1, 2], [0, 1, 1, -1, -1]
    matrix = readout.confusion(true, predicted, 3)
    assert matrix.tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]
    assert matrix.dtype == np.int64
    assert readout.silent(predicted) == len(true) - matrix.sum() == 2


def test_precision_and_recall_without_nan():
    precision, recall = readout.per_class([[1, 1, 0], [0, 1, 0], [0, 0, 0]], [2, 2, 1])
    assert precision.tolist() == [1.0, 0.5, 0.0]
    assert recall.tolist() == [0.5, 0.5, 0.0]
    assert readout.per_class([[0]], [0])[1].tolist() == [0.0]


@pytest.mark.parametrize(("correct", "total"), [(8820, 10000), (1, 10), (9, 10), (5, 10), (9999, 10000)])
def test_wilson_ends_solve_their_equation(correct, total):
    """The ends are the p at which (p̂ - p)² = z² p (1 - p) / n: the roots of a quadratic, in exact arithmetic."""
    z2 = Fraction(1.959963984540054) ** 2
    share = Fraction(correct, total)
    low, high = readout.wilson(correct, total)
    a, b, c = 1 + z2 / total, -(2 * share + z2 / total), share**2
    for p in (low, high):
        assert abs(float(a * Fraction(p) ** 2 + b * Fraction(p) + c)) < 1e-15
    assert low < share < high


def test_wilson_known_values():
    # 88.20 % of 10,000: 0.8820 -+ about 1.96 sqrt(0.882 * 0.118 / 10000), drawn towards 1/2 by 0.000147.
    low, high = readout.wilson(8820, 10000)
    half = 1.96 * math.sqrt(0.882 * 0.118 / 10000)
    assert (low, high) == pytest.approx((0.882 - 0.000147 - half, 0.882 - 0.000147 + half), abs=5e-6)
    assert readout.wilson(0, 10) == (0.0, pytest.approx(0.27753, abs=5e-6))
    assert readout.wilson(10, 10) == (pytest.approx(0.72247, abs=5e-6), 1.0)
    assert readout.wilson(0, 0) == (0.0, 1.0)
    with pytest.raises(ValueError, match="11 of 10"):
        readout.wilson(11, 10)


def test_outcome_by_hand():
    counts = np.array([[3, 0, 0], [1, 1, 0], [0, 2, 0], [0, 0, 0]], np.uint16)
    predicted = readout.predict(counts, [0, 1, -1], 3)
    again = readout.predict(np.roll(counts, 1, axis=0), [0, 1, -1], 3)
    found = readout.outcome([0, 1, 1, 2], [predicted, again], 3)
    assert found.accuracies == [0.5, 0.0]
    assert found.accuracy == 0.25
    assert found.confusion.tolist() == [[1, 0, 0], [3, 1, 0], [0, 1, 0]]
    assert found.class_sizes.tolist() == [2, 4, 2]
    assert (found.silent, found.ties) == (2, 2)
    precision, recall = readout.per_class(found.confusion, found.class_sizes)
    assert precision.tolist() == [0.25, 0.5, 0.0]
    assert recall.tolist() == [0.5, 0.25, 0.0]
    assert readout.outcome([], [readout.predict(counts[:0], [0, 1, -1], 3)], 3).accuracy == 0.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: readout.assign_labels(np.zeros(3, int), [0, 0, 0]), "counts: expected shape"),
        (lambda: readout.assign_labels(np.zeros((2, 2)), [0, 0]), "counts: expected integers"),
        (lambda: readout.assign_labels([[-1]], [0]), "counts: expected no negative"),
        (lambda: readout.assign_labels([[1]], [0, 1]), r"labels: expected shape \(1,\)"),
        (lambda: readout.assign_labels([[1]], [10]), "labels: expected 0 to 9, got 10"),
        (lambda: readout.assign_labels([[1]], [-1]), "labels: expected 0 to 9, got -1"),
        (lambda: readout.assign_labels([[1]], [0.5]), "labels: expected integers"),
        (lambda: readout.assign_labels([[1]], [0], 200), "n_classes"),
        (lambda: readout.predict([[1, 2]], [0]), r"assignments: expected shape \(2,\)"),
        (lambda: readout.predict([[1]], [-2]), "assignments: expected -1 to 9"),
        (lambda: readout.confusion([0, 1], [0]), "predicted: expected shape"),
        (lambda: readout.per_class([[1, 2]], [1]), "confusion: expected shape"),
        (lambda: readout.per_class([[1]], [1, 2]), "class_sizes: expected shape"),
        (lambda: readout.per_class([[2]], [1]), "class_sizes: a class has fewer"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
