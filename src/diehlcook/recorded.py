"""What a training has recorded: from the files of a finished one, or from the newest checkpoint of one that is not."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import health
from .checkpoint import Checkpoints, load_array
from .errors import DiehlCookError
from .run import Run
from .train import ACCURACY, HISTORY


class Recorded(NamedTuple):
    """A training so far; shipped networks have no history and no counts.

    Parameters
    ----------
    images
        Images trained.
    weights
        (n_input, n_exc).
    theta
        (n_exc,) in volts.
    history, accuracy
        Rows of `train.HISTORY` and of `train.ACCURACY`.
    counts
        Spikes for the newest images (m, n_exc), oldest first.
    """

    images: int
    weights: NDArray[np.float64]
    theta: NDArray[np.float64]
    history: NDArray[Any] | None
    accuracy: NDArray[Any] | None
    counts: NDArray[np.uint16] | None


def read_recorded(run: Run) -> Recorded:
    """Read what the training of a run has recorded.

    Raises
    ------
    DiehlCookError
        Nothing is there yet, or a file is damaged.
    """
    if run.facts.get("train", {}).get("finished"):
        return read_finished(run)
    names = ("history", "accuracy", "ring", "state.inp_exc.w", "state.exc.theta")
    saved = Checkpoints(run.folder).load(names)
    if saved is None:
        stopped = run.facts.get("train", {}).get("stopped")
        raise DiehlCookError(stopped or f"{run.folder}: no checkpoint yet; wait a minute, or train")
    arrays, _ = saved
    history, ring = arrays["history"], arrays["ring"]
    counts = np.roll(ring, -(len(history) % len(ring)), axis=0) if len(ring) else ring
    return Recorded(
        len(history), arrays["state.inp_exc.w"], arrays["state.exc.theta"], history, arrays["accuracy"], counts
    )  # fmt: skip


def read_finished(run: Run) -> Recorded:
    """Read the files of a finished training."""
    facts = run.trained()
    history = accuracy = counts = None
    if (run.folder / "train_history.npy").exists():
        history = load_array(run.folder / "train_history.npy", shape=(None,), kind="V")
        accuracy = load_array(run.folder / "train_accuracy.npy", shape=(None,), kind="V")
        if history.dtype != HISTORY or accuracy.dtype != ACCURACY:
            raise DiehlCookError(f"{run.folder}: the training history has another layout than this version's")
        counts = load_array(run.folder / "train_counts.npy", shape=(None, run.params.n_exc), kind="u")
    # Read without the bounds that `Run` checks: out of bounds is a finding
    weights = load_array(run.folder / "weights.npy", shape=(run.params.n_input, run.params.n_exc))
    theta = load_array(run.folder / "theta.npy", shape=(run.params.n_exc,))
    return Recorded(
        facts["images"] * facts["epochs"], weights.astype(np.float64), theta.astype(np.float64), history, accuracy, counts
    )  # fmt: skip


def examine_run(run: Run) -> list[health.Check]:
    """Return every check of the health that the files of a run allow, of all its phases."""
    facts = run.facts.get("train", {})
    if "stopped" in facts:
        checks = health.from_facts(facts["health"])
    else:
        recorded = read_recorded(run)
        newest = recorded.accuracy[-1] if recorded.accuracy is not None and len(recorded.accuracy) else None
        checks = health.examine(
            health.Evidence(
                run.params, recorded.images, recorded.history, recorded.counts, recorded.weights, recorded.theta,
                (newest["correct"] / newest["total"], int(newest["total"])) if newest is not None else None,
            )
        )  # fmt: skip
    for phase in ("observe", "test"):
        checks += health.from_facts(run.facts.get(phase, {}).get("health", []))
    return checks
