"""The yardstick for other implementations: what it compares, what it notices, and what it refuses."""

import json

import numpy as np
import pytest
from conftest import load_script
from scipy.stats import ks_2samp

from diehlcook.analysis import yardstick
from diehlcook.analysis.yardstick import ACCURACY, LIMIT, QUANTITIES, Made, judge, make_reference
from diehlcook.cli.main import main
from diehlcook.data import datasets
from diehlcook.errors import DiehlCookError
from diehlcook.model.params import load_preset, with_size
from diehlcook.phases.train import train


def some_network(seed, rate=2.0, theta=0.03, n_exc=12, images=60):
    """A network without equations: every class has neurons of its own, which fire more."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, images)
    rates = rate * (1 + 4 * (np.arange(n_exc) % 3 == labels[:, np.newaxis]))
    return Made(
        rng.poisson(rates).astype(np.uint16),
        rng.normal(theta, 0.002, n_exc),
        rng.uniform(0, 0.3, (784, n_exc)),
        labels,
    )


@pytest.fixture(scope="module")
def reference():
    return make_reference("mine", 60, [some_network(seed) for seed in range(6)])


def test_distances_are_those_of_kolmogorov_and_smirnov(reference):
    """With values that the grid holds: those of the seeds."""
    seeds = [some_network(seed) for seed in range(6)]
    for name in ("theta", "spikes per neuron"):
        quantity = QUANTITIES[name]
        one, other = (quantity.values(getattr(made, quantity.of)) for made in seeds[:2])
        found = np.abs(reference.functions[name][0] - reference.functions[name][1]).max()
        assert found == pytest.approx(ks_2samp(one, other).statistic, abs=0.02)


def test_a_verdict_replayed_by_hand(reference):
    made = some_network(100, theta=0.031)
    found = {one.quantity: one for one in judge(made, reference)}
    assert list(found) == [*QUANTITIES, ACCURACY]
    functions = reference.functions["theta"]
    own = np.array([(1e3 * made.theta <= point).mean() for point in reference.grids["theta"]])
    usual = [
        np.mean([np.abs(functions[k] - functions[j]).max() for j in range(6) if j != k]) for k in range(6)
    ]
    theta = found["theta"]
    assert theta.distance == pytest.approx(np.mean([np.abs(one - own).max() for one in functions]))
    assert theta.largest == pytest.approx(max(usual))
    assert theta.mean == pytest.approx(1e3 * made.theta.mean())
    assert theta.alike == (theta.ratio <= LIMIT)
    won = np.bincount(made.counts.argmax(axis=1), minlength=12)
    assert found["images won per neuron"].mean == pytest.approx(won.mean())
    assert found["spikes of the winner per image"].mean == pytest.approx(made.counts.max(axis=1).mean())


def test_a_reference_that_was_stored_judges_as_before(tmp_path):
    """The threshold of neurons that never fired is the same in all of them, and lies between two numbers of single precision."""
    seeds = [some_network(seed) for seed in range(4)]
    seeds = [one._replace(theta=np.where(np.arange(12) < 6, 0.01999437, one.theta)) for one in seeds]
    made = yardstick.make_reference("some", 60, seeds)
    yardstick.save_reference(made, tmp_path / "some.npz")
    stored = yardstick.load_reference(tmp_path / "some.npz")
    for one in seeds:
        before, after = (
            {verdict.quantity: verdict.distance for verdict in yardstick.judge(one, reference)}
            for reference in (made, stored)
        )
        assert after == pytest.approx(before, abs=1e-6)
        assert after["theta"] < 0.5


def test_a_reference_needs_seeds_and_arrays_that_fit(tmp_path, reference):
    alone = yardstick.make_reference("some", 60, [some_network(0)])
    cut = reference._replace(means=reference.means | {"theta": reference.means["theta"][1:]})
    for bad in (alone, cut):
        yardstick.save_reference(bad, tmp_path / "bad.npz")
        with pytest.raises(DiehlCookError, match="do not fit each other, or it has fewer than 2 seeds"):
            yardstick.load_reference(tmp_path / "bad.npz")


def test_the_accuracy_is_of_the_second_half_with_labels_of_the_first():
    labels = np.array([0, 1, 0, 1])
    counts = np.array([[9, 0], [0, 9], [5, 1], [5, 1]])  # the last one is told wrong
    assert yardstick.accuracy_in_training(counts, labels) == 0.5


def test_it_notices_what_differs_and_not_a_fresh_seed(reference):
    fresh = [{one.quantity: one.ratio for one in judge(some_network(k), reference)} for k in range(50, 60)]
    for name in fresh[0]:
        assert np.mean([one[name] for one in fresh]) < LIMIT, name
    for change, shows in (({"theta": 0.06}, "theta"), ({"rate": 4.0}, "spikes per image")):
        found = {one.quantity: one.alike for one in judge(some_network(50, **change), reference)}
        assert not found[shows]


def test_what_is_not_there_is_not_judged(reference):
    made = some_network(50)
    assert [one.quantity for one in judge(Made(theta=made.theta), reference)] == ["theta"]
    without = judge(made._replace(labels=None), reference)
    assert [one.quantity for one in without] == list(QUANTITIES)


@pytest.fixture
def folder(tmp_path, reference):
    made = some_network(50)
    for name in ("counts", "theta", "weights", "labels"):
        np.save(tmp_path / f"{name}.npy", getattr(made, name))
    yardstick.save_reference(reference, tmp_path / "mine.npz")
    return tmp_path


def test_the_command_judges_a_folder(folder, reference, capsys):
    assert main(["judge", str(folder), "--reference", str(folder / "mine.npz"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    ratios = {one["quantity"]: one["ratio"] for one in said["verdicts"]}
    assert said["reference"] == "mine-12-60"
    assert said["seeds"] == 6
    for one in judge(some_network(50), reference):
        assert ratios[one.quantity] == pytest.approx(one.ratio, rel=1e-3)  # the file is in single precision
    np.save(folder / "theta.npy", 2 * np.load(folder / "theta.npy"))
    np.save(folder / "weights.npy", np.load(folder / "weights.npy").ravel())  # as the example script does
    assert main(["judge", str(folder), "--reference", str(folder / "mine.npz")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "differs from the reference in 1 of 7: theta"
    assert next(line for line in lines if line.startswith("theta")).endswith("differs")


def test_a_run_of_this_package_can_be_judged(tmp_path, capsys):
    digits = datasets.load("digits", "train").head(30)
    smoke = load_preset("smoke").with_values(order="shuffled")
    run = train(tmp_path / "run", digits, smoke, engine="fused", progress=False)
    made = yardstick.read_made(run.folder)
    assert np.array_equal(made.counts, run.load("train_counts"))
    assert np.array_equal(made.labels, run.load("train_history")["label"])
    assert not np.array_equal(made.labels, digits.labels)  # which are in the order of the file
    assert yardstick.size_of(made) == (smoke.n_exc, 30)
    run.facts["train"]["epochs"] = 400  # of which not all responses would have been kept
    run.save()
    made = yardstick.read_made(run.folder)
    assert made.counts is None
    assert yardstick.size_of(made) == (smoke.n_exc, 12_000)
    assert main(["judge", str(run.folder)]) == 1
    assert "no reference for 16 neurons and 12,000 images" in capsys.readouterr().err
    with pytest.raises(DiehlCookError, match="it has learned from digits; the references are of MNIST"):
        yardstick.check_data(made)
    yardstick.check_data(made._replace(data="mnist"))
    yardstick.check_data(yardstick.Made(theta=run.theta()))  # of another program


def test_spikes_may_be_floats_if_they_are_whole(folder):
    before = yardstick.read_made(folder)
    np.save(folder / "counts.npy", before.counts.astype(float))
    assert np.array_equal(yardstick.read_made(folder).counts, before.counts)


def test_seeds_that_do_not_differ_are_unlike_everything_else(reference):
    found = yardstick.verdict("theta", np.zeros((3, 4)), np.full(4, 0.5), 1.0, np.zeros(3))
    assert found.ratio == np.inf
    assert not found.alike
    assert yardstick.as_facts([found])[0]["ratio"] is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"theta.npy": np.full(12, 30.0)}, "are these millivolts"),
        ({"theta.npy": np.full(11, 0.03)}, r"shape is \(11,\), expected \(12,\)"),
        ({"weights.npy": np.zeros((12, 784))}, "transposed"),
        ({"counts.npy": np.full((60, 12), -1)}, "smallest value is -1"),
        ({"counts.npy": np.full((60, 12), 0.5)}, "contains fractions"),
        ({"labels.npy": np.full(60, -1)}, "smallest value is -1"),
        ({"labels.npy": np.zeros(59, int)}, r"shape is \(59,\), expected \(60,\)"),
        (
            {"counts.npy": np.zeros((61, 12), int), "labels.npy": np.zeros(61, int)},
            "61 images; the reference",
        ),
    ],
)
def test_what_cannot_be_judged_is_refused_in_one_line(folder, capsys, change, message):
    for name, array in change.items():
        np.save(folder / name, array)
    assert main(["judge", str(folder), "--reference", str(folder / "mine.npz")]) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(said[0])


def test_folders_and_references_that_are_not_there(tmp_path, capsys):
    for arguments, message in (
        ([str(tmp_path / "none")], "not found"),
        ([str(tmp_path)], "expected counts.npy, theta.npy or weights.npy in it, found none"),
    ):
        assert main(["judge", *arguments]) == 1
        assert message in capsys.readouterr().err
    np.save(tmp_path / "theta.npy", np.full(12, 0.03))
    assert main(["judge", str(tmp_path)]) == 1
    assert "there is no reference for 12 neurons" in capsys.readouterr().err
    with pytest.raises(DiehlCookError, match="did you mean diehl-cook-2015-400-1000"):
        yardstick.named_reference("diehl-cook-2015-400-100")
    (tmp_path / "bad.npz").write_bytes(b"PK")
    with pytest.raises(DiehlCookError, match="not a reference"):
        yardstick.named_reference(str(tmp_path / "bad.npz"))


def test_the_references_of_the_package():
    for name in yardstick.reference_names():
        one = yardstick.named_reference(name)
        assert one.name == name
        assert one.seeds == 20
        for quantity in QUANTITIES:
            assert (np.diff(one.functions[quantity], axis=1) >= 0).all()
            assert one.functions[quantity].max() == 1
    assert yardstick.find_reference(400, None).name == "diehl-cook-2015-400-10000"
    assert yardstick.find_reference(100, 1000).name == "diehl-cook-2015-100-1000"


def test_a_fresh_seed_is_told_from_other_models(mnist_folder):
    """100 neurons and 1,000 images, with a seed that the reference does not have."""
    data = datasets.load("mnist", "train", data=mnist_folder).head(1000)
    tool, params = load_script("yardstick"), with_size(load_preset("diehl-cook-2015"), 100)

    def differs(**change):
        made = tool.made_by(params.with_values(change), 1000, data.images, data.labels, (1000,))[1000]
        return [one.quantity for one in judge(made, yardstick.find_reference(100, 1000)) if not one.alike]

    assert differs() == []
    assert {"weights", "spikes per image"} <= set(differs(theta_plus="0.025 mV"))
    assert {"images won per neuron", "spikes of the winner per image"} <= set(differs(w_inh_exc=10))


def test_the_page_is_made_of_the_rows():
    judged, pages = load_script("judged"), load_script("pages")
    rows = pages.read_rows(judged.ROWS)
    page = judged.PAGE.read_text(encoding="utf-8")
    assert judged.alarms(rows) in page
    assert judged.cases(rows) in page
    fresh = [one for one in rows if one["case"] == judged.SAME.name]
    assert len(fresh) == 2 * 2 * len(judged.FRESH)
    assert not judged.missing(rows)
