"""Workers: one runner for all who need several processes, one for threads, and one meaning of an interrupt.

Workers ignore SIGINT and SIGTERM: it is for the process that started them to decide. Once it is asked to
stop, nothing new begins, those at work see `asked_to_stop` and come to an end by themselves, and `Cancelled`
is raised. If the starting process is killed, the kernel kills them (Linux).
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import pickle
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent import futures
from pathlib import Path
from typing import Any

from .errors import Cancelled, DiehlCookError
from .private import PrivateFolder

LOOK_EVERY = 0.2
"""Seconds between looks at what the workers have done."""


def available_cores() -> int:
    """Return the number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def die_with_parent() -> None:
    """Let the kernel kill this process when the one that started it is gone (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Worker:
    """What a worker process holds: `shared` things or why there are none, whether it is asked to stop, and where it tells what it has done."""

    shared: Any = None
    failure: Exception | None = None
    stop: Any = None
    done: Any = None


def shared() -> Any:
    """Return, in a worker, what all tasks share."""
    return Worker.shared


def asked_to_stop() -> bool:
    """Return, in a worker, whether it shall come to an end."""
    return bool(Worker.stop.is_set())


def tell(number: int, amount: int) -> None:
    """Let, in a worker, the process that started it know how much of the task of this number is done."""
    Worker.done[number] = amount


def become_worker(path: Path, prepare: Callable[[Any], Any], stop: Any, done: Any, born: Any) -> None:
    """Begin the life of a worker process: what is shared comes as a file, because a pipe to a dying process would block."""
    die_with_parent()
    parent = multiprocessing.parent_process()
    if parent is not None and not parent.is_alive():  # it was killed before the kernel was told
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):  # see `signals_held`
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    with born.get_lock():
        born.value += 1
    Worker.stop, Worker.done = stop, done
    try:
        Worker.shared = prepare(pickle.loads(path.read_bytes()))
    except Exception as error:  # noqa: BLE001 - the pool would hide it; `do_task` says it
        Worker.failure = error


def do_task(work: Callable[..., Any], *values: Any) -> Any:
    """Do, in a worker, a task, or raise what kept the worker from becoming ready."""
    if Worker.failure is not None:
        raise Worker.failure
    return work(*values)


def unchanged(given: Any) -> Any:
    """Return what is given."""
    return given


def can_start_workers() -> bool:
    """Return whether this process may have children: those of a `multiprocessing.Pool` may not."""
    return not multiprocessing.current_process().daemon


@contextlib.contextmanager
def signals_held() -> Iterator[None]:
    """Let interrupts wait while the block runs, here and in the processes that it starts, until these let them in."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def follow(
    pool: futures.Executor,
    work: Callable[..., Any],
    tasks: Mapping[str, tuple[Any, ...]],
    keep: Callable[[str, Any], None],
    cancelled: Callable[[], bool],
    look: Callable[[], None],
) -> None:
    """Give the tasks to a pool, `keep` what comes of them, and `look` now and then; raise `Cancelled` if asked to stop."""
    with signals_held():  # workers are born now, and an interrupt amid their beginning would be a traceback
        running = {pool.submit(do_task, work, *values): name for name, values in tasks.items()}
    while running:
        finished, _ = futures.wait(running, timeout=LOOK_EVERY, return_when=futures.FIRST_COMPLETED)
        for future in sorted(finished, key=lambda one: one.exception() is not None):
            keep(running.pop(future), future.result())  # the good ones first
        look()
        if cancelled():
            raise Cancelled


def run_threads(
    work: Callable[..., Any],
    tasks: Mapping[str, tuple[Any, ...]],
    *,
    keep: Callable[[str, Any], None],
    given: Any = None,
    cancelled: Callable[[], bool] = lambda: False,
    watch: Callable[[list[int]], None] = lambda _done: None,
) -> None:
    """Do tasks at the same time in threads of this process, because they wait for a GPU that they share.

    Parameters and errors are those of `run_jobs`; `work` finds what it needs as in a worker process.
    """
    Worker.shared, Worker.stop, Worker.done = given, threading.Event(), [0] * len(tasks)
    with futures.ThreadPoolExecutor(max(1, len(tasks))) as pool:
        try:
            follow(pool, work, tasks, keep, cancelled, lambda: watch(Worker.done[:]))
        finally:
            Worker.stop.set()
            pool.shutdown(cancel_futures=True)


def run_jobs(
    work: Callable[..., Any],
    tasks: Mapping[str, tuple[Any, ...]],
    *,
    jobs: int,
    keep: Callable[[str, Any], None],
    given: Any = None,
    prepare: Callable[[Any], Any] = unchanged,
    cancelled: Callable[[], bool] = lambda: False,
    watch: Callable[[list[int]], None] = lambda _done: None,
) -> None:
    """Do tasks in worker processes.

    Parameters
    ----------
    work
        Called in a worker with the values of a task; a function of a module.
    tasks
        Name to values.
    jobs
        Processes.
    keep
        Called here with the name and the result of each task, in the order in which they end.
    given, prepare
        Each worker calls `prepare` with `given` once, and its tasks find what it returned in `shared`.
    cancelled
        Asked whether to stop.
    watch
        Called now and then with what the tasks have told (see `tell`).

    Raises
    ------
    Cancelled
        `cancelled` returned true; what had begun has come to an end.
    DiehlCookError
        A worker died; or whatever a task raised.
    """
    if not tasks:
        return
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        # A worker that runs the script which started it once more: that process says what is wrong
        sys.exit(1)
    context = multiprocessing.get_context("spawn")
    stop, done, born = context.Event(), context.Array("q", len(tasks)), context.Value("q", 0)
    others = set(multiprocessing.active_children())
    with contextlib.closing(PrivateFolder("diehlcook-jobs", Path(tempfile.gettempdir()))) as folder:
        path = folder.path / "given"
        path.write_bytes(pickle.dumps(given))
        with futures.ProcessPoolExecutor(
            min(jobs, len(tasks)),
            mp_context=context,
            initializer=become_worker,
            initargs=(path, prepare, stop, done, born),
        ) as pool:
            try:
                follow(pool, work, tasks, keep, cancelled, lambda: watch(done[:]))
            except KeyboardInterrupt:  # nobody asks whether to stop, or not again: give up at once
                for worker in set(multiprocessing.active_children()) - others:
                    worker.kill()
                raise
            except futures.process.BrokenProcessPool:
                if cancelled():  # a signal to the whole group reached the workers first
                    raise Cancelled from None
                if not born.value:
                    raise DiehlCookError(
                        "worker processes die at birth: a script that uses several has to keep what it "
                        "does under `if __name__ == '__main__':`; or use one job"
                    ) from None
                raise DiehlCookError("a worker process died (out of memory?); use fewer --jobs") from None
            finally:
                stop.set()
                pool.shutdown(cancel_futures=True)
