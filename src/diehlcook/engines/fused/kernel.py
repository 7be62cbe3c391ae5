"""The network as one Numba kernel: the same equations as `neurons`, `rules`, `connections` and `protocol`, in the same order.

What differs from a program that Brian2 generates is how the work is laid out, not what is computed:

- The input events of a presentation are drawn first, active pixel by active pixel, and kept per time step.
- The synapses of an input lie in the order of their delays: an event that was d steps ago reaches one
  contiguous run.
- What the input will add to the conductances is summed for a whole presentation, neuron by neuron, where
  that fits into the cache (see `sum_input`); a neuron whose weights may change follows its arrivals step by
  step instead (`list_arrivals`).
- No presynaptic trace is kept per synapse. What a trace is follows from the events of its input in this
  presentation and one number per input for all before (see `trace_events` and `learn`).
- A postsynaptic trace is followed until it is `CUT`, and depression visits the synapses of neurons with a
  trace only: what will arrive at these is listed by time step (see `list_arrivals`).
- Inhibitory neurons at rest are skipped; an excitatory spike wakes its partner.
- theta decays once per presentation; within one, it is held as it would be at its start.
- Weights are summed and normalised again where they may have changed since the last time (see
  `may_have_changed`).

Times are whole steps since the start of the presentation. Arrays are arguments of the functions with loops,
so that LLVM can tell them apart; division by zero is IEEE's, because a check would keep loops from being
vectorised.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

STATIC, TRIPLET, TRIPLET_100N, POWER_LAW, EXPONENTIAL, PRE_AND_POST, RECTANGULAR = range(7)
CODES = {
    "triplet": TRIPLET,
    "triplet-100n": TRIPLET_100N,
    "power-law": POWER_LAW,
    "exponential": EXPONENTIAL,
    "pre-and-post": PRE_AND_POST,
    "rectangular": RECTANGULAR,
}
"""The rules that this kernel knows, and what tells them apart in compiled code."""

WRITTEN_FOR = "860c4318cf5ba045"
"""Digest of the equations that this kernel follows; see `engine.equations_digest`."""

CUT = 2.0**-42
"""Postsynaptic traces below this are zero: after 29 time constants. What they would change is below 1e-16 of
a weight."""

FLUSH = 2.0**-80
"""Conductances below this are zero between presentations, lest they become denormal."""

SETTLED = 1e-15
"""Volts: an inhibitory neuron so near to rest, without input, is at rest."""

INPUT_BYTES = 5 * 2**20
"""The input of a presentation is summed beforehand if it takes no more than this: beyond, writing it costs
more than it saves."""

COLUMN_COST = 3
"""Normalising one neuron by itself takes as long as normalising so many of all together."""

UNLISTED, TO_LIST = -1, -2
"""Of a neuron whose arrivals have no row, and of one that gets it before the next step's."""

LOG2E = 1.4426950408889634
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
ROUND = 6755399441055744.0
"""1.5 * 2^52: adding it rounds to whole numbers, which then stand in the low bits."""
ROUND_BITS = 0x4338000000000000
SMALLEST_EXPONENT = -708.0
NEAR = 0.346
"""Below ln(2)/2, so that the exponential needs no power of 2; a membrane's exponent is smaller but while
inhibition is at work."""


class Constants(NamedTuple):
    """Numbers of the model, in SI units or per time step; fields are named as in `params` where they are the same."""

    rule_code: int
    euler: bool
    learning: bool
    all_to_all: float
    clamp: bool
    summing_own: float
    stimulus_steps: int
    presentation_steps: int
    refractory_exc_steps: int
    refractory_inh_steps: int
    lockout_exc_steps: int
    v_rest_exc: float
    v_reset_exc: float
    threshold_exc: float
    e_exc: float
    e_inh_exc: float
    v_rest_inh: float
    v_reset_inh: float
    v_thresh_inh: float
    step_exc: float
    step_inh: float
    decay_ge: float
    decay_gi: float
    decay_theta: float
    theta_plus: float
    w_exc_inh: float
    w_inh_exc: float
    eta_pre: float
    eta_post: float
    w_max: float
    x_tar: float
    mu: float
    beta: float
    ltp_trace: float
    dt_over_tau_pre: float
    decay_post1: float
    decay_post2: float
    leak_100n: float
    weight_sum: float
    memory_steps: int
    normalise_images: bool
    normalise_presentations: bool
    normalise_every: int
    pixel_rate: float
    noise_rate: float
    dt: float
    intensity_init: float
    intensity_step: float
    min_spikes: int
    max_attempts: int
    count_rest: bool
    sum_beforehand: bool


class Network(NamedTuple):
    """Arrays of the network; n_exc neurons, n_input inputs, D delays in steps."""

    v: NDArray[np.float64]
    ge: NDArray[np.float64]
    gi: NDArray[np.float64]
    theta: NDArray[np.float64]
    x_post1: NDArray[np.float64]
    x_post2: NDArray[np.float64]
    refractory_until: NDArray[np.int64]
    locked_until: NDArray[np.int64]
    spiked: NDArray[np.int64]
    v_inh: NDArray[np.float64]
    ge_inh: NDArray[np.float64]
    refractory_until_inh: NDArray[np.int64]
    spiked_inh: NDArray[np.int64]
    x0: NDArray[np.float64]
    rate: NDArray[np.float64]
    w_total: NDArray[np.float64]
    w_squares: NDArray[np.float64]
    w_factor: NDArray[np.float64]
    over: NDArray[np.bool_]
    w: NDArray[np.float64]
    target: NDArray[Any]
    first: NDArray[np.int32]
    place: NDArray[Any]
    delay: NDArray[Any]
    reach: NDArray[np.float64]
    counters: NDArray[np.int64]
    sums: NDArray[np.float64]


POSITION, ATTEMPT, N_SPIKES, N_REST_SPIKES, KEY, NORMALISING, STREAM = range(7)
"""Of `Network.counters`."""
INTENSITY, THETA_SUM, THETA_SQUARES, WEIGHTS_SUM, WEIGHTS_SQUARES = range(5)
"""Of `Network.sums`."""


class Recorded(NamedTuple):
    """Where a call writes what happened, from its start on."""

    position: NDArray[np.int64]
    attempt: NDArray[np.int32]
    sums: NDArray[np.float64]
    step: NDArray[np.int64]
    neuron: NDArray[np.int32]


@njit(cache=True, inline="always")
def mix(z):
    """SplitMix64's finaliser; see `stimulus.mix`."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True)
def fold(key, value):
    """See `stimulus.fold`."""
    return mix(mix(key + np.uint64(0x9E3779B97F4A7C15)) ^ value)


@njit(cache=True, error_model="numpy", fastmath={"contract"}, forceinline=True)
def near_exponential(r):
    """Return exp(r) for |r| <= ln(2)/2: the Taylor polynomial of degree 14."""
    p = 1.0 / 87178291200.0
    p = p * r + 1.0 / 6227020800.0
    p = p * r + 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    p = p * r + 1.0
    return p * r + 1.0


@njit(cache=True, error_model="numpy", fastmath={"contract"})
def exponential(x, out, whole):
    """Write exp(x) for x <= 0 into `out`; `whole` is scratch. Loops that vectorise; within an ulp.

    exp(x) = 2^n exp(r) with n = round(x/ln 2), |r| <= ln(2)/2.
    """
    for j in range(x.size):
        y = max(x[j], SMALLEST_EXPONENT)
        shifted = y * LOG2E + ROUND
        n = shifted - ROUND
        out[j] = near_exponential((y - n * LN2_HIGH) - n * LN2_LOW)
        whole[j] = shifted
    bits = whole.view(np.int64)
    for j in range(x.size):
        bits[j] = (bits[j] - ROUND_BITS + 1023) << 52
    for j in range(x.size):
        out[j] *= whole[j]


@njit(cache=True, error_model="numpy")
def draw_events(c, rate, key, draws, event_first, event_input, event_step, emission_first, emission_step):
    """Draw the input spikes of a presentation: by input (`emission_*`) and by time step, inputs ascending (`event_*`)."""
    n_input = rate.size
    n = 0
    event_first[:] = 0
    for i in range(n_input):
        emission_first[i] = n
        if rate[i] > 0:
            limit = np.uint64(min(np.ceil(rate[i] * c.dt * 2.0**53), 2.0**53))
            z = np.uint64(key) + np.uint64(i + 1) * np.uint64(0x9E3779B97F4A7C15)
            stride = np.uint64(n_input) * np.uint64(0x9E3779B97F4A7C15)
            for step in range(c.stimulus_steps):
                draws[step] = mix(z + np.uint64(step) * stride) >> np.uint64(11)
            for step in range(c.stimulus_steps):
                if draws[step] < limit:
                    emission_step[n] = step
                    event_first[step + 1] += 1
                    n += 1
    emission_first[n_input] = n
    for step in range(c.stimulus_steps):
        event_first[step + 1] += event_first[step]
    for i in range(n_input):
        for a in range(emission_first[i], emission_first[i + 1]):
            step = emission_step[a]
            event_input[event_first[step]] = i
            event_step[event_first[step]] = step
            event_first[step] += 1
    for step in range(c.stimulus_steps, 0, -1):
        event_first[step] = event_first[step - 1]
    event_first[0] = 0


@njit(cache=True)
def may_have_changed(c, spiked, over):
    """Return whether the weights of a neuron may have changed during the last presentation.

    They change when it spikes, and by arrivals while its postsynaptic trace lasts. Weights that normalisation
    lifted over w_max (`over`) are clipped when a spike arrives.
    """
    return spiked >= -c.memory_steps or over


@njit(cache=True, error_model="numpy")
def normalise_all(c, normalising, total, squares, factor, over, w, target):
    """Sum the weights of every neuron, and scale them if `normalising`: two passes over memory in order."""
    total[:] = 0
    squares[:] = 0
    over[:] = False
    for s in range(np.uint64(w.size)):
        j = target[s]
        x = w[s]
        total[j] += x
        squares[j] += x * x
        if x > c.w_max and not normalising:
            over[j] = True
    for j in range(total.size):
        factor[j] = c.weight_sum / (total[j] if total[j] != 0.0 else 1.0) if normalising else 1.0
    if normalising:
        for s in range(np.uint64(w.size)):
            j = target[s]
            x = w[s] * factor[j]
            w[s] = x
            if x > c.w_max:
                over[j] = True


@njit(cache=True, error_model="numpy")
def normalise_changed(c, normalising, spiked, total, squares, factor, over, w, place):
    """Do the same for the neurons whose weights may have changed; for the others, follow what the last time did."""
    n_exc, n_input = place.shape
    for j in range(n_exc):
        if may_have_changed(c, spiked[j], over[j]):
            a, b, largest = 0.0, 0.0, 0.0
            for i in range(n_input):
                x = w[np.uint64(i * n_exc + place[j, i])]
                a += x
                b += x * x
                largest = max(largest, x)
            total[j], squares[j] = a, b
            factor[j] = c.weight_sum / (a if a != 0.0 else 1.0) if normalising else 1.0
            over[j] = largest > c.w_max and not normalising
            if normalising:
                for i in range(n_input):
                    s = np.uint64(i * n_exc + place[j, i])
                    x = w[s] * factor[j]
                    w[s] = x
                    if x > c.w_max:
                        over[j] = True
        else:
            total[j] *= factor[j]
            squares[j] *= factor[j] * factor[j]
            factor[j] = 1.0


@njit(cache=True, error_model="numpy", forceinline=True)
def membranes_euler(c, step, level, v, ge, gi, theta, refractory, locked):
    """Advance the excitatory neurons by explicit Euler; return whether any may spike."""
    ready = 0
    for j in range(v.size):
        there = v[j] + c.step_exc * (
            c.v_rest_exc - v[j] + ge[j] * (c.e_exc - v[j]) + gi[j] * (c.e_inh_exc - v[j])
        )
        now = there if (not c.clamp) or step >= refractory[j] else v[j]
        v[j] = now
        ge[j] *= c.decay_ge
        gi[j] *= c.decay_gi
        above = now > c.threshold_exc + theta[j] * level
        ready |= int(above) & int(step >= refractory[j]) & int(step >= locked[j])
    return ready != 0


@njit(cache=True, error_model="numpy", forceinline=True)
def membranes_exponential(c, step, level, v, ge, gi, theta, refractory, locked, x, decay, whole):
    """Advance the excitatory neurons by exponential Euler; return whether any may spike."""
    far = 0
    for j in range(v.size):
        x[j] = -c.step_exc * (1.0 + ge[j] + gi[j])
        far |= int(x[j] < -NEAR)
    if far:
        exponential(x, decay, whole)
    else:
        for j in range(v.size):
            decay[j] = near_exponential(x[j])
    ready = 0
    for j in range(v.size):
        end = (c.v_rest_exc + ge[j] * c.e_exc + gi[j] * c.e_inh_exc) / (1.0 + ge[j] + gi[j])
        there = end + (v[j] - end) * decay[j]
        now = there if (not c.clamp) or step >= refractory[j] else v[j]
        v[j] = now
        ge[j] *= c.decay_ge
        gi[j] *= c.decay_gi
        above = now > c.threshold_exc + theta[j] * level
        ready |= int(above) & int(step >= refractory[j]) & int(step >= locked[j])
    return ready != 0


@njit(cache=True)
def clipped(w, w_max):
    """Return a weight within its bounds."""
    return min(max(w, 0.0), w_max)


@njit(cache=True, error_model="numpy", forceinline=True)
def arrive(step, oldest, newest, ge, w, target, first, event_input, event_step):
    """Let the input events that are under way excite the targets they reach now: the oldest first, as Brian2's queue does."""
    n_exc = ge.size
    for a in range(oldest, newest):
        i, ago = event_input[a], step - event_step[a]
        begin, end = i * n_exc + first[i, ago], i * n_exc + first[i, ago + 1]
        for s in range(np.uint64(begin), np.uint64(end)):
            ge[target[s]] += w[s]


@njit(cache=True, error_model="numpy")
def sum_input(w, place, delay, emission_first, emission_step, sums, coming):
    """Write what the input adds to the conductance of each neuron in each step (steps, n_exc), with the weights as they are.

    Four neurons at a time: their sums, in `sums`, stay in the nearest cache, and one event is read for all
    four.
    """
    n_exc, n_input = place.shape
    steps = np.uint64(coming.shape[0])
    for block in range(0, n_exc, 4):
        j = min(block, n_exc - 4)
        sums[:] = 0.0
        for i in range(n_input):
            if emission_first[i] == emission_first[i + 1]:
                continue
            row = i * n_exc
            w0, w1 = w[np.uint64(row + place[j, i])], w[np.uint64(row + place[j + 1, i])]
            w2, w3 = w[np.uint64(row + place[j + 2, i])], w[np.uint64(row + place[j + 3, i])]
            d0, d1 = np.uint64(delay[j, i]), steps + np.uint64(delay[j + 1, i])
            d2, d3 = 2 * steps + np.uint64(delay[j + 2, i]), 3 * steps + np.uint64(delay[j + 3, i])
            for a in range(np.uint64(emission_first[i]), np.uint64(emission_first[i + 1])):
                sent = np.uint64(emission_step[a])
                sums[sent + d0] += w0
                sums[sent + d1] += w1
                sums[sent + d2] += w2
                sums[sent + d3] += w3
        for step in range(steps):
            for k in range(np.uint64(4)):
                coming[step, j + k] = sums[k * steps + step]


@njit(cache=True, error_model="numpy", forceinline=True)
def receive(step, coming, ge, w, n_listed, listed, held, arrival_first, arrivals):
    """Let the input that arrives in a step excite its targets: listed neurons by their weights of the moment."""
    for r in range(n_listed):
        held[r] = ge[listed[r]]
    for j in range(ge.size):
        ge[j] += coming[step, j]
    for r in range(n_listed):
        g = held[r]
        for a in range(arrival_first[r, step], arrival_first[r, step + 1]):
            g += w[np.uint64(arrivals[r, a])]
        ge[listed[r]] = g


@njit(cache=True)
def list_arrivals(j, since, place, delay, emission_first, emission_step, arrival_first, arrivals):
    """List the synapses of neuron `j` that input events reach from step `since` on, by step: see `depress`.

    All events of a presentation are known when it begins, and all arrive before it ends.
    """
    n_exc = place.shape[0]
    arrival_first[:] = 0
    for i in range(emission_first.size - 1):
        for a in range(emission_first[i], emission_first[i + 1]):
            due = emission_step[a] + delay[j, i]
            if due >= since:
                arrival_first[due + 1] += 1
    for step in range(arrival_first.size - 1):
        arrival_first[step + 1] += arrival_first[step]
    for i in range(emission_first.size - 1):
        for a in range(emission_first[i], emission_first[i + 1]):
            due = emission_step[a] + delay[j, i]
            if due >= since:
                arrivals[arrival_first[due]] = i * n_exc + place[j, i]
                arrival_first[due] += 1
    for step in range(arrival_first.size - 1, 0, -1):
        arrival_first[step] = arrival_first[step - 1]
    arrival_first[0] = 0


@njit(cache=True)
def twice(rows):
    """Return the rows with room for as many more."""
    grown = np.empty((2 * rows.shape[0], rows.shape[1]), rows.dtype)
    grown[: rows.shape[0]] = rows
    return grown


@njit(cache=True, error_model="numpy", forceinline=True)
def depress(c, trace, w, arrivals, begin, end):
    """Apply the presynaptic part of the rule to the synapses listed from `begin` to `end`, of a neuron with a trace."""
    for a in range(begin, end):
        s = np.uint64(arrivals[a])
        change = c.eta_pre * trace
        if c.rule_code == PRE_AND_POST:
            change *= w[s] ** c.mu
        w[s] = clipped(w[s] - change, c.w_max)


@njit(cache=True)
def trace_events(c, decays, longest, emission_first, emission_step, start, event_trace):
    """Write the trace of an input as each of its events leaves it.

    `decays` holds exp(-k*dt/tau_pre) for k from -longest on, `start` the traces at step 0.
    """
    for i in range(start.size):
        x, last = start[i], 0
        for a in range(emission_first[i], emission_first[i + 1]):
            x = c.all_to_all * x * decays[longest + emission_step[a] - last] + 1.0
            last = emission_step[a]
            event_trace[a] = x


@njit(cache=True, error_model="numpy")
def learn(
    c,
    j,
    step,
    slow,
    over,
    w,
    place,
    delay,
    longest,
    decays,
    emission_first,
    emission_step,
    emitted,
    event_trace,
    start,
):
    """Apply the postsynaptic part of the rule to all synapses of neuron `j`, whose slow trace is `slow`.

    For a synapse an event happened its delay later, so what counts is the trace of the input its delay ago.
    Of the events of an input `emitted` have happened. Weights that a rule leaves as they are for certain are
    not looked at.
    """
    n_exc = place.shape[0]
    weightless = c.x_tar * np.exp(-c.beta * c.w_max) if c.rule_code == EXPONENTIAL else c.x_tar
    if c.rule_code == RECTANGULAR:
        weightless = c.ltp_trace if c.x_tar >= 0.0 else -1.0
    additive = c.rule_code == TRIPLET or c.rule_code == TRIPLET_100N
    for i in range(start.size):
        when = step - delay[j, i]
        a = emission_first[i] + emitted[i] - 1
        while a >= emission_first[i] and emission_step[a] > when:
            a -= 1
        if a >= emission_first[i]:
            x = event_trace[a] * decays[longest + when - emission_step[a]]
        else:
            x = start[i] * decays[longest + when]
        if additive and x == 0.0 and not over:
            continue
        s = np.uint64(i * n_exc + place[j, i])
        old = w[s]
        if not additive and old == 0.0 and x <= weightless and c.eta_post >= 0.0:
            continue
        if c.rule_code == EXPONENTIAL:
            change = x * np.exp(-c.beta * old) - c.x_tar * np.exp(-c.beta * (c.w_max - old))
        elif c.rule_code == RECTANGULAR:
            up, down = np.exp(-c.beta * old), c.x_tar * np.exp(-c.beta * (c.w_max - old))
            change = up if x > c.ltp_trace else -down
        elif c.rule_code == POWER_LAW or c.rule_code == PRE_AND_POST:
            change = (x - c.x_tar) * (c.w_max - old) ** c.mu
        else:
            change = x * slow
        w[s] = clipped(old + c.eta_post * change, c.w_max)


@njit(cache=True, error_model="numpy")
def run(c, net, images, first_position, presentations, recorded):
    """Show images; see `engines.base.Engine.advance`.

    Returns
    -------
    (presentations done, spikes recorded)
    """
    v, ge, gi, theta, x_post1, x_post2 = net.v, net.ge, net.gi, net.theta, net.x_post1, net.x_post2
    refractory, locked, spiked = net.refractory_until, net.locked_until, net.spiked
    v_inh, ge_inh, refractory_inh, spiked_inh = (
        net.v_inh,
        net.ge_inh,
        net.refractory_until_inh,
        net.spiked_inh,
    )
    w, target, first, place, delay = net.w, net.target, net.first, net.place, net.delay
    counters, sums, over = net.counters, net.sums, net.over
    n_input, n_exc = net.rate.size, v.size
    steps, longest = c.presentation_steps, first.shape[1] - 2

    draws = np.empty(c.stimulus_steps, np.uint64)
    event_first = np.empty(c.stimulus_steps + 1, np.int64)
    emission_first = np.empty(n_input + 1, np.int64)
    emission_step = np.empty(n_input * c.stimulus_steps, np.int32)
    event_input = np.empty(n_input * c.stimulus_steps, np.int32)
    event_step = np.empty(n_input * c.stimulus_steps, np.int32)
    start = np.empty(n_input)
    decays = np.exp(-c.dt_over_tau_pre * np.arange(-longest, steps + 1))
    across = np.exp(-steps * c.dt_over_tau_pre)
    levels = np.empty(steps + 1)
    levels[0] = 1.0
    for k in range(steps):
        levels[k + 1] = levels[k] * c.decay_theta
    scratch, decay, whole = np.empty(n_exc), np.empty(n_exc), np.empty(n_exc)
    fired, fired_inh, own = np.empty(n_exc, np.int64), np.empty(n_exc, np.int64), np.zeros(n_exc)

    traced = c.rule_code == TRIPLET or c.rule_code == TRIPLET_100N or c.rule_code == PRE_AND_POST
    recent, is_recent = np.empty(n_exc, np.int64), np.zeros(n_exc, np.bool_)
    slow, is_slow = np.empty(n_exc, np.int64), np.zeros(n_exc, np.bool_)
    coming = np.empty((steps if c.sum_beforehand else 0, n_exc))
    input_sums, held = np.empty(4 * steps), np.empty(n_exc)
    arrival_first, arrivals = np.empty((1, steps + 1), np.int32), np.empty((1, 1), np.int32)
    row, listed, to_list = np.empty(n_exc, np.int64), np.empty(n_exc, np.int64), np.empty(n_exc, np.int64)
    event_trace, emitted = np.empty(n_input * c.stimulus_steps), np.empty(n_input, np.int64)
    awake, is_awake, n_awake = np.empty(n_exc, np.int64), np.zeros(n_exc, np.bool_), 0
    for j in range(n_exc):
        if ge_inh[j] > 0.0 or v_inh[j] != c.v_rest_inh:
            awake[n_awake] = j
            is_awake[j] = True
            n_awake += 1

    done, n_recorded = 0, 0
    while done < presentations and counters[POSITION] - first_position < images.shape[0]:
        # --- what runs before a presentation
        position, attempt = counters[POSITION], counters[ATTEMPT]
        key = fold(fold(np.uint64(counters[STREAM]), np.uint64(position)), np.uint64(attempt))
        counters[KEY] = np.int64(key)
        intensity = c.intensity_init + c.intensity_step * attempt
        normalising = (
            c.normalise_images
            and position % c.normalise_every == 0
            and (attempt == 0 or c.normalise_presentations)
        )
        counters[NORMALISING] = normalising
        counters[N_SPIKES] = counters[N_REST_SPIKES] if c.count_rest else 0
        counters[N_REST_SPIKES] = 0
        image = images[position - first_position]
        for i in range(n_input):
            net.rate[i] = image[i] * c.pixel_rate * intensity + c.noise_rate
        repeated = sums[INTENSITY] != c.intensity_init or c.intensity_step == 0.0
        sums[:] = 0.0
        sums[INTENSITY] = intensity
        if c.learning:
            unseen = net.w_factor[0] == 0.0 or (
                normalising and (c.normalise_every > 1 or (repeated and not c.normalise_presentations))
            )
            n_changed = 0
            for j in range(n_exc):
                n_changed += may_have_changed(c, spiked[j], over[j])
            if unseen or n_changed * COLUMN_COST > n_exc:
                normalise_all(c, normalising, net.w_total, net.w_squares, net.w_factor, over, w, target)
            else:
                normalise_changed(
                    c, normalising, spiked, net.w_total, net.w_squares, net.w_factor, over, w, place
                )
            for j in range(n_exc):
                sums[THETA_SUM] += theta[j]
                sums[THETA_SQUARES] += theta[j] ** 2
                sums[WEIGHTS_SUM] += net.w_total[j]
                sums[WEIGHTS_SQUARES] += net.w_squares[j]
            for i in range(n_input):
                net.x0[i] *= across
                start[i] = net.x0[i] * net.reach[i]
        recorded.position[done] = position
        recorded.attempt[done] = attempt
        recorded.sums[done] = sums
        draw_events(
            c, net.rate, key, draws, event_first, event_input, event_step, emission_first, emission_step
        )
        emitted[:] = 0
        if c.learning:
            trace_events(c, decays, longest, emission_first, emission_step, start, event_trace)
        if arrivals.shape[1] < emission_first[n_input]:
            arrivals = np.empty((arrivals.shape[0], 2 * emission_first[n_input]), np.int32)
        if c.sum_beforehand:
            sum_input(w, place, delay, emission_first, emission_step, input_sums, coming)
        n_recent, n_slow, n_listed, n_to_list = 0, 0, 0, 0
        for j in range(n_exc):
            is_recent[j] = traced and (x_post1[j] > 0.0 or over[j])
            row[j] = UNLISTED
            if is_recent[j]:
                recent[n_recent] = j
                n_recent += 1
                to_list[n_to_list] = j
                n_to_list += 1
            is_slow[j] = c.rule_code == TRIPLET and x_post2[j] > 0.0
            if is_slow[j]:
                slow[n_slow] = j
                n_slow += 1
            if ge[j] < FLUSH:
                ge[j] = 0.0
            if gi[j] < FLUSH:
                gi[j] = 0.0

        for step in range(steps):
            # --- start: traces
            a = 0
            while a < n_recent:
                j = recent[a]
                if c.rule_code == TRIPLET_100N:
                    x_post2[j] -= x_post1[j] * c.leak_100n
                x_post1[j] *= c.decay_post1
                if x_post1[j] < CUT:
                    x_post1[j] = 0.0
                if x_post1[j] == 0.0 and not over[j]:
                    is_recent[j] = False
                    n_recent -= 1
                    recent[a] = recent[n_recent]
                else:
                    a += 1
            a = 0
            while a < n_slow:
                j = slow[a]
                x_post2[j] *= c.decay_post2
                if x_post2[j] < CUT:
                    x_post2[j] = 0.0
                    is_slow[j] = False
                    n_slow -= 1
                    slow[a] = slow[n_slow]
                else:
                    a += 1
            # --- groups and thresholds
            level = levels[step + 1]
            if c.euler:
                may_spike = membranes_euler(c, step, level, v, ge, gi, theta, refractory, locked)
            else:
                may_spike = membranes_exponential(
                    c, step, level, v, ge, gi, theta, refractory, locked, scratch, decay, whole
                )
            n_fired = 0
            if may_spike:
                for j in range(n_exc):
                    if (
                        v[j] > c.threshold_exc + theta[j] * level
                        and step >= refractory[j]
                        and step >= locked[j]
                    ):
                        fired[n_fired] = j
                        n_fired += 1
            n_fired_inh, a = 0, 0
            while a < n_awake:
                j = awake[a]
                now, g = v_inh[j], ge_inh[j]
                if step >= refractory_inh[j]:
                    if c.euler:
                        now += c.step_inh * (c.v_rest_inh - now + g * (c.e_exc - now))
                    else:
                        end = (c.v_rest_inh + g * c.e_exc) / (1.0 + g)
                        now = end + (now - end) * np.exp(-c.step_inh * (1.0 + g))
                    if now > c.v_thresh_inh:
                        fired_inh[n_fired_inh] = j
                        n_fired_inh += 1
                g *= c.decay_ge
                if g < FLUSH:
                    g = 0.0
                if g == 0.0 and abs(now - c.v_rest_inh) < SETTLED:
                    now = c.v_rest_inh
                    is_awake[j] = False
                    n_awake -= 1
                    awake[a] = awake[n_awake]
                else:
                    a += 1
                v_inh[j], ge_inh[j] = now, g
            # --- synapses
            for a in range(n_to_list):
                if n_listed == arrivals.shape[0]:
                    arrival_first, arrivals = twice(arrival_first), twice(arrivals)
                j, r = to_list[a], n_listed
                row[j], listed[r] = r, j
                list_arrivals(
                    j, step, place, delay, emission_first, emission_step, arrival_first[r], arrivals[r]
                )
                n_listed += 1
            n_to_list = 0
            if step < c.stimulus_steps:
                for e in range(event_first[step], event_first[step + 1]):
                    emitted[event_input[e]] += 1
            if c.sum_beforehand:
                receive(step, coming, ge, w, n_listed, listed, held, arrival_first, arrivals)
            else:
                oldest = event_first[min(max(step - longest, 0), c.stimulus_steps)]
                newest = event_first[min(step + 1, c.stimulus_steps)]
                arrive(step, oldest, newest, ge, w, target, first, event_input, event_step)
            for a in range(n_recent):
                j = recent[a]
                r = row[j]
                depress(c, x_post1[j], w, arrivals[r], arrival_first[r, step], arrival_first[r, step + 1])
            for a in range(n_fired):
                j = fired[a]
                if c.learning:
                    learn(
                        c, j, step, x_post2[j], over[j], w, place, delay, longest, decays, emission_first,
                        emission_step, emitted, event_trace, start,
                    )  # fmt: skip
                ge_inh[j] += c.w_exc_inh
                if not is_awake[j]:
                    is_awake[j] = True
                    awake[n_awake] = j
                    n_awake += 1
            if n_fired_inh:
                for a in range(n_fired_inh):
                    own[fired_inh[a]] = c.summing_own
                for j in range(n_exc):
                    gi[j] += c.w_inh_exc * (n_fired_inh - own[j])
                for a in range(n_fired_inh):
                    own[fired_inh[a]] = 0.0
            # --- resets
            for a in range(n_fired):
                j = fired[a]
                v[j] = c.v_reset_exc
                theta[j] += c.theta_plus / level
                refractory[j] = step + c.refractory_exc_steps
                locked[j] = step + c.lockout_exc_steps
                spiked[j] = step
                if row[j] == UNLISTED and c.learning and (c.sum_beforehand or traced):
                    row[j] = TO_LIST
                    to_list[n_to_list] = j
                    n_to_list += 1
                if traced:
                    x_post1[j] = c.all_to_all * x_post1[j] + 1.0
                    if c.rule_code != PRE_AND_POST:
                        x_post2[j] = c.all_to_all * x_post2[j] + 1.0
                    if c.rule_code == TRIPLET and not is_slow[j]:
                        is_slow[j] = True
                        slow[n_slow] = j
                        n_slow += 1
                    if not is_recent[j]:
                        is_recent[j] = True
                        recent[n_recent] = j
                        n_recent += 1
                recorded.step[n_recorded] = done * steps + step
                recorded.neuron[n_recorded] = j
                n_recorded += 1
            for a in range(n_fired_inh):
                j = fired_inh[a]
                v_inh[j] = c.v_reset_inh
                refractory_inh[j] = step + c.refractory_inh_steps
                spiked_inh[j] = step
                if not is_awake[j]:
                    is_awake[j] = True
                    awake[n_awake] = j
                    n_awake += 1
            counters[N_SPIKES if step < c.stimulus_steps else N_REST_SPIKES] += n_fired

        # --- over to the next presentation
        for j in range(n_exc):
            theta[j] *= levels[steps]
            refractory[j] -= steps
            locked[j] -= steps
            spiked[j] -= steps
            refractory_inh[j] -= steps
            spiked_inh[j] -= steps
        if c.learning:
            for i in range(n_input):
                for a in range(emission_first[i], emission_first[i + 1]):
                    arrival = np.exp(c.dt_over_tau_pre * (emission_step[a] + delay[0, i]))
                    net.x0[i] = c.all_to_all * net.x0[i] + arrival
        accepted = counters[N_SPIKES] >= c.min_spikes or attempt + 1 >= c.max_attempts
        counters[POSITION] += accepted
        counters[ATTEMPT] = 0 if accepted else attempt + 1
        done += 1
    return done, n_recorded
