"""The command `companion xo`."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from statistics import median
from typing import TYPE_CHECKING, Any

from ...errors import DiehlCookError
from ..common.constants import changes
from .constants import CURES, EXPLAINED, FAULTS, NEURONS, XO

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SMALL = {"networks": "3", "presentations": "60", "tests": "3", "flips_max": "2"}
NAMED = ("networks", "presentations", "other_images")
"""Parameters that have an option of their own."""
WITHOUT = "without-fault"
"""Folder of the same networks without the fault, for comparison."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        choices=[*FAULTS, "all"],
        help="make a mistake of the forum's programs, and compare with the networks without it; repeatable",
    )
    parser.add_argument(
        "--networks", metavar="K", help="networks, each with its own random numbers (default: 20)"
    )
    parser.add_argument("--presentations", metavar="N", help="images shown for learning (default: 150)")
    parser.add_argument(
        "--other-images",
        action="store_const",
        const="true",
        help="blank and circle-like images, too, for learning and in tests",
    )
    parser.add_argument(
        "--neuron",
        choices=NEURONS,
        default="2003",
        help="Izhikevich's form of 2003, or that of 2007 with weights to go with it (default: 2003)",
    )
    parser.add_argument(
        "--cure",
        action="append",
        default=[],
        choices=CURES,
        help="; ".join(f"{name}: {EXPLAINED[name]}" for name in CURES),
    )
    parser.add_argument(
        "--engine",
        choices=("runtime", "fused"),
        default="runtime",
        help="runtime: Brian2; fused: a Numba kernel with the same spikes (default: runtime)",
    )
    parser.add_argument("--small", action="store_true", help="three networks, fewer images")


def resolve(args: argparse.Namespace, settings: dict[str, str]) -> XO:
    """Return the parameters that the options ask for."""
    return with_faults(healthy(args, settings), chosen(args))


def chosen(args: argparse.Namespace) -> list[str]:
    """Return the names of the faults, in their order."""
    return [name for name in FAULTS if name in args.fault or "all" in args.fault]


def healthy(args: argparse.Namespace, settings: dict[str, str]) -> XO:
    """Return the parameters without the faults.

    Raises
    ------
    DiehlCookError
        A fault sets what `settings` set, too.
    """
    for fault in chosen(args):
        for name in FAULTS[fault].keys() & settings.keys():
            raise DiehlCookError(
                f"{name} is set by --fault {fault}; leave out --set {name}=..., or the fault"
            )
    params = with_cures(with_neuron(XO(), args.neuron), args.cure)
    return params.with_values(changes(args, settings, SMALL, *NAMED))


def with_neuron(params: XO, year: str) -> XO:
    """Return the parameters with one of `NEURONS`."""
    settings = NEURONS[year]
    values, sources = ({name: one[part] for name, one in settings.items()} for part in (0, 1))
    return params.with_values(values, sources)


def with_cures(params: XO, cures: Iterable[str]) -> XO:
    """Return the parameters with these of `CURES`."""
    for name in cures:
        params = params.with_values(CURES[name], f"cure {name}: {EXPLAINED[name]}")
    return params


def with_faults(params: XO, faults: list[str]) -> XO:
    """Return the parameters with these of `FAULTS`."""
    for name in faults:
        params = params.with_values(FAULTS[name], f"fault {name}: {EXPLAINED[name]}")
    return params


def run(args: argparse.Namespace, settings: dict[str, str]) -> dict[str, Any]:
    """Run the experiment, with faults also the one without, and draw the figures."""
    from ...progress import Interrupted
    from ...runs.collection import runs_folder
    from ..common.brian import STOPPED
    from ..common.run import figure_files, owned_by, refuse_existing, save_figures, watched
    from . import experiment, figures

    healthy_params, folder, faults = healthy(args, settings), args.run or runs_folder() / "xo", chosen(args)
    params = with_faults(healthy_params, faults)
    runs = {"xo": (folder, params)}
    if faults:
        refuse_existing(folder / WITHOUT, args.force)
        runs[WITHOUT] = folder / WITHOUT, healthy_params
    found: list[dict[str, Any]] = []
    drawn: list[tuple[XO, Any]] = []
    words = [" and ".join(faults) or "no fault", "without"]
    line = f"xo · {params.networks} networks · seed {args.seed or 0}" + (f" · {words[0]}" if faults else "")

    def sheets() -> dict[str, Figure]:
        named = [(word, *one) for word, one in zip(words, drawn, strict=False)]
        return {
            "course": figures.course(named, "Weights, spikes, answers", line),
            "weights": figures.fields(*drawn[0], line),
            "raster": figures.raster(*drawn[0], line),
        }

    def draw(_facts: dict[str, Any], recorded: Any) -> dict[str, Figure]:
        drawn.append((params, recorded))
        return sheets()

    for title, (place, resolved) in runs.items():
        try:
            with watched(args, title, resolved.images) as options:
                first = None if found else draw
                facts, recorded = experiment.run(
                    place, resolved, seed=args.seed or 0, engine=args.engine, draw=first, **options
                )
                found.append(facts)
                if options["cancelled"]() and len(found) < len(runs):
                    raise Interrupted(STOPPED)
        except Interrupted:
            if not found:
                raise
            raise Interrupted(f"interrupted; {folder} has no comparison: start again with --force") from None
    compared = {}
    if faults:  # now with both
        drawn.append((healthy_params, recorded))
        with owned_by("xo", folder):
            save_figures(folder, sheets())
        compared = {"without_fault": found[1]["right"]}
    files = figure_files(folder, ("course", "weights", "raster"))
    return {"run": str(folder), **found[0], "faults": faults, **compared, "figures": files}


def again(facts: dict[str, Any]) -> list[str]:
    """Return the options that do a run once more, besides seed and constants: neuron, cures and faults are among these."""
    return ["--engine", facts.get("engine", "runtime")]  # older runs do not say


def sentences(facts: dict[str, Any]) -> Iterator[str]:
    """Say what came out, line by line."""
    right, networks = facts["right"], len(facts["right_of_each_network"])
    clean = [one[0] for one in facts["right_of_each_network"]]
    yield (
        f"{facts['run']}: {networks} networks, clean images {right[0]:.1%} right "
        f"(worst {min(clean):.0%}, median {median(clean):.0%}), {len(right) - 1} flipped pixels "
        f"{right[-1]:.1%}"
    )
    if "right_blank" in facts:
        yield (
            f"  no answer to {facts['right_blank'][0]:.1%} of the blank images, the right one to "
            f"{facts['right_circle'][0]:.1%} of the circles"
        )
    if facts.get("without_fault"):
        other = facts["without_fault"]
        yield f"  without {' and '.join(facts['faults'])}: {other[0]:.1%}, {other[-1]:.1%}"
    if not facts["all_checks"]:
        yield "  too few images for all checks of health"
    for one in facts["findings"]:
        yield (
            f"  {one['networks']} of {networks}: {one['finding']}: {one['measured']} (normal: "
            f"{one['normal']}); {one['causes']}; change {one['change']}"
        )
