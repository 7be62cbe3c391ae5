"""The invariants of the engines: chunks do not show, engines agree, seeds decide, and a bad state stops the run."""

import dataclasses
import math
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from diehlcook.engines import compiler
from diehlcook.engines.base import Model, check_state, make_responses
from diehlcook.engines.fused import active, arrays, cached, exponential, membranes, presentation
from diehlcook.engines.fused.engine import constants, equations_digest
from diehlcook.engines.registry import ENGINES, choose, open_engine
from diehlcook.engines.standalone.engine import sources
from diehlcook.engines.state import blank
from diehlcook.errors import Cancelled, DiehlCookError, NetworkError
from diehlcook.model import neurons, stimulus, wiring
from diehlcook.model.neurons import EXCITATORY
from diehlcook.model.params import Params, load_preset, preset_names, with_rule
from diehlcook.model.rules import RULES, TRIPLET


def advance(engine, state, images, chunks, first=0):
    """Advance by chunks of presentations; return the state and all responses."""
    responses = []
    for presentations in chunks:
        left = presentations
        while left:
            at = int(state["protocol.position"][0]) - first
            state, got = engine.advance(state, images[at:], presentations=left)
            left -= len(got.position)
            responses.append(got)
    return state, responses


def joined(responses, name):
    return np.concatenate([getattr(one, name) for one in responses])


def train_start(engine, params, seed=3):
    return engine.initial_state(stimulus.stream_key(seed, "train"), wiring.initial_weights(params, seed))


def assert_same_state(one, other):
    assert one.keys() == other.keys()
    for name in one:
        assert one[name].dtype == other[name].dtype, name
        assert np.array_equal(one[name], other[name]), name


def with_faint(strokes):
    """Images with two that need further attempts."""
    images = strokes.copy()
    images[[2, 9]] //= 5
    return images


@pytest.fixture(scope="module")
def runtime(smoke, delays):
    import brian2

    before = brian2.prefs.codegen.target
    brian2.prefs.codegen.target = "numpy"
    with open_engine("runtime", Model(smoke, learning=True), delays) as engine:
        yield engine
    brian2.prefs.codegen.target = before


@pytest.fixture(scope="module")
def fused(smoke, delays):
    return open_engine("fused", Model(smoke, learning=True), delays)


@pytest.mark.parametrize("name", ["standalone", pytest.param("runtime", marks=pytest.mark.slow), "fused"])
def test_chunks_do_not_show(name, request, smoke, strokes, start):
    engine = request.getfixturevalue(name)
    images = with_faint(strokes)
    one, whole = advance(engine, start, images, [12])
    other, parts = advance(engine, start, images, [1, 5, 6])
    assert_same_state(one, other)
    assert joined(whole, "attempt").max() > 0
    for recorded in ("position", "attempt", "counts", "theta_mean", "weight_sd", "spike_neuron"):
        assert np.array_equal(joined(whole, recorded), joined(parts, recorded)), recorded


def assert_agree(one, ours, other, theirs):
    for name in ("position", "attempt", "counts", "spike_neuron", "spike_step"):
        assert np.array_equal(joined(ours, name), joined(theirs, name)), name
    for name in ("theta_mean", "theta_sd", "weight_mean", "weight_sd"):
        least = 1e-8 if name.endswith("_sd") else 1e-9  # of equal values it is the root of what cancels
        assert joined(ours, name) == pytest.approx(joined(theirs, name), rel=1e-9, abs=least), name
    assert one.keys() == other.keys()
    for name in one:
        assert one[name].dtype == other[name].dtype, name
        assert np.allclose(one[name], other[name], rtol=1e-12, atol=1e-9), name  # x0 grows to 1e10


def test_engines_agree(runtime, standalone, fused, strokes, start):
    images = with_faint(strokes)
    one, ours = advance(runtime, start, images, [10, 10])
    assert len(joined(ours, "spike_neuron")) > 100
    assert np.abs(one["inp_exc.w"] - start["inp_exc.w"]).max() > 0.01
    for engine in (standalone, fused):
        assert_agree(one, ours, *advance(engine, start, images, [10, 10]))


def test_engines_hand_over_to_each_other(standalone, fused, strokes, start):
    """A state is a state: what one engine began another can go on with."""
    whole, _ = advance(standalone, start, strokes, [12])
    half, _ = advance(fused, start, strokes, [5])
    other, _ = advance(standalone, half, strokes, [7])
    for name in whole:
        assert np.allclose(whole[name], other[name], rtol=1e-12, atol=1e-9), name


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["diehl-cook-2015", "brian2-example"])
def test_engines_agree_at_full_size(preset, mnist_folder):
    """400 neurons, the first 20 images of MNIST, each preset's own time step, Cython against C++."""
    from diehlcook.data import datasets

    params = load_preset(preset)
    images = datasets.load("mnist", "train", data=mnist_folder).images[:20].reshape(20, -1)
    delays = wiring.initial_delays(params, 1)
    results = []
    for name in ("standalone", "runtime"):
        with open_engine(name, Model(params, learning=True), delays) as engine:
            state, responses = engine.advance(train_start(engine, params, 1), images)
            assert state["protocol.position"][0] == 20
            results.append((state, [responses]))
    (one, ours), (other, theirs) = results
    for name in ("position", "attempt", "counts", "spike_step", "spike_neuron"):
        assert np.array_equal(joined(ours, name), joined(theirs, name)), name
    assert np.abs(one["inp_exc.w"] - other["inp_exc.w"]).max() < 1e-9


SWITCHES = {
    "self_inhibition": True,
    "pairing": "all-to-all",
    "noise_rate": "8 Hz",
    "normalise_every": 2,
    "clamp_exc": True,
    "lockout_exc": "20 ms",
    "v_init_offset": "0 mV",
    "count_rest": False,
    "eta_pre": "-0.0001",
    "integrator": "euler",
}


SHORT = {"t_stimulus": "100 ms", "t_rest": "50 ms", "min_spikes": 12, "pixel_rate": "0.4 Hz"}
"""Presentations that NumPy code can simulate in no time."""

VARIANTS = {
    **{rule: {"rule": rule} for rule in RULES},
    "switches": SWITCHES,
    "all-to-all": {"pairing": "all-to-all"},
    "per image": {"normalise": "image"},
    "per image, no brighter": {"normalise": "image", "intensity_step": 0, "max_attempts": 3},
    "clipped": {"w_max": "0.15"},
    "clipped per image": {"w_max": "0.15", "normalise": "image"},
    "begun above the largest weight": {"normalise": "never", "w_max": "0.25"},
    "fine steps": {"dt": "0.1 ms", "delay_min": "3 ms", "delay_max": "20 ms"},
    "no depression": {"eta_pre": 0},
    "short traces": {"tau_post1": "3 ms", "tau_post2": "5 ms", "tau_pre": "4 ms"},
    "not learning": {},
}


def drawn(number):
    """Return values drawn for most parameters at once, as nobody would choose them."""
    rng = np.random.default_rng(number)

    def one(*values):
        return values[rng.integers(len(values))]

    rule = one(*RULES)
    below = RULES[rule].below_w_max
    return {
        "rule": rule,
        "integrator": one("euler", "exponential_euler"),
        "pairing": one("nearest", "nearest" if RULES[rule].nearest_only else "all-to-all"),
        "normalise": "never" if below else one("presentation", "image", "never"),
        "normalise_every": one(1, 2, 3),
        "w_max": one("0.4", "1") if below else one("0.15", "0.25", "1"),
        "weight_sum": one("78", "30"),
        "self_inhibition": one(True, False),
        "clamp_exc": one(True, False),
        "count_rest": one(True, False),
        "lockout_exc": one("0 ms", "20 ms", "60 ms"),
        "refractory_exc": one("0.5 ms", "5 ms", "12 ms"),
        "refractory_inh": one("0 ms", "2 ms", "7 ms"),
        "v_init_offset": one("-40 mV", "0 mV"),
        "w_exc_inh": one("10.4", "60"),
        "w_inh_exc": one("0", "17", "200"),
        "tau_ge": one("1 ms", "5 ms"),
        "tau_gi": one("2 ms", "10 ms"),
        "delay_max": one("0 ms", "10 ms", "45 ms"),
        "theta_plus": one("0.05 mV", "1 mV"),
        "tau_theta": one("20 ms", "1e7 ms"),
        "eta_pre": one("0.0001", "-0.0001", "0", "0.01"),
        "eta_post": one("0.01", "0.1", "-0.01"),
        "x_tar": one("0.4", "0", "-0.3", "1.2"),
        "mu": one("0.2", "0", "1"),
        "beta": one("3", "0.5", "-0.2"),
        "ltp_window": one("50 ms", "10 ms"),
        "tau_pre": one("3 ms", "20 ms", "80 ms"),
        "tau_post1": one("3 ms", "20 ms", "80 ms"),
        "tau_post2": one("5 ms", "40 ms"),
        "noise_rate": one("0 Hz", "8 Hz"),
        "intensity_step": one("0", "1"),
        "min_spikes": one(3, 12, 40),
        "max_attempts": one(2, 5),
        "n_exc": one(13, 16, 18),
    }


QUICK_DRAWS = (11, 12, 17, 38)
DRAWN = {
    f"drawn {number}": drawn(number)
    for number in (*QUICK_DRAWS, 4, 10, 19, 23, 24, 26, 33, 37, 40, 44, 53, 55, 57)
}
"""Those with which there is no seizure, and at least 60 spikes."""
LONG = (
    "fine steps", "all-to-all", "per image, no brighter", "clipped per image", "short traces",
    "no depression",
    *list(DRAWN)[len(QUICK_DRAWS) :],
)  # fmt: skip
"""Left to the slow tests: what they change, the draws change, too."""


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        pytest.param(
            name,
            variant,
            marks=pytest.mark.slow if name != "fused" or variant in LONG else [],
            id=f"{name}-{variant}",
        )
        for name in ENGINES
        if name != "runtime"
        for variant in (*VARIANTS, *DRAWN)
    ],
)
def test_the_kernel_is_the_network(name, variant, smoke, strokes, numpy_target):
    """Every rule and switch, short presentations: an engine against Brian2 in NumPy, and chunks bit for bit."""
    values = dict((VARIANTS | DRAWN)[variant])
    params = with_rule(smoke, values.pop("rule", "triplet")).with_values({**SHORT, **values})
    images, model = with_faint(strokes), Model(params, learning=variant != "not learning")
    delays = wiring.initial_delays(params, 3)
    with open_engine(name, model, delays) as engine:
        start = train_start(engine, params)
        one, ours = advance(engine, start, images, [12])
        other, _ = advance(engine, start, images, [1, 5, 6])
        assert_same_state(one, other)
        if name == "fused":
            assert engine.constants.sum_beforehand
            engine.constants = engine.constants._replace(sum_beforehand=False)  # as for large networks
            assert_agree(one, ours, *advance(engine, start, images, [12]))
    with open_engine("runtime", model, delays) as engine:
        assert_same_state(start, train_start(engine, params))
        other, theirs = advance(engine, start, images, [12])
    assert_agree(one, ours, other, theirs)
    assert len(joined(ours, "spike_neuron")) > 60
    assert joined(ours, "attempt").max() > 0 or variant == "switches" or variant in DRAWN


def test_no_inhibition_is_lost_when_only_rest_is_left(smoke, delays, strokes, numpy_target):
    """All neurons spike when their lock-out ends, long after the last arrival; the inhibition comes a step later."""
    params = smoke.with_values({**SHORT, "lockout_exc": "145 ms"})
    results = []
    for name in ("fused", "runtime"):
        with open_engine(name, Model(params, learning=True), delays) as engine:
            results += advance(engine, train_start(engine, params), strokes, [1])
    assert_agree(*results)
    assert (results[1][0].spike_step == 289).all()  # at 290 fused asks whether anything can happen yet
    assert results[0]["exc.v"].max() < params.v_reset_exc - 30e-3


SMALL = {"n_exc": "16", "theta_plus": "0.05 mV", "order": "file"}
PRESETS = {load_preset(name).with_values(SMALL): name for name in reversed(preset_names())}
"""Presets that are the same at one size are one."""


@pytest.mark.slow
@pytest.mark.parametrize("params", PRESETS, ids=PRESETS.values())
def test_the_kernel_is_the_network_for_every_preset(params, mnist_folder, numpy_target):
    """16 neurons, 20 presentations of MNIST as long as they are, each preset's own time step."""
    from diehlcook.data import datasets

    images = datasets.load("mnist", "train", data=mnist_folder).images[:20].reshape(20, -1)
    delays, model = wiring.initial_delays(params, 1), Model(params, learning=True)
    results = []
    for name in ("runtime", "fused"):
        with open_engine(name, model, delays) as engine:
            results += advance(engine, train_start(engine, params, 1), images, [20])
    assert_agree(*results)
    assert len(joined(results[1], "spike_neuron")) > 100


def test_the_vectorised_exponential():
    x = -np.concatenate([np.linspace(0, 3, 5001), np.geomspace(1e-300, 700, 5000)])
    out, scratch = np.empty_like(x), np.empty_like(x)
    exponential.exponential(x, out, scratch)
    exact = [math.exp(value) for value in x]
    assert out == pytest.approx(exact, rel=1e-14, abs=0)


@pytest.mark.parametrize("integrator", ["exponential_euler", "euler"])
def test_what_is_left_of_a_presentation_without_input_in_closed_form(smoke, integrator):
    """As step by step; and not while anything else could happen."""
    c = constants(Model(smoke.with_values({"integrator": integrator, "clamp_exc": "true"}), learning=True))
    v, theta = np.array([-60e-3, -71e-3, -65e-3]), np.array([20e-3, 40e-3, 20e-3])
    ge, gi, refractory = np.array([0, 1e-14, 0]), np.array([1e-14, 0, 0]), np.zeros(3, np.int64)
    scratch, awake = np.empty((3, 3)), active.empty_set.py_func(3)
    active.add.py_func(awake, 1)

    def over(**changed):
        given = {"v": v, "ge": ge, "gi": gi, "theta": theta, "refractory": refractory, "awake": awake}
        given |= {"v_inh": np.full(3, c.v_reset_inh), "ge_inh": np.full(3, 0.4)}
        return membranes.is_over.py_func(c, 800, 1.0, **given | changed)

    assert over()
    assert not over(v_inh=np.array([-60e-3, c.v_thresh_inh + 1e-3, -60e-3]))
    assert not over(ge_inh=np.array([0, 0.6, 0]))  # which draws it above its threshold
    assert over(ge_inh=np.array([0.6, 0, 0.6]))  # of neurons that are asleep it is not asked
    assert not over(ge=np.array([0, 0, 1e-3]))
    assert not over(gi=np.array([0, 0, 1e-3]))
    assert not over(v=np.array([-60e-3, -71e-3, c.threshold_exc + 20.1e-3]))
    assert not over(theta=np.full(3, c.v_rest_exc - c.threshold_exc - 1e-3))
    assert not over(refractory=np.array([0, 801, 0]))
    stepped, closed = [v.copy(), ge.copy(), gi.copy()], [v.copy(), ge.copy(), gi.copy()]
    for step in range(800, 900):
        rest = (theta, refractory, refractory)
        if c.euler:
            membranes.advance_euler.py_func(c, step, 1.0, *stepped, *rest)
        else:
            membranes.advance_exponential.py_func(c, step, 1.0, *stepped, *rest, *scratch)
    membranes.relax.py_func(c, 100, *closed)
    assert abs(v - closed[0])[:2].min() > 1e-3
    for one, other in zip(stepped, closed, strict=True):
        assert other == pytest.approx(one, rel=1e-13, abs=1e-30)


def test_compiled_code_is_kept_until_any_file_of_the_kernel_changes(monkeypatch, tmp_path):
    folder = tmp_path / "fused"
    shutil.copytree(Path(cached.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    digest = cached.sources_digest()
    assert digest in presentation.run.stats.cache_path
    monkeypatch.setattr(cached, "__file__", str(folder / "cached.py"))
    assert cached.sources_digest() == digest
    for path in folder.glob("*.py"):
        before = path.read_text(encoding="utf-8")
        path.write_text(before + "# edited\n", encoding="utf-8")
        assert cached.sources_digest() != digest, path.name
        path.write_text(before, encoding="utf-8")


def test_fused_refuses_what_it_does_not_know(smoke, delays, monkeypatch):
    edited = EXCITATORY._replace(reset=EXCITATORY.reset + "gi = 0")
    for model in (
        Model(smoke, learning=True, excitatory=edited),
        Model(smoke, learning=True, plasticity=TRIPLET._replace(on_pre="ge_post += 2*w")),
    ):
        with pytest.raises(DiehlCookError, match="are not those of this package; use engine standalone"):
            open_engine("fused", model, delays)
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(DiehlCookError, match="Numba cannot be imported"):
        open_engine("fused", Model(smoke, learning=True), delays)


def test_there_is_one_kernel(fused, delays, smoke, start, strokes):
    """It takes half a minute to compile: images that may be written to need no other, nor does a network that is frozen."""
    locked = strokes.copy()
    locked.flags.writeable = False
    with open_engine("fused", Model(smoke, learning=False), delays) as frozen:
        for engine in (fused, frozen):
            for images in (strokes, locked):
                begin = engine.initial_state(1, start["inp_exc.w"], start["exc.theta"])
                assert len(engine.advance(begin, images, presentations=2)[1].position) == 2
    assert len(presentation.run.signatures) == 1
    assert cached.is_kept()


def test_cancelling_the_kernel_is_quick(fused, start, strokes, monkeypatch):
    monkeypatch.setattr(
        "diehlcook.engines.fused.engine.WORK", 50 * 16
    )  # 50 presentations between two questions
    asked = []
    with pytest.raises(Cancelled):
        fused.advance(
            start, np.tile(strokes, (200, 1)), cancelled=lambda: bool(asked.append(1)) or len(asked) > 1
        )
    assert len(asked) == 2


@pytest.mark.slow
def test_cython_agrees_with_numpy(runtime, smoke, delays, strokes, start):
    import brian2

    brian2.prefs.codegen.target = "cython"
    try:
        with open_engine("runtime", Model(smoke, learning=True), delays) as engine:
            one, ours = advance(engine, start, strokes, [4])
    finally:
        brian2.prefs.codegen.target = "numpy"
    other, theirs = advance(runtime, start, strokes, [4])
    assert np.array_equal(joined(ours, "spike_step"), joined(theirs, "spike_step"))
    assert np.allclose(one["inp_exc.w"], other["inp_exc.w"], rtol=0, atol=1e-9)


def test_initial_states_of_the_engines_are_equal(runtime, standalone, fused, smoke):
    assert_same_state(train_start(runtime, smoke), train_start(standalone, smoke))
    assert_same_state(train_start(runtime, smoke), train_start(fused, smoke))


def test_potentials_start_at_random_between_rest_and_threshold(fused, smoke, delays, strokes):
    """In all engines the same; other images, passes and seeds have others; and no neuron fires of itself."""
    params = smoke.with_values({"v_init_random": True})
    theta = 1e-3 * (20 + np.arange(params.n_exc))
    assert np.ptp(train_start(fused, smoke)["exc.v"]) == 0
    with (
        open_engine("fused", Model(params, learning=True), delays) as quick,
        open_engine("runtime", Model(params, learning=True), delays) as slow,
    ):
        assert_same_state(train_start(slow, params), train_start(quick, params))
        _, ours = advance(quick, train_start(quick, params), strokes, [3])
        _, theirs = advance(slow, train_start(slow, params), strokes, [3])
        assert np.array_equal(joined(ours, "spike_step"), joined(theirs, "spike_step"))
        weights = wiring.initial_weights(params, 3)
        begin = quick.initial_state(7, weights, theta)
        elsewhere = [
            quick.moved(begin, 7, 250),
            quick.moved(begin, 8, 0),
            quick.initial_state(8, weights, theta),
        ]
        dark, _ = quick.advance(begin, np.zeros((1, 784), np.uint8), presentations=1)
        assert dark["protocol.n_spikes"][0] == 0
    shares = {
        "exc.v": (begin["exc.v"] - params.v_rest_exc)
        / (params.v_thresh_exc - params.theta_offset + theta - params.v_rest_exc),
        "inh.v": (begin["inh.v"] - params.v_rest_inh) / (params.v_thresh_inh - params.v_rest_inh),
    }
    for name, share in shares.items():
        assert share.min() >= 0
        assert share.max() < 1
        assert 0.2 < share.mean() < 0.8
        assert not np.isclose(elsewhere[0][name], begin[name]).any()
        assert np.array_equal(elsewhere[1][name], elsewhere[2][name])
        assert not np.isclose(elsewhere[1][name], begin[name]).any()
    assert elsewhere[0]["inp_exc.w"] is begin["inp_exc.w"]


def test_seeds_decide(standalone, smoke, strokes):
    first, ours = advance(standalone, train_start(standalone, smoke, 3), strokes, [3])
    again, _ = advance(standalone, train_start(standalone, smoke, 3), strokes, [3])
    assert_same_state(first, again)
    _, other = advance(standalone, train_start(standalone, smoke, 4), strokes, [3])
    assert not np.array_equal(joined(ours, "counts"), joined(other, "counts"))


def test_the_response_counts_the_rest_before_it(standalone, smoke, strokes, start):
    """Across a chunk boundary too: counts of the window equal what the protocol counted in the network."""
    state, responses = start, []
    for _ in range(6):
        state, response = standalone.advance(
            state, strokes[int(state["protocol.position"][0]) :], presentations=1
        )
        assert response.counts.sum() == state["protocol.n_spikes"][0]
        assert state["responses.rest_spikes"].sum() == state["protocol.n_rest_spikes"][0]
        responses.append(response)


def test_clocks_stay_together_in_long_chunks(standalone, smoke, strokes, start):
    """From 64 s on, Brian2's C++ would let the presentations slip by a time step (see `engines.build`)."""
    images = np.tile(strokes, (5, 1))
    one, whole = advance(standalone, start, images, [200])
    other, _ = advance(standalone, start, images, [70, 70, 60])
    assert len(whole[0].position) == 200
    assert_same_state(one, other)


@pytest.mark.slow
def test_a_variable_added_to_the_equations_travels(smoke, delays, strokes):
    """`trace` integrates every spike: it would not survive if only known variables were handed over."""
    excitatory = EXCITATORY._replace(
        equations=EXCITATORY.equations + "dtrace/dt = -trace/(3*second) : 1\n",
        reset=EXCITATORY.reset + "trace += 1\n",
    )
    with open_engine("standalone", Model(smoke, learning=True, excitatory=excitatory), delays) as engine:
        start = train_start(engine, smoke)
        assert "exc.trace" in start
        one, responses = advance(engine, start, strokes, [6])
        other, _ = advance(engine, start, strokes, [2, 1, 3])
    assert_same_state(one, other)
    step, neuron = joined(responses, "spike_step"), joined(responses, "spike_neuron")
    ages = (6 * smoke.presentation_steps - 1 - step) * smoke.dt
    expected = np.bincount(neuron, weights=np.exp(-ages / 3), minlength=smoke.n_exc)
    assert one["exc.trace"] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", ["standalone", "fused"])
def test_nan_stops_the_run(name, request, start, strokes):
    state = {**start, "exc.v": start["exc.v"].copy()}
    state["exc.v"][3] = np.nan
    with pytest.raises(DiehlCookError, match="no longer finite"):
        request.getfixturevalue(name).advance(state, strokes, presentations=1)


def test_seizure_stops_the_run(strokes):
    """Strong inhibition and explicit Euler: once all spike in one step, they do so for ever, input or not."""
    params = Params(n_exc=50, w_inh_exc=400.0)
    delays = wiring.initial_delays(params, 1)
    weights = wiring.initial_weights(params, 1)
    images = np.tile(strokes, (3, 1))

    def respond(integrator):
        model = Model(params.with_values({"integrator": integrator}), learning=True)
        with open_engine("fused", model, delays) as engine:
            return engine.advance(engine.initial_state(7, weights), images)

    with pytest.raises(NetworkError, match=r"without input after \d+ images, 100% .* a seizure"):
        respond("euler")
    state, responses = respond("exponential_euler")
    assert responses.counts.sum(axis=1).max() < 1000
    limit = 50 * 30  # 150 ms of rest, 5 ms refractory
    first, last = params.presentation_steps + params.steps("t_stimulus"), 2 * params.presentation_steps - 1

    def resting(spikes):
        """In the second of several presentations."""
        steps = np.linspace(first, last, spikes).astype(np.int64)
        return dataclasses.replace(responses, spike_step=steps, spike_neuron=np.zeros(spikes, np.int32))

    check_state(state, resting(limit // 2), params)
    with pytest.raises(NetworkError, match=f"^{limit // 2 + 1} spikes without input after 2 images, 50%"):
        check_state(state, resting(limit // 2 + 1), params)


@pytest.mark.parametrize("chunk", [1, 2, 3, 4, 12])
def test_the_length_of_a_chunk_does_not_decide_whether_there_is_a_seizure(chunk):
    """A network that has one in its first presentation, and none in the last of most chunks."""
    values = {
        "n_input": "1", "n_exc": "5", "integrator": "euler", "v_thresh_exc": "-64 mV",
        "refractory_exc": "6 ms",
        "clamp_exc": "true", "lockout_exc": "4 ms", "v_init_offset": "10 mV", "v_init_random": "true",
        "tau_mem_inh": "4 ms", "refractory_inh": "40 ms", "theta_offset": "25 mV", "theta_plus": "0 mV",
        "tau_ge": "50 ms", "tau_gi": "2.5 ms", "w_exc_inh": "0.5", "delay_max": "0 ms", "weight_sum": "8.0",
        "t_stimulus": "20 ms", "t_rest": "16 ms", "pixel_rate": "10 Hz", "noise_rate": "30 Hz",
        "min_spikes": "0",
    }  # fmt: skip
    params = Params().with_values(values)
    delays = wiring.initial_delays(params, 113)
    with (
        open_engine("fused", Model(params, True), delays) as engine,
        pytest.raises(NetworkError, match="without input after 1 images, 100%"),
    ):
        advance(engine, train_start(engine, params, 113), np.array([[200], [0], [0], [0]], np.uint8), [chunk])


def test_a_chunk_that_did_not_complete_is_refused(standalone, start, strokes):
    """A program that is killed, or that cannot read what it was given, must not pass for one that finished."""
    missing = ["exc.v=state/none"]
    with pytest.raises(DiehlCookError, match="reported a problem"):
        standalone.execute(missing, lambda: False)
    (standalone.folder / "state" / "short").write_bytes(b"12345678")
    with pytest.raises(DiehlCookError, match="does not match expected size"):
        standalone.execute(["exc.v=state/short"], lambda: False)


def test_cancelling_leaves_no_process(standalone, start, strokes):
    asked = time.monotonic()
    images = np.tile(strokes, (25, 1))
    with pytest.raises(Cancelled):
        standalone.advance(start, images, cancelled=lambda: time.monotonic() > asked + 0.5)
    assert not processes_in(standalone.folder)
    state, _ = standalone.advance(start, strokes, presentations=1)  # and the engine can go on
    assert state["protocol.position"][0] == 1


def processes_in(folder):
    """Process numbers whose working directory is `folder` (Linux)."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").readlink() == folder:
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def test_no_compiler_is_one_line(smoke, delays, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DiehlCookError, match=r"there is no C\+\+ compiler .*; use engine fused"):
        open_engine("standalone", Model(smoke, learning=True), delays)


def test_an_interrupted_build_is_not_used(smoke, delays, monkeypatch, tmp_path):
    """Killed in mid-build, the cache holds nothing that looks finished; the next use builds again."""
    code = (
        "from diehlcook.engines.base import Model; from diehlcook.engines.standalone.engine import program;"
        "from diehlcook.model.params import load_preset; program(Model(load_preset('smoke'), True))"
    )
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment, start_new_session=True)
    builds = tmp_path / "diehlcook" / "builds"
    deadline = time.monotonic() + 60
    while not list(builds.glob("unfinished-*/program/main.cpp")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, 9)
    process.wait()
    assert list(builds.glob("unfinished-*"))
    assert not [path for path in builds.iterdir() if (path / "manifest.json").exists()]


def test_the_key_of_a_program_covers_every_module_that_decides_it():
    """What the build loads of the package is hashed, but for the exceptions and the texts of packages."""
    code = (
        "import sys, diehlcook.engines.standalone.build\n"
        "print(*(m.__file__ for n, m in sys.modules.items() if n.startswith('diehlcook.')), sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {Path(line) for line in done.stdout.split()}
    decide = {
        path for path in loaded if path.name not in ("errors.py", "__init__.py", "base.py", "registry.py")
    }
    assert decide <= set(sources())
    assert "constants.py" in {path.name for path in decide}


def test_fused_refuses_a_model_that_its_kernel_was_not_written_for(smoke, delays, monkeypatch):
    """An equation that was edited in the package itself, and a rule that the kernel does not know."""
    slower = neurons.INHIBITORY._replace(every_step="refractory_left -= 0")
    monkeypatch.setattr(neurons, "INHIBITORY", slower)
    with pytest.raises(DiehlCookError, match=r"WRITTEN_FOR to [0-9a-f]{16}"):
        open_engine("fused", Model(smoke, learning=True), delays)
    assert choose(Model(smoke, learning=True)).name == "standalone"
    monkeypatch.undo()
    monkeypatch.delitem(arrays.CODES, smoke.rule)
    with pytest.raises(DiehlCookError, match="use engine standalone"):
        open_engine("fused", Model(smoke, learning=True), delays)


def test_an_edited_network_is_another_one_for_fused(monkeypatch, tmp_path):
    """What happens in which order stands in model/network.py, not in the texts of the equations."""
    before = equations_digest()
    source = Path(wiring.__file__).with_name("network.py").read_text(encoding="utf-8")
    monkeypatch.setattr(wiring, "__file__", str(tmp_path / "wiring.py"))
    for old, new, same in (
        (
            'when="start", order=-1, name="exc_every_step"',
            'when="end", order=-1, name="exc_every_step"',
            False,
        ),
        ("lateral_exc.inhibit.order = 2", "lateral_exc.inhibit.order = 4", False),
        ("exc.lockout_left = ", "exc.lockout_left = 1 + ", False),
        ("Return the duration of one presentation", "Return how long a presentation takes", True),
    ):
        assert source.count(old) == 1
        (tmp_path / "network.py").write_text(source.replace(old, new), encoding="utf-8")
        assert (equations_digest() == before) == same, old


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"v_rest_inh": "-39 mV"}, "inhibitory neurons fire without input"),
        ({"tau_theta": "0.2 ms"}, "tau_theta is so short"),
        ({"integrator": "euler", "tau_ge": "0.5 ms"}, "tau_ge is not longer than dt"),
        ({"integrator": "euler", "tau_theta": "0.4 ms"}, "tau_theta is not longer than dt"),
    ],
)
def test_fused_leaves_to_others_what_it_would_run_otherwise(smoke, delays, values, why):
    model = Model(smoke.with_values(values), learning=True)
    assert choose(model).name == "standalone"
    assert choose(model).why.startswith(why)
    with pytest.raises(
        DiehlCookError, match=f"^engine fused cannot run this: {why}.*; use engine standalone$"
    ):
        open_engine("fused", model, delays)
    if "tau_theta" in values:
        assert choose(Model(model.params, learning=False)).name == "fused"  # theta is frozen


@pytest.mark.parametrize(
    ("rule", "learning"), [*((rule, True) for rule in RULES), (next(iter(RULES)), False)]
)
def test_a_state_has_the_variables_that_are_listed(smoke, rule, learning, numpy_target):
    """As Brian2 has them in the network that it builds."""
    params = with_rule(smoke, rule)
    with open_engine("runtime", Model(params, learning=learning), wiring.initial_delays(params, 3)) as engine:
        found = engine.initial_state(0, np.zeros((784, 16)))
    assert_same_state(found, blank(params, learning))


@pytest.fixture
def device_of_a_user():
    import brian2

    brian2.set_device("cpp_standalone", build_on_run=False)
    before = brian2.prefs.codegen.target, brian2.prefs.core.stop_on_keyboard_interrupt
    brian2.prefs.core.stop_on_keyboard_interrupt = True
    yield brian2
    assert brian2.get_device() is brian2.devices.all_devices["cpp_standalone"]
    assert not brian2.get_device().build_on_run
    assert (brian2.prefs.codegen.target, brian2.prefs.core.stop_on_keyboard_interrupt) == (before[0], True)
    brian2.prefs.core.stop_on_keyboard_interrupt = before[1]
    brian2.devices.reset_device()


def test_runtime_runs_whatever_device_is_set(numpy_target, device_of_a_user, smoke, delays, start, strokes):
    with open_engine("runtime", Model(smoke, learning=True), delays) as engine:
        state, responses = engine.advance(start, strokes[:1])
    assert state["protocol.position"] == start["protocol.position"] + 1
    assert responses.counts.sum() > 5


def test_no_presentations_are_refused(fused, start, strokes):
    with pytest.raises(DiehlCookError, match=r"^presentations is 0; it must be at least 1"):
        fused.advance(start, strokes, presentations=0)


@pytest.mark.parametrize(
    ("numba", "compiled", "changed", "name", "why"),
    [
        (True, True, False, "fused", "the fastest; the equations are those of this package"),
        (True, False, False, "fused", "the fastest"),
        (False, True, False, "standalone", "Numba cannot be imported"),
        (False, False, False, "runtime", "Numba cannot be imported .*, and there is no C\\+\\+ compiler"),
        (True, True, True, "standalone", "the equations are not those of this package"),
        (True, False, True, "runtime", "the equations are not those of this package, and there is no"),
    ],
)
def test_the_engine_that_auto_chooses(smoke, monkeypatch, numba, compiled, changed, name, why):
    if not numba:
        monkeypatch.setitem(sys.modules, "numba", None)
    if not compiled:
        monkeypatch.setenv("PATH", "")
        monkeypatch.delenv("CXX", raising=False)
    excitatory = neurons.EXCITATORY._replace(reset="v = v_reset") if changed else neurons.EXCITATORY
    chosen = choose(Model(smoke, learning=True, excitatory=excitatory))
    assert chosen.name == name
    assert re.match(why, chosen.why)


@pytest.mark.parametrize("given", [" ", '"', "/nowhere/g++ -O2"])
def test_what_is_no_compiler_is_none(given, monkeypatch):
    monkeypatch.setenv("CXX", given)
    assert compiler.compiler() is None
    assert compiler.compiler_version() is None


@pytest.mark.slow
@pytest.mark.parametrize(("n_input", "n_exc"), [(784, 1), (1, 3)])
def test_the_smallest_networks_are_the_same_network_too(smoke, n_input, n_exc):
    """In which the indices of the synapses are arrays like others."""
    params = smoke.with_values({**SHORT, "n_input": n_input, "n_exc": n_exc, "pixel_rate": "2 Hz"})
    images = np.full((3, n_input), 200, np.uint8)
    found = []
    for name in ("standalone", "fused"):
        with open_engine(name, Model(params, learning=True), wiring.initial_delays(params, 3)) as engine:
            start = engine.initial_state(stimulus.stream_key(3, "train"), wiring.initial_weights(params, 3))
            found.append(engine.advance(start, images, presentations=4))
    (state, one), (other_state, other) = found
    assert one.counts.any()
    assert np.array_equal(one.counts, other.counts)
    np.testing.assert_allclose(state["inp_exc.w"], other_state["inp_exc.w"], rtol=1e-9)


@pytest.mark.parametrize("count_rest", [True, False])
def test_responses_by_hand(count_rest, smoke):
    """Three presentations of 300 steps, 200 of stimulus: a spike in the rest counts for the next, or for none."""
    params = smoke.with_values({**SHORT, "count_rest": count_rest})
    assert (params.steps("t_stimulus"), params.presentation_steps) == (200, 300)
    spikes = [
        (0, 3),
        (199, 3),
        (199, 5),
        (200, 3),
        (299, 4),
        (300, 3),
        (499, 3),
        (520, 6),
        (850, 6),
        (899, 6),
    ]
    step, neuron = np.array(spikes).T
    history = {name: np.ones(3) for name in ("position", "attempt", *arrays.SUMS)}
    before = np.zeros(16, np.uint16)
    before[7] = 2
    responses, after = make_responses(params, history, neuron, step * params.dt, before)
    expected = np.zeros((3, 16), np.uint16)
    expected[0, [3, 5]], expected[1, 3] = (2, 1), 2
    if count_rest:
        expected[0, 7], expected[1, 3], expected[1, 4], expected[2, 6] = 2, 3, 1, 1
    assert np.array_equal(responses.counts, expected)
    assert responses.counts.dtype == after.dtype == np.uint16
    assert after.tolist() == [0] * 6 + [2] + [0] * 9
    before[7] = 2**16 - 2
    if count_rest:
        with pytest.raises(NetworkError, match="a neuron fired 65537 times in one presentation"):
            make_responses(params, history, neuron, step * params.dt, before)


def test_spikes_in_a_rest_that_integers_do_not_hold_are_refused(smoke):
    params = smoke.with_values({"n_exc": "1"})
    neuron, step = np.zeros(2**16, np.int32), np.full(2**16, params.presentation_steps - 1)
    history = {name: np.zeros(1) for name in ("position", "attempt", *arrays.SUMS)}
    with pytest.raises(NetworkError, match="a neuron fired 65536 times in one presentation"):
        make_responses(params, history, neuron, step * params.dt, np.zeros(1, np.uint16))
