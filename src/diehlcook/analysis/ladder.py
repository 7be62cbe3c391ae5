"""All readouts of one run side by side, from the responses that observe and test have stored; nothing is simulated."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..errors import DiehlCookError
from ..runs.provenance import images_of, responses, warn_of_seen
from ..runs.run import Run
from . import readout, readouts
from .readouts import PAPER, READOUTS

log = logging.getLogger(__name__)


def ladder(run: Run, *, names: Iterable[str] = tuple(READOUTS), data: Path | None = None) -> dict[str, Any]:
    """Judge readouts of a labelled and tested run by its test images.

    Every readout learns from the responses to the images of observe, its hyperparameter included; test images
    only judge.

    Parameters
    ----------
    run
        A run that has been labelled and tested.
    names
        Readouts to compare, of `readouts.READOUTS`; the paper's comes with them.
    data
        Folder of the MNIST files, if they are not where they are looked for.

    Returns
    -------
    dict
        ``labelled_with`` and ``images`` (numbers), ``repeats``, and ``readouts``: by name, in alphabetical
        order, ``accuracy`` (mean over repeats), its 95 % interval ``interval95`` (Wilson, as of one
        presentation of every image), ``chosen`` (hyperparameter), and against the paper's readout ``gained``,
        ``lost`` and ``p`` (`readout.mcnemar`, of the first presentation of every image). Readouts of
        scikit-learn that cannot be had, because it is missing or all labels are of one class, are listed under
        ``left_out`` with the reason.

    Raises
    ------
    DiehlCookError
        Not labelled or not tested, responses of another network, other images than were presented, or an
        unknown readout.
    """
    wanted = sorted({PAPER, *names})
    for name in wanted:
        readouts.check_name(name)
    seen, shown = responses(run, "observe"), responses(run, "test")
    labelling, testing = images_of(run, "observe", data), images_of(run, "test", data)
    warn_of_seen(run, testing)
    n_classes = max(labelling.n_classes, testing.n_classes)
    repeats = len(shown) // len(testing)
    right, found, left_out = {}, {}, {}
    for name in wanted:
        try:
            fitted = readouts.fit(name, seen, labelling.labels, n_classes)
        except DiehlCookError as error:
            if not READOUTS[name].needs_sklearn:
                raise
            left_out[name] = str(error)
            log.warning("left out: %s", error)
            continue
        hits = fitted.classify(shown).reshape(repeats, len(testing)) == testing.labels
        right[name], accuracy = hits[0], float(hits.mean())
        interval = readout.wilson(round(accuracy * len(testing)), len(testing))
        found[name] = {
            "says": READOUTS[name].says,
            "accuracy": round(accuracy, 6),
            "interval95": [round(end, 4) for end in interval],
            "chosen": fitted.chosen,
        }
    for name, one in found.items():
        if name != PAPER:
            one |= readout.mcnemar(right[name], right[PAPER])._asdict()
    return {
        "labelled_with": len(labelling),
        "images": len(testing),
        "repeats": repeats,
        "readouts": found,
        "left_out": left_out,
    }
