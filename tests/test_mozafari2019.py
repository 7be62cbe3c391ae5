"""The companion mozafari2019: encoding, layers, rules against their definitions; compiled and plain; a small run."""

import json
import subprocess
import sys

import mozafari2019_layers as layers
import numpy as np
import pytest

from diehlcook.companions.mozafari2019 import encoding, experiment, figures, kernel, linear
from diehlcook.companions.mozafari2019.command import SMALL
from diehlcook.companions.mozafari2019.constants import DOG_BLOG, Layer, Mozafari2019
from diehlcook.companions.mozafari2019.encoding import NEVER
from diehlcook.data.datasets import Dataset, load
from diehlcook.errors import DiehlCookError
from diehlcook.runs.files import load_json

PARAMS = Mozafari2019()
TINY = Layer(maps=5, size=3, pad=1, theta=2.0, pool=2, winners=3, radius=1)
STEPS = 6


@pytest.fixture
def tiny():
    """Spike times of 12 inputs and weights that are multiples of 1/64, so that sums are exact in any order."""
    rng = np.random.default_rng(7)
    times = rng.integers(0, STEPS, (12, 9, 8, 4)).astype(np.uint8)
    times[rng.random(times.shape) < 0.5] = NEVER
    weights = (rng.integers(0, 65, (4, 3, 3, 5)) / 64).astype(np.float32)
    return times, weights


def wave(times):
    """The cumulative form of the authors' code: 1 from the spike on (steps, rows, columns, channels)."""
    return (times[None] <= np.arange(STEPS)[:, None, None, None]).astype(np.float64)


def potentials(times, weights, pad):
    """Potentials at every step by plain correlation of the wave (steps, rows, columns, maps)."""
    padded = np.pad(wave(times), ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    size = weights.shape[1]
    rows, columns = padded.shape[1] - size + 1, padded.shape[2] - size + 1
    found = np.zeros((STEPS, rows, columns, weights.shape[3]))
    for y in range(size):
        for x in range(size):
            found += np.tensordot(padded[:, y : y + rows, x : x + columns], weights[:, y, x], axes=1)
    return found


def test_spike_times_are_those_of_the_cumulative_wave(tiny):
    times, weights = tiny
    spikes, at_spike = layers.convolve(times[0], weights, TINY, STEPS)
    expected = potentials(times[0], weights, TINY.pad)
    above = expected > TINY.theta
    first = np.where(above.any(axis=0), above.argmax(axis=0), NEVER)
    assert np.array_equal(spikes, first)
    assert len(np.unique(first)) > 4
    step = np.where(first == NEVER, STEPS - 1, first)
    assert np.array_equal(at_spike, np.take_along_axis(expected, step[None], axis=0)[0])
    pooled = layers.pool(spikes, 2)
    for row, column in np.ndindex(4, 4):
        window = first[2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        assert np.array_equal(pooled[row, column], window.min(axis=(0, 1)))


def test_winners_are_the_earliest_then_the_strongest_and_keep_their_distance(tiny):
    times, weights = tiny
    for one in times:
        spikes, at_spike = layers.convolve(one, weights, TINY, STEPS)
        winners = layers.choose_winners(spikes, at_spike, TINY)
        assert 1 < len(winners) <= TINY.winners
        assert len({winner.map for winner in winners}) == len(winners)
        for first in winners:
            for other in winners:
                if first is not other:
                    distance = max(abs(first.row - other.row), abs(first.column - other.column))
                    assert distance > TINY.radius
        best = winners[0]
        assert best.time == spikes.min()
        assert at_spike[best.row, best.column, best.map] == at_spike[spikes == spikes.min()].max()
        order = [(w.time, -at_spike[w.row, w.column, w.map]) for w in winners]
        assert order == sorted(order)


def test_at_a_position_only_the_earliest_map_competes():
    spikes = np.full((1, 9, 2), NEVER, np.uint8)
    at_spike = np.zeros(spikes.shape, np.float32)
    spikes[0, 0], at_spike[0, 0] = (1, 1), (5, 6)  # both maps at once: the second is stronger
    spikes[0, 8, 0], at_spike[0, 8, 0] = 2, 9
    assert [(w.map, w.column) for w in layers.choose_winners(spikes, at_spike, TINY)] == [(1, 0), (0, 8)]
    spikes[0, 8] = (
        NEVER,
        2,
    )  # the second map again, which has won already; the first may not take its place at 0
    assert [(w.map, w.column) for w in layers.choose_winners(spikes, at_spike, TINY)] == [(1, 0)]


def test_stdp_by_hand(tiny):
    times, weights = tiny
    winner = layers.Winner(2, 0, 4, 3)
    before = weights.copy()
    layers.stdp(times[0], weights, [winner], TINY, 0.1, 0.05)
    assert np.array_equal(np.delete(weights, 2, axis=3), np.delete(before, 2, axis=3))
    for channel, y, x in np.ndindex(4, 3, 3):
        row, column, w = winner.row + y - 1, winner.column + x - 1, before[channel, y, x, 2]
        early = row >= 0 and times[0, row, column, channel] <= 3
        assert weights[channel, y, x, 2] == pytest.approx(w + (0.1 if early else -0.05) * w * (1 - w))


def test_kernels_end_at_their_bounds():
    """What always spikes goes to 1, what never does to 0; there nothing changes any more."""
    times = np.full((5, 5, 2), NEVER, np.uint8)
    times[..., 0] = 0
    weights = np.full((2, 3, 3, 5), 0.5, np.float32)
    for _ in range(500):
        layers.stdp(times, weights, [layers.Winner(0, 1, 1, 2)], TINY, 0.1, 0.075)
    assert weights[0, ..., 0] == pytest.approx(np.ones((3, 3)), abs=1e-6)
    assert weights[1, ..., 0] == pytest.approx(np.zeros((3, 3)), abs=1e-6)
    assert experiment.convergence(weights[..., :1]) < 1e-6


def images_of_which_each_tells_its_number(n):
    return np.arange(n).astype(np.uint16).reshape(n, 1, 1, 1)


def test_rates_double_every_500_images_up_to_their_largest(monkeypatch):
    seen = []
    monkeypatch.setattr(
        kernel, "train", lambda times, _w, _l, _s, plus, minus: seen.append((len(times), plus, minus))
    )
    assert experiment.train_layer(1, images_of_which_each_tells_its_number(1300), None, PARAMS, 0) == 2600
    edges = np.cumsum([0, *(n for n, _, _ in seen)])
    rate = {int(first): (plus, minus) for first, (_, plus, minus) in zip(edges, seen, strict=False)}
    assert edges.tolist() == [
        0,
        500,
        1000,
        1500,
        2000,
        2500,
        2600,
    ]  # an epoch's end, at 1300, does not matter
    assert rate[0] == (0.004, 0.003)
    assert rate[500] == pytest.approx((0.008, 0.006))
    assert rate[1000] == pytest.approx((0.016, 0.012))
    seen.clear()
    experiment.train_layer(1, images_of_which_each_tells_its_number(4000), None, PARAMS, 0)
    assert [plus for _, plus, _ in seen][5:8] == pytest.approx([0.128, 0.15, 0.15])
    assert seen[-1][2] == pytest.approx(0.1125)


@pytest.mark.parametrize("order", ["file", "shuffled"])
def test_each_pass_shows_every_image_once_in_the_order_that_was_asked_for(order, monkeypatch):
    shown = []
    monkeypatch.setattr(kernel, "train", lambda times, *_: shown.extend(times.ravel()))
    params = PARAMS.with_values({"order": order, "doubling": "130"})
    experiment.train_layer(1, images_of_which_each_tells_its_number(300), None, params, 4)
    first, second = shown[:300], shown[300:]
    assert sorted(first) == sorted(second) == list(range(300))
    assert (first == list(range(300))) == (first == second) == (order == "file")

    def batch(spiked, labels, *_):
        assert spiked.ravel().tolist() == labels.tolist()
        shown.extend(labels)
        return 0, 0

    monkeypatch.setattr(kernel, "train_decision", batch)
    numbers = np.arange(300)
    weights, params = np.zeros((1, 5, 5, 200), np.float32), params.with_values({"batch": "130"})
    for epoch in (0, 1):
        shown.clear()
        experiment.train_epoch(numbers.reshape(-1, 1), numbers, weights, params, 4, epoch, (1.0, 1.0))
        assert shown == (first, second)[epoch]


@pytest.mark.parametrize(("settled", "shown"), [("0.2", 1500), ("0.02", 2500), ("0.01", 3000), ("0", 3000)])
def test_layer_stops_when_it_has_settled(settled, shown, monkeypatch):
    """At a look every 500 images, after the first pass; w is halved there each time, so w (1 - w) is 0.19 at first."""
    weights = np.full((1, 1, 1, 4), 0.5, np.float32)

    def halve(times, weights, *_):
        weights *= 0.5

    monkeypatch.setattr(kernel, "train", halve)
    params = PARAMS.with_values({"settled": settled})
    images = images_of_which_each_tells_its_number(1500)
    assert experiment.train_layer(1, images, weights, params, 0) == shown


@pytest.mark.parametrize(("share", "kept"), [("0", 20), ("0.5", 10), ("0.3", 14), ("0.99", 1)])
def test_dropout_leaves_as_many_maps_of_each_class(share, kept):
    params = PARAMS.with_values({"dropout_3": share})
    batches = [experiment.kept_maps(params, 0, position).tolist() for position in (0, 50, 100, 5000)]
    for maps in batches:
        assert maps == sorted(set(maps))
        assert np.bincount(np.array(maps) // 20).tolist() == 10 * [kept]
    assert len(set(map(tuple, batches))) == (1 if kept == 20 else 4)
    assert batches[0] == experiment.kept_maps(params, 0, 0).tolist()
    one_each = params.with_values({"maps_3": "10"})
    assert experiment.kept_maps(one_each, 0, 0).tolist() == list(range(10))


def test_other_maps_drop_out_every_50_images_and_within_a_batch(monkeypatch):
    drawn, shown = [], []
    kept_maps = experiment.kept_maps
    monkeypatch.setattr(
        experiment, "kept_maps", lambda p, seed, at: drawn.append(at) or kept_maps(p, seed, at)
    )
    monkeypatch.setattr(kernel, "train_decision", lambda s, labels, *_: shown.append(len(labels)) or (1, 2))
    params = PARAMS.with_values({"batch": "120", "dropout_3": "0.5"})
    weights = np.zeros((1, 5, 5, 200), np.float32)
    performance, right = experiment.train_epoch(
        np.zeros((300, 1)), np.zeros(300), weights, params, 0, 2, (1.0, 1.0)
    )
    assert drawn == [600, 650, 700, 720, 770, 820, 840, 890]
    assert shown == [50, 50, 20, 50, 50, 20, 50, 10]
    assert right == 8 / 300
    assert performance == (
        2 / 60,
        54 / 60,
    )  # of the last batch: two parts, each with one right and two silent


def test_maps_that_drop_out_neither_decide_nor_learn():
    """The best map of the class is left out, and the next one is rewarded in its place, under its own number."""
    params = PARAMS.with_values({"maps_3": "40", "dropout_3": "0.5"})
    kept = experiment.kept_maps(params, 0, 0)
    out = np.setdiff1d(np.arange(40), kept)
    spiked = np.ones((1, 4, 4, 2), np.bool_)
    weights = np.full((2, 5, 5, 40), 0.4, np.float32)
    weights[..., out] = 0.7
    weights[..., kept[11]] = 0.5
    before = weights.copy()
    label = np.array([kept[11] // 4], np.uint8)
    performance, right = experiment.train_epoch(spiked, label, weights, params, 0, 0, (1.0, 1.0))
    assert right == 1
    assert performance == (1, 0)
    assert np.unique(np.argwhere(weights != before)[:, 3]).tolist() == [kept[11]]
    assert kernel.decisions(spiked, weights, params.pad_3)[0] in out  # when it is judged, all maps decide


@pytest.mark.parametrize(("good", "expected"), [(True, (0.004, -0.003)), (False, (-0.004, 0.0005))])
def test_reward_and_punishment(good, expected):
    """The table of signs: rows are inputs that spiked and those that did not."""
    spiked = np.zeros((1, 4, 4, 3), np.bool_)
    spiked[0, 1, 1, 0] = True
    weights = np.full((3, 5, 5, 20), 0.5, np.float32)
    weights[0, 2, 2, 6] = 0.6  # map 6 is of class 3 and wins where the spike is in its middle
    before = weights.copy()
    label = np.array([3 if good else 4], np.uint8)
    params = PARAMS.with_values({"maps_3": "20"})
    performance, right = experiment.train_epoch(spiked, label, weights, params, 0, 0, (1.0, 1.0))
    change = weights - before
    assert change[0, 2, 2, 6] == pytest.approx(expected[0], abs=1e-6)
    change[0, 2, 2, 6] = expected[1]
    assert change[..., 6] == pytest.approx(np.full((3, 5, 5), expected[1]), abs=1e-6)
    assert not np.delete(change, 6, axis=3).any()
    assert right == good
    assert performance == ((1, 0) if good else (0, 1))


def test_rates_of_reward_follow_the_errors_of_the_batch_before(monkeypatch):
    seen = []

    def batch(_spiked, labels, _weights, _classes, _pad, rates, _bounds):
        seen.append(rates)
        return len(labels) // 4, len(labels) // 10

    monkeypatch.setattr(kernel, "train_decision", batch)
    weights, params = np.zeros((1, 5, 5, 200), np.float32), PARAMS
    experiment.train_epoch(np.zeros((2000, 1)), np.zeros(2000), weights, params, 0, 0, (1.0, 1.0))
    assert seen[0] == pytest.approx(np.array([[0.004, -0.003], [-0.004, 0.0005]]))
    assert seen[1] == pytest.approx(np.array([[0.65 * 0.004, -0.65 * 0.003], [-0.25 * 0.004, 0.25 * 0.0005]]))


def test_inhibition_among_the_maps_of_layer_3_changes_nothing(tiny):
    """With one winner: what is the largest of all is the largest at its position, so it is never inhibited."""
    times, weights = tiny
    one_winner = TINY._replace(winners=1, radius=0)
    for one in times != NEVER:
        potentials = np.ascontiguousarray(kernel.at_the_end(one, weights, TINY.pad))
        last_step = np.where(potentials > 0, STEPS - 1, NEVER).astype(np.uint8)
        ((winner, row, column, _),) = kernel.choose_winners(last_step, potentials, one_winner)
        assert (winner, row, column) == kernel.decide(one, weights, TINY.pad)


def test_decision_is_by_potential_whatever_the_order_of_spikes(tiny):
    """It only counts which inputs have spiked; none at all is no decision."""
    times, weights = tiny
    spiked = times[0] != NEVER
    winner = layers.decide(spiked, weights, TINY.pad)
    expected = potentials(times[0], weights, TINY.pad)[-1]
    assert expected[winner.row, winner.column, winner.map] == expected.max()
    assert layers.decide(np.zeros_like(spiked), weights, TINY.pad) is None
    assert kernel.decisions(np.zeros((1, *spiked.shape), np.bool_), weights, TINY.pad).tolist() == [-1]


def plain_train_decision(spiked, labels, weights, classes, pad, rates, bounds):
    """`kernel.train_decision` in plain NumPy."""
    right = silent = 0
    for one, label in zip(spiked, labels, strict=True):
        winner = layers.decide(one, weights, pad)
        if winner is None:
            silent += 1
            continue
        good = classes[winner.map] == label
        right += good
        layers.reward(one, weights, winner, pad, tuple(rates[0 if good else 1]), bounds)
    return right, silent


def test_compiled_is_the_same(tiny):
    """Twelve images through everything, compiled and plain; rates of layer 3 keep its sums exact, too."""
    times, weights = tiny
    labels = np.arange(12) % 10
    rates = np.array([[4, -3], [-4, 1]], np.float32) / 1024
    compiled, plain = weights.copy(), weights.copy()
    kernel.train(times, compiled, TINY, STEPS, 0.1, 0.075)
    for one in times:
        winners = layers.choose_winners(*layers.convolve(one, plain, TINY, STEPS), TINY)
        layers.stdp(one, plain, winners, TINY, 0.1, 0.075)
    assert np.allclose(compiled, plain, atol=1e-6)
    assert np.abs(compiled - weights).max() > 0.01
    pooled = [layers.pool(layers.convolve(one, weights, TINY, STEPS)[0], TINY.pool) for one in times]
    assert np.array_equal(kernel.transform(times, weights, TINY, STEPS), pooled)
    spiked, last = times != NEVER, [np.tile(weights, (1, 1, 1, 4)) for _ in range(2)]
    decided = [layers.decide(one, weights, TINY.pad).map for one in spiked]
    assert kernel.decisions(spiked, weights, TINY.pad).tolist() == decided
    arguments = np.arange(20) // 2, TINY.pad, rates, (0.25, 0.75)
    result = kernel.train_decision(spiked, labels, last[0], *arguments)
    assert result == plain_train_decision(spiked, labels, last[1], *arguments)
    assert np.array_equal(*last)
    assert set(result) != {0}


def test_filters_see_contrast_and_nothing_else():
    kernels = encoding.dog_kernels()
    assert kernels.shape == (13, 13, 6)
    assert kernels.sum(axis=(0, 1)) == pytest.approx(np.zeros(6), abs=1e-4)
    assert kernels.max(axis=(0, 1)) == pytest.approx(np.ones(6))
    assert kernels[6, 6, 0] == 1  # on centre
    assert kernels[6, 6, 1] == kernels[..., 1].min()  # off centre
    images = np.zeros((2, 28, 28), np.uint8)
    images[0, 10:18, 10:18] = 200
    images[1] = 255
    on, flat = encoding.contrasts(images, PARAMS)
    assert (on >= 0).all()
    assert on[10, 10, 0] > 0 == on[9, 9, 0]
    assert on[9, 12, 1] > 0 == on[10, 12, 1]
    assert not flat[8:20, 8:20].any()


def test_box_mean_counts_what_is_outside_as_zeros():
    maps = np.random.default_rng(1).random((1, 6, 7, 1)).astype(np.float32)
    found = encoding.box_mean(maps, 2)
    padded = np.pad(maps[0, ..., 0], 2)
    for row, column in np.ndindex(6, 7):
        expected = padded[row : row + 5, column : column + 5].sum() / 25
        assert found[0, row, column, 0] == pytest.approx(expected)


def test_strong_responses_spike_first_in_equal_bins():
    responses = np.array([0, 5, 3, 9, 1, 7, 2], np.float32)
    assert encoding.ranks(responses, 3).tolist() == [NEVER, 1, 1, 0, 2, 0, 2]
    assert encoding.ranks(responses, 4).tolist() == [NEVER, 2, 3, 0, NEVER, 1, NEVER]
    with pytest.raises(DiehlCookError, match="gives 6 input spikes; at least 7"):
        encoding.ranks(responses, 7)


def test_picture_of_any_size_is_coded_as_its_parts_are(monkeypatch):
    """Filters by hand at one place; bands of rows do not show; ranks are over all filters together."""
    picture = np.random.default_rng(3).integers(0, 256, (40, 23)).astype(np.uint8)
    coded = encoding.code(picture, steps=7)
    kernels = encoding.dog_kernels(DOG_BLOG)
    around = picture[8:15, 3:10].astype(np.float64)
    assert coded.responses[11, 6] == pytest.approx((around[..., None] * kernels).sum(axis=(0, 1)), rel=1e-4)
    assert np.array_equal(coded.contrasts, np.where(coded.responses < 50, 0, coded.responses))
    assert np.array_equal(coded.times, encoding.ranks(coded.contrasts, 7))
    assert (coded.responses < 0).any()
    monkeypatch.setattr(encoding, "WINDOWS", 100)
    assert encoding.code(picture, steps=7).responses == pytest.approx(coded.responses, rel=1e-4, abs=1e-2)
    drawn = figures.coded_picture(picture, coded).axes
    assert np.array_equal(np.ma.filled(drawn[3].images[0].get_array(), NEVER), coded.times[..., 0])


def test_filters_of_the_blog_are_on_and_off():
    """A light point on dark: the on filter spikes at once in its middle, the off filter around it and not there."""
    picture = np.zeros((15, 15), np.uint8)
    picture[7, 7] = 255
    on, off = np.moveaxis(encoding.code(picture, steps=3).times, 2, 0)
    assert (on[7, 7], off[7, 7]) == (0, NEVER)
    assert (on[7, 10], off[7, 10]) == (NEVER, 0)


@pytest.mark.parametrize(
    ("picture", "options", "says"),
    [
        (np.zeros((9, 9, 3)), {}, r"picture: shape is \(9, 9, 3\)"),
        (np.full((9, 9), 300), {}, "largest value is 300"),
        (np.full((9, 9), np.nan), {}, "contains NaN"),
        (np.zeros((0, 9)), {}, "has 0 pixels"),
        (np.zeros((9, 9)), {}, "gives 0 input spikes; at least 15"),
        (np.zeros((9, 9)), {"filters": ((6, 1, 2),)}, r"filter \(6, 1, 2\): expected an odd size"),
        (
            np.zeros((9, 9)),
            {"filters": ((7, 2, 2),)},
            r"filter \(7, 2, 2\): expected an odd size.* different",
        ),
        (np.zeros((9, 9)), {"filters": ((7, 0, 2),)}, r"filter \(7, 0, 2\): expected an odd size.* positive"),
        (np.zeros((9, 9)), {"filters": ()}, "there are 0 filters"),
        (np.zeros((9, 9)), {"steps": 0}, "steps is 0"),
    ],
)
def test_pictures_that_cannot_be_coded_are_refused(picture, options, says):
    with pytest.raises(DiehlCookError, match=says):
        encoding.code(picture, **options)


def test_encoding_of_digits():
    data = load("digits", "train").head(20)
    times = encoding.encode(data.images, PARAMS)
    share = (times != NEVER).mean()
    assert 0.1 < share < 0.5
    counts = [(one[one != NEVER][..., None] == np.arange(15)).sum(axis=0) for one in times]
    assert all(len(set(count.tolist())) == 1 for count in counts)


@pytest.mark.parametrize(
    ("images", "labels", "says"),
    [
        (np.zeros((60, 36, 36), np.uint8), np.zeros(60, np.uint8), "28 x 28 pixels"),
        (np.zeros((60, 28, 28), np.uint8), np.full(60, 12, np.uint8), "labels from 0 to 9"),
        (np.zeros((2, 28, 28), np.uint8), np.zeros(2, np.uint8), "2 training images are too few"),
        (
            np.zeros((60, 28, 28), np.uint8),
            np.zeros(60, np.uint8),
            r"image 0 \(from 0\): it gives 0 input spikes",
        ),
    ],
)
def test_images_that_do_not_fit_are_refused(images, labels, says, tmp_path):
    data = Dataset("mine", "train", images, labels, "digest")
    with pytest.raises(DiehlCookError, match=says):
        experiment.run(tmp_path, data, data, PARAMS)


def test_features_have_the_shape_that_the_layers_give():
    """Also with another padding, so that the bits on disk are read as they were written."""
    for changes in ({}, {"pad_1": "5"}, {"pool_2": "2"}):
        params = PARAMS.with_values({"maps_1": "4", "maps_2": "6", **changes})
        times = encoding.encode(load("digits", "train").head(2).images, params)
        weights = experiment.initial_weights(params, 1)[:2]
        found = experiment.features(times, weights, params)
        assert found.shape == (2, params.side, params.side, 6)


def diehlcook(*arguments):
    command = [sys.executable, "-m", "diehlcook", "companion", "mozafari2019", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_run_is_given_up_only_for_one_that_can_begin(tmp_path):
    data = {split: load("digits", split).head(24) for split in ("train", "test")}
    params = Mozafari2019().with_values(SMALL | {"epochs_1": "1"})

    def run(train=data["train"], **how):
        return experiment.run(tmp_path / "run", train, data["test"], params, epochs=1, **how)

    with pytest.raises(DiehlCookError, match="nothing to resume"):
        run(resume=True)
    facts = run()
    assert facts["finished"]
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*.npy")}
    black = data["train"].images.copy()
    black[5] = 0
    with pytest.raises(DiehlCookError, match=r"image 5 .* 0 input spikes"):
        run(Dataset.from_arrays(black, data["train"].labels), force=True)
    assert {path: path.read_bytes() for path in (tmp_path / "run").rglob("*.npy")} == before
    assert load_json(tmp_path / "run" / "run.json") == facts

    (tmp_path / "run" / "cache" / "about.json").write_text("")
    times = tmp_path / "run" / "cache" / "train.npy"
    times.write_bytes(times.read_bytes()[:200])
    assert run(resume=True)["test"] == facts["test"]
    assert times.read_bytes() == before[times]
    features = tmp_path / "run" / "refit" / "features_train.npy"
    np.save(features, ~np.load(features))
    with pytest.raises(
        DiehlCookError, match=r"features_train.npy is not the one that layer 3 has learned from"
    ):
        run(resume=True)
    assert run(force=True)["test"] == facts["test"]


@pytest.mark.slow
def test_small_run_resumes_and_learns(tmp_path):
    """Epochs added later are those of a longer run; the epoch is chosen on held-out training images."""
    small = ("--small", "--seed", 1, "--json", "-q")
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    done = diehlcook(*small, "--epochs", 6, "--run", whole)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["test"]["last"] > 0.5
    assert facts["validation"]["images"] == 214
    assert diehlcook(*small, "--epochs", 3, "--run", parts).returncode == 0
    again = diehlcook(*small, "--epochs", 6, "--run", parts)
    assert again.returncode == 1
    assert "use --resume to continue it" in again.stderr
    resumed = json.loads(diehlcook(*small, "--epochs", 6, "--run", parts, "--resume").stdout)
    for part in experiment.PARTS:
        for name in ("weights_1", "weights_2", "weights_3", "curve"):
            assert np.array_equal(
                np.load(whole / part / f"{name}.npy"), np.load(parts / part / f"{name}.npy")
            )
    assert resumed["test"] == facts["test"]
    curves = {part: np.load(whole / part / "curve.npy")["judged"] for part in experiment.PARTS}
    best = facts["validation"]["best_epoch"] - 1
    assert curves["select"][best] == curves["select"].max()
    assert facts["test"]["at_best_epoch"] == curves["refit"][best]
    other = diehlcook(*small, "--epochs", 6, "--run", parts, "--resume", "--set", "theta_1=12")
    assert "cannot resume with another params" in other.stderr
    sheets = [
        whole / "figures" / f"{name}.png" for name in ("features_1", "features_2", "features_3", "epochs")
    ]
    assert all(sheet.stat().st_size > 5_000 for sheet in sheets)
    pytest.importorskip("sklearn")
    more = json.loads(
        diehlcook(*small, "--epochs", 6, "--run", parts, "--resume", "--linear", "--tsne").stdout
    )
    assert more["linear"]["test"] > 0.6
    assert (parts / "figures" / "tsne.png").stat().st_size > 5_000
    kept = json.loads(diehlcook(*small, "--epochs", 7, "--run", parts, "--resume").stdout)
    assert kept["linear"] == more["linear"]  # layer 2 is the same
    assert 1 <= kept["test"]["maps_that_decide"] <= 20
    fewer = diehlcook(*small, "--epochs", 2, "--run", parts, "--resume")
    assert "the run is one of 7 epochs" in fewer.stderr
    assert json.loads((parts / "run.json").read_text())["epochs"] == 7


def test_linear_readout_chooses_on_held_out_images_and_learns_from_all(monkeypatch):
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(5)
    labels = np.arange(400).astype(np.uint8) % 10
    spiked = rng.random((400, 2, 2, 10)) < 0.05
    spiked[np.arange(400), 0, 0, labels] = True
    spiked[np.arange(400), 1, 1, labels] = True
    learned = []
    fit = linear.classifier

    def watched(strength):
        one = fit(strength)
        whole = one.fit
        one.fit = lambda x, y: learned.append((strength, x.shape[0])) or whole(x, y)
        return one

    monkeypatch.setattr(linear, "classifier", watched)
    held, tested = slice(200, 300), slice(300, 400)
    found = linear.readout(
        (spiked[:200], labels[:200], spiked[held], labels[held]),
        (spiked[:300], labels[:300], spiked[tested], labels[tested]),
    )
    assert [n for _, n in learned] == [200] * len(linear.STRENGTHS) + [300]
    assert learned[-1][0] == found.strength
    assert found.validation > 0.9
    assert found.test > 0.9


def test_linear_readout_says_what_it_needs(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.svm", None)
    with pytest.raises(DiehlCookError, match=r"needs scikit-learn.*diehlcook\[sklearn\]"):
        linear.classifier(1.0)
