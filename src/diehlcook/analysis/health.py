"""Is the network alive, competing, learning? What training, labelling and testing recorded, against what is normal; NumPy only.

A check says what was measured and what is normal; one that fails also what it is called, what is likely to
cause it, and which parameter to change. The limits lie well outside of what healthy networks show, and well
inside of what broken ones do: docs/health.md has the figures of both, and tests/test_health.py breaks a
network on purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import DiehlCookError
from ..model.params import Params
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

RETRIES = 0.5
AT_LIMIT = 0.75
CROWD, CROWD_OF_FEW, CROWD_SHARE = 0.1, 25, 0.6
STRANGLED = 2.0
MONOPOLY, FAVOURITE = 0.5, 10.0
DEAD, EXPECTED = 0.05, 10
COLLAPSED, SATURATED, SOME = 0.15, 0.5, 0.02
DRIFT = 0.1
CONTRAST = 1.25
ALIKE = 0.9
HEADROOM = 6e-3
FROZEN = 1e-6
RAVING, OUTLIER = 0.25, 20.0

SEIZING = (
    "the membrane equation is unstable (a seizure)",
    "many inhibitory spikes in one step, and explicit Euler overshoots the reversal potential of inhibition",
    "integrator to exponential_euler, or dt down",
)
"""Finding, causes and change, whether the network goes on like this or the training was stopped."""


class Check(NamedTuple):
    """One thing that was looked at; `finding`, `causes` and `change` are empty if it is as it should be."""

    name: str
    measured: str
    normal: str
    finding: str = ""
    causes: str = ""
    change: str = ""

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
        return f"{self.finding}: {self.measured} (normal: {self.normal}); {self.causes}; change {self.change}"


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

    @property
    def enough(self) -> bool:
        """Whether there are images enough to say anything; if training stopped, any number is."""
        return self.elsewhere or self.images >= (1 if self.unanswered else ENOUGH)

    @property
    def settled(self) -> bool:
        """Whether every neuron had its turn, so that competition can be judged."""
        return self.elsewhere or self.images >= SETTLED * self.params.n_exc


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


def activity(evidence: Evidence) -> Check | None:
    """Check that the network responds to every image; an image without an answer stops the training."""
    history, p = evidence.history, evidence.params
    if history is None or not len(history):
        return None
    history = history[-NEWEST:]
    measured = f"{history['spikes'].mean():.1f} spikes per image"
    normal = f"15 to 60, at least {p.min_spikes}"
    if not evidence.unanswered:
        return Check("activity", measured, normal)
    silent = (history["presentations"] >= p.max_attempts) & (history["spikes"] < p.min_spikes)
    first = int(np.argmax(silent))
    others = history[:first]
    measured += f", {history['spikes'][first]} for one that was shown {history['presentations'][first]} times"
    return Check("activity", measured, normal).but_if(
        len(others) >= ENOUGH and others["presentations"].mean() <= 1 + RETRIES, "an image gets no answer",
        "it is much darker or emptier than the others",
        "the data (leave it out), or max_attempts up",
    ).but_if(
        True, "the network is silent",
        "the input does not reach the threshold, or inhibition keeps everything down",
        "weight_sum or intensity_init up, theta_init or w_inh_exc down",
    )  # fmt: skip


def drive(evidence: Evidence) -> Check | None:
    """Check that the input is strong enough, so that an image is rarely shown again."""
    if evidence.history is None:
        return None
    presentations = float(evidence.history["presentations"][-NEWEST:].mean())
    return Check("input", f"{presentations:.2f} presentations per image", "1.00 to 1.10").but_if(
        presentations > 1 + RETRIES, "the input is too weak",
        "weights or rates too small for the thresholds, or theta has run ahead of the weights",
        "weight_sum or intensity_init up, theta_init or theta_plus down",
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
    return Check("rates", measured, "up to 50 % at first, 5 to 10 % once theta has grown").but_if(
        top > AT_LIMIT * limit, "neurons fire at the refractory limit",
        "the input is too strong, or theta does not grow",
        "weight_sum or intensity_init down, theta_plus up",
    )  # fmt: skip


def inhibition(evidence: Evidence) -> Check | None:
    """Check that a winner keeps the others down, and not down for good."""
    counts, n = evidence.counts, evidence.params.n_exc
    if counts is None or n < FEW:
        return None
    counts = counts[-NEWEST:]
    active = float((counts > 0).sum(axis=1).mean())
    most = max(CROWD * n, min(CROWD_OF_FEW, CROWD_SHARE * n))
    # A network with one neuron that always wins has another fault, see `monopoly`
    several = n >= 20 and counts.sum(axis=0, dtype=np.int64).max() < MONOPOLY * counts.sum(dtype=np.int64)
    return Check(
        "inhibition", f"{active:.1f} of {n} neurons spike per image",
        f"up to {most:.0f}, at 400 neurons 7 to 10",
    ).but_if(
        active > most, "inhibition is absent or too weak",
        "excitatory spikes do not make their inhibitory partner spike, the sign is wrong, or "
        "inhibition is too short",
        "w_exc_inh (10.4) or w_inh_exc (17) up",
    ).but_if(
        evidence.settled and bool(several) and active < STRANGLED, "inhibition strangles the competition",
        "the first spike silences all others for the rest of the image, so only one neuron learns from it",
        "w_inh_exc (17) or tau_gi (2 ms) down",
    )  # fmt: skip


def seizures(evidence: Evidence) -> Check | None:
    """Check that explicit Euler does not carry membranes past the reversal potential of inhibition."""
    history, p = evidence.history, evidence.params
    if history is None or p.integrator != "euler" or p.n_exc < FEW:
        return None
    spikes = history["spikes"][-NEWEST:]
    # The lock-out from the start ends for all neurons at once: they may spike together, once
    if p.lockout_exc > 0 and len(spikes) == evidence.images > 1:
        spikes = spikes[1:]
    most, usual = int(spikes.max()), float(np.median(spikes))
    limit = RAVING * p.n_exc * p.t_stimulus / max(p.refractory_exc, p.dt)
    return Check("seizures", f"up to {most:,} spikes in one image", "below 10 times the median").but_if(
        most > limit or most > max(OUTLIER * usual, p.n_exc), *SEIZING
    )


def monopoly(evidence: Evidence) -> Check | None:
    """Check that no neuron wins everything."""
    spikes, n = evidence.spikes, evidence.params.n_exc
    if spikes is None or n < FEW or not spikes.any():
        return None
    top = float(spikes.max() / spikes.sum())
    favourite = FAVOURITE / n if n > 2 * FAVOURITE else MONOPOLY
    return Check(
        "monopoly", f"the most active neuron has {top:.1%} of the spikes",
        f"below {favourite:.1%}, once every neuron had its turn",
    ).but_if(
        top > (favourite if evidence.settled else MONOPOLY), "one neuron takes all",
        "its threshold does not rise when it spikes: homeostasis is missing or too slow",
        "theta_plus (0.05 mV at 400 neurons) up, tau_theta (10,000 s) up",
    )  # fmt: skip


def dead(evidence: Evidence) -> Check | None:
    """Check that every neuron spikes now and then."""
    spikes = evidence.spikes
    if spikes is None or not evidence.settled or spikes.sum() < EXPECTED * spikes.size:
        return None
    never = int((spikes == 0).sum())
    measured = f"{never} of {spikes.size} neurons were silent for {evidence.spikes_of:,} images"
    return Check("dead neurons", measured, "none").but_if(
        never > DEAD * spikes.size, "neurons are dead",
        "their threshold is out of reach, their weights are gone, or others win everything",
        "theta_plus, w_inh_exc or eta_pre down, normalise to presentation",
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
    expected = f"{usual:.0f}" if p.normalise != "never" else f"{usual / 4:.0f} to {usual * 2:.0f}"
    return Check("weights", measured, f"a sum of {expected}").but_if(
        (sums < COLLAPSED * usual).mean() > SOME, "weights collapse to zero",
        "more depression than potentiation: neurons hardly spike, or the rates do not balance",
        "eta_pre or x_tar down, eta_post up, weight_sum up",
    ).but_if(
        (at_bound > SATURATED).mean() > SOME, "weights saturate",
        "more potentiation than depression, and nothing that bounds the sum",
        "eta_post down, x_tar or eta_pre up, normalise to presentation, weight_sum down",
    )  # fmt: skip


def drift(evidence: Evidence) -> Check | None:
    """Check that normalisation holds the sum of the weights of each neuron."""
    if evidence.params.normalise == "never":
        return None
    off = float(np.abs(evidence.weights.sum(axis=0) / evidence.params.weight_sum - 1).mean())
    return Check("normalisation", f"sums are {off:.1%} off weight_sum", "below 5 %").but_if(
        off > DRIFT, "normalisation drifts",
        "weights change more between two normalisations than these can hold",
        "normalise_every to 1, normalise to presentation, eta_post down",
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
    return Check(
        "specialisation",
        f"contrast of the weights {contrast:.2f} (drawn {drawn:.2f}), likeness of two neurons {alike:.2f}",
        "contrast 1.4 to 2.2, likeness 0.5 to 0.7",
    ).but_if(
        contrast < CONTRAST * drawn, "neurons do not specialise",
        "nothing is learned: learning rates too small, traces gone before the spike, or too few spikes of "
        "the winner for a triplet rule, which learns from the second on (inhibition too weak, or of the own "
        "source)",
        "eta_post (and eta_pre) up, tau_pre up, w_inh_exc (17) up, self_inhibition to false",
    ).but_if(
        alike > ALIKE, "neurons learn all the same",
        "they spike together, so they see the same images",
        "w_inh_exc up, theta_plus up",
    )  # fmt: skip


def thresholds(evidence: Evidence) -> Check:
    """Check that theta follows the spikes, and leaves room for more."""
    theta, p = evidence.theta, evidence.params
    room = p.e_exc - (p.v_thresh_exc - p.theta_offset + theta)
    measured = (
        f"theta {theta.mean() * 1e3:.1f} ± {theta.std() * 1e3:.1f} mV, {room.min() * 1e3:.1f} mV "
        "below what excitation can reach"
    )
    return Check("theta", measured, "at least 9 mV below, ± 1 mV or more between neurons").but_if(
        (room < HEADROOM).mean() > DEAD, "theta has run away",
        "thresholds rise faster than they decay: too many spikes, or too large a step; such neurons "
        "cannot spike any more",
        "theta_plus down, w_inh_exc up, weight_sum down",
    ).but_if(
        p.n_exc > 1 and theta.std() < FROZEN, "theta is frozen",
        "spikes do not raise the threshold: no homeostasis",
        "theta_plus (0.05 mV at 400 neurons) up",
    )  # fmt: skip


def learning(evidence: Evidence) -> Check | None:
    """Check that the accuracy during training is above chance: the last window, with labels from the one before."""
    history, windows, n_exc = evidence.history, evidence.windows, evidence.params.n_exc
    if history is None or windows is None or not len(windows) or evidence.images < LEARNED * n_exc:
        return None
    end, right, images = (int(value) for value in windows[-1])
    now, before = history["label"][end - images : end], history["label"][end - 2 * images : end - images]
    classes = np.unique(now)
    if not np.array_equal(classes, np.unique(before)):  # sorted by class: the labels are of other images
        return None
    return above_chance(right / images, images, len(classes))


Look = Callable[[Evidence], Check | None]
"""What looks at one thing; None if the evidence does not tell."""

CHECKS: tuple[Look, ...] = (
    seizures, drift, strengths, inhibition, thresholds, rates, monopoly, drive, activity, dead,
    specialisation, learning,
)  # fmt: skip
"""Causes before consequences."""


def examine(evidence: Evidence, looks: Sequence[Look] = CHECKS) -> list[Check]:
    """Return every check that the evidence allows, causes before consequences; none after too few images."""
    found = [look(evidence) for look in looks] if evidence.enough else []
    return [check for check in found if check is not None]


def unanswered(message: str) -> Check:
    """Return what there is to say of a training that stopped because an image got no answer."""
    return Check(
        "training", message, "runs to its end", "the training stopped", "the network fell silent",
        "what the other findings say"
    )  # fmt: skip


def unstable(message: str) -> Check:
    """Return what there is to say of a training that stopped because the integration failed."""
    return Check("seizures", message, "none", *SEIZING)


def labelling(neurons_per_class: list[int], classes: list[int]) -> Check:
    """Return whether every class among the labelling images has neurons."""
    numbers = {c: neurons_per_class[c] for c in classes}
    empty = [str(c) for c, number in numbers.items() if number == 0]
    measured = f"{min(numbers.values())} to {max(numbers.values())} neurons per class"
    if empty:
        measured = f"no neuron for class {', '.join(empty)}"
    return Check("classes", measured, "at least 1 for each").but_if(
        bool(empty), "classes have no neurons",
        "too few neurons or images for so many classes, or one class looks like another to the network",
        "--n-exc or --epochs up",
    )  # fmt: skip


def above_chance(accuracy: float, images: int, n_classes: int) -> Check:
    """Return whether an accuracy is better than guessing, by the lower end of its 95 % interval; few images tell nothing."""
    low, _ = wilson(round(accuracy * images), images)
    chance = 1 / max(n_classes, 1)
    measured, normal = f"{accuracy:.1%} of {images:,} images right", f"well above {chance:.0%}"
    return Check("accuracy", measured, normal).but_if(
        n_classes > 1 and images >= ENOUGH and low <= chance, "the accuracy is at chance",
        "the network has not learned, or images and labels do not belong together",
        "what the other findings say; else look at the data",
    )  # fmt: skip
