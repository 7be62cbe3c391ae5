"""The order of the images: permutations by hand, and everything that asks which image stands at a position."""

import json

import numpy as np
import pytest
from test_phases import diehlcook, ok
from test_stimulus import splitmix64

from diehlcook.data import datasets
from diehlcook.engines.base import Model
from diehlcook.engines.fused import engine as fused
from diehlcook.engines.standalone.engine import specification
from diehlcook.errors import NetworkError
from diehlcook.model import order
from diehlcook.model.order import image_at, permutation
from diehlcook.model.params import Params, load_preset
from diehlcook.model.stimulus import stream_key
from diehlcook.phases.observe import observe
from diehlcook.phases.report import exciting
from diehlcook.phases.train import train
from diehlcook.phases.train_many import Task, train_several
from diehlcook.progress import Interrupted


def fold_by_hand(key, value):
    """The hash of two numbers in Python's own integers."""
    return splitmix64((splitmix64(key, 1)[0] ^ value) - 0x9E3779B97F4A7C15, 1)[0]


@pytest.mark.parametrize(("seed", "epoch", "n_images"), [(0, 0, 1), (0, 0, 50), (3, 0, 50), (3, 7, 50)])
def test_a_pass_is_sorted_by_its_hashes(seed, epoch, n_images):
    key = fold_by_hand(fold_by_hand(fold_by_hand(0, seed), 5), epoch)
    draws = [number >> 11 for number in splitmix64(key, n_images)]
    assert permutation(seed, epoch, n_images).tolist() == sorted(range(n_images), key=draws.__getitem__)


def test_every_pass_has_every_image_once_and_an_order_of_its_own():
    shown = image_at(np.arange(4000), 1000, order="shuffled", seed=2).reshape(4, 1000)
    assert np.array_equal(np.sort(shown, axis=1), np.tile(np.arange(1000), (4, 1)))
    passes = [*shown, np.arange(1000), permutation(3, 0, 1000)]
    for k, one in enumerate(passes):
        for other in passes[:k]:
            assert (one == other).sum() < 10  # 1 is expected


def test_a_shuffled_image_may_stand_anywhere():
    """Over many seeds each image is at each place equally often: chi-square with 5 * 5 degrees of freedom."""
    counts = np.zeros((6, 6))
    for seed in range(6000):
        counts[np.arange(6), permutation(seed, 1, 6)] += 1
    assert ((counts - 1000) ** 2 / 1000).sum() < 60  # beyond 45 with a probability of 1 %


@pytest.mark.parametrize("name", ["file", "shuffled"])
def test_positions_one_by_one_are_positions_at_once(name):
    whole = image_at(np.arange(35), 10, order=name, seed=4)
    assert [int(image_at(k, 10, order=name, seed=4)) for k in range(35)] == whole.tolist()
    if name == "file":
        assert whole.tolist() == [k % 10 for k in range(35)]


def test_presets():
    for rule in ("triplet", "power-law", "exponential", "pre-and-post"):
        for size in (100, 400, 1600, 6400):
            paper, best = load_preset(f"paper-{rule}-{size}"), load_preset(f"best-{rule}-{size}")
            assert paper.differences(best) == {"order": ("file", "shuffled")}
            assert best.source("order").startswith("ours")
    between = load_preset("paper-triplet-400").differences(load_preset("best-triplet-900"))
    assert {name: new for name, (_, new) in between.items()} == {
        "n_exc": "900", "theta_plus": "0.1125 mV", "order": "shuffled",
    }  # fmt: skip
    for name in ("diehl-cook-2015", "brian2-example", "authors-400", "paper-triplet-400", "smoke"):
        assert load_preset(name).order == "file"


def test_the_order_is_no_part_of_a_compiled_program(smoke):
    shuffled = smoke.with_values({"order": "shuffled"})
    assert specification(Model(smoke, True)) == specification(Model(shuffled, True))
    assert specification(Model(smoke, True)) != specification(
        Model(smoke.with_values({"tau_ge": "2 ms"}), True)
    )


# --- images that say which they are


N = 30
SHUFFLED = {"order": "shuffled"}


@pytest.fixture
def coded(strokes):
    """30 images whose first row of pixels is their number in binary, and whose label is their number."""
    images = strokes[:N].reshape(N, 28, 28).copy()
    images[:, 0, :8] = (np.arange(N)[:, None] >> np.arange(8)) & 1
    return datasets._dataset("coded", "train", images, np.arange(N, dtype=np.uint8))


def number_of(images):
    """The numbers that images carry."""
    bits = images.reshape(len(images), -1)[:, :8].astype(int)
    return (bits << np.arange(8)).sum(axis=1)


@pytest.fixture
def shown(monkeypatch):
    """What the engine fused was given, as {(stream, position): number of the image}."""
    seen, advance = {}, fused.FusedEngine.advance

    def spying(self, state, images, **options):
        new, responses = advance(self, state, images, **options)
        first, stream = int(state["protocol.position"][0]), int(state["protocol.stream"][0])
        for position in np.unique(responses.position):
            seen[stream, int(position)] = int(number_of(images[position - first : position - first + 1])[0])
        return new, responses

    monkeypatch.setattr(fused.FusedEngine, "advance", spying)
    return seen


def in_training(shown, seed, total):
    return [shown[stream_key(seed, "train"), position] for position in range(total)]


def assert_shuffled(numbers):
    passes = np.array(numbers).reshape(-1, N)
    assert np.array_equal(np.sort(passes, axis=1), np.tile(np.arange(N), (len(passes), 1)))
    assert len({tuple(one) for one in [*passes, np.arange(N)]}) == len(passes) + 1


@pytest.mark.usefixtures("without_raster")
def test_what_is_told_of_an_image_is_of_the_image_that_was_shown(coded, shown, smoke, tmp_path, monkeypatch):
    monkeypatch.setenv("DIEHLCOOK_CHECKPOINT_SECONDS", "0")
    params = smoke.with_values(SHUFFLED)
    run = train(tmp_path / "run", coded, params, seed=6, epochs=3, engine="fused")
    numbers = in_training(shown, 6, 3 * N)
    assert_shuffled(numbers)
    history = np.load(run.folder / "train_history.npy")
    assert history["label"].tolist() == numbers
    (saved,) = run.folder.glob("checkpoints/[0-9]*")
    assert np.load(saved / "ring_labels.npy").tolist() == numbers
    assert np.load(saved / "ring.npy").sum(axis=1).tolist() == history["spikes"].tolist()

    observe(run, coded, engine="fused")
    observed = [shown[stream_key(6, "observe"), position] for position in range(N)]
    assert observed == list(range(N))
    counts = run.load("observe_counts")
    _, best = exciting(counts, coded)
    assert sum(map(bool, best)) > 5
    for neuron, images in enumerate(best):
        for _, label, spikes in images:
            assert spikes == counts[observed.index(label), neuron]
        assert counts[:, neuron].max() == max([spikes for *_, spikes in images], default=0)


def test_a_map_that_ignores_the_pass_is_noticed(coded, shown, smoke, tmp_path, monkeypatch):
    real = order.image_at
    monkeypatch.setattr(
        order, "image_at", lambda position, n, **how: real(np.asarray(position) % n, n, **how)
    )
    train(tmp_path, coded, smoke.with_values(SHUFFLED), seed=6, epochs=3, engine="fused")
    with pytest.raises(AssertionError):
        assert_shuffled(in_training(shown, 6, 3 * N))


def test_the_message_about_a_silent_image_names_it(coded, smoke, tmp_path):
    images = coded.images.copy()
    images[17] = 0
    images[17, 0, 0] = 1
    faint = datasets._dataset("faint", "train", images, coded.labels)
    params = smoke.with_values(SHUFFLED)
    assert image_at(17, N, order="shuffled", seed=6) != 17
    with pytest.raises(NetworkError, match="image 17 got fewer than 5 spikes in 20 attempts"):
        train(tmp_path, faint, params, seed=6, engine="fused")


def test_the_accuracy_during_training_is_of_the_images_shown(digits, smoke, tmp_path):
    """Replayed from the counts: labels from one window of shuffled images, the next classified by them."""
    from diehlcook.analysis import readout

    data = digits.head(600)
    params = smoke.with_values(SHUFFLED)
    run = train(tmp_path, data, params, seed=1, epochs=2, engine="fused")
    labels = data.labels[image_at(np.arange(1200), 600, order="shuffled", seed=1)]
    counts, windows = np.load(tmp_path / "train_counts.npy"), np.load(tmp_path / "train_accuracy.npy")
    assert windows["images"].tolist() == list(range(240, 1201, 120))
    for row in windows:
        now, before = (slice(row["images"] - k * 120, row["images"] - (k - 1) * 120) for k in (1, 2))
        assigned = readout.assign_labels(counts[before], labels[before]).labels
        right = readout.predict(counts[now], assigned).labels == labels[now]
        assert row["correct"] == right.sum()
    assert run.params.order == "shuffled"


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits", "train")


# --- engines, resume, jobs


@pytest.mark.slow
def test_engines_agree_on_shuffled_images(digits, smoke, standalone, tmp_path, numpy_target):
    assert standalone  # the program is built by now
    params = smoke.with_values({"order": "shuffled"})
    data = digits.head(3)
    runs = {
        engine: train(tmp_path / engine, data, params, seed=3, epochs=2, engine=engine)
        for engine in ("runtime", "standalone", "fused")
    }
    expected = np.load(tmp_path / "runtime" / "train_history.npy")
    assert (
        expected["label"].tolist()
        == data.labels[image_at(np.arange(6), 3, order="shuffled", seed=3)].tolist()
    )
    for engine, run in runs.items():
        history = np.load(run.folder / "train_history.npy")
        for name in ("label", "presentations", "spikes"):
            assert np.array_equal(history[name], expected[name]), (engine, name)
        assert np.allclose(run.weights(), runs["runtime"].weights(), rtol=0, atol=1e-9), engine
    other = train(tmp_path / "file", data, smoke, seed=3, epochs=2, engine="fused")
    assert not np.allclose(other.weights(), runs["fused"].weights(), rtol=0, atol=1e-3)


def test_chunks_do_not_show(digits, smoke, tmp_path, monkeypatch):
    """A training in chunks of 7 presentations, over the ends of passes, is one in chunks as long as they come."""
    params, data = smoke.with_values(SHUFFLED), digits.head(45)
    whole = train(tmp_path / "whole", data, params, seed=2, epochs=3, engine="fused")
    for name in ("least_presentations", "most_presentations"):
        monkeypatch.setattr(f"diehlcook.engines.base.Engine.{name}", 7)
    done = []
    parts = train(
        tmp_path / "parts", data, params, seed=2, epochs=3, engine="fused", progress=lambda images,
        _words: done.append(images)
    )  # fmt: skip
    assert max(np.diff(done)) <= 7
    for name in ("weights", "theta", "train_history", "train_counts", "train_accuracy"):
        one, other = (np.load(run.folder / f"{name}.npy") for run in (whole, parts))
        assert np.array_equal(one, other), name


def test_jobs_do_not_show(digits, smoke, tmp_path):
    """Two shuffled trainings at once, each in a process of its own, are each what one alone would be."""
    params, data = smoke.with_values(SHUFFLED), digits.head(40)
    tasks = [Task(tmp_path / str(seed), params, "smoke", seed) for seed in (1, 2)]
    runs = train_several(tasks, data, jobs=2, epochs=2, engine="fused")
    alone = train(tmp_path / "alone", data, params, seed=2, epochs=2, engine="fused")
    assert np.array_equal(runs[1].weights(), alone.weights())
    labels = [np.load(run.folder / "train_history.npy")["label"].tolist() for run in runs]
    assert labels[0] != labels[1]
    assert labels[1] == data.labels[image_at(np.arange(80), 40, order="shuffled", seed=2)].tolist()


def test_resume_does_not_show(digits, smoke, tmp_path):
    params, data = smoke.with_values(SHUFFLED), digits.head(150)
    reference = train(tmp_path / "reference", data, params, seed=2, epochs=2, engine="fused")
    done = []
    with pytest.raises(Interrupted, match="saved after"):
        train(
            tmp_path / "run", data, params, seed=2, epochs=2, engine="fused",
            progress=lambda images, _words: done.append(images), cancelled=lambda: done[-1] > 170,
        )  # fmt: skip
    assert 150 < done[-1] < 300
    resumed = train(tmp_path / "run", data, params, seed=2, epochs=2, engine="fused", resume=True)
    for name in ("weights", "theta", "train_history", "train_counts"):
        one, other = (np.load(run.folder / f"{name}.npy") for run in (reference, resumed))
        assert np.array_equal(one, other), name


# --- the command line


COMMAND = ("train", "--preset", "smoke", "--dataset", "digits", "--samples", "60", "--engine", "fused", "-q")


def test_the_order_on_the_command_line(tmp_path):
    said = json.loads(ok("params", "--order", "shuffled", "--json").stdout)
    assert said["order"] == "shuffled"
    assert json.loads(ok("params", "--json").stdout)["order"] == "file"
    done = diehlcook(*COMMAND, "--run", tmp_path / "run", "--order", "sideways")
    assert (done.returncode, done.stderr.strip()) == (
        2,
        "diehlcook: order is 'sideways'; choose one of file, shuffled",
    )
    assert not (tmp_path / "run").exists()
    ok(*COMMAND, "--run", tmp_path / "run", "--order", "shuffled")
    assert json.loads((tmp_path / "run" / "run.json").read_text())["params"]["order"] == "shuffled"
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    done = diehlcook("train", "--run", tmp_path / "run", "--resume", "--order", "file", "--engine", "fused")
    assert done.returncode == 1
    assert "cannot resume with order = file, the run was started with shuffled" in done.stderr
    assert before == {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}


def test_a_run_that_does_not_say_is_in_file_order(tmp_path):
    ok(*COMMAND, "--run", tmp_path / "run")
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    del facts["params"]["order"]
    (tmp_path / "run" / "run.json").write_text(json.dumps(facts))
    from diehlcook import load_run

    assert load_run(tmp_path / "run").params == Params().with_values(facts["params"] | {"order": "file"})
    ok("train", "--run", tmp_path / "run", "--resume", "--epochs", "2", "--engine", "fused", "-q")
