"""A run directory: parameters, seed, data and results of one training and what came after it, in run.json."""

from __future__ import annotations

import importlib.metadata
import math
import platform
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..engines.base import Model
from ..errors import DiehlCookError
from ..model import neurons, wiring
from ..model.params import Params
from ..model.rules import LearningRule
from . import layout
from .files import SCHEMA, digest, load_json, save_json

LARGEST_THETA = 1.0
"""Volts; larger ones are millivolts."""


def largest_weight(params: Params) -> float:
    """Return a weight that no network exceeds: normalisation may lift weights above w_max, not so far."""
    return 10 * max(params.w_max, 1.0)


@dataclass
class Run:
    """What run.json says; a phase changes its part and calls `save`.

    ``facts`` holds one entry per finished (or started) phase, ``train``, ``observe``, ``test``; and
    ``shipped``, how a network that comes with the package did when it was made.
    """

    folder: Path
    preset: str
    params: Params
    seed: int
    dataset: str
    model: Model
    """With learning."""
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """The file run.json."""
        return self.folder / "run.json"

    def save(self) -> None:
        """Write run.json."""
        content = {
            "schema": SCHEMA,
            "versions": versions(),
            "preset": self.preset,
            "seed": self.seed,
            "dataset": self.dataset,
            "params": self.params.as_texts(),
            "sources": dict(self.params.sources),
            "assumed": self.params.assumed,
            **replaced_equations(self.model),
            **self.facts,
        }
        save_json(self.path, content)

    def load(self, name: str, *, in_range: bool = True, **sizes: int) -> NDArray[Any]:
        """Return an array of the run as it is in its file; see `layout.load`."""
        return layout.load(self.folder, name, self.params, in_range=in_range, **sizes)

    def trained(self) -> dict[str, Any]:
        """Return the facts of the finished training.

        Raises
        ------
        DiehlCookError
            Training has not been finished.
        """
        train: dict[str, Any] = self.facts.get("train", {})
        if not train.get("finished"):
            if "stopped" in train:
                what = f"stopped: {train['stopped']}"
            elif "imported" in train:
                what = "was not imported whole; run `python -m diehlcook import` again with --force"
            elif train:
                what = "was interrupted; continue with `python -m diehlcook train --resume`"
            else:
                what = "is missing; run `python -m diehlcook train` first"
            raise DiehlCookError(f"{self.folder}: training {what}")
        return train

    def image_shape(self) -> tuple[int, int]:
        """Return rows and columns of an image; for runs that do not say, a square or one row."""
        rows, columns = self.facts["train"].get("shape", (0, 0))
        if rows * columns == self.params.n_input:
            return rows, columns
        side = math.isqrt(self.params.n_input)
        return (side, side) if side * side == self.params.n_input else (1, self.params.n_input)

    def weights(self) -> NDArray[np.float64]:
        """Return the trained weights (n_input, n_exc)."""
        p = self.params
        path, weights = layout.path_of(self.folder, "weights"), self.load("weights")
        if weights.max() > largest_weight(p):
            raise DiehlCookError(
                f"{path}: largest weight is {weights.max():.3g}, expected at most {largest_weight(p):g}"
            )
        return weights.astype(np.float64)

    def theta(self) -> NDArray[np.float64]:
        """Return the trained thresholds (n_exc,) in volts."""
        path, theta = layout.path_of(self.folder, "theta"), self.load("theta")
        if theta.max() > LARGEST_THETA:
            raise DiehlCookError(
                f"{path}: largest theta is {theta.max():.3g} V; expected volts, are these millivolts?"
            )
        return theta.astype(np.float64)

    def delays(self) -> NDArray[np.float64]:
        """Return the delays of the training (n_input, n_exc) in seconds; drawn again if the file is not there.

        Raises
        ------
        DiehlCookError
            A damaged file; or none, and the seed does not give the delays of the training.
        """
        path = layout.path_of(self.folder, "delays")
        if path.exists():
            return self.load("delays").astype(np.float64)
        drawn = wiring.initial_delays(self.params, self.seed)
        if digest(drawn) != self.trained()["sha256"]["delays"]:
            raise DiehlCookError(f"{path}: not found, and the seed gives other delays with this NumPy")
        return drawn

    def assignments(self) -> NDArray[np.int8]:
        """Return the class of each neuron (n_exc,), -1 for none."""
        return self.load("assignments")


def start_afresh(run: Run, plan: dict[str, Any]) -> None:
    """Delete the files of an earlier run in the folder, and nothing else; write run.json."""
    if run.path.exists():
        run.path.unlink()
        layout.discard(run.folder, *layout.PHASES)
    for name in ("checkpoints", "snapshots"):  # also what a deleted run.json left behind
        shutil.rmtree(run.folder / name, ignore_errors=True)
    run.facts = {"train": {**plan, "finished": False, "started": time.strftime("%Y-%m-%dT%H:%M:%S%z")}}
    run.save()


def replaced_equations(model: Model) -> dict[str, Any]:
    """Return the equations that are not the package's own, for run.json."""
    equations: dict[str, Any] = {}
    if model.excitatory != neurons.EXCITATORY:
        equations["excitatory"] = model.excitatory._asdict()
    if model.plasticity is not None:
        equations["plasticity"] = model.plasticity._asdict()
    return {"equations": equations} if equations else {}


def versions() -> dict[str, str]:
    """Return the versions that a result depends on."""
    return {
        "diehlcook": __version__,
        **{name: importlib.metadata.version(name) for name in ("brian2", "numpy")},
        "python": platform.python_version(),
        "platform": platform.platform(),
    }


def load_run(folder: Path) -> Run:
    """Read the run in `folder`.

    Raises
    ------
    DiehlCookError
        No run there, or run.json is damaged or of another schema.
    """
    path = folder / "run.json"
    if not path.exists():
        raise DiehlCookError(
            f"{folder}: no run here (run.json not found); run `python -m diehlcook train` first or name "
            "another --run"
        )
    content = load_json(path)
    if content.get("schema") != SCHEMA:
        raise DiehlCookError(f"{path}: schema is {content.get('schema')}, this version reads {SCHEMA}")
    if not isinstance(content.get("params"), dict):
        raise DiehlCookError(f"{path}: params are missing; restore the file or train again with --force")
    try:
        params = Params().with_values(content["params"], content.get("sources", {}))
        equations = content.get("equations", {})
        excitatory = neurons.NeuronModel(**equations.get("excitatory", neurons.EXCITATORY._asdict()))
        plasticity = LearningRule(**equations["plasticity"]) if "plasticity" in equations else None
        facts: dict[str, Any] = {
            phase: content[phase] for phase in ("train", "observe", "test", "shipped") if phase in content
        }
        model = Model(params, True, excitatory, plasticity)
        return Run(folder, content["preset"], params, int(content["seed"]), content["dataset"], model, facts)
    except (KeyError, TypeError, ValueError) as error:
        raise DiehlCookError(
            f"{path}: {error!r} is missing or wrong; restore the file or train again with --force"
        ) from None
