"""Trained networks from elsewhere made into run directories, and run directories written as the files of others.

What these files hold, `formats` says. An imported run has a finished ``train`` entry in run.json with
``imported``: format, files with their SHA-256, date. How many images the network has seen is not known, so that
it has no training history and no state from which a training could go on.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..engines.base import Model
from ..errors import DiehlCookError
from ..model import wiring
from ..model.arrays import Expected, check_seed, check_text, check_whole
from ..model.params import Params, as_params, load_preset, preset_of
from . import formats, layout, snapshots
from .files import digest, load_array, save_array, save_rows
from .formats import MOST_CLASSES, Content, Format, format_of, read_content
from .rows import example_statistics, has_rows
from .run import Run, as_run, load_run, start_afresh

log = logging.getLogger(__name__)

FLOATS, INTEGERS = "f", "iu"


class Sources(NamedTuple):
    """The files to import."""

    weights: Path
    theta: Path | None
    labels: Path | None


class Network(NamedTuple):
    """What was read from the files, checked."""

    params: Params
    """Of the size of the network."""
    weights: NDArray[np.float64]
    theta: NDArray[np.float64]
    labels: NDArray[np.int8] | None
    files: dict[str, Content]


def import_run(
    folder: Path | str,
    source: Path | str,
    format: str,
    *,
    theta: Path | str | None = None,
    labels: Path | str | None = None,
    params: Params | str | None = None,
    preset: str | None = None,
    seed: int = 0,
    dataset: str = "mnist",
    n_classes: int = 10,
    force: bool = False,
) -> Run:
    """Make a run of a network that another program has trained, for observe, test, predict and plot.

    Parameters
    ----------
    folder
        The run directory to make. It must not be there yet, or be empty.
    source
        A folder that holds the files of the format under their usual names, or the file of the weights alone.
    format
        ``"example"``, ``"authors"`` or ``"matrix"``; `formats.FORMATS` describes them.
    theta
        The file of the thresholds (n_exc,) in volts, if it is not in `source`. Without thresholds every neuron
        gets `theta_init`.
    labels
        The file of the class of each neuron (n_exc,), -1 for none, if it is not in `source`. Without labels,
        `observe` is the next phase.
    params
        The constants of the model, or the name of their preset; by default those of the preset that belongs to
        the format. The number of neurons is that of the files.
    preset
        The name of these constants; by default that of the preset which has all these values, or ``"custom"``.
    seed
        The number from which the delays follow, which none of the formats has, and the input spikes of later
        phases.
    dataset
        The data set that later commands take if none is named.
    n_classes
        The number of classes of the labels, at most `formats.MOST_CLASSES`.
    force
        Replace the run that is there.

    Returns
    -------
    Run
        The run. Its directory holds weights.npy, theta.npy and delays.npy, and assignments.npy if there are
        labels.

    Raises
    ------
    DiehlCookError
        The format is not known, files are missing or hold anything else than the format says, the parameters
        are of another size, or there is something in `folder`. Nothing has been written then.
    """
    folder, form, seed = Path(folder), format_of(format), check_seed(seed)
    layout.check_ours(folder)
    n_classes, dataset = check_whole("n-classes", n_classes, 1, MOST_CLASSES), check_text("dataset", dataset)
    if params is None:
        params, preset = load_preset(form.preset), preset or form.preset
    params = as_params(params)
    preset = None if preset is None else check_text("preset", preset)
    network = read_network(find(form, Path(source), theta, labels), form, params, n_classes)
    delays = wiring.initial_delays(network.params, seed)
    with layout.owned(folder, "import"):
        if (folder / "run.json").exists() and not force and not unfinished_import(folder):
            raise DiehlCookError(
                f"{folder}: there is a run already; use --force to replace it, or another --run"
            )
        run = Run(
            folder,
            preset or preset_of(network.params),
            network.params,
            seed,
            dataset,
            Model(network.params, True),
        )
        imported = {
            "format": format,
            "date": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "files": {name: about(content) for name, content in network.files.items() if name != "labels"},
        }
        start_afresh(run, {"imported": imported})
        millivolts = network.theta * 1e3
        spread = {"mean": round(float(millivolts.mean()), 3), "sd": round(float(millivolts.std()), 3)}
        arrays = {"weights": network.weights, "theta": network.theta, "delays": delays}
        results: dict[str, Any] = {"train": (arrays, {"finished": True, "theta_mV": spread})}
        if network.labels is not None:
            given = network.labels[network.labels >= 0]
            facts = {
                "imported": {"date": imported["date"], **about(network.files["labels"])},
                "neurons_per_class": np.bincount(given, minlength=n_classes).tolist(),
                "unassigned_neurons": int(network.labels.size - given.size),
                "parents": {name: digest(arrays[name]) for name in ("weights", "theta")},
            }
            results["observe"] = {"assignments": network.labels}, facts
        run.commit_all(results)
    if "theta" not in network.files:
        log.warning(
            "no thresholds were given: theta is %s (theta_init) in every neuron; the thresholds that "
            "training has found belong to the weights",
            network.params.text("theta_init"),
        )
    return run


def unfinished_import(folder: Path) -> bool:
    """Return whether there is a run that an import was making when it was killed."""
    train = load_run(folder).facts.get("train", {})
    return "imported" in train and not train["finished"]


def about(content: Content) -> dict[str, str]:
    """Return what run.json says of a file."""
    return {"file": str(content.path), "sha256": content.sha256}


def find(form: Format, source: Path, theta: Path | str | None, labels: Path | str | None) -> Sources:
    """Return the files to import: those that are named, and in a folder those that the format names."""
    weights, found = (
        source,
        {"theta": Path(theta) if theta else None, "labels": Path(labels) if labels else None},
    )
    if not source.exists():
        raise DiehlCookError(f"{source}: not found; name a folder, or the file of the weights")
    if source.is_dir():
        weights = source / form.weights
        if not weights.exists():
            stem = Path(form.weights).stem
            others = sorted(path.name for path in source.glob(f"{stem}?*.npy"))
            hint = f"; name one of {', '.join(others[:3])} and its --theta" if others else ""
            raise DiehlCookError(f"{weights}: not found, expected {' and '.join(form.files)} there{hint}")
        for name, file in (("theta", form.theta), ("labels", form.labels)):
            if found[name] is None and file and (source / file).exists():
                found[name] = source / file
    if form.needs_theta and found["theta"] is None:
        missing = source / form.theta if source.is_dir() else f"thresholds of {source}"
        raise DiehlCookError(
            f"{missing}: not found; name the file with --theta ({form.theta} in this format)"
        )
    return Sources(weights, found["theta"], found["labels"])


def read_network(sources: Sources, form: Format, params: Params, n_classes: int) -> Network:
    """Read the files of a trained network and check all that is in them."""
    files = {"weights": read_content(sources.weights, FLOATS)}
    theta = n_exc = None
    if sources.theta:
        files["theta"] = read_content(sources.theta, FLOATS)
        theta = formats.thresholds_of(files["theta"])
        n_exc = theta.size
    path, values, _ = files["weights"]
    weights = form.decode(path, values, params.n_input, n_exc)
    params = sized(params, weights.shape[1], path)
    formats.check_weights(path, weights, params)
    labels = None
    if sources.labels:
        files["labels"] = read_content(sources.labels, INTEGERS)
        labels = formats.labels_of(files["labels"], params.n_exc, n_classes)
    if theta is None:
        theta = np.full(params.n_exc, params.theta_init)
    return Network(params, weights, theta, labels, files)


def sized(params: Params, n_exc: int, path: Path) -> Params:
    """Return the parameters for as many neurons as there are in a file; refuse another number that a user asked for."""
    if n_exc == params.n_exc:
        return params
    if params.source("n_exc") == "user":
        raise DiehlCookError(
            f"{path}: weights of {n_exc} neurons, but n_exc is {params.n_exc}; leave it out, the files "
            "decide it"
        )
    return params.with_values({"n_exc": str(n_exc)}, {"n_exc": "user: the imported files"})


def origin(run: Run) -> str | None:
    """Return where the network of a run came from, in one line; None if it was trained here."""
    imported = run.facts.get("train", {}).get("imported")
    if imported is None:
        return None
    files = [named(one) for one in imported["files"].values()]
    if "theta" not in imported["files"]:
        files.append("theta is theta_init")
    words = f"imported {imported['date'][:10]}, format {imported['format']}: {', '.join(files)}"
    labels = run.facts.get("observe", {}).get("imported")
    return f"{words}; labels from elsewhere: {named(labels)}" if labels else words


def named(file: dict[str, str]) -> str:
    """Return a file with the beginning of its digest."""
    return f"{file['file']} (SHA-256 {file['sha256'][:12]}…)"


def check_can_go_on(run: Run) -> None:
    """Refuse to train an imported network further.

    Raises
    ------
    DiehlCookError
        The run was imported.
    """
    if "imported" in run.facts.get("train", {}):
        raise DiehlCookError(
            f"{run.folder}: the network was imported, without the state of its training, so it cannot go on; "
            "train a new one in another --run, or replace it with --force"
        )


def export_run(run: Run | Path | str, folder: Path | str, format: str, *, force: bool = False) -> list[Path]:
    """Write a trained network as files that another program reads.

    These are the weights and the thresholds, and the labels if there are any and the format has a file for
    them. ``"example"`` has the weights during the training, the statistics of each phase
    (`rows.example_statistics`) and the confusions of a test, too, as far as the run has recorded any. None of
    the formats has delays or parameters.

    Parameters
    ----------
    run
        A run whose training is finished or that was imported, or the path of its directory.
    folder
        The folder to write to. It is made if it is not there, and it must not be a run directory.
    format
        ``"example"``, ``"authors"`` or ``"matrix"``; `formats.FORMATS` describes them.
    force
        Replace files that are there.

    Returns
    -------
    list of Path
        The files, weights first.

    Raises
    ------
    DiehlCookError
        The format is not known, the run is unfinished or damaged, `folder` is a run directory, files would be
        overwritten, or labels or statistics of another network would stay beside the new files.
    """
    run, folder, form = as_run(run), Path(folder), format_of(format)
    run.trained()
    if (folder / "run.json").exists():
        raise DiehlCookError(f"{folder}: a run directory; name another folder with --to")
    arrays: dict[str, NDArray[Any]] = {form.weights: form.encode(run.weights()), form.theta: run.theta()}
    if form.labels and "observe" in run.facts:
        arrays[form.labels] = run.assignments().astype(form.labels_as)
    for phase, name in form.statistics.items():
        if has_rows(run, phase):
            arrays[name] = example_statistics(run, phase)
    if form.confusion and "test" in run.facts:
        counted = run.load("confusion", classes=len(run.facts["test"]["recall"]))
        arrays[form.confusion] = counted / np.maximum(counted.sum(axis=1, keepdims=True), 1)
    moments = snapshots.files(run) if form.snapshots else []
    names = [*arrays, form.snapshots] if moments else list(arrays)
    there = [name for name in form.written if (folder / name).exists()]
    left = [name for name in there if name not in names]
    if left:  # --force does not cover it: it would stay, beside the weights of another network
        what = "labels" if left[0] == form.labels else "such record"
        raise DiehlCookError(
            f"{folder / left[0]}: is there, and the run has no {what}; move it, or another --to"
        )
    if there and not force:
        raise DiehlCookError(
            f"{folder / there[0]}: is there already; use --force to replace it, or another --to"
        )
    if moments:  # first: these files are read as they are written, and one may be damaged
        expected = Expected((run.params.n_input, run.params.n_exc))
        rows = (form.encode(load_array(path, expected)) for path in moments)
        save_rows(folder / form.snapshots, rows, (len(moments), run.params.n_input * run.params.n_exc))
    for name, array in arrays.items():
        save_array(folder / name, array)
    return [folder / name for name in names]
