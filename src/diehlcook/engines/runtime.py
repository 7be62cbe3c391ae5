"""Runtime: the network in this Python process, with Cython or NumPy code."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..errors import Cancelled
from ..model import wiring
from ..model.brian import b2, in_this_process
from ..model.network import build_network, presentation_time, state_variables
from .base import REST_SPIKES, Engine, Model, Responses, State, make_relative, make_responses
from .compiler import compiler

log = logging.getLogger(__name__)

MAX_IMAGES = 20
"""Images of one chunk: at 0.1 s each, short enough for progress and for an interrupt to lose little."""

CANCEL_CHECK = 10
"""Presentation parts after which a chunk asks whether it is cancelled."""


def code_target() -> str:
    """Return the target of Brian2's code: the user's, but NumPy where there is no compiler, and say how slow that is."""
    target: str = b2.prefs.codegen.target
    if target == "auto" and compiler() is None:
        target = "numpy"
        log.warning(
            "no C++ compiler found: using NumPy, about 5 times slower than Cython and 50 times than "
            "standalone"
        )
    return target


class RuntimeEngine(Engine):
    """Advances a network that lives in this process."""

    def __init__(self, model: Model, delays: NDArray[np.float64]) -> None:
        super().__init__(model, delays)
        self.target = code_target()
        with in_this_process(self.target):
            self.build()

    def build(self) -> None:
        """Make the network."""
        model, delays = self.model, self.delays
        params = model.params
        self.order = wiring.synapse_order(delays, params.dt)
        self.network = build_network(
            params,
            images=np.zeros((MAX_IMAGES, params.n_input)),
            phase="train" if model.learning else "test",
            weights=np.zeros_like(delays),
            delays=delays,
            excitatory=model.excitatory,
            plasticity=model.plasticity,
            inhibition="summed",
        )
        self.pixels = self.network["inp"].namespace["pixels"].values
        self.cancelled: Callable[[], bool] = lambda: False
        self.was_cancelled = False

        def cancel() -> None:
            if self.cancelled():
                self.was_cancelled = True
                b2.stop()

        self.network.add(
            b2.NetworkOperation(
                cancel, dt=presentation_time(params) / CANCEL_CHECK, when="end", order=1, name="cancel"
            )
        )
        self.variables = state_variables(self.network)
        self.network.run(0 * b2.second, namespace={})
        self.network.store("start")
        self.base = self.read_state()

    def read_state(self) -> State:
        """Return the state of the network as it is now."""
        state = {}
        for name, variable in self.variables.items():
            values = np.array(variable.get_value()).reshape(-1)
            state[name] = self.order.matrix(values) if name.startswith("inp_exc.") else values
        return state

    def blank_state(self) -> State:
        """Return the initial state of the network as it was built."""
        return self.base

    def simulate(
        self, state: State, images: NDArray[np.uint8], presentations: int, cancelled: Callable[[], bool]
    ) -> tuple[State, Responses]:
        """Show images; see `Engine.advance`."""
        with in_this_process(self.target):
            return self.run(state, images[:MAX_IMAGES], presentations, cancelled)

    def run(
        self, state: State, images: NDArray[np.uint8], presentations: int, cancelled: Callable[[], bool]
    ) -> tuple[State, Responses]:
        """Show so few images that they fit into one chunk."""
        params = self.model.params
        self.network.restore("start")
        for name, variable in self.variables.items():
            values = state[name]
            variable.get_value()[:] = self.order.flatten(values) if name.startswith("inp_exc.") else values
        control = self.network["protocol"]
        control.first_position = int(state["protocol.position"][0])
        control.images_left = len(images)
        control.presentations_left = presentations
        self.pixels[: len(images)] = images
        self.cancelled, self.was_cancelled = cancelled, False
        longest = len(images) * params.max_attempts if presentations < 0 else presentations
        self.network.run(longest * presentation_time(params), namespace={})
        if self.was_cancelled:
            raise Cancelled
        new = self.read_state()
        make_relative(new, float(self.network.t), params.dt)
        monitor = self.network["history"]
        recorded = {
            name: np.array(getattr(monitor, name + "_" if name.startswith("theta") else name))[0]
            for name in monitor.record_variables
        }
        spikes = self.network["spikes"]
        responses, new[REST_SPIKES] = make_responses(
            params, recorded, np.array(spikes.i), np.array(spikes.t_), state[REST_SPIKES]
        )
        return new, responses
