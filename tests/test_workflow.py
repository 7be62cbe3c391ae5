"""The grid of networks: what a configuration asks for, what is refused, and what the workflow would do.

The workflow itself runs in `.ci/run`, from an environment of Snakemake's own; the dry run here is skipped
without it.
"""

import importlib
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from diehlcook.data import datasets
from diehlcook.model.params import Params, load_preset
from diehlcook.phases.train import train

ROOT = Path(__file__).parents[1]
WORKFLOW = ROOT / "scripts" / "workflow"


@pytest.fixture(scope="module")
def grid():
    sys.path.insert(0, str(WORKFLOW))
    yield importlib.import_module("grid")
    sys.path.pop(0)
    sys.modules.pop("grid", None)


def config(tmp_path, **cells):
    return {
        "python": sys.executable,
        "runs": str(tmp_path / "runs"),
        "records": str(tmp_path / "records"),
        "cells": cells,
    }


SMOKE = {
    "preset": "smoke",
    "dataset": "digits",
    "images": 60,
    "passes": [1, 2],
    "seeds": [3, 4],
    "repeats": 2,
}


def record_of(preset, passes=2):
    differences = load_preset(preset).differences(Params())
    return {
        "preset": preset, "params": {name: here for name, (here, _) in differences.items()},
        "seed": 3, "train": {"images": 60, "epochs": passes}, "test": {"repeats": 2},
    }  # fmt: skip


def test_what_has_no_record_is_missing_one_network_of_every_cell_first(grid, tmp_path):
    read = grid.read(config(tmp_path, one=SMOKE, two={"preset": "paper-triplet-100", "seeds": [1, 2, 3]}))
    names = [str(path.relative_to(tmp_path / "records")) for path in read.missing()]
    assert names == [
        "passes/1-one-seed3.json", "one-seed3.json", "two-seed1.json",
        "passes/1-one-seed4.json", "one-seed4.json", "two-seed2.json", "two-seed3.json",
    ]  # fmt: skip
    path = tmp_path / "records" / "one-seed3.json"
    path.parent.mkdir()
    path.write_text(json.dumps(record_of("smoke")))
    assert str(path) not in map(str, read.missing())
    assert len(read.missing()) == 6


def test_a_training_goes_on_only_after_the_record_of_the_pass_before(grid, tmp_path):
    read = grid.read(config(tmp_path, one=SMOKE))
    assert read.before("one", 3, 1) == []
    assert read.before("one", 3, 2) == [tmp_path / "records" / "passes" / "1-one-seed3.json"]


@pytest.mark.parametrize(("gain", "expected"), [(3, [1, 2, 3]), (1, [1, 2])])
def test_a_training_goes_on_while_its_accuracy_rises(grid, tmp_path, gain, expected):
    """Of the two windows of a pass together 500 are right, in the next pass `gain` of 1,000 more."""
    given = config(tmp_path, one=SMOKE | {"until": 3, "seeds": 3})
    assert grid.read(given).tested("one", 3) == [1, 2]
    curve = [[30, 300, 500], [60, 200, 500], [90, 300, 500], [120, 200 + gain, 500]]
    record = record_of("smoke") | {"curve": curve}
    path = tmp_path / "records" / "one-seed3.json"
    path.parent.mkdir()
    path.write_text(json.dumps(record))
    read = grid.read(given)
    assert read.tested("one", 3) == expected
    further = tmp_path / "records" / "passes" / "3-one-seed3.json"
    assert (further in read.missing()) == (3 in expected)
    if 3 in expected:
        assert read.before("one", 3, 3) == [path]
        further.parent.mkdir()
        record = record_of("smoke", 3) | {"curve": [*curve, [150, 500, 500], [180, 500, 500]]}
        further.write_text(json.dumps(record))
        assert grid.read(given).tested("one", 3) == [1, 2, 3]  # no further than `until`


def test_commands_are_those_of_the_package(grid, tmp_path):
    """Each is parsed by the package's own parser; a training resumes where there is a run, and only there."""
    from diehlcook.cli.parser import make_parser

    given = SMOKE | {"set": {"theta_plus": "0.1 mV"}}
    read = grid.read(config(tmp_path, one=given))
    for phase in ("train", "observe", "test"):
        words = shlex.split(read.command(phase, "one", 3, 2).split("$(")[0])
        assert words[:3] == [sys.executable, "-m", "diehlcook"]
        args = make_parser().parse_args(words[3:])
        assert (args.command, args.run) == (phase, tmp_path / "runs" / "one-seed3")
    args = make_parser().parse_args(shlex.split(read.command("train", "one", 3, 2).split("$(")[0])[3:])
    assert (args.preset, args.seed, args.epochs, args.samples, args.dataset, args.set) == (
        "smoke", 3, 2, 60, "digits", ["theta_plus=0.1 mV"],
    )  # fmt: skip
    tail = read.command("train", "one", 3, 2).split("--samples 60", 1)[1]
    for there in (False, True):
        if there:
            (tmp_path / "runs" / "one-seed3").mkdir(parents=True)
            (tmp_path / "runs" / "one-seed3" / "run.json").touch()
        said = subprocess.run(
            ["bash", "-c", f"echo {tail}"], capture_output=True, text=True, check=True
        ).stdout
        assert said.strip() == ("--resume" if there else "")


def papers(grid):
    """The committed configuration."""
    return grid.read(yaml.safe_load(grid.CONFIG.read_text()) | {"python": sys.executable})


def test_resources_follow_from_size_rule_and_passes(grid):
    read = papers(grid)
    train = {name: read.minutes("train", name, cell.passes[-1]) for name, cell in read.cells.items()}
    assert train["triplet-100"] < train["triplet-400"] < train["best-triplet-1600"] < train["triplet-1600"]
    assert read.minutes("train", "best-triplet-6400", 3) == pytest.approx(
        3 * read.minutes("train", "best-triplet-6400", 1), abs=2
    )
    assert read.minutes("test", "triplet-1600", 7) > read.minutes("observe", "triplet-1600", 7)
    assert 4000 > read.megabytes("best-triplet-6400") > read.megabytes("best-triplet-1600") > 1000


def test_the_grid_of_the_paper(grid):
    """Every cell of the paper's table has one in file order or shuffled, and what is committed is of its preset."""
    read = papers(grid)
    for rule in ("triplet", "power-law", "exponential", "pre-and-post"):
        for size in (100, 400, 1600, 6400):
            assert {f"{rule}-{size}", f"best-{rule}-{size}"} & set(read.cells), (rule, size)
    for name, cell in read.cells.items():
        assert name in (cell.preset, cell.preset.removeprefix("paper-"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"preset": "papier-triplet-400"}, ("cell one: unknown preset 'papier-triplet-400'; did you mean "
                                           "paper-triplet-400?")),
        ({"set": {"rule": "hebb"}}, "cell one: rule is 'hebb'; choose one of triplet"),
        ({"set": {"order": "sideways"}}, "cell one: order is 'sideways'; choose one of file, shuffled"),
        ({"set": {"n_exc": 0}}, "cell one: n_exc is 0; it must be from 1 to 100000"),
        ({"passes": [2, 1]}, "cell one: passes: expected numbers in order, each once, found [2, 1]"),
        ({"passes": "three"}, "cell one: passes: expected whole numbers from 1 on, found 'three'"),
        ({"seeds": []}, "cell one: seeds: expected whole numbers from 0 on, found []"),
        ({"repeats": 0}, "cell one: repeats: expected whole numbers from 1 on, found 0"),
        ({"images": True}, "cell one: images: expected whole numbers from 1 on, found True"),
        ({"epochs": 3}, "cell one: unknown epochs"),
        ({"pases": 3}, "cell one: unknown pases; did you mean passes?"),
        ({"preset": None}, "cell one: preset is missing"),
    ],
)  # fmt: skip
def test_bad_configurations_are_refused_in_one_line(change, message, grid, tmp_path):
    given = {key: value for key, value in (SMOKE | change).items() if value is not None}
    with pytest.raises(grid.GridError) as refused:
        grid.read(config(tmp_path, one=given))
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_other_bad_configurations(grid, tmp_path, monkeypatch):
    monkeypatch.delenv("DIEHLCOOK_PYTHON", raising=False)
    good = config(tmp_path, one=SMOKE)
    for change, message in (
        ({"cells": {}}, "cells: expected at least one"),
        ({"record": "x"}, "the configuration: unknown record; did you mean records?"),
        ({"python": str(tmp_path / "nowhere")}, "no Python there; set DIEHLCOOK_PYTHON"),
        ({"cells": {"one": "smoke"}}, "cell one: expected names and values, found 'smoke'"),
    ):
        with pytest.raises(grid.GridError, match=message):
            grid.read(good | change)


def test_a_record_of_another_preset_is_refused(grid, tmp_path):
    path = tmp_path / "records" / "one-seed3.json"
    path.parent.mkdir()
    good = record_of("smoke")
    for content, message in (
        (
            json.dumps(record_of("paper-triplet-100")),
            "a record of preset paper-triplet-100 with other parameters",
        ),
        (
            json.dumps(good | {"params": good["params"] | {"dt": "1 ms"}}),
            "a record of preset smoke with other parameters",
        ),
        ("{", "not a record; delete it"),
        (json.dumps({name: good[name] for name in ("preset", "params")}), "not a record; delete it"),
        (json.dumps(good | {"seed": 4}), "with seed 4, where cell one has 3"),
        (json.dumps(good | {"train": {"images": 50, "epochs": 2}}), "with images 50, where cell one has 60"),
        (json.dumps(good | {"train": {"images": 60, "epochs": 1}}), "with passes 1, where cell one has 2"),
        (json.dumps(good | {"test": {"repeats": 1}}), "with repeats 1, where cell one has 2"),
    ):
        path.write_text(content)
        with pytest.raises(grid.GridError, match=message):
            grid.read(config(tmp_path, one=SMOKE))
        assert path.read_text() == content
    path.write_text(json.dumps(good))
    grid.read(config(tmp_path, one=SMOKE))
    whole = {name: value for name, value in SMOKE.items() if name != "images"}
    with pytest.raises(grid.GridError, match="with images 60, where cell one has 1287"):
        grid.read(config(tmp_path, one=whole))


def test_a_record_is_of_the_passes_that_it_is_asked_for(tmp_path, without_raster):
    """A later training of the same network has taken the place of what an earlier record would be of."""
    digits = datasets.load("digits", "train").head(30)
    run = train(tmp_path / "run", digits, load_preset("smoke"), epochs=2, engine="fused", progress=False)
    command = [
        sys.executable,
        ROOT / "scripts/studies/record.py",
        run.folder,
        "--cell",
        "one",
        "--passes",
        "1",
    ]
    done = subprocess.run(
        [*command, "--out", tmp_path / "one.json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "has had 2 passes, and the record is to be of 1" in done.stderr
    assert not (tmp_path / "one.json").exists()


def test_an_option_of_the_default_grid_can_be_given_alone(grid):
    read = grid.read({"python": sys.executable, "runs": "elsewhere"})
    assert read.runs == Path("elsewhere")
    assert "best-triplet-1600" in read.cells


@pytest.fixture
def snakemake():
    path = os.environ.get("DIEHLCOOK_SNAKEMAKE")
    if not path:
        pytest.skip("set DIEHLCOOK_SNAKEMAKE to a Snakemake of an environment of its own")
    return path


def test_a_dry_run_names_exactly_what_lacks_a_record(grid, snakemake, tmp_path):
    given = config(tmp_path, one=SMOKE, two=SMOKE | {"passes": 1})
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "two-seed3.json").write_text(json.dumps(record_of("smoke", 1)))
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(given))
    command = [
        snakemake,
        "--profile",
        str(WORKFLOW / "profiles" / "local"),
        "--configfile",
        str(tmp_path / "config.yaml"),
        "-n",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    made = {
        line.split("output: ")[1] for line in (done.stdout + done.stderr).splitlines() if "output: " in line
    }
    records = {path for path in made if path.startswith(str(tmp_path / "records"))}
    assert records == {str(path) for path in grid.read(given).missing()} != set()
    assert not [path for path in made if "two-seed3" in path]


def test_trials_that_a_table_lacks_are_jobs(grid, tmp_path, monkeypatch):
    """A script that says what it lacks, and one that fails."""
    monkeypatch.setattr(grid, "STUDIES", tmp_path)
    trial = {"n_exc": 400, "images": 20_000, "epochs": 2, "label": 10_000, "choose": 5_000}
    script = f"print({json.dumps({'study/abc': {'trial': trial, 'dt': '0.25 ms'}})!r})"
    (tmp_path / "trials.py").write_text(script)
    (one,) = grid.trials(sys.executable, tmp_path)
    assert one.file == tmp_path / "study" / "abc.json"
    assert shlex.split(one.command)[2:] == [json.dumps(trial), "--out"]
    assert one.minutes == round(grid.MARGIN * 55_000 * grid.LEARNING[400] * 2 / 60_000)
    (tmp_path / "trials.py").write_text("raise SystemExit('table.csv: the preset has changed since')")
    with pytest.raises(grid.GridError, match="the preset has changed since"):
        grid.trials(sys.executable, tmp_path)


def test_a_dry_run_of_the_trials_finds_the_tables_whole(snakemake):
    command = [
        snakemake,
        "--profile",
        str(WORKFLOW / "profiles" / "local"),
        "--snakefile",
        str(WORKFLOW / "trials.smk"),
        "-n",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "rule all" in done.stdout + done.stderr
    assert "rule trial" not in done.stdout + done.stderr


def test_a_cluster_that_is_not_there_is_refused_before_anything_is_submitted(grid, tmp_path, monkeypatch):
    """Programs with the names of SLURM's, of which sinfo knows two partitions, or does not get an answer."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(grid.GridError, match="no SLURM here"):
        grid.check_slurm("main")
    for name, script in (("sbatch", "exit 0"), ("sinfo", "echo main; echo long")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    grid.check_slurm("long")
    with pytest.raises(grid.GridError, match="slurm_partition: nowhere does not exist, there are long, main"):
        grid.check_slurm("nowhere")
    (tmp_path / "sinfo").write_text("#!/bin/sh\necho 'sinfo: error: no controller' >&2; exit 1\n")
    with pytest.raises(grid.GridError, match="SLURM does not answer: sinfo: error: no controller"):
        grid.check_slurm("main")


def test_constants_are_chosen_by_training_images_alone(grid, tmp_path, mnist_folder):
    """The data set held-out is MNIST's training part, cut at image 50,000; a cell of it waits for the file."""

    read = grid.read(config(tmp_path, one={"preset": "smoke", "dataset": "held-out"}))
    path = tmp_path / "runs" / "held-out.npz"
    assert read.needs("one", 1, 1) == [path]
    assert f"--dataset {path}" in read.command("train", "one", 1, 1)
    subprocess.run(["bash", "-c", f"{read.held_out_command()} {path}"], check=True)
    whole = datasets.load("mnist", "train", data=mnist_folder)
    learn, judge = (datasets.load(str(path), part) for part in ("train", "test"))
    assert (learn.images == whole.images[:50_000]).all()
    assert (judge.images == whole.images[50_000:]).all()
    assert judge.labels.tolist() == whole.labels[50_000:].tolist()
    assert read.needs("one", 1, 1) == [path]


def test_the_search_can_be_read(grid):
    read = grid.read(yaml.safe_load((WORKFLOW / "search.yaml").read_text()) | {"python": sys.executable})
    assert {cell.dataset for cell in read.cells.values()} == {"held-out"}
    for name, cell in read.cells.items():
        step = float(cell.resolved["theta_plus"].removesuffix(" mV"))
        inhibition = float(cell.resolved["w_inh_exc"])
        own = load_preset(cell.preset)
        if name.split("-")[-2] == "inhibition":
            assert (step, inhibition) == pytest.approx((1e3 * own.theta_plus, float(name.split("-")[-1])))
        else:
            assert (step, inhibition) == (float(name.split("-")[-1]), own.w_inh_exc)
        assert cell.resolved["order"] == "shuffled"
