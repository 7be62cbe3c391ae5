"""Show what faults, cures and the form of the neuron do to the networks of the companion xo; fill its page's tables, draw its figures.

    python scripts/studies/xo.py           # 27 experiments of 20 networks with two seeds, under two minutes
    python scripts/studies/xo.py --page    # write the tables from the records, without running anything

First the program of the forum with all its faults, which are then mended one after the other; then the mended
networks with each single fault; then what the answers to images with flipped pixels depend on, with controls;
then a thousand trials, with blank and circle-like images. The records are docs/companions/xo.csv.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pages import Row, put, read_rows, table, write_rows

from diehlcook.analysis.readout import wilson
from diehlcook.companions.xo import FAULTS, XO, diagnosis, experiment, figures
from diehlcook.companions.xo.command import with_cures, with_faults, with_neuron
from diehlcook.companions.xo.recorded import Recorded

DOCS = Path(__file__).parents[2] / "docs" / "companions"
TABLE, PAGE = DOCS / "xo.csv", DOCS / "xo.md"
SEEDS = (0, 1)
FLIPS = (0, 4, 8)
ENOUGH = 0.95

HEALTHY, FORM_2007 = XO(), with_neuron(XO(), "2007")
CURED, BOTH = with_cures(HEALTHY, ["one-spike"]), with_cures(FORM_2007, ["one-spike"])
NOTHING_LEARNED = {"a_plus": "0 mV"}
NAMES = list(FAULTS)
PATH = {" + ".join(NAMES[k:]) or "no fault": with_faults(HEALTHY, NAMES[k:]) for k in range(len(NAMES) + 1)}
SINGLE = {name: with_faults(HEALTHY, [name]) for name in NAMES} | {"no fault": HEALTHY}
NOISE = {
    "two spikes, spread over 3 ms (no fault)": HEALTHY,
    "two spikes, synchronous": SINGLE["synchronous"],
    "one spike, spread over 3 ms": HEALTHY.with_values({"pulse": "2.5 ms"}),
    "one spike, synchronous (cure one-spike)": CURED,
    "neuron of 2007": FORM_2007,
    "neuron of 2007, two spikes, synchronous": with_faults(FORM_2007, ["synchronous"]),
    "neuron of 2007, cure one-spike": BOTH,
    "no learning": HEALTHY.with_values(NOTHING_LEARNED),
    "no learning, cure one-spike": CURED.with_values(NOTHING_LEARNED),
    "no learning, neuron of 2007": FORM_2007.with_values(NOTHING_LEARNED),
}
THOUSAND = {"presentations": "1000"}
OTHERS = {"other_images": "true"}
TRIALS = {
    "1000 trials, X and O only": HEALTHY.with_values(THOUSAND),
    "150 trials": HEALTHY.with_values(OTHERS),
    "1000 trials": HEALTHY.with_values(THOUSAND | OTHERS),
    "1000 trials, cure one-spike": CURED.with_values(THOUSAND | OTHERS),
    "1000 trials, neuron of 2007": FORM_2007.with_values(THOUSAND | OTHERS),
    "1000 trials, neuron of 2007, cure one-spike": BOTH.with_values(THOUSAND | OTHERS),
    "1000 trials, no learning": HEALTHY.with_values(THOUSAND | OTHERS | NOTHING_LEARNED),
}


def run(params: XO) -> tuple[XO, Recorded]:
    """Run the networks of all seeds; return them as one experiment."""
    parts = [experiment.simulate(params, seed, "fused") for seed in SEEDS]
    together = {
        name: np.concatenate([getattr(part, name) for part in parts], axis=int(name.startswith("weights")))
        for name in Recorded._fields
        if name != "raster"
    }
    networks = str(len(SEEDS) * params.networks)
    return params.with_values(networks=networks), parts[0]._replace(**together)


def interval(each: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % interval of the mean of networks: of resampled networks, which are independent as images of one are not."""
    resampled = np.random.default_rng(0).choice(each, (10_000, len(each)))
    low, high = np.quantile(resampled.mean(axis=1), (0.025, 0.975))
    return float(low), float(high)


def row(name: str, params: XO, recorded: Recorded) -> Row:
    """Return what is recorded of one experiment; shares of networks, and means over them."""
    right, wrong, none = experiment.accuracy(params, recorded)
    values: dict[str, object] = {
        "condition": name,
        "networks": params.networks,
        "seeds": " ".join(map(str, SEEDS)),
    }
    for flips in FLIPS:
        each = right[:, flips]
        low, high = interval(each)
        values |= {
            f"right_{flips}": f"{each.mean():.4f}",
            f"low_{flips}": f"{low:.4f}",
            f"high_{flips}": f"{high:.4f}",
        }
        values |= {
            f"wrong_{flips}": f"{wrong[:, flips].mean():.4f}",
            f"none_{flips}": f"{none[:, flips].mean():.4f}",
        }
    values["right_8_of_each_seed"] = " ".join(
        f"{one:.4f}" for one in right[:, 8].reshape(len(SEEDS), -1).mean(axis=1)
    )
    values |= {"worst_0": f"{right[:, 0].min():.4f}", "enough_8": int((right[:, 8] >= ENOUGH - 1e-9).sum())}
    values["nearest_8"] = f"{experiment.ideal(params, recorded)[8]:.4f}"
    kinds = experiment.shares(params, recorded)[0].mean(axis=0)
    for kind, what in ((2, "blank"), (3, "circle")):
        for flips in FLIPS:
            values[f"{what}_{flips}"] = f"{kinds[flips, kind]:.4f}" if kind < params.kinds else ""
    values["hidden_spikes"] = f"{recorded.hidden_spikes[:, : params.presentations].sum(axis=2).mean():.2f}"
    values["weight_mV"] = f"{1e3 * recorded.weights_hidden[-1].mean():.4f}"
    if name in NOISE | TRIALS:
        values["unevenness"] = f"{diagnosis.unevenness(recorded).mean():.3f}"
    else:
        values["unevenness"] = ""
    found = diagnosis.findings(params, recorded)
    values["findings"] = "; ".join(f"{one['finding']} ({one['networks']})" for one in found)
    return {column: str(value) for column, value in values.items()}


def percent(row: Row, *names: str) -> list[str]:
    """Return shares in percent."""
    return [f"{100 * float(row[name]):.1f}" for name in names]


def right(row: Row, flips: int) -> str:
    """Return the share of right answers with its interval."""
    mean, low, high = percent(row, f"right_{flips}", f"low_{flips}", f"high_{flips}")
    return f"{mean} ({low} to {high})"


def faults(rows: dict[str, Row], wanted: dict[str, XO]) -> str:
    """Return a table of experiments with faults."""
    head = (
        "| faults | clean, right % | worst network | no answer, % "
        "| 4 flips, right % | 8 flips, right % | hidden "
        "spikes per image | mean weight, mV | findings (networks of 40) |"
    )
    lines = []
    for name in wanted:
        one = rows[name]
        shares = right(one, 0), *percent(one, "worst_0", "none_0"), right(one, 4), right(one, 8)
        lines.append(
            (name, *shares, one["hidden_spikes"], f"{float(one['weight_mV']):.3g}", one["findings"] or "none")
        )
    return table(head, lines)


def noise(rows: dict[str, Row]) -> str:
    """Return the table of answers to images with flipped pixels."""
    head = (
        "| | clean, right % | 4 flips, right % | 8 flips, right % "
        "| seeds 0 and 1 | 8 flips, wrong and none, % | "
        "networks with 95 % or more at 8 flips (95 % interval) | unevenness | findings |"
    )
    lines = []
    for name in NOISE:
        one = rows[name]
        enough, networks = int(one["enough_8"]), int(one["networks"])
        low, high = wilson(enough, networks)
        seeds = ", ".join(f"{100 * float(part):.1f}" for part in one["right_8_of_each_seed"].split())
        counted = f"{enough} of {networks} ({100 * low:.0f} to {100 * high:.0f} %)"
        others = ", ".join(percent(one, "wrong_8", "none_8"))
        lines.append(
            (
                name, *(right(one, flips) for flips in FLIPS), seeds, others, counted, one["unevenness"],
                one["findings"] or "none",
            )
        )  # fmt: skip
    nearest = percent(rows["no fault"], "nearest_8")[0]
    return table(head, [*lines, ("the nearest pattern", nearest, nearest, nearest, "", "", "", "", "")])


def trials(rows: dict[str, Row]) -> str:
    """Return the table of a thousand trials."""
    head = (
        "| | X and O: clean | 4 flips | 8 flips | blank: clean | 4 flips "
        "| 8 flips | circle: clean | 4 flips | "
        "8 flips | unevenness |"
    )
    lines = []
    for name in TRIALS:
        one = rows[name]
        own = [right(one, flips) for flips in FLIPS]
        other = [f"{what}_{flips}" for what in ("blank", "circle") for flips in FLIPS]
        others = percent(one, *other) if one["blank_0"] else [""] * len(other)
        lines.append((name, *own, *others, one["unevenness"]))
    return table(head, lines)


def tables(records: list[Row]) -> str:
    """Return what is measured, for the page."""
    rows = {one["condition"]: one for one in records}
    return (
        f"### Mended one after the other\n\n{faults(rows, PATH)}\n\n"
        f"### Each alone\n\n{faults(rows, SINGLE)}\n\n"
        f"### Flipped pixels\n\n{noise(rows)}\n\n### A thousand trials, blanks and circles\n\n{trials(rows)}"
    )


def main() -> None:
    """Run the experiments and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", action="store_true", help="write the tables only")
    options = parser.parse_args()
    if not options.page:
        drawn = {}
        records = []
        for name, params in (PATH | SINGLE | NOISE | TRIALS).items():
            drawn[name] = name, *run(params)
            records.append(row(*drawn[name]))
            print(records[-1], flush=True)
        write_rows(TABLE, records)
        facts = f"xo · {HEALTHY.networks} networks each of seeds {' and '.join(map(str, SEEDS))}"
        for name, title, wanted in (
            ("path", "The faults mended one after the other", PATH),
            ("faults", "Each fault alone, and none", SINGLE),
        ):
            figures.course([drawn[one] for one in wanted], title, facts).savefig(DOCS / f"xo_{name}.png")
        first = f"xo · seed {SEEDS[0]}"
        figures.fields(*drawn["no fault"][1:], first).savefig(DOCS / "xo_weights.png")
        figures.raster(*drawn["no fault"][1:], first).savefig(DOCS / "xo_raster.png")
    put(PAGE, "xo.py", tables(read_rows(TABLE)))


if __name__ == "__main__":
    main()
