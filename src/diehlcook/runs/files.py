"""Files of a run: .npy arrays and run.json, each written under a temporary name and renamed, never half there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DiehlCookError
from ..whole import write_whole

SCHEMA = 2
"""Version of the layout of a run directory."""

KINDS = {"f": "float", "i": "int", "u": "unsigned int", "V": "structured"}


def save_array(path: Path, array: NDArray[Any]) -> None:
    """Write an array to a .npy file.

    Raises
    ------
    DiehlCookError
        The folder cannot be written, or the disk is full.
    """
    write_whole(path, lambda file: np.save(file, np.asarray(array), allow_pickle=False))


def save_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file."""
    text = json.dumps(content, indent=1) + "\n"
    write_whole(path, lambda file: file.write(text.encode()))


def load_json(path: Path) -> dict[str, Any]:
    """Read a JSON file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DiehlCookError(f"{path}: cannot read ({error.strerror})") from None
    except ValueError:
        raise DiehlCookError(f"{path}: not valid JSON; restore it or train again with --force") from None
    if not isinstance(content, dict):
        raise DiehlCookError(f"{path}: expected an object, found {type(content).__name__}")
    return content


def load_array(
    path: Path,
    *,
    shape: tuple[int | None, ...],
    kind: str = "f",
    low: float | None = None,
    made_by: str = "train",
) -> NDArray[Any]:
    """Read a .npy file and check what is in it.

    Parameters
    ----------
    path
        File of a run directory.
    shape
        Expected shape; None stands for any length.
    kind
        Expected kinds of dtype, as letters of `numpy.dtype.kind`.
    low
        Smallest allowed value.
    made_by
        The phase that writes this file, named when it is missing.

    Raises
    ------
    DiehlCookError
        Missing or damaged file, wrong shape or dtype, NaN, or too small a value.
    """
    if not path.exists():
        raise DiehlCookError(f"{path}: not found; run `python -m diehlcook {made_by}` first")
    try:
        array: NDArray[Any] = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DiehlCookError(f"{path}: not a readable .npy file ({str(error).splitlines()[0]})") from None
    if array.dtype.kind not in kind:
        raise DiehlCookError(
            f"{path}: dtype is {array.dtype}, expected {' or '.join(KINDS[k] for k in kind)}"
        )
    if array.ndim != len(shape) or any(
        want is not None and want != got for want, got in zip(shape, array.shape, strict=True)
    ):
        expected = tuple("any" if n is None else n for n in shape)
        raise DiehlCookError(
            f"{path}: shape is {array.shape}, expected {expected}; is it of another run or size?"
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise DiehlCookError(f"{path}: contains NaN or infinite values, expected finite ones")
    if low is not None and array.size and array.min() < low:
        raise DiehlCookError(f"{path}: smallest value is {array.min()}, expected at least {low}")
    return array


def digest(array: NDArray[Any]) -> str:
    """Return the SHA-256 of dtype, shape and content of an array."""
    hashed = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    hashed.update(np.ascontiguousarray(array).tobytes())
    return hashed.hexdigest()
