"""Measure choices of the companion mozafari2019 with few images, and fill the tables of its page.

    python scripts/studies/mozafari2019.py              # twenty minutes on one core; stop it at any time, the
    same command goes on
    python scripts/studies/mozafari2019.py --page       # write the tables from the records, without running
    anything
    python scripts/studies/mozafari2019.py --only bins  # one table: bins, choices or whole

The networks of bins and choices learn from the first 10,000 or 6,000 training images of MNIST, in every layer;
a sixth of these, the last ones, is held out.

bins: each row of docs/companions/mozafari2019_bins.csv is a network as in the authors' code but for the number
of bins, with 30 epochs of reward, and a linear classifier on layer 2. The epoch and the classifier's C are
chosen on held-out images; the figures are of all 10,000 test images.

choices: each row of docs/companions/mozafari2019_choices.csv is a network with the authors' order of images
or the shuffled one, with dropout or without, and with layers that stop when they have settled; 10 epochs of
reward on 6,000 images. The figures are of the held-out images: test images are not looked at, because the
defaults are chosen by this table. The last column counts the held-out images on which inhibition between the
maps of layer 3 would change the winner.

whole: docs/companions/mozafari2019_whole.csv has a row per pass of layer 3 over all training images, of the
default network and of two others, with the share of the held-out images that is right (the part `select`) and
that of the test images (the part `refit`). Each takes about an hour; they are not run unless `--only whole`
asks for them.
"""

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import fmean

import numpy as np
from pages import Row, put, read_rows, table, write_rows

from diehlcook.arguments import seeds
from diehlcook.companions.mozafari2019 import experiment, kernel
from diehlcook.companions.mozafari2019.constants import Layer, Mozafari2019
from diehlcook.companions.mozafari2019.encoding import NEVER, encode
from diehlcook.data import datasets
from diehlcook.progress import shown

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "companions"
PAGE = DOCS / "mozafari2019.md"
TABLES = {name: DOCS / f"mozafari2019_{name}.csv" for name in ("bins", "choices", "whole")}

PUBLISHED = {"order": "file", "dropout_3": "0", "settled": "0"}
"""What the authors' code has."""

BINS, BINS_IMAGES, BINS_EPOCHS = ("10", "15", "20", "25"), 10_000, 30
BINS_COLUMNS = ("steps", "seed", "held_out", "test", "test_at_best", "linear_held_out", "linear_test")

CHOICES: dict[str, dict[str, str]] = {
    "as in the authors' code": {},
    "shuffled": {"order": "shuffled"},
    "dropout": {"dropout_3": "0.5"},
    "shuffled, dropout": {"order": "shuffled", "dropout_3": "0.5"},
    "shuffled, dropout, the same maps for 1,000 images": {
        "order": "shuffled",
        "dropout_3": "0.5",
        "renewal_3": "1000",
    },
    "shuffled, dropout, stop at 0.008": {"order": "shuffled", "dropout_3": "0.5", "settled": "0.008"},
}
"""Changes of `PUBLISHED`."""
CHOICES_IMAGES, CHOICES_EPOCHS = 6_000, 10
CHOICES_COLUMNS = ("choice", "seed", "learning", "last", "best", "best_epoch", "changed_by_inhibition")

WHOLE: dict[str, tuple[dict[str, str], int]] = {
    "default": ({}, 30),
    "dropout, stop at 0.008": ({"dropout_3": "0.5", "settled": "0.008"}, 30),
    "as in the authors' code": ({"order": "file"}, 46),
}
"""Changes of the default, and passes of layer 3."""
WHOLE_COLUMNS = ("network", "seed", "passes", "held_out", "test")
WHOLE_SHOWN = (1, 10, 20, 30)
"""Passes that the page has, besides the last one and the best one on held-out images."""


def measure_bins(steps: str, seed: int, runs: Path) -> Row:
    """Train and test one network; return its row."""
    train = datasets.load("mnist", "train").head(BINS_IMAGES)
    test = datasets.load("mnist", "test")
    params = Mozafari2019().with_values({**PUBLISHED, "steps": steps})
    folder = runs / f"bins-{steps}-seed-{seed}"
    with shown(True, f"{steps} bins, seed {seed}", 2 * BINS_EPOCHS, unit="epochs") as report:
        facts = experiment.run(
            folder, train, test, params, seed=seed, epochs=BINS_EPOCHS, resume=folder.exists(), report=report
        )
    linear = experiment.add_linear(folder, train, test, params)["linear"]
    values = (
        facts["validation"]["best"], facts["test"]["last"], facts["test"]["at_best_epoch"],
        linear["validation"], linear["test"],
    )  # fmt: skip
    return dict(zip(BINS_COLUMNS, (steps, str(seed), *(f"{value:.4f}" for value in values)), strict=True))


def measure_choice(choice: str, seed: int, runs: Path) -> Row:
    """Train one network, and judge it by held-out training images; return its row."""
    data = datasets.load("mnist", "train").head(CHOICES_IMAGES)
    params = Mozafari2019().with_values({**PUBLISHED, **CHOICES[choice]})
    kept = experiment.learned_from(len(data))
    times = encode(data.images, params)
    images = experiment.Images(times[:kept], data.labels[:kept], times[kept:], data.labels[kept:])
    folder = runs / f"choices-{list(CHOICES).index(choice)}-seed-{seed}"
    with shown(True, f"{choice}, seed {seed}", CHOICES_EPOCHS, unit="epochs") as report:
        curve = experiment.run_part(folder, images, params, seed, CHOICES_EPOCHS, report)
    best = int(curve["judged"].argmax())
    values = curve["train"][-1], curve["judged"][-1], curve["judged"][best]
    counts = best + 1, changed_by_inhibition(folder, params)
    cells = choice, str(seed), *(f"{value:.4f}" for value in values), *map(str, counts)
    return dict(zip(CHOICES_COLUMNS, cells, strict=True))


def changed_by_inhibition(folder: Path, params: Mozafari2019) -> int:
    """Return how many held-out images have another winner in layer 3 when its maps compete at each position, as in the blog."""
    weights = np.load(folder / "weights_3.npy")
    one_winner = Layer(params.maps_3, params.size_3, params.pad_3, 0.0, 1, winners=1, radius=0)
    changed = 0
    for spiked in experiment.read_features(folder / "features_judging.npy", params):
        potentials = np.ascontiguousarray(kernel.at_the_end(spiked, weights, params.pad_3))
        last_step = np.where(potentials > 0, params.steps - 1, NEVER).astype(np.uint8)
        ((winner, row, column, _),) = kernel.choose_winners(last_step, potentials, one_winner)
        changed += (winner, row, column) != kernel.decide(spiked, weights, params.pad_3)
    return changed


def measure_whole(network: str, seed: int, runs: Path) -> list[Row]:
    """Train and test one network with all images, as the command does; return a row for each pass of layer 3."""
    changes, epochs = WHOLE[network]
    train, test = (datasets.load("mnist", split) for split in ("train", "test"))
    folder = runs / f"whole-{list(WHOLE).index(network)}-seed-{seed}"
    params = Mozafari2019().with_values(changes)
    with shown(True, f"{network}, seed {seed}", 2 * epochs, unit="epochs") as report:
        resume = (folder / "run.json").exists()
        experiment.run(folder, train, test, params, seed=seed, epochs=epochs, resume=resume, report=report)
    curves = [np.load(folder / part / "curve.npy")["judged"][:epochs] for part in experiment.PARTS]
    return [
        dict(zip(WHOLE_COLUMNS, (network, str(seed), str(k), f"{held:.4f}", f"{tested:.4f}"), strict=True))
        for k, (held, tested) in enumerate(zip(*curves, strict=True), 1)
    ]


def whole_table() -> str:
    """Return the table of the networks that learned from all images, a column each: held-out images, test images."""
    found: dict[str, dict[int, tuple[float, float]]] = {network: {} for network in WHOLE}
    for row in read_rows(TABLES["whole"]):
        shares = float(row["held_out"]), float(row["test"])
        found[row["network"]][int(row["passes"])] = shares
    found = {network: passes for network, passes in found.items() if passes}

    def cell(shares: tuple[float, float] | None) -> str:
        return " / ".join(f"{100 * one:.2f}" for one in shares) if shares else ""

    def best(passes: dict[int, tuple[float, float]]) -> int:
        return max(passes, key=lambda k: passes[k][0])

    lines = [(f"{k}", *(cell(passes.get(k)) for passes in found.values())) for k in WHOLE_SHOWN]
    lines.append(("the last", *(f"{max(passes)}: {cell(passes[max(passes)])}" for passes in found.values())))
    lines.append(
        (
            "the best on held-out images",
            *(
                f"{best(passes)} of {len(passes)} kept: {cell(passes[best(passes)])}"
                for passes in found.values()
            ),
        )
    )
    return table(f"| passes of layer 3 | {' | '.join(found)} |", lines)


STUDIES: dict[str, tuple[Iterable[str], Callable[[str, int, Path], Row], str]] = {
    "bins": (
        BINS,
        measure_bins,
        "| bins | seeds | reward, last epoch, % | at the epoch chosen, % | linear on layer 2, % |",
    ),
    "choices": (
        CHOICES,
        measure_choice,
        "| | seeds | while learning, last epoch, % | held out, last, % | held out, best epoch, % |",
    ),
}
"""Of each table what varies, how one is measured, and the head of the table in the page."""

SHOWN = {"bins": ("test", "test_at_best", "linear_test"), "choices": ("learning", "last", "best")}
"""The columns of a record that the page has, means over seeds."""


def page_table(name: str) -> str:
    """Return the table of one study for the page."""
    varied, _, head = STUDIES[name]
    rows = read_rows(TABLES[name])
    lines = []
    for one in varied:
        some = [row for row in rows if next(iter(row.values())) == one]
        if some:
            means = (f"{100 * fmean(float(row[column]) for row in some):.2f}" for column in SHOWN[name])
            lines.append((one, ", ".join(row["seed"] for row in some), *means))
    return table(head, lines)


def main() -> None:
    """Run what is missing and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", action="store_true", help="write the tables only")
    parser.add_argument("--only", choices=TABLES, help="one of the tables")
    parser.add_argument("--seeds", type=seeds, default=[0])
    parser.add_argument("--runs", type=Path, default=ROOT / "data" / "runs" / "mozafari2019")
    options = parser.parse_args()
    for name, (varied, measure, _) in STUDIES.items():
        if options.page or options.only not in (None, name):
            continue
        rows = read_rows(TABLES[name])
        done = {tuple(row.values())[:2] for row in rows}
        for one, seed in ((one, s) for s in options.seeds for one in varied if (one, str(s)) not in done):
            rows.append(measure(one, seed, options.runs))
            write_rows(TABLES[name], rows)
    if options.only == "whole" and not options.page:
        rows = read_rows(TABLES["whole"])
        done = {(row["network"], row["seed"]) for row in rows}
        for network, seed in ((one, s) for s in options.seeds for one in WHOLE if (one, str(s)) not in done):
            rows += measure_whole(network, seed, options.runs)
            write_rows(TABLES["whole"], rows)
    for name in STUDIES:
        put(PAGE, f"mozafari2019.py {name}", page_table(name))
    put(PAGE, "mozafari2019.py whole", whole_table())


if __name__ == "__main__":
    main()
