"""Make a trained run one of those that come with the package: single precision, labelled and tested as shipped, with a card.

    python scripts/tools/ship.py data/runs/workflow/best-triplet-400-seed1
    python scripts/tools/ship.py data/runs/workflow/best-triplet-1600-seed1 --bits 8    # also rounded to 256 levels
    python scripts/tools/ship.py --cards    # write the cards of all that come with the package again

Rounding the weights changes spikes, so the labels and the accuracy are those of the rounded network: labels
from all 60,000 training images, one presentation of the 10,000 test images. Every readout is also fitted to
the responses to the training images that choose no hyperparameter, and judged by those that do; this says,
without a test image, which readout is the best of this network.

Weights of few levels are still single precision in their file, but the wheel, which is compressed, takes a
quarter of the bytes for them, and no other code has to know.
"""

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diehlcook.analysis import readouts
from diehlcook.analysis.ladder import ladder
from diehlcook.data import datasets
from diehlcook.phases.observe import observe
from diehlcook.phases.test import test
from diehlcook.runs.files import digest, load_json, save_array, save_json
from diehlcook.runs.provenance import responses
from diehlcook.runs.run import Run, load_run
from diehlcook.runs.shipped import CARD, TRAINED, load_shipped, shipped_names


def name_of(run: Run) -> str:
    """Return what a network is called: the name of its preset, of which the rows of the paper's table lose their first word."""
    return run.preset.removeprefix("paper-")


def rounded(weights: NDArray[np.float64], bits: int | None) -> NDArray[np.float32]:
    """Return weights in single precision, first rounded to the nearest of 2^bits levels from 0 to the largest of them."""
    if bits is not None:
        step = weights.max() / (2**bits - 1)
        weights = np.rint(weights / step) * step
    return weights.astype(np.float32)


def readouts_of(run: Run) -> dict[str, dict[str, Any]]:
    """Return what each readout has right of held-out training images, and of the test images."""
    labels, counts = datasets.load("mnist", "train").labels, responses(run, "observe")
    judges = readouts.held_out(labels)
    found = {}
    for name, row in ladder(run)["readouts"].items():
        fitted = readouts.fit(name, counts[~judges], labels[~judges])
        right = fitted.classify(counts[judges]) == labels[judges]
        found[name] = {
            "held_out": float(right.mean()),
            "test": row["accuracy"],
            "interval95": row["interval95"],
        }
    return found


def card(name: str) -> str:
    """Return what somebody should know who takes a network: where it is from, what it can do, and what not."""
    run = load_shipped(name)
    versions = load_json(TRAINED / name / "run.json")["versions"]
    made, training = run.facts["shipped"], run.facts["train"]
    low, high = (f"{100 * end:.2f}" for end in made["interval95"])
    rounding = ["Rounding to single precision is all that was done to it after training."]
    if "bits" in made:
        rounding = [
            (
                f"After training each weight was rounded to the nearest of {2 ** made['bits']} levels "
                f"from 0 to the largest ({made['bits']} bits per weight), so that the network packs small."
            ),
            (
                f"With the weights and labels from before, {100 * made['before_rounding']:.2f} % "
                "of the test images are right in the same presentation."
            ),
        ]
    shown = f"--epochs {training['epochs']}" if training["epochs"] > 1 else f"--samples {training['images']}"
    lines = [
        f"# {name}",
        "",
        (
            f"{run.params.n_exc} excitatory neurons that have learned the digits of MNIST by the rule "
            f"`{run.params.rule}`."
        ),
        *rounding,
        f"It is seed {run.seed} of its preset, and was not chosen by its accuracy.",
        *(
            ["Shuffled order was decided on before the orders were compared (docs/search.md)."]
            if run.params.order == "shuffled"
            else []
        ),
        "",
        "| | |",
        "|---|---|",
        f"| trained with | `python -m diehlcook train --preset {run.preset} {shown} --seed {run.seed}` |",
        (
            f"| images | {training['images']:,} training images of MNIST, {training['epochs']} "
            f"{'passes' if training['epochs'] > 1 else 'pass'}, {run.params.order} order |"
        ),
        f"| labelled with | {run.facts['observe']['images']:,} training images |",
        (
            f"| test accuracy | {100 * made['accuracy']:.2f} % [{low}, {high}], the paper's readout, "
            f"{made['images']:,} test images presented once, 95 % interval (Wilson) |"
        ),
        f"| versions | {', '.join(' '.join(one) for one in versions.items())} |",
        "| licence | MIT, as the package; MNIST itself is not part of it |",
        "",
    ]
    if "readouts" in made:
        best = max(made["readouts"], key=lambda one: float(made["readouts"][one]["held_out"]))
        lines += [
            f"Held-out training images choose the readout `{best}`.",
            "Once `observe` has made responses, `predict --readout` takes it.",
            "The network has seen the held-out images in training, without their labels.",
            "",
            "| readout | held-out training images, % | test images, % |",
            "|---|---:|---:|",
            *(
                f"| `{one}` | {100 * row['held_out']:.2f} | {100 * row['test']:.2f} "
                f"[{100 * row['interval95'][0]:.2f}, {100 * row['interval95'][1]:.2f}] |"
                for one, row in made["readouts"].items()
            ),
            "",
        ]
    lines += [
        f'Use it: `python -m diehlcook networks {name}`, or `diehlcook.load_shipped("{name}")` in Python.',
        (
            "It knows handwritten digits that are scaled and centred as MNIST's are, bright on dark, "
            "and answers to everything else with one of ten digits or with silence."
        ),
        "",
    ]
    return "\n".join(lines)


def ship(path: Path, bits: int | None) -> str:
    """Round, label, test and store; return the name."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        run = load_run(path)
        name = name_of(run)
        weights = rounded(run.weights(), bits)
        rounding = {}
        if bits is not None:
            rounding = {"bits": bits, "before_rounding": run.done("test")["accuracies"][0]}
        save_array(folder / "weights.npy", weights)
        for file in ("theta.npy", "delays.npy", "train_accuracy.npy"):
            shutil.copy(path / file, folder / file)
        run.folder, train = folder, run.trained()
        train["sha256"]["weights"] = digest(weights)
        run.facts = {"train": train}
        run.save()
        observe(run, datasets.load("mnist", "train"), engine="fused", jobs=2)
        test(run, datasets.load("mnist", "test"), engine="fused", jobs=2)
        tested = run.facts["test"]
        made = {key: tested[key] for key in ("images", "repeats", "accuracy", "interval95")}
        run.facts["shipped"] = made | rounding | {"readouts": readouts_of(run)}
        del run.facts["test"]
        run.save()
        target = TRAINED / name
        target.mkdir(parents=True, exist_ok=True)
        for file in ("weights.npy", "theta.npy", "assignments.npy", "train_accuracy.npy"):
            shutil.copy(folder / file, target / file)
        content = load_json(folder / "run.json")
        for versions in (content["versions"], content["train"].get("versions", {})):
            versions.pop("platform", None)  # nobody's machine
        content["observe"].pop("raster")  # its files do not come with the package
        save_json(target / "run.json", content)
    print(f"{name}: {tested['accuracy']:.2%} of {tested['images']} test images")
    return name


def main() -> None:
    """Store a network, if one is given, and write cards."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    chosen = parser.add_mutually_exclusive_group(required=True)
    chosen.add_argument("run", type=Path, nargs="?", help="finished run directory")
    chosen.add_argument("--cards", action="store_true", help="write all cards again")
    parser.add_argument(
        "--bits", type=int, help="round each weight to so many bits; the run has been tested already"
    )
    options = parser.parse_args()
    for name in shipped_names() if options.cards else [ship(options.run, options.bits)]:
        (TRAINED / name / CARD).write_text(card(name), encoding="utf-8")


if __name__ == "__main__":
    main()
