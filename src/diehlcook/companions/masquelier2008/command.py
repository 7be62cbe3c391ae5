"""The command `companion masquelier2008`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...errors import DiehlCookError
from ...whole import write_whole
from .constants import RULES, Masquelier2008, scaled

FOLDER = Path("data/runs/masquelier2008")
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
        choices=("runtime", "standalone", "fused"),
        default="runtime",
        help="runtime: Brian2; standalone: Brian2 as a C++ program; fused: a Numba kernel (default: runtime)",
    )
    parser.add_argument("--small", action="store_true", help="a minute of input instead of 450 s")


def resolve(args: argparse.Namespace, settings: dict[str, str]) -> Masquelier2008:
    """Return the parameters that the options ask for."""
    named = {name: getattr(args, name) for name in NAMED if getattr(args, name) is not None}
    twice = next((name for name in named if name in settings), None)
    if twice:
        raise DiehlCookError(f"{twice} is given twice: as an option, and with --set")
    return scaled(Masquelier2008(), (SMALL if args.small else {}) | named | settings)


def run(args: argparse.Namespace, settings: dict[str, str]) -> dict[str, Any]:
    """Run the experiment and draw its figures."""
    from ...progress import Interruption, progress_report
    from . import experiment

    params, folder = resolve(args, settings), args.run or FOLDER
    seconds = round(params.duration)
    with (
        Interruption() as cancelled,
        progress_report("masquelier2008", seconds, unit="s of input", enabled=not args.quiet) as report,
    ):
        facts = experiment.run(
            folder,
            params,
            seed=args.seed or 0,
            engine=args.engine,
            force=args.force,
            report=report,
            cancelled=cancelled,
        )
    return {"run": str(folder), **facts, "figures": [str(path) for path in draw(folder, params, facts)]}


def draw(folder: Path, params: Masquelier2008, facts: dict[str, Any]) -> Iterator[Path]:
    """Draw the figures of the experiment in `folder`; yield their files."""
    from . import figures
    from .experiment import load

    recorded = load(folder, params)
    line = (
        f"masquelier2008 · {params.rule} · dt {params.text('dt')} · seed {facts['seed']} · {verdict(facts)}"
    )
    for name, figure in (
        ("potential", figures.membrane(params, recorded, line)),
        ("latency", figures.latency(params, recorded, line)),
        ("weights", figures.weights(params, recorded, line)),
        ("afferents", figures.afferents(params, recorded, line)),
    ):
        path = folder / "figures" / f"{name}.png"
        write_whole(path, figure.savefig)
        yield path


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
