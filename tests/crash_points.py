"""Kill a command before the k-th of its calls that change a file, for every k, and see what is left.

``python tests/crash_points.py`` tries all points of all scenarios (an hour); `test_crash_points.py` tries a sample.

A command runs in a fork of this process, in which the calls that change files are counted: making, renaming,
deleting and opening for writing. At the k-th the process is killed; where a file would be opened, it is either
killed before, or leaves the file with a torn beginning.
"""

import argparse
import builtins
import contextlib
import io
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from diehlcook import load_run
from diehlcook.cli.main import main
from diehlcook.data import datasets
from diehlcook.errors import DiehlCookError
from diehlcook.phases import observe
from diehlcook.phases.raster import Raster
from diehlcook.phases.train import train
from diehlcook.progress import Interrupted
from diehlcook.runs import layout

DATED = ("started", "wall_s", "date", "versions", "imported")
"""What differs from run to run in run.json."""


class Point:
    """The call at which a process kills itself; 0: none. Counts those that change something below a folder."""

    def __init__(self, folder, number, torn):
        self.folder, self.number, self.torn = str(folder), number, torn
        self.count, self.opened = 0, []

    def here(self, path):
        return Path(os.fsdecode(path)).absolute().as_posix().startswith(self.folder)

    def reached(self, path):
        if isinstance(path, int) or not self.here(path):
            return False
        self.count += 1
        return self.count == self.number

    def install(self):
        for name in (
            "rename",
            "replace",
            "unlink",
            "remove",
            "rmdir",
            "mkdir",
            "symlink",
            "link",
            "truncate",
        ):
            setattr(os, name, self.before(getattr(os, name)))
        io.open = builtins.open = self.opening(io.open)

    def before(self, function):
        def counted(path, *rest, **options):
            if self.reached(path):
                os.kill(os.getpid(), signal.SIGKILL)
            return function(path, *rest, **options)

        return counted

    def opening(self, function):
        def counted(path, mode="r", *rest, **options):
            writing = bool(set(mode) & set("wxa+")) and not isinstance(path, int)
            if writing and self.here(path):
                self.opened.append(self.count + 1)
            if writing and self.reached(path):
                if self.torn:
                    with function(path, "wb") as file:
                        file.write(b"torn")
                os.kill(os.getpid(), signal.SIGKILL)
            return function(path, mode, *rest, **options)

        return counted


def run_command(arguments, folder, point=0, torn=False):
    """Run a command in a fork; return its exit code (-9: killed), what it said on stderr, and its points: how many, and which open a file."""
    reader, writer = os.pipe()
    said = tempfile.TemporaryFile()  # noqa: SIM115 - closed below
    pid = os.fork()
    if not pid:
        code = 70
        with contextlib.suppress(BaseException):
            os.close(reader)
            os.dup2(said.fileno(), 2)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
            kill = Point(folder, point, torn)
            kill.install()
            code = main([*map(str, arguments)])
            sys.stderr.flush()
            os.write(writer, json.dumps([kill.count, kill.opened]).encode())
        os._exit(code)
    os.close(writer)
    _, status = os.waitpid(pid, 0)
    points = json.loads(os.read(reader, 1 << 16) or "[0, []]")
    os.close(reader)
    said.seek(0)
    with said:
        return os.waitstatus_to_exitcode(status), said.read().decode(), points


def stub_raster(*_):
    """In the place of `raster.record_raster`, which takes seconds."""
    arrays = {name: np.zeros((2, 0)) for name in ("inp", "exc", "inh")}
    arrays |= {"v": np.zeros((1, 1)), "threshold": np.zeros((1, 1)), "neurons": np.zeros(1, int)}
    return Raster(arrays, {"presentations": 1, "labels": [0], "dt_ms": 0.5})


def warm_up():
    """Load and compile in this process what its forks need."""
    observe.record_raster = stub_raster
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        os.chdir(folder)
        for command in (["train", *TINY], ["observe", *LATER], ["test", *LATER]):
            main(command)
        for reader in READERS:
            main([*reader, "--run", "run", "-q"])
        os.chdir("/")


class Scenario(NamedTuple):
    """A command, the folders that it starts from, and what to say if it is to be gone on with."""

    start: Callable[[Path], None]
    command: list[str]
    again: str = ""
    """Option with which the command goes on, where it refuses to be given again."""
    folder: str = "run"


TINY = [
    "--preset",
    "smoke",
    "--dataset",
    "digits",
    "--samples",
    "4",
    "--engine",
    "fused",
    "-q",
    "--run",
    "run",
]
LATER = ["--run", "run", "--dataset", "digits", "--samples", "4", "--engine", "fused", "--jobs", "1", "-q"]
XO = [
    "companion",
    "xo",
    "--run",
    "run",
    "-q",
    "--networks",
    "1",
    "--set",
    "presentations=2",
    "--set",
    "tests=1",
]
XO += ["--set", "flips_max=0"]


def quietly(*arguments):
    code, said, _ = run_command(arguments, "/nowhere")
    assert code == 0, said


def nothing(_base):
    pass


def trained(_base):
    quietly("train", *TINY)


def observed(base):
    trained(base)
    quietly("observe", *LATER)


def tested(base):
    observed(base)
    quietly("test", *LATER)


def drawn(base):
    tested(base)
    quietly("plot", "--run", "run", "-q")
    quietly("report", "--run", "run", "-q")


def interrupted(_base):
    """A training that was stopped half way."""
    asked = []

    def later():
        asked.append(1)
        return len(asked) > 2

    from diehlcook import load_preset

    data = datasets.load("digits", "train").head(4)
    with contextlib.suppress(Interrupted):
        train(Path("run"), data, load_preset("smoke"), preset="smoke", engine="fused", cancelled=later)


def imported(_base):
    trained(_base)
    quietly("export", "--run", "run", "--format", "matrix", "--to", "files", "-q")
    shutil.rmtree("run")


def imported_twice(base):
    imported(base)
    quietly("import", "files", *IMPORT)


IMPORT = ["--format", "matrix", "--preset", "smoke", "--run", "run", "-q"]

SCENARIOS = {
    "train": Scenario(nothing, ["train", *TINY], "--resume"),
    "train --force": Scenario(drawn, ["train", *TINY, "--seed", "1", "--force"]),
    "train --resume": Scenario(interrupted, ["train", *TINY, "--resume"]),
    "train --resume --epochs 2": Scenario(drawn, ["train", *TINY, "--resume", "--epochs", "2"]),
    "observe": Scenario(trained, ["observe", *LATER]),
    "observe --force": Scenario(
        drawn, ["observe", *LATER[:-5], "--jobs", "1", "--engine", "fused", "-q", "--force"]
    ),
    "test": Scenario(observed, ["test", *LATER]),
    "test --force": Scenario(drawn, ["test", *LATER, "--repeats", "2", "--force"]),
    "networks": Scenario(nothing, ["networks", "triplet-400", "--run", "run", "-q"]),
    "networks --force": Scenario(drawn, ["networks", "triplet-400", "--run", "run", "-q", "--force"]),
    "import": Scenario(imported, ["import", "files", *IMPORT]),
    "import --force": Scenario(imported_twice, ["import", "files", *IMPORT, "--seed", "3", "--force"]),
    "report": Scenario(tested, ["report", "--run", "run", "-q"]),
    "report again": Scenario(drawn, ["report", "--run", "run", "-q"]),
    "plot": Scenario(tested, ["plot", "--run", "run", "-q"]),
    "companion xo": Scenario(nothing, XO),
    "companion xo --force": Scenario(lambda _base: quietly(*XO), [*XO, "--seed", "1", "--force"]),
}


def content(folder):
    """What a folder holds, but for what differs from run to run."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found[path.relative_to(folder).as_posix()] = path.read_bytes()
            if path.name in ("run.json", "checkpoint.json"):
                found[path.relative_to(folder).as_posix()] = undated(json.loads(path.read_text()))
            if path.suffix in (".png", ".html"):
                found[path.relative_to(folder).as_posix()] = b"a picture"
    return found


def undated(facts):
    if isinstance(facts, dict):
        return {name: undated(value) for name, value in facts.items() if name not in DATED}
    return [undated(one) for one in facts] if isinstance(facts, list) else facts


def results(folder):
    """The arrays of each phase that a reader is given; an error in one line where it is given none."""
    found = {}
    run = load_run(folder)
    for name, file in layout.FILES.items():
        with contextlib.suppress(DiehlCookError):
            found.setdefault(file.phase, {})[name] = run.load(name).tobytes()
    return found


READERS = (["doctor"], ["params"], ["report"], ["readouts"])


def problems(scenario, base, point, torn, befores, final):
    """Crash at a point; return what is wrong with what is left, and the exit code of the crash."""
    folder = base / scenario.folder
    code, said, _ = run_command(scenario.command, base, point, torn)
    if code != -signal.SIGKILL:
        return [f"not killed: {code} {said}"], code
    wrong = []
    if "companion" not in scenario.command and folder.exists():
        with contextlib.suppress(DiehlCookError):
            there = results(folder)
            for phase, arrays in there.items():
                if not any(arrays.items() <= known.get(phase, {}).items() for known in befores):
                    wrong.append(f"a mixture in {phase}")
        for reader in READERS:
            if reader == ["report"] and "report" not in scenario.command:
                continue  # a second each
            code, said, _ = run_command([*reader, "--run", scenario.folder, "-q"], "/nowhere")
            lines = [line for line in said.splitlines() if line.startswith("diehlcook: ")]
            if (
                code not in (0, 1)
                or "Traceback" in said
                or "a fault of diehlcook" in said
                or code != len(lines)
            ):
                wrong.append(f"{reader} exits with {code}: {said}")
    code, said, _ = run_command(scenario.command, "/nowhere")
    if code == 1 and scenario.again and scenario.again in said:
        code, said, _ = run_command([*scenario.command, scenario.again], "/nowhere")
    now = content(folder)
    done = code == 1 and "already" in said  # it was killed when it had all but ended
    if code and not done:
        wrong.append(f"again it exits with {code}: {said}")
    elif now != final:
        wrong.append(
            f"other files: {[name for name in now.keys() | final.keys() if now.get(name) != final.get(name)]}"
        )
    return wrong, -signal.SIGKILL


class Prepared(NamedTuple):
    """A scenario with its start and its end."""

    scenario: Scenario
    start: Path
    points: list[tuple[int, bool]]
    """Each with whether a file is left torn."""
    befores: list[dict[str, dict[str, bytes]]]
    final: dict[str, object]


def prepare(name, base):
    """Make the start of a scenario, run it to its end once, and count its points."""
    scenario, start, whole = SCENARIOS[name], base / "start", base / "whole"
    start.mkdir(parents=True)
    os.chdir(start)
    scenario.start(start)
    shutil.copytree(start, whole)
    os.chdir(whole)
    code, said, (number, opened) = run_command(scenario.command, whole)
    assert code == 0, said
    points = [(k, False) for k in range(1, number + 1)] + [(k, True) for k in opened]
    befores = []
    for folder in (start / scenario.folder, whole / scenario.folder):
        if "companion" not in scenario.command and (folder / "run.json").exists():
            befores.append(results(folder))
    return Prepared(scenario, start, points, befores, content(whole / scenario.folder))


def crash(prepared, base, point, torn):
    """Return what is wrong after a crash at one point."""
    work = base / "work"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(prepared.start, work)
    os.chdir(work)
    return problems(prepared.scenario, work, point, torn, prepared.befores, prepared.final)[0]


def spread(points, number):
    """So many of the points, evenly spread; 0: all."""
    every = max(1, len(points) // number) if number else 1
    return points[every // 2 :: every][: number or None]


def main_of_tool():
    """Try points of scenarios and print what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "scenarios", nargs="*", metavar="NAME", help=f"of {', '.join(SCENARIOS)}; default: all"
    )
    parser.add_argument("--sample", type=int, default=0, help="try only so many points of each")
    options = parser.parse_args()
    bad = total = 0
    warm_up()
    for name in options.scenarios or SCENARIOS:
        with tempfile.TemporaryDirectory() as folder:
            prepared = prepare(name, Path(folder))
            tried = spread(prepared.points, options.sample)
            found = {where: wrong for where in tried if (wrong := crash(prepared, Path(folder), *where))}
            os.chdir("/")
        bad, total = bad + len(found), total + len(tried)
        print(f"{name}: {len(found)} bad of {len(tried)} points", flush=True)
        for where, wrong in list(found.items())[:3]:
            print(f"  {where}: {wrong}", flush=True)
    print(f"{bad} bad of {total} points")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main_of_tool())
