"""Rules of the repository: lint, types, imports in one direction, quick start-up."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

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


# Each level may import from the ones above it, never from those below
LEVELS = [
    {"arguments", "errors", "processes", "rules", "__init__"},
    {"cache", "constants", "params", "idx", "readout", "progress", "schedule"},
    {
        "health",
        "readouts",
        "neurons",
        "connections",
        "stimulus",
        "protocol",
        "wiring",
        "mnist",
        "checkpoint",
        "figures",
    },
    {"network", "datasets", "order"},
    {"describe"},
    {"engines"},
    {"layout"},
    {"run"},
    {"provenance"},
    {"ladder", "history", "snapshots"},
    {"present", "doctor"},
    {"train", "recording"},
    {"observe", "test", "plot", "several", "shipped"},
    {"report"},
    {"companions"},
    {"cli"},
    {"__main__"},
]


def imports(path):
    """Modules of the package that a file imports, by their first name."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            inside = path.parent != PACKAGE
            if inside and node.level == 1:
                continue  # among the modules of a subpackage
            names |= {node.module.split(".")[0]} if node.module else {alias.name for alias in node.names}
    return names - {"__version__"}


def test_imports_point_one_way():
    level = {name: k for k, names in enumerate(LEVELS) for name in names}
    for path in PACKAGE.rglob("*.py"):
        own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        for name in imports(path):
            assert level[name] <= level[own], f"{path.name} imports {name}"
            if level[name] == level[own]:
                assert own != name


@pytest.mark.parametrize(
    "module",
    [
        "",
        ".cli",
        ".params",
        ".readout",
        ".readouts",
        ".ladder",
        ".health",
        ".checkpoint",
        ".datasets",
        ".plot",
        ".report",
        ".figures",
        ".engines.standalone",
        ".engines.fused",
    ],
)
def test_brian2_is_loaded_only_to_build_a_network(module):
    code = f"import sys, diehlcook{module}; sys.exit('brian2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_help_loads_neither_numpy_nor_matplotlib():
    code = (
        "import sys\nfrom diehlcook.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
        "sys.exit(bool({'numpy', 'matplotlib', 'brian2'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0


def test_public_things_have_docstrings():
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert ast.get_docstring(tree), path
