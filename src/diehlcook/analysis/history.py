"""All that a training records of its responses: a row per image, the newest counts, the accuracy of each window.

A `History` is filled while a training runs, goes into its checkpoints, and is read back from these or from
the files of a finished run; whoever judges a network gets the same evidence either way.

The accuracy during training is that of the last closed window: its images, classified with the labels of the
window before (paper Fig. 2C). What the progress line tells of the newest images while a window lasts is
stored nowhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..engines.base import Responses
from ..errors import DiehlCookError
from ..model import order
from ..model.params import Params
from ..runs import layout, schedule
from ..runs.checkpoints import Checkpoints
from ..runs.rows import BEFORE, HISTORY, read_rows
from ..runs.run import Run
from . import health, readout
from .health import Evidence

ACCURACY = np.dtype([("images", "i8"), ("correct", "i8"), ("total", "i8")])
"""One row per window of the accuracy during training: images trained at its end, and how many of it were
right."""

RING = 10_000
"""Images whose responses are kept: the newest."""

LATEST = 1000
"""Images whose accuracy the progress line tells while a window lasts."""


class History:
    """What a training has recorded so far.

    Parameters
    ----------
    params, seed
        Of the run.
    n_images, epochs
        Images of a pass, and passes asked for.
    n_classes
        Classes of the labels.
    grey
        What `datasets.grey_values` says of the images.
    """

    def __init__(
        self,
        params: Params,
        n_images: int,
        epochs: int,
        n_classes: int,
        seed: int,
        grey: dict[str, float] | None = None,
    ) -> None:
        self.params = params
        self.grey = grey
        self.n_images = n_images
        self.n_classes = n_classes
        self.seed = seed
        self.total = total = n_images * epochs
        self.rows = np.zeros(total, HISTORY)
        self.ring = np.zeros((min(RING, total), params.n_exc), np.uint16)
        self.ring_labels = np.zeros(len(self.ring), np.uint8)
        self.spikes = np.zeros(params.n_exc, np.int64)
        self.windows = np.zeros(0, ACCURACY)
        self.assignments = np.full(params.n_exc, -1, np.int8)
        self.position = 0
        self.window = schedule.window_size(n_images)

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take up what `arrays` gave, of this training or of one that ended after fewer passes."""
        self.position = position = len(arrays["history"])
        self.rows[:position] = arrays["history"]
        saved = len(arrays["ring"])
        newest = np.arange(position - saved, position)
        self.ring[newest % len(self.ring)] = arrays["ring"][newest % max(saved, 1)]
        self.ring_labels[newest % len(self.ring)] = arrays["ring_labels"][newest % max(saved, 1)]
        self.spikes = arrays["spikes"]
        self.windows = arrays["accuracy"]
        self.assignments = arrays["assignments"]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything for a checkpoint."""
        filled = min(self.position, len(self.ring))
        return {
            "history": self.rows[: self.position],
            "ring": self.ring[:filled],
            "ring_labels": self.ring_labels[:filled],
            "spikes": self.spikes,
            "accuracy": self.windows,
            "assignments": self.assignments,
        }

    def image_at(self, position: NDArray[np.int64] | int) -> NDArray[np.int64]:
        """Return the image at each position of the training."""
        return order.image_at(position, self.n_images, order=self.params.order, seed=self.seed)

    def next_window(self, position: int) -> int:
        """Return the position after `position` at which a window closes; the end of the training if none does."""
        return min((position // self.window + 1) * self.window, self.total) if self.window else self.total

    def add(self, responses: Responses, labels: NDArray[np.uint8]) -> None:
        """Take in the responses of a chunk that goes no further than `next_window`."""
        final = responses.final(self.params)
        at, counts = responses.position[final], responses.counts[final]
        rows = self.rows[at]
        rows["label"] = labels[self.image_at(at)]
        rows["presentations"] = responses.attempt[final] + 1
        rows["spikes"] = counts.sum(axis=1, dtype=np.int64)
        for name in BEFORE:
            rows[name] = getattr(responses, name)[final]
        self.rows[at] = rows
        self.ring[at % len(self.ring)] = counts
        self.ring_labels[at % len(self.ring)] = labels[self.image_at(at)]
        self.spikes = self.spikes + responses.counts.sum(axis=0, dtype=np.int64)
        self.position += at.size
        if self.window and at.size and self.position % self.window == 0:
            self.close_window()

    def close_window(self) -> None:
        """Classify the window that ends here with the labels of the one before, then label by it."""
        counts, labels = self.newest(self.window)
        if self.position > self.window:
            right = int((readout.predict(counts, self.assignments, self.n_classes).labels == labels).sum())
            self.windows = np.append(self.windows, np.array([(self.position, right, self.window)], ACCURACY))
        self.assignments = readout.assign_labels(counts, labels, self.n_classes).labels

    def newest(self, most: int = RING) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
        """Return responses to and labels of the newest images, oldest first; at most `most` and what the ring holds."""
        first = max(0, self.position - min(most, len(self.ring)))
        rows = np.arange(first, self.position) % len(self.ring)
        return self.ring[rows], self.ring_labels[rows]

    def evidence(
        self, weights: NDArray[np.float64], theta: NDArray[np.float64], *, unanswered: bool = False
    ) -> Evidence:
        """Return what there is to judge the health of the network by; see `health.Evidence`."""
        counts, filled = self.newest(health.NEWEST)[0], self.ring[: min(self.position, len(self.ring))]
        evidence = evidence_of(
            self.params, weights, theta, self.rows[: self.position], self.windows, counts, filled
        )
        return evidence._replace(unanswered=unanswered, grey=self.grey, asked_for=self.total)

    def words(self, checks: list[health.Check]) -> str:
        """Return the state of things for the progress line, the most important first; see `latest_accuracy`."""
        newest = self.rows[max(self.position - health.NEWEST, 0) : self.position]
        if not len(newest):
            return ""
        right = self.latest_accuracy()
        return ", ".join(
            [
                *([f"accuracy {right[0]:.1%}"] if right else []),
                f"theta {newest['theta_mean'][-1] * 1e3:.1f} mV",
                health.in_short(checks),
                f"{newest['spikes'].mean():.1f} spikes per image",
            ]
        )

    def latest_accuracy(self) -> tuple[float, int] | None:
        """Return which share of the newest images is right, and their number, for the progress line.

        Labels are from the last closed window; while there are fewer than `LATEST` images since, the accuracy
        is that window's.
        """
        since = self.position % self.window if self.window else 0
        if self.position > self.window and since >= LATEST:
            counts, labels = self.newest(LATEST)
            right = readout.predict(counts, self.assignments, self.n_classes).labels == labels
            return float(right.mean()), LATEST
        if not len(self.windows):
            return None
        last = self.windows[-1]
        return last["correct"] / last["total"], int(last["total"])


def read_evidence(run: Run) -> Evidence:
    """Return what the training of a run has recorded: of a finished one, or up to the newest checkpoint.

    Raises
    ------
    DiehlCookError
        Nothing is there yet, or a file is damaged.
    """
    facts = run.facts.get("train", {})
    running = "data" in facts and not facts["finished"]
    evidence = read_checkpoint(run) if running else read_finished(run)  # which says what is missing, too
    asked_for = facts.get("images", 0) * facts.get("epochs", 1)
    return evidence._replace(grey=facts.get("grey"), asked_for=asked_for)


def evidence_of(
    params: Params,
    weights: NDArray[np.float64],
    theta: NDArray[np.float64],
    rows: NDArray[Any],
    windows: NDArray[Any],
    counts: NDArray[np.uint16],
    ring: NDArray[np.uint16] | None = None,
) -> Evidence:
    """Return the evidence that recorded arrays are; `counts` are the responses to the newest images, oldest first.

    `ring` are the responses to all images that are kept, in any order; by default `counts`.
    """
    ring = counts if ring is None else ring
    spikes = ring.sum(axis=0, dtype=np.int64)
    newest = counts[-health.NEWEST :]
    return Evidence(params, len(rows), weights, theta, rows, windows, newest, spikes, len(ring))


def read_checkpoint(run: Run) -> Evidence:
    """Read the newest checkpoint of a training."""
    saved = Checkpoints(run.folder, run.identity).load(READ)
    if saved is None:
        raise DiehlCookError(f"{run.folder}: no checkpoint yet; wait a minute, or train")
    weights, theta, rows, windows, ring = (saved[0][name] for name in READ)
    counts = np.roll(ring, -(len(rows) % max(len(ring), 1)), axis=0)
    return evidence_of(run.params, weights, theta, rows, windows, counts)


READ = ("state.inp_exc.w", "state.exc.theta", "history", "accuracy", "ring")
"""Arrays of a checkpoint that are evidence, in the order in which `evidence_of` takes them."""


def read_finished(run: Run) -> Evidence:
    """Read the files of a finished training."""
    facts, folder = run.trained(), run.folder
    # Without the bounds that `Run` checks: out of bounds is a finding
    weights = run.load("weights", in_range=False).astype(np.float64)
    theta = run.load("theta", in_range=False).astype(np.float64)
    if "imported" in facts:
        return Evidence(run.params, 0, weights, theta, elsewhere=True)
    if not layout.is_there(folder, "train_history"):  # shipped networks have none
        return Evidence(run.params, facts["images"] * facts["epochs"], weights, theta)
    rows = read_rows(run, "train_history", HISTORY)
    return evidence_of(run.params, weights, theta, rows, read_windows(run), run.load("train_counts"))


def read_windows(run: Run) -> NDArray[Any]:
    """Return the accuracy of each window of a finished training, as `ACCURACY`; none of a network from elsewhere."""
    if "imported" in run.trained():
        return np.zeros(0, ACCURACY)
    return read_rows(run, "train_accuracy", ACCURACY)


def examine_run(run: Run, recorded: Evidence | None = None) -> list[health.Check]:
    """Return every check of the health that a run allows, of all its phases; `recorded` if it has been read already."""
    facts = run.facts.get("train", {})
    if "stopped" in facts:
        checks = health.from_facts(facts["health"])
    else:
        # Thresholds that were not imported are theta_init, whatever the network had learned
        no_theta = "theta" not in facts.get("imported", {}).get("files", {"theta": ""})
        looks = [look for look in health.CHECKS if not (no_theta and look is health.thresholds)]
        checks = health.examine(recorded or read_evidence(run), looks)
    for phase in ("observe", "test"):
        checks += health.from_facts(run.facts.get(phase, {}).get("health", []))
    return checks
