"""A run of a companion: progress, what is written into its folder, figures."""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from matplotlib.figure import Figure

from ...errors import DiehlCookError
from ...model.constants import Constants
from ...progress import Interruption, progress_report
from ...runs.files import save_array, save_json
from ...runs.run import versions
from ...whole import write_whole

SCHEMA = 1

Recorded = TypeVar("Recorded")


@contextlib.contextmanager
def watched(
    args: argparse.Namespace, title: str, total: int, unit: str = "images"
) -> Iterator[dict[str, Any]]:
    """Give the options that all experiments have, with interrupts and progress in place."""
    progress = progress_report(title, total, unit=unit, enabled=not args.quiet)
    with Interruption() as cancelled, progress as report:
        yield {"force": args.force, "report": report, "cancelled": cancelled}


def refuse_existing(folder: Path, allowed: bool, advice: str = "use --force to replace it") -> None:
    """Raise `DiehlCookError` if there is a run in `folder`, unless that is `allowed`."""
    if (folder / "run.json").exists() and not allowed:
        raise DiehlCookError(f"{folder}: there is a run already; {advice}, or another --run")


def run_and_keep(
    folder: Path,
    force: bool,
    simulate: Callable[[], Recorded],
    judge: Callable[[Recorded], Mapping[str, Any]],
    params: Constants,
    **chosen: Any,
) -> tuple[dict[str, Any], Recorded]:
    """Run an experiment and write its .npy files and run.json into `folder`; return what run.json has, and what was recorded.

    Parameters
    ----------
    folder, force
        Where to write, and whether a run there is replaced.
    simulate
        Returns the arrays that are kept, a `NamedTuple`.
    judge
        Returns what run.json says about them.
    params, chosen
        The constants and what else was chosen, for run.json.

    Raises
    ------
    DiehlCookError
        There is a run already, and no `force`; or bad input.
    """
    refuse_existing(folder, force)
    started = time.monotonic()
    recorded: Any = simulate()
    facts = {
        "schema": SCHEMA,
        "versions": versions(),
        **chosen,
        "params": params.as_texts(),
        "sources": dict(params.sources),
        **judge(recorded),
        "wall_s": round(time.monotonic() - started, 1),
        "date": time.strftime("%Y-%m-%d"),
    }
    for name, array in recorded._asdict().items():
        save_array(folder / f"{name}.npy", array)
    save_json(folder / "run.json", facts)
    return facts, recorded


def save_figures(folder: Path, figures: Mapping[str, Figure]) -> list[str]:
    """Write figures into the folder of a run; return their files."""
    paths = [folder / "figures" / f"{name}.png" for name in figures]
    for path, figure in zip(paths, figures.values(), strict=True):
        write_whole(path, figure.savefig)
    return list(map(str, paths))
