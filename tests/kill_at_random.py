"""Kill commands with SIGKILL at random moments, go on, and compare with the run that nobody killed.

    python tests/kill_at_random.py            # 100 kills, a quarter of an hour
    python tests/kill_at_random.py --kills 20

Five commands: training with the engines fused and standalone, several trainings at once, observe and test with
two processes each. After each kill no process of the command is left, and the same command, with --resume
where it asks for that, ends in the same bytes (but for dates and wall times).
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from crash_points import content

IMAGES = ["--preset", "smoke", "--dataset", "digits"]
COMMANDS = {
    "train, fused": ["train", *IMAGES, "--engine", "fused", "--run", "run"],
    "train, standalone": ["train", *IMAGES, "--engine", "standalone", "--run", "run"],
    "several trainings": [
        "train",
        *IMAGES,
        "--engine",
        "fused",
        "--run",
        "run",
        "--seeds",
        "1-3",
        "--jobs",
        "2",
    ],
    "observe": ["observe", "--run", "run", "--engine", "fused", "--jobs", "2"],
    "test": ["test", "--run", "run", "--engine", "fused", "--jobs", "2", "--repeats", "3"],
}
BEFORE = {"observe": ["train, fused"], "test": ["train, fused", "observe"]}
MARK = "DIEHLCOOK_KILLED_AT_RANDOM"


def start(command, folder):
    environment = {**os.environ, MARK: str(folder), "DIEHLCOOK_CHECKPOINT_SECONDS": "0.5"}
    options = {"cwd": folder, "env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-m", "diehlcook", *command, "-q"], text=True, **options)


def finish(command, folder):
    """Run a command to its end; go on with a run that is there."""
    said = start(command, folder)
    message = said.communicate()[1]
    if said.returncode == 1 and ("--resume" in message or "already" in message):
        said = start([*command, "--resume"], folder)
        message = said.communicate()[1]
    assert said.returncode == 0, message


def left(folder):
    """The processes of a command that are still there."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"{MARK}={folder}".encode() in path.read_bytes().split(b"\0"):
                found.append(path.parent.name)
        except OSError:
            continue
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("commands", nargs="*", help=f"of {', '.join(COMMANDS)} (default: all)")
    parser.add_argument("--kills", type=int, default=100, help="of all commands together")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance, bad = random.Random(options.seed), 0
    with tempfile.TemporaryDirectory() as base:
        for name in options.commands or COMMANDS:
            command = COMMANDS[name]
            first, whole = Path(base, "first"), Path(base, "whole")
            for folder in (first, whole):
                shutil.rmtree(folder, ignore_errors=True)
            first.mkdir()
            for earlier in BEFORE.get(name, []):
                finish(COMMANDS[earlier], first)
            shutil.copytree(first, whole)
            finish(command, whole)  # compiles, too
            shutil.rmtree(whole)
            shutil.copytree(first, whole)
            started = time.monotonic()
            finish(command, whole)
            seconds, killed = time.monotonic() - started, 0
            for _ in range(options.kills // len(COMMANDS)):
                work = Path(base, "work")
                shutil.rmtree(work, ignore_errors=True)
                shutil.copytree(first, work)
                process = start(command, work)
                time.sleep(chance.uniform(0, 1.1 * seconds))
                process.send_signal(signal.SIGKILL)
                process.wait()
                killed += process.returncode == -signal.SIGKILL
                time.sleep(0.3)
                orphans = left(work)
                finish(command, work)
                if orphans or content(work / "run") != content(whole / "run"):
                    bad += 1
                    print(
                        f"{name}: orphans {orphans}, same bytes {content(work) == content(whole)}", flush=True
                    )
            print(
                f"{name}: {options.kills // len(COMMANDS)} kills, {killed} of them before the end", flush=True
            )
    print(f"{bad} bad")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
