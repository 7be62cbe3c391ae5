"""CUDA: advances networks on an NVIDIA GPU, each on a few of its multiprocessors, so that many run at the same time."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import Cancelled, DiehlCookError, NetworkError
from ...model import wiring
from ...model.arrays import check_images
from ..base import REST_SPIKES, Engine, Model, Responses, State, check_state, make_responses
from ..fused import arrays
from ..fused.engine import constants, held, released
from ..fused.engine import obstacle as obstacle_of_kernels
from ..state import blank
from .library import JOB, ConstantsStruct, Device, Sizes, missing, variant

MOST_PRESENTATIONS = 5000
"""Of one chunk."""

AT_ONCE = 1000
"""Presentations of one launch, at most; between launches a chunk can be cancelled."""

SPIKES = (500, 4_000_000)
"""Spikes for which there is room: so many in each presentation of a network, and so many in all, if that is more."""

BLOCKS = (1, 2, 3, 4, 5, 6, 7, 8, 16)
"""How many blocks, each on a multiprocessor of its own, may make a network."""

COMFORTABLE = 320
"""Neurons of a block, if there are blocks enough: with more, registers get scarce."""

MOST_THREADS = 832
"""Of a block: two for each neuron, in whole warps."""

SHARED_BYTES = 227 * 1024
"""Shared memory of a block, at most."""

COLUMNS = 16
"""Columns of weights in shared memory, at most."""

LIMITS = {"n_exc": 8000, "n_input": 2**15, "presentation_steps": 2**15}
"""What the kernel can count, at most."""

LONGEST_DELAY = 255
"""In time steps."""


class Task(NamedTuple):
    """A network's state, and what to show it."""

    state: State
    images: NDArray[np.uint8]


class CudaEngine(Engine):
    """Advances networks on a GPU. Knows the equations of this package only."""

    least_presentations, most_presentations = AT_ONCE, MOST_PRESENTATIONS

    @classmethod
    def obstacle(cls, model: Model) -> str | None:
        """Return what keeps the kernel from running a model; None if nothing does."""
        return obstacle_of_kernels(model) or too_large(model) or missing()

    def __init__(self, model: Model, delays: NDArray[np.float64]) -> None:
        super().__init__(model, delays)
        p = model.params
        self.constants = constants(model)
        self.struct = ConstantsStruct(*self.constants)
        self.steps = wiring.delay_steps(self.delays, p.dt)
        self.device = Device(variant(self.constants))
        self.sizes, self.threads = self.lay_out()
        self.delay_at = self.device.write("delay", self.steps.astype(np.uint8))
        self.reach_at = self.device.write("reach", np.exp(-self.steps[:, 0] * (p.dt / p.tau_pre)))
        n = ctypes.c_int()
        self.device.call(
            "at_once", ctypes.byref(self.struct), ctypes.byref(self.sizes), self.threads, ctypes.byref(n)
        )
        self.several = n.value
        self.rooms_at, self.n_rooms = 0, 0
        self.weights_at, self.weights_there = 0, np.empty(0)

    def lay_out(self) -> tuple[Sizes, int]:
        """Return how the network is laid out, and the threads of a block.

        Raises
        ------
        DiehlCookError
            It does not fit.
        """
        p, c = self.model.params, self.constants
        longest = int(self.steps.max())
        level = 1.0
        for _ in range(c.presentation_steps):
            level *= c.decay_theta
        fewest = next((k for k in BLOCKS if -(-p.n_exc // k) <= COMFORTABLE), BLOCKS[-1])
        for blocks in (k for k in BLOCKS if k >= fewest and longest <= LONGEST_DELAY):
            local = -(-p.n_exc // blocks)
            threads = 2 * -(-local // 32) * 32
            for columns in range(COLUMNS if c.learning else 0, -1, -1):
                sizes = Sizes(
                    p.n_input, p.n_exc, blocks, local, longest, longest + 2, columns,
                    -(-c.stimulus_steps // 8) * 8, level, float(np.exp(-c.step_inh)),
                )  # fmt: skip
                if (
                    threads <= MOST_THREADS
                    and self.device.shared_bytes(self.struct, sizes, threads) <= SHARED_BYTES
                ):
                    return sizes, threads
        raise DiehlCookError(
            f"--engine cuda cannot run this: {p.n_exc} neurons with delays up to {longest} time steps are "
            "too many for a GPU; use --engine fused"
        )

    def advance_all(
        self,
        states: Sequence[State],
        images: Sequence[NDArray[np.uint8]],
        *,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> list[tuple[State, Responses]]:
        """Advance several networks at the same time; see `Engine.advance_all`.

        Those that do not learn share one array of weights.
        """
        tasks = []
        for state, shown in zip(states, images, strict=True):
            self.check(state, "state")
            tasks.append(Task(state, check_images("images", shown, self.model.params.n_input)))
        results = self.simulate_all(tasks, MOST_PRESENTATIONS, cancelled)
        for new, responses in results:
            check_state(new, responses, self.model.params)
        return results

    def blank_state(self) -> State:
        """Return the initial state of the network as it was built."""
        return blank(self.model.params, self.model.learning)

    def simulate(
        self, state: State, images: NDArray[np.uint8], presentations: int, cancelled: Callable[[], bool]
    ) -> tuple[State, Responses]:
        """Show images; see `Engine.advance`."""
        most = MOST_PRESENTATIONS if presentations < 0 else min(presentations, MOST_PRESENTATIONS)
        return self.simulate_all([Task(state, images)], most, cancelled)[0]

    def simulate_all(
        self, tasks: list[Task], most: int, cancelled: Callable[[], bool]
    ) -> list[tuple[State, Responses]]:
        """Show each network its images, or as many presentations as `most` says; see `advance_all`."""
        nets = [held(self.model, task.state) for task in tasks]
        at = self.place(tasks, nets)
        n, shown = len(tasks), np.array([len(task.images) for task in tasks])
        at_once = min(most, AT_ONCE)
        spikes = self.make_room(at, n, at_once)
        clusters = min(n, self.several)
        rooms = self.rooms(clusters)
        parts: list[list[Any]] = [[] for _ in tasks]
        done, seen = np.zeros(n, np.int64), np.zeros(n, np.int64)
        while (left := (done < most) & (seen < shown)).any():
            if cancelled():
                raise Cancelled
            at["presentations"] = np.where(left, np.minimum(at_once, most - done), 0)
            jobs = self.device.write("jobs", np.stack([at[field] for field in JOB], axis=1))
            self.device.call(
                "show", self.device.stream, ctypes.byref(self.struct), ctypes.byref(self.sizes),
                ctypes.c_void_p(jobs), n, clusters, self.threads, ctypes.c_void_p(rooms),
            )  # fmt: skip
            for k in np.flatnonzero(left):
                part = self.recorded(at, k, spikes)
                step = part[3] + done[k] * self.constants.presentation_steps
                parts[k].append((*part[:3], step, part[4]))
                done[k] += len(part[0])
            counters = self.read(at, "counters", 0, (n, len(arrays.COUNTERS)), np.int64)
            seen = counters[:, arrays.POSITION] - at["first_position"]
        return [
            self.finished(task, {field: net[field] for field in net if field != "sums"}, at, k, parts[k])
            for k, (task, net) in enumerate(zip(tasks, nets, strict=True))
        ]

    def place(self, tasks: list[Task], nets: list[dict[str, Any]]) -> dict[str, NDArray[np.int64]]:
        """Copy states and images to the device; return where each field of each task is, or its value if it is a number."""
        device, n, n_input = self.device, len(tasks), self.model.params.n_input
        at: dict[str, NDArray[np.int64]] = {}

        def put(field: str, values: NDArray[Any]) -> None:
            at[field] = device.write(field, values) + np.arange(n) * values[0].nbytes

        for field in nets[0]:
            if field != "sums":
                put(field, np.stack([net[field] for net in nets]))
        put("intensity", np.array([net["sums"][arrays.INTENSITY] for net in nets]))
        weights = [task.state["inp_exc.w"] for task in tasks]
        if self.constants.learning:
            put("w", np.stack(weights))
        else:
            if any(one is not weights[0] for one in weights):
                raise ValueError("networks that do not learn share one array of weights")
            if self.weights_there is not weights[0]:
                self.weights_at, self.weights_there = device.write("w", weights[0]), weights[0]
            at["w"] = np.full(n, self.weights_at)
        at["delay"], at["reach"] = np.full(n, self.delay_at), np.full(n, self.reach_at)
        many = np.array([len(task.images) for task in tasks])
        images = np.concatenate([task.images.reshape(len(task.images), -1) for task in tasks])
        at["images"] = device.write("images", images) + (np.cumsum(many) - many) * n_input
        at["n_images"] = many
        at["first_position"] = np.array([net["counters"][arrays.POSITION] for net in nets])
        return at

    def make_room(self, at: dict[str, NDArray[np.int64]], n: int, at_once: int) -> int:
        """Make room for what is recorded of so many presentations of `n` networks; return for how many spikes of a block."""
        c, blocks = self.constants, self.sizes.cluster
        most = self.sizes.n_exc * (c.presentation_steps // max(1, c.refractory_exc_steps) + 1) * at_once
        spikes = -(-min(most, max(at_once * SPIKES[0], SPIKES[1] // n)) // int(blocks))
        sizes = {
            "position": 8 * at_once, "attempt": 4 * at_once, "intensities": 8 * at_once,
            "parts": 32 * at_once * blocks, "step": 8 * spikes * blocks, "neuron": 4 * spikes * blocks,
            "done": 8 * (1 + blocks),
        }  # fmt: skip
        for field, size in sizes.items():
            at[field] = self.device.room(field, size * n) + np.arange(n) * size
        at["room"] = np.full(n, spikes * blocks)
        return int(spikes)

    def rooms(self, clusters: int) -> int:
        """Return the address of the scratch memory of so many networks at once, a row for each block."""
        if clusters > self.n_rooms:
            c, n_input, stride = self.constants, self.sizes.n_input, self.sizes.stride
            blocks = clusters * self.sizes.cluster
            needed = np.array(
                [
                    4 * c.stimulus_steps * -(-n_input // 32),
                    4 * c.stimulus_steps * n_input,
                    2 * stride * n_input * c.learning,
                    8 * stride * n_input * (c.learning and c.all_to_all != 0),
                ]
            )
            needed = -(-(needed + 1) // 256) * 256
            base = self.device.room("scratch", blocks * int(needed.sum()))
            begins = base + np.arange(blocks)[:, None] * needed.sum() + (np.cumsum(needed) - needed)[None]
            self.rooms_at, self.n_rooms = self.device.write("rooms", begins.astype(np.uint64)), clusters
        return self.rooms_at

    def read(self, at: dict[str, NDArray[np.int64]], field: str, k: int, shape: Any, dtype: Any) -> Any:
        """Return an array of the device, that of task `k`."""
        return self.device.read(int(at[field][k]), shape, dtype)

    def recorded(self, at: dict[str, NDArray[np.int64]], k: int, spikes: int) -> tuple[NDArray[Any], ...]:
        """Return what a launch recorded of task `k`: positions, attempts, sums; step and neuron of each spike, in order."""
        blocks = self.sizes.cluster
        count, *fired = (int(one) for one in self.read(at, "done", k, 1 + blocks, np.int64))
        if max(fired) > spikes:
            neurons = self.sizes.n_exc // blocks
            raise NetworkError(
                f"more than {spikes} spikes of {neurons} neurons in {count} presentations; the network is "
                "running away"
            )
        step, neuron = (
            np.concatenate(
                [
                    self.device.read(int(at[field][k]) + b * spikes * size, fired[b], kind)
                    for b in range(blocks)
                ]
            )
            for field, size, kind in (("step", 8, np.int64), ("neuron", 4, np.int32))
        )
        order = np.lexsort((neuron, step))
        sums = np.empty((count, len(arrays.SUMS)))
        sums[:, arrays.INTENSITY] = self.read(at, "intensities", k, count, np.float64)
        sums[:, arrays.THETA_SUM :] = self.read(at, "parts", k, (count, blocks, 4), np.float64).sum(axis=1)
        position = self.read(at, "position", k, count, np.int64)
        attempt = self.read(at, "attempt", k, count, np.int32)
        return position, attempt, sums, step[order], neuron[order]

    def finished(
        self,
        task: Task,
        net: dict[str, NDArray[Any]],
        at: dict[str, NDArray[np.int64]],
        k: int,
        parts: list[Any],
    ) -> tuple[State, Responses]:
        """Return the new state of task `k`, whose arrays looked like `net`, and its responses from all `parts`."""
        p = self.model.params
        position, attempt, sums, step, neuron = (
            np.concatenate(column) for column in zip(*parts, strict=True)
        )
        arrays_now = {field: self.read(at, field, k, one.shape, one.dtype) for field, one in net.items()}
        weights = task.state["inp_exc.w"]
        if self.constants.learning:
            weights = self.read(at, "w", k, weights.shape, np.float64)
        now = SimpleNamespace(**arrays_now, sums=sums[-1])
        new = released(self.model, now, weights, self.steps, task.state)
        history = {"position": position, "attempt": attempt, **dict(zip(arrays.SUMS, sums.T, strict=True))}
        responses, new[REST_SPIKES] = make_responses(p, history, neuron, step * p.dt, task.state[REST_SPIKES])
        return new, responses

    def close(self) -> None:
        """Give the memory of the GPU back."""
        self.device.close()


def too_large(model: Model) -> str | None:
    """Return what of a model is more than the kernel can count; None if nothing is."""
    for name, most in LIMITS.items():
        value = getattr(model.params, name)
        if value > most:
            return f"{name} is {value}, and its kernel takes at most {most}"
    return None
