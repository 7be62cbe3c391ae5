"""Trained networks from elsewhere become runs, and runs become the files of others: the same numbers, or one line that says why not."""

import hashlib
import json
import pickle
import re
import time

import numpy as np
import pytest

from diehlcook import export_run, import_run, load_run, predict
from diehlcook.analysis import health
from diehlcook.analysis.history import examine_run
from diehlcook.analysis.ladder import ladder
from diehlcook.cli.main import main
from diehlcook.data.datasets import load
from diehlcook.errors import DiehlCookError
from diehlcook.model import wiring
from diehlcook.model.params import Params, load_preset
from diehlcook.phases.observe import observe
from diehlcook.phases.report import report
from diehlcook.phases.test import test as judge
from diehlcook.phases.train import train
from diehlcook.runs.formats import FORMATS
from diehlcook.runs.run import Run
from diehlcook.runs.shipped import unpack

N_INPUT, N_EXC = 784, 9
pytestmark = pytest.mark.usefixtures("without_raster")


def network(seed=0, n_input=N_INPUT, n_exc=N_EXC):
    """Weights (n_input, n_exc) whose columns sum to a tenth of the inputs, thresholds in volts, and labels: no two values alike."""
    rng = np.random.default_rng(seed)
    weights = rng.random((n_input, n_exc))
    return (
        weights * n_input / 10 / weights.sum(axis=0),
        0.03 + 0.01 * rng.random(n_exc),
        np.arange(n_exc) % 4 - 1,
    )


def write(folder, format, **changes):
    """Write a network as its makers would, with some arrays replaced, or left out for None."""
    folder.mkdir(exist_ok=True)
    weights, theta, labels = network()
    names = {"example": ("weights", "theta", "assign"), "authors": ("XeAe", "theta_A"),
             "matrix": ("weights", "theta", "assignments")}[format]  # fmt: skip
    stored = {
        "example": lambda: weights.reshape(-1),
        "authors": lambda: [(i, j, weights[i, j]) for j in range(N_EXC) for i in range(N_INPUT)],
        "matrix": lambda: weights,
    }[format]()
    arrays = dict(zip(names, (stored, theta, labels), strict=False)) | changes
    for name, array in arrays.items():
        if array is not None:
            np.save(folder / f"{name}.npy", array)
    return folder


@pytest.fixture
def files(tmp_path):
    return tmp_path / "files"


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_gives_the_same_network(files, tmp_path, format):
    weights, theta, labels = network()
    run = import_run(tmp_path / "run", write(files, format), format, seed=5)
    np.testing.assert_array_equal(run.weights(), weights)
    np.testing.assert_array_equal(run.theta(), theta)
    np.testing.assert_array_equal(run.delays(), wiring.initial_delays(run.params, 5))
    assert run.params == load_preset(FORMATS[format].preset).with_values({"n_exc": N_EXC})
    again = load_run(tmp_path / "run")
    assert (again.preset, again.seed, again.dataset) == (FORMATS[format].preset, 5, "mnist")
    if format == "authors":
        assert "observe" not in again.facts
        assert not (tmp_path / "run" / "assignments.npy").exists()
    else:
        np.testing.assert_array_equal(again.assignments(), labels)
        assert again.load("assignments").dtype == np.int8


def test_brian2_lists_synapses_source_by_source(numpy_target):
    """The order that `from_flat` reads: of the statement that the example script connects its neurons with."""
    import brian2 as b2

    synapses = b2.Synapses(b2.NeuronGroup(3, ""), b2.NeuronGroup(2, ""), "w : 1")
    synapses.connect(True)
    synapses.w = "i + 10*j"
    read = FORMATS["example"].decode("w.npy", np.array(synapses.w), 3, 2)
    np.testing.assert_array_equal(read, np.arange(3)[:, np.newaxis] + 10 * np.arange(2))


def test_theta_of_the_authors_is_added_to_the_same_threshold():
    """Their array has a mean of 40.18 mV, at which a neuron fires at -31.8 mV; both presets take off 20 mV."""
    for preset in ("diehl-cook-2015", "brian2-example"):
        p = load_preset(preset)
        assert p.v_thresh_exc - p.theta_offset + 40.18e-3 == pytest.approx(-31.82e-3)


@pytest.mark.parametrize("format", FORMATS)
def test_round_trip_gives_equal_arrays(tmp_path, format, capsys):
    first = import_run(tmp_path / "first", write(tmp_path / "files", "matrix"), "matrix")
    out, second = tmp_path / "out", tmp_path / "second"
    assert main(["export", "--run", str(first.folder), "--format", format, "--to", str(out)]) == 0
    assert capsys.readouterr().out.split() == [str(out / name) for name in FORMATS[format].files]
    assert main(["import", str(out), "--format", format, "--run", str(second), "--preset", "smoke"]) == 0
    read = load_run(second)
    np.testing.assert_array_equal(read.weights(), first.weights())
    np.testing.assert_array_equal(read.theta(), first.theta())
    if FORMATS[format].labels:
        np.testing.assert_array_equal(read.assignments(), first.assignments())


def test_exported_files_are_what_their_readers_expect(tmp_path):
    weights, theta, labels = network()
    run = import_run(tmp_path / "run", write(tmp_path / "files", "matrix"), "matrix")
    export_run(run, tmp_path / "example", "example")
    flat = np.load(tmp_path / "example" / "weights.npy")
    np.testing.assert_array_equal(np.reshape(flat, (N_INPUT, N_EXC)), weights)
    assert np.load(tmp_path / "example" / "assign.npy").dtype == np.int64
    export_run(run, tmp_path / "authors", "authors")
    rows = np.load(tmp_path / "authors" / "XeAe.npy")
    matrix = np.zeros((N_INPUT, N_EXC))  # as the authors' code reads it
    matrix[np.int32(rows[:, 0]), np.int32(rows[:, 1])] = rows[:, 2]
    np.testing.assert_array_equal(matrix, weights)
    np.testing.assert_array_equal(np.load(tmp_path / "authors" / "theta_A.npy"), theta)
    assert not (tmp_path / "authors" / "assign.npy").exists()
    export_run(run, tmp_path / "matrix", "matrix")
    np.testing.assert_array_equal(np.load(tmp_path / "matrix" / "assignments.npy"), labels)


def test_network_of_the_package_goes_out_and_comes_back(tmp_path):
    shipped = unpack("triplet-400", tmp_path / "shipped")
    export_run(shipped, tmp_path / "out", "example")
    back = import_run(
        tmp_path / "back", tmp_path / "out", "example", params=shipped.params, seed=shipped.seed
    )
    for name in ("weights", "theta", "delays", "assignments"):
        np.testing.assert_array_equal(getattr(back, name)(), getattr(shipped, name)(), err_msg=name)


def test_run_says_where_it_came_from(files, tmp_path, capsys):
    run, before = tmp_path / "run", time.strftime("%Y-%m-%d")
    assert main(["import", str(write(files, "example")), "--format", "example", "--run", str(run)]) == 0
    said = capsys.readouterr().out
    assert "9 neurons" in said
    assert f"python -m diehlcook test --run {run}" in said
    content = json.loads((run / "run.json").read_text())
    imported = content["train"]["imported"]
    assert content["train"]["finished"]
    assert imported["format"] == "example"
    assert imported["date"] >= before
    assert imported["files"] == {
        "weights": {"file": str(files / "weights.npy"), "sha256": sha256(files / "weights.npy")},
        "theta": {"file": str(files / "theta.npy"), "sha256": sha256(files / "theta.npy")},
    }
    assert content["observe"]["imported"]["sha256"] == sha256(files / "assign.npy")
    assert content["observe"]["neurons_per_class"] == [2, 2, 2, 0, 0, 0, 0, 0, 0, 0]
    assert content["observe"]["unassigned_neurons"] == 3
    assert not {"images", "epochs"} & (content["train"].keys() | content["observe"].keys())
    for command in ("doctor", "params"):
        assert main([command, "--run", str(run)]) == 0
        said = capsys.readouterr().out
        assert (
            f"format example: {files / 'weights.npy'} (SHA-256 {sha256(files / 'weights.npy')[:12]}" in said
        )
        assert f"labels from elsewhere: {files / 'assign.npy'}" in said
    assert main(["doctor", "--run", str(run), "--json"]) == 0
    assert "format example" in json.loads(capsys.readouterr().out)["origin"]
    assert main(["params", "--run", str(run), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == load_run(run).params.as_texts()


@pytest.fixture(scope="module")
def digits():
    return load("digits", "train").head(30), load("digits", "test").head(20)


@pytest.fixture(scope="module")
def without_labels(tmp_path_factory):
    """A run of the authors' files: nothing but weights and thresholds."""
    folder = tmp_path_factory.mktemp("authors")
    return import_run(folder / "run", write(folder / "files", "authors"), "authors")


def test_without_labels_observe_is_next(without_labels, digits, tmp_path, capsys):
    run = import_run(tmp_path / "run", write(tmp_path / "files", "authors"), "authors", dataset="digits")
    assert "observe" not in run.facts
    options = ["--run", str(run.folder), "--engine", "fused", "-q"]
    assert main(["test", *options, "--samples", "20"]) == 1
    command = f"`python -m diehlcook observe --run {run.folder}`"
    assert f"run {command} first" in capsys.readouterr().err
    with pytest.raises(DiehlCookError, match=r"run `python -m diehlcook observe --run .*` first"):
        predict(run, digits[1].images, engine="fused")
    assert main(["observe", *options, "--samples", "30", "--jobs", "1"]) == 0
    assert main(["test", *options, "--samples", "20", "--jobs", "1"]) == 0
    said = capsys.readouterr().out
    assert "imported" in said
    assert "labels from elsewhere" not in said
    tested = load_run(run.folder)
    assert tested.facts["observe"]["images"] == 30
    assert 0 <= tested.facts["test"]["accuracy"] <= 1
    found = ladder(tested, names=["naive-bayes"])
    assert found["labelled_with"] == 30
    assert main(["plot", *options[:2], "-q"]) == 0
    drawn = {path.stem for path in (run.folder / "figures").iterdir()}
    assert {"receptive_fields", "weights", "theta", "labels", "confusion"} <= drawn
    assert "training" not in drawn


def test_given_labels_are_tested_with_and_said_to_be_from_elsewhere(tmp_path, digits, capsys):
    run = import_run(tmp_path / "run", write(tmp_path / "files", "example"), "example", dataset="digits")
    options = ["--run", str(run.folder), "--engine", "fused", "--jobs", "1", "-q"]
    assert main(["test", *options, "--samples", "20"]) == 0
    assert "labels from elsewhere" in capsys.readouterr().out
    tested = load_run(run.folder)
    predictions = np.load(run.folder / "test_predictions.npy")[0]
    assert set(predictions) <= {-1, 0, 1, 2}
    assert tested.facts["test"]["unassigned_neurons"] == 3
    labels = predict(run, digits[1].images, engine="fused").labels
    assert labels.shape == (20,)
    with pytest.raises(DiehlCookError, match="labels from elsewhere come without responses"):
        predict(run, digits[1].images, readout="naive-bayes", engine="fused")
    with pytest.raises(DiehlCookError, match="labels from elsewhere come without responses"):
        ladder(tested)
    page = report(tested, tmp_path / "page.html").read_text()
    assert "trained elsewhere, with images that are not known" in page
    assert "labels from elsewhere" in page
    assert "Labels from elsewhere come without responses." in page
    assert "spikes per image<b>" not in page
    with pytest.raises(DiehlCookError, match="labelled already"):
        observe(tested, digits[0], engine="fused")
    observe(tested, digits[0], engine="fused", force=True)
    again = load_run(run.folder)
    assert "imported" not in again.facts["observe"]
    assert "test" not in again.facts
    judge(again, digits[1], engine="fused")
    assert ladder(again, names=["most-active"])["images"] == 20


def test_imported_network_responds_as_the_one_it_was(tmp_path, digits):
    """A network trained here, written as the script's files and read again with its parameters and seed."""
    params = load_preset("smoke")
    trained = train(tmp_path / "here", digits[0], params, seed=4, engine="fused")
    observe(trained, digits[0], engine="fused")
    export_run(trained, tmp_path / "out", "example")
    there = import_run(tmp_path / "there", tmp_path / "out", "example", params=params, seed=4)
    for one in (trained, there):
        judge(one, digits[1], engine="fused")
    for name in ("test_counts.npy", "test_predictions.npy", "confusion.npy"):
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "there" / name).read_bytes()


def test_doctor_judges_weights_and_thresholds(tmp_path):
    weights, theta, _ = network()
    folder = write(tmp_path / "files", "matrix", weights=weights * 3, theta=theta)
    checks = {one.name: one for one in examine_run(import_run(tmp_path / "run", folder, "matrix"))}
    assert checks["normalisation"].finding == "normalisation drifts"
    assert "specialisation" in checks
    assert checks["theta"].ok
    assert not {"accuracy in training", "test accuracy"} & checks.keys()


def test_without_thresholds_they_are_the_initial_ones(tmp_path, caplog):
    folder = write(tmp_path / "files", "matrix", theta=None, assignments=None)
    run = import_run(tmp_path / "run", folder, "matrix")
    assert (run.theta() == load_preset(FORMATS["matrix"].preset).theta_init).all()
    assert "no thresholds were given: theta is 10 mV (theta_init)" in caplog.text
    assert list(run.facts["train"]["imported"]["files"]) == ["weights"]
    assert health.thresholds.__name__ == "thresholds"
    assert "theta" not in [check.name for check in examine_run(run)]  # "theta is frozen" would be no finding


def test_training_of_an_imported_network_cannot_go_on(without_labels, digits, capsys):
    before = (without_labels.folder / "run.json").read_bytes()
    assert main(["train", "--resume", "--run", str(without_labels.folder), "--epochs", "2"]) == 1
    assert "was imported, without the state of its training" in capsys.readouterr().err
    with pytest.raises(DiehlCookError, match="was imported"):
        train(without_labels.folder, digits[0], without_labels.params, resume=True)
    with pytest.raises(DiehlCookError, match="there is a run already"):
        train(without_labels.folder, digits[0], without_labels.params)
    assert (without_labels.folder / "run.json").read_bytes() == before


def test_import_that_was_cut_short_says_so(tmp_path):
    run = import_run(tmp_path / "run", write(tmp_path / "files", "example"), "example")
    run.facts["train"]["finished"] = False
    del run.facts["observe"]
    run.save()
    for reader in (
        Run.trained,
        examine_run,
        lambda one: train(one.folder, load("digits", "train"), one.params),
    ):
        with pytest.raises(DiehlCookError, match=r"was not imported whole|the network was imported|already"):
            reader(load_run(run.folder))


def test_options_choose_parameters_and_files(tmp_path, capsys):
    weights, theta, labels = network(n_input=16, n_exc=5)
    labels[0] = 11
    for name, array in {"w": weights, "t": theta, "l": labels}.items():
        np.save(tmp_path / f"{name}.npy", array.astype(np.float32) if name != "l" else array)
    run = tmp_path / "run"
    command = [
        "import", str(tmp_path / "w.npy"), "--format", "matrix", "--theta", str(tmp_path / "t.npy"),
        "--labels", str(tmp_path / "l.npy"), "--preset", "diehl-cook-2015", "--set", "n_input=16",
        "--set", "delay_max=7 ms", "--seed", "3", "--dataset", "own.npz", "--n-classes", "12",
        "--run", str(run), "--json",
    ]  # fmt: skip
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["n_exc"] == 5
    read = load_run(run)
    assert read.params == Params().with_values({"n_input": "16", "n_exc": "5", "delay_max": "7 ms"})
    assert read.params.source("n_exc") == "user: the imported files"
    assert (read.preset, read.seed, read.dataset) == ("diehl-cook-2015", 3, "own.npz")
    np.testing.assert_array_equal(read.weights(), weights.astype(np.float32))
    assert read.delays().max() <= 7e-3
    assert read.assignments()[0] == 11
    assert len(read.facts["observe"]["neurons_per_class"]) == 12


def changed(format, **changes):
    """A case: files of a format, in which some arrays are replaced."""
    return lambda folder: write(folder, format, **{n: c() if callable(c) else c for n, c in changes.items()})


def triplets():
    weights = network()[0]
    return np.array([(i, j, weights[i, j]) for i in range(N_INPUT) for j in range(N_EXC)])


def rows(change):
    """A case: the authors' files with other rows of their weights."""
    return changed("authors", XeAe=lambda: change(triplets()))


def with_value(array, place, value):
    array = np.array(array, dtype=float)
    array[place] = value
    return array


def raw(name, content, format="example"):
    def make(folder):
        (write(folder, format) / f"{name}.npy").write_bytes(content)

    return make


W, T, L = network()
REFUSED = {
    "a flat file of another size": (
        "example",
        changed("example", weights=W[:700].reshape(-1)),
        r"weights.npy: 6300 weights, expected 7056 = 784 inputs x 9 neurons .*--set n_input=700",
    ),
    "a matrix as a flat file": (
        "example",
        changed("example", weights=W),
        r"shape is \(784, 9\), .*--format matrix\?",
    ),
    "triplets as a flat file": (
        "example",
        changed("example", weights=triplets),
        r"shape is \(7056, 3\), .*--format authors\?",
    ),
    "triplets with holes": (
        "authors",
        rows(lambda x: np.delete(x, [9, 100, 7000], axis=0)),
        r"XeAe.npy: 3 of 7056 synapses are missing, the first from input 1 to neuron 0",
    ),
    "triplets with doubles": (
        "authors",
        rows(lambda x: np.vstack([x, x[10:12]])),
        r"XeAe.npy: 2 of 7056 synapses stand there more than once, the first from input 1 to neuron 1",
    ),
    "a double in place of a synapse": (
        "authors",
        rows(lambda x: with_value(x, 20, x[19])),
        r"1 of 7056 synapses stand there more than once, the first from input 2 to neuron 1",
    ),
    "an input out of range": (
        "authors",
        rows(lambda x: with_value(x, (20, 0), 784)),
        r"row 20 is of input 784, expected a whole number from 0 to 783 \(1 such rows",
    ),
    "a neuron out of range": (
        "authors",
        rows(lambda x: with_value(x, (20, 1), -1)),
        r"row 20 is of neuron -1, expected a whole number from 0 to 8",
    ),
    "an index that is no whole number": (
        "authors",
        rows(lambda x: with_value(x, (3, 1), 2.5)),
        r"row 3 is of neuron 2.5, expected a whole number",
    ),
    "triplets for other neurons than theta": (
        "authors",
        changed("authors", theta_A=T[:5]),
        r"7056 rows are 9 neurons of 784 inputs, but theta has 5",
    ),
    "triplets in columns": (
        "authors",
        rows(np.transpose),
        r"shape is \(3, 7056\), .*np.save\(path, array.T\)",
    ),
    "a matrix as triplets": (
        "authors",
        changed("authors", XeAe=W),
        r"shape is \(784, 9\), .*--format matrix\?",
    ),
    "a transposed matrix": (
        "matrix",
        changed("matrix", weights=W.T),
        r"shape is \(9, 784\), that is \(n_exc, n_input\), transposed; .*np.save\(path, array.T\)",
    ),
    "a matrix of other inputs": (
        "matrix",
        changed("matrix", weights=W[:400]),
        r"shape is \(400, 9\), .*--set n_input=400",
    ),
    "a flat file as a matrix": (
        "matrix",
        changed("matrix", weights=W.reshape(-1)),
        r"shape is \(7056,\), .*--format example\?",
    ),
    "triplets as a matrix": (
        "matrix",
        changed("matrix", weights=triplets),
        r"shape is \(7056, 3\), .*--format authors\?",
    ),
    "an empty matrix": ("matrix", changed("matrix", weights=np.empty((784, 0))), r"shape is \(784, 0\)"),
    "a negative weight": (
        "matrix",
        changed("matrix", weights=with_value(W, (3, 7), -0.25)),
        r"weights.npy: smallest weight is -0.25, from input 3 to neuron 7; expected at least 0",
    ),
    "a weight that is NaN": (
        "matrix",
        changed("matrix", weights=with_value(W, (3, 7), np.nan)),
        r"weights.npy: NaN or infinite at \[3, 7\], 1 such values in all",
    ),
    "an infinite weight": (
        "example",
        changed("example", weights=with_value(W.reshape(-1), 12, np.inf)),
        r"NaN or infinite at \[12\]",
    ),
    "weights far above w_max": (
        "example",
        changed("example", weights=W.reshape(-1) * 100),
        r"largest weight is \d+.*expected at most 10 \(far above w_max\)",
    ),
    "theta in millivolts": (
        "authors",
        changed("authors", theta_A=T * 1000),
        r"theta_A.npy: largest theta is \d\d\.\d+ V, expected volts; .*np.save\(path, array / 1000\)",
    ),
    "a negative theta": (
        "example",
        changed("example", theta=-T),
        r"theta.npy: smallest theta is -0.0\d+ V, of neuron \d; expected",
    ),
    "theta that is NaN": (
        "example",
        changed("example", theta=with_value(T, 2, np.nan)),
        r"NaN or infinite at \[2\]",
    ),
    "theta as a column": (
        "example",
        changed("example", theta=T[:, np.newaxis]),
        r"theta.npy: shape is \(9, 1\)",
    ),
    "no neurons": ("example", changed("example", theta=T[:0]), r"theta.npy: shape is \(0,\)"),
    "theta of other neurons than the matrix": (
        "matrix",
        changed("matrix", theta=T[:5]),
        r"weights of 9 neurons, but theta has 5 values",
    ),
    "labels of other neurons": (
        "example",
        changed("example", assign=L[:5]),
        r"assign.npy: shape is \(5,\), expected \(9,\)",
    ),
    "a label out of range": (
        "example",
        changed("example", assign=np.where(np.arange(9) > 6, 10, L)),
        r"assign.npy: the label of neuron 7 is 10, expected 0 to 9, or -1 for none \(2 such labels",
    ),
    "a label below -1": ("matrix", changed("matrix", assignments=L - 1), r"the label of neuron 0 is -2"),
    "labels of unsigned bytes that were -1": (
        "matrix",
        changed("matrix", assignments=L.astype(np.uint8)),
        r"the label of neuron 0 is 255",
    ),
    "labels that are no integers": (
        "example",
        changed("example", assign=L.astype(float)),
        r"assign.npy: dtype is float64, expected int or unsigned int; .*astype\('int8'\)",
    ),
    "weights that are integers": (
        "matrix",
        changed("matrix", weights=(W * 10).astype(int)),
        r"weights.npy: dtype is int64, expected float; ",
    ),
    "weights that are complex": ("matrix", changed("matrix", weights=W + 0j), r"dtype is complex128"),
    "an array of objects": (
        "authors",
        changed("authors", XeAe=np.array([(1, 2), None], dtype=object)),
        r"XeAe.npy: not a readable .npy file .Python objects in it, which are never.*np.save\(zip\(...\)\)",
    ),
    "a pickle": (
        "example",
        raw("theta", pickle.dumps(T)),
        r"theta.npy: not an .npy file, but pickled Python",
    ),
    "an archive": (
        "example",
        raw("weights", b"PK\x03\x04..."),
        r"not an .npy file, but a zip or .npz archive",
    ),
    "a text": (
        "example",
        raw("weights", b"0.1 0.2"),
        r"weights.npy: not an .npy file; write it with np.save",
    ),
    "an empty file": ("example", raw("weights", b""), r"weights.npy: not an .npy file"),
    "a file cut short": (
        "example",
        raw("weights", b"\x93NUMPY\x01\x00v\x00{'descr'"),
        r"not a readable .npy file",
    ),
    "a damaged header": (
        "example",
        raw("weights", b"\x93NUMPY\x01\x00\x10\x00" + b"{'descr': (((((\n"),
        r"not a readable .npy file",
    ),
    "no weights": (
        "example",
        changed("example", weights=None),
        r"weights.npy: not found, expected weights.npy and",
    ),
    "weights of another moment": (
        "authors",
        changed("authors", XeAe=None, XeAe60000=triplets),
        r"not found, .*; name one of XeAe60000.npy",
    ),
    "no thresholds": (
        "example",
        changed("example", theta=None),
        r"theta.npy: not found; name the file with --theta",
    ),
    "an unknown format": ("exmple", changed("example"), r"unknown format 'exmple'; did you mean example\?"),
}
"""Title: format, what makes the files, and the message."""


@pytest.mark.parametrize("title", REFUSED)
def test_refused_in_one_line_and_nothing_written(title, files, tmp_path, capsys):
    format, make, message = REFUSED[title]
    make(files)
    before = {path: path.read_bytes() for path in files.iterdir()}
    assert main(["import", str(files), "--format", format, "--run", str(tmp_path / "run"), "-q"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert re.fullmatch(r"diehlcook: [^\n]+\n", said.err)
    assert re.search(message, said.err)
    assert {path: path.read_bytes() for path in files.iterdir()} == before
    assert list(tmp_path.iterdir()) == [files]


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (
            ["--preset", "paper-power-law-400"],
            1,
            r"largest weight is .*expected at most 1 \(w_max of rule power-",
        ),
        (
            ["--set", "n_exc=16"],
            1,
            r"weights of 9 neurons, but n_exc is 16; leave it out, the files decide it",
        ),
        (["--preset", "exampl"], 2, r"unknown preset 'exampl'"),
        (["--set", "tau_ge=5"], 2, r"tau_ge is '5'; it needs a unit"),
        (["--n-classes", "128"], 1, r"--n-classes is 128; it must be a whole number from 1 to 127"),
        (["--n-classes", "2"], 1, r"the label of neuron 3 is 2, expected 0 to 1"),
        (["--theta", "none.npy"], 1, r"none.npy: not found"),
        (["--labels", "."], 1, r"\.: not a file"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, code, message, files, tmp_path, capsys):
    weights = with_value(W, (5, 5), 1.5)  # above w_max, as normalisation may leave it
    write(files, "matrix", weights=weights)
    command = ["import", str(files), "--format", "matrix", "--run", str(tmp_path / "run"), "-q"]
    assert main([*command, *options]) == code
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert re.search(message, said)
    assert not (tmp_path / "run").exists()
    assert main(command) == 0
    assert load_run(tmp_path / "run").weights()[5, 5] == 1.5


def test_weights_up_to_w_max_pass_in_single_precision_without_normalisation(tmp_path):
    params = load_preset("paper-power-law-400").with_values({"w_max": "0.3", "w_init_scale": "0.2"})
    weights = np.where(W > 0.1, np.float32(0.3), np.float32(0))
    assert float(weights.max()) > params.w_max
    folder = write(tmp_path / "files", "matrix", weights=weights)
    assert import_run(tmp_path / "run", folder, "matrix", params=params).weights().max() == np.float32(0.3)


def test_files_that_are_not_there_are_named(files, tmp_path, capsys):
    write(files, "example")
    for source, message in (
        (tmp_path / "none", "none: not found; name a folder, or the file of the weights"),
        (files / "weights.npy", "thresholds of .*weights.npy: not found; name the file with --theta"),
    ):
        assert main(["import", str(source), "--format", "example", "--run", str(tmp_path / "run")]) == 1
        assert re.search(message, capsys.readouterr().err)
    with pytest.raises(SystemExit, match="2"):
        main(["import", str(files), "--run", str(tmp_path / "run")])
    assert "--format" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [files]


def test_folder_that_holds_something_is_left_alone(files, tmp_path, capsys):
    write(files, "example")
    command = ["import", str(files), "--format", "example", "-q", "--run"]
    mine = tmp_path / "mine"
    (mine / "checkpoints").mkdir(parents=True)
    (mine / "checkpoints" / "bert.pt").write_text("keep")
    other = tmp_path / "other"
    other.mkdir()
    (other / "run.json").write_text("{}")
    for folder, options, message in (
        (mine, [], "holds checkpoints and no run"),
        (mine, ["--force"], "holds checkpoints and no run"),
        (other, ["--force"], "not that of a run of this package"),
        (mine / "checkpoints" / "bert.pt", [], "a file, expected a folder"),
    ):
        assert main([*command, str(folder), *options]) == 1
        assert message in capsys.readouterr().err
    assert (mine / "checkpoints" / "bert.pt").read_text() == "keep"
    assert (other / "run.json").read_text() == "{}"
    (tmp_path / "empty").mkdir()
    assert main([*command, str(tmp_path / "empty")]) == 0


def test_run_is_replaced_with_force_only(files, tmp_path, capsys):
    write(files, "example")
    target = tmp_path / "run"
    import_run(target, files, "example")
    before = (target / "run.json").read_bytes()
    write(tmp_path / "next", "authors", theta_A=T * 2)
    command = ["import", str(tmp_path / "next"), "--format", "authors", "--run", str(target), "-q"]
    assert main(command) == 1
    assert "there is a run already; use --force" in capsys.readouterr().err
    assert (target / "run.json").read_bytes() == before
    (tmp_path / "next" / "theta_A.npy").write_text("damaged")
    assert main([*command, "--force"]) == 1
    assert (
        target / "run.json"
    ).read_bytes() == before  # nothing is cleared before the new run is known to be possible
    np.save(tmp_path / "next" / "theta_A.npy", T * 2)
    assert main([*command, "--force"]) == 0
    run = load_run(target)
    np.testing.assert_array_equal(run.theta(), T * 2)
    assert not (target / "assignments.npy").exists()


def test_export_overwrites_only_with_force(without_labels, tmp_path, capsys):
    out = tmp_path / "out"
    command = ["export", "--run", str(without_labels.folder), "--to", str(out), "--format"]
    assert main([*command, "example"]) == 0
    (out / "theta.npy").write_text("mine")
    capsys.readouterr()
    assert main([*command, "example"]) == 1
    assert "weights.npy: is there already; use --force" in capsys.readouterr().err
    assert (out / "theta.npy").read_text() == "mine"
    assert main([*command, "example", "--force"]) == 0
    np.testing.assert_array_equal(np.load(out / "theta.npy"), T)
    (out / "assign.npy").write_text("labels of another network")
    assert main([*command, "example", "--force"]) == 1
    assert "assign.npy: is there, and the run has no labels" in capsys.readouterr().err


def test_export_refuses_run_directories_and_runs_that_are_not_there(without_labels, tmp_path, capsys):
    run = str(without_labels.folder)
    weights = (without_labels.folder / "weights.npy").read_bytes()
    for arguments, message in (
        (
            ["--run", run, "--to", run, "--format", "example", "--force"],
            "a run directory; name another folder",
        ),
        (
            ["--run", run, "--to", str(tmp_path / "out"), "--format", "csv"],
            "unknown format 'csv'; choose one of",
        ),
        (["--run", str(tmp_path), "--to", str(tmp_path / "out"), "--format", "matrix"], "no run here"),
    ):
        assert main(["export", *arguments]) == 1
        assert message in capsys.readouterr().err
    assert (without_labels.folder / "weights.npy").read_bytes() == weights
    assert not (tmp_path / "out").exists()
