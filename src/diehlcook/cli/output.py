"""What commands say to people: results as lines of text."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import pasteable

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from ..analysis.health import Check
    from ..analysis.overview import Overview
    from ..analysis.yardstick import Verdict
    from ..model.constants import Constants
    from ..model.params import Params
    from ..phases.predict import Answers

Facts = dict[str, Any]
"""A result, ready for JSON."""


def findings(facts: Facts) -> list[Check]:
    """Return the checks of a result that found something."""
    from ..analysis import health

    return [check for check in health.from_facts(facts.get("health", [])) if not check.ok]


def columns(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Yield rows in columns."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def trained(facts: Facts) -> Iterator[str]:
    """Yield the result of a training."""
    theta = facts["theta_mV"]
    passes = "1 pass" if facts["epochs"] == 1 else f"{facts['epochs']} passes"
    shown = f"{facts['images']} images, {passes}"
    yield f"trained {facts['run']}: {shown}, {facts['wall_s']:.0f} s"
    yield (
        f"  {facts['presentations_per_image']:.2f} presentations and {facts['spikes_per_image']:.1f} "
        f"spikes per image, theta {theta['mean']:.1f} ± {theta['sd']:.1f} mV, {facts['silent_neurons']} "
        "neurons never fired"
    )


def labelled(facts: Facts) -> Iterator[str]:
    """Yield the result of observe."""
    yield f"labelled {facts['run']} with {facts['images']} images, {facts['wall_s']:.0f} s"
    yield (
        f"  neurons per class {per_class(facts)}, {facts['unassigned_neurons']} without a label, "
        f"{facts['silent_images']} silent images"
    )


def per_class(facts: Facts) -> str:
    """Return how many neurons each class has, with its name where that is not its number."""
    found: list[int] = facts["neurons_per_class"]
    names = facts.get("classes", [])
    if names in ([], [str(k) for k in range(len(found))]):
        return str(found)
    return f"[{', '.join(f'{name}: {n}' for name, n in zip(names, found, strict=True))}]"


def tested(facts: Facts) -> Iterator[str]:
    """Yield the result of a test."""
    low, high = facts["interval95"]
    yield (
        f"accuracy {facts['accuracy']:.2%}, 95 % interval [{low:.2%}, {high:.2%}], {facts['images']} test "
        f"images × {facts['repeats']}"
    )
    names = facts.get("classes") or [str(k) for k in range(len(facts["recall"]))]
    widths = [max(5, len(name)) for name in names]
    yield "  class      " + " ".join(f"{name:>{n}}" for name, n in zip(names, widths, strict=True))
    for name in ("precision", "recall"):
        row = (f"{value:{n}.3f}" for value, n in zip(facts[name], widths, strict=True))
        yield f"  {name:<9}  " + " ".join(row)
    yield (
        f"  {facts['silent_images']} silent images, {facts['unassigned_neurons']} neurons without a label, "
        f"{facts['ties']} ties"
    )
    if facts["assumed"]:
        yield f"  values of this package, for lack of published ones: {', '.join(facts['assumed'])}"
    yield from from_elsewhere(facts)


def from_elsewhere(facts: Facts) -> Iterator[str]:
    """Yield where an imported network came from; nothing of one that was trained here."""
    if "origin" in facts:
        yield f"  {facts['origin']}"


def imported(facts: Facts) -> Iterator[str]:
    """Yield the result of an import, and what to do next."""
    theta, run, labels = facts["theta_mV"], facts["run"], facts["labels"]
    yield f"imported {run}: {facts['n_exc']} neurons, theta {theta['mean']:.1f} ± {theta['sd']:.1f} mV"
    yield from from_elsewhere(facts)
    yield f"  parameters of preset {facts['preset']}, delays drawn from seed {facts['seed']}"
    if labels is None:
        yield f"  no labels; go on with {pasteable('observe', '--run', run)}"
    else:
        yield (
            f"  neurons per class {labels['neurons_per_class']}, {labels['unassigned_neurons']} without a "
            f"label; go on with {pasteable('test', '--run', run)}, or label anew with `observe --force`"
        )


TOLD = 3
"""Neurons told of each picture: those with the most spikes."""

SHOWN = 20
"""Pictures shown, of more only their number per class."""


def pictures(answers: Answers, names: Sequence[str], neurons: NDArray[np.int8]) -> Iterator[Facts]:
    """Yield what a network says of each picture, with the neurons that spiked most and their labels."""
    for name, label, score, counts in zip(*answers, strict=True):
        most = (-counts.astype(int)).argsort(kind="stable")[:TOLD]
        yield {
            "picture": name,
            "class": names[label] if label >= 0 else None,
            "score": round(float(score), 4),
            "spikes": int(counts.sum()),
            "neurons": [
                {
                    "neuron": int(k),
                    "label": names[neurons[k]] if neurons[k] >= 0 else None,
                    "spikes": int(counts[k]),
                }
                for k in most
                if counts[k]
            ],
        }


def predicted(facts: Facts) -> Iterator[str]:
    """Yield what a network says of pictures: the first of them, and of many how many are of each class."""
    found = facts["pictures"]
    rows = [("picture", "class", "score", "neurons that spiked most")]
    for one in found[:SHOWN]:
        told = ", ".join(
            f"{n['neuron']} ({'no label' if n['label'] is None else n['label']}): {n['spikes']}"
            for n in one["neurons"]
        )
        label = "silent" if one["class"] is None else one["class"]
        score = "-" if one["class"] is None else f"{one['score']:.2f}"
        rows.append((one["picture"], label, score, told or "none"))
    yield from columns(rows)
    if len(found) > SHOWN:
        yield f"and {len(found) - SHOWN:,} more; of all {len(found):,}:"
        numbers = Counter("silent" if one["class"] is None else one["class"] for one in found)
        yield from columns((f"  {name}", f"{numbers[name]:>6,}") for name in sorted(numbers))


def compared(facts: Facts) -> Iterator[str]:
    """Yield the readouts of a run, a line each, in the order of their names."""
    yield (
        f"readouts of {facts['run']}: learned from {facts['labelled_with']:,} responses to training images, "
        f"judged by {facts['images']:,} test images × {facts['repeats']}"
    )
    rows = [("readout", "accuracy", "95 % interval", "against assignment", "p", "chosen", "")]
    for name, one in facts["readouts"].items():
        low, high = one["interval95"]
        against = (f"+{one['gained']} -{one['lost']}", f"{one['p']:.1e}") if "p" in one else ("", "")
        chosen = ", ".join(f"{key} {value:g}" for key, value in one["chosen"].items())
        rows.append(
            (name, f"{one['accuracy']:.2%}", f"[{low:.2%}, {high:.2%}]", *against, chosen, one["says"])
        )
    yield from columns(rows)
    shown = " in the first of them" if facts["repeats"] > 1 else ""
    yield (
        f"against assignment: images that only this readout has right{shown}, and that only assignment "
        "has; p: exact McNemar test"
    )


def side_by_side(facts: Facts) -> Iterator[str]:
    """Yield the comparison of several runs: a column for each, the parameters that differ with their sources."""
    from ..analysis import comparison

    told = comparison.table(facts)
    empty = [""] * len(told.names)
    rows = [("", *told.names, "")]
    rows += [(row.what, *row.cells, "") for row in told.differs]
    rows += [("", *empty, "")]
    rows += [(row.what, *row.cells, "") for row in told.results]
    if facts["parameters"]:
        rows += [("", *empty, ""), ("parameters", *empty, "sources")]
    for name, values in facts["parameters"].items():
        sources = dict.fromkeys(f"[{one['source']}]" for one in values)  # each once
        rows.append((name, *(one["value"] for one in values), "  ".join(sources)))
    yield from columns(rows)
    yield ""
    for one in facts["runs"]:
        if findings(one):
            yield f"health of {one['name']}: {'; '.join(check.finding for check in findings(one))}"
    yield from (told.same, *told.notes)


def examined(facts: Facts) -> Iterator[str]:
    """Yield every check, then what was found."""
    from ..analysis import health

    checks, found = health.from_facts(facts["health"]), findings(facts)
    if not checks:
        yield f"{facts['run']}: too early to tell, after so few images"
        return
    width = max(len(check.name) for check in checks)
    for check in checks:
        yield f"{'ok' if check.ok else '!!'}  {check.name:<{width}}  {check.measured}"
        yield f"    {'':<{width}}  {check.scale}"
    for check in found:
        yield from ("", f"{check.finding}: {check.measured}", f"  {check.scale}")
        yield from (f"  likely: {check.causes}", f"  change: {check.change}")
    if not found:
        yield f"{facts['run']} is healthy: nothing found in {len(checks)} checks"
    yield from from_elsewhere(facts)


def kept(programs: list[Facts], deleted: bool) -> Iterator[str]:
    """Yield the compiled programs in the cache."""
    rows = [
        (
            time.strftime("%Y-%m-%d", time.localtime(one["used"])),
            f"{one['bytes'] / 2**20:.1f} MiB",
            one["path"],
        )
        for one in programs
    ]
    yield from columns([("last used", "size", "folder"), *rows]) if rows else ()
    size = sum(one["bytes"] for one in programs) / 2**20
    yield f"{len(programs)} compiled programs, {size:.0f} MiB{': deleted' if deleted else ''}"


def networks(facts: Facts) -> Iterator[str]:
    """Yield the trained networks that come with the package."""
    rows = [("name", "preset", "seed", "training images", "test accuracy")]
    for name, one in facts["networks"].items():
        shown = f"{one['trained']['images']} x {one['trained']['epochs']}"
        rows.append((name, one["preset"], str(one["seed"]), shown, f"{one['accuracy']:.2%}"))
    yield from columns(rows)


def judged(facts: Facts, verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Yield how a network compares with a reference."""
    yield f"{facts['folder']} against {facts['seeds']} seeds of {facts['reference']}"
    rows = [("", "mean", "mean of the seeds", "distance", "largest of a seed", "ratio", "")]
    for one in verdicts:
        unit = f" {one.unit}" if one.unit else ""
        rows.append(
            (
                one.quantity,
                f"{one.mean:.4g}{unit}",
                f"{one.reference_mean:.4g} ± {one.reference_sd:.2g}{unit}",
                f"{one.distance:.4f}",
                f"{one.largest:.4f}",
                f"{one.ratio:.2f}",
                "" if one.alike else "differs",
            )
        )
    yield from columns(rows)
    differing = [one.quantity for one in verdicts if not one.alike]
    if differing:
        yield f"differs from the reference in {len(differing)} of {len(verdicts)}: {', '.join(differing)}"
    else:
        yield f"within what the seeds differ by, in all {len(verdicts)}"


def cut(text: str) -> str:
    """Return a text for a cell of a table: its beginning, if it is long."""
    return text if len(text) <= 60 else f"{text[:57]}..."


def listed(found: list[Overview], folder: Path) -> Iterator[str]:
    """Yield the runs in a folder."""
    if not found:
        yield f"{folder}: no runs yet; {pasteable('train')} makes one"
        return
    rows = [("name", "preset", "neurons", "images", "accuracy", "health", "date", "size")]
    for one in found:
        rows.append(
            (
                str(one.folder.relative_to(folder)),
                cut(one.preset),
                "" if one.n_exc is None else str(one.n_exc),
                "" if one.images is None else f"{one.images:,}",
                "" if one.accuracy is None else f"{one.accuracy:.2%}",
                cut(one.health),
                one.date,
                f"{one.bytes / 2**20:.1f} MiB",
            )
        )
    yield from columns(rows)


def presets(facts: Facts) -> Iterator[str]:
    """Yield the presets."""
    rows = [("name", "neurons", "rule", "order", "what it is")]
    rows += [(name, str(one["n_exc"]), one["rule"], one["order"], one["says"]) for name, one in facts.items()]
    yield from columns(rows)


def constants(table: Constants) -> Iterator[str]:
    """Yield a table of constants, with their sources."""
    metadata = {name: declared.metadata for name, declared in table.table().items()}
    yield from columns(
        (name, text, metadata[name]["symbol"], f"{metadata[name]['meaning']}  [{table.source(name)}]")
        for name, text in table.as_texts().items()
    )


def differences(names: list[str], first: Params, second: Params) -> Iterator[str]:
    """Yield what differs between two presets, side by side, with both sources."""
    rows = [("", *names, "sources")]
    for name, texts in first.differences(second).items():
        rows.append((name, *texts, f"[{first.source(name)}]  [{second.source(name)}]"))
    yield from columns(rows)
