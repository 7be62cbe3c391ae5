"""The parameters of a run as tables: first what differs from its preset, then what that preset differs in from its base."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from ..analysis.health import has_effect
from ..model.constants import Constants
from ..model.params import BASE_PRESET, Params, load_preset
from ..model.rules import EQUATIONS
from ..runs.described import nearest_preset
from ..runs.run import Run


class Parameter(NamedTuple):
    """A row: value with its unit, what it is where it is compared with, and where it comes from."""

    name: str
    symbol: str
    value: str
    elsewhere: str
    meaning: str
    source: str


class Tables(NamedTuple):
    """The parameters of a run.

    Parameters
    ----------
    preset, base
        The preset of the package that is nearest to the run, and what all presets differ from.
    own
        What differs from the preset; `elsewhere` is the value there.
    of_preset
        In what else the preset differs from the base; `elsewhere` is the value there.
    others
        All others that the network depends on.
    idle
        Those that change nothing with these equations.
    """

    preset: str
    base: str
    own: list[Parameter]
    of_preset: list[Parameter]
    others: list[Parameter]
    idle: list[str]


def tables(run: Run) -> Tables:
    """Return the parameters of a run as tables."""
    p, preset = run.params, nearest_preset(run.params, run.preset)
    near, base = load_preset(preset), load_preset(BASE_PRESET)
    own = p.differences(near)
    of_preset = {name: both for name, both in p.differences(base).items() if name not in own}
    left = [name for name in Params.table() if name not in own and name not in of_preset]
    idle = [name for name in (*left, *of_preset) if not matters(run, name)]
    return Tables(
        preset,
        BASE_PRESET,
        rows(p, own, near),
        rows(p, [name for name in of_preset if name not in idle], base),
        rows(p, [name for name in left if name not in idle]),
        idle,
    )


def matters(run: Run, name: str) -> bool:
    """Return whether a network of this run would be another one if a parameter were changed."""
    plasticity = run.model.plasticity
    if name == "dt" or any(re.search(rf"\b{name}\b", code) for code in run.model.excitatory):
        return True
    if plasticity is None:
        return has_effect(run.params, name)
    return plasticity.uses(name) or not any(rule.uses(name) for rule in EQUATIONS.values())


def rows(constants: Constants, names: Iterable[str], other: Constants | None = None) -> list[Parameter]:
    """Return a row for each name; with values elsewhere if there are others to compare with."""
    declared = constants.table()
    return [
        Parameter(
            name,
            declared[name].metadata["symbol"],
            constants.text(name),
            other.text(name) if other else "",
            declared[name].metadata["meaning"],
            constants.source(name),
        )
        for name in names
    ]
