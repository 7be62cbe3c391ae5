"""Train every preset and every learning rule briefly, and print a Markdown table of what came out.

    python scripts/studies/survey.py      # 100 neurons, 2,000 MNIST images each; some minutes
    python scripts/studies/survey.py --only authors-100 paper-power-law-400

Each is trained on the first images of the training set, its neurons are labelled with the same images, and it
classifies 1,000 images from the last 10,000 of the training set, which it has not seen. Test images are not
opened: nothing here is a final figure. Presets that are the same at the size of the survey share a row.

The threshold step is 0.1 mV for all, so that 2,000 images with 15 spikes each lift the thresholds of 100
neurons by 30 mV, as a long training does. With the steps of the presets a short training ends while some
neurons have hardly fired; their thresholds are low, and in the frozen network they take every image.
"""

import argparse

from held_out import Outcome, Trial, run_trial
from pages import table

from diehlcook.analysis.readout import wilson
from diehlcook.jobs import run_jobs
from diehlcook.model.params import Params, load_preset, preset_names, with_rule
from diehlcook.model.rules import RULES

SIZE, IMAGES, JUDGED, SEED = 100, 2_000, 1_000, 1


def contestants() -> dict[Trial, list[str]]:
    """Return the trial of every preset, and of the default preset with every rule, with the names that share it."""
    found = {name: load_preset(name) for name in preset_names()}
    found |= {f"--rule {rule}": with_rule(Params(), rule) for rule in list(RULES)[1:]}
    shared: dict[Trial, list[str]] = {}
    for name, params in found.items():
        changed = params.with_values({"theta_plus": "0.1 mV", "n_exc": str(SIZE)}).differences(Params())
        settings = "; ".join(f"{key}={here}" for key, (here, _) in changed.items())
        trial = Trial("survey", "diehl-cook-2015", settings, SIZE, IMAGES, 1, IMAGES, JUDGED, SEED)
        shared.setdefault(trial, []).append(name)
    return shared


def row(names: list[str], outcome: Outcome) -> list[str]:
    """Return the line of a contestant, also of one that fails."""
    shown = ", ".join(f"`{name}`" for name in names)
    if outcome.error:
        return [shown, outcome.error, *[""] * 6]
    low, high = wilson(round(float(outcome.accuracy) * JUDGED), JUDGED)
    return [
        shown,
        f"{float(outcome.accuracy):.1%} [{low:.1%}, {high:.1%}]",
        f"{float(outcome.theta_mV):.1f} ± {float(outcome.theta_sd_mV):.1f}",
        f"{float(outcome.spikes_per_image):.1f}",
        f"{float(outcome.presentations_per_image):.2f}",
        outcome.weight_sum,
        outcome.silent_neurons,
        outcome.wall_s,
    ]


def main() -> None:
    """Run the survey."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs="+", metavar="NAME")
    options = parser.parse_args()
    trials = {
        ", ".join(names): (trial,)
        for trial, names in contestants().items()
        if not options.only or set(names) & set(options.only)
    }
    done: dict[str, Outcome] = {}
    run_jobs(run_trial, trials, jobs=options.jobs, keep=done.__setitem__)
    head = (
        "| preset or option | right of 1,000 held-out | theta (mV) | spikes per image | presentations per "
        "image | Σw | neurons without a label | wall time (s) |"
    )
    print(table(head, [row(names.split(", "), done[names]) for names in trials]))


if __name__ == "__main__":
    main()
