"""Phase 4: the figures of a run, as files; the drawing itself is in `figures`."""

from __future__ import annotations

import logging
import os
import sys
import time
import webbrowser
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from matplotlib.figure import Figure

from ..analysis import health
from ..analysis.history import examine_run, read_evidence
from ..arguments import FORMATS
from ..errors import DiehlCookError
from ..figures import catalogue
from ..runs import layout
from ..runs.checkpoints import Checkpoints
from ..runs.run import Run, as_run, load_run
from ..whole import write_whole

log = logging.getLogger(__name__)


def plot(
    run: Run | Path | str, *, data: Path | str | None = None, format: str = "png", show: bool = False
) -> list[Path]:
    """Draw all figures of a run, as far as its phases are finished, into the folder ``figures`` of its directory.

    Parameters
    ----------
    run
        A run whose training is finished, or the path of its directory.
    data
        The folder of the MNIST files, which the figure of misclassified images needs; name it if the package
        does not find it by itself. Without these files that figure is left out.
    format
        The file format, one of `arguments.FORMATS`.
    show
        Open the files in the viewer of the desktop, too.

    Returns
    -------
    list of Path
        The files, in the order of the phases.

    Raises
    ------
    DiehlCookError
        The training is not finished, a file is damaged, the format is not known, or `show` was asked for
        where there is no display.
    """
    run = as_run(run)
    run.trained()
    if format not in FORMATS:
        raise DiehlCookError(f"--format is {format!r}; choose one of {', '.join(FORMATS)}")
    if show and not has_display():
        raise DiehlCookError("--show found no display; leave it out, the figures are files anyway")
    paths = write(
        run,
        catalogue.draw(catalogue.Source(run, read_evidence(run), None if data is None else Path(data))),
        format,
    )
    if show:
        for path in paths:
            webbrowser.open(path.resolve().as_uri())
    return paths


def follow(
    folder: Path,
    *,
    data: Path | None = None,
    format: str = "png",
    every: float = 10.0,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Path]:
    """Draw the figures of a running training again whenever it has saved a checkpoint, until it is finished.

    Parameters
    ----------
    folder
        Run directory; a training may yet have to begin there.
    data, format
        As in `plot`.
    every
        Seconds between looks.
    sleep
        Waits.

    Returns
    -------
    list of Path
        The files, as they were drawn last.

    Raises
    ------
    DiehlCookError
        The training stopped, or a file is damaged.
    """
    drawn = 0
    log.info("following %s; Ctrl-C ends it", folder)
    while True:
        run = load_run(folder) if (folder / "run.json").exists() else None
        facts = run.facts.get("train", {}) if run else {}
        if run and facts.get("finished"):
            return plot(run, data=data, format=format)
        if "stopped" in facts:
            raise DiehlCookError(facts["stopped"])
        saved = Checkpoints(folder, run.identity).numbers() if run and "data" in facts else []
        if run and saved and saved[-1] not in (0, drawn):
            try:
                recorded = read_evidence(run)
            except DiehlCookError:  # gone while it was read: training has finished, or has saved the next one
                if Checkpoints(folder, run.identity).numbers() == saved:
                    raise
                continue
            write(run, catalogue.draw(catalogue.Source(run, recorded), phases=["train"]), format)
            drawn = saved[-1]
            log.info("%d images: %s", recorded.images, health.in_short(examine_run(run, recorded)))
        sleep(every)


def write(run: Run, figures: Iterable[tuple[str, Figure]], format: str) -> list[Path]:
    """Write figures into the folder ``figures`` of a run; each file appears whole."""
    layout.clear_temporaries(run.folder)
    paths = []
    for name, figure in figures:
        paths.append(run.folder / "figures" / f"{name}.{format}")
        write_whole(paths[-1], partial(figure.savefig, format=format))
    return paths


def has_display() -> bool:
    """Return whether a picture can be opened here."""
    return sys.platform in ("darwin", "win32") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
