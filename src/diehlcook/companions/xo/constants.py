"""The constants of the network that tells X from O, and the faults that keep it from learning.

Task, sizes and protocol are those of Christophe et al. 2015 (SPLST'15, 296-308) as two users describe them in
the Brian2 forum; the paper does not say how STDP was set, so those constants are ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ...model.constants import Constants, par
from ..common.constants import require

FORUM = "Brian2 forum, topic 141"
NEURON = "Izhikevich 2003, regular spiking"
NEURON_2007 = "Izhikevich 2007, Dynamical Systems in Neuroscience, section 8.2.1, regular spiking"
SCALED = "ours: 1.28 times that of 2003, as the neuron needs 19.5 mV at once instead of 15.25"
PAPER = "Christophe et al. 2015, as described in the Brian2 forum"
OURS = "ours"


@dataclass(frozen=True)
class XO(Constants):
    """The constants of one experiment, in SI units."""

    listing: ClassVar[str] = "python -m diehlcook companion xo --params"

    networks: int = par(
        20, "", "networks side by side, each with random numbers of its own", OURS, within=(1, 1e4)
    )
    dt: float = par(0.1, "Δt", "time step", OURS, unit="ms", within=(1e-3, 1e3))

    n_hidden: int = par(5, "", "hidden neurons; there are 25 inputs and 2 outputs", PAPER, within=(1, 1e4))
    k: float = par(0.04, "k/C", "gain of the membrane", NEURON, unit="/ms/mV", within=(1e-9, 1e3))
    v_r: float = par(-70, "v_r", "potential at rest", NEURON, unit="mV", within=(-1e3, 1e3))
    v_t: float = par(-55, "v_t", "from here on it rises by itself", NEURON, unit="mV", within=(-1e3, 1e3))
    a: float = par(0.02, "a", "rate of the recovery", NEURON, unit="/ms", within=(0, 1e9))
    b: float = par(0.2, "b/C", "sensitivity of the recovery", NEURON, unit="/ms", within=(-1e3, 1e3))
    c: float = par(-65, "c", "reset of the potential", NEURON, unit="mV", within=(-1e3, 1e3))
    d: float = par(8, "d/C", "step of the recovery", NEURON, unit="mV/ms", within=(-1e3, 1e3))
    v_peak: float = par(30, "", "a spike ends here", NEURON, unit="mV", within=(-1e3, 1e3))

    presentations: int = par(150, "", "images shown for learning", FORUM, within=(1, 1e6))
    other_images: bool = par(
        False,
        "",
        "blank and circle-like images, too, for learning and in tests: a quarter of each kind",
        PAPER,
    )
    t_presentation: float = par(
        100, "", "time of an image, with the silence after it", FORUM, unit="ms", within=(1e-6, 1e9)
    )
    pulse: float = par(
        5, "", "duration of the current into the input of a black pixel", OURS, unit="ms", within=(1e-6, 1e9)
    )
    height: float = par(
        30, "", "height of this current, and of the teacher's", OURS, unit="mV/ms", within=(1e-6, 1e9)
    )
    jitter: float = par(
        3,
        "",
        "the current starts within so much time, drawn pixel by pixel",
        OURS,
        unit="ms",
        within=(0, 1e9),
    )
    teacher_delay: float = par(
        10, "", "after the image, current into the output of its class", FORUM, unit="ms", within=(0, 1e9)
    )
    shared_current: bool = par(
        False, "", "fault: hidden neuron and output i get the current of pixel i", OURS
    )

    weight_sum_hidden: float = par(
        55, "", "sum of the weights onto a hidden neuron", OURS, unit="mV", within=(1e-6, 1e9)
    )
    weight_sum_output: float = par(
        30, "", "sum of the weights onto an output", OURS, unit="mV", within=(1e-6, 1e9)
    )
    normalise: bool = par(True, "", "scale weights to these sums after each image", OURS)
    w_max_hidden: float = par(
        8, "", "largest weight onto a hidden neuron", OURS, unit="mV", within=(1e-6, 1e9)
    )
    w_max_output: float = par(20, "", "largest weight onto an output", OURS, unit="mV", within=(1e-6, 1e9))
    clip_units: bool = par(False, "", "fault: the bounds are a thousandth of that", OURS)
    w_spread: float = par(
        0.3, "", "initial weights differ by up to this, relative to their mean", OURS, within=(0, 1)
    )
    a_plus: float = par(0.4, "A+", "potentiation; 0: no learning", OURS, unit="mV", within=(0, 1e9))
    a_ratio: float = par(1.05, "", "depression over potentiation", FORUM, within=(0, 1e9))
    tau_stdp: float = par(20, "τ", "time constant of both traces", FORUM, unit="ms", within=(1e-6, 1e9))
    inhibition: float = par(
        100,
        "",
        "step of the inhibitory current by a spike of another neuron of its layer",
        OURS,
        unit="mV/ms",
        within=(0, 1e9),
    )
    tau_inh: float = par(5, "", "its time constant", OURS, unit="ms", within=(1e-6, 1e9))

    tests: int = par(
        10, "", "test images of each kind for each number of flipped pixels", OURS, within=(1, 1e6)
    )
    flips_max: int = par(8, "", "most pixels that are flipped in a test image, of 25", OURS, within=(0, 25))

    def __post_init__(self) -> None:
        super().__post_init__()
        whole, pulse = self.text("t_presentation"), self.text("pulse")
        for name in ("jitter", "teacher_delay"):
            together = f"pulse is {pulse}: together they must not be longer than t_presentation ({whole})"
            require(self, name, getattr(self, name) + self.pulse <= self.t_presentation, together)
        steps = self.t_presentation / self.dt
        fine = self.dt <= 5e-4 and abs(steps - round(steps)) <= 1e-6
        require(self, "dt", fine, f"it must be 0.5 ms or less, and t_presentation ({whole}) a multiple of it")
        require(self, "v_peak", self.v_peak > self.c, f"it must be greater than c ({self.text('c')})")
        require(self, "v_t", self.v_t > self.v_r, f"it must be greater than v_r ({self.text('v_r')})")
        few = not self.shared_current or self.n_hidden <= 25
        require(self, "n_hidden", few, "with shared_current there must be a pixel for each")

    @property
    def kinds(self) -> int:
        """Kinds of images, the first of `patterns.KINDS`."""
        return 4 if self.other_images else 2

    @property
    def images(self) -> int:
        """Images that a network sees, for learning and for testing."""
        return self.presentations + self.kinds * self.tests * (self.flips_max + 1)

    @property
    def initial_means(self) -> tuple[float, float]:
        """Mean initial weights onto hidden neurons and outputs, in volts: of their sums, but not above half of the largest weight."""
        return (
            min(self.weight_sum_hidden / 25, self.w_max_hidden / 2),
            min(self.weight_sum_output / self.n_hidden, self.w_max_output / 2),
        )

    @property
    def bounds(self) -> tuple[float, float]:
        """Largest weights onto hidden neurons and outputs, in volts."""
        factor = 1e-3 if self.clip_units else 1.0
        return factor * self.w_max_hidden, factor * self.w_max_output


NEURONS = {
    "2003": {},
    "2007": {
        "k": ("0.007 /ms/mV", NEURON_2007),
        "v_r": ("-60 mV", NEURON_2007),
        "v_t": ("-40 mV", NEURON_2007),
        "a": ("0.03 /ms", NEURON_2007),
        "b": ("-0.02 /ms", NEURON_2007),
        "c": ("-50 mV", NEURON_2007),
        "d": ("1 mV/ms", NEURON_2007),
        "v_peak": ("35 mV", NEURON_2007),
        "weight_sum_hidden": ("70 mV", SCALED),
        "weight_sum_output": ("38 mV", SCALED),
        "w_max_hidden": ("10 mV", SCALED),
        "w_max_output": ("26 mV", SCALED),
        "a_plus": ("0.51 mV", SCALED),
    },
}
"""Regular spiking neurons of Izhikevich's two forms, by the year: settings and their sources.

Both have the same equation, see docs/companions/xo.md. That of 2007 has C = 100 pF; k, b, d and all currents are
divided by it.
"""

CURES = {"one-spike": {"pulse": "2.5 ms", "jitter": "0 ms"}}
"""What makes the answers to images with flipped pixels right, by name: settings."""

FAULTS = {
    "clip-units": {"clip_units": "true"},
    "shared-current": {"shared_current": "true"},
    "small-w-max": {"w_max_hidden": "0.8 mV", "w_max_output": "0.8 mV"},
    "no-competition": {"inhibition": "0 mV/ms", "normalise": "false"},
    "synchronous": {"jitter": "0 ms"},
}
"""Mistakes of the programs in the forum, by name: settings."""

EXPLAINED = {
    "clip-units": "the bound of the weights is in volts, the weights are not: clip(w, 0, wmax*mV)",
    "shared-current": "one equation for all groups, so hidden neurons and outputs get the current of a pixel",
    "small-w-max": "the largest weight is 0.8 mV: all pixels of an image together are 9.6 mV, and a neuron "
    "needs 15",
    "no-competition": "neither inhibition nor normalisation: nothing keeps hidden neurons from learning "
    "both images",
    "synchronous": "all pixels spike together, twice: the second volley takes back what the first has taught",
    "one-spike": "one spike of each black pixel, all in the same time step",
}
"""The faults and cures, each in a sentence."""
