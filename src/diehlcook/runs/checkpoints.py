"""Checkpoints of a training: all of its state, committed by one rename."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DiehlCookError
from .files import SCHEMA, digest, load_json, save_array, save_json

KEPT = 2
"""Checkpoints kept."""


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
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=self.folder) as temporary:
                digests = {}
                for name, array in arrays.items():
                    save_array(Path(temporary, f"{name}.npy"), array)
                    digests[name] = digest(array)
                content = {"schema": SCHEMA, **facts, "digests": digests}
                save_json(Path(temporary, "checkpoint.json"), content)
                Path(temporary).rename(target)
        except OSError as error:
            raise DiehlCookError(
                f"{target}: cannot write the checkpoint ({error.strerror or error}); the one before is "
                "unchanged"
            ) from None
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
