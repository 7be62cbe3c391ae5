"""The companion xo: images, weights and rule by hand, the faults and what they are called, the cured networks."""

import argparse
import json
import math
import signal
import subprocess
import sys

import brian2 as b2
import numpy as np
import pytest

from diehlcook.companions.xo import FAULTS, XO, command, diagnosis, experiment, network, patterns
from diehlcook.companions.xo.command import with_cures, with_faults, with_neuron
from diehlcook.errors import DiehlCookError

SMALL = XO().with_values(
    {"networks": "2", "presentations": "50", "tests": "2", "flips_max": "1", "t_presentation": "40 ms"}
)
SEED = 100


WHOLE = SMALL.with_values({"networks": "3", "flips_max": "0", "t_presentation": "100 ms"})
"""As long as neurons need to recover from an image; `SMALL` is for what does not depend on that."""


@pytest.fixture(scope="module")
def healthy():
    return experiment.simulate(WHOLE, SEED, "fused")


def test_patterns_are_those_of_the_forum():
    """X has 9 pixels, O has 12, none in common."""
    assert patterns.PATTERNS.sum(axis=1).tolist() == [9, 12]
    assert not (patterns.PATTERNS[0] & patterns.PATTERNS[1]).any()
    x = patterns.PATTERNS[0].reshape(5, 5)
    assert x.diagonal().all()
    assert np.fliplr(x).diagonal().all()


def test_test_images_have_as_many_flipped_pixels_as_they_should():
    shown = patterns.testing(XO(), np.random.default_rng(1))
    flips = (shown.pixels ^ patterns.PATTERNS[shown.labels]).sum(axis=1)
    assert flips.tolist() == np.repeat(np.arange(9), 20).tolist()
    assert shown.labels.reshape(9, 2, 10).mean(axis=2).tolist() == [[0, 1]] * 9
    assert shown.onsets.max() <= 3e-3
    where = (shown.pixels ^ patterns.PATTERNS[shown.labels]).mean(axis=0)
    assert where.min() > 0.05  # any pixel


def test_blank_and_circle_like_images():
    """A quarter of each kind; a circle has as many pixels as O, two of them elsewhere: in the corners, which are of X."""
    params = XO().with_values({"other_images": "true", "presentations": "80", "flips_max": "0"})
    for part in (patterns.training, patterns.testing):
        shown = part(params, np.random.default_rng(1))
        distance = (shown.pixels[:, None] ^ patterns.PATTERNS).sum(axis=2)
        found = [(int(label), *map(int, away)) for label, away in zip(shown.labels, distance, strict=True)]
        quarter = len(found) // 4
        assert {one: found.count(one) for one in found} == dict.fromkeys(
            [(0, 0, 21), (1, 21, 0), (patterns.NOTHING, 9, 12), (1, 17, 4)], quarter
        )
        circles = shown.pixels[distance[:, 1] == 4]
        assert len(np.unique(circles, axis=0)) > quarter / 2
        assert circles.sum(axis=1).tolist() == [12] * quarter


def test_other_images_leave_the_random_numbers_of_x_and_o_alone():
    """Figures of the page from before there were other images still hold."""
    shown = patterns.testing(XO(), np.random.default_rng(1))
    rng = np.random.default_rng(1)
    order = rng.random((180, 25)).argsort(axis=1).argsort(axis=1)
    labels, flips = np.tile(np.repeat([0, 1], 10), 9), np.repeat(np.arange(9), 20)
    assert np.array_equal(shown.pixels, patterns.PATTERNS[labels] ^ (order < flips[:, None]))
    assert np.array_equal(shown.onsets, rng.uniform(0, XO().jitter, (180, 25)))


def test_unevenness_by_hand(healthy):
    """All weights 1 but one: standard deviation and mean of eight 1 and a 4, or eleven 1 and a 4."""
    weights = np.zeros_like(healthy.weights_hidden)
    pattern = patterns.PATTERNS[:, None, :, None]
    weights[:] = 0.5 * pattern[0] + 1.0 * pattern[1]
    assert diagnosis.unevenness(healthy._replace(weights_hidden=weights)).tolist() == [0, 0, 0]
    weights[-1, 1, 1, :] = 4  # a pixel of O
    expected = math.sqrt(11 / 12 * (1 / 12)) * 3 / (15 / 12)
    assert diagnosis.unevenness(healthy._replace(weights_hidden=weights)) == pytest.approx([0, expected, 0])


def test_the_nearer_pattern():
    x, o = patterns.PATTERNS
    assert patterns.nearest(np.array([x, o])).tolist() == [1, 0]
    far = o.copy()
    far[np.flatnonzero(o)[:11]] = False  # 11 away from O; 1 of O and none of X left: 10 away from X
    assert patterns.nearest(far) == 1
    none = np.zeros(25, np.bool_)
    assert patterns.nearest(none) == 1  # fewer of X are missing


def test_network_k_has_the_same_random_numbers_however_many_there_are():
    few, many = (experiment.draw(XO().with_values({"networks": n}), 3) for n in ("2", "4"))
    assert all(np.array_equal(one, other) for one, other in zip(few[0][1], many[0][1], strict=True))
    assert np.array_equal(few[1], many[1][:2])
    assert not np.array_equal(many[1][0], many[1][1])
    other = experiment.draw(XO().with_values({"networks": "2"}), 4)
    assert not np.array_equal(few[1], other[1])


def test_normalisation_by_hand():
    w = np.array([[1.0, 0.0], [3.0, 0.0]])
    assert network.normalised(w, 8.0, 10.0).tolist() == [[2, 0], [6, 0]]
    assert network.normalised(w, 8.0, 5.0).tolist() == [[2, 0], [5, 0]]


def test_equations_are_those_of_izhikevich():
    """A hidden neuron at rest needs 15.25 mV at once to spike; with 15 it does not."""
    p = XO().with_values({"networks": "1", "n_hidden": "2", "inhibition": "0 mV/ms"})
    nothing = np.zeros((1, 1, 25))
    b2.prefs.codegen.target, before = "numpy", b2.prefs.codegen.target
    try:
        built = network.build(p, nothing, nothing, np.zeros((1, 1, 2)))
        built.network["hidden"].v_ = np.array([-70e-3 + 15.0e-3, -70e-3 + 15.5e-3])
        built.network.run(50 * b2.ms, namespace={})
    finally:
        b2.prefs.codegen.target = before
    assert set(np.array(built.network["spikes_hidden"].i)) == {1}
    v, u = built.network["hidden"].v_[0] * 1e3, built.network["hidden"].u_[0]
    assert (v, u) == (pytest.approx(-70, abs=0.3), pytest.approx(0, abs=0.3))


def izhikevich_2007(v, u, current, gain, v_r, v_t, a, b):
    """Izhikevich's form of 2007, divided by C: potentials in mV, the others per ms; `gain` is k/C."""
    return gain * (v - v_r) * (v - v_t) - u + current, a * (b * (v - v_r) - u)


def spikes_after(jump, v_r, v_peak, **constants):
    """Whether a neuron at rest spikes after it was lifted by `jump` mV at once."""
    v, u = v_r + jump, 0.0
    for _ in range(5000):
        dv, du = izhikevich_2007(v, u, 0.0, v_r=v_r, **constants)
        v, u = v + 0.01 * dv, u + 0.01 * du
        if v > v_peak:
            return True
    return False


def test_the_form_of_2007_is_the_form_of_2003():
    """The three lines of the page, with numbers; and how far a neuron at rest must be lifted in either form."""
    assert "dv/dt = k*(v - v_r)*(v - v_t) - u + I" in network.MEMBRANE
    assert "du/dt = a*(b*(v - v_r) - u)" in network.MEMBRANE
    old, regular = (
        {"gain": p.k * 1e-6, "v_r": p.v_r * 1e3, "v_t": p.v_t * 1e3, "a": p.a * 1e-3, "b": p.b * 1e-3}
        for p in (XO(), with_neuron(XO(), "2007"))
    )
    for v, u, current in ((-70.0, -14.0, 0.0), (-61.3, -9.0, 4.0), (12.0, 3.0, -2.0)):
        dv, du = izhikevich_2007(v, u - old["b"] * old["v_r"], current, **old)
        assert dv == pytest.approx(0.04 * v**2 + 5 * v + 140 - u + current)
        assert du == pytest.approx(0.02 * (0.2 * v - u))
    assert not spikes_after(15.0, v_peak=30, **old)
    assert spikes_after(15.5, v_peak=30, **old)
    assert regular == pytest.approx({"gain": 0.7 / 100, "v_r": -60.0, "v_t": -40.0, "a": 0.03, "b": -2 / 100})
    assert not spikes_after(19.0, v_peak=35, **regular)
    assert spikes_after(20.0, v_peak=35, **regular)


FEW = XO().with_values(
    {"networks": "2", "presentations": "6", "tests": "1", "flips_max": "1", "t_presentation": "60 ms"}
)


@pytest.mark.parametrize(
    "params",
    [
        with_faults(
            with_neuron(FEW, "2007").with_values({"other_images": "true"}), ["shared-current", "synchronous"]
        ),
        pytest.param(FEW, marks=pytest.mark.slow),
    ],
    ids=["2007", "2003"],
)
def test_engines_have_the_same_spikes_and_weights(params):
    one, other = (experiment.simulate(params, 3, engine) for engine in ("fused", "runtime"))
    assert one.hidden_spikes.sum() > 10
    assert one.output_spikes.sum() > 5
    spikes = [{(round(t / params.dt), layer, i) for t, layer, i in each.raster.T} for each in (one, other)]
    assert spikes[0] == spikes[1]
    for name in set(one._fields) - {"raster"}:
        assert getattr(one, name) == pytest.approx(getattr(other, name), abs=1e-12), name


def test_no_rounding_decides_when_a_current_starts():
    """The equation with the time, and with its neighbours among floating point numbers, as compiled code may have them."""
    assert "shown = t - t_presentation*floor(t/t_presentation + 1e-6) + 1e-9*second" in network.MEMBRANE
    p = XO()
    t = np.arange(1_200_000) * p.dt
    for near in (t, np.nextafter(t, 0), np.nextafter(t, np.inf)):
        shown = near - p.t_presentation * np.floor(near / p.t_presentation + 1e-6) + 1e-9
        for start in (0, p.teacher_delay):
            on = ((shown >= start) & (shown < start + p.pulse)).reshape(1200, 1000)
            assert on.sum(axis=1).tolist() == [50] * 1200
            assert on.argmax(axis=1).tolist() == [round(start / p.dt)] * 1200


def test_no_other_engine():
    with pytest.raises(DiehlCookError, match="engine is 'cuda'; choose one of runtime, fused"):
        experiment.simulate(FEW, 3, "cuda")


def test_rule_and_protocol_replayed_by_hand(healthy):
    """Weights after the first image, from the spikes of the first network: pre before post in a step, the teacher 10 ms later."""
    p, (time, layer, neuron) = WHOLE, healthy.raster
    first = time < p.t_presentation
    for which, weights, size in ((0, healthy.weights_hidden, 5), (1, healthy.weights_output, 2)):
        total, bound = ((p.weight_sum_hidden, p.w_max_hidden), (p.weight_sum_output, p.w_max_output))[which]
        w = weights[0, 0].astype(float)
        assert w.sum(axis=0) == pytest.approx(np.full(size, total), rel=1e-5)
        events = sorted(
            (round(t / p.dt), step, int(i))
            for step, part in enumerate((layer == which, layer == which + 1))
            for t, i in zip(time[first & part], neuron[first & part], strict=True)
        )
        pre, post = [[] for _ in w], [[] for _ in w[0]]
        for step, is_post, i in events:
            trace = lambda spikes, step=step: sum(
                math.exp(-(step - one) * p.dt / p.tau_stdp) for one in spikes
            )
            if is_post:
                w[:, i] = np.minimum(w[:, i] + [p.a_plus * trace(spikes) for spikes in pre], bound)
                post[i].append(step)
            else:
                change = [p.a_plus * p.a_ratio * trace(spikes) for spikes in post]
                w[i] = np.maximum(w[i] - change, 0)
                pre[i].append(step)
        assert sum(map(len, post)) > 0
        assert np.abs(w - weights[0, 0]).max() > 1e-4
        w *= total / w.sum(axis=0)
        assert weights[1, 0] == pytest.approx(w, abs=1e-8)


def test_teacher_makes_the_right_output_spike():
    """With weights far too small for it, the output of the class spikes during the teacher's pulse, the other never; not in tests."""
    params = with_faults(SMALL, ["small-w-max"]).with_values({"presentations": "4", "networks": "1"})
    recorded = experiment.simulate(params, SEED, "fused")
    time, layer, neuron = recorded.raster
    time, neuron = time[layer == 2], neuron[layer == 2].astype(int)
    image, within = np.divmod(time, params.t_presentation)
    assert set(image) == {0, 1, 2, 3}
    assert np.array_equal(recorded.labels[0][image.astype(int)], neuron)
    assert within.min() > params.teacher_delay
    assert within.max() < params.teacher_delay + params.pulse + 3e-3


def test_networks_learn_and_tell(healthy):
    """Each hidden neuron of the first network that learns has one of the patterns; all clean images are told."""
    right, wrong, none = experiment.accuracy(WHOLE, healthy)
    assert right[:, 0].mean() > 0.9
    assert np.allclose(right + wrong + none, 1)
    w = healthy.weights_hidden[-1]
    means = np.array([w[:, pattern].mean(axis=1) for pattern in patterns.PATTERNS])
    ratio = means.max(axis=0) / means.min(axis=0)
    assert (ratio > 2).sum(axis=1).min() >= 3
    assert set(means[:, 0].argmax(axis=0)) == {0, 1}
    after = healthy.hidden_spikes[:, WHOLE.presentations :].sum(axis=2)
    assert after.min() >= 1
    assert not any(
        one["finding"] == "the accuracy is at chance" for one in diagnosis.findings(WHOLE, healthy)
    )


@pytest.mark.parametrize(
    ("fault", "finding", "clean"),
    [
        ("clip-units", "weights collapse to zero", 0.0),
        ("small-w-max", "the network is silent", 0.0),
        ("no-competition", None, None),
    ],
)
def test_faults_are_found(fault, finding, clean):
    params = with_faults(SMALL, [fault])
    recorded = experiment.simulate(params, SEED, "fused")
    right = experiment.accuracy(params, recorded)[0]
    assert right[:, 0].max() <= 0.5 if clean is None else right[:, 0] == pytest.approx(clean)
    if finding:
        found = {one["finding"]: one["networks"] for one in diagnosis.findings(params, recorded)}
        assert found[finding] == 2
    else:  # the union of both patterns
        w = recorded.weights_hidden[-1]
        either = patterns.PATTERNS.any(axis=0)
        assert w[:, either].min() > w[:, ~either].max()
    assert "fault" in params.source(next(iter(FAULTS[fault])))


def test_the_clip_of_the_forum_is_refused_by_brian2_now():
    """It capped weights at a thousandth in silence, up to Brian2 2.4 (brian2 issue 1234)."""
    neurons = b2.NeuronGroup(1, "v : volt", threshold="v > 1*volt")
    clip = "w = clip(w + apost, 0, 1*mV)"
    synapses = b2.Synapses(
        neurons, neurons, "w : 1\napost : 1", on_pre=clip, codeobj_class=b2.NumpyCodeObject
    )
    synapses.connect()
    whole = b2.Network(neurons, synapses)
    with pytest.raises(b2.BrianObjectException) as error:
        whole.run(0 * b2.ms)
    cause = error.value.__cause__
    assert isinstance(cause, b2.DimensionMismatchError)


def test_shared_current_hides_a_fault(healthy):
    """Output 0 gets the current of pixel 0, which is one of X; output 1 that of pixel 1, which is one of O: right for a wrong reason."""
    params = with_faults(SMALL, ["clip-units", "shared-current"])
    recorded = experiment.simulate(params, SEED, "fused")
    assert experiment.accuracy(params, recorded)[0][:, 0].tolist() == [1, 1]
    assert recorded.weights_hidden[-1].max() <= 1e-3 * params.w_max_hidden
    found = [one["finding"] for one in diagnosis.findings(params, recorded)]
    assert "weights collapse to zero" in found
    assert "weights collapse to zero" not in [one["finding"] for one in diagnosis.findings(WHOLE, healthy)]


def test_a_blank_has_no_teacher_and_no_answer():
    params = WHOLE.with_values({"other_images": "true", "networks": "2", "flips_max": "1"})
    recorded = experiment.simulate(params, SEED, "fused")
    blank, n = recorded.labels == patterns.NOTHING, params.presentations
    assert not recorded.output_spikes[:, :n][blank[:, :n]].any()
    assert recorded.output_spikes[:, :n][~blank[:, :n]].any(axis=1).all()
    shares = experiment.shares(params, recorded)
    tests = [(flips, kind) for flips in range(2) for kind in range(4) for _ in range(params.tests)]
    expected = np.zeros(shares.shape)
    for k, (answers, labels) in enumerate(zip(recorded.answers, recorded.labels, strict=True)):
        for (flips, kind), answer, label in zip(tests, answers[n:], labels[n:], strict=True):
            right, none = answer == label, answer == patterns.NOTHING
            one = np.array([right, not right and not none, none]) / params.tests
            expected[:, k, flips, kind] += one
    assert shares == pytest.approx(expected)
    assert shares[0, :, 0, 2].tolist() == shares[2, :, 0, 2].tolist() == [1, 1]
    facts = experiment.outcome(params, recorded)
    assert facts["right_blank"][0] == 1
    assert facts["right_circle"] == pytest.approx(shares[0, :, :, 3].mean(axis=0))
    assert facts["right"] == pytest.approx(shares[0, :, :, :2].mean(axis=(0, 2)))


def test_without_potentiation_nothing_is_learned():
    params = SMALL.with_values({"a_plus": "0 mV"})
    recorded = experiment.simulate(params, SEED, "fused")
    assert recorded.hidden_spikes[:, : params.presentations].any()
    assert np.array_equal(recorded.weights_hidden[0], recorded.weights_hidden[-1])
    assert np.array_equal(recorded.weights_output[0], recorded.weights_output[-1])


def test_the_cure_makes_the_weights_of_a_pattern_alike():
    """And with it, or with the neuron of 2007, images with 8 flipped pixels are told."""
    some = XO().with_values({"networks": "8", "presentations": "100", "tests": "5"})
    plain, cured, other = some, with_cures(some, ["one-spike"]), with_neuron(some, "2007")
    right, spread = {}, {}
    for name, params in {"plain": plain, "cured": cured, "2007": other}.items():
        recorded = experiment.simulate(params, SEED, "fused")
        right[name] = experiment.accuracy(params, recorded)[0][:, 8].mean()
        spread[name] = diagnosis.unevenness(recorded).mean()
    assert right["plain"] < 0.93 < min(right["cured"], right["2007"])
    assert spread["cured"] < 0.1
    assert spread["plain"] > 0.3


def test_options_become_constants():
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    options = ["--neuron", "2007", "--cure", "one-spike", "--other-images", "--presentations", "1000"]
    params = command.resolve(parser.parse_args(options), {"a_plus": "0 mV"})
    assert (params.text("v_t"), params.text("w_max_hidden"), params.text("pulse")) == (
        "-40 mV",
        "10 mV",
        "2.5 ms",
    )
    assert (params.a_plus, params.images) == (0, 1000 + 4 * 10 * 9)
    assert "2007" in params.source("k")
    assert "1.28 times" in params.source("w_max_hidden")
    assert "one spike" in params.source("pulse")


STOPPABLE = """
import sys
from diehlcook import progress
plain = progress.Interruption.beginning
def beginning(self, report):
    told = plain(self, report)
    def spoken(done, words=""):
        told(done, words)
        print("done", done, file=sys.stderr, flush=True)
    return spoken
progress.Interruption.beginning = beginning
from diehlcook.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("engine", "number", "images"),
    [
        ("runtime", signal.SIGINT, 120),
        pytest.param("fused", signal.SIGTERM, 1_000_000, marks=pytest.mark.slow),
    ],
)
def test_a_signal_stops_it_at_once(engine, number, images, tmp_path):
    """Either would go on for minutes: Brian2 without a compiler for 120 images, the compiled loop for a million."""
    options = ["companion", "xo", "--run", tmp_path / "run", "--engine", engine, "--networks", "1", "-q"]
    options += ["--set", "tests=1", "--set", "flips_max=0", "--presentations", images]
    process = subprocess.Popen(
        [sys.executable, "-c", STOPPABLE, *map(str, options)], stderr=subprocess.PIPE, text=True
    )
    said = iter(process.stderr.readline, "")
    assert any(line.startswith("done") for line in said)
    process.send_signal(number)
    rest = process.communicate(timeout=60)[1].splitlines()
    assert process.returncode == 130
    assert rest[-1] == "interrupted; nothing was written"
    assert not (tmp_path / "run" / "run.json").exists()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"w_spread": "2"}, "w_spread is 2; it must be from 0 to 1"),
        ({"height": "3 mV"}, "needs a unit such as mV/ms"),
        ({"inhibition": "-1 mV/ms"}, "inhibition is -1 mV/ms; it must be from 0 mV/ms"),
        ({"dt": "0.3 ms"}, "t_presentation .100 ms. a multiple of it"),
        ({"jitter": "96 ms"}, "together they must not be longer than t_presentation"),
        ({"v_t": "-71 mV"}, "v_t is -71 mV; it must be greater than v_r"),
        ({"v_peak": "-70 mV"}, "v_peak is -70 mV; it must be greater than c"),
        ({"shared_current": "true", "n_hidden": "30"}, "there must be a pixel for each"),
    ],
)
def test_bad_parameters(changes, says):
    with pytest.raises(DiehlCookError, match=says):
        XO().with_values(changes)


def test_one_hidden_neuron_has_nobody_to_inhibit():
    params = SMALL.with_values({"n_hidden": "1", "presentations": "2", "networks": "1"})
    assert experiment.simulate(params, SEED, "fused").hidden_spikes.shape == (1, 2 + 8, 1)


def test_both_outputs_at_once_are_no_answer():
    """Without competition both outputs get the same spikes, and often spike in the same time step."""
    params = with_faults(SMALL, ["no-competition", "synchronous"])
    recorded = experiment.simulate(params, SEED, "fused")
    time, layer, neuron = recorded.raster
    for image in range(params.images):
        own = (layer == 2) & (time // params.t_presentation == image)
        first = [time[own & (neuron == output)].min(initial=np.inf) for output in (0, 1)]
        expected = -1 if first[0] == first[1] else int(first[1] < first[0])
        assert recorded.answers[0, image] == expected
    assert (recorded.answers == -1).any()


@pytest.mark.slow
def test_command_compares_with_and_without_the_fault(tmp_path):
    words = [sys.executable, "-m", "diehlcook", "companion", "xo", "--small", "--fault", "small-w-max"]
    words += ["--set", "presentations=50", "--set", "tests=1", "--set", "flips_max=0"]
    words += ["--set", "t_presentation=40 ms", "--engine", "fused", "--json", "-q"]
    done = subprocess.run([*words, "--run", tmp_path / "run"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["right"] == [0.0]
    assert facts["without_fault"][0] > 0.4  # too short to learn well, but not silent
    assert facts["params"]["w_max_hidden"] == "0.8 mV"
    assert "all pixels of an image together" in facts["sources"]["w_max_hidden"]
    assert (tmp_path / "run" / "without-fault" / "weights_hidden.npy").exists()
    assert (tmp_path / "run" / "figures" / "course.png").stat().st_size > 20_000
    again = subprocess.run([*words, "--run", tmp_path / "run"], capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert "there is a run already" in again.stderr
    both = subprocess.run([*words, "--set", "w_max_hidden=1 mV"], capture_output=True, text=True, check=False)
    assert "w_max_hidden is set by --fault small-w-max" in both.stderr
