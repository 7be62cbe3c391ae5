"""Tables of scientific constants: values in SI units, written and shown with their unit, each with its source.

A table is a frozen dataclass whose fields are declared with `par`; `params.Params` is the one of the model,
and each companion has its own. A value without the right unit is refused.

This module does not import Brian2, so that ``--help`` stays quick; `Constants.quantities` does when it is
called.
"""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields, replace
from typing import Any, ClassVar, Self

from ..errors import DiehlCookError, advice

UNITS = {
    "s": ("s", 1.0),
    "ms": ("s", 1e-3),
    "us": ("s", 1e-6),
    "V": ("V", 1.0),
    "mV": ("V", 1e-3),
    "uV": ("V", 1e-6),
    "Hz": ("Hz", 1.0),
    "kHz": ("Hz", 1e3),
    "/ms": ("Hz", 1e3),
    "/ms/mV": ("Hz/V", 1e6),
    "mV/ms": ("V/s", 1.0),
}
"""Unit name: (SI unit, factor)."""

NUMBERS = {bool: "true or false", str: "a text", numbers.Integral: "a whole number", numbers.Real: "a number"}
"""Kinds of parameters, told by the default, and their names."""

QUANTITY = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([A-Za-z/]*)\s*")


def par(
    default: Any,
    symbol: str,
    meaning: str,
    source: str,
    *,
    unit: str = "",
    choices: tuple[str, ...] = (),
    within: tuple[float, float] | None = None,
) -> Any:
    """Declare one parameter.

    `unit` is the unit in which `default` is given and shown, and also `within`: the smallest and the largest
    value of a number. They are far beyond what makes sense for a network; they keep out slips of the unit,
    and what would overflow in compiled code.
    """
    factor = UNITS[unit][1] if unit else 1
    metadata = {
        "unit": unit,
        "symbol": symbol,
        "meaning": meaning,
        "source": source,
        "choices": choices,
        "within": within and tuple(end * factor for end in within),
    }
    return field(default=default * factor if unit else default, metadata=metadata)


def brian2_unit(name: str) -> Any:
    """Return the SI unit of the unit `name`, as Brian2 has it."""
    from brian2 import hertz, second, volt

    return {"s": second, "V": volt, "Hz": hertz, "Hz/V": hertz / volt, "V/s": volt / second}[UNITS[name][0]]


@dataclass(frozen=True)
class Constants:
    """Constants in SI units; ``sources`` says where the values come from that are not the defaults."""

    sources: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False, kw_only=True)

    listing: ClassVar[str] = "python -m diehlcook params"
    """The command that lists the constants."""

    def __post_init__(self) -> None:
        for name, f in self.table().items():
            choices = f.metadata["choices"]
            value: Any = getattr(self, name)
            default: Any = f.default
            if choices and value not in choices:
                raise DiehlCookError(f"{name} is {value!r}; choose one of {', '.join(choices)}")
            kind, words = next(entry for entry in NUMBERS.items() if isinstance(default, entry[0]))
            if not isinstance(value, kind) or isinstance(value, bool) is not isinstance(default, bool):
                raise DiehlCookError(f"{name} is {value!r}; it must be {words}")
            object.__setattr__(self, name, type(default)(value))  # NumPy's numbers are not for JSON
            if f.metadata["within"]:
                self.check_range(name, *f.metadata["within"])

    def check_range(self, name: str, low: float, high: float) -> None:
        """Raise `DiehlCookError` if a number is not from `low` to `high`."""
        value = getattr(self, name)
        if not low <= value <= high:
            unit = self.unit(name)
            factor = UNITS[unit][1] if unit else 1
            found, least, most = (f"{one / factor:.7g}{' ' * bool(unit)}{unit}" for one in (value, low, high))
            raise DiehlCookError(f"{name} is {found}; it must be from {least} to {most}")

    @classmethod
    def table(cls) -> dict[str, Field[Any]]:
        """Return the declarations of the constants by name."""
        return {f.name: f for f in fields(cls) if f.metadata}

    @classmethod
    def unit(cls, name: str) -> str:
        """Return the unit in which `name` is shown, or an empty text."""
        unit: str = cls.table()[name].metadata["unit"]
        return unit

    def text(self, name: str) -> str:
        """Return the value of `name` with its unit, as it can be given to `with_values`."""
        value = getattr(self, name)
        unit = self.unit(name)
        if isinstance(value, bool):
            return str(value).lower()
        if not unit:
            return str(value)
        base, factor = UNITS[unit]
        for digits in (15, 16, 17):
            number = f"{value / factor:.{digits}g}"
            if float(number) * factor == value:
                return f"{number} {unit}"
        return f"{value!r} {base}"

    def as_texts(self) -> dict[str, str]:
        """Return every parameter as text with unit, in the order of declaration."""
        return {name: self.text(name) for name in self.table()}

    def source(self, name: str) -> str:
        """Return where the value of `name` comes from."""
        default: str = self.table()[name].metadata["source"]
        return self.sources.get(name, default)

    def __getitem__(self, name: str) -> Any:
        raise DiehlCookError(
            f"constants have no [{name!r}]; take .{name}, a number in SI units, or .text({name!r}), with its "
            "unit"
        )

    def with_values(
        self, values: Mapping[str, Any] | None = None, source: str | Mapping[str, str] = "user", **named: Any
    ) -> Self:
        """Return a copy in which some parameters have other values.

        Parameters
        ----------
        values
            The new values by the name of the parameter. A value is a text with a unit, such as ``"80 ms"``, or
            a Brian2 `Quantity`; for a parameter without unit it is a number, a bool or a text.
        source
            Where the new values come from: one text for all of them, or a mapping from names to texts.
        **named
            More new values, as in ``with_values(tau_mem_exc="50 ms")``.

        Returns
        -------
        Constants
            The copy, of the class of the original, which stays as it is.

        Raises
        ------
        DiehlCookError
            There is no parameter of that name (the message suggests the nearest), the unit is wrong or
            missing, or the value is out of range.
        """
        if not isinstance(values, Mapping | None):
            raise DiehlCookError(
                f"with_values is given {str(values)[:60]!r}; expected a dictionary, such as "
                '{"tau_mem_exc": "50 ms"}, or tau_mem_exc="50 ms"'
            )
        values = {**(values or {}), **named}
        new = {name: self.parse(name, value) for name, value in values.items()}
        if isinstance(source, str):
            source = {name: source for name in new if new[name] != getattr(self, name)}
        return replace(self, **new, sources={**self.sources, **source})

    def differences(self, other: Self) -> dict[str, tuple[str, str]]:
        """Return the parameters in which this object and another differ.

        Parameters
        ----------
        other
            Constants of the same class.

        Returns
        -------
        dict
            For each name that differs, the value here and the value there, as texts with units.
        """
        return {
            name: (self.text(name), other.text(name))
            for name in self.table()
            if getattr(self, name) != getattr(other, name)
        }

    def quantities(self) -> dict[str, Any]:
        """Return all constants for Brian2: quantities with units, bools as 0 or 1, no texts."""
        values: dict[str, Any] = {}
        for name, f in self.table().items():
            value, unit = getattr(self, name), f.metadata["unit"]
            if not isinstance(value, str):
                values[name] = (
                    value * brian2_unit(unit) if unit else int(value) if isinstance(value, bool) else value
                )
        return values

    @classmethod
    def parse(cls, name: str, value: Any) -> Any:
        """Return `value`, given for parameter `name`, as a number in SI units (or a str, int or bool)."""
        declared = cls.table()
        if name not in declared:
            hint = advice(name, declared, f"see `{cls.listing}`")
            raise DiehlCookError(f"unknown parameter {name!r}; {hint}")
        unit, default = cls.unit(name), declared[name].default
        if hasattr(value, "dim") and unit:  # a Brian2 Quantity carries its value in SI units
            from brian2 import have_same_dimensions

            if not have_same_dimensions(value, brian2_unit(unit)):
                raise DiehlCookError(
                    f"{name} is {value}; it needs a unit such as {unit}, e.g. {name}='{cls().text(name)}'"
                )
            if value.size != 1:
                raise DiehlCookError(f"{name} is {value}; expected one number")
            return float(value)
        if isinstance(default, bool):
            truth = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
            if str(value).lower() not in truth:
                raise DiehlCookError(f"{name} is {value!r}; it must be true or false")
            return truth[str(value).lower()]
        if isinstance(default, str):
            return str(value)
        match = QUANTITY.fullmatch(str(value))
        if match is None:
            raise DiehlCookError(
                f"{name} is {value!r}; expected a number{' with a unit' if unit else ''}, e.g. "
                f"{name}='{cls().text(name)}'"
            )
        number, given = match.groups()
        if math.isinf(float(number)):
            raise DiehlCookError(f"{name} is {str(value)[:50]!r}; it must be finite")
        if unit:
            if UNITS.get(given, (None,))[0] != UNITS[unit][0]:
                raise DiehlCookError(
                    f"{name} is {str(value)!r}; it needs a unit such as {unit}, e.g. "
                    f"{name}='{cls().text(name)}'"
                )
            return float(number) * UNITS[given][1]
        if given:
            raise DiehlCookError(f"{name} is {str(value)!r}; it has no unit, e.g. {name}={cls().text(name)}")
        if isinstance(default, int):
            if not float(number).is_integer():
                raise DiehlCookError(f"{name} is {value!r}; it must be a whole number")
            return int(float(number))
        return float(number)
