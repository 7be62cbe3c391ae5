"""Measure how much it matters at which image a training stops: networks of one training, taken 1,000 images apart.

    python scripts/stops.py                                        # about 30 minutes; a line for each preset
    python scripts/stops.py paper-exponential-400:eta_post=1e-3    # one preset, changed

Each is trained on the first 50,000 MNIST training images, once. After each of the last ten thousands the network is frozen
as it is, labelled with the first 5,000 images and judged by 5,000 training images that it has not seen. Test images are not
opened. What is printed goes into docs/search.md.
"""

import argparse
import dataclasses
import sys

import numpy as np
from trials import HELD_OUT

from diehlcook import datasets, present, readout, wiring
from diehlcook.engines import Model, open_engine
from diehlcook.params import load_preset
from diehlcook.stimulus import stream_key

STOPS = range(41_000, HELD_OUT + 1, 1_000)
JUDGES = 5_000
DEFAULT = (
    "paper-triplet-400",
    "paper-exponential-400",
    "paper-exponential-400:eta_post=1e-3",
    "paper-pre-and-post-400",
)


def accuracies(word: str, seed: int) -> list[float]:
    """Return the share of held-out images classified right by the network of each stop."""
    preset, _, settings = word.partition(":")
    params = load_preset(preset).with_values(dict(pair.split("=") for pair in settings.split(";") if pair))
    data = datasets.load("mnist", "train")
    model = Model(params, True)
    delays = wiring.initial_delays(params, seed)
    found = []
    with open_engine("fused", model, delays) as network:
        state = network.initial_state(stream_key(seed, "train"), wiring.initial_weights(params, seed))
        for stop in STOPS:
            while (position := int(state["protocol.position"][0])) < stop:
                state, _ = network.advance(state, data.images[position:stop].reshape(stop - position, -1))
            frozen = present.Frozen(
                "fused", dataclasses.replace(model, learning=False), delays, state["inp_exc.w"], state["exc.theta"]
            )  # fmt: skip
            (seen,) = present.present(frozen, data.images[:JUDGES], [stream_key(seed, "observe")])
            held_out = slice(HELD_OUT, HELD_OUT + JUDGES)
            (unseen,) = present.present(frozen, data.images[held_out], [stream_key(seed, "predict")])
            labels = readout.assign_labels(seen.counts, data.labels[:JUDGES]).labels
            found.append(
                float((readout.predict(unseen.counts, labels).labels == data.labels[held_out]).mean())
            )
    return found


def main() -> int:
    """Print the accuracies of the stops, their mean and spread."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("presets", nargs="*", default=DEFAULT, help="preset, or preset:name=value;name=value")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for word in options.presets:
        found = 100 * np.array(accuracies(word, options.seed))
        print(
            f"{word}: {found.mean():.1f} % ± {found.std(ddof=1):.1f} ({found.min():.1f} to {found.max():.1f}): "
            + " ".join(f"{one:.1f}" for one in found),
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
