"""`plot --follow`: figures of a training that is running, until it is finished."""

import contextlib

import numpy as np
import pytest
from conftest import load_script

from diehlcook.data.datasets import load
from diehlcook.errors import DiehlCookError
from diehlcook.phases.plot import follow
from diehlcook.phases.train import train
from diehlcook.progress import Interrupted
from diehlcook.runs.checkpoints import Checkpoints
from diehlcook.runs.run import load_run

faults = load_script("faults")


def test_figures_come_with_each_checkpoint_until_training_is_finished(tmp_path):
    """The training goes on while `follow` sleeps."""
    folder, data, seen = tmp_path / "run", load("digits", "train"), []

    def some_images(most):
        done = []
        with contextlib.suppress(Interrupted):
            train(
                folder, data, faults.healthy(), seed=1, engine="fused", resume=folder.exists(),
                progress=lambda images, words: done.append(images), cancelled=lambda: len(done) > most,
            )  # fmt: skip

    def sleep(seconds):
        drawn = {path.name: path.read_bytes() for path in folder.glob("figures/*.png")}
        seen.append((Checkpoints(folder, "").numbers()[-1:], drawn))
        some_images(2 if len(seen) < 3 else 1000)

    paths = follow(folder, sleep=sleep)
    assert seen[0] == ([], {})  # before there was a run
    assert [sorted(drawn) for _, drawn in seen[1:]] == [
        [
            "receptive_fields.png",
            "receptive_fields_over_training.png",
            "theta.png",
            "training.png",
            "weights.png",
        ]
    ] * len(seen[1:])
    assert len(seen) == 3
    assert seen[1][1]["training.png"] != seen[2][1]["training.png"]
    assert load_run(folder).facts["train"]["finished"]
    assert {path.name for path in paths} == set(seen[-1][1])
    assert not list(folder.glob("figures/.*"))
    assert np.load(folder / "theta.npy").size == 50


def test_a_training_that_stopped_ends_it(tmp_path):
    params = faults.healthy().with_values({"w_exc_inh": "1"})
    with pytest.raises(DiehlCookError):
        train(tmp_path, load("digits", "train"), params, seed=1, epochs=2, engine="fused")
    with pytest.raises(DiehlCookError, match="got fewer than 5 spikes"):
        follow(tmp_path)
