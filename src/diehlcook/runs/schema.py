"""What run.json and checkpoint.json have to hold: kinds and ranges, in one table each; what is not in it may be there, too.

A name that ends in a question mark is optional.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..errors import DiehlCookError


class Kind(NamedTuple):
    """A kind of value."""

    words: str
    fits: Callable[[Any], bool]


def number(low: float, high: float = math.inf) -> Kind:
    """Return the kind of finite numbers in a range."""

    def fits(value: Any) -> bool:
        return (
            isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high < math.inf
        )

    return Kind(f"a number from {low:g} to {high:g}", fits)


def whole(low: int, high: int = 2**63 - 1) -> Kind:
    """Return the kind of whole numbers in a range."""
    words = (
        f"a whole number of at least {low}" if high == 2**63 - 1 else f"a whole number from {low} to {high}"
    )
    return Kind(words, lambda v: isinstance(v, int) and not isinstance(v, bool) and low <= v <= high)


class Each(NamedTuple):
    """A list, or with `named` an object of any names, whose values are all of one kind; `n` of them if that is not None."""

    of: Any
    n: int | None = None
    named: bool = False


FLAG = Kind("true or false", lambda value: isinstance(value, bool))
TEXT = Kind("a text", lambda value: isinstance(value, str))
DIGEST = Kind("a SHA-256", lambda value: isinstance(value, str) and len(value) == 64)
SHARE, AMOUNT, POSITIVE, NATURAL = number(0, 1), number(0, 1e300), whole(1), whole(0)
DATA = {"name": TEXT, "split": TEXT, "sha256": DIGEST}
CHECKS = Each(
    {"name": TEXT, "measured": TEXT, "normal": TEXT, "finding?": TEXT, "causes?": TEXT, "change?": TEXT}
)
DIGESTS = Each(DIGEST, named=True)
CLASSES = Each(TEXT)
"""Names of classes, in the order of their numbers."""

STARTED = {
    "finished": FLAG, "cleared?": FLAG, "images": POSITIVE, "epochs": POSITIVE, "engine": TEXT, "data": DATA,
    "shape?": Each(POSITIVE, 2), "classes?": CLASSES, "snapshots?": POSITIVE,
    "grey?": Each(AMOUNT, named=True), "started": TEXT,
    "stopped?": TEXT, "health?": CHECKS,
}  # fmt: skip
"""Of a training that is not finished."""

TRAINED = STARTED | {
    "wall_s": AMOUNT, "presentations": POSITIVE, "presentations_per_image": AMOUNT,
    "spikes_per_image": AMOUNT,
    "theta_mV": {"mean": AMOUNT, "sd": AMOUNT}, "silent_neurons": NATURAL, "health": CHECKS,
    "sha256": DIGESTS,
}  # fmt: skip

FILE = {"file": TEXT, "sha256": DIGEST}

IMPORTING = {
    "finished": FLAG, "cleared?": FLAG, "started": TEXT,
    "imported": {"format": TEXT, "date": TEXT, "files": Each(FILE, named=True)},
}  # fmt: skip
"""Of a network from elsewhere: how it was trained is not known."""

IMPORTED = IMPORTING | {"theta_mV": {"mean": AMOUNT, "sd": AMOUNT}, "sha256": DIGESTS}

LABELS_IMPORTED = {
    "imported": {"date": TEXT, **FILE}, "neurons_per_class": Each(NATURAL), "unassigned_neurons": NATURAL,
    "parents": DIGESTS, "sha256": DIGESTS,
}  # fmt: skip

PRESENTED = {
    "images": POSITIVE, "data": DATA, "classes?": CLASSES, "engine": TEXT, "jobs": POSITIVE,
    "block": POSITIVE, "wall_s": AMOUNT,
    "spikes_per_image": AMOUNT, "silent_images": NATURAL, "unassigned_neurons": NATURAL, "ties": NATURAL,
    "health": CHECKS, "parents": DIGESTS, "sha256": DIGESTS,
}  # fmt: skip

OBSERVED = PRESENTED | {
    "presentations_per_image": AMOUNT, "neurons_per_class": Each(NATURAL),
    "raster?": {"presentations": POSITIVE, "labels": Each(NATURAL), "dt_ms": AMOUNT},
}  # fmt: skip

TESTED = PRESENTED | {
    "presentations_per_image?": AMOUNT,
    "repeats": POSITIVE, "accuracy": SHARE, "interval95": Each(SHARE, 2), "accuracies": Each(SHARE),
    "class_sizes": Each(NATURAL), "precision": Each(SHARE), "recall": Each(SHARE),
}  # fmt: skip

RUN = {
    "schema": POSITIVE, "versions": Each(TEXT, named=True), "preset": TEXT, "seed": NATURAL, "dataset": TEXT,
    "params": Each(TEXT, named=True), "sources?": Each(TEXT, named=True),
    "equations?": Each(Each(Kind("a text or a list", lambda v: isinstance(v, str | list | bool)),
    named=True), named=True),
    "train?": {"finished": FLAG, "imported?": {}}, "observe?": {"imported?": {}}, "test?": TESTED,
    "shipped?": {
        "images": POSITIVE, "repeats": POSITIVE, "accuracy": SHARE, "interval95": Each(SHARE, 2),
        "bits?": POSITIVE, "before_rounding?": SHARE,
        "readouts?": Each({"held_out": SHARE, "test": SHARE, "interval95": Each(SHARE, 2)}, named=True),
    },
}  # fmt: skip
"""run.json; see `check_run` for what depends on what."""

CHECKPOINT = {
    "schema": POSITIVE, "run": DIGEST, "digests": DIGESTS, "wall_s?": AMOUNT, "complete?": FLAG,
    "delays?": DIGEST,
}  # fmt: skip

TASK = {"task": Each(Kind("anything", lambda _value: True), named=True), "blocks": DIGESTS}
"""task.json of an interrupted observe or test."""


def check(value: Any, kind: Any, where: str) -> None:
    """Raise `DiehlCookError` in one line, which begins with `where`, if a value is not of a kind of the tables."""
    if isinstance(kind, Kind):
        if not kind.fits(value):
            raise DiehlCookError(f"{where} is {shown(value)}; expected {kind.words}")
    elif isinstance(kind, Each):
        wanted = Mapping if kind.named else list
        if not isinstance(value, wanted) or kind.n not in (None, len(value)):
            what = "an object" if kind.named else "a list" + (f" of {kind.n}" if kind.n else "")
            raise DiehlCookError(f"{where} is {shown(value)}; expected {what}")
        for key, one in value.items() if isinstance(value, Mapping) else enumerate(value):
            check(one, kind.of, f"{where}.{key}")
    else:
        if not isinstance(value, Mapping):
            raise DiehlCookError(f"{where} is {shown(value)}; expected an object")
        for name, inner in kind.items():
            key = name.removesuffix("?")
            if key in value:
                check(value[key], inner, f"{where}.{key}" if ": " in where else f"{where}: {key}")
            elif key == name:
                raise DiehlCookError(f"{where}{'.' if ': ' in where else ': '}{key} is missing")


def shown(value: Any) -> str:
    """Return a value for a message, cut short."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def check_run(content: Mapping[str, Any], path: str) -> None:
    """Check the content of run.json; what a training or a phase says must fit together, too."""
    check(content, RUN, path)
    train, observed = content.get("train", {}), content.get("observe")
    kinds = (IMPORTING, IMPORTED) if "imported" in train else (STARTED, TRAINED)
    if "train" in content:
        check(train, kinds[train["finished"]], f"{path}: train")
    if observed is not None:
        check(observed, LABELS_IMPORTED if "imported" in observed else OBSERVED, f"{path}: observe")
        if "classes" in observed:
            n_classes = len(observed["neurons_per_class"])
            check(observed["classes"], Each(TEXT, n_classes), f"{path}: observe.classes")
    if not train.get("finished") and ("observe" in content or "test" in content):
        raise DiehlCookError(
            f"{path}: has results of a training that is not finished; train again with --force"
        )
    if "test" in content:
        tested, classes = content["test"], len(content["test"]["class_sizes"])
        for name in ("precision", "recall"):
            check(tested[name], Each(SHARE, classes), f"{path}: test.{name}")
        if "classes" in tested:
            check(tested["classes"], Each(TEXT, classes), f"{path}: test.classes")
        check(tested["accuracies"], Each(SHARE, tested["repeats"]), f"{path}: test.accuracies")
        if "observe" not in content:
            raise DiehlCookError(
                f"{path}: is tested without having been labelled; run observe and test again"
            )
