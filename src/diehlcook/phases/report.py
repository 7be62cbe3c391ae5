"""One self-contained HTML page about a run: facts, health, receptive fields to explore, all figures; see report.html."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jinja2.utils import htmlsafe_json_dumps
from numpy.typing import NDArray

from ..analysis.comparison import duration
from ..analysis.health import NEWEST, Evidence, chance
from ..analysis.history import examine_run, read_evidence
from ..data.classes import numbers
from ..data.datasets import Dataset, shortened
from ..errors import DiehlCookError
from ..figures import catalogue
from ..runs import layout, snapshots
from ..runs.described import changes
from ..runs.exchange import origin
from ..runs.provenance import images_of
from ..runs.run import Run, as_run
from .page import check_page, picture, scale_of, sprite, write_page
from .parameters import tables
from .redo import redo, timed

log = logging.getLogger(__name__)

MOST_FIELDS = 1600
"""Neurons shown; of a larger network every so many-th."""

MOMENTS = 11
"""Snapshots shown, if the training kept as many: the first, the last, and others evenly between."""

TILES = 2400
"""Exciting images kept in all; each neuron has its share, but no more than `BEST`."""

BEST = 8


def report(run: Run | Path | str, path: Path | str | None = None, *, data: Path | str | None = None) -> Path:
    """Write one HTML page about a run: accuracy, health, receptive fields to explore, and all figures.

    Parameters
    ----------
    run
        A run whose training is finished, or the path of its directory.
    path
        The file to write; by default report.html in the run directory.
    data
        The folder of the MNIST files, which the page shows the most exciting and the misclassified images
        from; name it if the package does not find it by itself. Without these files the images are left out.

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    DiehlCookError
        The training is not finished, a file is damaged, or the page cannot be written.
    """
    run, folder = as_run(run), None if data is None else Path(data)
    path = run.folder / "report.html" if path is None else Path(path)
    check_page(path)
    train, recorded = run.trained(), read_evidence(run)
    tested = run.facts.get("test")
    checks = examine_run(run, recorded)
    if path.parent == run.folder:
        layout.clear_temporaries(run.folder)
    write_page(
        path,
        "report.html",
        title=f"{run.what}, seed {run.seed}",
        subtitle=f"{run.params.n_exc} neurons · {run.params.rule} rule · {trained_with(train)} · "
        f"{run.folder.resolve().name} · page of {time.strftime('%Y-%m-%d')}",
        origin=origin(run),
        sections=list(sections(run)),
        cards=list(cards(run, recorded)),
        checks=checks,
        findings=[check for check in checks if not check.ok],
        classes=list(classes(tested)) if tested else [],
        figures=list(figures(catalogue.Source(run, recorded, folder))),
        equations=changes(run.model),
        parameters=tables(run),
        redo=redo(run),
        data=htmlsafe_json_dumps(explorer(run, recorded, folder)),
    )
    return path


def sections(run: Run) -> Iterable[tuple[str, str]]:
    """Yield the parts of the page: their anchors and titles."""
    yield from (("results", "Results"), ("health", "Health"), ("fields", "Receptive fields"))
    if "test" in run.facts:
        yield "classes", "Classes"
    yield "figures", "Figures"
    if changes(run.model):
        yield "equations", "Changed equations"
    yield from (("parameters", "Parameters"), ("redo", "How to do it again"))


def trained_with(train: dict[str, Any]) -> str:
    """Return which images the network was trained with."""
    if "imported" in train:
        return "trained elsewhere, with images that are not known"
    return f"{train['data']['name']}, {train['images']:,} images × {train['epochs']}"


class Card(NamedTuple):
    """A key fact: what, how much, and of which images it is."""

    what: str
    value: str
    note: str = ""


def cards(run: Run, recorded: Evidence) -> Iterable[Card]:
    """Yield the key facts."""
    train, observed, tested = run.trained(), run.facts.get("observe"), run.facts.get("test")
    if tested:
        low, high = tested["interval95"]
        sizes = np.array(tested["class_sizes"])
        guessed = chance(int(np.count_nonzero(sizes)), float(sizes.max() / sizes.sum()))
        times = f", each shown {tested['repeats']} times" if tested["repeats"] > 1 else ""
        yield Card(
            "test accuracy", f"{tested['accuracy']:.2%}",
            f"of {tested['images']:,} test images{times}; 95 % interval {low:.1%} to {high:.1%}",
        )  # fmt: skip
        yield Card("chance", f"{guessed:.1%}", "of the test images, by naming always the largest class")
    elif "shipped" in run.facts:
        made = run.facts["shipped"]
        note = f"of {made['images']:,} test images when the network was made; not tested here yet"
        yield Card("test accuracy", f"{made['accuracy']:.2%}", note)
    theta = train["theta_mV"]
    yield Card(
        "thresholds θ", f"{theta['mean']:.1f} ± {theta['sd']:.1f} mV",
        "mean and spread of the neurons, at the end of the training",
    )  # fmt: skip
    if "imported" not in train:
        yield from activity(train, recorded)
    names = run.classes() or ()
    if names and names != numbers(10):
        yield Card("classes", f"{len(names)}", shortened(names))
    if observed and "imported" in observed:
        yield Card("labels", "from elsewhere")
    elif observed:
        yield Card(
            "labelled with", f"{observed['images']:,} images", f"{observed['data']['name']}, training part"
        )
    if done := timed(run):
        parts = ", ".join(f"{name} {duration(seconds)}" for name, seconds in done.items())
        yield Card("wall time", duration(sum(done.values())), parts)


def activity(train: dict[str, Any], recorded: Evidence) -> Iterable[Card]:
    """Yield spikes and presentations of the newest images, as health judges them, and of the whole training."""
    whole = f"{train['spikes_per_image']:.1f}", f"{train['presentations_per_image']:.2f}"
    names, of_all = ("spikes per image", "presentations per image"), "mean of the whole training"
    if recorded.history is None or not len(recorded.history):
        for name, value in zip(names, whole, strict=True):
            yield Card(name, value, of_all)
        return
    spikes = f"{recorded.newest(recorded.history)['spikes'].mean():.1f}"
    presentations = f"{recorded.history['presentations'][-NEWEST:].mean():.2f}"
    for name, value, all_images in zip(names, (spikes, presentations), whole, strict=True):
        note = f"{recorded.window()}; {of_all}: {all_images}"
        yield Card(name, value, note if recorded.window() != recorded.window(recorded.images) else of_all)


def classes(tested: dict[str, Any]) -> Iterable[tuple[str, ...]]:
    """Yield each class with the images shown, precision and recall."""
    columns = zip(tested["class_sizes"], tested["precision"], tested["recall"], strict=True)
    names = tested.get("classes", numbers(len(tested["recall"])))
    for name, (size, precision, recall) in zip(names, columns, strict=True):
        yield name, f"{size:,}", f"{precision:.1%}", f"{recall:.1%}"


def figures(source: catalogue.Source) -> Iterable[tuple[str, str]]:
    """Yield caption and picture, as a data URI, of every figure of the run."""
    for name, figure in catalogue.draw(source):
        yield catalogue.FIGURES[name].caption, picture(figure)


def explorer(run: Run, recorded: Evidence, data: Path | None = None) -> dict[str, Any]:
    """Return what the grid of receptive fields needs: neurons, sprites of the fields over the training, exciting images."""
    p = run.params
    chosen = np.arange(0, p.n_exc, math.ceil(p.n_exc / MOST_FIELDS))
    rows, columns = run.image_shape()
    final, theta = recorded.weights[:, chosen], recorded.theta[chosen]
    vmax = scale_of(final, p.w_max)
    kept = snapshots.read(run, chosen)
    if len(kept) > 1:
        picked = np.unique(np.linspace(0, len(kept) - 1, MOMENTS).round().astype(int))
        over_time: list[tuple[int, NDArray[Any]]] = [kept[k] for k in picked]
    else:
        over_time = [(recorded.images, final)]
    labels = run.assignments()[chosen] if "observe" in run.facts else None
    counts, why = None, "Not labelled yet."
    best: list[list[tuple[int, int, int]]] = [[] for _ in chosen]
    sheet: dict[str, Any] = {}
    if labels is not None and "imported" in run.facts["observe"]:
        why = "Labels from elsewhere come without responses."
    elif labels is not None and not layout.is_there(run.folder, "observe_counts"):
        why = "The responses of the labelling are not here."
    elif labels is not None:
        counts = run.load("observe_counts", images=run.facts["observe"]["images"])[:, chosen]
        why = "It responded to none of the labelling images."
        try:
            sheet, best = exciting(counts, images_of(run, "observe", data))
        except DiehlCookError as error:
            why = f"No images: {error}"
            log.warning("no exciting images: %s", error)
    return {
        "rows": rows,
        "columns": columns,
        "moments": [
            {"images": images, "sprite": sprite(w.T.reshape(-1, rows, columns), "hot_r", vmax)} for images,
            w in over_time
        ],
        "neurons": [
            {
                "neuron": int(neuron),
                "label": None if labels is None else int(labels[k]),
                "theta": round(float(theta[k]) * 1e3, 2),
                "spikes": None if counts is None else int(counts[:, k].sum(dtype=np.int64)),
                "best": best[k],
            }
            for k, neuron in enumerate(chosen)
        ],
        "why": why,
        "classes": run.classes() or (),
        **sheet,
    }  # fmt: skip


def exciting(
    counts: NDArray[np.uint16], data: Dataset
) -> tuple[dict[str, Any], list[list[tuple[int, int, int]]]]:
    """Return a sheet of the most exciting images, and for each neuron (place on the sheet, label, spikes) of its own."""
    each = max(1, min(BEST, TILES // counts.shape[1], len(counts)))
    top = np.stack([strongest(counts[:, k], each) for k in range(counts.shape[1])], axis=1)
    used = np.unique(top[np.take_along_axis(counts, top, axis=0) > 0])
    if not used.size:
        raise DiehlCookError("no neuron spiked while labelling")
    place = {int(image): k for k, image in enumerate(used)}
    best = [
        [(place[int(i)], int(data.labels[i]), int(counts[i, k])) for i in images if counts[i, k]]
        for k, images in enumerate(top.T)
    ]
    across = math.isqrt(len(used) - 1) + 1
    return {"images": sprite(data.images[used].astype(np.float64), "gray", 255.0), "across": across}, best


def strongest(counts: NDArray[np.uint16], most: int) -> NDArray[np.int64]:
    """Return the indices of the largest values, largest first, the earlier of equals first."""
    least = np.partition(counts, len(counts) - most)[len(counts) - most]
    candidates = np.flatnonzero(counts >= least)
    return candidates[np.argsort(-counts[candidates].astype(np.int64), kind="stable")][:most]
