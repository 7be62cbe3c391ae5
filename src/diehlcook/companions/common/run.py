"""A run of a companion: progress, what is written into its folder, figures."""

from __future__ import annotations

import argparse
import contextlib
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from matplotlib.figure import Figure

from ...errors import DiehlCookError
from ...model.constants import Constants
from ...progress import Interruption, shown
from ...runs import layout
from ...runs.files import load_json, save_array, save_json
from ...runs.run import versions
from ...whole import unfinished, write_whole

SCHEMA = 1

Recorded = TypeVar("Recorded")

Draw = Callable[[dict[str, Any], Any], Mapping[str, "Figure"]]
"""Makes figures, by name, of what run.json has and of what was recorded."""


@contextlib.contextmanager
def watched(
    args: argparse.Namespace, title: str, total: int, unit: str = "images"
) -> Iterator[dict[str, Any]]:
    """Give the options that all experiments have, with interrupts and progress in place."""
    with Interruption() as cancelled, shown(not args.quiet, title, total, unit=unit) as report:
        yield {"force": args.force, "report": cancelled.beginning(report), "cancelled": cancelled}


def refuse_existing(folder: Path, allowed: bool, advice: str = "use --force to replace it") -> None:
    """Raise `DiehlCookError` if there is a finished run in `folder`, unless that is `allowed`."""
    path = folder / "run.json"
    if not allowed and path.exists() and load_json(path).get("finished", True):
        raise DiehlCookError(f"{folder}: there is a run already; {advice}, or another --run")


@contextlib.contextmanager
def owned_by(companion: str, folder: Path) -> Iterator[None]:
    """Own the folder of a run of a companion, which is new, empty, or such a run; see `layout.owned`."""
    with layout.owned(folder, f"companion {companion}", companion):
        clear_litter(folder)
        yield


def clear_litter(folder: Path) -> None:
    """Delete what killed processes left unfinished in the folder of a run; for its owner."""
    for place in (folder, *(one for one in folder.iterdir() if one.is_dir())):
        for path in unfinished(place):
            if re.search(r"\.(npy|json|png|html)\.[0-9a-f]{8}\.tmp$", path.name):
                layout.remove(path)


def run_and_keep(
    folder: Path,
    force: bool,
    simulate: Callable[[], Recorded],
    judge: Callable[[Recorded], Mapping[str, Any]],
    params: Constants,
    companion: str,
    draw: Draw | None = None,
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
    draw
        Returns the figures of what was recorded, of which run.json says only that it is finished when they are
        there.
    params, companion, chosen
        The constants, the name of the companion and what else was chosen, for run.json.

    Raises
    ------
    DiehlCookError
        There is a run already, and no `force`; a folder that is not ours; or bad input.
    """
    with owned_by(companion, folder):
        refuse_existing(folder, force)
        started = time.monotonic()
        recorded: Any = simulate()
        facts = {
            "schema": SCHEMA,
            "versions": versions(),
            "companion": companion,
            **chosen,
            "params": params.as_texts(),
            "sources": dict(params.sources),
            **judge(recorded),
            "wall_s": round(time.monotonic() - started, 1),
            "date": time.strftime("%Y-%m-%d"),
        }
        discard_page(folder)
        save_json(folder / "run.json", facts | {"finished": False})  # from here on nothing older counts
        for name, array in recorded._asdict().items():
            save_array(folder / f"{name}.npy", array)
        if draw is not None:
            save_figures(folder, draw(facts, recorded))
        save_json(folder / "run.json", facts | {"finished": True})
        return facts, recorded


def discard_page(folder: Path) -> None:
    """Delete the page about what was there before; for the owner of the folder."""
    if layout.is_page(folder / layout.PAGE):
        layout.remove(folder / layout.PAGE)


def figure_files(folder: Path, names: Iterable[str]) -> list[str]:
    """Return the files of figures in the folder of a run."""
    return [str(folder / "figures" / f"{name}.png") for name in names]


def save_figures(folder: Path, figures: Mapping[str, Figure]) -> list[str]:
    """Write figures into the folder of a run; return their files."""
    files = figure_files(folder, figures)
    for file, figure in zip(files, figures.values(), strict=True):
        write_whole(Path(file), figure.savefig)
    return files
