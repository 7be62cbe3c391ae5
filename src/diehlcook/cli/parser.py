"""What can be typed: all options, and the commands that take them, as tables; `commands` says what is done with them."""

from __future__ import annotations

import argparse
import importlib
import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple, NoReturn

from .. import __version__
from ..arguments import FORMATS, filled, listed, natural, path, positive, seeds
from ..companions import COMPANIONS
from ..engines.registry import AUTO, DEFAULT_ENGINE, ENGINES
from ..errors import advice
from ..model.params import DEFAULT_PRESET
from ..model.rules import RULES
from . import commands
from .commands import Files, How, Images, ModelChoice


class Parser(argparse.ArgumentParser):
    """A parser that wants options written out, and says of a slip what may have been meant."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, **settings)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse what is known, and complain here of the rest: a command knows its own options."""
        found, left = super().parse_known_args(args, namespace)
        if left:
            self.error(f"unrecognized arguments: {' '.join(left)}")
        return found, left

    def error(self, message: str) -> NoReturn:
        """Complain, with what may have been meant."""
        slip = re.match(r"unrecognized arguments: (--[^\s=]+)", message)
        known: Iterable[str] = self._option_string_actions
        if slip is None:
            slip = re.match(r".*invalid choice: '([^']*)' \(choose from (.*)\)", message)
            known = re.findall(r"[\w-]+", slip[2]) if slip else ()
        hint = slip and advice(slip[1], known, " ")
        super().error(f"{message}; {hint}" if hint and hint.strip() else message)


class Option(NamedTuple):
    """An option: its names, and what `argparse` is told of it."""

    names: tuple[str, ...]
    settings: dict[str, Any]


def option(*names: str, **settings: Any) -> Option:
    """Return an option; its text must be `filled`, unless `settings` say otherwise."""
    return Option(names, settings if "choices" in settings else {"type": filled, **settings})


def flag(*names: str, help: str) -> Option:
    """Return an option that takes no value."""
    return Option(names, {"action": "store_true", "help": help})


def early(*names: str, help: str) -> Option:
    """Return an option that takes no value and may stand before the command as well."""
    return Option(names, {"action": "store_true", "default": argparse.SUPPRESS, "help": help})


def number(name: str, metavar: str, help: str, default: int | None = None) -> Option:
    """Return an option that takes a whole number of at least 1."""
    return Option((name,), {"type": positive, "metavar": metavar, "help": help, "default": default})


def folder(name: str, help: str) -> Option:
    """Return an option that takes a folder."""
    return Option((name,), {"type": path, "metavar": "DIR", "help": help})


def seed(help: str) -> Option:
    """Return the option of the seed."""
    return Option(("--seed",), {"type": natural, "metavar": "S", "help": help})


def changes(help: str) -> Option:
    """Return the option that changes parameters."""
    return Option(
        ("--set",), {"action": "append", "type": filled, "default": [], "metavar": "NAME=VALUE", "help": help}
    )


RUN = folder(
    "--run",
    "directory of the run (default: the newest run in data/runs; train makes a new one there, whose name "
    "says what it is, and demo takes data/runs/demo; $DIEHLCOOK_RUNS names another folder than data/runs)",
)
FORMAT = option(
    "--format", metavar="NAME", required=True,
    help="format of the files: example (weights.npy, theta.npy and assign.npy of the Brian2 example script), "
    "authors (XeAe.npy and theta_A.npy of the authors' code) or matrix (weights.npy of inputs x neurons, "
    "theta.npy and assignments.npy)",
)  # fmt: skip
SHELLS = ("bash", "zsh", "tcsh")
FORCE = flag("--force", help="replace results or files that are there already")
SEED = seed("number from which everything random follows (default: 0)")
OUTPUT = (
    early("-v", "--verbose", help="log more, and show the traceback of an error"),
    early("-q", "--quiet", help="show no progress, only warnings and results"),
    early("--json", help="print the results as JSON"),
)
MODEL = (
    option(
        "--preset", metavar="NAME|FILE.toml",
        help=f"preset whose parameters are taken (default: {DEFAULT_PRESET})",
    ),
    changes("change a parameter, e.g. --set 'tau_mem_exc=80 ms'; can be given several times"),
    number("--n-exc", "N", "number of excitatory neurons; theta_plus is scaled with it unless it is set"),
    option(
        "--rule", metavar="NAME",
        help=f"learning rule, taken with the constants that it needs: {', '.join(RULES)}",
    ),
    option(
        "--order", metavar="NAME",
        help="order in which the training images are shown: file (every pass as in the file) or shuffled "
        "(every pass in a new order) (default: that of the preset)",
    ),
)  # fmt: skip
IMAGES = (
    option(
        "--dataset", metavar="NAME|DIR|FILE.npz",
        help="images: mnist, digits (they come with the package), a folder of IDX files, or an .npz file "
        "(default: mnist; after the training, the data set of the training)",
    ),
    folder(
        "--data",
        "folder of the MNIST files (default: $DIEHLCOOK_MNIST, else the user cache, else a download)",
    ),
    number("--samples", "N", "use only the first N images (default: all)"),
    option(
        "--classes", type=listed, metavar="A,B",
        help="use the images of these classes only, as in 0,1 (default: all; after the training, the "
        "classes of the training)",
    ),
)  # fmt: skip
PHASE = (
    option(
        "--engine", choices=(AUTO, *ENGINES), default=DEFAULT_ENGINE,
        help="; ".join(
            ["program that simulates the network; auto: the fastest of these that can run it here (default)",
            *(f"{name}: {row.says}" for name, row in ENGINES.items())]
        ),
    ),
    flag("--resume", help="go on with a phase that was interrupted"),
    FORCE,
    flag("--strict", help="end with exit code 3 if the health check finds something"),
)  # fmt: skip
JOBS = number("--jobs", "J", "number of processes (default: one per core); the result does not depend on it")


def model(given: argparse.Namespace) -> ModelChoice:
    """Return what the options `MODEL` were given."""
    return ModelChoice(given.preset, tuple(given.set), given.n_exc, given.rule, given.order)


def images(given: argparse.Namespace) -> Images:
    """Return what the options `IMAGES` were given."""
    return Images(given.dataset, given.data, given.samples, given.classes)


def how(given: argparse.Namespace) -> How:
    """Return what the options `PHASE` and `JOBS` were given."""
    return How(given.engine, given.jobs, given.resume, given.force, not given.quiet)


class Command(NamedTuple):
    """A command: what it does, in words and as a call of a function with what was typed, and its options."""

    says: str
    run: Callable[[argparse.Namespace], commands.Result]
    options: tuple[Option, ...]


COMMANDS = {
    "train": Command(
        "train a network on images, without labels",
        lambda o: commands.train(o.run, model(o), images(o), how(o), o.epochs, o.seed, o.seeds, o.snapshots),
        (
            RUN, *MODEL, *IMAGES, *PHASE, *OUTPUT,
            number(
                "--epochs", "E",
                "number of passes over the images (default: 1); with --resume and more passes than before, a "
                "finished training goes on",
            ),
            seed("number from which initial weights, delays and input spikes follow (default: 0)"),
            option(
                "--seeds", type=seeds, metavar="A-B",
                help="train a network for each of these seeds, as many at once as --jobs says, each in a "
                "directory of its own (DIR/seed-<k> with --run DIR); --rule may be a list, too",
            ),
            number(
                "--snapshots", "N",
                "keep the weights at least N times on the way (default: as often as a report shows)",
            ),
            number("--jobs", "J", "networks that are trained at once, on one core each (default: all cores)"),
        ),
    ),
    "observe": Command(
        "label the neurons by their responses to training images",
        lambda o: commands.observe(o.run, images(o), how(o)),
        (RUN, *IMAGES, *PHASE, JOBS, *OUTPUT),
    ),
    "test": Command(
        "classify test images and report the accuracy",
        lambda o: commands.test(o.run, images(o), how(o), o.repeats),
        (
            RUN, *IMAGES, *PHASE, JOBS, *OUTPUT,
            number("--repeats", "K", "present the whole test set K times (default: 1; paper: 10)", default=1),
        ),
    ),
    "plot": Command(
        "draw the figures of a run",
        lambda o: commands.plot(o.run, o.data, o.format, o.show, o.follow),
        (
            RUN, *OUTPUT,
            folder("--data", "folder of the MNIST files, to draw the images that were misclassified"),
            option("--format", choices=FORMATS, default="png", help="format of the files (default: png)"),
            flag("--show", help="open the files, too"),
            flag("--follow", help="draw the figures of a running training again and again, until it ends"),
        ),
    ),
    "report": Command(
        "write one page (HTML) about a run: facts, health, receptive fields, figures",
        lambda o: commands.report(o.run, o.data, o.out),
        (
            RUN, *OUTPUT,
            folder("--data", "folder of the MNIST files, to show the images that excite a neuron most"),
            option(
                "--out", type=path, metavar="FILE",
                help="file to write (default: report.html in the run directory)",
            ),
        ),
    ),
    "compare": Command(
        "compare runs, as a table and as one page (HTML): what differs between them, and what came out",
        lambda o: commands.compare(o.runs, o.data, o.out),
        (
            *OUTPUT,
            option(
                "runs", nargs="+", type=path, metavar="RUN",
                help="directories of two to ten runs; the others are compared with the first",
            ),
            folder("--data", "folder of the MNIST files, to compare the test images one by one"),
            option(
                "--out", type=path, metavar="FILE",
                help="page to write (default: compare.html in the working directory)",
            ),
        ),
    ),
    "predict": Command(
        "classify pictures with a labelled run",
        lambda o: commands.predict(o.run, o.files, o.readout, o.invert, o.data, not o.quiet),
        (
            RUN, *OUTPUT,
            option(
                "files", type=path, nargs="+", metavar="FILE",
                help="pictures (.png, .jpg, .gif and so on), .npy files, or .npz files with an array images; "
                "they are turned to grey and resized to the input of the network",
            ),
            option(
                "--readout", metavar="NAME",
                help="how to read the spikes (default: assignment, as in the paper); `readouts` has the "
                "others",
            ),
            flag("--invert", help="exchange dark and bright, for dark ink on bright paper"),
            folder("--data", "folder of the MNIST files, for readouts that learn from the labelling images"),
        ),
    ),
    "readouts": Command(
        "compare ways to read the digit from the spikes of a tested run, without simulating it again",
        lambda o: commands.readouts(o.run, o.data),
        (RUN, *OUTPUT, folder("--data", "folder of the MNIST files, for the labels of the images")),
    ),
    "doctor": Command(
        "examine a run: is the network alive, competing, learning?",
        lambda o: commands.doctor(o.run),
        (RUN, *OUTPUT, flag("--strict", help="end with exit code 3 if something is found")),
    ),
    "judge": Command(
        "judge a network of another program: does it do what ours does?",
        lambda o: commands.judge(o.folder, o.reference, o.data),
        (
            *OUTPUT,
            option(
                "folder", type=path, metavar="FOLDER",
                help="folder with counts.npy (images x neurons), theta.npy (in volts) and weights.npy "
                "(inputs x neurons), or some of them, after the first 1,000 or 10,000 training images; "
                "or a run",
            ),
            option(
                "--reference", metavar="NAME|FILE.npz",
                help="what to compare with (default: the reference of as many neurons and images)",
            ),
            folder("--data", "folder of the MNIST files, for labels if there is no labels.npy"),
        ),
    ),
    "demo": Command(
        "train, label and test 100 neurons on digits that come with the package, and draw all: a few minutes",
        lambda o: commands.demo(o.run, how(o), o.seed), (RUN, *PHASE, JOBS, *OUTPUT, SEED),
    ),
    "networks": Command(
        "list the trained networks that come with the package, or make a run of one",
        lambda o: commands.networks(o.name, o.run, o.force),
        (
            *OUTPUT,
            option("name", nargs="?", metavar="NAME", help="name of the network that a run is made of"),
            folder("--run", "run directory to make (default: data/runs/NAME)"),
            FORCE,
        ),
    ),
    "import": Command(
        "make a run of a network that another program has trained",
        lambda o: commands.import_network(
            o.source, o.run, o.format, Files(o.theta, o.labels, o.n_classes),
            ModelChoice(o.preset, tuple(o.set)), o.seed, o.dataset, o.force,
        ),
        (
            *OUTPUT,
            option(
                "source", type=path, metavar="SOURCE",
                help="folder that holds the files under their usual names, or the file of the weights",
            ),
            FORMAT,
            folder("--run", "run directory to make (default: data/runs/imported)"),
            option("--theta", type=path, metavar="FILE", help="file of the thresholds, in volts"),
            option(
                "--labels", type=path, metavar="FILE",
                help="file of the label of each neuron, its class, or -1 for none",
            ),
            number("--n-classes", "N", "number of classes (default: 10)", default=10),
            option(
                "--preset", metavar="NAME|FILE.toml",
                help="preset whose parameters are taken (default: that of the format, brian2-example for "
                f"example, diehl-cook-2015 for authors and {DEFAULT_PRESET} for matrix)",
            ),
            changes("change a parameter, e.g. --set n_input=256; can be given several times"),
            seed("number from which the delays and later input spikes follow (default: 0)"),
            option(
                "--dataset", metavar="NAME|DIR|FILE.npz",
                help="data set that later commands take if none is named (default: mnist)",
            ),
            FORCE,
        ),
    ),
    "export": Command(
        "write a trained network as files that another program reads",
        lambda o: commands.export_network(o.run, o.to, o.format, o.force),
        (
            RUN, *OUTPUT, FORMAT,
            option("--to", type=path, metavar="DIR", required=True, help="folder to write to"),
            FORCE,
        ),
    ),
    "params": Command(
        "print the parameters, each with its unit, meaning and source",
        lambda o: commands.params(o.run, model(o), o.diff),
        (
            *MODEL, *OUTPUT,
            folder("--run", "directory of a run, whose parameters are printed instead"),
            option(
                "--diff", nargs=2, metavar=("A", "B"),
                help="print only what differs between two presets, side by side",
            ),
        ),
    ),
    "presets": Command(
        "list the presets: the parameters of the paper, of its public codes, and ours",
        lambda _: commands.presets(),
        OUTPUT,
    ),
    "runs": Command(
        "list the runs: what each is, how far it is, and how well it does",
        lambda o: commands.runs(o.folder),
        (
            *OUTPUT,
            option(
                "folder", type=path, nargs="?", metavar="DIR",
                help="folder of the runs (default: $DIEHLCOOK_RUNS, or data/runs)",
            ),
        ),
    ),
    "completion": Command(
        "print a script with which your shell completes commands and options",
        lambda o: commands.completion(o.shell, make_parser()),
        (*OUTPUT, option("shell", choices=SHELLS, metavar="SHELL", help="your shell: bash, zsh or tcsh")),
    ),
    "cache": Command(
        "list the compiled programs that are kept between runs, or delete them",
        lambda o: commands.cache(o.clear),
        (
            *OUTPUT,
            flag("--clear", help="delete them, while nothing runs; they are compiled again when needed"),
        ),
    ),
    "data": Command(
        "find MNIST or download it, and verify it",
        lambda o: commands.data(o.data, not o.quiet),
        (
            *OUTPUT,
            folder(
                "--data",
                "folder of the files, which are downloaded if it lacks them (default: $DIEHLCOOK_MNIST, else "
                "the user cache)",
            ),
        ),
    ),
}  # fmt: skip
"""All commands but `companion`, in the order of the help."""


def make_parser(*, companions: bool = True) -> argparse.ArgumentParser:
    """Return the parser of all commands; the parsed ``func`` runs the one that was asked for.

    Parameters
    ----------
    companions
        With their options, for which all of them are loaded.
    """
    parser = Parser(
        prog="python -m diehlcook",
        description="Diehl & Cook (2015) in Brian2: train a spiking network on digits, label its neurons, "
        "test and plot it.",
        epilog="For a first look, run demo. For MNIST, run train, observe, test and report, one after the "
        "other; they need no options.",
    )
    parser.add_argument("--version", action="version", version=f"diehlcook {__version__}")
    add_options(parser, OUTPUT)
    parser.set_defaults(verbose=False, quiet=False, json=False)
    added = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        if name == "data":
            add_companions(added, complete=companions)
        one = add_command(added, name, command.says, command.options)
        one.set_defaults(func=command.run)
    return parser


def add_command(added: Any, name: str, says: str, options: tuple[Option, ...]) -> argparse.ArgumentParser:
    """Add a command with its options."""
    one: argparse.ArgumentParser = added.add_parser(name, help=says, description=says)
    add_options(one, options)
    return one


def add_options(parser: argparse.ArgumentParser, options: tuple[Option, ...]) -> None:
    """Let a parser take some options."""
    for names, settings in options:
        parser.add_argument(*names, **settings)


def add_companions(added: Any, *, complete: bool) -> None:
    """Add the command companion, with a command for each if it is to be complete."""
    one = added.add_parser(
        "companion",
        help="run a companion: another spiking model beside this one",
        description="run a companion, which is another spiking model beside this one; docs/companions "
        "describes them",
    )
    if not complete:
        return
    siblings = one.add_subparsers(dest="companion", required=True, metavar="NAME", help="one of them")
    for name, says in COMPANIONS.items():
        options = (
            *OUTPUT,
            folder("--run", f"folder of the results (default: data/runs/{name})"),
            SEED,
            changes("change a parameter; can be given several times"),
            flag("--params", help="print the parameters with their sources, and run nothing"),
            FORCE,
        )  # fmt: skip
        one = add_command(siblings, name, says, options)
        module = importlib.import_module(f"diehlcook.companions.{name}.command")
        module.add_arguments(one)
        one.set_defaults(func=partial(commands.companion, module))
