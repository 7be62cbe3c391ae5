"""Classify iris flowers by repeated cross-validation: the network of the notebook, baselines, and a single neuron; fill the page.

    python scripts/studies/iris.py           # what is missing: about 7 minutes of one core; stop it at any time
    python scripts/studies/iris.py --page    # write the tables from the records, without running anything

All methods are asked about the same folds (`iris_folds`), and so are the networks of four inputs and one neuron
(`iris_neuron`). The records are iris_folds.csv and iris_neuron.csv beside the notebook.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import iris_neuron
import numpy as np
from iris_folds import DATA, FOLDS, REPETITIONS, Features, Fold, folds, mean_of, read_flowers
from iris_neuron import CONDITIONS
from numpy.typing import NDArray
from pages import Row, append_row, put, read_rows, table, write_rows
from readout_study import majority
from sklearn.cluster import KMeans
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.neighbors import KNeighborsClassifier

from diehlcook import DiehlCook, load_preset
from diehlcook.data.datasets import Dataset
from diehlcook.phases.observe import observe
from diehlcook.phases.test import test
from diehlcook.phases.train import train

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "iris.md"
TABLE, NEURON_TABLE = DATA.with_name("iris_folds.csv"), DATA.with_name("iris_neuron.csv")

NEURONS = 40
"""Excitatory neurons of the networks, and prototypes of k-means."""

SPECIES, OF_A_SPECIES = ("setosa", "versicolor", "virginica"), 10
"""Their names, and how many flowers of each a fold has."""

COLUMNS, WIDTH, EPOCHS = 100, 0.1, 10
"""Inputs of a population, width of their tuning, and passes over the flowers: those of the notebook."""


def population_code(features: Features) -> NDArray[np.uint8]:
    """Return flowers as images (n, 4, COLUMNS), as the notebook makes them."""
    preferred = np.linspace(0, 1, COLUMNS)
    rates = np.exp(-((features[:, :, np.newaxis] - preferred) ** 2) / (2 * WIDTH**2))
    return (255 * rates).astype(np.uint8)


def network(fold: Fold, **changes: str) -> NDArray[np.int64]:
    """Return the answers of the notebook's network, with some parameters changed."""
    params = load_preset("paper-triplet-100").with_values(
        {"n_input": str(4 * COLUMNS), "n_exc": str(NEURONS), "weight_sum": "40", **changes}
    )
    learned = population_code(fold.learned), fold.labels
    asked = Dataset.from_arrays(population_code(fold.asked), fold.answers, split="test")
    with tempfile.TemporaryDirectory() as folder:
        run = train(Path(folder) / "run", learned, params, seed=fold.seed, epochs=EPOCHS, progress=False)
        observe(run, learned, raster=False, progress=False)
        test(run, asked, progress=False)
        answers: NDArray[np.int64] = run.load("test_predictions")[0]
    return answers


def untrained(fold: Fold) -> NDArray[np.int64]:
    """Return the answers of the same network without learning: drawn weights, thresholds that have settled."""
    return network(fold, eta_pre="0", eta_post="0")


def classifier(fold: Fold) -> NDArray[np.int64]:
    """Return the answers of the package's classifier, which chooses the coding and the passes itself."""
    fitted = DiehlCook(n_exc=NEURONS, random_state=fold.seed).fit(fold.learned, fold.labels)
    answers: NDArray[np.int64] = fitted.predict(fold.asked)
    return answers


def discriminant(fold: Fold) -> NDArray[np.int64]:
    """Return the answers of Fisher's linear discriminant."""
    fitted = LinearDiscriminantAnalysis().fit(fold.learned, fold.labels)
    answers: NDArray[np.int64] = fitted.predict(fold.asked)
    return answers


def neighbours(fold: Fold) -> NDArray[np.int64]:
    """Return what the five nearest flowers say."""
    fitted = KNeighborsClassifier(5).fit(fold.learned, fold.labels)
    answers: NDArray[np.int64] = fitted.predict(fold.asked)
    return answers


def prototypes(fold: Fold) -> NDArray[np.int64]:
    """Return what the nearest of as many prototypes says as the network has neurons, each labelled by most of its flowers."""
    fitted = KMeans(NEURONS, n_init=10, random_state=fold.seed).fit(fold.learned)
    named: NDArray[np.int64] = majority(fitted.labels_, fold.labels, NEURONS)[fitted.predict(fold.asked)]
    return named


Method = Callable[[Fold], NDArray[np.int64]]

METHODS: dict[str, tuple[str, Method]] = {
    "network": ("network of 40 neurons, trained", network),
    "untrained": ("the same network without learning", untrained),
    "classifier": ("`DiehlCook(n_exc=40)`", classifier),
    "discriminant": ("linear discriminant analysis", discriminant),
    "neighbours": ("5 nearest neighbours", neighbours),
    "prototypes": ("k-means with 40 prototypes", prototypes),
}
"""By name: what a table calls them, and their answers."""


def measure() -> None:
    """Add to the tables what they lack: of each method and fold the right answers by species, and what single neurons do."""
    cuts = list(folds(read_flowers()))
    known = {(row["repetition"], row["fold"], row["method"]) for row in read_rows(TABLE)}
    for fold in cuts:
        for name, (_, method) in METHODS.items():
            which = {"repetition": str(fold.repetition), "fold": str(fold.number), "method": name}
            if tuple(which.values()) not in known:
                right = method(fold) == fold.answers
                sums = np.bincount(fold.answers, right, minlength=3)
                append_row(TABLE, which | {one: f"{n:.0f}" for one, n in zip(SPECIES, sums, strict=True)})
    if not NEURON_TABLE.exists():
        write_rows(
            NEURON_TABLE,
            [
                {"repetition": str(fold.repetition), "fold": str(fold.number)}
                | {name: str(value) for name, value in condition._asdict().items()}
                | found
                for conditions in CONDITIONS
                for condition, fold, found in iris_neuron.measure(conditions, cuts)
            ],
        )


def shares(rows: list[Row], method: str) -> NDArray[np.float64]:
    """Return which share of each species a method gets right in each fold (n_folds, 3)."""
    return np.array(
        [[int(row[one]) / OF_A_SPECIES for one in SPECIES] for row in rows if row["method"] == method]
    )


def methods_table(rows: list[Row]) -> str:
    """Return the accuracy of each method, and how far it is from the network's in the same folds."""
    network = shares(rows, "network").mean(axis=1)
    lines = []
    for name, (says, _) in METHODS.items():
        found = shares(rows, name)
        accuracy = found.mean(axis=1)
        repetitions = 100 * accuracy.reshape(REPETITIONS, FOLDS).mean(axis=1)
        apart = mean_of(accuracy - network)
        lines.append(
            (
                says,
                mean_of(accuracy).percent(),
                f"{repetitions.min():.1f} to {repetitions.max():.1f}",
                "" if name == "network" else f"{apart.percent('+')}, p = {apart.p:.2g}",
                *(f"{100 * share:.1f}" for share in found.mean(axis=0)),
            )
        )
    head = (
        "| method | accuracy, % | single repetitions, % | difference to the network, points | setosa, % | "
        "versicolor, % | virginica, % |"
    )
    return table(head, lines, range(1, 7))


def neurons_table(rows: list[Row]) -> str:
    """Return what the networks of one neuron do in each condition."""
    lines = []
    for condition in (one for conditions in CONDITIONS for one in conditions):
        given = {name: str(value) for name, value in condition._asdict().items()}
        own = [row for row in rows if given.items() <= row.items()]
        mean = {
            name: mean_of([float(row[name]) for row in own])
            for name in own[0]
            if name not in ("repetition", "fold", *given)
        }
        lines.append(
            (
                f"{condition.hertz:g}",
                f"{condition.largest:g}",
                f"{1e3 * condition.duration:g}",
                "8" if condition.lacks else "4",
                "yes" if condition.learns else "no",
                *(f"{mean[f'spikes_{number}'].value:.2f}" for number in range(3)),
                mean["more_at_setosa"].percent(),
                mean["more_at_versicolor"].percent(),
                mean["right"].percent(),
            )
        )
    head = (
        "| up to, Hz | weights up to, mV | shown for, ms | inputs | learns | spikes at a setosa | "
        "versicolor | virginica | more at a setosa than at others, % | "
        "more at a versicolor than at a virginica, % | setosa or not: right, % |"
    )
    return table(head, lines, range(11))


def main() -> None:
    """Run what is missing and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", action="store_true", help="write the tables only")
    options = parser.parse_args()
    if not options.page:
        measure()
    rows, neurons = read_rows(TABLE), read_rows(NEURON_TABLE)
    put(PAGE, "iris.py", methods_table(rows))
    put(PAGE, "iris_neuron.py", neurons_table(neurons))


if __name__ == "__main__":
    main()
