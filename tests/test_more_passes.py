"""A training that goes on for more passes is, bit for bit, one that was asked for all of them at once."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from test_phases import diehlcook, ok

import diehlcook.phases.train as training
from diehlcook import load_run
from diehlcook.data import datasets
from diehlcook.engines.base import Engine, Responses
from diehlcook.engines.registry import Choice
from diehlcook.errors import DiehlCookError
from diehlcook.phases.observe import observe
from diehlcook.phases.test import test
from diehlcook.phases.train import train
from diehlcook.runs import layout, schedule, snapshots


def contents(folder):
    """All arrays of a run, by their place in it, and what run.json says but for times."""
    arrays = {str(path.relative_to(folder)): np.load(path) for path in folder.rglob("*.npy")}
    facts = dict(load_run(folder).facts["train"])
    for name in ("wall_s", "started"):
        del facts[name]
    return arrays, facts


def assert_same_run(one, other):
    (arrays, facts), (others, other_facts) = contents(one), contents(other)
    assert facts == other_facts
    assert arrays.keys() == others.keys()
    for name, array in arrays.items():
        assert array.dtype == others[name].dtype
        assert np.array_equal(array, others[name]), name


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits", "train")


@pytest.mark.parametrize("order", ["file", "shuffled"])
def test_two_passes_at_once_or_one_after_the_other(order, digits, smoke, tmp_path):
    params, data = smoke.with_values({"order": order}), digits.head(150)
    train(tmp_path / "at once", data, params, seed=4, epochs=2, engine="fused")
    first = train(tmp_path / "one by one", data, params, seed=4, epochs=1, engine="fused")
    weights = first.weights()
    train(tmp_path / "one by one", data, params, seed=4, epochs=2, engine="fused", resume=True)
    assert_same_run(tmp_path / "at once", tmp_path / "one by one")
    assert not np.array_equal(weights, load_run(tmp_path / "one by one").weights())


class Fake(Engine):
    """Answers at once: the neuron that the image's first pixel names, and one that the position does, spike."""

    def blank_state(self):
        return {
            "protocol.stream": np.zeros(1, np.int64), "protocol.position": np.zeros(1, np.int64),
            "exc.v": np.zeros(self.model.params.n_exc), "inh.v": np.zeros(self.model.params.n_exc),
            "exc.theta": np.full(self.model.params.n_exc, 0.02),
        }  # fmt: skip

    def simulate(self, state, images, presentations, cancelled):
        n = len(images) if presentations < 0 else min(presentations, len(images))
        position = state["protocol.position"][0] + np.arange(n)
        counts = np.zeros((n, self.model.params.n_exc), np.uint16)
        counts[np.arange(n), images[:n].reshape(n, -1)[:, 0] % 16] += 9
        counts[np.arange(n), position % 16] += 5
        new = {name: values.copy() for name, values in state.items()}
        new["protocol.position"] += n
        for where in position:  # one by one, so that the weights do not depend on the chunks
            new["inp_exc.w"][where % 784] *= 0.999
        new["exc.theta"] = np.full(16, 0.02 + 1e-7 * (position[-1] + 1))
        flat = np.full(n, 0.02)
        return new, Responses(
            position, np.zeros(n, np.int32), counts, flat, flat, flat, flat, np.zeros(0, np.int64),
            np.zeros(0, np.int32)
        )  # fmt: skip


@pytest.mark.parametrize(
    ("n_images", "parts", "windows"), [(25_000, (1, 3), [20_000, 30_000]), (150, (1, 2, 40), [300, 450])]
)
def test_windows_and_snapshots_do_not_depend_on_the_total(
    n_images, parts, windows, smoke, tmp_path, monkeypatch
):
    monkeypatch.setattr(training, "open_engine", lambda _name, model, delays: Fake(model, delays))
    rng = np.random.default_rng(0)
    images = rng.integers(1, 256, (n_images, 28, 28), dtype=np.uint8)
    data = datasets._dataset("fake", "train", images, (images[:, 0, 0] % 10).astype(np.uint8))
    params = smoke.with_values({"order": "shuffled"})
    train(tmp_path / "at once", data, params, epochs=parts[-1])
    for epochs in parts:
        run = train(tmp_path / "one by one", data, params, epochs=epochs, resume=epochs > 1)
        assert len(list(run.folder.glob("snapshots/*.npy"))) <= snapshots.USUAL + 2
    assert_same_run(tmp_path / "at once", tmp_path / "one by one")
    found = np.load(run.folder / "train_accuracy.npy")
    assert found["images"].tolist()[: len(windows)] == windows
    assert len(np.load(run.folder / "train_counts.npy")) == min(10_000, n_images * parts[-1])
    assert (run.folder / "snapshots" / f"{n_images * parts[-1]:08d}.npy").exists()


def test_the_grid_of_snapshots():
    """Worked out by hand for passes of 100 images and at most 4 snapshots: every 25th, then every 50th, 100th, 200th."""
    kept = {
        0: {0}, 24: {0}, 25: {0, 25}, 100: {0, 25, 50, 75, 100}, 124: {0, 25, 50, 75, 100},
        125: {0, 50, 100}, 150: {0, 50, 100, 150}, 200: {0, 50, 100, 150, 200}, 225: {0, 100, 200},
        400: {0, 100, 200, 300, 400},
        425: {0, 200, 400}, 600: {0, 200, 400, 600},
    }  # fmt: skip
    for position, expected in kept.items():
        assert schedule.snapshots(position, 100, 4) == expected, position
    assert [schedule.next_snapshot(k, 100, 4) for k in (0, 24, 25, 100, 125, 150, 225)] == [
        25, 25, 50, 125, 150, 200, 300,
    ]  # fmt: skip
    for n_images, most in ((3, 16), (7, 4), (1000, 16)):
        position, seen = 0, set()
        while position < 5 * n_images:
            stop = schedule.next_snapshot(position, n_images, most)
            assert stop > position
            # nothing becomes due between two stops
            assert schedule.snapshots(stop - 1, n_images, most) <= seen | {0, position} | schedule.snapshots(
                position, n_images, most
            )
            seen |= {stop}
            position = stop


@pytest.mark.parametrize(
    ("n_images", "expected"),
    [
        (10, 0),
        (99, 0),
        (150, 150),
        (499, 499),
        (500, 100),
        (1027, 205),
        (19_999, 3999),
        (20_000, 10_000),
        (60_000, 10_000),
    ],
)
def test_windows(n_images, expected):
    assert schedule.window_size(n_images) == expected


# --- the command line


COMMAND = ("train", "--preset", "smoke", "--dataset", "digits", "--samples", "60", "--engine", "fused")


@pytest.mark.usefixtures("without_raster")
def test_later_phases_of_the_shorter_training_are_discarded(tmp_path):
    folder = tmp_path / "run"
    ok(*COMMAND, "--run", folder)
    data, run = datasets.load("digits", "train").head(60), load_run(folder)
    observe(run, data, engine="fused")
    test(run, datasets.load("digits", "test").head(20), engine="fused")
    np.save(folder / "raster_v.npy", np.zeros(3))
    (folder / "figures").mkdir()
    (folder / "report.html").write_bytes(layout.PAGE_MARK + b"of the shorter training")
    done = ok("train", "--run", folder, "--resume", "--epochs", "2", "--engine", "fused")
    assert (
        "going on from 1 to 2 passes; what observe and test made of the shorter training is discarded"
        in done.stderr
    )
    facts = json.loads((folder / "run.json").read_text())
    assert "observe" not in facts
    assert "test" not in facts
    left = {path.name for path in folder.iterdir()}
    assert not left & {
        "observe_counts.npy",
        "assignments.npy",
        "test_counts.npy",
        "confusion.npy",
        "figures",
        "report.html",
    }
    assert not [name for name in left if name.startswith("raster_")]
    ok(*COMMAND, "--run", tmp_path / "at once", "--epochs", "2")
    assert_same_run(tmp_path / "at once", folder)


@pytest.fixture(scope="module")
def two_passes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("passes") / "run"
    ok(*COMMAND, "--run", folder, "--epochs", "2")
    return folder


def refused(folder, *options):
    """The message of a refusal that left everything as it was."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    done = diehlcook("train", "--run", folder, "--resume", "--engine", "fused", *options)
    assert done.returncode == 1, done.stderr
    (line,) = done.stderr.strip().splitlines()
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return line


def test_fewer_passes_are_refused(two_passes):
    line = refused(two_passes, "--epochs", "1")
    assert "cannot resume with --epochs 1, the run was started with 2" in line
    ok("train", "--run", two_passes, "--resume", "--engine", "fused")  # as many: finished already


def test_a_training_without_its_final_state_does_not_go_on(two_passes, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(two_passes, folder)
    shutil.rmtree(folder / "checkpoints")
    assert "the final state of its training was not kept" in refused(folder, "--epochs", "3")
    ok("networks", "triplet-400", "--run", tmp_path / "shipped")
    data = datasets.load("digits", "train").head(10)
    run = load_run(tmp_path / "shipped")
    run.facts["train"] |= {
        "images": 10, "epochs": 1, "data": {"name": "digits", "split": "train", "sha256": data.digest},
    }  # fmt: skip
    run.save()
    with pytest.raises(DiehlCookError, match="networks that come with the package"):
        train(run.folder, data, run.params, seed=run.seed, epochs=2, engine="fused", resume=True)


def test_the_final_state_is_that_of_the_weights(two_passes, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(two_passes, folder)
    facts = json.loads((folder / "run.json").read_text())
    facts["train"]["sha256"]["weights"] = "0" * 64
    (folder / "run.json").write_text(json.dumps(facts))
    assert "not that of the weights" in refused(folder, "--epochs", "3")


def test_several_trainings_go_on_all_or_none(two_passes, tmp_path):
    """One of two has no final state: both are refused, and the other keeps what it has."""
    for name in ("seed-0", "seed-1"):
        ok(*COMMAND, "--run", tmp_path / name, "--seed", name[-1])
    shutil.rmtree(tmp_path / "seed-1" / "checkpoints")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    done = diehlcook(
        *COMMAND, "--run", tmp_path, "--seeds", "0,1", "--resume", "--epochs", "2", "--jobs", "2"
    )
    assert done.returncode == 1
    assert "seed-1: the final state of its training was not kept" in done.stderr
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_a_snapshot_that_is_given_up_while_it_is_read_is_left_out(two_passes, monkeypatch):
    """`plot --follow` reads the snapshots of a training that goes on."""
    run, neurons = load_run(two_passes), np.arange(3)
    whole = snapshots.read(run, neurons)
    assert [images for images, _ in whole] == sorted(
        int(path.stem) for path in two_passes.glob("snapshots/*.npy")
    )
    load = snapshots.load_array

    def vanishing(path, *how):
        if path.stem == f"{whole[1][0]:08d}":
            monkeypatch.setattr(Path, "exists", lambda one: one != path)
        return load(path, *how)

    monkeypatch.setattr(snapshots, "load_array", vanishing)
    assert [images for images, _ in snapshots.read(run, neurons)] == [
        images for k, (images, _) in enumerate(whole) if k != 1
    ]


@pytest.mark.slow
def test_a_run_that_goes_on_keeps_its_engine(smoke, digits, tmp_path, monkeypatch, caplog, numpy_target):
    """Also where `auto` would now choose another."""
    caplog.set_level("INFO", "diehlcook")
    run = train(tmp_path, digits.head(20), smoke, progress=False)
    assert run.facts["train"]["engine"] == "fused"
    assert "engine fused: the fastest" in caplog.text
    monkeypatch.setattr("diehlcook.engines.registry.choose", lambda model: Choice("runtime", "none other"))
    run = train(tmp_path, digits.head(20), smoke, epochs=2, resume=True, progress=False)
    assert run.facts["train"]["engine"] == "fused"
    assert observe(run, digits.head(20), progress=False)["engine"] == "runtime"
    run = train(tmp_path, digits.head(20), smoke, epochs=3, engine="runtime", resume=True, progress=False)
    assert run.facts["train"]["engine"] == "runtime"


def test_as_many_snapshots_as_are_asked_for(digits, smoke, tmp_path, caplog):
    data, counts = digits.head(64), {}
    for wanted in (None, 20):
        run = train(tmp_path / str(wanted), data, smoke, snapshots=wanted, progress=False)
        counts[wanted] = len(snapshots.files(run))
        assert snapshots.files(run)[-1].stem == f"{64:08d}"
    assert counts == {None: 1 + snapshots.USUAL, 20: 1 + 32}  # the next power of 2
    caplog.clear()
    run = train(tmp_path / "20", data, smoke, epochs=2, resume=True, snapshots=100, progress=False)
    assert 16 < len(snapshots.files(run)) <= 33  # the number is that which it began with
    assert "this training keeps 32 snapshots, as it did from its beginning" in caplog.messages
    for wrong in (0, 1025):
        with pytest.raises(DiehlCookError, match="snapshots is"):
            train(tmp_path / "new", data, smoke, snapshots=wrong)
    assert not (tmp_path / "new").exists()
