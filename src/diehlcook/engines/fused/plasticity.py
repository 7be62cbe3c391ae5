"""What changes the weights: the learning rules (see `rules.RULES`) and normalisation (see `protocol`)."""

from __future__ import annotations

import numpy as np
from numba import njit

from .active import drop, member, size
from .arrays import CUT, EXPONENTIAL, POWER_LAW, PRE_AND_POST, RECTANGULAR, TRIPLET, TRIPLET_100N

COLUMN_COST = 3
"""Normalising one neuron by itself takes as long as normalising so many of all together."""


@njit
def may_have_changed(c, spiked, over):
    """Return whether the weights of a neuron may have changed during the last presentation.

    They change when it spikes, and by arrivals while its postsynaptic trace lasts. Weights that normalisation
    lifted over w_max (`over`) are clipped when a spike arrives.
    """
    return spiked >= -c.memory_steps or over


@njit(error_model="numpy")
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


@njit(error_model="numpy")
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


@njit(error_model="numpy", inline="always")
def normalise(c, net, normalising, all_unknown):
    """Sum the weights of each neuron and scale them if `normalising`, where they may have changed or are `all_unknown`."""
    n_changed = 0
    for j in range(net.spiked.size):
        n_changed += may_have_changed(c, net.spiked[j], net.over[j])
    sums = net.w_total, net.w_squares, net.w_factor, net.over, net.w
    if all_unknown or n_changed * COLUMN_COST > net.spiked.size:
        normalise_all(c, normalising, *sums, net.target)
    else:
        normalise_changed(c, normalising, net.spiked, *sums, net.place)


@njit(error_model="numpy", inline="always")
def decay_traces(c, x_post1, x_post2, over, recent, slow):
    """Let the postsynaptic traces decay a step; who has none any more leaves the set."""
    a = 0
    while a < size(recent):
        j = member(recent, a)
        if c.rule_code == TRIPLET_100N:
            x_post2[j] -= x_post1[j] * c.leak_100n
        x_post1[j] *= c.decay_post1
        if x_post1[j] < CUT:
            x_post1[j] = 0.0
        if x_post1[j] == 0.0 and not over[j]:
            drop(recent, a)
        else:
            a += 1
    a = 0
    while a < size(slow):
        j = member(slow, a)
        x_post2[j] *= c.decay_post2
        if x_post2[j] < CUT:
            x_post2[j] = 0.0
            drop(slow, a)
        else:
            a += 1


@njit
def clipped(w, w_max):
    """Return a weight within its bounds."""
    return min(max(w, 0.0), w_max)


@njit(error_model="numpy", forceinline=True)
def depress(c, step, x_post1, w, recent, row, due_first, due):
    """Apply the presynaptic part of the rule where an input arrives at a neuron with a trace."""
    for k in range(size(recent)):
        j = member(recent, k)
        r = row[j]
        for a in range(due_first[r, step], due_first[r, step + 1]):
            s = np.uint64(due[r, a])
            change = c.eta_pre * x_post1[j]
            if c.rule_code == PRE_AND_POST:
                change *= w[s] ** c.mu
            w[s] = clipped(w[s] - change, c.w_max)


@njit(error_model="numpy")
def learn(c, j, step, net, events, longest, decays, start):
    """Apply the postsynaptic part of the rule to all synapses of neuron `j`.

    For a synapse an event happened its delay later, so what counts is the trace of the input its delay ago.
    Weights that a rule leaves as they are for certain are not looked at.
    """
    w, place, delay, over, slow = net.w, net.place, net.delay, net.over[j], net.x_post2[j]
    first, sent, happened, trace = events.first, events.sent, events.happened, events.trace
    n_exc = place.shape[0]
    weightless = c.x_tar * np.exp(-c.beta * c.w_max) if c.rule_code == EXPONENTIAL else c.x_tar
    if c.rule_code == RECTANGULAR:
        weightless = c.ltp_trace if c.x_tar >= 0.0 else -1.0
    additive = c.rule_code == TRIPLET or c.rule_code == TRIPLET_100N
    for i in range(start.size):
        when = step - delay[j, i]
        a = first[i] + happened[i] - 1
        while a >= first[i] and sent[a] > when:
            a -= 1
        if a >= first[i]:
            x = trace[a] * decays[longest + when - sent[a]]
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
