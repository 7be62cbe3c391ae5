"""Measure what the number of time bins does in the companion mozafari2019, with 10,000 images; fill the table of its page.

    python scripts/studies/mozafari2019.py           # a quarter of an hour on one core; stop it at any time,
    the same command goes on
    python scripts/studies/mozafari2019.py --page    # write the table from the records, without running
    anything

Each row of docs/companions/mozafari2019_bins.csv is a network that has learned from the first 10,000 training
images of MNIST, in every layer: the constants of the package but the number of bins, 30 epochs of reward, and
a linear classifier on layer 2. The epoch and the classifier's C are chosen on the last sixth of these images;
the figures are of all 10,000 test images.
"""

import argparse
from pathlib import Path
from statistics import fmean

from pages import Row, put, read_rows, table, write_rows

from diehlcook.arguments import seeds
from diehlcook.companions.mozafari2019 import experiment
from diehlcook.companions.mozafari2019.constants import Mozafari2019
from diehlcook.data import datasets
from diehlcook.progress import shown

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "companions"
TABLE, PAGE = DOCS / "mozafari2019_bins.csv", DOCS / "mozafari2019.md"
BINS, IMAGES, EPOCHS = (10, 15, 20, 25), 10_000, 30

COLUMNS = ("steps", "seed", "held_out", "test", "test_at_best", "linear_held_out", "linear_test")


def measure(steps: int, seed: int, runs: Path) -> Row:
    """Train and test one network; return its row."""
    train = datasets.load("mnist", "train").head(IMAGES)
    test = datasets.load("mnist", "test")
    params = Mozafari2019().with_values({"steps": str(steps)})
    folder = runs / f"bins-{steps}-seed-{seed}"
    with shown(True, f"{steps} bins, seed {seed}", 2 * EPOCHS, unit="epochs") as report:
        facts = experiment.run(
            folder, train, test, params, seed=seed, epochs=EPOCHS, resume=folder.exists(), report=report
        )
    linear = experiment.add_linear(folder, train, test, params)["linear"]
    values = (
        facts["validation"]["best"], facts["test"]["last"], facts["test"]["at_best_epoch"],
        linear["validation"], linear["test"],
    )  # fmt: skip
    return dict(zip(COLUMNS, (str(steps), str(seed), *(f"{value:.4f}" for value in values)), strict=True))


def write_page(rows: list[Row]) -> None:
    """Put the table between its marks in the page."""
    head = "| bins | seeds | reward, last epoch, % | at the epoch chosen, % | linear on layer 2, % |"
    lines = []
    for steps in BINS:
        some = [row for row in rows if row["steps"] == str(steps)]
        if some:
            means = (
                f"{100 * fmean(float(row[name]) for row in some):.2f}"
                for name in ("test", "test_at_best", "linear_test")
            )
            lines.append((steps, ", ".join(row["seed"] for row in some), *means))
    put(PAGE, "mozafari2019.py", table(head, lines))


def main() -> None:
    """Run what is missing and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", action="store_true", help="write the table only")
    parser.add_argument("--seeds", type=seeds, default=[0])
    parser.add_argument("--runs", type=Path, default=ROOT / "data" / "runs" / "mozafari2019")
    options = parser.parse_args()
    rows = read_rows(TABLE)
    if not options.page:
        done = {(row["steps"], row["seed"]) for row in rows}
        for steps, seed in ((b, s) for s in options.seeds for b in BINS if (str(b), str(s)) not in done):
            rows.append(measure(steps, seed, options.runs))
            write_rows(TABLE, rows)
    write_page(rows)


if __name__ == "__main__":
    main()
