"""The command `companion xo`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from ...errors import DiehlCookError
from ...whole import write_whole
from .constants import EXPLAINED, FAULTS, XO

FOLDER = Path("data/runs/xo")
SMALL = {"networks": "3", "presentations": "60", "tests": "3", "flips_max": "2"}
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
    parser.add_argument("--small", action="store_true", help="three networks, fewer images")


def resolve(args: argparse.Namespace, settings: dict[str, str]) -> XO:
    """Return the parameters that the options ask for."""
    return with_faults(healthy(args, settings), chosen(args))


def conflict(faults: list[str], settings: dict[str, str]) -> None:
    """Raise `DiehlCookError` if a fault sets what `settings` set, too."""
    for fault in faults:
        for name in FAULTS[fault].keys() & settings.keys():
            raise DiehlCookError(
                f"{name} is set by --fault {fault}; leave out --set {name}=..., or the fault"
            )


def chosen(args: argparse.Namespace) -> list[str]:
    """Return the names of the faults, in their order."""
    return [name for name in FAULTS if name in args.fault or "all" in args.fault]


def healthy(args: argparse.Namespace, settings: dict[str, str]) -> XO:
    """Return the parameters without the faults."""
    if args.networks and "networks" in settings:
        raise DiehlCookError("networks is given twice: as an option, and with --set")
    conflict(chosen(args), settings)
    named = {"networks": args.networks} if args.networks else {}
    return XO().with_values((SMALL if args.small else {}) | named | settings)


def with_faults(params: XO, faults: list[str]) -> XO:
    """Return the parameters with these of `FAULTS`."""
    for name in faults:
        params = params.with_values(FAULTS[name], f"fault {name}: {EXPLAINED[name]}")
    return params


def run(args: argparse.Namespace, settings: dict[str, str]) -> dict[str, Any]:
    """Run the experiment, with faults also the one without, and draw the figures."""
    from ...progress import Interrupted, Interruption, progress_report
    from . import experiment

    params, folder, seed = healthy(args, settings), args.run or FOLDER, args.seed or 0
    faults = chosen(args)
    if faults and (folder / WITHOUT / "run.json").exists() and not args.force:
        raise DiehlCookError(f"{folder / WITHOUT}: there is a run already; use --force, or another --run")
    runs = [(folder, with_faults(params, faults))] + ([(folder / WITHOUT, params)] if faults else [])
    found: list[dict[str, Any]] = []
    for place, resolved in runs:
        with (
            Interruption() as cancelled,
            progress_report(
                place.name if place.name == WITHOUT else "xo", resolved.images, enabled=not args.quiet
            ) as report,
        ):
            try:
                one = experiment.run(
                    place, resolved, seed=seed, force=args.force, report=report, cancelled=cancelled
                )
            except Interrupted:
                if not found:
                    raise
                raise Interrupted(
                    f"interrupted; {folder} has no comparison: start again with --force"
                ) from None
            found.append(one)
    figures = [str(path) for path in draw(folder, runs, faults, seed)]
    compared = {"without_fault": found[1]["right"]} if faults else {}
    return {"run": str(folder), **found[0], "faults": faults, **compared, "figures": figures}


def draw(folder: Path, runs: list[tuple[Path, XO]], faults: list[str], seed: int) -> Iterator[Path]:
    """Draw the figures of the experiment in `folder`; yield their files."""
    from . import figures
    from .experiment import load

    words = [" and ".join(faults), "without"] if faults else ["no fault"]
    named = [(word, resolved, load(place)) for word, (place, resolved) in zip(words, runs, strict=True)]
    _, params, recorded = named[0]
    line = f"xo · {params.networks} networks · seed {seed}" + (f" · {words[0]}" if faults else "")
    for name, figure in (
        ("course", figures.course(named, "Weights, spikes, answers", line)),
        ("weights", figures.fields(params, recorded, line)),
        ("raster", figures.raster(params, recorded, line)),
    ):
        path = folder / "figures" / f"{name}.png"
        write_whole(path, figure.savefig)
        yield path


def sentences(facts: dict[str, Any]) -> Iterator[str]:
    """Say what came out, line by line."""
    right, networks = facts["right"], len(facts["right_of_each_network"])
    clean = [one[0] for one in facts["right_of_each_network"]]
    yield (
        f"{facts['run']}: {networks} networks, clean images {right[0]:.1%} right "
        f"(worst {min(clean):.0%}, median {median(clean):.0%}), {len(right) - 1} flipped pixels "
        f"{right[-1]:.1%}"
    )
    if facts["faults"]:
        other = facts["without_fault"]
        yield f"  without {' and '.join(facts['faults'])}: {other[0]:.1%}, {other[-1]:.1%}"
    if not facts["all_checks"]:
        yield "  too few images for all checks of health"
    for one in facts["findings"]:
        yield (
            f"  {one['networks']} of {networks}: {one['finding']}: {one['measured']} (normal: "
            f"{one['normal']}); {one['causes']}; change {one['change']}"
        )
