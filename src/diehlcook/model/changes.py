"""Equations changed from outside: texts replaced, lines and constants added. What would not take hold is refused.

A constant is a line of the equations, as in ``tau_a = 0.2*second : second``. So it is wherever the equations
are: in every engine, in the key of a compiled program, in run.json.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher
from typing import Any

from ..errors import DiehlCookError

CONDITIONS = ("threshold",)
"""Texts that are one condition, to which no line can be added."""


def changed_texts(
    texts: Mapping[str, str],
    homes: Mapping[str, tuple[str, ...]],
    *,
    replace: Mapping[str, str] | None,
    add: Mapping[str, str] | None,
    constants: Mapping[str, Any] | None,
) -> dict[str, str]:
    """Return equations and code with changes.

    Parameters
    ----------
    texts
        Equations and code by name.
    homes
        The texts that declare variables, each with those (itself included) that can use what it declares.
    replace, add, constants
        See `neurons.NeuronModel.changed`.

    Raises
    ------
    DiehlCookError
        A text to replace does not occur, a constant is not used or is no number, or something is of the wrong type.
    """
    new = dict(texts)
    for old, text in pairs("replace", replace, str):
        if not old or not any(old in one for one in new.values()):
            raise DiehlCookError(
                f"replace: {old!r} does not stand in the equations; the line most like it is "
                f"{nearest(old, new.values())!r}"
            )
        new = {name: one.replace(old, text) for name, one in new.items()}
    for name, lines in pairs("add", add, str):
        if name not in new or name in CONDITIONS:
            possible = ", ".join(one for one in new if one not in CONDITIONS)
            hint = " (a condition is changed with replace=)" if name in CONDITIONS else ""
            raise DiehlCookError(f"add: {name!r} takes no lines{hint}; choose one of {possible}")
        new[name] = with_line(new[name], lines)
    for name, value in pairs("constants", constants, object):
        line = declaration(name, value)
        own = re.compile(rf"^[ \t]*{name}[ \t]*=.*$", re.MULTILINE)
        found = False
        for home, users in homes.items():
            others = own.sub("", new[home])
            if any(re.search(rf"\b{name}\b", others if user == home else new[user]) for user in users):
                found = True
                new[home] = own.sub(line, new[home]) if own.search(new[home]) else with_line(new[home], line)
        if not found:
            raise DiehlCookError(f"constants: {name} is used in none of the equations")
    return new


def pairs(argument: str, given: Any, kind: type) -> Iterable[tuple[str, Any]]:
    """Return names and values of a mapping that was given; refuse what is none."""
    given = {} if given is None else given
    if not isinstance(given, Mapping) or not all(
        isinstance(one, str) and isinstance(value, kind) for one, value in given.items()
    ):
        example = {
            "replace": '{"old text": "new text"}',
            "add": '{"reset": "a += 1*mV"}',
            "constants": '{"tau_a": 200*ms}',
        }[argument]
        raise DiehlCookError(f"{argument} is {str(given)[:60]!r}; expected a dictionary, such as {example}")
    return given.items()


def with_line(text: str, line: str) -> str:
    """Return a text with lines at its end."""
    body = text.rstrip()
    return f"{body}\n{line.strip()}\n" if body else f"{line.strip()}\n"


def nearest(old: str, texts: Iterable[str]) -> str:
    """Return the line that has most of a text in one piece, spaces aside; without its comment."""

    def likeness(line: str) -> tuple[int, float]:
        pieces = SequenceMatcher(None, "".join(old.split()), "".join(line.split()), autojunk=False)
        return pieces.find_longest_match().size, pieces.ratio()

    lines = [line.split("#")[0].strip() for text in texts for line in text.splitlines()]
    return max(filter(None, lines), key=likeness)


def declaration(name: str, value: Any) -> str:
    """Return the line of a constant: a Brian2 quantity, or a number for one without unit."""
    if not name.isidentifier():
        raise DiehlCookError(f"constants: {name!r} is no name; expected letters, digits and underscores")
    try:
        number = float(value) if not isinstance(value, str | bool) else math.nan
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise DiehlCookError(
            f"constants: {name} is {str(value)[:60]!r}; expected a number with its unit, such as "
            "200*brian2.ms"
        )
    unit = unit_of(value)
    return f"{name} = {number!r}*{unit} : {unit}" if unit else f"{name} = {number!r} : 1"


def unit_of(value: Any) -> str:
    """Return the unit of a number in SI as an equation has it; empty if it has none."""
    if not hasattr(value, "dim") or value.dim.is_dimensionless:
        return ""
    from brian2 import get_unit

    name = repr(get_unit(value.dim))
    return name if name.isalpha() else repr(value.dim)  # the latter of metre, kilogram and so on
