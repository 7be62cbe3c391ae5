"""Bad input gets one line that says what, where and what to do; and nothing is lost or half-written.

``python tests/test_errors.py`` prints the table in docs/errors.md.
"""

import contextlib
import gzip
import hashlib
import io
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest

from diehlcook.cli.main import main

PAGE = Path(__file__).parents[1] / "docs" / "errors.md"
MESSAGE_VARIES = {"no MNIST and no network", "unknown command", "full disk"}
"""Cases whose message has a part that the system or the version of Python words."""
OFFLINE = {"https_proxy": "http://127.0.0.1:9", "DIEHLCOOK_MNIST": ""}
LARGEST_FILE = 50_000


class Case(NamedTuple):
    title: str
    arguments: list
    code: int
    message: str
    prepare: object = None
    environment: object = None
    limit: int = 0


def idx(array, magic=None):
    header = (magic or (2048 + array.ndim)).to_bytes(4, "big") + b"".join(
        n.to_bytes(4, "big") for n in array.shape
    )
    return header + array.astype(np.uint8).tobytes()


def idx_folder(folder, *, images=None, labels=None):
    """A folder of IDX files with 20 images, in which some content may be replaced by bytes."""
    folder.mkdir()
    for stem in ("train", "t10k"):
        (folder / f"{stem}-images-idx3-ubyte").write_bytes(images or idx(np.full((20, 28, 28), 9)))
        (folder / f"{stem}-labels-idx1-ubyte").write_bytes(labels or idx(np.arange(20) % 10))


def damaged_gzip(t):
    idx_folder(t / "idx")
    path = t / "idx" / "train-images-idx3-ubyte"
    packed = gzip.compress(path.read_bytes(), mtime=0)
    path.unlink()
    path.with_name(path.name + ".gz").write_bytes(packed[: len(packed) // 2])


def array(name, change):
    def prepare(t):
        path = t / "run" / f"{name}.npy"
        np.save(path, change(np.load(path)))

    return prepare


def edit_json(name, **changes):
    def prepare(t):
        path = t / "run" / name
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return prepare


def unfinished(t):
    """A run that was interrupted, with its checkpoint."""
    facts = json.loads((t / "run" / "run.json").read_text())
    facts["train"]["finished"] = False
    for phase in ("observe", "test"):
        facts.pop(phase, None)
    (t / "run" / "run.json").write_text(json.dumps(facts))
    shutil.rmtree(t / "run" / "checkpoints")
    folder = t / "run" / "checkpoints" / "10"
    folder.mkdir(parents=True)
    (folder / "checkpoint.json").write_text(json.dumps({"schema": 99, "digests": {}}))


def nan(a):
    a = a.copy()
    a.flat[5] = np.nan
    return a


def without(*names):
    def prepare(t):
        facts = json.loads((t / "run" / "run.json").read_text())
        for name in names:
            facts.pop(name, None)
        (t / "run" / "run.json").write_text(json.dumps(facts))
        if "observe" in names:
            (t / "run" / "assignments.npy").unlink()

    return prepare


def blocked(t):
    """A folder in the place of a result."""
    (t / "run" / "observe_counts.npy").unlink()
    (t / "run" / "observe_counts.npy" / "in the way").mkdir(parents=True)


NEW = ["--preset", "smoke", "--run", "new"]
DIGITS = ["--dataset", "digits", "--samples", "40"]
LATER = ["--run", "run", "--samples", "20", "--jobs", "1", "--force"]
IDX = ["train", *NEW, "--dataset", "idx"]
CASES = [
    Case("no MNIST and no network", ["train", *NEW], 1, "MNIST.*data", None, OFFLINE),
    Case(
        "MNIST folder without a file",
        ["train", *NEW, "--data", "empty"],
        1,
        "empty.*train-images",
        lambda t: (t / "empty").mkdir(),
    ),
    Case(
        "truncated IDX",
        IDX,
        1,
        "train-images.*(bytes|truncated)",
        lambda t: idx_folder(t / "idx", images=idx(np.zeros((20, 28, 28)))[:900]),
    ),
    Case("damaged gzip", IDX, 1, "train-images.*gz", damaged_gzip),
    Case(
        "wrong IDX magic",
        IDX,
        1,
        "train-images.*magic",
        lambda t: idx_folder(t / "idx", images=idx(np.zeros((20, 28, 28)), magic=1234)),
    ),
    Case(
        "images and labels disagree",
        IDX,
        1,
        "19 labels; expected 20",
        lambda t: idx_folder(t / "idx", labels=idx(np.zeros(19))),
    ),
    Case(
        "images of another size than the network",
        ["observe", *LATER, "--dataset", "idx"],
        1,
        "784",
        lambda t: idx_folder(t / "idx", images=idx(np.full((20, 20, 20), 9))),
    ),
    Case(
        "weights of wrong shape",
        ["observe", *LATER],
        1,
        r"weights\.npy: shape is \(784, 15\), expected \(784, 16\)",
        array("weights", lambda a: a[:, :15]),
    ),
    Case(
        "weights of wrong dtype",
        ["observe", *LATER],
        1,
        r"weights\.npy: dtype is int64, expected float",
        array("weights", lambda a: a.astype(int)),
    ),
    Case("weights with NaN", ["observe", *LATER], 1, r"weights\.npy: contains NaN", array("weights", nan)),
    Case(
        "negative weights",
        ["observe", *LATER],
        1,
        r"weights\.npy: smallest value is -",
        array("weights", lambda a: a - 0.1),
    ),
    Case(
        "weights far above the largest",
        ["observe", *LATER],
        1,
        r"weights\.npy is not the one that train wrote",
        array("weights", lambda a: a * 100),
    ),
    Case(
        "theta in millivolts",
        ["observe", *LATER],
        1,
        r"theta\.npy is not the one that train wrote",
        array("theta", lambda a: a * 1000),
    ),
    Case(
        "a file that is no array",
        ["observe", *LATER],
        1,
        r"delays\.npy: not a readable",
        lambda t: (t / "run" / "delays.npy").write_bytes(b"no"),
    ),
    Case(
        "resume with another size",
        ["train", "--preset", "smoke", "--run", "run", *DIGITS, "--n-exc", "9", "--resume"],
        1,
        "cannot resume with n_exc = 9",
    ),
    Case(
        "resume with another preset",
        ["train", "--preset", "brian2-example", "--run", "run", *DIGITS, "--resume"],
        1,
        "cannot resume with n_exc = 400",
    ),
    Case(
        "resume with another seed",
        ["train", "--preset", "smoke", "--run", "run", *DIGITS, "--seed", "8", "--resume"],
        1,
        "cannot resume with seed = 8",
    ),
    Case(
        "resume with other images",
        ["train", "--preset", "smoke", "--run", "run", "--dataset", "digits", "--samples", "39", "--resume"],
        1,
        "cannot resume with images = 39",
    ),
    Case(
        "run of another schema",
        ["observe", *LATER],
        1,
        r"run\.json: schema is 99",
        edit_json("run.json", schema=99),
    ),
    Case(
        "run.json without parameters",
        ["observe", *LATER],
        1,
        r"run\.json: .*params",
        edit_json("run.json", params=None),
    ),
    Case(
        "run.json that is no JSON",
        ["observe", *LATER],
        1,
        r"run\.json: not valid JSON",
        lambda t: (t / "run" / "run.json").write_text("{"),
    ),
    Case(
        "checkpoint of another schema",
        ["train", "--preset", "smoke", "--run", "run", *DIGITS, "--resume"],
        1,
        r"checkpoint\.json: schema is 99",
        unfinished,
    ),
    Case(
        "a run that is there already",
        ["train", "--preset", "smoke", "--run", "run", *DIGITS],
        1,
        "--resume.*--force",
    ),
    Case("labels that are there already", ["observe", "--run", "run", "--samples", "20"], 1, "--force"),
    Case("observe before train", ["observe", "--run", "none"], 1, "train` first"),
    Case(
        "test before observe",
        ["test", *LATER],
        1,
        "observe is missing.*observe --run run` first",
        without("observe", "test"),
    ),
    Case("plot before train", ["plot", "--run", "none"], 1, "train` first"),
    Case("a comparison of one run", ["compare", "run"], 1, "2 to 10 runs, got 1"),
    Case(
        "a learning rule without its constants",
        ["params", "--set", "rule=power-law"],
        2,
        "normalise is presentation.*--rule power-law sets all",
    ),
    Case(
        "a learning rule on a preset of another",
        ["params", "--preset", "paper-power-law-400", "--rule", "triplet"],
        2,
        "start from a preset of that rule",
    ),
    Case(
        "a preset with half an entry",
        ["params", "--preset", "mine.toml"],
        2,
        "eta_pre is .*expected a value, or",
        lambda t: (t / "mine.toml").write_text("eta_pre = { source = 'none' }"),
    ),
    Case("unknown preset", ["train", "--preset", "smok", "--run", "new"], 2, "did you mean smoke"),
    Case("unknown network", ["networks", "triplet-40", "--run", "new"], 1, "did you mean triplet-400"),
    Case("a network over a run", ["networks", "triplet-400", "--run", "run"], 1, "there is a run already"),
    Case("unknown parameter", ["train", *NEW, "--set", "tau_men_exc=5 ms"], 2, "did you mean tau_mem_exc"),
    Case(
        "unit mismatch", ["train", *NEW, "--set", "tau_ge=5"], 2, r"tau_ge is '5'; it needs a unit such as ms"
    ),
    Case("--set without a value", ["train", *NEW, "--set", "tau_ge"], 2, "NAME=VALUE"),
    Case("--jobs for one training", ["train", *NEW, "--jobs", "2"], 1, "--jobs is for several trainings"),
    Case("--seed and --seeds", ["train", *NEW, "--seed", "1", "--seeds", "1-2"], 1, "give one of them"),
    Case("unknown rule", ["train", *NEW, "--rule", "hebb"], 2, "choose one of triplet"),
    Case("zero samples", ["train", *NEW, "--samples", "0"], 2, "at least 1"),
    Case("negative neurons", ["train", *NEW, "--n-exc", "-3"], 2, "at least 1"),
    Case("zero epochs", ["train", *NEW, "--epochs", "0"], 2, "at least 1"),
    Case("zero processes", ["observe", "--run", "run", "--jobs", "0"], 2, "at least 1"),
    Case(
        "more samples than images",
        ["train", *NEW, "--dataset", "digits", "--samples", "5000"],
        1,
        "5000.*1287|1287.*5000",
    ),
    Case("one class", ["train", *NEW, *DIGITS, "--classes", "3"], 1, "--classes 3: .*two or more"),
    Case("unknown class", ["train", *NEW, *DIGITS, "--classes", "3,x"], 1, "no class 'x' in digits"),
    Case("other classes than the run has", ["test", *LATER, "--classes", "0,1"], 1, "the classes of run are"),
    Case(
        "images of classes that the run does not know",
        ["observe", *LATER, "--dataset", "own.npz"],
        1,
        "images of cat, dog, but the classes of the run",
        lambda t: np.savez(t / "own.npz", images=np.full((20, 28, 28), 9), labels=["cat", "dog"] * 10),
    ),
    Case(
        "a text as a picture",
        ["predict", "--run", "run", "a.png"],
        1,
        "a.png: no picture",
        lambda t: (t / "a.png").write_text("hello"),
    ),
    Case(
        "a picture of too many pixels",
        ["predict", "--run", "run", "huge.pgm"],
        1,
        "huge.pgm: .*too many",
        lambda t: (t / "huge.pgm").write_bytes(b"P5 50000 50000 255\n"),
    ),
    Case("a picture that is not there", ["predict", "--run", "run", "a.png"], 1, "a.png: no such file"),
    Case(
        "images with NaN",
        ["predict", "--run", "run", "a.npy"],
        1,
        "a.npy: NaN",
        lambda t: np.save(t / "a.npy", np.full((1, 28, 28), np.nan)),
    ),
    Case(
        "predict before observe",
        ["predict", "--run", "run", "a.png"],
        1,
        "observe is missing",
        without("observe", "test"),
    ),
    Case("unknown command", ["trian"], 2, "invalid choice"),
    Case(
        "run directory that cannot be made",
        ["train", "--preset", "smoke", "--run", "file/run", *DIGITS],
        1,
        "file/run.*cannot write",
        lambda t: (t / "file").write_text("x"),
    ),
    Case(
        "full disk",
        ["train", *NEW, *DIGITS, "--engine", "fused"],
        1,
        "cannot write|could be written",
        None,
        None,
        LARGEST_FILE,
    ),
    Case(
        "a result that cannot be written",
        ["observe", *LATER],
        1,
        r"observe_counts\.npy: cannot write",
        blocked,
    ),
    Case(
        "no C++ compiler",
        ["train", *NEW, *DIGITS, "--engine", "standalone"],
        1,
        r"there is no C\+\+ compiler \(g\+\+ and make\); use --engine fused",
        None,
        {"PATH": "/nowhere", "CXX": "g++"},
    ),
    Case(
        "--show without a display",
        ["plot", "--run", "run", "--show"],
        1,
        "--show found no display",
        None,
        {"DISPLAY": "", "WAYLAND_DISPLAY": ""},
    ),
]


def tree(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def run_here(arguments, folder):
    """Run a command in this process, which saves the start of another."""
    said, complained = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(folder), contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained),
    ):  # fmt: skip
        try:
            code = main(list(map(str, arguments)))
        except SystemExit as ended:
            code = ended.code
    return SimpleNamespace(returncode=code, stdout=said.getvalue(), stderr=complained.getvalue())


def run_elsewhere(case, folder):
    """Run a command in a process with an environment or limits of its own."""
    no_cache = {"XDG_CACHE_HOME": str(folder.parent / "cache")} if case.environment is OFFLINE else {}
    limit = (
        (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (case.limit, case.limit))) if case.limit else None
    )
    return subprocess.run(
        [sys.executable, "-m", "diehlcook", *map(str, case.arguments)],
        cwd=folder, capture_output=True, text=True, check=False, preexec_fn=limit,
        env={**os.environ, "TMPDIR": tempfile.gettempdir(), **no_cache, **(case.environment or {})},
    )  # fmt: skip


def try_case(case, folder):
    """Run a case in `folder`; return the process and whether files changed, were lost, or are half-written."""
    if case.prepare:
        case.prepare(folder)
    before = tree(folder)
    if case.environment is None and not case.limit:
        done = run_here(case.arguments, folder)
    else:
        done = run_elsewhere(case, folder)
    after = tree(folder)
    started = {name for name in after if name not in before and name.startswith(("new/", "run/checkpoints/"))}
    return done, {name: digest for name, digest in after.items() if name not in started} == before


def message_of(done):
    return done.stderr.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    make_run(folder)
    return folder


def make_run(folder):
    for command in (
        ["train", "--preset", "smoke", "--run", "run", *DIGITS],
        ["observe", *LATER],
        ["test", *LATER],
    ):
        done = run_here([*command, "--engine", "fused"], folder)  # that has the least to compile
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("case", CASES, ids=[case.title for case in CASES])
def test_bad_input(case, finished, tmp_path):
    folder = tmp_path / "work"
    shutil.copytree(finished, folder)
    done, unchanged = try_case(case, folder)
    assert done.returncode == case.code, done.stderr
    assert re.search(case.message, message_of(done)), done.stderr
    assert "Traceback" not in done.stderr
    if case.code == 1:
        assert message_of(done).startswith("diehlcook: ")
        assert done.stdout == ""
    assert unchanged
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith(f"| {case.title} |")]
    assert len(rows) == 1
    assert case.title in MESSAGE_VARIES or rows == [row(case, done, unchanged, folder)]


def test_runtime_without_a_compiler_uses_numpy_and_says_how_slow(tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "diehlcook",
            "train",
            *NEW,
            "--dataset",
            "digits",
            "--samples",
            "1",
            "--engine",
            "runtime",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": "/nowhere"},
    )
    assert done.returncode == 0, done.stderr
    assert "no C++ compiler found: using NumPy, about" in done.stderr


def row(case, done, unchanged, folder):
    """Return the row of docs/errors.md for a case that was tried in `folder`."""
    message = (
        message_of(done)
        .replace(str(folder.parent / "cache" / "diehlcook" / "mnist"), "the user cache")
        .replace(str(folder) + "/", "")
        .replace(str(Path.home()), "~")
        .replace("|", "\\|")
        .replace("`", "'")
    )
    message = re.sub(r"\.unfinished-\w+", ".unfinished-…", message)
    files = "unchanged" if unchanged else "CHANGED"
    return f"| {case.title} | {done.returncode} | `{message}` | {files} |"


def print_table():
    print("| input | exit | message | files |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as base:
        finished = Path(base) / "finished"
        finished.mkdir()
        make_run(finished)
        for case in CASES:
            folder = Path(base) / "work"
            shutil.copytree(finished, folder)
            done, unchanged = try_case(case, folder)
            print(row(case, done, unchanged, folder))
            shutil.rmtree(folder)


if __name__ == "__main__":
    print_table()
