import numpy as np
import pytest

from diehlcook.model import stimulus
from diehlcook.model.params import Params


def splitmix64(state, n):
    """The published generator, in Python's own integers."""
    numbers, mask = [], 2**64 - 1
    for _ in range(n):
        state = (state + 0x9E3779B97F4A7C15) & mask
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        numbers.append(z ^ (z >> 31))
    return numbers


def test_uniform_is_the_published_sequence():
    # The first outputs for seed 1234567, as published with implementations of SplitMix64
    assert splitmix64(1234567, 3) == [6457827717110365317, 3203168211198807973, 9817491932198370423]
    expected = [number >> 11 for number in splitmix64(1234567, 50)]
    assert (stimulus.uniform(1234567, np.arange(50)) * 2**53).astype(np.uint64).tolist() == expected


def test_keys_are_all_different():
    keys = {
        int(stimulus.presentation_key(stimulus.stream_key(seed, phase, repeat), position, attempt)[0])
        for seed in range(3)
        for phase in stimulus.PHASES
        for repeat in range(2)
        for position in range(20)
        for attempt in range(3)
    }
    assert len(keys) == 3 * len(stimulus.PHASES) * 2 * 20 * 3


def spikes(params, image, stream, position=0, attempt=0):
    """Input spikes (steps, inputs) of one presentation, straight from the definition."""
    key = stimulus.presentation_key(stream, position, attempt)
    steps, inputs = params.steps("t_stimulus"), params.n_input
    draws = stimulus.uniform(key, np.arange(steps * inputs)).reshape(steps, inputs)
    rate = image * params.pixel_rate * (params.intensity_init + attempt * params.intensity_step)
    return draws < rate * params.dt


def test_rates_are_a_quarter_of_the_grey_level_and_grow_by_half():
    params = Params()
    image = np.full(784, 200)
    count = spikes(params, image, 1).sum()
    expected = 784 * 50 * 0.35
    assert count == pytest.approx(expected, abs=4 * np.sqrt(expected))
    retry = spikes(params, image, 1, attempt=1).sum()
    assert retry == pytest.approx(1.5 * expected, abs=4 * np.sqrt(1.5 * expected))


def test_intervals_are_geometric_and_inputs_independent():
    """In steps of dt a Poisson process fires with p = rate*dt in each, independently: mean and variance of intervals."""
    params = Params()
    image = np.full(784, 255)
    fired = np.concatenate([spikes(params, image, 5, position) for position in range(20)])
    p = 255 / 4 * params.dt
    intervals = np.concatenate([np.diff(np.flatnonzero(fired[:, i])) for i in range(100)])
    assert intervals.mean() == pytest.approx(1 / p, rel=0.02)
    assert intervals.var() == pytest.approx((1 - p) / p**2, rel=0.05)
    correlation = np.corrcoef(fired[:, :30].T.astype(float))
    off = correlation[~np.eye(30, dtype=bool)]
    assert np.abs(off).max() < 5 / np.sqrt(len(fired))
    assert off.mean() == pytest.approx(0, abs=4 / np.sqrt(len(fired) * off.size / 2))


def test_counts_are_binomial_with_no_memory():
    """Counts of 784 inputs in 40 presentations: mean, variance, and no correlation between the steps of an input."""
    params = Params()
    image = np.full(784, 160)
    fired = np.stack([spikes(params, image, 9, position) for position in range(40)])
    steps, p = params.steps("t_stimulus"), 40 * params.dt
    counts = fired.sum(axis=1)
    assert counts.mean() == pytest.approx(steps * p, abs=4 * np.sqrt(steps * p * (1 - p) / counts.size))
    assert counts.var() == pytest.approx(steps * p * (1 - p), abs=4 * steps * p * np.sqrt(2 / counts.size))
    for lag in (1, 2, 10):
        together = (fired[:, lag:] & fired[:, :-lag]).mean()
        assert together == pytest.approx(p * p, abs=4 * p / np.sqrt(fired[:, lag:].size))


def test_intervals_follow_the_geometric_law():
    """Kolmogorov-Smirnov distance of all intervals from 1 - (1 - p)^k, against its 0.1 % point."""
    params = Params()
    p = 60 * params.dt
    fired = np.concatenate([spikes(params, np.full(784, 240), 11, position) for position in range(20)])
    intervals = np.concatenate([np.diff(np.flatnonzero(column)) for column in fired.T])
    k = np.arange(1, intervals.max() + 1)
    empirical = np.searchsorted(np.sort(intervals), k, side="right") / intervals.size
    assert np.abs(empirical - (1 - (1 - p) ** k)).max() < 1.95 / np.sqrt(intervals.size)


def test_seeds_phases_and_repeats_are_unrelated():
    params = Params()
    image = np.full(784, 255)
    streams = [
        stimulus.stream_key(*one) for one in ((1, "train"), (2, "train"), (1, "test"), (1, "train", 1))
    ]
    fired = [spikes(params, image, stream) for stream in streams]
    p = fired[0].mean()
    for k, one in enumerate(fired):
        for other in fired[k + 1 :]:
            assert (one & other).mean() == pytest.approx(p * p, abs=4 * p / np.sqrt(one.size))


@pytest.mark.parametrize("other", [{"position": 1}, {"attempt": 1}, {"stream": 2}])
def test_presentations_are_unrelated(other):
    params = Params()
    image = np.full(784, 255)
    first = spikes(params, image, **({"stream": 1} | {}))
    second = spikes(params, image, **({"stream": 1} | other))
    coincidences = (first & second).mean()
    assert coincidences == pytest.approx(first.mean() * second.mean(), rel=0.1)
