"""The command `companion mozafari2019`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...arguments import filled, path, positive
from ..common.constants import changes
from .constants import Mozafari2019

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EPOCHS = 30
SMALL = {"maps_1": "10", "maps_2": "40", "maps_3": "20", "epochs_2": "2"}
"""A smaller network, for the embedded digits."""

LATER = {"order": "file", "dropout_3": "0", "settled": "0"}
"""Constants that runs of earlier versions lack, each with the value that does what these versions did."""

PUBLISHED = {"paper": 0.972, "SpykeTorch, 680 epochs": 0.964}
"""Test accuracies: Mozafari et al. 2019, abstract; SpykeTorch issue 7, at the last epoch."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--dataset", type=filled, metavar="NAME|DIR|FILE.npz", help="images (default: mnist)")
    parser.add_argument("--data", type=path, metavar="DIR", help="folder of the MNIST files")
    parser.add_argument(
        "--samples", type=positive, metavar="N", help="use the first N training images (default: all)"
    )
    parser.add_argument(
        "--epochs",
        type=positive,
        metavar="E",
        help=f"passes of the last layer (default: {EPOCHS}, or as many as there are; authors: 680)",
    )
    parser.add_argument("--steps", metavar="T", help="time bins of the input (default: 15)")
    parser.add_argument(
        "--linear", action="store_true", help="a linear classifier on layer 2 as well (scikit-learn)"
    )
    parser.add_argument(
        "--tsne", action="store_true", help="draw layer 2 in two dimensions as well (scikit-learn)"
    )
    parser.add_argument("--small", action="store_true", help="a smaller network on the embedded digits")
    parser.add_argument("--resume", action="store_true", help="continue, or add epochs")


def resolve(args: argparse.Namespace, settings: dict[str, str]) -> Mozafari2019:
    """Return the parameters that the options ask for."""
    return Mozafari2019().with_values(changes(args, settings, SMALL, "steps"))


def run(args: argparse.Namespace, settings: dict[str, str]) -> dict[str, Any]:
    """Train, choose, test, draw."""
    from ...data import datasets
    from ...runs.collection import runs_folder
    from ...runs.files import load_json
    from ..common.run import owned_by, save_figures, watched
    from . import experiment, linear

    params, folder = resolve(args, settings), args.run or runs_folder() / "mozafari2019"
    name = args.dataset or ("digits" if args.small else "mnist")
    train, test = (
        datasets.load(name, split, data=args.data, progress=not args.quiet) for split in ("train", "test")
    )
    train = train.head(args.samples) if args.samples else train
    started = load_json(folder / "run.json") if args.resume and (folder / "run.json").exists() else {}
    epochs = args.epochs or started.get("epochs_asked") or started.get("epochs", EPOCHS)
    seed = args.seed or 0
    if args.linear or args.tsne:
        linear.classifier(1.0)  # says now if scikit-learn is missing
    with watched(args, "mozafari2019", 2 * epochs, "epochs") as options:
        facts = experiment.run(
            folder, train, test, params, seed=seed, epochs=epochs, resume=args.resume, **options
        )
    with owned_by("mozafari2019", folder):
        if args.linear:
            facts |= experiment.add_linear(folder, train, test, params)
        drawn = save_figures(folder, draw(folder, params, facts, args.tsne))
    return {"run": str(folder), **facts, "figures": drawn}


def draw(folder: Path, params: Mozafari2019, facts: dict[str, Any], tsne: bool) -> dict[str, Figure]:
    """Draw the figures of the experiment in `folder`."""
    from ...runs.files import read_npy
    from . import experiment, figures, linear

    data, refit = facts["data"], folder / "refit"
    line = f"mozafari2019 · {data['name']} · {data['images']:,} images · seed {facts['seed']}"
    weights = [read_npy(refit / f"weights_{n}.npy") for n in (1, 2, 3)]
    curves = {part: read_npy(folder / part / "curve.npy")[: facts["epochs"]] for part in experiment.PARTS}
    first = read_npy(folder / "cache" / "train.npy")[0]
    strides = (1, params.pool_1, params.pool_1 * params.pool_2)
    drawn = {
        f"features_{n}": figures.feature_sheet(
            figures.features(weights[:n], strides[:n]), f"What the maps of layer {n} respond to", line
        )
        for n in (1, 2, 3)
    }
    drawn["spike_times"] = figures.spike_times(first, params.steps, line)
    drawn["epochs"] = figures.epochs(curves, PUBLISHED, line)
    if tsne:
        judged = experiment.read_features(refit / "features_judging.npy", params)
        points, labels = linear.embed(judged, read_npy(refit / "labels_judging.npy"))
        drawn["tsne"] = figures.embedding(points, labels, line)
    return drawn


def again(facts: dict[str, Any]) -> list[str]:
    """Return the options that do a run once more, besides seed and constants."""
    data, linear = facts["data"], ["--linear"] if "linear" in facts else []
    samples = ["--samples", str(data["images"])]
    return [
        "--dataset",
        data["name"],
        *samples,
        "--epochs",
        str(facts.get("epochs", facts.get("epochs_asked", EPOCHS))),
        *linear,
    ]


def sentences(facts: dict[str, Any]) -> Iterator[str]:
    """Say what came out, line by line."""
    validation, test = facts["validation"], facts["test"]
    yield (
        f"{facts['run']}: test {test['last']:.2%} after {facts['epochs']} epochs, "
        f"{test['at_best_epoch']:.2%} after "
        f"{validation['best_epoch']}, chosen on {validation['images']:,} held-out training images "
        f"({validation['best']:.2%})"
    )
    if "linear" in facts:
        one = facts["linear"]
        yield (
            f"  linear classifier on layer 2: {one['test']:.2%} (C {one['strength']:g}, held-out "
            f"{one['validation']:.2%})"
        )
    yield f"  {test['maps_that_decide']} maps of layer 3 decide; {facts['wall_s'] / 60:.0f} min"
