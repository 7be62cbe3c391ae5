"""The runner of worker processes: results, progress, errors, interrupts, and workers that cannot live."""

import multiprocessing
import os
import pickle
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from diehlcook import jobs
from diehlcook.errors import Cancelled, DiehlCookError


def add(number, values):
    jobs.tell(number, 10 * number)
    return jobs.shared()[0] + values.sum()


def double(given):
    return (2 * given, os.getpid())


def until_asked(folder):
    (folder / "begun").touch()
    while not jobs.asked_to_stop():
        time.sleep(0.01)
    (folder / "ended").touch()


def refuse():
    raise DiehlCookError("no space left")


def die():
    os._exit(1)


def test_results_come_by_name_and_tasks_share_what_was_prepared():
    """The arguments are larger than the buffer of a pipe."""
    tasks = {str(k): (k, np.full(100_000, k)) for k in range(5)}
    found, told = {}, []
    jobs.run_jobs(add, tasks, jobs=2, keep=found.__setitem__, given=10, prepare=double, watch=told.append)
    assert found == {str(k): 20 + 100_000 * k for k in range(5)}
    assert told[-1] == [0, 10, 20, 30, 40]


def test_who_is_asked_to_stop_comes_to_an_end(tmp_path):
    folders = [tmp_path / str(k) for k in range(4)]
    for folder in folders:
        folder.mkdir()
    with pytest.raises(Cancelled):
        jobs.run_jobs(
            until_asked, {folder.name: (folder,) for folder in folders}, jobs=2, keep=lambda *_: None,
            cancelled=lambda: len([f for f in folders if (f / "begun").exists()]) == 2,
        )  # fmt: skip
    begun = {folder.name for folder in folders if (folder / "begun").exists()}
    assert begun == {folder.name for folder in folders if (folder / "ended").exists()}
    assert 2 <= len(begun) < 4


def test_an_error_of_a_task_is_raised_and_the_others_stop(tmp_path):
    with pytest.raises(DiehlCookError, match="no space left"):
        jobs.run_jobs(choose, {"a": (tmp_path,), "b": (None,)}, jobs=2, keep=lambda *_: None)
    assert (tmp_path / "ended").exists() == (tmp_path / "begun").exists()


def choose(folder):
    return until_asked(folder) if folder else refuse()


def test_nothing_to_do_needs_no_worker():
    jobs.run_jobs(die, {}, jobs=2, keep=lambda *_: None)


def test_a_second_interrupt_does_not_wait_for_the_workers(tmp_path):
    """Tasks that ask nobody whether to stop."""

    def interrupt(_done):
        if (tmp_path / "begun").exists():
            raise KeyboardInterrupt

    (tmp_path / "other").mkdir()
    of_the_caller = multiprocessing.get_context("spawn").Process(target=sleep, args=(tmp_path / "other",))
    of_the_caller.start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        jobs.run_jobs(sleep, {"a": (tmp_path,)}, jobs=1, keep=lambda *_: None, watch=interrupt)
    assert time.monotonic() - started < 50
    assert of_the_caller.is_alive()
    of_the_caller.kill()
    of_the_caller.join()


def sleep(folder):
    (folder / "begun").touch()
    time.sleep(60)


def test_a_worker_that_dies_is_told_in_one_line():
    with pytest.raises(DiehlCookError, match="a worker process died"):
        jobs.run_jobs(die, {"a": ()}, jobs=1, keep=lambda *_: None)


def unprepared(_given):
    raise DiehlCookError("no space left for workers")


def test_a_worker_that_cannot_be_prepared_says_why():
    with pytest.raises(DiehlCookError, match="no space left for workers"):
        jobs.run_jobs(die, {"a": ()}, jobs=1, keep=lambda *_: None, prepare=unprepared)


PREDICT = """
    from diehlcook import load_shipped, predict
    from diehlcook.data.datasets import load
    from diehlcook.phases import predict as phase

    phase.BLOCK = 10  # so few images would need no worker

    def labels(_=None):
        images = load("digits", "test").images[:20]
        return predict(load_shipped("triplet-400"), images, engine="fused", jobs=2).labels
"""


def become_late(folder):
    """Become a worker only when the process that started this one is gone."""
    (folder / "pid").write_text(str(os.getpid()))
    while multiprocessing.parent_process().is_alive():
        time.sleep(0.01)
    try:
        jobs.become_worker(folder / "given", len, None, None, multiprocessing.Value("q", 0))
    finally:
        (folder / "lived").touch()


def test_a_worker_whose_parent_died_before_its_birth_ends(tmp_path):
    """Found by killing commands at random: the kernel ends the children of a dead process only if told before."""
    (tmp_path / "given").write_bytes(pickle.dumps([]))
    code = (
        "import multiprocessing, os, sys, time; from pathlib import Path; from test_jobs import become_late\n"
        "folder = Path(sys.argv[1])\n"
        "if __name__ == '__main__':\n"
        "    multiprocessing.get_context('spawn').Process(target=become_late, args=(folder,)).start()\n"
        "    while not (folder / 'pid').exists() or not (folder / 'pid').read_text():\n"
        "        time.sleep(0.01)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    done = subprocess.run([sys.executable, script, tmp_path], env=environment, check=False, timeout=60)
    assert done.returncode == -9
    pid = int((tmp_path / "pid").read_text())
    for _ in range(200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            break
        time.sleep(0.05)
    else:
        pytest.fail("the worker lives on")
    assert not (tmp_path / "lived").exists()


def run_script(tmp_path, text):
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(PREDICT) + textwrap.dedent(text))
    return subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, timeout=120)


def test_a_script_without_main_guard_is_told_so(tmp_path):
    done = run_script(tmp_path, "print(labels())")
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert "worker processes die at birth" in last
    assert "__main__" in last
    assert done.stderr.count("Traceback") == 1  # of the script itself


def test_within_a_pool_there_are_no_workers_but_the_same_labels(tmp_path):
    text = """
    if __name__ == "__main__":
        import multiprocessing
        with multiprocessing.Pool(1) as pool:
            inside = pool.map(labels, [0])[0]
        print((inside == labels()).all())
    """
    done = run_script(tmp_path, text)
    assert (done.returncode, done.stdout.strip()) == (0, "True"), done.stderr
