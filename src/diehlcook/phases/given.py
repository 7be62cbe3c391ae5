"""What predict is given to classify: arrays of any shape, pictures and files of arrays become grey levels with names."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..data.npz import read_npz
from ..data.pictures import COLOURS, Size, check_size_asked_for, grey_levels, read_picture
from ..errors import DiehlCookError
from ..model.arrays import without_unit
from ..runs.files import read_npy

log = logging.getLogger(__name__)


class Named(NamedTuple):
    """Images, and what each is called."""

    names: list[str]
    images: NDArray[np.uint8]
    """Grey levels (n, rows, columns)."""


def read_given(given: Any, shape: Size, size: Size | None) -> Named:
    """Return images as a network takes them.

    Parameters
    ----------
    given
        See `predict.predict`.
    shape
        Rows and columns of the network's input.
    size
        Rows and columns to resize to; None: images have to be of `shape`.

    Raises
    ------
    DiehlCookError
        Something else was given, or images of another size than the network's input.
    """
    size = None if size is None else check_size_asked_for(size)
    paths = [given] if isinstance(given, str | Path) else given
    if not (isinstance(paths, list | tuple) and paths and all(isinstance(one, str | Path) for one in paths)):
        images = of_size("images", several("images", given, shape, size), shape, size)
        return Named([f"image {k}" for k in range(len(images))], images)
    read = [read_file(Path(one).expanduser(), shape, size) for one in paths]
    for _, said in read:  # once all of them are known to be good
        if said:
            log.info("%s", said)
    names = [name for named, _ in read for name in named.names]
    return Named(names, np.concatenate([named.images for named, _ in read]))


def read_file(path: Path, shape: Size, size: Size | None) -> tuple[Named, str]:
    """Return the images of a file, and what was done to them, in words."""
    suffix, where, was = path.suffix.lower(), str(path), ""
    if suffix in (".npy", ".npz"):
        array = read_npy(path) if suffix == ".npy" else read_npz(path, images_in(path))["images"]
        found = several(where, array, shape, size)
    else:
        picture, was = read_picture(path)
        found = picture[np.newaxis]
    images = of_size(where, found, shape, size)
    names = [path.name] if was else [f"{path.name}[{k}]" for k in range(len(images))]
    was = was or f"{found.shape[2]} x {found.shape[1]} pixels{', colour' if found.ndim == 4 else ''}"
    done = ["turned to grey"] * ("colour" in was)
    if found.shape[1:3] != images.shape[1:]:
        done.append(f"resized to {images.shape[2]} x {images.shape[1]}")
    words = f"{path.name}: {was}{'; ' if done else ''}{' and '.join(done)}"
    return Named(names, images), words if done or "frames" in was else ""


def images_in(path: Path) -> Any:
    """Return what chooses the array ``images`` of an .npz file."""

    def choose(present: set[str]) -> list[str]:
        if "images" not in present:
            found = ", ".join(sorted(present)) or "nothing"
            raise DiehlCookError(f"{path}: no array images, found {found}")
        return ["images"]

    return choose


def several(where: str, given: Any, shape: Size, size: Size | None) -> NDArray[Any]:
    """Return one image or several as several: (n, rows, columns), or with colours behind that."""
    array = without_unit(where, given, "")
    n_input, to_resize = math.prod(shape), size is not None
    if array.ndim == 2 and array.shape[1] == n_input and array.shape != shape:  # flat ones
        return array.reshape(len(array), *shape)
    if array.ndim == 1 and array.size == n_input:
        return array.reshape(1, *shape)
    one_grey = array.ndim == 2 and (to_resize or array.size == n_input)
    one_coloured = array.ndim == 3 and array.shape[2] in COLOURS and math.prod(array.shape[1:]) != n_input
    return array[np.newaxis] if one_grey or one_coloured else array


def of_size(where: str, images: NDArray[Any], shape: Size, size: Size | None) -> NDArray[np.uint8]:
    """Return images (n, rows, columns) in grey, of the size of the network's input."""
    levels = grey_levels(images, where, size)
    rows, columns = levels.shape[1:]
    if rows * columns != math.prod(shape):
        raise DiehlCookError(
            f"{where}: images have {rows * columns} pixels ({rows} x {columns}), the network has "
            f"{math.prod(shape)} inputs (n_input); resize them with size={shape}"
        )
    return levels
