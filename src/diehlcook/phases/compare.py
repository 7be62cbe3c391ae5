"""Several runs side by side: what differs in how they were made and in what came out, as facts and as one HTML page."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..analysis import comparison
from ..analysis.comparison import Facts, Subject, tested_with
from ..analysis.history import examine_run, read_evidence, read_windows
from ..errors import DiehlCookError
from ..figures.course import accuracy_curves
from ..figures.style import PENS, counted, figure_of
from ..runs.files import load_json
from ..runs.provenance import images_of
from ..runs.run import Run, load_run
from .page import check_page, picture, scale_of, sprite, write_page

log = logging.getLogger(__name__)

MOST_RUNS = len(PENS)
"""Runs that are compared at once: as many as there are lines that can be told apart."""

FIELDS = 100
"""Receptive fields that are shown of each run, at most."""


class Sight(NamedTuple):
    """What the page shows of a run beside its facts."""

    windows: NDArray[Any]
    """The accuracy during training; see `history.ACCURACY`."""
    fields: str
    """Receptive fields, as a data URI."""
    caption: str
    """What these are."""


def compare(
    runs: Sequence[Run | Path | str], path: Path | str | None = None, *, data: Path | None = None
) -> Facts:
    """Compare runs: how they were made, and what came out.

    Parameters
    ----------
    runs
        Two to `MOST_RUNS` runs whose training is finished, or the paths of their directories. The others are
        judged against the first.
    path
        The HTML page to write; by default none is written. A page of an earlier comparison under this name
        is replaced, because it can be made again in seconds; whatever else is there is left alone. The page
        is not kept in a run directory, because it belongs to none of the runs alone.
    data
        The folder of the MNIST files, whose labels say which test images are right; name it if the package
        does not find it by itself.

    Returns
    -------
    dict
        The facts of each run and what differs between them, as `analysis.comparison.compare` describes;
        `analysis.comparison.table` puts them into words.

    Raises
    ------
    DiehlCookError
        There are fewer than two runs or too many, a run is named twice, a folder holds no run or one of a
        companion, a training is not finished, a file is damaged, or the page cannot be written. No page is
        written then.
    """
    if isinstance(runs, Run | Path | str):
        runs = [runs]
    if path is not None:
        check_page(path := Path(path))
    found = open_runs(runs)
    right = right_images(found, data)
    subjects, sights = [], []
    names = comparison.names([one.folder.resolve() for one in found])
    for name, one, hits in zip(names, found, right, strict=True):
        recorded = read_evidence(one)
        versions = load_json(one.path)["versions"]
        subjects.append(Subject(name, one, examine_run(one, recorded), versions, hits))
        sights.append(sight(one, recorded.weights))
    facts = comparison.compare(subjects)
    if path is not None:
        write(path, facts, sights)
    return facts


def open_runs(runs: Sequence[Run | Path | str]) -> list[Run]:
    """Return the runs, checked to be trained, and to be different ones."""
    if not 2 <= len(runs) <= MOST_RUNS:
        raise DiehlCookError(f"compare takes 2 to {MOST_RUNS} runs, got {len(runs)}; name their folders")
    found: dict[tuple[int, int], Run] = {}
    for given in runs:
        run = given if isinstance(given, Run) else load_run(given)
        run.trained()
        place = run.folder.stat()  # the same through links and by other paths
        key = (place.st_dev, place.st_ino)
        if key in found:
            words = f"the same run as {found[key].folder}"
            if found[key].folder == run.folder:
                words = "named twice"
            raise DiehlCookError(f"{run.folder}: {words}; name each run once")
        found[key] = run
    return list(found.values())


def right_images(runs: Sequence[Run], data: Path | None) -> list[NDArray[np.bool_] | None]:
    """Return for each run which images are right in the first presentation of its test; None without the same images as the first's."""
    first = tested_with(runs[0])
    if first is None or first not in map(tested_with, runs[1:]):
        return [None] * len(runs)
    try:
        labels = images_of(runs[0], "test", data).labels
    except DiehlCookError as error:
        log.warning("the test images are not compared one by one: %s", error)
        return [None] * len(runs)
    return [hits(one, labels) if tested_with(one) == first else None for one in runs]


def hits(run: Run, labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which images are right in the first presentation of the test of a run (n,)."""
    predicted = run.load("test_predictions", repeats=run.facts["test"]["repeats"], images=len(labels))
    right: NDArray[np.bool_] = predicted[0] == labels
    return right


def sight(run: Run, weights: NDArray[np.float64]) -> Sight:
    """Return what the page shows of a run."""
    n_exc = run.params.n_exc
    order, sorted_by = np.arange(n_exc), "in their order"
    if "observe" in run.facts:
        order, sorted_by = np.argsort(run.assignments(), kind="stable"), "sorted by label"
    chosen = order[np.unique(np.linspace(0, n_exc - 1, min(FIELDS, n_exc)).round().astype(int))]
    tiles = weights[:, chosen].T.reshape(-1, *run.image_shape())
    scale = scale_of(weights, run.params.w_max)
    caption = f"{len(chosen)} of {counted(n_exc, 'neuron')}, {sorted_by}; weights from 0 to {scale:.3g}"
    return Sight(read_windows(run), sprite(tiles, "hot_r", scale), caption)


def write(path: Path, facts: Facts, sights: Sequence[Sight]) -> None:
    """Write the page."""
    table = comparison.table(facts)
    curves = {name: one.windows for name, one in zip(table.names, sights, strict=True) if len(one.windows)}
    write_page(
        path,
        "compare.html",
        title=f"{len(sights)} runs compared",
        subtitle=f"{', '.join(table.names)} · page of {time.strftime('%Y-%m-%d')}",
        table=table,
        parameters=facts["parameters"],
        equations=[(one["name"], one["changes"]) for one in facts["runs"] if "changes" in one],
        curves=picture(figure_of(accuracy_curves(curves, title="")), dpi=200) if curves else None,
        without_curve=[name for name in table.names if name not in curves],
        fields=list(zip(table.names, sights, strict=True)),
        findings=[(one["name"], check) for one in facts["runs"] for check in comparison.findings(one)],
    )
