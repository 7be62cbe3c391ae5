"""Arrays of an .npz file, whoever made it: plain ones only, and no more than memory should be asked for."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DiehlCookError
from . import idx


def read_npz(path: Path, choose: Callable[[set[str]], Sequence[str]]) -> dict[str, NDArray[Any]]:
    """Read some arrays of an .npz file.

    Parameters
    ----------
    path
        The file.
    choose
        Given the names of the arrays that are there, returns those to read; may raise `DiehlCookError`.

    Raises
    ------
    DiehlCookError
        It cannot be read, is no .npz file, is damaged or holds Python objects, or unpacks to too much.
    """
    try:
        with path.open("rb") as file:
            if not zipfile.is_zipfile(file):
                raise ValueError("not a zip archive, or cut short")
            file.seek(0)
            with zipfile.ZipFile(file) as packed:
                size = sum(member.file_size for member in packed.infolist())
            if size > idx.MOST_BYTES:
                raise ValueError(f"unpacks to {size:,} bytes, more than {idx.MOST_BYTES:,}")
            file.seek(0)
            with np.load(file, allow_pickle=False) as archive:
                return {name: archive[name] for name in choose(set(archive.files))}
    except DiehlCookError:
        raise
    except Exception as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
        if "allow_pickle" in reason:
            reason = "it holds Python objects; of texts make an array of texts, labels.astype(str)"
        raise DiehlCookError(
            f"{path}: cannot be read ({reason}); expected an .npz of plain arrays, as numpy.savez writes it"
        ) from error
