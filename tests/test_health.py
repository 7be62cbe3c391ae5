"""The health check: every fault that is injected is found, nothing is found in a healthy network, whenever it is asked."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import load_script

from diehlcook.analysis import health
from diehlcook.analysis.health import Evidence, examine
from diehlcook.analysis.history import ACCURACY, HISTORY, History, examine_run, read_evidence
from diehlcook.data.datasets import grey_values, load
from diehlcook.engines.base import Model
from diehlcook.errors import DiehlCookError
from diehlcook.model.params import FIELDS, Params, load_preset, with_size
from diehlcook.phases.train import train
from diehlcook.progress import Interrupted
from diehlcook.runs.checkpoints import Checkpoints
from diehlcook.runs.files import digest, save_array
from diehlcook.runs.run import Run, load_run

faults = load_script("faults")


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("healthy")
    return folder, faults.examine(None, folder)


QUICK = ("an image of one dim pixel", "a step of 5 ms")
"""Two that take seconds."""


@pytest.mark.parametrize(
    "fault",
    [pytest.param(one, marks=[] if one.what in QUICK else pytest.mark.slow) for one in faults.FAULTS],
    ids=lambda fault: "; ".join(fault.findings),
)
def test_a_fault_is_found(fault, tmp_path):
    checks = faults.examine(fault, tmp_path)
    findings = {check.finding: check for check in checks if not check.ok}
    assert set(fault.findings) <= set(findings)
    for name in fault.findings:
        assert all(findings[name])  # every field says something


def test_nothing_is_found_in_a_healthy_network(healthy):
    checks = healthy[1]
    assert [str(check) for check in checks if not check.ok] == []
    assert len({check.name for check in checks}) == len(checks) == 18


def test_nothing_is_found_at_any_time_of_a_healthy_training(tmp_path, monkeypatch):
    examined = []

    def watching(evidence):
        checks = examine(evidence)
        examined.append((evidence.images, [str(check) for check in checks if not check.ok]))
        return checks

    monkeypatch.setattr(health, "examine", watching)
    monkeypatch.setattr("diehlcook.phases.training.CHUNK_SECONDS", 0.0)  # chunks of 100 presentations
    train(tmp_path / "run", load("digits", "train"), faults.healthy(), seed=2, epochs=2, engine="fused")
    assert len(examined) > 20
    assert [one for one in examined if one[1]] == []


def test_every_finding_is_provoked_by_a_fault():
    calls = [
        node for node in ast.walk(ast.parse(Path(health.__file__).read_text())) if isinstance(node, ast.Call)
    ]
    found = [call.args[3] for call in calls if getattr(call.func, "id", "") == "Check" and len(call.args) > 3]
    found += [call.args[1] for call in calls if getattr(call.func, "attr", "") == "but_if" and call.args[1:]]
    findings = {one.value for one in found if isinstance(one, ast.Constant)} | {health.SEIZING[0]}
    assert findings == {name for fault in faults.FAULTS for name in fault.findings}


def window(right, end=5000):
    """The last window of the accuracy during training, of 1,000 images."""
    return np.array([(end, right, 1000)], ACCURACY)


def evidence(**changes):
    """A healthy network of 100 neurons after 5,000 images, in figures."""
    params = load_preset("paper-triplet-100")
    rng = np.random.default_rng(1)
    history = np.zeros(5000, HISTORY)
    history["spikes"], history["presentations"] = 20, 1
    weights = rng.random((784, 100)) ** 8
    weights *= 78 / weights.sum(axis=0)
    counts = np.zeros((2000, 100), np.uint16)
    for row in counts:
        row[rng.permutation(100)[:7]] = (8, 5, 3, 1, 1, 1, 1)
    theta = rng.normal(40e-3, 2e-3, 100)
    history["label"] = np.arange(5000) % 10
    whole = Evidence(
        params, 5000, weights, theta, history, window(800), counts, counts.sum(axis=0, dtype=np.int64), 2000
    )
    return whole._replace(**changes)


def findings(**changes):
    return [check.finding for check in examine(evidence(**changes)) if not check.ok]


def test_limits_of_single_checks():
    assert findings() == []
    again = evidence().history.copy()
    again["presentations"][-1000:] = 2
    assert findings(history=again) == ["the input is too weak"]
    again["presentations"][-1000:] = np.arange(1000) % 5 // 4 + 1  # every fifth image twice
    assert findings(history=again) == []
    assert findings(weights=0.1 * evidence().weights) == ["normalisation drifts", "weights collapse to zero"]
    assert findings(weights=np.repeat(evidence().weights[:, :1], 100, axis=1)) == [
        "neurons learn all the same"
    ]
    assert findings(windows=window(110)) == ["the accuracy is at chance"]
    assert findings(theta=np.full(100, 40e-3)) == ["theta is frozen"]
    high = evidence().theta.copy()
    high[:6] = 67e-3
    assert findings(theta=high) == ["theta has run away"]
    high[:2] = 40e-3
    assert findings(theta=high) == []


def test_limits_scale_with_the_network():
    """Weight sums of other inputs, and few neurons."""
    params = load_preset("paper-triplet-100")
    large = params.with_values({"n_input": 4096})
    spread = np.repeat(evidence().weights, 6, axis=0)[:4096]
    spread *= 78 / spread.sum(axis=0)
    assert findings(params=large, weights=spread) == []
    small = params.with_values({"n_input": 64, "weight_sum": 34})
    dense = np.random.default_rng(2).beta(0.6, 0.6, (64, 100))
    dense *= 34 / dense.sum(axis=0)
    assert "weights saturate" not in findings(params=small, weights=dense)
    three = params.with_values({"n_exc": 3})
    counts = np.full((100, 3), 20, np.uint16)
    few = evidence(params=three, counts=counts, spikes=counts.sum(axis=0), weights=evidence().weights[:, :3])
    assert not [check for check in examine(few._replace(theta=evidence().theta[:3])) if not check.ok]


def test_classes_decide_what_chance_is():
    history = evidence().history
    three, sorted_by_class = history.copy(), history.copy()
    three["label"] %= 3
    assert findings(history=three, windows=window(350)) == ["the accuracy is at chance"]
    # Four of ten are of class 0, which always naming it gets right
    assert findings(history=three, windows=window(400)) == ["the accuracy is at chance"]
    assert findings(history=three, windows=window(500)) == ["the accuracy is hardly above chance"]
    assert findings(history=three, windows=window(600)) == []
    sorted_by_class["label"] = np.arange(5000) // 1000
    assert findings(history=sorted_by_class, windows=window(0)) == []


def test_the_accuracy_during_training_is_that_of_the_last_window_wherever_it_is_read(tmp_path):
    """Nine of ten images of the window are right, the newest 1,000 are of two classes only, and all wrong."""
    params = evidence().params
    history = History(params, 25_000, 1, 10, seed=0)
    assert (history.window, history.next_window(0), history.next_window(20_000)) == (10_000, 10_000, 25_000)
    labels = np.arange(22_000) % 10
    labels[20_000:] %= 2
    responses = np.zeros((22_000, 100), np.uint16)
    responses[np.arange(22_000), labels] = 9
    responses[10_000:20_000:10] = responses[10_001:20_000:10]  # every tenth answers as the one after it
    responses[20_000:] = 0
    responses[20_000:, 99] = 9
    for end in (10_000, 20_000, 22_000):
        first = history.position
        history.ring[np.arange(first, end) % 10_000] = responses[first:end]
        history.ring_labels[np.arange(first, end) % 10_000] = labels[first:end]
        history.rows["label"][first:end] = labels[first:end]
        history.position = end
        if end < 22_000:
            history.close_window()
    assert history.latest_accuracy() == (0.0, 1000)
    w, theta = evidence().weights, evidence().theta
    live = health.learning(history.evidence(w, theta))
    assert (live.ok, live.measured) == (True, "90.0% of 10,000 images right")

    facts = {"images": 25_000, "epochs": 1, "finished": False, "data": {}, "sha256": {}}
    run = Run(tmp_path, "", params, 0, "mnist", Model(params, True), {"train": facts})
    state = {"state.inp_exc.w": w, "state.exc.theta": theta}
    Checkpoints(tmp_path, run.identity).save(22_000, state | history.arrays(), {})
    assert health.learning(read_evidence(run)) == live
    facts["finished"] = True
    files = {
        "weights": w,
        "theta": theta,
        "train_history": history.rows[:22_000],
        "train_accuracy": history.windows,
    }
    for name, array in (files | {"train_counts": history.newest()[0]}).items():
        save_array(tmp_path / f"{name}.npy", array)
        facts["sha256"][name] = digest(array)
    finished = read_evidence(run)
    assert health.learning(finished) == live
    np.testing.assert_array_equal(finished.counts, history.newest(1000)[0])


def test_one_dark_image_is_not_a_silent_network():
    history = evidence().history.copy()
    history[-3]["presentations"], history[-3]["spikes"] = 20, 2
    assert findings(history=history, unanswered=True) == ["an image gets no answer"]
    history["presentations"][-1000:] = 20
    history["spikes"][-1000:] = 2
    assert findings(history=history, unanswered=True) == ["the input is too weak", "the network is silent"]


def test_what_is_not_there_is_not_judged():
    bare = evidence(history=None, counts=None, spikes=None, windows=None)
    assert {check.name for check in examine(bare)} == {
        "time step", "normalisation", "theta", "weights", "specialisation"
    }  # fmt: skip
    assert examine(evidence(images=20)) == []


def test_checks_survive_json():
    checks = examine(evidence(theta=np.full(100, 40e-3)))
    assert health.from_facts(json.loads(json.dumps(health.as_facts(checks)))) == checks


def test_words_for_the_progress_line():
    checks = examine(evidence())
    assert health.in_short(checks) == "healthy"
    assert health.in_short([]) == "too early to tell the health"
    two = examine(evidence(weights=0.1 * evidence().weights))
    assert health.in_short(two) == "normalisation drifts (and 1 more)"


def test_a_training_that_stops_says_why(tmp_path):
    """And again when it is resumed: nothing may have changed."""
    params, data = faults.healthy().with_values({"w_exc_inh": "1"}), load("digits", "train")
    said = []
    for resume in (False, True):
        with pytest.raises(
            DiehlCookError, match=r"image \d+ got fewer than 5 spikes.*inhibition is absent.*doctor"
        ) as stop:
            train(tmp_path / "run", data, params, seed=1, epochs=2, engine="fused", resume=resume)
        said.append(stop.value.args[0])
        run = load_run(tmp_path / "run")
        assert run.facts["train"]["stopped"] == said[-1]
        found = [check.finding for check in examine_run(run) if not check.ok]
        assert found[0] == "the training stopped"
        assert "inhibition is absent or too weak" in found
    assert said[0].split(":")[0] == said[1].split(":")[0]
    with pytest.raises(DiehlCookError, match="training stopped: image"):
        run.trained()


def test_a_resumed_training_is_no_longer_stopped(tmp_path):
    """run.json says so as soon as it goes on."""
    params, data, folder = faults.healthy(), load("digits", "train"), tmp_path / "run"
    with pytest.raises(Interrupted):
        train(folder, data, params, seed=1, engine="fused", cancelled=lambda: True)
    run = load_run(folder)
    run.facts["train"] |= {"stopped": "for a test", "health": []}
    run.save()
    with pytest.raises(Interrupted):
        train(folder, data, params, seed=1, engine="fused", resume=True, cancelled=lambda: True)
    assert "stopped" not in load_run(folder).facts["train"]


def diehlcook(*arguments):
    command = [sys.executable, "-m", "diehlcook", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_doctor_lists_checks_and_exits_3_if_strict(healthy, tmp_path):
    done = diehlcook("doctor", "--run", healthy[0], "--strict")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("ok  ") == len(healthy[1])
    assert f"is healthy: nothing found in {len(healthy[1])} checks" in done.stdout
    (frozen,) = (fault for fault in faults.FAULTS if "theta is frozen" in fault.findings)
    faults.examine(frozen, tmp_path / "run")
    done = diehlcook("doctor", "--run", tmp_path / "run", "--strict")
    assert done.returncode == 3
    assert "!!  theta" in done.stdout
    assert "change: theta_plus" in done.stdout
    assert diehlcook("doctor", "--run", tmp_path / "run").returncode == 0
    facts = json.loads(diehlcook("doctor", "--run", tmp_path / "run", "--json").stdout)
    assert {"theta is frozen", "one neuron takes all"} <= {one.get("finding") for one in facts["health"]}


def test_a_running_training_is_read_from_its_checkpoint(tmp_path):
    """`doctor` and `plot --follow` see what the newest checkpoint has."""
    params, data, stop = faults.healthy(), load("digits", "train"), []
    folder = tmp_path / "run"
    with pytest.raises(Exception, match="saved after"):
        train(
            folder, data, params, seed=1, engine="fused",
            progress=lambda done, words: stop.append(done), cancelled=lambda: len(stop) > 3,
        )  # fmt: skip
    recorded = read_evidence(load_run(folder))
    assert recorded.images == stop[-1] == len(recorded.history) == len(recorded.counts)
    assert (recorded.counts.sum(axis=1) == recorded.history["spikes"]).all()
    assert recorded.weights.shape == (784, 50)
    whole = train(tmp_path / "whole", data.head(recorded.images), params, seed=1, engine="fused")
    np.testing.assert_array_equal(whole.theta(), recorded.theta)
    assert examine_run(load_run(folder))


def test_doctor_on_a_training_that_has_only_begun(tmp_path):
    with pytest.raises(Interrupted):
        train(tmp_path, load("digits", "train"), faults.healthy(), engine="fused", cancelled=lambda: True)
    done = diehlcook("doctor", "--run", tmp_path, "--strict")
    assert (done.returncode, "too early to tell" in done.stdout) == (0, True)


def test_progress_tells_the_accuracy_of_the_newest_images(monkeypatch):
    """Labels from the window before; while a window is young, the accuracy of the last whole one."""
    monkeypatch.setattr("diehlcook.analysis.history.LATEST", 50)
    record = History(faults.healthy(), 1000, 1, 30, seed=0)
    assert record.window == 200
    labels = np.arange(1000) % 30
    responses = np.zeros((1000, 50), np.uint16)
    responses[np.arange(1000), labels] = 9  # neuron k responds to class k
    rng, told = np.random.default_rng(0), {}
    responses[400:450] = rng.permutation(responses[400:450])  # 50 images with answers of others
    for position in range(10, 1001, 10):
        record.ring[position - 10 : position] = responses[position - 10 : position]
        record.ring_labels[position - 10 : position] = labels[position - 10 : position]
        record.position = position
        if position % 200 == 0:
            record.close_window()
        told[position] = record.latest_accuracy()
    assert told[190] is told[200] is told[240] is None
    assert told[250] == told[390] == (1.0, 50)
    assert told[400] == told[440] == (1.0, 200)
    assert told[450][0] < 0.3
    assert told[450][1] == 50
    assert told[500] == (1.0, 50)
    assert told[600] == (150 / 200 + told[450][0] * 50 / 200, 200)


def test_the_end_of_the_first_lockout_is_no_seizure():
    """In `brian2-example` all 400 neurons may spike at once 50 ms after the start; later that is an instability."""
    params, whole = load_preset("brian2-example"), evidence()
    history = whole.history[:60].copy()
    for image, unstable in ((0, False), (5, True)):
        history["spikes"] = 10
        history["spikes"][image] = 413  # seen in training on MNIST, in image 0, and never again
        check = health.seizures(whole._replace(params=params, images=60, history=history))
        assert check.ok != unstable
    history["spikes"] = 10
    history["spikes"][0] = 413  # without a lock-out nothing explains it
    free = params.with_values({"lockout_exc": "0 ms"})
    assert not health.seizures(whole._replace(params=free, images=60, history=history)).ok


def digits():
    return load("digits", "train").images[:200]


def spanning(low, high):
    """Digits with grey values from `low` to `high`."""
    return (low + digits().astype(float) / 255 * (high - low)).round().astype(np.uint8)


INVERTED, VEILED, DIM = (
    "the images look inverted",
    "the background of the images is not black",
    "the images are dim",
)


@pytest.mark.parametrize(
    ("images", "found"),
    [
        (spanning(0, 255), []),
        (spanning(0, 200), []),
        (spanning(0, 1), [DIM]),
        (spanning(0, 16), [DIM]),
        (spanning(0, 100), [DIM]),
        (spanning(255, 0), [INVERTED]),
        (spanning(1, 0), [INVERTED, DIM]),
        (spanning(200, 30), [INVERTED]),
        (spanning(60, 255), [VEILED]),
        (spanning(40, 100), [VEILED, DIM]),
        (np.concatenate([spanning(0, 255), spanning(255, 0)[:100]]), [INVERTED]),
        (np.concatenate([spanning(0, 16), spanning(0, 255)[:1]]), [DIM]),
        (spanning(0, 16)[:, 10:14, 10:14], [DIM]),
        (spanning(0, 255)[:, 12:13, :], []),
    ],
    ids=[
        "as MNIST", "to 200", "0 and 1", "to 16", "to 100", "inverted", "inverted 0 and 1",
        "inverted and narrow",
        "grey background", "grey background and dim", "a third inverted", "one bright image among dim ones",
        "too small for a border", "one row",
    ],
)  # fmt: skip
def test_images_that_do_not_fit_are_named_before_and_after_training(images, found):
    grey = grey_values(images)
    assert [check.finding for check in health.foreseen(load_preset(), grey)] == found
    assert findings(grey=grey) == found
    assert [check.finding for check in examine(evidence(grey=grey, images=3))] == found


def test_the_words_about_images_say_what_they_are():
    (dim,) = health.foreseen(load_preset(), grey_values(spanning(0, 1)))
    assert dim.measured == "the largest grey value is 1 of 255"
    assert dim.change == "the data: multiply grey values by 255"
    (one_bright,) = health.foreseen(
        load_preset(), grey_values(np.concatenate([spanning(0, 16), spanning(0, 255)[:1]]))
    )
    assert one_bright.measured == "half of the images have no grey value above 16 of 255"
    (inverted,) = health.foreseen(load_preset(), grey_values(255 - digits()))
    assert str(inverted).startswith("the images look inverted: 100% of the images are bright along")


def test_grey_values_of_images_by_hand():
    images = np.zeros((3, 5, 6), np.uint8)
    images[0, 1:4, 1:5] = 90
    images[1] = 200 - images[0]
    images[2] = 7
    assert grey_values(images) == {
        "mean": pytest.approx((12 * 90 + 30 * 200 - 12 * 90 + 30 * 7) / 90, abs=1e-3),
        "largest": 200,
        "brightest": 90,
        "background": 7,
        "bright_borders": 0.3333,
    }


@pytest.mark.parametrize("integrator", ["euler", "exponential_euler"])
@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"dt": "0.5 ms"}, None),
        ({"dt": "1 ms"}, "dt is 1 ms, against tau_ge (1 ms)"),
        ({"dt": "1 ms", "tau_ge": "2 ms"}, None),
        ({"dt": "1 ms", "tau_ge": "2 ms", "tau_gi": "1 ms"}, "dt is 1 ms, against tau_gi (1 ms)"),
        ({"dt": "0.5 ms", "tau_ge": "0.5 ms"}, "dt is 0.5 ms, against tau_ge (0.5 ms)"),
        ({"dt": "5 ms", "refractory_inh": "5 ms"}, "dt is 5 ms, against tau_ge (1 ms) and tau_gi (2 ms)"),
    ],
)
def test_a_time_step_that_is_coarse_for_the_conductances(settings, named, integrator):
    params = load_preset("paper-triplet-100").with_values(settings | {"integrator": integrator})
    found = {check.finding: check for check in examine(evidence(params=params)) if not check.ok}
    assert set(found) == ({"the time step is too coarse"} if named else set())
    known = health.foreseen(params, grey_values(digits()))
    assert [check.measured for check in known] == ([named] if named else [])
    if named:
        shortest = min(params.tau_ge, params.tau_gi)
        assert known[0].change == f"dt to {500 * shortest:g} ms or less"


def test_no_preset_is_told_to_mend_what_is_known_before_training():
    from diehlcook.model.params import preset_names

    grey = grey_values(digits())
    assert {name: health.foreseen(load_preset(name), grey) for name in preset_names()} == {
        name: [] for name in preset_names()
    }


def test_training_warns_of_what_is_known_before_and_records_it(tmp_path, caplog):
    data = faults.inverted(load("digits", "train").head(60))
    params = faults.healthy().with_values({"dt": "1 ms"})
    with pytest.raises(Interrupted):
        train(tmp_path, data, params, engine="fused", cancelled=lambda: True)
    said = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert [one.split(":")[0] for one in said] == ["the images look inverted", "the time step is too coarse"]
    run = load_run(tmp_path)
    assert run.facts["train"]["grey"] == grey_values(data.images)
    # A running training that has only begun; then an earlier version's, which did not record it
    expected = ["the images look inverted", "the time step is too coarse"]
    assert [check.finding for check in examine_run(run)] == expected
    del run.facts["train"]["grey"]
    run.save()
    assert [check.finding for check in examine_run(load_run(tmp_path))] == expected[1:]
    with pytest.raises(Interrupted):
        train(tmp_path, data, params, engine="fused", resume=True, cancelled=lambda: True)
    assert [check.finding for check in examine_run(load_run(tmp_path))] == expected


def test_a_training_that_stops_names_the_images_first(tmp_path):
    data = faults.binary(load("digits", "train").head(100))
    with pytest.raises(DiehlCookError, match=r"the images are dim.*change the data: multiply.*by 255"):
        train(tmp_path, data, faults.healthy(), engine="fused")
    checks = [check for check in examine_run(load_run(tmp_path)) if not check.ok]
    assert [check.finding for check in checks][:2] == ["the training stopped", "the images are dim"]
    for check in checks[2:]:
        assert check.change.startswith("that first; if it does not help, ")
        assert check.causes.startswith("probably because of what comes first (the images are dim)")


def rising(values, spread=1e-3, asked_for=5000, **settings):
    """Findings on a training of 100 neurons in which theta rises by these values, a step at a time."""
    params = load_preset("paper-triplet-100").with_values(settings)
    history = evidence().history
    history["theta_mean"] = 10e-3 + np.interp(np.arange(5000), np.linspace(0, 4999, len(values)), values)
    theta = 10e-3 + values[-1] + spread * np.linspace(-1, 1, 100) * 3**0.5
    return findings(params=params, history=history, theta=theta, asked_for=asked_for)


def test_a_training_is_too_short_while_theta_rises_as_at_first():
    short = ["not trained long enough"]
    assert rising([0, 4e-3, 8e-3]) == short
    assert rising([0, 8e-3, 12e-3]) == rising([0, 7e-3, 8e-3]) == []  # enough, or no longer as at first
    assert rising([0, 11e-3, 22e-3], 12e-3) == []  # 50 images per neuron: whatever it is, they are many
    assert rising([0, 4e-3, 8e-3], asked_for=5001) == rising([0, 4e-3, 8e-3], asked_for=0) == []  # goes on
    assert rising([0, 2e-3, 2.5e-3]) == []  # no longer as at first, after 50 images per neuron
    assert rising([0, -1e-3, -2e-3]) == []
    assert rising([0, 4e-3, 8e-3], theta_plus="0.001 mV") == []  # the step is what is wrong
    few = with_size(load_preset("paper-triplet-100"), 400)
    history = evidence().history
    history["theta_mean"] = np.linspace(10e-3, 30e-3, 5000)
    theta = np.linspace(0, 60e-3, 400)
    uneven = evidence(
        params=few, history=history, theta=theta, asked_for=5000, counts=None, spikes=None, windows=None,
        weights=np.repeat(evidence().weights, 4, axis=1),
    )  # fmt: skip
    hardly = history.copy()
    hardly["theta_mean"] = np.interp(np.arange(5000), [0, 2500, 5000], [27.5e-3, 29.5e-3, 30e-3])
    assert [c.finding for c in examine(uneven._replace(history=hardly)) if not c.ok] == short
    found = [check for check in examine(uneven) if not check.ok]
    assert [check.finding for check in found] == short
    assert found[0].measured.startswith("12.5 images per neuron, theta has risen by 20.0 ± 17.4 mV, 50%")


def test_short_trainings_with_a_lockout_are_not_judged_as_if_they_were_settled():
    """25 images per neuron, but with 7 spikes at most of a neuron in an image theta has hardly risen."""
    params = with_size(load_preset("brian2-example"), 50).with_values({"dt": "0.5 ms"})
    history = evidence().history[:1300].copy()
    history["spikes"] = 15
    counts = evidence().counts[:1000, :50].copy()
    counts[:, 3] = 9
    changes = {
        "params": params, "images": 1300, "windows": None, "counts": counts,
        "spikes": counts.sum(axis=0, dtype=np.int64), "spikes_of": 1000,
        "weights": np.random.default_rng(3).random((784, 50)) + 0.01, "theta": np.linspace(20e-3, 23e-3, 50),
    }  # fmt: skip
    changes["weights"] *= 78 / changes["weights"].sum(axis=0)
    history["theta_mean"] = 20e-3
    assert findings(**changes, history=history) == []
    history["spikes"] = 200
    assert "neurons do not specialise" in findings(**changes, history=history)


def test_the_end_of_the_first_lockout_is_no_lack_of_inhibition():
    """In the first image all spike once; a training that stops after a few images is not told to inhibit more."""
    params = load_preset("brian2-example")
    counts = np.zeros((6, 400), np.uint16)
    counts[:, :7] = 2
    counts[0] = 1
    history = evidence().history[:6].copy()
    history["spikes"] = counts.sum(axis=1)
    history["presentations"][-1], history["spikes"][-1] = 20, 2
    changes = {"params": params, "images": 6, "counts": counts, "history": history, "unanswered": True}
    assert health.inhibition(evidence(**changes)).ok
    counts[1:, :300] = 1
    assert not health.inhibition(evidence(**changes)).ok


@pytest.mark.parametrize("n_exc", [100, 400])
def test_a_short_training_of_the_example_script_raises_no_alarm(tmp_path, n_exc):
    """But that it is short, which the thresholds do not hide that the first lock-out raised at once."""
    params = load_preset("brian2-example").with_values({"dt": "0.5 ms", "n_exc": n_exc})
    run = train(tmp_path, load("digits", "train").head(60), params, seed=1, engine="fused")
    found = [check.finding for check in examine_run(run) if not check.ok]
    assert found == ["not trained long enough"]


def everything_wrong():
    """Checks of all kinds of networks, with whatever finding they can have."""
    rng = np.random.default_rng(5)
    base = load_preset("paper-triplet-100")
    settings = [
        {}, {"normalise": "image"}, {"normalise": "never"}, {"self_inhibition": "true"},
        {"integrator": "euler"},
        {"eta_pre": "0", "eta_post": "0"}, {"theta_plus": "0 mV"}, {"w_exc_inh": "1", "w_inh_exc": "0"},
        {"rule": "power-law", "normalise": "never"}, {"theta_init": "0 mV"}, {"tau_gi": "200 ms"},
        {"normalise_every": "100"}, {"rule": "exponential", "normalise": "presentation"},
    ]  # fmt: skip
    for n in (1, 2, 10, 100):
        for one in settings:
            p = with_size(base, n).with_values(one)
            whole = evidence()
            for trial in range(12):
                history = whole.history.copy()
                history["presentations"] = rng.choice([1, 3, 20])
                history["spikes"] = rng.choice([2, 20, 5000])
                history["spikes"][7] = 1e6
                counts = np.zeros((2000, n), np.uint16)
                counts[:, : max(1, n // (1 + trial % 3 * 50))] = rng.choice([0, 1, 70])
                weights = rng.choice([0.0, 1e-3, 0.5, 1.0]) * (rng.random((784, n)) if trial % 2 else 1)
                yield p, examine(
                    whole._replace(
                        params=p, history=history, counts=counts, spikes=counts.sum(axis=0, dtype=np.int64),
                        weights=np.broadcast_to(weights, (784, n)), windows=window(100), unanswered=trial > 5,
                        theta=np.full(n, rng.choice([0.0, 40e-3, 90e-3])),
                    )
                )  # fmt: skip


def test_nothing_is_advised_that_is_so_already_or_that_would_change_nothing():
    from diehlcook.model.rules import EQUATIONS

    of_rules = {name for name in FIELDS if any(rule.uses(name) for rule in EQUATIONS.values())}
    seen, advised = set(), set()
    for p, checks in everything_wrong():
        for check in checks:
            if check.ok:
                continue
            seen.add(check.finding)
            assert check.change
            for piece in check.change.split(", or "):
                name, _, rest = piece.partition(" ")
                if name not in FIELDS:
                    continue
                advised.add(name)
                how, _, value = rest.partition(" ")
                value = value.split(" (")[0]
                if how == "to":
                    assert Params.parse(name, value) != getattr(p, name), check
                    assert f"(now {p.text(name)})" in rest
                else:
                    assert value == f"from {p.text(name)}", check
                    assert how == "up" or getattr(p, name) > 0, check
                if "usual: " in rest:
                    usual = Params.parse(name, rest.partition("usual: ")[2].rstrip(")"))
                    assert usual > getattr(p, name) if how == "up" else usual < getattr(p, name), check
                assert name in EQUATIONS[p.rule].neuron + "".join(EQUATIONS[p.rule]) or name not in of_rules
                if p.n_exc == 1 and not p.self_inhibition:
                    assert name not in ("w_exc_inh", "w_inh_exc", "tau_gi"), check
                if p.normalise == "never":
                    assert name not in ("weight_sum", "normalise_every"), check
                if p.rule == "power-law":
                    assert name != "normalise", check
    assert {"integrator", "normalise", "self_inhibition", "w_inh_exc", "theta_plus", "eta_pre"} <= advised
    assert len(seen) > 12


def test_a_second_unstable_training_is_not_told_to_take_the_integrator_that_it_has():
    params = load_preset("paper-triplet-100").with_values({"integrator": "euler"})
    assert health.unstable("", params).change.startswith("integrator to exponential_euler (now euler)")
    implicit = params.with_values({"integrator": "exponential_euler"})
    assert health.unstable("", implicit).change == "dt down from 0.5 ms"


@pytest.mark.parametrize(
    ("accuracy", "images", "classes", "found"),
    [
        (0.14, 510, 10, "the accuracy is hardly above chance"),
        (0.14, 10_000, 10, "the accuracy is hardly above chance"),
        (0.11, 510, 10, "the accuracy is at chance"),
        (0.30, 10_000, 10, "the accuracy is hardly above chance"),
        (0.35, 510, 10, ""),
        (0.60, 10_000, 2, "the accuracy is hardly above chance"),
        (0.65, 10_000, 2, ""),
        (0.65, 60, 2, ""),
        (0.60, 60, 2, "the accuracy is at chance"),
        (0.20, 10_000, 100, "the accuracy is hardly above chance"),
        (0.30, 10_000, 100, ""),
        (1.00, 10_000, 1, ""),
        (0.05, 40, 10, ""),
    ],
)
def test_an_accuracy_has_to_be_well_above_chance(accuracy, images, classes, found):
    assert health.above_chance(accuracy, images, classes).finding == found


def test_an_accuracy_is_measured_by_what_guessing_and_the_neurons_allow():
    """Nine of ten images of one class; five neurons for ten classes; one neuron."""
    above = health.above_chance
    assert above(0.9, 1000, 10, largest=0.9).finding == "the accuracy is at chance"
    assert above(0.95, 1000, 10, largest=0.9).ok
    assert above(0.25, 1000, 10, neurons=5).ok
    assert not above(0.25, 1000, 10, neurons=10).ok
    assert above(0.1, 1000, 10, neurons=1).ok  # it cannot be better, which `labelling` says


def test_more_epochs_do_not_help_where_neurons_are_fewer_than_classes():
    per_class = [1, 0, 0]
    assert health.labelling(per_class, [0, 1, 2], 1).change == "--n-exc up from 1"
    assert health.labelling(per_class, [0, 1, 2], 3).change == "--epochs up, or --n-exc up from 3"
    assert health.labelling([1, 1, 1], [0, 1, 2], 3).ok


def test_every_check_says_what_is_usual_where_the_limit_is_and_what_it_is_from(healthy):
    for check in healthy[1]:
        assert check.normal, check.name
        assert check.limit, check.name
        assert check.window, check.name
        assert check.scale == f"usual: {check.normal}; limit: {check.limit}; from {check.window}"
    windows = {check.name: check.window for check in healthy[1]}
    assert windows["activity"] == "the newest 1,000 images"
    assert windows["dead neurons"] == windows["duration"] == "all 2,574 images"
    assert windows["weights"] == "the state after 2,574 images"
    shown = diehlcook("doctor", "--run", healthy[0]).stdout
    assert "usual: " in shown
    assert "from the newest 1,000 images" in shown


def test_what_is_usual_follows_from_size_and_rule():
    def usual(preset, name):
        (check,) = (c for c in examine(evidence(params=load_preset(preset))) if c.name == name)
        return check.normal

    # docs/results.md: 14 to 27 spikes per image with the triplet rule, 18 to 32 with the others
    assert usual("paper-triplet-100", "activity").startswith("11 to 22 ")
    assert usual("paper-triplet-400", "activity").startswith("14 to 27 ")
    assert usual("paper-power-law-400", "activity").startswith("18 to 34 ")
    assert usual("paper-triplet-6400", "activity").startswith("21 to 41 ")
    assert usual("paper-triplet-400", "inhibition") == "4 to 12"
    assert usual("paper-triplet-6400", "inhibition") == "10 to 27"
    assert usual("paper-triplet-400", "theta").startswith("35 to 55 mV")
    assert usual("paper-exponential-400", "theta").startswith("45 to 62 mV")
    assert usual("paper-triplet-400", "monopoly").startswith("0.2% to 0.5%")
