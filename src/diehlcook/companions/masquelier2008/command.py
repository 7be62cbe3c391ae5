"""The command `companion masquelier2008`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..common.constants import changes
from .constants import RULES, Masquelier2008, scaled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SMALL = {"block": "20 s", "blocks": "3"}
"""A minute of input: long enough to find the pattern, as a rule; too short to be judged."""

NAMED = ("rule", "dt", "jitter", "pattern_freq", "n_pattern", "w_init", "deletion")
"""Parameters that have an option of their own."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    table = Masquelier2008.table()
    for name in NAMED:
        declared = table[name].metadata
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            dest=name,
            metavar="NAME" if declared["choices"] else "VALUE",
            choices=RULES if declared["choices"] else None,
            help=f"{declared['meaning']} (default: {Masquelier2008().text(name)})",
        )
    parser.add_argument(
        "--engine",
        choices=("runtime", "fused"),
        default="runtime",
        help="runtime: Brian2; fused: a Numba kernel (default: runtime)",
    )
    parser.add_argument("--small", action="store_true", help="a minute of input instead of 450 s")


def resolve(args: argparse.Namespace, settings: dict[str, str]) -> Masquelier2008:
    """Return the parameters that the options ask for."""
    return scaled(Masquelier2008(), changes(args, settings, SMALL, *NAMED))


def run(args: argparse.Namespace, settings: dict[str, str]) -> dict[str, Any]:
    """Run the experiment and draw its figures."""
    from ...runs.collection import runs_folder
    from ..common.run import figure_files, watched
    from . import experiment, figures

    params, folder, seed = (
        resolve(args, settings),
        args.run or runs_folder() / "masquelier2008",
        args.seed or 0,
    )

    def draw(facts: dict[str, Any], recorded: Any) -> dict[str, Figure]:
        line = f"masquelier2008 · {params.rule} · dt {params.text('dt')} · seed {seed} · {verdict(facts)}"
        return {name: figure(params, recorded, line) for name, figure in figures.SHEETS.items()}

    with watched(args, "masquelier2008", round(params.duration), "s of input") as options:
        facts, _ = experiment.run(folder, params, seed=seed, engine=args.engine, draw=draw, **options)
    return {"run": str(folder), **facts, "figures": figure_files(folder, figures.SHEETS)}


def again(facts: dict[str, Any]) -> list[str]:
    """Return the options that do a run once more, besides seed and constants."""
    return ["--engine", facts["engine"]]


def verdict(facts: dict[str, Any]) -> str:
    """Return the outcome in a few words."""
    if facts["latency"] is None:
        return f"no answer to the pattern, {facts['rate']:.1f} spikes per s at the end"
    return (
        f"{'found' if facts['success'] else 'not found'}: {facts['hit_rate']:.1%} of the patterns, "
        f"{facts['false_alarms']} false alarms, latency {1e3 * facts['latency']:.1f} ms"
    )


def sentences(facts: dict[str, Any]) -> Iterator[str]:
    """Say what came out, line by line."""
    yield f"{facts['run']}: {verdict(facts)}"
    if facts["found_at"] is not None:
        yield f"  last false alarm after {facts['found_at']:.1f} s, discharge {facts['found_after']}"
    yield (
        f"  {facts['weights_high']} weights above half of the largest, "
        f"{facts['weights_high_in_pattern']} of them in the pattern; {facts['wall_s']:.0f} s"
    )
