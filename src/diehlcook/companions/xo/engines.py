"""Two ways to run the networks: Brian2, which has the equations, and the compiled loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...engines.runtime import code_target
from ...model.brian import b2, in_this_process
from ...progress import Interrupted, Report
from ..common.brian import STOPPED, run_network
from . import kernel
from .constants import XO
from .network import build, normalised
from .patterns import NOTHING, PIXELS, Shown

WORTH_COMPILING = 200
"""Images; for fewer, compiling the equations takes longer than NumPy does."""


class Course(NamedTuple):
    """What networks did."""

    spikes: list[tuple[NDArray[np.float64], NDArray[np.int64]]]
    """Of inputs, hidden neurons and outputs: seconds, and neurons; those of network k follow those of k - 1."""
    weights: tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]
    """Onto hidden neurons and outputs, before each image for learning and at the end."""


Engine = Callable[
    [XO, Shown, tuple[NDArray[np.float64], NDArray[np.float64]], Report, Callable[[], bool]], Course
]
"""Shows images to networks; see `runtime`."""


def runtime(
    params: XO,
    shown: Shown,
    weights: tuple[NDArray[np.float64], NDArray[np.float64]],
    report: Report,
    cancelled: Callable[[], bool],
) -> Course:
    """Run the networks in Brian2.

    Parameters
    ----------
    shown
        Images in order, of each network: its arrays have one more dimension in front.
    weights
        Initial weights of both layers (networks, before, after).

    Raises
    ------
    Interrupted
        `cancelled` returned true.
    """
    n, names = params.presentations, ("onto_hidden", "onto_output")
    with in_this_process("numpy" if params.images < WORTH_COMPILING else code_target()):
        built = build(params, shown.pixels, shown.onsets, taught(params, shown)[..., None] == np.arange(2))
        for layer, initial in enumerate(weights, 1):
            built.set_weights(layer, initial)
        history = Course([], ([], []))

        def before_image() -> None:
            if len(history.weights[0]) > n:  # nothing changes any more in tests
                return
            scaled = scale_and_keep(params, (built.weights(1), built.weights(2)), history)
            for layer, one in enumerate(scaled, 1):
                built.set_weights(layer, one)

        each = params.t_presentation * b2.second
        built.network.add(b2.NetworkOperation(before_image, dt=each, when="start", name="normalise"))
        for images, plastic in ((n, 1), (params.images - n, 0)):
            for name in names:
                built.network[name].plastic = plastic
            seconds = images * params.t_presentation
            run_network(built.network, seconds, report, cancelled, params.t_presentation)
        monitors = (built.network[f"spikes_{name}"] for name in ("inputs", "hidden", "outputs"))
        return history._replace(spikes=[(np.array(one.t_), np.array(one.i, np.int64)) for one in monitors])


def fused(
    params: XO,
    shown: Shown,
    weights: tuple[NDArray[np.float64], NDArray[np.float64]],
    report: Report,
    cancelled: Callable[[], bool],
) -> Course:
    """Run the compiled loop, with the spikes of Brian2; see `runtime`."""
    sizes = (PIXELS, params.n_hidden, 2)
    ends = np.cumsum((0, *sizes))
    steps, p = round(params.t_presentation / params.dt), constants(params)
    state = np.zeros((params.networks, 5, ends[-1]))
    state[:, kernel.V] = params.v_r
    pixels, onsets = (reaching(params, one) for one in (shown.pixels, shown.onsets))
    teacher = taught(params, shown)
    fired = np.empty((2, steps * ends[-1]), np.int64)
    events: list[NDArray[np.int64]] = []
    history = Course([], ([], []))
    for image in range(params.images):
        if cancelled():
            raise Interrupted(STOPPED)
        if image <= params.presentations:
            weights = scale_and_keep(params, weights, history)
        for k in range(params.networks):
            number = kernel.show(
                image * steps, steps, pixels[k, image], onsets[k, image], teacher[k, image],
                image < params.presentations, state[k], weights[0][k], weights[1][k], fired, p,
            )  # fmt: skip
            events.append(np.vstack([fired[:, :number], np.full(number, k)]))
        report(image + 1, "")
    step, neuron, network = np.concatenate(events, axis=1)
    spikes = []
    for first, size in zip(ends, sizes, strict=False):
        own = (first <= neuron) & (neuron < first + size)
        spikes.append((step[own] * params.dt, network[own] * size + neuron[own] - first))
    return history._replace(spikes=spikes)


ENGINES: dict[str, Engine] = {"runtime": runtime, "fused": fused}


def scale_and_keep(
    params: XO, weights: tuple[NDArray[np.float64], NDArray[np.float64]], history: Course
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return weights of both layers before an image: scaled to their sums if they are to be; keep them."""
    if params.normalise:
        sums = params.weight_sum_hidden, params.weight_sum_output
        hidden, output = map(normalised, weights, sums, params.bounds)
        weights = hidden, output
    for kept, one in zip(history.weights, weights, strict=True):
        kept.append(one.copy())
    return weights


def taught(params: XO, shown: Shown) -> NDArray[np.int64]:
    """Return the output that the teacher makes spike for each image (networks, images), -1 for none."""
    learning = np.arange(params.images) < params.presentations
    return np.where(learning, shown.labels, NOTHING)


def reaching(params: XO, values: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return values of the pixels (networks, images, 25) for all neurons: those of other layers get them only with `shared_current`."""
    sizes = params.n_hidden, 2
    rest = [
        values[..., :size] if params.shared_current else np.zeros_like(values[..., :1]).repeat(size, -1)
        for size in sizes
    ]
    return np.concatenate([values, *rest], axis=-1)


def constants(params: XO) -> kernel.Constants:
    """Return the constants of the compiled loop."""
    bounds = dict(zip(("bound_hidden", "bound_output"), params.bounds, strict=True))
    names = [name for name in kernel.Constants._fields if name not in bounds]
    return kernel.Constants(**{name: getattr(params, name) for name in names}, **bounds)
