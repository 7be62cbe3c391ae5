"""Write docs/results.md and its figures from the records in docs/results: python scripts/studies/results_page.py.

The records are made by the workflow (docs/cluster.md), one for each network. The words of the page are in
results.md.jinja beside this file; this file has its tables and figures.
"""

from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import yaml
from numpy.typing import NDArray
from pages import table
from record import OTHER, OWN, read_record
from scipy.stats import ttest_1samp, wilcoxon

from diehlcook import figures
from diehlcook.figures.style import new_axes, new_figure, styled
from diehlcook.model.params import load_preset
from diehlcook.runs.shipped import load_shipped, shipped_names

SCRIPTS = Path(__file__).parents[1]
DOCS, CONFIG = SCRIPTS.parent / "docs", SCRIPTS / "workflow" / "config.yaml"
RECORDS, PAGE = DOCS / "results", DOCS / "results.md"
TEMPLATE = Path(__file__).with_name("results.md.jinja")

RULES = ("triplet", "power-law", "exponential", "pre-and-post")
SIZES = (100, 400, 1600, 6400)
ORDERS = {"": "file order", "best-": "shuffled"}
"""Orders of the training images, by what stands before the name of a cell."""

WIDTHS = {100: 0.7, 400: 1.3, 1600: 2.0, 6400: 2.8}
"""Widths of lines by size, in points."""

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


Record = dict[str, Any]
Cells = dict[str, list[Record]]


GOING_ON = {name for name, cell in CELLS.items() if "until" in cell}
"""Cells that are tested after each pass and go on: their newest records stand for them."""


def read_records(folder: Path = RECORDS) -> Cells:
    """Return the records by cell, in the order of their seeds, without those of networks that go on."""
    found: Cells = {}
    for path in sorted(folder.glob("*-seed*.json"), key=lambda path: int(path.stem.rsplit("seed", 1)[1])):
        one = read_record(path)
        if one["cell"] not in GOING_ON:
            found.setdefault(one["cell"], []).append(one)
    return {cell: found[cell] for cell in [*TABLE, *sorted(found.keys() - set(TABLE))] if cell in found}


def rule_of(one: Record) -> str:
    """Return which rule of the paper a record has; that of the script for 100 neurons is a slip in the triplet rule."""
    return "triplet" if one["rule"] == "triplet-100n" else str(one["rule"])


def papers(one: Record) -> float | None:
    """Return the paper's figure for the rule and size of a record; None if the paper has no such size."""
    if one["n_exc"] not in SIZES:
        return None
    return PAPER[rule_of(one)][SIZES.index(one["n_exc"])]


def above_paper(records: list[Record]) -> str:
    """Return by how much a cell is above the paper's figure, if there is one."""
    figure = papers(records[0])
    return "" if figure is None else f"{accuracies(records).mean() - figure:+.1f}"


PASSES = {100: 1, 400: 3, 1600: 7, 6400: 15}
"""Passes of the paper by size (§2.6); those of 100 neurons see 40,000 images."""


def accuracies(records: list[Record]) -> NDArray[np.float64]:
    """Return the test accuracy of each network in percent."""
    return np.array([100 * one["test"]["accuracy"] for one in records])


def mean_sd(values: NDArray[np.float64], sign: str = "") -> str:
    """Return a mean, with the standard deviation where there are several values."""
    spread = f" ± {values.std(ddof=1):.2f}" if len(values) > 1 else ""
    return f"{values.mean():{sign}.2f}{spread}"


def hours(seconds: float) -> str:
    """Return a duration in minutes or hours."""
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def passes(one: Record) -> str:
    """Return how long a network was trained."""
    train = one["train"]
    return f"{train['images']:,}" + (f" × {train['epochs']}" if train["epochs"] > 1 else "")


def mean_of(records: list[Record], *keys: str) -> float:
    """Return the mean over the records of a nested entry."""
    values = []
    for one in records:
        for key in keys:
            one = one[key]
        values.append(float(one))  # type: ignore[arg-type]
    return float(np.mean(values))


def read_passes(folder: Path = RECORDS) -> list[Record]:
    """Return the records of networks that were tested before their last pass, or that go on, from the first pass on."""
    records = [read_record(path) for path in (folder / "passes").glob("*.json")]
    records += [one for path in folder.glob("*-seed*.json") if (one := read_record(path))["cell"] in GOING_ON]
    return sorted(records, key=lambda one: (one["cell"], one["seed"], one["train"]["epochs"]))


def newest(going_on: list[Record]) -> Cells:
    """Return by cell the records of the networks that go on after as many passes as any of them has had."""
    found: Cells = {}
    for one in going_on:
        if one["cell"] in GOING_ON:
            found.setdefault(one["cell"], []).append(one)
    most = {cell: max(one["train"]["epochs"] for one in some) for cell, some in found.items()}
    return {
        cell: [one for one in some if one["train"]["epochs"] == most[cell]] for cell, some in found.items()
    }


def ours(cell: str, cells: Cells, going_on: list[Record]) -> tuple[str, float | None]:
    """Return what is known of a cell, as it is shown and as a number: all passes, or the newest of those that go on."""
    begun = newest(going_on)
    if records := cells.get(cell) or begun.get(cell):
        values, done = accuracies(records), int(records[0]["train"]["epochs"])
        fewer = f" after {done}" if done < PASSES[records[0]["n_exc"]] else ""
        bold = "" if cell in begun else "**"
        return f"{bold}{mean_sd(values)}{bold} ({len(records)}){fewer}", float(values.mean())
    return "not run" if cell in CELLS else "—", None


def accuracy_table(cells: Cells, going_on: list[Record]) -> str:
    """Return ours in both orders beside the paper's, a row for each rule and size."""
    rows = []
    for rule in RULES:
        for size, paper in zip(SIZES, PAPER[rule], strict=True):
            found = [ours(f"{order}{rule}-{size}", cells, going_on) for order in ("", "best-")]
            less = ["" if value is None else f"{value - paper:+.1f}" for _, value in found]
            rows.append([f"{rule}, {size}", *(words for words, _ in found), f"{paper:.1f}", *less])
    head = "| rule, neurons | file order | shuffled | paper | file order − paper | shuffled − paper |"
    return table(head, rows, right=[4, 5])


def of_seed(one: Record) -> str:
    """Return the accuracy of one network with its spread between presentations and its interval."""
    test = one["test"]
    spread = f" ± {100 * np.std(test['accuracies'], ddof=1):.2f}" if test["repeats"] > 1 else ""
    low, high = test["interval95"]
    return f"{one['seed']}: {100 * test['accuracy']:.2f}{spread} [{100 * low:.1f}, {100 * high:.1f}]"


def details_table(cells: Cells) -> str:
    """Return how each cell was run and what its networks do."""
    head = (
        "| cell | preset | training images | seeds: accuracy ± sd of the presentations of the test set "
        "[95 % interval], % | ours − paper | theta, mV "
        "| spikes per training image | presentations per image | wall time: train, label, test | date |"
    )
    rows = [
        (
            cell,
            f"`{records[0]['preset']}`",
            passes(records[0]),
            "; ".join(map(of_seed, records)),
            above_paper(records),
            " ± ".join(f"{mean_of(records, 'train', 'theta_mV', name):.1f}" for name in ("mean", "sd")),
            f"{mean_of(records, 'train', 'spikes_per_image'):.1f}",
            f"{mean_of(records, 'train', 'presentations_per_image'):.3f}",
            ", ".join(hours(mean_of(records, phase, "wall_s")) for phase in ("train", "observe", "test")),
            max(one["date"] for one in records),
        )
        for cell, records in cells.items()
    ]
    return table(head, rows, right=[4])


def pairs(cells: Cells) -> dict[str, list[tuple[Record, Record]]]:
    """Return by cell the records of the same seed in file order and shuffled."""
    found = {}
    for cell in TABLE:
        shuffled = {one["seed"]: one for one in cells.get(f"best-{cell}", [])}
        both = [(one, shuffled[one["seed"]]) for one in cells.get(cell, []) if one["seed"] in shuffled]
        same = [(one, other) for one, other in both if passes(one) == passes(other)]
        if same:
            found[cell] = same
    return found


def gains(both: list[tuple[Record, Record]]) -> NDArray[np.float64]:
    """Return what shuffled order gains in each pair, in points."""
    return np.array([100 * (other["test"]["accuracy"] - one["test"]["accuracy"]) for one, other in both])


def order_section(cells: Cells) -> str:
    """Return the comparison of the two orders of images, with paired tests."""
    found = pairs(cells)
    if not found:
        return "Not run yet.\n"
    head = (
        "| cell | training images | seeds | file order, % | shuffled, % | paper, % | gain of each "
        "seed, points | mean gain ± sd | paired t-test "
        "| spikes per image: file, shuffled | theta, mV: file, shuffled |"
    )
    rows = []
    for cell, both in found.items():
        orders = [[pair[k] for pair in both] for k in (0, 1)]
        file, gain = orders[0], gains(both)
        rows.append(
            (
                cell,
                passes(file[0]),
                ", ".join(str(one["seed"]) for one in file),
                *(mean_sd(accuracies(some)) for some in orders),
                papers(file[0]),
                ", ".join(f"{one:+.2f}" for one in gain),
                mean_sd(gain, "+"),
                f"p = {ttest_1samp(gain, 0).pvalue:.3f}" if len(gain) > 1 else "",
                ", ".join(f"{mean_of(some, 'train', 'spikes_per_image'):.1f}" for some in orders),
                ", ".join(f"{mean_of(some, 'train', 'theta_mV', 'mean'):.1f}" for some in orders),
            )
        )
    text = table(head, rows) + "\n"
    sizes = sorted({both[0][0]["n_exc"] for both in found.values()})
    together = [
        (size, np.concatenate([gains(both) for both in found.values() if both[0][0]["n_exc"] == size]))
        for size in sizes
    ]
    for size, every in together:
        if len(every) > 1:
            t, signed = ttest_1samp(every, 0), wilcoxon(every)
            text += f"""
All {len(every)} pairs of {size} neurons together: {mean_sd(every, "+")} points, {(every > 0).sum()} of {len(every)} \
in favour of shuffled order (paired t-test p = {t.pvalue:.1g}, Wilcoxon signed-rank test p = {signed.pvalue:.1g}).
"""
    if any(len(every) > 1 for _, every in together):
        text += """
The p-values are not corrected for their number. The pairs of one seed share delays, orders and input spikes over the rules, \
so a test of all pairs takes them for more independent than they are.
"""
    return text


def passes_table() -> str:
    """Return how networks did that were tested before their last pass, or that go on."""
    rows = [
        (
            one["cell"],
            one["seed"],
            passes(one),
            (
                f"{100 * one['test']['accuracy']:.2f} "
                f"{[round(100 * end, 2) for end in one['test']['interval95']]}"
            ),
            papers(one),
            *(f"{100 * one['readouts'][name]['accuracy']:.2f}" for name in ("all-proportions", "logistic")),
            f"{one['train']['spikes_per_image']:.1f}",
            f"{one['train']['theta_mV']['mean']:.1f} ± {one['train']['theta_mV']['sd']:.1f}",
            ", ".join(hours(one[phase]["wall_s"]) for phase in ("train", "observe", "test")),
            one["date"],
        )
        for one in read_passes()
    ]
    head = (
        "| cell | seed | training images | right, % [95 % interval] | paper, after all passes "
        "| all-proportions | logistic | spikes per image | theta, mV | wall time: train, observe, test "
        "| date |"
    )
    return table(head, rows)


def spikes_table(cells: Cells) -> str:
    """Return spikes per test image for right and for wrong answers."""
    whose = [(answer, neurons) for answer in ("right", "wrong") for neurons in (OWN, OTHER)]
    rows = [
        (cell, *(f"{mean_of(records, 'spikes', *keys):.1f}" for keys in whose))
        for cell, records in cells.items()
    ]
    head = "| cell | right: own class | right: others | wrong: own class | wrong: others |"
    return table(head, [*rows, ("paper, power-law-6400", 16, 1, 3, 12)])


def confusion(records: list[Record]) -> tuple[NDArray[np.int64], int]:
    """Return the confusions of all networks together, and how often they saw the test set."""
    return np.sum([one["confusion"] for one in records], axis=0), sum(
        one["test"]["repeats"] for one in records
    )


def confusions(records: list[Record], number: int = 6) -> str:
    """Return the commonest confusions, per presentation of the 10,000 test images."""
    matrix, presentations = confusion(records)
    wrong = matrix - np.diag(np.diag(matrix))
    order = np.argsort(wrong, axis=None)[::-1][:number]
    return ", ".join(
        f"{true} as {guess}: {wrong[true, guess] / presentations:.0f}"
        for true, guess in zip(*np.unravel_index(order, wrong.shape), strict=True)
    )


def begun_cells() -> Cells:
    """Return the newest records of the networks that go on, by cell and how many passes they have had."""
    return {f"{cell}, {passes_of(some[0])}": some for cell, some in newest(read_passes()).items()}


def passes_of(record: Record) -> str:
    """Return how many passes a network has had, in words."""
    epochs = record["train"]["epochs"]
    return f"{epochs} pass" if epochs == 1 else f"{epochs} passes"


def readouts_table(cells: Cells) -> str:
    """Return what each readout gives, for the cells whose records have it."""
    found = {
        cell: some
        for cell, records in cells.items()
        if (some := [one for one in records if "readouts" in one])
    }
    names = sorted({name for records in found.values() for one in records for name in one["readouts"]})
    rows = [
        (
            cell,
            *(
                mean_sd(np.array([100 * one["readouts"][name]["accuracy"] for one in records]))
                for name in names
            ),
            len(records),
        )
        for cell, records in found.items()
    ]
    return table(f"| cell | {' | '.join(f'`{name}`' for name in names)} | n |", rows)


def spikes_per_neuron(record: Record) -> NDArray[np.float64]:
    """Return the spikes of each neuron per 1,000 test images."""
    shown = record["test"]["images"] * record["test"]["repeats"] / 1_000
    return np.array(record["neurons"]["test_spikes"], np.float64) / float(shown)


def neurons_table(cells: Cells) -> str:
    """Return how the spikes are spread over the neurons, for the cells whose records have them."""
    rows = []
    for cell, records in cells.items():
        if some := [spikes_per_neuron(one) for one in records if "neurons" in one]:
            spikes = np.sort(np.concatenate(some))
            low, middle, high = np.percentile(spikes, [5, 50, 95])
            busiest = spikes[-max(1, len(spikes) // 10) :].sum() / spikes.sum()
            rows.append(
                (
                    cell,
                    f"{middle:.0f}",
                    f"{low:.0f} to {high:.0f}",
                    f"{busiest:.0%}",
                    (spikes == 0).sum(),
                    len(some),
                )
            )
    head = "| cell | median | 5th to 95th percentile | share of the busiest tenth | silent neurons | n |"
    return table(head, rows)


@styled
def draw_neurons(cells: Cells) -> None:
    """Draw how the spikes are spread over the neurons."""
    ax = new_axes((9.0, 4.2), "constrained")
    for cell, records in cells.items():
        if some := [spikes_per_neuron(one) for one in records if "neurons" in one]:
            spikes = np.sort(np.concatenate(some))
            share = (np.arange(len(spikes)) + 0.5) / len(spikes)
            width = np.interp(records[0]["n_exc"], list(WIDTHS), list(WIDTHS.values()))
            style = "-" if cell.startswith("best-") else "--"
            ax.plot(100 * share, spikes, style, color=COLOURS[rule_of(records[0])], lw=width, label=cell)
    ax.set(
        xlabel="neurons, % (those with the fewest spikes first)",
        ylabel="spikes per 1,000 test images",
        yscale="log",
    )
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    figures.facts_title(ax, "Spikes per neuron", "all seeds of a cell together · test images")
    save(ax, "neurons")


def confusions_table(cells: Cells) -> str:
    """Return the commonest confusions of each cell."""
    rows = [(cell, confusions(records)) for cell, records in cells.items()]
    paper = ("paper, power-law-6400", "4 as 9: 57, 7 as 9: about 40, 7 as 2: about 26")
    return table("| cell | commonest confusions, images of 10,000 |", [*rows, paper])


def labels_table(cells: Cells) -> str:
    """Return what other labels give, and how many of the training images each network gets right."""
    head = (
        "| cell | labels from 60,000 | from 2,000 | from the test images (a mistake) "
        "| training images 1–10,000, –20,000, –30,000, –40,000, –50,000, –60,000 |"
    )
    rows = []
    for cell, records in cells.items():
        blocks = np.mean([one["labels"]["training_blocks"] for one in records], axis=0)
        shown = (mean_of(records, "labels", key) for key in ("all", "first_2000", "test_images"))
        right = ", ".join(f"{100 * one:.1f}" for one in blocks)
        rows.append((cell, *(f"{100 * one:.1f}" for one in shown), right))
    return table(head, rows)


@styled
def draw_accuracy(cells: Cells) -> None:
    """Draw the test accuracy by size in both orders, beside the paper's, a panel for each rule."""
    figure = new_figure((8.4, 6.4), "constrained")
    panels = figure.subplots(2, 2, sharex=True, sharey=True)
    for ax, rule in zip(panels.flat, RULES, strict=True):
        ax.plot(SIZES, PAPER[rule], ":o", color="grey", markerfacecolor="white", lw=0.9, label="paper")
        for order, words in ORDERS.items():
            found = {size: records for size in SIZES if (records := cells.get(f"{order}{rule}-{size}"))}
            shape = {"marker": "s", "ls": "-"} if order else {"marker": "o", "ls": "--"}
            draw_sizes(ax, found, words, color=COLOURS[rule], **shape)
        ax.set_xscale("log")
        ax.set_xticks(SIZES, [str(size) for size in SIZES])
        ax.minorticks_off()
        ax.set(title=rule, ylim=(81, 96))
        ax.margins(x=0.12)
        ax.legend(loc="lower right")
    for ax in panels[1]:
        ax.set_xlabel("excitatory neurons")
    for ax in panels[:, 0]:
        ax.set_ylabel("test accuracy, %")
    facts = "lines: mean over seeds · dashes: each seed · hollow: fewer passes than the paper's"
    figures.facts_title(figure, "Test accuracy by size and rule", facts)
    figure.savefig(RECORDS / "accuracy.png", dpi=130)


def draw_sizes(
    ax: Any, found: dict[int, list[Record]], label: str, *, color: str, marker: str, ls: str
) -> None:
    """Draw the accuracies of one rule in one order, by size."""
    means = {size: accuracies(records).mean() for size, records in found.items()}
    fewer = {size for size, records in found.items() if records[0]["train"]["epochs"] < PASSES[size]}
    ax.plot(list(means), list(means.values()), color=color, marker=marker, ls=ls, label=label)
    for size, mean in means.items():
        values = accuracies(found[size])
        ax.plot([size] * len(values), values, "_", color=color, markersize=9)
        if size in fewer:
            ax.plot([size], [mean], marker=marker, color=color, markerfacecolor="white")
            words = f"{found[size][0]['train']['epochs']} of {PASSES[size]} passes"
            off = (0, 8 if label == ORDERS["best-"] else -14)  # the higher curve, the lower one
            ax.annotate(words, (size, mean), off, textcoords="offset points", ha="center", fontsize=7.5)


@styled
def draw_training(cells: Cells) -> None:
    """Draw the accuracy during training in both orders, beside the paper's."""
    figure = new_figure((10.4, 4.8), "constrained")
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    papers_style: dict[str, Any] = {"color": "grey", "marker": "o", "markerfacecolor": "white", "ms": 4}
    for ax, (order, words) in zip(panels, ORDERS.items(), strict=True):
        ax.plot(*zip(*PAPER_CURVE, strict=True), ":", label="paper, triplet-1600", **papers_style)
        for name in TABLE:
            if records := cells.get(f"{order}{name}"):
                curve = np.mean(
                    [[(at / 1000, 100 * right / of) for at, right, of in one["curve"]] for one in records],
                    axis=0,
                )
                rule, size = name.rsplit("-", 1)
                ax.plot(*curve.T, color=COLOURS[rule], lw=WIDTHS[int(size)], label=name, alpha=0.85)
        ax.set(title=words, xlabel="training images, thousands", ylim=(70, 97))
        ax.legend(ncols=2, loc="lower right")
    panels[0].set_ylabel("right, %")
    facts = "labels from the 10,000 training images before classify the next 10,000 · mean over seeds"
    figures.facts_title(figure, "Accuracy during training", facts)
    figure.savefig(RECORDS / "training.png", dpi=130)


@styled
def draw_confusion(cells: Cells) -> None:
    """Draw the confusions of the networks of 6400 neurons that go on, as the paper's Fig. 3A."""
    figure = new_figure((11.0, 5.2), "compressed")
    for ax, (cell, records) in zip(
        figure.subplots(1, len(cells), squeeze=False).flat, cells.items(), strict=True
    ):
        matrix, presentations = confusion(records)
        figures.confusion_matrix(
            matrix,
            accuracy=mean_of(records, "test", "accuracy"),
            facts=f"{presentations} presentation of the 10,000 test images",
            title=cell,
            ax=ax,
        )
    figure.savefig(RECORDS / "confusion.png", dpi=110)


def save(ax: Any, name: str) -> None:
    """Write the figure of axes."""
    ax.figure.savefig(RECORDS / f"{name}.png", dpi=130)


@styled
def draw_fields() -> None:
    """Draw the receptive fields of the networks that come with the package, as the paper's Fig. 2A."""
    names = shipped_of_paper()
    rows = (len(names) + 1) // 2
    figure = new_figure((9.0, 4.7 * rows), "compressed")
    for ax in figure.subplots(rows, 2, squeeze=False).flat:
        ax.set_visible(False)
    for ax, name in zip(figure.axes, names, strict=False):
        ax.set_visible(True)
        run = load_shipped(name)
        figures.receptive_fields(
            run.weights(), assignments=run.assignments(), sort="label", ax=ax, title=name
        )
    figure.savefig(RECORDS / "fields.png", dpi=110)


def unpublished(cells: Cells) -> str:
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
    versions: dict[str, list[str]] = {}
    for one in every:
        words = ", ".join(f"{name} {number}" for name, number in one["versions"].items())
        versions.setdefault(words, []).append(one["date"])
    environment = jinja2.Environment(keep_trailing_newline=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        engines=", ".join(sorted({one["train"]["engine"] for one in every})),
        machines="; ".join(sorted({one["machine"] for one in every})),
        versions="; ".join(
            f"{words} ({' to '.join(sorted({min(dates), max(dates)}))})"
            for words, dates in sorted(versions.items())
        ),
        shipped=", ".join(f"{name} (seed {load_shipped(name).seed})" for name in shipped_of_paper()),
        remarks=remarks("remarks"),
        order_remarks=remarks("remarks_order"),
        unpublished=unpublished(cells),
        accuracy_table=accuracy_table(cells, read_passes()),
        details_table=details_table(cells),
        order_section=order_section(cells),
        passes_table=passes_table(),
        passes_remarks=remarks("remarks_passes"),
        confusions_table=confusions_table(cells | begun_cells()),
        readouts_table=readouts_table(cells | begun_cells()),
        neurons_table=neurons_table(cells | begun_cells()),
        spikes_table=spikes_table(cells),
        labels_table=labels_table(cells),
    )


def remarks(name: str) -> str:
    """Return what was written by hand, without its first line, which says where it belongs."""
    return (RECORDS / f"{name}.md").read_text(encoding="utf-8").partition("\n")[2]


def main() -> None:
    """Write docs/results.md and its figures."""
    cells = read_records()
    with_begun = cells | newest(read_passes())
    draw_accuracy(with_begun)
    draw_training(with_begun)
    draw_confusion(begun_cells())
    draw_neurons(cells | begun_cells())
    draw_fields()
    PAGE.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
