"""The network, presentation by presentation: the same equations as `neurons`, `rules`, `connections` and `protocol`, in the same order.

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

Times are whole steps since the start of the presentation. Loops stand in functions that take their arrays as
arguments, so that LLVM can tell them apart; division by zero is IEEE's, because a check would keep loops from
being vectorised.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from . import arrays
from .active import add, clear, empty_set, holds, member, size
from .cached import cached
from .events import (
    Events,
    arrive,
    draw_events,
    fold,
    list_arrivals,
    no_events,
    receive,
    sum_input,
    trace_events,
    with_room,
)
from .membranes import advance, advance_inhibitory, is_over, relax
from .plasticity import decay_traces, depress, learn, normalise

CHECK = 10
"""Steps between looks whether a presentation is over for the excitatory neurons."""


class Work(NamedTuple):
    """What a call needs besides the network."""

    events: Events
    start: NDArray[np.float64]
    """Traces of the inputs at step 0, where an event arrives at once (n_input,)."""
    decays: NDArray[np.float64]
    """exp(-k*dt/tau_pre) for k from -longest on."""
    levels: NDArray[np.float64]
    """What is left of theta after k steps."""
    silent_until: NDArray[np.int64]
    """The step from which a neuron may spike (n_exc,)."""
    coming: NDArray[np.float64]
    """What the input adds in each step in which any arrives (steps, n_exc), if summed beforehand."""
    input_sums: NDArray[np.float64]
    recent: NDArray[np.int64]
    """Set of the neurons with a postsynaptic trace, and those with weights to be clipped when an event arrives."""
    slow: NDArray[np.int64]
    """Set of the neurons with a slow trace of the triplet rule."""
    to_list: NDArray[np.int64]
    """Set of the neurons whose arrivals are to be listed before the next synapses."""
    listed: NDArray[np.int64]
    """Set of the neurons whose arrivals are listed, in the order of their rows."""


@njit(error_model="numpy", inline="always")
def workspace(c, net):
    """Return room for what a call needs besides the network."""
    n_exc, n_input = net.place.shape
    steps, longest = c.presentation_steps, net.first.shape[1] - 2
    levels = np.empty(steps + 1)
    levels[0] = 1.0
    for k in range(steps):
        levels[k + 1] = levels[k] * c.decay_theta
    arriving = min(c.stimulus_steps + longest, steps)
    return Work(
        no_events(n_input, c.stimulus_steps),
        np.zeros(n_input),
        np.exp(-c.dt_over_tau_pre * np.arange(-longest, steps + 1)),
        levels,
        np.empty(n_exc, np.int64),
        np.empty((arriving if c.sum_beforehand else 0, n_exc)),
        np.empty(4 * arriving),
        empty_set(n_exc),
        empty_set(n_exc),
        empty_set(n_exc),
        empty_set(n_exc),
    )


@njit(error_model="numpy", inline="always")
def begin(c, net, work, image):
    """Do what runs before a presentation: the protocol, normalisation, the input's events."""
    counters, sums, theta = net.counters, net.sums, net.theta
    position, attempt = counters[arrays.POSITION], counters[arrays.ATTEMPT]
    key = fold(fold(np.uint64(counters[arrays.STREAM]), np.uint64(position)), np.uint64(attempt))
    counters[arrays.KEY] = np.int64(key)
    intensity = c.intensity_init + c.intensity_step * attempt
    normalising = (
        c.normalise_images
        and position % c.normalise_every == 0
        and (attempt == 0 or c.normalise_presentations)
    )
    counters[arrays.NORMALISING] = normalising
    counters[arrays.N_SPIKES] = counters[arrays.N_REST_SPIKES] if c.count_rest else 0
    counters[arrays.N_REST_SPIKES] = 0
    for i in range(image.size):
        net.rate[i] = image[i] * c.pixel_rate * intensity + c.noise_rate
    repeated = sums[arrays.INTENSITY] != c.intensity_init or c.intensity_step == 0.0
    sums[:] = 0.0
    sums[arrays.INTENSITY] = intensity
    draw_events(c, net.rate, key, work.events)
    if c.learning:
        unseen = net.w_factor[0] == 0.0 or (
            normalising and (c.normalise_every > 1 or (repeated and not c.normalise_presentations))
        )
        normalise(c, net, normalising, unseen)
        for j in range(theta.size):
            sums[arrays.THETA_SUM] += theta[j]
            sums[arrays.THETA_SQUARES] += theta[j] ** 2
            sums[arrays.WEIGHTS_SUM] += net.w_total[j]
            sums[arrays.WEIGHTS_SQUARES] += net.w_squares[j]
        across = np.exp(-c.presentation_steps * c.dt_over_tau_pre)
        for i in range(image.size):
            net.x0[i] *= across
            work.start[i] = net.x0[i] * net.reach[i]
        trace_events(c, work.decays, net.first.shape[1] - 2, work.start, work.events)
    if c.sum_beforehand:
        events = work.events
        sum_input(net.w, net.place, net.delay, events.first, events.sent, work.input_sums, work.coming)
    clear(work.recent)
    clear(work.slow)
    clear(work.listed)
    clear(work.to_list)
    for j in range(theta.size):
        work.silent_until[j] = max(net.refractory_until[j], net.locked_until[j])
        if c.traced and (net.x_post1[j] > 0.0 or net.over[j]):
            add(work.recent, j)
            add(work.to_list, j)
        if c.rule_code == arrays.TRIPLET and net.x_post2[j] > 0.0:
            add(work.slow, j)
        if net.ge[j] < arrays.FLUSH:
            net.ge[j] = 0.0
        if net.gi[j] < arrays.FLUSH:
            net.gi[j] = 0.0


@njit(error_model="numpy", inline="always")
def reset(c, j, step, level, net, work):
    """Reset neuron `j`, which has spiked."""
    net.v[j] = c.v_reset_exc
    net.theta[j] += c.theta_plus / level
    net.refractory_until[j] = step + c.refractory_exc_steps
    net.locked_until[j] = step + c.lockout_exc_steps
    work.silent_until[j] = step + max(c.refractory_exc_steps, c.lockout_exc_steps)
    net.spiked[j] = step
    if c.learning and (c.sum_beforehand or c.traced) and not holds(work.listed, j):
        add(work.to_list, j)
    if c.traced:
        net.x_post1[j] = c.all_to_all * net.x_post1[j] + 1.0
        add(work.recent, j)
        if c.rule_code != arrays.PRE_AND_POST:
            net.x_post2[j] = c.all_to_all * net.x_post2[j] + 1.0
        if c.rule_code == arrays.TRIPLET:
            add(work.slow, j)


@njit(error_model="numpy", inline="always")
def finish(c, net, work):
    """Go over to the next presentation."""
    counters, events, steps = net.counters, work.events, c.presentation_steps
    for j in range(net.theta.size):
        net.theta[j] *= work.levels[steps]
        net.refractory_until[j] -= steps
        net.locked_until[j] -= steps
        net.spiked[j] -= steps
        net.refractory_until_inh[j] -= steps
        net.spiked_inh[j] -= steps
    if c.learning:
        for i in range(net.x0.size):
            for a in range(events.first[i], events.first[i + 1]):
                arrival = np.exp(c.dt_over_tau_pre * (events.sent[a] + net.delay[0, i]))
                net.x0[i] = c.all_to_all * net.x0[i] + arrival
    attempt = counters[arrays.ATTEMPT]
    accepted = counters[arrays.N_SPIKES] >= c.min_spikes or attempt + 1 >= c.max_attempts
    counters[arrays.POSITION] += accepted
    counters[arrays.ATTEMPT] = 0 if accepted else attempt + 1


@njit(error_model="numpy", inline="always")
def list_new(step, net, events, to_list, listed, row, due_first, due):
    """List what will arrive at the neurons in `to_list`; return the lists, which may have grown."""
    n_events = events.first[events.first.size - 1]
    for a in range(size(to_list)):
        j, r = member(to_list, a), size(listed)
        due_first, due = with_room(due_first, r + 1, 0), with_room(due, r + 1, n_events)
        row[j] = r
        list_arrivals(j, step, net.place, net.delay, events, due_first[r], due[r])
        add(listed, j)
    clear(to_list)
    return due_first, due


@njit(error_model="numpy", inline="always")
def inhibit(c, gi, fired_inh):
    """Let the inhibitory neurons that spiked inhibit all others."""
    n = size(fired_inh)
    if n:
        for j in range(gi.size):
            gi[j] += c.w_inh_exc * (n - c.summing_own * holds(fired_inh, j))


@njit(error_model="numpy", inline="always")
def reset_inhibitory(c, step, v_inh, refractory, spiked, fired, awake):
    """Reset the inhibitory neurons that spiked in a step."""
    for a in range(size(fired)):
        j = member(fired, a)
        v_inh[j] = c.v_reset_inh
        refractory[j] = step + c.refractory_inh_steps
        spiked[j] = step
        add(awake, j)


@cached(error_model="numpy")
def run(c, net, images, first_position, presentations, recorded):
    """Show images; see `engines.base.Engine.advance`.

    Returns
    -------
    (presentations done, spikes recorded)
    """
    v, ge, gi, theta, x_post1, x_post2 = net.v, net.ge, net.gi, net.theta, net.x_post1, net.x_post2
    v_inh, ge_inh, counters, over, w = net.v_inh, net.ge_inh, net.counters, net.over, net.w
    refractory, refractory_inh = net.refractory_until, net.refractory_until_inh
    target, first, longest = net.target, net.first, net.first.shape[1] - 2
    n_exc = net.v.size
    work = workspace(c, net)
    coming, silent_until, events = work.coming, work.silent_until, work.events
    recent, slow, to_list, listed = work.recent, work.slow, work.to_list, work.listed
    happened, first_of_step = events.happened, events.first_of_step
    event_input, event_step = events.input, events.step
    row, held = np.empty(n_exc, np.int64), np.empty(n_exc)
    x, decay, whole = np.empty(n_exc), np.empty(n_exc), np.empty(n_exc)
    arriving = min(c.stimulus_steps + longest, c.presentation_steps)
    due_first, due = np.empty((1, arriving + 1), np.int32), np.empty((1, 1), np.int32)
    fired, fired_inh, awake = empty_set(n_exc), empty_set(n_exc), empty_set(n_exc)
    for j in range(n_exc):
        if ge_inh[j] > 0.0 or v_inh[j] != c.v_rest_inh:
            add(awake, j)

    done, n_recorded = 0, 0
    while done < presentations and counters[arrays.POSITION] - first_position < images.shape[0]:
        begin(c, net, work, images[counters[arrays.POSITION] - first_position])
        recorded.position[done] = counters[arrays.POSITION]
        recorded.attempt[done] = counters[arrays.ATTEMPT]
        for k in range(net.sums.size):
            recorded.sums[done, k] = net.sums[k]
        over_now = False
        for step in range(c.presentation_steps):
            if step >= arriving and not over_now and step % CHECK == 0:
                least = work.levels[c.presentation_steps]
                over_now = is_over(c, step, least, v, ge, gi, theta, refractory, v_inh, ge_inh, awake)
                if over_now:
                    clear(fired)
                    relax(c, c.presentation_steps - step, v, ge, gi)
            level = work.levels[step + 1]
            decay_traces(c, x_post1, x_post2, over, recent, slow)
            if not over_now:
                advance(c, step, level, v, ge, gi, theta, refractory, silent_until, x, decay, whole, fired)
            advance_inhibitory(c, step, v_inh, ge_inh, refractory_inh, awake, fired_inh)
            # --- synapses
            if step < arriving:
                if size(to_list):  # what is passed is counted, which takes longer than a step of 100 neurons
                    due_first, due = list_new(step, net, events, to_list, listed, row, due_first, due)
                if step < c.stimulus_steps:
                    for e in range(first_of_step[step], first_of_step[step + 1]):
                        happened[event_input[e]] += 1
                if c.sum_beforehand:
                    receive(step, coming, ge, w, listed, held, due_first, due)
                else:
                    oldest = first_of_step[min(max(step - longest, 0), c.stimulus_steps)]
                    newest = first_of_step[min(step + 1, c.stimulus_steps)]
                    arrive(step, oldest, newest, ge, w, target, first, event_input, event_step)
                depress(c, step, x_post1, w, recent, row, due_first, due)
            for a in range(size(fired)):
                j = member(fired, a)
                if c.learning:
                    learn(c, j, step, net, events, longest, work.decays, work.start)
                ge_inh[j] += c.w_exc_inh
                add(awake, j)
            inhibit(c, gi, fired_inh)
            # --- resets
            for a in range(size(fired)):
                j = member(fired, a)
                reset(c, j, step, level, net, work)
                recorded.step[n_recorded] = done * c.presentation_steps + step
                recorded.neuron[n_recorded] = j
                n_recorded += 1
            reset_inhibitory(c, step, v_inh, refractory_inh, net.spiked_inh, fired_inh, awake)
            counters[arrays.N_SPIKES if step < c.stimulus_steps else arrays.N_REST_SPIKES] += size(fired)
        finish(c, net, work)
        done += 1
    return done, n_recorded
