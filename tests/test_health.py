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
from diehlcook.data.datasets import load
from diehlcook.engines.base import Model
from diehlcook.errors import DiehlCookError
from diehlcook.model.params import load_preset
from diehlcook.phases.train import train
from diehlcook.progress import Interrupted
from diehlcook.runs.checkpoints import Checkpoints
from diehlcook.runs.files import save_array
from diehlcook.runs.run import Run, load_run

faults = load_script("faults")


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("healthy")
    return folder, faults.examine(None, folder)


@pytest.mark.parametrize("fault", faults.FAULTS, ids=lambda fault: "; ".join(fault.findings))
def test_a_fault_is_found(fault, tmp_path):
    checks = faults.examine(fault, tmp_path)
    findings = {check.finding: check for check in checks if not check.ok}
    assert set(fault.findings) <= set(findings)
    for name in fault.findings:
        assert all(findings[name])  # every field says something


def test_nothing_is_found_in_a_healthy_network(healthy):
    checks = healthy[1]
    assert [str(check) for check in checks if not check.ok] == []
    assert (
        len({check.name for check in checks}) == len(checks) - 1 == 12
    )  # accuracy in training, and in the test


def test_nothing_is_found_at_any_time_of_a_healthy_training(tmp_path, monkeypatch):
    examined = []

    def watching(evidence):
        checks = examine(evidence)
        examined.append((evidence.images, [str(check) for check in checks if not check.ok]))
        return checks

    monkeypatch.setattr(health, "examine", watching)
    monkeypatch.setattr("diehlcook.phases.train.CHUNK_SECONDS", 0.0)  # chunks of 100 presentations
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
    assert findings(history=three, windows=window(400)) == []
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

    facts = {"images": 25_000, "epochs": 1, "finished": False}
    run = Run(tmp_path, "", params, 0, "mnist", Model(params, True), {"train": facts})
    state = {"state.inp_exc.w": w, "state.exc.theta": theta}
    Checkpoints(tmp_path).save(22_000, state | history.arrays(), {})
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
    assert [check.name for check in examine(bare)] == [
        "normalisation",
        "theta",
        "weights",
        "specialisation",
    ] or {check.name for check in examine(bare)} == {"normalisation", "theta", "weights", "specialisation"}
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
        said.append(str(stop.value))
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
            report=lambda done, words: stop.append(done), cancelled=lambda: len(stop) > 3,
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
