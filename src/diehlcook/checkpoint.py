"""Files of a run: .npy arrays and run.json, each written under a temporary name and renamed, never half there."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import DiehlCookError

SCHEMA = 2
"""Version of the layout of a run directory."""

KINDS = {"f": "float", "i": "int", "u": "unsigned int", "V": "structured"}

KEPT = 2
"""Checkpoints kept."""


def _replace(path: Path, write: Any) -> None:
    """Let `write` fill a temporary file beside `path`, then give it that name."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise DiehlCookError(
            f"{path}: cannot write ({error.strerror or error}); what was there before is unchanged"
        ) from None


def save_array(path: Path, array: NDArray[Any]) -> None:
    """Write an array to a .npy file.

    Raises
    ------
    DiehlCookError
        The folder cannot be written, or the disk is full.
    """
    _replace(path, lambda file: np.save(file, np.asarray(array), allow_pickle=False))


def save_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file."""
    text = json.dumps(content, indent=1) + "\n"
    _replace(path, lambda file: file.write(text.encode()))


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


class Checkpoints:
    """Numbered checkpoints of a training, each a directory that appears by one rename; the newest `KEPT` stay, of a finished one the last.

    Parameters
    ----------
    run
        Run directory; the checkpoints are in ``run/checkpoints``.
    """

    def __init__(self, run: Path) -> None:
        self.folder = run / "checkpoints"

    def numbers(self) -> list[int]:
        """Return the numbers (images trained) of the checkpoints, oldest first."""
        if not self.folder.is_dir():
            return []
        return sorted(int(path.name) for path in self.folder.iterdir() if path.name.isdigit())

    def save(self, number: int, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> None:
        """Commit a checkpoint; older ones beyond `KEPT` are deleted after it is there."""
        target = self.folder / str(number)
        if target.exists():
            return
        temporary = None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            temporary = Path(tempfile.mkdtemp(dir=self.folder, prefix=".unfinished-"))
            digests = {}
            for name, array in arrays.items():
                save_array(temporary / f"{name}.npy", array)
                digests[name] = digest(array)
            save_json(temporary / "checkpoint.json", {"schema": SCHEMA, **facts, "digests": digests})
            temporary.rename(target)
        except OSError as error:
            raise DiehlCookError(
                f"{target}: cannot write the checkpoint ({error.strerror or error}); the one before is unchanged"
            ) from None
        finally:
            if temporary is not None:
                shutil.rmtree(temporary, ignore_errors=True)
        self.prune(KEPT)

    def load(
        self, names: Iterable[str] | None = None
    ) -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
        """Return arrays (all, or those of `names`) and facts of the newest checkpoint, or None if there is none.

        Raises
        ------
        DiehlCookError
            A damaged checkpoint or one of another schema.
        """
        numbers = self.numbers()
        if not numbers:
            return None
        folder = self.folder / str(numbers[-1])
        facts = load_json(folder / "checkpoint.json")
        if facts.get("schema") != SCHEMA:
            raise DiehlCookError(
                f"{folder}: checkpoint of schema {facts.get('schema')}, this version reads {SCHEMA}"
            )
        arrays = {}
        for name in facts["digests"] if names is None else names:
            path = folder / f"{name}.npy"
            try:
                arrays[name] = np.load(path, allow_pickle=False)
            except (OSError, ValueError, EOFError):
                arrays[name] = np.empty(0)
            if digest(arrays[name]) != facts["digests"][name]:
                raise DiehlCookError(
                    f"{path}: damaged; delete {folder} to resume from the checkpoint before it"
                    if len(numbers) > 1
                    else f"{path}: damaged, and there is no checkpoint before it; train again with --force"
                )
        return arrays, facts

    def prune(self, kept: int) -> None:
        """Delete all checkpoints but the newest so many, and what a kill left of an unfinished one."""
        for path in [
            *(self.folder / str(old) for old in self.numbers()[:-kept]),
            *self.folder.glob(".unfinished-*"),
        ]:
            shutil.rmtree(path, ignore_errors=True)
