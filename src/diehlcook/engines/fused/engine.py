"""Fused: the same model as one Numba kernel, for large networks and many runs."""

from __future__ import annotations

import ast
import hashlib
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import progress
from ...errors import Cancelled
from ...model import connections, neurons, protocol, rules, stimulus, wiring
from ...model.params import FIELDS, Params
from ..base import LONG_AGO_SECONDS, REST_SPIKES, Engine, Model, Responses, State, make_responses
from ..state import blank
from . import arrays

MAX_PRESENTATIONS = 1000
"""Of one chunk."""

INPUT_BYTES = 5 * 2**20
"""The input of a presentation is summed beforehand if it takes no more than this: beyond, writing it costs
more than it saves."""

LEAST_LEVEL = 1e-250
"""What is left of theta after a presentation, at least: the kernel divides by it."""

WORK = 40_000
"""Neurons times presentations of one call of the kernel; between calls a chunk can be cancelled."""

LARGEST_ROOM = 20_000_000
"""Spikes of one call at most; each takes 12 bytes."""


def decay(params: Params, tau: float) -> float:
    """Return what a time step leaves of a conductance or threshold with this time constant."""
    step = params.dt / tau
    return 1 - step if params.integrator == "euler" else float(np.exp(-step))


def constants(model: Model) -> Any:
    """Return the numbers of a model as the kernel takes them: by the names of the parameters where they are the same."""
    learning, p = model.learning, model.effective_params
    as_named = {name: getattr(p, name) for name in arrays.Constants._fields if name in FIELDS}
    return arrays.Constants(
        **as_named
        | {
            "rule_code": arrays.CODES[p.rule] if learning else arrays.STATIC,
            "euler": p.integrator == "euler",
            "learning": learning,
            "traced": learning and "x_post1" in rules.EQUATIONS[p.rule].neuron_variables,
            "all_to_all": float(p.pairing == "all-to-all"),
            "clamp": p.clamp_exc,
            "summing_own": 0.0 if p.self_inhibition else 1.0,
            "stimulus_steps": p.steps("t_stimulus"),
            "presentation_steps": p.presentation_steps,
            "refractory_exc_steps": p.steps("refractory_exc"),
            "refractory_inh_steps": p.steps("refractory_inh"),
            "lockout_exc_steps": p.steps("lockout_exc"),
            "threshold_exc": p.v_thresh_exc - p.theta_offset,
            "step_exc": p.dt / p.tau_mem_exc,
            "step_inh": p.dt / p.tau_mem_inh,
            "decay_ge": decay(p, p.tau_ge),
            "decay_gi": decay(p, p.tau_gi),
            "decay_theta": decay(p, p.tau_theta),
            "ltp_trace": float(np.exp(-(p.ltp_window + 0.5 * p.dt) / p.tau_pre)),
            "dt_over_tau_pre": p.dt / p.tau_pre,
            "decay_post1": float(np.exp(-p.dt / p.tau_post1)),
            "decay_post2": float(np.exp(-p.dt / p.tau_post2)),
            "leak_100n": p.tau_post1 / p.tau_post2 * (1 - float(np.exp(-p.dt / p.tau_post1))),
            "memory_steps": p.presentation_steps + int(-np.log(arrays.CUT) * p.tau_post1 / p.dt) + 1,
            "normalise_images": p.normalise != "never",
            "normalise_presentations": p.normalise == "presentation",
            "sum_beforehand": p.n_exc >= 4 and 8 * p.presentation_steps * p.n_exc <= INPUT_BYTES,
        }
    )


def equations_digest() -> str:
    """Return the digest of everything in the model that the kernel says once more in its own way.

    Those are the equations, and the functions that make a network of them: these say in which order things
    happen, and what the initial values are.
    """
    said: list[Any] = [neurons.EXCITATORY, neurons.INHIBITORY, rules.EQUATIONS]
    for module in (connections, protocol, stimulus):
        said += [
            value
            for name, value in vars(module).items()
            if name.isupper() and isinstance(value, str | dict | int)
        ]
    text = (
        Path(wiring.__file__).with_name("network.py").read_text(encoding="utf-8")
    )  # imported, it loads Brian2
    said += [
        ast.get_source_segment(text, one)
        for one in ast.parse(text).body
        if isinstance(one, ast.FunctionDef) and one.name in NETWORK_FUNCTIONS
    ]
    return hashlib.sha256(repr(said).encode()).hexdigest()[:16]


NETWORK_FUNCTIONS = ("assemble", "lateral_inhibition", "link", "lines")
"""Those of `model.network` that make a network of equations."""


def unlike(params: Params) -> str | None:
    """Return which values of the parameters the kernel does not follow; None if it follows them all."""
    if params.v_rest_inh > params.v_thresh_inh:
        return "inhibitory neurons fire without input, because v_rest_inh is above v_thresh_inh"
    if params.integrator == "euler":
        for name in ("tau_mem_exc", "tau_mem_inh", "tau_ge", "tau_gi", "tau_theta"):
            if params.dt >= getattr(params, name):
                return f"{name} is not longer than dt, with which explicit Euler overshoots"
    left = decay(params, params.tau_theta) ** params.presentation_steps
    if left < LEAST_LEVEL:
        return "tau_theta is so short that nothing is left of theta after a presentation"
    return None


def held(model: Model, state: State) -> dict[str, Any]:
    """Return the arrays of a kernel that change, by field of `arrays.Network`, for a state; all but the weights."""
    p = model.params

    def values(name: str) -> NDArray[np.float64]:
        return state[name].copy() if name in state else np.zeros(p.n_exc)

    def until(left: NDArray[Any]) -> NDArray[np.int64]:
        return np.where(left > 0, left.astype(np.int64) - 1, 0)

    found: dict[str, Any] = {field: values(name) for field, name in arrays.VALUES.items()}
    found |= {field: until(state[name]) for field, name in arrays.STEPS_LEFT.items()}
    for field, name in arrays.SECONDS.items():
        found[field] = np.rint(state[name] / p.dt).astype(np.int64)
    return found | {
        "x0": state["inp_exc.x0"][:, 0].copy() if model.learning else np.zeros(p.n_input),
        "over": state["inp_exc.w"].max(axis=0) >= p.w_max,
        "counters": np.array([state[f"protocol.{name}"][0] for name in arrays.COUNTERS], np.int64),
        "sums": np.array([state["protocol.intensity"][0], 0, 0, 0, 0]),
    }


def released(
    model: Model, net: Any, weights: NDArray[np.float64], steps: NDArray[np.int32], state: State
) -> State:
    """Return the state that the arrays of a kernel stand for, which began in `state`; delays are `steps` (n_input, n_exc)."""
    p = model.params
    new = dict(state)
    for field, name in arrays.VALUES.items():
        if name in state:
            new[name] = getattr(net, field)
    for field, name in arrays.STEPS_LEFT.items():
        new[name] = np.maximum(getattr(net, field) + 1, 0).astype(np.int32)
    for field, name in arrays.SECONDS.items():
        new[name] = np.maximum(getattr(net, field) * p.dt, LONG_AGO_SECONDS)
    resting = net.refractory_until > -1 if p.clamp_exc else np.zeros(p.n_exc, np.bool_)
    new["exc.not_refractory"] = ~(resting | (net.spiked == -1))
    new["inh.not_refractory"] = ~((net.refractory_until_inh > -1) | (net.spiked_inh == -1))
    new["inp_exc.w"] = weights
    if model.learning:
        later = np.exp((steps - steps[:, :1]) * (p.dt / p.tau_pre))
        new["inp_exc.x0"] = net.x0[:, None] * later
    for k, name in enumerate(arrays.COUNTERS):
        new[f"protocol.{name}"] = np.array([net.counters[k]], state[f"protocol.{name}"].dtype)
    for k, name in enumerate(arrays.SUMS):
        new[f"protocol.{name}"] = net.sums[k : k + 1].copy()
    return new


def obstacle(model: Model) -> str | None:
    """Return what keeps a kernel that was written for this package's equations from running a model, wherever it runs."""
    if model.replaced:
        return "the equations are not those of this package"
    digest = equations_digest()
    if digest != arrays.WRITTEN_FOR or model.params.rule not in arrays.CODES:
        return (
            "the equations in diehlcook/model are not those that its kernel was written for (to make it "
            f"follow, change engines/fused, too, and set WRITTEN_FOR to {digest} in its arrays.py)"
        )
    return unlike(model.effective_params)


def read_only(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return images that cannot be written to: for others the kernel would be compiled once more."""
    view = images.view()
    view.flags.writeable = False
    return view


class FusedEngine(Engine):
    """Advances a network with a Numba kernel. Knows the equations of this package only."""

    @classmethod
    def obstacle(cls, model: Model) -> str | None:
        """Return what keeps the kernel from running a model; None if nothing does."""
        against = obstacle(model)
        if against is not None:
            return against
        try:
            importlib.import_module("numba")
        except (ImportError, OSError) as error:
            return f"Numba cannot be imported ({error}; pip install numba)"
        return None

    def __init__(self, model: Model, delays: NDArray[np.float64]) -> None:
        super().__init__(model, delays)
        from . import presentation

        self.run = presentation.run
        self.constants = constants(model)
        params = model.params
        self.order = wiring.synapse_order(self.delays, params.dt)
        steps = wiring.delay_steps(self.delays, params.dt)
        longest = int(steps.max())
        n_input, n_exc = steps.shape
        small = np.uint16 if n_exc <= 2**16 else np.int32
        self.target = self.order.j.astype(small)
        self.first = np.zeros((n_input, longest + 2), np.int32)
        for i in range(n_input):
            self.first[i, 1:] = np.cumsum(np.bincount(steps[i], minlength=longest + 1))
        place = np.empty((n_input, n_exc), small)
        np.put_along_axis(
            place,
            self.order.j.reshape(n_input, n_exc).astype(np.int64),
            np.arange(n_exc, dtype=small)[None],
            axis=1,
        )
        self.place = np.ascontiguousarray(place.T)
        self.delay = np.ascontiguousarray(steps.T.astype(np.uint16))
        self.steps = steps
        self.compile()

    def compile(self) -> None:
        """Compile the kernel, or read it from Numba's cache, before any clock runs."""
        from .cached import is_kept

        if not is_kept():
            progress.waiting_for("compiling the kernel (once on this machine)")
        nothing = self.initial_state(0, np.zeros(self.delays.shape))
        self.run(
            self.constants,
            self.load(nothing),
            read_only(np.zeros((1, self.delays.shape[0]), np.uint8)),
            0,
            0,
            self.room(1),
        )

    @property
    def most_spikes(self) -> int:
        """Spikes of a presentation at most."""
        p = self.model.params
        return p.n_exc * (p.presentation_steps // max(1, p.steps("refractory_exc")) + 1)

    def room(self, presentations: int) -> Any:
        """Return arrays to record so many presentations, however many spikes there are."""
        most = self.most_spikes * presentations
        return arrays.Recorded(
            np.empty(presentations, np.int64), np.empty(presentations, np.int32),
            np.empty((presentations, 5)),
            np.empty(most, np.int64), np.empty(most, np.int32),
        )  # fmt: skip

    def blank_state(self) -> State:
        """Return the initial state of the network as it was built."""
        return blank(self.model.params, self.model.learning)

    def load(self, state: State) -> Any:
        """Return the arrays of the kernel for a state."""
        p = self.model.params
        return arrays.Network(
            **held(self.model, state),
            w=self.order.flatten(state["inp_exc.w"]),
            target=self.target,
            first=self.first,
            place=self.place,
            delay=self.delay,
            reach=np.exp(-self.steps[:, 0] * (p.dt / p.tau_pre)),
        )

    def unload(self, net: Any, state: State) -> State:
        """Return the state that the arrays of the kernel stand for."""
        return released(self.model, net, self.order.matrix(net.w), self.steps, state)

    def simulate(
        self, state: State, images: NDArray[np.uint8], presentations: int, cancelled: Callable[[], bool]
    ) -> tuple[State, Responses]:
        """Show images; see `Engine.advance`."""
        p = self.model.params
        most = MAX_PRESENTATIONS if presentations < 0 else min(presentations, MAX_PRESENTATIONS)
        net, images = self.load(state), read_only(images)
        first_position = int(net.counters[arrays.POSITION])
        at_once = max(1, min(most, WORK // p.n_exc, LARGEST_ROOM // self.most_spikes))
        recorded = self.room(at_once)
        done, parts = 0, []
        while done < most and net.counters[arrays.POSITION] - first_position < len(images):
            if cancelled():
                raise Cancelled
            count, spikes = self.run(
                self.constants, net, images, first_position, min(at_once, most - done), recorded
            )
            parts.append(
                (
                    recorded.position[:count].copy(), recorded.attempt[:count].copy(),
                    recorded.sums[:count].copy(),
                    recorded.step[:spikes] + done * p.presentation_steps, recorded.neuron[:spikes].copy(),
                )
            )  # fmt: skip
            done += count
        columns = zip(*parts, strict=True)
        position, attempt, sums, step, neuron = (np.concatenate(column) for column in columns)
        history = {"position": position, "attempt": attempt, **dict(zip(arrays.SUMS, sums.T, strict=True))}
        new = self.unload(net, state)
        responses, new[REST_SPIKES] = make_responses(p, history, neuron, step * p.dt, state[REST_SPIKES])
        return new, responses
