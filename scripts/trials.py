"""Short experiments on training images alone, each recorded as one row of a table; shared by search.py and ablate.py.

A trial trains on the first images of MNIST's training set, labels the neurons with the first images too, and classifies
images from the last 10,000 of the training set, which it has not seen. Test images are never opened here. A row is
written when its trial is done; trials that the table has are not run again, so a search can be stopped at any time.
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

from diehlcook import datasets, present, readout
from diehlcook.errors import DiehlCookError
from diehlcook.params import Params, load_preset
from diehlcook.stimulus import stream_key
from diehlcook.train import train

HELD_OUT = 50_000
"""Images from here on choose; those before train and label."""


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


def run_trial(trial: Trial) -> Outcome:
    """Train, label and classify; a network that falls silent or diverges is an outcome too."""
    if trial.images > HELD_OUT or trial.label > HELD_OUT:
        raise ValueError(f"{trial}: images from {HELD_OUT} on are for choosing")
    data = datasets.load("mnist", "train")
    held_out = slice(HELD_OUT, HELD_OUT + trial.choose)
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
        (unseen,) = present.present(frozen, data.images[held_out], [stream_key(trial.seed, "predict")])
        seen, truth = unseen, data.labels[held_out]
        if trial.label:
            (seen,) = present.present(frozen, data.images[: trial.label], [stream_key(trial.seed, "observe")])
            truth = data.labels[: trial.label]
    except DiehlCookError as error:
        return Outcome(date=time.strftime("%Y-%m-%d"), error=str(error).replace(str(folder), "RUN"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    labels = readout.assign_labels(seen.counts, truth).labels
    predicted = readout.predict(unseen.counts, labels).labels
    facts = run.facts["train"]
    return Outcome(
        accuracy=f"{(predicted == data.labels[held_out]).mean():.4f}",
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
    return {
        Trial(**{name: kinds[name](row[name]) for name in TRIAL}): Outcome(
            **{name: row[name] for name in OUTCOME}
        )
        for row in rows
    }


def append_row(path: Path, trial: Trial, outcome: Outcome) -> None:
    """Add a row to a table, which is made if needed."""
    new = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, TRIAL + OUTCOME, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(asdict(trial) | asdict(outcome))


def run_all(trials: Iterable[Trial], path: Path, jobs: int) -> dict[Trial, Outcome]:
    """Run what the table does not have yet; return the outcomes of all `trials`, failed ones included."""
    wanted = list(dict.fromkeys(trials))
    done = read_table(path)
    waiting = [trial for trial in wanted if trial not in done]
    started = time.monotonic()
    with ProcessPoolExecutor(jobs) as pool:
        running = {pool.submit(run_trial, trial): trial for trial in waiting}
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
    return {trial: done[trial] for trial in wanted}
