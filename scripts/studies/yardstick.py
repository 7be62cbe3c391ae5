"""Make the references of `python -m diehlcook judge`: what twenty seeds of a preset do with MNIST's first images.

    python scripts/studies/yardstick.py                                    # those of the package, about 15 minutes
    python scripts/studies/yardstick.py --preset brian2-example --out mine # others: judge --reference mine/...npz

Each seed trains with the first 10,000 training images in file order, and is looked at after 1,000 and after 10,000.
Make the files of the package anew only for an intended change of the model, and say so in CHANGELOG.md.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from diehlcook.analysis.yardstick import REFERENCES, Made, make_reference, save_reference
from diehlcook.data import datasets
from diehlcook.engines.base import Model
from diehlcook.engines.registry import open_engine
from diehlcook.model import wiring
from diehlcook.model.params import BASE_PRESET, Params, load_preset, with_size
from diehlcook.model.stimulus import stream_key

SEEDS = range(20)
SIZES = (100, 400)
STOPS = (1_000, 10_000)


def made_by(
    params: Params,
    seed: int,
    images: NDArray[np.uint8],
    labels: NDArray[np.integer],
    stops: tuple[int, ...] = STOPS,
) -> dict[int, Made]:
    """Train a network and return what it did up to each of some numbers of images."""
    found, counts = {}, np.zeros((0, params.n_exc), np.uint16)
    with open_engine("fused", Model(params, learning=True), wiring.initial_delays(params, seed)) as network:
        state = network.initial_state(stream_key(seed, "train"), wiring.initial_weights(params, seed))
        for stop in stops:
            while (done := int(state["protocol.position"][0])) < stop:
                state, responses = network.advance(state, images[done:stop])
                counts = np.concatenate([counts, responses.counts[responses.final(params)]])
            found[stop] = Made(
                counts, state["exc.theta"], state["inp_exc.w"].astype(np.float32), labels[:stop]
            )
    return found


def main() -> None:
    """Write the references of a preset, for each size and number of images."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--preset", default=BASE_PRESET, help=f"preset (default: {BASE_PRESET})")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="numbers of neurons")
    parser.add_argument(
        "--out", type=Path, default=REFERENCES, help="folder to write to (default: the package's)"
    )
    given = parser.parse_args()
    data = datasets.load("mnist", "train").head(max(STOPS))
    given.out.mkdir(parents=True, exist_ok=True)
    for n_exc in given.sizes:
        params = with_size(load_preset(given.preset), n_exc)
        seeds = []
        for seed in SEEDS:
            seeds.append(made_by(params, seed, data.images, data.labels))
            print(f"{given.preset}, {n_exc} neurons: {len(seeds)} of {len(SEEDS)} seeds", flush=True)
        for stop in STOPS:
            reference = make_reference(given.preset, stop, [one[stop] for one in seeds])
            save_reference(reference, given.out / f"{reference.name}.npz")


if __name__ == "__main__":
    main()
