"""The companion masquelier2008: input, kernels, rules, judgement, and that it finds the pattern."""

import json
import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from diehlcook.companions.masquelier2008 import Masquelier2008, afferents, blog, criteria, experiment
from diehlcook.companions.masquelier2008.constants import RULES, scaled
from diehlcook.errors import DiehlCookError
from diehlcook.progress import Interrupted

PARAMS = Masquelier2008()


@pytest.fixture(autouse=True)
def _numpy_target():
    """Compiling takes longer than these few spikes."""
    import brian2

    before = brian2.prefs.codegen.target
    brian2.prefs.codegen.target = "numpy"
    yield
    brian2.prefs.codegen.target = before


@pytest.fixture(scope="module")
def drawn():
    params = PARAMS.with_values({"block": "20 s"})
    return params, afferents.draw_block(params, 3)


def test_afferents_fire_at_the_published_rates(drawn):
    """45 Hz by chance, 54 with those after 50 ms of silence, 64 with noise; in the pattern as out of it."""
    params, block = drawn
    per_s = len(block.step) / params.n_afferents / params.block
    assert per_s == pytest.approx(64, abs=0.7)
    time = block.step * params.dt
    in_pattern = np.isin((time / params.t_pattern).astype(int), block.slots)
    takes_part = block.afferent < params.n_pattern
    share = block.slots.size / params.slots
    assert in_pattern[takes_part].mean() / share == pytest.approx(1, abs=0.05)
    quiet = afferents.draw_block(params.with_values({"noise_rate": "0 Hz", "pattern_freq": "0"}), 3)
    one = quiet.step[quiet.afferent == 1500] * params.dt
    assert np.diff(one).max() <= params.silence_max + 1.1e-3
    assert len(quiet.step) / params.n_afferents / params.block == pytest.approx(54, abs=0.7)


def test_rates_drift_and_stay_within_bounds(drawn):
    """Within 50 ms a rate hardly changes, within 500 ms it has forgotten; no time step has two spikes of an afferent."""
    params, block = drawn
    key = block.step.astype(np.int64) * params.n_afferents + block.afferent
    assert np.all(np.diff(key) > 0)
    one = afferents.draw_block(params.with_values({"noise_rate": "0 Hz", "pattern_freq": "0"}), 4)
    bins = (one.step * params.dt / 0.010).astype(int)
    counts = np.zeros((params.n_afferents, 2000))
    np.add.at(counts, (one.afferent, np.minimum(bins, 1999)), 1)
    counts -= counts.mean()

    def correlation(lag):
        return float((counts[:, :-lag] * counts[:, lag:]).mean())

    assert correlation(3) > 5 * abs(correlation(50))


def test_pattern_is_the_same_every_time_but_for_jitter_and_noise():
    still = {"block": "10 s", "jitter": "0 ms", "noise_rate": "0 Hz"}
    block = afferents.draw_block(PARAMS.with_values(still), 5)
    assert block.slots.size == 50
    assert np.all(np.diff(block.slots) > 1)
    assert not {0, 199} <= set(block.slots.tolist())
    slot, within = np.divmod(block.step, 500)

    def spikes(where, take_part):
        chosen = (slot == where) & ((block.afferent < 1000) == take_part)
        return set(zip(within[chosen].tolist(), block.afferent[chosen].tolist(), strict=True))

    first, second = spikes(block.slots[0], True), spikes(block.slots[30], True)
    assert len(first) > 2000
    assert len(first ^ second) <= 0.01 * len(
        first
    )  # a spike on the edge of a time step may fall to either side
    assert len(spikes(block.slots[0], False) & spikes(block.slots[30], False)) < 0.1 * len(first)
    moved = afferents.draw_block(PARAMS.with_values(still | {"deletion": "0.3"}), 5)
    slot, within, block = *np.divmod(moved.step, 500), moved
    assert len(first & spikes(block.slots[30], True)) / len(first) == pytest.approx(0.7, abs=0.05)
    jittered = afferents.draw_block(PARAMS.with_values(still | {"jitter": "2 ms"}), 5)
    slot, within, block = *np.divmod(jittered.step, 500), jittered
    assert len(first & spikes(block.slots[30], True)) < 0.15 * len(first)


@pytest.mark.parametrize("freq", ["0", "0.05", "0.5"])
def test_slots_are_never_neighbours(freq):
    params = PARAMS.with_values({"pattern_freq": freq, "block": "10 s"})
    seen = np.zeros(params.slots)
    for seed in range(200):
        slots = afferents.draw_slots(params, np.random.default_rng(seed))
        assert slots.size == round(float(freq) * params.slots)
        assert not np.isin((slots + 1) % params.slots, slots).any()
        seen[slots] += 1
    if freq == "0.05":
        assert seen.max() < 30  # 10 expected of each


def rates_by_hand(params, chance, back, turn, rate, slope, last):
    """Rates that drift, as the replication describes them, one afferent and grid point after the other."""
    spikes, steepest = [], params.rate_max / params.sweep
    for point in range(len(chance)):
        for i in range(params.n_afferents):
            now = (point + 1) * 1e-3
            if chance[point, i] < rate[i] * 1e-3 or now - last[i] > params.silence_max:
                last[i] = now - back[point, i] * 1e-3
                spikes.append((last[i], i))
            rate[i] = np.clip(rate[i] + slope[i] * 1e-3, 0, params.rate_max)
            slope[i] += params.turn * steepest * (2 * turn[point, i] - 1)
            slope[i] = np.clip(slope[i], -steepest, steepest)
    return spikes


def test_drifting_rates_by_hand():
    """At most 4,500 Hz/s of change, at most 0.2 of it in a ms, a spike after 20 ms of silence."""
    few = {"block": "0.5 s", "n_afferents": "5", "n_pattern": "1", "sweep": "20 ms", "silence_max": "20 ms"}
    params, rng = PARAMS.with_values(few), np.random.default_rng(1)
    rate, slope, last = rng.uniform(0, 90, 5), rng.uniform(-4500, 4500, 5), rng.uniform(-0.02, 0, 5)
    expected = rates_by_hand(params, *rng.random((3, 500, 5)), rate, slope, last)
    time, who = afferents.drifting(params, np.random.default_rng(1))
    assert len(expected) > 100
    assert who.tolist() == [i for _, i in expected]
    assert time == pytest.approx([at for at, _ in expected])


def test_a_base_that_is_at_hand_changes_nothing():
    """It depends on each of the constants in OF_BASE, and on no other."""
    params = PARAMS.with_values({"block": "0.4 s", "n_afferents": "20", "n_pattern": "10"})
    base = afferents.draw_base(params, 3)
    given, drawn = afferents.draw_block(params, 3, base), afferents.draw_block(params, 3)
    assert all(np.array_equal(one, other) for one, other in zip(given, drawn, strict=True))
    for name in PARAMS.table():
        value = getattr(params, name)
        changed = replace(params, **{name: "nn" if name == "rule" else 2 * value or 0.5})
        same = np.array_equal(afferents.draw_base(changed, 3)[0], base[0])
        assert same is (name not in afferents.OF_BASE), name


def block_of(times, who, params):
    return blog.given(params, 1e3 * np.array(times), who)._replace(slots=np.array([2]))


def kernel(s, tau_m=10e-3, tau_s=2.5e-3):
    """The response to a spike, with a height of 1."""
    peak = tau_m * tau_s / (tau_m - tau_s) * math.log(tau_m / tau_s)
    shape = lambda s: np.exp(-s / tau_m) - np.exp(-s / tau_s)
    return shape(s) / shape(peak)


def simulate(monkeypatch, params, block):
    monkeypatch.setattr(experiment, "draw_block", lambda *_: block)
    return experiment.simulate(params, 0)


SMALL = {"block": "1 s", "blocks": "1", "n_afferents": "6", "n_pattern": "3"}


def test_potential_is_that_of_the_spike_response_model(monkeypatch):
    """Before the first spike of the neuron the kernels add up; its own spike flushes them and adds its after-potential."""
    params = PARAMS.with_values(SMALL | {"threshold": "1", "w_init": "0.6"})
    block = block_of([0.010, 0.030, 0.033, 0.060], [0, 1, 2, 3], params)
    recorded = simulate(monkeypatch, params, block)
    time, (spike,) = recorded.potential_time, recorded.spikes
    assert 0.033 < spike < 0.040

    def response(at):  # arrives at the end of its step
        return np.where(time > at, kernel(np.maximum(time - at - params.dt, 0)), 0)

    before = time <= spike
    expected = 0.6 * (response(0.010) + response(0.030) + response(0.033))
    assert recorded.potential[before] == pytest.approx(expected[before], abs=1e-5)
    s = time - (spike + params.dt)
    own = 2 * np.exp(-s / 10e-3) - 4 * (np.exp(-s / 10e-3) - np.exp(-s / 2.5e-3))
    after = (s >= -1e-9) & (time <= 0.060)
    assert recorded.potential[after] == pytest.approx(own[after], abs=1e-5)
    assert own[after].min() < -0.2
    late = time > 0.060
    w = 0.6  # the neuron's spike was without this afferent, and its depression comes after the response
    assert recorded.potential[late] == pytest.approx((own + w * response(0.060))[late], abs=1e-5)


def replay(rule, params, block, fired):
    """The three rules, spike by spike: pre before post in a step, times in seconds."""
    events = sorted(
        [(step, 0, i) for step, i in zip(block.step.tolist(), block.afferent.tolist(), strict=True)]
        + [(round(t / params.dt), 1, -1) for t in fired]
    )
    w = np.full(params.n_afferents, params.w_init)
    pres, posts = [[] for _ in w], []
    last = None if rule == "all-to-all" else 1
    for step, is_post, i in events:
        t = step * params.dt
        if is_post:
            for j, before in enumerate(pres):
                fresh = [s for s in before if rule != "rnn" or not posts or s > posts[-1]]
                pairs = fresh[-last:] if last else fresh
                w[j] += sum(params.a_plus * math.exp(-(t - s) / params.tau_plus) for s in pairs)
            w = np.minimum(w, params.w_max)
            posts.append(t)
        else:
            used = rule == "rnn" and any(s > posts[-1] for s in pres[i] if posts)
            pairs = [] if used else posts[-last:] if last else posts
            w[i] -= sum(params.a_minus * math.exp(-(t - s) / params.tau_minus) for s in pairs)
            w = np.maximum(w, 0)
            pres[i].append(t)
    return w


@pytest.mark.parametrize("rule", RULES)
def test_rule_replayed_spike_by_spike(monkeypatch, rule):
    params = PARAMS.with_values(SMALL | {"threshold": "0.9", "w_init": "0.5", "rule": rule})
    rng = np.random.default_rng(2)
    times = np.unique(rng.uniform(0, 0.99, 300).round(4))
    block = block_of(times, rng.integers(6, size=times.size), params)
    recorded = simulate(monkeypatch, params, block)
    assert recorded.spikes.size > 15
    expected = replay(rule, params, block, recorded.spikes)
    assert recorded.weights[-1] == pytest.approx(expected, abs=1e-6)
    assert np.abs(expected - 0.5).max() > 0.05
    others = [replay(other, params, block, recorded.spikes) for other in RULES if other != rule]
    assert all(np.abs(expected - one).max() > 0.005 for one in others)


def test_judgement_by_hand():
    onsets = np.array([10.0, 210.0, 310.0, 350.0, 400.0])
    spikes = np.array([5.0, 10.004, 100.0, 210.01, 310.004, 350.002, 350.010, 400.004])
    verdict = criteria.judge(spikes, onsets, 0.05, 450.0)
    assert criteria.latencies(spikes, onsets, 0.05) == pytest.approx(
        [0, 0.004, 0, 0.01, 0.004, 0.002, 0.01, 0.004]
    )
    assert verdict.success
    assert (verdict.hit_rate, verdict.false_alarms) == (1, 0)
    assert verdict.latency == pytest.approx(0.005)
    assert (verdict.found_at, verdict.found_after) == (100.0, 3)
    missed = criteria.judge(spikes[:-1], onsets, 0.05, 450.0)
    assert missed.hit_rate == pytest.approx(2 / 3)
    assert not missed.success
    wrong = criteria.judge(np.append(spikes, 440.0), onsets, 0.05, 450.0)
    assert (wrong.success, wrong.false_alarms, wrong.found_at) == (False, 1, None)
    late = criteria.judge(onsets + 0.02, onsets, 0.05, 450.0)
    assert (late.success, late.hit_rate) == (False, 1)
    silent = criteria.judge(np.array([]), onsets, 0.05, 450.0)
    assert (silent.success, silent.latency, silent.rate) == (False, None, 0)


def test_a_spike_on_a_boundary_counts_the_same_everywhere():
    """In the step in which a pattern begins it is outside, and in that in which it ends within, whatever sums of floats say."""
    onsets = 0.05 * np.arange(0, 9000, 2)
    begin, end = np.arange(0, 9000, 2) * 500 * 1e-4, (np.arange(0, 9000, 2) + 1) * 500 * 1e-4
    assert (begin != onsets).any()
    assert not criteria.latencies(begin, onsets, 0.05).any()
    assert criteria.latencies(end, onsets, 0.05) == pytest.approx(0.05)
    assert np.isnan(criteria.answers(begin, onsets, 0.05)).all()
    assert criteria.answers(end, onsets, 0.05) == pytest.approx(0.05)


def test_where_in_the_pattern_by_hand():
    """Ten answers in a row count, without a false alarm among them; patterns without an answer do not."""
    onsets = np.arange(20.0)
    late = np.append(onsets + 0.04, onsets + 0.045)
    spikes = np.sort(np.append(late, [2.5, 4.5]))
    assert criteria.answers(spikes, onsets, 0.05) == pytest.approx(0.04)
    assert criteria.answers(np.array([1.0, 3.02]), np.arange(4.0), 0.05)[3] == pytest.approx(0.02)
    assert np.isnan(criteria.answers(np.array([1.0, 3.02]), np.arange(4.0), 0.05)[:3]).all()
    moving = np.sort(np.append(onsets + np.where(onsets < 15, 0.04, 0.01), [2.5, 4.5]))
    assert criteria.first_found(moving, onsets, 0.05) == pytest.approx(0.04)
    some = moving[(moving < 6) | (moving > 8)]  # two without an answer: ten later, five of them at 10 ms
    assert criteria.first_found(some, onsets, 0.05) == pytest.approx((0.04 * 8 + 0.01 * 2) / 10)
    assert criteria.first_found(onsets[10:] + 0.04, onsets, 0.05) == pytest.approx(0.04)
    assert criteria.first_found(onsets[11:] + 0.04, onsets, 0.05) is None
    assert criteria.first_found(np.array([]), onsets, 0.05) is None
    assert criteria.hits(moving[moving > 10], onsets, 0.05, 5.0) == pytest.approx(10 / 15)
    assert criteria.hits(moving, np.array([]), 0.05, 5.0) == 0


def test_rewards_and_penalties_of_the_blog():
    """Spike by spike: rewards when the neuron fires, penalties at the first spike after, and the sizes by hand."""
    params = PARAMS.with_values(blog.FIVE | {"dt": "1 ms"})
    block = blog.given(params, *blog.TRAIN)
    course = blog.watch(params, block)
    first, second = course.spikes
    assert (first, second) == (39, 66)
    reward = lambda since: params.a_plus * math.exp(-since / 16.8)
    penalty = lambda since: -params.a_minus * math.exp(-since / 33.7)
    expected = np.zeros((100, 5))
    expected[39] = [reward(4), reward(37), reward(5), reward(16), reward(1)]
    expected[51, 1], expected[60, 3], expected[62, 2] = penalty(12), penalty(21), penalty(23)
    expected[66] = [penalty(27) + reward(0), reward(15), reward(4), reward(1), 0]
    expected[67, 1] = penalty(1)
    assert course.changes == pytest.approx(expected)
    kept = PARAMS.with_values(blog.FIVE | {"dt": "1 ms", "a_minus": "0"})
    assert blog.watch(kept, block).changes.min() == 0
    whole = experiment.ENGINES["fused"](params, block, lambda *_: None, lambda: False)
    assert whole.weights[-1] == pytest.approx(params.w_init + course.changes.sum(axis=0), abs=1e-6)
    assert 1e3 * whole.spikes == pytest.approx(course.spikes)


def test_random_synapses_of_the_blog():
    """500 synapses: the neuron fires all the time; with learning, weights climb at 55 Hz and sink at 35 Hz, at 1 ms."""
    settings = blog.RANDOM | {"dt": "1 ms", "block": "5 s"}
    fixed = PARAMS.with_values(settings | {"a_plus": "0", "a_minus": "0", "block": "1 s"})
    recorded = experiment.simulate(fixed, 1, "fused")
    assert recorded.spikes.size > 30
    assert np.diff(recorded.spikes).max() < 0.05
    assert np.all(recorded.weights[-1] == np.float32(0.475))
    low, high = (
        experiment.simulate(PARAMS.with_values(settings | {"rate_max": rate}), 1, "fused").weights[-1].mean()
        for rate in ("70 Hz", "110 Hz")
    )
    assert low < 0.46
    assert high > 0.55


def test_threshold_and_weights_follow_the_size_of_the_pattern():
    assert scaled(PARAMS, {"n_pattern": "800"}).threshold == 400
    assert scaled(PARAMS, {"deletion": "0.2"}).w_init == pytest.approx(0.38)
    assert scaled(PARAMS, {"n_pattern": "800", "threshold": "450"}).threshold == 450
    assert scaled(PARAMS, {"jitter": "3 ms"}).w_init == 0.475


def test_constants_are_consistent():
    """Height of the kernel and of the after-potential, as published."""
    from diehlcook.companions.masquelier2008.neuron import namespace

    names = namespace(PARAMS)
    assert names["epsp"] / 3 == pytest.approx(2.1165, abs=1e-4)
    assert names["after"] == 3 * 500


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"n_pattern": "3000"}, "n_pattern is 3000; there are 2000 afferents"),
        ({"pattern_freq": "0.6"}, "pattern_freq is 0.6; it must be from 0 to 0.5"),
        ({"dt": "0.3 ms"}, "must be a whole number of dt"),
        ({"rule": "hebb"}, "choose one of rnn, nn, all-to-all"),
        ({"tau_plus": "5"}, "needs a unit such as ms"),
        ({"jitters": "5"}, "did you mean jitter"),
    ],
)
def test_bad_parameters(changes, says):
    with pytest.raises(DiehlCookError, match=says):
        PARAMS.with_values(changes)


def diehlcook(*arguments):
    command = [sys.executable, "-m", "diehlcook", "companion", "masquelier2008", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def small_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("masquelier") / "run"
    pytest.importorskip("numba")
    done = diehlcook("--small", "--run", folder, "--seed", 1, "--engine", "fused", "--json")
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout)


def test_finds_the_pattern_in_a_minute(small_run):
    folder, facts = small_run
    assert facts["hit_rate"] > 0.98
    assert facts["false_alarms"] == 0
    assert 0 < facts["latency"] < 0.025
    assert facts["weights_high_in_pattern"] > 0.8 * facts["weights_high"]
    weights = np.load(folder / "weights.npy")
    assert weights[-1, :1000].mean() > 3 * weights[-1, 1000:].mean()
    written = json.loads((folder / "run.json").read_text())
    assert written["params"]["jitter"] == "1 ms"
    assert all(
        (folder / "figures" / f"{name}.png").stat().st_size > 10_000 for name in ("potential", "latency")
    )
    again = diehlcook("--small", "--run", folder, "--seed", 1)
    assert again.returncode == 1
    assert "there is a run already" in again.stderr


@pytest.mark.parametrize("rule", ["nn", "all-to-all"])
def test_other_rules_fall_silent(rule, tmp_path):
    """Depression wins, because afferents fire more often than the neuron: the vanishing weights of the forum, in pure form."""
    pytest.importorskip("numba")
    params = PARAMS.with_values({"block": "4 s", "blocks": "1", "rule": rule})
    facts, _ = experiment.run(tmp_path / "run", params, engine="fused")
    assert facts["rate"] == 0
    assert np.load(tmp_path / "run" / "weights.npy")[-1].mean() < 0.3


@pytest.mark.parametrize(
    "rule", [RULES[0], *(pytest.param(rule, marks=pytest.mark.slow) for rule in RULES[1:])]
)
def test_fused_has_the_spikes_of_brian2(rule):
    """The compiled loop and Brian2, with the same input: every spike in the same time step, the same weights and potential."""
    pytest.importorskip("numba")
    small = {
        "block": "1 s",
        "blocks": "2",
        "n_afferents": "200",
        "n_pattern": "100",
        "rule": rule,
        "w_init": "0.6",
    }
    params = PARAMS.with_values(small | {"threshold": "40"})
    one, other = (experiment.simulate(params, 4, engine) for engine in ("fused", "runtime"))
    assert one.spikes.size > 15
    assert np.array_equal(np.rint(one.spikes / params.dt), np.rint(other.spikes / params.dt))
    assert np.abs(one.weights[-1] - 0.6).max() > 0.1
    for name in ("weights", "weights_time", "potential", "potential_time", "onsets", "raster"):
        assert getattr(one, name).shape == getattr(other, name).shape
        assert np.allclose(getattr(one, name), getattr(other, name), atol=1e-6)


def test_interrupted_run_writes_nothing(tmp_path):
    params = PARAMS.with_values({"block": "1 s", "blocks": "1", "n_afferents": "20", "n_pattern": "10"})
    for engine in ("runtime", "fused"):
        with pytest.raises(Interrupted):
            experiment.run(tmp_path / engine, params, engine=engine, cancelled=lambda: True)
        assert not (tmp_path / engine).exists()


def test_without_numba_a_companion_says_so_in_one_line(tmp_path):
    command = ["companion", "masquelier2008", "--small", "--run", str(tmp_path / "run")]
    call = "from diehlcook.cli.main import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.modules['numba'] = None; {call}", *command],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "companions need Numba" in done.stderr
    assert "Traceback" not in done.stderr
