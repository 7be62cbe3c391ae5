"""The page about a run: whole in itself, and true to the files."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest
from conftest import load_script

from diehlcook.analysis.history import read_evidence
from diehlcook.data.datasets import load
from diehlcook.errors import DiehlCookError
from diehlcook.phases import report as page_of
from diehlcook.phases.train import train
from diehlcook.runs.run import load_run
from diehlcook.runs.shipped import shipped_names, unpack

faults = load_script("faults")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report") / "run"
    faults.examine(None, folder)
    return load_run(folder)


@pytest.fixture(scope="module")
def page(run):
    return page_of.report(run, run.folder / "page.html").read_text()


def explorer(page):
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(found[1])


def test_page_is_whole_in_itself(page):
    assert len(page) < 5e6
    for address in re.findall(r'(?:src|href)="([^"]*)"', page):
        assert address.startswith("data:image/webp;base64,")
    assert "http://" not in page
    assert "https://" not in page
    assert "@import" not in page
    assert page.count("<script") == 2
    assert not re.findall(r"\$[a-z]", page)  # every placeholder is filled


def test_page_says_what_run_json_says(run, page):
    tested = run.facts["test"]
    assert f"{tested['accuracy']:.2%}" in page
    assert re.search(r"Healthy: nothing found in 1\d checks", page)
    assert page.count("<figure>") == 10


def test_neurons_of_the_grid_are_those_of_the_files(run, page):
    data = explorer(page)
    counts, digits = np.load(run.folder / "observe_counts.npy"), load("digits", "train")
    assert [one["label"] for one in data["neurons"]] == run.assignments().tolist()
    np.testing.assert_allclose([one["theta"] for one in data["neurons"]], run.theta() * 1e3, atol=0.01)
    assert [one["spikes"] for one in data["neurons"]] == counts.sum(axis=0).tolist()
    for neuron, one in enumerate(data["neurons"]):
        spikes = [best[2] for best in one["best"]]
        assert spikes == sorted(counts[:, neuron].tolist(), reverse=True)[: len(spikes)]
        for _, label, n_spikes in one["best"]:
            assert n_spikes in counts[digits.labels == label, neuron]
    assert [one["images"] for one in data["moments"]][:: len(data["moments"]) - 1] == [0, 2574]


def test_a_finding_is_on_the_page(tmp_path):
    (frozen,) = (fault for fault in faults.FAULTS if "theta is frozen" in fault.findings)
    faults.examine(frozen, tmp_path / "run")
    text = page_of.report(load_run(tmp_path / "run"), tmp_path / "page.html").read_text()
    assert "<b>theta is frozen</b>" in text
    assert explorer(text)["neurons"][0]["label"] is None


def test_other_labelling_images_are_refused(run, monkeypatch):
    monkeypatch.setitem(run.facts["observe"]["data"], "split", "test")
    data = page_of.explorer(run, read_evidence(run))
    assert "digits is not what observe of" in data["why"]
    assert "images" not in data
    assert all(one["best"] == [] for one in data["neurons"])


def test_text_is_escaped(run, monkeypatch):
    monkeypatch.setattr(run, "preset", "<b>&</script>")
    text = page_of.report(run, run.folder / "escaped.html").read_text()
    assert "<b>&</script>" not in text
    assert "&lt;b&gt;&amp;" in text


def test_large_networks_show_some_of_their_neurons(run, monkeypatch):
    monkeypatch.setattr(page_of, "MOST_FIELDS", 20)
    data = page_of.explorer(run, read_evidence(run))
    assert [one["neuron"] for one in data["neurons"]] == list(range(0, 50, 3))


def test_images_that_are_not_square(tmp_path):
    rng = np.random.default_rng(0)
    images = np.zeros((60, 4, 100), np.uint8)
    images[:, :, 20:60] = rng.integers(50, 255, (60, 4, 40))
    np.savez(tmp_path / "wide.npz", images=images, labels=np.arange(60) % 3)
    data = load(str(tmp_path / "wide.npz"), "train")
    params = faults.healthy().with_values({"n_input": "400", "weight_sum": "40"})
    run = train(tmp_path / "run", data, params, seed=1, engine="fused")
    shown = explorer(page_of.report(run, tmp_path / "page.html").read_text())
    assert (shown["rows"], shown["columns"]) == (4, 100)


def test_a_shipped_network(tmp_path):
    """No history, no counts: fewer checks, and fields without images."""
    run = unpack(shipped_names()[0], tmp_path / "run")
    page = page_of.report(run, tmp_path / "page.html").read_text()
    data = explorer(page)
    assert len(data["moments"]) == 1
    assert {one["spikes"] for one in data["neurons"]} == {None}
    assert "Healthy: nothing found in" in page


def test_strongest_are_the_first_of_the_largest():
    counts = np.array([3, 9, 0, 9, 5, 5, 5], np.uint16)
    assert page_of.strongest(counts, 4).tolist() == [1, 3, 4, 5]
    assert page_of.strongest(counts, 7).tolist() == [1, 3, 4, 5, 6, 0, 2]


def test_report_command(run):
    command = [sys.executable, "-m", "diehlcook", "report", "--run", str(run.folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(run.folder / "report.html")
    assert explorer((run.folder / "report.html").read_text())["images"].startswith("data:image/webp")


def test_unwritable_page(run, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DiehlCookError, match="cannot write"):
        page_of.report(run, tmp_path / "file" / "page.html")
