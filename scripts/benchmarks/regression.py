"""Is this tree slower than an earlier one? Both are timed in turn on one machine; fails on a loss of more than a tenth.

    python scripts/benchmarks/regression.py REF                  # REF is a tag or a commit; about four minutes
    python scripts/benchmarks/regression.py REF --rounds 5       # a look

Each tree runs in a process of its own, which keeps its networks open. In every round each of them shows the same
images from the same state, first the one tree, then the other, and in the next round the other way round: a machine
that drifts drifts for both. What counts is the median over rounds of the time of this tree over that of the other.
Nothing else should run meanwhile. The exit code is 1 if a case has lost more than `LIMIT`.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workers import Worker

ROOT = Path(__file__).parents[2]

LIMIT = 1.10
"""Time of this tree over that of the other, above which it fails."""

CASES = (
    ("paper-triplet-100", True),
    ("paper-triplet-400", True),
    ("paper-triplet-400", False),
    ("paper-power-law-400", True),
    ("paper-triplet-1600", True),
)
"""Presets, and whether the network learns; all with the engine fused."""

WORK = 40_000
"""Neurons times presentations of one measurement."""

WORKER = """
import json, sys, time
import numpy as np
from diehlcook.engines.base import Model
from diehlcook.engines.registry import open_engine
from diehlcook.model import wiring
from diehlcook.model.params import load_preset
from diehlcook.model.stimulus import stream_key

strokes = np.zeros((440, 28, 28), np.uint8)
rng = np.random.default_rng(0)
for image in strokes:  # some hundred bright pixels, as a digit has
    row, column = rng.integers(4, 18, 2)
    image[row : row + 8, column : column + 8] = rng.integers(100, 255, (8, 8))
strokes = strokes.reshape(len(strokes), -1)
opened = []
for preset, learning, presentations in json.loads(sys.argv[1]):
    params = load_preset(preset)
    engine = open_engine("fused", Model(params, learning), wiring.initial_delays(params, 0))
    state = engine.initial_state(stream_key(0, "train" if learning else "test"), wiring.initial_weights(params, 0))
    state, _ = engine.advance(state, strokes[:20])
    opened.append((engine, state, presentations))
print("ready", flush=True)
for line in sys.stdin:
    engine, state, presentations = opened[int(line)]
    first = int(state["protocol.position"][0])
    started = time.perf_counter()
    engine.advance(state, strokes[first : first + presentations], presentations=presentations)
    print(time.perf_counter() - started, flush=True)
"""
"""The program of one tree: opens the networks, then times the one whose number it is given, from the same state."""


def presentations(preset: str) -> int:
    """Return how many presentations are timed at once: fewer of larger networks."""
    return WORK // int(preset.rpartition("-")[2])


@contextlib.contextmanager
def tree_of(ref: str) -> Iterator[Path]:
    """Give the files of an earlier commit."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        git = ["git", "-C", str(ROOT), "worktree"]
        done = subprocess.run(
            [*git, "add", "--detach", tree, ref], capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.exit(f"regression: {ref}: {done.stderr.strip().splitlines()[-1]}")
        try:
            yield tree
        finally:
            subprocess.run([*git, "remove", "--force", tree], check=True)


class Tree(Worker):
    """A process that times the networks of one tree."""

    def __init__(self, tree: Path) -> None:
        given = json.dumps([(preset, learning, presentations(preset)) for preset, learning in CASES])
        command = [sys.executable, "-c", WORKER, given]
        super().__init__(f"regression: {tree.name}", command, {"PYTHONPATH": str(tree / "src")})

    def seconds(self, case: int) -> float:
        """Time a network once."""
        return float(self.ask(case))


def compare(this: Any, other: Any, rounds: int) -> list[tuple[list[float], list[float]]]:
    """Return, for each case, the seconds of this tree and of the other, round by round."""
    found: list[tuple[list[float], list[float]]] = [([], []) for _ in CASES]
    for round_ in range(rounds):
        for case, (own, others) in enumerate(found):
            pair = [(this, own), (other, others)]
            for tree, seconds in pair if round_ % 2 else pair[::-1]:
                seconds.append(tree.seconds(case))
    return found


def ratios(own: list[float], others: list[float]) -> list[float]:
    """Return the time of this tree over that of the other, round by round, sorted."""
    return sorted(one / other for one, other in zip(own, others, strict=True))


def main() -> None:
    """Compare, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("ref", metavar="REF", help="tag or commit to compare with")
    parser.add_argument("--rounds", type=int, default=15, help="how often each is timed (default: 15)")
    given = parser.parse_args()
    with tree_of(given.ref) as folder:
        trees = Tree(ROOT), Tree(folder)
        try:
            for tree in trees:
                tree.answer()
            found = compare(*trees, given.rounds)
        finally:
            for tree in trees:
                tree.close()
    print(
        f"| ms per presentation | this | {given.ref} | ratio, median (lowest to highest) |\n|---|---|---|---|"
    )
    slower = []
    for (preset, learning), (own, others) in zip(CASES, found, strict=True):
        label = preset if learning else f"{preset}, not learning"
        each = ratios(own, others)
        median = statistics.median(each)
        ms = [f"{1e3 * statistics.median(one) / presentations(preset):.2f}" for one in (own, others)]
        print(f"| {label} | {' | '.join(ms)} | {median:.3f} ({each[0]:.2f} to {each[-1]:.2f}) |")
        if median > LIMIT:
            slower.append(label)
    if slower:
        sys.exit(f"slower than {given.ref} by more than {LIMIT - 1:.0%}: {'; '.join(slower)}")


if __name__ == "__main__":
    main()
