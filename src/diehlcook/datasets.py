"""Images and labels: MNIST (found, fetched, verified, read), the embedded digits, and your own data.

Every source becomes a `Dataset`: unsigned bytes from 0 (background) to 255 (ink), in file order, with one
class number per image and a digest of both. Whatever a user can mend is a `DiehlCookError` of one line.
"""

import difflib
import gzip
import hashlib
import http.client
import math
import os
import struct
import sys
import time
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import DiehlCookError

__all__ = [
    "Dataset",
    "FileCheck",
    "expected_input_spikes",
    "fetch_mnist",
    "find_mnist",
    "load",
    "user_cache",
    "verify_mnist",
]

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)

# Of the *uncompressed* files: people keep them raw or gzipped, and gzip headers differ.
MNIST_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}

SPLIT_FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}

DIGITS_FILE = Path(__file__).with_name("digits.npz")

# scikit-learn keeps the original order: 14 filled-in forms of about 130 digits, from 13 people. Image 1287
# begins the eleventh form: testing is on forms, and but for at most one person on hands, that training has
# not seen. Mixed images would have the same handwriting on both sides.
DIGITS_FIRST_TEST_IMAGE = 1287

# Ink level (0..16 dots per block) shown black and shown white; see `_digits_as_mnist`.
DIGITS_BLACK, DIGITS_WHITE = 6, 12


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images with their labels, in file order; the arrays are read-only.

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
        """Number of classes: 10, or one more than the largest label if that is larger."""
        return max(10, int(self.labels.max()) + 1)

    def head(self, n: int, option: str = "--samples") -> "Dataset":
        """Return the first images.

        Parameters
        ----------
        n : int
            How many, from 1 to all.
        option : str
            What the user gave the number with, for the message.

        Returns
        -------
        Dataset
            With a digest of its own.

        Raises
        ------
        DiehlCookError
            If there are not that many.
        """
        if not 1 <= n <= len(self):
            raise DiehlCookError(
                f"{option} {n}: expected 1 to {len(self)}, the images in the {self.split} part of {self.name}"
            )
        return _dataset(self.name, self.split, self.images[:n], self.labels[:n])


def load(
    name: str, split: str, *, data: Path | None = None, download: bool = True, progress: bool = True
) -> Dataset:
    """Read one part of a data set.

    Parameters
    ----------
    name : str
        ``"mnist"``; ``"digits"``, the embedded one; a folder of IDX files named like those of MNIST
        (Fashion-MNIST is one); or an ``.npz`` file with the arrays ``images`` and ``labels``, which then
        serve as either part, or with ``train_images``, ``train_labels``, ``test_images`` and ``test_labels``. A
        folder that is itself called ``mnist`` is ``./mnist``.
    split : str
        ``"train"`` or ``"test"``.
    data : Path, optional
        Folder of the MNIST files, instead of ``$DIEHLCOOK_MNIST`` or the user cache.
    download : bool
        Fetch MNIST into the user cache when it is nowhere.
    progress : bool
        Report a download on stderr.

    Returns
    -------
    Dataset

    Raises
    ------
    DiehlCookError
        If there is no such data, or it is incomplete, unreadable, damaged or of another kind.
    """
    if split not in SPLIT_FILES:
        raise DiehlCookError(f"split {split!r}: expected 'train' or 'test'")
    if name != "mnist" and data is not None:
        raise DiehlCookError(
            f"--data {data}: only --dataset mnist reads it; for own data use --dataset {data}"
        )
    if name == "mnist":
        return _load_mnist(split, data, download=download, progress=progress)
    if name == "digits":
        return _load_digits(split)
    path = _expand(Path(name))
    if _is(Path.is_dir, path):
        return _dataset(name, split, *_read_idx_pair(path, split))
    exists = _is(Path.exists, path)
    if exists and path.suffix == ".npz":
        return _load_npz(path, name, split)
    if exists:
        raise DiehlCookError(
            f"--dataset {name}: a file, but not .npz; expected mnist, digits, a folder of IDX files or .npz"
        )
    near = difflib.get_close_matches(name, ["mnist", "digits"], n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise DiehlCookError(
        f"--dataset {name}: not found; expected mnist, digits, a folder of IDX files or an .npz file{hint}"
    )


def expected_input_spikes(
    images: NDArray[np.uint8], *, hz_per_grey: float = 0.25, seconds: float = 0.35
) -> NDArray[np.float64]:
    """Return the mean number of input spikes in one presentation of each image.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, rows, columns)
        Grey values.
    hz_per_grey : float
        Firing rate per grey value, in hertz; by default 63.75 Hz for 255 (Diehl & Cook 2015, section 2.5).
    seconds : float
        Duration of a presentation.

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    grey = images.reshape(len(images), -1).sum(axis=1, dtype=np.int64)
    spikes: NDArray[np.float64] = grey * (hz_per_grey * seconds)
    return spikes


def _dataset(name: str, split: str, images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> Dataset:
    images, labels = np.ascontiguousarray(images), np.ascontiguousarray(labels)
    # The digest vouches for the content, so the content must not change under it.
    images.flags.writeable = labels.flags.writeable = False
    digest = hashlib.sha256()
    for array in (images, labels):
        # The IDX header is hashed too: 28x28 and 784x1 are different inputs with the same bytes.
        digest.update(struct.pack(f">{1 + array.ndim}I", 0x0800 + array.ndim, *array.shape))
        digest.update(array.data)
    return Dataset(name, split, images, labels, digest.hexdigest())


def _expand(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:  # ~somebody who does not exist, or no home: then there is no such path either
        return path


def _is(question: Callable[[Path], bool], path: Path) -> bool:
    try:
        return question(path)
    except OSError as error:
        raise DiehlCookError(
            f"{path}: cannot be reached ({error.strerror}); check its name and permissions"
        ) from error


def _spellings(stem: str) -> tuple[str, ...]:
    dotted = stem.replace("-idx", ".idx")
    return stem, f"{stem}.gz", dotted, f"{dotted}.gz"


def _find_idx(folder: Path, stem: str) -> Path | None:
    return next((folder / name for name in _spellings(stem) if _is(Path.is_file, folder / name)), None)


def _read_content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DiehlCookError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    return _gunzip(content, str(path))


def _gunzip(content: bytes, source: str) -> bytes:
    # By content, not by name: some browsers unpack a download and keep ".gz". IDX never begins like gzip.
    if not content.startswith(b"\x1f\x8b"):
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DiehlCookError(f"{source}: damaged gzip file ({error}); fetch it again") from error


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


def _read_idx_pair(
    folder: Path, split: str, sha256: dict[str, str] | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    arrays, paths = [], []
    for stem, ndim in zip(SPLIT_FILES[split], (3, 1), strict=True):
        path = _find_idx(folder, stem)
        if path is None:
            raise DiehlCookError(f"{folder}: no file {stem}; expected it there as one of {_listed(stem)}")
        raw = _read_content(path)
        arrays.append(_parse_idx(raw, path, ndim))
        paths.append(path)
        if sha256 is not None:
            _require_sha256(raw, path, sha256[stem])
    images, labels = arrays
    if len(images) != len(labels):
        raise DiehlCookError(
            f"{paths[1]}: {len(labels)} labels; expected {len(images)}, one for each image of {paths[0].name}"
        )
    return images, labels


def _listed(stem: str) -> str:
    return ", ".join(_spellings(stem))


def _require_sha256(raw: bytes, path: Path, expected: str) -> None:
    found = hashlib.sha256(raw).hexdigest()
    if found != expected:
        raise DiehlCookError(
            f"{path}: SHA-256 of its content is {found[:12]}…; expected {expected[:12]}… of MNIST; "
            f"move it away and run `python -m diehlcook data --data {path.parent}`, "
            f"or, if it is other data, use --dataset {path.parent}"
        )


def user_cache() -> Path:
    """Return the folder where fetched MNIST files are kept.

    Returns
    -------
    Path
        ``~/Library/Caches/diehlcook/mnist`` on macOS; elsewhere ``diehlcook/mnist`` in ``$XDG_CACHE_HOME``
        or ``~/.cache``. It need not exist.

    Raises
    ------
    DiehlCookError
        If the user has no home folder.
    """
    # The XDG specification tells to ignore a relative path.
    chosen = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if sys.platform != "darwin" and chosen.is_absolute():
        return chosen / "diehlcook" / "mnist"
    try:
        home = Path.home()
    except RuntimeError as error:
        raise DiehlCookError("no home folder for the MNIST files; give one with --data DIR") from error
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "diehlcook" / "mnist"


def find_mnist(data: Path | None = None) -> Path | None:
    """Find the folder with the four files of MNIST.

    Parameters
    ----------
    data : Path, optional
        Look only there. Otherwise only in ``$DIEHLCOOK_MNIST`` if that is set, else in the user cache.

    Returns
    -------
    Path or None
        None if the user cache lacks a file.

    Raises
    ------
    DiehlCookError
        If a folder that the user has named lacks a file.
    """
    variable = os.environ.get("DIEHLCOOK_MNIST", "")
    if data is not None:
        return _complete_or_raise(_expand(data), f"--data {data}")
    if variable:
        return _complete_or_raise(_expand(Path(variable)), f"$DIEHLCOOK_MNIST={variable}")
    cache = user_cache()
    return cache if all(_find_idx(cache, stem) for stem in MNIST_SHA256) else None


def _complete_or_raise(folder: Path, origin: str) -> Path:
    if not _is(Path.is_dir, folder):
        raise DiehlCookError(f"{origin}: no such folder; expected one with the four files of MNIST")
    missing = [stem for stem in MNIST_SHA256 if _find_idx(folder, stem) is None]
    if missing:
        raise DiehlCookError(
            f"{origin}: MNIST is incomplete there, no {' or '.join(missing)} (raw or .gz); "
            f"add it, or run `python -m diehlcook data --data {folder}`"
        )
    return folder


def _load_mnist(split: str, data: Path | None, *, download: bool, progress: bool) -> Dataset:
    folder = find_mnist(data)
    if folder is None:
        failure = "; nothing downloaded"
        if download:
            try:
                folder = fetch_mnist(progress=progress)
            except DiehlCookError as error:
                failure = f"; {error}"
        if folder is None:
            raise DiehlCookError(
                f"MNIST not found: $DIEHLCOOK_MNIST is not set, {user_cache()} has not all of it{failure}. "
                "Run `python -m diehlcook data` with a network, give --data DIR, or use --dataset digits"
            )
    return _dataset("mnist", split, *_read_idx_pair(folder, split, MNIST_SHA256))


@dataclass(frozen=True)
class FileCheck:
    """The state of one file of MNIST.

    Parameters
    ----------
    name : str
        Its name in MNIST, without ``.gz``.
    found : str or None
        The name under which it was found.
    size : int or None
        Its bytes on disk.
    sha256 : str or None
        SHA-256 of its uncompressed content, in hex.
    ok : bool
        Whether that is the right one.
    problem : str
        What is wrong, or empty.
    """

    name: str
    found: str | None
    size: int | None
    sha256: str | None
    ok: bool
    problem: str


def verify_mnist(folder: Path) -> list[FileCheck]:
    """Check the four files of MNIST in a folder.

    Parameters
    ----------
    folder : Path
        Where to look; it need not exist.

    Returns
    -------
    list of FileCheck
        In the order training images, training labels, test images, test labels.
    """
    return [_check(_expand(folder), stem) for stem in MNIST_SHA256]


def _check(folder: Path, stem: str) -> FileCheck:
    path: Path | None = None
    size: int | None = None
    try:
        path = _find_idx(folder, stem)
        if path is None:
            return FileCheck(stem, None, None, None, False, f"missing in {folder}")
        size = path.stat().st_size
        digest = hashlib.sha256(_read_content(path)).hexdigest()
    except (DiehlCookError, OSError) as error:
        return FileCheck(stem, path.name if path else None, size, None, False, str(error))
    ok = digest == MNIST_SHA256[stem]
    return FileCheck(stem, path.name, size, digest, ok, "" if ok else f"{path}: its content is not MNIST's")


def fetch_mnist(
    folder: Path | None = None,
    *,
    mirrors: Sequence[str] = MIRRORS,
    timeout: float = 20.0,
    rounds: int = 3,
    pause: float = 1.0,
    progress: bool = True,
) -> Path:
    """Download the files of MNIST that are not there yet, and verify all four.

    A file appears under its name only when its content is right.

    Parameters
    ----------
    folder : Path, optional
        Where to put them; by default the user cache, whose damaged files are replaced. In a folder of the
        user's nothing is ever replaced: it may hold other data under the same names.
    mirrors : sequence of str
        Addresses to try, in this order.
    timeout : float
        Seconds without an answer after which a mirror is given up.
    rounds : int
        How often to go through the mirrors for one file.
    pause : float
        Seconds to wait before the second round; longer before later ones.
    progress : bool
        Report on stderr: a bar on a terminal, otherwise one line per file.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    DiehlCookError
        If no mirror gives the right content, or the folder cannot be written or holds other files.
    """
    target = user_cache() if folder is None else _expand(folder)
    for stem, sha256 in MNIST_SHA256.items():
        check = _check(target, stem)
        if check.ok:
            continue
        if check.found and folder is not None:
            raise DiehlCookError(f"{check.problem}; move {target / check.found} away, then run this again")
        _make_folder(target)  # before the download, which would be in vain
        content = _fetch_file(stem, sha256, mirrors, timeout, rounds, pause, progress)
        # A mirror may have sent it unpacked.
        path = target / (f"{stem}.gz" if content.startswith(b"\x1f\x8b") else stem)
        _write_atomically(path, content)
        if check.found and check.found != path.name:
            (target / check.found).unlink()  # it would be read first
    return target


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DiehlCookError(
            f"{folder}: cannot be created ({error.strerror}); give another with --data"
        ) from error


def _write_atomically(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        raise DiehlCookError(
            f"{path}: cannot be written ({error.strerror}); give another folder with --data"
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _fetch_file(
    stem: str,
    sha256: str,
    mirrors: Sequence[str],
    timeout: float,
    rounds: int,
    pause: float,
    progress: bool,
) -> bytes:
    name = f"{stem}.gz"
    if progress and not sys.stderr.isatty():
        sys.stderr.write(f"downloading {name}\n")
    failures: dict[str, str] = {}
    for number in range(rounds):
        time.sleep(pause * number)
        for mirror in mirrors:
            url = f"{mirror.rstrip('/')}/{name}"
            try:
                content = _download(url, name, timeout, bar=progress and sys.stderr.isatty())
                if hashlib.sha256(_gunzip(content, name)).hexdigest() == sha256:
                    return content
                failures[url] = "wrong content"
            except (OSError, http.client.HTTPException, DiehlCookError) as error:
                reason = str(error).removeprefix("<urlopen error ").removesuffix(">")
                failures[url] = " ".join(reason.split()) or type(error).__name__
    raise DiehlCookError("no download: " + "; ".join(f"{url}: {reason}" for url, reason in failures.items()))


def _download(url: str, name: str, timeout: float, *, bar: bool) -> bytes:
    import progressbar  # here: everything else does without it

    request = urllib.request.Request(url, headers={"User-Agent": "diehlcook"})
    with urllib.request.urlopen(request, timeout=timeout) as response:
        total = response.length or 0  # 0: not announced
        content = bytearray()
        kind = progressbar.ProgressBar if bar else progressbar.NullBar
        size = total or progressbar.UnknownLength
        with kind(max_value=size, prefix=f"{name} ", fd=sys.stderr) as meter:
            while chunk := response.read(1 << 16):
                content += chunk
                meter.update(len(content))
    # http.client gives a connection that broke off the same empty read as a finished one.
    if total and len(content) != total:
        raise OSError(f"broke off after {len(content)} of {total} bytes")
    return bytes(content)


def _load_digits(split: str) -> Dataset:
    arrays = _read_npz(DIGITS_FILE, ("images", "labels"))
    part = slice(None, DIGITS_FIRST_TEST_IMAGE) if split == "train" else slice(DIGITS_FIRST_TEST_IMAGE, None)
    return _dataset("digits", split, _digits_as_mnist(arrays[0][part]), arrays[1][part])


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
    keys = _npz_keys(path, split)
    images, labels = _read_npz(path, keys)
    images = _as_pixels(images, f"{path}: {keys[0]}")
    labels = _as_labels(labels, f"{path}: {keys[1]}")
    if len(images) != len(labels):
        raise DiehlCookError(
            f"{path}: {len(labels)} {keys[1]}; expected {len(images)}, one for each of {keys[0]}"
        )
    return _dataset(name, split, images, labels)


@contextmanager
def _npz_archive(path: Path) -> Iterator[Any]:
    try:
        with path.open("rb") as file:
            if not zipfile.is_zipfile(file):
                raise ValueError("not a zip archive, or cut short")
            file.seek(0)
            with np.load(file, allow_pickle=False) as archive:
                yield archive
    # What numpy and zipfile raise on damaged, encrypted or pickled members.
    except (
        OSError,
        ValueError,
        EOFError,
        RuntimeError,
        MemoryError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
        raise DiehlCookError(
            f"{path}: cannot be read ({reason}); expected an .npz of plain arrays, as numpy.savez writes it"
        ) from error


def _npz_keys(path: Path, split: str) -> tuple[str, str]:
    with _npz_archive(path) as archive:
        present = set(archive.files)
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


def _read_npz(path: Path, keys: tuple[str, str]) -> tuple[NDArray[Any], NDArray[Any]]:
    with _npz_archive(path) as archive:
        return archive[keys[0]], archive[keys[1]]


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
