"""Has the neuron found the pattern? Hits, false alarms and latency, as in the replication (Hathway & Goodman 2018)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

DECIDES = 3
"""The last third of the experiment decides: 150 of 450 s."""

HIT_RATE, LATENCY = 0.98, 0.010
"""More hits and less latency (seconds) than this, without a false alarm, is success."""


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
    """Seconds: the last false alarm of all; None if there is one in the last third, or no spike there."""
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
    latest = np.searchsorted(onsets, spikes, side="right") - 1
    since = spikes - onsets[np.maximum(latest, 0)] if onsets.size else np.zeros_like(spikes)
    return np.where((latest >= 0) & (since <= t_pattern), since, 0.0)


def judge(
    spikes: NDArray[np.float64], onsets: NDArray[np.float64], t_pattern: float, duration: float
) -> Verdict:
    """Return how the neuron did; times in seconds, ascending."""
    since = latencies(spikes, onsets, t_pattern)
    start = duration - duration / DECIDES
    late, counted = spikes >= start, onsets[onsets >= start]
    hit = np.unique(np.searchsorted(onsets, spikes[late & (since > 0)], side="right"))
    hits = hit[onsets[hit - 1] >= start].size
    wrong = np.flatnonzero(since == 0)
    false_alarms = int((late & (since == 0)).sum())
    right = since[late & (since > 0)]
    latency = float(right.mean()) if right.size else None
    hit_rate = hits / counted.size if counted.size else 0.0
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
