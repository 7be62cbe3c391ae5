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
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pages import put
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
    judges = readouts.held_out(len(x))
    others = np.flatnonzero(~judges)
    few = readouts.evenly(others, readouts.LOGISTIC_FIT)
    found = {}
    ways: tuple[tuple[str, Any, Any, Callable[[float], Any]], ...] = (
        ("ridge", readouts.PENALTY, others, lambda value: RidgeClassifier(alpha=value)),
        ("logistic", STRENGTH, few, lambda value: LogisticRegression(C=value, max_iter=LOGISTIC_STEPS)),
    )
    for name, values, chosen_from, make in ways:
        score = [
            make(value).fit(x[chosen_from], y[chosen_from]).score(x[judges], y[judges]) for value in values
        ]
        value = values[int(np.argmax(score))]
        found[name] = accuracy(make(value).fit(x, y).predict(flat(testing)), testing.labels) | {
            "chosen": value
        }
    return found


def flat(data: Dataset) -> NDArray[np.float32]:
    """Return the images as vectors of numbers from 0 to 1."""
    return data.images.reshape(len(data), -1).astype(np.float32) / np.float32(255)


def measure(runs: Path) -> None:
    """Do what the record does not have yet."""
    record: dict[str, Any] = load_json(RECORD) if RECORD.exists() else {"networks": {}, "controls": {}}
    readouts.sklearn_linear_model("logistic")  # without it half of the record would be missing
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


def tables(record: dict[str, Any]) -> str:
    """Return the tables of the page."""
    done = [name for name in NETWORKS if name in record["networks"]]
    lines = ["| readout | " + " | ".join(done) + " |", "|---|" + "---|" * len(done)]
    for name in readouts.READOUTS:
        cells = [percent(record["networks"][one]["readouts"][name]) for one in done]
        lines.append(f"| `{name}` | " + " | ".join(cells) + " |")
    lines += [
        "",
        (
            "Against the paper's readout `assignment`: test images that only the other readout has right, "
            "and that only the paper's has (exact McNemar test, not corrected for the number of tests)."
        ),
        "",
    ]
    lines += ["| readout | " + " | ".join(done) + " |", "|---|" + "---|" * len(done)]
    for name in readouts.READOUTS:
        if name != readouts.PAPER:
            found = [record["networks"][one]["readouts"][name] for one in done]
            cells = [f"+{one['gained']} −{one['lost']}, p = {one['p']:.1g}" for one in found]
            lines.append(f"| `{name}` | " + " | ".join(cells) + " |")
    lines += ["", "Hyperparameters that held-out training images chose:", ""]
    for one in done:
        chosen = [
            f"`{name}` {key} {value:g}"
            for name, found in record["networks"][one]["readouts"].items()
            for key, value in found["chosen"].items()
        ]
        lines.append(f"- {one}: {', '.join(chosen)}")
    lines += [
        "",
        "### What STDP earns",
        "",
        "The same readout of the same network without learning, and the difference in points.",
        "",
    ]
    both = [one for one in done if UNTRAINED_OF[one] in record["networks"]]
    bare = [name for name in UNTRAINED if name in record["networks"]]
    titles = {
        "untrained-triplet-400": "untrained, normalised",
        "untrained-power-law-400": "untrained, not normalised",
    }
    head = [titles[name] for name in bare] + [f"STDP earns: {one}" for one in both]
    lines += ["| readout | " + " | ".join(head) + " |", "|---|" + "---|" * len(head)]
    for name in readouts.READOUTS:
        cells = [percent(record["networks"][one]["readouts"][name]) for one in bare]
        for one in both:
            with_it, without = (
                record["networks"][k]["readouts"][name]["accuracy"] for k in (one, UNTRAINED_OF[one])
            )
            cells.append(f"{100 * (with_it - without):+.1f}")
        lines.append(f"| `{name}` | " + " | ".join(cells) + " |")
    lines += ["", "| network | passes | theta, mV | spikes per training image, frozen |", "|---|---|---|---|"]
    for name, one in record["networks"].items():
        lines.append(
            f"| {name} | {one['passes']} | {one['theta_mV']['mean']:.1f} ± {one['theta_mV']['sd']:.1f} | "
            f"{one['spikes_per_image']:.1f} |"
        )
    lines += ["", "### Without spikes", "", "| control | test accuracy, % |", "|---|---|"]
    for name, one in record["controls"].items():
        lines.append(f"| {name} | {percent(one)} |")
    lines += ["", f"{record['machine']}, {record['date']}."]
    return "\n".join(lines) + "\n"


def write_page() -> None:
    """Put the tables between their marks in the page."""
    if not RECORD.exists():
        raise SystemExit(f"{RECORD.name}: no record yet; run this script without --page")
    put(PAGE, "readout_study.py", tables(load_json(RECORD)))


def main() -> int:
    """Measure what is missing and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, default=Path("data/runs/readouts"), help="folder of the runs")
    parser.add_argument("--page", action="store_true", help="write the tables only")
    options = parser.parse_args()
    if not options.page:
        measure(options.runs)
    write_page()
    return 0


if __name__ == "__main__":
    sys.exit(main())
