"""The recipes in CONTRIBUTING.md name every file that has to be touched: compared with where an existing example stands."""

import re
from pathlib import Path

import pytest

from diehlcook.analysis import health
from diehlcook.data.datasets import DATASETS
from diehlcook.engines.registry import ENGINES
from diehlcook.figures.catalogue import FIGURES
from diehlcook.model.params import FIELDS
from diehlcook.model.rules import RULES

ROOT = Path(__file__).parents[1]
RECIPES = {
    section.splitlines()[0]: section
    for section in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("\n### ")[1:]
}


def named(recipe):
    """Files and folders that a recipe names."""
    return set(re.findall(r"`((?:src|scripts|tests)/[\w./-]+)`", RECIPES[recipe]))


def standing(pattern):
    """Files of the package with a line of code that the pattern is found in, without companions and presets."""
    return {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "src").rglob("*.py")
        if "companions" not in path.parts and re.search(pattern, path.read_text(encoding="utf-8"))
    }


def test_every_file_that_a_recipe_names_is_there():
    assert len(RECIPES) == 7
    for recipe in RECIPES:
        assert named(recipe)
        assert [name for name in named(recipe) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize(
    ("recipe", "table", "example", "pattern"),
    [
        ("Add a learning rule", RULES, "rectangular", r"\brectangular\"|RECTANGULAR\b"),
        ("Add a parameter", FIELDS, "ltp_window", r"\bltp_window\b|\bltp_trace\b"),
        ("Add an engine", ENGINES, "runtime", r"\"runtime\"|\bRuntimeEngine\b"),
        ("Add a data set", DATASETS, "digits", r"DIGITS_FILE|\"digits\":"),
        ("Add a figure", FIGURES, "misclassified", r"\bmisclassified\("),
        ("Add a health check", {check.__name__ for check in health.CHECKS}, "monopoly", r"\bmonopoly\b"),
    ],
)
def test_an_example_stands_in_no_other_file_of_the_package(recipe, table, example, pattern):
    assert example in table
    files = standing(pattern)
    assert files
    inside = {name for name in files if not any(name.startswith(one) for one in named(recipe))}
    assert inside == set(), f"{recipe}: the recipe does not name {inside}"
