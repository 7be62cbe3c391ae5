"""Break a healthy network on purpose, one fault at a time, and see what the health check says; fill docs/health.md.

    python scripts/studies/faults.py             # a minute; embedded digits, no download
    python scripts/studies/faults.py --page      # and write the table into docs/health.md

The healthy network: 50 neurons, preset paper-triplet-100, the embedded training digits twice.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pages import put, table

from diehlcook.analysis import health
from diehlcook.analysis.history import examine_run
from diehlcook.data.datasets import Dataset, load
from diehlcook.errors import DiehlCookError
from diehlcook.model.params import Params, load_preset
from diehlcook.phases.observe import observe
from diehlcook.phases.test import test
from diehlcook.phases.train import train
from diehlcook.runs.run import load_run

PAGE = Path(__file__).parents[2] / "docs" / "health.md"

EPOCHS = 2
SEED = 1


def same(data: Dataset) -> Dataset:
    """Return the data as they are."""
    return data


def shuffled(data: Dataset) -> Dataset:
    """Return the data with labels that belong to other images."""
    return replace(data, labels=np.random.default_rng(0).permutation(data.labels))


def one_dark(data: Dataset) -> Dataset:
    """Return the data with a nearly black image among them."""
    images = data.images.copy()
    images[700] = 0
    images[700, 14, 14] = 1
    return replace(data, images=images)


def inverted(data: Dataset) -> Dataset:
    """Return the data as dark digits on a bright background."""
    return replace(data, images=255 - data.images)


def veiled(data: Dataset) -> Dataset:
    """Return the data on a grey background."""
    return replace(data, images=(60 + data.images.astype(np.uint16) * 195 // 255).astype(np.uint8))


def binary(data: Dataset) -> Dataset:
    """Return the data with grey values of 0 and 1."""
    return replace(data, images=(data.images > 127).astype(np.uint8))


def few(data: Dataset) -> Dataset:
    """Return the first 300 images."""
    return data.head(300)


class Fault(NamedTuple):
    """A fault that is injected, and what has to be found."""

    what: str
    findings: tuple[str, ...]
    settings: dict[str, str] = {}  # noqa: RUF012 - of a NamedTuple, and never changed
    spoil: Callable[[Dataset], Dataset] = same
    phases: int = 1
    """1: train; 2: and label; 3: and test."""


FAULTS = (
    Fault("dark digits on a bright background", ("the images look inverted",), spoil=inverted),
    Fault("digits on a grey background", ("the background of the images is not black",), spoil=veiled),
    Fault("grey values of 0 and 1", ("the images are dim",), spoil=binary),
    Fault("a step of 5 ms", ("the time step is too coarse",), {"dt": "5 ms", "refractory_inh": "5 ms"}),
    Fault("a step of 1 ms, which is tau_ge", ("the time step is too coarse",), {"dt": "1 ms"}),
    Fault(
        "123 neurons, 300 images twice",
        ("not trained long enough", "most neurons are silent"),
        {"n_exc": "123", "theta_plus": "0.015375 mV"},
        spoil=few,
        phases=3,
    ),
    Fault("an image of one dim pixel", ("an image gets no answer", "the training stopped"), spoil=one_dark),
    Fault("thresholds out of reach from the start", ("the network is silent",), {"theta_init": "70 mV"}),
    Fault("hardly any light", ("the input is too weak",), {"intensity_init": "0.1"}),
    Fault(
        "ten times the light, thresholds hardly rise",
        ("neurons fire at the refractory limit", "the accuracy is hardly above chance"),
        {"intensity_init": "20", "theta_plus": "0.001 mV"},
    ),
    Fault(
        "excitatory neurons do not reach their inhibitory partners",
        ("inhibition is absent or too weak",),
        {"w_exc_inh": "1"},
    ),
    Fault(
        "inhibition lasts 200 ms instead of 2",
        ("inhibition strangles the competition",),
        {"tau_gi": "200 ms"},
    ),
    Fault(
        "no homeostasis",
        ("theta is frozen", "one neuron takes all", "neurons are dead"),
        {"theta_plus": "0 mV"},
    ),
    Fault("a threshold step 200 times too large", ("theta has run away",), {"theta_plus": "5 mV"}),
    Fault(
        "x_tar of the power-law rule out of reach",
        ("weights collapse to zero",),
        {"rule": "power-law", "x_tar": "5", "eta_post": "0.01", "normalise": "never"},
    ),
    Fault(
        "x_tar of the power-law rule with the wrong sign",
        ("weights saturate",),
        {"rule": "power-law", "x_tar": "-0.4", "eta_post": "0.01", "normalise": "never"},
    ),
    Fault("no learning", ("neurons do not specialise",), {"eta_pre": "0", "eta_post": "0"}),
    Fault(
        "no inhibition, thresholds hardly rise",
        ("neurons learn all the same",),
        {"w_exc_inh": "1", "theta_plus": "0.001 mV"},
    ),
    Fault("normalised every 10,000 images", ("normalisation drifts",), {"normalise_every": "10000"}),
    Fault(
        "explicit Euler, inhibition ten times as strong",
        ("the membrane equation is unstable (a seizure)",),
        {"integrator": "euler", "w_inh_exc": "170"},
    ),
    Fault("inhibition reaches its own source", ("neurons do not specialise",), {"self_inhibition": "true"}),
    Fault(
        "5 neurons for 10 classes",
        ("classes have no neurons",),
        {"n_exc": "5", "theta_plus": "0.0025 mV"},
        phases=2,
    ),
    Fault("labels of other images", ("the accuracy is at chance",), spoil=shuffled, phases=3),
)


def healthy() -> Params:
    """Return the parameters of the network before it is broken."""
    return load_preset("paper-triplet-100").with_values({"n_exc": 50})


def examine(fault: Fault | None, folder: Path) -> list[health.Check]:
    """Train (label, test) a network with a fault, or without, and return what the health check says."""
    params = healthy().with_values(fault.settings if fault else {})
    data = (fault.spoil if fault else same)(load("digits", "train"))
    phases = fault.phases if fault else 3
    try:
        run = train(folder, data, params, preset="custom", seed=SEED, epochs=EPOCHS, engine="fused")
        if phases > 1:
            observe(run, data, engine="fused")
        if phases > 2:
            test(run, load("digits", "test"), engine="fused")
    except DiehlCookError:  # some faults stop the training, which is recorded
        pass
    return examine_run(load_run(folder))


def main() -> int:
    """Run all, and write the table if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", action="store_true", help="write the table into docs/health.md")
    options = parser.parse_args()
    rows, missed = [], 0
    for fault in (None, *FAULTS):
        with tempfile.TemporaryDirectory() as folder:
            checks = examine(fault, Path(folder))
        wanted = fault.findings if fault else ()
        findings = {check.finding: check.measured.replace(folder, "RUN") for check in checks if not check.ok}
        missed += len(set(wanted) - set(findings)) if fault else len(findings)
        cells = (
            fault.what if fault else "nothing",
            ", ".join(f"{name} = {value}" for name, value in fault.settings.items()) if fault else "",
            "; ".join(f"{name}: {findings.get(name, 'MISSED')}" for name in wanted)
            or f"{len(findings)} findings in {len(checks)} checks",
            ", ".join(name for name in findings if name not in wanted),
        )
        rows.append(cells)
        print(" | ".join(cells), flush=True)
    if options.page:
        put(PAGE, "faults.py", table("| fault | change | found | besides |", rows))
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
