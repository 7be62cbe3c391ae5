"""What a run is, in a few words: the nearest preset of the package, what differs from it, and which equations were replaced."""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..engines.base import Model
from ..model import neurons
from ..model.params import CUSTOM, DEFAULT_PRESET, Params, load_preset, preset_names
from ..model.rules import EQUATIONS

MOST = 3
"""Differences that are named; of more only the number."""

ASSIGNED = re.compile(r"\s*(d\w+/dt|\w+)\s*(?:[-+*/%]|\*\*|//)?[=:](?!=)")
"""The left side of an equation, a statement or a declaration."""


class Changed(NamedTuple):
    """A block of Brian2 code that a run has instead of the package's own.

    Parameters
    ----------
    of, block
        What it belongs to, ``"excitatory"`` or ``"plasticity"``, and its name there.
    lines
        The lines that differ: those of the package after ``"- "``, those of the run after ``"+ "``.
    """

    of: str
    block: str
    lines: list[str]


@functools.cache
def presets() -> dict[str, Params]:
    """Return all presets of the package by their names."""
    return {name: load_preset(name) for name in preset_names()}


def nearest_preset(params: Params, named: str = "") -> str:
    """Return the preset of the package with the fewest other values: of equals the one `named`, then the default one."""
    if named in preset_names() and params == load_preset(named):  # which spares reading all others
        return named

    def distance(name: str) -> tuple[int, bool, bool]:
        return len(params.differences(presets()[name])), name != named, name != DEFAULT_PRESET

    return min(presets(), key=distance)


def described(preset: str, model: Model) -> list[str]:
    """Return what a network is: the nearest preset, each value that differs from it, which equations were replaced.

    Parameters
    ----------
    preset
        The name that run.json gives to the constants.
    model
        Parameters and equations.

    Returns
    -------
    list of str
        Such as ``["paper-triplet-100", "tau_mem_exc = 50 ms", "changed equations: dv/dt"]``; of more than `MOST`
        values the last says how many more there are. A name that is of no preset of the package stands before
        that of the nearest.
    """
    base = nearest_preset(model.params, preset)
    differing = model.params.differences(load_preset(base))
    values = [f"{name} = {here}" for name, (here, _) in differing.items()]
    own_name = preset not in (*preset_names(), CUSTOM)
    words = [f"{preset}: {base}" if own_name else base, *shortened(values)]
    names = changed_names(model)
    return [*words, f"changed equations: {names}"] if names else words


def in_words(preset: str, model: Model) -> str:
    """Return what a network is in one line; see `described`."""
    return listed(described(preset, model))


def shortened(words: Sequence[str]) -> list[str]:
    """Return the first `MOST` of some words, and how many more there are."""
    left = len(words) - MOST
    return [*words[:MOST], *([f"and {left} more"] if left > 0 else [])]


def listed(words: Sequence[str]) -> str:
    """Return words that `shortened` may have cut as one text."""
    return re.sub(r", (?=and \d+ more(?:,|$))", " ", ", ".join(words))


def replaced_equations(model: Model) -> dict[str, Any]:
    """Return the equations that are not the package's own, for run.json."""
    equations: dict[str, Any] = {}
    if model.excitatory != neurons.EXCITATORY:
        equations["excitatory"] = model.excitatory._asdict()
    if model.plasticity is not None:
        equations["plasticity"] = model.plasticity._asdict()
    return {"equations": equations} if equations else {}


def changes(model: Model) -> list[Changed]:
    """Return how the equations of a model differ from the package's own, block by block, changed lines only."""
    pairs: list[tuple[str, Any, Any]] = [("excitatory", neurons.EXCITATORY, model.excitatory)]
    if model.plasticity is not None:
        pairs.append(("plasticity", EQUATIONS[model.params.rule], model.plasticity))
    found = []
    for of, ours, theirs in pairs:
        for block, before, after in zip(ours._fields, ours, theirs, strict=True):
            lines = list(difflib.unified_diff(tidy(before), tidy(after), lineterm="", n=0))
            kept = [f"{line[0]} {line[1:]}" for line in lines[2:] if not line.startswith("@@")]
            if kept:
                found.append(Changed(of, block, kept))
    return found


def tidy(code: str) -> list[str]:
    """Return the lines of Brian2 code with single blanks, and without empty ones: the others mean nothing."""
    return [" ".join(line.split()) for line in code.splitlines() if line.strip()]


def changed_names(model: Model) -> str:
    """Return which equations of a model were replaced, by what they set: ``"dv/dt, w in on_pre"``; empty if none were."""
    names: dict[str, None] = {}
    for change in changes(model):
        for line in change.lines:
            left = ASSIGNED.match(line[2:])
            whole = change.block in ("equations", "model", "neuron")
            names[(left[1] if whole else f"{left[1]} in {change.block}") if left else change.block] = None
    return listed(shortened(list(names)))
