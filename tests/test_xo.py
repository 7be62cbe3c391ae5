"""The companion xo: images, weights and rule by hand, the faults and what they are called, the cured networks."""

import json
import math
import subprocess
import sys

import brian2 as b2
import numpy as np
import pytest

from diehlcook.companions.xo import FAULTS, XO, diagnosis, experiment, network, patterns
from diehlcook.companions.xo.command import with_faults
from diehlcook.errors import DiehlCookError

SMALL = XO().with_values(
    {"networks": "2", "presentations": "50", "tests": "2", "flips_max": "1", "t_presentation": "40 ms"}
)
SEED = 100


WHOLE = SMALL.with_values({"networks": "3", "flips_max": "0", "t_presentation": "100 ms"})
"""As long as neurons need to recover from an image; `SMALL` is for what does not depend on that."""


@pytest.fixture(scope="module")
def healthy():
    return experiment.simulate(WHOLE, SEED)


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
    assert (v, u) == (pytest.approx(-70, abs=0.3), pytest.approx(-14, abs=0.3))


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
    assert "(0.04/ms/mV)*v**2 + (5/ms)*v + 140*mV/ms - u + I" in network.MEMBRANE
    assert "du/dt = a*(b*v - u)" in network.MEMBRANE
    p = XO()
    a, b = p.a * 1e-3, p.b * 1e-3  # per ms
    old = {"gain": 0.04, "v_r": -70.0, "v_t": -55.0, "a": a, "b": b}
    for v, u, current in ((-70.0, -14.0, 0.0), (-61.3, -9.0, 4.0), (12.0, 3.0, -2.0)):
        dv, du = izhikevich_2007(v, u - b * old["v_r"], current, **old)
        assert dv == pytest.approx(0.04 * v**2 + 5 * v + 140 - u + current)
        assert du == pytest.approx(a * (b * v - u))
    assert not spikes_after(15.0, v_peak=30, **old)
    assert spikes_after(15.5, v_peak=30, **old)
    regular = {"gain": 0.7 / 100, "v_r": -60.0, "v_t": -40.0, "a": 0.03, "b": -2 / 100}
    assert not spikes_after(19.0, v_peak=35, **regular)
    assert spikes_after(20.0, v_peak=35, **regular)


@pytest.mark.slow
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
    recorded = experiment.simulate(params, SEED)
    time, layer, neuron = recorded.raster
    time, neuron = time[layer == 2], neuron[layer == 2].astype(int)
    image, within = np.divmod(time, params.t_presentation)
    assert set(image) == {0, 1, 2, 3}
    assert np.array_equal(recorded.labels[0][image.astype(int)], neuron)
    assert within.min() > params.teacher_delay
    assert within.max() < params.teacher_delay + params.pulse + 3e-3


@pytest.mark.slow
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


@pytest.mark.slow
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
    recorded = experiment.simulate(params, SEED)
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


@pytest.mark.slow
def test_shared_current_hides_a_fault(healthy):
    """Output 0 gets the current of pixel 0, which is one of X; output 1 that of pixel 1, which is one of O: right for a wrong reason."""
    params = with_faults(SMALL, ["clip-units", "shared-current"])
    recorded = experiment.simulate(params, SEED)
    assert experiment.accuracy(params, recorded)[0][:, 0].tolist() == [1, 1]
    assert recorded.weights_hidden[-1].max() <= 1e-3 * params.w_max_hidden
    found = [one["finding"] for one in diagnosis.findings(params, recorded)]
    assert "weights collapse to zero" in found
    assert "weights collapse to zero" not in [one["finding"] for one in diagnosis.findings(WHOLE, healthy)]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"w_spread": "2"}, "w_spread is 2; it must be from 0 to 1"),
        ({"height": "3 mV"}, "needs a unit such as mV/ms"),
        ({"inhibition": "-1 mV/ms"}, "inhibition is -1 mV/ms; it must be from 0 mV/ms"),
        ({"dt": "0.3 ms"}, "t_presentation .100 ms. a multiple of it"),
        ({"jitter": "96 ms"}, "together they must not be longer than t_presentation"),
        ({"v_peak": "-70 mV"}, "v_peak is -70 mV; it must be greater than c"),
        ({"shared_current": "true", "n_hidden": "30"}, "there must be a pixel for each"),
    ],
)
def test_bad_parameters(changes, says):
    with pytest.raises(DiehlCookError, match=says):
        XO().with_values(changes)


def test_one_hidden_neuron_has_nobody_to_inhibit():
    params = SMALL.with_values({"n_hidden": "1", "presentations": "2", "networks": "1"})
    assert experiment.simulate(params, SEED).hidden_spikes.shape == (1, 2 + 8, 1)


@pytest.mark.slow
def test_both_outputs_at_once_are_no_answer():
    """Without competition both outputs get the same spikes, and often spike in the same time step."""
    params = with_faults(SMALL, ["no-competition", "synchronous"])
    recorded = experiment.simulate(params, SEED)
    time, layer, neuron = recorded.raster
    for image in range(params.images):
        own = (layer == 2) & (time // params.t_presentation == image)
        first = [time[own & (neuron == output)].min(initial=np.inf) for output in (0, 1)]
        expected = -1 if first[0] == first[1] else int(first[1] < first[0])
        assert recorded.answers[0, image] == expected
    assert (recorded.answers == -1).any()


@pytest.mark.slow
def test_command_compares_with_and_without_the_fault(tmp_path):
    command = [sys.executable, "-m", "diehlcook", "companion", "xo", "--small", "--fault", "small-w-max"]
    command += ["--set", "presentations=50", "--set", "tests=1", "--set", "flips_max=0"]
    command += ["--set", "t_presentation=40 ms", "--json", "-q"]
    done = subprocess.run([*command, "--run", tmp_path / "run"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["right"] == [0.0]
    assert facts["without_fault"][0] > 0.4  # too short to learn well, but not silent
    assert facts["params"]["w_max_hidden"] == "0.8 mV"
    assert "all pixels of an image together" in facts["sources"]["w_max_hidden"]
    assert (tmp_path / "run" / "without-fault" / "weights_hidden.npy").exists()
    assert (tmp_path / "run" / "figures" / "course.png").stat().st_size > 20_000
    again = subprocess.run([*command, "--run", tmp_path / "run"], capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert "there is a run already" in again.stderr
    both = subprocess.run(
        [*command, "--set", "w_max_hidden=1 mV"], capture_output=True, text=True, check=False
    )
    assert "w_max_hidden is set by --fault small-w-max" in both.stderr
