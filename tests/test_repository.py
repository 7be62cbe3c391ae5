"""Rules of the repository: lint, types, imports in one direction, quick start-up."""

import ast
import importlib
import inspect
import io
import json
import re
import subprocess
import sys
import tokenize
import tomllib
from pathlib import Path

import pytest
import yaml

import diehlcook

ROOT = Path(__file__).parents[1]
PACKAGE = Path(diehlcook.__file__).parent


@pytest.mark.parametrize(
    "command",
    [["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]],
    ids=["ruff check", "ruff format", "mypy --strict"],
)
def test_lint_and_types(command):
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def too_long(path):
    """Yield the lines of code wider than 110 columns, not those of docstrings, comments and texts of several lines."""
    text = path.read_text(encoding="utf-8")
    prose = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        several = token.type == tokenize.STRING and token.start[0] != token.end[0]
        alone = token.line.strip() == token.string
        if several or (alone and (token.type == tokenize.COMMENT or token.string.startswith('"""'))):
            prose |= set(range(token.start[0], token.end[0] + 1))
    for number, line in enumerate(text.splitlines(), 1):
        if number not in prose and len(line.split("  # ")[0]) > 110:
            yield f"{path.relative_to(ROOT)}:{number}"


def test_lines_of_code_fit_110_columns():
    files = [path for name in ("src", "scripts", "tests") for path in (ROOT / name).rglob("*.py")]
    assert [place for path in files for place in too_long(path)] == []


def test_imports_point_one_way_and_in_no_circle():
    """The contracts are in pyproject.toml."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "module",
    [
        "",
        ".cli.main",
        ".model.params",
        ".data.datasets",
        ".runs.shipped",
        ".analysis.history",
        ".analysis.ladder",
        ".phases.plot",
        ".phases.compare",
        ".phases.report",
        ".phases.train_many",
        ".engines.standalone.engine",
        ".engines.fused.engine",
    ],
)
def test_brian2_is_loaded_only_to_build_a_network(module):
    code = f"import sys, diehlcook{module}; sys.exit('brian2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_help_loads_neither_numpy_nor_matplotlib():
    code = (
        "import sys\nfrom diehlcook.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
        "sys.exit(bool({'numpy', 'matplotlib', 'brian2'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0


def public_definitions(tree, prefix=""):
    """Yield name and node of every public function, method and class of a module."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from public_definitions(node, f"{node.name}.")


def test_public_things_have_docstrings():
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert ast.get_docstring(tree), path
        for name, node in public_definitions(tree):
            assert ast.get_docstring(node), f"{path}: {name}"


PUBLIC = [
    "model.network:build_network",
    "model.params:load_preset",
    "runs.shipped:load_shipped",
    "phases.predict:predict",
    "phases.train:train",
    "phases.observe:observe",
    "phases.test:test",
    "phases.plot:plot",
    "phases.report:report",
    "phases.compare:compare",
]


@pytest.mark.parametrize("place", PUBLIC)
def test_every_parameter_of_a_public_function_is_documented(place):
    module, name = place.split(":")
    function = getattr(importlib.import_module(f"diehlcook.{module}"), name)
    section = function.__doc__.split("Parameters\n    ----------\n")[1].split("\n\n    ")[0]
    headings = {
        word for line in section.splitlines() if line[4:5] != " " for word in re.findall(r"\w+", line)
    }
    assert set(inspect.signature(function).parameters) <= headings


def test_files_of_a_release_say_the_same_version():
    version = diehlcook.__version__
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    described = json.loads((ROOT / "codemeta.json").read_text(encoding="utf-8"))
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    recipe = re.search(r'set version = "(.*)"', (ROOT / "recipe" / "meta.yaml").read_text(encoding="utf-8"))
    assert {cited["version"], described["version"], newest[1], recipe[1]} == {version}


def test_what_pip_and_conda_install_is_the_same():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {re.match(r"[\w-]+>=[\d.]+", one)[0] for one in project["dependencies"]}
    recipe = (ROOT / "recipe" / "meta.yaml").read_text(encoding="utf-8")
    listed = re.findall(r"^    - ([\w-]+) (>=[\d.]+)$", recipe.split("  run:")[1], re.MULTILINE)
    found = {name.removesuffix("-base") + least for name, least in listed} - {"scikit-learn>=1.6"}
    assert found == wanted
