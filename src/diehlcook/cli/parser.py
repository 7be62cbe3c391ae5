"""What can be typed: the parser of all commands, and how their options become typed arguments of `commands`."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path
from typing import Any

from .. import __version__
from ..arguments import natural, positive, seeds
from ..companions import COMPANIONS
from ..engines.registry import DEFAULT_ENGINE, ENGINES
from ..model.params import DEFAULT_PRESET
from ..model.rules import RULES
from . import commands
from .commands import How, Images, ModelChoice


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; the parsed ``func`` runs the one that was asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m diehlcook",
        description="Diehl & Cook (2015) in Brian2: train a spiking network on digits, label its neurons, "
        "test and plot it.",
        epilog="Chain of commands for MNIST, with the defaults: train, observe, test, plot. A first look: "
        "demo.",
    )
    parser.add_argument("--version", action="version", version=f"diehlcook {__version__}")
    added = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (
        add_train, add_observe, add_test, add_plot, add_report, add_readouts, add_doctor, add_demo,
        add_networks, add_params,
        add_companion, add_data,
    ):  # fmt: skip
        add(added)
    return parser


def new_command(added: Any, name: str, text: str) -> argparse.ArgumentParser:
    """Return the parser of a new command."""
    one: argparse.ArgumentParser = added.add_parser(name, help=text, description=text)
    return one


# --- options that several commands share


def output_options(one: argparse.ArgumentParser) -> None:
    """Add how much is said, and in which form; every command's last options."""
    one.add_argument("-v", "--verbose", action="store_true", help="log more; tracebacks of errors")
    one.add_argument("-q", "--quiet", action="store_true", help="no progress, only warnings and results")
    one.add_argument("--json", action="store_true", help="results as JSON on stdout")


def run_option(one: argparse.ArgumentParser) -> None:
    """Add the run directory."""
    one.add_argument(
        "--run",
        type=Path,
        metavar="DIR",
        help="run directory (default of train: data/runs/<preset>; of demo: data/runs/demo; else "
        f"data/runs/{DEFAULT_PRESET})",
    )


def model_options(one: argparse.ArgumentParser) -> None:
    """Add what decides the parameters."""
    one.add_argument(
        "--preset", metavar="NAME|FILE.toml", help=f"parameters to start from (default: {DEFAULT_PRESET})"
    )
    one.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="change a parameter, e.g. --set 'tau_mem_exc=80 ms'; repeatable",
    )
    one.add_argument(
        "--n-exc",
        type=positive,
        metavar="N",
        help="excitatory neurons; theta_plus is scaled with N unless set",
    )
    one.add_argument(
        "--rule", metavar="NAME", help=f"learning rule, with the constants it needs: {', '.join(RULES)}"
    )
    one.add_argument(
        "--order",
        metavar="NAME",
        help="order of the training images: file, the same in every pass, or shuffled, anew in every pass "
        "(default: the preset's)",
    )


def chosen_model(args: argparse.Namespace) -> ModelChoice:
    """Return what `model_options` were given."""
    return ModelChoice(args.preset, tuple(args.set), args.n_exc, args.rule, args.order)


def data_option(one: argparse.ArgumentParser, help_text: str) -> None:
    """Add the folder of the MNIST files."""
    one.add_argument("--data", type=Path, metavar="DIR", help=help_text)


def image_options(one: argparse.ArgumentParser) -> None:
    """Add what decides the images."""
    one.add_argument(
        "--dataset",
        metavar="NAME|DIR|FILE.npz",
        help="mnist, digits (embedded), a folder of IDX files, or an .npz file (default: mnist; later "
        "phases: that of the training)",
    )
    data_option(one, "folder of the MNIST files (default: $DIEHLCOOK_MNIST, the user cache, or a download)")
    one.add_argument("--samples", type=positive, metavar="N", help="use the first N images (default: all)")


def chosen_images(args: argparse.Namespace) -> Images:
    """Return what `image_options` were given."""
    return Images(args.dataset, args.data, args.samples)


def phase_options(one: argparse.ArgumentParser) -> None:
    """Add how a phase is run."""
    one.add_argument(
        "--engine",
        choices=tuple(ENGINES),
        default=DEFAULT_ENGINE,
        help="; ".join(
            f"{name}: {row.says}{' (default)' if name == DEFAULT_ENGINE else ''}"
            for name, row in ENGINES.items()
        ),
    )
    one.add_argument("--resume", action="store_true", help="continue an interrupted phase")
    one.add_argument("--force", action="store_true", help="replace what is there")
    one.add_argument("--strict", action="store_true", help="exit 3 if the health check finds something")


def jobs_option(one: argparse.ArgumentParser) -> None:
    """Add the number of processes."""
    one.add_argument(
        "--jobs",
        type=positive,
        metavar="J",
        help="processes (default: all cores); the result does not depend on it",
    )


def chosen_way(args: argparse.Namespace) -> How:
    """Return what `phase_options` and `jobs_option` were given."""
    return How(args.engine, args.jobs, args.resume, args.force, not args.quiet)


def seed_option(one: argparse.ArgumentParser, help_text: str = "seed (default: 0)") -> None:
    """Add the seed."""
    one.add_argument("--seed", type=natural, metavar="S", help=help_text)


# --- commands


def add_train(added: Any) -> None:
    """Add the command train."""
    one = new_command(added, "train", "learn from unlabelled images")
    for options in (run_option, model_options, image_options, phase_options, output_options):
        options(one)
    one.add_argument(
        "--epochs",
        type=positive,
        metavar="E",
        help="passes over the images (default: 1); with --resume, more than before go on from where the "
        "training ended",
    )
    seed_option(one, "seed of weights, delays and input spikes (default: 0)")
    one.add_argument(
        "--seeds",
        type=seeds,
        metavar="A-B",
        help="train several networks at once, as many as --jobs, each into DIR/seed-<k>; --rule may be a "
        "list, too",
    )
    one.add_argument(
        "--jobs", type=positive, metavar="J", help="trainings at once, one core each (default: all cores)"
    )
    one.set_defaults(
        func=lambda args: commands.train(
            args.run, chosen_model(args), chosen_images(args), chosen_way(args), args.epochs, args.seed,
            args.seeds
        )
    )  # fmt: skip


def add_observe(added: Any) -> None:
    """Add the command observe."""
    one = new_command(added, "observe", "label the neurons by their responses to training images")
    for options in (run_option, image_options, phase_options, jobs_option, output_options):
        options(one)
    one.set_defaults(func=lambda args: commands.observe(args.run, chosen_images(args), chosen_way(args)))


def add_test(added: Any) -> None:
    """Add the command test."""
    one = new_command(added, "test", "classify test images and report the accuracy")
    for options in (run_option, image_options, phase_options, jobs_option, output_options):
        options(one)
    one.add_argument(
        "--repeats",
        type=positive,
        default=1,
        metavar="K",
        help="present the whole test set K times (paper: 10)",
    )
    one.set_defaults(
        func=lambda args: commands.test(args.run, chosen_images(args), chosen_way(args), args.repeats)
    )


def add_plot(added: Any) -> None:
    """Add the command plot."""
    one = new_command(added, "plot", "draw the figures of a run")
    run_option(one)
    output_options(one)
    data_option(one, "folder of the MNIST files, for the misclassified digits")
    one.add_argument(
        "--format", choices=("png", "pdf", "svg"), default="png", help="file format (default: png)"
    )
    one.add_argument("--show", action="store_true", help="open the files as well")
    one.add_argument(
        "--follow",
        action="store_true",
        help="draw a training that is running again and again, until it is finished",
    )
    one.set_defaults(
        func=lambda args: commands.plot(args.run, args.data, args.format, args.show, args.follow)
    )


def add_report(added: Any) -> None:
    """Add the command report."""
    one = new_command(
        added, "report", "write one page (HTML) about a run: facts, health, receptive fields, figures"
    )
    run_option(one)
    output_options(one)
    data_option(one, "folder of the MNIST files, for the images that excite a neuron most")
    one.add_argument(
        "--out", type=Path, metavar="FILE", help="file to write (default: report.html in the run)"
    )
    one.set_defaults(func=lambda args: commands.report(args.run, args.data, args.out))


def add_readouts(added: Any) -> None:
    """Add the command readouts."""
    one = new_command(
        added, "readouts", "compare ways to read the spikes of a labelled and tested run, without simulating"
    )
    run_option(one)
    output_options(one)
    data_option(one, "folder of the MNIST files, for the labels of the images")
    one.set_defaults(func=lambda args: commands.readouts(args.run, args.data))


def add_doctor(added: Any) -> None:
    """Add the command doctor."""
    one = new_command(added, "doctor", "examine a run: is the network alive, competing, learning?")
    run_option(one)
    output_options(one)
    one.add_argument("--strict", action="store_true", help="exit 3 if something is found")
    one.set_defaults(func=lambda args: commands.doctor(args.run))


def add_demo(added: Any) -> None:
    """Add the command demo."""
    one = new_command(
        added,
        "demo",
        "train, observe, test, plot and report 100 neurons on the embedded digits, a few minutes",
    )
    for options in (run_option, phase_options, jobs_option, output_options):
        options(one)
    seed_option(one)
    one.set_defaults(func=lambda args: commands.demo(args.run, chosen_way(args), args.seed))


def add_networks(added: Any) -> None:
    """Add the command networks."""
    one = new_command(
        added, "networks", "list the trained networks that come with the package, or make a run of one"
    )
    output_options(one)
    one.add_argument("name", nargs="?", metavar="NAME", help="network to make a run of")
    one.add_argument(
        "--run", type=Path, metavar="DIR", help="run directory to make (default: data/runs/NAME)"
    )
    one.add_argument("--force", action="store_true", help="replace what is there")
    one.set_defaults(func=lambda args: commands.networks(args.name, args.run, args.force))


def add_params(added: Any) -> None:
    """Add the command params."""
    one = new_command(added, "params", "print the parameters with units, meaning and source")
    model_options(one)
    output_options(one)
    one.add_argument("--run", type=Path, metavar="DIR", help="those of a run instead")
    one.add_argument(
        "--diff", nargs=2, metavar=("A", "B"), help="only what differs between two presets, side by side"
    )
    one.set_defaults(func=lambda args: commands.params(args.run, chosen_model(args), args.diff))


def add_data(added: Any) -> None:
    """Add the command data."""
    one = new_command(added, "data", "find or download MNIST and verify it")
    output_options(one)
    data_option(one, "folder to look in or to fill (default: $DIEHLCOOK_MNIST or the user cache)")
    one.set_defaults(func=lambda args: commands.data(args.data, not args.quiet))


def add_companion(added: Any) -> None:
    """Add the command companion, with a command for each."""
    one = added.add_parser(
        "companion",
        help="run a sibling system",
        description="run a sibling system; docs/companions describes them",
    )
    siblings = one.add_subparsers(dest="companion", required=True, metavar="NAME", help="one of them")
    for name, text in COMPANIONS.items():
        one = new_command(siblings, name, text)
        output_options(one)
        one.add_argument(
            "--run", type=Path, metavar="DIR", help=f"folder of the results (default: data/runs/{name})"
        )
        seed_option(one)
        one.add_argument(
            "--set", action="append", default=[], metavar="NAME=VALUE", help="change a parameter; repeatable"
        )
        one.add_argument(
            "--params", action="store_true", help="print the parameters with sources, run nothing"
        )
        one.add_argument("--force", action="store_true", help="replace what is there")
        module = importlib.import_module(f"diehlcook.companions.{name}.command")
        module.add_arguments(one)
        one.set_defaults(func=lambda args, module=module: commands.companion(module, args))
