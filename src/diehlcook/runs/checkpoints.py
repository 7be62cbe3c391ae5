"""Checkpoints of a training: all of its state, committed by one rename."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ..errors import DiehlCookError
from ..whole import sync_folder
from . import layout, schema
from .files import SCHEMA, digest, load_json, read_npy, save_array, save_json

log = logging.getLogger(__name__)

KEPT = 2
"""Checkpoints kept."""

Saved = tuple[dict[str, NDArray[Any]], dict[str, Any]]
"""Arrays and facts."""


class Checkpoints:
    """Numbered checkpoints of a training, each a directory that appears by one rename; the newest `KEPT` stay, of a finished one the last.

    Parameters
    ----------
    run
        Run directory; the checkpoints are in ``run/checkpoints``.
    identity
        Digest of what decides the training (`Run.identity`): a checkpoint of another one is none of ours.
    """

    def __init__(self, run: Path, identity: str) -> None:
        self.folder = run / "checkpoints"
        self.identity = identity

    def numbers(self) -> list[int]:
        """Return the numbers (images trained) of the checkpoints, oldest first."""
        if not self.folder.is_dir():
            return []
        return sorted(int(path.name) for path in self.folder.iterdir() if layout.NUMBER.fullmatch(path.name))

    def save(self, number: int, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> None:
        """Commit a checkpoint; older ones beyond `KEPT` are deleted after it is there.

        One of as many images that is there, and whole, is the same, and stays.
        """
        target = self.folder / str(number)
        if self.is_whole(number):
            return
        temporary = self.folder / f".unfinished-{secrets.token_hex(4)}"
        try:
            temporary.mkdir(parents=True)
            digests = {}
            for name, array in arrays.items():
                save_array(temporary / f"{name}.npy", array)
                digests[name] = digest(array)
            save_json(
                temporary / "checkpoint.json",
                {"schema": SCHEMA, "run": self.identity, **facts, "digests": digests},
            )
            if target.exists():  # damaged
                layout.delete(self.folder.parent, f"checkpoints/{number}/")
            temporary.rename(target)
            sync_folder(self.folder)
        except OSError as error:
            raise DiehlCookError(
                f"{target}: cannot write the checkpoint ({error.strerror or error}); the one before is "
                "unchanged"
            ) from None
        finally:
            layout.delete(self.folder.parent, "checkpoints/.unfinished-")
        self.prune(KEPT)

    def load(self, names: Iterable[str] | None = None) -> Saved | None:
        """Return arrays (all, or those of `names`) and facts of the newest checkpoint that is whole, or None if there is none.

        Raises
        ------
        DiehlCookError
            All are damaged.
        """
        wanted = None if names is None else list(names)
        damages = []
        for number in reversed(self.numbers()):
            try:
                found = self.load_one(number, wanted)
            except DiehlCookError as error:
                damages.append(str(error))
                continue
            for damage in damages:
                log.warning("%s; going on from the checkpoint before it, after %d images", damage, number)
            return found
        if damages:
            raise DiehlCookError(f"{damages[0]}, and there is no other; train again with --force")
        return None

    def load_one(self, number: int, names: Iterable[str] | None) -> Saved:
        """Return arrays and facts of one checkpoint.

        Raises
        ------
        DiehlCookError
            It is damaged, of another schema, or of another training.
        """
        folder = self.folder / str(number)
        path = folder / "checkpoint.json"
        facts = load_json(path)
        if facts.get("schema") != SCHEMA:
            raise DiehlCookError(f"{path}: schema is {facts.get('schema')!r}, this version reads {SCHEMA}")
        schema.check(facts, schema.CHECKPOINT, str(path))
        if facts["run"] != self.identity:
            raise DiehlCookError(f"{folder}: the checkpoint is of another training")
        arrays = {}
        for name in facts["digests"] if names is None else names:
            array = folder / f"{name}.npy"
            if name not in facts["digests"]:
                raise DiehlCookError(f"{path}: digests.{name} is missing")
            arrays[name] = read_npy(array)
            if digest(arrays[name]) != facts["digests"][name]:
                raise DiehlCookError(f"{array}: damaged")
        return arrays, facts

    def is_whole(self, number: int) -> bool:
        """Return whether there is a checkpoint of this training with this number, undamaged."""
        try:
            self.load_one(number, None)
        except DiehlCookError:
            return False
        return True

    def prune(self, kept: int) -> None:
        """Delete all checkpoints but the newest so many."""
        for old in self.numbers()[:-kept]:
            layout.delete(self.folder.parent, f"checkpoints/{old}/")
