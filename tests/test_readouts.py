"""The readouts beside the paper's, against their definitions worked out by hand, and the ladder of a run."""

import json
import math
import shutil
import subprocess
import sys

import numpy as np
import pytest
from test_phases import diehlcook, ok

from diehlcook import load_preset, load_run, load_shipped, predict
from diehlcook.analysis import readout, readouts
from diehlcook.analysis.ladder import ladder
from diehlcook.analysis.readouts import READOUTS, fit
from diehlcook.cli import main as cli
from diehlcook.data import datasets
from diehlcook.errors import DiehlCookError
from diehlcook.phases.observe import observe
from diehlcook.phases.test import test
from diehlcook.phases.train import train

COUNTS = np.array(
    [[4, 0, 1, 0], [2, 0, 1, 0], [0, 3, 1, 0], [0, 1, 2, 0], [0, 1, 6, 0], [1, 1, 4, 0]], np.uint16
)
LABELS = np.array([0, 0, 1, 1, 2, 2])
# Mean counts of the four neurons: class 0 (3, 0, 1, 0), class 1 (0, 2, 1.5, 0), class 2 (0.5, 1, 5, 0)
SHARES = np.array([[3, 0, 0.5], [0, 2, 1], [1, 1.5, 5], [0, 0, 0]]) / np.array([[3.5], [3], [7.5], [1]])
NEW = np.array([[1, 1, 1, 0], [0, 2, 1, 0], [0, 0, 0, 0], [0, 0, 0, 3], [3, 0, 3, 0]], np.uint16)


def classify(name, **options):
    return fit(name, COUNTS, LABELS, 3, **options).classify(NEW).tolist()


def test_a_slip_of_the_name_is_understood():
    with pytest.raises(DiehlCookError, match=r"unknown readout 'Naive-Baye'; did you mean naive-bayes\?"):
        readouts.check_name("Naive-Baye")


def test_assignment_is_the_papers():
    """Labels 0, 1, 2, none; the class with the highest mean: all tie, 1, silent, only an unlabelled neuron fired, tie."""
    assert classify("assignment") == [0, 1, -1, -1, 0]


def test_most_active():
    """Of equally active neurons the lowest label; a neuron without a label says nothing."""
    assert classify("most-active") == [0, 1, -1, -1, 0]


def test_all_proportions_by_hand():
    scores = NEW @ SHARES
    expected = np.where(scores.any(axis=1), scores.argmax(axis=1), -1)
    assert classify("all-proportions") == expected.tolist() == [2, 1, -1, -1, 0]
    assert fit("all-proportions", COUNTS, LABELS, 3).weights == pytest.approx(SHARES)


def test_proportion_weighting_by_hand():
    """Two neurons of class 0: a spike counts with its neuron's share, divided by the neurons of the class."""
    counts = np.hstack([COUNTS, COUNTS[:, :1] // 2])
    fitted = fit("proportion-weighting", counts, LABELS, 3)
    fifth = np.array([1.5, 0, 0]) / 1.5
    expected = np.zeros((5, 3))
    expected[0, 0], expected[4, 0] = SHARES[0, 0] / 2, fifth[0] / 2
    expected[1, 1], expected[2, 2] = SHARES[1, 1], SHARES[2, 2]
    assert fitted.weights == pytest.approx(expected)
    assert not fitted.bias.any()


def test_naive_bayes_by_hand():
    """The likelihood of Poisson counts, each neuron's mean drawn towards that of all images."""
    fitted = fit("naive-bayes", COUNTS, LABELS, 3)
    smoothing = fitted.chosen["smoothing"]
    overall = COUNTS.mean(axis=0)
    for k in range(3):
        rate = (COUNTS[k == LABELS].sum(axis=0) + smoothing * overall) / (2 + smoothing)
        for row in NEW[[0, 1, 4]]:
            expected = math.log(1 / 3) + sum(
                count * math.log(mean) - mean for count, mean in zip(row[:3], rate[:3], strict=True)
            )
            assert (row @ fitted.weights + fitted.bias)[k] == pytest.approx(expected)


def test_a_class_without_images_is_never_the_answer():
    for name in READOUTS:
        fitted = fit(name, np.vstack([COUNTS] * 5), np.tile(LABELS + (LABELS > 0), 5), 5)
        answers = fitted.classify(np.vstack([COUNTS, NEW, 1 - (NEW > 0)]).astype(np.uint16))
        assert set(answers.tolist()) <= {-1, 0, 2, 3}, name


@pytest.fixture(scope="module")
def poisson():
    """Responses of 60 neurons to 3,000 images of 4 classes, for learning, and as many others."""
    rng = np.random.default_rng(0)
    rates = rng.gamma(0.3, 1.0, (4, 60))
    labels = rng.integers(0, 4, 6000)
    counts = rng.poisson(rates[labels]).astype(np.uint16)
    return counts[:3000], labels[:3000], counts[3000:], labels[3000:], rates


def test_on_counts_whose_law_is_known_naive_bayes_is_the_best_there_is(poisson):
    counts, labels, new, truth, rates = poisson
    best = (new @ np.log(rates).T - rates.sum(axis=1)).argmax(
        axis=1
    )  # the rates themselves: no readout can do better
    right = {name: (fit(name, counts, labels, 4).classify(new) == truth).mean() for name in READOUTS}
    assert right["naive-bayes"] == pytest.approx((best == truth).mean(), abs=0.01)
    for name in ("logistic", "ridge"):
        assert right["assignment"] < right[name] < right["naive-bayes"] + 0.01


def test_linear_readouts_are_scikit_learns_own(poisson):
    from sklearn.linear_model import LogisticRegression, RidgeClassifier

    counts, labels, new, _, _ = poisson
    fitted = fit("logistic", counts, labels, 4)
    model = LogisticRegression(C=fitted.chosen["C"], max_iter=1000).fit(np.sqrt(counts), labels)
    assert (fitted.classify(new) == model.predict(np.sqrt(new))).mean() > 0.998
    assert abs(fitted.shares(new) - model.predict_proba(np.sqrt(new))).max() < 0.02
    fitted = fit("ridge", counts, labels, 4)
    model = RidgeClassifier(alpha=fitted.chosen["penalty"]).fit(counts.astype(float), labels)
    assert (fitted.classify(new) == model.predict(new.astype(float))).mean() > 0.998


def test_two_classes_are_told_apart(poisson):
    counts, labels, new, truth, _ = poisson
    for name in READOUTS:
        fitted = fit(name, counts, labels // 2, 2)
        shares = fitted.shares(new)
        assert shares.sum(axis=1) == pytest.approx(1.0), name
        assert ((shares[:, 1] > shares[:, 0]) == (fitted.classify(new) == 1)).all(), name
        assert (fitted.classify(new) == truth // 2).mean() > 0.8, name


def test_hyperparameters_are_chosen_by_other_images_than_they_are_fitted_on(monkeypatch):
    """Images that only memory can tell: the candidates are judged by every fifth image, and not fitted on it."""
    seen = []
    fits = readouts.bayes_fits

    def spying(counts, labels, n_classes, candidates):
        seen.append((len(counts), list(candidates)))
        return fits(counts, labels, n_classes, seen[-1][1])

    monkeypatch.setattr(readouts, "bayes_fits", spying)
    counts = np.vstack([COUNTS] * 10)
    fitted = fit("naive-bayes", counts, np.tile(LABELS, 10), 3)
    assert seen == [(48, list(readouts.SMOOTHING)), (60, [fitted.chosen["smoothing"]])]
    by_chance = np.random.default_rng(0).integers(0, 2, 60)
    assert readouts.held_out(by_chance).tolist() == [k % 5 == 4 for k in range(60)]
    assert readouts.held_out(np.arange(60_000) // 6_000 % 10).sum() == 10_000
    assert readouts.held_out(np.arange(3)).sum() == 0


def test_every_class_chooses_though_labels_come_in_a_regular_order():
    labels = np.tile(np.arange(10), 30)
    chosen = readouts.held_out(labels)
    assert np.bincount(labels[chosen]).tolist() == [6] * 10


@pytest.mark.parametrize("n_images", [40, 3000])
def test_the_hyperparameter_chosen_is_the_best_of_the_candidates(n_images, poisson):
    counts, labels = poisson[0][:n_images], poisson[1][:n_images]
    judges = np.arange(n_images) % 5 == 4
    right = [
        (one.classify(counts[judges]) == labels[judges]).sum()
        for one in readouts.bayes_fits(counts[~judges], labels[~judges], 4, readouts.SMOOTHING)
    ]
    assert max(right) > min(right)
    chosen = fit("naive-bayes", counts, labels, 4).chosen["smoothing"]
    assert chosen == readouts.SMOOTHING[int(np.argmax(right))]


@pytest.mark.parametrize(
    ("name", "counts", "labels", "error", "message"),
    [
        ("votes", COUNTS, LABELS, DiehlCookError, "unknown readout 'votes'; choose one of all-proportions"),
        ("ridge", COUNTS, LABELS[:5], ValueError, "labels: expected shape"),
        ("ridge", COUNTS.astype(float), LABELS, ValueError, "expected integers"),
        ("ridge", COUNTS, LABELS + 1, ValueError, "labels: expected 0 to 2"),
        ("logistic", COUNTS, LABELS * 0, DiehlCookError, "two classes at least"),
    ],
)
def test_bad_input(name, counts, labels, error, message):
    with pytest.raises(error, match=message):
        fit(name, counts, labels, 3)


# --- McNemar's test


@pytest.mark.parametrize(
    ("gained", "lost", "p"),
    [(0, 0, 1.0), (1, 0, 1.0), (5, 5, 1.0), (8, 2, 2 * 56 / 1024), (10, 0, 2 / 1024), (2, 8, 2 * 56 / 1024)],
)
def test_mcnemar_by_hand(gained, lost, p):
    one = np.array([True] * gained + [False] * lost + [True] * 7 + [False] * 3)
    other = np.array([False] * gained + [True] * lost + [True] * 7 + [False] * 3)
    found = readout.mcnemar(one, other)
    assert (found.gained, found.lost) == (gained, lost)
    assert found.p == pytest.approx(p)


def test_mcnemar_of_many_images_is_scipys_binomial_test():
    from scipy.stats import binomtest

    one, other = np.arange(5000) < 1500, np.arange(5000) % 2 == 0
    found = readout.mcnemar(one, other)
    assert found.p == pytest.approx(binomtest(found.gained, found.gained + found.lost).pvalue, rel=1e-9)
    with pytest.raises(ValueError, match="equal length"):
        readout.mcnemar(one, other[:-1])


# --- the ladder of a run


@pytest.fixture(scope="module")
def run(tmp_path_factory, without_raster):
    folder = tmp_path_factory.mktemp("readouts") / "run"
    training, testing = datasets.load("digits", "train"), datasets.load("digits", "test")
    made = train(folder, training.head(600), load_preset("smoke"), preset="smoke", engine="fused")
    observe(made, training.head(300), engine="fused")
    test(made, testing.head(200), repeats=2, engine="fused")
    return folder


def test_the_ladder_from_stored_counts(run, capsys):
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    done = ok("readouts", "--run", run, "--json")
    facts = json.loads(done.stdout)
    assert list(facts["readouts"]) == sorted(READOUTS)
    assert (facts["labelled_with"], facts["images"], facts["repeats"]) == (300, 200, 2)
    tested = load_run(run).facts["test"]
    assert facts["readouts"]["assignment"]["accuracy"] == pytest.approx(tested["accuracy"], abs=1e-6)
    assert facts["readouts"]["assignment"]["interval95"] == tested["interval95"]
    # one of them again, by hand, from the files
    training, testing = datasets.load("digits", "train").head(300), datasets.load("digits", "test").head(200)
    shown = np.load(run / "test_counts.npy").reshape(2, 200, -1)
    fitted = fit("most-active", np.load(run / "observe_counts.npy"), training.labels)
    hits = np.array([fitted.classify(one) == testing.labels for one in shown])
    one = facts["readouts"]["most-active"]
    assert one["accuracy"] == pytest.approx(hits.mean(), abs=1e-6)
    papers = np.load(run / "test_predictions.npy")[0] == testing.labels
    assert one["gained"] == (hits[0] & ~papers).sum()
    assert one["lost"] == (~hits[0] & papers).sum()
    assert one["p"] == readout.mcnemar(hits[0], papers).p
    lines = capsys.readouterr().out.splitlines() if cli.main(["readouts", "--run", str(run)]) == 0 else []
    assert [line.split()[0] for line in lines[2:9]] == sorted(READOUTS)
    assert before == {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}


def test_predict_takes_a_readout(run):
    images = datasets.load("digits", "test").images[:40]
    paper = predict(run, images, engine="fused")
    other = predict(run, images, engine="fused", readout="naive-bayes")
    assert np.array_equal(paper.counts, other.counts)
    fitted = fit(
        "naive-bayes", np.load(run / "observe_counts.npy"), datasets.load("digits", "train").labels[:300]
    )
    assert np.array_equal(other.labels, fitted.classify(other.counts))
    assert not np.array_equal(other.labels, paper.labels)
    with pytest.raises(DiehlCookError, match="unknown readout 'best'"):
        predict(run, images, engine="fused", readout="best")


def one_line(folder, *options):
    done = diehlcook("readouts", "--run", folder, *options)
    assert done.returncode == 1, done.stdout
    (line,) = done.stderr.strip().splitlines()
    return line


def test_results_that_do_not_belong_together_are_refused(run, tmp_path):
    def copy(name):
        shutil.copytree(run, tmp_path / name)
        return tmp_path / name

    folder = copy("weights")
    np.save(folder / "weights.npy", np.load(folder / "weights.npy")[::-1])
    assert "weights.npy is not the one that train wrote" in one_line(folder)
    with pytest.raises(DiehlCookError, match="not the one that train wrote"):
        predict(folder, datasets.load("digits", "test").images[:1], engine="fused", readout="naive-bayes")
    folder = copy("theta")
    np.save(folder / "theta.npy", np.load(folder / "theta.npy")[::-1])
    assert "theta.npy is not the one that train wrote" in one_line(folder)
    folder = copy("labels")
    np.save(folder / "assignments.npy", np.zeros(16, np.int8))
    assert "assignments.npy is not the one that observe wrote" in one_line(folder)
    folder = copy("counts")
    np.save(folder / "observe_counts.npy", np.load(folder / "observe_counts.npy")[::-1])
    assert "observe_counts.npy is not the one that observe wrote" in one_line(folder)
    folder = copy("gone")
    (folder / "test_counts.npy").unlink()
    assert "test_counts.npy: not found; make it again with `python -m diehlcook test" in one_line(folder)
    folder = copy("images")
    facts = json.loads((folder / "run.json").read_text())
    facts["observe"]["data"]["sha256"] = "0" * 64
    (folder / "run.json").write_text(json.dumps(facts))
    assert "digits is not what observe of" in one_line(folder)


def test_missing_phases_are_named(run, tmp_path):
    facts = json.loads((run / "run.json").read_text())
    for phase in ("test", "observe"):
        shutil.copytree(run, tmp_path / phase)
        del facts[phase]
        (tmp_path / phase / "run.json").write_text(json.dumps(facts))
        line = one_line(tmp_path / phase)
        assert f"no responses of {phase}; run `python -m diehlcook {phase} --run" in line


def test_without_scikit_learn(run):
    """The others are shown; only what needs it is left out, or refused when asked for."""
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "from diehlcook.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "readouts", "--run", str(run), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    facts = json.loads(done.stdout)
    assert list(facts["readouts"]) == sorted(set(READOUTS) - {"logistic", "ridge"})
    assert list(facts["left_out"]) == ["logistic", "ridge"]
    assert done.stderr.count("pip install") == 2


def test_a_readout_that_is_asked_for_needs_its_library(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    images = datasets.load("digits", "test").images[:1]
    with pytest.raises(DiehlCookError, match="readout logistic needs scikit-learn; install it with"):
        predict(run, images, engine="fused", readout="logistic")


def test_images_that_were_learned_from_are_told(run, tmp_path, caplog):
    folder = tmp_path / "copy"
    shutil.copytree(run, folder)
    facts = json.loads((folder / "run.json").read_text())
    facts["test"]["data"], facts["test"]["images"], facts["test"]["repeats"] = (
        facts["observe"]["data"],
        300,
        1,
    )
    facts["test"]["accuracies"] = facts["test"]["accuracies"][:1]
    facts["test"]["sha256"]["test_counts"] = facts["observe"]["sha256"]["observe_counts"]
    (folder / "run.json").write_text(json.dumps(facts))
    shutil.copy(folder / "observe_counts.npy", folder / "test_counts.npy")
    ladder(load_run(folder), names=["most-active"])
    assert "300 of 300 images are among those that the neurons were labelled with" in caplog.text


def test_networks_of_the_package_have_no_responses():
    with pytest.raises(
        DiehlCookError, match="make a run of it with `python -m diehlcook networks triplet-400`"
    ):
        predict(load_shipped("triplet-400"), np.ones((1, 28, 28), np.uint8), readout="naive-bayes")


def test_no_other_readout_is_the_accuracy_of_a_run(run):
    ladder(load_run(run))
    tested = json.loads((run / "run.json").read_text())["test"]
    predictions = np.load(run / "test_predictions.npy")
    truth = datasets.load("digits", "test").labels[:200]
    assert tested["accuracy"] == pytest.approx((predictions == truth).mean(), abs=1e-6)


# --- the study of the shipped networks


def test_the_page_of_readouts_is_what_the_record_gives(scripts):
    study = scripts["readout_study"]
    assert study.tables(json.loads(study.RECORD.read_text())) in study.PAGE.read_text(encoding="utf-8"), (
        "run scripts/studies/readout_study.py --page"
    )


def test_what_the_record_has_of_the_shipped_networks_is_their_accuracy(scripts):
    record = json.loads(scripts["readout_study"].RECORD.read_text())
    for name in scripts["readout_study"].NETWORKS:
        shipped = load_shipped(name).facts["shipped"]["accuracy"]
        assert record["networks"][name]["readouts"]["assignment"]["accuracy"] == pytest.approx(
            shipped, abs=1e-4
        )


def test_controls_name_groups_by_their_commonest_class(scripts):
    study = scripts["readout_study"]
    members, labels = np.array([0, 0, 0, 2, 2]), np.array([7, 7, 3, 1, 1])
    assert study.majority(members, labels, 3).tolist() == [7, 0, 1]
    assert study.accuracy(np.array([1, 2, 3, 4]), np.array([1, 2, 3, 5]))["accuracy"] == 0.75
