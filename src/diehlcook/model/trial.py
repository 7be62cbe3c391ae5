"""Replaced equations are tried on a tiny network, before anything is compiled and any folder is written.

What Brian2 says of them is the innermost of a chain of errors, in the words of the equation.
"""

from __future__ import annotations

import gc
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..errors import DiehlCookError
from . import neurons
from .brian import b2, in_this_process
from .neurons import NeuronModel
from .params import Params
from .rules import LearningRule

HINTS = {
    r"identifier .* could not be resolved": "declare it in the equations if it is a variable; a constant of "
    "your own is a number with its unit in the equations, such as 200*ms, or goes into "
    ".changed(constants={...})",
    "conditionally linear": "the equation of v has to be linear in v for exponential Euler; use "
    'params.with_values(integrator="euler")',
    r"(?i)units?\b|dimension": "compare the units of the terms, and the one after the colon",
}
"""What to do about an error of Brian2, by what is in its text."""


def check_types(excitatory: Any, plasticity: Any) -> None:
    """Raise `DiehlCookError` if equations are given as something else than texts in a model or in a rule."""
    for name, given, kind, own in (
        ("excitatory", excitatory, NeuronModel, "model.neurons.EXCITATORY"),
        ("plasticity", plasticity, LearningRule, 'model.rules.EQUATIONS["triplet"]'),
    ):
        if given is None and name == "plasticity":
            continue
        if not isinstance(given, kind):
            raise DiehlCookError(
                f"{name} is of the type {type(given).__name__}; expected a {kind.__name__}, such as "
                f"diehlcook.{own}.changed(replace=..., add=...)"
            )
        for part, text in given._asdict().items():
            if not isinstance(text, str):
                raise DiehlCookError(
                    f"{name}: {part} is of the type {type(text).__name__}; expected the text that it is "
                    "made of"
                )


def try_equations(
    build: Callable[[], Any],
    excitatory: NeuronModel,
    plasticity: LearningRule | None,
    params: Params,
    *,
    learning: bool,
) -> None:
    """Raise `DiehlCookError` in one line if Brian2 cannot make code of the network that `build` builds."""
    texts: dict[str, tuple[str, tuple[str, ...]]] = {}
    if excitatory != neurons.EXCITATORY:
        texts["excitatory"] = (excitatory.equations, neurons.NEEDED)
    if plasticity is not None:
        texts["plasticity"] = (f"{plasticity.model}\n{plasticity.neuron}", ("w",))
    with aside():
        said = fault(build, texts, params)
    if said is not None:
        phase = "" if learning else " in a network that does not learn, as observe and test run it"
        raise DiehlCookError(f"{' or '.join(texts)}{phase}: {said}")


def fault(
    build: Callable[[], Any], texts: Mapping[str, tuple[str, tuple[str, ...]]], params: Params
) -> str | None:
    """Return what is wrong with equations, and what to do; None if nothing is.

    `texts` has declarations and the variables that have to be among them.
    """
    try:
        for text, needed in texts.values():
            declared = b2.Equations(text).names
            missing = [name for name in needed if name not in declared]
            if missing:
                return (
                    f"the equations have no variable {missing[0]}; the network needs {', '.join(needed)}, so "
                    "keep what declares them"
                )
            taken = sorted(declared & params.namespace().keys())
            if taken:
                return (
                    f"{taken[0]} is a parameter of the model; choose another name, or change the parameter "
                    "with params.with_values"
                )
        build().run(0 * b2.second, namespace={})
    except DiehlCookError as error:
        return error.args[0]  # type: ignore[no-any-return]
    except Exception as error:  # noqa: BLE001 - what Brian2 finds it says in many types
        said = innermost(error)
        hint = next((hint for pattern, hint in HINTS.items() if re.search(pattern, said)), "")
        return f"{said.rstrip('.')}; {hint}" if hint else said
    return None


def innermost(error: BaseException) -> str:
    """Return the first cause of an error in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = str(error)
    if isinstance(error, KeyError) and error.args:
        text = str(error.args[0])
        if text.isidentifier():
            text = f'The identifier "{text}" could not be resolved.'
    elif isinstance(error, SyntaxError) and error.text:
        text = f"{error.msg}: {error.text}"
    return " ".join(text.split()) or type(error).__name__


@contextmanager
def aside() -> Iterator[None]:
    """Let something be built in NumPy, and forgotten in silence."""
    unused = logging.getLogger("brian2.core.base.unused_brian_object")
    disabled, unused.disabled = unused.disabled, True
    try:
        with in_this_process("numpy"):
            yield
    finally:
        gc.collect()  # now that nobody hears of it
        unused.disabled = disabled
