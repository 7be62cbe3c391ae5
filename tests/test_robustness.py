"""Studies of damaged networks and of other data: what is damaged, what is counted, and that the pages are of the records."""

import dataclasses

import numpy as np
import pytest

from diehlcook.data import datasets
from diehlcook.engines.base import Model
from diehlcook.model import wiring
from diehlcook.phases.responses import TrainedNetwork, respond


@pytest.fixture(scope="module")
def study(scripts):
    return scripts["robustness"]


@pytest.fixture(scope="module")
def net(smoke):
    """An untrained network of a few neurons, whose thresholds differ."""
    theta = np.linspace(0.012, 0.02, smoke.n_exc)
    weights = wiring.initial_weights(smoke, 1)
    weights *= smoke.weight_sum / weights.sum(axis=0)
    return TrainedNetwork("fused", Model(smoke, False), wiring.initial_delays(smoke, 1), weights, theta)


@pytest.fixture(scope="module")
def images():
    return datasets.load("digits", "test").images[:5]


def damaged(study, net, kind, amount, part=0):
    return study.KINDS[kind](net, amount, study.draws(kind, part))


def test_synapses_and_neurons_that_are_removed_are_so_at_larger_shares_too(study, net):
    few, many = (damaged(study, net, "synapses removed", share).weights for share in (0.3, 0.8))
    assert (few == 0).mean() == pytest.approx(0.3, abs=0.02)
    assert (many == 0).mean() == pytest.approx(0.8, abs=0.02)
    assert not many[few == 0].any()
    assert np.array_equal(few[few > 0], net.weights[few > 0])
    few, many = (damaged(study, net, "neurons removed", share).weights for share in (0.25, 0.5))
    assert [(~one.any(axis=0)).sum() for one in (few, many)] == [net.theta.size // 4, net.theta.size // 2]
    assert not many[:, ~few.any(axis=0)].any()
    other = damaged(study, net, "neurons removed", 0.5, part=1).weights
    assert not np.array_equal(other, many)


def test_noise_keeps_the_mean_and_bits_keep_so_many_levels(study, net):
    factors = damaged(study, net, "weight noise", 0.5).weights / net.weights
    assert factors.mean() == pytest.approx(1, abs=0.02)
    assert np.log(factors).std() == pytest.approx(0.5, abs=0.02)
    largest = net.weights.max()
    for bits in (1, 2, 8):
        weights = damaged(study, net, "bits per weight", bits).weights
        assert set(np.unique(weights)) <= set(np.arange(2**bits) * (largest / (2**bits - 1)))
        assert np.abs(weights - net.weights).max() <= largest / (2**bits - 1) / 2 + 1e-12


def test_restored_weights_have_the_sums_and_the_zeros(study, net):
    kind = "synapses removed, sums restored"
    one = damaged(study, net, kind, 0.6).weights
    plain = study.without_synapses(net, 0.6, study.draws(kind, 0)).weights
    assert one.sum(axis=0) == pytest.approx(net.weights.sum(axis=0))
    assert np.array_equal(one == 0, plain == 0)
    assert 0.5 < (one == 0).mean() < 0.7


def test_thresholds_delays_and_time_step_are_what_is_said(study, net):
    assert np.unique(damaged(study, net, "theta set to its mean", 0).theta) == pytest.approx(net.theta.mean())
    assert not damaged(study, net, "delays removed", 0).delays.any()
    other = damaged(study, net, "time step", 1.0)
    assert other.model.params == dataclasses.replace(net.model.params, dt=1e-3)


def test_neurons_that_are_left_out_change_no_spike(study, net, images):
    """A network without some neurons answers as one in which they are silent."""
    one = damaged(study, net, "neurons removed", 0.5)
    shown = study.present(one, images, 3)
    (whole,) = respond(one, images, [3])
    assert shown.counts.any()
    assert np.array_equal(shown.counts, whole.counts)
    assert np.array_equal(shown.attempts, whole.attempts)


def test_spikes_up_to_a_time_are_those_of_the_last_attempt(study, net, images, monkeypatch):
    """The last time has all spikes of the presentation itself; earlier ones have fewer, never more."""
    params = net.model.params.with_values({"count_rest": False, "min_spikes": 20})
    strict = net._replace(model=dataclasses.replace(net.model, params=params))
    (whole,) = respond(strict, images, [3])
    assert (whole.attempts > 1).any()
    ends = round(params.t_stimulus * 1e3)
    monkeypatch.setattr(study, "READING_TIMES", (0, ends // 2, ends))
    none, half, everything = study.by_time(strict, images, 3)
    assert not none.any()
    assert 0 < half.sum() < everything.sum()
    assert (half <= everything).all()
    assert np.array_equal(everything, whole.counts)


def test_parts_of_a_case_are_put_together(study):
    row = {"network": "n", "damage": "bits per weight", "amount": "2", "labels": "kept"}
    rows = [
        row | {"images": "100", "right": "90", "spikes_per_image": "10", "presentations_per_image": "1"},
        row | {"images": "300", "right": "210", "spikes_per_image": "20", "presentations_per_image": "2"},
    ]
    (one,) = study.pooled(rows).values()
    assert one == (300, 400, 17.5, 1.75, ())
    assert str(one) == "75.0 [70.5, 79.0]"


def test_the_page_of_damages_is_what_the_record_gives(study):
    text = study.tables(study.read_rows(study.RECORD))
    assert text in study.PAGE.read_text(encoding="utf-8"), "run scripts/studies/robustness.py --page"


def test_the_page_of_other_data_is_what_the_record_gives(scripts):
    other = scripts["other_data"]
    text = other.tables(other.read_rows(other.RECORD))
    assert text in other.PAGE.read_text(encoding="utf-8"), "run scripts/studies/other_data.py --page"


def test_a_seed_draws_the_images_of_other_data(scripts, mnist_folder):
    """Those that judge are the same for every seed."""
    source = scripts["other_data"].Source("mnist", 30)
    (first, judges), (second, same) = source.load(1), source.load(2)
    assert (len(first), len(second)) == (30, 30)
    assert first.digest != second.digest
    assert judges.digest == same.digest


def test_seeds_are_put_together_as_mean_and_sd(scripts):
    percent = scripts["other_data"].percent
    assert percent([0.8, 0.9, 0.85]) == "85.0 ± 5.0"
    assert percent([0.8, 0.9]) == "85.0 ± 7.1 (n = 2)"
    assert percent([0.8]) == "80.0 (n = 1)"


def test_intervals_of_drawn_damage_are_of_the_draws(study):
    """By hand: shares 0.6 and 0.8 have a mean of 0.7, a standard error of 0.1, and t = 12.706 with one degree of freedom."""
    rows = [
        {
            "network": "triplet-400", "damage": damage, "amount": "0.5", "part": str(part), "images": "5000",
            "right": str(right), "labels": "kept", "spikes_per_image": "10", "presentations_per_image": "1",
        }
        for damage in ("weight noise", "time step")
        for part, right in enumerate((3000, 4000))
    ]  # fmt: skip
    found = study.pooled(rows)
    drawn = found["triplet-400", study.Damage("weight noise", 0.5), "kept"]
    assert drawn.percent == pytest.approx((70, 0, 100))  # 70 ± 127
    close = drawn._replace(of_draws=(0.698, 0.702)).percent  # standard error 0.002
    assert close == pytest.approx((70, 70 - 2.5412, 70 + 2.5412), abs=1e-3)
    same = drawn._replace(of_draws=(0.7, 0.7)).percent
    whole = found["triplet-400", study.Damage("time step", 0.5), "kept"].percent
    assert same == whole == pytest.approx((70, 69.09, 70.89), abs=0.01)  # Wilson


def test_kinds_that_are_drawn_differ_between_draws(study, net):
    """And no other kind does."""
    for kind, damage in study.KINDS.items():
        amount = 1.0 if kind == "bits per weight" else 0.5
        first, second = (damage(net, amount, study.draws(kind, part)) for part in (0, 1))
        differ = not np.array_equal(first.weights, second.weights)
        assert differ == (kind in study.DRAWN), kind
