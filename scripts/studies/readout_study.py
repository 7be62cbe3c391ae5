"""Read the spikes of the networks that come with the package in seven ways, beside controls; fill the tables of docs/readouts.md.

    python scripts/studies/readout_study.py           # what is missing: about an hour of one core; stop it at
    any time
    python scripts/studies/readout_study.py --page    # write the tables from the record, without running
    anything

Every network presents all training images once (observe) and all test images once (test). The readouts learn
from the responses to training images alone. What docs/readouts.json has is not done again; delete it after a
change of the readouts. The untrained networks are the same ones without learning: drawn weights, and one pass
over the training images in which only the thresholds settle. The controls without spikes see pixels.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pages import put, table
from record import machine

from diehlcook.analysis import readouts
from diehlcook.analysis.ladder import ladder
from diehlcook.analysis.readout import wilson
from diehlcook.data import datasets
from diehlcook.data.datasets import Dataset
from diehlcook.model.params import load_preset
from diehlcook.phases.observe import observe
from diehlcook.phases.test import test
from diehlcook.phases.train import train
from diehlcook.runs.files import load_json, save_json
from diehlcook.runs.run import Run, load_run
from diehlcook.runs.shipped import load_shipped, unpack

DOCS = Path(__file__).parents[2] / "docs"
RECORD, PAGE = DOCS / "readouts.json", DOCS / "readouts.md"

ENGINE = "fused"
NETWORKS = ("triplet-400", "power-law-400", "exponential-400", "pre-and-post-400")
UNTRAINED = {"untrained-triplet-400": "paper-triplet-400", "untrained-power-law-400": "paper-power-law-400"}
"""Presets whose learning rates are set to 0. Without learning the three rules that are not normalised are one
network."""

UNTRAINED_TITLES = {
    "untrained-triplet-400": "untrained, normalised",
    "untrained-power-law-400": "untrained, not normalised",
}
UNTRAINED_OF = {
    name: f"untrained-{'triplet' if name == 'triplet-400' else 'power-law'}-400" for name in NETWORKS
}
SEED = 1
"""That of the networks that come with the package."""

CENTRES = 400
LOGISTIC_STEPS = 300
STRENGTH = (0.01, 0.1, 1.0)
"""Values of C for logistic regression on pixels, chosen as those of the readouts are."""


def network(name: str, runs: Path, training: Dataset, testing: Dataset) -> Run:
    """Return a network that is labelled and tested, from what is there already."""
    folder = runs / name
    if name in UNTRAINED:
        params = load_preset(UNTRAINED[name]).with_values({"eta_pre": 0, "eta_post": 0})
        resume = (folder / "run.json").exists()
        run = train(folder, training, params, preset=UNTRAINED[name], seed=SEED, engine=ENGINE, resume=resume)
    else:
        run = load_run(folder) if (folder / "run.json").exists() else unpack(name, folder)
    here = (folder / "observe_counts.npy").exists()  # networks that come with the package bring no counts
    observe(run, training, engine=ENGINE, resume=here, force=not here)
    test(run, testing, engine=ENGINE, resume=True)
    return run


def accuracy(predicted: NDArray[Any], truth: NDArray[Any]) -> dict[str, Any]:
    """Return the share of right answers with its 95 % interval, for the record."""
    right = int((predicted == truth).sum())
    return {
        "accuracy": right / len(truth),
        "interval95": [round(end, 4) for end in wilson(right, len(truth))],
    }


def majority(member: NDArray[Any], labels: NDArray[Any], n: int) -> NDArray[np.int64]:
    """Return the commonest class among the members of each of `n` groups; class 0 for a group without any."""
    counts = np.zeros((n, 10), np.int64)
    np.add.at(counts, (member, labels), 1)
    return np.asarray(counts.argmax(axis=1), np.int64)


def k_means(training: Dataset, testing: Dataset) -> dict[str, Any]:
    """Cluster the training images, call each cluster by its commonest class, and classify by the nearest centre."""
    from sklearn.cluster import KMeans

    model = KMeans(CENTRES, n_init=1, random_state=0).fit(flat(training))
    names = majority(model.labels_, training.labels, CENTRES)
    return accuracy(names[model.predict(flat(testing))], testing.labels)


def best_field(name: str, training: Dataset, testing: Dataset) -> dict[str, Any]:
    """Classify by the receptive field that is most like the image (cosine), called by the commonest class it is most like."""
    weights = load_shipped(name).weights()
    fields = (weights / np.linalg.norm(weights, axis=0)).astype(np.float32)

    def best(data: Dataset) -> NDArray[np.int64]:
        return np.asarray((flat(data) @ fields).argmax(axis=1), np.int64)

    names = majority(best(training), training.labels, fields.shape[1])
    return accuracy(names[best(testing)], testing.labels)


def on_pixels(training: Dataset, testing: Dataset) -> dict[str, dict[str, Any]]:
    """Classify pixels linearly, with the hyperparameter that held-out training images choose."""
    from sklearn.linear_model import LogisticRegression, RidgeClassifier

    x, y = flat(training), training.labels
    judges = readouts.held_out(y)
    others = np.flatnonzero(~judges)
    few = readouts.evenly(others, readouts.LOGISTIC_FIT)
    logistic = LogisticRegression(max_iter=LOGISTIC_STEPS)
    found = {}
    for name, model, key, values, learnt in (
        ("ridge", RidgeClassifier(), "alpha", readouts.PENALTY, others),
        ("logistic", logistic, "C", STRENGTH, few),
    ):
        scores = []
        for value in values:
            model.set_params(**{key: value}).fit(x[learnt], y[learnt])
            scores.append(model.score(x[judges], y[judges]))
        value = values[int(np.argmax(scores))]
        predicted = model.set_params(**{key: value}).fit(x, y).predict(flat(testing))
        found[name] = accuracy(predicted, testing.labels) | {"chosen": value}
    return found


def flat(data: Dataset) -> NDArray[np.float32]:
    """Return the images as vectors of numbers from 0 to 1."""
    return data.images.reshape(len(data), -1).astype(np.float32) / np.float32(255)


def measure(runs: Path) -> None:
    """Do what the record does not have yet."""
    record: dict[str, Any] = load_json(RECORD) if RECORD.exists() else {"networks": {}, "controls": {}}
    readouts.sklearn("linear_model", "this study")  # without it half of the record would be missing
    training, testing = datasets.load("mnist", "train"), datasets.load("mnist", "test")

    def keep(part: str, name: str, what: Any) -> None:
        record[part][name] = what
        record["machine"], record["date"] = machine(), time.strftime("%Y-%m-%d")
        save_json(RECORD, record)
        print(f"{part}: {name} is done", flush=True)

    for name in [*NETWORKS, *UNTRAINED]:
        if name not in record["networks"]:
            run = network(name, runs, training, testing)
            trained, observed = run.facts["train"], run.facts["observe"]
            kind = {
                "passes": trained["epochs"],
                "theta_mV": trained["theta_mV"],
                "spikes_per_image": observed["spikes_per_image"],
            }
            keep("networks", name, ladder(run) | kind)
    if "k-means" not in record["controls"]:
        keep("controls", "k-means", k_means(training, testing))
    for name in NETWORKS:
        if f"best field, {name}" not in record["controls"]:
            keep("controls", f"best field, {name}", best_field(name, training, testing))
    if "logistic on pixels" not in record["controls"]:
        for name, found in on_pixels(training, testing).items():
            keep("controls", f"{name} on pixels", found)


def percent(one: dict[str, Any]) -> str:
    """Return an accuracy with its interval."""
    low, high = one["interval95"]
    return f"{100 * one['accuracy']:.2f} [{100 * low:.1f}, {100 * high:.1f}]"


def readout_table(heads: list[str], cells: dict[str, list[str]]) -> str:
    """Return a table with a row for each readout."""
    return table(f"| readout | {' | '.join(heads)} |", [(f"`{name}`", *row) for name, row in cells.items()])


def tables(record: dict[str, Any]) -> str:
    """Return the tables of the page."""
    networks = record["networks"]
    done = [name for name in NETWORKS if name in networks]
    bare = {name: title for name, title in UNTRAINED_TITLES.items() if name in networks}
    both = {one: UNTRAINED_OF[one] for one in done if UNTRAINED_OF[one] in networks}
    right, against, earned = {}, {}, {}
    for name in readouts.READOUTS:
        found = {one: networks[one]["readouts"][name] for one in networks}
        right[name] = [percent(found[one]) for one in done]
        if name != readouts.PAPER:
            against[name] = ["+{gained} −{lost}, p = {p:.1g}".format_map(found[one]) for one in done]
        gains = (found[one]["accuracy"] - found[other]["accuracy"] for one, other in both.items())
        earned[name] = [percent(found[one]) for one in bare] + [f"{100 * gain:+.1f}" for gain in gains]
    chosen = []
    for one in done:
        values = [
            f"`{name}` {key} {value:g}"
            for name, found in networks[one]["readouts"].items()
            for key, value in found["chosen"].items()
        ]
        chosen.append(f"- {one}: {', '.join(values)}")
    kinds = [
        (
            name,
            one["passes"],
            "{mean:.1f} ± {sd:.1f}".format_map(one["theta_mV"]),
            f"{one['spikes_per_image']:.1f}",
        )
        for name, one in networks.items()
    ]
    parts = [
        readout_table(done, right),
        (
            "Against the paper's readout `assignment`: test images that only the other readout has right, "
            "and that only the paper's has (exact McNemar test, not corrected for the number of tests)."
        ),
        readout_table(done, against),
        "Hyperparameters that held-out training images chose:",
        "\n".join(chosen),
        "### What STDP earns",
        "The same readout of the same network without learning, and the difference in points.",
        readout_table([*bare.values(), *(f"STDP earns: {one}" for one in both)], earned),
        table("| network | passes | theta, mV | spikes per training image, frozen |", kinds),
        "### Without spikes",
        table(
            "| control | test accuracy, % |",
            [(name, percent(one)) for name, one in record["controls"].items()],
        ),
        f"{record['machine']}, {record['date']}.",
    ]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Measure what is missing and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, default=Path("data/runs/readouts"), help="folder of the runs")
    parser.add_argument("--page", action="store_true", help="write the tables only")
    options = parser.parse_args()
    if not options.page:
        measure(options.runs)
    put(PAGE, "readout_study.py", tables(load_json(RECORD)))


if __name__ == "__main__":
    main()
