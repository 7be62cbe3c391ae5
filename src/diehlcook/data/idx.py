"""IDX files, the format of MNIST: found in a folder, unpacked, read and refused."""

import gzip
import hashlib
import io
import math
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import DiehlCookError

MOST_BYTES = 2**30
"""Of an unpacked file: more than a million images of MNIST's size."""

SPLIT_FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


def expand(path: Path) -> Path:
    """Replace a leading ``~``."""
    try:
        return path.expanduser()
    except RuntimeError:  # ~somebody who does not exist, or no home: then there is no such path either
        return path


def holds(question: Callable[[Path], bool], path: Path) -> bool:
    """Ask `Path.is_file`, `Path.is_dir` or `Path.exists`, which do not always answer."""
    try:
        return question(path)
    except OSError as error:
        raise DiehlCookError(
            f"{path}: cannot be reached ({error.strerror}); check its name and permissions"
        ) from error


def _spellings(stem: str) -> tuple[str, ...]:
    dotted = stem.replace("-idx", ".idx")
    return stem, f"{stem}.gz", dotted, f"{dotted}.gz"


def find_idx(folder: Path, stem: str) -> Path | None:
    """Find a file by its name in MNIST; None if it is under no spelling there."""
    return next((folder / name for name in _spellings(stem) if holds(Path.is_file, folder / name)), None)


def read_content(path: Path) -> bytes:
    """Read a file and unpack it."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DiehlCookError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    return gunzip(content, str(path))


def gunzip(content: bytes, source: str) -> bytes:
    """Unpack what is packed: by content, as some browsers unpack a download and keep ".gz"."""
    if not is_gzip(content):
        return content
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
            unpacked = packed.read(MOST_BYTES + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DiehlCookError(f"{source}: damaged gzip file ({error}); fetch it again") from error
    if len(unpacked) > MOST_BYTES:
        raise DiehlCookError(
            f"{source}: unpacks to more than {MOST_BYTES:,} bytes; expected images or labels"
        )
    return unpacked


def is_gzip(content: bytes) -> bool:
    """Tell whether a content is packed; IDX never begins like that."""
    return content.startswith(b"\x1f\x8b")


def idx_sha256(*arrays: NDArray[np.uint8]) -> str:
    """Return SHA-256, in hex, of what contiguous arrays are as IDX files, one after another."""
    digest = hashlib.sha256()
    for array in arrays:
        # The IDX header is hashed too: 28x28 and 784x1 are different inputs with the same bytes.
        digest.update(struct.pack(f">{1 + array.ndim}I", 0x0800 + array.ndim, *array.shape))
        digest.update(array.data)
    return digest.hexdigest()


def _parse_idx(raw: bytes, path: Path, ndim: int) -> NDArray[np.uint8]:
    kind = "images" if ndim == 3 else "labels"
    header = 4 * (1 + ndim)
    if len(raw) < header:
        raise DiehlCookError(
            f"{path}: {len(raw)} bytes; expected an IDX file of {kind}, whose header alone has {header}; "
            "fetch it again"
        )
    magic, *shape = struct.unpack(f">{1 + ndim}I", raw[:header])
    if magic != 0x0800 + ndim:
        raise DiehlCookError(
            f"{path}: magic number 0x{magic:08x}; expected 0x{0x0800 + ndim:08x}, an IDX file of {kind} "
            f"(unsigned bytes, {ndim} dimension{'s' if ndim > 1 else ''}); another file under this name?"
        )
    if 0 in shape:
        raise DiehlCookError(f"{path}: dimensions {shape} in its header; expected at least one of each")
    size, expected = len(raw) - header, math.prod(shape)
    if size != expected:
        fault = "truncated" if size < expected else "trailing bytes"
        raise DiehlCookError(
            f"{path}: {fault}: {size} bytes of {kind}; its header {shape} tells of {expected}; fetch it again"
        )
    return np.frombuffer(raw, np.uint8, offset=header).reshape(shape)


def read_idx_pair(folder: Path, split: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read images and labels."""
    arrays, paths = [], []
    for stem, ndim in zip(SPLIT_FILES[split], (3, 1), strict=True):
        path = find_idx(folder, stem)
        if path is None:
            raise DiehlCookError(
                f"{folder}: no file {stem}; expected it there as one of {', '.join(_spellings(stem))}"
            )
        arrays.append(_parse_idx(read_content(path), path, ndim))
        paths.append(path)
    images, labels = arrays
    if len(images) != len(labels):
        raise DiehlCookError(
            f"{paths[1]}: {len(labels)} labels; expected {len(images)}, one for each image of {paths[0].name}"
        )
    return images, labels
