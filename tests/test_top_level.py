"""What a newcomer meets first: the names of the package, the folder of runs, lists, completion."""

import ast
import contextlib
import importlib
import inspect
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import diehlcook
from diehlcook.analysis.overview import list_runs
from diehlcook.cli import main as cli
from diehlcook.data import datasets
from diehlcook.errors import DiehlCookError, pasteable
from diehlcook.model.params import load_preset, preset_names, preset_of, preset_says
from diehlcook.phases.observe import observe
from diehlcook.phases.test import test
from diehlcook.phases.train import train
from diehlcook.runs.collection import name_of, newest_run, runs_folder
from diehlcook.runs.run import load_run

PACKAGE = Path(diehlcook.__file__).parent
TRAIN = ["train", "--preset", "smoke", "--dataset", "digits", "--samples", "30", "-q"]


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.setenv("DIEHLCOOK_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def test_the_names_are_those_that_editors_are_told_of():
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text())
    told = {one.asname for node in stub.body if isinstance(node, ast.ImportFrom) for one in node.names}
    assert set(dir(diehlcook)) == told == set(diehlcook.__all__)
    for node in stub.body:
        if isinstance(node, ast.ImportFrom):
            home = importlib.import_module(f"diehlcook.{node.module}")
            assert getattr(diehlcook, node.names[0].name) is getattr(home, node.names[0].name)
    with pytest.raises(AttributeError, match="no_such_name"):
        diehlcook.no_such_name  # noqa: B018


def sections(doc):
    """Section titles of a numpydoc docstring."""
    lines = inspect.cleandoc(doc).splitlines()
    return {lines[k - 1] for k in range(1, len(lines)) if lines[k] and set(lines[k]) == {"-"}}


@pytest.mark.parametrize("name", [name for name in dir(diehlcook) if name[0].islower()])
def test_every_function_says_what_it_takes_gives_and_raises(name):
    function = getattr(diehlcook, name)
    found = sections(function.__doc__)
    parameters = inspect.signature(function).parameters
    assert "Returns" in found
    assert "Parameters" in found or not parameters
    for parameter in parameters:
        assert parameter in function.__doc__, parameter


def test_importing_loads_nothing_heavy():
    code = (
        "import sys, diehlcook; dir(diehlcook); diehlcook.DiehlCookError\n"
        "print({'brian2', 'numpy', 'matplotlib', 'numba'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_run_is_called_what_it_is():
    assert name_of("paper-triplet-400", "", "", "seed0") == "paper-triplet-400-seed0"
    assert name_of("smoke", "16n", "tau_ge=5 ms", "seed1") == "smoke-16n-tau_ge=5ms-seed1"
    odd = name_of("smoke", "my images/..", "seed1")
    assert odd.startswith("smoke-myimages..-seed1-")
    assert "/" not in odd
    assert odd != name_of("smoke", "my images|..", "seed1")
    long = [name_of("smoke", "x" * 300, f"seed{k}") for k in (1, 2)]
    assert long[0] != long[1]
    assert len(long[0]) < 120


def test_train_makes_a_folder_and_later_phases_take_the_newest(runs, capsys, caplog, without_raster):
    assert cli.main(TRAIN) == 0
    assert cli.main([*TRAIN, "--seed", "3", "--set", "tau_ge=2 ms"]) == 0
    first, second = runs / "smoke-digits-seed0", runs / "smoke-tau_ge=2ms-digits-seed3"
    assert load_run(first).params == load_preset("smoke")
    assert load_run(second).params.text("tau_ge") == "2 ms"
    assert newest_run() == second
    capsys.readouterr()
    assert cli.main(["observe", "--samples", "20", "--jobs", "1"]) == 0
    assert f"the newest run: {second}" in caplog.text
    assert f"labelled {second}" in capsys.readouterr().out
    assert "observe" not in load_run(first).facts
    os.utime(first / "run.json")  # written later
    assert newest_run() == first
    assert cli.main([*TRAIN, "--resume", "--epochs", "2"]) == 0  # named by what is asked for
    assert load_run(first).facts["train"]["epochs"] == 2
    assert cli.main(["train", "--resume", "--epochs", "3", "-q"]) == 0  # the newest
    assert load_run(first).facts["train"]["epochs"] == 3


def test_where_there_are_no_runs(runs, capsys):
    for command in ("observe", "test", "doctor", "plot", "report"):
        assert cli.main([command]) == 1
        assert "no run here; run `python -m diehlcook train` first" in capsys.readouterr().err
    assert cli.main(["runs"]) == 0
    assert "no runs yet" in capsys.readouterr().out
    assert not runs.exists()


def test_runs_are_listed(runs, capsys, monkeypatch, without_raster):
    data = datasets.load("digits", "train").head(40)
    run = train(runs / "whole", data, load_preset("smoke"), progress=False)
    observe(run, data, progress=False)
    test(str(runs / "whole"), datasets.load("digits", "test").head(20), progress=False)
    train(runs / "several" / "seed-1", data, load_preset("smoke"), preset="smoke", progress=False)
    (runs / "damaged").mkdir()
    (runs / "damaged" / "run.json").write_text("{")
    (runs / "sibling").mkdir()
    (runs / "sibling" / "run.json").write_text('{"schema": 1, "companion": "xo", "date": "2026-01-02T03"}')
    (runs / "no run").mkdir()
    now = time.time()
    for age, name in enumerate(("whole", "several/seed-1", "damaged", "sibling")):
        os.utime(runs / name / "run.json", (now - age, now - age))
    assert cli.main(["runs", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["runs"]
    assert [Path(one["folder"]).relative_to(runs).as_posix() for one in found] == [
        "whole", "several/seed-1", "damaged", "sibling",
    ]  # fmt: skip
    whole, one, damaged, sibling = found
    assert (whole["preset"], whole["n_exc"], whole["images"]) == ("smoke", 16, 40)
    assert whole["accuracy"] == load_run(runs / "whole").facts["test"]["accuracy"]
    assert whole["bytes"] == sum(
        path.stat().st_size for path in (runs / "whole").rglob("*") if path.is_file()
    )
    assert one["accuracy"] is None
    assert "not valid JSON" in damaged["health"]
    assert (sibling["preset"], sibling["date"]) == ("companion xo", "2026-01-02")
    assert cli.main(["runs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert lines[1].startswith("whole ")
    assert newest_run() == runs / "whole"

    def vanish(folder):  # between the look at the folder and that into run.json
        (folder / "run.json").unlink()
        folder.rename(runs.parent / "elsewhere")
        raise DiehlCookError("gone")

    monkeypatch.setattr("diehlcook.analysis.overview.overview", vanish)
    monkeypatch.setattr("diehlcook.runs.collection.run_folders", lambda folder: [runs / "several" / "seed-1"])
    assert list_runs() == []


def test_a_run_says_what_it_is_in_short(runs):
    data = datasets.load("digits", "train").head(30)
    run = train(runs / "<b>", data, load_preset("smoke"), preset="smoke", progress=False)
    assert repr(run) == (
        f"<Run {runs / '<b>'}: preset smoke, neurons 16, rule triplet, seed 0, data digits, "
        "trained 30 images x 1, state not labelled>"
    )
    assert "&lt;b&gt;" in run._repr_html_()
    assert "<b>" not in run._repr_html_()
    shipped = diehlcook.load_shipped("triplet-400")
    assert "neurons 400" in repr(shipped)


def test_every_preset_is_found_by_its_values():
    assert [preset_of(load_preset(name)) for name in preset_names()] == preset_names()
    assert preset_of(load_preset("smoke").with_values({"tau_ge": "2 ms"})) == "custom"


def test_presets_are_listed_with_what_they_are(capsys):
    assert cli.main(["presets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(preset_names())
    for name in preset_names():
        says = preset_says(name)
        assert 5 < len(says) < 120, name
        assert not says.endswith((".", "(Eq", " al")), name
        assert says.count("(") == says.count(")"), name


def test_a_shell_completes_commands_and_options(capsys, tmp_path):
    assert cli.main(["completion", "bash"]) == 0
    script = tmp_path / "completion"
    script.write_text(capsys.readouterr().out)
    code = (
        f"source {script}; COMP_WORDS=(diehlcook observe --e); COMP_CWORD=2; COMP_LINE='diehlcook "
        f"observe --e'; "
        "$(complete -p diehlcook | sed 's/.*-F //; s/ .*//'); echo ${COMPREPLY[@]}"
    )
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["--engine"], done.stderr
    with pytest.raises(SystemExit):
        cli.main(["completion", "fish"])


def test_commands_can_be_pasted():
    assert pasteable("train", "--run", Path("my runs/$x")) == "`python -m diehlcook train --run 'my runs/$x'`"


def test_the_folder_of_runs(monkeypatch):
    monkeypatch.delenv("DIEHLCOOK_RUNS", raising=False)
    assert runs_folder() == Path("data/runs")
    monkeypatch.setenv("DIEHLCOOK_RUNS", "~/mine")
    assert runs_folder() == Path.home() / "mine"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["trian"], "did you mean train?"),
        (["train", "--seeed", "3"], "unrecognized arguments: --seeed 3; did you mean --seed?"),
        (["train", "--sample", "3"], "did you mean --samples?"),  # no abbreviations
        (["train", "--zzz"], "unrecognized arguments: --zzz"),
        (["companion", "mozafari"], "did you mean mozafari2019?"),
    ],
)
def test_slips_are_understood(arguments, said, capsys):
    with contextlib.suppress(SystemExit):
        cli.main(arguments)
    assert capsys.readouterr().err.rstrip().endswith(said)


def test_what_is_no_folder_and_no_constants_is_told(tmp_path):
    data = datasets.load("digits", "train").head(20)
    with pytest.raises(DiehlCookError, match="folder is a Dataset; expected the path"):
        train(data, tmp_path / "run", "smoke")
    with pytest.raises(DiehlCookError, match="params is a dict; expected constants"):
        train(tmp_path / "run", data, {"n_exc": 5})
    with pytest.raises(DiehlCookError, match=r"unknown preset 'smok'; did you mean smoke\?"):
        train(tmp_path / "run", data, "smok")
    with pytest.raises(DiehlCookError, match=r"'MNIST': not found|MNIST: not found; did you mean mnist\?"):
        datasets.load("MNIST", "train")
    assert train(tmp_path / "run", data, "smoke", progress=False).preset == "smoke"
    assert repr(data) == "<Dataset digits, train: 20 images of 28 x 28, 10 classes>"


def test_paths_as_texts(tmp_path, without_raster):
    data = datasets.load("digits", "train").head(20)
    run = train(str(tmp_path / "run"), data, load_preset("smoke"), progress=False)
    facts = observe(str(run.folder), data, progress=False)
    assert facts["images"] == 20
    assert load_run(str(run.folder)).assignments().shape == (16,)
