"""Files of a run: .npy arrays and run.json, each written under a temporary name and renamed, never half there."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..errors import DiehlCookError, pasteable
from ..model.arrays import Expected, checked
from ..whole import Written, write_whole

SCHEMA = 3
"""Version of the layout of a run directory."""

MOST_JSON = 2**26
"""Bytes of a JSON file: that of a run has some ten thousand."""

OBJECTS = (
    "Python objects in it, which are never opened; a port to Python 3 that calls np.save(zip(...)) has "
    "stored no "
    "numbers: save np.array(list(zip(...)))"
)

HEADERS: dict[tuple[int, int], Callable[[Any], Any]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
"""Readers of the header of a .npy file, by version."""


def save_array(path: Path, array: NDArray[Any]) -> None:
    """Write an array to a .npy file.

    Raises
    ------
    DiehlCookError
        The folder cannot be written, or the disk is full.
    """
    write_array(path, array).appear()


def write_array(path: Path, array: NDArray[Any]) -> Written:
    """Write an array to a .npy file that has yet to appear; see `save_array`."""
    return Written(path, lambda file: np.save(file, np.asarray(array), allow_pickle=False))


def save_rows(path: Path, rows: Iterable[NDArray[Any]], shape: tuple[int, int]) -> None:
    """Write a matrix in single precision to a .npy file, row after row, so that it need not fit into the memory."""

    def write(file: BinaryIO) -> None:
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)  # type: ignore[no-untyped-call]
        file.writelines(np.ascontiguousarray(row, "<f4").tobytes() for row in rows)

    write_whole(path, write)


def save_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file."""
    text = json.dumps(content, indent=1) + "\n"
    write_whole(path, lambda file: file.write(text.encode()))


def read_bytes(path: Path, most: int) -> bytes:
    """Read a file of at most so many bytes; refuse what is no file, such as a pipe, from which reading would wait."""
    try:
        if not path.is_file():
            raise DiehlCookError(f"{path}: {'not a file' if path.exists() else 'not found'}")
        if path.stat().st_size > most:
            raise DiehlCookError(f"{path}: {path.stat().st_size:,} bytes, expected at most {most:,}")
        return path.read_bytes()
    except OSError as error:
        raise DiehlCookError(f"{path}: cannot read ({error.strerror})") from None


def load_json(path: Path) -> dict[str, Any]:
    """Read a JSON file."""
    try:
        content = json.loads(read_bytes(path, MOST_JSON))
    except (ValueError, RecursionError):
        raise DiehlCookError(f"{path}: not valid JSON; restore it, or move it away and begin again") from None
    if not isinstance(content, dict):
        raise DiehlCookError(f"{path}: expected an object, found {type(content).__name__}")
    return content


def read_npy(path: Path) -> NDArray[Any]:
    """Read a .npy file, whatever is in it: nothing is unpickled, and no more memory is asked for than the file has.

    Raises
    ------
    DiehlCookError
        It cannot be read, is no .npy file, is cut off, or holds Python objects.
    """
    try:
        if not path.is_file():
            raise DiehlCookError(f"{path}: {'not a file' if path.exists() else 'not found'}")
        with path.open("rb") as file:
            shape, fortran, dtype = HEADERS[np.lib.format.read_magic(file)](file)  # type: ignore[no-untyped-call]
            size, expected = os.fstat(file.fileno()).st_size - file.tell(), math.prod(shape) * dtype.itemsize
            if dtype.hasobject or size != expected:
                raise ValueError(OBJECTS if dtype.hasobject else f"{size} of {expected} bytes")
            array: NDArray[Any] = np.fromfile(file, dtype, math.prod(shape))
            return array.reshape(shape, order="F" if fortran else "C")
    except DiehlCookError:
        raise
    except Exception as error:  # noqa: BLE001 - the header is parsed as Python: a damaged one raises almost anything
        reason = str(error).splitlines()[:1] or [type(error).__name__]
        raise DiehlCookError(f"{path}: not a readable .npy file ({reason[0][:150]})") from None


def load_array(path: Path, expected: Expected, *, made_by: str = "train") -> NDArray[Any]:
    """Read a .npy file of a run directory and check what is in it; `made_by` is the phase that writes it.

    Raises
    ------
    DiehlCookError
        Missing or damaged file, or not what is expected; see `model.arrays.checked`.
    """
    if not path.exists():
        raise DiehlCookError(f"{path}: not found; run {pasteable(made_by, '--run', path.parent)} first")
    return checked(str(path), read_npy(path), expected)


def identity(*deciding: Any) -> str:
    """Return the SHA-256 of what decides a computation: texts, numbers, lists and tables of them."""
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()


def digest(array: NDArray[Any]) -> str:
    """Return the SHA-256 of dtype, shape and content of an array."""
    hashed = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    hashed.update(np.ascontiguousarray(array).tobytes())
    return hashed.hexdigest()
