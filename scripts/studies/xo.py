"""Show what each fault does to the networks of the companion xo; fill the tables of its page, draw its figures.

    python scripts/studies/xo.py           # 10 experiments of 20 networks, about 6 minutes
    python scripts/studies/xo.py --page    # write the tables from the records, without running anything

First the program of the forum with all its faults, which are then mended one after the other; then the mended
networks with each single fault. The records are docs/companions/xo.csv.
"""

import argparse
from pathlib import Path

from pages import Row, put, read_rows, table, write_rows

from diehlcook.companions.xo import FAULTS, XO, diagnosis, experiment, figures
from diehlcook.companions.xo.command import with_faults
from diehlcook.companions.xo.recorded import Recorded

DOCS = Path(__file__).parents[2] / "docs" / "companions"
TABLE, PAGE = DOCS / "xo.csv", DOCS / "xo.md"

NAMES = list(FAULTS)
PATH = [NAMES[number:] for number in range(len(NAMES) + 1)]
SINGLE = [[name] for name in NAMES]
COLUMNS = (
    "faults", "networks", "seed", "right_clean", "worst_clean", "right_4_flips", "right_8_flips",
    "no_answer_clean",
    "hidden_spikes", "weight_mV", "findings",
)  # fmt: skip


def words(faults: list[str]) -> str:
    """Return faults as a text."""
    return " + ".join(faults) or "no fault"


def row(faults: list[str], params: XO, seed: int, recorded: Recorded) -> Row:
    """Return what is recorded of one experiment."""
    right, _, none = experiment.accuracy(params, recorded)
    found = diagnosis.findings(params, recorded)
    values = (
        words(faults),
        params.networks,
        seed,
        f"{right[:, 0].mean():.4f}",
        f"{right[:, 0].min():.4f}",
        f"{right[:, 4].mean():.4f}",
        f"{right[:, 8].mean():.4f}",
        f"{none[:, 0].mean():.4f}",
        f"{recorded.hidden_spikes[:, : params.presentations].sum(axis=2).mean():.2f}",
        f"{1e3 * recorded.weights_hidden[-1].mean():.4f}",
        "; ".join(f"{one['finding']} ({one['networks']})" for one in found),
    )
    return dict(zip(COLUMNS, map(str, values), strict=True))


def experiments(rows: list[Row], wanted: list[list[str]]) -> str:
    """Return a table of experiments."""
    head = (
        "| faults | clean, right % (worst network) | no answer, % | 4 flips, % | 8 flips, % | hidden "
        "spikes per image | mean weight, mV | findings (networks of 20) |"
    )
    lines = []
    by_faults = {one["faults"]: one for one in rows}
    for faults in wanted:
        one = by_faults[words(faults)]
        percent = {
            name: f"{100 * float(one[name]):.1f}" for name in COLUMNS if "right" in name or "clean" in name
        }
        lines.append(
            (
                words(faults),
                f"{percent['right_clean']} ({percent['worst_clean']})",
                *(percent[name] for name in ("no_answer_clean", "right_4_flips", "right_8_flips")),
                one["hidden_spikes"],
                f"{float(one['weight_mV']):.3g}",
                one["findings"] or "none",
            )
        )
    return table(head, lines)


def main() -> None:
    """Run the experiments and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", action="store_true", help="write the tables only")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if not options.page:
        drawn, rows = {}, []
        for faults in [*PATH, *SINGLE[:-1]]:
            params = with_faults(XO(), faults)
            recorded = experiment.simulate(params, options.seed)
            drawn[words(faults)] = words(faults), params, recorded
            rows.append(row(faults, params, options.seed, recorded))
            print(rows[-1], flush=True)
        write_rows(TABLE, rows)
        facts = f"xo · {XO().networks} networks · seed {options.seed}"
        for name, title, wanted in (
            ("path", "The faults mended one after the other", PATH),
            ("faults", "Each fault alone, and none", [*SINGLE, []]),
        ):
            figures.course([drawn[words(one)] for one in wanted], title, facts).savefig(
                DOCS / f"xo_{name}.png"
            )
        _, params, recorded = drawn["no fault"]
        figures.fields(params, recorded, facts).savefig(DOCS / "xo_weights.png")
        figures.raster(params, recorded, facts).savefig(DOCS / "xo_raster.png")
    rows = read_rows(TABLE)
    one_by_one, alone = experiments(rows, PATH), experiments(rows, [*SINGLE, []])
    put(PAGE, "xo.py", f"Mended one after the other:\n\n{one_by_one}\n\nEach alone:\n\n{alone}")


if __name__ == "__main__":
    main()
