"""Write docs/results.md and its figures from the records in docs/results: python scripts/studies/results_page.py.

The records are made by the workflow (docs/cluster.md), one for each network.
"""

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import yaml
from numpy.typing import NDArray
from record import OTHER, OWN
from scipy.stats import ttest_1samp, wilcoxon

from diehlcook import figures
from diehlcook.figures.style import new_axes, new_figure
from diehlcook.model.params import load_preset
from diehlcook.runs.files import load_json
from diehlcook.runs.shipped import load_shipped, shipped_names

SCRIPTS = Path(__file__).parents[1]
DOCS, CONFIG = SCRIPTS.parent / "docs", SCRIPTS / "workflow" / "config.yaml"
RECORDS, PAGE = DOCS / "results", DOCS / "results.md"
REMARKS, ORDER_REMARKS = RECORDS / "remarks.md", RECORDS / "remarks_order.md"

RULES = ("triplet", "power-law", "exponential", "pre-and-post")
SIZES = (100, 400, 1600, 6400)
COLOURS = {"triplet": "#0072B2", "power-law": "#000000", "exponential": "#D55E00", "pre-and-post": "#009E73"}

PAPER = {
    "triplet": (82.9, 91.4, 92.8, 94.7),
    "power-law": (82.9, 87.0, 91.9, 95.0),
    "exponential": (82.5, 89.1, 90.8, 94.8),
    "pre-and-post": (82.5, 87.9, 89.4, 94.0),
}
"""Test accuracy in percent by size: the text's for power-law (its figure has 86.3 at 400), the others read
off Fig. 2B, to 0.1."""

CELLS = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["cells"]
"""The grid: names of its cells, and how they are run."""

TABLE = tuple(f"{rule}-{size}" for rule in RULES for size in SIZES)

PAPER_CURVE = (
    (10, 82.7), (20, 86.3), (30, 87.7), (40, 89.0), (50, 92.1), (60, 90.1), (70, 91.4), (100, 91.7),
    (110, 93.7),
    (200, 93.2), (300, 93.75), (420, 93.75),
)  # fmt: skip
"""Fig. 2C, 1600 neurons: thousands of images and accuracy in percent, read off; from 300,000 on its mean
(93.0 to 94.8)."""


def read_records() -> dict[str, list[dict[str, Any]]]:
    """Return the records by cell, in the order of their seeds."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(RECORDS.glob("*-seed*.json"), key=lambda path: int(path.stem.rsplit("seed", 1)[1])):
        one = load_json(path)
        found.setdefault(one["cell"], []).append(one)
    return {cell: found[cell] for cell in [*TABLE, *sorted(found.keys() - set(TABLE))] if cell in found}


def of_table(cells: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Return the cells that the paper's table has, without other presets that were run to compare."""
    return {cell: records for cell, records in cells.items() if cell in TABLE}


def papers(one: dict[str, Any]) -> float:
    """Return the paper's figure for the rule and size of a record."""
    rule = "triplet" if one["rule"] == "triplet-100n" else one["rule"]
    return PAPER[rule][SIZES.index(one["n_exc"])]


def percent(records: list[dict[str, Any]]) -> str:
    """Return the mean accuracy over seeds, with its standard deviation where there are several."""
    values = [100 * one["test"]["accuracy"] for one in records]
    spread = f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
    return f"{np.mean(values):.2f}{spread}"


def hours(seconds: float) -> str:
    """Return a duration in minutes or hours."""
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def passes(one: dict[str, Any]) -> str:
    """Return how long a network was trained."""
    train = one["train"]
    return f"{train['images']:,}" + (f" × {train['epochs']}" if train["epochs"] > 1 else "")


def mean_of(records: list[dict[str, Any]], *keys: str) -> float:
    """Return the mean over the records of a nested entry."""
    values = []
    for one in records:
        for key in keys:
            one = one[key]
        values.append(float(one))  # type: ignore[arg-type]
    return float(np.mean(values))


def accuracy_table(cells: dict[str, list[dict[str, Any]]]) -> str:
    """Return ours beside the paper's, a row per size."""
    head = "| neurons |" + "".join(f" {rule} | paper |" for rule in RULES)
    rows = [head, "|---:|" + "---|" * (2 * len(RULES))]
    for size in SIZES:
        row = f"| {size} |"
        for rule in RULES:
            records = cells.get(f"{rule}-{size}")
            paper = PAPER[rule][SIZES.index(size)]
            ours = (
                f"**{percent(records)}** ({len(records)})"
                if records
                else "not run"
                if f"{rule}-{size}" in CELLS
                else "—"
            )
            row += f" {ours} | {paper:.1f} |"
        rows.append(row)
    return "\n".join(rows)


def details_table(cells: dict[str, list[dict[str, Any]]]) -> str:
    """Return how each cell was run and what its networks do."""
    rows = [
        (
            "| cell | preset | training images | seeds: accuracy ± sd of the presentations of the test set "
            "[95 % interval], % | ours − paper | theta, mV "
            "| spikes per training image | presentations per image | wall time: train, label, test | date |"
        ),
        "|---|---|---|---|---:|---|---|---|---|---|",
    ]
    for cell, records in cells.items():
        seeds = "; ".join(
            f"{one['seed']}: {100 * one['test']['accuracy']:.2f}"
            + (
                f" ± {100 * np.std(one['test']['accuracies'], ddof=1):.2f}"
                if one["test"]["repeats"] > 1
                else ""
            )
            + " [{:.1f}, {:.1f}]".format(*(100 * end for end in one["test"]["interval95"]))
            for one in records
        )
        ours = float(np.mean([100 * one["test"]["accuracy"] for one in records]))
        theta = (
            f"{mean_of(records, 'train', 'theta_mV', 'mean'):.1f} ± "
            f"{mean_of(records, 'train', 'theta_mV', 'sd'):.1f}"
        )
        wall = ", ".join(hours(mean_of(records, phase, "wall_s")) for phase in ("train", "observe", "test"))
        rows.append(
            f"| {cell} | `{records[0]['preset']}` | {passes(records[0])} | {seeds} | "
            f"{ours - papers(records[0]):+.1f} | {theta} "
            f"| {mean_of(records, 'train', 'spikes_per_image'):.1f} | "
            f"{mean_of(records, 'train', 'presentations_per_image'):.3f} "
            f"| {wall} | {max(one['date'] for one in records)} |"
        )
    return "\n".join(rows)


def pairs(cells: dict[str, list[dict[str, Any]]]) -> dict[str, list[tuple[dict[str, Any], dict[str, Any]]]]:
    """Return by cell the records of the same seed in file order and shuffled."""
    found = {}
    for cell in TABLE:
        shuffled = {one["seed"]: one for one in cells.get(f"best-{cell}", [])}
        both = [(one, shuffled[one["seed"]]) for one in cells.get(cell, []) if one["seed"] in shuffled]
        same = [(one, other) for one, other in both if passes(one) == passes(other)]
        if same:
            found[cell] = same
    return found


def gains(both: list[tuple[dict[str, Any], dict[str, Any]]]) -> NDArray[np.float64]:
    """Return what shuffled order gains in each pair, in points."""
    return np.array([100 * (other["test"]["accuracy"] - one["test"]["accuracy"]) for one, other in both])


def order_section(cells: dict[str, list[dict[str, Any]]]) -> str:
    """Return the comparison of the two orders of images, with paired tests."""
    found = pairs(cells)
    if not found:
        return "Not run yet.\n"
    lines = [
        (
            "| cell | training images | seeds | file order, % | shuffled, % | paper, % | gain of each "
            "seed, points | mean gain ± sd | paired t-test "
            "| spikes per image: file, shuffled | theta, mV: file, shuffled |"
        ),
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for cell, both in found.items():
        file, shuffled = ([pair[k] for pair in both] for k in (0, 1))
        gain = gains(both)
        spread = f" ± {gain.std(ddof=1):.2f}" if len(gain) > 1 else ""
        test = f"p = {ttest_1samp(gain, 0).pvalue:.3f}" if len(gain) > 1 else ""
        spikes = ", ".join(f"{mean_of(some, 'train', 'spikes_per_image'):.1f}" for some in (file, shuffled))
        theta = ", ".join(f"{mean_of(some, 'train', 'theta_mV', 'mean'):.1f}" for some in (file, shuffled))
        lines.append(
            f"| {cell} | {passes(file[0])} | {', '.join(str(one['seed']) for one in file)} | "
            f"{percent(file)} | {percent(shuffled)} "
            f"| {papers(file[0]):.1f} | {', '.join(f'{one:+.2f}' for one in gain)} | "
            f"{gain.mean():+.2f}{spread} | {test} | {spikes} | {theta} |"
        )
    every = np.concatenate([gains(both) for both in found.values()])
    if len(every) > 1:
        t, signed = ttest_1samp(every, 0), wilcoxon(every)
        lines += [
            "",
            (
                f"All {len(every)} pairs together: {every.mean():+.2f} ± {every.std(ddof=1):.2f} points, "
                f"{int((every > 0).sum())} of {len(every)} "
                f"in favour of shuffled order (paired t-test p = {t.pvalue:.1g}, Wilcoxon signed-rank test "
                f"p = {signed.pvalue:.1g})."
            ),
            (
                "The p-values are not corrected for their number. The pairs of one seed share delays, "
                "orders and input spikes over the rules, "
                "so the test of all pairs takes them for more independent than they are."
            ),
        ]
    return "\n".join(lines) + "\n"


def spikes_table(cells: dict[str, list[dict[str, Any]]]) -> str:
    """Return spikes per test image for right and for wrong answers."""
    rows = [
        "| cell | right: own class | right: others | wrong: own class | wrong: others |",
        "|---|---|---|---|---|",
    ]
    for cell, records in cells.items():
        numbers = [
            f"{mean_of(records, 'spikes', answer, whose):.1f}"
            for answer in ("right", "wrong")
            for whose in (OWN, OTHER)
        ]
        rows.append(f"| {cell} | " + " | ".join(numbers) + " |")
    rows.append("| paper, power-law-6400 | 16 | 1 | 3 | 12 |")
    return "\n".join(rows)


def confusions(records: list[dict[str, Any]], number: int = 6) -> str:
    """Return the commonest confusions, per presentation of the 10,000 test images."""
    matrix = np.sum([one["confusion"] for one in records], axis=0)
    presentations = sum(one["test"]["repeats"] for one in records)
    wrong = matrix - np.diag(np.diag(matrix))
    order = np.argsort(wrong, axis=None)[::-1][:number]
    return ", ".join(
        f"{true} as {guess}: {wrong[true, guess] / presentations:.0f}"
        for true, guess in zip(*np.unravel_index(order, wrong.shape), strict=True)
    )


def confusions_table(cells: dict[str, list[dict[str, Any]]]) -> str:
    """Return the commonest confusions of each cell."""
    rows = ["| cell | commonest confusions, images of 10,000 |", "|---|---|"]
    rows += [f"| {cell} | {confusions(records)} |" for cell, records in cells.items()]
    rows.append("| paper, power-law-6400 | 4 as 9: 57, 7 as 9: about 40, 7 as 2: about 26 |")
    return "\n".join(rows)


def labels_table(cells: dict[str, list[dict[str, Any]]]) -> str:
    """Return what other labels give, and how many of the training images each network gets right."""
    rows = [
        (
            "| cell | labels from 60,000 | from 2,000 | from the test images (a mistake) "
            "| training images 1–10,000, –20,000, –30,000, –40,000, –50,000, –60,000 |"
        ),
        "|---|---|---|---|---|",
    ]
    for cell, records in cells.items():
        shown = [
            f"{100 * mean_of(records, 'labels', key):.1f}" for key in ("all", "first_2000", "test_images")
        ]
        blocks = np.mean([one["labels"]["training_blocks"] for one in records], axis=0)
        rows.append(
            f"| {cell} | "
            + " | ".join(shown)
            + " | "
            + ", ".join(f"{100 * one:.1f}" for one in blocks)
            + " |"
        )
    return "\n".join(rows)


def draw(cells: dict[str, list[dict[str, Any]]]) -> None:
    """Draw the page's figures beside the records."""
    with matplotlib.rc_context(figures.STYLE):
        ax = new_axes((6.4, 4.2), "constrained")
        for rule in RULES:
            ax.plot(SIZES, PAPER[rule], ":", color=COLOURS[rule], marker="o", markerfacecolor="white", lw=0.9)
            points = [(size, cells[f"{rule}-{size}"]) for size in SIZES if f"{rule}-{size}" in cells]
            means = [np.mean([100 * one["test"]["accuracy"] for one in records]) for _, records in points]
            ax.plot([size for size, _ in points], means, "-", color=COLOURS[rule], marker="o", label=rule)
            for size, records in points:
                values = [100 * one["test"]["accuracy"] for one in records]
                ax.plot([size] * len(values), values, "_", color=COLOURS[rule], markersize=9)
        ax.plot([], [], ":", color="grey", marker="o", markerfacecolor="white", label="paper")
        ax.set_xscale("log")
        ax.set_xticks(SIZES, [str(size) for size in SIZES])
        ax.minorticks_off()
        ax.set(xlabel="excitatory neurons", ylabel="test accuracy, %")
        ax.legend(loc="lower right")
        figures.facts_title(
            ax, "Test accuracy by size and rule", "lines: mean over seeds · dashes: each seed"
        )
        save(ax, RECORDS / "accuracy.png")

        ax = new_axes((7.2, 4.2), "constrained")
        ax.plot(
            *zip(*PAPER_CURVE, strict=True),
            ":",
            color="grey",
            marker="o",
            markerfacecolor="white",
            ms=4,
            label="paper, 1600",
        )
        for cell, records in of_table(cells).items():
            rule, name = cell.rsplit("-", 1)
            curve = np.mean(
                [[(at / 1000, 100 * right / of) for at, right, of in one["curve"]] for one in records], axis=0
            )
            width = {"100": 0.7, "400": 1.3, "1600": 2.0, "6400": 2.8}[name]
            ax.plot(*curve.T, "-", color=COLOURS[rule], lw=width, label=cell, alpha=0.85)
        ax.set(xlabel="training images, thousands", ylabel="right, %", ylim=(75, 97))
        ax.legend(ncols=3, loc="lower right")
        figures.facts_title(
            ax,
            "Accuracy during training",
            "labels from the 10,000 training images before classify the next 10,000 · mean over seeds",
        )
        save(ax, RECORDS / "training.png")

        cell = max(
            of_table(cells) or cells,
            key=lambda cell: np.mean([one["test"]["accuracy"] for one in cells[cell]]),
        )
        records = cells[cell]
        matrix = np.sum([one["confusion"] for one in records], axis=0)
        ax = figures.confusion_matrix(
            matrix,
            accuracy=float(np.mean([one["test"]["accuracy"] for one in records])),
            facts=f"{cell} · {sum(one['test']['repeats'] for one in records)} presentations of the 10,000 "
            "test images",
        )
        save(ax, RECORDS / "confusion.png")


def save(ax: Any, path: Path) -> None:
    """Write the figure of axes."""
    ax.figure.savefig(path, dpi=130)


def draw_fields() -> None:
    """Draw the receptive fields of the networks that come with the package, as the paper's Fig. 2A."""
    names = shipped_of_paper()
    with matplotlib.rc_context(figures.STYLE):
        rows = (len(names) + 1) // 2
        figure = new_figure((9.0, 4.7 * rows), "compressed")
        grid = figure.subplots(rows, 2, squeeze=False).flat
        for ax in grid:
            ax.set_visible(False)
        for ax, name in zip(figure.axes, names, strict=False):
            ax.set_visible(True)
            run = load_shipped(name)
            figures.receptive_fields(
                run.weights(), assignments=run.assignments(), sort="label", ax=ax, title=name
            )
        figure.savefig(RECORDS / "fields.png", dpi=110)


def unpublished(cells: dict[str, list[dict[str, Any]]]) -> str:
    """Say which values of which presets are from our search, and which are guesses."""
    lines = []
    for records in cells.values():
        preset = records[0]["preset"]
        params = load_preset(preset)
        searched = [name for name, source in params.sources.items() if source.startswith("search")]
        words = [f"`{name}` {params.text(name)} searched" for name in searched if name != "dt"]
        words += [f"`{name}` {params.text(name)} assumed" for name in params.assumed]
        if words:
            lines.append(f"`{preset}`: {', '.join(words)}")
    return "; ".join(lines)


def shipped_of_paper() -> list[str]:
    """Return the names of the networks that come with the package, in the order of the paper's rules."""
    return [name for rule in RULES for name in shipped_names() if name == f"{rule}-400"]


def text() -> str:
    """Return docs/results.md."""
    cells = read_records()
    every = [one for records in cells.values() for one in records]
    engines, machines = (
        sorted({one["train"]["engine"] for one in every}),
        sorted({one["machine"] for one in every}),
    )
    versions = sorted(
        {", ".join(f"{name} {number}" for name, number in one["versions"].items()) for one in every}
    )
    shipped = ", ".join(f"{name} (seed {load_shipped(name).seed})" for name in shipped_of_paper())
    remarks, order_remarks = (
        path.read_text(encoding="utf-8") if path.exists() else "" for path in (REMARKS, ORDER_REMARKS)
    )
    return f"""<!-- Written by scripts/studies/results_page.py from the records in docs/results; edit docs/results/remarks.md instead. -->
# Results

The paper's table, done again: a [workflow](cluster.md) makes the networks that have no record in [docs/results](results) yet, and `python scripts/studies/results_page.py` writes this page from the records. Trained as in the paper (§2.6: 40,000 images for 100 neurons, 3 passes over 60,000 for 400, 7 for 1600), labels from all 60,000 training images, all 10,000 test images
presented 10 times. 6400 neurons: one pass instead of 15, tested once. Presets `paper-*`; below the cells of the table, others to
compare with: `best-*` shows the images of every pass in a new order. "not run": still to come; "—": not planned. Engine: {", ".join(engines)}. Machine: {"; ".join(machines)}, one core per network; {"; ".join(versions)}.

## Test accuracy, %
Ours: mean over seeds ± standard deviation between seeds (number of seeds). The paper reports no spread between trainings.
All of these networks were trained in file order, as the authors' code does; [shuffled order](#shuffled-against-file-order) gives others.
The preset of 6400 neurons has no depression (eta_pre 0), as the authors' script for this size.

{accuracy_table(cells)}

![Test accuracy by size and rule](results/accuracy.png)

{details_table(cells)}

The ± within a seed is the spread between presentations of one network, as the paper's 0.1 %; ten presentations show the same 10,000 images, so the 95 % interval (Wilson) is that of 10,000.
Values that the authors published nowhere ([search](search.md)): {unpublished(cells)}.

{remarks}
## Shuffled against file order
The same preset, seed, initial weights and delays; only the order of the training images differs. In file order every pass shows the images as they lie in the file, as the authors' code does.
In shuffled order (`--order shuffled`, presets `best-*`) each pass has an order of its own, drawn from the seed.
Labels from all 60,000 training images, all test images presented ten times; each pair is one seed.

{order_section(cells)}
{order_remarks}
## During training
As in the paper's Fig. 2C: labels from the 10,000 training images before classify the next 10,000, while learning goes on. From the second pass on these images have been seen.

![Accuracy during training](results/training.png)

## Confusions
As in the paper's Fig. 3, for the best cell; all its presentations of the test set together.

![Confusion matrix](results/confusion.png)

{confusions_table(cells)}

## Spikes for right and for wrong answers
Mean spikes per test image of the neurons that are labelled with the image's class, and of the others.

{spikes_table(cells)}

## Other labels, and the training images
Right in the first presentation of the test set, %, with labels from all training images, from the first 2,000, and from the very test images that are judged, as in the authors' readme ([deviations](deviations.md), item 41). Then
the share of the training images that the frozen network gets right, by tens of thousands.

{labels_table(cells)}

## Receptive fields
As in the paper's Fig. 2A: the networks that come with the package, sorted by label: {shipped}.

![Receptive fields](results/fields.png)
"""


def main() -> None:
    """Write docs/results.md and its figures."""
    draw(read_records())
    draw_fields()
    PAGE.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
