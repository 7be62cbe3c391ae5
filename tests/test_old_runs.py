"""Run folders that an earlier version wrote are read as it read them: a run of commit 714ac95, before the package had rooms."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import load_script

from diehlcook import load_run, predict
from diehlcook.analysis import health
from diehlcook.analysis.history import examine_run
from diehlcook.data import datasets
from diehlcook.model import order
from diehlcook.phases.plot import plot
from diehlcook.phases.train import train

STORED = Path(__file__).parent / "reference" / "run-0.1.0-schema-2"


@pytest.fixture
def old(tmp_path):
    return load_run(shutil.copytree(STORED, tmp_path / "run"))


def test_its_health_is_what_it_was(old):
    assert health.as_facts(examine_run(old)) == json.loads((STORED / "doctor.json").read_text())


def test_its_network_answers_as_it_did(old):
    """Delays are drawn again from the seed; the first block of the test comes out to the spike."""
    from diehlcook.model.stimulus import stream_key
    from diehlcook.phases.responses import respond, trained_network

    images = datasets.load("digits", "test").images[:60]
    network = trained_network(old, "fused", "test")
    (again,) = respond(network, images, [stream_key(old.seed, "test")])
    assert np.array_equal(again.counts, np.load(STORED / "test_counts.npy"))
    assert predict(old, images[:5], engine="fused").labels.shape == (5,)


def test_its_training_is_what_the_same_command_gives_now(old, tmp_path):
    data = datasets.load("digits", "train").head(200)
    now = train(tmp_path / "now", data, old.params, seed=old.seed, engine="fused")
    for name in ("weights", "theta", "train_spikes", "train_counts"):
        np.testing.assert_allclose(now.load(name), old.load(name), rtol=1e-9, err_msg=name)
    assert order.image_at(7, 200, order=old.params.order, seed=old.seed) == 7


def test_the_first_runs_of_schema_2_have_no_digests_of_the_test(old):
    """They are read, and brought to the schema of the day."""
    content = json.loads(old.path.read_text())
    known = content["test"].pop("sha256")
    old.path.write_text(json.dumps(content))
    load_run(old.folder).load("confusion")
    assert load_script("upgrade_runs").upgrade(old.folder)
    now = json.loads(old.path.read_text())
    assert now["test"]["sha256"].keys() >= {"test_counts", "confusion"} | known.keys()
    assert load_run(old.folder).schema == 3


def test_it_can_be_drawn(old):
    drawn = {path.stem for path in plot(old)}
    assert {"receptive_fields", "training", "labels", "confusion"} <= drawn
