"""How to do a run once more: the commands of its phases, what they were done with, and what should come out."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..analysis.comparison import duration
from ..data import datasets
from ..data.classes import DIGITS
from ..data.datasets import DATASETS
from ..data.idx import expand, holds
from ..errors import DiehlCookError
from ..model.params import CUSTOM, load_preset
from ..runs.described import nearest_preset, replaced_equations
from ..runs.files import load_json
from ..runs.layout import FILES
from ..runs.run import Run
from ..runs.shipped import load_shipped, shipped_names

PHASES = {"train": "training", "observe": "labelling", "test": "test"}
"""What the phases are called in sentences."""


class Redo(NamedTuple):
    """How to do a run once more.

    Parameters
    ----------
    commands
        To type one after the other.
    python
        What to do in Python before these, because no command can; empty for most runs.
    notes
        Sentences: what the commands do not say.
    phases
        A row for each phase: its name, its images, how long it took, and the digest of the images.
    facts
        Rows (what, value): seed, date, the whole duration, digests of the results, versions.
    """

    commands: list[str]
    python: str
    notes: list[str]
    phases: list[tuple[str, str, str, str]]
    facts: list[tuple[str, str]]


def redo(run: Run) -> Redo:
    """Return how to do a run once more."""
    folder = f"{run.folder.resolve().name}-again"
    train = run.facts["train"]
    commands, python = [], ""
    if "imported" in train:
        commands.append(command("import", *import_options(run, folder)))
    elif replaced_equations(run.model):
        python = training_in_python(run, folder)
    else:
        commands.append(command("train", *train_options(run, folder)))
    for phase in ("observe", "test"):
        facts = run.facts.get(phase)
        if facts and "imported" not in facts:
            commands.append(command(phase, "--run", folder, *images_options(run, phase)))
    commands.append(command("report", "--run", folder))
    return Redo(commands, python, list(notes(run)), list(phases(run)), list(table(run)))


def command(*words: object) -> str:
    """Return a command of this package, to be pasted into a shell."""
    return f"python -m diehlcook {shlex.join(map(str, words))}"


def settings(run: Run, *left_out: str) -> Iterator[str]:
    """Yield the options for the parameters: a preset, and what differs from it."""
    base = nearest_preset(run.params, run.preset)
    yield from ("--preset", base)
    for name, (here, _) in run.params.differences(load_preset(base)).items():
        if name not in left_out:
            yield from ("--set", f"{name}={here}")


def train_options(run: Run, folder: str) -> Iterator[str]:
    """Yield the options of a training."""
    train = run.facts["train"]
    yield from ("--run", folder, *settings(run), "--dataset", train["data"]["name"])
    if names := chosen_classes(train):
        yield from ("--classes", ",".join(names))
    yield from ("--samples", str(train["images"]), "--epochs", str(train["epochs"]))
    yield from ("--seed", str(run.seed), "--engine", train["engine"])


def import_options(run: Run, folder: str) -> Iterator[str]:
    """Yield the options of an import."""
    imported, labels = run.facts["train"]["imported"], run.facts.get("observe", {}).get("imported")
    files = {name: one["file"] for name, one in imported["files"].items()}
    yield from (files.pop("weights"), "--format", imported["format"], "--run", folder)
    for name, file in (files | ({"labels": labels["file"]} if labels else {})).items():
        yield from (f"--{name}", file)
    if labels:
        yield from ("--n-classes", str(len(run.facts["observe"]["neurons_per_class"])))
    yield from (*settings(run, "n_exc"), "--seed", str(run.seed), "--dataset", run.dataset)


def images_options(run: Run, phase: str) -> Iterator[str]:
    """Yield the options of observe or test that decide its images."""
    facts = run.facts[phase]
    if facts["data"]["name"] != run.dataset:
        yield from ("--dataset", facts["data"]["name"])
    yield from ("--samples", str(facts["images"]))
    if phase == "test":
        yield from ("--repeats", str(facts["repeats"]))
    if "engine" in facts:
        yield from ("--engine", facts["engine"])


def training_in_python(run: Run, folder: str) -> str:
    """Return the training of a network with replaced equations, which no option can give."""
    train = run.facts["train"]
    names = chosen_classes(train)
    some = f".numbered_as({names!r})" if names else ""
    images = f"dc.load({train['data']['name']!r}, {train['data']['split']!r}){some}.head({train['images']})"
    return "\n".join(
        [
            "import diehlcook as dc",
            "",
            f"old = dc.load_run({run.folder.resolve().name!r})  # has the parameters and the equations",
            "dc.train(",
            f"    {folder!r}, {images}, old.params,",
            f"    preset={run.preset!r}, seed={run.seed}, epochs={train['epochs']},",
            f"    engine={train['engine']!r},",
            "    excitatory=old.model.excitatory, plasticity=old.model.plasticity,",
            ")",
        ]
    )


def chosen_classes(train: dict[str, Any]) -> tuple[str, ...] | None:
    """Return the classes that a training was given, if they are not all that its data set has, in their order."""
    known, names = classes_of(train["data"]), tuple(train.get("classes", ()))
    return names if names and known and names != known else None


def classes_of(data: dict[str, Any]) -> tuple[str, ...] | None:
    """Return the classes of a data set that a phase took its images from; None if it is not found here."""
    if data["name"] in DATASETS:
        return DIGITS
    try:
        return datasets.load(data["name"], data["split"], download=False).classes
    except DiehlCookError:
        return None


def notes(run: Run) -> Iterator[str]:
    """Yield what the commands do not say."""
    train = run.facts["train"]
    for name in shipped_names() if "shipped" in run.facts else ():
        if load_shipped(name).digest_of("weights") == run.digest_of("weights"):
            yield f"The network comes with the package: {command('networks', name)} makes a run of it."
    lost = sorted(
        {
            one["data"]["name"]
            for one in (run.facts.get(phase, {}) for phase in PHASES)
            if "data" in one
            and one["data"]["name"] not in DATASETS
            and not holds(Path.exists, expand(Path(one["data"]["name"])))
        }
    )
    for name in lost:
        yield (
            f"The images “{name}” are not found by that name here: they came from Python, or have moved. "
            "The same images have the SHA-256 below."
        )
    if run.preset not in (CUSTOM, nearest_preset(run.params, run.preset)):
        yield f"run.json calls the parameters “{run.preset}”; the options above give the same values."
    if "imported" not in train:
        yield (
            "Numbers are the same to the last bit on one machine with the same versions; another processor "
            "or another version may round differently, and spikes then part after a while."
        )


def phases(run: Run) -> Iterator[tuple[str, str, str, str]]:
    """Yield for each phase its name, its images, how long it took, and the digest of the images."""
    for phase, words in PHASES.items():
        facts = run.facts.get(phase, {})
        if "data" in facts:
            data, seconds = facts["data"], facts.get("wall_s")
            images = f"{facts['images']:,}, {data['name']}, {data['split']} part"
            yield words, images, "not known" if seconds is None else duration(seconds), data["sha256"]


def table(run: Run) -> Iterator[tuple[str, str]]:
    """Yield what the phases were done with, and what came out."""
    train = run.facts["train"]
    yield "seed", str(run.seed)
    began = train.get("started") or train.get("imported", {}).get("date")
    if began:
        yield ("imported" if "imported" in train else "training began"), began
    if known := timed(run):
        yield f"wall time: {', '.join(known)}", duration(sum(known.values()))
    for name, words in (("weights", "weights"), ("theta", "thresholds"), ("assignments", "labels")):
        digest = run.facts.get(FILES[name].phase, {}).get("sha256", {}).get(name)
        if digest:
            yield f"SHA-256 of the {words}", digest
    yield from versions(train.get("versions") or load_json(run.path).get("versions", {}))


def versions(known: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what run.json knows of the versions that a run was made with."""
    for name, version in known.items():
        yield ("platform" if name == "platform" else f"version of {name}"), str(version)


def timed(run: Run) -> dict[str, float]:
    """Return the seconds that each phase took, by what it is called, of the phases for which that is known."""
    done = {words: run.facts.get(phase, {}).get("wall_s") for phase, words in PHASES.items()}
    return {words: seconds for words, seconds in done.items() if seconds is not None}
