"""Train every preset and every learning rule briefly, and print a Markdown table of what came out.

    python scripts/studies/survey.py                    # 100 neurons, 2,000 MNIST images; about 15 minutes on
    two cores
    python scripts/studies/survey.py --images 500 --only authors-100 paper-power-law-400

Each is trained on the first images of the training set, its neurons are labelled with the same images, and it
classifies the last 1,000 images of the training set, which it has not seen. Test images are not opened:
nothing here is a final figure. Presets that are the same at the size of the survey share a row.

The threshold step is 0.1 mV for all, so that 2,000 images with 15 spikes each lift the thresholds of 100
neurons by 30 mV, as a long training does. With the steps of the presets a short training ends while some
neurons have hardly fired; their thresholds are low, and in the frozen network they take every image.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from diehlcook.analysis import readout
from diehlcook.data import datasets
from diehlcook.errors import DiehlCookError
from diehlcook.jobs import run_jobs
from diehlcook.model.params import Params, load_preset, preset_names, with_rule, with_size
from diehlcook.model.rules import RULES
from diehlcook.model.stimulus import stream_key
from diehlcook.phases import responses
from diehlcook.phases.observe import observe
from diehlcook.phases.train import train

HELD_OUT = 1000


def contestants(n_exc: int) -> dict[str, Params]:
    """Return every preset, and the default preset with every rule, at one size."""
    found = {name: load_preset(name) for name in preset_names()}
    for rule in list(RULES)[1:]:
        found[f"--rule {rule}"] = with_rule(Params(), rule)
    short = {"theta_plus": "0.1 mV"}
    return {name: with_size(params, n_exc).with_values(short) for name, params in found.items()}


def survey(names: list[str], params: Params, n_images: int, folder: Path, seed: int) -> str:
    """Train, label and classify; return a row of the table."""
    data = datasets.load("mnist", "train")
    first = data.head(n_images)
    started = time.monotonic()
    run = train(folder, first, params, seed=seed)
    trained_s = time.monotonic() - started
    observe(run, first)
    frozen = responses.trained_network(run, "standalone", "predict")
    (held_out,) = responses.respond(frozen, data.images[-HELD_OUT:], [stream_key(seed, "predict")])
    predicted = readout.predict(held_out.counts, run.assignments(), data.n_classes).labels
    right = int((predicted == data.labels[-HELD_OUT:]).sum())
    low, high = readout.wilson(right, HELD_OUT)
    facts, weights = run.facts["train"], run.weights()
    theta = facts["theta_mV"]
    finite = np.isfinite(weights).all() and np.isfinite(run.theta()).all()
    cells = (
        ", ".join(f"`{name}`" for name in names),
        f"{right / HELD_OUT:.1%} [{low:.1%}, {high:.1%}]",
        f"{theta['mean']:.1f} ± {theta['sd']:.1f}",
        f"{facts['spikes_per_image']:.1f}",
        f"{facts['presentations_per_image']:.2f}",
        f"{weights.sum(axis=0).mean():.1f}",
        f"{weights.max():.2f}",
        "yes" if finite else "NO",
        f"{trained_s:.0f}",
    )
    return "| " + " | ".join(cells) + " |"


def row(names: list[str], params: Params, images: int, folder: Path, seed: int) -> str:
    """Return the line of a contestant, also of one that fails."""
    try:
        return survey(names, params, images, folder, seed)
    except DiehlCookError as error:  # the others go on
        return f"| {', '.join(names)} | {type(error).__name__}: {error} |" + " |" * 7


def main() -> int:
    """Run the survey."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n-exc", type=int, default=100)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs="+", metavar="NAME")
    options = parser.parse_args()
    groups: dict[Params, list[str]] = {}
    for name, params in contestants(options.n_exc).items():
        if not options.only or name in options.only:
            groups.setdefault(params, []).append(name)
    print("| preset or option | right of 1,000 held-out | theta (mV) | spikes per image | presentations "
          "per image "
          "| Σw | largest w | finite | training (s) |")  # fmt: skip
    print("|" + "---|" * 9, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        tasks = {
            names[0]: (names, params, options.images, Path(folder) / names[0], options.seed)
            for params, names in groups.items()
        }
        run_jobs(row, tasks, jobs=options.jobs, keep=lambda _name, line: print(line, flush=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
