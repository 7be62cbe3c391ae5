"""The learning rules of the paper (§2.3) and the static synapses: each a whole, with all that is to be known of it.

A rule is one object: its equations, where they come from, and what they ask of the rest of the model. What
else depends on the rule (the choices of the parameter `rule`, the engines, the help, docs/model.md) follows
from `RULES`.

Presynaptic spikes arrive after a delay that differs from synapse to synapse, so what a rule knows of them
belongs to the synapse. Postsynaptic traces are the same for all synapses of a neuron: they live in the neuron
and decay once per time step. Within a step Brian2 handles arrivals (`on_pre`) before postsynaptic spikes
(`on_post`) before resets.

A spike sets a trace to 1 or, if `all_to_all` is 1, adds 1 to it. The trace of the presynaptic spikes is

    x_pre = x0 exp(-t/tau_pre),    t = step_pre*dt since the start of the presentation,

where the variable ``x0`` changes with an arrival only and is rescaled between presentations: no trace has to
decay in every time step, the exponentials of an arrival are the same for all synapses, and no absolute time
is kept. ``step_pre`` is the time step within the presentation, as the input neurons know it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from .changes import changed_texts


class LearningRule(NamedTuple):
    """A plastic (or static) connection from input to excitatory neurons: Brian2 equations and code, as text."""

    model: str
    """Variables of a synapse."""
    on_pre: str
    """Executed when a presynaptic spike arrives."""
    on_post: str = ""
    """Executed when the postsynaptic neuron spikes."""
    every_presentation: str = ""
    """Executed for every synapse before each presentation."""
    neuron: str = ""
    """Variables of the excitatory neuron."""
    neuron_every_step: str = ""
    """Executed for every excitatory neuron at the start of every time step."""
    neuron_reset: str = ""
    """Executed for an excitatory neuron that has just spiked, after `on_post`."""

    @property
    def neuron_variables(self) -> tuple[str, ...]:
        """Names of the variables that the rule adds to the excitatory neuron."""
        return tuple(re.findall(r"^\s*(\w+)\s*:", self.neuron, re.MULTILINE))

    def changed(
        self,
        *,
        replace: Mapping[str, str] | None = None,
        add: Mapping[str, str] | None = None,
        constants: Mapping[str, Any] | None = None,
    ) -> LearningRule:
        """Return a copy with changes; see `neurons.NeuronModel.changed`. `add` takes the names of all fields."""
        of_neuron = tuple(name for name in self._fields if name.startswith("neuron"))
        homes = {"model": tuple(name for name in self._fields if name not in of_neuron), "neuron": of_neuron}
        texts = self._asdict()
        return LearningRule(**changed_texts(texts, homes, replace=replace, add=add, constants=constants))

    def uses(self, name: str) -> bool:
        """Return whether a constant stands in the equations."""
        return any(re.search(rf"\b{name}\b", text) for text in self)


TRIPLET = LearningRule(
    model="""
w : 1
x0 : 1
""",
    on_pre="""
ge_post += w
w = clip(w - eta_pre*x_post1_post, 0, w_max)
x0 = all_to_all*x0 + exp(step_pre*dt/tau_pre)
""",
    on_post="""
x_pre = x0*exp(-step_pre*dt/tau_pre)
w = clip(w + eta_post*x_pre*x_post2_post, 0, w_max)
""",
    every_presentation="""
x0 *= exp(-presentation_steps*dt/tau_pre)
""",
    neuron="""
x_post1 : 1
x_post2 : 1
""",
    neuron_every_step="""
x_post1 *= exp(-dt/tau_post1)
x_post2 *= exp(-dt/tau_post2)
""",
    neuron_reset="""
x_post1 = all_to_all*x_post1 + 1
x_post2 = all_to_all*x_post2 + 1
""",
)

TRIPLET_100N = LearningRule(  # dx_post2/dt = -x_post1/tau_post2
    model=TRIPLET.model,
    on_pre=TRIPLET.on_pre,
    on_post=TRIPLET.on_post,
    every_presentation=TRIPLET.every_presentation,
    neuron=TRIPLET.neuron,
    neuron_every_step="""
x_post2 -= x_post1*tau_post1/tau_post2*(1 - exp(-dt/tau_post1))
x_post1 *= exp(-dt/tau_post1)
""",
    neuron_reset=TRIPLET.neuron_reset,
)

POWER_LAW = LearningRule(  # nothing happens to w on a presynaptic spike
    model="""
w : 1
x0 : 1
""",
    on_pre="""
ge_post += w
x0 = all_to_all*x0 + exp(step_pre*dt/tau_pre)
""",
    on_post="""
x_pre = x0*exp(-step_pre*dt/tau_pre)
w = clip(w + eta_post*(x_pre - x_tar)*(w_max - w)**mu, 0, w_max)
""",
    every_presentation="""
x0 *= exp(-presentation_steps*dt/tau_pre)
""",
)

EXPONENTIAL = LearningRule(  # nothing happens to w on a presynaptic spike
    model="""
w : 1
x0 : 1
""",
    on_pre="""
ge_post += w
x0 = all_to_all*x0 + exp(step_pre*dt/tau_pre)
""",
    on_post="""
x_pre = x0*exp(-step_pre*dt/tau_pre)
w = clip(w + eta_post*(x_pre*exp(-beta*w) - x_tar*exp(-beta*(w_max - w))), 0, w_max)
""",
    every_presentation="""
x0 *= exp(-presentation_steps*dt/tau_pre)
""",
)

PRE_AND_POST = LearningRule(  # the paper calls it symmetric
    model="""
w : 1
x0 : 1
""",
    on_pre="""
ge_post += w
w = clip(w - eta_pre*x_post1_post*w**mu, 0, w_max)
x0 = all_to_all*x0 + exp(step_pre*dt/tau_pre)
""",
    on_post="""
x_pre = x0*exp(-step_pre*dt/tau_pre)
w = clip(w + eta_post*(x_pre - x_tar)*(w_max - w)**mu, 0, w_max)
""",
    every_presentation="""
x0 *= exp(-presentation_steps*dt/tau_pre)
""",
    neuron="x_post1 : 1",
    neuron_every_step="x_post1 *= exp(-dt/tau_post1)",
    neuron_reset="x_post1 = all_to_all*x_post1 + 1",
)

RECTANGULAR = LearningRule(  # half a step of grace, lest rounding decides on the edge of the window
    model="""
w : 1
x0 : 1
""",
    on_pre="""
ge_post += w
x0 = all_to_all*x0 + exp(step_pre*dt/tau_pre)
""",
    on_post="""
x_pre = x0*exp(-step_pre*dt/tau_pre)
recent = int(x_pre > exp(-(ltp_window + 0.5*dt)/tau_pre))
w = clip(w + eta_post*(recent*exp(-beta*w) - (1 - recent)*x_tar*exp(-beta*(w_max - w))), 0, w_max)
""",
    every_presentation="""
x0 *= exp(-presentation_steps*dt/tau_pre)
""",
)

STATIC = LearningRule(  # labelling and testing
    model="w : 1", on_pre="ge_post += w"
)


class Rule(NamedTuple):
    """A rule of the package: its equations, and what is to be known of them."""

    equations: LearningRule
    source: str
    """Where the equations are from, in a sentence."""
    preset: str = ""
    """The preset with the constants that it needs; none: those of the triplet rule will do."""
    below_w_max: bool = False
    """Whether it is undefined for weights above `w_max`, as normalised ones can be."""
    nearest_only: bool = False
    """Whether it takes from a trace how long ago the last spike was, which only nearest-neighbour pairing lets it."""


RULES = {
    "triplet": Rule(
        TRIPLET,
        "Paper §2.3, which prints no equation: as in the authors' public code, after Pfister & Gerstner "
        "2006.",
        preset="paper-triplet-400",
    ),
    "triplet-100n": Rule(
        TRIPLET_100N, "As in the authors' script for 100 neurons: the slow trace leaks by the fast one."
    ),
    "power-law": Rule(POWER_LAW, "Paper §2.3, Eq. 3.", preset="paper-power-law-400", below_w_max=True),
    "exponential": Rule(EXPONENTIAL, "Paper §2.3, Eq. 4.", preset="paper-exponential-400"),
    "pre-and-post": Rule(
        PRE_AND_POST,
        "Paper §2.3, Eqs 5 (on a presynaptic spike) and 6 (on a postsynaptic spike).",
        preset="paper-pre-and-post-400",
        below_w_max=True,
    ),
    "rectangular": Rule(
        RECTANGULAR,
        "Querlioz, Bichler, Dollfus & Gamrat 2013, which the paper compares itself with (§4): up by a fixed "
        "amount if a presynaptic spike came within `ltp_window`, else down; `x_tar` is the ratio of the "
        "two amounts.",
        preset="querlioz-400",
        nearest_only=True,
    ),
}
"""Rules by the name that the parameter `rule` takes."""

EQUATIONS = {name: rule.equations for name, rule in RULES.items()}
