"""Train BindsNET's Diehl & Cook network on MNIST's first images, and save what `python -m diehlcook judge` takes.

It runs in an environment of its own, with BindsNET 0.3.4 (`pip install bindsnet==0.3.4`), which knows nothing of this
package:

    path/to/bindsnet/bin/python scripts/studies/bindsnet_counts.py MNIST_FOLDER OUT --neurons 400 --images 1000
    python scripts/studies/judged.py --folder "BindsNET 0.3.4" OUT

The network and the input are those of BindsNET's own example for MNIST: `DiehlAndCook2015` with its defaults for
weights and thresholds, 250 ms for an image in steps of 1 ms, pixels as rates of up to 128 Hz. Its theta is in millivolts.
"""

import argparse
import gzip
import time
from pathlib import Path

import numpy as np
import torch
from bindsnet.encoding import poisson
from bindsnet.models import DiehlAndCook2015
from bindsnet.network.monitors import Monitor
from numpy.typing import NDArray

TIME, HIGHEST_RATE = 250, 128
"""Steps of 1 ms for an image; Hz at grey level 255."""


def images_in(folder: Path, number: int) -> NDArray[np.uint8]:
    """Return MNIST's first training images as grey levels (number, 784)."""
    path = next(folder.glob("train-images*"))
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return np.frombuffer(content, np.uint8, offset=16).reshape(-1, 784)[:number]


def build(neurons: int, seed: int) -> tuple[DiehlAndCook2015, Monitor]:
    """Return a new network, on one core, and what counts its spikes."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    network = DiehlAndCook2015(
        n_inpt=784, n_neurons=neurons, exc=22.5, inh=120, dt=1.0, norm=78.4, theta_plus=0.05,
        inpt_shape=(1, 28, 28),
    )  # fmt: skip
    spikes = Monitor(network.layers["Ae"], ["s"], time=TIME)
    network.add_monitor(spikes, "spikes")
    return network, spikes


def show(network: DiehlAndCook2015, spikes: Monitor, image: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Show an image (784,), and return the spikes of each neuron (neurons,)."""
    rates = torch.from_numpy(image.reshape(1, 28, 28) * np.float32(HIGHEST_RATE / 255))
    shown = poisson(rates, time=TIME, dt=1.0).view(TIME, 1, 1, 28, 28)
    network.run({"X": shown}, time=TIME)
    counts: NDArray[np.uint16] = spikes.get("s").sum(0).numpy().ravel().astype(np.uint16)
    network.reset_state_variables()
    return counts


def main() -> None:
    """Train, and save counts, thresholds and weights."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("mnist", type=Path, help="folder of the MNIST files")
    parser.add_argument("out", type=Path, help="folder to write to")
    parser.add_argument("--neurons", type=int, default=400)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    network, spikes = build(given.neurons, given.seed)
    images = images_in(given.mnist, given.images)
    began = time.perf_counter()
    counts = np.array([show(network, spikes, image) for image in images])
    print(f"{1e3 * (time.perf_counter() - began) / given.images:.0f} ms per image")
    given.out.mkdir(parents=True, exist_ok=True)
    np.save(given.out / "counts.npy", counts)
    np.save(given.out / "theta.npy", 1e-3 * network.layers["Ae"].theta.numpy().astype(np.float64))
    (weights,) = (one for one in network.connections["X", "Ae"].pipeline if one.name == "weight")
    np.save(given.out / "weights.npy", weights.value.detach().numpy())


if __name__ == "__main__":
    main()
