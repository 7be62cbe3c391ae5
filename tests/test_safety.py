"""Nothing that is not ours is touched, one process at a time writes into a run, and whatever happens is one line."""

import fcntl
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import load_script

from diehlcook import import_run, load_run, whole
from diehlcook.cache import check_trusted, clear, kept, private_cache, prune
from diehlcook.cli import commands
from diehlcook.cli.main import OneLine, main
from diehlcook.data import datasets
from diehlcook.engines.fused import cached
from diehlcook.engines.standalone import engine as standalone
from diehlcook.errors import DiehlCookError, printable
from diehlcook.figures.style import facts_title, new_figure
from diehlcook.model import wiring
from diehlcook.model.params import load_preset
from diehlcook.phases.observe import observe
from diehlcook.phases.test import test as judge
from diehlcook.phases.train import train
from diehlcook.phases.train_many import Task, train_several
from diehlcook.private import MARKER, PrivateFolder
from diehlcook.progress import Interrupted
from diehlcook.runs import layout, lock
from diehlcook.runs.files import load_json, save_array, save_json
from diehlcook.runs.shipped import unpack

pytestmark = pytest.mark.usefixtures("without_raster")

STORED = Path(__file__).parent / "reference" / "run-0.1.0-schema-2"
SMOKE = ["--preset", "smoke", "--dataset", "digits", "--samples", "40", "--engine", "fused"]
PYTHON = [sys.executable, "-m", "diehlcook"]


def digits(split="train", n=40):
    return datasets.load("digits", split).head(n)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("safety") / "run"
    train(folder, digits(), load_preset("smoke"), preset="smoke", engine="fused")
    return folder


@pytest.fixture
def run(trained, tmp_path):
    return load_run(shutil.copytree(trained, tmp_path / "run"))


# Owners


def test_the_second_comer_is_told_who_is_there_and_changes_nothing(run):
    before = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    hold = (
        "import sys, time\nfrom pathlib import Path\nfrom diehlcook.runs import lock\n"
        "with lock.owned(Path(sys.argv[1]), 'train'):\n    print('mine', flush=True); time.sleep(60)"
    )
    owner = subprocess.Popen([sys.executable, "-c", hold, run.folder], stdout=subprocess.PIPE)
    assert owner.stdout.readline() == b"mine\n"
    told = rf"in use by train \(process {owner.pid}, since {time.strftime('%Y-%m-%d')} .*\); wait for it"
    for command in (
        lambda: train(run.folder, digits(), run.params, engine="fused", force=True),
        lambda: observe(run, digits(), engine="fused"),
        lambda: import_run(run.folder, run.folder, "matrix", params=run.params, force=True),
        lambda: unpack("triplet-400", run.folder, force=True),
    ):
        with pytest.raises(DiehlCookError, match=told):
            command()
    owner.kill()
    owner.wait()
    (run.folder / lock.NAME).unlink()
    assert before == {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}


def test_the_lock_of_a_killed_process_is_none(run):
    (run.folder / lock.NAME).write_text("train (process 1, since yesterday)")
    observe(run, digits(), engine="fused")
    assert not (run.folder / lock.NAME).exists()


def test_an_owner_that_comes_to_nothing_leaves_nothing(tmp_path):
    with pytest.raises(DiehlCookError, match="no such thing"), lock.owned(tmp_path / "a" / "b", "train"):
        raise DiehlCookError("no such thing")
    assert list(tmp_path.iterdir()) == []


def test_force_discards_only_once_the_new_run_is_possible(run, monkeypatch):
    def no_memory(*_):
        raise MemoryError

    monkeypatch.setattr("diehlcook.phases.train.open_engine", no_memory)
    with pytest.raises(MemoryError):
        train(run.folder, digits(), run.params, engine="fused", seed=9, force=True)
    assert load_run(run.folder).weights().any()


def test_a_result_that_cannot_be_written_takes_nothing_away(run, monkeypatch):
    observe(run, digits(), engine="fused")
    labels = run.assignments()
    monkeypatch.setattr(whole.Written, "appear", lambda _self: None)  # also to be sure that the patch bites
    monkeypatch.setattr(
        os, "fsync", lambda _file: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    with pytest.raises(DiehlCookError, match="No space left"):
        observe(run, digits(n=20), engine="fused", force=True)
    monkeypatch.undo()
    np.testing.assert_array_equal(load_run(run.folder).assignments(), labels)


@pytest.mark.parametrize("failing", [1, 2])
def test_a_run_json_that_cannot_be_written_leaves_nothing_half_done(run, monkeypatch, failing):
    """The first time it says that the old labels no longer count, the second time that there are new ones."""
    observe(run, digits(), engine="fused")
    before, calls = dict(run.facts), []

    def full(path, content):
        calls.append(path)
        if len(calls) == failing:
            raise DiehlCookError("No space left")
        save_json(path, content)

    monkeypatch.setattr("diehlcook.runs.run.save_json", full)
    with pytest.raises(DiehlCookError, match="No space left"):
        run.commit("observe", {"assignments": np.zeros(run.params.n_exc, np.int8)}, before["observe"])
    monkeypatch.undo()
    assert not list(run.folder.glob(".*.tmp"))
    if failing == 1:
        assert run.facts == load_run(run.folder).facts == before
        assert run.assignments().any()
    else:
        assert "observe" not in load_run(run.folder).facts


def test_results_are_not_stored_as_those_of_a_run_that_has_gone(run):
    train(
        run.folder, digits(), run.params.with_values(tau_mem_exc="80 ms"), engine="fused", seed=9, force=True
    )
    new = (run.folder / "run.json").read_bytes()
    with pytest.raises(DiehlCookError, match="another one by now; load it again"):
        observe(run, digits(), engine="fused")
    assert (run.folder / "run.json").read_bytes() == new


# Identity


def test_results_that_are_being_replaced_are_read_by_nobody(run, monkeypatch):
    observe(run, digits(), engine="fused")

    def interrupted(_results):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(layout.Results, "appear", interrupted)
        with pytest.raises(KeyboardInterrupt):
            observe(run, digits(n=30), engine="fused", force=True)
    with pytest.raises(DiehlCookError, match="observe is missing"):
        load_run(run.folder).assignments()


def test_results_go_with_what_they_were_made_of(run):
    observe(run, digits(), engine="fused")
    judge(run, digits("test"), engine="fused")
    observe(run, digits(n=20), engine="fused", force=True)
    assert "test" not in load_run(run.folder).facts
    assert not layout.is_there(run.folder, "confusion")
    with pytest.raises(DiehlCookError, match="test is missing"):
        load_run(run.folder).load("confusion")


def test_results_of_another_network_are_named(run):
    observe(run, digits(), engine="fused")
    content = load_json(run.path)
    content["train"]["sha256"]["theta"] = "0" * 64
    save_json(run.path, content)
    with pytest.raises(
        DiehlCookError, match=r"observe was made with other theta than there are; run `.*observe"
    ):
        load_run(run.folder).assignments()


def test_a_checkpoint_of_another_training_is_not_resumed(trained, tmp_path):
    """`checkpoints` on another disk, which an earlier run has filled."""
    other = shutil.copytree(trained, tmp_path / "other")
    run = tmp_path / "run"
    train(run, digits(), load_preset("smoke"), preset="smoke", seed=1, engine="fused")
    shutil.rmtree(run / "checkpoints")
    (run / "checkpoints").symlink_to(other / "checkpoints")
    content = load_json(run / "run.json")
    content["train"]["finished"] = False
    save_json(run / "run.json", content)
    with pytest.raises(DiehlCookError, match="the checkpoint is of another training, and there is no other"):
        train(run, digits(), load_preset("smoke"), preset="smoke", seed=1, engine="fused", resume=True)
    train(run, digits(), load_preset("smoke"), preset="smoke", seed=2, engine="fused", force=True)
    assert load_run(run).seed == 2


def test_a_damaged_checkpoint_falls_back_to_the_one_before(run, caplog):
    (newest,) = [path for path in (run.folder / "checkpoints").iterdir() if path.name.isdigit()]
    shutil.copytree(newest, newest.with_name("7"))
    (newest / "state.exc.theta.npy").write_bytes(b"torn")
    from diehlcook.runs.checkpoints import Checkpoints

    with caplog.at_level(logging.WARNING):
        arrays, _ = Checkpoints(run.folder, run.identity).load()
    assert arrays["state.exc.theta"].shape == (16,)
    assert "going on from the checkpoint before it, after 7 images" in caplog.text


def test_a_whole_checkpoint_of_the_same_images_stays(run):
    """There is no moment without it; only a damaged one is written anew."""
    from diehlcook.runs.checkpoints import Checkpoints

    checkpoints = Checkpoints(run.folder, run.identity)
    (number,) = checkpoints.numbers()
    arrays, facts = checkpoints.load()
    given = {name: one for name, one in facts.items() if name not in ("schema", "run", "digests")}
    folder = run.folder / "checkpoints" / str(number)
    before = {path: path.stat().st_ino for path in (folder, *folder.iterdir())}
    checkpoints.save(number, arrays, given | {"wall_s": 1e6})
    assert {path: path.stat().st_ino for path in (folder, *folder.iterdir())} == before
    assert checkpoints.load()[1] == facts
    (folder / "state.exc.theta.npy").write_bytes(b"torn")
    checkpoints.save(number, arrays, given | {"wall_s": 1e6})
    assert checkpoints.load()[1]["wall_s"] == 1e6


def test_a_training_is_not_resumed_with_other_delays(tmp_path, monkeypatch):
    """NumPy does not promise that the next version draws the same."""
    with pytest.raises(Interrupted):
        train(tmp_path, digits(), load_preset("smoke"), seed=1, engine="fused", cancelled=lambda: True)
    drawn = wiring.initial_delays
    monkeypatch.setattr(wiring, "initial_delays", lambda *given: drawn(*given) * 0.999)
    with pytest.raises(DiehlCookError, match="cannot resume, because seed 1 gives other delays here than"):
        train(tmp_path, digits(), load_preset("smoke"), seed=1, engine="fused", resume=True)
    monkeypatch.undo()
    train(tmp_path, digits(), load_preset("smoke"), seed=1, engine="fused", resume=True)


def test_images_in_both_are_counted_one_by_one(run, caplog):
    observe(run, digits(), engine="fused")
    own, others = digits(), digits("test")
    mixed = datasets.Dataset.from_arrays(
        np.concatenate([others.images[:30], own.images[5:15]]),
        np.concatenate([others.labels[:30], own.labels[5:15]]),
    )
    judge(run, mixed, engine="fused")
    assert "10 of 40 images are among those that the neurons were labelled with" in caplog.text
    (run.folder / "observe_images.npy").unlink()  # as runs of earlier versions lack it
    judge(run, digits(), engine="fused", force=True)
    assert "40 of 40 images are among those that the neurons were labelled with" in caplog.text


def test_older_runs_are_upgraded(tmp_path):
    upgrade = load_script("upgrade_runs")
    folder = shutil.copytree(STORED, tmp_path / "run")
    (folder / "doctor.json").unlink()
    arrays = {path.name: path.read_bytes() for path in folder.glob("*.npy")}
    old = load_run(folder)
    assert upgrade.upgrade(folder)
    assert not upgrade.upgrade(folder)
    new = load_run(folder)
    assert (old.schema, new.schema) == (2, 3)
    assert new.params == old.params
    assert {path.name: path.read_bytes() for path in folder.glob("*.npy")} == arrays
    assert set(new.facts["observe"]["sha256"]) == {"observe_counts", "assignments"}
    np.testing.assert_array_equal(new.load("confusion"), old.load("confusion"))
    np.save(folder / "confusion.npy", new.load("confusion") + 1)
    with pytest.raises(DiehlCookError, match="is not the one that test wrote"):
        new.load("confusion")


# Folders of one process, and caches


def test_only_abandoned_folders_of_ours_are_cleared(tmp_path):
    foreign = ["work-2026-results", "work-0-x-y", "work-99999999999999-a", "work-0123abcd", "work-0123abcg"]
    for name in foreign:
        (tmp_path / name).mkdir()
        (tmp_path / name / "results.csv").write_text("mine")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / MARKER).write_text("")
    (tmp_path / "work-aaaaaaaa").symlink_to(tmp_path / "elsewhere")
    living = PrivateFolder("work", tmp_path)
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom diehlcook.private import PrivateFolder\n"
        "print(PrivateFolder('work', Path(sys.argv[1])).path, flush=True); os.kill(os.getpid(), 9)"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, text=True, check=False
    )
    killed = Path(said.stdout.strip())
    assert killed.is_dir()
    assert living.path.is_dir()  # the other process was there, and left it
    PrivateFolder("work", tmp_path).close()
    assert not killed.exists()
    assert living.path.is_dir()
    assert all((tmp_path / name / "results.csv").exists() for name in foreign)
    assert (tmp_path / "elsewhere" / MARKER).exists()
    living.close()
    assert not living.path.exists()


@pytest.mark.parametrize("reading_only", [True, False])
def test_what_cannot_be_locked_is_not_cleared(tmp_path, monkeypatch, reading_only):
    """NFS locks no file that is open for reading only, and some file systems lock none."""
    lock_it = fcntl.flock

    def flock(file, how):
        if not (reading_only and file.writable()):
            raise OSError(9, "Bad file descriptor")
        lock_it(file, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    living = PrivateFolder("work", tmp_path)
    half = whole.Written(tmp_path / "theta.npy", lambda file: file.write(b"half"))
    if reading_only:
        dead = tmp_path / ".theta.npy.01234567.tmp"
        dead.write_bytes(b"torn")
        assert list(whole.unfinished(tmp_path)) == [dead]
        dead.unlink()
    assert list(whole.unfinished(tmp_path)) == []
    PrivateFolder("work", tmp_path).close()
    assert living.path.is_dir()
    half.appear()
    assert (tmp_path / "theta.npy").read_bytes() == b"half"
    living.close()


def test_a_temporary_file_that_is_taken_for_abandoned_is_made_again(tmp_path, monkeypatch):
    """By somebody who looks between its making and its lock."""
    lock_it, taken = whole.try_lock, []

    def late(file):
        if not taken:
            taken.extend(tmp_path.glob(".*.tmp"))
            taken[0].unlink()
        return lock_it(file)

    monkeypatch.setattr(whole, "try_lock", late)
    whole.write_whole(tmp_path / "theta.npy", lambda file: file.write(b"all"))
    assert [path.name for path in tmp_path.iterdir()] == ["theta.npy"]
    assert len(taken) == 1


def test_an_interrupt_before_the_lock_leaves_no_temporary_file(tmp_path, monkeypatch):
    def interrupted(_file):
        assert len(list(tmp_path.glob(".*.tmp"))) == 1
        raise KeyboardInterrupt

    monkeypatch.setattr(whole, "try_lock", interrupted)
    with pytest.raises(KeyboardInterrupt):
        whole.write_whole(tmp_path / "theta.npy", lambda file: file.write(b"all"))
    assert list(tmp_path.iterdir()) == []


def test_folders_of_processes_killed_before_they_locked_them_are_cleared_an_hour_later(tmp_path):
    for name, content, hours in (
        (".new-work-00000000", None, 2),
        (".new-work-11111111", MARKER, 2),
        (".new-work-22222222", MARKER, 0),  # may be about to be locked
        (".new-work-33333333", "results.csv", 2),
        (".new-work", None, 2),
    ):
        (tmp_path / name).mkdir()
        if content:
            (tmp_path / name / content).write_text("")
        os.utime(tmp_path / name, (time.time() - 3600 * hours - 60,) * 2)
    PrivateFolder("work", tmp_path).close()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".new-work", ".new-work-22222222", ".new-work-33333333",
    ]  # fmt: skip


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "diehlcook"


def program(folder):
    """A compiled program, in a few words."""
    (folder / "static_arrays").mkdir(parents=True)
    digests = {}
    for name in ("main", "static_arrays/a"):
        (folder / name).write_bytes(name.encode())
        digests[name] = standalone.hashlib.sha256(name.encode()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps({"files": digests}))
    return folder


@pytest.mark.parametrize("damage", ["main", "static_arrays/a", "manifest.json"])
def test_a_damaged_program_is_built_again(tmp_path, damage):
    folder = program(tmp_path / "program")
    assert standalone.is_built(folder)
    for content in (b"", b"other", b"{}", b"[" * 100_000, b'{"files": [1]}'):
        (folder / damage).write_bytes(content)
        assert not standalone.is_built(folder)
    (folder / damage).unlink()
    assert not standalone.is_built(folder)


def test_programs_that_others_could_have_written_are_not_run(cache):
    folder = private_cache("builds")
    assert folder.stat().st_mode & 0o777 == 0o700
    check_trusted(folder)
    folder.chmod(0o777)
    with pytest.raises(DiehlCookError, match="others can write into"):
        private_cache("builds")


def test_old_programs_go(cache, monkeypatch, capsys):
    old, big, new = (24 * digit for digit in "012")
    for name, days in ((old, 100), (big, 2), (new, 1)):
        folder = program(private_cache("builds") / name)
        for path in [folder, *folder.rglob("*")]:
            os.utime(path, (time.time() - days * 86_400,) * 2)
    assert [one.path.name for one in kept()] == [old, big, new]
    prune()
    assert [one.path.name for one in kept()] == [big, new]
    monkeypatch.setattr("diehlcook.cache.MOST_BYTES", list(kept())[1].size)
    prune()
    assert [one.path.name for one in kept()] == [new]
    building = PrivateFolder("unfinished", private_cache("builds"))
    assert [one.path.name for one in kept()] == [new]
    assert [one.path.name for one in clear()] == [new]
    assert building.path.is_dir()
    building.close()
    program(private_cache("builds") / new)
    (cache / "mnist").mkdir()
    assert main(["cache"]) == 0
    assert "1 compiled programs" in capsys.readouterr().out
    assert main(["cache", "--clear"]) == 0
    assert [list(kept()), clear()] == [[], []]
    mine = program(private_cache("builds") / "my-thesis")
    os.utime(mine, (0, 0))
    prune()
    clear()
    assert mine.is_dir()
    assert (cache / "mnist").is_dir()


@pytest.mark.slow
def test_fused_works_where_nothing_can_be_kept(tmp_path):
    """A home that cannot be written: the kernel is compiled, and not kept."""
    (tmp_path / "cache").write_text("a file, so that there can be no folder, not even for root")
    done = subprocess.run(
        [*PYTHON, "train", *SMOKE, "--run", tmp_path / "run"], capture_output=True, text=True, check=False,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "compiling the kernel anew, and not keeping it" in done.stderr
    assert not list(tmp_path.glob("diehlcook-kernel-*"))


def test_preferences_of_the_working_directory_are_refused(tmp_path):
    (tmp_path / "brian_preferences").write_text(
        "core.default_float_dtype = __import__('os').mkdir('run_by_brian')"
    )
    for engine in ("fused", "runtime"):
        command = [*PYTHON, "train", *SMOKE[:-1], engine, "--run", "run"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "brian_preferences: Brian2 would run what is in it" in done.stderr.splitlines()[-1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["brian_preferences"]


# The last line of defence


def test_any_exception_is_one_line(monkeypatch, capsys, caplog):
    def fails(*_):
        raise ZeroDivisionError("division\nby \x1b[2J zero")

    monkeypatch.setattr(commands, "params", fails)
    assert main(["params"]) == 1
    line = capsys.readouterr().err
    assert line.startswith(r"diehlcook: ZeroDivisionError: division by \x1b[2J zero (a fault of diehlcook")
    assert line.count("\n") == 1
    with caplog.at_level(logging.DEBUG):
        assert main(["params", "-v"]) == 1
    assert "Traceback" in "".join(OneLine().format(record) for record in caplog.records)

    def no_memory(*_):
        raise MemoryError

    monkeypatch.setattr(commands, "params", no_memory)
    assert main(["params"]) == 1
    assert "not enough memory" in capsys.readouterr().err


def test_nothing_steers_the_terminal():
    assert printable("θ ± 1\x1b[31m\x07\r\udcff") == r"θ ± 1\x1b[31m\x07\r\udcff"
    record = logging.LogRecord("", 30, "", 0, "a\x1b[2J\nb", (), None)
    assert OneLine().format(record) == "a\\x1b[2J\nb"


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&-"])
def test_closed_streams(closed, tmp_path):
    """The files of the run must not take the place of a stream that is closed."""
    command = " ".join([*PYTHON, "params", "--preset", "smoke", closed])
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


def test_output_of_any_encoding(tmp_path):
    command = [*PYTHON, "params", "--preset", "smoke"]
    for encoding in ("ascii", "latin-1"):
        environment = {**os.environ, "PYTHONIOENCODING": encoding}
        done = subprocess.run(command, capture_output=True, check=False, env=environment)
        assert done.returncode == 0, done.stderr
        assert rb"\u03b8_0" in done.stdout


def test_names_are_no_mathematics(tmp_path):
    figure = new_figure((4, 3))
    facts_title(figure, r"$\frac$ of \x1b", "run $x_1 · a\nb")
    figure.savefig(tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_a_page_replaces_no_file_but_a_page(run, capsys):
    for name in ("run.json", "weights.npy"):
        before = (run.folder / name).read_bytes()
        assert main(["report", "--run", str(run.folder), "--out", str(run.folder / name)]) == 1
        assert "no page of this package; choose another --out" in capsys.readouterr().err
        assert (run.folder / name).read_bytes() == before


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_signal_while_compiling_ends_at_once(tmp_path):
    """And leaves no compiler behind."""
    command = [
        *PYTHON,
        "train",
        *SMOKE[:-1],
        "standalone",
        "--run",
        "run",
        "--set",
        f"tau_theta={time.time():.6f} s",
    ]
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=environment)
    builds = tmp_path / "cache" / "diehlcook" / "builds"
    deadline = time.monotonic() + 60
    while not list(builds.glob("unfinished-*/program/*.cpp")) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=60)[1]
    assert (process.returncode, said.splitlines()[-1]) == (130, "interrupted")
    assert not (tmp_path / "run").exists()
    time.sleep(0.5)
    assert not [path for path in Path("/proc").glob("[0-9]*/cwd") if str(builds) in os.path.realpath(path)]


def test_a_temporary_file_that_is_being_written_is_left_alone(run):
    dead = run.folder / ".theta.npy.01234567.tmp"
    dead.write_bytes(b"torn")
    mine = run.folder / ".notes.txt.01234567.tmp"
    mine.write_bytes(b"mine")
    living = whole.Written(run.folder / "delays.npy", lambda file: file.write(b"half"))
    layout.clear_litter(run.folder)
    assert not dead.exists()
    assert mine.exists()
    assert living.temporary.exists()
    living.abandon()
    save_array(run.folder / "mine.npy", np.zeros(3))
    assert sorted(path.name for path in run.folder.glob(".*")) == [mine.name]


def test_a_folder_whose_path_leads_to_another_is_looked_at_when_it_is_there(tmp_path, smoke):
    """``new/..`` is not there before ``new`` is made."""
    folder = tmp_path / "mine"
    (folder / "figures").mkdir(parents=True)
    for name in ("weights.npy", "figures/theta.png", "report.html"):
        (folder / name).write_text("mine")
    for make in (
        lambda path: train(path, digits(n=20), smoke, progress=False),
        lambda path: unpack("triplet-400", path),
    ):
        with pytest.raises(DiehlCookError, match=r"holds .* and no run"):
            make(folder / "new" / "..")
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == {
        "weights.npy", "figures/theta.png", "report.html"
    }  # fmt: skip
    assert not (folder / "new").exists()


def test_a_page_of_somebody_else_stays(tmp_path, smoke):
    run = train(tmp_path / "run", digits(n=20), smoke, progress=False)
    (run.folder / "report.html").write_text("<title>mine</title>")
    train(run.folder, digits(n=20), smoke, force=True, progress=False)
    assert (run.folder / "report.html").read_text() == "<title>mine</title>"
    (run.folder / "report.html").write_bytes(b"<html>" + layout.PAGE_MARK)
    train(run.folder, digits(n=20), smoke, force=True, progress=False)
    assert not (run.folder / "report.html").exists()


def test_several_trainings_discard_nothing_if_one_of_them_cannot_begin(tmp_path, smoke):
    tasks = [Task(tmp_path / name, smoke, 0, "smoke") for name in "abc"]
    train(tmp_path / "a", digits(n=20), smoke, progress=False)
    before = (tmp_path / "a" / "run.json").read_bytes()
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "notes.txt").write_text("mine")
    with pytest.raises(DiehlCookError, match=r"b: holds notes.txt and no run"):
        train_several(tasks, digits(n=20), jobs=1, force=True, progress=False)
    (tmp_path / "b" / "notes.txt").unlink()
    with lock.owned(tmp_path / "b", "plot"), pytest.raises(DiehlCookError, match="b: in use by plot"):
        train_several(tasks, digits(n=20), jobs=1, force=True, progress=False)
    assert (tmp_path / "a" / "run.json").read_bytes() == before
    assert not (tmp_path / "c").exists()


def test_a_phase_does_not_go_on_and_begin_anew_at_once(tmp_path, smoke):
    run = train(tmp_path / "run", digits(n=20), smoke, progress=False)
    observe(run, digits(n=20), raster=False, progress=False)
    before = run.path.read_bytes()
    with pytest.raises(DiehlCookError, match="force=True discards it; give one of them"):
        observe(run, digits(n=10), resume=True, force=True, progress=False)
    assert run.path.read_bytes() == before


def test_compiled_code_that_is_damaged_is_compiled_again(tmp_path, monkeypatch, caplog):
    """As after a power cut: an index or the code itself is cut short, or there is no room to keep it."""
    monkeypatch.setattr(cached, "folder", lambda: tmp_path)
    source = tmp_path / "functions.py"
    source.write_text("def doubled(x):\n    return 2 * x\n")

    def compiled():
        space = {}
        exec(compile(source.read_text(), str(source), "exec"), space)  # noqa: S102 - Numba asks for a file
        return cached.cached()(space["doubled"])

    assert compiled()(3) == 6
    for kind in ("nbi", "nbc"):
        for path in tmp_path.rglob(f"*.{kind}"):
            path.write_bytes(path.read_bytes()[:40])
        caplog.clear()
        assert compiled()(3) == 6
        assert "cannot be read" in caplog.text
        caplog.clear()
        assert compiled()(3) == 6
        assert not caplog.text
    for path in tmp_path.rglob("*.nb?"):
        path.unlink()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("numba.core.caching.IndexDataCacheFile.save", full)
    assert compiled()(3) == 6
    assert "cannot keep compiled code (No space left on device)" in caplog.text
