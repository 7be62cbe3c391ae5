"""A run directory: parameters, seed, data and results of one training and what came after it, in run.json."""

from __future__ import annotations

import html
import importlib.metadata
import json
import math
import os
import platform
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..data.classes import numbers
from ..engines.base import Model
from ..errors import DiehlCookError, pasteable
from ..model import neurons, wiring
from ..model.arrays import check_delays, check_labels, check_seed, check_theta, check_weights
from ..model.params import FIELDS, LATER, Params
from ..model.rules import LearningRule
from . import layout, schema
from .described import in_words, replaced_equations
from .files import SCHEMA, digest, identity, load_json, save_json

MISSING = {"observe": "so the neurons have no labels yet", "test": "so there is no accuracy yet"}
"""What it means that a phase has not been done."""


@dataclass(repr=False)
class Run:
    """A network with everything that was made of it, as run.json in its directory says.

    `phases.train.train`, `load_run` and `shipped.load_shipped` return runs; the later phases take them. Arrays
    are read from their files when they are asked for, with `weights`, `theta`, `delays`, `assignments` or
    `load`. A phase changes its entry in `facts` and calls `save`.
    """

    folder: Path
    """The run directory."""
    preset: str
    """The name of the preset that the parameters come from."""
    params: Params
    """The constants of the model."""
    seed: int
    """The number from which initial weights, delays and input spikes follow."""
    dataset: str
    """The name or the path of the data set that the run was trained with."""
    model: Model
    """The parameters and equations, with learning."""
    facts: dict[str, Any] = field(default_factory=dict)
    """One entry for each phase that was begun, ``train``, ``observe`` and ``test``. In networks that come with
    the package ``shipped`` says how the network did when it was made."""
    schema: int = SCHEMA
    """The version of the layout of the files."""

    @property
    def what(self) -> str:
        """What the run is in a few words: the nearest preset, and what differs from it."""
        return in_words(self.preset, self.model)

    def summary(self) -> list[tuple[str, str]]:
        """Return what there is to say of the run in a few words: names and values."""
        train, observed, tested = (self.facts.get(phase) for phase in layout.PHASES)
        rows = [
            ("folder", str(self.folder)), ("preset", self.what), ("neurons", str(self.params.n_exc)),
            ("rule", self.params.rule), ("seed", str(self.seed)), ("data", self.dataset),
        ]  # fmt: skip
        if train is None or not train.get("finished"):
            return [*rows, ("state", "training is not finished" if train else "not trained")]
        if "imported" in train:
            rows.append(("trained", "elsewhere"))
        else:
            rows.append(("trained", f"{train['images']:,} images x {train['epochs']}"))
        if tested is None:
            return [*rows, ("state", "labelled, not tested" if observed else "not labelled")]
        low, high = tested["interval95"]
        return [*rows, ("accuracy", f"{tested['accuracy']:.2%} [{low:.2%}, {high:.2%}]")]

    def __repr__(self) -> str:
        (_, folder), *others = self.summary()
        return f"<Run {folder}: {', '.join(f'{name} {value}' for name, value in others)}>"

    def _repr_html_(self) -> str:
        """Return the summary as a table, for notebooks."""
        rows = "".join(
            f"<tr><th style='text-align: left'>{html.escape(name)}</th>"
            f"<td style='text-align: left'>{html.escape(value)}</td></tr>"
            for name, value in self.summary()
        )
        return f"<table>{rows}</table>"

    @property
    def path(self) -> Path:
        """The file run.json."""
        return self.folder / "run.json"

    def save(self) -> None:
        """Write run.json."""
        content = {
            "schema": self.schema,
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

    @property
    def identity(self) -> str:
        """Digest of what decides the training but for its length: parameters, seed, images, equations."""
        train = self.facts["train"]
        data, equations = [train["data"], train["images"]], replaced_equations(self.model)
        return identity(dict(self.params.as_texts()), self.seed, data, equations)

    def load(self, name: str, *, in_range: bool = True, **sizes: int) -> NDArray[Any]:
        """Return an array of the run as it is in its file, checked to be the one that run.json tells of.

        See `layout.load` for the arguments.

        Raises
        ------
        DiehlCookError
            The phase that writes it is not finished; its file is missing, damaged, or not what the phase wrote.
        """
        phase, path = layout.FILES[name].phase, layout.path_of(self.folder, name)
        facts = self.trained() if phase == "train" else self.done(phase)
        array = layout.load(self.folder, name, self.params, in_range=in_range, **sizes)
        known = facts["sha256"].get(name)
        if known is None and self.schema >= 3:
            raise DiehlCookError(
                f"{self.path}: {phase}.sha256.{name} is missing; run {self.command(phase)} again"
            )
        if known not in (None, digest(array)):
            cure = "make a run of it with `python -m diehlcook import`"
            if phase != "train":
                cure = f"run {self.command(phase)} again"
            raise DiehlCookError(f"{path} is not the one that {phase} wrote; restore it, or {cure}")
        return array

    def command(self, phase: str) -> str:
        """Return the command that makes the results of a phase once more."""
        return pasteable(phase, "--run", self.folder, "--force")

    def done(self, phase: str) -> dict[str, Any]:
        """Return the facts of observe or test, checked to be of the network and the labels that are there.

        Raises
        ------
        DiehlCookError
            It has not been done, or before the training or the labelling was.
        """
        self.trained()
        facts: dict[str, Any] | None = self.facts.get(phase)
        if facts is None:
            raise DiehlCookError(
                f"{self.folder}: {phase} is missing, {MISSING[phase]}; run "
                f"{pasteable(phase, '--run', self.folder)} first"
            )
        for parent, known in facts["parents"].items():
            owner = layout.FILES[parent].phase if parent in layout.FILES else None
            if owner is None or self.facts.get(owner, {}).get("sha256", {}).get(parent) != known:
                raise DiehlCookError(
                    f"{self.path}: {phase} was made with other {parent} than there are; run "
                    f"{self.command(phase)} again"
                )
        return facts

    def digest_of(self, name: str) -> str:
        """Return the digest that run.json has of an array."""
        known: str = self.facts[layout.FILES[name].phase]["sha256"][name]
        return known

    def commit(self, phase: str, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> None:
        """Write the results of a phase; see `commit_all`."""
        self.commit_all({phase: (arrays, facts)})

    def commit_all(self, results: Mapping[str, tuple[Mapping[str, NDArray[Any]], Mapping[str, Any]]]) -> None:
        """Write arrays and facts of some phases: they are there, all of them, once run.json tells of them.

        What later phases made of earlier results goes, with all that shows it.

        Raises
        ------
        DiehlCookError
            They cannot be written, or run.json cannot. What was there before still is, unless its place had
            already been cleared: then the phases have to be done again.
        """
        json.dumps([dict(facts) for _, facts in results.values()])  # while what was there before still is
        affected = layout.PHASES[min(map(layout.PHASES.index, results)) :]
        written: dict[str, layout.Results] = {}
        try:
            for phase, (arrays, _) in results.items():
                written[phase] = layout.Results(self.folder, phase, arrays)
            self.disown([one for one in affected if one != "train"])
            layout.discard_shown(self.folder, *affected)
            for phase in results:
                written[phase].appear()
        except BaseException:
            for one in written.values():
                one.abandon()
            raise
        for phase, (_, facts) in results.items():
            self.facts[phase] = {**self.facts.get(phase, {}), **facts, "sha256": written[phase].digests}
        if "train" in results:  # nothing older is left
            self.schema = SCHEMA
        for phase in results:  # first, or nobody could tell these blocks from those of an interrupted --force
            layout.delete(self.folder, f"checkpoints/{phase}/")
        self.save()
        layout.discard(self.folder, *(one for one in affected if one not in results))

    def disown(self, phases: Iterable[str]) -> None:
        """Let run.json tell no more of the results of some phases, so that nobody reads them."""
        before = self.facts
        self.facts = {name: facts for name, facts in before.items() if name not in set(phases)}
        if self.facts != before:
            try:
                self.save()
            except BaseException:
                self.facts = before
                raise

    def tidy(self) -> None:
        """Delete what a killed process left: unfinished files, and results that run.json does not tell of.

        For the owner of the folder (`lock.owned`).
        """
        layout.clear_litter(self.folder)
        for phase in layout.PHASES[1:]:
            if phase not in self.facts:
                layout.discard_results(self.folder, phase)

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
                what = f"was not imported whole; run {pasteable('import')} again with --force"
            elif train:
                command = pasteable("train", "--resume", "--run", self.folder)
                what = f"was interrupted; continue with {command}"
            else:
                what = f"is missing; run {pasteable('train', '--run', self.folder)} first"
            raise DiehlCookError(f"{self.folder}: training {what}")
        return train

    def classes(self, phase: str = "test") -> tuple[str, ...] | None:
        """Return the names of the classes that a phase has to do with: those of the labels, before these of the training.

        Labels of earlier versions and from elsewhere have numbers only. None: there is nothing to go by, because
        it is not known what the network was trained with.
        """
        observed = self.facts.get("observe") if phase == "test" else None
        if observed and "classes" not in observed:
            return numbers(len(observed["neurons_per_class"]))
        known = (observed or self.facts.get("train", {})).get("classes")
        return tuple(known) if known else None

    def image_shape(self) -> tuple[int, int]:
        """Return rows and columns of an image; for runs that do not say, a square or one row."""
        rows, columns = self.facts["train"].get("shape", (0, 0))
        if rows * columns == self.params.n_input:
            return rows, columns
        side = math.isqrt(self.params.n_input)
        return (side, side) if side * side == self.params.n_input else (1, self.params.n_input)

    def weights(self) -> NDArray[np.float64]:
        """Return the trained weights (n_input, n_exc), which have no unit.

        Raises
        ------
        DiehlCookError
            The training is not finished, or the file is missing or damaged.
        """
        return check_weights(
            str(layout.path_of(self.folder, "weights")), self.load("weights"), self.params, "f"
        )

    def theta(self) -> NDArray[np.float64]:
        """Return the trained theta, the adaptive part of the thresholds (n_exc,), in volts.

        Raises
        ------
        DiehlCookError
            The training is not finished, or the file is missing or damaged.
        """
        return check_theta(str(layout.path_of(self.folder, "theta")), self.load("theta"), self.params, "f")

    def delays(self) -> NDArray[np.float64]:
        """Return the delays of the training (n_input, n_exc) in seconds; they are drawn again if there is no file.

        Raises
        ------
        DiehlCookError
            The file is damaged, or there is none and the seed does not give the delays of the training.
        """
        path = layout.path_of(self.folder, "delays")
        if path.exists():
            return check_delays(str(path), self.load("delays"), self.params, "f")
        drawn = wiring.initial_delays(self.params, self.seed)
        if digest(drawn) != self.trained()["sha256"].get("delays"):
            raise DiehlCookError(f"{path}: not found, and the seed gives other delays with this NumPy")
        return drawn

    def assignments(self) -> NDArray[np.int8]:
        """Return the label of each neuron: its class (n_exc,), or -1 for a neuron that never fired.

        Raises
        ------
        DiehlCookError
            The neurons are not labelled, or the file is missing or damaged.
        """
        path, n = layout.path_of(self.folder, "assignments"), self.params.n_exc
        return check_labels(str(path), self.load("assignments"), n).astype(np.int8, copy=False)


def start_afresh(run: Run, plan: dict[str, Any]) -> None:
    """Begin a training in a folder: run.json is that of the new run at once, then what an earlier one left goes.

    For the owner of the folder (`lock.owned`), who has checked that it is ours (`layout.check_ours`).
    """
    started = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    run.facts = {"train": {**plan, "finished": False, "cleared": False, "started": started}}
    run.save()
    layout.discard(run.folder, *layout.PHASES)
    layout.clear_litter(run.folder)
    run.facts["train"]["cleared"] = True
    run.save()


def versions() -> dict[str, str]:
    """Return the versions that a result depends on."""
    return {
        "diehlcook": __version__,
        **{name: importlib.metadata.version(name) for name in ("brian2", "numpy")},
        "python": platform.python_version(),
        "platform": platform.platform(),
    }


def as_path(folder: Path | str) -> Path:
    """Return the path of a run directory.

    Raises
    ------
    DiehlCookError
        It is no path.
    """
    if not isinstance(folder, str | os.PathLike):
        raise DiehlCookError(f"folder is a {type(folder).__name__}; expected the path of a run directory")
    return Path(folder)


def as_run(run: Run | Path | str) -> Run:
    """Return a run that is given itself or by its directory."""
    return run if isinstance(run, Run) else load_run(as_path(run))


def companion_of(folder: Path) -> str | None:
    """Return which companion a folder holds a run of; None if it holds another run, or none."""
    path = folder / "run.json"
    name = load_json(path).get("companion") if path.exists() else None
    return None if name is None else str(name)


READABLE = (2, SCHEMA)
"""Schemas that are read. Runs of schema 2 lack digests of some arrays; ``scripts/tools/upgrade_runs.py`` adds them."""


def load_run(folder: Path | str) -> Run:
    """Open the run in a directory.

    Parameters
    ----------
    folder
        The run directory, which `train` or `import_run` has made.

    Returns
    -------
    Run
        What run.json says. The arrays of the run are read when they are asked for.

    Raises
    ------
    DiehlCookError
        There is no run in the directory, or run.json is damaged or was written by another version.
    """
    folder = Path(folder)
    path = folder / "run.json"
    if not path.exists():
        raise DiehlCookError(
            f"{folder}: no run here (run.json not found); run {pasteable('train')} first or name "
            f"another folder"
        )
    content = load_json(path)
    if "companion" in content:
        page = pasteable("report", "--run", folder)
        raise DiehlCookError(
            f"{folder}: a run of the companion {str(content['companion'])[:40]}, not of a network; look at "
            f"it with {page}, or name another folder"
        )
    known = content.get("schema")
    if known not in READABLE:
        raise DiehlCookError(
            f"{path}: schema is {schema.shown(known)}, this version reads "
            f"{' and '.join(map(str, READABLE))}; train again, or "
            "use the version of diehlcook that run.json has in versions"
        )
    if known < SCHEMA and isinstance(content.get("test"), dict):
        content["test"].setdefault("sha256", {})  # the first runs of schema 2 have no digests of the test
    schema.check_run(content, str(path))
    missing = [name for name in FIELDS if name not in content["params"] and name not in LATER]
    if missing:
        raise DiehlCookError(
            f"{path}: params.{missing[0]} is missing; restore the file or train again with --force"
        )
    try:
        params = Params().with_values({**LATER, **content["params"]}, content.get("sources", {}))
        equations = content.get("equations", {})
        excitatory = neurons.NeuronModel(**equations.get("excitatory", neurons.EXCITATORY._asdict()))
        plasticity = LearningRule(**equations["plasticity"]) if "plasticity" in equations else None
    except (TypeError, DiehlCookError) as error:
        raise DiehlCookError(f"{path}: {error}; restore the file or train again with --force") from None
    facts = {name: content[name] for name in (*layout.PHASES, "shipped") if name in content}
    return Run(
        folder,
        content["preset"],
        params,
        check_seed(content["seed"]),
        content["dataset"],
        Model(params, True, excitatory, plasticity),
        facts,
        known,
    )
