"""The benchmark that puts contestants side by side: what it counts, what it asks of a contestant, and what its page says."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import load_script

speed = load_script("speed")


def test_a_milestone_is_the_end_of_the_first_window_that_is_right_enough(monkeypatch):
    monkeypatch.setattr(speed, "WINDOW", 10)
    monkeypatch.setattr(speed, "STEP", 5)
    labels = np.arange(60) % 2
    counts = np.zeros((60, 2), np.uint16)
    counts[np.arange(60), labels] = 5
    # labels by images 0 to 9, judged by 10 to 19
    assert speed.milestones(counts, labels) == {"0.7": 20, "0.8": 20}
    counts[:40] = 5, 0
    # at first one neuron says the same of everything; images 35 to 44 are the first to label the other, 45 to 54 judge
    assert speed.milestones(counts, labels) == {"0.7": 55, "0.8": 55}


def test_what_is_never_reached_is_not_among_the_milestones(monkeypatch):
    monkeypatch.setattr(speed, "WINDOW", 10)
    monkeypatch.setattr(speed, "STEP", 5)
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 3, (80, 6)).astype(np.uint16)
    assert speed.milestones(counts, rng.integers(0, 6, 80)) == {}


@pytest.fixture
def images(tmp_path, strokes):
    path = tmp_path / "images.npy"
    np.save(path, np.resize(strokes.reshape(-1, 784), (40, 784)))
    return path


def test_a_contestant_of_the_package_learns_shows_and_counts(images, tmp_path):
    one = speed.of_package("fused", "brian2-example", 0)
    worker = one.open(images, 100)
    try:
        state, counts = tmp_path / "state.npz", tmp_path / "counts.npy"
        assert worker.ask(f"save {state} 12") == "done"
        assert int(np.load(state)["protocol.position"][0]) <= 12
        assert worker.ask(f"open {state}") == "done"
        assert float(worker.ask("show 3")) > 0
        cpu, presentations = map(float, worker.ask(f"course 8 {counts}").split())
        assert cpu > 0
        assert presentations >= 1
        assert np.load(counts).shape == (8, 100)
        assert (np.load(counts).sum(axis=1) >= 5).all()  # an image is shown again until five spikes have come
    finally:
        worker.close()


def test_a_contestant_that_cannot_start_is_said_by_name(images):
    with pytest.raises(SystemExit, match=r"no-such-engine, .*100 neurons: the process has ended"):
        speed.of_package("no-such-engine", "brian2-example", 0).open(images, 100)


def test_the_page_has_ratios_to_the_classic_loop_and_times_to_an_accuracy():
    fused, classic = "fused, `brian2-example`", speed.CLASSIC.label
    record = {
        "ms": {fused: {"100": [1.0], "400": [2.0, 4.0, 3.0]}, classic: {"100": [300.0], "400": [600.0]}},
        "MiB": {fused: {"100": 50.0, "400": 60.0}},
        "starts": {fused: {"again": [1.0]}, classic: {"first": [90.0], "again": [2.0]}},
        "courses": {
            fused: {
                "400": {"images": 10_000, "reached": {"0.7": 1_000}, "presentations_per_image": 1.5}
            }
        },
        "machine": {
            "date": "2026-11-26", "processor": "abacus", "cores": "2", "AVX-512": "no", "load": "0.0",
            "versions": "v",
        },
        "repeats": 3,
    }  # fmt: skip
    text = speed.tables(json.loads(json.dumps(record)))
    assert f"| {fused} | 1 | 3 (2–4) | 200 | 50 | 60 |" in text
    assert f"| {classic} | 300 | 600 | 1 |  |  |" in text
    # one start, 1,000 images of 1.5 presentations of 3 ms
    assert f"| {fused} | 400 | 1,000 | not in 10,000 | 5.5 s |  |" in text
    # the classic loop has the same model, so it needs the same images: 2 s and 1,500 presentations of 0.6 s
    assert f"| {classic} | 400 | 1,000 | not in 10,000 | 15 min |  |" in text


def test_peak_memory_of_a_process_is_seen():
    worker = speed.Worker(
        "memory",
        [
            sys.executable,
            "-c",
            "print(0, flush=True)\nfor _ in open(0):\n b = b'1' * 10**8; print(1, flush=True)",
        ],
    )
    try:
        with speed.Peak(worker.process.pid) as peak:
            worker.answer()
            worker.ask("go")
            worker.ask("go")
        assert peak.mebibytes > 50 or not Path("/proc/self/status").exists()
    finally:
        worker.close()
