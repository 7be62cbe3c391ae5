"""The whole experiment as one Brian2 network, protocol included: all objects of the model are made here.

Objects by name, as in ``network["exc"]``:

========== ====================== ============================================================================
inp        NeuronGroup(n_input)   Poisson input, one neuron per pixel
exc, inh   NeuronGroup(n_exc)     excitatory and inhibitory neurons
inp_exc    Synapses               plastic, all to all, each with its own delay
exc_inh    Synapses               one to one
inh_exc    Synapses               all but own (all, with `self_inhibition`)
protocol   NeuronGroup(1)         which image, which attempt, how many spikes; see `protocol`
exc_count  Synapses               tells the protocol of excitatory spikes
spikes     SpikeMonitor           of `exc`
history    StateMonitor           of `protocol`, one row per presentation, at its start
========== ====================== ============================================================================

With ``inhibition="summed"`` the n_exc (n_exc - 1) synapses of `inh_exc` are replaced by `lateral`,
NeuronGroup(1), with `inh_lateral`, `inh_own` and `lateral_exc` (n_exc synapses each): all spikes of a step
are summed once, and each neuron subtracts its own. The spikes are the same.

No state is an absolute time: refractoriness is held in whole steps left, traces are referred to the start of
the presentation.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Literal, get_args

import numpy as np
from brian2.core.variables import ArrayVariable
from numpy.typing import NDArray

from ..errors import DiehlCookError
from . import connections, neurons, protocol, rules, stimulus, wiring
from .arrays import check_delays, check_images, check_seed, check_theta, check_weights
from .brian import b2
from .neurons import NeuronModel
from .params import Params, as_params, frozen
from .rules import LearningRule
from .trial import check_types, try_equations

Inhibition = Literal["pairwise", "summed"]


def presentation_time(params: Params) -> b2.Quantity:
    """Return the duration of one presentation, stimulus and rest (paper, section 2.5: 350 ms and 150 ms).

    Parameters
    ----------
    params
        Constants of the network.

    Returns
    -------
    Quantity
        In seconds, a whole number of time steps.
    """
    return params.presentation_steps * params.dt * b2.second


def build_network(
    params: Params | str,
    *,
    seed: int = 0,
    images: NDArray[Any] | None = None,
    phase: str = "train",
    weights: NDArray[np.float64] | None = None,
    theta: NDArray[np.float64] | None = None,
    delays: NDArray[np.float64] | None = None,
    excitatory: NeuronModel = neurons.EXCITATORY,
    plasticity: LearningRule | None = None,
    inhibition: Inhibition = "pairwise",
) -> b2.Network:
    """Build the Brian2 network of the experiment, its protocol included, for the active Brian2 device.

    Run it for whole presentations, as in ``network.run(k*presentation_time(params))``. Attach monitors before,
    with ``network.add``.

    Parameters
    ----------
    params
        The constants of the model, which `load_preset` returns, or the name of a preset.
    seed
        The number from which initial weights, delays and input spikes follow.
    images
        Grey values from 0 to 255, in the shape (n, n_input) or (n, rows, columns). They are shown in this
        order, and the last one again and again. By default there is one black image.
    phase
        In ``"train"`` the network learns. In ``"observe"``, ``"test"`` and ``"predict"`` weights and theta do
        not change.
    weights
        The weights (n_input, n_exc), without unit; by default the initial ones that `seed` gives.
    theta
        The adaptive part of the thresholds (n_exc,) in volts; by default `theta_init` for every neuron.
    delays
        The delays from input to excitatory neurons (n_input, n_exc) in seconds; by default those that `seed`
        gives for the training, in every phase.
    excitatory
        Replaces equations, threshold or reset of the excitatory neurons; `neurons.NeuronModel.changed` makes
        them of those of the package.
    plasticity
        Replaces the learning rule that ``params.rule`` names; `rules.LearningRule.changed` makes one of another.
        It is used in the phase ``"train"`` only.
    inhibition
        ``"pairwise"`` has a synapse for each pair of neurons, as the paper draws it. ``"summed"`` gives the
        same spikes with only O(n_exc) synapses.

    Returns
    -------
    brian2.Network
        The network. This module's text lists the names of its objects, such as ``network["exc"]``;
        `weight_matrix` returns its weights as a matrix.

    Raises
    ------
    DiehlCookError
        The phase or the inhibition is not known, the seed is bad, an array has another shape, range or unit, or
        replaced equations cannot be used.
    """
    params = as_params(params)
    if phase not in stimulus.PHASES:
        raise DiehlCookError(f"phase is {phase!r}; choose one of {', '.join(stimulus.PHASES)}")
    if inhibition not in get_args(Inhibition):
        raise DiehlCookError(f"inhibition is {inhibition!r}; choose one of {', '.join(get_args(Inhibition))}")
    seed = check_seed(seed)
    images = check_images(
        "images", np.zeros((1, params.n_input)) if images is None else images, params.n_input
    )
    weights = (
        wiring.initial_weights(params, seed) if weights is None else check_weights("weights", weights, params)
    )
    delays = wiring.initial_delays(params, seed) if delays is None else check_delays("delays", delays, params)
    if theta is not None:
        theta = check_theta("theta", theta, params)
    learning = phase == "train"
    check_equations(params, excitatory, plasticity, (learning,))
    return assemble(
        params,
        seed=seed,
        images=images,
        phase=phase,
        weights=weights,
        theta=theta,
        delays=delays,
        excitatory=excitatory,
        plasticity=plasticity,
        inhibition=inhibition,
    )


def check_equations(
    params: Params,
    excitatory: NeuronModel,
    plasticity: LearningRule | None,
    learning: tuple[bool, ...] = (True, False),
) -> None:
    """Raise `DiehlCookError` in one line if replaced equations cannot be used; a second or two the first time.

    A network that learns and one that does not have different variables; `learning` says which are tried.
    """
    check_types(excitatory, plasticity)
    tiny = params.with_values({"n_input": 4, "n_exc": 2, "max_attempts": 1})
    for one in learning:
        if excitatory != neurons.EXCITATORY or (plasticity is not None and one):
            try_phase(tiny, excitatory, plasticity if one else None, one)


@cache
def try_phase(
    params: Params, excitatory: NeuronModel, plasticity: LearningRule | None, learning: bool
) -> None:
    """Try replaced equations in a network, which should be tiny; see `check_equations`."""

    def build() -> b2.Network:
        network = assemble(
            params,
            seed=0,
            images=np.zeros((1, params.n_input)),
            phase="train" if learning else "test",
            weights=wiring.initial_weights(params, 0),
            theta=None,
            delays=wiring.initial_delays(params, 0),
            excitatory=excitatory,
            plasticity=plasticity,
            inhibition="summed",
        )
        state_variables(network)
        return network

    try_equations(build, excitatory, plasticity, params, learning=learning)


def assemble(
    params: Params,
    *,
    seed: int,
    images: NDArray[Any],
    phase: str,
    weights: NDArray[np.float64],
    theta: NDArray[np.float64] | None,
    delays: NDArray[np.float64],
    excitatory: NeuronModel,
    plasticity: LearningRule | None,
    inhibition: Inhibition,
) -> b2.Network:
    """Make the objects of a network, of arguments that have been checked; see `build_network`."""
    learning = phase == "train"
    rule = (plasticity or rules.EQUATIONS[params.rule]) if learning else rules.STATIC
    constants = (params if learning else frozen(params)).namespace()
    constants |= stimulus.brian_functions() | protocol.brian_functions()
    constants |= {
        "all_to_all": int(params.pairing == "all-to-all"),
        "normalise_images": int(params.normalise != "never"),
        "normalise_presentations": int(params.normalise == "presentation"),
    }
    constants["pixels"] = b2.TimedArray(images.astype(np.float64), dt=1 * b2.second, name="pixels")
    common = {"namespace": constants, "clock": b2.Clock(dt=params.dt * b2.second, name="clock")}

    control = b2.NeuronGroup(
        1,
        protocol.PROTOCOL,
        events={"presentation_end": protocol.LAST_STEP},
        dtype=dict.fromkeys(protocol.WIDE, np.int64),
        name="protocol",
        **common,
    )
    control.run_on_event("presentation_end", protocol.END_PRESENTATION, when="end")
    control.stream = stimulus.stream_key(seed, phase)
    control.presentations_left = -1
    control.images_left = -1

    inp = b2.NeuronGroup(
        params.n_input,
        protocol.STEP + stimulus.POISSON_INPUT,
        threshold=stimulus.POISSON_SPIKE,
        reset="",
        name="inp",
        **common,
    )
    for variable in ("key", "slot", "intensity"):
        link(inp, control, variable)

    exc = b2.NeuronGroup(
        params.n_exc,
        lines(
            excitatory.equations,
            rule.neuron,
            connections.NORMALISATION if learning else "",
            connections.OWN_INHIBITION if inhibition == "summed" else "",
        ),
        threshold=excitatory.threshold,
        reset=lines(excitatory.reset, rule.neuron_reset),
        refractory="refractory_left > 0 and clamp_exc == 1",  # only holds v: the threshold blocks the spikes
        method=params.integrator,
        name="exc",
        **common,
    )
    exc.run_regularly(
        lines(excitatory.every_step, rule.neuron_every_step), when="start", order=-1, name="exc_every_step"
    )
    if theta is None:
        theta = np.full(params.n_exc, params.theta_init)
    v_exc, v_inh = wiring.initial_potentials(params, theta, stimulus.stream_key(seed, phase))
    exc.v = v_exc * b2.volt
    exc.theta = theta * b2.volt
    exc.lockout_left = params.steps("lockout_exc")  # the `timer` of the ports starts at 0

    inh = b2.NeuronGroup(
        params.n_exc,
        neurons.INHIBITORY.equations,
        threshold=neurons.INHIBITORY.threshold,
        reset=neurons.INHIBITORY.reset,
        refractory="refractory_left > 0",
        method=params.integrator,
        name="inh",
        **common,
    )
    inh.run_regularly(neurons.INHIBITORY.every_step, when="start", order=-1, name="inh_every_step")
    inh.v = v_inh * b2.volt

    inp_exc = b2.Synapses(
        inp, exc, rule.model, on_pre=rule.on_pre, on_post=rule.on_post or None, name="inp_exc", **common
    )
    order = wiring.synapse_order(delays, params.dt)
    inp_exc.connect(i=order.i, j=order.j)
    inp_exc.delay = order.flatten(delays) * b2.second
    inp_exc.w = order.flatten(weights)

    exc_inh = b2.Synapses(exc, inh, on_pre=connections.EXC_TO_INH, name="exc_inh", **common)
    exc_inh.connect(j="i")
    exc_count = b2.Synapses(exc, control, on_pre=protocol.COUNT_SPIKE, name="exc_count", **common)
    exc_count.connect()
    lateral = lateral_inhibition(inh, exc, inhibition, params.self_inhibition, common)

    presentation = presentation_time(params)
    before = [(control, protocol.BEGIN_PRESENTATION), (inp, stimulus.SHOW_IMAGE)]
    if learning:
        link(exc, control, "normalising")
        before += [
            (exc, "w_total = 0; w_squares = 0"),
            (inp_exc, connections.SUM_WEIGHTS),
            (exc_count, connections.SUM_NEURONS),
            (exc, connections.FIND_FACTORS),
            (inp_exc, lines(connections.NORMALISE, rule.every_presentation)),
        ]
    for order_in_slot, (group, code) in enumerate(before):
        group.run_regularly(
            code,
            dt=presentation,
            when="start",
            order=order_in_slot,
            name=f"before_presentation_{order_in_slot}",
        )
    history = b2.StateMonitor(
        control,
        protocol.RECORDED,
        record=True,
        dt=presentation,
        when="start",
        order=len(before),
        name="history",
    )
    spikes = b2.SpikeMonitor(exc, name="spikes")
    return b2.Network(
        control, inp, exc, inh, inp_exc, exc_inh, exc_count, *lateral, spikes, history, name="network"
    )


def lines(*texts: str) -> str:
    """Return texts as one, each from a line of its own on: those of users need not end with a newline."""
    return "\n".join(text.strip("\n") for text in texts if text)


def link(group: b2.NeuronGroup, control: b2.NeuronGroup, variable: str) -> None:
    """Let all neurons of a group read a variable of the protocol."""
    setattr(group, variable, b2.linked_var(control, variable, index=np.zeros(len(group), dtype=int)))


def lateral_inhibition(
    inh: b2.NeuronGroup,
    exc: b2.NeuronGroup,
    inhibition: Inhibition,
    self_inhibition: bool,
    common: dict[str, Any],
) -> list[b2.BrianObject]:
    """Connect each inhibitory neuron to all excitatory neurons but its own (paper §2.2), or to all."""
    if inhibition == "pairwise":
        inh_exc = b2.Synapses(inh, exc, on_pre=connections.INH_TO_EXC, name="inh_exc", **common)
        inh_exc.connect(True if self_inhibition else "i != j")
        return [inh_exc]
    # All within the synapses slot of one step: spikes are summed (order 0), any sum is an event (1) that
    # inhibits (2)
    lateral = b2.NeuronGroup(
        1, connections.LATERAL, events={"inhibit": "fired > 0"}, name="lateral", **common
    )
    lateral.set_event_schedule("inhibit", when="synapses", order=1)
    lateral.run_on_event("inhibit", "fired = 0", when="resets")
    inh_lateral = b2.Synapses(inh, lateral, on_pre=connections.INH_TO_LATERAL, name="inh_lateral", **common)
    inh_lateral.connect()
    inh_own = b2.Synapses(inh, exc, on_pre=connections.INH_TO_OWN, name="inh_own", **common)
    inh_own.connect(j="i")
    lateral_exc = b2.Synapses(
        lateral,
        exc,
        on_pre=connections.LATERAL_TO_EXC,
        on_event=dict.fromkeys(connections.LATERAL_TO_EXC, "inhibit"),
        name="lateral_exc",
        **common,
    )
    lateral_exc.connect()
    lateral_exc.inhibit.order = 2
    lateral_exc.clear.order = 3
    return [lateral, inh_lateral, inh_own, lateral_exc]


def state_variables(network: b2.Network) -> dict[str, Any]:
    """Return every variable that decides the future of a network, as ``object.variable`` to Brian2 variable.

    Derived from the built network, so that a variable added to an equation is among them.
    """
    found = {}
    for group in network.sorted_objects:
        if isinstance(group, b2.NeuronGroup | b2.Synapses):
            for name, variable in group.variables.items():
                own = isinstance(variable, ArrayVariable) and variable.owner.name == group.name
                scratch = name.startswith("_") or (group.name == "protocol" and name in protocol.CONTROL)
                wiring_of_it = name == "delay"  # Brian2 from 2.11 on counts it among a synapse's own
                if name == "lastupdate":
                    raise DiehlCookError(
                        f"{group.name}: event-driven variables keep absolute times, which do not survive "
                        "chunks; refer them to the start of the presentation instead, like `x0` in "
                        "rules.TRIPLET"
                    )
                if own and not variable.read_only and not scratch and not wiring_of_it:
                    found[f"{group.name}.{name}"] = variable
    return found


def weight_matrix(network: b2.Network) -> NDArray[np.float64]:
    """Return the weights from the input to the excitatory neurons as a matrix.

    Parameters
    ----------
    network
        What `build_network` returned.

    Returns
    -------
    ndarray of float64, shape (n_input, n_exc)
        Weights without unit, those of one neuron in a column.
    """
    synapse = network["inp_exc"]
    order = wiring.SynapseOrder(np.asarray(synapse.i[:]), np.asarray(synapse.j[:]))
    return order.matrix(np.asarray(synapse.w[:]))
