"""What a training has recorded: from the files of a finished one, or from the newest checkpoint of one that is not."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import health
from .checkpoint import Checkpoints, load_array
from .errors import DiehlCookError
from .health import Evidence
from .run import Run
from .train import ACCURACY, HISTORY


def read_evidence(run: Run) -> Evidence:
    """Read what the training of a run has recorded.

    Raises
    ------
    DiehlCookError
        Nothing is there yet, or a file is damaged.
    """
    return read_finished(run) if run.facts.get("train", {}).get("finished") else read_checkpoint(run)


def read_checkpoint(run: Run) -> Evidence:
    """Read the newest checkpoint of a training."""
    saved = Checkpoints(run.folder).load(
        ("history", "accuracy", "ring", "state.inp_exc.w", "state.exc.theta")
    )
    if saved is None:
        raise DiehlCookError(f"{run.folder}: no checkpoint yet; wait a minute, or train")
    arrays, _ = saved
    history, ring = arrays["history"], arrays["ring"]
    counts = np.roll(ring, -(len(history) % max(len(ring), 1)), axis=0)
    return evidence(
        run, len(history), arrays["state.inp_exc.w"], arrays["state.exc.theta"], history, arrays["accuracy"], counts
    )  # fmt: skip


def read_finished(run: Run) -> Evidence:
    """Read the files of a finished training."""
    facts, folder, n_exc = run.trained(), run.folder, run.params.n_exc
    history = windows = counts = None
    if (folder / "train_history.npy").exists():  # shipped networks have none
        history = load_array(folder / "train_history.npy", shape=(None,), kind="V")
        windows = load_array(folder / "train_accuracy.npy", shape=(None,), kind="V")
        if history.dtype != HISTORY or windows.dtype != ACCURACY:
            raise DiehlCookError(f"{folder}: the training history has another layout than this version's")
        counts = load_array(folder / "train_counts.npy", shape=(None, n_exc), kind="u")
    # Without the bounds that `Run` checks: out of bounds is a finding
    weights = load_array(folder / "weights.npy", shape=(run.params.n_input, n_exc)).astype(np.float64)
    theta = load_array(folder / "theta.npy", shape=(n_exc,)).astype(np.float64)
    return evidence(run, facts["images"] * facts["epochs"], weights, theta, history, windows, counts)


def evidence(
    run: Run,
    images: int,
    weights: NDArray[np.float64],
    theta: NDArray[np.float64],
    history: NDArray[Any] | None,
    windows: NDArray[Any] | None,
    counts: NDArray[np.uint16] | None,
) -> Evidence:
    """Return the evidence that the arrays of a training are."""
    newest = windows[-1] if windows is not None and len(windows) else None
    return Evidence(
        run.params,
        images,
        weights,
        theta,
        history,
        windows,
        counts,
        None if counts is None else counts.sum(axis=0, dtype=np.int64),
        0 if counts is None else len(counts),
        None if newest is None else (newest["correct"] / newest["total"], int(newest["total"])),
    )


def snapshots(run: Run, neurons: NDArray[np.int64]) -> list[tuple[int, NDArray[np.float32]]]:
    """Return the weights of some neurons at each snapshot of a training, with the images trained by then.

    A training that is running gives up snapshots as it goes on; one that is gone by the time it is read is left out.
    """
    shape, found = (run.params.n_input, run.params.n_exc), []
    for path in sorted((run.folder / "snapshots").glob("*.npy")):
        try:
            found.append((int(path.stem), load_array(path, shape=shape)[:, neurons]))
        except DiehlCookError:
            if path.exists():
                raise
    return found


def examine_run(run: Run, recorded: Evidence | None = None) -> list[health.Check]:
    """Return every check of the health that a run allows, of all its phases; `recorded` if it has been read already."""
    facts = run.facts.get("train", {})
    if "stopped" in facts:
        checks = health.from_facts(facts["health"])
    else:
        checks = health.examine(recorded or read_evidence(run))
    for phase in ("observe", "test"):
        checks += health.from_facts(run.facts.get(phase, {}).get("health", []))
    return checks
