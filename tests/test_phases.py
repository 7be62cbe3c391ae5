"""The four phases through the command line, as a user runs them: results, interrupts, resume, jobs."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from test_engines import SHORT, processes_in

from diehlcook import arguments, load_preset, load_run, predict
from diehlcook.analysis import readout
from diehlcook.data import datasets
from diehlcook.engines.base import Model
from diehlcook.errors import DiehlCookError
from diehlcook.figures.catalogue import FIGURES
from diehlcook.model import wiring
from diehlcook.model.neurons import EXCITATORY
from diehlcook.phases.observe import observe
from diehlcook.phases.responses import trained_network
from diehlcook.phases.train import train
from diehlcook.phases.train_many import Task, train_several
from diehlcook.progress import Interrupted
from diehlcook.runs import layout
from diehlcook.runs.files import digest
from diehlcook.runs.run import Run

TRAIN = ("train", "--preset", "smoke", "--dataset", "digits", "--seed", "5")


def diehlcook(*arguments, **options):
    command = [sys.executable, "-m", "diehlcook", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def ok(*arguments, **options):
    done = diehlcook(*arguments, **options)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    """A run through all four phases, small."""
    folder = tmp_path_factory.mktemp("chain") / "run"
    ok(*TRAIN, "--run", folder, "--samples", "600")
    ok("observe", "--run", folder, "--samples", "300", "--jobs", "2")
    ok("test", "--run", folder, "--samples", "260", "--jobs", "2", "--repeats", "2")
    return folder


WITHOUT_COMPILER = {**os.environ, "PATH": "/nowhere"}
"""The engine runtime then uses NumPy code: what Cython would gain in so few images, it loses in compiling."""


def arrays(folder):
    return {path.name: np.load(path) for path in folder.glob("*.npy")}


def test_a_finished_run_has_the_files_of_the_table_and_no_other(chain):
    """Every array of the folder stands in the table and has the shape, kind and range that it says."""
    made = {path.stem for path in chain.glob("*.npy")}
    assert made == set(layout.FILES)
    for name in made:
        layout.load(chain, name, load_run(chain).params)
    others = {path.name for path in chain.iterdir()} - {f"{name}.npy" for name in made}
    assert others - {"run.json"} <= set(layout.OTHERS)
    assert set(layout.FIGURES) == set(FIGURES)


def test_the_chain_writes_what_it_promises(chain):
    smoke, found = load_run(chain).params, arrays(chain)
    n = smoke.n_exc
    assert found["weights.npy"].shape == found["delays.npy"].shape == (784, n)
    assert found["weights.npy"].sum(axis=0) == pytest.approx(
        smoke.weight_sum, rel=0.3
    )  # not normalised after the last image
    assert found["theta.npy"].mean() > 0.02  # volts
    assert found["assignments.npy"].dtype == np.int8
    assert found["observe_counts.npy"].shape == (300, n)
    assert found["test_counts.npy"].shape == (2 * 260, n)
    history = found["train_history.npy"]
    assert history["label"].tolist() == datasets.load("digits", "train").labels[:600].tolist()
    assert history["presentations"].min() >= 1
    assert history["theta_mean"][0] == pytest.approx(0.02)
    assert 2 <= len(list((chain / "snapshots").glob("*.npy"))) <= 21
    assert {path.parent.name for path in (chain / "checkpoints").rglob("*.npy")} == {"600"}  # the final state


def test_results_follow_from_the_counts(chain):
    found, facts = arrays(chain), load_run(chain).facts
    labels = datasets.load("digits", "train").labels[:300]
    assignment = readout.assign_labels(found["observe_counts.npy"], labels)
    assert np.array_equal(assignment.labels, found["assignments.npy"])
    true = datasets.load("digits", "test").labels[:260]
    predicted = [
        readout.predict(part, assignment.labels).labels for part in np.split(found["test_counts.npy"], 2)
    ]
    assert np.array_equal(found["test_predictions.npy"], predicted)
    accuracy = np.mean([(one == true).mean() for one in predicted])
    assert facts["test"]["accuracy"] == pytest.approx(accuracy, abs=1e-6)
    assert np.trace(found["confusion.npy"]) == sum((one == true).sum() for one in predicted)
    low, high = facts["test"]["interval95"]
    assert low < accuracy < high
    halves = np.split(found["test_counts.npy"], 2)
    assert not np.array_equal(*halves)  # each repeat has its own spikes


def test_jobs_do_not_show(chain, tmp_path):
    other = tmp_path / "copy"
    shutil.copytree(chain, other)
    ok("observe", "--run", other, "--samples", "300", "--jobs", "1", "--force")
    ok("test", "--run", other, "--samples", "260", "--jobs", "1", "--repeats", "2")
    one, two = arrays(chain), arrays(other)
    assert one.keys() == two.keys()
    for name in one:
        assert np.array_equal(one[name], two[name]), name


def test_sources_and_assumptions_are_kept(tmp_path):
    params = load_preset("paper-exponential-100").with_values({"tau_post2": "39 ms"})
    Run(tmp_path, "mine", params, 1, "digits", Model(params, learning=True)).save()
    stored = json.loads((tmp_path / "run.json").read_text())
    assert stored["sources"]["tau_post2"] == "user"
    assert stored["sources"]["eta_post"] == "search (exponential)"
    assert stored["assumed"] == ["w_exc_inh", "w_inh_exc"]
    restored = load_run(tmp_path).params
    assert (restored, restored.sources) == (params, params.sources)


def test_phases_draw_delays_again_if_asked(chain):
    run = load_run(chain)
    assert np.array_equal(trained_network(run, "standalone", "test").delays, run.delays())
    run.params = run.params.with_values({"redraw_delays": True})
    drawn = {
        phase: trained_network(run, "standalone", phase).delays for phase in ("observe", "test", "predict")
    }
    assert np.array_equal(drawn["test"], wiring.initial_delays(run.params, 5, "test"))
    assert not np.array_equal(drawn["test"], drawn["observe"])
    assert not np.array_equal(drawn["test"], run.delays())


def test_presets_side_by_side():
    done = ok("params", "--diff", "diehl-cook-2015", "brian2-example")
    lines = {line.split()[0]: line for line in done.stdout.splitlines()[1:]}
    assert set(lines) == set(load_preset("diehl-cook-2015").differences(load_preset("brian2-example")))
    assert lines["dt"].split("[")[0].split() == ["dt", "0.5", "ms", "0.1", "ms"]
    assert "[authors' public code]  [example script" in lines["dt"]
    done = ok("params", "--diff", "authors-400", "authors-1600", "--json")
    assert json.loads(done.stdout)["theta_plus"] == {"authors-400": "0.05 mV", "authors-1600": "0.15 mV"}


def test_rule_and_size_on_the_command_line():
    done = ok("params", "--rule", "power-law", "--n-exc", "100", "--json")
    values = json.loads(done.stdout)
    assert (values["rule"], values["normalise"], values["theta_plus"]) == ("power-law", "never", "0.0125 mV")
    assert "reconstruction" in done.stderr
    done = ok("params", "--n-exc", "100", "--set", "theta_plus=0.05 mV", "--json")
    assert json.loads(done.stdout)["theta_plus"] == "0.05 mV"
    assert done.stderr == ""


def test_plot_draws_every_figure(chain):
    done = ok("plot", "--run", chain, "--format", "svg", "--json")
    names = {Path(path).stem for path in json.loads(done.stdout)["figures"]}
    assert names == {
        "receptive_fields", "training", "weights", "theta", "receptive_fields_over_training",
        "receptive_fields_by_label", "labels", "raster", "confusion", "misclassified",
    }  # fmt: skip
    for path in json.loads(done.stdout)["figures"]:
        assert "</svg>" in Path(path).read_text()


def test_raster_is_recorded_whatever_device_is_set(chain, tmp_path):
    import brian2

    run = load_run(shutil.copytree(chain, tmp_path / "run"))
    brian2.set_device("cpp_standalone", build_on_run=False)
    try:
        observe(run, datasets.load("digits", "train").head(20), engine="fused", force=True)
        assert brian2.get_device() is brian2.devices.all_devices["cpp_standalone"]
    finally:
        brian2.devices.reset_device()
    _, when = np.load(run.folder / "raster_exc.npy")
    assert len(when) > 10


def test_raster_shows_presentations_of_the_trained_network(chain):
    neuron, when = np.load(chain / "raster_exc.npy")
    v, threshold = np.load(chain / "raster_v.npy"), np.load(chain / "raster_threshold.npy")
    smoke = load_run(chain).params
    assert v.shape == threshold.shape == (3, 3 * smoke.presentation_steps)
    most = np.bincount(neuron.astype(int)).argmax()
    assert np.load(chain / "raster_neurons.npy")[0] == most
    # v is above threshold in no step after which it did not fire
    fired = np.rint(when[neuron == most] / smoke.dt).astype(int)
    assert len(fired) > 0
    assert v[0].max() < threshold[0].max() + 0.005
    # the network is the one that observe presented: same spikes for the first image
    counts = np.load(chain / "observe_counts.npy")[0]
    stimulus = when < smoke.t_stimulus
    assert np.bincount(neuron[stimulus].astype(int), minlength=16).tolist() == counts.tolist()


def test_raster_starts_where_observe_did(smoke, tmp_path):
    """At potentials drawn from the seed of the run."""
    digits = datasets.load("digits", "train").head(20)
    params = smoke.with_values(v_init_random=True)
    run = train(tmp_path / "run", digits, params, seed=7, engine="fused", progress=False)
    observe(run, digits, engine="fused", progress=False)
    neuron, when = run.load("raster_exc")
    counted = np.bincount(neuron[when < params.t_stimulus].astype(int), minlength=params.n_exc)
    assert counted.sum() > 0
    assert counted.tolist() == run.load("observe_counts")[0].tolist()


def test_numbers_of_numpy_are_numbers(smoke, tmp_path):
    digits = datasets.load("digits", "train").head(20)
    run = train(tmp_path / "run", digits, smoke, epochs=np.int64(2), engine="fused", progress=False)
    assert load_run(run.folder).facts["train"]["epochs"] == 2
    for epochs in (1.5, True, "3", 0):
        with pytest.raises(DiehlCookError, match=r"epochs is .*; it must be a whole number from 1 to 10000"):
            train(tmp_path / "other", digits, smoke, epochs=epochs)
    for jobs in (0, 1.5):
        with pytest.raises(DiehlCookError, match=r"jobs is .*; it must be a whole number of at least 1"):
            observe(run, digits, jobs=jobs)


def test_several_trainings_are_refused_before_the_first_begins(smoke, tmp_path):
    digits = datasets.load("digits", "train").head(20)
    train(tmp_path / "b", digits, smoke, engine="fused", progress=False)
    tasks = [Task(tmp_path / name, smoke, 0, "smoke") for name in "ab"]
    with pytest.raises(DiehlCookError, match="b: there is a run already"):
        train_several(tasks, digits, engine="fused", jobs=1, progress=False)
    assert not (tmp_path / "a").exists()


def test_predict_in_three_lines(chain):
    images = datasets.load("digits", "test").images[:30]
    labels, counts = predict(chain, images)
    assert counts.shape == (30, 16)
    assert np.array_equal(labels, readout.predict(counts, np.load(chain / "assignments.npy")).labels)


@pytest.mark.slow
def test_both_engines_observe_the_same(chain, tmp_path):
    other = tmp_path / "copy"
    shutil.copytree(chain, other)
    ok("observe", "--run", other, "--samples", "6", "--engine", "runtime", "--force", "--jobs", "1",
       env=WITHOUT_COMPILER)  # fmt: skip
    assert np.array_equal(np.load(other / "observe_counts.npy"), np.load(chain / "observe_counts.npy")[:6])


@pytest.mark.parametrize(
    ("engine", "number"),
    [
        ("fused", signal.SIGINT),
        ("fused", signal.SIGTERM),
        ("fused", signal.SIGKILL),
        *(
            pytest.param(engine, number, marks=pytest.mark.slow)
            for engine in ("standalone", "runtime")
            for number in (signal.SIGINT, signal.SIGKILL)
        ),
    ],
)
def test_interrupted_and_resumed_equals_never_interrupted(engine, number, chain, tmp_path):
    samples = "24" if engine == "runtime" else "600"
    reference = chain if engine == "fused" else tmp_path / "reference"
    options = [*TRAIN, "--samples", samples, "--engine", engine, "-v"]
    base = WITHOUT_COMPILER if engine == "runtime" else os.environ
    if engine != "fused":
        ok(*options, "--run", reference, env=base)
    folder = tmp_path / "run"
    # Checkpoints of every chunk, not every minute, so that a kill finds one
    (tmp_path / "tmp").mkdir()
    environment = {**base, "DIEHLCOOK_CHECKPOINT_SECONDS": "0", "TMPDIR": str(tmp_path / "tmp")}
    process = subprocess.Popen(
        [sys.executable, "-m", "diehlcook", *map(str, options), "--run", str(folder)],
        stderr=subprocess.PIPE, text=True, start_new_session=True, env=environment,
    )  # fmt: skip
    deadline = time.monotonic() + 200
    while (
        not list(folder.glob("checkpoints/[0-9]*")) and time.monotonic() < deadline and process.poll() is None
    ):
        time.sleep(0.01)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == (130 if number != signal.SIGKILL else -signal.SIGKILL), said
    assert not (folder / "weights.npy").exists()
    time.sleep(0.2)
    assert not [path for path in (tmp_path / "tmp").iterdir() if processes_in(path)]  # no orphan goes on
    if number != signal.SIGKILL:
        assert "--resume" in said
    done = ok(
        "train", "--run", folder, "--resume", "--engine", engine, "-v", env=base
    )  # the rest is as it was
    assert "resuming after" in done.stderr
    for name, array in arrays(reference).items():
        if name in {"weights.npy", "theta.npy", "delays.npy"} or name.startswith("train_"):
            assert np.array_equal(np.load(folder / name), array), name


SEVERAL = (
    "train",
    "--preset",
    "smoke",
    "--dataset",
    "digits",
    "--engine",
    "fused",
    "--set",
    "theta_plus=0.002 mV",
    "--order",
    "shuffled",
)


def test_several_trainings_are_each_what_one_alone_would_be(tmp_path):
    done = ok(*SEVERAL, "--samples", "60", "--seeds", "1-2", "--rule", "triplet,power-law", "--jobs", "2",
              "--run", tmp_path / "all", "--json")  # fmt: skip
    folders = [Path(run["run"]).name for run in json.loads(done.stdout)["runs"]]
    assert folders == ["triplet-seed-1", "triplet-seed-2", "power-law-seed-1", "power-law-seed-2"]
    ok(*SEVERAL, "--samples", "60", "--seed", "2", "--rule", "power-law", "--run", tmp_path / "one")
    for name, array in arrays(tmp_path / "one").items():
        assert np.array_equal(np.load(tmp_path / "all" / "power-law-seed-2" / name), array), name
    one, other = (np.load(tmp_path / "all" / f"triplet-seed-{k}" / "weights.npy") for k in (1, 2))
    assert not np.array_equal(one, other)


@pytest.mark.slow
def test_several_trainings_are_interrupted_and_resumed_together(tmp_path):
    command = [*SEVERAL, "--epochs", "6", "--seeds", "1,2", "--jobs", "2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "diehlcook", *command, "--run", str(tmp_path / "run")],
        stderr=subprocess.PIPE, text=True
    )  # fmt: skip
    deadline = time.monotonic() + 100
    while len(list((tmp_path / "run").glob("*/snapshots/*"))) < 6 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "--resume continues" in said
    assert list((tmp_path / "run").glob("*/checkpoints/[0-9]*"))
    ok(*command, "--run", tmp_path / "run", "--resume")
    ok(*SEVERAL, "--epochs", "6", "--seed", "2", "--run", tmp_path / "one")
    for name in ("weights", "theta", "train_history"):
        assert np.array_equal(
            np.load(tmp_path / "run" / "seed-2" / f"{name}.npy"), np.load(tmp_path / "one" / f"{name}.npy")
        ), name


@pytest.mark.parametrize(("text", "numbers"), [("1-3", [1, 2, 3]), ("4", [4]), ("2,0-1,2", [0, 1, 2])])
def test_seeds_are_numbers_and_ranges(text, numbers):
    assert arguments.seeds(text) == numbers


@pytest.mark.parametrize("text", ["", "3-1", "a", "1-", "-1"])
def test_bad_seeds_are_usage_errors(text):
    done = diehlcook("train", f"--seeds={text}")
    assert done.returncode == 2
    assert "--seeds" in done.stderr


def test_fused_observes_the_same(chain, tmp_path):
    shutil.copytree(chain, tmp_path / "copy")
    for jobs in ("1", "2"):
        ok(
            "observe",
            "--run",
            tmp_path / "copy",
            "--samples",
            "300",
            "--engine",
            "fused",
            "--force",
            "--jobs",
            jobs,
        )
        assert np.array_equal(
            np.load(tmp_path / "copy" / "observe_counts.npy"), np.load(chain / "observe_counts.npy")
        )


def test_observe_resumes_with_the_finished_blocks(chain, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(chain, folder)
    command = ["observe", "--run", folder, "--samples", "1287", "--jobs", "1", "--force"]
    process = subprocess.Popen(
        [sys.executable, "-m", "diehlcook", *map(str, command)], stderr=subprocess.PIPE, text=True
    )
    blocks = folder / "checkpoints" / "observe"
    deadline = time.monotonic() + 60
    while len(list(blocks.glob("*.npy"))) < 2 and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    kept = len(list(blocks.glob("*.npy")))
    assert 2 <= kept < 6
    assert np.array_equal(
        np.load(folder / "assignments.npy"), np.load(chain / "assignments.npy")
    )  # the old result stands
    marked, task = blocks / "000-0000000.npy", json.loads((blocks / "task.json").read_text())
    np.save(marked, np.load(marked) + 1)  # a resumed phase takes the block as it is, so this must show
    task["blocks"][marked.stem] = digest(np.load(marked))
    (blocks / "task.json").write_text(json.dumps(task))
    damaged = blocks / "000-0000250.npy"  # one whose digest it has not is computed again
    np.save(damaged, np.load(damaged) + 1)
    ok(*command)  # the same command takes up the finished blocks
    counts = np.load(folder / "observe_counts.npy")
    assert np.array_equal(counts[:250] - 1, np.load(chain / "observe_counts.npy")[:250])
    assert np.array_equal(counts[250:300], np.load(chain / "observe_counts.npy")[250:300])


def test_a_finished_phase_is_kept_only_if_it_is_the_same(chain):
    before = arrays(chain)
    for phase, same, other in (
        ("observe", ["--samples", "300"], ["--samples", "299"]),
        ("test", ["--samples", "260", "--repeats", "2"], ["--samples", "260", "--repeats", "3"]),
    ):
        ok(phase, "--run", chain, *same, "--resume")
        refused = diehlcook(phase, "--run", chain, *other, "--resume")
        assert refused.returncode == 1
        assert " images; use --force" in refused.stderr
    after = arrays(chain)
    assert all(np.array_equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("engine", ["runtime", pytest.param("standalone", marks=pytest.mark.slow)])
def test_custom_equations_survive_interrupt_and_later_phases(engine, smoke, tmp_path, numpy_target):
    excitatory = EXCITATORY._replace(
        equations=EXCITATORY.equations + "dtrace/dt = -trace/(3*second) : 1\n",
        reset=EXCITATORY.reset + "trace += 1\n",
    )
    params = smoke.with_values({**SHORT, "t_stimulus": "50 ms", "t_rest": "20 ms", "min_spikes": 1})
    data = datasets.load("digits", "train").head(30)
    asked = []

    def trained(name, **how):
        return train(tmp_path / name, data, params, excitatory=excitatory, engine=engine, **how)

    reference = trained("reference")
    with pytest.raises(Interrupted):
        trained(
            "run",
            progress=lambda done, words: asked.append(done) if done else None,
            cancelled=lambda: len(asked) > 0 if engine == "runtime" else len(asked) > 1,
        )
    resumed = trained("run", resume=True)
    assert np.array_equal(resumed.weights(), reference.weights())
    assert "trace" in load_run(tmp_path / "run").model.excitatory.equations
    assert isinstance(resumed, Run)


def test_the_command_goes_on_with_equations_that_were_changed(smoke, tmp_path, numpy_target):
    """As it is printed after an interrupt."""
    excitatory = EXCITATORY._replace(reset=EXCITATORY.reset + "ge += 0\n")
    params = smoke.with_values({**SHORT, "t_stimulus": "50 ms", "t_rest": "20 ms", "min_spikes": 1})
    run, data = tmp_path / "run", datasets.load("digits", "train").head(20)
    with pytest.raises(Interrupted, match="--resume") as told:
        train(run, data, params, excitatory=excitatory, engine="runtime", cancelled=lambda: True)
    command = str(told.value).partition("python -m diehlcook ")[2].rstrip("`").split()
    ok(*command, "--dataset", "digits", env=WITHOUT_COMPILER)
    assert load_run(run).facts["train"]["finished"]
    assert load_run(run).model.excitatory == excitatory


def test_an_image_that_stays_silent(chain, tmp_path):
    """Training stops and says which; observe and test record it silent and count it wrong."""
    images = datasets.load("digits", "train").images[:3].copy()
    images[1] = 0
    images[1, 0, 0] = 1
    np.savez(tmp_path / "mine.npz", images=images, labels=np.array([0, 1, 2], np.uint8))
    source = ("--dataset", tmp_path / "mine.npz")
    done = diehlcook("train", "--preset", "smoke", "--run", tmp_path / "run", *source)
    assert done.returncode == 1
    assert "image 1 got fewer than 5 spikes in 20 attempts" in done.stderr
    assert not (tmp_path / "run" / "weights.npy").exists()
    folder = tmp_path / "copy"
    shutil.copytree(chain, folder)
    facts = json.loads(ok("test", "--run", folder, *source, "--jobs", "1", "--force", "--json").stdout)
    assert facts["silent_images"] == 1
    assert np.load(folder / "test_predictions.npy")[0, 1] == -1
    assert not np.load(folder / "test_counts.npy")[1].any()
    images[1] = 0
    np.savez(tmp_path / "black.npz", images=images, labels=np.array([0, 1, 2], np.uint8))
    done = diehlcook(
        "train", "--preset", "smoke", "--run", tmp_path / "black", "--dataset", tmp_path / "black.npz"
    )
    assert done.returncode == 1
    assert "image 1 of the train images is all black" in done.stderr
    assert not (tmp_path / "black").exists()
