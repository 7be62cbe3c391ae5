"""One contestant of speed.py: opens its network, shows images when it is told to, and says how long they took.

    python scripts/benchmarks/contestants.py IMAGES.npy N KIND [...]

IMAGES.npy has grey levels (images, 784), N is the number of excitatory neurons, KIND is one of `KINDS`; what
follows it is in their docstrings. The program prints a line when the first image has been shown, and then one
for each line that it reads:

    save STATE.npz COUNT    learn for so many presentations, and save the state (only `engine`)
    open STATE.npz    go on from such a state (only `engine` and `classic`)
    show COUNT        show so many presentations; prints the seconds that one took
    course COUNT FILE.npy    from a new network on, show images and save the spikes of each neuron for each image;
                      prints the processor seconds and the presentations that an image took

BindsNET and neuroSush run in environments of their own, which lack this package: what they need of it is nothing.
"""

import importlib.util
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SEED = 0
STUDIES = Path(__file__).parents[1] / "studies"

Images = NDArray[np.uint8]
State = dict[str, Any]


class Package:
    """An engine of the package: `engine ENGINE PRESET learning|frozen`."""

    def __init__(self, images: Images, n_exc: int, engine: str, preset: str, learning: str) -> None:
        from diehlcook.engines.base import Model
        from diehlcook.engines.registry import open_engine
        from diehlcook.model import wiring
        from diehlcook.model.params import load_preset, with_size
        from diehlcook.model.stimulus import stream_key

        self.images, self.frozen = images, learning == "frozen"
        self.params = with_size(load_preset(preset).with_values({"dt": "0.5 ms"}), n_exc)
        delays = wiring.initial_delays(self.params, SEED)
        self.stream = stream_key(SEED, "test" if self.frozen else "train")
        self.engine = open_engine(engine, Model(self.params, not self.frozen), delays)
        weights = wiring.initial_weights(self.params, SEED)
        self.state: State = self.engine.initial_state(self.stream, weights)
        # The timer of `brian2-example` starts at 0: all neurons would spike in one step, and with 1600
        # neurons or more this drives the network silent
        self.state["exc.lockout_left"][:] = 0
        self.first = self.state

    def open(self, path: str) -> None:
        """Take over a state of learning."""
        state = dict(np.load(path))
        if self.frozen:
            at = int(state["protocol.position"][0])
            state = self.engine.initial_state(self.stream, state["inp_exc.w"], state["exc.theta"], at)
        self.state = state

    def save(self, path: str, presentations: int) -> None:
        """Learn for so many presentations, and save the state."""
        arrays: Any
        arrays, _ = self.engine.advance(self.state, self.images[:presentations], presentations=presentations)
        np.savez(path, **arrays)

    def show(self, count: int) -> int:
        """Show so many presentations from the state at hand, which stays as it is."""
        at = int(self.state["protocol.position"][0])
        _, seen = self.engine.advance(self.state, self.images[at : at + count], presentations=count)
        return len(seen.position)

    def course(self, count: int) -> tuple[NDArray[np.uint16], int]:
        """Show images to a new network."""
        counts = np.zeros((count, self.params.n_exc), np.uint16)
        state, done, presentations = self.first, 0, 0
        while done < count:
            state, seen = self.engine.advance(state, self.images[done:count])
            last = seen.final(self.params)
            counts[seen.position[last]] = seen.counts[last]
            presentations += len(seen.position)
            done = int(state["protocol.position"][0])
        return counts, presentations


class Classic:
    """The loop around `net.run` of classic.py, which has the equations of Brian2's example: `classic`."""

    def __init__(self, images: Images, n_exc: int) -> None:
        import brian2 as b2
        import classic

        from diehlcook.model import wiring
        from diehlcook.model.params import load_preset, with_size

        self.images, self.classic, self.at = images, classic, 0
        params = with_size(load_preset("brian2-example"), n_exc)
        self.inp = b2.PoissonGroup(classic.N_INPUT, 0 * b2.Hz, dt=0.5 * b2.ms, name="inp")
        weights, delays = wiring.initial_weights(params, SEED), wiring.initial_delays(params, SEED)
        self.network = classic.build_network(self.inp, weights, delays)
        self.network.store()

    def open(self, path: str) -> None:
        """Take over weights, thresholds and place of a state of learning."""
        import brian2 as b2

        state = np.load(path)
        self.at = int(state["protocol.position"][0])
        self.network["inp_exc"].w = state["inp_exc.w"].ravel()
        self.network["exc"].theta = state["exc.theta"] * b2.volt
        self.network.store()

    def show(self, count: int) -> int:
        """Show images until so many presentations are done; the last image may need more."""
        done = image = 0
        self.network.restore()
        while done < count:
            shine = self.classic.poisson(self.inp, self.images[self.at + image])

            def counting(intensity: int, shine: Any = shine) -> None:
                nonlocal done
                done += intensity > 0
                shine(intensity)

            self.classic.train_image(self.network, counting)
            image += 1
        return done


class BindsNET:
    """The network of BindsNET's example for MNIST, 250 ms for an image: `bindsnet`."""

    def __init__(self, images: Images, n_exc: int) -> None:
        sys.path.insert(0, str(STUDIES))
        import bindsnet_counts as theirs

        self.images, self.theirs, self.at = images, theirs, 0
        self.network, self.spikes = theirs.build(n_exc, SEED)

    def one(self) -> NDArray[np.uint16]:
        """Show the next image."""
        self.at += 1
        return self.theirs.show(self.network, self.spikes, self.images[self.at - 1])

    def show(self, count: int) -> int:
        """Show the next images."""
        for _ in range(count):
            self.one()
        return count

    def course(self, count: int) -> tuple[NDArray[np.uint16], int]:
        """Show images; the first one has been shown before."""
        self.at = 0
        return np.array([self.one() for _ in range(count)]), count


class NeuroSush:
    """The Diehl & Cook example of neuroSush as it is, on one core: `neurosush EXAMPLE.py`.

    350 steps of 1 ms for a presentation; its rest is not simulated.
    """

    def __init__(self, images: Images, n_exc: int, example: str) -> None:
        import torch

        spec = importlib.util.spec_from_file_location("example", example)
        if spec is None or spec.loader is None:
            sys.exit(f"{example}: no such example")
        self.example = importlib.util.module_from_spec(spec)
        sys.modules["example"] = self.example
        spec.loader.exec_module(self.example)
        torch.set_num_threads(1)
        torch.manual_seed(SEED)
        self.images, self.at = torch.from_numpy(images), 0
        self.model = self.example.build_network(n_exc, "cpu", seed=SEED)

    def one(self) -> tuple[NDArray[np.uint16], int]:
        """Show the next image, as the example's training does."""
        self.at += 1
        self.example.normalize_weights(self.model)
        steps = 350
        counts, told = self.example.present(
            self.model, self.images[self.at - 1], steps, rest=self.example.REST
        )
        return counts.numpy().astype(np.uint16), told["sim_steps"] // steps

    def show(self, count: int) -> int:
        """Show images until so many presentations are done."""
        done = 0
        while done < count:
            done += self.one()[1]
        return done

    def course(self, count: int) -> tuple[NDArray[np.uint16], int]:
        """Show images; the first one has been shown before."""
        self.at = 0
        shown = [self.one() for _ in range(count)]
        return np.array([counts for counts, _ in shown]), sum(presentations for _, presentations in shown)


KINDS: dict[str, Any] = {"engine": Package, "classic": Classic, "bindsnet": BindsNET, "neurosush": NeuroSush}


def main() -> None:
    """Open the contestant that is named, and do what it is told."""
    path, n_exc, kind, *given = sys.argv[1:]
    contestant = KINDS[kind](np.load(path), int(n_exc), *given)
    contestant.show(1)
    print("ready", flush=True)
    for line in sys.stdin:
        word, *rest = line.split()
        answer = ""
        if word == "open":
            contestant.open(rest[0])
        elif word == "save":
            contestant.save(rest[0], int(rest[1]))
        elif word == "show":
            started = time.perf_counter()
            done = contestant.show(int(rest[0]))
            answer = str((time.perf_counter() - started) / done)
        elif word == "course":
            began = time.process_time()
            counts, presentations = contestant.course(int(rest[0]))
            np.save(rest[1], counts)
            answer = f"{time.process_time() - began} {presentations / len(counts)}"
        print(answer or "done", flush=True)


if __name__ == "__main__":
    main()
