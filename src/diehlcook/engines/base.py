"""The interface between the phases and the engines: state and images in, state and responses out."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import DiehlCookError, NetworkError
from ..model import neurons
from ..model.arrays import check_delays, check_images, check_theta, check_weights
from ..model.neurons import NeuronModel
from ..model.params import Params, frozen
from ..model.rules import LearningRule
from ..model.wiring import initial_potentials

State = dict[str, NDArray[Any]]
"""All that decides the future, between two presentations: ``object.variable`` to values in SI units.

`state.STATE` lists the variables. Those of the plastic synapses are matrices (n_input, n_exc). ``REST_SPIKES``
decides the first response.
"""

REST_SPIKES = "responses.rest_spikes"
"""Excitatory spikes (n_exc,) in the rest of the last presentation: they count for the next one under
`count_rest`."""

SEIZURE = 0.5
"""Share of the spikes that refractoriness allows, above which a network in rest has a seizure."""

LONG_AGO_SECONDS = -1e4
"""Brian2's "never" for `lastspike`."""


@dataclass(frozen=True)
class Model:
    """What is simulated: parameters, with or without learning, and replaced equations if any."""

    params: Params
    learning: bool
    excitatory: NeuronModel = neurons.EXCITATORY
    plasticity: LearningRule | None = None

    @property
    def replaced(self) -> bool:
        """Whether there are other equations than those of the package."""
        return self.excitatory != neurons.EXCITATORY or self.plasticity is not None

    @property
    def effective_params(self) -> Params:
        """The parameters with which the equations run: of a network that does not learn, frozen ones."""
        return self.params if self.learning else frozen(self.params)

    def check(self) -> None:
        """Raise `DiehlCookError` if replaced equations cannot be used, in this phase or in those after a training."""
        if self.replaced:
            from ..model.network import check_equations  # which loads Brian2

            learning = (True, False) if self.learning else (False,)
            check_equations(self.params, self.excitatory, self.plasticity, learning)


@dataclass(frozen=True)
class Responses:
    """What a network did in P presentations."""

    position: NDArray[np.int64]
    """Image position in the phase (P,)."""
    attempt: NDArray[np.int32]
    """0 for the first presentation of an image (P,)."""
    counts: NDArray[np.uint16]
    """Spikes of each excitatory neuron in the counting window (P, n_exc)."""
    theta_mean: NDArray[np.float64]
    """Volts, at the start of the presentation, 0 without learning (P,)."""
    theta_sd: NDArray[np.float64]
    """Volts, 0 without learning (P,)."""
    weight_mean: NDArray[np.float64]
    """Before normalisation, 0 without learning (P,)."""
    weight_sd: NDArray[np.float64]
    """Before normalisation, 0 without learning (P,)."""
    spike_step: NDArray[np.int64]
    """Time step since the start of the chunk, for each excitatory spike (S,)."""
    spike_neuron: NDArray[np.int32]
    """Neuron of each spike (S,)."""

    def answered(self, params: Params) -> NDArray[np.bool_]:
        """Return in which presentations there were enough spikes (P,)."""
        answered: NDArray[np.bool_] = self.counts.sum(axis=1, dtype=np.int64) >= params.min_spikes
        return answered

    def final(self, params: Params) -> NDArray[np.bool_]:
        """Return which presentations were the last of their image (P,); see `accepted` in `model.protocol`."""
        return self.answered(params) | (self.attempt + 1 >= params.max_attempts)


def make_responses(
    params: Params,
    history: Mapping[str, NDArray[Any]],
    spike_neuron: NDArray[np.int32],
    spike_time: NDArray[np.float64],
    rest_before: NDArray[Any],
) -> tuple[Responses, NDArray[np.uint16]]:
    """Build responses from what the monitors recorded.

    Parameters
    ----------
    params
        Of the network.
    history
        `model.protocol.RECORDED` variables, (P,) each.
    spike_neuron, spike_time
        Excitatory spikes of the chunk (S,), in seconds since its start.
    rest_before
        Spikes in the rest before the chunk (n_exc,).

    Returns
    -------
    responses
        Of the P presentations.
    rest_after
        Spikes in the rest of the last one (n_exc,).
    """
    presentations = len(history["position"])
    step = np.rint(spike_time / params.dt).astype(np.int64)
    presentation, step_within = np.divmod(step, params.presentation_steps)
    resting = step_within >= params.steps("t_stimulus")
    counted = presentation + resting if params.count_rest else np.where(resting, presentations, presentation)
    here = counted < presentations
    pairs, times = np.unique(counted[here] * params.n_exc + spike_neuron[here], return_counts=True)
    counts = np.zeros((presentations, params.n_exc), np.uint16)
    last = resting & (presentation == presentations - 1)
    rest_after = np.bincount(spike_neuron[last], minlength=params.n_exc)
    shown = int(times.max(initial=0)) + int(rest_before.max(initial=0)) * params.count_rest
    most = max(shown, int(rest_after.max(initial=0)))
    if most > np.iinfo(np.uint16).max:
        raise NetworkError(f"a neuron fired {most} times in one presentation; the network is running away")
    counts.ravel()[pairs] = times
    if params.count_rest:
        counts[0] += rest_before.astype(np.uint16)
    n_synapses = params.n_input * params.n_exc
    theta_mean = history["theta_sum"] / params.n_exc
    weight_mean = history["weights_sum"] / n_synapses
    responses = Responses(
        position=history["position"].astype(np.int64),
        attempt=history["attempt"].astype(np.int32),
        counts=counts,
        theta_mean=theta_mean,
        theta_sd=np.sqrt(np.maximum(history["theta_squares"] / params.n_exc - theta_mean**2, 0)),
        weight_mean=weight_mean,
        weight_sd=np.sqrt(np.maximum(history["weights_squares"] / n_synapses - weight_mean**2, 0)),
        spike_step=step,
        spike_neuron=spike_neuron.astype(np.int32),
    )
    return responses, rest_after.astype(np.uint16)


def make_relative(state: State, elapsed: float, dt: float) -> None:
    """Turn Brian2's absolute `lastspike` into whole steps before the end of a chunk of `elapsed` seconds."""
    for name in state:
        if name.endswith(".lastspike"):
            relative = np.rint((state[name] - elapsed) / dt) * dt
            state[name] = np.maximum(relative, LONG_AGO_SECONDS)


def check_state(state: State, responses: Responses, params: Params) -> None:
    """Raise `NetworkError` if a state is not finite, or if nearly all neurons went on firing in a rest, without input.

    Explicit Euler does either when it carries v past the reversal potential of inhibition. In a rest a
    network that works is silent after a few steps. All rests of a chunk are looked at, so that its length does
    not decide.
    """
    shown = int(state["protocol.position"][0])
    exponential = params.integrator == "exponential_euler"
    cure = "use a smaller dt" if exponential else "use integrator=exponential_euler or a smaller dt"
    for name, values in state.items():
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise NetworkError(
                f"{name} is no longer finite after {shown} images: the integration diverged; {cure}"
            )
    apart = max(params.refractory_exc, params.lockout_exc, params.dt)
    most = max(
        2, math.ceil(params.t_rest / apart - 1e-6)
    )  # where there is room for one spike, it is no seizure
    limit = params.n_exc * most
    presentation, step = np.divmod(responses.spike_step, params.presentation_steps)
    resting = presentation[step >= params.steps("t_stimulus")]
    spikes = np.bincount(resting, minlength=len(responses.position))
    seizures = np.flatnonzero(spikes > SEIZURE * limit)
    if seizures.size:
        first = int(seizures[0])
        raise NetworkError(
            f"{spikes[first]} spikes without input after {responses.position[first] + 1} images, "
            f"{spikes[first] / limit:.0%} of what refractoriness allows: a seizure; {cure}"
        )


class Engine(ABC):
    """A network that can be advanced from any state.

    An engine has the spikes of all others, one by one. What it cannot run, or runs otherwise, it refuses in
    `obstacle`: replaced equations (`Model.replaced`), if it does not take them from the model, among them.

    Parameters
    ----------
    model
        What is simulated.
    delays
        (n_input, n_exc) in seconds; they belong to the network, not to its state.
    """

    def __init__(self, model: Model, delays: NDArray[np.float64]) -> None:
        self.model = model
        self.delays = check_delays("delays", delays, model.params)
        self.fields: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {}
        """Shapes and dtypes of a state of this network, once they have been looked up."""

    @classmethod
    def obstacle(cls, model: Model) -> str | None:  # noqa: ARG003 - an engine of Brian2 runs every model
        """Return in a few words what keeps the engine from running a model on this machine; None if nothing does."""
        return None

    @abstractmethod
    def blank_state(self) -> State:
        """Return the state of the network as it was built; `initial_state` sets weights, potentials and the rest."""

    @abstractmethod
    def simulate(
        self, state: State, images: NDArray[np.uint8], presentations: int, cancelled: Callable[[], bool]
    ) -> tuple[State, Responses]:
        """Do the work of `advance`; images are (n, n_input), and all arguments have been checked.

        The simulation starts at ``state["protocol.position"]`` and ends when all images, or as many
        presentations, are done, or earlier, after one presentation at least. What it does in a presentation, and
        in which order, is what `model.network.assemble` says, with the constants `Model.effective_params` and
        with random numbers from `model.stimulus`. `make_responses` makes the responses and the new
        ``REST_SPIKES`` of what it has recorded. It asks `cancelled` often, and raises `Cancelled` once that
        returns true.
        """

    def initial_state(
        self,
        stream: int,
        weights: NDArray[np.float64],
        theta: NDArray[np.float64] | None = None,
        position: int = 0,
    ) -> State:
        """Return the preset's initial state with the given random stream, weights, thresholds and image position."""
        params = self.model.params
        state = {name: values.copy() for name, values in self.blank_state().items()}
        state["inp_exc.w"] = check_weights("weights", weights, params).copy()
        if theta is not None:
            state["exc.theta"] = check_theta("theta", theta, params).copy()
        state[REST_SPIKES] = np.zeros(state["exc.v"].size, dtype=np.uint16)
        return self.moved(state, stream, position)

    def moved(self, state: State, stream: int, position: int) -> State:
        """Return an initial state as it is at another place: with its random numbers, all other arrays shared."""
        v_exc, v_inh = initial_potentials(self.model.params, state["exc.theta"], stream, position)
        return state | {
            "protocol.stream": np.full_like(state["protocol.stream"], stream),
            "protocol.position": np.full_like(state["protocol.position"], position),
            "exc.v": v_exc,
            "inh.v": v_inh,
        }

    def check(self, state: State, name: str) -> None:
        """Raise `DiehlCookError` if `state`, called `name`, is not one of this network."""
        if not self.fields:
            blank = self.blank_state() | {
                "inp_exc.w": self.delays,
                REST_SPIKES: np.zeros(self.model.params.n_exc, np.uint16),
            }
            self.fields = {key: (values.shape, values.dtype) for key, values in blank.items()}
        for key in self.fields.keys() | state.keys():
            found = (state[key].shape, state[key].dtype) if key in state else None
            known = self.fields.get(key)
            if found != known:
                has, wants = ("none" if one is None else f"{one[1]}{one[0]}" for one in (found, known))
                raise DiehlCookError(f"{name}: {key} is {has}, the network has {wants}")

    def advance(
        self,
        state: State,
        images: NDArray[np.uint8],
        *,
        presentations: int = -1,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> tuple[State, Responses]:
        """Show images until all of them, or as many presentations as asked for (or as the engine takes), are done.

        Parameters
        ----------
        state
            Where to start; it is not changed.
        images
            Grey values (n, n_input) or (n, rows, columns) for the positions from ``state["protocol.position"]`` on.
        presentations
            At most so many presentations; negative: no limit.
        cancelled
            Asked often; once it returns true the chunk is given up.

        Returns
        -------
        state
            After the last presentation.
        responses
            One row for each presentation that was done: at least one, and no more than the engine takes at once.

        Raises
        ------
        Cancelled
            `cancelled` returned true.
        DiehlCookError
            The state became non-finite, the network has a seizure, or the simulation failed.
        """
        if presentations == 0:
            raise DiehlCookError("presentations is 0; it must be at least 1, or negative for no limit")
        self.check(state, "state")
        flat = check_images("images", images, self.model.params.n_input)
        new, responses = self.simulate(state, flat, presentations, cancelled)
        check_state(new, responses, self.model.params)
        return new, responses

    least_presentations, most_presentations = 100, 1000
    """Presentations of a chunk that a training asks for, at least and at most: enough that what is done between
    chunks does not count."""

    several = 1
    """How many networks like this one the engine advances at the same time; see `advance_all`."""

    def advance_all(
        self,
        states: Sequence[State],
        images: Sequence[NDArray[np.uint8]],
        *,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> list[tuple[State, Responses]]:
        """Advance several networks that differ in their states only, each with images of its own, as `advance` does.

        Raises
        ------
        Cancelled
            `cancelled` returned true.
        DiehlCookError
            As in `advance`.
        """
        return [
            self.advance(state, shown, cancelled=cancelled)
            for state, shown in zip(states, images, strict=True)
        ]

    def close(self) -> None:  # noqa: B027 - only some engines hold anything
        """Release what the engine holds; it cannot be used afterwards."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
