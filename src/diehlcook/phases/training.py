"""A training under way: its network, what it has recorded, and how both are kept."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..analysis import health
from ..analysis.history import History
from ..data.datasets import Dataset
from ..engines.base import Engine, Responses, State
from ..errors import Cancelled, DiehlCookError, NetworkError, pasteable
from ..model import wiring
from ..model.params import Params
from ..model.stimulus import stream_key
from ..progress import Interrupted
from ..runs import schedule
from ..runs import snapshots as moments
from ..runs.checkpoints import Checkpoints, Saved
from ..runs.files import digest
from ..runs.run import Run

CHUNK_SECONDS = 5.0
"""Aimed at, so that progress is seen and an interrupt loses little."""


def seconds_between_checkpoints() -> float:
    """Return the seconds that $DIEHLCOOK_CHECKPOINT_SECONDS asks for, by default 60."""
    text = os.environ.get("DIEHLCOOK_CHECKPOINT_SECONDS", "60")
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < math.inf:
        raise DiehlCookError(f"$DIEHLCOOK_CHECKPOINT_SECONDS is {text!r}; expected a number of seconds")
    return seconds


class Training:
    """A training from its first image to its last, in a folder that this process owns.

    `begin` or `restore` comes first, then `step` until `position` is `total`, then `finish`.

    Parameters
    ----------
    run
        The run, whose folder takes all that is kept.
    data
        The images of a pass.
    plan
        What run.json says of the training before it begins; see `train.plan_of`.
    network
        The engine.
    """

    def __init__(self, run: Run, data: Dataset, plan: dict[str, Any], network: Engine) -> None:
        self.run, self.data, self.network = run, data, network
        self.total = len(data) * plan["epochs"]
        self.record = History(run.params, len(data), plan["epochs"], data.n_classes, run.seed, plan["grey"])
        self.state: State = {}
        self.wired = digest(network.delays)
        self.chunk = network.least_presentations
        self.started = time.monotonic()

    @property
    def position(self) -> int:
        """The number of images trained."""
        return int(self.state["protocol.position"][0])

    @property
    def checkpoints(self) -> Checkpoints:
        """Those of the run."""
        return Checkpoints(self.run.folder, self.run.identity)

    @property
    def most_snapshots(self) -> int:
        """How many snapshots there are at most; see `runs.snapshots`."""
        most: int = self.run.facts["train"].get("snapshots", moments.EARLIER)
        return most

    def begin(self) -> None:
        """Take the state of a network that has seen nothing."""
        weights = wiring.initial_weights(self.run.params, self.run.seed)
        self.state = self.network.initial_state(stream_key(self.run.seed, "train"), weights)
        self.keep_snapshot()

    def restore(self, saved: Saved) -> None:
        """Take the state of a checkpoint.

        Raises
        ------
        DiehlCookError
            It is one of another network.
        """
        arrays, facts = saved
        own = "state."
        self.state = {name.removeprefix(own): one for name, one in arrays.items() if name.startswith(own)}
        self.network.check(self.state, f"{self.run.folder}: the checkpoint")
        if facts.get("delays", self.wired) != self.wired:
            raise DiehlCookError(
                f"{self.run.folder}: cannot resume, because seed {self.run.seed} gives other delays here "
                "than where the training began; use the version of NumPy that run.json has in train.versions"
            )
        self.record.restore(arrays)
        self.started -= facts["wall_s"]

    def save(self) -> None:
        """Keep all of the training in a checkpoint."""
        arrays = {f"state.{name}": array for name, array in self.state.items()} | self.record.arrays()
        wall = time.monotonic() - self.started
        facts = {"wall_s": wall, "complete": self.position == self.total, "delays": self.wired}
        self.checkpoints.save(self.position, arrays, facts)

    def keep_snapshot(self) -> None:
        """Keep the weights, if it is time to."""
        position, weights = self.position, self.state["inp_exc.w"]
        last = position == self.total
        moments.keep(self.run, position, len(self.data), weights, most=self.most_snapshots, last=last)

    def examined(self, *, unanswered: bool = False) -> list[health.Check]:
        """Return what the health check says of the network now."""
        weights, theta = self.state["inp_exc.w"], self.state["exc.theta"]
        return health.examine(self.record.evidence(weights, theta, unanswered=unanswered))

    def step(self, cancelled: Callable[[], bool]) -> list[health.Check]:
        """Show the images of a chunk, and return what the health check says afterwards.

        Raises
        ------
        Interrupted
            `cancelled` returned true.
        DiehlCookError
            The simulation failed, the network diverged, or an image got too few spikes in its last attempt. In
            all cases a checkpoint of the state before this chunk was saved.
        """
        position = self.position
        next_snapshot = schedule.next_snapshot(position, len(self.data), self.most_snapshots)
        stop = min(self.record.next_window(position), next_snapshot)
        images = self.data.images[self.record.image_at(np.arange(position, stop))]
        before = time.monotonic()
        try:
            advanced, responses = self.network.advance(
                self.state, images, presentations=self.chunk, cancelled=cancelled
            )
        except Cancelled:
            self.save()
            command = pasteable("train", "--resume", "--run", self.run.folder)
            raise Interrupted(
                f"saved after {position} of {self.total} images; continue with {command}"
            ) from None
        except DiehlCookError as error:
            self.save()
            if isinstance(error, NetworkError):
                self.note_stop(health.unstable(error.args[0], self.run.params), self.examined())
            raise
        seconds = time.monotonic() - before
        unanswered = first_unanswered(responses, self.run.params)
        if unanswered is not None:
            self.save()
        self.state = advanced
        self.record.add(responses, self.data.labels)
        if unanswered is not None:
            self.give_up(unanswered)
        self.keep_snapshot()
        wanted = len(responses.position) * CHUNK_SECONDS / seconds
        self.chunk = int(np.clip(wanted, self.network.least_presentations, self.network.most_presentations))
        return self.examined()

    def give_up(self, unanswered: int) -> None:
        """Stop, because the image at a position got too few spikes however often it was shown.

        Raises
        ------
        NetworkError
            Always; it says why, as far as the health check can tell.
        """
        params, checks = self.run.params, self.examined(unanswered=True)
        doctor = pasteable("doctor", "--run", self.run.folder)
        reason = (
            f"image {self.record.image_at(unanswered)} got fewer than {params.min_spikes} spikes in "
            f"{params.max_attempts} attempts: {health.in_short(checks)} ({doctor} says more); "
            f"{health.first_change(checks)}, then train again with --force"
        )
        self.note_stop(health.unanswered(reason), checks)
        raise NetworkError(reason)

    def note_stop(self, why: health.Check, checks: list[health.Check]) -> None:
        """Write into run.json why the training stopped by itself, and what its network looked like."""
        self.run.facts["train"] |= {"stopped": why.measured, "health": health.as_facts([why, *checks])}
        self.run.save()

    def finish(self) -> None:
        """Write the results, and keep of the checkpoints the last: more passes can go on from it."""
        history, theta = self.record.rows, self.state["exc.theta"]
        results: dict[str, NDArray[Any]] = {
            "weights": self.state["inp_exc.w"],
            "theta": theta,
            "delays": self.network.delays,
            "train_history": history,
            "train_accuracy": self.record.windows,
            "train_counts": self.record.newest()[0],
            "train_spikes": self.record.spikes,
        }
        mean, sd = (round(float(one * 1e3), 3) for one in (theta.mean(), theta.std()))
        facts = {
            "finished": True,
            "wall_s": round(time.monotonic() - self.started, 1),
            "presentations": int(history["presentations"].sum()),
            "presentations_per_image": round(float(history["presentations"].mean()), 4),
            "spikes_per_image": round(float(history["spikes"].mean()), 3),
            "theta_mV": {"mean": mean, "sd": sd},
            "silent_neurons": int((self.record.spikes == 0).sum()),
            "health": health.as_facts(self.examined()),
        }
        self.run.commit("train", results, facts)
        self.checkpoints.prune(1)


def check_choice(*, resume: bool, force: bool) -> None:
    """Refuse to go on with what is there and to discard it at once."""
    if resume and force:
        raise DiehlCookError(
            "resume=True continues a run and force=True discards it; give one of them",
            "--resume continues a run and --force discards it; give one of them",
        )


def first_unanswered(responses: Responses, params: Params) -> int | None:
    """Return the position of the first image that got too few spikes in its last allowed attempt."""
    silent = responses.position[responses.final(params) & ~responses.answered(params)]
    return int(silent[0]) if silent.size else None
