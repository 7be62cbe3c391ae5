"""Measure how much it matters at which image a training stops: networks of one training, taken 1,000 images apart.

    python scripts/stops.py                                              # about half an hour on one core
    python scripts/stops.py "paper-exponential-400: eta_post=1e-3"       # one preset, changed

Each preset is trained on the first 50,000 MNIST training images, once. After each of the last ten thousands the network is
frozen as it is, labelled with the first 5,000 images and judged by 5,000 training images that it has not seen. Test images
are not opened. Every network is a row of docs/stops.csv.
"""

import argparse
import csv
import dataclasses
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from trials import HELD_OUT, Trial, judge

from diehlcook import datasets, present, wiring
from diehlcook.engines import Model, open_engine
from diehlcook.stimulus import stream_key

TABLE = Path(__file__).parents[1] / "docs" / "stops.csv"
STOPS = range(41_000, HELD_OUT + 1, 1_000)
DEFAULT = (
    "paper-triplet-400",
    "paper-exponential-400",
    "paper-exponential-400: eta_post=1e-3",
)


def trial_of(word: str, seed: int) -> Trial:
    """Return what "preset" or "preset: name=value; name=value" stands for."""
    preset, _, settings = word.partition(": ")
    return Trial("stops", preset, settings, 400, HELD_OUT, 1, 5_000, 5_000, seed)


def accuracies(trial: Trial) -> Iterator[tuple[int, float]]:
    """Yield each stop with the share of held-out images that its network gets right."""
    params, seed = trial.params, trial.seed
    data = datasets.load("mnist", "train")
    model = Model(params, True)
    delays = wiring.initial_delays(params, seed)
    with open_engine("fused", model, delays) as network:
        state = network.initial_state(stream_key(seed, "train"), wiring.initial_weights(params, seed))
        for stop in STOPS:
            while (position := int(state["protocol.position"][0])) < stop:
                state, _ = network.advance(state, data.images[position:stop].reshape(stop - position, -1))
            frozen = present.Frozen(
                "fused", dataclasses.replace(model, learning=False), delays, state["inp_exc.w"], state["exc.theta"]
            )  # fmt: skip
            yield stop, judge(frozen, data, seed, label=trial.label, choose=trial.choose)[0]


def main() -> int:
    """Record the accuracies of the stops and print their mean and spread."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "presets", nargs="*", default=DEFAULT, help='preset, or "preset: name=value; name=value"'
    )
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for word in options.presets:
        trial = trial_of(word, options.seed)
        found = []
        for stop, accuracy in accuracies(trial):
            found.append(100 * accuracy)
            new = not TABLE.exists()
            with TABLE.open("a", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                if new:
                    writer.writerow(["preset", "settings", "seed", "stop", "accuracy", "date"])
                writer.writerow(
                    [
                        trial.preset,
                        trial.settings,
                        trial.seed,
                        stop,
                        f"{accuracy:.4f}",
                        time.strftime("%Y-%m-%d"),
                    ]
                )
        print(
            f"{word}: {np.mean(found):.1f} % ± {np.std(found, ddof=1):.1f} ({min(found):.1f} to {max(found):.1f})",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
