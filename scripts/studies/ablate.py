"""Measure what each deviation does, one at a time, on training images alone; fill the measured table of docs/deviations.md.

    snakemake --profile scripts/workflow/profiles/local --snakefile scripts/workflow/trials.smk   # run what
    is missing
    python scripts/studies/ablate.py             # write the table from docs/ablations.csv and from rows that
    are not in it yet

Each row is the preset diehl-cook-2015, which follows the authors' public code, with one change: 400 neurons,
the first 20,000 MNIST training images, labels from the first 10,000, judged by 5,000 training images that it
has not seen; two seeds, each compared with the same seed without the change. The items are those of
docs/deviations.md.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import NamedTuple

from held_out import Outcome, Trial, gather, told
from pages import put

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
TABLE, PAGE = DOCS / "ablations.csv", DOCS / "deviations.md"
ROWS = ROOT / "data" / "runs" / "trials" / "ablate"

SEEDS = (1, 2)
LABEL = 10_000


class Ablation(NamedTuple):
    """One change to `diehl-cook-2015`, or another preset."""

    item: str
    """Number in docs/deviations.md."""
    what: str
    settings: str = ""
    label: int = LABEL
    """Labelling images; 0: the images that judge, labelled and judged by the same responses."""
    preset: str = "diehl-cook-2015"
    images: int = 20_000


ABLATIONS = (
    Ablation("", "nothing: `diehl-cook-2015`"),
    Ablation("1", "time step 0.25 ms", "dt=0.25 ms"),
    Ablation("1", "time step 0.1 ms", "dt=0.1 ms"),
    Ablation("2, 3", "explicit Euler", "integrator=euler"),
    Ablation("2, 3", "explicit Euler, time step 0.1 ms", "integrator=euler; dt=0.1 ms"),
    Ablation("7", "v held while refractory", "clamp_exc=true"),
    Ablation("8", "50 ms lock-out", "lockout_exc=50 ms"),
    Ablation("7, 8", "v held and 50 ms lock-out, as in the ports", "clamp_exc=true; lockout_exc=50 ms"),
    Ablation("9", "initial v at rest", "v_init_offset=0 mV"),
    Ablation("10", "theta starts at 10 mV", "theta_init=10 mV"),
    Ablation("10", "no offset of the threshold (theta starts at 0)", "theta_init=0 mV; theta_offset=0 mV"),
    Ablation("11", "inhibition reaches its own source too", "self_inhibition=true"),
    Ablation("12", "inhibition 10 instead of 17", "w_inh_exc=10"),
    Ablation("12", "inhibition 1.7", "w_inh_exc=1.7"),
    Ablation("10, 12", "inhibition 10, theta starts at 10 mV", "w_inh_exc=10; theta_init=10 mV"),
    Ablation("12", "excitatory to inhibitory 1 instead of 10.4: no inhibition", "w_exc_inh=1"),
    Ablation("13", "no delays", "delay_min=0 ms; delay_max=0 ms"),
    Ablation("13", "delays 3–20 ms", "delay_min=3 ms; delay_max=20 ms"),
    Ablation("14", "delays drawn again for labels and tests", "redraw_delays=true"),
    Ablation("19", "sign of depression flipped", "eta_pre=-1e-4"),
    Ablation("20", "traces add up", "pairing=all-to-all"),
    Ablation("27", "slow trace leaks by the fast one", "rule=triplet-100n"),
    Ablation("28", "no depression", "eta_pre=0"),
    Ablation("29", "no normalisation", "normalise=never"),
    Ablation("30", "normalised once per image", "normalise=image"),
    Ablation("30", "normalised every 20th image", "normalise_every=20"),
    Ablation("32", "column sum 78.4", "weight_sum=78.4"),
    Ablation("34", "repeats brighter by 32 Hz", "intensity_step=1.003922"),
    Ablation("35", "spikes of the 350 ms only", "count_rest=false"),
    Ablation("38", "10 Hz noise on every input", "noise_rate=10 Hz"),
    Ablation("39", "trained on 5,000 images", images=5_000),
    Ablation("41", "labels from the images that judge", label=0),
    Ablation("44", "labels from 2,000 images", label=2_000),
    Ablation("54", "theta step of the script for 100 neurons, 0.025 mV", "theta_plus=0.025 mV"),
    Ablation("54", "theta step of the script for 1600 neurons, 0.15 mV", "theta_plus=0.15 mV"),
    Ablation("55", "learning rates of the script for 100 neurons", "eta_pre=2e-6; eta_post=1.5e-3"),
    Ablation("55", "learning rates of the script for 6400 neurons", "eta_pre=0; eta_post=0.05"),
    Ablation("7, 8, 19", "the ports: flipped, held, locked out", "eta_pre=-1e-4; clamp_exc=true; "
                                                                 "lockout_exc=50 ms"),
    Ablation("2, 3, 7–9, 30, 35", "`brian2-example` with dt 0.5 ms", "dt=0.5 ms", preset="brian2-example"),
    Ablation("1, 10, 13", "`authors-400`", preset="authors-400"),
    Ablation("10, 13", "`paper-triplet-400`, the default", preset="paper-triplet-400"),
)  # fmt: skip


def trials(ablation: Ablation) -> list[Trial]:
    """Return the trials of an ablation, one per seed."""
    return [
        Trial(
            "ablation",
            ablation.preset,
            ablation.settings,
            400,
            ablation.images,
            1,
            ablation.label,
            5_000,
            seed,
        )
        for seed in SEEDS
    ]


def row(ablation: Ablation, outcomes: dict[int, Outcome], baseline: dict[int, Outcome]) -> str:
    """Return a row of the table: a figure per seed, and the difference to the baseline of the same seed."""
    failed = {seed: one for seed, one in outcomes.items() if one.error}
    whole = {seed: one for seed, one in outcomes.items() if not one.error}
    stops = "; ".join(f"seed {seed} stops: {one.error.split(';')[0]}" for seed, one in failed.items())
    if not whole:
        return f"| {ablation.item} | {ablation.what} | {stops} | | | | |"

    def each(name: str, digits: int, factor: float = 1.0) -> str:
        return ", ".join(f"{factor * float(getattr(one, name)):.{digits}f}" for one in whole.values())

    changes = [
        f"{100 * (float(one.accuracy) - float(baseline[seed].accuracy)):+.1f}"
        for seed, one in whole.items()
        if ablation.item and seed in baseline
    ]
    theta = ", ".join(f"{float(one.theta_mV):.1f} ± {float(one.theta_sd_mV):.1f}" for one in whole.values())
    return (
        f"| {ablation.item} | {ablation.what} | {each('accuracy', 1, 100)}{f' ({stops})' if stops else ''} "
        f"| {', '.join(changes)} | {theta} "
        f"| {each('spikes_per_image', 1)} | {each('presentations_per_image', 2)} |"
    )


def table(done: dict[Trial, Outcome]) -> str:
    """Return the Markdown table of the ablations that have been run, with the seeds that have been."""
    outcomes = {ablation: {t.seed: done[t] for t in trials(ablation) if t in done} for ablation in ABLATIONS}
    baseline = outcomes[ABLATIONS[0]]
    rows = [row(ablation, found, baseline) for ablation, found in outcomes.items() if found]
    head = (
        "| item | change | right, % | change of it | theta, mV | spikes per image | presentations per image |"
    )
    return "\n".join([head, "|---:|" + "---|" * 6, *rows]) + "\n"


def write_page(done: dict[Trial, Outcome]) -> None:
    """Put the table between its marks in docs/deviations.md."""
    put(PAGE, "ablate.py", table(done))


def main() -> int:
    """Write the table, or tell what it lacks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--missing", action="store_true", help="print the trials to run, as JSON")
    options = parser.parse_args()
    done = gather(TABLE, ROWS, write=not options.missing)
    if options.missing:
        print(json.dumps(told([trial for one in ABLATIONS for trial in trials(one)], done)))
    else:
        write_page(done)
    return 0


if __name__ == "__main__":
    sys.exit(main())
