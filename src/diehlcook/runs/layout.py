"""The run directory as a table: which file belongs to which phase, its shape and kind.

What reads, writes, checks or discards results asks this table, and so does the guide (docs/guide.md). Nothing
but what it names is ever deleted, and only where run.json is one of this package (`check_ours`).
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..arguments import FORMATS
from ..errors import DiehlCookError
from ..model.arrays import Expected
from ..model.params import Params
from ..whole import TEMPORARY, Written, unfinished
from . import lock
from .files import digest, load_array, load_json, write_array

PHASES = ("train", "observe", "test")
"""In the order in which they follow each other: each is made from what the ones before it made."""

NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")
"""Names of checkpoints."""


class ResultFile(NamedTuple):
    """An .npy file of a run directory.

    Parameters
    ----------
    phase
        That writes it.
    shape
        Names of its sizes: those of `Params` are checked, others are told by whoever reads the file, or may
        be any.
    says
        What is in it, and in which unit.
    kind
        Kinds of dtype, as letters of `numpy.dtype.kind`.
    low
        Smallest value.
    """

    phase: str
    shape: tuple[str, ...]
    says: str
    kind: str = "f"
    low: float | None = None


SYNAPSES = ("n_input", "n_exc")

FILES = {
    "weights": ResultFile("train", SYNAPSES, "trained weights", low=0),
    "theta": ResultFile("train", ("n_exc",), "adaptive thresholds, V", low=0),
    "delays": ResultFile(
        "train", SYNAPSES, "delays from input to excitatory neurons, s", low=0
    ),
    "train_history": ResultFile("train", ("images",), "a row per image, see below", "V"),
    "train_accuracy": ResultFile(
        "train", ("windows",), "a row per window: `images` trained at its end, `correct`, `total`", "V"
    ),
    "train_counts": ResultFile("train", ("newest", "n_exc"), "responses to the newest 10,000 images", "u"),
    "train_spikes": ResultFile("train", ("n_exc",), "all spikes of each neuron", "i"),
    "observe_counts": ResultFile(
        "observe", ("images", "n_exc"), "responses to the labelling images", "u"
    ),
    "observe_history": ResultFile("observe", ("images",), "a row per image, see below", "V"),
    "assignments": ResultFile(
        "observe", ("n_exc",), "class of each neuron, -1 for one that never fired", "i", -1
    ),
    "observe_images": ResultFile("observe", ("images",), "a 64-bit hash of each labelling image", "u"),
    "raster_inp": ResultFile(
        "observe", ("2", "spikes"), "a few presentations in detail: neuron and time (s) of each input spike"
    ),
    "raster_exc": ResultFile("observe", ("2", "spikes"), "the same of excitatory spikes"),
    "raster_inh": ResultFile("observe", ("2", "spikes"), "the same of inhibitory spikes"),
    "raster_v": ResultFile(
        "observe", ("neurons", "steps"), "membrane potentials of the neurons that fired most, V"
    ),
    "raster_threshold": ResultFile("observe", ("neurons", "steps"), "their thresholds, V"),
    "raster_neurons": ResultFile("observe", ("neurons",), "which neurons these are", "i"),
    "test_counts": ResultFile(
        "test", ("presentations", "n_exc"), "responses to the test images, all of them once for every repeat",
        "u",
    ),
    "test_history": ResultFile("test", ("presentations",), "a row for each of these, see below", "V"),
    "test_predictions": ResultFile(
        "test", ("repeats", "images"), "predicted classes, -1 where no labelled neuron fired", "i", -1
    ),
    "confusion": ResultFile(
        "test", ("classes", "classes"), "true class, predicted class: how many images", "i", 0
    ),
}  # fmt: skip
"""All arrays of a run by their name, in the order in which they come to be."""

FIGURES = {
    "receptive_fields": "train",
    "training": "train",
    "weights": "train",
    "theta": "train",
    "receptive_fields_over_training": "train",
    "receptive_fields_by_label": "observe",
    "labels": "observe",
    "raster": "observe",
    "confusion": "test",
    "misclassified": "test",
}
"""Figures by the name of their file, in the order in which they are drawn: the phase whose results each shows."""


class Place(NamedTuple):
    """Files of a run directory that are no arrays of `FILES`.

    Parameters
    ----------
    phase
        With whose results they go; "": with those of any.
    files
        Which they are, as a regular expression for the path within the run directory.
    says
        What they are.
    """

    phase: str
    files: str
    says: str


OTHERS = {
    "checkpoints": Place(
        "train",
        rf"checkpoints/({NUMBER.pattern}|\.unfinished-[0-9a-f]{{8}})/(checkpoint\.json|[\w.]+\.npy)",
        "the last state, from which more passes can go on",
    ),
    "checkpoints/observe": Place(
        "observe", r"checkpoints/observe/(task\.json|\d+-\d+\.npy)", "blocks of an interrupted observe"
    ),
    "checkpoints/test": Place(
        "test", r"checkpoints/test/(task\.json|\d+-\d+\.npy)", "blocks of an interrupted test"
    ),
    "snapshots": Place(
        "train", r"snapshots/\d+\.npy", "weights at some moments of the training, named by the images trained"
    ),
    "figures": Place("", "", "the figures that plot draws"),
    "report.html": Place("", r"report\.html", "one page about the run, by report"),
}
"""Folders and other files."""

PAGE, PAGE_MARK = "report.html", b"<title>diehlcook: "
"""The page about a run, and by what pages of ours are known; see phases/page.html."""

FOLDERS = ("checkpoints", "snapshots", "figures")
"""Folders of a run directory that are looked into."""

OUR_FOLDERS = rf"snapshots|figures|checkpoints(/({NUMBER.pattern}|\.unfinished-[0-9a-f]{{8}}|observe|test))?"
"""Folders that go when they are empty."""


def path_of(folder: Path, name: str) -> Path:
    """Return the file of an array in a run directory."""
    return folder / f"{name}.npy"


def is_there(folder: Path, name: str) -> bool:
    """Return whether a run directory has an array."""
    return path_of(folder, name).exists()


def load(folder: Path, name: str, params: Params, *, in_range: bool = True, **sizes: int) -> NDArray[Any]:
    """Read an array of a run directory and check shape, kind and range.

    Parameters
    ----------
    folder
        Run directory.
    name
        One of `FILES`.
    params
        Of the run: they decide sizes.
    in_range
        False: the smallest value may be any, because a value out of range is what is looked for.
    sizes
        Further sizes that are known, by the name that `FILES` gives them.

    Raises
    ------
    DiehlCookError
        The file is missing, damaged, or not what the table says.
    """
    file = FILES[name]
    known = {"2": 2, "n_input": params.n_input, "n_exc": params.n_exc, **sizes}
    shape = tuple(known.get(one) for one in file.shape)
    expected = Expected(shape, file.kind, file.low if in_range else None)
    return load_array(path_of(folder, name), expected, made_by=file.phase)


class Results:
    """Arrays of a phase, written to the disk and yet to appear in a run directory.

    Parameters
    ----------
    folder
        Run directory.
    phase
        Whose results they are.
    arrays
        By their name in `FILES`.

    Raises
    ------
    DiehlCookError
        They cannot all be written; none has appeared then.
    ValueError
        They are not what the phase writes.
    """

    def __init__(self, folder: Path, phase: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.digests: dict[str, str] = {}
        """For run.json."""
        self.files: list[Written] = []
        try:
            for name, array in arrays.items():
                file = FILES[name]
                fits = array.ndim == len(file.shape) and array.dtype.kind in file.kind
                if file.phase != phase or not fits:
                    raise ValueError(
                        f"{name} of {array.dtype}{array.shape} is not what {phase} writes: {file}"
                    )
                self.files.append(write_array(path_of(folder, name), array))
                self.digests[name] = digest(np.asarray(array))
        except BaseException:
            self.abandon()
            raise

    def abandon(self) -> None:
        """Delete the files that have not appeared."""
        for file in self.files:
            file.abandon()

    def appear(self) -> None:
        """Give all files their names."""
        for file in self.files:
            file.appear()


def is_ours(folder: Path, companion: str | None = None) -> bool:
    """Return whether a folder has a run.json of this package, of the network or of a companion."""
    path = folder / "run.json"
    if not path.exists():
        return False
    content = load_json(path)
    versions = content.get("versions")
    by_us = companion is not None or (isinstance(versions, dict) and "diehlcook" in versions)
    return by_us and "schema" in content and content.get("companion") == companion


def check_ours(folder: Path, companion: str | None = None) -> None:
    """Refuse a folder that is neither a run of this package (of that companion) nor new or empty: nothing in it would be safe.

    Raises
    ------
    DiehlCookError
        It holds something else, or its run.json is of another program or damaged.
    """
    try:
        if folder.exists() and not folder.is_dir():
            raise DiehlCookError(f"{folder}: a file, expected a folder; choose another --run")
        names = sorted(path.name for path in folder.iterdir()) if folder.exists() else []
        if "run.json" in names:
            if not is_ours(folder, companion):
                raise DiehlCookError(
                    f"{folder / 'run.json'}: not that of a run of this package; choose another --run"
                )
        else:
            others = [name for name in names if name != lock.NAME and not TEMPORARY.fullmatch(name)]
            if others:
                raise DiehlCookError(
                    f"{folder}: holds {others[0]} and no run (run.json not found); choose a new or "
                    f"empty folder "
                    "with --run"
                )
    except OSError as error:
        raise DiehlCookError(f"{folder}: cannot be read ({error.strerror}); choose another --run") from None


@contextlib.contextmanager
def owned(folder: Path, what: str, companion: str | None = None) -> Iterator[None]:
    """Own a folder that is ours, new or empty while the block runs; see `check_ours` and `lock.owned`.

    It is looked at once more when nobody else can change it, and when all of its path is there.
    """
    check_ours(folder, companion)
    with lock.owned(folder, what):
        check_ours(folder, companion)
        yield


def phase_of(path: str) -> str | None:
    """Return with whose results a file goes, by its path within a run directory: "" with those of any, None if it is not ours."""
    folder, _, name = path.rpartition("/")
    stem, _, suffix = name.rpartition(".")
    if not folder and suffix == "npy" and stem in FILES:
        return FILES[stem].phase
    if folder == "figures" and suffix in FORMATS and stem in FIGURES:
        return FIGURES[stem]
    return next((one.phase for one in OTHERS.values() if re.fullmatch(one.files, path)), None)


def walk(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield the files of a run directory with their path within it: those beside run.json, and those in `FOLDERS`."""
    for top in ("", *FOLDERS):
        for root, folders, names in os.walk(folder / top):
            if not top:
                folders.clear()
            for name in names:
                path = Path(root, name)
                yield path, path.relative_to(folder).as_posix()


def discard(folder: Path, *phases: str) -> None:
    """Delete what some phases wrote into a run directory, with what shows it, and nothing else.

    Raises
    ------
    DiehlCookError
        Something cannot be deleted.
    """
    remove_those(folder, lambda _name, phase: phase in (*phases, ""))


def discard_results(folder: Path, phase: str) -> None:
    """Delete the arrays and figures of a phase, but not the blocks of one that was interrupted; see `discard`."""
    remove_those(folder, lambda name, of: of == phase and not name.startswith("checkpoints/"))


def discard_shown(folder: Path, *phases: str) -> None:
    """Delete the figures and pages that show results of some phases; see `discard`."""
    remove_those(folder, lambda name, phase: phase == "" or (phase in phases and name.startswith("figures/")))


def delete(folder: Path, start: str) -> None:
    """Delete those of our files in a run directory whose path within it begins with `start`; see `discard`."""
    remove_those(folder, lambda name, _phase: name.startswith(start))


def remove_those(folder: Path, chosen: Callable[[str, str], bool]) -> None:
    """Delete those of our files that are `chosen`, by path within the run directory and phase, and empty folders of ours."""
    for path, name in list(walk(folder)):
        phase = phase_of(name)
        if phase is not None and chosen(name, phase) and (name != PAGE or is_page(path)):
            remove(path)
    remove_empty(folder)


def clear_litter(folder: Path) -> None:
    """Delete what killed processes left unfinished in a run directory; for its owner (`lock.owned`)."""
    delete(folder, "checkpoints/.unfinished-")
    clear_temporaries(folder)


def clear_temporaries(folder: Path) -> None:
    """Delete our temporary files in a run directory that no process is writing any more.

    Raises
    ------
    DiehlCookError
        It is a folder of the package, in which nobody writes.
    """
    lock.refuse_shipped(folder)
    for place in {folder, *(path.parent for path, _ in walk(folder))}:
        for path in unfinished(place):
            name = path.relative_to(folder).with_name(TEMPORARY.fullmatch(path.name)["name"])  # type: ignore[index]
            if name.as_posix() == "run.json" or phase_of(name.as_posix()) is not None:
                remove(path)
    remove_empty(folder)


def is_page(path: Path) -> bool:
    """Return whether a file is a page of this package."""
    try:
        with path.open("rb") as file:
            return PAGE_MARK in file.read(4096)
    except OSError:
        return False


def remove_matching(folder: Path, pattern: str) -> None:
    """Delete the files below a folder whose path within it is all of a regular expression, and then empty folders of theirs."""
    for root, _, names in os.walk(folder, topdown=False):
        ours = [
            name for name in names if re.fullmatch(pattern, Path(root, name).relative_to(folder).as_posix())
        ]
        for name in ours:
            remove(Path(root, name))
        if Path(root) != folder and ours and not any(Path(root).iterdir()):
            Path(root).rmdir()


def remove(path: Path) -> None:
    """Delete a file."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise DiehlCookError(f"{path}: cannot delete ({error.strerror}); delete it, then try again") from None


def remove_empty(folder: Path) -> None:
    """Delete those of our folders in a run directory that are empty, and no others."""
    for top in FOLDERS:
        for root, _, _ in os.walk(folder / top, topdown=False):
            path = Path(root)
            ours = re.fullmatch(OUR_FOLDERS, path.relative_to(folder).as_posix())
            if ours and not any(path.iterdir()) and not path.is_symlink():
                path.rmdir()


def table() -> list[str]:
    """Return the table of all files in Markdown, a line each."""
    lines = ["| file | written by | shape | what |", "|---|---|---|---|"]
    for name, file in FILES.items():
        sizes = ", ".join(file.shape) + "," * (len(file.shape) == 1)
        lines.append(f"| `{name}.npy` | {file.phase} | ({sizes}) | {file.says} |")
    for name, place in OTHERS.items():
        lines.append(f"| `{name}{'' if '.' in name else '/'}` | {place.phase} | | {place.says} |")
    return lines
