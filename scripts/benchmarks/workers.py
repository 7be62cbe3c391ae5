"""A process that answers what it is asked, line by line: how the benchmarks keep contestants apart."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self


class Worker:
    """A program that prints one line when it is ready, and one for each line that it is given.

    Parameters
    ----------
    name
        How messages call it.
    command
        The program and its arguments.
    environment
        Variables that it has besides those of this process; it has one thread for linear algebra.
    """

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.started = time.perf_counter()
        self.process: subprocess.Popen[str] = subprocess.Popen(
            command,
            env=os.environ | {"OMP_NUM_THREADS": "1"} | dict(environment or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def answer(self) -> str:
        """Return what the process says next."""
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line:
            sys.exit(f"{self.name}: the process has ended; what it said is above")
        return line.strip()

    def ask(self, question: object) -> str:
        """Return what the process says to a line."""
        if self.process.stdin:
            print(question, file=self.process.stdin, flush=True)
        return self.answer()

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()


class Peak:
    """The peak resident memory of a process and its children while the block runs (Linux; elsewhere 0).

    It is read in /proc twenty times a second: getrusage would count the forked parent of a child too.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.mebibytes = 0.0
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def watch(self) -> None:
        """Read until told to stop."""
        while not self.done.wait(0.05):
            now = sum(high_water(pid) for pid in [str(self.pid), *children(self.pid)])
            self.mebibytes = max(self.mebibytes, now)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.thread.join()


def children(pid: int) -> list[str]:
    """Return the process ids of the children of a process (Linux)."""
    try:
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []


def high_water(pid: str) -> float:
    """Return the peak resident memory of a process in MiB; 0 where /proc does not say."""
    return int((line_of(f"/proc/{pid}/status", "VmHWM") or "0").split()[0]) / 1024


def line_of(path: str, name: str) -> str:
    """Return what follows a name and a colon in a file of /proc; "" where there is none."""
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return ""
    return next((line for line in lines if line.startswith(name)), "").partition(":")[2].strip()
