"""The constants of Masquelier, Guyonneau & Thorpe 2008 (PLoS ONE 3(1):e1377), by way of its replication.

The replication is Hathway & Goodman 2018 (ReScience 4(1)#6), whose authors had the original code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ...model.constants import Constants, par
from ..common.constants import require

REPLICATION = "Hathway & Goodman 2018"

RULES = ("rnn", "nn", "all-to-all")


@dataclass(frozen=True)
class Masquelier2008(Constants):
    """The constants of one experiment, in SI units; the membrane potential has no unit."""

    listing: ClassVar[str] = "python -m diehlcook companion masquelier2008 --params"

    dt: float = par(
        0.1, "Δt", "time step", REPLICATION + ": success needs 0.1 ms or less", unit="ms", within=(1e-3, 1e3)
    )
    block: float = par(
        150, "", "input that is drawn; it is repeated", REPLICATION, unit="s", within=(1e-3, 1e6)
    )
    blocks: int = par(3, "", "times that the block is shown", REPLICATION, within=(1, 1e6))

    n_afferents: int = par(2000, "N", "afferents", REPLICATION, within=(1, 1e6))
    n_pattern: int = par(1000, "", "afferents that take part in the pattern", REPLICATION, within=(1, 1e6))
    rate_max: float = par(
        90, "", "highest rate of an afferent without noise", REPLICATION, unit="Hz", within=(1e-6, 1e6)
    )
    sweep: float = par(
        50,
        "",
        "least time in which a rate goes from 0 to its highest",
        REPLICATION,
        unit="ms",
        within=(1e-6, 1e9),
    )
    turn: float = par(
        0.2, "", "largest change of slope in a ms, of the largest slope", REPLICATION, within=(0, 1e9)
    )
    silence_max: float = par(
        50, "", "an afferent spikes after so long a silence", REPLICATION, unit="ms", within=(1e-6, 1e9)
    )
    noise_rate: float = par(
        10, "", "spontaneous spikes, always, of every afferent", REPLICATION, unit="Hz", within=(0, 1e6)
    )
    t_pattern: float = par(
        50, "", "duration of the pattern, and of a slot", REPLICATION, unit="ms", within=(1e-6, 1e9)
    )
    pattern_freq: float = par(
        0.25, "", "share of slots with the pattern, never two in a row", REPLICATION, within=(0, 0.5)
    )
    jitter: float = par(
        1, "", "sd of the time of each spike of a pasted pattern", REPLICATION, unit="ms", within=(0, 1e9)
    )
    deletion: float = par(
        0.0, "", "share of spikes of the pattern that are moved at random", REPLICATION, within=(0, 0.99)
    )

    tau_m: float = par(10, "τ_m", "membrane time constant", REPLICATION, unit="ms", within=(1e-6, 1e9))
    tau_s: float = par(2.5, "τ_s", "synaptic time constant", REPLICATION, unit="ms", within=(1e-6, 1e9))
    threshold: float = par(500.0, "T", "threshold", REPLICATION, within=(1e-6, 1e9))
    k1: float = par(2.0, "K_1", "positive pulse of a spike, in thresholds", REPLICATION, within=(0, 1e9))
    k2: float = par(4.0, "K_2", "after-potential of a spike, in thresholds", REPLICATION, within=(0, 1e9))
    refractory: float = par(1, "", "refractory period", REPLICATION, unit="ms", within=(0, 1e9))

    rule: str = par(
        "rnn", "", "pairs of spikes that count: reduced nearest neighbour, nearest, all", REPLICATION,
        choices=RULES
    )  # fmt: skip
    w_init: float = par(0.475, "w_0", "initial weight of all synapses", REPLICATION, within=(0, 1e9))
    w_max: float = par(1.0, "", "largest weight; the smallest is 0", REPLICATION, within=(1e-6, 1e9))
    a_plus: float = par(0.03125, "a+", "potentiation", REPLICATION, within=(0, 1e9))
    a_minus: float = par(0.85 * 0.03125, "a-", "depression", REPLICATION, within=(0, 1e9))
    tau_plus: float = par(
        16.8, "τ+", "time constant of potentiation", REPLICATION, unit="ms", within=(1e-6, 1e9)
    )
    tau_minus: float = par(
        33.7, "τ-", "time constant of depression", REPLICATION, unit="ms", within=(1e-6, 1e9)
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        enough = self.n_pattern <= self.n_afferents
        require(self, "n_pattern", enough, f"there are {self.n_afferents} afferents (n_afferents)")
        require(self, "tau_s", self.tau_s != self.tau_m, "as tau_m is; the kernel needs two different ones")
        require(self, "w_init", self.w_init <= self.w_max, f"the largest weight is {self.w_max:g} (w_max)")
        for name, unit in (("block", "t_pattern"), ("block", "dt"), ("t_pattern", "dt")):
            parts = getattr(self, name) / getattr(self, unit)
            is_whole = abs(parts - round(parts)) <= 1e-6
            require(self, name, is_whole, f"it must be a whole number of {unit} ({self.text(unit)})")

    @property
    def slots(self) -> int:
        """Slots of a block."""
        return round(self.block / self.t_pattern)

    @property
    def steps(self) -> int:
        """Time steps of a block."""
        return round(self.block / self.dt)

    @property
    def duration(self) -> float:
        """Seconds of the whole experiment."""
        return self.block * self.blocks


def scaled(params: Masquelier2008, changes: Mapping[str, Any]) -> Masquelier2008:
    """Return the parameters changed, threshold and initial weight in proportion to the spikes that are left in the pattern.

    As in the replication: T = 0.5 (1 - deletion) n_pattern and w_0 = 1.9 T / n_afferents, if `changes` have
    n_pattern or deletion and not the threshold or initial weight themselves.
    """
    new = params.with_values(changes)
    if not {"n_pattern", "deletion", "n_afferents"} & changes.keys():
        return new
    threshold = 0.5 * (1 - new.deletion) * new.n_pattern
    if "threshold" not in changes:
        new = new.with_values({"threshold": threshold}, f"{REPLICATION}: 0.5 (1 - deletion) n_pattern")
    if "w_init" not in changes:
        new = new.with_values(
            {"w_init": 1.9 * new.threshold / new.n_afferents}, f"{REPLICATION}: 1.9 T / n_afferents"
        )
    return new
