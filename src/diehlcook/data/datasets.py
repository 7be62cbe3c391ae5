"""Images and labels: MNIST, the embedded digits, and your own data.

Every source becomes a `Dataset`: unsigned bytes from 0 (background) to 255 (ink), in file order, with one
class number per image and a digest of both. Whatever a user can mend is a `DiehlCookError` of one line.
"""

import difflib
import hashlib
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DiehlCookError
from ..model.params import Params
from .idx import MOST_BYTES, SPLIT_FILES, expand, holds, idx_sha256, read_idx_pair
from .mnist import read_mnist

Pair = tuple[NDArray[np.uint8], NDArray[np.uint8]]
"""Images (n, rows, columns) and labels (n,)."""

DIGITS_FILE = Path(__file__).with_name("digits.npz")

# scikit-learn keeps the original order: 14 filled-in forms of about 130 digits, from 13 people. Image 1287
# begins the eleventh form: testing is on forms, and but for at most one person on hands, that training has
# not seen. Mixed images would have the same handwriting on both sides.
DIGITS_FIRST_TEST_IMAGE = 1287

# Ink level (0..16 dots per block) shown black and shown white; see `_digits_as_mnist`.
DIGITS_BLACK, DIGITS_WHITE = 6, 12


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images with their labels, in the order of their file. The arrays are read-only.

    `load` reads a data set, and `from_arrays` makes one of your own arrays; do not call the class itself. The
    length of a data set is the number of its images.

    Parameters
    ----------
    name : str
        ``"mnist"``, ``"digits"``, or the path that was given.
    split : str
        ``"train"`` or ``"test"``.
    images : ndarray of uint8, shape (n, rows, columns)
        Grey values, 0 (background) to 255 (ink).
    labels : ndarray of uint8, shape (n,)
        Class numbers.
    digest : str
        SHA-256, in hex, of the images and then the labels, both as IDX files: for the whole of MNIST that of
        ``cat train-images-idx3-ubyte train-labels-idx1-ubyte``.
    """

    name: str
    split: str
    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    digest: str

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def n_classes(self) -> int:
        """The number of classes: 10, or one more than the largest label if that is larger."""
        return max(10, int(self.labels.max()) + 1)

    def marks(self) -> NDArray[np.uint64]:
        """Return a 64-bit hash of each image (n,); equal images have equal hashes."""
        hashes = (hashlib.blake2b(image.tobytes(), digest_size=8).digest() for image in self.images)
        return np.array([int.from_bytes(one, "little") for one in hashes], np.uint64)

    def head(self, n: int) -> "Dataset":
        """Return a data set of the first images.

        Parameters
        ----------
        n : int
            How many images, from 1 to all.

        Returns
        -------
        Dataset
            The first `n` images with their labels, and with a digest of their own.

        Raises
        ------
        DiehlCookError
            If there are fewer than `n` images.
        """
        if not 1 <= n <= len(self):
            raise DiehlCookError(
                f"--samples {n}: expected 1 to {len(self)}, the images in the {self.split} part of "
                f"{self.name}"
            )
        return _dataset(self.name, self.split, self.images[:n], self.labels[:n])


def load(
    name: str, split: str, *, data: Path | str | None = None, download: bool = True, progress: bool = True
) -> Dataset:
    """Read the training images or the test images of a data set.

    Parameters
    ----------
    name : str
        ``"mnist"``; ``"digits"``, the embedded one; a folder of IDX files named like those of MNIST
        (Fashion-MNIST is one); or an ``.npz`` file with the arrays ``images`` and ``labels``, which then
        serve as either part, or with ``train_images``, ``train_labels``, ``test_images`` and ``test_labels``.
        A folder that is itself called ``mnist`` is ``./mnist``.
    split : str
        ``"train"`` or ``"test"``.
    data : path, optional
        Folder of the MNIST files, instead of ``$DIEHLCOOK_MNIST`` or the user cache.
    download : bool
        Fetch MNIST into the user cache when it is nowhere.
    progress : bool
        Report a download on stderr.

    Returns
    -------
    Dataset
        The images of this part, with their labels.

    Raises
    ------
    DiehlCookError
        If there is no such data, or if it is incomplete, unreadable, damaged or of another kind.
    """
    if split not in SPLIT_FILES:
        raise DiehlCookError(f"split {split!r}: expected 'train' or 'test'")
    if name != "mnist" and data is not None:
        raise DiehlCookError(
            f"--data {data}: only --dataset mnist reads it; for own data use --dataset {data}"
        )
    if name in DATASETS:
        folder = None if data is None else Path(data)
        return _dataset(name, split, *DATASETS[name](split, folder, download, progress))
    path = expand(Path(name))
    if holds(Path.is_dir, path):
        return _dataset(name, split, *read_idx_pair(path, split))
    exists = holds(Path.exists, path)
    if exists and not holds(Path.is_file, path):
        raise DiehlCookError(
            f"--dataset {name}: not a file; expected mnist, digits, a folder of IDX files or .npz"
        )
    if exists and path.suffix == ".npz":
        return _load_npz(path, name, split)
    if exists:
        raise DiehlCookError(
            f"--dataset {name}: a file, but not .npz; expected mnist, digits, a folder of IDX files or .npz"
        )
    near = difflib.get_close_matches(name, DATASETS, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise DiehlCookError(
        f"--dataset {name}: not found; expected mnist, digits, a folder of IDX files or an .npz file{hint}"
    )


def from_arrays(images: Any, labels: Any, *, name: str = "arrays", split: str = "train") -> Dataset:
    """Make a data set of your own arrays.

    Parameters
    ----------
    images : array_like, shape (n, rows, columns) or (n, side * side)
        Integers from 0 to 255, or floats from 0 to 1.
    labels : array_like of integers, shape (n,)
        Class numbers from 0 on.
    name : str
        What the data set is called in run.json and in messages. Later phases cannot find it again by that
        name.
    split : str
        ``"train"`` or ``"test"``.

    Returns
    -------
    Dataset
        The images with their labels.

    Raises
    ------
    DiehlCookError
        If an array has another shape, type or range.
    """
    if split not in SPLIT_FILES:
        raise DiehlCookError(f"split {split!r}: expected 'train' or 'test'")
    pixels, classes = _as_pixels(np.asarray(images), "images"), _as_labels(np.asarray(labels), "labels")
    if len(pixels) != len(classes):
        raise DiehlCookError(f"labels: {len(classes)}; expected {len(pixels)}, one for each image")
    return _dataset(name, split, pixels, classes)


def check_size(data: Dataset, params: Params) -> None:
    """Refuse what is no data set, and images of another size than the network's input."""
    if not isinstance(data, Dataset):
        raise DiehlCookError(
            f"data: expected a Dataset, found {type(data).__name__}; make one with "
            "datasets.from_arrays(images, labels), or read one with datasets.load"
        )
    pixels = data.images[0].size
    if pixels != params.n_input:
        raise DiehlCookError(
            f"{data.name}: images have {pixels} pixels, the network has {params.n_input} inputs (n_input)"
        )


SMALLEST_WITH_BORDER = 5
"""Pixels of a side below which an image is all border."""


def grey_values(images: NDArray[np.uint8]) -> dict[str, float]:
    """Return what is to be known of the grey values of images before a network sees them.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, rows, columns)
        Grey values.

    Returns
    -------
    dict
        ``mean`` and ``largest`` of all; ``brightest``, the median over images of the largest value of an
        image. Of images of at least 5 x 5 pixels also ``background``, the median over images of the median of
        the outermost pixels, and ``bright_borders``, the share of images of which more than half of these lie
        above the middle between the image's smallest and largest value.
    """
    pixels = images.reshape(len(images), -1)
    low, high = pixels.min(axis=1), pixels.max(axis=1)
    values = {
        "mean": round(float(pixels.mean()), 3),
        "largest": int(high.max()),
        "brightest": float(np.median(high)),
    }
    if min(images.shape[1:]) >= SMALLEST_WITH_BORDER:
        edges = (images[:, 0], images[:, -1], images[:, 1:-1, 0], images[:, 1:-1, -1])
        border = np.concatenate(edges, axis=1)
        middle = (low.astype(np.float32) + high) / 2
        bright = (border > middle[:, None]).mean(axis=1) > 0.5
        values["background"] = float(np.median(np.median(border, axis=1)))
        values["bright_borders"] = round(float(bright.mean()), 4)
    return values


def expected_input_spikes(images: NDArray[np.uint8], params: Params | None = None) -> NDArray[np.float64]:
    """Return the mean number of input spikes in one presentation of each image.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, rows, columns)
        Grey values.
    params : Params
        Rates and durations; by default those of the paper, 63.75 Hz for 255 and 350 ms (section 2.5).

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    grey = images.reshape(len(images), -1).sum(axis=1, dtype=np.int64)
    p = params or Params()
    spikes: NDArray[np.float64] = grey * (p.pixel_rate * p.intensity_init * p.t_stimulus)
    return spikes


def _dataset(name: str, split: str, images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> Dataset:
    if labels.max(initial=0) > 126:
        raise DiehlCookError(f"{name}: largest label is {labels.max()}; expected classes 0 to 126")
    images, labels = np.ascontiguousarray(images), np.ascontiguousarray(labels)
    # The digest vouches for the content, so the content must not change under it.
    images.flags.writeable = labels.flags.writeable = False
    return Dataset(name, split, images, labels, idx_sha256(images, labels))


def _digits(split: str, _folder: Path | None, _download: bool, _progress: bool) -> Pair:
    part = slice(None, DIGITS_FIRST_TEST_IMAGE) if split == "train" else slice(DIGITS_FIRST_TEST_IMAGE, None)
    with np.load(DIGITS_FILE) as archive:
        return _digits_as_mnist(archive["images"][part]), archive["labels"][part]


DATASETS: dict[str, Callable[[str, Path | None, bool, bool], Pair]] = {"mnist": read_mnist, "digits": _digits}
"""Data sets that go by a name: what gives images and labels of a part, from the folder of its files if it has any."""


def _digits_as_mnist(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Show 8x8 counts of ink (0..16) in the manner of MNIST: (n, 28, 28), 0..255.

    Every block becomes 2.5 pixels by linear interpolation, so that a digit takes the middle 20x20 pixels as
    in MNIST. Interpolation alone gives wide grey strokes (39 % of the pixels not black; MNIST: 19 %), so grey
    rises from black at 6 to white at 12 dots of ink: 19 % not black, 13 % above half, 7 % white, as in MNIST,
    and 2251 expected input spikes in the mean (MNIST: 2286). Integers only: the same bytes on every machine.
    """
    pixel, block = np.arange(28)[:, None], np.arange(8)[None, :]
    # Centres, in tenths of a block: pixel p lies at 4p - 19, block b at 10b; the hat is one block wide.
    interpolation = np.maximum(0, 10 - np.abs(4 * pixel - 19 - 10 * block))
    level = interpolation @ ink.astype(np.int64) @ interpolation.T
    black, white = 100 * DIGITS_BLACK, 100 * DIGITS_WHITE
    span = white - black
    grey = (255 * (np.clip(level, black, white) - black) + span // 2) // span
    return np.asarray(grey, dtype=np.uint8)


def _load_npz(path: Path, name: str, split: str) -> Dataset:
    try:
        with path.open("rb") as file:
            if not zipfile.is_zipfile(file):
                raise ValueError("not a zip archive, or cut short")
            file.seek(0)
            with zipfile.ZipFile(file) as packed:
                size = sum(member.file_size for member in packed.infolist())
            if size > MOST_BYTES:
                raise ValueError(f"unpacks to {size:,} bytes, more than {MOST_BYTES:,}")
            file.seek(0)
            with np.load(file, allow_pickle=False) as archive:
                keys = _npz_keys(path, split, set(archive.files))
                found = [archive[key] for key in keys]
    except DiehlCookError:
        raise
    except Exception as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
        raise DiehlCookError(
            f"{path}: cannot be read ({reason}); expected an .npz of plain arrays, as numpy.savez writes it"
        ) from error
    images = _as_pixels(found[0], f"{path}: {keys[0]}")
    labels = _as_labels(found[1], f"{path}: {keys[1]}")
    if len(images) != len(labels):
        raise DiehlCookError(
            f"{path}: {len(labels)} {keys[1]}; expected {len(images)}, one for each of {keys[0]}"
        )
    return _dataset(name, split, images, labels)


def _npz_keys(path: Path, split: str, present: set[str]) -> tuple[str, str]:
    split_keys = {f"{part}_{kind}" for part in SPLIT_FILES for kind in ("images", "labels")}
    # A file that has parts is never used whole: that would test on the training images.
    keys = (f"{split}_images", f"{split}_labels") if present & split_keys else ("images", "labels")
    missing = [key for key in keys if key not in present]
    if missing:
        found = ", ".join(sorted(present)) or "nothing"
        raise DiehlCookError(
            f"{path}: no array {' or '.join(missing)}, found {found}; expected images and labels, "
            "or train_images, train_labels, test_images and test_labels"
        )
    return keys


def _as_pixels(array: NDArray[Any], where: str) -> NDArray[np.uint8]:
    if array.ndim == 2 and (side := round(array.shape[1] ** 0.5)) ** 2 == array.shape[1]:
        array = array.reshape(len(array), side, side)
    if array.ndim != 3 or array.size == 0:
        raise DiehlCookError(f"{where}: shape {array.shape}; expected (n, rows, columns), or (n, side*side)")
    if array.dtype.kind not in "uif":
        raise DiehlCookError(
            f"{where}: type {array.dtype}; expected uint8, other integers 0..255, or floats 0..1"
        )
    top = 1 if array.dtype.kind == "f" else 255
    # Not `max > top`: that is false for NaN.
    if not (array.min() >= 0 and array.max() <= top):
        found = "NaN" if np.isnan(array).any() else f"values {array.min()} to {array.max()}"
        raise DiehlCookError(
            f"{where}: {found} as {array.dtype}; expected 0..{top} (integers are 0..255, floats 0..1)"
        )
    if top == 1:
        array = np.rint(255 * array.astype(np.float64))
    return array.astype(np.uint8)


def _as_labels(array: NDArray[Any], where: str) -> NDArray[np.uint8]:
    if array.ndim != 1 or array.size == 0:
        raise DiehlCookError(f"{where}: shape {array.shape}; expected (n,), one class number per image")
    if array.dtype.kind not in "ui":
        raise DiehlCookError(f"{where}: type {array.dtype}; expected integers, class numbers from 0")
    if array.min() < 0 or array.max() > 255:
        raise DiehlCookError(f"{where}: values {array.min()} to {array.max()}; expected class numbers 0..255")
    return array.astype(np.uint8)
