"""One experiment: draw the input, run the network, judge it, write what came out."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import DiehlCookError
from ...progress import Report, no_report
from ...runs.files import load_array, save_array, save_json
from ...runs.run import versions
from .afferents import draw_block
from .constants import Masquelier2008
from .criteria import judge
from .engines import ENGINES, Recorded

RASTER = 0.5
"""Seconds of input that are kept from the first pattern on."""

SCHEMA = 1


def simulate(
    params: Masquelier2008,
    seed: int,
    engine: str = "runtime",
    report: Report = no_report,
    cancelled: Callable[[], bool] = lambda: False,
) -> Recorded:
    """Draw the input and run the network for the whole duration.

    Parameters
    ----------
    engine
        One of `ENGINES`.

    Raises
    ------
    Interrupted
        `cancelled` returned true; an experiment takes a minute or two and is not resumed.
    """
    if engine not in ENGINES:
        raise DiehlCookError(f"engine is {engine!r}; choose one of {', '.join(ENGINES)}")
    block = draw_block(params, seed)
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
    report: Report = no_report,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Run an experiment and write its .npy files and run.json into `folder`; return what run.json has.

    Raises
    ------
    DiehlCookError
        There is a run already, and no `force`; or bad input.
    """
    path = folder / "run.json"
    if path.exists() and not force:
        raise DiehlCookError(f"{folder}: there is a run already; use --force to replace it, or another --run")
    started = time.monotonic()
    recorded = simulate(params, seed, engine, report, cancelled)
    verdict = judge(recorded.spikes, recorded.onsets, params.t_pattern, params.duration)
    facts = {
        "schema": SCHEMA,
        "companion": "masquelier2008",
        "versions": versions(),
        "seed": seed,
        "engine": engine,
        "params": params.as_texts(),
        "sources": dict(params.sources),
        "spikes": recorded.spikes.size,
        "patterns": recorded.onsets.size,
        **verdict._asdict(),
        "weights_high": int((recorded.weights[-1] > params.w_max / 2).sum()),
        "weights_high_in_pattern": int((recorded.weights[-1, : params.n_pattern] > params.w_max / 2).sum()),
        "wall_s": round(time.monotonic() - started, 1),
        "date": time.strftime("%Y-%m-%d"),
    }
    for name, array in recorded._asdict().items():
        save_array(folder / f"{name}.npy", array)
    save_json(path, facts)
    return facts


def load(folder: Path, params: Masquelier2008) -> Recorded:
    """Read what an experiment has written into `folder`."""
    shapes = dict.fromkeys(Recorded._fields, (None,)) | {
        "weights": (None, params.n_afferents),
        "raster": (2, None),
    }
    return Recorded(
        **{
            name: load_array(
                folder / f"{name}.npy", shape=shape, kind="fi", made_by="companion masquelier2008"
            )
            for name, shape in shapes.items()
        }
    )
