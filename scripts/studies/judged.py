"""What `python -m diehlcook judge` says of networks whose difference is known: rows of docs/judged.csv, and docs/judge.md.

    python scripts/studies/judged.py                                        # all that the table lacks; about an hour
    python scripts/studies/judged.py --folder "BindsNET 0.3.4" PATH         # a network that another program has made

Twenty seeds that the reference does not have say how often the yardstick sounds a false alarm; changed models say
what it notices. Each trains with the first 10,000 images of MNIST and is judged after 1,000 and after 10,000.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from pages import Row, append_row, put, read_rows, table
from yardstick import STOPS, made_by

from diehlcook.analysis.yardstick import (
    ACCURACY,
    LIMIT,
    QUANTITIES,
    Made,
    find_reference,
    judge,
    read_made,
    size_of,
)
from diehlcook.data import datasets
from diehlcook.model.params import BASE_PRESET, load_preset, with_size

DOCS = Path(__file__).parents[2] / "docs"
ROWS, PAGE = DOCS / "judged.csv", DOCS / "judge.md"

FRESH = range(20, 40)
"""Seeds that the reference does not have."""

COLUMNS = (*QUANTITIES, ACCURACY)


class Case(NamedTuple):
    """A network whose difference from the reference is known."""

    name: str
    preset: str = BASE_PRESET
    change: str = ""
    """A parameter, as in ``"eta_pre=-1e-4"``."""
    sizes: tuple[int, ...] = (400,)
    seeds: Iterable[int] = FRESH[:1]


SAME = Case("the same model", sizes=(100, 400), seeds=FRESH)
CASES = (
    SAME,
    Case("depression with flipped sign", change="eta_pre=-1e-4", sizes=(100, 400)),
    Case("preset `brian2-example`", "brian2-example"),
    Case("preset `ports-2016`", "ports-2016"),
)


def row(case: str, seed: int | str, made: Made) -> Row:
    """Return the row of a network: of each quantity the ratio, and the mean of it."""
    n_exc, images = size_of(made)
    found: dict[str, Any] = {"case": case, "neurons": n_exc, "images": images, "seed": seed}
    verdicts = {one.quantity: one for one in judge(made, find_reference(n_exc, images))}
    for name in COLUMNS:
        found[name] = f"{verdicts[name].ratio:.3f}" if name in verdicts else ""
        found[f"mean of {name}"] = f"{verdicts[name].mean:.5g}" if name in verdicts else ""
    return {key: str(value) for key, value in found.items()}


def train(case: Case, n_exc: int, seed: int) -> Iterable[Made]:
    """Train a network of a case and return what it did, up to each number of images."""
    name, _, value = case.change.partition("=")
    params = with_size(load_preset(case.preset), n_exc).with_values({name: value} if name else {})
    data = datasets.load("mnist", "train").head(max(STOPS))
    return made_by(params, seed, data.images, data.labels).values()


def missing(rows: list[Row]) -> list[tuple[Case, int, int]]:
    """Return the networks that the table lacks."""
    known = {(one["case"], one["neurons"], one["seed"]) for one in rows}
    wanted = [(case, n_exc, seed) for case in CASES for n_exc in case.sizes for seed in case.seeds]
    return [one for one in wanted if (one[0].name, str(one[1]), str(one[2])) not in known]


def alarms(rows: list[Row]) -> str:
    """Return the table of false alarms: networks of the same model of which a quantity is above the limit."""
    lines = []
    for neurons, images in sorted({(int(one["neurons"]), int(one["images"])) for one in rows}):
        same = [
            one
            for one in rows
            if (one["case"], one["neurons"], one["images"]) == (SAME.name, str(neurons), str(images))
        ]
        if same:
            above = [[float(one[name]) > LIMIT for name in COLUMNS] for one in same]
            several = sum(sum(one) > 1 for one in above)
            counted = [*map(sum, zip(*above, strict=True)), sum(map(any, above)), several]
            lines.append([neurons, f"{images:,}", len(same), *counted])
    return table(
        f"| neurons | images | networks | {' | '.join(COLUMNS)} | any of these | more than one |", lines
    )


def cases(rows: list[Row]) -> str:
    """Return the table of the other networks; a ratio above the limit is bold."""
    lines = []
    for one in rows:
        if one["case"] != SAME.name:
            ratios = [one[name] for name in COLUMNS]
            shown = [
                f"**{float(k):.1f}**" if k and float(k) > LIMIT else k and f"{float(k):.1f}" for k in ratios
            ]
            lines.append([one["case"], one["neurons"], f"{int(one['images']):,}", *(k or "–" for k in shown)])
    return table(f"| network | neurons | images | {' | '.join(COLUMNS)} |", lines)


def main() -> None:
    """Judge what the table lacks, and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--folder", nargs=2, action="append", default=[], metavar=("NAME", "PATH"),
                        help="a network of another program, trained with the first images of MNIST, to add")  # fmt: skip
    parser.add_argument("--page", action="store_true", help="train nothing, write the page")
    given = parser.parse_args()
    labels = datasets.load("mnist", "train").labels
    known = {one["case"] for one in read_rows(ROWS)}
    for name, path in given.folder:
        if name in known:
            parser.error(f"{name} is in {ROWS.name} already; delete its row to judge it again")
        made = read_made(Path(path))
        append_row(ROWS, row(name, "", made._replace(labels=labels[: size_of(made)[1]])))
    for case, n_exc, seed in [] if given.page or given.folder else missing(read_rows(ROWS)):
        for made in train(case, n_exc, seed):
            append_row(ROWS, row(case.name, seed, made))
        print(f"{case.name}, {n_exc} neurons, seed {seed}", flush=True)
    rows = read_rows(ROWS)
    put(PAGE, "judged.py", f"False alarms:\n\n{alarms(rows)}\n\nWhat is noticed:\n\n{cases(rows)}")


if __name__ == "__main__":
    main()
