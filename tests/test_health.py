"""The health check: every fault that is injected is found, nothing is found in a healthy network, whenever it is asked."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import load_script

from diehlcook import health
from diehlcook.datasets import load
from diehlcook.errors import DiehlCookError
from diehlcook.health import Evidence, examine
from diehlcook.params import load_preset
from diehlcook.recorded import examine_run, read_recorded
from diehlcook.run import load_run
from diehlcook.train import HISTORY, Record, train

faults = load_script("faults")


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("healthy")
    return folder, faults.examine(None, folder)


@pytest.mark.parametrize("fault", faults.FAULTS, ids=lambda fault: "; ".join(fault.findings))
def test_a_fault_is_found(fault, tmp_path, healthy):
    checks = faults.examine(fault, tmp_path)
    findings = {check.finding: check for check in checks if not check.ok}
    assert set(fault.findings) <= set(findings)
    for name in fault.findings:
        assert all(findings[name])  # every field says something
        assert findings[name].name in {check.name for check in healthy[1]} | {"seizures"}


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
    monkeypatch.setattr("diehlcook.train.CHUNK_SECONDS", 0.0)  # chunks of 100 presentations
    train(tmp_path / "run", load("digits", "train"), faults.healthy(), seed=2, epochs=2, engine="fused")
    assert len(examined) > 20
    assert [one for one in examined if one[1]] == []


def test_every_finding_is_provoked_by_a_fault():
    calls = [
        node for node in ast.walk(ast.parse(Path(health.__file__).read_text())) if isinstance(node, ast.Call)
    ]
    checks = [call for call in calls if getattr(call.func, "id", "") == "Check" and len(call.args) > 3]
    assert {call.args[3].value for call in checks} == {
        name for fault in faults.FAULTS for name in fault.findings
    }


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
    return Evidence(params, 5000, history, counts, weights, theta, (0.8, 1000))._replace(**changes)


def findings(**changes):
    return [check.finding for check in examine(evidence(**changes)) if not check.ok]


def test_limits_of_single_checks():
    assert findings() == []
    few = evidence().history.copy()
    few["spikes"] = 4
    assert findings(history=few) == ["the network is silent"]
    again = evidence().history.copy()
    again["presentations"][-1000:] = 2
    assert findings(history=again) == ["the input is too weak"]
    again["presentations"][-1000:] = np.arange(1000) % 5 // 4 + 1  # every fifth image twice
    assert findings(history=again) == []
    assert findings(weights=0.1 * evidence().weights) == [
        "normalisation drifts",
        "weights collapse to zero",
    ]
    assert findings(weights=np.repeat(evidence().weights[:, :1], 100, axis=1)) == [
        "neurons learn all the same"
    ]
    assert findings(accuracy=(0.11, 1000)) == ["the accuracy is at chance"]
    assert findings(theta=np.full(100, 40e-3)) == ["theta is frozen"]
    high = evidence().theta.copy()
    high[:6] = 67e-3
    assert findings(theta=high) == ["theta has run away"]
    high[:2] = 40e-3
    assert findings(theta=high) == []


def test_what_is_not_there_is_not_judged():
    bare = evidence(history=None, counts=None, accuracy=None)
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
    two = examine(evidence(weights=0.1 * evidence().weights))
    assert health.in_short(two) == "normalisation drifts (and 1 more)"


def test_a_training_that_stops_says_why(tmp_path):
    params = faults.healthy().with_values({"w_exc_inh": "1"})
    with pytest.raises(
        DiehlCookError, match=r"image \d+ got fewer than 5 spikes.*inhibition is absent.*doctor"
    ):
        train(tmp_path / "run", load("digits", "train"), params, seed=1, epochs=2, engine="fused")
    run = load_run(tmp_path / "run")
    assert "got fewer than 5 spikes" in run.facts["train"]["stopped"]
    assert "inhibition is absent or too weak" in [check.finding for check in examine_run(run)]


def diehlcook(*arguments):
    command = [sys.executable, "-m", "diehlcook", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_doctor_lists_checks_and_exits_3_if_strict(healthy, tmp_path):
    done = diehlcook("doctor", "--run", healthy[0], "--strict")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("ok  ") == len(healthy[1])
    assert "is healthy: nothing found in 13 checks" in done.stdout
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
    with pytest.raises(Exception, match="saved at image"):
        train(
            folder, data, params, seed=1, engine="fused",
            report=lambda done, words: stop.append(done), cancelled=lambda: len(stop) > 3,
        )  # fmt: skip
    recorded = read_recorded(load_run(folder))
    assert recorded.images == stop[-1] == len(recorded.history) == len(recorded.counts)
    assert (recorded.counts.sum(axis=1) == recorded.history["spikes"]).all()
    assert recorded.weights.shape == (784, 50)
    whole = train(tmp_path / "whole", data.head(recorded.images), params, seed=1, engine="fused")
    np.testing.assert_array_equal(whole.theta(), recorded.theta)
    assert examine_run(load_run(folder))


def test_accuracy_of_the_newest_images():
    """Labels from the window before; while a window is young, the accuracy of the last whole one."""
    params = faults.healthy()
    record = Record(params, 1000)
    assert record.window == 200
    rng = np.random.default_rng(0)
    record.ring_labels[:] = np.arange(1000) % 10
    record.ring[:] = 0
    record.ring[np.arange(1000), record.ring_labels] = 9  # neuron k responds to class k
    record.ring[400:500] = rng.permutation(record.ring[400:500])
    for position in (200, 400):
        record.close_window(position)
    record.position = 150
    assert Record(params, 1000).newest_accuracy() is None
    record.position = 410
    assert record.newest_accuracy() == (1.0, 200)
    record.position = 600
    record.close_window(600)
    share, images = record.newest_accuracy()
    assert (images, share) == (200, record.accuracy[-1]["correct"] / 200)
    assert 0.5 < share < 0.65
