"""The classifier for scikit-learn: the same network as train, observe and predict make, with any numbers and labels."""

import dataclasses
import json
import pickle

import numpy as np
import pytest
import scipy.sparse
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from diehlcook import DiehlCook, load, load_preset, load_run, observe, predict, train
from diehlcook.classifier import MNIST_SPIKES, best_params
from diehlcook.data.coding import Coder, learned
from diehlcook.data.datasets import Dataset, expected_input_spikes
from diehlcook.errors import DiehlCookError, NetworkError

SMOKE = load_preset("smoke")
SMALL = {"params": SMOKE, "random_state": 3, "epochs": 1}
DIGITS = load("digits", "train").head(40)
PIXELS = DIGITS.images.reshape(40, -1)


@pytest.fixture(scope="module")
def blobs():
    """Sixty samples of two features around three centres, and their colours."""
    rng = np.random.default_rng(1)
    centres = np.array([[-40.0, 0.001], [0.0, 0.005], [40.0, 0.001]])
    numbers = np.arange(60) % 3
    X = centres[numbers] + rng.normal(size=(60, 2)) * [3, 0.0003]
    return X, np.array(["red", "green", "blue"], object)[numbers]


@pytest.fixture(scope="module")
def fitted(blobs):
    return DiehlCook(**(SMALL | {"epochs": 2})).fit(*blobs)


def test_it_is_the_network_that_the_phases_make(tmp_path):
    one = DiehlCook(coding="pixels", **SMALL).fit(PIXELS, DIGITS.labels)
    run = train(tmp_path / "run", DIGITS, SMOKE, seed=3, progress=False)
    observe(run, DIGITS, raster=False, progress=False)
    np.testing.assert_array_equal(one.weights_, run.weights())
    np.testing.assert_array_equal(one.theta_, run.theta())
    np.testing.assert_array_equal(one.responses_, run.load("observe_counts"))
    expected = predict(run, DIGITS.images)
    np.testing.assert_array_equal(one.transform(PIXELS), expected.counts)
    told = expected.labels >= 0
    np.testing.assert_array_equal(one.predict(PIXELS)[told], expected.labels[told])


def test_a_run_directory_stays_if_one_is_named(blobs, tmp_path):
    one = DiehlCook(**SMALL, folder=tmp_path / "kept").fit(*blobs)
    run = load_run(tmp_path / "kept")
    np.testing.assert_array_equal(run.weights(), one.weights_)
    assert run.classes("observe") == ("blue", "green", "red")
    assert "raster" not in run.facts["observe"]
    with pytest.raises(DiehlCookError, match="there is a run already"):
        DiehlCook(**SMALL, folder=tmp_path / "kept").fit(*blobs)


def test_features_are_coded_by_populations():
    X = np.array([[0.0, 5.0], [10.0, 7.0], [4.0, 6.0]])
    coder = learned("features", X)
    assert (coder.population, coder.n_input) == (392, 784)
    images = coder.images(np.array([[4.0, 6.5], [-100.0, 9.0]]))
    preferred = np.arange(392) / 391
    expected = np.rint(255 * np.exp(-0.5 * ((0.4 - preferred) / 0.1) ** 2))
    np.testing.assert_array_equal(images[0, 0], expected)
    assert abs(images[0, 1].argmax() - 0.75 * 391) < 4  # the top is flat, in whole grey levels
    assert images[1, 0, 0] == images[1, 1, -1] == 255  # off the scale: at its ends
    wide = Coder("features", np.zeros(1000), np.ones(1000))
    assert wide.population == 2
    np.testing.assert_array_equal(
        wide.images(np.full((1, 1000), 0.5))[0, 0], np.rint([255 * np.exp(-0.5)] * 2)
    )


def test_few_pixels_drive_several_inputs_each():
    """As many inputs, as many input spikes and as large weights as for digits of 28 x 28 pixels."""
    small = DIGITS.images[:, 2:26:3, 2:26:3].reshape(40, 64) / 16
    coder = learned("pixels", small)
    assert (coder.population, coder.n_input) == (12, 768)
    images = coder.images(small)
    np.testing.assert_array_equal(images, np.rint(255 * small / small.max())[:, :, None].repeat(12, axis=2))
    assert learned("pixels", PIXELS).population == 1
    params = DiehlCook(n_exc=16, coding="pixels")._params(coder, Dataset.from_arrays(images, DIGITS.labels))
    assert params.weight_sum == pytest.approx(best_params("triplet", 16).weight_sum * 768 / 784, rel=1e-5)
    assert expected_input_spikes(images, params).mean() == pytest.approx(MNIST_SPIKES, rel=1e-4)


@pytest.mark.parametrize(
    ("samples", "n_exc", "passes"), [(60, 10, 5), (61, 10, 5), (3, 100, 50), (60_000, 400, 1)]
)
def test_every_neuron_gets_thirty_samples(samples, n_exc, passes):
    assert DiehlCook()._passes(samples, n_exc) == passes
    assert DiehlCook(epochs=7)._passes(samples, n_exc) == 7


def test_a_network_that_does_not_respond_is_spoken_of_in_the_words_of_the_classifier(blobs):
    X = np.abs(blobs[0]) * [0, 1] + [40.0, 0.0]
    dark = DiehlCook(coding="pixels", params=SMOKE.with_values(pixel_rate="0.001 Hz"))
    with pytest.raises(NetworkError, match=r"coding='features' takes any numbers$") as error:
        dark.fit(X, blobs[1])
    assert "doctor" not in str(error.value)
    assert "force" not in str(error.value)


def test_a_feature_that_never_changes_is_the_same_for_all():
    coder = learned("features", np.array([[1.0, 3.0], [2.0, 3.0]]))
    images = coder.images(np.array([[1.0, 3.0], [2.0, 3.0]]))
    np.testing.assert_array_equal(images[0, 1], images[1, 1])
    assert not np.array_equal(images[0, 0], images[1, 0])


def test_pixels_have_one_scale_that_begins_at_0():
    coder = learned("pixels", np.array([[1.0, 0.0], [4.0, 2.0]]))
    images = coder.images(np.array([[1.0, 8.0]]))
    np.testing.assert_array_equal(images[0], np.repeat([[64], [255]], 392, axis=1))
    with pytest.raises(DiehlCookError, match="pixels are from -1 to 2"):
        learned("pixels", np.array([[-1.0, 2.0]]))
    with pytest.raises(DiehlCookError, match="nor all 0"):
        learned("pixels", np.zeros((2, 2)))


def test_samples_have_as_many_input_spikes_as_digits(fitted, blobs):
    images = fitted.coder_.images(blobs[0])
    assert expected_input_spikes(images, fitted.params_).mean() == pytest.approx(MNIST_SPIKES, rel=1e-4)
    assert fitted.params_.n_input == 784


def test_constants_are_the_best_of_the_rule_and_the_nearest_size():
    assert best_params("triplet", 100) == load_preset("best-triplet-100")
    assert best_params("power-law", 6400) == load_preset("best-power-law-6400")
    near = best_params("exponential", 350)
    assert (near.n_exc, near.rule, near.order) == (350, "exponential", "shuffled")
    assert near.w_inh_exc == load_preset("best-exponential-400").w_inh_exc
    with pytest.raises(DiehlCookError, match="rule is 'hebb'; choose one of exponential, power-law"):
        best_params("hebb", 100)


@pytest.mark.parametrize(
    ("samples", "epochs", "expected"), [(60, 50, 40e-3 * 10 / (20 * 60 * 50)), (20, 1, 0.5e-3)]
)
def test_thresholds_rise_with_few_samples_too(blobs, samples, epochs, expected):
    one = DiehlCook(n_exc=10, epochs=epochs)
    assert best_params("triplet", 10).theta_plus < expected
    data = Dataset.from_arrays(np.ones((samples, 2, 392)), np.arange(samples) % 2)
    coder = learned("pixels", blobs[0] + 50)
    one.coding = "pixels"
    assert one._params(coder, data).theta_plus == pytest.approx(expected, rel=1e-3)
    many = dataclasses.replace(data, labels=np.zeros(60_000, np.uint8))
    assert one._params(coder, many).theta_plus == best_params("triplet", 10).theta_plus


def test_labels_of_any_type(fitted, blobs):
    X, colours = blobs
    predicted = fitted.predict(X)
    assert predicted.dtype == object
    assert set(predicted) <= {"red", "green", "blue"}
    odd = np.array([-7, 100, 3])[np.arange(60) % 3]
    np.testing.assert_array_equal(DiehlCook(**(SMALL | {"epochs": 2})).fit(X, odd).classes_, [-7, 3, 100])
    assert fitted.score(X, colours) > 0.6


def test_a_sample_without_spikes_is_of_the_most_frequent_class():
    labels = np.where(DIGITS.labels < 7, "low", "high")
    one = DiehlCook(coding="pixels", **SMALL).fit(PIXELS, labels)
    black = np.vstack([np.zeros((1, 784)), PIXELS[:1]])
    assert one.transform(black)[0].sum() == 0
    assert one.predict(black)[0] == "low"
    assert one.decision_function(black)[0] == 1  # "low" is the second class


def test_decisions_are_those_of_the_scores(fitted, blobs):
    X, _ = blobs
    shares = fitted.decision_function(X)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    np.testing.assert_array_equal(fitted.classes_[shares.argmax(axis=1)], fitted.predict(X))


@pytest.mark.parametrize("labels", [["red", "green", "blue"], [True, False, False], [1.5, 2.5, -3.0]])
def test_a_saved_classifier_predicts_the_same(blobs, tmp_path, labels):
    X = blobs[0]
    y = np.array(labels)[np.arange(60) % 3]
    if y.dtype.kind == "f":
        y = y.astype(str).astype(object)
    one = DiehlCook(**SMALL, readout="naive-bayes").fit(X, y)
    one.save(tmp_path / "flowers.npz")
    again = DiehlCook.load(tmp_path / "flowers.npz")
    np.testing.assert_array_equal(again.predict(X), one.predict(X))
    assert again.classes_.dtype == one.classes_.dtype
    assert again.get_params() == one.get_params() | {"params": one.params_}
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(one)).predict(X), one.predict(X))


def changed(path, new, **changes):
    with np.load(path) as found:
        arrays = dict(found)
    about = json.loads(str(arrays["about"])) | changes.pop("about", {})
    np.savez(new, **(arrays | {"about": json.dumps(about)} | changes))
    return new


def test_what_is_no_saved_classifier_is_refused(fitted, tmp_path):
    path, new = tmp_path / "one.npz", tmp_path / "new.npz"
    fitted.save(path)
    for changes, message in (
        ({"about": {"schema": 9}}, "schema is 9, this version reads 1; fit it again"),
        ({"weights": fitted.weights_.T}, "weights: shape is"),
        ({"theta": 1e3 * fitted.theta_}, "millivolts"),
        ({"numbers": fitted.numbers_ + 9}, "numbers"),
        ({"responses": fitted.responses_[:5]}, "numbers: shape is"),
        ({"about": {"chosen": {"n_exc": 5}}}, "not what DiehlCook.save writes"),
        ({"about": {"coding": 3}}, "coding is 3"),
    ):
        with pytest.raises(DiehlCookError, match=message):
            DiehlCook.load(changed(path, new, **changes))
    np.savez(new, weights=fitted.weights_)
    with pytest.raises(DiehlCookError, match=r"not what DiehlCook\.save writes: no about"):
        DiehlCook.load(new)
    with pytest.raises(NotFittedError):
        DiehlCook().save(path)
    with pytest.raises(DiehlCookError, match="of schema 9, this version reads 1"):
        fitted.__class__().__setstate__(fitted.__getstate__() | {"schema_": 9})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda X, y: (X, np.ones(60)), "there is one class"),
        (lambda X, y: (np.where(X > 3, np.nan, X), y), "NaN"),
        (lambda X, y: (scipy.sparse.csr_matrix(X), y), "[Ss]parse"),
        (lambda X, y: (X[:, 0], y), "2D array"),
        (lambda X, y: (X, y[:30]), "inconsistent numbers of samples"),
        (lambda X, y: (X, np.linspace(0, 1, 60)), "Unknown label type"),
    ],
)
def test_bad_samples_are_refused(blobs, given, message):
    with pytest.raises((ValueError, TypeError), match=message):
        DiehlCook(**SMALL).fit(*given(*blobs))


def test_bad_parameters_are_refused(blobs):
    for bad, message in (
        ({"coding": "rates"}, "coding is 'rates'; choose one of features, pixels"),
        ({"readout": "votes"}, "unknown readout 'votes'"),
        ({"random_state": -1}, "seed is -1"),
        ({"n_jobs": 0}, "n_jobs is 0"),
        ({"epochs": 0}, "epochs is 0"),
        ({"n_exc": "50", "params": None}, "n_exc is '50'; expected a whole number"),
        ({"params": {"theta_plus": 0.1}}, "params is a dict; expected constants"),
        ({"params": "smok"}, "did you mean smoke"),
    ):
        with pytest.raises(DiehlCookError, match=message):
            DiehlCook(**(SMALL | bad)).fit(*blobs)
    with pytest.raises(NotFittedError):
        DiehlCook().predict(blobs[0])


def test_three_samples_will_do():
    one = DiehlCook(**SMALL).fit([[0.0, 1.0], [1.0, 0.0], [0.5, 0.5]], ["a", "b", "a"])
    assert set(one.predict([[0.1, 0.9]])) <= {"a", "b"}


def test_pipelines_and_searches(blobs):
    X, y = blobs
    pipeline = make_pipeline(StandardScaler(), DiehlCook(**SMALL))
    search = GridSearchCV(pipeline, {"diehlcook__epochs": [1, 2]}, cv=2).fit(X, y)
    assert search.best_score_ > 0.4
    names = search.best_estimator_[-1].get_feature_names_out()
    assert names[:2].tolist() == ["diehlcook0", "diehlcook1"]
    assert len(names) == SMOKE.n_exc


@pytest.mark.slow
@parametrize_with_checks([DiehlCook(n_exc=10)])
def test_scikit_learn_takes_it_for_a_classifier(estimator, check):
    check(estimator)
