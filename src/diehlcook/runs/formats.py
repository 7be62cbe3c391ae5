"""The formats in which others keep a trained network: their files, and how weights, thresholds and labels stand in them.

Pure functions from the arrays of such files to a matrix of weights (n_input, n_exc) and back. What does not fit
is refused in one line that names the file, what was found, and what to do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import DiehlCookError, advice
from ..model.arrays import KINDS, LARGEST_THETA, ROUNDING, largest_weight
from ..model.params import DEFAULT_PRESET, Params
from .files import read_npy
from .layout import PHASES

Matrix = NDArray[np.float64]

MOST_CLASSES = 127
"""Classes that labels (int8) can name."""


class Format(NamedTuple):
    """A format of `FORMATS`."""

    says: str
    preset: str
    """What its networks were made with, as far as its origin tells."""
    weights: str
    theta: str
    labels: str | None
    """Names of its files; None: it has no file of labels."""
    needs_theta: bool
    """Whether the file of thresholds may not be missing."""
    decode: Callable[[Path, NDArray[Any], int, int | None], Matrix]
    """The weights (n_input, n_exc) from the array in a file, with n_input and, if the thresholds tell it,
    n_exc."""
    encode: Callable[[Matrix], Matrix]
    """The array for the file from weights (n_input, n_exc)."""
    labels_as: str
    """Dtype of the labels in the file."""
    snapshots: str = ""
    """Name of its file of weights during training, if it has one; it is written and not read."""
    statistics: Mapping[str, str] = MappingProxyType({})
    """Names of its files of statistics per image by phase, which are written and not read."""
    confusion: str = ""
    """Name of its file of confusions as shares of each true class, if it has one; it is written and not read."""

    @property
    def files(self) -> list[str]:
        """Names of the files of a network, weights first."""
        return [self.weights, self.theta, *([self.labels] if self.labels else [])]

    @property
    def written(self) -> list[str]:
        """Names of all files that an export can write."""
        more = [self.snapshots, *self.statistics.values(), self.confusion]
        return [*self.files, *filter(None, more)]


class Content(NamedTuple):
    """The array in a file from elsewhere."""

    path: Path
    array: NDArray[Any]
    sha256: str
    """Of the bytes of the file."""


def read_content(path: Path, kind: str) -> Content:
    """Read an .npy file from elsewhere; it is never unpickled.

    Parameters
    ----------
    path
        The file.
    kind
        Expected kinds of dtype, as letters of `numpy.dtype.kind`.

    Returns
    -------
    Content
        The array, of any shape, and the SHA-256 of the file.

    Raises
    ------
    DiehlCookError
        No such file, not an .npy file, a damaged one, one of Python objects, of another dtype, or with NaN.
    """
    if not path.is_file():
        raise DiehlCookError(f"{path}: {'not a file' if path.exists() else 'not found'}; name the .npy file")
    try:
        with path.open("rb") as file:
            start = file.read(8)
            file.seek(0)
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DiehlCookError(f"{path}: cannot read ({error.strerror})") from None
    if not start.startswith(np.lib.format.MAGIC_PREFIX):
        what = next((says for begin, says in OTHER_FILES.items() if start.startswith(begin)), "")
        raise DiehlCookError(f"{path}: not an .npy file{what}; write it with np.save(path, array)")
    array = read_npy(path)
    if array.dtype.kind not in kind:
        wanted = " or ".join(KINDS[one] for one in kind)
        raise DiehlCookError(
            f"{path}: dtype is {array.dtype}, expected {wanted}; convert it, e.g. "
            f"np.save(path, array.astype('{'int8' if 'i' in kind else 'float64'}'))"
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        bad = ~np.isfinite(array)
        first = ", ".join(str(int(at[0])) for at in np.nonzero(bad))
        raise DiehlCookError(
            f"{path}: NaN or infinite at [{first}], {int(bad.sum())} such values in all; expected finite ones"
        )
    return Content(path, array, sha256)


OTHER_FILES = {
    b"\x80": ", but pickled Python objects, which are never opened",
    b"PK": ", but a zip or .npz archive",
    b"\x1f\x8b": ", but a gzip archive",
}
"""How other files begin, and what there is to say of them."""


def from_flat(path: Path, values: NDArray[Any], n_input: int, n_exc: int | None) -> Matrix:
    """Return the weights of the example script's file: one value per synapse, in Brian2's order.

    ``syns_inp_exc.connect(True)`` makes the synapses source by source, all targets of input 0 first; the
    script's own ``normalize_plastic_weights`` reshapes them to (N_INP, N_NEURONS), too.
    """
    if values.ndim != 1:
        other = "authors" if values.ndim == 2 and values.shape[1] == 3 else "matrix"
        raise DiehlCookError(
            f"{path}: shape is {values.shape}, expected a vector, one weight per synapse; is it of "
            f"--format {other}?"
        )
    neurons = n_exc or 0
    if values.size != n_input * neurons:
        raise DiehlCookError(
            f"{path}: {values.size} weights, expected {n_input * neurons} = {n_input} inputs x {neurons} "
            f"neurons (one theta each){other_inputs(values.size, neurons)}"
        )
    return values.astype(np.float64).reshape(n_input, neurons)


def other_inputs(n_synapses: int, n_exc: int) -> str:
    """Return how to say that there are other inputs, if so many weights can be those of other inputs."""
    if n_exc and n_synapses and n_synapses % n_exc == 0:
        return f"; for {n_synapses // n_exc} inputs --set n_input={n_synapses // n_exc}"
    return ""


def from_triplets(path: Path, values: NDArray[Any], n_input: int, n_exc: int | None) -> Matrix:
    """Return the weights of the authors' XeAe.npy: rows (i, j, w), one for each synapse from input i to neuron j.

    The rows may come in any order. The authors' code reads them into a matrix of zeros, so that a missing row
    is a missing synapse; networks of the paper have all of them (§2.2).
    """
    if values.ndim != 2 or values.shape[1] != 3:
        cure = "np.save(path, array.T)" if values.ndim == 2 and values.shape[0] == 3 else ""
        other = "example" if values.ndim == 1 else "matrix"
        hint = f"transpose it: {cure}" if cure else f"is it of --format {other}?"
        raise DiehlCookError(
            f"{path}: shape is {values.shape}, expected (synapses, 3), rows of input, neuron, weight; {hint}"
        )
    neurons, rows = n_exc or 0, len(values)
    if rows % n_input == 0 and rows // n_input != neurons:
        raise DiehlCookError(
            f"{path}: {rows} rows are {rows // n_input} neurons of {n_input} inputs, but theta has "
            f"{neurons} values{other_inputs(rows, neurons)}"
        )
    for column, name, limit in ((0, "input", n_input), (1, "neuron", neurons)):
        indices = values[:, column]
        bad = np.flatnonzero((indices < 0) | (indices >= limit) | (indices != np.floor(indices)))
        if bad.size:
            raise DiehlCookError(
                f"{path}: row {bad[0]} is of {name} {indices[bad[0]]:g}, expected a whole number from 0 to "
                f"{limit - 1} ({bad.size} such rows; columns are input, neuron, weight)"
            )
    synapses = values[:, 0].astype(np.int64) * neurons + values[:, 1].astype(np.int64)
    times = np.bincount(synapses, minlength=n_input * neurons)
    for wrong, what in ((times > 1, "stand there more than once"), (times == 0, "are missing")):
        if wrong.any():
            i, j = divmod(int(np.argmax(wrong)), neurons)
            raise DiehlCookError(
                f"{path}: {int(wrong.sum())} of {times.size} synapses {what}, the first from input {i} to "
                f"neuron {j}; expected one row for each"
            )
    weights = np.empty(n_input * neurons)
    weights[synapses] = values[:, 2]
    return weights.reshape(n_input, neurons)


def from_matrix(path: Path, values: NDArray[Any], n_input: int, n_exc: int | None) -> Matrix:
    """Return the weights of a matrix (n_input, n_exc).

    A transposed one is recognised by its shape, so not where both sizes are equal.
    """
    if values.ndim != 2 or 0 in values.shape:
        hint = "; is it of --format example?" if values.ndim == 1 else ""
        raise DiehlCookError(f"{path}: shape is {values.shape}, expected (n_input, n_exc), a matrix{hint}")
    rows, columns = values.shape
    if rows != n_input and columns == n_input:
        raise DiehlCookError(
            f"{path}: shape is {values.shape}, that is (n_exc, n_input), transposed; save it as "
            "(n_input, n_exc): np.save(path, array.T)"
        )
    if rows != n_input:
        other = "is it of --format authors?" if columns == 3 else f"for {rows} inputs --set n_input={rows}"
        raise DiehlCookError(f"{path}: shape is {values.shape}, expected ({n_input}, n_exc); {other}")
    if n_exc is not None and columns != n_exc:
        raise DiehlCookError(f"{path}: weights of {columns} neurons, but theta has {n_exc} values")
    return values.astype(np.float64)


def to_triplets(weights: Matrix) -> Matrix:
    """Return the rows (i, j, w) of weights (n_input, n_exc), input by input."""
    i, j = np.indices(weights.shape)
    return np.column_stack([i.reshape(-1), j.reshape(-1), weights.reshape(-1)])


FORMATS = {
    "example": Format(
        "the files of the Brian2 example script: weights.npy (one value per synapse), theta.npy, assign.npy",
        "brian2-example", "weights.npy", "theta.npy", "assign.npy", True,
        from_flat, lambda weights: weights.reshape(-1), "int64",
        "train_w_hist.npy", {phase: f"{phase}_stats.npy" for phase in PHASES}, "confusion.npy",
    ),
    "authors": Format(
        "the files of the authors' code: XeAe.npy (rows of input, neuron, weight), theta_A.npy",
        "diehl-cook-2015", "XeAe.npy", "theta_A.npy", None, True, from_triplets, to_triplets, "int8",
    ),
    "matrix": Format(
        "plain arrays: weights.npy (n_input, n_exc), theta.npy, assignments.npy",
        DEFAULT_PRESET, "weights.npy", "theta.npy", "assignments.npy", False,
        from_matrix, lambda weights: weights, "int8",
    ),
}  # fmt: skip
"""Formats by name. Thresholds are theta (n_exc,) in volts in all of them: the part that is added to the fixed
threshold, before `theta_offset` is taken off. The authors' code and the script start at 20 mV and fire at
theta - 20 mV - 52 mV; the authors' published array has a mean of 40.2 mV."""


def format_of(name: str) -> Format:
    """Return a format.

    Raises
    ------
    DiehlCookError
        There is none of this name.
    """
    if name not in FORMATS:
        raise DiehlCookError(f"unknown format {name!r}; {advice(name, FORMATS)}")
    return FORMATS[name]


def check_weights(path: Path, weights: Matrix, params: Params) -> None:
    """Refuse weights (n_input, n_exc) that no training with these parameters can have left.

    Where nothing normalises, they lie between 0 and w_max. Normalisation may lift them above that.
    """

    def at(place: np.intp) -> str:
        i, j = divmod(int(place), weights.shape[1])
        return f"from input {i} to neuron {j}"

    if weights.min() < 0:
        raise DiehlCookError(
            f"{path}: smallest weight is {weights.min():.6g}, {at(weights.argmin())}; expected at least 0"
        )
    never = params.normalise == "never"
    limit = params.w_max * (1 + ROUNDING) if never else largest_weight(params)
    if weights.max() > limit:
        why = f"w_max of rule {params.rule}, which does not normalise" if never else "far above w_max"
        raise DiehlCookError(
            f"{path}: largest weight is {weights.max():.6g}, {at(weights.argmax())}; expected at most "
            f"{params.w_max if never else limit:g} ({why}); is it of another preset or scale?"
        )


def thresholds_of(content: Content, n_exc: int | None = None) -> Matrix:
    """Return thresholds (n_exc,) in volts from the array in a file; refuse others, and millivolts."""
    path, theta = content.path, content.array
    expected = "any" if n_exc is None else n_exc
    if theta.ndim != 1 or not theta.size or (n_exc is not None and theta.size != n_exc):
        raise DiehlCookError(f"{path}: shape is {theta.shape}, expected ({expected},), one theta per neuron")
    if theta.min() < 0:
        raise DiehlCookError(
            f"{path}: smallest theta is {theta.min():.6g} V, of neuron {theta.argmin()}; expected at least "
            "0 V (what is added to the fixed threshold, not the threshold itself)"
        )
    if theta.max() > LARGEST_THETA:
        raise DiehlCookError(
            f"{path}: largest theta is {theta.max():.6g} V, expected volts; if these are millivolts: "
            "np.save(path, array / 1000)"
        )
    return theta.astype(np.float64)


def labels_of(content: Content, n_exc: int, n_classes: int) -> NDArray[np.int8]:
    """Return the class of each neuron (n_exc,), -1 for none, from the array in a file; refuse others."""
    path, labels = content.path, content.array
    if labels.shape != (n_exc,):
        raise DiehlCookError(f"{path}: shape is {labels.shape}, expected ({n_exc},), one label per neuron")
    bad = np.flatnonzero((labels < -1) | (labels >= n_classes))
    if bad.size:
        raise DiehlCookError(
            f"{path}: the label of neuron {bad[0]} is {labels[bad[0]]}, expected 0 to {n_classes - 1}, or -1 "
            f"for none ({bad.size} such labels; more classes: --n-classes)"
        )
    return labels.astype(np.int8)
