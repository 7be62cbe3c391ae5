"""What differs between runs, and how they did: facts of each for machines, and rows of a table made of these.

Nothing here is read from files; `phases.compare` does that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..model.params import FIELDS
from ..runs.described import changed_names, changes, replaced_equations
from ..runs.files import identity
from ..runs.run import Run
from . import health, readout

Facts = dict[str, Any]

KEPT = {
    "train": (
        "imported", "data", "images", "epochs", "engine", "spikes_per_image", "theta_mV", "silent_neurons",
        "wall_s",
    ),
    "observe": ("imported", "data", "images", "unassigned_neurons", "wall_s"),
    "test": ("data", "images", "repeats", "accuracy", "accuracies", "interval95", "wall_s"),
    "shipped": ("images", "repeats", "accuracy", "interval95"),
}  # fmt: skip
"""What of run.json is told of a run, by its entry there."""


class Subject(NamedTuple):
    """A run that is compared with others, with what was read of it.

    Parameters
    ----------
    name
        By which tables and figures call it; see `names`.
    run
        A run, trained at least.
    checks
        Of its health; see `history.examine_run`.
    versions
        That run.json has.
    right
        Which test images it has right, in their first presentation (n,); None if it was not tested, or its
        images are not to be found.
    """

    name: str
    run: Run
    checks: Sequence[health.Check]
    versions: Mapping[str, str]
    right: NDArray[np.bool_] | None = None


def names(folders: Sequence[Path]) -> list[str]:
    """Return names that tell different folders apart: their own or, where some are alike, with as many above as it takes."""
    depths = [1] * len(folders)
    while True:
        found = [
            Path(*folder.parts[-depth:]).as_posix() for folder, depth in zip(folders, depths, strict=True)
        ]
        alike = [found.count(name) > 1 for name in found]
        if not any(alike):
            return found
        depths = [depth + longer for depth, longer in zip(depths, alike, strict=True)]


def compare(subjects: Sequence[Subject]) -> Facts:
    """Return what there is to tell of runs, ready for JSON.

    Parameters
    ----------
    subjects
        The runs, in the order of the columns; the others are judged against the first.

    Returns
    -------
    dict
        ``runs``, a table for each: ``name``, ``run`` (its folder), ``preset``, ``what`` (the run is, in a few
        words), ``rule``, ``n_exc``, ``seed``, ``versions``, ``health`` (all checks), some of the entries
        ``train``, ``observe``, ``test`` and ``shipped`` of run.json as far as they are there; of replaced
        equations ``equations`` (which, in a few words) and ``changes`` (`described.Changed`); and of a tested
        run but the first ``against_first``: ``gained``, ``lost`` and ``p`` (`readout.mcnemar`), or why there is
        none, as ``left_out``.
        ``parameters``: by name those that differ, ``value`` and ``source`` of each run.
        ``equal_parameters``: the number of the others.
    """
    params = [one.run.params for one in subjects]
    differing = [name for name in FIELDS if len({getattr(one, name) for one in params}) > 1]
    return {
        "runs": [facts_of(one, subjects[0]) for one in subjects],
        "parameters": {
            name: [{"value": one.text(name), "source": one.source(name)} for one in params]
            for name in differing
        },
        "equal_parameters": len(FIELDS) - len(differing),
    }


def facts_of(one: Subject, first: Subject) -> Facts:
    """Return what `compare` tells of a run."""
    run, changed = one.run, changes(one.run.model)
    facts = {
        "name": one.name,
        "run": str(run.folder),
        "preset": run.preset,
        "what": run.what,
        "rule": run.params.rule,
        "n_exc": run.params.n_exc,
        "seed": run.seed,
        "versions": dict(one.versions),
        "health": health.as_facts(list(one.checks)),
    }
    if changed:  # the digest tells apart what changes the same equations in other ways
        digest = identity(replaced_equations(run.model))[:8]
        facts["equations"] = f"changed: {changed_names(run.model)} ({digest})"
        facts["changes"] = [block._asdict() for block in changed]
    for entry, keys in KEPT.items():
        if entry in run.facts:
            facts[entry] = {key: run.facts[entry][key] for key in keys if key in run.facts[entry]}
    if one is not first and "test" in run.facts:
        facts["against_first"] = against(one, first)
    return facts


def against(one: Subject, first: Subject) -> Facts:
    """Return the McNemar test of a tested run against the first, or why there is none."""
    if "test" not in first.run.facts:
        return {"left_out": "first not tested"}
    if tested_with(one.run) != tested_with(first.run):
        return {"left_out": "other test images"}
    if one.right is None or first.right is None:
        return {"left_out": "test images not found"}
    return readout.mcnemar(one.right, first.right)._asdict()


def tested_with(run: Run) -> str | None:
    """Return the digest of the images that a run was tested with, None if it was not."""
    digest: str | None = at(run.facts, "test", "data", "sha256")
    return digest


def at(facts: Facts, *path: str) -> Any:
    """Return a value within tables, None if it is not there."""
    for name in path:
        if name not in facts:
            return None
        facts = facts[name]
    return facts


def said(words: Callable[[Any], str], *path: str) -> Callable[[Facts], str | None]:
    """Return what makes words of a value of a run, and None if it is not there."""

    def tell(facts: Facts) -> str | None:
        value = at(facts, *path)
        return None if value is None else words(value)

    return tell


def presented(entry: str, many: str) -> Callable[[Facts], str | None]:
    """Return what tells the images of a phase, and how often they were shown, which `many` names."""

    def tell(facts: Facts) -> str | None:
        images, times = at(facts, entry, "images"), at(facts, entry, many)
        return None if images is None else f"{images:,}" + (f" × {times}" if times > 1 else "")

    return tell


def labelled_with(facts: Facts) -> str | None:
    """Tell the images that the neurons were labelled with."""
    if at(facts, "observe", "imported"):
        return "labels from elsewhere"
    return said(lambda images: f"{images:,} images", "observe", "images")(facts)


def tested_as_shipped(facts: Facts) -> str | None:
    """Tell the accuracy, of a network of the package that was not tested the one it came with."""
    right = said(lambda share: f"{share:.2%}", "test", "accuracy")(facts)
    if right is None and "shipped" in facts:
        right = f"{NOT_TESTED}; {facts['shipped']['accuracy']:.2%} when made"
    return right


def judged(facts: Facts) -> str | None:
    """Tell how the test images came out one by one, beside those of the first run."""
    if "test" not in facts:
        return None
    test = facts.get("against_first")
    if test is None:  # the first run itself
        return "—"
    return test["left_out"] if "left_out" in test else "+{gained:,} −{lost:,}, p = {p:.2g}".format(**test)


def condition(facts: Facts) -> str:
    """Tell the health in short; `findings` says what was found."""
    if not facts["health"]:
        return "too early to tell"
    found = len(findings(facts))
    return f"{found} finding{'s' * (found > 1)}" if found else "healthy"


def findings(facts: Facts) -> list[health.Check]:
    """Return the checks of a run that found something."""
    return [check for check in health.from_facts(facts["health"]) if not check.ok]


def duration(seconds: float) -> str:
    """Tell a time to the second: "42 s", "3 min 38 s", "1 h 4 min 0 s"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = (f"{hours} h" * (hours > 0), f"{minutes} min" * (hours + minutes > 0), f"{rest} s")
    return " ".join(part for part in parts if part)


NOT_KNOWN, NOT_LABELLED, NOT_TESTED = "not known", "not labelled", "not tested"


class Line(NamedTuple):
    """A line of the table: what it tells, what makes its cells, and what an empty one says."""

    what: str
    cell: Callable[[Facts], str | None]
    empty: str = NOT_KNOWN


SET_UP = (
    Line("preset", said(str, "what")),
    Line("rule", said(str, "rule")),
    Line("equations", said(str, "equations"), "the package's own"),
    Line("neurons", said("{:,}".format, "n_exc")),
    Line("seed", said(str, "seed")),
    Line("data set", said(str, "train", "data", "name")),
    Line("training images", presented("train", "epochs")),
    Line("engine", said(str, "train", "engine")),
)
"""How the networks were made: shown where it differs, named in a sentence where it does not."""

TRACES = (
    Line("SHA-256 of the images", said(lambda digest: digest[:8], "train", "data", "sha256")),
    *(
        Line(f"version of {name}", said(str, "versions", name))
        for name in ("diehlcook", "brian2", "numpy", "python", "platform")
    ),
)
"""What is worth telling only where it differs."""

RESULTS = (
    Line("test accuracy", tested_as_shipped, NOT_TESTED),
    Line(
        "95 % interval", said(lambda ends: "[{:.2%}, {:.2%}]".format(*ends), "test", "interval95"), NOT_TESTED
    ),
    Line("test images", presented("test", "repeats"), NOT_TESTED),
    Line("against the first run", judged, NOT_TESTED),
    Line("labelled with", labelled_with, NOT_LABELLED),
    Line("spikes per training image", said("{:.1f}".format, "train", "spikes_per_image")),
    Line("θ", said(lambda mV: f"{mV['mean']:.1f} ± {mV['sd']:.1f} mV", "train", "theta_mV")),
    Line("neurons that never fired", said("{:,}".format, "train", "silent_neurons")),
    Line("health", condition),
    Line("time to train", said(duration, "train", "wall_s")),
    Line("time to label", said(duration, "observe", "wall_s"), NOT_LABELLED),
    Line("time to test", said(duration, "test", "wall_s"), NOT_TESTED),
)
"""How the networks did."""


class Row(NamedTuple):
    """A row of the table: what it tells, and a cell for each run."""

    what: str
    cells: list[str]


class Table(NamedTuple):
    """The comparison in words.

    Parameters
    ----------
    names
        Of the runs: the columns.
    differs
        How the networks were made, where that differs.
    same
        A sentence: what does not differ.
    results
        How the networks did.
    notes
        Sentences that say how to read the results.
    """

    names: list[str]
    differs: list[Row]
    same: str
    results: list[Row]
    notes: list[str]


def table(facts: Facts) -> Table:
    """Return the comparison in words, of what `compare` returns."""
    runs = facts["runs"]
    rows = {line.what: cells(line, runs) for line in (*SET_UP, *TRACES)}
    differs = [Row(what, some) for what, some in rows.items() if len(set(some)) > 1]
    same = [
        f"{line.what} {rows[line.what][0]}"
        for line in SET_UP
        if len(set(rows[line.what])) == 1 and line.cell(runs[0])
    ]
    # A line that nothing is known of in any run would say nothing
    told = [line for line in RESULTS if any(line.cell(one) for one in runs) or line is RESULTS[0]]
    results = [Row(line.what, cells(line, runs)) for line in told]
    return Table([one["name"] for one in runs], differs, sentence(facts, same), results, notes(runs))


def cells(line: Line, runs: Sequence[Facts]) -> list[str]:
    """Return a cell of a line for each run."""
    return [line.cell(one) or line.empty for one in runs]


def sentence(facts: Facts, same: Sequence[str]) -> str:
    """Return what is the same in all runs as a sentence, with the number of parameters."""
    equal, differing = facts["equal_parameters"], len(facts["parameters"])
    counted = f"all {equal} parameters" if not differing else f"{equal} of {equal + differing} parameters"
    return f"The same in all: {'; '.join([*same, counted])}."


def notes(runs: Sequence[Facts]) -> list[str]:
    """Return sentences that say how to read the results."""
    if not any(at(one, "against_first", "p") is not None for one in runs):
        return []
    repeated = any(at(one, "test", "repeats") not in (None, 1) for one in runs)
    shown = " in the first presentation" if repeated else ""
    test = (
        f"Against the first run: test images that only the other one has right{shown} (+), and that only the "
        "first has (−); p is that of the exact McNemar test."
    )
    return [test, "It tells of these networks, not of their presets: another seed makes another network."]
