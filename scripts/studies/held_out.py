"""Short experiments on training images alone, each recorded as one row of a table; what trials.py compares.

A trial trains on the first images of MNIST's training set, labels the neurons with the first images too, and
classifies images from the last 10,000 of the training set, which it has not seen. Test images are never
opened here.

The workflow runs the trials that a table lacks, each as one job that writes its row to a file of its own
(workflow/trials.smk); `gather` adds these rows to the table. Rows are of the presets as they are:
`read_table` refuses a table whose preset has changed since.

python scripts/studies/held_out.py TRIAL --out FILE      # run one trial, given as JSON
python scripts/studies/held_out.py --out FILE.npz        # write the images, for cells with dataset: held-out
"""

import argparse
import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pages
from numpy.typing import NDArray
from pages import read_rows

from diehlcook.analysis import readout
from diehlcook.data import datasets
from diehlcook.data.datasets import Dataset
from diehlcook.errors import DiehlCookError, NetworkError
from diehlcook.model.params import Params, load_preset
from diehlcook.model.stimulus import stream_key
from diehlcook.phases import responses
from diehlcook.phases.responses import TrainedNetwork
from diehlcook.phases.train import train
from diehlcook.runs.files import load_json, save_json

HELD_OUT, END = 50_000, 60_000
"""Images from the first to the second choose; those before train and label."""


@dataclass(frozen=True)
class Trial:
    """What is run. `settings` are texts as for --set, separated by "; ", applied to `preset`.

    `label` 0 stands for a mistake that is to be measured: labels from the very responses that are then
    judged.
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
    frozen: TrainedNetwork, data: Dataset, seed: int, *, label: int, judges: slice
) -> tuple[float, NDArray[np.int8]]:
    """Return the share of the images `judges` that a network gets right, and its labels.

    Labels are from the first `label` images; if that is 0, from the responses to `judges` themselves.
    """
    (judging,) = responses.respond(frozen, data.images[judges], [stream_key(seed, "predict")])
    labelling, truth = judging, data.labels[judges]
    if label:
        (labelling,) = responses.respond(frozen, data.images[:label], [stream_key(seed, "observe")])
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
        frozen = responses.trained_network(run, "fused", "observe")
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
    kinds = get_type_hints(Trial)
    found = {}
    for row in read_rows(path):
        trial = Trial(**{name: kinds[name](row[name]) for name in TRIAL})
        if trial.resolved != row[RESOLVED]:
            raise DiehlCookError(
                f"{path}: {trial.preset} has changed since ({trial.resolved}; the table has "
                f"{row[RESOLVED]}); remove its rows"
            )
        found[trial] = Outcome(**{name: row[name] for name in OUTCOME})
    return found


def append_row(path: Path, trial: Trial, outcome: Outcome) -> None:
    """Add a row to a table, which is made if needed."""
    pages.append_row(path, asdict(trial) | {RESOLVED: trial.resolved} | asdict(outcome))


def name_of(trial: Trial) -> str:
    """Return a name for the file of a row: the same for the same trial of the same parameters."""
    told = json.dumps(asdict(trial) | {RESOLVED: trial.resolved}, sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def told(trials: Iterable[Trial], done: dict[Trial, Outcome]) -> dict[str, Any]:
    """Return what the workflow has to know of the trials that are not done, each under the name of its row's file."""
    return {
        name_of(trial): {"trial": asdict(trial), "dt": trial.params.as_texts()["dt"]}
        for trial in trials
        if trial not in done
    }


def gather(path: Path, rows: Path, *, write: bool = True) -> dict[Trial, Outcome]:
    """Return the rows of a table and those in a folder that it does not have; add these to it, unless it is only asked."""
    done = read_table(path)
    for file in sorted(rows.glob("*.json"), key=lambda one: one.stat().st_mtime):
        row = load_json(file)
        trial = Trial(**row["trial"])
        if trial not in done and file.stem == name_of(trial):
            done[trial] = Outcome(**row["outcome"])
            if write:
                append_row(path, trial, done[trial])
    return done


def write_images(path: Path) -> None:
    """Write MNIST's training images as a data set of their own, in which those that choose are the test images."""
    whole = datasets.load("mnist", "train")
    learn, choose = slice(HELD_OUT), slice(HELD_OUT, END)
    unfinished = path.with_name(f".{path.name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with unfinished.open("wb") as file:
        np.savez(
            file,
            train_images=whole.images[learn], train_labels=whole.labels[learn],
            test_images=whole.images[choose], test_labels=whole.labels[choose],
        )  # fmt: skip
    unfinished.replace(path)


def main() -> None:
    """Run one trial and write its row, or write the images."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trial", nargs="?", type=json.loads, help="the trial's fields, as JSON")
    parser.add_argument("--out", type=Path, required=True, help="file to write")
    options = parser.parse_args()
    if options.trial is None:
        write_images(options.out)
        return
    outcome = run_trial(Trial(**options.trial))
    save_json(options.out, {"trial": options.trial, "outcome": asdict(outcome)})


if __name__ == "__main__":
    main()
