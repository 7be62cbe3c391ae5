"""The commands: the options of `parser` in, a result out. They load what they need when they are called, so that ``--help`` stays quick."""

from __future__ import annotations

import contextlib
import logging
import os
from argparse import Namespace
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import DiehlCookError
from . import output
from .output import Facts

if TYPE_CHECKING:
    from ..data.datasets import Dataset
    from ..model.params import Params
    from ..runs.run import Run

log = logging.getLogger(__name__)

RUNS = Path("data/runs")

DEMO_PRESET = "paper-triplet-100"
DEMO_EPOCHS = 12
"""Chosen on the training digits: 1,027 to learn from, the other 260 (two other forms) to choose by."""


class Result(NamedTuple):
    """What a command has to say: to machines, and to people."""

    facts: Facts
    lines: Iterable[str]
    warn: bool = True
    """Whether findings of the health check are logged, too."""


def settings(changes: Iterable[str]) -> dict[str, str]:
    """Return what texts ``"name=value"`` ask for."""
    found: dict[str, str] = {}
    for text in changes:
        name, equals, value = text.partition("=")
        if not equals:
            raise DiehlCookError(f"--set {text!r}: expected NAME=VALUE, e.g. --set 'tau_mem_exc=80 ms'")
        found[name.strip()] = value.strip()
    return found


def resolve_params(args: Namespace, rule: str | None) -> tuple[str, Params]:
    """Return the name of the preset and the parameters that were chosen, with this learning rule if any."""
    from ..model.params import DEFAULT_PRESET, REFERENCE_N_EXC, load_preset, with_rule, with_size

    preset = args.preset or DEFAULT_PRESET
    params = load_preset(preset)
    changes = settings(args.set)
    if rule:
        params = with_rule(params, rule)
    if args.n_exc and args.n_exc != params.n_exc:
        scale = "theta_plus" not in changes
        params = with_size(params, args.n_exc, scale)
        if scale:
            log.warning(
                "theta_plus is scaled to %s for %d neurons (0.05 mV at %d); --set theta_plus=... overrides; "
                "the inhibition is that published for 400, so results are a reconstruction",
                params.text("theta_plus"),
                args.n_exc,
                REFERENCE_N_EXC,
            )
    params = params.with_values({"order": args.order} | changes if args.order else changes)
    return Path(preset).stem if preset.endswith(".toml") else preset, params


def load_images(args: Namespace, split: str, default: str = "mnist") -> Dataset:
    """Return the images for a phase."""
    from ..data import datasets

    data = datasets.load(args.dataset or default, split, data=args.data, progress=not args.quiet)
    return data.head(args.samples) if args.samples else data


def folder_of(args: Namespace) -> Path:
    """Return the run directory that was named, or the default one."""
    from ..model.params import DEFAULT_PRESET

    return args.run or RUNS / DEFAULT_PRESET


def find_run(args: Namespace) -> Run:
    """Return the run in `folder_of`."""
    from ..runs.run import load_run

    return load_run(folder_of(args))


WORDS = {"train": output.trained, "observe": output.labelled, "test": output.tested}
"""What makes lines of text of the facts of a phase."""


def result_of(run: Run, phase: str) -> Result:
    """Return what a phase has to say."""
    facts = {"run": str(run.folder), "assumed": run.params.assumed, **run.facts[phase]}
    return Result(facts, WORDS[phase](facts))


@contextlib.contextmanager
def phase(args: Namespace, name: str, total: int) -> Iterator[dict[str, Any]]:
    """Give the options that all phases share, with interrupts and progress in place."""
    from ..progress import Interruption, progress_report

    with Interruption() as cancelled, progress_report(name, total, enabled=not args.quiet) as report:
        shared = {"engine": args.engine, "resume": args.resume, "force": args.force}
        yield {**shared, "report": report, "cancelled": cancelled}


def cores(args: Namespace) -> int:
    """Return the number of processes to use."""
    from ..jobs import available_cores

    return args.jobs or available_cores()


def train(args: Namespace) -> Result:
    """Run the phase train, for one network or for several seeds and rules."""
    if args.seeds or "," in (args.rule or ""):
        return train_several(args)
    if args.jobs:
        raise DiehlCookError("--jobs is for several trainings at once: give --seeds, or a list of rules, too")
    return result_of(train_one(args), "train")


def train_one(args: Namespace) -> Run:
    """Train one network."""
    from ..phases import train
    from ..runs.run import load_run

    preset, params = resolve_params(args, args.rule)
    folder, seed = args.run or RUNS / preset, args.seed
    if args.resume and not args.force and (folder / "run.json").exists():
        old = load_run(folder)  # what is not given again is as it was
        started = old.facts.get("train", {})
        if not (args.preset or args.set or args.n_exc or args.rule):
            preset = old.preset
            params = old.params.with_values({"order": args.order}) if args.order else old.params
        seed = old.seed if seed is None else seed
        args.epochs = args.epochs or started.get("epochs")
        args.dataset = args.dataset or old.dataset
        args.samples = args.samples or started.get("images")
    data, epochs = load_images(args, "train"), args.epochs or 1
    with phase(args, "train", len(data) * epochs) as options:
        return train.train(folder, data, params, preset=preset, seed=seed or 0, epochs=epochs, **options)


def train_several(args: Namespace) -> Result:
    """Train several seeds and rules."""
    from ..phases.train_many import Task, train_several

    if args.seed is not None and args.seeds:
        raise DiehlCookError("--seed and --seeds are both given; give one of them")
    rules, tasks = (args.rule or "").split(","), []
    for rule in rules:
        preset, params = resolve_params(args, rule)
        for number in args.seeds or [args.seed or 0]:
            name = "-".join([*([rule] if len(rules) > 1 else []), f"seed-{number}"])
            tasks.append(Task((args.run or RUNS / preset) / name, params, preset, number))
    data, epochs = load_images(args, "train"), args.epochs or 1
    with phase(args, "train", len(data) * epochs * len(tasks)) as options:
        runs = train_several(tasks, data, jobs=cores(args), epochs=epochs, **options)
    results = [result_of(one, "train") for one in runs]
    trained = [one.facts for one in results]
    facts = {"runs": trained, "health": [check for one in trained for check in one["health"]]}
    return Result(facts, (line for one in results for line in one.lines))


def observe(args: Namespace) -> Result:
    """Run the phase observe."""
    from ..phases import observe

    run = find_run(args)
    data = load_images(args, "train", run.dataset)
    with phase(args, "observe", len(data)) as options:
        observe.observe(run, data, jobs=cores(args), **options)
    return result_of(run, "observe")


def test(args: Namespace) -> Result:
    """Run the phase test."""
    from ..phases import test

    run = find_run(args)
    data = load_images(args, "test", run.dataset)
    with phase(args, "test", len(data) * args.repeats) as options:
        test.test(run, data, repeats=args.repeats, jobs=cores(args), **options)
    return result_of(run, "test")


def plot(args: Namespace) -> Result:
    """Run the phase plot."""
    from ..phases import plot

    if args.follow and args.show:
        raise DiehlCookError("--follow and --show are both given; give one of them")
    if args.follow:
        paths = plot.follow(folder_of(args), data=args.data, format=args.format)
    else:
        paths = plot.plot(find_run(args), data=args.data, format=args.format, show=args.show)
    files = [str(path) for path in paths]
    return Result({"figures": files}, files)


def report(args: Namespace) -> Result:
    """Write the page about a run."""
    from ..phases import report

    run = find_run(args)
    path = report.report(run, args.out or run.folder / "report.html", data=args.data)
    return Result({"run": str(run.folder), "report": str(path)}, [str(path)])


def readouts(args: Namespace) -> Result:
    """Compare the readouts of a run."""
    from ..analysis.ladder import ladder

    run = find_run(args)
    facts = {"run": str(run.folder), **ladder(run, data=args.data)}
    return Result(facts, output.compared(facts))


def doctor(args: Namespace) -> Result:
    """Examine a run."""
    from ..analysis import health
    from ..analysis.history import examine_run

    run = find_run(args)
    facts = {"run": str(run.folder), "health": health.as_facts(examine_run(run))}
    return Result(facts, output.examined(facts), warn=False)


def demo(args: Namespace) -> Result:
    """Run all phases on the embedded digits."""
    args.run, args.dataset = args.run or RUNS / "demo", "digits"
    args.preset, args.epochs = DEMO_PRESET, DEMO_EPOCHS
    judged = [result_of(train_one(args), "train"), observe(args), test(args)]
    health = [check for one in judged for check in one.facts["health"]]
    tested, drawn, page = judged[-1], plot(args), report(args)
    facts = tested.facts | drawn.facts | page.facts | {"health": health}
    return Result(facts, [*tested.lines, *drawn.lines, *page.lines])


def networks(args: Namespace) -> Result:
    """List the trained networks that come with the package, or make a run directory of one."""
    from ..runs.shipped import load_shipped, shipped_names, unpack

    if args.name:
        folder = str(unpack(args.name, args.run or RUNS / args.name, force=args.force).folder)
        return Result({"unpacked": folder}, [f"a run of it is in {folder}; go on with --run {folder}"])
    facts: Facts = {"networks": {}}
    for known in shipped_names():
        one = load_shipped(known)
        trained = {key: one.facts["train"][key] for key in ("images", "epochs")}
        made = {"preset": one.preset, "seed": one.seed, "trained": trained}
        facts["networks"][known] = made | one.facts["shipped"]
    return Result(facts, output.networks(facts))


def params(args: Namespace) -> Result:
    """Print the resolved parameters, or what differs between two presets."""
    from ..model.params import load_preset
    from ..runs.run import load_run

    if args.diff:
        first, second = map(load_preset, args.diff)
        pairs = first.differences(second)
        facts = {name: dict(zip(args.diff, pair, strict=True)) for name, pair in pairs.items()}
        return Result(facts, output.differences(args.diff, first, second))
    found = load_run(args.run).params if args.run else resolve_params(args, args.rule)[1]
    return Result(dict(found.as_texts()), output.constants(found))


def companion(module: Any, args: Namespace) -> Result:
    """Run a companion, or print its parameters; `module` is its command."""
    changes = settings(args.set)
    if args.params:
        constants = module.resolve(args, changes)
        return Result(dict(constants.as_texts()), output.constants(constants))
    try:
        facts: Facts = module.run(args, changes)
    except ModuleNotFoundError as error:
        if error.name != "numba":
            raise
        raise DiehlCookError(f"companions need Numba ({error}): pip install numba") from None
    return Result(facts, module.sentences(facts))


def data(args: Namespace) -> Result:
    """Find or fetch MNIST and verify it."""
    from ..data import mnist

    variable = os.environ.get("DIEHLCOOK_MNIST")
    named = args.data or (Path(variable) if variable else None)
    found = mnist.fetch_mnist(named, progress=not args.quiet)  # fetches only what is missing or damaged
    checks = mnist.verify_mnist(found)
    bad = [check for check in checks if not check.ok]
    if bad:
        raise DiehlCookError(f"{found}: {bad[0].name}: {bad[0].problem}")
    facts = {"folder": str(found), "verified": [check.name for check in checks]}
    return Result(facts, [f"MNIST in {found}: {len(checks)} files verified"])
