"""Measure how much it matters at which image a training stops: networks of one training, taken 1,000 images apart.

    python scripts/stops.py                                              # about 20 minutes for each preset, on one core
    python scripts/stops.py "paper-exponential-400: eta_post=1e-3"       # one preset, changed

Each preset is trained on MNIST's training images, once and a little into the second pass. From image 50,000 on the network
is frozen, as it is, after every thousand; it is labelled with the first 5,000 images and judged by the images from 20,000 to
25,000, which it saw long before. Test images are not opened. Every network is a row of docs/stops.csv.
"""

import argparse
import csv
import dataclasses
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from trials import Trial, judge

from diehlcook import datasets, present, wiring
from diehlcook.engines import Model, open_engine
from diehlcook.order import image_at
from diehlcook.params import load_preset
from diehlcook.stimulus import stream_key

TABLE = Path(__file__).parents[1] / "docs" / "stops.csv"
STOPS = range(50_000, 64_001, 1_000)
LABEL, JUDGES = 5_000, slice(20_000, 25_000)
DEFAULT = ("paper-triplet-400", "paper-exponential-400")


def trial_of(word: str, seed: int) -> Trial:
    """Return what "preset" or "preset: name=value; name=value" stands for."""
    preset, _, settings = word.partition(": ")
    n_exc = load_preset(preset).n_exc
    return Trial("stops", preset, settings, n_exc, STOPS[-1], 1, LABEL, JUDGES.stop - JUDGES.start, seed)


def networks(trial: Trial) -> Iterator[tuple[int, float, float]]:
    """Yield each stop with the share of images that its network gets right, and the spread of theta in mV."""
    params, seed = trial.params, trial.seed
    data = datasets.load("mnist", "train")
    model = Model(params, True)
    delays = wiring.initial_delays(params, seed)
    with open_engine("fused", model, delays) as network:
        state = network.initial_state(stream_key(seed, "train"), wiring.initial_weights(params, seed))
        for stop in STOPS:
            while (position := int(state["protocol.position"][0])) < stop:
                images = data.images[
                    image_at(np.arange(position, stop), len(data), order=params.order, seed=seed)
                ]
                state, _ = network.advance(state, images.reshape(len(images), -1))
            theta = state["exc.theta"]
            frozen = present.Frozen(
                "fused", dataclasses.replace(model, learning=False), delays, state["inp_exc.w"], theta
            )
            accuracy, _ = judge(frozen, data, seed, label=LABEL, judges=JUDGES)
            yield stop, accuracy, float(theta.std() * 1e3)


def keep(rows: list[dict[str, str]]) -> None:
    """Put the networks of one training into the table, in the place of earlier ones of the same training."""
    same = ("preset", "settings", "seed")
    before = []
    if TABLE.exists():
        with TABLE.open(newline="") as file:
            before = [row for row in csv.DictReader(file) if any(row[key] != rows[0][key] for key in same)]
    with TABLE.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(before + rows)


def main() -> int:
    """Record the networks of the stops and print mean and spread of their accuracy."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "presets", nargs="*", default=DEFAULT, help='preset, or "preset: name=value; name=value"'
    )
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for word in options.presets:
        trial = trial_of(word, options.seed)
        rows = [
            {
                "preset": trial.preset,
                "settings": trial.settings,
                "seed": str(trial.seed),
                "stop": str(stop),
                "accuracy": f"{accuracy:.4f}",
                "theta_sd_mV": f"{spread:.2f}",
                "date": time.strftime("%Y-%m-%d"),
            }
            for stop, accuracy, spread in networks(trial)
        ]
        keep(rows)
        found = [100 * float(row["accuracy"]) for row in rows]
        print(
            f"{word}: {np.mean(found):.1f} % ± {np.std(found, ddof=1):.1f} ({min(found):.1f} to {max(found):.1f})",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
