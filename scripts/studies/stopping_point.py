"""Measure how much it matters at which image a training stops: networks of one training, taken 1,000 images apart.

    python scripts/studies/stopping_point.py                                            # 20 minutes a preset
    python scripts/studies/stopping_point.py "paper-exponential-400: eta_post=1e-3"     # one, changed
    python scripts/studies/stopping_point.py --shipped                                  # those of the package

Each preset is trained on MNIST's training images, once and a little into the second pass. From image 50,000
on the network is frozen, as it is, after every thousand; it is labelled with the first 5,000 images and
judged by the images from 20,000 to 25,000, which it saw long before. Test images are not opened. Every
network is a row of docs/stops.csv.

With --shipped, the networks that come with the package and stop at the end of their third pass in file order
go on into a fourth one, from the preset's initial membranes, conductances and traces.
"""

import argparse
import dataclasses
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from held_out import Trial, judge
from pages import Row, read_rows, write_rows

from diehlcook.data import datasets
from diehlcook.engines.base import Model
from diehlcook.engines.registry import open_engine
from diehlcook.model import wiring
from diehlcook.model.order import image_at
from diehlcook.model.params import Params, load_preset
from diehlcook.model.stimulus import stream_key
from diehlcook.phases import responses
from diehlcook.runs.run import Run
from diehlcook.runs.shipped import load_shipped, shipped_names

TABLE = Path(__file__).parents[2] / "docs" / "stops.csv"
STOPS = range(50_000, 64_001, 1_000)
LABEL, JUDGES = 5_000, slice(20_000, 25_000)
DEFAULT = ("paper-triplet-400", "paper-exponential-400")
GO_ON = (0, 1_000, 2_000, 4_000)
"""Images after its end at which a network that comes with the package is looked at."""

SHIPPED = "shipped network"
"""What the table says of the settings of these."""


def trial_of(word: str, seed: int) -> Trial:
    """Return what "preset" or "preset: name=value; name=value" stands for."""
    preset, _, settings = word.partition(": ")
    n_exc = load_preset(preset).n_exc
    return Trial("stops", preset, settings, n_exc, STOPS[-1], 1, LABEL, JUDGES.stop - JUDGES.start, seed)


def networks(params: Params, seed: int, stops: Iterable[int], begin: Run | None = None) -> Iterator[Row]:
    """Yield a row for the network at each stop of one training, which begins with the network of a run, if there is one."""
    data = datasets.load("mnist", "train")
    model = Model(params, True)
    delays = wiring.initial_delays(params, seed)
    stream = stream_key(seed, "train")
    with open_engine("fused", model, delays) as network:
        if begin is None:
            state = network.initial_state(stream, wiring.initial_weights(params, seed))
        else:
            state = network.initial_state(stream, begin.weights(), begin.theta(), position=end_of(begin))
        for stop in stops:
            while (position := int(state["protocol.position"][0])) < stop:
                shown = image_at(np.arange(position, stop), len(data), order=params.order, seed=seed)
                state, _ = network.advance(state, data.images[shown].reshape(len(shown), -1))
            theta = state["exc.theta"]
            frozen = responses.TrainedNetwork(
                "fused", dataclasses.replace(model, learning=False), delays, state["inp_exc.w"], theta
            )
            accuracy, _ = judge(frozen, data, seed, label=LABEL, judges=JUDGES)
            yield {
                "seed": str(seed),
                "stop": str(stop),
                "accuracy": f"{accuracy:.4f}",
                "theta_sd_mV": f"{theta.std() * 1e3:.2f}",
                "date": time.strftime("%Y-%m-%d"),
            }


def end_of(run: Run) -> int:
    """Return the images that a run was trained with, all passes counted."""
    train = run.trained()
    images: int = train["images"] * train["epochs"]
    return images


def keep(rows: list[Row]) -> None:
    """Put the networks of one training into the table, in the place of earlier ones of the same training."""
    same = ("preset", "settings", "seed")
    before = [row for row in read_rows(TABLE) if any(row[key] != rows[0][key] for key in same)]
    write_rows(TABLE, before + rows)


def record(word: str, preset: str, settings: str, found: Iterable[Row]) -> None:
    """Put the networks of one training into the table and print how right they are."""
    rows = [{"preset": preset, "settings": settings} | row for row in found]
    keep(rows)
    right = [100 * float(row["accuracy"]) for row in rows]
    spread = f"{np.std(right, ddof=1):.1f} ({min(right):.1f} to {max(right):.1f})"
    print(f"{word}: {np.mean(right):.1f} % ± {spread}", flush=True)


def main() -> None:
    """Record the networks of the stops and print mean and spread of their accuracy."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "presets", nargs="*", default=DEFAULT, help='preset, or "preset: name=value; name=value"'
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--shipped", action="store_true", help="the networks that come with the package, trained on"
    )
    options = parser.parse_args()
    if options.shipped:
        for name in shipped_names():
            run = load_shipped(name)
            if run.params.order != "file":  # whose last images are any
                continue
            stops = [end_of(run) + more for more in GO_ON]
            record(name, run.preset, SHIPPED, networks(run.params, run.seed, stops, run))
        return
    for word in options.presets:
        trial = trial_of(word, options.seed)
        record(word, trial.preset, trial.settings, networks(trial.params, trial.seed, STOPS))


if __name__ == "__main__":
    main()
