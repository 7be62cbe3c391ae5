"""The rows per image that phases record, and the statistics of the example script: against presentations shown one by one."""

import numpy as np
import pytest

from diehlcook import export_run, load_run
from diehlcook.data.datasets import Dataset
from diehlcook.engines.base import Model
from diehlcook.engines.registry import open_engine
from diehlcook.errors import DiehlCookError
from diehlcook.model import wiring
from diehlcook.model.stimulus import stream_key
from diehlcook.phases.observe import observe
from diehlcook.phases.test import test as judge
from diehlcook.phases.train import train
from diehlcook.runs.rows import PER_IMAGE, PRESENTED, per_image

SEED, FAINT, SILENT = 3, 5, 2
pytestmark = pytest.mark.usefixtures("without_raster")


def one_by_one(network, state, images, params):
    """Show presentations one by one; yield for each image how often it was shown, its spikes, and weights and theta after it."""
    shown, position = 0, 0
    while position < len(images):
        before = state
        state, responses = network.advance(state, images[position:], presentations=1)
        shown += 1
        spikes = int(responses.counts[0].sum())
        if spikes >= params.min_spikes or shown == params.max_attempts:
            yield shown, spikes, before, state
            shown, position = 0, position + 1


@pytest.fixture(scope="module")
def shown(strokes, smoke, tmp_path_factory):
    """A run of 12 strokes, of which one is faint in training, and one silent in observe and test."""
    images, labels = strokes[:12].copy(), np.arange(12) % 3
    images[FAINT] //= 3
    params = smoke.with_values({"max_attempts": "8"})
    run = train(
        tmp_path_factory.mktemp("rows") / "run",
        (images, labels),
        params,
        seed=SEED,
        engine="fused",
        snapshots=4,
    )
    dark = images.copy()
    dark[SILENT] = 0
    dark[SILENT, 0] = 1
    observe(run, (dark, labels), engine="fused")
    judge(run, Dataset.from_arrays(dark[:4], labels[:4], split="test"), repeats=2, engine="fused")
    return run, images, dark, labels


def test_training_is_what_its_presentations_did(shown, tmp_path):
    run, images, _, labels = shown
    params, delays = run.params, wiring.initial_delays(run.params, SEED)
    with open_engine("fused", Model(params, True), delays) as network:
        begun = network.initial_state(stream_key(SEED, "train"), wiring.initial_weights(params, SEED))
        replayed = list(one_by_one(network, begun, images, params))
    times, spikes, before, after = zip(*replayed, strict=True)
    assert times[FAINT] > 1
    assert times[FAINT - 1] == 1
    rows = per_image(run, "train")
    assert rows.dtype == PER_IMAGE
    assert rows["presentations"].tolist() == list(times)
    assert rows["spikes"].tolist() == list(spikes)
    assert rows["label"].tolist() == labels.tolist()
    np.testing.assert_allclose(rows["intensity"], 1 + np.array(times))  # from 2 in steps of 1
    np.testing.assert_allclose(rows["seconds"], 0.5 * np.array(times))

    export_run(run, tmp_path / "out", "example")
    stats = np.load(tmp_path / "out" / "train_stats.npy")
    assert stats.shape == (13, 7)
    np.testing.assert_array_equal(stats[:, 0], np.cumsum([0, *times]) * 1000)  # steps of 0.5 ms
    np.testing.assert_array_equal(stats[:, 1], np.cumsum([0, *spikes]))
    np.testing.assert_array_equal(stats[:, 6], [-1, *labels])
    # After each image, which is where the presentation recorded of the next one begins
    states = [*before, after[-1]]
    weights = np.array([one["inp_exc.w"].ravel() for one in states])
    theta = np.array([one["exc.theta"] for one in states]) * 1e3
    expected = [weights.mean(axis=1), weights.std(axis=1), theta.mean(axis=1), theta.std(axis=1)]
    np.testing.assert_allclose(stats[:, 2:6].T, expected, rtol=1e-9, atol=1e-6)
    assert stats[FAINT + 1, 2] == pytest.approx(after[FAINT]["inp_exc.w"].mean(), rel=1e-9)
    assert stats[FAINT, 2] != pytest.approx(
        after[FAINT - 1]["inp_exc.w"].mean(), rel=1e-9
    )  # shown again since

    history = np.load(tmp_path / "out" / "train_w_hist.npy")
    assert history.shape == (5, 784 * params.n_exc)
    np.testing.assert_array_equal(history[0], wiring.initial_weights(params, SEED).astype(np.float32).ravel())
    np.testing.assert_array_equal(history[1], after[2]["inp_exc.w"].astype(np.float32).ravel())
    np.testing.assert_array_equal(history[-1], run.weights().astype(np.float32).ravel())


@pytest.mark.parametrize(("phase", "repeats"), [("observe", 1), ("test", 2)])
def test_observe_and_test_are_what_their_presentations_did(shown, phase, repeats, tmp_path):
    run, _, dark, labels = shown
    params = run.params
    images = dark if phase == "observe" else dark[:4]
    replayed = []
    with open_engine("fused", Model(params, False), run.delays()) as network:
        for repeat in range(repeats):
            begun = network.initial_state(stream_key(SEED, phase, repeat), run.weights(), run.theta())
            replayed += [one[:2] for one in one_by_one(network, begun, images, params)]
    times, spikes = np.array(replayed).T
    silent = spikes < params.min_spikes
    assert np.flatnonzero(silent).tolist() == [SILENT + len(images) * repeat for repeat in range(repeats)]
    rows = per_image(run.folder, phase)
    assert rows["presentations"].tolist() == times.tolist()
    assert rows["presentations"][SILENT] == params.max_attempts
    assert rows["intensity"][SILENT] == 9
    assert rows["spikes"].tolist() == np.where(silent, 0, spikes).tolist()
    assert rows["label"].tolist() == labels[: len(images)].tolist() * repeats
    facts = run.facts[phase]
    assert facts["presentations_per_image"] == pytest.approx(times.mean(), abs=1e-4)

    export_run(run, tmp_path / "out", "example")
    stats = np.load(tmp_path / "out" / f"{phase}_stats.npy")
    np.testing.assert_array_equal(stats[:, 0], np.cumsum([0, *times]) * 1000)
    np.testing.assert_array_equal(stats[:, 1], np.cumsum([0, *rows["spikes"]]))
    theta = run.theta() * 1e3
    still = [run.weights().mean(), run.weights().std(), theta.mean(), theta.std()]
    np.testing.assert_allclose(stats[:, 2:6], np.tile(still, (len(stats), 1)))
    assert stats[0, 6] == -1


def test_phases_without_rows_say_so_and_export_what_there_is(shown, tmp_path):
    run = load_run(shown[0].folder)
    (run.folder / "observe_history.npy").rename(tmp_path / "kept.npy")  # as after an earlier version
    try:
        with pytest.raises(
            DiehlCookError, match=r"observe_history.npy: not found; .* run `python -m diehlcook observe"
        ):
            per_image(run, "observe")
        names = [path.name for path in export_run(run, tmp_path / "out", "example")]
    finally:
        (tmp_path / "kept.npy").rename(run.folder / "observe_history.npy")
    assert names == [
        "weights.npy",
        "theta.npy",
        "assign.npy",
        "train_stats.npy",
        "test_stats.npy",
        "confusion.npy",
        "train_w_hist.npy",
    ]
    counted, shares = run.load("confusion"), np.load(tmp_path / "out" / "confusion.npy")
    rows = counted.sum(axis=1)
    assert (rows == 0).any()  # a class without test images, or without answers to them
    np.testing.assert_allclose(shares.sum(axis=1), rows > 0)
    np.testing.assert_allclose(shares * rows[:, np.newaxis], counted)
    with pytest.raises(DiehlCookError, match="unknown phase 'traim'; did you mean"):
        per_image(run, "traim")
    assert [path.name for path in export_run(run, tmp_path / "matrix", "matrix")] == [
        "weights.npy",
        "theta.npy",
        "assignments.npy",
    ]


def test_statistics_of_another_network_do_not_stay_beside_the_new_files(shown, tmp_path):
    run = load_run(shown[0].folder)
    export_run(run, tmp_path / "out", "example")
    del run.facts["test"]
    with pytest.raises(DiehlCookError, match=r"test_stats.npy: is there, and the run has no such record"):
        export_run(run, tmp_path / "out", "example", force=True)


def test_rows_of_another_layout_are_refused(shown, tmp_path, monkeypatch):
    run = load_run(shown[0].folder)
    monkeypatch.setattr("diehlcook.runs.rows.PRESENTED", np.dtype([*PRESENTED.descr, ("more", "i4")]))
    with pytest.raises(
        DiehlCookError, match=r"test_history.npy: has another layout .* diehlcook test .* again"
    ):
        per_image(run, "test")
