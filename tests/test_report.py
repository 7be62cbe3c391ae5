"""The page about a run: whole in itself, and true to the files."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from conftest import load_script

import diehlcook
from diehlcook.analysis.comparison import duration
from diehlcook.analysis.history import read_evidence
from diehlcook.cli.main import main
from diehlcook.data.datasets import load
from diehlcook.errors import DiehlCookError
from diehlcook.model.neurons import EXCITATORY
from diehlcook.model.params import FIELDS, load_preset
from diehlcook.model.rules import TRIPLET
from diehlcook.phases import parameters
from diehlcook.phases import report as page_of
from diehlcook.phases.observe import observe
from diehlcook.phases.redo import redo
from diehlcook.phases.test import test as judge
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
        assert address.startswith(("data:image/webp;base64,", "#"))
    assert "http://" not in page
    assert "https://" not in page
    assert "@import" not in page
    assert page.count("<script") == 3
    assert not re.findall(r"\$[a-z]", page)  # every placeholder is filled


def test_page_says_what_run_json_says(run, page):
    tested = run.facts["test"]
    assert f"{tested['accuracy']:.2%}" in page
    assert re.search(r"Healthy: nothing found in 1\d checks", page)
    assert page.count("<figure>") == 10


def test_contents_lead_to_every_part(page):
    nav = re.search(r"<nav.*?</nav>", page, re.DOTALL)[0]
    listed = re.findall(r'<a href="#(\w+)">([^<]*)</a>', nav)
    assert listed == re.findall(r'<h2 id="(\w+)">([^<]*)</h2>', page)
    assert len(listed) == 7


def test_figures_are_enlarged_by_keyboard_too(page):
    """Buttons open a modal dialog, which browsers close at Escape."""
    assert page.count('<button type="button" class="enlarge"') == page.count("<figure>")
    assert "showModal()" in page
    assert page.count("<dialog") == 1


def test_a_quantity_of_two_windows_says_of_which(run, page):
    history = np.load(run.folder / "train_history.npy")
    for name, what, digits in (
        ("spikes", "spikes per image", 1),
        ("presentations", "presentations per image", 2),
    ):
        newest, whole = (f"{rows[name].mean():.{digits}f}" for rows in (history[-1000:], history))
        note = f"the newest 1,000 images; mean of the whole training: {whole}"
        assert f'<div class="card">{what}<b>{newest}</b><span>{note}</span></div>' in page
        assert f"<td>{newest} {what}</td>" in page  # in the table of health
    assert len(history) > 1000


def test_accuracies_are_told_apart(run, page):
    assert "<td>test accuracy</td>" in page
    assert "<td>accuracy in training</td>" in page
    assert "<td>accuracy</td>" not in page
    assert "it is no test accuracy" in page
    sizes = run.facts["test"]["class_sizes"]
    assert f'<div class="card">chance<b>{max(sizes) / sum(sizes):.1%}</b>' in page


def test_all_parameters_stand_on_the_page_with_their_sources(run, page):
    tables = parameters.tables(run)
    shown = [*tables.own, *tables.of_preset, *tables.others]
    assert sorted([one.name for one in shown] + tables.idle) == sorted(FIELDS)
    for one in shown:
        assert (one.value, one.source) == (run.params.text(one.name), run.params.source(one.name))
        assert f"<code>{one.name}</code>" in page
    near, base = load_preset(tables.preset), load_preset(tables.base)
    assert {one.name: one.elsewhere for one in tables.own} == {
        name: there for name, (_, there) in run.params.differences(near).items()
    }
    assert all(one.elsewhere == base.text(one.name) != one.value for one in tables.of_preset)
    assert {"mu", "beta"} <= set(tables.idle)  # of other rules than triplet


def test_parameters_that_replaced_equations_use_are_not_idle(run, monkeypatch):
    own = TRIPLET._replace(on_post="w += mu*eta_post")
    monkeypatch.setattr(run, "model", replace(run.model, plasticity=own))
    idle = parameters.tables(run).idle
    assert "mu" not in idle
    assert "beta" in idle


def test_digests_versions_and_times_are_those_of_run_json(run, page):
    content = json.loads((run.folder / "run.json").read_text())
    for phase in ("train", "observe", "test"):
        assert f"<td>{content[phase]['data']['sha256']}</td>" in page
        assert f"<td>{duration(content[phase]['wall_s'])}</td>" in page
    together = sum(content[phase]["wall_s"] for phase in ("train", "observe", "test"))
    assert f"training, labelling, test</th><td>{duration(together)}</td>" in page
    for version in content["versions"].values():
        assert f"<td>{version}</td>" in page
    assert content["train"]["sha256"]["weights"] in page
    assert content["train"]["started"] in page


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (218, "3 min 38 s"), (59.7, "1 min 0 s"), (3840, "1 h 4 min 0 s")]
)
def test_times_are_told_to_the_second(seconds, words):
    assert duration(seconds) == words


def test_the_commands_do_it_again(tmp_path, monkeypatch, without_raster):
    """To the last bit: with parameters that no preset has, some of the classes, and other images for the test."""
    monkeypatch.chdir(tmp_path)
    digits = {part: load("digits", part).only(0, 1, 7) for part in ("train", "test")}
    params = load_preset("smoke").with_values({"tau_mem_exc": "80 ms", "order": "shuffled"})
    first = train("<a run>", digits["train"].head(40), params, seed=3, epochs=2, engine="fused")
    observe(first, digits["train"].head(30), engine="fused")
    judge(first, digits["test"].head(20), repeats=2, engine="fused")
    found = redo(first)
    assert len(found.commands) == 4
    assert (found.python, len(found.notes)) == ("", 1)
    words = [shlex.split(command) for command in found.commands]
    assert all(one[:3] == ["python", "-m", "diehlcook"] for one in words)
    assert words.pop()[3:] == ["report", "--run", "<a run>-again"]
    for one in words:
        assert main([*one[3:], "-q"]) == 0
    second = load_run("<a run>-again")
    for name in ("weights", "theta", "observe_counts", "assignments", "test_counts", "confusion"):
        np.testing.assert_array_equal(first.load(name), second.load(name))


def test_replaced_equations_are_shown_and_done_again_in_python(run, tmp_path, monkeypatch):
    copy = load_run(shutil.copytree(run.folder, tmp_path / "own"))
    code = EXCITATORY.equations.replace("-ge/tau_ge", "-ge/(2*tau_ge)")
    own = EXCITATORY._replace(equations=code + "da/dt = -a/tau_theta : 1\n")
    copy.model = replace(copy.model, excitatory=own)
    copy.save()
    monkeypatch.setattr(page_of, "figures", lambda _: [])
    page = page_of.report(copy, tmp_path / "page.html").read_text()
    assert '<span class="gone">- dge/dt = -ge/tau_ge : 1 # paper' in page
    assert '<span class="new">+ dge/dt = -ge/(2*tau_ge) : 1' in page
    assert '<span class="new">+ da/dt = -a/tau_theta : 1</span>' in page
    assert '<h2 id="equations">' in page
    assert re.search("<h1>[^<]*, changed equations: dge/dt, da/dt, seed 1</h1>", page)
    given = []
    monkeypatch.setattr(diehlcook, "train", lambda *some, **more: given.append((some, more)))
    monkeypatch.chdir(tmp_path)
    exec(redo(copy).python, {})  # noqa: S102 - what a reader is told to type
    (((folder, data, params), named),) = given
    train = run.facts["train"]
    assert (folder, data.digest, params) == ("own-again", train["data"]["sha256"], run.params)
    assert (named["excitatory"], named["plasticity"]) == (own, None)
    assert (named["seed"], named["epochs"], named["engine"]) == (1, train["epochs"], "fused")
    assert [shlex.split(one)[3] for one in redo(copy).commands] == ["observe", "test", "report"]


def test_training_of_some_classes_is_done_again_with_these_in_python(run, tmp_path, monkeypatch):
    copy = load_run(shutil.copytree(run.folder, tmp_path / "own"))
    name, split = (copy.facts["train"]["data"][key] for key in ("name", "split"))
    seven_and_three = load(name, split).numbered_as(("7", "3")).head(20)
    copy.facts["train"] |= {"classes": ["7", "3"], "images": 20}
    copy.model = replace(copy.model, excitatory=EXCITATORY.changed(add={"reset": "v += 0*mV"}))
    copy.save()
    given = []
    monkeypatch.setattr(diehlcook, "train", lambda *some, **_: given.append(some))
    monkeypatch.chdir(tmp_path)
    exec(redo(copy).python, {})  # noqa: S102 - what a reader is told to type
    assert given[0][1].digest == seven_and_three.digest


def test_images_that_no_command_finds_are_named(tmp_path):
    data = load("digits", "train").head(60)
    run = train(tmp_path / "run", (data.images, data.labels), load_preset("smoke"), engine="fused")
    assert any("“arrays” are not found" in note for note in redo(run).notes)


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
    assert f"python -m diehlcook networks {shipped_names()[0]} makes a run of it" in page
    assert f"<b>{run.facts['shipped']['accuracy']:.2%}</b><span>of 10,000 test images when" in page
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
    with pytest.raises(
        DiehlCookError, match=r"page\.html: cannot write \(Not a directory\); choose another path"
    ):
        page_of.report(run, tmp_path / "file" / "page.html")
