"""The commands: typed values in, a result out. They load what they need when they are called, so that ``--help`` stays quick."""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import DiehlCookError, pasteable
from . import output
from .output import Facts

if TYPE_CHECKING:
    import argparse

    from ..data.datasets import Dataset
    from ..model.params import Params
    from ..runs.run import Run

log = logging.getLogger(__name__)

DEMO_PRESET = "paper-triplet-100"
DEMO_EPOCHS = 12
"""Chosen on the training digits: 1,027 to learn from, the other 260 (two other forms) to choose by."""


class Result(NamedTuple):
    """What a command has to say: to machines, and to people."""

    facts: Facts
    lines: Iterable[str]
    warn: bool = True
    """Whether findings of the health check are logged, too."""


@dataclass(frozen=True)
class ModelChoice:
    """What decides the parameters: a preset, changes ``"name=value"``, neurons, rule and order; None: as the preset has it."""

    preset: str | None = None
    changes: tuple[str, ...] = ()
    n_exc: int | None = None
    rule: str | None = None
    order: str | None = None

    @property
    def is_given(self) -> bool:
        """Whether anything but the order is asked for."""
        return bool(self.preset or self.changes or self.n_exc or self.rule)


@dataclass(frozen=True)
class Images:
    """What decides the images: a data set, the folder of MNIST, of some classes only, of these the first so many."""

    dataset: str | None = None
    folder: Path | None = None
    samples: int | None = None
    classes: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Files:
    """What comes with imported weights: files of thresholds and labels, and how many classes the labels name."""

    theta: Path | None
    labels: Path | None
    n_classes: int


@dataclass(frozen=True)
class How:
    """How phases are run."""

    engine: str
    jobs: int | None
    """Processes; None: all cores."""
    resume: bool
    force: bool
    progress: bool


def settings(changes: Iterable[str]) -> dict[str, str]:
    """Return what texts ``"name=value"`` ask for."""
    found: dict[str, str] = {}
    for text in changes:
        name, equals, value = text.partition("=")
        if not equals:
            raise DiehlCookError(f"--set {text!r}: expected NAME=VALUE, e.g. --set 'tau_mem_exc=80 ms'")
        if name.strip() in found:
            raise DiehlCookError(f"--set {name.strip()} is given twice; give it once")
        found[name.strip()] = value.strip()
    return found


class UsageError(DiehlCookError):
    """What was typed cannot be taken, whatever the files are like."""


@contextlib.contextmanager
def what_was_typed() -> Iterator[None]:
    """Let errors be those of what was typed."""
    try:
        yield
    except DiehlCookError as error:
        raise UsageError(*error.args) from None


@what_was_typed()
def resolve_params(model: ModelChoice) -> tuple[str, Params]:
    """Return the name of the preset and the parameters that were chosen.

    Raises
    ------
    UsageError
        There are no such preset, parameters or values, or they do not fit each other.
    """
    from ..model.params import DEFAULT_PRESET, REFERENCE_N_EXC, load_preset, with_rule, with_size

    preset = model.preset or DEFAULT_PRESET
    params = load_preset(preset)
    changes = settings(model.changes)
    for name, given in (("n_exc", model.n_exc), ("rule", model.rule), ("order", model.order)):
        if given and name in changes:
            option = name.replace("_", "-")
            raise DiehlCookError(f"{name} is given twice: with --{option}, and with --set; give it once")
    if model.rule:
        params = with_rule(params, model.rule)
    if model.n_exc and model.n_exc != params.n_exc:
        scale = "theta_plus" not in changes
        params = with_size(params, model.n_exc, scale)
        if scale:
            log.warning(
                "theta_plus is scaled to %s for %d neurons (0.05 mV at %d); --set theta_plus=... overrides; "
                "the inhibition is that published for 400, so results are a reconstruction",
                params.text("theta_plus"),
                model.n_exc,
                REFERENCE_N_EXC,
            )
    params = params.with_values({"order": model.order} | changes if model.order else changes)
    return Path(preset).stem if preset.endswith(".toml") else preset, params


def load_images(
    images: Images, split: str, progress: bool, default: str = "mnist", known: tuple[str, ...] | None = None
) -> Dataset:
    """Return the images for a phase; of the classes that are `known` where no others are asked for."""
    from ..data import datasets

    whole = data = datasets.load(images.dataset or default, split, data=images.folder, progress=progress)
    if images.classes:
        data = whole.only(*images.classes)
    elif known:
        data = whole.numbered_as(known)
        if len(data) < len(whole):
            shown = len(data), len(whole), datasets.shortened(known)
            log.info("%d of %d images are of the classes of this run: %s", *shown)
    return data.head(images.samples) if images.samples else data


def load_images_for(run: Run, phase: str, images: Images, progress: bool) -> Dataset:
    """Return the images for observe or test of a run."""
    from ..data.datasets import shortened

    known, split = run.classes(phase), "test" if phase == "test" else "train"
    if images.classes and known and set(images.classes) != set(known):
        raise DiehlCookError(
            f"--classes {','.join(images.classes)}: the classes of {run.folder} are {shortened(known)}, and "
            f"{phase} takes these; leave --classes out"
        )
    own = images.dataset in (None, run.dataset)
    return load_images(images, split, progress, run.dataset, known if own else None)


def folder_of(run: Path | None) -> Path:
    """Return a run directory that was named, or the newest one, which is then said."""
    from ..runs.collection import newest_run

    if run is not None:
        return run
    found = newest_run()
    log.info("the newest run: %s", found)
    return found


def folder_for(run: Path | None, name: str) -> Path:
    """Return a run directory that was named, or one called `name` in the folder of the runs."""
    from ..runs.collection import runs_folder

    return run or runs_folder() / name


def name_for(preset: str, model: ModelChoice, images: Images, seed: int) -> str:
    """Return the name of a new run, which says what it is."""
    from ..runs.collection import name_of

    return name_of(
        preset,
        f"{model.n_exc}n" if model.n_exc else "",
        model.rule or "",
        model.order or "",
        *model.changes,
        Path(images.dataset).stem if images.dataset else "",
        f"classes{'+'.join(images.classes)}" if images.classes else "",
        f"seed{seed}",
    )


def find_run(run: Path | None) -> Run:
    """Return the run in `folder_of`."""
    from ..runs.run import load_run

    return load_run(folder_of(run))


def provenance(run: Run) -> Facts:
    """Return where an imported network came from, as ``origin``; nothing of another."""
    from ..runs.exchange import origin

    words = origin(run)
    return {"origin": words} if words else {}


WORDS = {"train": output.trained, "observe": output.labelled, "test": output.tested}
"""What makes lines of text of the facts of a phase."""


def result_of(run: Run, phase: str) -> Result:
    """Return what a phase has to say."""
    facts = {"run": str(run.folder), "assumed": run.params.assumed, **run.facts[phase], **provenance(run)}
    return Result(facts, WORDS[phase](facts))


@contextlib.contextmanager
def phase(how: How, name: str, total: int) -> Iterator[dict[str, Any]]:
    """Give the options that all phases share, with interrupts and progress in place."""
    from ..progress import Interruption, shown

    with Interruption() as cancelled, shown(how.progress, name, total) as report:
        shared = {"engine": how.engine, "resume": how.resume, "force": how.force}
        yield {**shared, "progress": cancelled.beginning(report), "cancelled": cancelled}


def cores(how: How) -> int:
    """Return the number of processes to use."""
    from ..jobs import available_cores

    return how.jobs or available_cores()


def train(
    run: Path | None,
    model: ModelChoice,
    images: Images,
    how: How,
    epochs: int | None = None,
    seed: int | None = None,
    seeds: list[int] | None = None,
    snapshots: int | None = None,
) -> Result:
    """Run the phase train, for one network or for several seeds and rules."""
    if seeds or "," in (model.rule or ""):
        return train_several(run, model, images, how, epochs or 1, seed, seeds, snapshots)
    if how.jobs:
        raise DiehlCookError("--jobs is for several trainings at once: give --seeds, or a list of rules, too")
    return result_of(train_one(run, model, images, how, epochs, seed, snapshots), "train")


def train_one(
    run: Path | None,
    model: ModelChoice,
    images: Images,
    how: How,
    epochs: int | None,
    seed: int | None,
    snapshots: int | None = None,
) -> Run:
    """Train one network."""
    from ..phases import train
    from ..runs.exchange import check_can_go_on
    from ..runs.run import load_run

    preset, params = resolve_params(model)
    if run is None and how.resume and not model.is_given and seed is None:
        folder = folder_of(None)
    else:
        folder = folder_for(run, name_for(preset, model, images, seed or 0))
    known, equations = None, dict[str, Any]()
    if how.resume and not how.force and (folder / "run.json").exists():
        old = load_run(folder)  # what is not given again is as it was
        check_can_go_on(old)
        started = old.facts.get("train", {})
        if not model.is_given:
            preset = old.preset
            params = old.params.with_values({"order": model.order}) if model.order else old.params
        seed = old.seed if seed is None else seed
        epochs = epochs or started.get("epochs", 1)
        dataset, samples = images.dataset or old.dataset, images.samples or started.get("images")
        images = replace(images, dataset=dataset, samples=samples)
        known = old.classes("train") if dataset == old.dataset else None
        equations = {"excitatory": old.model.excitatory, "plasticity": old.model.plasticity}
    data, epochs = load_images(images, "train", how.progress, known=known), epochs or 1
    with phase(how, "train", len(data) * epochs) as options:
        return train.train(
            folder, data, params, preset=preset, seed=seed or 0, epochs=epochs, snapshots=snapshots,
            **equations, **options,
        )  # fmt: skip


def train_several(
    run: Path | None,
    model: ModelChoice,
    images: Images,
    how: How,
    epochs: int,
    seed: int | None,
    seeds: list[int] | None,
    snapshots: int | None,
) -> Result:
    """Train several seeds and rules."""
    from ..phases.train_many import Task, train_several

    if seed is not None and seeds:
        raise DiehlCookError("--seed and --seeds are both given; give one of them")
    rules, tasks = (model.rule or "").split(","), []
    if len(set(rules)) < len(rules) or (len(rules) > 1 and "" in rules):
        raise DiehlCookError(f"--rule {model.rule}: expected different rules, as in triplet,power-law")
    for rule in rules:
        one = replace(model, rule=rule)
        preset, params = resolve_params(one)
        for number in seeds or [seed or 0]:
            name = "-".join([*([rule] if len(rules) > 1 else []), f"seed-{number}"])
            folder = run / name if run else folder_for(None, name_for(preset, one, images, number))
            tasks.append(Task(folder, params, preset, number))
    data = load_images(images, "train", how.progress)
    with phase(how, "train", len(data) * epochs * len(tasks)) as options:
        runs = train_several(tasks, data, jobs=cores(how), epochs=epochs, snapshots=snapshots, **options)
    results = [result_of(one, "train") for one in runs]
    trained = [one.facts for one in results]
    facts = {"runs": trained, "health": [check for one in trained for check in one["health"]]}
    return Result(facts, (line for one in results for line in one.lines))


def observe(run: Path | None, images: Images, how: How) -> Result:
    """Run the phase observe."""
    from ..phases import observe

    one = find_run(run)
    one.trained()  # says now if it is not
    data = load_images_for(one, "observe", images, how.progress)
    if images.samples is None and len(data) > one.facts["train"].get("images", len(data)):
        log.info("labelling with all %s training images; --samples N takes fewer", f"{len(data):,}")
    with phase(how, "observe", len(data)) as options:
        observe.observe(one, data, jobs=cores(how), **options)
    return result_of(one, "observe")


def test(run: Path | None, images: Images, how: How, repeats: int = 1) -> Result:
    """Run the phase test."""
    from ..phases import test

    one = find_run(run)
    data = load_images_for(one, "test", images, how.progress)
    with phase(how, "test", len(data) * repeats) as options:
        test.test(one, data, repeats=repeats, jobs=cores(how), **options)
    return result_of(one, "test")


def plot(
    run: Path | None,
    folder: Path | None = None,
    format: str = "png",
    show: bool = False,
    follow: bool = False,
) -> Result:
    """Run the phase plot."""
    from ..phases import plot

    if follow and show:
        raise DiehlCookError("--follow and --show are both given; give one of them")
    if follow:
        paths = plot.follow(folder_of(run), data=folder, format=format)
    else:
        paths = plot.plot(find_run(run), data=folder, format=format, show=show)
    files = [str(path) for path in paths]
    return Result({"figures": files}, files)


def report(run: Path | None, folder: Path | None = None, out: Path | None = None) -> Result:
    """Write the page about a run, of a network or of a companion."""
    from ..runs.run import companion_of, load_run

    found = folder_of(run)
    if companion_of(found):
        from ..companions.common.report import report as report_of_companion

        path = report_of_companion(found, out)
    else:
        from ..phases.report import report as report_of_network

        path = report_of_network(load_run(found), out, data=folder)
    return Result({"run": str(found), "report": str(path)}, [str(path)])


def compare(runs: list[Path], folder: Path | None, out: Path | None) -> Result:
    """Compare several runs, and write the page about them."""
    from ..phases.compare import compare

    path = out or Path("compare.html")
    facts = {**compare(runs, path, data=folder), "page": str(path)}
    return Result(facts, [*output.side_by_side(facts), str(path)], warn=False)


def predict(
    run: Path | None,
    files: list[Path],
    readout: str | None = None,
    invert: bool = False,
    folder: Path | None = None,
    progress: bool = True,
) -> Result:
    """Classify pictures and files of arrays."""
    from ..analysis.readouts import PAPER
    from ..jobs import available_cores
    from ..phases.given import read_given
    from ..phases.predict import answer
    from ..progress import shown

    one = find_run(run)
    neurons, shape = one.assignments(), one.image_shape()
    images = read_given(files, shape, shape)
    with shown(progress, "predict", len(images.names)) as report:
        answers = answer(
            one, images, invert=invert, readout=readout or PAPER, data=folder,
            jobs=available_cores(), report=report,
        )  # fmt: skip
    pictures = list(output.pictures(answers, one.classes() or (), neurons))
    facts = {"run": str(one.folder), "readout": readout or PAPER, "pictures": pictures}
    return Result(facts, output.predicted(facts))


def readouts(run: Path | None, folder: Path | None) -> Result:
    """Compare the readouts of a run."""
    from ..analysis.ladder import ladder

    one = find_run(run)
    facts = {"run": str(one.folder), **ladder(one, data=folder)}
    return Result(facts, output.compared(facts))


def found_mnist() -> bool:
    """Return whether MNIST is where it is looked for; what is wrong there does not matter to those who can do without."""
    from ..data import mnist

    try:
        return mnist.find_mnist() is not None
    except DiehlCookError:
        return False


def judge(folder: Path, reference: str | None, data: Path | None) -> Result:
    """Compare what another program's network did with what seeds of ours do."""
    from ..analysis import yardstick
    from ..data import datasets

    made = yardstick.read_made(folder)
    n_exc, images = yardstick.size_of(made)
    if reference is None:
        found = yardstick.find_reference(n_exc, images)
    else:
        found = yardstick.named_reference(reference)
        yardstick.check_size(made, found)
    yardstick.check_data(made)
    if made.counts is not None and made.labels is None and (data or found_mnist()):
        labels = datasets.load("mnist", "train", data=data).labels
        if len(made.counts) <= len(labels):
            made = made._replace(labels=labels[:images])
    verdicts = yardstick.judge(made, found)
    facts = {
        "folder": str(folder), "reference": found.name, "seeds": found.seeds,
        "verdicts": yardstick.as_facts(verdicts), "alike": all(one.alike for one in verdicts),
    }  # fmt: skip
    return Result(facts, output.judged(facts, verdicts), warn=False)


def doctor(run: Path | None) -> Result:
    """Examine a run."""
    from ..analysis import health
    from ..analysis.history import examine_run

    one = find_run(run)
    facts = {"run": str(one.folder), "health": health.as_facts(examine_run(one)), **provenance(one)}
    return Result(facts, output.examined(facts), warn=False)


def demo(run: Path | None, how: How, seed: int | None) -> Result:
    """Run all phases on the embedded digits."""
    folder, digits = folder_for(run, "demo"), Images("digits")
    trained = train_one(folder, ModelChoice(DEMO_PRESET), digits, how, DEMO_EPOCHS, seed)
    judged = [result_of(trained, "train"), observe(folder, digits, how), test(folder, digits, how)]
    health = [check for one in judged for check in one.facts["health"]]
    tested, drawn, page = judged[-1], plot(folder), report(folder)
    facts = tested.facts | drawn.facts | page.facts | {"health": health}
    return Result(facts, [*tested.lines, *drawn.lines, *page.lines])


def networks(name: str | None, run: Path | None, force: bool) -> Result:
    """List the trained networks that come with the package, or make a run directory of one."""
    from ..runs.shipped import CARD, TRAINED, load_shipped, shipped_names, unpack

    if name:
        folder = str(unpack(name, folder_for(run, name), force=force).folder)
        go_on, card = pasteable("test", "--run", folder), str(TRAINED / name / CARD)
        told = [
            f"a run of it is in {folder}; go on with {go_on}",
            f"where it is from and what it can do: {card}",
        ]
        return Result({"unpacked": folder, "card": card}, told)
    if run or force:
        raise UsageError("--run and --force are for a run of a network: name one, such as best-triplet-400")
    facts: Facts = {"networks": {}}
    for known in shipped_names():
        one = load_shipped(known)
        trained = {key: one.facts["train"][key] for key in ("images", "epochs")}
        made = {"preset": one.preset, "seed": one.seed, "trained": trained}
        facts["networks"][known] = made | one.facts["shipped"]
    return Result(facts, output.networks(facts))


def import_network(
    source: Path,
    run: Path | None,
    format: str,
    files: Files,
    model: ModelChoice,
    seed: int | None,
    dataset: str | None,
    force: bool,
) -> Result:
    """Make a run directory of a trained network from elsewhere."""
    from ..runs.exchange import import_run
    from ..runs.formats import format_of

    preset, params = resolve_params(replace(model, preset=model.preset or format_of(format).preset))
    one = import_run(
        folder_for(run, "imported"), source, format, theta=files.theta, labels=files.labels, params=params,
        preset=preset, seed=seed or 0, dataset=dataset or "mnist", n_classes=files.n_classes, force=force,
    )  # fmt: skip
    facts = {"run": str(one.folder), "preset": preset, "seed": one.seed, "n_exc": one.params.n_exc}
    facts |= {"assumed": one.params.assumed, "labels": one.facts.get("observe"), **one.facts["train"]}
    return Result(facts | provenance(one), output.imported(facts | provenance(one)))


def export_network(run: Path | None, folder: Path, format: str, force: bool) -> Result:
    """Write a trained network as the files of others."""
    from ..runs.exchange import export_run

    one = find_run(run)
    files = [str(path) for path in export_run(one, folder, format, force=force)]
    return Result({"run": str(one.folder), "format": format, "files": files}, files)


def params(run: Path | None, model: ModelChoice, diff: tuple[str, str] | None) -> Result:
    """Print the resolved parameters, or what differs between two presets."""
    from ..model.params import load_preset
    from ..runs.run import load_run

    if (diff or run) and (model.is_given or (diff and run)):
        raise UsageError("--diff, --run and the options of a model exclude each other; give one of them")
    if diff:
        with what_was_typed():
            first, second = map(load_preset, diff)
        pairs = first.differences(second)
        facts = {name: dict(zip(diff, pair, strict=True)) for name, pair in pairs.items()}
        return Result(facts, output.differences(list(diff), first, second))
    if run:
        one = load_run(run)
        found, lines = one.params, output.from_elsewhere(provenance(one))
    else:
        found, lines = resolve_params(model)[1], iter(())
    return Result(dict(found.as_texts()), [*output.constants(found), *lines])


def companion(module: Any, args: argparse.Namespace) -> Result:
    """Run a companion, or print its parameters; `module` is its command."""
    with what_was_typed():
        changes = settings(args.set)
        constants = module.resolve(args, changes)
    if args.params:
        return Result(dict(constants.as_texts()), output.constants(constants))
    try:
        facts: Facts = module.run(args, changes)
    except ModuleNotFoundError as error:
        if error.name != "numba":
            raise
        raise DiehlCookError(f"companions need Numba ({error}): pip install numba") from None
    return Result(facts, module.sentences(facts))


def runs(folder: Path | None) -> Result:
    """List the runs in a folder."""
    from ..analysis.overview import list_runs
    from ..runs.collection import runs_folder

    found = list_runs(folder)
    facts = [one._asdict() | {"folder": str(one.folder)} for one in found]
    return Result({"runs": facts}, output.listed(found, folder or runs_folder()), warn=False)


def presets() -> Result:
    """List the presets."""
    from ..model.params import load_preset, preset_names, preset_says

    facts: Facts = {}
    for name in preset_names():
        params = load_preset(name)
        facts[name] = {
            "n_exc": params.n_exc, "rule": params.rule, "order": params.order, "assumed": params.assumed,
            "says": preset_says(name),
        }  # fmt: skip
    return Result(facts, output.presets(facts), warn=False)


def completion(shell: str, parser: argparse.ArgumentParser) -> Result:
    """Print a script that makes a shell complete the command ``diehlcook``."""
    import shtab

    parser.prog = "diehlcook"
    script: str = shtab.complete(parser, shell)
    return Result({"shell": shell, "script": script}, script.splitlines())


def cache(clear: bool) -> Result:
    """List the compiled programs that are kept, or delete them."""
    from .. import cache as caches

    found = caches.clear() if clear else list(caches.kept())
    facts = [{"path": str(one.path), "bytes": one.size, "used": round(one.used)} for one in found]
    return Result({"deleted" if clear else "kept": facts}, output.kept(facts, clear))


def data(folder: Path | None, progress: bool) -> Result:
    """Find or fetch MNIST and verify it."""
    from ..data import mnist

    named = folder or (Path(os.environ["DIEHLCOOK_MNIST"]) if os.environ.get("DIEHLCOOK_MNIST") else None)
    found = mnist.fetch_mnist(named, progress=progress)  # fetches only what is missing or damaged
    checks = mnist.verify_mnist(found)
    bad = [check for check in checks if not check.ok]
    if bad:
        raise DiehlCookError(f"{found}: {bad[0].name}: {bad[0].problem}")
    facts = {"folder": str(found), "verified": [check.name for check in checks]}
    lines = [f"MNIST in {found}: {len(checks)} files verified"]
    if folder is not None:  # nothing remembers it
        export = f"export DIEHLCOOK_MNIST={shlex.quote(str(found.resolve()))}"
        lines.append(f"  other commands find it with --data, or after: {export}")
    return Result(facts, lines)
