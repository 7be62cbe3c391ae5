"""Bad input of every kind, generated from the tables of the package: one line, nothing changed, nothing taken in silence.

What is added to the schema of run.json, to the parameters, to the run directory or to the options is covered
without being named here.
"""

import json
import math
import os
import shutil
import signal
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from diehlcook import build_network, load_run, predict
from diehlcook.cli import parser
from diehlcook.cli.main import main
from diehlcook.companions import COMPANIONS
from diehlcook.data import datasets
from diehlcook.data.datasets import Dataset
from diehlcook.errors import DiehlCookError
from diehlcook.model.arrays import KINDS
from diehlcook.model.neurons import EXCITATORY
from diehlcook.model.params import FIELDS, LATER, Params
from diehlcook.model.rules import EQUATIONS
from diehlcook.phases.observe import observe
from diehlcook.phases.test import test as judge
from diehlcook.phases.train import train
from diehlcook.runs import layout, schema
from diehlcook.runs.checkpoints import Checkpoints

SECONDS = 120


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run that is trained, labelled and tested."""
    folder = tmp_path_factory.mktemp("fuzz") / "run"
    digits = {split: datasets.load("digits", split).head(40) for split in ("train", "test")}
    params = Params().with_values({"n_exc": 9, "theta_plus": "0.1 mV"})
    run = train(folder, digits["train"], params, engine="fused")
    observe(run, digits["train"], engine="fused")
    judge(run, digits["test"], engine="fused")
    return folder


@pytest.fixture
def run(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "run")


@pytest.fixture(autouse=True)
def no_hang():
    signal.signal(signal.SIGALRM, lambda *_: pytest.fail(f"hangs for {SECONDS} s"))
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)


def tree(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def refused(capsys, folder, *arguments):
    """Return the one line that a command is refused with, having changed nothing."""
    before = tree(folder)
    try:
        code = main([*map(str, arguments)])
    except SystemExit as stopped:
        code = stopped.code
    said = capsys.readouterr()
    assert code in (1, 2), f"accepted: {said.out}"
    assert "Traceback" not in said.err
    line = said.err.strip().splitlines()[-1]
    assert line.isprintable()
    assert "a fault of diehlcook" not in line
    assert tree(folder) == before
    return line


WRONG = {
    "nothing": None,
    "text": "x",
    "minus one": -1,
    "half": 0.5,
    "huge": 1e300,
    "list": [],
    "object": {},
    "flag": True,
}


def leaves(kind, path=()):
    """Every value that a table of the schema tells of: its path, its kind, and whether it may be missing."""
    for name, inner in kind.items():
        here = (*path, name.removesuffix("?"))
        yield here, inner, name.endswith("?")
        if isinstance(inner, dict):
            yield from leaves(inner, here)


def wrong_for(kind):
    """Values that are not of a kind."""
    for name, value in WRONG.items():
        try:
            schema.check(value, kind, "value")
        except DiehlCookError:
            yield name, value


OF_RUN = schema.RUN | {"train": schema.TRAINED, "observe": schema.OBSERVED, "test": schema.TESTED}
RUN_LEAVES = [
    (path, kind, optional)
    for path, kind, optional in leaves(
        {k: v for k, v in OF_RUN.items() if k not in ("train?", "observe?", "test?")}
    )
]


def at(content, path):
    for name in path[:-1]:
        content = content.get(name, {})
    return content


@pytest.mark.parametrize(
    ("path", "kind", "optional"), RUN_LEAVES, ids=[".".join(one[0]) for one in RUN_LEAVES]
)
def test_run_json(run, capsys, path, kind, optional):
    file = run / "run.json"
    whole = json.loads(file.read_text()) | {
        "shipped": {"images": 5, "repeats": 1, "accuracy": 0.5, "interval95": [0.1, 0.9]}
    }
    if path[-1] not in at(whole, path):
        assert optional
    elif not optional and path != ("train",) and path != ("observe",) and path != ("test",):
        content = json.loads(json.dumps(whole))
        del at(content, path)[path[-1]]
        file.write_text(json.dumps(content))
        line = refused(capsys, run, "doctor", "--run", run)
        assert path[-1] in line
    for name, value in wrong_for(kind):
        content = json.loads(json.dumps(whole))
        at(content, path)[path[-1]] = value
        file.write_text(json.dumps(content))
        line = refused(capsys, run, "doctor", "--run", run)
        assert path[-1] in line or "schema" in line or "not that of a run" in line, name


@pytest.mark.parametrize("name", FIELDS)
def test_parameters_in_run_json(run, capsys, name):
    file = run / "run.json"
    content = json.loads(file.read_text())
    was = content["params"].pop(name)
    if name not in LATER:
        file.write_text(json.dumps(content))
        assert f"params.{name} is missing" in refused(capsys, run, "doctor", "--run", run)
    for value in ("", "?", "nan", "1e999", was + " parsec"):
        content["params"][name] = value
        file.write_text(json.dumps(content))
        assert name in refused(capsys, run, "doctor", "--run", run)


@pytest.mark.parametrize("name", FIELDS)
def test_parameters_on_the_command_line(capsys, tmp_path, name):
    declared, texts = FIELDS[name], ["", "?", "nan", "inf", "-inf", "1e999", "9" * 400, "\x1b[2J", "1 parsec"]
    unit = declared.metadata["unit"]
    if declared.metadata["within"]:
        low, high = declared.metadata["within"]
        factor = Params.parse(name, f"1 {unit}") if unit else 1
        texts += [
            f"{one / factor!r} {unit}".strip() for one in (low - abs(low) - 1, high * 2) if math.isfinite(one)
        ]
    for text in texts:
        assert name in refused(capsys, tmp_path, "params", "--set", f"{name}={text}")


def damaged_arrays(array):
    """What a file of an array can hold instead of it: names, and functions that write it."""
    yield "empty", lambda path: path.write_bytes(b"")
    yield "cut short", lambda path: path.write_bytes(path.read_bytes()[:-1])
    yield "longer", lambda path: path.write_bytes(path.read_bytes() + b"x")
    yield "no header", lambda path: path.write_bytes(b"\x93NUMPY\x01\x00")
    yield "a damaged header", lambda path: path.write_bytes(path.read_bytes().replace(b"descr", b"des{r"))
    yield (
        "a huge header",
        lambda path: path.write_bytes(path.read_bytes().replace(b"(", b"(99999999999, ", 1)),
    )
    yield "a pickle", lambda path: np.save(path, np.array([None, {}]), allow_pickle=True)
    yield "an archive", lambda path: np.savez(path.open("wb"), array=array)
    yield "complex numbers", lambda path: np.save(path, np.zeros(array.shape, complex))
    yield "texts", lambda path: np.save(path, np.full(array.shape, "x"))
    yield "another array", lambda path: np.save(path, np.roll(array.reshape(-1), 1).reshape(array.shape))
    yield "a scalar", lambda path: np.save(path, np.zeros((), array.dtype))
    if array.size:
        yield "one row less", lambda path: np.save(path, array[:-1])
    if array.dtype.kind == "f":
        yield "NaN", lambda path: np.save(path, np.full(array.shape, np.nan, array.dtype))
        yield "negative", lambda path: np.save(path, -1 - np.abs(array))
        yield (
            "transposed",
            lambda path: np.save(path, np.ascontiguousarray(array.T) if array.ndim > 1 else array[::-1]),
        )
    yield "a folder", lambda path: (path.unlink(), path.mkdir())
    yield "a pipe", lambda path: (path.unlink(), os.mkfifo(path))
    yield "nothing", lambda path: path.unlink()


@pytest.mark.parametrize("name", layout.FILES)
def test_arrays_of_a_run(run, name):
    path = layout.path_of(run, name)
    array, content = np.load(path), path.read_bytes()
    if array.size < 2 or (array == array.reshape(-1)[0]).all():
        pytest.skip("has nothing that could be changed")
    for how, damage in damaged_arrays(array):
        damage(path)
        with pytest.raises(DiehlCookError) as error:
            load_run(run).load(name)
        assert path.name in str(error.value), how
        assert "\n" not in str(error.value)
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        path.write_bytes(content)


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", "[" * 100_000, '{"schema": ' + "9" * 5000 + "}", "null", "\x00", "é"]
)
def test_json_that_is_none(run, capsys, damage):
    for encoding in ("utf-8", "utf-16"):
        (run / "run.json").write_bytes(damage.encode(encoding))
        refused(capsys, run, "doctor", "--run", run)
        refused(
            capsys, run, "train", "--run", run, "--dataset", "digits", "--preset", "smoke", "--force", "-q"
        )


def test_records(scripts, tmp_path):
    record, file = scripts["record"], tmp_path / "best-triplet-400-seed1.json"
    whole = json.loads((scripts["results_page"].RECORDS / file.name).read_text())
    contents = {}
    for path, kind, optional in leaves(record.SCHEMA):
        for name, value in [*wrong_for(kind), *([] if optional else [("missing", None)])]:
            content = json.loads(json.dumps(whole))
            at(content, path)[path[-1]] = value
            if name == "missing":
                del at(content, path)[path[-1]]
            contents[f"{'.'.join(path)}, {name}"] = content, path[-1]
    assert len(contents) > 300
    for name in record.NEURONS:
        contents[f"one neuron too few: {name}"] = (
            whole | {"neurons": whole["neurons"] | {name: whole["neurons"][name][1:]}}, name,
        )  # fmt: skip
    for name, value in {"accuracy": 0.95, "accuracies": [0.9], "silent_images": 7}.items():
        contents[f"does not fit: {name}"] = whole | {"test": whole["test"] | {name: value}}, "do not fit"
    contents["not square"] = whole | {"confusion": whole["confusion"][1:]}, "as many rows"
    for how, (content, says) in contents.items():
        file.write_text(json.dumps(content))
        with pytest.raises(DiehlCookError) as refusal:
            pytest.fail(f"{how}: {record.read_record(file)}")
        assert says in str(refusal.value), how
        assert "\n" not in str(refusal.value)


def test_checkpoints(run):
    identity = load_run(run).identity
    (folder,) = [path for path in (run / "checkpoints").iterdir() if path.name.isdigit()]
    whole = json.loads((folder / "checkpoint.json").read_text())
    contents = {}
    for path, kind, optional in leaves(schema.CHECKPOINT):
        for name, value in wrong_for(kind):
            contents[f"{path}, {name}"] = whole | {path[0]: value}
        if not optional:
            contents[f"{path} missing"] = {name: value for name, value in whole.items() if name != path[0]}
    contents["of another training"] = whole | {"run": "0" * 64}
    for how, content in contents.items():
        (folder / "checkpoint.json").write_text(json.dumps(content))
        with pytest.raises(DiehlCookError, match="no other; train again with force=True"):
            pytest.fail(f"{how}: {Checkpoints(run, identity).load()}")
    (folder / "checkpoint.json").write_text(json.dumps(whole))
    for path in sorted(folder.glob("*.npy"))[::6]:  # all are read by the same function
        array, content = np.load(path), path.read_bytes()
        for how, damage in damaged_arrays(array):
            damage(path)
            try:
                loaded = Checkpoints(run, identity).load()
            except DiehlCookError:
                loaded = None
            assert loaded is None or loaded[0][path.stem].tobytes() == array.tobytes(), how
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            path.write_bytes(content)


OPTIONS = [
    (command, names, settings)
    for command, one in parser.COMMANDS.items()
    for names, settings in one.options
    if settings.get("action") != "store_true" and names[0].startswith("-")
]


@pytest.mark.parametrize(
    ("command", "names", "settings"), OPTIONS, ids=[f"{c} {n[0]}" for c, n, _ in OPTIONS]
)
def test_options(capsys, tmp_path, command, names, settings):
    """What no option takes; and what the numbers among them do not."""
    needed = {
        "import": ["source", "--format", "matrix"],
        "compare": ["one", "other"],
        "export": ["--format", "matrix", "--to", str(tmp_path / "to")],
        "predict": ["picture.png"],
    }
    texts = [""] if "choices" not in settings else ["", "none such"]
    if settings.get("type") in (parser.positive, parser.natural, parser.seeds):
        texts += ["x", "-1", "1.5", "1e3", "9" * 30, "²", "0x10"]
    for text in texts:
        values = [text] * settings.get("nargs", 1)
        refused(
            capsys,
            tmp_path,
            command,
            *needed.get(command, []),
            *(f"{names[0]}={one}" for one in values[:1]),
            *values[1:],
        )


@pytest.mark.parametrize(
    "arguments",
    [
        ["--rule", ","], ["--rule", "triplet,"], ["--rule", "triplet,triplet"], ["--n-exc", "9", "--set",
        "n_exc=16"],
        ["--set", "n_exc=9", "--set", "n_exc=9"], ["--order", "file", "--set", "order=shuffled"],
        ["--rule", "triplet", "--set", "rule=triplet"], ["--seeds", "0-99999999999"], ["--set", "=5"],
        ["--set", "a=b=c"],
        ["--preset", "."], ["--preset", "/dev/null.toml"], ["--dataset", "/dev/zero"], ["--dataset", "."],
        ["--samples", "99999"], ["--epochs", "1000000000"], ["--set", "n_exc=1000000"], ["--run",
        "/dev/null"],
        ["--run", "file"], ["--run", "mine"], ["--run", "mine", "--force"], ["--run", "other", "--force"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_trainings_that_cannot_be(capsys, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("mine")
    for folder in ("mine/checkpoints", "other/figures"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "bert.pt").write_text("mine")
    (tmp_path / "other" / "run.json").write_text('{"program": "another"}')
    preset = [] if "--preset" in arguments else ["--preset", "smoke"]
    images = [] if "--dataset" in arguments else ["--dataset", "digits"]
    run = [] if "--run" in arguments else ["--run", "new"]
    refused(capsys, tmp_path, "train", *preset, *images, *run, "--engine", "fused", "-q", *arguments)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run"], "2 to 10 runs, got 1"), (["run"] * 11, "2 to 10 runs, got 11"), ([""], "is no name"),
        (["run", "run"], "named twice"), (["run", "./other/../run"], "the same run as run"),
        (["run", "link"], "the same run as run"), (["run", "other", "link"], "the same run as run"),
        (["run", "none"], "no run here"), (["run", "file"], "no run here"), (["run", "mine"], "no run here"),
        (["run", "companion"], "of the companion xo"), (["run", "unfinished"], "was interrupted"),
        (["run", "broken"], "not valid JSON"), (["run", "schema"], "schema is 99"),
        (["run", "other", "--out", "file"], "no page of this package"),
        (["run", "other", "--out", "mine"], "no page of this package"),
        (["run", "other", "--out", "run/weights.npy"], "no page of this package"),
        (["run", "other", "--out", "file/page.html"], "cannot write"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, list) else "",
)  # fmt: skip
def test_comparisons_that_cannot_be(run, capsys, tmp_path, monkeypatch, arguments, says):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(run, "other")
    content = json.loads((run / "run.json").read_text())
    for name, text in {
        "companion": json.dumps({"schema": content["schema"], "companion": "xo"}),
        "unfinished": json.dumps(
            {name: value for name, value in content.items() if name not in ("observe", "test")}
            | {"train": content["train"] | {"finished": False}}
        ),
        "broken": "{",
        "schema": json.dumps(content | {"schema": 99}),
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(text)
    (tmp_path / "file").write_text("mine")
    (tmp_path / "mine").mkdir()
    (tmp_path / "link").symlink_to("run")
    assert says in refused(capsys, tmp_path, "compare", *arguments)


@pytest.mark.parametrize("name", COMPANIONS)
@pytest.mark.parametrize("wrong", [*WRONG, "missing"])
@pytest.mark.parametrize("entry", ["params", "sources", "seed", "versions", "companion"])
def test_pages_of_damaged_companions(capsys, tmp_path, name, wrong, entry):
    """A page, or one line that refuses; never a fault."""
    content = {
        "schema": 1, "companion": name, "versions": {}, "seed": 0, "params": {}, "sources": {},
        "engine": "fused",
        "data": {"name": "digits", "images": 60}, "epochs": 2,
    }  # fmt: skip
    content[entry] = WRONG.get(wrong)
    if wrong == "missing":
        del content[entry]
    (tmp_path / "run.json").write_text(json.dumps(content))
    if main(["report", "--run", str(tmp_path)]):
        assert "a fault of diehlcook" not in capsys.readouterr().err
        assert not (tmp_path / "report.html").exists()
    else:
        assert "<title>diehlcook: companion" in (tmp_path / "report.html").read_text()


READ_BY_COMPARE = (
    "weights", "theta", "train_accuracy", "train_history", "train_counts", "assignments", "test_predictions",
)  # fmt: skip


@pytest.mark.parametrize("name", READ_BY_COMPARE)
def test_comparisons_with_damaged_arrays(run, capsys, tmp_path, monkeypatch, name):
    """An older page stays as it is."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(run, "other")
    page = b"<title>diehlcook: an older page"
    (tmp_path / "compare.html").write_bytes(page)
    path = layout.path_of(tmp_path / "other", name)
    path.write_bytes(path.read_bytes()[:-1])
    assert path.name in refused(capsys, tmp_path, "compare", "run", "other")
    if name != "train_history":  # the networks that come with the package have none
        path.unlink()
        assert path.name in refused(capsys, tmp_path, "compare", "run", "other")


@pytest.mark.parametrize("name", COMPANIONS)
def test_companions(capsys, tmp_path, monkeypatch, name):
    """Refused at the start, not after the experiment."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("mine")
    (tmp_path / "mine" / "cache").mkdir(parents=True)
    (tmp_path / "mine" / "cache" / "bert.pt").write_text("mine")
    shutil.copytree(layout_of_another(name, tmp_path), tmp_path / "other")
    for arguments in (
        ["--run", "file"], ["--run", "mine"], ["--run", "mine", "--force"], ["--run", "other", "--force"],
        ["--run", ""],
        ["--seed", "-1"], ["--set", ""], ["--set", "none=1"], ["--set", "dt"],
    ):  # fmt: skip
        data = ["--data", str(tmp_path)] if name == "mozafari2019" else []
        refused(capsys, tmp_path, "companion", name, "--small", "-q", *data, *arguments)


def layout_of_another(name, base):
    """A finished run of another companion."""
    folder = base / "made"
    folder.mkdir()
    another = next(one for one in COMPANIONS if one != name)
    (folder / "run.json").write_text(json.dumps({"schema": 1, "companion": another}))
    (folder / "weights.npy").write_text("")
    return folder


PARAMS = Params().with_values({"n_exc": 5})
IMAGES = np.zeros((2, 28, 28), np.uint8)
ARGUMENTS = {
    "weights": np.full((784, 5), 0.1), "theta": np.full(5, 0.02), "delays": np.full((784, 5), 0.001),
    "images": IMAGES,
}  # fmt: skip


def bad_arguments():
    import brian2 as b2

    for name, good in ARGUMENTS.items():
        first = good.reshape(-1).copy().astype(float)
        first[0] = np.nan
        yield name, "NaN", first.reshape(good.shape)
        yield name, "negative", -1.0 - good
        yield name, "too large", 1000.0 + good
        yield name, "transposed", good.T if good.ndim > 1 else good[None]
        yield name, "complex", good + 0j
        yield name, "texts", good.astype(str)
        yield name, "objects", np.full(good.shape, None)
        yield name, "another size", good[..., :-1]
        yield name, "a unit that is none of its", good.astype(float) * b2.amp
        yield name, "a number", 5.0
        yield name, "ragged", [[1], [1, 2]]
    yield "images", "floats 0 to 1", IMAGES + 0.5
    yield "images", "none", IMAGES[:0]


@pytest.mark.parametrize(
    ("name", "how", "value"), list(bad_arguments()), ids=lambda one: one if isinstance(one, str) else ""
)
def test_arrays_from_python(finished, name, how, value):
    with pytest.raises(DiehlCookError, match=f"^{name}: ") as error:
        build_network(PARAMS, phase="test", **{name: value})
    assert "\n" not in str(error.value)
    if name == "images" and how != "floats 0 to 1":
        with pytest.raises(DiehlCookError, match=r"^images: "):
            predict(finished, value, engine="fused")


def test_quantities_are_what_they_say(numpy_target):
    import brian2 as b2

    network = build_network(
        PARAMS, phase="test", theta=np.full(5, 20) * b2.mV, delays=np.full((784, 5), 2) * b2.ms
    )
    np.testing.assert_allclose(network["exc"].theta_, 0.02)
    np.testing.assert_allclose(np.asarray(network["inp_exc"].delay), 0.002)


@pytest.mark.parametrize(
    "wrong", [{"phase": "tets"}, {"inhibition": "some"}, {"seed": -1}, {"seed": 1.5}, {"seed": 2**63}]
)
def test_choices_from_python(wrong):
    with pytest.raises(DiehlCookError, match=next(iter(wrong))):
        build_network(PARAMS, **wrong)


CHANGES_OF_NONE = {
    r"replace: '\(v_rest_exc-v' does not stand in the equations; the line most like it is 'dv/dt =": {
        "replace": {"(v_rest_exc-v": "(v_rest_exc - a - v"}
    },
    "line most like it is 'lockout_left = lockout_exc_steps'": {"replace": {"lockout_left=lockout_exc": "0"}},
    "replace: '' does not stand": {"replace": {"": "x"}},
    "replace is 'v'; expected a dictionary": {"replace": "v"},
    "replace is .*; expected a dictionary": {"replace": {"v": 3}},
    "add is .*; expected a dictionary": {"add": "da/dt = -a/ms : 1"},
    "add: 'resets' takes no lines; choose one of equations, reset, every_step": {"add": {"resets": "a = 0"}},
    "add: 'threshold' takes no lines .*replace=": {"add": {"threshold": "and v > 0*mV"}},
    "constants is .*; expected a dictionary": {"constants": [("tau_a", 1)]},
    "constants: tau_a is used in none of the equations": {"constants": {"tau_a": 1.0}},
    "constants: 'tau a' is no name": {"constants": {"tau a": 1.0}},
    **{
        f"constants: tau_ge is .*{found}.*; expected a number": {"constants": {"tau_ge": value}}
        for found, value in (
            ("3 ms", "3 ms"), ("nan", math.nan), ("inf", math.inf), ("True", True), ("None", None),
            ("1 2", np.array([1, 2])),
        )
    },
}  # fmt: skip


@pytest.mark.parametrize("message", CHANGES_OF_NONE)
def test_changes_that_would_not_take_hold(message):
    with pytest.raises(DiehlCookError, match=message) as error:
        EXCITATORY.changed(**CHANGES_OF_NONE[message])
    assert "\n" not in str(error.value)


def equations_of_none():
    import brian2 as b2

    rule, text = EQUATIONS["triplet"], "dv/dt = -v/ms : 1"
    changed = EXCITATORY.changed
    yield "^excitatory is of the type str; expected a NeuronModel", {"excitatory": text}
    yield "^excitatory is of the type Equations; expected", {"excitatory": b2.Equations(text)}
    yield "^excitatory is of the type NoneType; expected", {"excitatory": None}
    yield "^plasticity is of the type NeuronModel; expected a LearningRule", {"plasticity": EXCITATORY}
    yield (
        "^excitatory: equations is of the type Equations; expected the text",
        {"excitatory": EXCITATORY._replace(equations=b2.Equations(text))},
    )
    for says, model in {
        '"tau_a" could not be resolved; .*constants=': changed(add={"equations": "da/dt = -a/tau_a : volt"}),
        "'a' has unit 1.; compare the units": changed(
            replace={"(v_rest_exc -": "(v_rest_exc - a -"}, add={"equations": "a : 1"}
        ),
        "no variable lockout_left; .*keep": changed(replace={"lockout_left : integer": ""}),
        "invalid syntax: -a/": changed(add={"equations": "da/dt = -a/ : 1"}),
        "found 'hello'": changed(add={"equations": "hello"}),
        "Duplicate definition of variable 'x_post1'": changed(add={"equations": "x_post1 : 1"}),
        "tau_gi is a parameter of the model; .*with_values": changed(constants={"tau_gi": 1.0}),
        'linear.*with_values.integrator="euler"': changed(replace={"- v + ge*(": "- v**2/volt + ge*("}),
    }.items():
        yield f"^excitatory: .*{says}", {"excitatory": model}
    for says, one in {
        "no variable w; ": rule._replace(model="x0 : 1"),
        "event-driven variables": rule.changed(add={"model": "dz/dt = -z/ms : 1 (event-driven)"}),
    }.items():
        yield f"^plasticity: .*{says}", {"plasticity": one}


@pytest.mark.parametrize(
    ("says", "wrong"), list(equations_of_none()), ids=lambda one: one if isinstance(one, str) else ""
)
def test_equations_that_cannot_be(tmp_path, says, wrong):
    """Said in one line before there is a folder."""
    with pytest.raises(DiehlCookError, match=says) as error:
        train(tmp_path / "run", (IMAGES + 9, [0, 1]), PARAMS, **wrong)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()
    if "of the type" in says:
        with pytest.raises(DiehlCookError, match=says):
            build_network(PARAMS, **wrong)


def test_what_is_no_data_set(tmp_path, finished):
    params = Params().with_values({"n_exc": 5})
    for what, name in ((IMAGES, "ndarray"), ((IMAGES,), "tuple"), ("digits", "str"), (None, "NoneType")):
        with pytest.raises(DiehlCookError, match=f"expected a Dataset or .images, labels., found {name}"):
            train(tmp_path / "run", what, params)
    with pytest.raises(DiehlCookError, match="labels: 1; expected 2"):
        observe(load_run(str(finished)), (IMAGES, [0]), engine="fused", force=True)
    with pytest.raises(DiehlCookError, match=r"resize them, Dataset.from_arrays\(.*size=\(28, 28\)") as error:
        train(tmp_path / "run", (IMAGES[:, :16, :16], [0, 1]), params)
    assert '{"n_input": 256}' in str(error.value)
    assert "train --set n_input=256" in error.value.typed
    assert not (tmp_path / "run").exists()


IMAGES_OF_NONE = {
    "images: type": [IMAGES.astype(str), IMAGES + 0j, np.full(IMAGES.shape, None)],
    "images: ": [
        IMAGES + 1.5, IMAGES - 1.0, IMAGES.astype(int) + 256, IMAGES + np.nan, IMAGES[0, 0], IMAGES[:0],
        np.zeros((2, 3, 28, 28)), np.zeros((2, 28, 28, 5)), np.zeros((2, 5)), [[1], [1, 2]], 5, None,
    ],
}  # fmt: skip
LABELS_OF_NONE = {
    "labels: type": [[0.5, 1], [None, 1], [0j, 1], [True, False]],
    "labels: values -1": [[0, -1]],
    "labels: shape": [[], [[0, 1]], 0],
    "labels: 3; expected 2": [[0, 1, 2]],
    "labels: ' ' is no name": [["a", " "]],
    "is no name of a class": [["a", "\x1b[2J"], ["a", "b" * 41]],
}
SIZES_OF_NONE = [28, (28,), (0, 28), (28, -1), (28.0, 28.0), (10**6, 10**6), "28", (True, 28), (28, 28, 3)]


def test_arrays_that_make_no_data_set():
    for message, bad in IMAGES_OF_NONE.items():
        for images in bad:
            with pytest.raises(DiehlCookError, match=message) as error:
                pytest.fail(repr(Dataset.from_arrays(images, [0, 1])))
            assert "\n" not in str(error.value)
    for message, bad in LABELS_OF_NONE.items():
        for labels in bad:
            with pytest.raises(DiehlCookError, match=message):
                pytest.fail(repr(Dataset.from_arrays(IMAGES, labels)))
    with pytest.raises(DiehlCookError, match="200 different labels; expected at most 127"):
        Dataset.from_arrays(np.zeros((200, 2, 2)), range(200))
    for size in SIZES_OF_NONE:
        with pytest.raises(DiehlCookError, match=r"^size is .*such as size=\(28, 28\)"):
            pytest.fail(repr(Dataset.from_arrays(IMAGES, [0, 1], size=size)))
    with pytest.raises(DiehlCookError, match="split 'val'"):
        Dataset.from_arrays(IMAGES, [0, 1], split="val")


@pytest.mark.parametrize(
    "names", [[], ["1"], ["1", "1"], ["1", "2", "1"], ["1", "12"], ["", "1"], [None, "1"]]
)
def test_classes_that_cannot_be_chosen(capsys, tmp_path, names):
    with pytest.raises(DiehlCookError, match=r"^only\(") as error:
        datasets.load("digits", "train").only(*names)
    assert "\n" not in str(error.value)
    line = refused(
        capsys, tmp_path, "train", "--dataset", "digits", "--preset", "smoke", "--run", tmp_path / "run",
        "--engine", "fused", "-q", "--classes", ",".join(map(str, names)),
    )  # fmt: skip
    assert "--classes" in line


def test_classes_of_a_file_that_cannot_be(tmp_path):
    for names, message in (
        (["a"], "labels: largest is 1; classes has 1 names"), (["a", "a"], "'a' stands there twice"),
        ([["a", "b"]], r"classes: shape \(1, 2\)"), ([0.5, 1.0], "classes: shape"), ([], "classes: shape"),
        (["a", ""], "is no name"),
    ):  # fmt: skip
        np.savez(tmp_path / "own.npz", images=IMAGES, labels=[0, 1], classes=names)
        with pytest.raises(DiehlCookError, match=message):
            pytest.fail(repr(datasets.load(str(tmp_path / "own.npz"), "train")))


def png_of(width, height):
    """The beginning of a picture that says how large it is."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000)))


def picture_files(folder):
    """Files that cannot be classified: names, and what the line has to say."""
    Image.new("L", (28, 28)).save(folder / "good.png")
    good = (folder / "good.png").read_bytes()
    Image.new("L", (28, 28)).save(folder / "page.eps")
    yield "page.eps", "no picture"  # Pillow would have another program run it
    for name, content, says in (
        ("empty.png", b"", "no picture"), ("text.jpg", b"hello", "no picture"),
("cut.png", good[:45], "cannot be read"),
        ("flipped.png", good.replace(b"IDAT", b"IDAS"), "no picture"),
        ("bomb.png", png_of(50_000, 50_000), "too many pixels"),
        ("large.png", png_of(10_000, 10_000), "too many pixels"),
        ("short.png", png_of(60, 60), "cannot be read"), ("empty.npy", b"", "not a readable"),
        ("text.npz", b"hello", "cannot be read"),
    ):  # fmt: skip
        (folder / name).write_bytes(content)
        yield name, says
    for name, array, says in (
        ("nan.npy", IMAGES + np.nan, "NaN"), ("range.npy", IMAGES.astype(int) + 300, "300 to 300"),
        ("texts.npy", IMAGES.astype(str), "type <U"), ("one.npy", np.zeros(()), "shape"),
        ("none.npy", IMAGES[:0], "shape"), ("five.npy", np.zeros((2, 3, 3, 5)), "shape"),
    ):  # fmt: skip
        np.save(folder / name, array)
        yield name, says
    np.save(folder / "objects.npy", np.array([None]), allow_pickle=True)
    yield "objects.npy", "Python objects"
    np.savez(folder / "others.npz", pictures=IMAGES)
    yield "others.npz", "no array images, found pictures"
    (folder / "folder.png").mkdir()
    yield "folder.png", "a folder"
    yield "missing.png", "no such file"
    os.mkfifo(folder / "pipe.png")
    yield "pipe.png", "not a file"


def test_pictures_that_cannot_be_classified(capsys, finished, tmp_path, monkeypatch):
    """Nothing is said of the good one before, and nothing is simulated."""
    monkeypatch.setattr("diehlcook.phases.predict.respond", lambda *_, **__: pytest.fail("simulated"))
    for name, says in [*picture_files(tmp_path)]:
        code = main(["predict", "--run", str(finished), str(tmp_path / "good.png"), str(tmp_path / name)])
        said = capsys.readouterr()
        assert code == 1, name
        assert said.out == ""
        (line,) = said.err.splitlines()
        assert name in line
        assert says in line, line
        assert "a fault of diehlcook" not in line
        with pytest.raises(DiehlCookError, match=says):
            predict(finished, [tmp_path / name], engine="fused")
    assert "unknown readout 'x'" in refused(
        capsys, tmp_path / "folder.png", "predict", "--run", finished, "--readout", "x", tmp_path / "good.png"
    )


def test_every_kind_has_a_word():
    assert {kind for file in layout.FILES.values() for kind in file.kind} <= set(KINDS)
