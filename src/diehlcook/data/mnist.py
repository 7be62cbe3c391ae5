"""The four files of MNIST: found, fetched, verified. Whatever a user can mend is a `DiehlCookError` of one line."""

import hashlib
import http.client
import os
import sys
import time
import urllib.request
from operator import methodcaller
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..cache import user_cache
from ..errors import DiehlCookError, pasteable
from ..whole import write_whole
from . import idx

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
ROUNDS = 3
"""How often to go through the mirrors for one file."""
PAUSE = 1.0
"""Seconds before the second round; longer before later ones."""
TIMEOUT = 20.0
"""Seconds without an answer after which a mirror is given up."""

DEADLINE, MOST_BYTES = 900.0, 2**26
"""Seconds and bytes after which a mirror is given up; the largest file has 10 MB packed and 47 unpacked."""

# Of the *uncompressed* files: people keep them raw or gzipped, and gzip headers differ.
MNIST_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


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
    if data is None and not variable:
        cache = user_cache("mnist")
        return cache if all(idx.find_idx(cache, stem) for stem in MNIST_SHA256) else None
    folder = idx.expand(data or Path(variable))
    origin = f"--data {data}" if data is not None else f"$DIEHLCOOK_MNIST={variable}"
    if not idx.holds(Path.is_dir, folder):
        raise DiehlCookError(f"{origin}: no such folder; expected one with the four files of MNIST")
    missing = [stem for stem in MNIST_SHA256 if idx.find_idx(folder, stem) is None]
    if missing:
        raise DiehlCookError(
            f"{origin}: MNIST is incomplete there; missing, raw or as .gz: {', '.join(missing)}; add what is "
            f"missing, or run {pasteable('data', '--data', folder)}, which downloads it"
        )
    return folder


def read_mnist(
    split: str, data: Path | None = None, download: bool = True, progress: bool = True
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read images and labels of one part, found as by `find_mnist` or else fetched, and verified.

    Parameters
    ----------
    split : str
        ``"train"`` or ``"test"``.
    data, download, progress
        See `datasets.load`.

    Returns
    -------
    images, labels : ndarray of uint8

    Raises
    ------
    DiehlCookError
        If MNIST is nowhere, or is incomplete, damaged, or other data.
    """
    folder = find_mnist(data) or _fetched(download, progress)
    arrays = idx.read_idx_pair(folder, split)
    for stem, array in zip(idx.SPLIT_FILES[split], arrays, strict=True):
        found = idx.idx_sha256(array)
        if found != MNIST_SHA256[stem]:
            raise DiehlCookError(
                f"{idx.find_idx(folder, stem)}: SHA-256 of its content is {found[:12]}…; "
                f"expected {MNIST_SHA256[stem][:12]}… of MNIST; "
                f"move it away and run {pasteable('data', '--data', folder)}, "
                f"or, if it is other data, use --dataset {folder}"
            )
    return arrays


def _fetched(download: bool, progress: bool) -> Path:
    try:
        if download:
            return fetch_mnist(progress=progress)
        failure = "nothing was to be downloaded"
    except DiehlCookError as error:
        failure = str(error)
    raise DiehlCookError(
        f"MNIST not found: $DIEHLCOOK_MNIST is not set, {user_cache('mnist')} does not hold all four "
        f"files, and {failure}. Run `python -m diehlcook data` where there is a network, name the folder of "
        "the files with --data, or use --dataset digits, which come with the package"
    )


class FileCheck(NamedTuple):
    """The state of one file of MNIST.

    Parameters
    ----------
    name : str
        Its name in MNIST, without ``.gz``.
    found : str or None
        The name under which it was found.
    problem : str
        What is wrong, or empty.
    """

    name: str
    found: str | None
    problem: str

    @property
    def ok(self) -> bool:
        """Whether it is there, with the content of MNIST's."""
        return not self.problem


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
    return [_check(idx.expand(folder), stem) for stem in MNIST_SHA256]


def _check(folder: Path, stem: str) -> FileCheck:
    path, problem = None, ""
    try:
        path = idx.find_idx(folder, stem)
        if path is None:
            problem = f"missing in {folder}"
        elif hashlib.sha256(idx.read_content(path)).hexdigest() != MNIST_SHA256[stem]:
            problem = f"{path}: its content is not MNIST's"
    except DiehlCookError as error:
        problem = str(error)
    return FileCheck(stem, path.name if path else None, problem)


def fetch_mnist(folder: Path | None = None, *, progress: bool = True) -> Path:
    """Download the files of MNIST that are not there yet, and verify all four.

    A file appears under its name only when its content is right.

    Parameters
    ----------
    folder : Path, optional
        Where to put them; by default the user cache, whose damaged files are replaced. In a folder of the
        user's nothing is ever replaced: it may hold other data under the same names.
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
    target = user_cache("mnist") if folder is None else idx.expand(folder)
    for stem in MNIST_SHA256:
        check = _check(target, stem)
        if check.ok:
            continue
        if check.found and folder is not None:
            raise DiehlCookError(f"{check.problem}; move {target / check.found} away, then run this again")
        try:  # before the download, which would be in vain
            target.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DiehlCookError(
                f"{target}: cannot be created ({error.strerror}); give another with --data"
            ) from error
        content = _fetch_file(stem, progress)
        # A mirror may have sent it unpacked.
        path = target / (f"{stem}.gz" if idx.is_gzip(content) else stem)
        write_whole(path, methodcaller("write", content), advice="give another folder with --data")
        if check.found and check.found != path.name:
            (target / check.found).unlink()  # it would be read first
    return target


def _fetch_file(stem: str, progress: bool) -> bytes:
    name = f"{stem}.gz"
    if progress and not sys.stderr.isatty():
        sys.stderr.write(f"downloading {name}\n")
    failures: dict[str, str] = {}
    for number in range(ROUNDS):
        time.sleep(PAUSE * number)
        for mirror in MIRRORS:
            url = f"{mirror}{name}"
            try:
                content = _download(url, name, bar=progress and sys.stderr.isatty())
                if hashlib.sha256(idx.gunzip(content, name)).hexdigest() == MNIST_SHA256[stem]:
                    return content
                failures[url] = "wrong content"
            except (OSError, http.client.HTTPException, DiehlCookError) as error:
                reason = str(error).removeprefix("<urlopen error ").removesuffix(">")
                failures[url] = " ".join(reason.split()) or type(error).__name__
    raise DiehlCookError("no download: " + "; ".join(f"{url}: {reason}" for url, reason in failures.items()))


def _download(url: str, name: str, *, bar: bool) -> bytes:
    import progressbar  # here: everything else does without it

    request = urllib.request.Request(url, headers={"User-Agent": "diehlcook"})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
        total = response.length or 0  # 0: not announced
        content = bytearray()
        kind = progressbar.ProgressBar if bar else progressbar.NullBar
        size = total or progressbar.UnknownLength
        with kind(max_value=size, prefix=f"{name} ", fd=sys.stderr) as meter:
            until = time.monotonic() + DEADLINE
            while chunk := response.read(1 << 16):
                content += chunk
                if len(content) > MOST_BYTES or time.monotonic() > until:
                    raise OSError(f"gave up after {len(content):,} bytes")
                meter.update(len(content))
    # http.client gives a connection that broke off the same empty read as a finished one.
    if total and len(content) != total:
        raise OSError(f"broke off after {len(content)} of {total} bytes")
    return bytes(content)
