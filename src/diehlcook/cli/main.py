"""Command line: ``python -m diehlcook train|observe|test|plot|doctor|report|readouts|demo|networks|params|data|companion``.

Results go to stdout, progress and log to stderr. Exit codes: 0 done, 1 failed, 2 usage, 3 health check failed under
``--strict``, 130 interrupted after a saved checkpoint.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import logging
import os
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..arguments import natural, positive, seeds
from ..companions import COMPANIONS
from ..errors import DiehlCookError
from ..model.rules import RULES

if TYPE_CHECKING:
    from ..analysis.health import Check
    from ..data.datasets import Dataset
    from ..model.constants import Constants
    from ..model.params import Params
    from ..runs.run import Run

EXIT_FAILED, EXIT_UNHEALTHY, EXIT_INTERRUPTED = 1, 3, 130

DEMO_PRESET = "paper-triplet-100"
DEMO_EPOCHS = 12
"""Chosen on the training digits: 1,027 to learn from, the other 260 (two other forms) to choose by."""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="python -m diehlcook",
        description="Diehl & Cook (2015) in Brian2: train a spiking network on digits, label its neurons, test and plot it.",
        epilog="Chain of commands for MNIST, with the defaults: train, observe, test, plot. A first look: demo.",
    )
    parser.add_argument("--version", action="version", version=f"diehlcook {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    says = argparse.ArgumentParser(add_help=False)
    says.add_argument("-v", "--verbose", action="store_true", help="log more; tracebacks of errors")
    says.add_argument("-q", "--quiet", action="store_true", help="no progress, only warnings and results")
    says.add_argument("--json", action="store_true", help="results as JSON on stdout")

    where = argparse.ArgumentParser(add_help=False)
    where.add_argument(
        "--run",
        type=Path,
        metavar="DIR",
        help="run directory (default of train: data/runs/<preset>; of demo: data/runs/demo; else data/runs/paper-triplet-400)",
    )

    model = argparse.ArgumentParser(add_help=False)
    model.add_argument(
        "--preset", metavar="NAME|FILE.toml", help="parameters to start from (default: paper-triplet-400)"
    )
    model.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="change a parameter, e.g. --set 'tau_mem_exc=80 ms'; repeatable",
    )
    model.add_argument(
        "--n-exc",
        type=positive,
        metavar="N",
        help="excitatory neurons; theta_plus is scaled with N unless set",
    )
    model.add_argument(
        "--rule",
        metavar="NAME",
        help=f"learning rule, with the constants it needs: {', '.join(RULES)}",
    )
    model.add_argument(
        "--order",
        metavar="NAME",
        help="order of the training images: file, the same in every pass, or shuffled, anew in every pass (default: the preset's)",
    )

    source = argparse.ArgumentParser(add_help=False)
    source.add_argument(
        "--dataset",
        metavar="NAME|DIR|FILE.npz",
        help="mnist, digits (embedded), a folder of IDX files, or an .npz file (default: mnist; later phases: that of the training)",
    )
    source.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="folder of the MNIST files (default: $DIEHLCOOK_MNIST, the user cache, or a download)",
    )
    source.add_argument("--samples", type=positive, metavar="N", help="use the first N images (default: all)")

    how = argparse.ArgumentParser(add_help=False)
    how.add_argument(
        "--engine",
        choices=("standalone", "runtime", "fused"),
        default="standalone",
        help="standalone: compiled C++ (default); runtime: Brian2 in this process; fused: a Numba kernel, the fastest",
    )
    how.add_argument("--resume", action="store_true", help="continue an interrupted phase")
    how.add_argument("--force", action="store_true", help="replace what is there")
    how.add_argument("--strict", action="store_true", help="exit 3 if the health check finds something")

    several = argparse.ArgumentParser(add_help=False)
    several.add_argument(
        "--jobs",
        type=positive,
        metavar="J",
        help="processes (default: all cores); the result does not depend on it",
    )

    def command(name: str, text: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text, parents=[*parents, says])

    one = command("train", "learn from unlabelled images", where, model, source, how)
    one.add_argument(
        "--epochs",
        type=positive,
        metavar="E",
        help="passes over the images (default: 1); with --resume, more than before go on from where the training ended",
    )
    one.add_argument(
        "--seed",
        type=natural,
        metavar="S",
        help="seed of weights, delays and input spikes (default: 0)",
    )
    one.add_argument(
        "--seeds",
        type=seeds,
        metavar="A-B",
        help="train several networks at once, as many as --jobs, each into DIR/seed-<k>; --rule may be a list, too",
    )
    one.add_argument(
        "--jobs", type=positive, metavar="J", help="trainings at once, one core each (default: all cores)"
    )
    command("observe", "label the neurons by their responses to training images", where, source, how, several)
    one = command("test", "classify test images and report the accuracy", where, source, how, several)
    one.add_argument(
        "--repeats",
        type=positive,
        default=1,
        metavar="K",
        help="present the whole test set K times (paper: 10)",
    )
    one = command("plot", "draw the figures of a run", where)
    one.add_argument(
        "--data", type=Path, metavar="DIR", help="folder of the MNIST files, for the misclassified digits"
    )
    one.add_argument(
        "--format", choices=("png", "pdf", "svg"), default="png", help="file format (default: png)"
    )
    one.add_argument("--show", action="store_true", help="open the files as well")
    one.add_argument(
        "--follow",
        action="store_true",
        help="draw a training that is running again and again, until it is finished",
    )
    one = command(
        "report", "write one page (HTML) about a run: facts, health, receptive fields, figures", where
    )
    one.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="folder of the MNIST files, for the images that excite a neuron most",
    )
    one.add_argument(
        "--out", type=Path, metavar="FILE", help="file to write (default: report.html in the run)"
    )
    one = command(
        "readouts", "compare ways to read the spikes of a labelled and tested run, without simulating", where
    )
    one.add_argument(
        "--data", type=Path, metavar="DIR", help="folder of the MNIST files, for the labels of the images"
    )
    one = command("doctor", "examine a run: is the network alive, competing, learning?", where)
    one.add_argument("--strict", action="store_true", help="exit 3 if something is found")
    one = command(
        "demo",
        "train, observe, test, plot and report 100 neurons on the embedded digits, a few minutes",
        where,
        how,
        several,
    )
    one.add_argument("--seed", type=natural, metavar="S", help="seed (default: 0)")
    one = command("networks", "list the trained networks that come with the package, or make a run of one")
    one.add_argument("name", nargs="?", metavar="NAME", help="network to make a run of")
    one.add_argument(
        "--run", type=Path, metavar="DIR", help="run directory to make (default: data/runs/NAME)"
    )
    one.add_argument("--force", action="store_true", help="replace what is there")
    one = command("params", "print the parameters with units, meaning and source", model)
    one.add_argument("--run", type=Path, metavar="DIR", help="those of a run instead")
    one.add_argument(
        "--diff", nargs=2, metavar=("A", "B"), help="only what differs between two presets, side by side"
    )
    one = commands.add_parser(
        "companion",
        help="run a sibling system",
        description="run a sibling system; docs/companions describes them",
    )
    siblings = one.add_subparsers(dest="companion", required=True, metavar="NAME", help="one of them")
    for name, text in COMPANIONS.items():
        one = siblings.add_parser(name, help=text, description=text, parents=[says])
        one.add_argument(
            "--run", type=Path, metavar="DIR", help=f"folder of the results (default: data/runs/{name})"
        )
        one.add_argument("--seed", type=natural, metavar="S", help="seed (default: 0)")
        one.add_argument(
            "--set", action="append", default=[], metavar="NAME=VALUE", help="change a parameter; repeatable"
        )
        one.add_argument(
            "--params", action="store_true", help="print the parameters with sources, run nothing"
        )
        one.add_argument("--force", action="store_true", help="replace what is there")
        companion_module(name).add_arguments(one)
    one = command("data", "find or download MNIST and verify it")
    one.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="folder to look in or to fill (default: $DIEHLCOOK_MNIST or the user cache)",
    )
    return parser


def companion_module(name: str) -> Any:
    """Return the module with the command of a companion."""
    return importlib.import_module(f"diehlcook.companions.{name}.command")


def settings(args: argparse.Namespace) -> dict[str, str]:
    """Return what --set asks for."""
    changes: dict[str, str] = {}
    for text in args.set:
        name, equals, value = text.partition("=")
        if not equals:
            raise DiehlCookError(f"--set {text!r}: expected NAME=VALUE, e.g. --set 'tau_mem_exc=80 ms'")
        changes[name.strip()] = value.strip()
    return changes


def resolve_params(args: argparse.Namespace) -> tuple[str, Params]:
    """Return preset name and parameters for --preset, --rule, --n-exc and --set."""
    from ..model.params import DEFAULT_PRESET, REFERENCE_N_EXC, load_preset, with_rule, with_size

    preset = args.preset or DEFAULT_PRESET
    params = load_preset(preset)
    changes = settings(args)
    if args.rule:
        params = with_rule(params, args.rule)
    if args.n_exc and args.n_exc != params.n_exc:
        scale = "theta_plus" not in changes
        params = with_size(params, args.n_exc, scale)
        if scale:
            logging.getLogger(__name__).warning(
                "theta_plus is scaled to %s for %d neurons (0.05 mV at %d); --set theta_plus=... overrides; "
                "the inhibition is that published for 400, so results are a reconstruction",
                params.text("theta_plus"),
                args.n_exc,
                REFERENCE_N_EXC,
            )
    params = params.with_values({"order": args.order} | changes if args.order else changes)
    return Path(preset).stem if preset.endswith(".toml") else preset, params


def load_data(args: argparse.Namespace, split: str, default: str = "mnist") -> Dataset:
    """Return the images for a phase."""
    from ..data import datasets

    data = datasets.load(args.dataset or default, split, data=args.data, progress=not args.quiet)
    return data.head(args.samples) if args.samples else data


def train_command(args: argparse.Namespace) -> dict[str, Any]:
    """Run the phase train."""
    from ..phases.train import train
    from ..progress import Interruption, progress_report
    from ..runs.run import load_run

    if args.seeds or "," in (args.rule or ""):
        return train_several_command(args)
    if args.command == "train" and args.jobs:
        raise DiehlCookError("--jobs is for several trainings at once: give --seeds, or a list of rules, too")
    preset, params = resolve_params(args)
    folder = args.run or Path("data/runs") / preset
    seed, epochs = args.seed or 0, args.epochs or 1
    if (
        args.resume and not args.force and (folder / "run.json").exists()
    ):  # what is not given again is as it was
        old = load_run(folder)
        started = old.facts.get("train", {})
        if not (args.preset or args.set or args.n_exc or args.rule):
            preset = old.preset
            params = old.params.with_values({"order": args.order}) if args.order else old.params
        seed = old.seed if args.seed is None else args.seed
        epochs = args.epochs or started.get("epochs", 1)
        args.dataset, args.samples = args.dataset or old.dataset, args.samples or started.get("images")
    data = load_data(args, "train")
    total = len(data) * epochs
    with Interruption() as cancelled, progress_report("train", total, enabled=not args.quiet) as report:
        run = train(
            folder, data, params, preset=preset, seed=seed, epochs=epochs, engine=args.engine,
            resume=args.resume, force=args.force, report=report, cancelled=cancelled,
        )  # fmt: skip
    return result(run, "train")


def train_several_command(args: argparse.Namespace) -> dict[str, Any]:
    """Run the phase train for several seeds and rules."""
    from ..phases.responses import available_cores
    from ..phases.train_many import Task, train_several
    from ..progress import Interruption, progress_report

    if args.seed is not None and args.seeds:
        raise DiehlCookError("--seed and --seeds are both given; give one of them")
    rules, tasks = (args.rule or "").split(","), []
    for rule in rules:
        preset, params = resolve_params(argparse.Namespace(**vars(args) | {"rule": rule}))
        base = args.run or Path("data/runs") / preset
        for seed in args.seeds or [args.seed or 0]:
            folder = base / "-".join([*([rule] if len(rules) > 1 else []), f"seed-{seed}"])
            tasks.append(Task(folder, params, preset, seed))
    data, epochs = load_data(args, "train"), args.epochs or 1
    total = len(data) * epochs * len(tasks)
    with Interruption() as cancelled, progress_report("train", total, enabled=not args.quiet) as report:
        runs = train_several(
            tasks, data, jobs=args.jobs or available_cores(), epochs=epochs, engine=args.engine,
            resume=args.resume, force=args.force, report=report, cancelled=cancelled,
        )  # fmt: skip
    trained = [result(run, "train") for run in runs]
    return {"runs": trained, "health": [check for facts in trained for check in facts["health"]]}


def observe_command(args: argparse.Namespace) -> dict[str, Any]:
    """Run the phase observe."""
    from ..phases.observe import observe

    run = find_run(args)
    data = load_data(args, "train", run.dataset)
    with phase(args, "observe", len(data)) as options:
        observe(run, data, **options)
    return result(run, "observe")


def test_command(args: argparse.Namespace) -> dict[str, Any]:
    """Run the phase test."""
    from ..phases.test import test

    run = find_run(args)
    data = load_data(args, "test", run.dataset)
    with phase(args, "test", len(data) * args.repeats) as options:
        test(run, data, repeats=args.repeats, **options)
    return result(run, "test")


@contextlib.contextmanager
def phase(args: argparse.Namespace, name: str, total: int) -> Any:
    """Give the options that observe and test share, with interrupts and progress in place."""
    from ..phases.responses import available_cores
    from ..progress import Interruption, progress_report

    with Interruption() as cancelled, progress_report(name, total, enabled=not args.quiet) as report:
        yield {
            "engine": args.engine,
            "jobs": args.jobs or available_cores(),
            "resume": args.resume,
            "force": args.force,
            "report": report,
            "cancelled": cancelled,
        }


def find_folder(args: argparse.Namespace) -> Path:
    """Return the run directory named by --run, or the default one."""
    from ..model.params import DEFAULT_PRESET

    return args.run or Path("data/runs") / DEFAULT_PRESET


def find_run(args: argparse.Namespace) -> Run:
    """Return the run in `find_folder`."""
    from ..runs.run import load_run

    return load_run(find_folder(args))


def plot_command(args: argparse.Namespace) -> dict[str, Any]:
    """Run the phase plot."""
    from ..phases.plot import follow, plot

    if args.follow:
        if args.show:
            raise DiehlCookError("--follow and --show are both given; give one of them")
        paths = follow(
            find_folder(args), test_data=lambda run: data_of(run, "test", args.data), format=args.format
        )
        return {"figures": [str(path) for path in paths]}
    run = find_run(args)
    test_data = data_of(run, "test", args.data)
    paths = plot(run, test_data=test_data, format=args.format, show=args.show)
    return {"figures": [str(path) for path in paths]}


def data_of(run: Run, phase: str, folder: Path | None) -> Callable[[], Dataset] | None:
    """Return what loads the images of a finished phase, observe or test; None if it is not finished."""
    from ..runs.provenance import images_of

    return partial(images_of, run, phase, folder) if phase in run.facts else None


def report_command(args: argparse.Namespace) -> dict[str, Any]:
    """Write the page about a run."""
    from ..phases.report import report

    run = find_run(args)
    path = report(
        run,
        args.out or run.folder / "report.html",
        train_data=data_of(run, "observe", args.data),
        test_data=data_of(run, "test", args.data),
    )
    return {"run": str(run.folder), "report": str(path)}


def readouts_command(args: argparse.Namespace) -> dict[str, Any]:
    """Compare the readouts of a run."""
    from ..analysis.ladder import ladder

    run = find_run(args)
    return {"run": str(run.folder), **ladder(run, data=args.data)}


def say_readouts(facts: dict[str, Any]) -> None:
    """Print the readouts of a run, a line each, in the order of their names."""
    say(
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
    say_table(rows)
    shown = " in the first of them" if facts["repeats"] > 1 else ""
    say(
        f"against assignment: images that only this readout has right{shown}, and that only assignment has; p: exact McNemar test"
    )


def doctor_command(args: argparse.Namespace) -> dict[str, Any]:
    """Examine a run."""
    from ..analysis import health
    from ..phases.doctor import examine_run

    run = find_run(args)
    return {"run": str(run.folder), "health": health.as_facts(examine_run(run))}


def say_examination(facts: dict[str, Any]) -> None:
    """Print every check, then what was found."""
    from ..analysis import health

    checks, findings = health.from_facts(facts["health"]), findings_of(facts)
    if not checks:
        say(f"{facts['run']}: too early to tell, after so few images")
        return
    say_table((("ok" if check.ok else "!!"), check.name, check.measured) for check in checks)
    for check in findings:
        say("")
        say(f"{check.finding}: {check.measured}")
        say(f"  normal: {check.normal}")
        say(f"  likely: {check.causes}")
        say(f"  change: {check.change}")
    if not findings:
        say(f"{facts['run']} is healthy: nothing found in {len(checks)} checks")


def demo_command(args: argparse.Namespace) -> dict[str, Any]:
    """Run all phases on the embedded digits."""
    folder = args.run or Path("data/runs/demo")
    phase_args = {"run": folder, "dataset": "digits", "data": None, "samples": None}
    model: dict[str, Any] = {
        "preset": DEMO_PRESET,
        "set": [],
        "n_exc": None,
        "rule": None,
        "order": None,
        "seeds": None,
    }
    trained = train_command(argparse.Namespace(**vars(args) | phase_args | model | {"epochs": DEMO_EPOCHS}))
    observed = observe_command(argparse.Namespace(**vars(args) | phase_args))
    tested = test_command(argparse.Namespace(**vars(args) | phase_args | {"repeats": 1}))
    how = {"format": "png", "show": False, "follow": False, "out": None}
    plots = plot_command(argparse.Namespace(**vars(args) | phase_args | how))
    page = report_command(argparse.Namespace(**vars(args) | phase_args | how))
    checks = [check for facts in (trained, observed, tested) for check in facts["health"]]
    return tested | plots | page | {"health": checks}


def networks_command(args: argparse.Namespace) -> dict[str, Any]:
    """List the trained networks that come with the package, or make a run directory of one."""
    from ..runs.shipped import load_shipped, shipped_names, unpack

    if args.name:
        run = unpack(args.name, args.run or Path("data/runs") / args.name, force=args.force)
        return {"unpacked": str(run.folder)}
    runs = {name: load_shipped(name) for name in shipped_names()}
    facts = {
        name: {"preset": run.preset, "seed": run.seed, **run.facts["shipped"]} for name, run in runs.items()
    }
    if not args.json:
        say_table([
            ("name", "preset", "seed", "training images", "test accuracy"),
            *(
                (
                    name, str(one["preset"]), str(one["seed"]),
                    f"{runs[name].facts['train']['images']} x {runs[name].facts['train']['epochs']}",
                    f"{one['accuracy']:.2%}",
                )
                for name, one in facts.items()
            ),
        ])  # fmt: skip
    return {"networks": facts}


def params_command(args: argparse.Namespace) -> dict[str, Any]:
    """Print the resolved parameters."""
    from ..model.params import load_preset
    from ..runs.run import load_run

    if args.diff:
        first, second = map(load_preset, args.diff)
        differences = first.differences(second)
        if not args.json:
            head = ("", *args.diff, "sources")
            sources = (f"[{first.source(name)}]  [{second.source(name)}]" for name in differences)
            say_table([head, *((n, *differences[n], s) for n, s in zip(differences, sources, strict=True))])
        return {name: dict(zip(args.diff, pair, strict=True)) for name, pair in differences.items()}
    params = load_run(args.run).params if args.run else resolve_params(args)[1]
    if not args.json:
        say_constants(params)
    return params.as_texts()


def say_constants(constants: Constants) -> None:
    """Print a table of constants."""
    metadata = {name: declared.metadata for name, declared in constants.table().items()}
    say_table(
        (name, text, metadata[name]["symbol"], f"{metadata[name]['meaning']}  [{constants.source(name)}]")
        for name, text in constants.as_texts().items()
    )


def companion_command(args: argparse.Namespace) -> dict[str, Any]:
    """Run a companion."""
    module = companion_module(args.companion)
    if args.params:
        constants = module.resolve(args, settings(args))
        if not args.json:
            say_constants(constants)
        texts: dict[str, str] = constants.as_texts()
        return texts
    facts: dict[str, Any] = module.run(args, settings(args))
    if not args.json:
        for line in module.sentences(facts):
            say(line)
    return facts


def say_table(rows: Iterable[tuple[str, ...]]) -> None:
    """Print rows in columns."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        say("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def data_command(args: argparse.Namespace) -> dict[str, Any]:
    """Find or fetch MNIST and verify it."""
    from ..data import mnist

    named = args.data or (Path(os.environ["DIEHLCOOK_MNIST"]) if os.environ.get("DIEHLCOOK_MNIST") else None)
    folder = mnist.fetch_mnist(named, progress=not args.quiet)  # fetches only what is missing or damaged
    checks = mnist.verify_mnist(folder)
    bad = [check for check in checks if not check.ok]
    if bad:
        raise DiehlCookError(f"{folder}: {bad[0].name}: {bad[0].problem}")
    return {"folder": str(folder), "verified": [check.name for check in checks]}


COMMANDS = {
    "train": train_command,
    "observe": observe_command,
    "test": test_command,
    "plot": plot_command,
    "report": report_command,
    "doctor": doctor_command,
    "readouts": readouts_command,
    "demo": demo_command,
    "networks": networks_command,
    "params": params_command,
    "data": data_command,
    "companion": companion_command,
}


def result(run: Run, name: str) -> dict[str, Any]:
    """Return what a phase has to say, for people and machines."""
    return {"run": str(run.folder), "assumed": run.params.assumed, **run.facts[name]}


def say(line: str) -> None:
    """Print a line of a result."""
    print(line)  # noqa: T201


def say_result(command: str, facts: dict[str, Any]) -> None:
    """Print the result of a command for people."""
    for one in facts.get("runs", []):
        say_result(command, one)
    if command == "train" and "runs" not in facts:
        theta = facts["theta_mV"]
        say(
            f"trained {facts['run']}: {facts['images']} images, {facts['epochs']} epoch(s), {facts['wall_s']:.0f} s"
        )
        say(
            f"  {facts['presentations_per_image']:.2f} presentations and {facts['spikes_per_image']:.1f} spikes per image, "
            f"theta {theta['mean']:.1f} ± {theta['sd']:.1f} mV, {facts['silent_neurons']} neurons never fired"
        )
    elif command == "observe":
        say(f"labelled {facts['run']} with {facts['images']} images, {facts['wall_s']:.0f} s")
        say(
            f"  neurons per class {facts['neurons_per_class']}, {facts['unassigned_neurons']} unassigned, {facts['silent_images']} silent images"
        )
    if "accuracy" in facts:
        low, high = facts["interval95"]
        say(
            f"accuracy {facts['accuracy']:.2%}, 95 % interval [{low:.2%}, {high:.2%}], {facts['images']} test images × {facts['repeats']}"
        )
        say("  class      " + " ".join(f"{c:>5}" for c in range(len(facts["recall"]))))
        for name in ("precision", "recall"):
            say(f"  {name:<9}  " + " ".join(f"{value:5.3f}" for value in facts[name]))
        say(
            f"  {facts['silent_images']} silent images, {facts['unassigned_neurons']} unassigned neurons, {facts['ties']} ties"
        )
        if facts["assumed"]:
            say(f"  a reconstruction: values published nowhere for {', '.join(facts['assumed'])}")
    for path in facts.get("figures", []):
        say(path)
    if "report" in facts:
        say(facts["report"])
    if "unpacked" in facts:
        say(f"a run of it is in {facts['unpacked']}; go on with --run {facts['unpacked']}")
    if command == "data":
        say(f"MNIST in {facts['folder']}: {len(facts['verified'])} files verified")
    if command == "readouts":
        say_readouts(facts)
    if command == "doctor":
        say_examination(facts)
    elif "runs" not in facts:  # those of several trainings are said with each
        for finding in findings_of(facts):
            logging.getLogger(__name__).warning("health: %s", finding)


def findings_of(facts: dict[str, Any]) -> list[Check]:
    """Return the checks of a result that found something."""
    from ..analysis import health

    return [check for check in health.from_facts(facts.get("health", [])) if not check.ok]


def main(argv: list[str] | None = None) -> int:
    """Run a command and return its exit code."""
    from ..progress import Interrupted

    args = make_parser().parse_args(argv)
    level = logging.DEBUG if args.verbose else logging.WARNING if args.quiet else logging.INFO
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("diehlcook").setLevel(level)
    try:
        facts = COMMANDS[args.command](args)
        if args.json:
            say(json.dumps(facts))
        else:
            say_result(args.command, facts)
        sys.stdout.flush()
        return EXIT_UNHEALTHY if getattr(args, "strict", False) and findings_of(facts) else 0
    except Interrupted as interrupted:
        print(interrupted, file=sys.stderr)  # noqa: T201
        return EXIT_INTERRUPTED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader of stdout has gone, e.g. `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except (DiehlCookError, OSError, MemoryError) as error:
        if args.verbose:
            logging.getLogger(__name__).debug("", exc_info=True)
        print(f"diehlcook: {error or type(error).__name__}", file=sys.stderr)  # noqa: T201
        return EXIT_FAILED
