"""Has the neuron found the pattern? Hits, false alarms and latency, as in the replication (Hathway & Goodman 2018)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

DECIDES = 3
"""The last third of the experiment decides: 150 of 450 s."""

HIT_RATE, LATENCY = 0.98, 0.010
"""More hits and less latency (seconds) than this, without a false alarm, is success."""

IN_A_ROW = 10
"""So many answers without a false alarm among them, and the neuron has found a part of the pattern."""

ROUNDING = 1e-9
"""Seconds: times as near as this are the same, though sums of floats differ. A spike in the very step in which a
pattern begins is outside of it, and one in the step in which it ends is within."""


class Verdict(NamedTuple):
    """How the neuron did in the last third, and since when it has not been wrong."""

    success: bool
    hit_rate: float
    """Share of the patterns during which it fires."""
    false_alarms: int
    """Spikes outside of patterns."""
    latency: float | None
    """Mean seconds from the beginning of the pattern to a spike within; None without spikes."""
    found_at: float | None
    """Seconds: the last false alarm of all (in the replication: the spike after that within 50 s); None if there is one in the last third, or no spike there."""
    found_after: int | None
    """Spikes until then."""
    rate: float
    """Spikes per second."""


def latencies(
    spikes: NDArray[np.float64], onsets: NDArray[np.float64], t_pattern: float
) -> NDArray[np.float64]:
    """Return for each spike the seconds since the pattern that it falls into has begun; 0 outside of patterns.

    Parameters
    ----------
    spikes, onsets
        Times of spikes (n,) and of beginnings of patterns (m,), both ascending, in seconds.
    t_pattern
        Duration of a pattern.
    """
    latest = np.searchsorted(onsets + ROUNDING, spikes, side="right") - 1
    since = spikes - onsets[np.maximum(latest, 0)] if onsets.size else np.zeros_like(spikes)
    return np.where((latest >= 0) & (since <= t_pattern + ROUNDING), since, 0.0)


def answers(
    spikes: NDArray[np.float64], onsets: NDArray[np.float64], t_pattern: float
) -> NDArray[np.float64]:
    """Return for each pattern (m,) the seconds from its beginning to the first spike in it, NaN where there is none.

    Parameters are those of `latencies`.
    """
    since = np.append(spikes, np.inf)[np.searchsorted(spikes, onsets + ROUNDING, side="right")] - onsets
    return np.where(since <= t_pattern + ROUNDING, since, np.nan)


def hits(spikes: NDArray[np.float64], onsets: NDArray[np.float64], t_pattern: float, start: float) -> float:
    """Return the share of the patterns from `start` on, in seconds, during which the neuron fires; 0 without patterns."""
    answered = ~np.isnan(answers(spikes, onsets, t_pattern)[onsets >= start])
    return float(answered.mean()) if answered.size else 0.0


def first_found(spikes: NDArray[np.float64], onsets: NDArray[np.float64], t_pattern: float) -> float | None:
    """Return where in the pattern the neuron fires when it has just found it; None if it never has.

    The mean seconds from the beginning of the pattern to the first spike in it, over the first `IN_A_ROW`
    patterns answered without a false alarm among them. Parameters are those of `latencies`.
    """
    since = answers(spikes, onsets, t_pattern)
    answered = ~np.isnan(since)
    wrong = spikes[latencies(spikes, onsets, t_pattern) == 0]
    before = np.searchsorted(wrong, onsets[answered])
    found = np.flatnonzero(before[IN_A_ROW - 1 :] == before[: 1 - IN_A_ROW])
    return float(since[answered][found[0] :][:IN_A_ROW].mean()) if found.size else None


def judge(
    spikes: NDArray[np.float64], onsets: NDArray[np.float64], t_pattern: float, duration: float
) -> Verdict:
    """Return how the neuron did; times in seconds, ascending."""
    since = latencies(spikes, onsets, t_pattern)
    start = duration - duration / DECIDES
    late = spikes >= start
    wrong = np.flatnonzero(since == 0)
    false_alarms = int((late & (since == 0)).sum())
    right = since[late & (since > 0)]
    latency = float(right.mean()) if right.size else None
    hit_rate = hits(spikes, onsets, t_pattern, start)
    found = bool(right.size) and not false_alarms
    last_wrong = int(wrong[-1]) if wrong.size else -1
    return Verdict(
        success=latency is not None and hit_rate > HIT_RATE and not false_alarms and latency < LATENCY,
        hit_rate=hit_rate,
        false_alarms=false_alarms,
        latency=latency,
        found_at=(float(spikes[last_wrong]) if wrong.size else 0.0) if found else None,
        found_after=last_wrong + 1 if found else None,
        rate=float(late.sum()) / (duration - start),
    )
