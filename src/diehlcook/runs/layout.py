"""The run directory as a table: which file belongs to which phase, its shape and kind.

What reads, writes, checks or discards results asks this table, and so does the guide (docs/guide.md).
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..model.params import Params
from .files import digest, load_array, save_array

PHASES = ("train", "observe", "test", "plot", "report")
"""In the order in which they follow each other."""


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
    digest
        Whether run.json holds its SHA-256.
    """

    phase: str
    shape: tuple[str, ...]
    says: str
    kind: str = "f"
    low: float | None = None
    digest: bool = False


SYNAPSES = ("n_input", "n_exc")

FILES = {
    "weights": ResultFile("train", SYNAPSES, "trained weights", low=0, digest=True),
    "theta": ResultFile("train", ("n_exc",), "adaptive thresholds, V", low=0, digest=True),
    "delays": ResultFile(
        "train", SYNAPSES, "delays from input to excitatory neurons, s", low=0, digest=True
    ),
    "train_history": ResultFile("train", ("images",), "a row per image, see below", "V"),
    "train_accuracy": ResultFile(
        "train", ("windows",), "a row per window: `images` trained at its end, `correct`, `total`", "V"
    ),
    "train_counts": ResultFile("train", ("newest", "n_exc"), "responses to the newest 10,000 images", "u"),
    "train_spikes": ResultFile("train", ("n_exc",), "all spikes of each neuron", "i"),
    "observe_counts": ResultFile(
        "observe", ("images", "n_exc"), "responses to the labelling images", "u", digest=True
    ),
    "assignments": ResultFile(
        "observe", ("n_exc",), "class of each neuron, -1 for one that never fired", "i", -1, digest=True
    ),
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
        "u", digest=True,
    ),
    "test_predictions": ResultFile(
        "test", ("repeats", "images"), "predicted classes, -1 where no labelled neuron fired", "i", -1
    ),
    "confusion": ResultFile(
        "test", ("classes", "classes"), "true class, predicted class: how many images", "i", 0
    ),
}  # fmt: skip
"""All arrays of a run by their name, in the order in which they come to be."""

OTHERS = {
    "checkpoints": ("train", ("the last state, from which more passes can go on; blocks of an interrupted "
                             "observe or test")),
    "snapshots": ("train", "weights at some moments of the training, named by the images trained"),
    "figures": ("plot", "the figures"),
    "report.html": ("report", "one page about the run"),
}  # fmt: skip
"""Folders and other files: the phase that writes them, and what they are."""


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
    return load_array(
        path_of(folder, name),
        shape=tuple(known.get(one) for one in file.shape),
        kind=file.kind,
        low=file.low if in_range else None,
        made_by=file.phase,
    )


def save(folder: Path, phase: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, str]:
    """Write arrays of a phase; return the digests that belong into run.json."""
    digests = {}
    for name, array in arrays.items():
        file = FILES[name]
        if file.phase != phase or array.ndim != len(file.shape) or array.dtype.kind not in file.kind:
            raise ValueError(f"{name} of {array.dtype}{array.shape} is not what {phase} writes: {file}")
        save_array(path_of(folder, name), array)
        if file.digest:
            digests[name] = digest(np.asarray(array))
    return digests


def discard(folder: Path, *phases: str) -> None:
    """Delete what some phases wrote into a run directory, and nothing else."""
    for name, file in FILES.items():
        if file.phase in phases:
            path_of(folder, name).unlink(missing_ok=True)
    for name, (phase, _) in OTHERS.items():
        path = folder / name
        if phase in phases and path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif phase in phases:
            path.unlink(missing_ok=True)


def table() -> list[str]:
    """Return the table of all files in Markdown, a line each."""
    lines = ["| file | written by | shape | what |", "|---|---|---|---|"]
    for name, file in FILES.items():
        sizes = ", ".join(file.shape) + "," * (len(file.shape) == 1)
        lines.append(f"| `{name}.npy` | {file.phase} | ({sizes}) | {file.says} |")
    for name, (phase, says) in OTHERS.items():
        lines.append(f"| `{name}{'' if '.' in name else '/'}` | {phase} | | {says} |")
    return lines
