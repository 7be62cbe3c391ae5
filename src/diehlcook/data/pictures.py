"""Pictures become grey levels: arrays of any kind, and picture files, turned to grey and resized by Pillow."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from ..errors import DiehlCookError
from ..model.arrays import without_unit
from .idx import holds

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
"""Formats of picture files that are opened: all are decoded by Pillow itself, none by another program."""

COLOURS = (3, 4)
"""Channels of colour pictures: red, green, blue, and maybe how opaque a pixel is."""

MOST_PIXELS = 1_000_000
"""Of an image that pictures are resized to, as many as a network may have inputs."""

GREY = ("1", "L", "LA", "I", "I;16", "I;16B", "I;16L", "F")
"""Pillow's modes of pictures without colour."""

Size = tuple[int, int]
"""Rows and columns."""


def check_size_asked_for(size: Any) -> Size:
    """Return rows and columns that images shall be resized to.

    Raises
    ------
    DiehlCookError
        Not two whole numbers of at least 1, or too many pixels.
    """
    whole = isinstance(size, tuple | list) and all(
        isinstance(n, int | np.integer) and not isinstance(n, bool) for n in size
    )
    if not whole or len(size) != 2 or min(size) < 1 or int(size[0]) * int(size[1]) > MOST_PIXELS:
        raise DiehlCookError(f"size is {size!r}; expected (rows, columns), such as size=(28, 28)")
    return int(size[0]), int(size[1])


def grey_levels(given: Any, where: str, size: Size | None = None) -> NDArray[np.uint8]:
    """Return images as grey levels.

    Parameters
    ----------
    given
        (n, rows, columns), (n, side * side), with one channel (n, rows, columns, 1) or (n, 1, rows, columns), or in
        colour (n, rows, columns, 3 or 4); integers from 0 to 255, floats from 0 to 1, or booleans. A transparent
        pixel shows white paper.
    where
        What a message calls them.
    size
        Rows and columns to resize to; by default images keep their size.

    Returns
    -------
    ndarray of uint8, shape (n, rows, columns)

    Raises
    ------
    DiehlCookError
        Another shape, type or range.
    """
    array = without_unit(where, given, "")
    if array.ndim == 2 and (side := round(array.shape[1] ** 0.5)) ** 2 == array.shape[1]:
        array = array.reshape(len(array), side, side)
    if array.ndim == 4 and array.shape[3] == 1:
        array = array[..., 0]
    elif array.ndim == 4 and array.shape[1] == 1 and array.shape[3] not in COLOURS:
        array = array[:, 0]
    coloured = array.ndim == 4 and array.shape[3] in COLOURS
    if (array.ndim != 3 and not coloured) or array.size == 0:
        first = array.ndim == 4 and array.shape[1] in COLOURS
        cure = "; numpy.moveaxis(images, 1, 3) puts the colours last" if first else ""
        raise DiehlCookError(
            f"{where}: shape {array.shape}; expected (n, rows, columns), (n, side*side), or colour "
            f"(n, rows, columns, 3 or 4){cure}"
        )
    levels = as_bytes(array, where)
    if coloured:
        levels = np.stack([np.asarray(grey(Image.fromarray(one))) for one in levels])
    if size is not None and levels.shape[1:] != size:
        levels = np.stack([np.asarray(resized(Image.fromarray(one), size)) for one in levels])
    return levels


def as_bytes(array: NDArray[Any], where: str) -> NDArray[np.uint8]:
    """Return integers 0 to 255, floats 0 to 1, or booleans as bytes 0 to 255."""
    if array.dtype.kind == "b":
        return 255 * array.astype(np.uint8)
    if array.dtype.kind not in "uif":
        raise DiehlCookError(
            f"{where}: type {array.dtype}; expected uint8, other integers 0..255, or floats 0..1"
        )
    top = 1 if array.dtype.kind == "f" else 255
    low, high = array.min(), array.max()
    if not (low >= 0 and high <= top):  # not `high > top`: that is false for NaN
        found = "NaN" if np.isnan(array).any() else f"values {low} to {high}"
        cure = "; divide by 255" if top == 1 and 1 < high <= 255 and low >= 0 else ""
        raise DiehlCookError(
            f"{where}: {found} as {array.dtype}; expected 0..{top} (integers are 0..255, floats 0..1){cure}"
        )
    if top == 1:
        array = np.rint(255 * array.astype(np.float64))
    return array.astype(np.uint8)


def grey(picture: Image.Image) -> Image.Image:
    """Return a picture in grey, as bytes; where it is transparent it shows white paper."""
    if picture.mode.startswith("I"):  # 16 or 32 bits, which Pillow would cut off at 255
        levels = np.asarray(picture).astype(np.int64)
        deep = picture.mode != "I" or levels.max(initial=0) > 255
        return Image.fromarray((levels.clip(0, 65535) // (257 if deep else 1)).astype(np.uint8))
    if picture.mode == "F":  # which Pillow would cut off likewise
        return Image.fromarray(as_bytes(np.asarray(picture), "its grey levels"))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert("L")


def resized(picture: Image.Image, size: Size) -> Image.Image:
    """Return a picture with so many rows and columns; smaller pixels are means of those they cover, so black stays black."""
    return picture.resize(size[::-1], Image.Resampling.BILINEAR)


def read_picture(path: Path) -> tuple[NDArray[np.uint8], str]:
    """Read a picture file.

    Parameters
    ----------
    path
        The file, in one of `FORMATS`.

    Returns
    -------
    picture : ndarray of uint8, shape (rows, columns)
        Grey levels, upright.
    was : str
        What it was, in words, such as "640 x 480 pixels, colour".

    Raises
    ------
    DiehlCookError
        No file, no picture, a damaged one, or one so large that it may be an attack.
    """
    if not holds(Path.is_file, path):
        if holds(Path.is_dir, path):
            raise DiehlCookError(f"{path}: a folder; name the pictures in it")
        raise DiehlCookError(f"{path}: {'not a file' if holds(Path.exists, path) else 'no such file'}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as picture:
                words = [f"{picture.width} x {picture.height} pixels"]
                if picture.mode not in GREY:
                    words.append("colour")
                if (frames := getattr(picture, "n_frames", 1)) > 1:
                    words.append(f"the first of {frames} frames")
                upright = ImageOps.exif_transpose(picture)
        return np.asarray(grey(upright)), ", ".join(words)
    except DiehlCookError as error:
        raise DiehlCookError(f"{path}: {error}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DiehlCookError(f"{path}: a picture of too many pixels; make it smaller first") from None
    except UnidentifiedImageError:
        raise DiehlCookError(
            f"{path}: no picture that can be read; expected {', '.join(FORMATS)}, .npy or .npz"
        ) from None
    except Exception as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
        raise DiehlCookError(f"{path}: cannot be read ({reason}); is it damaged?") from error
