"""What arrays have to be, whether they come from a file, the command line or Python: nothing unchecked reaches compiled code."""

from __future__ import annotations

import math
import os
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import DiehlCookError
from .constants import brian2_unit
from .params import Params

KINDS = {"f": "float", "i": "int", "u": "unsigned int", "V": "structured"}
"""Kinds of dtype, as letters of `numpy.dtype.kind`, in words."""

LARGEST_THETA = 1.0
"""Volts; larger thresholds are in millivolts."""

ROUNDING = 1e-6
"""How far a sum or a bound may be off by rounding to single precision, as a share."""

NUMBERS = "fiu"
"""The kinds that become floats without loss, where floats are asked for."""


class Expected(NamedTuple):
    """What an array has to be.

    Parameters
    ----------
    shape
        None stands for any length.
    kind
        Kinds of dtype, letters of `numpy.dtype.kind`.
    low, high
        Smallest and largest value.
    unit
        SI unit of the values: a Brian2 quantity must have it.
    advice
        Said of a value that is too large.
    """

    shape: tuple[int | None, ...]
    kind: str = "f"
    low: float | None = None
    high: float | None = None
    unit: str = ""
    advice: str = ""


def checked(name: str, given: Any, expected: Expected) -> NDArray[Any]:
    """Return what is given as an array, if it is what is expected.

    Parameters
    ----------
    name
        What the message calls it: an argument, or a file.
    given
        An array, what NumPy makes one of, or a Brian2 quantity.
    expected
        What it has to be.

    Raises
    ------
    DiehlCookError
        Another unit, dtype or shape, a value that is not finite or out of range; the message is one line.
    """
    array = without_unit(name, given, expected.unit)
    if array.dtype.kind not in expected.kind or array.dtype.hasobject:
        wanted = " or ".join(KINDS[kind] for kind in expected.kind)
        raise DiehlCookError(f"{name}: dtype is {array.dtype}, expected {wanted}")
    check_shape(name, array.shape, expected.shape)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise DiehlCookError(f"{name}: contains NaN or infinite values, expected finite ones")
    if array.size and expected.low is not None and array.min() < expected.low:
        raise DiehlCookError(
            f"{name}: smallest value is {array.min():.6g}, expected at least {expected.low:g}"
        )
    if array.size and expected.high is not None and array.max() > expected.high:
        raise DiehlCookError(
            f"{name}: largest value is {array.max():.6g}, expected at most {expected.high:g}{expected.advice}"
        )
    return array


def without_unit(name: str, given: Any, unit: str) -> NDArray[Any]:
    """Return what is given as an array, in SI units if it is a Brian2 quantity."""
    if hasattr(given, "dim"):
        from brian2 import Quantity, have_same_dimensions

        if isinstance(given, Quantity):
            if not have_same_dimensions(
                given, brian2_unit(unit) if unit else 1
            ):  # a unit of UNITS is its own name
                raise DiehlCookError(f"{name}: is in {given.get_best_unit()}, expected {unit or 'no unit'}")
            return np.asarray(given)
    try:
        return np.asarray(given)
    except ValueError as error:  # lists of different lengths
        raise DiehlCookError(f"{name}: not an array ({str(error).splitlines()[0]})") from None


def check_shape(name: str, shape: tuple[int, ...], expected: tuple[int | None, ...]) -> None:
    """Refuse another shape than is expected, and name a transposed one."""

    def fits(one: tuple[int, ...]) -> bool:
        return len(one) == len(expected) and all(n in (None, k) for n, k in zip(expected, one, strict=True))

    if fits(shape):
        return
    words = tuple("any" if n is None else n for n in expected)
    hint = "is it of another run or size?"
    if len(shape) == 2 and fits(shape[::-1]):
        hint = "it looks transposed: exchange rows and columns (array.T)"
    raise DiehlCookError(f"{name}: shape is {shape}, expected {words}; {hint}")


def largest_weight(params: Params) -> float:
    """Return the largest weight that is let in: initial and normalised weights may be above `w_max`.

    Normalisation gives what other inputs lose to those that do not spike, which are cut to `w_max` only when they
    do again: with few inputs one may have all of `weight_sum`; here it may have a hundred times an even share.
    """
    drawn = 10 * max(params.w_max, params.w_init_scale * (1 + params.w_init_offset), 1.0)
    if params.normalise == "never":
        return drawn
    return max(drawn, params.weight_sum * min(1.0, 100 / params.n_input) * (1 + ROUNDING))


def check_weights(name: str, given: Any, params: Params, kind: str = NUMBERS) -> NDArray[np.float64]:
    """Return input weights (n_input, n_exc), dimensionless; see `checked`."""
    shape = (params.n_input, params.n_exc)
    return checked(name, given, Expected(shape, kind, 0, largest_weight(params))).astype(
        np.float64, copy=False
    )


def check_theta(name: str, given: Any, params: Params, kind: str = NUMBERS) -> NDArray[np.float64]:
    """Return adaptive thresholds (n_exc,) in volts; see `checked`."""
    expected = Expected((params.n_exc,), kind, 0, LARGEST_THETA, "V", " V; are these millivolts?")
    return checked(name, given, expected).astype(np.float64, copy=False)


def check_delays(name: str, given: Any, params: Params, kind: str = NUMBERS) -> NDArray[np.float64]:
    """Return delays (n_input, n_exc) in seconds, none longer than `delay_max`; see `checked`."""
    most = params.delay_max + params.dt / 2  # compiled code has room for as many steps
    advice = f" s (delay_max is {params.text('delay_max')}); are these milliseconds?"
    expected = Expected((params.n_input, params.n_exc), kind, 0, most, "s", advice)
    return checked(name, given, expected).astype(np.float64, copy=False)


def check_labels(name: str, given: Any, n: int | None, kind: str = "iu") -> NDArray[Any]:
    """Return classes (n,), -1 for none, at most 126; see `checked`."""
    return checked(name, given, Expected((n,), kind, -1, 126))


def check_images(name: str, given: Any, n_input: int) -> NDArray[np.uint8]:
    """Return grey values (n, n_input), whole numbers from 0 to 255, of images (n, n_input) or (n, rows, columns)."""
    array = without_unit(name, given, "")
    if array.dtype.kind not in NUMBERS:
        raise DiehlCookError(f"{name}: dtype is {array.dtype}, expected whole numbers from 0 to 255")
    if array.ndim not in (2, 3) or not len(array) or math.prod(array.shape[1:]) != n_input:
        hint = "; for one image give images[:1]" if array.size == n_input and array.ndim < 3 else ""
        raise DiehlCookError(
            f"{name}: shape is {array.shape}, expected (n, rows, columns) or (n, {n_input}) with at "
            f"least one "
            f"image of {n_input} pixels{hint}"
        )
    low, high = array.min(), array.max()
    if not (low >= 0 and high <= 255):  # also if one is NaN
        raise DiehlCookError(
            f"{name}: values go from {low:.6g} to {high:.6g}, expected grey values from 0 to 255"
        )
    if array.dtype.kind == "f" and (array != np.rint(array)).any():
        hint = "multiply by 255 and round" if high <= 1 else "round them"
        raise DiehlCookError(
            f"{name}: values from {low:.6g} to {high:.6g} are no whole numbers, expected grey values "
            f"from 0 to "
            f"255; {hint}"
        )
    return np.ascontiguousarray(array.reshape(len(array), n_input).astype(np.uint8, copy=False))


def check_seed(seed: Any) -> int:
    """Return a seed, a whole number from 0 to 2**63 - 1."""
    if not is_whole(seed) or not 0 <= seed < 2**63:
        raise DiehlCookError(f"seed is {seed!r}; it must be a whole number from 0 to 2**63 - 1")
    return int(seed)


def check_whole(name: str, given: Any, low: int, high: int | None = None) -> int:
    """Return a whole number within limits as an `int`, which JSON takes; a command line calls the argument ``--name``."""
    if is_whole(given) and low <= given and (high is None or given <= high):
        return int(given)
    limits = f"of at least {low}" if high is None else f"from {low} to {high}"
    wrong = f"is {given!r}; it must be a whole number {limits}"
    raise DiehlCookError(f"{name} {wrong}", f"--{name} {wrong}")


def is_whole(given: Any) -> bool:
    """Return whether something is a whole number, of Python or NumPy, and no truth value."""
    return isinstance(given, int | np.integer) and not isinstance(given, bool)


def check_text(name: str, given: Any) -> str:
    """Return a name, or a path as text."""
    if isinstance(given, str | os.PathLike):
        return str(os.fspath(given))
    raise DiehlCookError(f"{name} is {given!r}; expected a text")
