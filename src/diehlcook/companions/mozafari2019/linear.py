"""A linear classifier on the spikes of layer 2, with scikit-learn: what the features are worth without the last layer."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...analysis.readouts import sklearn

STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1)
"""Values of C to choose from, on held-out training images."""


class Readout(NamedTuple):
    """Accuracy of the classifier with the best C."""

    strength: float
    validation: float
    test: float


def classifier(strength: float) -> Any:
    """Return an untrained linear support vector machine.

    Raises
    ------
    DiehlCookError
        scikit-learn is not installed.
    """
    return sklearn("svm", "the linear readout").LinearSVC(C=strength, dual=True, random_state=0)


def sparse(spiked: NDArray[np.bool_]) -> Any:
    """Return features (n, rows, columns, maps) as rows of a sparse matrix."""
    from scipy.sparse import csr_matrix

    return csr_matrix(spiked.reshape(len(spiked), -1), dtype=np.float64)


def readout(
    select: tuple[NDArray[np.bool_], NDArray[np.uint8], NDArray[np.bool_], NDArray[np.uint8]],
    refit: tuple[NDArray[np.bool_], NDArray[np.uint8], NDArray[np.bool_], NDArray[np.uint8]],
) -> Readout:
    """Choose C on held-out training images, then learn from all and test.

    Parameters
    ----------
    select, refit
        Features and labels to learn from, features and labels to judge by; of `experiment.PARTS`.
    """
    x, y, held, truth = sparse(select[0]), select[1], sparse(select[2]), select[3]
    right = {c: float(classifier(c).fit(x, y).score(held, truth)) for c in STRENGTHS}
    best = max(right, key=lambda c: right[c])
    chosen = classifier(best).fit(sparse(refit[0]), refit[1])
    return Readout(best, right[best], float(chosen.score(sparse(refit[2]), refit[3])))


def embed(
    spiked: NDArray[np.bool_], labels: NDArray[np.uint8], images: int = 2000
) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Return features of the first images in two dimensions (n, 2), by t-SNE, and their labels."""
    rows = spiked[:images].reshape(min(images, len(spiked)), -1).astype(np.float32)
    return np.asarray(
        sklearn("manifold", "t-SNE").TSNE(random_state=0, init="pca").fit_transform(rows)
    ), labels[:images]
