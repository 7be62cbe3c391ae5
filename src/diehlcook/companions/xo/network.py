"""The equations in Brian2: Izhikevich neurons in three layers, STDP between them, a teacher, inhibition within layers.

All networks of an experiment are in the same groups: neurons 0 to 24 of the inputs are of the first, and so
on. Only neurons of the same network are connected.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...model.brian import b2
from .constants import XO
from .patterns import PIXELS

MEMBRANE = """
dv/dt = k*(v - v_r)*(v - v_t) - u + I : volt
du/dt = a*(b*(v - v_r) - u) : volt/second
shown = t - t_presentation*floor(t/t_presentation + 1e-6) + 1e-9*second : second
"""
"""`shown` is the time since the image has begun; a nanosecond more, so that no rounding decides whether a current that
starts with a time step starts in it."""
INPUT = (
    MEMBRANE
    + """
I = height*pixel(t, i)*int(shown >= onset(t, i))*int(shown < onset(t, i) + pulse) : volt/second
"""
)
HIDDEN = (
    MEMBRANE
    + """
I = height*pixel(t, i)*int(shown >= onset(t, i))*int(shown < onset(t, i) + pulse) - inh : volt/second
dinh/dt = -inh/tau_inh : volt/second
"""
)
OUTPUT = (
    MEMBRANE
    + """
I = height*(pixel(t, i)*int(shown >= onset(t, i))*int(shown < onset(t, i) + pulse)
    + teacher(t, i)*int(shown >= teacher_delay)*int(shown < teacher_delay + pulse)) - inh : volt/second
dinh/dt = -inh/tau_inh : volt/second
"""
)
"""`pixel` is 0 for hidden neurons and outputs, but with the fault shared_current."""

THRESHOLD = "v > v_peak"
RESET = """
v = c
u += d
"""

SYNAPSE = """
w : volt
dpre/dt = -pre/tau_stdp : volt (event-driven)
dpost/dt = -post/tau_stdp : volt (event-driven)
plastic : 1 (shared)
bound : volt (shared)
"""
ON_PRE = """
v_post += w
pre += a_plus
w = clip(w - plastic*post, 0*volt, bound)
"""
ON_POST = """
post += a_ratio*a_plus
w = clip(w + plastic*pre, 0*volt, bound)
"""
INHIBIT = "inh_post += inhibition"


class Built(NamedTuple):
    """The network, and how many neurons of each layer are of one."""

    network: b2.Network
    sizes: tuple[int, int, int]

    def weights(self, layer: int) -> NDArray[np.float64]:
        """Return the weights onto hidden neurons (1) or outputs (2), in volts: (networks, before, after)."""
        synapses = self.network[("onto_hidden", "onto_output")[layer - 1]]
        return np.array(synapses.w_).reshape(-1, self.sizes[layer - 1], self.sizes[layer])

    def set_weights(self, layer: int, weights: NDArray[np.float64]) -> None:
        """Set what `weights` returns."""
        self.network[("onto_hidden", "onto_output")[layer - 1]].w_ = weights.ravel()


def normalised(weights: NDArray[np.float64], total: float, bound: float) -> NDArray[np.float64]:
    """Return weights (..., before, after) scaled so that those onto each neuron sum to `total`, as far as `bound` lets them."""
    sums = weights.sum(axis=-2, keepdims=True)
    return np.asarray(
        np.minimum(weights * np.divide(total, sums, where=sums > 0, out=np.ones_like(sums)), bound)
    )


def build(
    params: XO, pixels: NDArray[np.bool_], onsets: NDArray[np.float64], teacher: NDArray[np.bool_]
) -> Built:
    """Return the networks, with weights of 0, ready to see images.

    Parameters
    ----------
    pixels, onsets
        Images in order, of each network (networks, n, 25): black pixels, and seconds until their current
        starts.
    teacher
        Which output the teacher makes spike (networks, n, 2).
    """
    sizes = (PIXELS, params.n_hidden, 2)
    names = ("inputs", "hidden", "outputs")
    groups, clock = [], b2.Clock(params.dt * b2.second)
    for name, equations, size in zip(names, (INPUT, HIDDEN, OUTPUT), sizes, strict=True):
        if name == "inputs" or params.shared_current:
            seen, start = pixels[..., :size], onsets[..., :size]
        else:
            seen = start = np.zeros((*pixels.shape[:2], size))
        currents = {
            "pixel": timed(params, f"pixel_{name}", seen),
            "onset": timed(params, f"onset_{name}", start, b2.second),
        }
        if name == "outputs":
            currents["teacher"] = timed(params, "teacher", teacher)
        group = b2.NeuronGroup(
            params.networks * size, equations, threshold=THRESHOLD, reset=RESET, method="euler", clock=clock,
            namespace=params.quantities() | currents, name=name,
        )  # fmt: skip
        group.v = params.v_r * b2.volt  # and u is 0: at rest
        groups.append(group)
    network = b2.Network(
        groups,
        *(b2.SpikeMonitor(group, name=f"spikes_{name}") for name, group in zip(names, groups, strict=True)),
    )
    built = Built(network, sizes)
    for layer, (name, bound) in enumerate(zip(("onto_hidden", "onto_output"), params.bounds, strict=True), 1):
        synapses = b2.Synapses(
            groups[layer - 1], groups[layer], SYNAPSE, on_pre=ON_PRE, on_post=ON_POST, method="exact",
            clock=clock, namespace=params.quantities(), name=name,
        )  # fmt: skip
        # in the order (network, before, after)
        own, source, target = np.indices((params.networks, sizes[layer - 1], sizes[layer])).reshape(3, -1)
        synapses.connect(i=own * sizes[layer - 1] + source, j=own * sizes[layer] + target)
        synapses.bound, synapses.plastic = bound * b2.volt, 1
        network.add(synapses)
        own, one, other = np.nonzero(np.ones((params.networks, 1, 1)) - np.eye(sizes[layer]))
        if not one.size:
            continue
        lateral = b2.Synapses(
            groups[layer], groups[layer], on_pre=INHIBIT, clock=clock, namespace=params.quantities(),
            name=f"within_{names[layer]}"
        )  # fmt: skip
        lateral.connect(i=own * sizes[layer] + one, j=own * sizes[layer] + other)
        network.add(lateral)
    return built


def timed(params: XO, name: str, values: NDArray[Any], unit: Any = 1) -> b2.TimedArray:
    """Return values of each network, image and neuron (networks, n, size) as a function of time and neuron.

    Its name is part of the code that Brian2 compiles: with the same one, the next experiment compiles
    nothing.
    """
    flat = values.swapaxes(0, 1).reshape(values.shape[1], -1)
    return b2.TimedArray(flat.astype(float) * unit, dt=params.t_presentation * b2.second, name=name)
