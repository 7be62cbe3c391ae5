"""Damage trained networks and see what is left of their accuracy; fill the tables and draw the pictures of docs/robustness.md.

    python scripts/studies/robustness.py           # what is missing: about 10 minutes of one core for
    a quarter of the test images (--parts 1); stop it at any time
    python scripts/studies/robustness.py --page    # tables and pictures from the records, without running
    anything

A row of docs/robustness.csv is one network with one damage, and a quarter of the test images. The networks
are two that come with the package, and one that has not learned: drawn weights, and thresholds that have
settled while it was shown training images. Labels are those of the intact network, or of 10,000 training
images that were shown to the damaged one. Nothing is chosen by a test image: every amount of damage that is
listed here is in the tables.
"""

import argparse
import dataclasses
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from pages import Row, append_rows, put, read_rows, table
from scipy.stats import sem, t

from diehlcook.analysis import readout
from diehlcook.data import datasets
from diehlcook.data.datasets import Dataset
from diehlcook.figures import style
from diehlcook.model.arrays import largest_weight
from diehlcook.model.params import load_preset
from diehlcook.model.stimulus import stream_key
from diehlcook.phases.observe import observe
from diehlcook.phases.responses import BLOCK, Presented, TrainedNetwork, respond, trained_network
from diehlcook.phases.train import train
from diehlcook.runs.run import Run
from diehlcook.runs.shipped import load_shipped

DOCS = Path(__file__).parents[2] / "docs"
RECORD, PAGE = DOCS / "robustness.csv", DOCS / "robustness.md"

ENGINE = "fused"
SEED = 1
"""That of the networks that come with the package, and of the untrained one."""

TRIPLET, POWER_LAW, UNTRAINED = "triplet-400", "power-law-400", "untrained-triplet-400"
NETWORKS = TRIPLET, POWER_LAW, UNTRAINED
UNTRAINED_PRESET = "paper-triplet-400"
SETTLING = 10_000
"""Training images that the untrained network is shown while its thresholds settle."""

LABELLING = 10_000
"""Training images that label neurons again; also those of the untrained network."""

READING_TIMES = range(25, 351, 25)
"""Milliseconds after the onset of an image at which the answer is read."""

Weights = NDArray[np.float64]


class Damage(NamedTuple):
    """What is done to a network: its kind, and how much of it."""

    kind: str
    amount: float = 0.0


def draws(kind: str, part: int) -> np.random.Generator:
    """Return the generator of a draw; a neuron or synapse that is removed at one share is so at all larger ones."""
    return np.random.default_rng([part, *kind.encode()])


def without_synapses(net: TrainedNetwork, share: float, rng: np.random.Generator) -> TrainedNetwork:
    """Set each input weight to 0 with this probability; the others stay as they are."""
    return net._replace(weights=net.weights * (rng.random(net.weights.shape) >= share))


def fewer_synapses_same_sum(net: TrainedNetwork, share: float, rng: np.random.Generator) -> TrainedNetwork:
    """Remove synapses, and scale those that are left, so that each neuron has the sum of weights it had."""
    weights = without_synapses(net, share, rng).weights
    return net._replace(weights=weights * (net.weights.sum(axis=0) / weights.sum(axis=0)))


def noisy(net: TrainedNetwork, sd: float, rng: np.random.Generator) -> TrainedNetwork:
    """Multiply each weight by a log-normal number of mean 1, up to the largest weight that is let in; `sd` is that of the logarithm."""
    weights = net.weights * np.exp(rng.normal(-(sd**2) / 2, sd, net.weights.shape))
    return net._replace(weights=np.minimum(weights, largest_weight(net.model.params)))


def in_bits(net: TrainedNetwork, bits: float, _: np.random.Generator) -> TrainedNetwork:
    """Round each weight to the nearest of 2^bits levels, evenly spaced from 0 to the largest weight of the network."""
    step = net.weights.max() / (2 ** int(bits) - 1)
    return net._replace(weights=np.rint(net.weights / step) * step)


def without_neurons(net: TrainedNetwork, share: float, rng: np.random.Generator) -> TrainedNetwork:
    """Remove this share of the excitatory neurons: without input they are silent, and so are their inhibitory ones."""
    removed = rng.permutation(net.theta.size)[: round(share * net.theta.size)]
    weights = net.weights.copy()
    weights[:, removed] = 0
    return net._replace(weights=weights)


def equal_thresholds(net: TrainedNetwork, _: float, __: np.random.Generator) -> TrainedNetwork:
    """Give every neuron the mean theta."""
    return net._replace(theta=np.full_like(net.theta, net.theta.mean()))


def without_delays(net: TrainedNetwork, _: float, __: np.random.Generator) -> TrainedNetwork:
    """Let every input spike arrive at once."""
    return net._replace(delays=np.zeros_like(net.delays))


def with_time_step(net: TrainedNetwork, milliseconds: float, _: np.random.Generator) -> TrainedNetwork:
    """Simulate with another time step; other input spikes are drawn then."""
    params = net.model.params.with_values({"dt": f"{milliseconds:g} ms"})
    return net._replace(model=dataclasses.replace(net.model, params=params))


def intact(net: TrainedNetwork, _: float, __: np.random.Generator) -> TrainedNetwork:
    """Do nothing."""
    return net


KINDS: dict[str, Callable[[TrainedNetwork, float, np.random.Generator], TrainedNetwork]] = {
    "intact": intact,
    "synapses removed": without_synapses,
    "synapses removed, sums restored": fewer_synapses_same_sum,
    "weight noise": noisy,
    "bits per weight": in_bits,
    "neurons removed": without_neurons,
    "time step": with_time_step,
    "theta set to its mean": equal_thresholds,
    "delays removed": without_delays,
}
DRAWN = {"synapses removed", "synapses removed, sums restored", "weight noise", "neurons removed"}
"""Kinds of damage that are drawn at random, anew for each part of the test images."""

READ_AT = "read after"
"""What the record calls the answers that are read early; they are of the intact network."""

INTACT = Damage("intact")
AMOUNTS = {
    "synapses removed": (0.25, 0.5, 0.75),
    "weight noise": (0.5, 1.0),
    "bits per weight": (8, 7, 6, 5, 4, 3, 2, 1),
    "neurons removed": (0.25, 0.5, 0.75, 0.9),
    "theta set to its mean": (0.0,),
    "delays removed": (0.0,),
    "time step": (1.0, 0.25),
}
DAMAGES = [Damage(kind, amount) for kind, amounts in AMOUNTS.items() for amount in amounts]
RESTORED = [Damage("synapses removed, sums restored", 0.5), Damage("synapses removed, sums restored", 0.75)]
"""Whether it is the pattern of the weights that matters, or their sum."""

EQUAL = Damage("theta set to its mean")
AGAIN = {
    TRIPLET: [INTACT, Damage("weight noise", 1.0), Damage("bits per weight", 1), EQUAL],
    POWER_LAW: [EQUAL],
    UNTRAINED: [],
}
"""Damages after which the neurons are labelled again, too."""

SLOW = [Damage("synapses removed", 0.9), Damage("time step", 0.1)]
"""Those with which an image takes ten times as long: it needs many presentations, or these many steps."""

PARTS = 4


class Case(NamedTuple):
    """What is damaged, how, and which part of the test images judges: every fourth one, from this one on.

    Each part has a draw of the damage of its own.
    """

    network: str
    damage: Damage
    part: int = 0


def cases(parts: int) -> list[Case]:
    """Return all rows that are wanted, the most wanted first."""
    wanted = []
    for part in range(parts):
        for damages, names in (
            ([INTACT, *DAMAGES], NETWORKS),
            (RESTORED, (TRIPLET, POWER_LAW)),
            (SLOW, NETWORKS),
        ):
            wanted += [Case(name, damage, part) for name in names for damage in damages]
    return wanted


def network(name: str, training: Dataset, runs: Path) -> Run:
    """Return a network that is labelled; the untrained one is made, if it is not there."""
    if name != UNTRAINED:
        return load_shipped(name)
    folder = runs / name
    params = load_preset(UNTRAINED_PRESET).with_values({"eta_pre": 0, "eta_post": 0})
    begun, settling = (folder / "run.json").exists(), training.head(SETTLING)
    run = train(folder, settling, params, preset=UNTRAINED_PRESET, seed=SEED, engine=ENGINE, resume=begun)
    observe(run, training.head(LABELLING), engine=ENGINE, raster=False, resume=True)
    return run


def present(net: TrainedNetwork, images: NDArray[np.uint8], stream: int) -> Presented:
    """Return the responses to images; neurons without weights never spike, and are left out to save time."""
    alive = net.weights.any(axis=0)
    params = net.model.params.with_values({"n_exc": int(alive.sum())})
    lean = net._replace(
        model=dataclasses.replace(net.model, params=params),
        delays=net.delays[:, alive], weights=net.weights[:, alive], theta=net.theta[alive],
    )  # fmt: skip
    (shown,) = respond(lean, images, [stream])
    counts = np.zeros((len(images), alive.size), np.uint16)
    counts[:, alive] = shown.counts
    return Presented(counts, shown.attempts)


def by_time(net: TrainedNetwork, images: NDArray[np.uint8], stream: int) -> NDArray[np.uint16]:
    """Return the spikes of each neuron up to each of `READING_TIMES` in the last attempt of an image (times, n, n_exc).

    Images are presented in the blocks of `respond`, so that the spikes are the same.
    """
    params = net.model.params
    ends = np.array([round(at * 1e-3 / params.dt) for at in READING_TIMES])
    counts = np.zeros((len(ends), len(images), params.n_exc), np.uint16)
    with net.open() as engine:
        for first in range(0, len(images), BLOCK):
            block = images[first : first + BLOCK]
            state, done = engine.initial_state(stream, net.weights, net.theta, position=first), 0
            while done < len(block):
                state, seen = engine.advance(state, block[done:])
                presentation, step = np.divmod(seen.spike_step, params.presentation_steps)
                told = seen.final(params)[presentation] & seen.answered(params)[presentation]
                place = np.searchsorted(ends, step, side="right")
                told &= place < len(ends)  # those of the rest come after the last time
                where = place[told], seen.position[presentation[told]], seen.spike_neuron[told]
                np.add.at(counts, where, 1)
                done = int(state["protocol.position"][0]) - first
    return np.cumsum(counts, axis=0, dtype=np.uint16)


def judged(case: Case, counts: NDArray[np.uint16], labels: NDArray[np.int8], truth: NDArray[Any]) -> Row:
    """Return the part of a row that follows from spikes and labels."""
    predicted = readout.predict(counts, labels).labels
    return {
        "network": case.network,
        "damage": case.damage.kind,
        "amount": f"{case.damage.amount:g}",
        "part": str(case.part),
        "images": str(len(truth)),
        "right": str(int((predicted == truth).sum())),
        "no_answer": str(readout.silent(predicted)),
        "spikes_per_image": f"{counts.sum(axis=1, dtype=np.int64).mean():.2f}",
    }


def measure(case: Case, run: Run, training: Dataset, testing: Dataset) -> list[Row]:
    """Return the row of a case, with labels from other responses another, and of the intact network those of early answers."""
    started = time.process_time()
    whole = trained_network(run, ENGINE, "test")
    damaged = KINDS[case.damage.kind](whole, case.damage.amount, draws(case.damage.kind, case.part))
    images, truth = testing.images[case.part :: PARTS], testing.labels[case.part :: PARTS]
    stream, own = stream_key(run.seed, "test", case.part), run.assignments()
    shown = present(damaged, images, stream)
    presentations = {"presentations_per_image": f"{shown.attempts.mean():.3f}"}
    rows = [judged(case, shown.counts, own, truth) | {"labels": "kept"} | presentations]
    if case.damage in AGAIN[case.network]:
        seen = present(damaged, training.images[:LABELLING], stream_key(run.seed, "observe", case.part))
        labels = readout.assign_labels(seen.counts, training.labels[:LABELLING]).labels
        rows.append(judged(case, shown.counts, labels, truth) | {"labels": "again"} | presentations)
    if case.damage == INTACT:
        for at, counts in zip(READING_TIMES, by_time(whole, images, stream), strict=True):
            early = case._replace(damage=Damage(READ_AT, at))
            rows.append(judged(early, counts, own, truth) | {"labels": "kept"} | presentations)
    told = {"cpu_s": f"{time.process_time() - started:.0f}", "date": time.strftime("%Y-%m-%d")}
    return [row | told for row in rows]


def case_of(row: Row) -> Case:
    """Return the case of a row."""
    return Case(row["network"], Damage(row["damage"], float(row["amount"])), int(row["part"]))


def run_missing(runs: Path, parts: int) -> None:
    """Run what the record does not have, and add each row to it."""
    training, testing = datasets.load("mnist", "train"), datasets.load("mnist", "test")
    done = {case_of(row) for row in read_rows(RECORD)}
    for case in cases(parts):
        if case not in done:
            append_rows(RECORD, measure(case, network(case.network, training, runs), training, testing))
            print(*case, f"{time.process_time():.0f} s", flush=True)


class Pooled(NamedTuple):
    """What the parts of one case come to."""

    right: int
    images: int
    spikes: float
    """Per image."""
    presentations: float
    """Per image."""
    of_draws: tuple[float, ...] = ()
    """The share that is right after each draw of the damage; empty where nothing is drawn."""

    @property
    def percent(self) -> tuple[float, float, float]:
        """The share of right answers and its 95 % interval.

        The interval is Wilson's, as if all images were independent. Where a damage is drawn they are not, so that
        there the interval is that of the mean of the draws (Student's t), if that one is wider.
        """
        share = self.right / self.images
        low, high = readout.wilson(self.right, self.images)
        if len(self.of_draws) > 1:
            half = float(t.ppf(0.975, len(self.of_draws) - 1) * sem(self.of_draws))
            low, high = max(0.0, min(low, share - half)), min(1.0, max(high, share + half))
        return 100 * self.right / self.images, 100 * low, 100 * high

    def __str__(self) -> str:
        return "{:.1f} [{:.1f}, {:.1f}]".format(*self.percent)


Results = dict[tuple[str, Damage, str], Pooled]
"""By network, damage, and where the labels are from."""


def pooled(rows: list[Row]) -> Results:
    """Put the parts of each case together."""
    parts: dict[tuple[str, Damage, str], list[Row]] = {}
    for row in rows:
        key = row["network"], Damage(row["damage"], float(row["amount"])), row["labels"]
        parts.setdefault(key, []).append(row)
    found = {}
    for key, some in parts.items():
        images = [int(row["images"]) for row in some]
        spikes, presentations = (
            float(np.average([float(row[name]) for row in some], weights=images))
            for name in ("spikes_per_image", "presentations_per_image")
        )
        right = sum(int(row["right"]) for row in some)
        shares = [int(row["right"]) / n for row, n in zip(some, images, strict=True)]
        drawn = tuple(shares) if key[1].kind in DRAWN else ()
        found[key] = Pooled(right, sum(images), spikes, presentations, drawn)
    return found


def amount_of(damage: Damage) -> str:
    """Return how much of a damage, for a table."""
    if "removed" in damage.kind and damage.amount:
        return f"{100 * damage.amount:g} %"
    if damage.kind in ("time step", READ_AT):
        return f"{damage.amount:g} ms"
    return f"{damage.amount:g}" if damage.amount else ""


def tables(rows: list[Row]) -> str:
    """Return what is measured, for the page."""
    found = pooled(rows)

    def cell(name: str, damage: Damage, labels: str = "kept") -> str:
        return str(found.get((name, damage, labels), ""))

    def activity(name: str, damage: Damage) -> str:
        one = found[name, damage, "kept"]
        return f"{one.spikes:.1f}, {one.presentations:.2f}"

    def by_damage(damages: Iterable[Damage], names: tuple[str, ...]) -> str:
        lines = [
            (one.kind, amount_of(one), *(cell(name, one) for name in names), activity(TRIPLET, one))
            for one in damages
            if (TRIPLET, one, "kept") in found
        ]
        head = " | ".join(names)
        return table(f"| damage | how much | {head} | spikes and presentations per image, {TRIPLET} |", lines)

    order = list(KINDS)
    damages = sorted([*DAMAGES, *SLOW], key=lambda one: (order.index(one.kind), one.amount))
    again = [
        (name, one.kind, amount_of(one), cell(name, one), cell(name, one, "again"))
        for name, some in AGAIN.items()
        for one in some
        if (name, one, "again") in found
    ]
    times = [Damage(READ_AT, at) for at in READING_TIMES]
    early = [
        (amount_of(at), *(cell(name, at) for name in NETWORKS), f"{found[TRIPLET, at, 'kept'].spikes:.1f}")
        for at in times
        if (TRIPLET, at, "kept") in found
    ]
    images = sorted({one.images for one in found.values()})
    seconds = sorted(seconds_of_each_damage(rows))
    parts = [
        by_damage([INTACT, *damages], NETWORKS),
        "### The sum of the weights restored",
        by_damage(RESTORED, (TRIPLET, POWER_LAW)),
        "### Labelled again",
        table("| network | damage | how much | labels kept | labelled again |", again),
        "### Read early",
        table(f"| read after | {' | '.join(NETWORKS)} | spikes per image so far, {TRIPLET} |", early),
        (
            f"{' or '.join(f'{n:,}' for n in images)} test images for each figure; brackets are 95 % "
            f"intervals (Wilson; where the damage is drawn, that of the mean of four draws, if it is "
            f"wider). Processor time for a damage and 10,000 images, new labels included: "
            f"{seconds[0]:.0f} to {seconds[-1]:.0f} s, {np.median(seconds):.0f} s in the middle, more than "
            f"60 s in {sum(one > 60 for one in seconds)} of {len(seconds)} cases. "
            f"Last row of {max(row['date'] for row in rows)}."
        ),
    ]
    return "\n\n".join(parts) + "\n"


def seconds_of_each_damage(rows: list[Row]) -> list[float]:
    """Return the processor time of each damage of each network, whose four parts are all there."""
    parts: dict[tuple[str, ...], list[float]] = {}
    for row in rows:
        if row["damage"] not in (READ_AT, INTACT.kind):
            case = row["network"], row["damage"], row["amount"], row["labels"]
            parts.setdefault(case, []).append(float(row["cpu_s"]))
    return [sum(times) for times in parts.values() if len(times) == PARTS]


CURVES = {
    "synapses removed": "share of input synapses removed",
    "neurons removed": "share of excitatory neurons removed",
    "weight noise": "weight noise (sd of the logarithm)",
    "bits per weight": "bits per weight (thin lines: intact)",
}
"""Panels of the first picture, with the names of their axes."""


def draw_line(ax: Axes, name: str, points: dict[float, Pooled]) -> None:
    """Draw the accuracy of a network against an amount, with 95 % intervals; nothing if there are no points."""
    amounts = sorted(points)
    if not amounts:
        return
    percent = np.array([points[amount].percent for amount in amounts])
    errors = np.abs(percent[:, 1:] - percent[:, :1]).T
    ax.errorbar(amounts, percent[:, 0], errors, label=name, markersize=4, **style.PENS[NETWORKS.index(name)])


def finish(ax: Axes, label: str) -> None:
    """Name the axes of a panel."""
    ax.set_xlabel(label)
    ax.set_ylabel("test images right, %")
    ax.set_ylim(0, 100)


@style.styled
def draw_damages(found: Results, facts: str) -> Figure:
    """Draw accuracy against the amount of four kinds of damage."""
    figure = style.new_figure((7.2, 5.6))
    for ax, (kind, label) in zip(figure.subplots(2, 2).flat, CURVES.items(), strict=True):
        for name in NETWORKS:
            points = {
                damage.amount: one
                for (network_, damage, labels), one in found.items()
                if (network_, damage.kind, labels) == (name, kind, "kept")
            }
            whole = found[name, INTACT, "kept"]
            if kind == "bits per weight":
                ax.axhline(whole.percent[0], color=style.PENS[NETWORKS.index(name)]["color"], linewidth=0.6)
                ax.set_xticks(AMOUNTS[kind])
            else:
                points[0.0] = whole
            draw_line(ax, name, points)
        finish(ax, label)
    figure.axes[-1].legend(loc="lower right")
    style.facts_title(figure, "What damage leaves of the accuracy", facts)
    return figure


@style.styled
def draw_early(found: Results, facts: str) -> Figure:
    """Draw accuracy against the time at which the answer is read."""
    ax = style.new_axes((5.4, 3.6), "constrained")
    for name in NETWORKS:
        draw_line(ax, name, {at: found[name, Damage(READ_AT, at), "kept"] for at in READING_TIMES})
    finish(ax, "time since the onset of the image, ms")
    ax.legend(loc="lower right")
    style.facts_title(style.figure_of(ax), "How early the answer is there", facts)
    return style.figure_of(ax)


def write_page() -> None:
    """Write the tables and draw the pictures."""
    rows = read_rows(RECORD)
    found = pooled(rows)
    put(PAGE, "robustness.py", tables(rows))
    images = max(one.images for one in found.values())
    facts = f"{images:,} of MNIST's test images per point · labels of the intact network · 95 % intervals"
    draw_damages(found, facts).savefig(DOCS / "robustness.png", dpi=130)
    draw_early(found, facts).savefig(DOCS / "robustness_early.png", dpi=130)


def main() -> None:
    """Run what is missing, and write the page and its pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, default=Path("data/runs/robustness"), help="folder of the runs")
    parser.add_argument("--parts", type=int, default=PARTS, help="quarters of the test images that judge")
    parser.add_argument("--page", action="store_true", help="tables and pictures only")
    options = parser.parse_args()
    if not options.page:
        run_missing(options.runs, options.parts)
    write_page()


if __name__ == "__main__":
    main()
