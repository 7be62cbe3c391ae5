"""The search for the threshold step of the larger networks: what its records say, as a table in docs/search.md.

The records come from the workflow, with --configfile scripts/workflow/search.yaml; then this writes the table:

python scripts/studies/steps.py
"""

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

from pages import put, table
from record import read_record

from diehlcook.model.params import load_preset

DOCS = Path(__file__).parents[2] / "docs"
RECORDS, PAGE = DOCS / "search", DOCS / "search.md"

PAPER_SPIKES = 17
"""Spikes of the network per image, about, in the paper (section 3, 6400 neurons)."""

HEAD = "| rule, neurons | images | theta_plus | w_inh_exc | accuracy | spikes per image | theta |"


def spikes(one: dict[str, Any]) -> float:
    """Return the spikes per image of the held-out images."""
    shown = one["test"]["images"] * one["test"]["repeats"]
    return float(sum(one["neurons"]["test_spikes"]) / shown)


def constants(one: dict[str, Any]) -> tuple[float, float]:
    """Return theta_plus in volts and w_inh_exc of a record."""
    params = load_preset(one["preset"]).with_values(one["params"])
    return params.theta_plus, params.w_inh_exc


def kind(one: dict[str, Any]) -> tuple[str, int, int]:
    """Return what two records must have in common to be compared."""
    return one["rule"], one["n_exc"], one["train"]["images"]


def read() -> list[dict[str, Any]]:
    """Return the records, those that can be compared one after the other, by their constants."""
    records = [read_record(path) for path in RECORDS.glob("*.json")]
    return sorted(records, key=lambda one: (one["n_exc"], kind(one), constants(one)))


def groups(records: Iterable[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Return the records that can be compared, group by group."""
    return [list(group) for _, group in groupby(records, key=kind)]


def rows(records: Iterable[dict[str, Any]]) -> list[list[str]]:
    """Return the rows of the table; the best of those that can be compared is bold."""
    found = []
    for group in groups(records):
        best = max(one["test"]["accuracy"] for one in group)
        for one in group:
            theta_plus, w_inh_exc = constants(one)
            low, high = (100 * bound for bound in one["test"]["interval95"])
            accuracy = f"{100 * one['test']['accuracy']:.2f} %"
            if one["test"]["accuracy"] == best and len(group) > 1:
                accuracy = f"**{accuracy}**"
            found.append(
                [
                    f"{one['rule']}, {one['n_exc']}", f"{one['train']['images']:,}",
                    f"{1e3 * theta_plus:g} mV", f"{w_inh_exc:g}",
                    f"{accuracy} [{low:.1f}, {high:.1f}]", f"{spikes(one):.1f}",
                    f"{one['train']['theta_mV']['mean']:.0f} ± {one['train']['theta_mV']['sd']:.0f} mV",
                ]
            )  # fmt: skip
    return found


def compared(records: Iterable[dict[str, Any]]) -> str:
    """Return, a sentence for each rule, whether the best network is the one whose spikes are nearest to the paper's."""
    lines = []
    for group in groups(records):
        if len(group) < 2:
            continue
        best = max(group, key=lambda one: one["test"]["accuracy"])
        near = min(group, key=lambda one: abs(spikes(one) - PAPER_SPIKES))
        rule, n_exc, _ = kind(best)
        said = f"{100 * best['test']['accuracy']:.2f} % at {spikes(best):.1f} spikes per image"
        if near is best:
            lines.append(
                f"- {rule}, {n_exc}: the best, {said}, is the nearest to the paper's {PAPER_SPIKES}."
            )
        else:
            lines.append(
                f"- {rule}, {n_exc}: the best has {said}; the nearest to the paper's {PAPER_SPIKES} has "
                f"{100 * near['test']['accuracy']:.2f} % at {spikes(near):.1f}."
            )
    return "\n".join(lines)


def main() -> None:
    """Write the table into the page."""
    records = read()
    put(PAGE, "steps.py", f"{table(HEAD, rows(records))}\n\n{compared(records)}")


if __name__ == "__main__":
    main()
