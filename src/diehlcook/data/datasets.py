"""Images and labels: MNIST, the embedded digits, and your own data.

Every source becomes a `Dataset`: unsigned bytes from 0 (background) to 255 (ink), in file order, with one
class number per image, the names of the classes, and a digest of images and labels. Whatever a user can mend is
a `DiehlCookError` of one line.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DiehlCookError, advice
from ..model.arrays import check_text, is_whole, without_unit
from ..model.params import Params
from .classes import DIGITS, MOST_CLASSES, as_numbers, check_names, numbered, numbers
from .idx import SPLIT_FILES, expand, holds, idx_sha256, read_idx_pair
from .mnist import read_mnist
from .npz import read_npz
from .pictures import Size, check_size_asked_for, grey_levels

Pair = tuple[NDArray[np.uint8], NDArray[np.uint8]]
"""Images (n, rows, columns) and labels (n,)."""

ARRAYS = "arrays"
"""What data sets are called that were made of arrays."""

DIGITS_FILE = Path(__file__).with_name("digits.npz")

# scikit-learn keeps the original order: 14 filled-in forms of about 130 digits, from 13 people. Image 1287
# begins the eleventh form: testing is on forms, and but for at most one person on hands, that training has
# not seen. Mixed images would have the same handwriting on both sides.
DIGITS_FIRST_TEST_IMAGE = 1287

# Ink level (0..16 dots per block) shown black and shown white; see `_digits_as_mnist`.
DIGITS_BLACK, DIGITS_WHITE = 6, 12


@dataclass(frozen=True, eq=False, repr=False)
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
    classes : tuple of str
        Names of the classes, in the order of their numbers; by default those of the ten digits.
    """

    name: str
    split: str
    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    digest: str
    classes: tuple[str, ...] = DIGITS

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        rows, columns = self.images.shape[1:]
        return (
            f"<Dataset {self.name}, {self.split}: {len(self):,} images of {rows} x {columns}, "
            f"{self.n_classes} classes>"
        )

    @property
    def n_classes(self) -> int:
        """The number of classes."""
        return len(self.classes)

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
        if not is_whole(n) or not 1 <= n <= len(self):
            wrong = f"expected 1 to {len(self)}, the images in the {self.split} part of {self.name}"
            raise DiehlCookError(f"head({n}): {wrong}", f"--samples {n}: {wrong}")
        return _dataset(self.name, self.split, self.images[: int(n)], self.labels[: int(n)], self.classes)

    @classmethod
    def from_arrays(
        cls, images: Any, labels: Any, *, name: str = ARRAYS, split: str = "train", size: Size | None = None
    ) -> "Dataset":
        """Make a data set of arrays.

        Parameters
        ----------
        images : array_like
            (n, rows, columns), (n, side * side), or in colour (n, rows, columns, 3 or 4), which becomes grey;
            integers from 0 to 255 or floats from 0 to 1, where 0 is silent.
        labels : array_like, shape (n,)
            Whole numbers or texts. Numbers 0 to k - 1 with none left out are the class numbers; of all others
            (texts, or numbers such as 3 and 7) the classes are numbered in sorted order, and `classes` has
            what they were.
        name : str
            What it is called; later phases cannot find it again by that name.
        split : str
            ``"train"`` or ``"test"``.
        size : tuple of int, optional
            Rows and columns to resize the images to; by default they keep their size.

        Returns
        -------
        Dataset

        Raises
        ------
        DiehlCookError
            Arrays of another shape, type or range, or too many classes.
        """
        check_split(split)
        name = check_text("name", name)
        size = None if size is None else check_size_asked_for(size)
        pixels = grey_levels(images, "images", size)
        classes, names = numbered(without_unit("labels", labels, ""), "labels")
        if len(pixels) != len(classes):
            raise DiehlCookError(f"labels: {len(classes)}; expected {len(pixels)}, one for each image")
        return _dataset(name, split, pixels, classes, names)

    def only(self, *classes: str | int) -> "Dataset":
        """Return the images of some classes alone.

        Parameters
        ----------
        *classes : str or int
            Two or more names of `classes`; numbers stand for the names that are written like them.

        Returns
        -------
        Dataset
            Its classes are those that are named, numbered from 0 in the order in which they stand in
            `classes`. It has a digest of its own.

        Raises
        ------
        DiehlCookError
            A class that does not exist or has no images, one that is named twice, or fewer than two.
        """
        names = [str(one) for one in classes]
        present = set(np.unique(self.labels).tolist())

        def refusal(words: str) -> DiehlCookError:
            calls = f"only({', '.join(map(repr, classes))})", f"--classes {','.join(names)}"
            return DiehlCookError(*(f"{call}: {words}" for call in calls))

        for name in names:
            if name not in self.classes:
                known = shortened(self.classes)
                raise refusal(f"no class {name!r} in {self.name}; choose from {known}")
            if names.count(name) > 1:
                raise refusal(f"{name} is named twice; name it once")
            if self.classes.index(name) not in present:
                raise refusal(f"no image of class {name} in the {self.split} part of {self.name}")
        if len(names) < 2:
            raise refusal("a network tells classes apart; name two or more")
        return self.numbered_as([name for name in self.classes if name in names])

    def numbered_as(self, classes: Sequence[str]) -> "Dataset":
        """Return the images of the classes named, numbered as they stand here; images of other classes are left out.

        Parameters
        ----------
        classes : sequence of str
            Names of classes; there may be some that this data set has not.

        Returns
        -------
        Dataset
            With a digest of its own, unless images and labels are the same as before.

        Raises
        ------
        DiehlCookError
            No image is left.
        """
        if tuple(classes) == self.classes:
            return self
        place = {name: number for number, name in enumerate(classes)}
        number_of = np.array([place.get(name, -1) for name in self.classes])
        labels = number_of[self.labels]
        kept = labels >= 0
        if not kept.any():
            raise DiehlCookError(
                f"{self.name}: has no image of {shortened(classes)}; its classes are "
                f"{shortened(self.classes)}"
            )
        if kept.all() and np.array_equal(labels, self.labels):
            return replace(self, classes=tuple(classes))
        images = self.images if kept.all() else self.images[kept]
        return _dataset(self.name, self.split, images, labels[kept].astype(np.uint8), tuple(classes))


def shortened(names: Sequence[str]) -> str:
    """Return a list of names for a message, cut short."""
    shown = ", ".join(names[:10])
    return f"{shown} and {len(names) - 10} more" if len(names) > 10 else shown


def check_split(split: str) -> None:
    """Refuse what is the name of no part."""
    if split not in SPLIT_FILES:
        raise DiehlCookError(f"split {split!r}: expected 'train' or 'test'")


def load(
    name: str | Path,
    split: str,
    *,
    data: Path | str | None = None,
    download: bool = True,
    progress: bool = True,
) -> Dataset:
    """Read the training images or the test images of a data set.

    Parameters
    ----------
    name : str or path
        ``"mnist"``; ``"digits"``, the embedded one; a folder of IDX files named like those of MNIST
        (Fashion-MNIST is one); or an ``.npz`` file with the arrays ``images`` and ``labels``, which then
        serve as either part, or with ``train_images``, ``train_labels``, ``test_images`` and ``test_labels``.
        Labels there are class numbers from 0, which an array ``classes`` may name, or names.
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
    check_split(split)
    name = check_text("name", name)
    if name != "mnist" and data is not None:
        raise DiehlCookError(
            f"--data {data}: only --dataset mnist reads it; for own data use --dataset {data}"
        )
    if name in DATASETS:
        folder = None if data is None else Path(data)
        return _dataset(name, split, *DATASETS[name](split, folder, download, progress), DIGITS)
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
    expected = "expected mnist, digits, a folder of IDX files or an .npz file"
    hint = advice(name, DATASETS, expected)
    if name == ARRAYS:
        hint = "arrays that came from Python are kept nowhere: hand them over in Python again"
    raise DiehlCookError(f"--dataset {name}: not found; {hint}")


Given = Dataset | tuple[Any, Any]
"""What phases take for images and labels: a data set, or a pair of arrays."""


def for_network(
    given: Given, params: Params, *, split: str = "train", classes: Sequence[str] | None = None
) -> Dataset:
    """Return images and labels as a network takes them.

    Parameters
    ----------
    given
        A data set, or a pair (images, labels) of arrays; see `Dataset.from_arrays`.
    params
        Of the network.
    split
        Part that a pair is taken for.
    classes
        Names of the classes that the network tells apart; None: any.

    Returns
    -------
    Dataset
        The images with their labels; the classes are numbered as they stand in `classes`.

    Raises
    ------
    DiehlCookError
        No data set, images of another size than the network's input, or of classes that it does not know.
    """
    data = Dataset.from_arrays(*given, split=split) if isinstance(given, tuple) and len(given) == 2 else given
    if not isinstance(data, Dataset):
        raise DiehlCookError(
            f"data: expected a Dataset or (images, labels), found {type(data).__name__}; make one with "
            "Dataset.from_arrays(images, labels), or read one with datasets.load"
        )
    rows, columns = data.images.shape[1:]
    if rows * columns != params.n_input:
        wrong = (
            f"{data.name}: images have {rows * columns} pixels ({rows} x {columns}), the network has "
            f"{params.n_input} inputs (n_input); "
        )
        side = round(params.n_input**0.5)
        size = (side, side) if side * side == params.n_input else (1, params.n_input)
        raise DiehlCookError(
            f"{wrong}resize them, Dataset.from_arrays(images, labels, size={size}), or make a network for "
            f'them, params.with_values({{"n_input": {rows * columns}}})',
            f"{wrong}make a network for them, train --set n_input={rows * columns}, or resize them in Python "
            f"with size={size}",
        )
    if classes is None or tuple(classes) == data.classes:
        return data
    unknown = [data.classes[k] for k in np.unique(data.labels) if data.classes[k] not in classes]
    if unknown:
        known = [name for name in data.classes if name in classes]
        wrong = (
            f"{data.name}: has images of {shortened(unknown)}, but the classes of the run are "
            f"{shortened(classes)}"
        )
        if len(known) > 1:
            arguments = ", ".join(map(repr, known))
            raise DiehlCookError(
                f"{wrong}; leave them out with only({arguments})",
                f"{wrong}; leave them out with --classes {','.join(known)}",
            )
        raise DiehlCookError(f"{wrong}; train a network with them")
    return data.numbered_as(classes)


SMALLEST_WITH_BORDER = 5
"""Pixels of a side below which an image is all border."""


def bright_borders(images: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which images are bright along most of their border, as dark ink on bright paper is.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, rows, columns)
        Grey values.

    Returns
    -------
    ndarray of bool, shape (n,)
        Whether more than half of the outermost pixels lie above the middle between the image's smallest and
        largest value; False of images of less than 5 x 5 pixels.
    """
    if min(images.shape[1:]) < SMALLEST_WITH_BORDER:
        return np.zeros(len(images), np.bool_)
    pixels = images.reshape(len(images), -1)
    middle = (pixels.min(axis=1).astype(np.float32) + pixels.max(axis=1)) / 2
    bright: NDArray[np.bool_] = (_border(images) > middle[:, None]).mean(axis=1) > 0.5
    return bright


def _border(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    edges = (images[:, 0], images[:, -1], images[:, 1:-1, 0], images[:, 1:-1, -1])
    return np.concatenate(edges, axis=1)


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
        the outermost pixels, and ``bright_borders``, the share of images of which `bright_borders` is true.
    """
    pixels = images.reshape(len(images), -1)
    high = pixels.max(axis=1)
    values = {
        "mean": round(float(pixels.mean()), 3),
        "largest": int(high.max()),
        "brightest": float(np.median(high)),
    }
    if min(images.shape[1:]) >= SMALLEST_WITH_BORDER:
        values["background"] = float(np.median(np.median(_border(images), axis=1)))
        values["bright_borders"] = round(float(bright_borders(images).mean()), 4)
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


def _dataset(
    name: str,
    split: str,
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    classes: tuple[str, ...] | None = None,
) -> Dataset:
    largest = int(labels.max(initial=0))
    if largest >= MOST_CLASSES:
        raise DiehlCookError(f"{name}: largest label is {largest}; expected classes 0 to {MOST_CLASSES - 1}")
    images, labels = np.ascontiguousarray(images), np.ascontiguousarray(labels)
    # The digest vouches for the content, so the content must not change under it.
    images.flags.writeable = labels.flags.writeable = False
    return Dataset(name, split, images, labels, idx_sha256(images, labels), classes or numbers(largest + 1))


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
    found = read_npz(path, lambda present: _npz_keys(path, split, present))
    (images_key, given), (labels_key, of_file) = list(found.items())[:2]
    images, where = grey_levels(given, f"{path}: {images_key}"), f"{path}: {labels_key}"
    names = check_names(found[CLASSES], f"{path}: {CLASSES}") if CLASSES in found else None
    if names is None and of_file.dtype.kind == "U":
        labels, names = numbered(of_file, where)
    else:  # as they are, whichever of them occur
        labels = as_numbers(of_file, where)
    if names is not None and labels.max() >= len(names):
        raise DiehlCookError(f"{where}: largest is {labels.max()}; {CLASSES} has {len(names)} names")
    if len(images) != len(labels):
        raise DiehlCookError(
            f"{path}: {len(labels)} {labels_key}; expected {len(images)}, one for each of {images_key}"
        )
    return _dataset(name, split, images, labels, names)


CLASSES = "classes"
"""Array of names in an .npz file."""


def _npz_keys(path: Path, split: str, present: set[str]) -> tuple[str, ...]:
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
    return (*keys, CLASSES) if CLASSES in present else keys
