"""Networks that come with the package: they are there, small, whole, and they recognise digits."""

import json
import zlib

import numpy as np
import pytest
from conftest import load_script

from diehlcook import load_shipped, observe, plot, predict, report, train
from diehlcook import test as judge
from diehlcook.cli.main import main
from diehlcook.data.datasets import load
from diehlcook.errors import DiehlCookError
from diehlcook.model.params import load_preset
from diehlcook.runs.files import digest
from diehlcook.runs.run import load_run
from diehlcook.runs.shipped import TRAINED, shipped_names, unpack

RULES = {"triplet", "power-law", "exponential", "pre-and-post"}


NETWORKS = {f"{rule}-400" for rule in RULES} | {f"best-triplet-{n}" for n in (100, 400, 1600)}


def test_the_networks_are_what_their_names_say():
    assert set(shipped_names()) == NETWORKS
    for name in shipped_names():
        run = load_shipped(name)
        packed = sum(len(zlib.compress(path.read_bytes())) for path in (TRAINED / name).iterdir())
        assert packed < 2e6, name
        weights = np.load(TRAINED / name / "weights.npy")
        assert weights.dtype == np.float32
        assert len(np.unique(weights)) <= 2 ** run.facts["shipped"].get("bits", 32)
        assert digest(weights) == run.facts["train"]["sha256"]["weights"]
        assert digest(run.delays()) == run.facts["train"]["sha256"]["delays"]
        assert run.preset == (name if name.startswith("best") else f"paper-{name}")
        assert run.params == load_preset(run.preset)
        assert run.seed == 1
        trained = run.facts["train"]["images"], run.facts["train"]["epochs"]
        assert trained == ((40_000, 1) if name.endswith("-100") else (60_000, 3))
        assert run.facts["observe"]["images"] == 60_000


@pytest.mark.parametrize("name", shipped_names())
def test_the_card_of_a_network_says_what_its_run_has(name):
    run, text = load_shipped(name), (TRAINED / name / "card.md").read_text()
    assert text == load_script("ship").card(name)
    assert f"--preset {run.preset} " in text
    assert f"--seed {run.seed}`" in text
    assert f"{100 * run.facts['shipped']['accuracy']:.2f} % [" in text


def test_the_best_readout_of_a_card_is_that_of_held_out_images():
    made = load_shipped("best-triplet-400").facts["shipped"]["readouts"]
    best = max(made, key=lambda one: made[one]["held_out"])
    assert f"images choose the readout `{best}`" in load_script("ship").card("best-triplet-400")


def test_weights_are_rounded_to_even_levels():
    weights = np.array([[0.0, 0.1, 0.4999, 0.5, 1.0]])
    rounded = load_script("ship").rounded
    assert rounded(weights, 2).dtype == np.float32
    np.testing.assert_allclose(rounded(weights, 2), [[0, 0, 1 / 3, 2 / 3, 1]], rtol=1e-7)
    np.testing.assert_array_equal(rounded(weights, None), weights.astype(np.float32))
    many = np.random.default_rng(0).random((50, 50))
    levels = rounded(many, 8)
    assert len(np.unique(levels)) <= 256
    assert np.abs(levels - many).max() <= many.max() / 510 * 1.001


@pytest.mark.parametrize("name", shipped_names())
def test_shipped_network_recognises_mnist(name, mnist_folder):
    data = load("mnist", "test", data=mnist_folder).head(300)
    predicted = predict(load_shipped(name), data.images, engine="fused")
    right = int((predicted.labels == data.labels).sum())
    # 300 images: five standard errors below the accuracy that run.json has
    accuracy = load_shipped(name).facts["shipped"]["accuracy"]
    assert right / 300 > accuracy - 5 * np.sqrt(accuracy * (1 - accuracy) / 300)


def test_unpacked_network_can_be_tested_and_drawn(tmp_path, capsys):
    folder = tmp_path / "run"
    assert main(["networks", "triplet-400", "--run", str(folder)]) == 0
    options = ["--run", str(folder), "--engine", "fused", "--dataset", "digits", "--samples", "20", "-q"]
    assert main(["test", *options, "--jobs", "1"]) == 0
    assert main(["plot", "--run", str(folder), "-q"]) == 0
    drawn = {path.stem for path in (folder / "figures").iterdir()}
    assert {"receptive_fields_by_label", "confusion", "theta"} <= drawn
    assert "raster" not in drawn
    capsys.readouterr()


def test_unpacking_overwrites_nothing(tmp_path):
    unpack("triplet-400", tmp_path)
    marked = tmp_path / "mine.txt"
    marked.write_text("keep")
    with pytest.raises(DiehlCookError, match="force=True"):
        unpack("triplet-400", tmp_path)
    assert marked.exists()
    unpack("power-law-400", tmp_path, force=True)
    assert load_run(tmp_path).params.rule == "power-law"


def test_the_package_itself_is_not_written_to(tmp_path, caplog):
    before = {path: path.read_bytes() for path in TRAINED.rglob("*") if path.is_file()}
    run, data = load_shipped("triplet-400"), load("digits", "train").head(20)
    for command in (
        lambda: observe(run, data, force=True),
        lambda: judge(run, load("digits", "test").head(20), force=True),
        lambda: train(run.folder, data, run.params, force=True),
        lambda: plot(run),
        lambda: report(run),
    ):
        with pytest.raises(
            DiehlCookError,
            match=r"triplet-400: comes with the package.*load_shipped\(\"triplet-400\", folder\)",
        ):
            command()
    assert report(run, tmp_path / "page.html").exists()
    assert before == {path: path.read_bytes() for path in TRAINED.rglob("*") if path.is_file()}
    mine = load_shipped("triplet-400", tmp_path / "mine")
    np.testing.assert_array_equal(mine.weights(), run.weights())
    assert observe(mine, data, raster=False, progress=False, force=True)["images"] == 20


def test_networks_are_listed(capsys):
    assert main(["networks"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in shipped_names())
    assert main(["networks", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)["networks"]
    assert set(facts) == set(shipped_names())
    assert all(0.5 < one["accuracy"] < 1 for one in facts.values())


def test_missing_delays_are_drawn_again_only_if_they_are_the_same(tmp_path):
    run = unpack("triplet-400", tmp_path)
    kept = run.delays()
    (tmp_path / "delays.npy").unlink()
    assert np.array_equal(run.delays(), kept)
    run.seed += 1
    with pytest.raises(DiehlCookError, match="the seed gives other delays"):
        run.delays()
