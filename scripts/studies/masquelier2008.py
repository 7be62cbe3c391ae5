"""Measure how often the neuron of the companion masquelier2008 finds the pattern; fill the table of its page, draw the figure.

    python scripts/studies/masquelier2008.py --seeds 1-10    # about an hour on one core; stop it at any time,
    the same command goes on
    python scripts/studies/masquelier2008.py --page          # write table and figure from the records,
    without running anything
    python scripts/studies/masquelier2008.py --first-steps   # draw the figure of the neuron's first steps, a
    minute

Each row of docs/companions/masquelier2008.csv is an experiment of 450 s: one change of the published
constants, one seed. The engine is `fused`, which gives the very spikes of Brian2 (a test compares them). What
was published beside it is of Hathway & Goodman 2018, 100 seeds per condition: the original authors' code run
again, and their own in Brian2.
"""

import argparse
import math
import sys
from collections.abc import Iterable
from pathlib import Path
from statistics import fmean, pstdev
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from pages import Row, append_row, put, read_rows
from scipy.stats import fisher_exact, norm

from diehlcook.analysis.readout import wilson
from diehlcook.arguments import seeds
from diehlcook.companions.masquelier2008.constants import Masquelier2008, scaled
from diehlcook.figures.style import BLACK, BLUE, GREY, SKY, facts_title, new_figure, styled
from diehlcook.jobs import run_jobs
from diehlcook.progress import no_report

DOCS = Path(__file__).parents[2] / "docs" / "companions"
TABLE, PAGE, FIGURE, STEPS = (
    DOCS / f"masquelier2008{end}" for end in (".csv", ".md", "_robustness.png", "_first_steps.png")
)


class Published(NamedTuple):
    """Successes in 100 runs: the original code, the replication in Brian2 at 0.1 ms and at 1 µs; None where not published."""

    original: int | None
    coarse: int | None
    fine: int | None


AXES = {
    "jitter": {
        "0 ms": Published(93, 89, 97),
        "1 ms": Published(90, 94, 98),
        "2 ms": Published(63, 92, 94),
        "3 ms": Published(34, 51, 52),
        "4 ms": Published(12, 4, 2),
        "5 ms": Published(2, 0, 0),
    },
    "pattern_freq": {
        "0.05": Published(28, 43, 37),
        "0.1": Published(79, 97, 89),
        "0.15": Published(89, 99, 99),
        "0.25": Published(90, 94, 98),
        "0.5": Published(71, 49, 84),
    },
    "n_pattern": {
        "400": Published(0, 0, 0),
        "600": Published(3, 6, 18),
        "800": Published(51, 74, 78),
        "1000": Published(96, 94, 98),
        "1200": Published(95, 95, 100),
    },
    "w_init": {
        "0.275": Published(50, 66, 74),
        "0.325": Published(80, 88, 93),
        "0.375": Published(81, 95, 97),
        "0.425": Published(92, 96, 100),
        "0.475": Published(90, 94, 98),
    },
    "deletion": {
        "0.0": Published(96, 94, 98),
        "0.1": Published(80, 67, 76),
        "0.2": Published(50, 13, 19),
        "0.3": Published(1, 1, 0),
    },
}
"""Constant: value: what was published."""

SINGLE = {
    "": "as published",
    "rule=nn": "nearest neighbour, not reduced",
    "rule=all-to-all": "all pairs",
    "dt=1 ms": "the blog's time step",
    "dt=1 ms; a_minus=0.029": "its time step, and its larger depression",
    "dt=1 ms; sweep=0.05 ms": "its time step, and rates that jump",
    "dt=1 ms; sweep=0.05 ms; a_minus=0.029": "all three",
    "sweep=0.05 ms": "rates that jump, at 0.1 ms",
    "a_minus=0.029": "larger depression, at 0.1 ms",
}
"""Changes that are looked at one by one: what they are."""

FACTS = (
    "success", "hit_rate", "false_alarms", "latency", "found_at", "found_after", "rate",
    "weights_high", "weights_high_in_pattern", "weights_mean",
)  # fmt: skip


def conditions() -> list[str]:
    """Return the settings of all conditions, each once."""
    standard = Masquelier2008()
    changed = [
        f"{name}={value}" for name, values in AXES.items() for value in values if value != standard.text(name)
    ]
    return [*SINGLE, *changed]


def experiment(condition: str, seed: int) -> Row:
    """Run one experiment; return its row."""
    from diehlcook.companions.masquelier2008 import criteria
    from diehlcook.companions.masquelier2008.experiment import simulate

    pairs = [pair.split("=", 1) for pair in condition.split("; ") if pair]
    params = scaled(Masquelier2008(), dict(pairs))
    recorded = simulate(params, seed, "fused")
    verdict = criteria.judge(recorded.spikes, recorded.onsets, params.t_pattern, params.duration)
    last = recorded.weights[-1]
    high = last > params.w_max / 2
    facts = verdict._asdict() | {
        "success": int(verdict.success),
        "weights_high": int(high.sum()),
        "weights_high_in_pattern": int(high[: params.n_pattern].sum()),
        "weights_mean": float(last.mean()),
    }
    return {"condition": condition, "seed": str(seed)} | {
        name: "" if facts[name] is None else f"{facts[name]:.6g}" for name in FACTS
    }


def run_all(todo: Iterable[tuple[str, int]], jobs: int) -> None:
    """Run experiments and append their rows as they come."""

    def keep(_name: str, row: Row) -> None:
        append_row(TABLE, row)
        print(row["condition"] or "as published", row["seed"], row["success"], flush=True)

    run_jobs(experiment, {str(one): one for one in todo}, jobs=jobs, keep=keep)


def of(rows: list[Row], condition: str) -> list[Row]:
    """Return the rows of a condition, by seed."""
    return sorted((row for row in rows if row["condition"] == condition), key=lambda row: int(row["seed"]))


def mean(rows: list[Row], name: str, factor: float = 1.0, digits: int = 1) -> str:
    """Return mean and standard deviation of what is known in rows, as a text."""
    values = [factor * float(row[name]) for row in rows if row[name]]
    return f"{fmean(values):.{digits}f} ± {pstdev(values):.{digits}f}" if values else "-"


def single_table(rows: list[Row]) -> str:
    """Return the table of the single changes."""
    lines = [
        (
            "| change | | success | rate at the end, Hz | mean weight | found after, s | discharges | "
            "latency, ms | hits, % |"
        ),
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for condition, what in SINGLE.items():
        some = of(rows, condition)
        if some:
            good = [row for row in some if row["success"] == "1"]
            found = [
                mean(good, "found_at"),
                mean(good, "found_after", digits=0),
                mean(good, "latency", 1e3),
                mean(good, "hit_rate", 100, 2),
            ]
            shown = ", ".join(f"`{one}`" for one in condition.split("; ") if one)
            lines.append(
                f"| {shown} | {what} | {len(good)} of {len(some)} | {mean(some, 'rate')} | "
                f"{mean(some, 'weights_mean', digits=3)} | {' | '.join(found)} |"
            )
    return "\n".join(lines) + "\n"


def axes_table(rows: list[Row]) -> str:
    """Return the table of the robustness."""
    standard = Masquelier2008()
    lines = [
        "| | | ours | original code | replication, 0.1 ms | replication, 1 µs | found after, s |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, values in AXES.items():
        for value, published in values.items():
            some = of(rows, "" if value == standard.text(name) else f"{name}={value}")
            if some:
                good = [row for row in some if row["success"] == "1"]
                lines.append(
                    f"| {name} | {value} | {len(good)} of {len(some)} | "
                    f"{' | '.join(str(one) for one in published)} | {mean(good, 'found_at')} |"
                )
    return "\n".join(lines) + "\n"


def compared(rows: list[Row]) -> str:
    """Say whether our shares of success differ from those of the replication at 0.1 ms, of 100 runs each."""
    standard = Masquelier2008()
    found = {}
    for name, values in AXES.items():
        for value, published in values.items():
            condition = "" if value == standard.text(name) else f"{name}={value}"
            some = of(rows, condition)
            if some and published.coarse is not None:
                found[condition] = sum(row["success"] == "1" for row in some), len(some), published.coarse
    right, runs, theirs = found[""]
    p = fisher_exact([[right, runs - right], [theirs, 100 - theirs]]).pvalue
    expected = sum(runs * theirs / 100 for _, runs, theirs in found.values())
    spread = sum(
        runs * theirs / 100 * (1 - theirs / 100) * (1 + runs / 100) for _, runs, theirs in found.values()
    )
    ours = sum(right for right, _, _ in found.values())
    pooled = 2 * norm.sf(abs(ours - expected) / math.sqrt(spread))
    return (
        f"Against the replication at 0.1 ms: {right} of {runs} and {theirs} of 100 do not differ "
        f"measurably (Fisher's exact test, p = {p:.2f}). "
        f"All {len(found)} conditions together have {ours} successes, where its shares would give "
        f"{expected:.1f} (p = {pooled:.2f}, normal "
        "approximation).\n"
    )


@styled
def figure(rows: list[Row]) -> Figure:
    """Draw the share of successes over each constant, with 95 % intervals, beside those published."""
    standard = Masquelier2008()
    drawn = new_figure((10, 2.9))
    meaning = {
        "jitter": "jitter, ms",
        "pattern_freq": "share of time with the pattern",
        "n_pattern": "afferents in the pattern",
        "w_init": "initial weight",
        "deletion": "spikes deleted",
    }
    for ax, (name, values) in zip(drawn.subplots(1, len(AXES), sharey=True), AXES.items(), strict=True):
        x = [float(value.split()[0]) for value in values]
        for field, colour, label in (
            ("original", GREY, "original code"),
            ("coarse", SKY, "replication, 0.1 ms"),
            ("fine", BLACK, "replication, 1 µs"),
        ):
            ax.plot(
                x,
                [getattr(one, field) for one in values.values()],
                "--",
                marker=".",
                color=colour,
                lw=0.9,
                label=label,
            )
        for at, value in zip(x, values, strict=True):
            some = of(rows, "" if value == standard.text(name) else f"{name}={value}")
            if some:
                right = sum(row["success"] == "1" for row in some)
                low, high = wilson(right, len(some))
                share = right / len(some)
                error = [[100 * (share - low)], [100 * (high - share)]]
                ax.errorbar(
                    at,
                    100 * share,
                    error,
                    fmt="o",
                    color=BLUE,
                    ms=4,
                    capsize=2,
                    label="ours" if at == x[0] else None,
                )
        ax.set(xlabel=meaning[name], ylim=(-4, 104))
    drawn.axes[0].set_ylabel("pattern found, %")
    drawn.axes[0].legend(fontsize=6.5, loc="lower left")
    facts_title(drawn, "How often the neuron finds the pattern", "masquelier2008 · dt 0.1 ms · 450 s")
    return drawn


@styled
def first_steps() -> Figure:
    """Draw what the blog of the seeds shows before the pattern: six spikes, silences, weights under input without a pattern."""
    from diehlcook.companions.masquelier2008 import afferents, engines, experiment

    drawn = new_figure((10, 3.2))
    left, middle, right = drawn.subplots(1, 3, width_ratios=(1, 1, 1.3))

    six = Masquelier2008().with_values(
        {
            "block": "0.1 s",
            "blocks": "1",
            "n_afferents": "6",
            "n_pattern": "6",
            "threshold": "1",
            "pattern_freq": "0",
        }
    )
    times = np.array([5, 20, 27, 60, 62, 63]) * 1e-3
    block = afferents.Block(
        np.rint(times / six.dt).astype(np.int32), np.arange(6, dtype=np.int32), np.zeros(0, np.int64)
    )
    course = engines.fused(six, block, no_report, lambda: False)
    left.plot(1e3 * course.potential_time, course.potential, color=BLUE)
    left.plot(1e3 * times, np.full(6, -0.6), "|", color=BLACK)
    left.axhline(1, color=GREY, lw=0.6, ls=":")
    left.set(xlabel="ms", ylabel="u / T", title="six spikes: only near ones add up")

    plain = {"block": "5 s", "noise_rate": "0 Hz", "pattern_freq": "0", "n_afferents": "400"}
    for silence, colour, label in (("1000 s", GREY, "by chance"), ("50 ms", BLUE, "at least every 50 ms")):
        params = Masquelier2008().with_values(plain | {"silence_max": silence, "n_pattern": "1"})
        time, who = afferents.drifting(params, np.random.default_rng(1))
        order = np.lexsort((time, who))
        intervals = np.diff(time[order])[np.diff(who[order]) == 0]
        middle.hist(
            1e3 * intervals,
            np.arange(0, 151, 2),
            histtype="step",
            color=colour,
            label=f"{label}: {time.size / 5 / 400:.0f} Hz",
        )
    middle.set(xlabel="interval, ms", ylabel="intervals", title="spikes of an afferent")
    middle.legend()

    for rate, colour in (("70 Hz", SKY), ("90 Hz", BLUE), ("110 Hz", BLACK)):
        for dt, line in (("0.1 ms", "-"), ("1 ms", "--")):
            changes = {
                "rate_max": rate,
                "silence_max": "1000 s",
                "noise_rate": "0 Hz",
                "pattern_freq": "0",
                "block": "60 s",
                "blocks": "1",
                "dt": dt,
            }
            recorded = experiment.simulate(Masquelier2008().with_values(changes), 1, "fused")
            mean_rate = float(rate.split()[0]) / 2
            right.plot(
                recorded.weights_time,
                recorded.weights.mean(axis=1),
                line,
                color=colour,
                label=f"{mean_rate:.0f} Hz, {dt}",
            )
    right.set(xlabel="s", ylabel="mean weight", ylim=(0, 1), title="input without a pattern")
    right.legend(ncols=2, fontsize=7)
    facts_title(drawn, "First steps", "masquelier2008 · rnn · seed 1")
    return drawn


def write_page(rows: list[Row]) -> None:
    """Put the tables between their marks in the page, and draw the figure."""
    put(PAGE, "masquelier2008.py", f"{single_table(rows)}\n{axes_table(rows)}\n{compared(rows)}")
    figure(rows).savefig(FIGURE)


def main() -> int:
    """Run what is missing and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", action="store_true", help="write table and figure only")
    parser.add_argument("--seeds", type=seeds, default=seeds("1-10"))
    parser.add_argument(
        "--only", help="only the condition with these settings, e.g. 'jitter=2 ms'; '' for none"
    )
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--first-steps", action="store_true", help="draw the neuron's first steps only")
    options = parser.parse_args()
    if options.first_steps:
        first_steps().savefig(STEPS)
        return 0
    if not options.page:
        chosen = conditions() if options.only is None else [options.only]
        done = {(row["condition"], int(row["seed"])) for row in read_rows(TABLE)}
        todo = [(one, seed) for seed in options.seeds for one in chosen if (one, seed) not in done]
        run_all(todo, options.jobs)
    if PAGE.exists():
        write_page(read_rows(TABLE))
    return 0


if __name__ == "__main__":
    sys.exit(main())
