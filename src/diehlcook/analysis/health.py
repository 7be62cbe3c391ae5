"""Is the network alive, competing, learning? What training, labelling and testing recorded, against what is normal; NumPy only.

A check says what was measured, what is usual for a network of this size and rule, and beyond which limit it is
a finding; one that fails also what it is called, what is likely to cause it, and which parameter to change.
The limits lie well outside of what healthy networks show, and well inside of what broken ones do:
docs/health.md has the figures of both, and tests/test_health.py breaks a network on purpose.

What is wrong before the first image is shown (the images, the time step) comes first, because all else that is
found follows from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import DiehlCookError
from ..model.params import TRIPLETS, Params, with_size
from ..model.rules import EQUATIONS, RULES
from .readout import wilson

NEWEST = 1000
"""Images that tell how the network is now: the last of the training."""

ENOUGH = 50
"""Images before which nothing is said."""

SETTLED = 25
"""Images per neuron after which homeostasis has had time to let every neuron win; competition is judged from
then on."""

LEARNED = 50
"""Images per neuron after which the accuracy during training is judged: labels are from the window of images
before."""

FEW = 10
"""Neurons below which nothing is said of their competition."""

RISEN = 10e-3
"""Volts by which theta has risen when most neurons have had their turn. Measured (digits and MNIST, 1 to 123
neurons): after a rise of 1 to 8 mV the accuracy is 9 to 14 %, after 15 mV 73 %, after 21 mV and more 80 to 87 %."""

STILL_RISING = 0.4
"""Share of theta's rise that lies in the second half of the training: 0.5 if theta rises as fast as at first;
0.02 to 0.3 in networks with an accuracy of 90 % and more."""

HARDLY_RISEN = 3e-3
"""Volts by which theta has risen when neurons have begun to take turns; how it rises until then tells nothing."""

UNEVEN = 0.5
"""Spread of theta between neurons as a share of its rise: 0.1 to 0.4 where every neuron had its turn, 0.6 to 1.3
where some win nearly always (accuracy 9 to 11 %)."""

TRAINED = 20e-3
"""Volts by which theta has risen when a training has been long enough to be worth a test."""

INVERTED, BACKGROUND, BRIGHTEST = 0.25, 12, 128
COARSE, DECAYS = 0.75, ("tau_ge", "tau_gi", "tau_mem_inh", "tau_mem_exc")
OF_ALL = "all images of the training"
WELL_ABOVE = 0.25
RETRIES = 0.5
AT_LIMIT = 0.75
CROWD, CROWD_OF_FEW, CROWD_SHARE = 0.1, 25, 0.6
STRANGLED = 2.0
MONOPOLY, FAVOURITE = 0.5, 10.0
DEAD, EXPECTED = 0.05, 10
MUTE = 0.5
COLLAPSED, SATURATED, SOME = 0.15, 0.5, 0.02
DRIFT = 0.1
CONTRAST = 1.25
ALIKE = 0.9
HEADROOM = 6e-3
FROZEN = 1e-6
RAVING, OUTLIER = 0.25, 20.0

SEIZING = (
    "the membrane equation is unstable (a seizure)",
    "many inhibitory spikes in one step carry the membrane past the reversal potential of inhibition",
)
"""Finding and causes, whether the network goes on like this or the training was stopped."""


class Check(NamedTuple):
    """One thing that was looked at; `finding`, `causes` and `change` are empty if it is as it should be.

    Parameters
    ----------
    name, measured
        What was looked at, and what was seen.
    normal
        What is usual for a healthy network of this size and rule.
    finding, causes, change
        What is wrong, why that is so in most cases, and what to change.
    limit
        Where the finding begins: well beyond what is usual.
    window
        The images that the value is from.
    """

    name: str
    measured: str
    normal: str
    finding: str = ""
    causes: str = ""
    change: str = ""
    limit: str = ""
    window: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.finding

    def but_if(self, wrong: bool, finding: str, causes: str, change: str) -> Check:
        """Return the check with this finding if something is wrong; what was found first stays."""
        return self._replace(finding=finding, causes=causes, change=change) if wrong and self.ok else self

    def __str__(self) -> str:
        """Return the check in one line."""
        if self.ok:
            return f"{self.name}: {self.measured}"
        return f"{self.finding}: {self.measured} (usual: {self.normal}); {self.causes}; change {self.change}"

    @property
    def scale(self) -> str:
        """What is usual, where the limit is, and the images that the value is from; in one line."""
        parts = (
            f"usual: {self.normal}",
            self.limit and f"limit: {self.limit}",
            self.window and f"from {self.window}",
        )
        return "; ".join(part for part in parts if part)


class Evidence(NamedTuple):
    """What a training has recorded, as far as it is there; shipped networks have no history and no counts.

    Parameters
    ----------
    params
        Parameters of the network.
    images
        Images trained so far.
    weights
        (n_input, n_exc).
    theta
        Adaptive thresholds (n_exc,) in volts.
    history
        Rows of `history.HISTORY` of the images so far.
    windows
        Rows of `history.ACCURACY`; the last is the accuracy during training.
    counts
        Spikes of each neuron for each of the newest images, oldest first (m, n_exc).
    spikes, spikes_of
        Spikes of each neuron (n_exc,) for so many of the newest images.
    unanswered
        Training stopped because an image was shown as often as may be, and still got too few spikes.
    elsewhere
        The network was trained elsewhere, with an unknown number of images: it is judged as one that had enough.
    grey
        What `datasets.grey_values` says of the images that were trained on; runs of earlier versions did not
        record it.
    asked_for
        Images that the training was asked for, all passes together; 0 if that is not known.
    """

    params: Params
    images: int
    weights: NDArray[np.float64]
    theta: NDArray[np.float64]
    history: NDArray[Any] | None = None
    windows: NDArray[Any] | None = None
    counts: NDArray[Any] | None = None
    spikes: NDArray[np.int64] | None = None
    spikes_of: int = 0
    unanswered: bool = False
    elsewhere: bool = False
    grey: Mapping[str, float] | None = None
    asked_for: int = 0

    @property
    def enough(self) -> bool:
        """Whether there are images enough to say anything; if training stopped, any number is."""
        return self.elsewhere or self.images >= (1 if self.unanswered else ENOUGH)

    @property
    def settled(self) -> bool:
        """Whether every neuron had its turn, so that competition can be judged.

        Images alone do not tell: where neurons spike rarely (the lock-out of `brian2-example` lets them spike
        every 50 ms only) or the threshold step is that of a small network, homeostasis takes longer. Where the
        step is much too small that is itself what is to be found.
        """
        p = self.params
        if self.elsewhere:
            return True
        if self.images < SETTLED * p.n_exc:
            return False
        if self.history is None or too_small_a_step(p):
            return True
        pushed = self.history["spikes"].sum(dtype=np.int64) / p.n_exc * p.theta_plus
        # Where theta began near its end it does not rise, although every spike has pushed it
        return max(float(pushed), float(self.theta.mean() - self.history["theta_mean"][0])) >= RISEN

    def newest(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Return the newest of `rows`, one per image up to the last, without an image in which all neurons spiked together.

        The lock-out from the start of a training ends for all neurons at once, in its first image only.
        """
        newest = rows[-NEWEST:]
        return newest[1:] if self.params.lockout_exc > 0 and len(newest) == self.images > 1 else newest

    def window(self, images: int = 0) -> str:
        """Say which images a value is from: so many of the newest, by default as many as are looked at."""
        images = images or min(NEWEST, self.images)
        return f"all {images:,} images" if images == self.images else f"the newest {images:,} images"

    @property
    def now(self) -> str:
        """Say when a state was as it is."""
        return f"the state after {self.images:,} images"


def too_small_a_step(params: Params) -> bool:
    """Return whether the threshold step is far below that of a network of this size."""
    return params.theta_plus < 0.5 * with_size(Params(), params.n_exc).theta_plus


INHIBITION = ("w_exc_inh", "w_inh_exc", "tau_gi")
NORMALISATION = ("weight_sum", "normalise_every")
USUAL = (*INHIBITION, "theta_plus", "tau_theta", "intensity_init")
"""Parameters of which all healthy networks have much the same value; the threshold step goes with the size."""


def has_effect(p: Params, name: str) -> bool:
    """Return whether a network with these parameters would be another one if `name` were changed."""
    if name in INHIBITION:  # a neuron inhibits the others, and there are none
        return p.n_exc > 1 or p.self_inhibition
    if name in NORMALISATION:
        return p.normalise != "never"
    if name == "tau_theta":
        return p.theta_plus > 0
    return EQUATIONS[p.rule].uses(name) or not any(rule.uses(name) for rule in EQUATIONS.values())


def advice(
    p: Params,
    *others: str,
    to: Mapping[str, str] | None = None,
    up: Sequence[str] = (),
    down: Sequence[str] = (),
) -> str:
    """Say what to change, without what is so already and what would change nothing.

    Parameters
    ----------
    p
        Parameters of the network.
    others
        What is no parameter.
    to
        Parameters, and the values that they should have.
    up, down
        Parameters that should be larger, and smaller.
    """
    said = list(others)
    for name, value in (to or {}).items():
        forbidden = name == "normalise" and RULES[p.rule].below_w_max
        if getattr(p, name) != Params.parse(name, value) and has_effect(p, name) and not forbidden:
            said.append(f"{name} to {value} (now {p.text(name)})")
    usual = with_size(Params(), p.n_exc)
    for names, word in ((up, "up"), (down, "down")):
        for name in names:
            now, other = getattr(p, name), getattr(usual, name)
            if not has_effect(p, name) or (word == "down" and now <= 0):
                continue
            towards = name in USUAL and (other > now if word == "up" else other < now)
            hint = f" (usual: {usual.text(name)})" if towards else ""
            said.append(f"{name} {word} from {p.text(name)}{hint}")
    return ", or ".join(said) or "none of the parameters that usually help, which are as they should be"


def first_change(checks: list[Check]) -> str:
    """Return what to change first: that of the first finding, which is the cause of the others or comes before them."""
    changes = [check.change for check in checks if not check.ok]
    return f"change {changes[0]}" if changes else "look at the data"


def as_facts(checks: list[Check]) -> list[dict[str, str]]:
    """Return checks for run.json, without what is empty."""
    return [{name: text for name, text in check._asdict().items() if text} for check in checks]


def from_facts(facts: list[dict[str, str]]) -> list[Check]:
    """Return the checks that `as_facts` was given."""
    try:
        return [Check(**one) for one in facts]
    except TypeError:
        raise DiehlCookError("run.json has findings of another version; train again with --force") from None


def in_short(checks: list[Check]) -> str:
    """Return the first finding and the number of the others."""
    findings = [check.finding for check in checks if not check.ok]
    if not findings:
        return "healthy" if checks else "too early to tell the health"
    others = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return findings[0] + others


def background(evidence: Evidence) -> Check | None:
    """Check that the images are bright on a black background: inputs that see nothing should not spike."""
    grey = evidence.grey
    if grey is None or "background" not in grey:  # too small to have a border
        return None
    inverted = grey["bright_borders"] > INVERTED
    measured = f"{grey['bright_borders']:.0%} of the images are bright along most of their border"
    if inverted:
        measured += f", and the mean grey value is {grey['mean']:.0f} of 255"
    else:
        measured += f", which has a grey value of {grey['background']:.0f} of 255"
    return Check(
        "background", measured, "below 5 %, and a grey value of 0",
        limit=f"{INVERTED:.0%}, or a grey value above {BACKGROUND}", window=OF_ALL,
    ).but_if(
        inverted, "the images look inverted",
        "they are dark on a bright background, where MNIST is bright on black: the inputs that spike are "
        "those of the background, which all images have in common",
        "the data: 255 minus each grey value",
    ).but_if(
        grey["background"] > BACKGROUND, "the background of the images is not black",
        "grey values do not begin at 0, so inputs spike where there is nothing to see",
        "the data: subtract the background, and let grey values span 0 to 255",
    )  # fmt: skip


def brightness(evidence: Evidence) -> Check | None:
    """Check that the images use the grey values up to 255: input rates are proportional to them."""
    grey = evidence.grey
    if grey is None:
        return None
    typical, largest = grey["brightest"], grey["largest"]
    measured = f"the largest grey value is {largest:.0f} of 255"
    if typical < BRIGHTEST <= largest:
        measured = f"half of the images have no grey value above {typical:.0f} of 255"
    factor = 255 / max(typical, 1)
    return Check(
        "brightness", measured, "200 to 255", limit=f"below {BRIGHTEST} in half of the images", window=OF_ALL
    ).but_if(
        typical < BRIGHTEST, "the images are dim",
        f"grey values do not span 0 to 255, so inputs spike {factor:.3g} times too rarely; values of 0 to "
        "1, or 0 to 16, may have been stored as whole numbers",
        f"the data: multiply grey values by {factor:.3g}",
    )  # fmt: skip


def time_step(evidence: Evidence) -> Check:
    """Check that conductances decay within several time steps, not within one.

    A spike counts for dt/(1 - exp(-dt/tau)) instead of tau, because exponential Euler holds the conductance
    during a step: 1.27 times as much at dt = tau/2, as in the authors' code, 1.58 times at tau, 5 times at
    5 tau. Explicit Euler loses the conductance within a step at tau, and makes it negative beyond. Measured
    (`paper-triplet-100`, digits twice, seed 1): 83 % right at tau/2, 9 % at tau, 22 % at 2 tau; at 5 tau the
    network falls silent.
    """
    p = evidence.params
    taus = {name: float(getattr(p, name)) for name in DECAYS}
    exceeded = [name for name in DECAYS if p.dt > COARSE * taus[name]] or [min(DECAYS, key=taus.__getitem__)]
    shortest = min(taus.values())
    against = " and ".join(f"{name} ({p.text(name)})" for name in exceeded)
    return Check(
        "time step", f"dt is {p.text('dt')}, against {against}", "up to half of the shortest time constant",
        limit=f"{COARSE:.0%} of it", window="the parameters",
    ).but_if(
        p.dt > COARSE * shortest, "the time step is too coarse",
        "conductances decay within a step, so a spike has a multiple of its effect",
        f"dt to {500 * shortest:.3g} ms or less",
    )  # fmt: skip


def duration(evidence: Evidence) -> Check | None:
    """Check that a finished training was long enough for homeostasis: while theta rises as at first, few neurons learn.

    How many images that takes depends on the rule, the threshold step and the lock-out more than on the number
    of neurons, so the rise of theta decides, and the images per neuron are only told. A training that goes on
    is not judged.
    """
    history, p = evidence.history, evidence.params
    if history is None or not len(history) or not 0 < evidence.asked_for <= evidence.images:
        return None
    theta, now, spread = history["theta_mean"], float(evidence.theta.mean()), float(evidence.theta.std())
    # The end of the first lock-out raises all thresholds at once, in the first image only
    theta = theta[1:] if p.lockout_exc > 0 and len(theta) > 1 else theta
    rise, late = now - float(theta[0]), now - float(theta[len(theta) // 2])
    if rise <= 0 or too_small_a_step(p):  # homeostasis itself is wrong, which others find
        return None
    per_neuron, enough = evidence.images / p.n_exc, evidence.images * max(TRAINED, 2 * spread) / rise
    linear = late >= STILL_RISING * rise
    begun = per_neuron < SETTLED and (rise < HARDLY_RISEN or (linear and spread > UNEVEN * rise))
    return Check(
        "duration",
        f"{per_neuron:.1f} images per neuron, theta has risen by {rise * 1e3:.1f} ± {spread * 1e3:.1f} mV, "
        f"{max(late / rise, 0):.0%} of that in the second half of the training",
        f"{TRAINED * 1e3:.0f} mV or more, 0 to 30 % of it in the second half",
        limit=f"below {RISEN * 1e3:.0f} mV with {STILL_RISING:.0%} of it in the second half; before "
        f"{SETTLED} images per neuron also below {HARDLY_RISEN * 1e3:.0f} mV, or ± more than {UNEVEN:.0%} "
        "of it",
        window=evidence.window(evidence.images),
    ).but_if(
        begun or (linear and rise < RISEN), "not trained long enough",
        "theta is still rising as fast as at first: neurons have not taken turns yet, and learned little",
        f"--samples or --epochs up (at this pace at least {float(f'{enough:.1g}'):,.0f} images)",
    )  # fmt: skip


def activity(evidence: Evidence) -> Check | None:
    """Check that the network responds to every image; an image without an answer stops the training."""
    history, p = evidence.history, evidence.params
    if history is None or not len(history):
        return None
    history = evidence.newest(history)
    measured = f"{history['spikes'].mean():.1f} spikes per image"
    usual = usual_spikes(p)
    check = Check(
        "activity", measured,
        f"{0.7 * usual:.0f} to {1.35 * usual:.0f} once theta has risen, up to 60 before",
        limit=f"an image with fewer than {p.min_spikes}, shown {p.max_attempts} times",
        window=evidence.window(),
    )  # fmt: skip
    if not evidence.unanswered:
        return check
    silent = (history["presentations"] >= p.max_attempts) & (history["spikes"] < p.min_spikes)
    first = int(np.argmax(silent))
    others = history[:first]
    measured += f", {history['spikes'][first]} for one that was shown {history['presentations'][first]} times"
    return check._replace(measured=measured).but_if(
        len(others) >= ENOUGH and others["presentations"].mean() <= 1 + RETRIES, "an image gets no answer",
        "it is much darker or emptier than the others",
        advice(p, "the data (leave it out)", up=["max_attempts"]),
    ).but_if(
        True, "the network is silent",
        "the input does not reach the threshold, or inhibition keeps everything down",
        advice(p, up=["weight_sum", "intensity_init"], down=["theta_init", "w_inh_exc"]),
    )  # fmt: skip


def drive(evidence: Evidence) -> Check | None:
    """Check that the input is strong enough, so that an image is rarely shown again."""
    if evidence.history is None:
        return None
    presentations = float(evidence.history["presentations"][-NEWEST:].mean())
    return Check(
        "input", f"{presentations:.2f} presentations per image", "1.00 to 1.15",
        limit=f"{1 + RETRIES:.2f}", window=evidence.window(),
    ).but_if(
        presentations > 1 + RETRIES, "the input is too weak",
        "weights or rates too small for the thresholds, or theta has run ahead of the weights",
        advice(evidence.params, up=["weight_sum", "intensity_init"], down=["theta_init", "theta_plus"]),
    )  # fmt: skip


def rates(evidence: Evidence) -> Check | None:
    """Check that neurons do not fire as fast as their refractory period lets them."""
    counts, p = evidence.counts, evidence.params
    if counts is None or p.refractory_exc <= 0:
        return None
    limit = p.t_stimulus / p.refractory_exc
    top = float(counts[-NEWEST:].max(axis=1).mean())
    measured = (
        f"the most active neuron spikes {top:.1f} times per image, {top / limit:.0%} of what its "
        "refractory period allows"
    )
    return Check(
        "rates", measured, "5 to 20 % once theta has risen, up to 65 % before", limit=f"{AT_LIMIT:.0%}",
        window=evidence.window(),
    ).but_if(
        top > AT_LIMIT * limit, "neurons fire at the refractory limit",
        "the input is too strong, or theta does not grow",
        advice(p, up=["theta_plus"], down=["weight_sum", "intensity_init"]),
    )  # fmt: skip


def inhibition(evidence: Evidence) -> Check | None:
    """Check that a winner keeps the others down, and not down for good."""
    counts, p = evidence.counts, evidence.params
    if counts is None or p.n_exc < FEW:
        return None
    n, counts = p.n_exc, evidence.newest(counts)
    active = float((counts > 0).sum(axis=1).mean())
    most = max(CROWD * n, min(CROWD_OF_FEW, CROWD_SHARE * n))
    # A network with one neuron that always wins has another fault, see `monopoly`
    several = n >= 20 and counts.sum(axis=0, dtype=np.int64).max() < MONOPOLY * counts.sum(dtype=np.int64)
    usual = usual_winners(p)
    fewest = min(STRANGLED, 0.5 * usual)
    return Check(
        "inhibition", f"{active:.1f} of {n} neurons spike per image",
        f"{0.6 * usual:.0f} to {1.6 * usual:.0f}",
        limit=f"{most:.0f}" + (f", below {fewest:.2g} once every neuron had its turn" if n >= 20 else ""),
        window=evidence.window(),
    ).but_if(
        active > most, "inhibition is absent or too weak",
        "excitatory spikes do not make their inhibitory partner spike, the sign is wrong, or "
        "inhibition is too short",
        advice(p, up=["w_exc_inh", "w_inh_exc", "tau_gi"]),
    ).but_if(
        evidence.settled and bool(several) and active < fewest, "inhibition strangles the competition",
        "the first spike silences all others for the rest of the image, so only one neuron learns from it",
        advice(p, down=["w_inh_exc", "tau_gi"]),
    )  # fmt: skip


def seizures(evidence: Evidence) -> Check | None:
    """Check that explicit Euler does not carry membranes past the reversal potential of inhibition."""
    history, p = evidence.history, evidence.params
    if history is None or p.integrator != "euler" or p.n_exc < FEW:
        return None
    spikes = evidence.newest(history)["spikes"]
    most, usual = int(spikes.max()), float(np.median(spikes))
    limit = RAVING * p.n_exc * p.t_stimulus / max(p.refractory_exc, p.dt)
    return Check(
        "seizures", f"up to {most:,} spikes in one image", f"below {10 * usual:,.0f}, 10 times the median",
        limit=f"{min(limit, max(OUTLIER * usual, p.n_exc)):,.0f}", window=evidence.window(),
    ).but_if(
        most > limit or most > max(OUTLIER * usual, p.n_exc), SEIZING[0], SEIZING[1], steadier(p)
    )  # fmt: skip


def monopoly(evidence: Evidence) -> Check | None:
    """Check that no neuron wins everything."""
    spikes, p = evidence.spikes, evidence.params
    if spikes is None or p.n_exc < FEW or not spikes.any():
        return None
    top = float(spikes.max() / spikes.sum())
    favourite = FAVOURITE / p.n_exc if p.n_exc > 2 * FAVOURITE else MONOPOLY
    limit = favourite if evidence.settled else MONOPOLY
    return Check(
        "monopoly", f"the most active neuron has {top:.1%} of the spikes",
        f"{1 / p.n_exc:.1%} to {2 / p.n_exc:.1%} once every neuron had its turn", limit=f"{limit:.1%}",
        window=evidence.window(evidence.spikes_of),
    ).but_if(
        top > limit, "one neuron takes all",
        "its threshold does not rise when it spikes: homeostasis is missing or too slow",
        advice(p, up=["theta_plus", "tau_theta"]),
    )  # fmt: skip


def dead(evidence: Evidence) -> Check | None:
    """Check that every neuron spikes now and then."""
    spikes, p = evidence.spikes, evidence.params
    if spikes is None or not evidence.settled or spikes.sum() < EXPECTED * spikes.size:
        return None
    never = int((spikes == 0).sum())
    measured = f"{never} of {spikes.size} neurons were silent for {evidence.spikes_of:,} images"
    return Check(
        "dead neurons", measured, "none", limit=f"{DEAD:.0%}", window=evidence.window(evidence.spikes_of)
    ).but_if(
        never > DEAD * spikes.size, "neurons are dead",
        "their threshold is out of reach, their weights are gone, or others win everything",
        advice(p, to={"normalise": "presentation"}, down=["theta_plus", "w_inh_exc", "eta_pre"]),
    )  # fmt: skip


def strengths(evidence: Evidence) -> Check:
    """Check that the weights of each neuron are neither gone nor at their bound."""
    w, p = evidence.weights, evidence.params
    sums, drawn = w.sum(axis=0), p.n_input * p.w_init_scale * (0.5 + p.w_init_offset)
    usual = p.weight_sum if p.normalise != "never" else drawn
    at_bound = (w >= 0.99 * p.w_max).mean(axis=0)
    measured = (
        f"weights of a neuron sum to {sums.mean():.1f} ± {sums.std():.1f}, {at_bound.mean():.0%} "
        "of them are at their bound"
    )
    normalised = p.normalise != "never"
    expected = (
        f"{usual:.0f}, 0 to 5 %" if normalised else f"{usual * 0.6:.0f} to {usual * 1.4:.0f}, 0 to 20 %"
    )
    return Check(
        "weights", measured, expected,
        limit=f"a sum below {COLLAPSED * usual:.0f}, or {SATURATED:.0%} at their bound, in {SOME:.0%} of the "
        "neurons",
        window=evidence.now,
    ).but_if(
        (sums < COLLAPSED * usual).mean() > SOME, "weights collapse to zero",
        "more depression than potentiation: neurons hardly spike, or the rates do not balance",
        advice(p, up=["eta_post", "weight_sum"], down=["eta_pre", "x_tar"]),
    ).but_if(
        (at_bound > SATURATED).mean() > SOME, "weights saturate",
        "more potentiation than depression, and nothing that bounds the sum",
        advice(
            p, to={"normalise": "presentation"}, up=["x_tar", "eta_pre"], down=["eta_post", "weight_sum"]
        ),
    )  # fmt: skip


def drift(evidence: Evidence) -> Check | None:
    """Check that normalisation holds the sum of the weights of each neuron."""
    p = evidence.params
    if p.normalise == "never":
        return None
    off = float(np.abs(evidence.weights.sum(axis=0) / p.weight_sum - 1).mean())
    return Check(
        "normalisation", f"sums are {off:.1%} off weight_sum", f"below {1 if p.n_exc >= 20 else 5} %",
        limit=f"{DRIFT:.0%}", window=evidence.now,
    ).but_if(
        off > DRIFT, "normalisation drifts",
        "weights change more between two normalisations than these can hold",
        advice(p, to={"normalise_every": "1", "normalise": "presentation"}, down=["eta_post"]),
    )  # fmt: skip


def specialisation(evidence: Evidence) -> Check | None:
    """Check that neurons have learned something, and not all the same."""
    w, p = evidence.weights, evidence.params
    if w.shape[1] < 2 or not evidence.settled:
        return None
    mean = w.mean(axis=0)
    contrast = float(np.median(w.std(axis=0)[mean > 0] / mean[mean > 0])) if mean.any() else 0.0
    drawn = 1 / np.sqrt(12) / (0.5 + p.w_init_offset)
    length = np.linalg.norm(w, axis=0)
    units = w[:, length > 0] / length[length > 0]
    n = max(units.shape[1], 2)
    alike = (float((units.sum(axis=1) ** 2).sum()) - n) / (n * (n - 1))
    usual = "1.4 to 2.0, likeness 0.55 to 0.85" if p.rule in TRIPLETS else "1.8 to 2.2, likeness 0.5 to 0.65"
    return Check(
        "specialisation",
        f"contrast of the weights {contrast:.2f} (drawn {drawn:.2f}), likeness of two neurons {alike:.2f}",
        f"contrast {usual}", limit=f"contrast below {CONTRAST * drawn:.2f}, likeness {ALIKE}",
        window=evidence.now,
    ).but_if(
        contrast < CONTRAST * drawn, "neurons do not specialise",
        "nothing is learned: learning rates too small, traces gone before the spike, or too few spikes of "
        "the winner for a triplet rule, which learns from the second on (inhibition too weak, or of the own "
        "source)",
        advice(p, to={"self_inhibition": "false"}, up=["eta_post", "eta_pre", "tau_pre", "w_inh_exc"]),
    ).but_if(
        alike > ALIKE, "neurons learn all the same",
        "they spike together, so they see the same images",
        advice(p, up=["w_exc_inh", "w_inh_exc", "theta_plus"]),
    )  # fmt: skip


def thresholds(evidence: Evidence) -> Check:
    """Check that theta follows the spikes, and leaves room for more."""
    theta, p = evidence.theta, evidence.params
    room = p.e_exc - (p.v_thresh_exc - p.theta_offset + theta)
    measured = (
        f"theta {theta.mean() * 1e3:.1f} ± {theta.std() * 1e3:.1f} mV, {room.min() * 1e3:.1f} mV "
        "below what excitation can reach"
    )
    usual = "35 to 55" if p.rule in TRIPLETS else "45 to 62"
    return Check(
        "theta", measured, f"{usual} mV after a pass over MNIST, ± 0.5 mV or more, at least 8 mV below",
        limit=f"less than {HEADROOM * 1e3:.0f} mV below for {DEAD:.0%} of the neurons, "
        f"± {FROZEN * 1e3:.3f} mV",
        window=evidence.now,
    ).but_if(
        (room < HEADROOM).mean() > DEAD, "theta has run away",
        "thresholds rise faster than they decay: too many spikes, or too large a step; such neurons "
        "cannot spike any more",
        advice(p, up=["w_inh_exc"], down=["theta_plus", "theta_init", "weight_sum"]),
    ).but_if(
        p.n_exc > 1 and theta.std() < FROZEN, "theta is frozen",
        "spikes do not raise the threshold: no homeostasis",
        advice(p, up=["theta_plus"]),
    )  # fmt: skip


def learning(evidence: Evidence) -> Check | None:
    """Check that the accuracy during training is above chance: the last window, with labels from the one before."""
    history, windows, n_exc = evidence.history, evidence.windows, evidence.params.n_exc
    if history is None or windows is None or not len(windows) or not evidence.settled:
        return None
    if evidence.images < LEARNED * n_exc:
        return None
    end, right, images = (int(value) for value in windows[-1])
    now, before = history["label"][end - images : end], history["label"][end - 2 * images : end - images]
    classes, sizes = np.unique(now, return_counts=True)
    if not np.array_equal(classes, np.unique(before)):  # sorted by class: the labels are of other images
        return None
    check = above_chance(
        right / images, images, len(classes), neurons=n_exc, largest=float(sizes.max() / images)
    )
    window = f"images {end - images + 1:,} to {end:,} of the training, with labels from the {images:,} before"
    return check._replace(name="accuracy in training", window=window)


Look = Callable[[Evidence], Check | None]
"""What looks at one thing; None if the evidence does not tell."""

FORESEEN: tuple[Look, ...] = (background, brightness, time_step)
"""What is known before the first image is shown."""

CHECKS: tuple[Look, ...] = (
    *FORESEEN, duration, seizures, drift, strengths, inhibition, thresholds, rates, monopoly, drive, activity,
    dead, specialisation, learning,
)  # fmt: skip
"""Causes before consequences."""

CAUSES: dict[str, tuple[str, ...]] = {
    "the images look inverted": (),
    "the background of the images is not black": (),
    "the images are dim": (),
    "the time step is too coarse": (),
    "not trained long enough": ("rates", "monopoly", "dead neurons", "specialisation", "inhibition"),
}
"""Findings that others follow from, and the checks of these: all where none is named."""


def examine(evidence: Evidence, looks: Sequence[Look] = CHECKS) -> list[Check]:
    """Return every check that the evidence allows, causes before consequences.

    After too few images there are none, but for findings that were to be foreseen before the first.
    """
    found = [look(evidence) for look in looks if evidence.enough or look in FORESEEN]
    checks = [check for check in found if check is not None and (evidence.enough or not check.ok)]
    return consequences(checks)


def consequences(checks: list[Check]) -> list[Check]:
    """Return the checks, where findings that follow from another one say so, and advise to mend that first."""
    causes = [check.finding for check in checks if check.finding in CAUSES]
    named = []
    for check in checks:
        first = next((one for one in causes if not CAUSES[one] or check.name in CAUSES[one]), None)
        if first and not check.ok and check.finding not in CAUSES:
            check = check._replace(
                causes=f"probably because of what comes first ({first}); if not, {check.causes}",
                change=f"that first; if it does not help, {check.change}",
            )
        named.append(check)
    return named


def foreseen(params: Params, grey: Mapping[str, float]) -> list[Check]:
    """Return what is wrong before a training has begun: of its images (`datasets.grey_values`) and parameters."""
    nothing = np.zeros(0)
    found = [look(Evidence(params, 0, nothing, nothing, grey=grey)) for look in FORESEEN]
    return [check for check in found if check is not None and not check.ok]


def usual_spikes(p: Params) -> float:
    """Return the spikes per image that healthy networks of this size and rule have once theta has risen.

    Fitted to docs/results.md: triplet 14, 20, 22, 27 with 100, 400, 1600 and 6400 neurons; the other rules,
    whose weights are not normalised, 18, 25, 31, 32.
    """
    return float((20 if p.rule in TRIPLETS else 25) * (p.n_exc / 400) ** 0.15)


def usual_winners(p: Params) -> float:
    """Return the neurons that spike per image in healthy networks of this size and rule.

    Fitted to the same networks: triplet 5, 7, 17 of 100, 400, 6400; the other rules 9 to 11 of 400, 23 of 6400.
    """
    return float((7.3 if p.rule in TRIPLETS else 9.5) * (p.n_exc / 400) ** 0.3)


def steadier(p: Params) -> str:
    """Return the advice against an integration that is unstable."""
    return advice(p, to={"integrator": "exponential_euler"}, down=["dt"])


STOPPED = {"limit": "a training that stops by itself", "window": "the newest images"}


def unanswered(message: str) -> Check:
    """Return what there is to say of a training that stopped because an image got no answer."""
    return Check(
        "training", message, "runs to its end", "the training stopped", "the network fell silent",
        "what the other findings say", **STOPPED
    )  # fmt: skip


def unstable(message: str, params: Params) -> Check:
    """Return what there is to say of a training that stopped because the integration failed."""
    return Check("seizures", message, "none", SEIZING[0], SEIZING[1], steadier(params), **STOPPED)


def labelling(
    neurons_per_class: list[int], classes: list[int], n_exc: int, names: Sequence[str] | None = None
) -> Check:
    """Return whether every class among the labelling images has neurons; `n_exc` are labelled or not.

    `names` are those of all classes, by default their numbers.
    """
    numbers = {c: neurons_per_class[c] for c in classes}
    empty = [names[c] if names else str(c) for c, number in numbers.items() if number == 0]
    measured = f"{min(numbers.values())} to {max(numbers.values())} neurons per class"
    if empty:
        measured = f"no neuron for class {', '.join(empty)}"
    few = n_exc < len(classes)
    mean = n_exc / max(len(classes), 1)
    usual = "1 for each" if mean < 1.5 else f"{0.5 * mean:.0f} to {1.6 * mean:.0f} for each"
    neurons = "1 neuron" if n_exc == 1 else f"{n_exc} neurons"
    return Check(
        "classes", measured, usual,
        limit="none for a class", window="all images of the labelling",
    ).but_if(
        bool(empty), "classes have no neurons",
        f"{neurons} cannot stand for {len(classes)} classes" if few
        else "too few neurons or images for so many classes, or one class looks like another to the network",
        f"--n-exc up from {n_exc}" if few else f"--epochs up, or --n-exc up from {n_exc}",
    )  # fmt: skip


def answering(silent: int, spikes: int, n_exc: int) -> Check | None:
    """Check that most neurons spike in the labelling; None if there were too few spikes to go round.

    Parameters
    ----------
    silent
        Neurons without a spike.
    spikes
        Of all neurons in the labelling.
    n_exc
        All neurons.
    """
    if n_exc < FEW or spikes < EXPECTED * n_exc:
        return None
    return Check(
        "silent neurons", f"{silent} of {n_exc} neurons do not spike, and so have no label",
        "none, up to 5 %", limit=f"{MUTE:.0%}", window="all images of the labelling",
    ).but_if(
        silent > MUTE * n_exc, "most neurons are silent",
        "the training was too short for every neuron to have its turn, so a few answer all images",
        "--samples or --epochs of the training up",
    )  # fmt: skip


def chance(n_classes: int, largest: float = 0.0) -> float:
    """Return the share that guessing gets right: any of the classes, or always the largest, which has that share."""
    return max(1 / max(n_classes, 1), largest)


def above_chance(
    accuracy: float, images: int, n_classes: int, *, neurons: int | None = None, largest: float = 0.0
) -> Check:
    """Return whether an accuracy is well above what guessing gets; few images tell nothing.

    Two things are asked for. The lower end of the 95 % interval must lie above chance, or luck explains the
    accuracy. And the accuracy must have come at least a quarter of the way from chance to what is possible
    (Cohen's kappa of 0.25, 32.5 % for ten classes of one size): with many images the interval alone would call
    11 % healthy. A quarter, because healthy networks have gone 0.7 of the way after 3,000 images and 0.9 in the
    end, a network of 400 neurons that adapts its thresholds but learns no weights 0.5 (docs/readouts.md), and
    one that was not trained long enough 0.05.

    Parameters
    ----------
    accuracy, images
        Share of so many images.
    n_classes
        Classes among the images.
    neurons
        Neurons of the network: fewer than classes cannot tell all of these.
    largest
        Share of the largest class, which naming always the same class gets right.
    """
    low, _ = wilson(round(accuracy * images), images)
    guessed = chance(n_classes, largest)
    told = min(n_classes if neurons is None else neurons, n_classes)
    limit = guessed + WELL_ABOVE * (1 - guessed) * (told - 1) / max(n_classes - 1, 1)
    usual = "80 to 95 % on MNIST, with 100 to 6400 neurons"
    if n_classes < 10:
        usual = "more than on the ten classes of MNIST (80 to 95 %)"
    if told < n_classes:
        usual = f"up to {told / n_classes:.0%}, because {told} of {n_classes} classes have a neuron at most"
    judged = told > 1 and images >= ENOUGH
    return Check(
        "test accuracy", f"{accuracy:.1%} of {images:,} images right", usual,
        limit=f"{limit:.1%}; chance is {guessed:.1%}", window="all images of the test",
    ).but_if(
        judged and low <= guessed, "the accuracy is at chance",
        "the network has not learned, or images and labels do not belong together",
        "what the other findings say; else look at the data",
    ).but_if(
        judged and accuracy < limit, "the accuracy is hardly above chance",
        "the network has begun to learn, or only some of its neurons have, or many labels are wrong",
        "what the other findings say; else --epochs or --samples up, then look at the data",
    )  # fmt: skip
