"""The notebooks run from begin to end, on settings small enough for a test."""

import os
import subprocess
import sys
from pathlib import Path

import jupytext
import pytest

FOLDER = Path(__file__).parents[1] / "docs" / "notebooks"
SOURCES = sorted(FOLDER.glob("*.py"))
SMALL = {"DIEHLCOOK_EPOCHS": "3", "DIEHLCOOK_IMAGES": "60"}
# Other equations, which are compiled; without a compiler NumPy computes them, which is quicker for a few images
OTHERWISE = {
    "4_change_the_model": {"DIEHLCOOK_IMAGES": "15", "PATH": "/nowhere"},
    "6_vanishing_weights": {"DIEHLCOOK_IMAGES": "2"},
}

QUICK = ("1_one_digit",)
"""The others take up to a minute each."""


@pytest.mark.parametrize(
    "source",
    [pytest.param(one, marks=[] if one.stem in QUICK else pytest.mark.slow) for one in SOURCES],
    ids=lambda path: path.stem,
)
def test_notebook_runs(source, tmp_path):
    jupytext.write(jupytext.read(source), tmp_path / f"{source.stem}.ipynb")
    for data in FOLDER.glob("*.csv"):
        (tmp_path / data.name).write_bytes(data.read_bytes())
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbmake",
        "--nbmake-timeout=400",
        "-p",
        "no:cacheprovider",
        "-q",
    ]
    environment = os.environ | SMALL | OTHERWISE.get(source.stem, {})
    done = subprocess.run(
        [*command, "-c", os.devnull, str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_rendered_copy_is_of_this_source_and_small(source):
    path = FOLDER / "rendered" / f"{source.stem}.ipynb"
    assert path.stat().st_size < 1_000_000
    rendered, now = jupytext.read(path), jupytext.read(source)
    assert [cell.source for cell in rendered.cells] == [cell.source for cell in now.cells]
    code = [cell for cell in rendered.cells if cell.cell_type == "code"]
    assert any("image/png" in output.get("data", {}) for cell in code for output in cell.outputs)
    assert not [output for cell in code for output in cell.outputs if output.output_type == "error"]
