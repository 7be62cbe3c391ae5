"""Measure how often the neuron of the companion masquelier2008 finds the pattern; fill the tables of its page, draw the figures.

    python scripts/studies/masquelier2008.py --seeds 1-10    # 10 seeds of everything; stop it at any time, the
    same command goes on
    python scripts/studies/masquelier2008.py --groups standard --seeds 11-150
    python scripts/studies/masquelier2008.py --page          # write tables and figures from the records,
    without running anything
    python scripts/studies/masquelier2008.py --first-steps   # draw the figure of the neuron's first steps, a
    minute

Each row of docs/companions/masquelier2008.csv is an experiment: some changes of the published constants, one
seed. The engine is `fused`, which gives the very spikes of Brian2 (a test compares them). What was published
beside it is of Hathway & Goodman 2018, 100 seeds per condition: the original authors' code run again, and
their own in Brian2. The conditions of a group share the input before pattern and noise, which takes most of
the time, so that a group is done seed by seed.
"""

import argparse
import functools
import math
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from pages import Row, append_row, put, read_rows, table
from scipy.stats import fisher_exact, norm

from diehlcook.analysis.readout import wilson
from diehlcook.arguments import seeds
from diehlcook.companions.masquelier2008 import afferents, blog, criteria, experiment
from diehlcook.companions.masquelier2008.constants import Masquelier2008, scaled
from diehlcook.figures.style import BLACK, BLUE, GREY, SKY, facts_title, new_figure, styled
from diehlcook.jobs import run_jobs

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

DEPRESSIONS = ("0.0265625", "0.0275", "0.028", "0.0285", "0.029")
"""Depressions for the input of the blog: the published one, and up to that which the blog chose."""


def as_blog(a_minus: str, blocks: str = "1") -> str:
    """Return the settings of the blog's experiment of 15 s, which may be shown several times."""
    settings = blog.PATTERN | {"blocks": blocks, "a_minus": a_minus}
    return "; ".join(f"{name}={value}" for name, value in settings.items())


BLOG = {as_blog(a_minus): f"{a_minus}, 15 s" for a_minus in DEPRESSIONS}
BLOG[as_blog("0.028", "10")] = "0.028, ten times the same 15 s"
"""The blog's experiment: what differs."""

FACTS = (
    "success", "hit_rate", "false_alarms", "latency", "found_at", "found_after", "rate",
    "weights_high", "weights_high_in_pattern", "weights_mean", "hit_rate_longer", "first_found",
)  # fmt: skip
"""The last two are `criteria.hits` over the last two thirds, and `criteria.first_found`, which is nan where the
neuron has found nothing; they are empty in rows from before they were recorded."""


def condition_of(published: Row) -> str:
    """Return the settings of what was published; "" for the standard ones."""
    name, value = published["constant"], published["value"]
    return "" if value == Masquelier2008().text(name) else f"{name}={value}"


def groups() -> dict[str, list[str]]:
    """Return the settings of all conditions, by group; in `uncertain` a published share is from 20 to 90 %."""
    found: dict[str, list[str]] = {"standard": [""], "uncertain": [], "certain": []}
    for published in PUBLISHED:
        shares = [int(published[name]) for name in ("original", "coarse", "fine")]
        if condition_of(published):
            near = any(20 <= share <= 90 for share in shares)
            found["uncertain" if near else "certain"].append(condition_of(published))
    return found | {"changes": list(SINGLE), "blog": list(BLOG)}


@functools.lru_cache(maxsize=1)
def base(params: Masquelier2008, seed: int) -> afferents.Spikes:
    """Return the input before pattern and noise, drawn once for all conditions that share it."""
    return afferents.draw_base(params, seed)


def run(condition: str, seed: int) -> Row:
    """Run one experiment; return its row."""
    pairs = [pair.split("=", 1) for pair in condition.split("; ") if pair]
    params = scaled(Masquelier2008(), dict(pairs))
    shared = Masquelier2008().with_values({name: params.text(name) for name in afferents.OF_BASE})
    recorded = experiment.simulate(params, seed, "fused", base=base(shared, seed))
    times, weights = (recorded.spikes, recorded.onsets, params.t_pattern), recorded.weights[-1]
    verdict = criteria.judge(*times, params.duration)
    high, first = weights > params.w_max / 2, criteria.first_found(*times)
    facts = verdict._asdict() | {
        "success": int(verdict.success),
        "weights_high": int(high.sum()),
        "weights_high_in_pattern": int(high[: params.n_pattern].sum()),
        "weights_mean": float(weights.mean()),
        "hit_rate_longer": criteria.hits(*times, params.duration / criteria.DECIDES),
        "first_found": math.nan if first is None else first,
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
    spread = f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{fmean(values):.{digits}f}{spread}" if values else "-"


def single_table(rows: list[Row]) -> str:
    """Return the table of the single changes."""
    head = (
        "| change | | success | rate at the end, Hz | mean weight | found after, s | discharges | "
        "latency, ms | hits, % |"
    )
    lines = []
    for condition, what in {"": "as published", **SINGLE}.items():
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


def fisher(good: int, runs: int, published: str) -> float:
    """Return how likely shares as different as this and a published one of 100 runs are, if they are the same."""
    return float(fisher_exact([[good, runs - good], [int(published), 100 - int(published)]]).pvalue)


def compared_with(good: int, runs: int, published: str) -> str:
    """Return what `fisher` says as a text."""
    p = fisher(good, runs, published)
    return f"{p:.2f}" if p >= 0.01 else f"{p:.1g}"


def interval(good: int, runs: int) -> str:
    """Return a share with its interval, in per cent, as a text."""
    low, high = wilson(good, runs)
    return f"{100 * good / runs:.0f} % [{100 * low:.0f}, {100 * high:.0f}]"


def standard_table(rows: list[Row]) -> str:
    """Return the table that compares the standard condition with what was published, counted in two ways."""
    some, good = of(rows, "")
    longer = recounted(some)
    counts = (
        ("of all runs, by the paper's criterion", len(good), len(some)),
        ("of those with both counts, by the paper's criterion", *shares(longer, "success")),
        ("of the same, counted as in the replication", *shares(longer, "as_replicated")),
    )
    head = (
        "| ours | found | 95 % interval | p, 96 (the paper) | p, 94 (replication) | p, 90 (original code) |"
    )
    lines = [
        (
            what,
            f"{right} of {runs}",
            interval(right, runs),
            *(compared_with(right, runs, other) for other in ("96", "94", "90")),
        )
        for what, right, runs in counts
    ]
    return table(head, lines)


def recounted(rows: list[Row]) -> list[Row]:
    """Return the rows that say how long hits were counted, with the verdict that the replication's program would give.

    It takes the share of hits over the last two thirds instead of the last, rounds it to 0.1 %, and asks for
    98 % or more.
    """
    found = []
    for one in rows:
        if one["hit_rate_longer"]:
            fast = bool(one["latency"]) and float(one["latency"]) < criteria.LATENCY
            enough = round(float(one["hit_rate_longer"]), 3) >= criteria.HIT_RATE
            found.append(one | {"as_replicated": str(int(fast and enough and one["false_alarms"] == "0"))})
    return found


def shares(rows: list[Row], verdict: str) -> tuple[int, int]:
    """Return how many rows have a verdict, and how many there are."""
    return sum(one[verdict] == "1" for one in rows), len(rows)


def failures_table(rows: list[Row]) -> str:
    """Return the table of the standard runs that do not succeed, one by one."""
    head = (
        "| seed | hits, last 150 s, % | false alarms, last 150 s | latency, ms | last false alarm, s | "
        "high weights, in the pattern and not | what is missing | counted as in the replication |"
    )
    lines = []
    for one in of(rows, "")[0]:
        if one["success"] == "0":
            missing = {
                "hits": float(one["hit_rate"]) <= criteria.HIT_RATE,
                "no false alarms": one["false_alarms"] != "0",
                "latency": not one["latency"] or float(one["latency"]) >= criteria.LATENCY,
            }
            again = recounted([one])
            inside = int(one["weights_high_in_pattern"])
            lines.append(
                (
                    one["seed"],
                    f"{100 * float(one['hit_rate']):.1f}",
                    one["false_alarms"],
                    f"{1e3 * float(one['latency']):.1f}" if one["latency"] else "-",
                    f"{float(one['found_at']):.1f}" if one["found_at"] else "-",
                    f"{inside}, {int(one['weights_high']) - inside}",
                    ", ".join(name for name, is_missing in missing.items() if is_missing),
                    ("success" if again[0]["as_replicated"] == "1" else "no success") if again else "-",
                )
            )
    return table(head, lines)


def axes_table(rows: list[Row]) -> str:
    """Return the table of the robustness."""
    head = (
        "| | | ours | 95 % interval | original code | p | replication, 0.1 ms | p | replication, 1 µs | "
        "counted as in the replication | found after, s |"
    )
    lines = []
    for published, some, good in robustness(rows):
        name, value, original, coarse, fine = published.values()
        ours = len(good), len(some)
        right, runs = shares(recounted(some), "as_replicated")
        lines.append(
            (
                name,
                value,
                f"{ours[0]} of {ours[1]}",
                interval(*ours),
                original,
                compared_with(*ours, original),
                coarse,
                compared_with(*ours, coarse),
                fine,
                f"{right} of {runs}" if runs else "-",
                mean(good, "found_at"),
            )
        )
    return table(head, lines)


def compared(rows: list[Row]) -> str:
    """Say whether our shares of success differ from those of the replication at 0.1 ms, of 100 runs each."""
    found = {
        condition_of(published): (len(good), len(some), int(published["coarse"]))
        for published, some, good in robustness(rows)
    }
    ours, all_runs, theirs = np.array(list(found.values())).T
    expected = (all_runs * theirs / 100).sum()
    # One seed draws the same input before pattern and noise in every condition, so its runs are no independent ones
    surplus: dict[str, float] = {}
    counted = set()
    for published, some, good in robustness(rows):
        if condition_of(published) not in counted:  # the standard condition stands in several rows
            counted.add(condition_of(published))
            for row in some:
                more = (row in good) - int(published["coarse"]) / 100
                surplus[row["seed"]] = surplus.get(row["seed"], 0.0) + more
    own = len(surplus) * np.var(list(surplus.values()), ddof=1)
    published_spread = (all_runs**2 * theirs / 100 * (1 - theirs / 100) / 100).sum()
    pooled = 2 * norm.sf(abs(ours.sum() - expected) / math.sqrt(own + published_spread))
    low = min(fisher(good, runs, str(share)) for good, runs, share in found.values())
    return (
        f"All {len(found)} conditions together have {ours.sum()} successes in {all_runs.sum()} runs, where "
        f"the shares of the replication at 0.1 ms would give {expected:.1f} (p = {pooled:.2f}, normal "
        "approximation, runs of one seed taken together because they share input). "
        "p in the table is that of Fisher's exact test, one by one; its smallest against "
        f"the replication is {low:.3f}. If all shares were equal, the smallest of {len(found)} such tests "
        f"would be below {1 - 0.95 ** (1 / len(found)):.4f} in one case of twenty."
    )


THIRDS = ("beginning", "middle", "end")


def third(latency: float) -> str:
    """Return the third of the pattern in which a latency in seconds lies."""
    return THIRDS[min(int(latency / Masquelier2008().t_pattern * 3), 2)]


def where_table(rows: list[Row]) -> str:
    """Return the table of the parts of the pattern in which the neuron fires at first, and at the end of the run."""
    head = (
        "| experiment | runs | first found in the beginning | middle | end | never | ms, at first | "
        "selective at last | in the beginning | middle | end | ms, at last | from the end to the beginning |"
    )
    lines = []
    for condition, what in {"": "as published, 450 s", **BLOG}.items():
        some = [one for one in of(rows, condition)[0] if one["first_found"]]
        found = [one for one in some if not math.isnan(float(one["first_found"]))]
        able = [one for one in found if selective(one)]
        if some:
            first, last = (
                [third(float(one[name])) for one in group]
                for name, group in (("first_found", found), ("latency", able))
            )
            moved = [
                third(float(one["latency"])) for one in able if third(float(one["first_found"])) == "end"
            ]
            lines.append(
                (
                    what,
                    len(some),
                    *map(first.count, THIRDS),
                    len(some) - len(found),
                    mean(found, "first_found", 1e3),
                    len(able),
                    *map(last.count, THIRDS),
                    mean(able, "latency", 1e3),
                    f"{moved.count('beginning')} of {first.count('end')}",
                )
            )
    return table(head, lines)


def selective(one: Row) -> bool:
    """Return whether the neuron answers the patterns of the last third, and nothing else, at whatever latency."""
    return float(one["hit_rate"]) > criteria.HIT_RATE and one["false_alarms"] == "0"


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
    drawn = new_figure((10, 3.2))
    left, middle, right = drawn.subplots(1, 3, width_ratios=(1, 1, 1.3))

    for dt, line in (("0.1 ms", "-"), ("1 ms", "--")):
        one = Masquelier2008().with_values(blog.ONE | {"dt": dt})
        course = blog.watch(one, blog.given(one, blog.SIX, np.zeros(6)))
        left.plot(course.time, course.potential, line, color=BLUE, label=dt)
    left.plot(blog.SIX, np.full(6, -0.6), "|", color=BLACK)
    left.legend()
    left.axhline(1, color=GREY, lw=0.6, ls=":")
    left.set(xlabel="time, ms", ylabel="u / T", title="six spikes: only near ones add up")

    plain = blog.PLAIN | {"block": "5 s", "n_afferents": "400", "n_pattern": "1"}
    for silence, colour, label in (("1000 s", GREY, "by chance"), ("50 ms", BLUE, "at least every 50 ms")):
        params = Masquelier2008().with_values(plain | {"silence_max": silence})
        time, who = afferents.drifting(params, np.random.default_rng(1))
        order = np.lexsort((time, who))
        intervals = np.diff(time[order])[np.diff(who[order]) == 0]
        label = f"{label}: {time.size / 5 / 400:.0f} Hz"
        middle.hist(1e3 * intervals, np.arange(0, 151, 2), histtype="step", color=colour, label=label)
    middle.set(xlabel="interval, ms", ylabel="intervals", title="spikes of an afferent")
    middle.legend()

    for rate, colour in (("70 Hz", SKY), ("90 Hz", BLUE), ("110 Hz", BLACK)):
        for dt, line in (("0.1 ms", "-"), ("1 ms", "--")):
            changes = blog.PLAIN | {"block": "60 s", "rate_max": rate, "dt": dt}
            params = Masquelier2008().with_values(changes)
            recorded = experiment.simulate(params, 1, "fused")
            weights, label = recorded.weights.mean(axis=1), f"{float(rate.split()[0]) / 2:.0f} Hz, {dt}"
            right.plot(recorded.weights_time, weights, line, color=colour, label=label)
    right.set(xlabel="time, s", ylabel="mean weight", ylim=(0, 1), title="input without a pattern")
    right.legend(ncols=2, fontsize=7)
    facts_title(drawn, "First steps", "masquelier2008 · rnn · seed 1")
    return drawn


def tables(rows: list[Row]) -> str:
    """Return what is measured, for the page."""
    parts = {
        "Single changes": single_table(rows),
        "The standard condition beside what was published": standard_table(rows),
        "The standard runs without success": failures_table(rows),
        "Robustness": f"{axes_table(rows)}\n\n{compared(rows)}",
        "The beginning of the pattern or its end": where_table(rows),
    }
    return "\n\n".join(f"### {title}\n{part}" for title, part in parts.items())


def main() -> None:
    """Run what is missing and write the page."""
    known = groups()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", action="store_true", help="write tables and figure only")
    parser.add_argument("--seeds", type=seeds, default=seeds("1-10"))
    parser.add_argument(
        "--groups", nargs="+", choices=known, default=list(known), help="groups of conditions, in order"
    )
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--first-steps", action="store_true", help="draw the neuron's first steps only")
    options = parser.parse_args()
    if options.first_steps:
        first_steps().savefig(STEPS)
        return
    if not options.page:
        done = {(one["condition"], int(one["seed"])) for one in read_rows(TABLE)}

        def keep(_name: str, one: Row) -> None:
            append_row(TABLE, one)
            print(one["condition"] or "as published", one["seed"], one["success"], flush=True)

        todo = [(one, seed) for group in options.groups for seed in options.seeds for one in known[group]]
        left = {str(one): one for one in todo if one not in done}
        run_jobs(run, left, jobs=options.jobs, keep=keep)
    rows = read_rows(TABLE)
    put(PAGE, "masquelier2008.py", tables(rows))
    figure(rows).savefig(FIGURE)


if __name__ == "__main__":
    main()
