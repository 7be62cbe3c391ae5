"""Runs side by side: every number is that of the files, what is missing is said, and the page is whole in itself."""

import json
import math
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from diehlcook import compare
from diehlcook.analysis import comparison, health
from diehlcook.cli.main import main
from diehlcook.data import datasets
from diehlcook.errors import DiehlCookError
from diehlcook.figures.style import PENS
from diehlcook.model.params import FIELDS, Params
from diehlcook.phases import compare as phase
from diehlcook.phases.observe import observe
from diehlcook.phases.test import test as judge
from diehlcook.phases.train import train
from diehlcook.runs.run import load_run
from diehlcook.runs.shipped import load_shipped

TESTED = 60


@pytest.fixture(scope="module")
def runs(tmp_path_factory, without_raster):
    """Two tested runs that differ in seed and a parameter, one that is labelled, one that is trained, one of the package."""
    base = tmp_path_factory.mktemp("compare")
    digits = {split: datasets.load("digits", split) for split in ("train", "test")}
    small = Params().with_values({"n_exc": 9, "theta_plus": "0.1 mV"})
    slower = small.with_values({"tau_mem_exc": "80 ms"})
    images, found = digits["train"].head(100), {}
    for name, params, seed, epochs in (
        ("first", small, 0, 3), ("second", slower, 5, 3), ("labelled", small, 0, 1),
    ):  # fmt: skip
        found[name] = train(
            base / name, images, params, preset="small", seed=seed, epochs=epochs, engine="fused"
        )
    found["<b>&"] = load_run(shutil.copytree(base / "labelled", base / "<b>&"))
    for name in ("first", "second", "labelled"):
        observe(found[name], images, engine="fused")
    for name, repeats in (("first", 1), ("second", 2)):
        judge(found[name], digits["test"].head(TESTED), repeats=repeats, engine="fused")
    found["triplet-400"] = load_shipped("triplet-400")
    return found


@pytest.fixture(scope="module")
def facts(runs):
    return compare(list(runs.values()))


@pytest.fixture(scope="module")
def page(runs, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "new" / "page.html"
    compare([run.folder for run in runs.values()], path)
    return path.read_text()


def row(told, what):
    """The cells of a row of the table."""
    (found,) = [one.cells for one in (*told.differs, *told.results) if one.what == what]
    return found


def test_numbers_are_those_of_the_runs(runs, facts):
    for one, run in zip(facts["runs"], runs.values(), strict=True):
        assert (one["run"], one["preset"], one["seed"]) == (str(run.folder), run.preset, run.seed)
        assert one["n_exc"] == len(np.load(run.folder / "theta.npy"))
        assert one["versions"] == json.loads((run.folder / "run.json").read_text())["versions"]
        for entry in ("train", "observe", "test", "shipped"):
            assert (entry in one) == (entry in run.facts)
            assert one.get(entry, {}).items() <= run.facts.get(entry, {}).items()
    assert json.loads(json.dumps(facts)) == facts


def test_mcnemar_counts_images_of_the_first_presentation(runs, facts):
    labels = datasets.load("digits", "test").labels[:TESTED]
    first, second = (
        np.load(runs[name].folder / "test_predictions.npy")[0] == labels for name in ("first", "second")
    )
    gained = sum(b and not a for a, b in zip(first, second, strict=True))
    lost = sum(a and not b for a, b in zip(first, second, strict=True))
    assert gained != lost
    tail = sum(math.comb(gained + lost, k) for k in range(min(gained, lost) + 1)) / 2 ** (gained + lost)
    test = facts["runs"][1]["against_first"]
    assert (test["gained"], test["lost"]) == (gained, lost)
    assert test["p"] == pytest.approx(min(1, 2 * tail))
    cells = row(comparison.table(facts), "against the first run")
    assert cells[0] == "—"
    assert cells[1] == f"+{gained} −{lost}, p = {test['p']:.2g}"
    assert set(cells[2:]) == {"not tested"}
    assert ["against_first" in one for one in facts["runs"]] == [False, True, False, False, False]


def test_no_test_without_the_same_images(runs, tmp_path, caplog, monkeypatch):
    """Other images, a first run without a test, images that are not to be found: each is said."""
    first, second = runs["first"], runs["second"]
    other = load_run(shutil.copytree(second.folder, tmp_path / "other"))
    judge(other, datasets.load("digits", "test").head(TESTED // 2), engine="fused", force=True)
    tests = [one.get("against_first") for one in compare([first, second, other])["runs"]]
    assert tests[::2] == [None, {"left_out": "other test images"}]
    assert tests[1].keys() == {"gained", "lost", "p"}
    told = compare([runs["labelled"], second])
    assert told["runs"][1]["against_first"] == {"left_out": "first not tested"}
    assert comparison.table(told).notes == []

    def lost(*_, **__):
        raise DiehlCookError("not found")

    monkeypatch.setattr(datasets, "load", lost)
    missing = compare([first, second])
    assert missing["runs"][1]["against_first"] == {"left_out": "test images not found"}
    assert "not compared one by one" in caplog.text


def test_parameters_that_differ_come_with_units_and_sources(runs):
    facts = compare([runs["second"], runs["first"]])
    here, there = {"value": "80 ms", "source": "user"}, {"value": "100 ms", "source": "paper §2.1"}
    assert facts["parameters"] == {"tau_mem_exc": [here, there]}
    assert facts["equal_parameters"] == len(FIELDS) - 1
    told = comparison.table(facts)
    presets = [
        f"small: diehl-cook-2015, n_exc = 9, {more}theta_plus = 0.1 mV"
        for more in ("tau_mem_exc = 80 ms, ", "")
    ]
    assert {one.what: one.cells for one in told.differs} == {"preset": presets, "seed": ["5", "0"]}
    assert told.same == (
        "The same in all: rule triplet; neurons 9; data set digits; training images 100 × 3; "
        f"engine fused; {len(FIELDS) - 1} of {len(FIELDS)} parameters."
    )


def test_cells_say_what_is_missing(facts):
    told = comparison.table(facts)
    tested = [f"{one['test']['accuracy']:.2%}" for one in facts["runs"][:2]]
    shipped = f"not tested; {load_shipped('triplet-400').facts['shipped']['accuracy']:.2%} when made"
    assert row(told, "test accuracy") == [*tested, "not tested", "not tested", shipped]
    assert row(told, "test images") == ["60", "60 × 2", *["not tested"] * 3]
    assert row(told, "labelled with") == [*["100 images"] * 3, "not labelled", "60,000 images"]
    assert row(told, "time to label")[3] == "not labelled"
    assert row(told, "training images") == ["100 × 3", "100 × 3", "100", "100", "60,000 × 3"]
    assert all(one.cells for one in (*told.differs, *told.results))


def test_what_is_known_of_no_run_has_no_row(runs):
    told = comparison.table(compare([runs["labelled"], runs["<b>&"]]))
    assert row(told, "test accuracy") == ["not tested", "not tested"]
    whats = {one.what for one in told.results}
    assert not whats & {"95 % interval", "test images", "against the first run", "time to test"}
    assert "labelled with" in whats


def test_versions_and_other_images_show_where_they_differ(runs, facts, monkeypatch):
    assert (
        row(comparison.table(facts), "SHA-256 of the images")[4]
        != facts["runs"][0]["train"]["data"]["sha256"][:8]
    )
    other = facts | {"runs": [dict(one) for one in facts["runs"][:2]]}
    assert not [one for one in comparison.table(other).differs if "version" in one.what]
    other["runs"][1]["versions"] = {"numpy": "9.9"}
    told = comparison.table(other)
    assert row(told, "version of numpy") == [np.__version__, "9.9"]
    assert row(told, "version of python")[1] == "not known"


def test_changed_equations_are_told_apart(runs, monkeypatch):
    one = comparison.Subject("first", runs["first"], [], {})
    model, changed = one.run.model, []
    assert not {"equations", "changes"} & comparison.facts_of(one, one).keys()
    for tail in ("a", "b"):
        equations = model.excitatory._replace(equations=f"{model.excitatory.equations}\nx_{tail} : 1")
        monkeypatch.setattr(one.run, "model", replace(model, excitatory=equations))
        changed.append(comparison.facts_of(one, one))
        assert changed[-1]["changes"][0]["lines"] == [f"+ x_{tail} : 1"]
        assert changed[-1]["what"].endswith(f", changed equations: x_{tail}")
    assert changed[0]["equations"] != changed[1]["equations"]
    assert changed[0]["equations"].startswith("changed: x_a (")


def test_changed_equations_stand_on_the_page(runs, monkeypatch, tmp_path):
    """Those of one run, of equal names with those of another: told apart by their digest."""
    for name, factor in (("first", 2), ("second", 3)):
        model = runs[name].model
        code = model.excitatory.equations.replace("-ge/tau_ge", f"-<b>*{factor}*ge/tau_ge")
        own = model.excitatory._replace(equations=code)
        monkeypatch.setattr(runs[name], "model", replace(model, excitatory=own))
    facts = compare([runs["first"], runs["second"], runs["labelled"]], tmp_path / "page.html")
    cells = row(comparison.table(facts), "equations")
    assert len(set(cells)) == 3
    assert cells[2] == "the package's own"
    page = (tmp_path / "page.html").read_text()
    assert page.count('<span class="gone">- dge/dt = -ge/tau_ge') == 2
    assert '<span class="new">+ dge/dt = -&lt;b&gt;*3*ge/tau_ge' in page


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        (["/r/a", "/r/b"], ["a", "b"]),
        (["/x/seed-1", "/y/seed-1", "/y/seed-2"], ["x/seed-1", "y/seed-1", "seed-2"]),
        (["/b/run", "/a/b/run"], ["/b/run", "a/b/run"]),
        (["/p/a/run", "/q/a/run", "/p/b/run"], ["p/a/run", "q/a/run", "b/run"]),
    ],
)
def test_names_are_as_short_as_they_can_be(folders, expected):
    assert comparison.names([Path(one) for one in folders]) == expected


def test_page_is_whole_in_itself(page):
    addresses = re.findall(r'(?:src|href)="([^"]*)"', page)
    pictures = [one for one in addresses if one.startswith("data:image/webp;base64,")]
    assert len(pictures) == 1 + 5
    assert set(addresses) - set(pictures) == {"#parameters"}
    assert "http" not in page.replace("http-equiv", "")
    assert page.count("<script") == 1
    assert len(page) < 1e6


def test_page_says_what_the_table_says(facts, page):
    told = comparison.table(facts)
    heads = re.findall(r'<tr><th scope="col">[^<]*</th>(.*?)</tr>', page)
    assert heads == 3 * [
        "".join(
            f'<th scope="col">{one}</th>'
            for one in ("first", "second", "labelled", "&lt;b&gt;&amp;", "triplet-400")
        )
    ]
    for one in (*told.differs, *told.results):
        line = f'<tr><th scope="row">{one.what}</th>' + "".join(f"<td>{cell}</td>" for cell in one.cells)
        assert line in page
    for name, values in facts["parameters"].items():
        assert f"<code>{name}</code>" in page
        assert all(f"<td>{one['value']}<span" in page for one in values)
    assert told.same in page
    assert "<b>&<" not in page


def test_curves_have_the_names_of_the_table(runs, monkeypatch, tmp_path):
    drawn = []
    draw = phase.accuracy_curves
    monkeypatch.setattr(
        phase, "accuracy_curves", lambda curves, **more: drawn.append(curves) or draw(curves, **more)
    )
    compare(list(runs.values()), tmp_path / "page.html")
    (curves,) = drawn
    assert list(curves) == ["first", "second", "triplet-400"]
    for name, windows in curves.items():
        np.testing.assert_array_equal(windows, np.load(runs[name].folder / "train_accuracy.npy"))
    assert "No curve of labelled, &lt;b&gt;&amp;:" in (tmp_path / "page.html").read_text()


def test_fields_are_those_of_the_files(runs, monkeypatch):
    shown = []
    monkeypatch.setattr(phase, "sprite", lambda tiles, *how: shown.append(tiles) or "data:")
    for name in ("second", "triplet-400"):
        run = runs[name]
        seen = phase.sight(run, run.weights())
        labels, weights = run.assignments(), np.load(run.folder / "weights.npy")
        tiles = shown.pop().reshape(-1, 784)
        assert len(tiles) == min(100, len(labels))
        neurons = [int(np.flatnonzero((tile == weights.T).all(axis=1))[0]) for tile in tiles]
        assert len(set(neurons)) == len(neurons)
        assert labels[neurons].tolist() == sorted(labels[neurons].tolist())
        assert seen.caption.startswith(f"{len(tiles)} of {len(labels)} neurons, sorted by label")


def test_findings_are_named(runs, monkeypatch, tmp_path, capsys):
    found = health.Check("theta", "0 mV", "35 to 55 mV", "theta is <frozen>", "no homeostasis", "theta_plus")
    monkeypatch.setattr(phase, "examine_run", lambda run, _: [found] if run.folder.name == "second" else [])
    folders = [str(runs[name].folder) for name in ("first", "second")]
    assert main(["compare", *folders, "--out", str(tmp_path / "page.html")]) == 0
    said = capsys.readouterr()
    assert re.search(r"^health +too early to tell +1 finding$", said.out, re.MULTILINE)
    assert "health of second: theta is <frozen>" in said.out
    assert said.err == ""  # told once
    assert "<b>second: theta is &lt;frozen&gt;</b>: 0 mV" in (tmp_path / "page.html").read_text()


def test_command(runs, tmp_path, monkeypatch, capsys):
    """The page lies where the command was called, and an older one is replaced."""
    monkeypatch.chdir(tmp_path)
    folders = [str(runs[name].folder) for name in ("first", "second")]
    assert main(["compare", *folders]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["first", "second"]
    assert "tau_mem_exc                100 ms" in "\n".join(lines)
    assert lines[-1] == "compare.html"
    before = Path("compare.html").read_text()
    assert main(["compare", *folders[::-1], "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said == compare(folders[::-1]) | {"page": "compare.html"}
    assert Path("compare.html").read_text() != before


def test_no_page_unless_asked(runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    compare([runs["first"], runs["second"]])
    assert list(tmp_path.iterdir()) == []


def test_an_imported_network(runs, tmp_path, capsys):
    export = [
        "export",
        "--run",
        str(runs["first"].folder),
        "--format",
        "matrix",
        "--to",
        str(tmp_path / "files"),
    ]
    assert main([*export, "-q"]) == 0
    assert (
        main(["import", str(tmp_path / "files"), "--format", "matrix", "--run", str(tmp_path / "there")]) == 0
    )
    told = comparison.table(compare([load_run(tmp_path / "there"), runs["first"]], tmp_path / "page.html"))
    for what in ("training images", "engine", "spikes per training image", "neurons that never fired"):
        assert row(told, what)[0] == "not known"
    assert row(told, "labelled with") == ["labels from elsewhere", "100 images"]
    assert row(told, "θ")[0] == row(told, "θ")[1]


def test_runs_may_be_as_many_as_there_are_pens(runs):
    with pytest.raises(DiehlCookError, match=f"2 to {len(PENS)} runs, got {len(PENS) + 1}"):
        compare([runs["first"]] * (len(PENS) + 1))
    with pytest.raises(DiehlCookError, match="got 1"):
        compare(runs["first"])
