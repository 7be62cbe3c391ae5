"""Every scientific constant of the model: value, unit, symbol, meaning, source.

`Params()` is the preset ``diehl-cook-2015``: the semantics of the authors' public code. The other presets,
the default one among them, are TOML files that hold only what differs. Values are floats in SI units (volts,
seconds, hertz) or plain numbers; they are written and shown with their unit ("100 ms"), and a value without
the right unit is refused.

Every value carries its source, which begins with one of `KINDS`. A preset that changes a value says where the
new one is from.

This module does not import Brian2, so that ``--help`` stays quick; `Params.namespace` does when it is called.
"""

from __future__ import annotations

import itertools
import os
import re
import tomllib
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

from ..errors import DiehlCookError, advice
from .constants import Constants, par
from .rules import EQUATIONS, RULES

FOR_EVER = 1e300
"""Seconds; a decay with this time constant is none, to the last bit."""

IN_STEPS = ("t_stimulus", "t_rest", "refractory_exc", "refractory_inh", "lockout_exc")
"""Durations that are whole numbers of time steps."""

MOST_SYNAPSES, MOST_STEPS, MOST_DELAY_STEPS = 2**31 - 1, 10_000_000, 2**16 - 2
"""Synapses of the input, time steps of a presentation and of a delay: what the integers of compiled code hold."""

LONGEST_IN_TRACES = 600
"""A presentation may last as many time constants of the presynaptic trace: its exponential must not
overflow."""

BASE_PRESET = "diehl-cook-2015"
"""What the other presets differ from."""

DEFAULT_PRESET = "paper-triplet-400"
"""The paper's triplet rule at the size for which the authors published all of its constants
(docs/results.md)."""

REFERENCE_N_EXC = 400
"""The size for which the authors published all constants."""

LOST = ("w_exc_inh", "w_inh_exc")
"""Parameters that differ with the size (paper §2.6), with no value published but for `REFERENCE_N_EXC`."""

PAPER = "paper §{}"
CODE = "authors' public code"
SCRIPTS = "authors' per-size scripts"

KINDS = {
    "paper": "stated in the paper",
    CODE: "read in the code published with the paper (400 neurons, triplet rule; 2015)",
    SCRIPTS: "read in scripts for 100, 400, 1600 and 6400 neurons that others published; by all signs the "
    "authors' own",
    "example": "read in the script Diehl_Cook_2015 of the Brian2 examples (2024)",
    "ports": "read in the Brian2 ports of that code (zxzhijia/Brian2STDPMNIST, 2016, and its Python 3 fork)",
    "search": "found by our search, on training images alone (in parentheses: its study, docs/search.md)",
    "ours": "a choice of this package",
    "assumed": "published nowhere: a first plausible guess",
    "user": "set by the user",
}
"""What a source begins with, and what that means."""


MOST_TOML = 2**20
"""Bytes of a preset file."""

LATER = {"order": "file", "ltp_window": "50 ms", "v_init_random": "false"}
"""Parameters that runs of earlier versions lack, each with the value that does what these versions did."""

TRIPLETS = ("triplet", "triplet-100n")
"""The rules that share the constants of the triplet rule."""

ORDERS = ("file", "shuffled")
"""Orders of the training images; see `order.image_at`."""


@dataclass(frozen=True)
class Params(Constants):
    """The constants of the model, in SI units, each with a unit, a meaning and a source.

    `load_preset` returns those of a preset, and `with_values` changes some of them from texts such as
    ``"80 ms"``. ``python -m diehlcook params`` prints all of them, and docs/model.md lists them, too.

    Parameters
    ----------
    **values
        Every constant is a keyword argument, a number in SI units. The defaults are the values of the authors'
        public code.
    sources : mapping of str to str
        Where the values come from that are not the defaults, by name.

    Raises
    ------
    DiehlCookError
        A value is of the wrong type or out of its range, or some values do not fit each other.
    """

    n_input: int = par(784, "N_I", "input neurons, one per pixel", PAPER.format("2.2"), within=(1, 1e6))
    n_exc: int = par(
        400, "N_E", "excitatory neurons (and as many inhibitory ones)", PAPER.format("2.2"), within=(1, 1e5)
    )

    dt: float = par(0.5, "Δt", "time step", CODE, unit="ms", within=(1e-3, 1e3))
    integrator: str = par(
        "exponential_euler",
        "",
        "integration of membrane and conductances",
        "ours: explicit Euler overshoots E_inh when many inhibitory neurons fire in one step",
        choices=("exponential_euler", "euler"),
    )

    tau_mem_exc: float = par(
        100, "τ_E", "membrane time constant, excitatory", PAPER.format("2.1"), unit="ms", within=(1e-3, 1e12)
    )
    v_rest_exc: float = par(
        -65, "V_rest,E", "resting potential, excitatory", CODE, unit="mV", within=(-1e3, 1e3)
    )
    v_reset_exc: float = par(
        -65, "V_reset,E", "reset potential, excitatory", CODE, unit="mV", within=(-1e3, 1e3)
    )
    v_thresh_exc: float = par(
        -52, "V_thr,E", "firing threshold without theta, excitatory", CODE, unit="mV", within=(-1e3, 1e3)
    )
    e_exc: float = par(
        0, "E_exc", "reversal potential of excitatory synapses", CODE, unit="mV", within=(-1e3, 1e3)
    )
    e_inh_exc: float = par(
        -100, "E_inh,E", "reversal of inhibition on excitatory neurons", CODE, unit="mV", within=(-1e3, 1e3)
    )
    refractory_exc: float = par(
        5, "t_ref,E", "shortest interspike interval, excitatory", CODE, unit="ms", within=(0, 1e6)
    )
    clamp_exc: bool = par(
        False, "", "hold v of excitatory neurons while refractory", CODE + " (Brian 1 only blocks the spikes)"
    )
    lockout_exc: float = par(
        0,
        "t_lock",
        "time without a spike after each and at the start (the ports' `timer`)",
        CODE,
        unit="ms",
        within=(0, 1e6),
    )

    v_init_offset: float = par(
        -40, "V_0", "initial potential of all neurons, above rest", CODE, unit="mV", within=(-1e3, 1e3)
    )
    v_init_random: bool = par(
        False,
        "",
        "each neuron starts between rest and its threshold instead, at random; v_init_offset is not used",
        "ours: a choice, for networks whose neurons would fire together at the start",
    )

    tau_mem_inh: float = par(
        10, "τ_I", "membrane time constant, inhibitory", CODE, unit="ms", within=(1e-3, 1e12)
    )
    v_rest_inh: float = par(
        -60, "V_rest,I", "resting potential, inhibitory", CODE, unit="mV", within=(-1e3, 1e3)
    )
    v_reset_inh: float = par(
        -45, "V_reset,I", "reset potential, inhibitory", CODE, unit="mV", within=(-1e3, 1e3)
    )
    v_thresh_inh: float = par(
        -40, "V_thr,I", "firing threshold, inhibitory", CODE, unit="mV", within=(-1e3, 1e3)
    )
    e_inh_inh: float = par(
        -85, "E_inh,I", "reversal of inhibition on inhibitory neurons", CODE, unit="mV", within=(-1e3, 1e3)
    )
    refractory_inh: float = par(
        2, "t_ref,I", "refractory time, v held, inhibitory", CODE, unit="ms", within=(0, 1e6)
    )

    theta_init: float = par(20, "θ_0", "initial adaptive threshold", CODE, unit="mV", within=(0, 1e3))
    theta_offset: float = par(
        20, "θ_off", "subtracted from the adaptive threshold", CODE, unit="mV", within=(0, 1e3)
    )
    theta_plus: float = par(0.05, "θ_+", "threshold step per spike", CODE, unit="mV", within=(0, 1e3))
    tau_theta: float = par(
        1e7, "τ_θ", "decay of the adaptive threshold", CODE, unit="ms", within=(1e-3, FOR_EVER * 1e3)
    )

    tau_ge: float = par(
        1, "τ_ge", "decay of the excitatory conductance", CODE, unit="ms", within=(1e-3, 1e12)
    )
    tau_gi: float = par(
        2, "τ_gi", "decay of the inhibitory conductance", CODE, unit="ms", within=(1e-3, 1e12)
    )
    w_exc_inh: float = par(10.4, "w_EI", "weight excitatory to inhibitory, one to one", CODE, within=(0, 1e6))
    w_inh_exc: float = par(
        17.0, "w_IE", "weight inhibitory to excitatory, all but own", CODE, within=(0, 1e6)
    )
    self_inhibition: bool = par(
        False, "", "an inhibitory neuron inhibits its own excitatory neuron too", PAPER.format("2.2")
    )
    delay_min: float = par(0, "d_min", "shortest delay input to excitatory", CODE, unit="ms", within=(0, 1e6))
    delay_max: float = par(
        10, "d_max", "longest delay input to excitatory (uniform)", CODE, unit="ms", within=(0, 1e6)
    )
    redraw_delays: bool = par(
        False,
        "",
        "each of observe, test and predict draws delays of its own",
        "ours: those of the training belong to the network; the authors draw new ones in every run",
    )

    rule: str = par("triplet", "", "learning rule", CODE, choices=tuple(RULES))
    pairing: str = par(
        "nearest",
        "",
        "a spike sets a trace to 1 (nearest) or adds 1 to it (all-to-all)",
        CODE,
        choices=("nearest", "all-to-all"),
    )
    w_max: float = par(1.0, "w_max", "largest plastic weight", CODE, within=(1e-6, 1e6))
    w_init_scale: float = par(0.3, "", "initial weight = scale (U[0,1) + offset)", CODE, within=(0, 1e6))
    w_init_offset: float = par(0.01, "", "initial weight = scale (U[0,1) + offset)", CODE, within=(0, 1e6))
    weight_sum: float = par(
        78.0, "Σw", "sum of the input weights of a neuron after normalisation", CODE, within=(1e-6, 1e9)
    )
    normalise: str = par(
        "presentation",
        "",
        "before what the weights are normalised: every presentation, the first of an image, never",
        CODE,
        choices=("presentation", "image", "never"),
    )
    normalise_every: int = par(1, "", "normalise at every so many images only", CODE, within=(1, 1e9))
    eta_pre: float = par(
        1e-4,
        "η_pre",
        "learning rate on a presynaptic spike (negative: the ports' flipped sign)",
        CODE,
        within=(-1e3, 1e3),
    )
    eta_post: float = par(1e-2, "η_post", "learning rate on a postsynaptic spike", CODE, within=(-1e3, 1e3))
    tau_pre: float = par(20, "τ_pre", "decay of the presynaptic trace", CODE, unit="ms", within=(1e-3, 1e12))
    tau_post1: float = par(
        20,
        "τ_post1",
        "decay of the fast (pre-and-post: the only) postsynaptic trace",
        CODE,
        unit="ms",
        within=(1e-3, 1e12),
    )
    tau_post2: float = par(
        40, "τ_post2", "decay of the slow postsynaptic trace", CODE, unit="ms", within=(1e-3, 1e12)
    )
    x_tar: float = par(
        0.4,
        "x_tar",
        "target of the presynaptic trace at a postsynaptic spike, Eqs 3, 4 and 6",
        CODE + ", unused: STDP_offset",
        within=(-1e3, 1e3),
    )
    mu: float = par(
        0.2,
        "μ",
        "power of the weight dependence, Eqs 3, 5 and 6",
        CODE + ", unused: exp_ee_post",
        within=(0, 1e3),
    )
    beta: float = par(
        3.0,
        "β",
        "strength of the weight dependence, Eq. 4",
        "assumed: of Querlioz et al. 2013, as in a port",
        within=(-1e3, 1e3),
    )

    ltp_window: float = par(
        50,
        "t_LTP",
        "time since a presynaptic spike within which the rectangular rule potentiates",
        "assumed: as in Querlioz et al. 2013",
        unit="ms",
        within=(0, 1e6),
    )

    order: str = par(
        "file",
        "",
        "order of the training images: every pass as in the file, or each pass shuffled anew from the seed",
        "ours: a choice; the authors' code has file order (j mod 60,000)",
        choices=ORDERS,
    )
    t_stimulus: float = par(
        350, "T_stim", "time an image is shown", PAPER.format("2.5"), unit="ms", within=(1e-3, 1e6)
    )
    t_rest: float = par(
        150, "T_rest", "time without input after it", PAPER.format("2.5"), unit="ms", within=(1e-3, 1e6)
    )
    pixel_rate: float = par(
        0.125, "ρ", "input rate per grey level and unit of intensity", CODE, unit="Hz", within=(0, 1e6)
    )
    noise_rate: float = par(
        0,
        "",
        "added to the rate of every input while an image is shown in training",
        CODE,
        unit="Hz",
        within=(0, 1e6),
    )
    intensity_init: float = par(
        2.0,
        "I_0",
        "intensity of the first attempt (255 grey levels: 63.75 Hz)",
        PAPER.format("2.5"),
        within=(0, 1e6),
    )
    intensity_step: float = par(1.0, "ΔI", "intensity added for every further attempt", CODE, within=(0, 1e6))
    min_spikes: int = par(
        5, "n_min", "fewer excitatory spikes than this: present again", PAPER.format("2.5"), within=(0, 1e6)
    )
    max_attempts: int = par(
        20,
        "",
        "attempts after which an image counts as silent",
        "ours: the authors loop for ever",
        within=(1, 1e4),
    )
    count_rest: bool = par(
        True,
        "",
        "the rest before a presentation counts towards its spikes",
        CODE + " (window since the last stimulus end)",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n_input * self.n_exc > MOST_SYNAPSES:
            raise DiehlCookError(
                f"n_input is {self.n_input} and n_exc {self.n_exc}; they must not make more than "
                f"{MOST_SYNAPSES:,} synapses, which are numbered by 32-bit integers"
            )
        if RULES[self.rule].below_w_max and self.normalise != "never":
            raise DiehlCookError(
                f"normalise is {self.normalise}; rule {self.rule} needs never, because normalised weights "
                f"can exceed w_max (--rule {self.rule} sets all that the rule needs)"
            )
        if RULES[self.rule].nearest_only and self.pairing != "nearest":
            raise DiehlCookError(
                f"pairing is {self.pairing}; rule {self.rule} needs nearest, because it asks how long ago "
                "the last spike was"
            )
        largest = self.w_init_scale * (1 + self.w_init_offset)
        if RULES[self.rule].below_w_max and largest > self.w_max:
            raise DiehlCookError(
                f"w_max is {self.w_max:g}; rule {self.rule} needs initial weights that are not larger, "
                f"and they reach {largest:g} (w_init_scale, w_init_offset)"
            )
        if self.presentation_steps * self.dt > LONGEST_IN_TRACES * self.tau_pre:
            raise DiehlCookError(
                f"tau_pre is {self.text('tau_pre')}; it must be at least 1/{LONGEST_IN_TRACES} of a "
                "presentation"
            )
        asks_how_long_ago = RULES[self.rule].nearest_only  # rounding must not decide on a spike at the edge
        for name in (*IN_STEPS, "ltp_window") if asks_how_long_ago else IN_STEPS:
            steps = getattr(self, name) / self.dt
            if abs(steps - round(steps)) > 1e-6:
                raise DiehlCookError(
                    f"{name} is {self.text(name)}; it must be a whole number of time steps (dt = "
                    f"{self.text('dt')})"
                )
        for name in ("t_stimulus", "t_rest"):
            if self.steps(name) < 1:
                raise DiehlCookError(
                    f"{name} is {self.text(name)}; it must be at least one time step (dt = {self.text('dt')})"
                )
        if self.presentation_steps > MOST_STEPS or self.delay_max / self.dt > MOST_DELAY_STEPS:
            raise DiehlCookError(
                f"dt is {self.text('dt')}; a presentation must not have more than {MOST_STEPS:,} steps, and "
                f"the longest delay not more than {MOST_DELAY_STEPS:,}"
            )
        if not 0 <= self.delay_min <= self.delay_max < self.t_rest:
            raise DiehlCookError(
                f"delays are {self.text('delay_min')} to {self.text('delay_max')}; "
                f"they must satisfy 0 <= delay_min <= delay_max < t_rest ({self.text('t_rest')})"
            )

    def steps(self, name: str) -> int:
        """Return the duration `name` in whole time steps."""
        seconds: float = getattr(self, name)
        return round(seconds / self.dt)

    @property
    def presentation_steps(self) -> int:
        """Time steps of one presentation: stimulus and rest."""
        return self.steps("t_stimulus") + self.steps("t_rest")

    def source(self, name: str) -> str:
        """Return where the value of `name` comes from; begins with one of `KINDS`."""
        if name in LOST and self.n_exc != REFERENCE_N_EXC and name not in self.sources:
            return "assumed: that of 400 neurons; the authors read others from files that are lost"
        return super().source(name)

    @property
    def assumed(self) -> list[str]:
        """Names of the values that matter to the rule in use and are a first guess: neither published nor searched for."""
        rule = EQUATIONS[self.rule]
        of_rules = {n for n in FIELDS if any(one.uses(n) for one in EQUATIONS.values())}
        unused = {n for n in of_rules if not rule.uses(n)}
        return [n for n in FIELDS if self.source(n).startswith("assumed") and n not in unused]

    def namespace(self) -> dict[str, Any]:
        """Return all constants for Brian2: quantities with units, bools as 0 or 1, durations also in steps."""
        values = self.quantities()
        del values["dt"]  # it belongs to the clock
        values |= {
            f"{name}_steps": self.steps(name) for name in ("refractory_exc", "refractory_inh", "lockout_exc")
        }
        values |= {"stimulus_steps": self.steps("t_stimulus"), "presentation_steps": self.presentation_steps}
        return values


FIELDS = Params.table()
"""The parameters by name."""


def preset_names() -> list[str]:
    """Return the names of the presets that come with the package.

    Returns
    -------
    list of str
        First the preset that all others are based on, then the others in the order of their names.
    """
    names = sorted(
        p.name.removesuffix(".toml")
        for p in resources.files(__package__).joinpath("presets").iterdir()
        if p.name.endswith(".toml")
    )
    return [BASE_PRESET, *names]


def as_params(given: Params | str) -> Params:
    """Return constants that are given themselves or by the name of their preset.

    Raises
    ------
    DiehlCookError
        Something else was given, or there is no such preset.
    """
    if isinstance(given, str):
        return load_preset(given)
    if not isinstance(given, Params):
        raise DiehlCookError(
            f"params is a {type(given).__name__}; expected constants, which load_preset returns, or the "
            f"name of a preset"
        )
    return given


CUSTOM = "custom"
"""The name of constants that no preset of the package has, and that were given no name."""


def preset_of(params: Params) -> str:
    """Return the name of the preset of the package that has all these values; `CUSTOM` if there is none."""
    return next((name for name in preset_names() if load_preset(name) == params), CUSTOM)


def preset_says(name: str) -> str:
    """Return in a sentence what a preset of the package is: the first of the comment that its file begins with."""
    if name == BASE_PRESET:
        return "The authors' public code; the base of all others"
    text = resources.files(__package__).joinpath("presets", f"{name}.toml").read_text("utf-8")
    comment = " ".join(
        line.removeprefix("#").strip()
        for line in itertools.takewhile(lambda one: one[:1] == "#", text.splitlines())
    )
    return re.split(r"(?<!Eq)(?<!al)[.:;](?: |$)", comment)[0]


def load_preset(name: str | os.PathLike[str] = DEFAULT_PRESET) -> Params:
    """Return the parameters of a preset.

    Parameters
    ----------
    name
        The name of a preset of the package, or the path of a TOML file with lines ``name = value``. A file may
        name the preset that it starts from, as in ``base = "brian2-example"``.

    Returns
    -------
    Params
        The constants with their units, meanings and sources. `Params.with_values` changes some of them.

    Raises
    ------
    DiehlCookError
        There is no such preset, the file cannot be read, or a value in it is bad.
    """
    if isinstance(name, os.PathLike):
        name = str(os.fspath(name))
    if name == BASE_PRESET:
        return Params()
    base, values, sources = read_preset(name)
    try:
        return load_preset(base).with_values(values, sources)
    except DiehlCookError as error:
        raise DiehlCookError(f"preset {name}: {error}") from None


def read_preset(name: str) -> tuple[str, dict[str, Any], dict[str, str]]:
    """Return the base of a preset, what it changes, and the sources of that; see `load_preset`."""
    if name.endswith(".toml"):
        try:
            if Path(name).stat().st_size > MOST_TOML or not Path(name).is_file():
                raise DiehlCookError(f"{name}: not a preset file")
            text = Path(name).read_bytes()
        except OSError as error:
            raise DiehlCookError(f"{name}: cannot read the preset file ({error.strerror})") from None
    elif name in preset_names():
        text = resources.files(__package__).joinpath("presets", f"{name}.toml").read_bytes()
    else:
        known = preset_names()
        hint = advice(name, known, f"choose one of {', '.join(known)}, or a .toml file")
        raise DiehlCookError(f"unknown preset {name!r}; {hint}")
    try:
        content = tomllib.loads(text.decode())
    except (ValueError, RecursionError) as error:
        raise DiehlCookError(f"{name}: not valid TOML ({error})") from None
    base = str(content.pop("base", BASE_PRESET))
    if base not in preset_names():
        raise DiehlCookError(f"{name}: base is {base!r}; choose one of {', '.join(preset_names())}")
    values, sources = {}, {}
    for key, entry in content.items():
        if isinstance(entry, dict) and entry.keys() != {"value", "source"}:
            raise DiehlCookError(
                f'{name}: {key} is {entry}; expected a value, or {{ value = ..., source = "..." }}'
            )
        values[key], sources[key] = (
            (entry["value"], str(entry["source"])) if isinstance(entry, dict) else (entry, "user")
        )
    return base, values, sources


def with_rule(params: Params, rule: str) -> Params:
    """Return the parameters with another learning rule and the constants that it needs.

    Those are the ones in which the preset of the rule (see `rules.LearningRule`) differs from that of the triplet
    rule; ``with_values({"rule": rule})`` changes nothing else.

    Raises
    ------
    DiehlCookError
        Unknown rule, or the constants of the triplet rule are needed and are gone.
    """
    if rule == params.rule:
        return params
    if params.rule not in TRIPLETS:
        raise DiehlCookError(f"rule is {rule}; start from a preset of that rule, not of {params.rule}")
    if rule not in RULES or not RULES[rule].preset:
        return params.with_values({"rule": rule})
    wanted = load_preset(RULES[rule].preset)
    triplet = load_preset(DEFAULT_PRESET)

    def known(of: Params, name: str) -> tuple[str, str]:
        return of.text(name), of.source(name)

    needed = {"rule": None} | {name: None for name in FIELDS if known(wanted, name) != known(triplet, name)}
    return params.with_values(
        {name: wanted.text(name) for name in needed}, {name: wanted.source(name) for name in needed}
    )


def frozen(params: Params) -> Params:
    """Return the parameters of a trained network, whose weights and thresholds no longer change.

    Thresholds neither rise nor decay, as long as it is `theta_plus` and `tau_theta` by which equations change
    them; and the noise on the inputs is one of the training.
    """
    return replace(params, theta_plus=0.0, tau_theta=FOR_EVER, noise_rate=0.0)


def with_size(params: Params, n_exc: int, scale: bool = True) -> Params:
    """Return the parameters for another number of neurons.

    Theta settles near (spikes per image / n_exc) theta_plus tau_theta / 0.5 s, so a larger network needs a
    larger step for the same threshold: with `scale`, 0.05 mV at 400 neurons and in proportion elsewhere.
    """
    if n_exc == params.n_exc:
        return params
    values = {"n_exc": str(n_exc)}
    sources = {"n_exc": "user"}
    if scale:
        values["theta_plus"] = f"{0.05 * n_exc / REFERENCE_N_EXC:.12g} mV"
        sources["theta_plus"] = "assumed: 0.05 mV in proportion to the number of neurons"
    return params.with_values(values, sources)
