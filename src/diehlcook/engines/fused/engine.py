"""Fused: the same model as one Numba kernel, for large networks and many runs."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import progress
from ...errors import Cancelled, DiehlCookError
from ...model import connections, neurons, protocol, rules, stimulus, wiring
from ...model.params import FIELDS, frozen
from ..base import LONG_AGO_SECONDS, REST_SPIKES, Engine, Model, Responses, State, make_responses
from . import arrays

MAX_PRESENTATIONS = 1000
"""Of one chunk."""

INPUT_BYTES = 5 * 2**20
"""The input of a presentation is summed beforehand if it takes no more than this: beyond, writing it costs
more than it saves."""

WORK = 40_000
"""Neurons times presentations of one call of the kernel; between calls a chunk can be cancelled."""


def constants(model: Model) -> Any:
    """Return the numbers of a model as the kernel takes them: by the names of the parameters where they are the same."""
    learning = model.learning
    p = model.params if learning else frozen(model.params)
    euler = p.integrator == "euler"

    def decay(tau: float) -> float:
        return 1 - p.dt / tau if euler else float(np.exp(-p.dt / tau))

    as_named = {name: getattr(p, name) for name in arrays.Constants._fields if name in FIELDS}
    return arrays.Constants(
        **as_named
        | {
            "rule_code": arrays.CODES[p.rule] if learning else arrays.STATIC,
            "euler": euler,
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
            "decay_ge": decay(p.tau_ge),
            "decay_gi": decay(p.tau_gi),
            "decay_theta": decay(p.tau_theta),
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
    """Return the digest of everything in the model that the kernel says once more in its own way."""
    texts: list[Any] = [neurons.EXCITATORY, neurons.INHIBITORY]
    texts.append(rules.EQUATIONS)
    for module in (connections, protocol, stimulus):
        texts += [
            value for name, value in vars(module).items() if name.isupper() and isinstance(value, str | dict)
        ]
    return hashlib.sha256(repr(texts).encode()).hexdigest()[:16]


def obstacle(model: Model) -> str | None:
    """Return what keeps the kernel from running a model; None if nothing does."""
    if model.replaced:
        return "the equations are not those of this package"
    digest = equations_digest()
    if digest != arrays.WRITTEN_FOR or model.params.rule not in arrays.CODES:
        return (
            "the equations in diehlcook/model are not those that its kernel was written for (to make it "
            "follow, "
            f"change engines/fused, too, and set WRITTEN_FOR to {digest} in its arrays.py)"
        )
    try:
        importlib.import_module("numba")
    except (ImportError, OSError) as error:
        return f"Numba cannot be imported ({error}; pip install numba)"
    return None


def read_only(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return images that cannot be written to: for others the kernel would be compiled once more."""
    view = images.view()
    view.flags.writeable = False
    return view


class FusedEngine(Engine):
    """Advances a network with a Numba kernel. Knows the equations of this package only."""

    def __init__(self, model: Model, delays: NDArray[np.float64]) -> None:
        super().__init__(model, delays)
        against = obstacle(model)
        if against:
            raise DiehlCookError(f"--engine fused cannot run this: {against}; use --engine standalone")
        from . import presentation

        self.run = presentation.run
        self.constants = constants(model)
        params = model.params
        self.order = wiring.synapse_order(delays, params.dt)
        steps = (delays / params.dt + 0.5).astype(np.int32)
        longest = int(steps.max())
        n_input, n_exc = delays.shape
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

    def room(self, presentations: int) -> Any:
        """Return arrays to record so many presentations, however many spikes there are."""
        p = self.model.params
        most = p.n_exc * (p.presentation_steps // max(1, p.steps("refractory_exc")) + 1) * presentations
        return arrays.Recorded(
            np.empty(presentations, np.int64), np.empty(presentations, np.int32),
            np.empty((presentations, 5)),
            np.empty(most, np.int64), np.empty(most, np.int32),
        )  # fmt: skip

    def blank_state(self) -> State:
        """Return the initial state of a network that Brian2 would build, by the same names, without weights."""
        params, learning = self.model.params, self.model.learning
        n, n_input = params.n_exc, params.n_input
        state: State = {
            "exc.v": np.full(n, params.v_rest_exc + params.v_init_offset),
            "inh.v": np.full(n, params.v_rest_inh + params.v_init_offset),
            "exc.theta": np.full(n, params.theta_init),
            "exc.lockout_left": np.full(n, params.steps("lockout_exc"), np.int32),
            "inp.rate": np.zeros(n_input),
            "lateral.fired": np.zeros(1),
        }
        for name in ("exc.ge", "exc.gi", "exc.own", "inh.ge", "inh.gi"):
            state[name] = np.zeros(n)
        for group in ("exc", "inh"):
            state[f"{group}.refractory_left"] = np.zeros(n, np.int32)
            state[f"{group}.lastspike"] = np.full(n, LONG_AGO_SECONDS)
            state[f"{group}.not_refractory"] = np.ones(n, np.bool_)
        for name in arrays.COUNTERS:
            wide = name in ("stream", "position", "key")
            state[f"protocol.{name}"] = np.zeros(1, np.int64 if wide else np.int32)
        for name in arrays.SUMS:
            state[f"protocol.{name}"] = np.zeros(1)
        if learning:
            for name in ("w_total", "w_squares", "w_factor", *rules.EQUATIONS[params.rule].neuron_variables):
                state[f"exc.{name}"] = np.zeros(n)
            state["inp_exc.x0"] = np.zeros((n_input, n))
        return state

    def load(self, state: State) -> Any:
        """Return the arrays of the kernel for a state."""
        p, learning = self.model.params, self.model.learning

        def values(name: str) -> NDArray[np.float64]:
            return state[name].copy() if name in state else np.zeros(p.n_exc)

        def until(left: NDArray[Any]) -> NDArray[np.int64]:
            return np.where(left > 0, left.astype(np.int64) - 1, 0)

        held: dict[str, Any] = {field: values(name) for field, name in arrays.VALUES.items()}
        held |= {field: until(state[name]) for field, name in arrays.STEPS_LEFT.items()}
        for field, name in arrays.SECONDS.items():
            held[field] = np.rint(state[name] / p.dt).astype(np.int64)
        return arrays.Network(
            **held,
            x0=state["inp_exc.x0"][:, 0].copy() if learning else np.zeros(p.n_input),
            over=(state["inp_exc.w"].max(axis=0) >= p.w_max) & (p.normalise != "never"),
            w=self.order.flatten(state["inp_exc.w"]),
            target=self.target,
            first=self.first,
            place=self.place,
            delay=self.delay,
            reach=np.exp(-self.steps[:, 0] * (p.dt / p.tau_pre)),
            counters=np.array([state[f"protocol.{name}"][0] for name in arrays.COUNTERS], np.int64),
            sums=np.array([state["protocol.intensity"][0], 0, 0, 0, 0]),
        )

    def unload(self, net: Any, state: State) -> State:
        """Return the state that the arrays of the kernel stand for."""
        p = self.model.params
        new = dict(state)
        for field, name in arrays.VALUES.items():
            if name in state:
                new[name] = getattr(net, field)
        for field, name in arrays.STEPS_LEFT.items():
            new[name] = np.maximum(getattr(net, field) + 1, 0).astype(np.int32)
        for field, name in arrays.SECONDS.items():
            new[name] = np.maximum(getattr(net, field) * p.dt, LONG_AGO_SECONDS)
        held = net.refractory_until > -1 if p.clamp_exc else np.zeros(p.n_exc, np.bool_)
        new["exc.not_refractory"] = ~(held | (net.spiked == -1))
        new["inh.not_refractory"] = ~((net.refractory_until_inh > -1) | (net.spiked_inh == -1))
        new["inp_exc.w"] = self.order.matrix(net.w)
        if self.model.learning:
            later = np.exp((self.steps - self.steps[:, :1]) * (p.dt / p.tau_pre))
            new["inp_exc.x0"] = net.x0[:, None] * later
        for k, name in enumerate(arrays.COUNTERS):
            new[f"protocol.{name}"] = np.array([net.counters[k]], state[f"protocol.{name}"].dtype)
        for k, name in enumerate(arrays.SUMS):
            new[f"protocol.{name}"] = net.sums[k : k + 1].copy()
        return new

    def simulate(
        self, state: State, images: NDArray[np.uint8], presentations: int, cancelled: Callable[[], bool]
    ) -> tuple[State, Responses]:
        """Show images; see `Engine.advance`."""
        p = self.model.params
        most = MAX_PRESENTATIONS if presentations < 0 else min(presentations, MAX_PRESENTATIONS)
        net, images = self.load(state), read_only(images)
        first_position = int(net.counters[arrays.POSITION])
        at_once = max(1, WORK // p.n_exc)
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
