"""One experiment: draw the input, run the network, judge it, write what came out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import DiehlCookError
from ...progress import Report, no_report
from ..common.run import Draw, run_and_keep
from .afferents import Spikes, draw_block
from .constants import Masquelier2008
from .criteria import judge
from .engines import ENGINES, Recorded

RASTER = 0.5
"""Seconds of input that are kept from the first pattern on."""


def simulate(
    params: Masquelier2008,
    seed: int,
    engine: str = "runtime",
    report: Report = no_report,
    cancelled: Callable[[], bool] = lambda: False,
    base: Spikes | None = None,
) -> Recorded:
    """Draw the input and run the network for the whole duration.

    Parameters
    ----------
    engine
        One of `ENGINES`.
    base
        What `draw_base` returned for the same seed, if it is at hand.

    Raises
    ------
    Interrupted
        `cancelled` returned true; an experiment takes a minute or two and is not resumed.
    """
    if engine not in ENGINES:
        raise DiehlCookError(f"engine is {engine!r}; choose one of {', '.join(ENGINES)}")
    block = draw_block(params, seed, base)
    onsets = (np.arange(params.blocks)[:, None] * params.block + block.slots * params.t_pattern).ravel()
    shown = np.searchsorted(block.step * params.dt, onsets[:1].sum() + RASTER)
    raster = np.array([block.step[:shown], block.afferent[:shown]])
    return ENGINES[engine](params, block, report, cancelled)._replace(onsets=onsets, raster=raster)


def run(
    folder: Path,
    params: Masquelier2008,
    *,
    seed: int = 0,
    engine: str = "runtime",
    force: bool = False,
    draw: Draw | None = None,
    report: Report = no_report,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[dict[str, Any], Recorded]:
    """Run an experiment and write it into `folder`; see `run_and_keep`."""
    shown, judged = partial(simulate, params, seed, engine, report, cancelled), partial(outcome, params)
    return run_and_keep(
        folder, force, shown, judged, params, companion="masquelier2008", draw=draw, seed=seed, engine=engine
    )


def outcome(params: Masquelier2008, recorded: Recorded) -> dict[str, Any]:
    """Return what run.json says about an experiment."""
    high = recorded.weights[-1] > params.w_max / 2
    return {
        "spikes": recorded.spikes.size,
        "patterns": recorded.onsets.size,
        **judge(recorded.spikes, recorded.onsets, params.t_pattern, params.duration)._asdict(),
        "weights_high": int(high.sum()),
        "weights_high_in_pattern": int(high[: params.n_pattern].sum()),
    }
