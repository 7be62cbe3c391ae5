"""Short experiments on training images alone, each recorded as one row of a table; shared by search.py and ablate.py.

A trial trains on the first images of MNIST's training set, labels the neurons with the first images too, and classifies
images from the last 10,000 of the training set, which it has not seen. Test images are never opened here. A row is
written when its trial is done; trials that the table has are not run again, so a search can be stopped at any time. Rows
are of the presets as they are: `read_table` refuses a table whose preset has changed since.
"""

import csv
import shutil
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from diehlcook import datasets, present, readout
from diehlcook.datasets import Dataset
from diehlcook.errors import DiehlCookError, NetworkError
from diehlcook.params import Params, load_preset
from diehlcook.present import Frozen
from diehlcook.processes import die_with_parent
from diehlcook.stimulus import stream_key
from diehlcook.train import train

HELD_OUT, END = 50_000, 60_000
"""Images from the first to the second choose; those before train and label."""


@dataclass(frozen=True)
class Trial:
    """What is run. `settings` are texts as for --set, separated by "; ", applied to `preset`.

    `label` 0 stands for a mistake that is to be measured: labels from the very responses that are then judged.
    """

    study: str
    preset: str
    settings: str
    n_exc: int
    images: int
    epochs: int
    label: int
    choose: int
    seed: int

    @property
    def params(self) -> Params:
        """The parameters; `n_exc` neurons."""
        pairs = [pair.split("=", 1) for pair in self.settings.split("; ") if pair]
        return load_preset(self.preset).with_values({"n_exc": self.n_exc, **dict(pairs)})

    @property
    def resolved(self) -> str:
        """What preset and settings come to: the parameters that differ from the public code's, as texts."""
        return "; ".join(f"{name}={here}" for name, (here, _) in self.params.differences(Params()).items())


@dataclass(frozen=True)
class Outcome:
    """What came out; the means are over the training. All but `error` are empty if it failed."""

    accuracy: str = ""
    theta_mV: str = ""
    theta_sd_mV: str = ""
    spikes_per_image: str = ""
    presentations_per_image: str = ""
    weight_sum: str = ""
    silent_neurons: str = ""
    empty_classes: str = ""
    wall_s: str = ""
    date: str = ""
    error: str = ""


TRIAL = [f.name for f in fields(Trial)]
OUTCOME = [f.name for f in fields(Outcome)]
RESOLVED = "params"


def judge(
    frozen: Frozen, data: Dataset, seed: int, *, label: int, judges: slice
) -> tuple[float, NDArray[np.int8]]:
    """Return the share of the images `judges` that a network gets right, and its labels.

    Labels are from the first `label` images; if that is 0, from the responses to `judges` themselves.
    """
    (judging,) = present.present(frozen, data.images[judges], [stream_key(seed, "predict")])
    labelling, truth = judging, data.labels[judges]
    if label:
        (labelling,) = present.present(frozen, data.images[:label], [stream_key(seed, "observe")])
        truth = data.labels[:label]
    labels = readout.assign_labels(labelling.counts, truth).labels
    predicted = readout.predict(judging.counts, labels).labels
    return float((predicted == data.labels[judges]).mean()), labels


def run_trial(trial: Trial) -> Outcome:
    """Train, label and classify; a network that falls silent or diverges is an outcome too."""
    if max(trial.images, trial.label) > HELD_OUT or HELD_OUT + trial.choose > END:
        raise ValueError(f"{trial}: images {HELD_OUT} to {END} are for choosing")
    data = datasets.load("mnist", "train")
    folder = Path(tempfile.mkdtemp(prefix="trial-"))
    started = time.monotonic()
    try:
        run = train(
            folder,
            data.head(trial.images),
            trial.params,
            seed=trial.seed,
            epochs=trial.epochs,
            engine="fused",
        )
        frozen = present.frozen(run, "fused", "observe")
        accuracy, labels = judge(
            frozen, data, trial.seed, label=trial.label, judges=slice(HELD_OUT, HELD_OUT + trial.choose)
        )
    except NetworkError as error:
        return Outcome(date=time.strftime("%Y-%m-%d"), error=str(error).replace(str(folder), "RUN"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    facts = run.facts["train"]
    return Outcome(
        accuracy=f"{accuracy:.4f}",
        theta_mV=f"{facts['theta_mV']['mean']:.2f}",
        theta_sd_mV=f"{facts['theta_mV']['sd']:.2f}",
        spikes_per_image=f"{facts['spikes_per_image']:.2f}",
        presentations_per_image=f"{facts['presentations_per_image']:.3f}",
        weight_sum=f"{frozen.weights.sum(axis=0).mean():.1f}",
        silent_neurons=str(int((labels < 0).sum())),
        empty_classes=str(10 - np.unique(labels[labels >= 0]).size),
        wall_s=f"{time.monotonic() - started:.0f}",
        date=time.strftime("%Y-%m-%d"),
    )


def read_table(path: Path) -> dict[Trial, Outcome]:
    """Return the trials of a table, in its order."""
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    kinds = {f.name: f.type for f in fields(Trial)}
    found = {}
    for row in rows:
        trial = Trial(**{name: kinds[name](row[name]) for name in TRIAL})
        if trial.resolved != row[RESOLVED]:
            raise DiehlCookError(
                f"{path}: {trial.preset} has changed since ({trial.resolved}; the table has {row[RESOLVED]}); remove its rows"
            )
        found[trial] = Outcome(**{name: row[name] for name in OUTCOME})
    return found


def append_row(path: Path, trial: Trial, outcome: Outcome) -> None:
    """Add a row to a table, which is made if needed."""
    new = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, [*TRIAL, RESOLVED, *OUTCOME], lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(asdict(trial) | {RESOLVED: trial.resolved} | asdict(outcome))


def run_all(trials: Iterable[Trial], path: Path, jobs: int) -> dict[Trial, Outcome]:
    """Run what the table does not have yet; return the outcomes of all `trials`, failed ones included."""
    wanted = list(dict.fromkeys(trials))
    done = read_table(path)
    waiting = [trial for trial in wanted if trial not in done]
    started = time.monotonic()
    with ProcessPoolExecutor(jobs, initializer=die_with_parent) as pool:
        running = {pool.submit(run_trial, trial): trial for trial in waiting}
        try:
            for number, future in enumerate(as_completed(running), 1):
                trial = running[future]
                done[trial] = future.result()
                append_row(path, trial, done[trial])
                left = (time.monotonic() - started) / number * (len(waiting) - number)
                print(
                    f"{number}/{len(waiting)}, {left / 60:.0f} min left: {trial.study} {trial.n_exc}n {trial.settings or trial.preset}: "
                    f"{done[trial].accuracy or done[trial].error}",
                    flush=True,
                )
        except BaseException:  # else the pool would work through the queue, and nobody would record it
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return {trial: done[trial] for trial in wanted}
