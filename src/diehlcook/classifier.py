"""The network as a classifier of scikit-learn: a thin face of train, observe and predict; no second protocol.

Samples become images: `coding` turns the features of a sample into the grey levels of input neurons. The rest
is what `phases.train`, `phases.observe` and `phases.responses` do with images and labels.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .analysis import readouts
from .data.coding import Coder, check_coding, learned
from .data.datasets import Dataset, expected_input_spikes
from .data.npz import read_npz
from .engines.base import Model
from .engines.registry import DEFAULT_ENGINE, resolve
from .errors import DiehlCookError, NetworkError
from .jobs import available_cores
from .model.arrays import Expected, check_delays, check_seed, check_theta, check_weights, checked
from .model.params import Params, as_params, load_preset, preset_names, with_size
from .model.stimulus import stream_key
from .phases.observe import observe
from .phases.responses import TrainedNetwork, respond
from .phases.train import check_epochs, train
from .private import PrivateFolder
from .runs.run import Run
from .whole import write_whole

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError:
    raise readouts.no_sklearn("DiehlCook") from None

SCHEMA = 1
"""The version of what is saved of a classifier."""

MNIST_SPIKES = 2286.0
"""Input spikes in the presentation of an image of MNIST, in the mean over its training images: what the constants are meant for."""

RISE = 40e-3
"""Volts by which theta has risen after a training that was long enough; 35 to 48 mV after three passes over MNIST (docs/health.md)."""

USUAL_SPIKES = 20
"""Spikes of all neurons in a presentation, about (docs/health.md)."""

LARGEST_STEP = 0.5e-3
"""Volts by which a spike may raise theta here: ten times the step of 400 neurons. A larger one would silence a neuron by a few spikes."""

ARRAYS = "weights", "theta", "delays", "responses", "numbers", "classes", "low", "high"
"""Arrays of a saved classifier."""

SAMPLES_PER_NEURON, MOST_PASSES = 30, 50
"""Samples that `fit` shows for each neuron, at least, as long as that takes no more than so many passes: found with iris and digits."""

ALL_CORES = -1


def best_params(rule: str, n_exc: int) -> Params:
    """Return the ``best-*`` preset of a rule for so many neurons: that of the size, or else that of the nearest size, adapted.

    Raises
    ------
    DiehlCookError
        There is no such rule.
    """
    sizes = {
        int(name.rpartition("-")[2]): name
        for name in preset_names()
        if name.rpartition("-")[0] == f"best-{rule}"
    }
    if not sizes:
        known = sorted(
            {name.removeprefix("best-").rpartition("-")[0] for name in preset_names() if name[:5] == "best-"}
        )
        raise DiehlCookError(f"rule is {rule!r}; choose one of {', '.join(known)}")
    nearest = min(sizes, key=lambda size: abs(np.log(size / max(n_exc, 1))))
    return with_size(load_preset(sizes[nearest]), n_exc)


class DiehlCook(ClassifierMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """The network of Diehl & Cook (2015) as a classifier of scikit-learn.

    The network learns from the samples without their labels. The labels are used afterwards, to learn which
    neurons answer which class, or what else the `readout` needs (paper, section 2.6).

    Parameters
    ----------
    n_exc : int
        The number of excitatory neurons, and of inhibitory ones.
    rule : str
        The learning rule: ``"triplet"``, ``"power-law"``, ``"exponential"`` or ``"pre-and-post"``. Its constants
        are those of the preset ``best-RULE-SIZE`` of the nearest size; where samples are few, the step of the
        threshold is larger, so that every neuron has its turn.
    epochs : int, optional
        How many passes over the samples are made. By default there are as many as it takes to show 30 samples for
        each neuron, and at most 50.
    readout : str
        How the class is read from the spikes: the name of one of `analysis.readouts.READOUTS`. The default is the
        paper's.
    engine : str
        The name of an engine, one of `engines.registry.ENGINES`, or ``"auto"`` for the fastest of them that can
        run the model on this machine. All give the same spikes.
    random_state : int, RandomState instance or None
        The seed, from which initial weights, delays, the order of the samples and input spikes follow. An int gives
        the run that ``train --seed`` gives.
    coding : {"features", "pixels"}
        How samples become the rates of input neurons. ``"features"`` takes numbers of any range: each feature is
        scaled to the range that it has in `fit`, and drives a population of neurons, each of which prefers another
        value. ``"pixels"`` takes pictures, in which 0 is silent: each feature is the brightness of one input neuron,
        or of several alike if there are few pixels, up to the largest value in `fit`.
    params : Params or str, optional
        The constants of the model, instead of those that `n_exc` and `rule` choose: what `load_preset` returns, or
        the name of a preset. The number of inputs follows from the samples in any case, and so does
        ``pixel_rate`` with ``coding="features"``: that of a preset is meant for pixels.
    n_jobs : int, optional
        How many processes show samples at once, after the training; -1 for as many as there are cores. The
        result does not depend on it.
    folder : path-like, optional
        The run directory to make in `fit`, for `doctor`, `report` and `plot`. It must not hold a run yet, so each
        fit needs another one. By default there is a temporary one, which is deleted again.
    verbose : bool
        Show the progress on stderr.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels.
    n_features_in_ : int
        The number of features in `fit`.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if they all were texts.
    params_ : Params
        The constants of the model.
    seed_ : int
        The seed.
    weights_ : ndarray of shape (n_input, n_exc)
        The weights, without unit.
    theta_ : ndarray of shape (n_exc,)
        The adaptive part of the thresholds, in volts.
    delays_ : ndarray of shape (n_input, n_exc)
        The delays from input to excitatory neurons, in seconds.
    responses_ : ndarray of uint16, shape (n_samples, n_exc)
        Spikes of the neurons for the samples of `fit`, after the training. `transform` shows them once more, and
        other input spikes are drawn then.

    Notes
    -----
    The input spikes of a sample depend on its place in `X`: the same sample in another place is another
    trial. So predictions of a part of the samples need not be a part of the predictions of all of them.

    A sample for which no neuron tells a class is predicted to be of the most frequent class of `fit`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import cross_val_score
    >>> from diehlcook import DiehlCook
    >>> X, y = load_iris(return_X_y=True)
    >>> cross_val_score(DiehlCook(n_exc=40, epochs=10), X, y)  # doctest: +SKIP
    """

    def __init__(
        self,
        n_exc: int = 100,
        rule: str = "triplet",
        epochs: int | None = None,
        readout: str = readouts.PAPER,
        engine: str = DEFAULT_ENGINE,
        random_state: Any = 0,
        *,
        coding: str = "features",
        params: Params | str | None = None,
        n_jobs: int | None = None,
        folder: Path | str | None = None,
        verbose: bool = False,
    ) -> None:
        self.n_exc = n_exc
        self.rule = rule
        self.epochs = epochs
        self.readout = readout
        self.engine = engine
        self.random_state = random_state
        self.coding = coding
        self.params = params
        self.n_jobs = n_jobs
        self.folder = folder
        self.verbose = verbose

    def __sklearn_tags__(self) -> Any:
        """Return what scikit-learn should know: a sample's spikes depend on its place, and few samples teach little."""
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        tags.classifier_tags.poor_score = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Train the network with samples, and learn to read the classes from its spikes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Numbers, all of them finite.
        y : array-like of shape (n_samples,)
            The labels, of any type; two classes at least.

        Returns
        -------
        DiehlCook
            The classifier itself.

        Raises
        ------
        ValueError
            Samples or labels that scikit-learn does not take, or fewer than two classes.
        DiehlCookError
            A parameter is bad, there is a run in `folder`, or the network does not work with these samples; see
            `phases.train.train`.
        """
        samples, labels = validate_data(self, X, y, ensure_min_samples=2)
        check_classification_targets(labels)
        classes, numbers = np.unique(labels, return_inverse=True)
        if len(classes) < 2:
            (only,) = classes.tolist()
            raise ValueError(f"DiehlCook tells classes apart, and there is one class: {only!r}")
        readouts.check_name(self.readout)
        seed = self._seed()
        coder = learned(self.coding, samples)
        data = dataclasses.replace(
            Dataset.from_arrays(coder.images(samples), numbers, name="fit"), classes=tuple(map(str, classes))
        )
        params, jobs = self._params(coder, data), self._jobs()
        with self._directory() as folder:
            run = self._trained(folder, data, params, seed)
            observe(run, data, engine=self.engine, jobs=jobs, raster=False, progress=self.verbose)
            self._take(run, coder, classes, numbers)
        return self

    def _trained(self, folder: Path, data: Dataset, params: Params, seed: int) -> Run:
        """Return the run of a training; what is said of one that fails is said in the words of the classifier."""
        if (folder / "run.json").exists():
            raise DiehlCookError(
                f"{folder}: there is a run already; each fit makes one, so name another folder"
            )
        epochs = self._passes(len(data), params.n_exc)
        try:
            return train(
                folder, data, params, seed=seed, epochs=epochs, engine=self.engine, progress=self.verbose
            )
        except NetworkError as error:
            said = OF_A_RUN.sub("", str(error))
            if self.coding == "pixels":
                said += "; coding='pixels' is for pictures, coding='features' takes any numbers"
            raise NetworkError(said) from None

    def _passes(self, n_samples: int, n_exc: int) -> int:
        """Return how many passes over the samples are made."""
        if self.epochs is not None:
            return check_epochs(self.epochs)
        return min(-(-SAMPLES_PER_NEURON * n_exc // n_samples), MOST_PASSES)

    def _seed(self) -> int:
        if isinstance(self.random_state, int | np.integer):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _jobs(self) -> int:
        jobs = 1 if self.n_jobs is None else self.n_jobs
        whole = isinstance(jobs, int | np.integer) and not isinstance(jobs, bool)
        if not whole or not (jobs >= 1 or jobs == ALL_CORES):
            raise DiehlCookError(
                f"n_jobs is {jobs!r}; it must be at least 1, or -1 for as many as there are cores"
            )
        return available_cores() if jobs == ALL_CORES else int(jobs)

    def _params(self, coder: Coder, data: Dataset) -> Params:
        """Return the constants of the model for inputs of this kind."""
        if isinstance(self.n_exc, bool) or not isinstance(self.n_exc, int | np.integer):
            raise DiehlCookError(f"n_exc is {self.n_exc!r}; expected a whole number of neurons")
        own = self.params is None
        params = best_params(self.rule, int(self.n_exc)) if self.params is None else as_params(self.params)
        values, sources = (
            {"n_input": str(coder.n_input)},
            {"n_input": "ours: the inputs that code the features"},
        )
        if own and coder.n_input != params.n_input:
            values["weight_sum"] = f"{params.weight_sum * coder.n_input / params.n_input:.6g}"
            sources["weight_sum"] = "ours: the mean weight is that of the preset"
        presentations = len(data) * self._passes(len(data), params.n_exc)
        step = min(RISE * params.n_exc / (USUAL_SPIKES * max(presentations, 1)), LARGEST_STEP)
        if own and step > params.theta_plus:
            values["theta_plus"] = f"{step * 1e3:.4g} mV"
            sources["theta_plus"] = "ours: so that theta rises by 40 mV with so few samples"
        if own or self.coding == "features":
            spikes = float(expected_input_spikes(data.images, params).mean())
            values["pixel_rate"] = f"{params.pixel_rate * MNIST_SPIKES / spikes:.6g} Hz"
            sources["pixel_rate"] = (
                "ours: a sample has as many input spikes as an image of MNIST, in the mean"
            )
        return params.with_values(values, sources)

    @contextlib.contextmanager
    def _directory(self) -> Iterator[Path]:
        """Give the run directory, and delete it again unless it is to stay."""
        if self.folder is not None:
            yield Path(self.folder)
            return
        private = PrivateFolder("diehlcook-fit", Path(tempfile.gettempdir()))
        try:
            yield private.path / "run"
        finally:
            private.close()

    def _take(self, run: Run, coder: Coder, classes: NDArray[Any], numbers: NDArray[np.int64]) -> None:
        """Take over what a run has learned."""
        self.classes_, self.numbers_, self.coder_ = classes, numbers.astype(np.uint8), coder
        self.params_, self.seed_, self.schema_ = run.params, run.seed, SCHEMA
        self.weights_, self.theta_, self.delays_ = run.weights(), run.theta(), run.delays()
        self.responses_ = np.array(run.load("observe_counts"))
        self._ready()

    def _ready(self) -> None:
        """Let the readout learn from the responses."""
        self.readout_ = readouts.fit(self.readout, self.responses_, self.numbers_, len(self.classes_))
        self._n_features_out = self.params_.n_exc

    def transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return how often each excitatory neuron spikes for each sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Numbers, all of them finite.

        Returns
        -------
        ndarray of shape (n_samples, n_exc)
            Whole numbers.

        Raises
        ------
        NotFittedError
            `fit` was not called before.
        ValueError
            Samples that scikit-learn does not take, or with another number of features than in `fit`.
        """
        return self._counts(X).astype(np.float64)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the predicted label of each sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Numbers, all of them finite.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels of `classes_`.

        Raises
        ------
        NotFittedError
            `fit` was not called before.
        ValueError
            Samples that scikit-learn does not take, or with another number of features than in `fit`.
        """
        counts = self._counts(X)
        found = self.readout_.classify(counts)
        labels: NDArray[Any] = self.classes_[np.where(found < 0, self._usual(), found)]
        return labels

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the share of each class in the scores of each sample; these are no probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Numbers, all of them finite.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or (n_samples,)
            See `analysis.readouts.Fitted.shares`. Of two classes it is how far the share of the second is above
            that of the first.

        Raises
        ------
        NotFittedError
            `fit` was not called before.
        ValueError
            Samples that scikit-learn does not take, or with another number of features than in `fit`.
        """
        counts = self._counts(X)
        shares = self.readout_.shares(counts)
        silent = self.readout_.classify(counts) < 0
        shares[silent] = np.arange(len(self.classes_)) == self._usual()
        return shares[:, 1] - shares[:, 0] if len(self.classes_) == 2 else shares

    def _usual(self) -> int:
        """Return the number of the most frequent class of `fit`."""
        return int(np.bincount(self.numbers_).argmax())

    def _counts(self, X: ArrayLike) -> NDArray[np.uint16]:
        """Return spikes (n_samples, n_exc)."""
        check_is_fitted(self)
        samples = validate_data(self, X, reset=False)
        model = Model(self.params_, learning=False)
        network = TrainedNetwork(resolve(self.engine, model), model, self.delays_, self.weights_, self.theta_)
        images = self.coder_.images(samples)
        (presented,) = respond(network, images, [stream_key(self.seed_, "predict")], jobs=self._jobs())
        return presented.counts

    def save(self, path: Path | str) -> None:
        """Write the fitted classifier into one file.

        Parameters
        ----------
        path : path-like
            The file, an .npz of plain arrays, which runs nothing when it is loaded. One that is there is replaced.

        Raises
        ------
        NotFittedError
            `fit` was not called before.
        DiehlCookError
            The file cannot be written, or the labels are Python objects that are no texts.
        """
        check_is_fitted(self)
        classes = self.classes_
        if classes.dtype.kind == "O":
            if not all(isinstance(one, str) for one in classes):
                raise DiehlCookError(
                    "labels: Python objects that are no texts cannot be saved; use texts or numbers"
                )
            classes = classes.astype(str)
        chosen = {name: value for name, value in self.get_params().items() if name not in NOT_SAVED}
        facts = {
            "schema": SCHEMA,
            "chosen": chosen | {"random_state": self.seed_},
            "own_params": self.params is not None,
            "params": self.params_.as_texts(),
            "sources": dict(self.params_.sources),
            "coding": self.coder_.coding,
            "text_labels": self.classes_.dtype.kind == "O",
            "names": [str(one) for one in getattr(self, "feature_names_in_", [])],
        }
        arrays = {
            "weights": self.weights_, "theta": self.theta_, "delays": self.delays_,
            "responses": self.responses_, "numbers": self.numbers_, "classes": classes,
            "low": self.coder_.low, "high": self.coder_.high,
        }  # fmt: skip
        about = np.array(json.dumps(facts, default=np.generic.item))  # numbers may be NumPy's
        write_whole(Path(path), lambda file: np.savez_compressed(file, about=about, **arrays))  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Return a classifier that `save` has written.

        Parameters
        ----------
        path : path-like
            The file.

        Returns
        -------
        DiehlCook
            It predicts what the one that was saved predicts.

        Raises
        ------
        DiehlCookError
            The file cannot be read, holds something else, or was written by a version with another layout.
        """
        path = Path(path)
        found = read_npz(path, lambda present: chosen_arrays(path, present))
        facts = read_about(path, found.pop("about"))
        try:
            one = cls(**facts["chosen"])
            one.params_, one.seed_ = (
                Params().with_values(facts["params"], facts["sources"]),
                facts["chosen"]["random_state"],
            )
            one.params = one.params_ if facts["own_params"] else None
            check_coding(facts["coding"])
            one.coder_ = Coder(
                facts["coding"],
                *(checked(name, found[name], Expected((None,), "f")) for name in ("low", "high")),
            )
            one.n_features_in_ = len(one.coder_.low)
            one.weights_ = check_weights("weights", found["weights"], one.params_)
            one.theta_ = check_theta("theta", found["theta"], one.params_)
            one.delays_ = check_delays("delays", found["delays"], one.params_)
            one.responses_ = checked(
                "responses", found["responses"], Expected((None, one.params_.n_exc), "u")
            )
            one.classes_ = found["classes"].astype(object) if facts["text_labels"] else found["classes"]
            n_samples, n_classes = len(one.responses_), len(one.classes_)
            one.numbers_ = checked("numbers", found["numbers"], Expected((n_samples,), "u", 0, n_classes - 1))
            if facts["names"]:
                one.feature_names_in_ = np.array(facts["names"], object)
            check_seed(one.seed_)
            one.schema_ = SCHEMA
            one._ready()
        except DiehlCookError as error:
            raise DiehlCookError(f"{path}: {error}") from None
        except (KeyError, TypeError, ValueError) as error:
            raise DiehlCookError(f"{path}: not what DiehlCook.save writes ({error})") from None
        return one

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over what was pickled, unless another version did it."""
        found = state.get("schema_", SCHEMA)
        if found != SCHEMA:
            raise DiehlCookError(
                f"the pickled classifier is of schema {found}, this version reads {SCHEMA}; fit it again"
            )
        super().__setstate__(state)


OF_A_RUN = re.compile(r" \(`[^`]*` says more\)|, then train again with (?:force=True|--force)")
"""What an error says about the run directory of a training, which a classifier has not, or deletes."""

NOT_SAVED = "folder", "params", "random_state"
"""Parameters of the constructor that are not saved: what came of them is."""


def chosen_arrays(path: Path, present: set[str]) -> list[str]:
    """Return the arrays to read; raise `DiehlCookError` if one is missing."""
    missing = {"about", *ARRAYS} - present
    if missing:
        raise DiehlCookError(f"{path}: not what DiehlCook.save writes: no {', '.join(sorted(missing))}")
    return ["about", *ARRAYS]


def read_about(path: Path, about: NDArray[Any]) -> dict[str, Any]:
    """Return what stands beside the arrays, of the schema of this version."""
    try:
        facts = json.loads(str(about))
        found = facts["schema"]
    except (ValueError, TypeError, KeyError):
        raise DiehlCookError(f"{path}: not what DiehlCook.save writes") from None
    if found != SCHEMA:
        raise DiehlCookError(
            f"{path}: schema is {found}, this version reads {SCHEMA}; fit it again, and save it"
        )
    return dict(facts)
