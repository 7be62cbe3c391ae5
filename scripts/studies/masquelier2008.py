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
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from pages import Row, append_row, put, read_rows, table
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


PUBLISHED = read_rows(DOCS / "masquelier2008_published.csv")
"""By constant and value: successes in 100 runs of the original code, and of the replication in Brian2 at 0.1 ms (coarse) and
at 1 µs (fine)."""

MEANING = {
    "jitter": "jitter, ms",
    "pattern_freq": "share of time with the pattern",
    "n_pattern": "afferents in the pattern",
    "w_init": "initial weight",
    "deletion": "spikes deleted",
}
"""The constants that are published, and what they are."""

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


def condition_of(published: Row) -> str:
    """Return the settings of what was published; "" for the standard ones."""
    name, value = published["constant"], published["value"]
    return "" if value == Masquelier2008().text(name) else f"{name}={value}"


def conditions() -> list[str]:
    """Return the settings of all conditions, each once."""
    return list(dict.fromkeys([*SINGLE, *map(condition_of, PUBLISHED)]))


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


def of(rows: list[Row], condition: str) -> tuple[list[Row], list[Row]]:
    """Return the rows of a condition, by seed, and those of them with success."""
    some = sorted((row for row in rows if row["condition"] == condition), key=lambda row: int(row["seed"]))
    return some, [row for row in some if row["success"] == "1"]


def robustness(rows: list[Row]) -> list[tuple[Row, list[Row], list[Row]]]:
    """Return what was published, with our rows of the same condition and those of them with success, where there are any."""
    found = [(published, *of(rows, condition_of(published))) for published in PUBLISHED]
    return [one for one in found if one[1]]


def mean(rows: list[Row], name: str, factor: float = 1.0, digits: int = 1) -> str:
    """Return mean and standard deviation of what is known in rows, as a text."""
    values = [factor * float(row[name]) for row in rows if row[name]]
    return f"{fmean(values):.{digits}f} ± {pstdev(values):.{digits}f}" if values else "-"


def single_table(rows: list[Row]) -> str:
    """Return the table of the single changes."""
    head = (
        "| change | | success | rate at the end, Hz | mean weight | found after, s | discharges | "
        "latency, ms | hits, % |"
    )
    lines = []
    for condition, what in SINGLE.items():
        some, good = of(rows, condition)
        if some:
            lines.append(
                (
                    ", ".join(f"`{one}`" for one in condition.split("; ") if one),
                    what,
                    f"{len(good)} of {len(some)}",
                    mean(some, "rate"),
                    mean(some, "weights_mean", digits=3),
                    mean(good, "found_at"),
                    mean(good, "found_after", digits=0),
                    mean(good, "latency", 1e3),
                    mean(good, "hit_rate", 100, 2),
                )
            )
    return table(head, lines)


def axes_table(rows: list[Row]) -> str:
    """Return the table of the robustness."""
    head = "| | | ours | original code | replication, 0.1 ms | replication, 1 µs | found after, s |"
    lines = []
    for published, some, good in robustness(rows):
        name, value, *theirs = published.values()
        lines.append((name, value, f"{len(good)} of {len(some)}", *theirs, mean(good, "found_at")))
    return table(head, lines)


def compared(rows: list[Row]) -> str:
    """Say whether our shares of success differ from those of the replication at 0.1 ms, of 100 runs each."""
    found = {
        condition_of(published): (len(good), len(some), int(published["coarse"]))
        for published, some, good in robustness(rows)
    }
    right, runs, theirs = found[""]
    p = fisher_exact([[right, runs - right], [theirs, 100 - theirs]]).pvalue
    ours, all_runs, shares = np.array(list(found.values())).T
    expected = (all_runs * shares / 100).sum()
    spread = (all_runs * shares / 100 * (1 - shares / 100) * (1 + all_runs / 100)).sum()
    pooled = 2 * norm.sf(abs(ours.sum() - expected) / math.sqrt(spread))
    return (
        f"Against the replication at 0.1 ms: {right} of {runs} and {theirs} of 100 do not differ "
        f"measurably (Fisher's exact test, p = {p:.2f}). "
        f"All {len(found)} conditions together have {ours.sum()} successes, where its shares would give "
        f"{expected:.1f} (p = {pooled:.2f}, normal approximation)."
    )


@styled
def figure(rows: list[Row]) -> Figure:
    """Draw the share of successes over each constant, with 95 % intervals, beside those published."""
    drawn = new_figure((10, 2.9))
    lines = {
        "original": (GREY, "original code"),
        "coarse": (SKY, "replication, 0.1 ms"),
        "fine": (BLACK, "replication, 1 µs"),
    }
    ours: dict[str, Any] = {"fmt": "o", "color": BLUE, "ms": 4, "capsize": 2}
    for ax, (name, what) in zip(drawn.subplots(1, len(MEANING), sharey=True), MEANING.items(), strict=True):
        published = [row for row in PUBLISHED if row["constant"] == name]
        x = [float(row["value"].split()[0]) for row in published]
        for key, (colour, label) in lines.items():
            successes = [int(row[key]) for row in published]
            ax.plot(x, successes, "--", marker=".", color=colour, lw=0.9, label=label)
        for at, row in zip(x, published, strict=True):
            some, good = of(rows, condition_of(row))
            if some:
                low, high = wilson(len(good), len(some))
                share = len(good) / len(some)
                error = [[100 * (share - low)], [100 * (high - share)]]
                ax.errorbar(at, 100 * share, error, label="ours" if at == x[0] else None, **ours)
        ax.set(xlabel=what, ylim=(-4, 104))
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

    one_block = {"blocks": "1", "pattern_freq": "0"}
    few = {"block": "0.1 s", "n_afferents": "6", "n_pattern": "6", "threshold": "1"}
    six = Masquelier2008().with_values(few | one_block)
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
        label = f"{label}: {time.size / 5 / 400:.0f} Hz"
        middle.hist(1e3 * intervals, np.arange(0, 151, 2), histtype="step", color=colour, label=label)
    middle.set(xlabel="interval, ms", ylabel="intervals", title="spikes of an afferent")
    middle.legend()

    for rate, colour in (("70 Hz", SKY), ("90 Hz", BLUE), ("110 Hz", BLACK)):
        for dt, line in (("0.1 ms", "-"), ("1 ms", "--")):
            changes = {
                "silence_max": "1000 s",
                "noise_rate": "0 Hz",
                "block": "60 s",
                "rate_max": rate,
                "dt": dt,
            }
            params = Masquelier2008().with_values(changes | one_block)
            recorded = experiment.simulate(params, 1, "fused")
            weights, label = recorded.weights.mean(axis=1), f"{float(rate.split()[0]) / 2:.0f} Hz, {dt}"
            right.plot(recorded.weights_time, weights, line, color=colour, label=label)
    right.set(xlabel="s", ylabel="mean weight", ylim=(0, 1), title="input without a pattern")
    right.legend(ncols=2, fontsize=7)
    facts_title(drawn, "First steps", "masquelier2008 · rnn · seed 1")
    return drawn


def write_page(rows: list[Row]) -> None:
    """Put the tables between their marks in the page, and draw the figure."""
    put(PAGE, "masquelier2008.py", f"{single_table(rows)}\n\n{axes_table(rows)}\n\n{compared(rows)}")
    figure(rows).savefig(FIGURE)


def main() -> None:
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
        return
    if not options.page:
        chosen = conditions() if options.only is None else [options.only]
        done = {(row["condition"], int(row["seed"])) for row in read_rows(TABLE)}

        def keep(_name: str, row: Row) -> None:
            append_row(TABLE, row)
            print(row["condition"] or "as published", row["seed"], row["success"], flush=True)

        todo = [(one, seed) for seed in options.seeds for one in chosen if (one, seed) not in done]
        run_jobs(experiment, {str(one): one for one in todo}, jobs=options.jobs, keep=keep)
    write_page(read_rows(TABLE))


if __name__ == "__main__":
    main()
