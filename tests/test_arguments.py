"""What the functions of the package take: numbers of NumPy as those of Python, paths as texts, and nothing that harms what is there."""

from pathlib import Path

import numpy as np
import pytest

from diehlcook import DiehlCook, import_run, load, load_preset, load_run, observe, predict, test, train
from diehlcook.data.datasets import Dataset
from diehlcook.errors import DiehlCookError
from diehlcook.runs import snapshots
from diehlcook.runs.provenance import images_of, responses
from diehlcook.runs.shipped import load_shipped, unpack
from diehlcook.whole import write_whole

NO_NUMBERS = (True, 1.5, "2", None, 0)


@pytest.fixture(scope="module")
def digits():
    return load("digits", "train").head(60)


@pytest.fixture
def run(digits, smoke, tmp_path):
    trained = train(tmp_path / "run", digits, smoke, progress=False, snapshots=np.int64(4))
    observe(trained, digits, raster=False, progress=False)
    return trained


def test_numbers_of_numpy_are_kept_as_those_of_python(run, digits):
    assert len(snapshots.files(run)) == 5
    observe(run, digits.head(np.int16(40)), jobs=np.int64(1), force=True, raster=False, progress=False)
    test(run, load("digits", "test").head(30), repeats=np.int64(2), progress=False)
    facts = load_run(run.folder).facts
    assert (facts["observe"]["jobs"], facts["observe"]["images"], facts["test"]["repeats"]) == (1, 40, 2)


@pytest.mark.parametrize("wrong", NO_NUMBERS)
def test_what_is_no_number_is_refused_and_harms_nothing(wrong, run, digits, smoke, tmp_path):
    before = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    for call in (
        lambda: observe(run, digits, jobs=wrong, force=True),
        lambda: test(run, digits, jobs=wrong),
        lambda: test(run, digits, repeats=wrong),
        lambda: predict(run, digits.images, jobs=wrong),
    ):
        with pytest.raises(DiehlCookError, match=r"(jobs|repeats) is .*; it must be a whole number"):
            call()
    with pytest.raises(DiehlCookError, match=r"head\(.*\): expected 1 to 60"):
        digits.head(wrong)
    if wrong is not None:
        with pytest.raises(DiehlCookError, match="snapshots is"):
            train(tmp_path / "new", digits, smoke, snapshots=wrong)
    assert {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()} == before
    assert not (tmp_path / "new").exists()


def test_names_are_texts(run, digits, smoke, tmp_path):
    with pytest.raises(DiehlCookError, match="preset is 5; expected a text"):
        train(tmp_path / "new", digits, smoke, preset=5)
    with pytest.raises(DiehlCookError, match=r"unknown readout \['a'\]"):
        predict(run, digits.images, readout=["a"])
    assert not (tmp_path / "new").exists()


def test_facts_that_json_does_not_take_are_refused_while_all_is_there(run):
    labels = run.assignments()
    with pytest.raises(TypeError, match="not JSON serializable"):
        run.commit("observe", {"assignments": labels}, {"images": np.int64(3)})
    assert np.array_equal(load_run(run.folder).assignments(), labels)


def test_a_folder_of_mnist_does_not_matter_to_other_data(run, digits):
    assert images_of(run, "observe", Path("nowhere")).digest == digits.digest


def test_a_run_of_a_shipped_network_is_told_to_make_its_own_responses(tmp_path):
    own = unpack("best-triplet-100", tmp_path / "mine")
    with pytest.raises(DiehlCookError, match="not found; make it again with `python -m diehlcook observe"):
        responses(own, "observe")
    with pytest.raises(
        DiehlCookError, match=r"bring none: make a run of it with .* networks best-triplet-100"
    ):
        responses(load_shipped("best-triplet-100"), "observe")


def test_a_link_that_leads_to_itself_is_one_line(tmp_path, digits, smoke):
    (tmp_path / "loop").symlink_to("loop")
    for make in (
        lambda: train(tmp_path / "loop", digits, smoke, progress=False),
        lambda: write_whole(tmp_path / "loop", lambda file: file.write(b"x")),
    ):
        with pytest.raises(DiehlCookError, match="Too many levels of symbolic links"):
            make()


def test_paths_are_texts(tmp_path, digits, smoke):
    np.savez(tmp_path / "own.npz", images=digits.images, labels=digits.labels)
    own = load(tmp_path / "own.npz", "train")
    assert own.name == str(tmp_path / "own.npz")
    assert load_run(train(tmp_path / "run", own, smoke, progress=False).folder).dataset == own.name
    assert Dataset.from_arrays(digits.images, digits.labels, name=Path("mine")).name == "mine"
    with pytest.raises(DiehlCookError, match="not found"):
        load(tmp_path / "none.npz", "train")
    with pytest.raises(DiehlCookError, match="name is 3; expected a text"):
        load(3, "train")
    (tmp_path / "a.toml").write_text('base = "smoke"\nseed_of_nothing = 1\n', encoding="utf-8")
    with pytest.raises(DiehlCookError, match="seed_of_nothing"):
        load_preset(tmp_path / "a.toml")


def test_an_import_takes_a_preset_by_its_name(tmp_path, smoke):
    np.save(tmp_path / "w.npy", np.full((smoke.n_input, smoke.n_exc), 0.1))
    np.save(tmp_path / "t.npy", np.full(smoke.n_exc, 0.02))
    given = {"theta": tmp_path / "t.npy", "params": "smoke"}
    assert import_run(tmp_path / "run", tmp_path / "w.npy", "matrix", **given).preset == "smoke"
    for bad, message in (
        ({"n_classes": "10"}, "n-classes is '10'; it must be a whole number"),
        ({"dataset": 3}, "dataset is 3; expected a text"),
        ({"preset": 3}, "preset is 3; expected a text"),
    ):
        with pytest.raises(DiehlCookError, match=message):
            import_run(tmp_path / "other", tmp_path / "w.npy", "matrix", **given, **bad)
    assert not (tmp_path / "other").exists()


def test_a_classifier_that_cannot_label_does_not_train(tmp_path):
    samples = np.random.default_rng(0).random((20, 4))
    with pytest.raises(DiehlCookError, match="n_jobs is 0"):
        DiehlCook(n_exc=4, n_jobs=0, folder=tmp_path / "run", random_state=0).fit(samples, [0, 1] * 10)
    assert not (tmp_path / "run" / "run.json").exists()


def test_a_run_that_others_have_gone_on_with_is_known_as_it_is_now(digits, smoke, tmp_path):
    trained = train(tmp_path / "run", digits, smoke, progress=False)
    observe(tmp_path / "run", digits, raster=False, progress=False)
    assert 0 <= test(trained, load("digits", "test").head(20), progress=False)["accuracy"] <= 1
    observe(tmp_path / "run", digits.head(30), raster=False, force=True, progress=False)
    assert len(predict(trained, digits.images[:2]).labels) == 2


def test_a_network_of_few_inputs_can_be_used_once_it_is_trained(smoke, tmp_path):
    """Normalisation gives most of the sum of weights to inputs that are dark at the end."""
    rng = np.random.default_rng(1)
    images = np.zeros((80, 2, 2), np.uint8)
    images[np.arange(80), rng.integers(0, 2, 80), rng.integers(0, 2, 80)] = 255
    data = Dataset.from_arrays(images, rng.integers(0, 2, 80))
    params = smoke.with_values({"n_input": "4", "pixel_rate": "1 Hz"})
    run = train(tmp_path / "run", data, params, progress=False)
    assert 10 < run.weights().max() <= params.weight_sum * (1 + 1e-6)
    observe(run, data, raster=False, progress=False)
    assert len(predict(run, images[:3]).labels) == 3
