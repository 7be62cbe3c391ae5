"""Trials of the searches: recorded, resumed, and never on test images."""

import dataclasses
import sys
from pathlib import Path

import pytest

from diehlcook import datasets
from diehlcook.params import Params, load_preset, preset_names

SCRIPTS = Path(__file__).parents[1] / "scripts"
DOCS = SCRIPTS.parent / "docs"


@pytest.fixture(scope="module")
def scripts():
    """The scripts import each other by name, and their dataclasses look themselves up in sys.modules."""
    before = list(sys.path), set(sys.modules)
    sys.path.insert(0, str(SCRIPTS))
    import ablate
    import search
    import trials

    yield {"trials": trials, "search": search, "ablate": ablate}
    sys.path[:] = before[0]
    for name in ("trials", "search", "ablate"):
        sys.modules.pop(name, None)


def example(trials, **changes):
    one = trials.Trial(
        "study", "paper-power-law-400", "eta_post=2e-3; theta_plus=0.1 mV", 16, 200, 1, 200, 100, 1
    )
    return dataclasses.replace(one, **changes)


def test_a_trial_is_its_preset_with_its_settings(scripts):
    params = example(scripts["trials"]).params
    expected = load_preset("paper-power-law-400").with_values(
        {"n_exc": 16, "eta_post": 2e-3, "theta_plus": "0.1 mV"}
    )
    assert params == expected
    assert example(scripts["trials"], settings="").params == load_preset("paper-power-law-400").with_values(
        {"n_exc": 16}
    )


def test_table_gives_back_what_was_written(scripts, tmp_path):
    trials = scripts["trials"]
    table = tmp_path / "new" / "table.csv"
    outcomes = {
        example(trials): trials.Outcome(accuracy="0.8123", date="2026-01-01"),
        example(trials, seed=2): trials.Outcome(
            error="image 3 got fewer than 5 spikes, the network is silent"
        ),
    }
    for trial, outcome in outcomes.items():
        trials.append_row(table, trial, outcome)
    assert trials.read_table(table) == outcomes


def test_what_the_table_has_is_not_run_again(scripts, tmp_path, monkeypatch):
    trials = scripts["trials"]
    table = tmp_path / "table.csv"
    known, failed = example(trials), example(trials, seed=2)
    trials.append_row(table, known, trials.Outcome(accuracy="0.5"))
    trials.append_row(table, failed, trials.Outcome(error="diverged"))
    monkeypatch.setattr(trials, "ProcessPoolExecutor", Refusing)
    found = trials.run_all([known, failed, known], table, 2)
    assert [one.accuracy for one in found.values()] == ["0.5", ""]
    with pytest.raises(AssertionError):
        trials.run_all([known, example(trials, seed=3)], table, 2)


class Refusing:
    """A pool that may not be used."""

    def __init__(self, jobs):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def submit(self, _function, trial):
        raise AssertionError(trial)


@pytest.mark.parametrize("label", [200, 0])
def test_trial_on_mnist_opens_no_test_images(scripts, label, mnist_folder, monkeypatch):
    trials = scripts["trials"]
    real, splits = datasets.load, []

    def load(name, split, **options):
        splits.append(split)
        return real(name, split, **options)

    monkeypatch.setattr(trials.datasets, "load", load)
    outcome = trials.run_trial(example(trials, label=label))
    assert set(splits) == {"train"}
    assert not outcome.error
    assert 0.1 < float(outcome.accuracy) < 0.9
    assert float(outcome.presentations_per_image) >= 1
    with pytest.raises(ValueError, match="50000"):
        trials.run_trial(example(trials, images=50_001))


def test_candidates_of_the_search_can_be_built_and_differ(scripts):
    search = scripts["search"]
    for study, (candidates, rounds) in search.STUDIES.items():
        for one in rounds:
            trials = [candidate.trial(study, one, 1) for candidate in candidates]
            assert len({trial.params for trial in trials}) == len(candidates)
            assert {trial.params.n_exc for trial in trials} == {one.n_exc}
        shown = [one.images * one.epochs for one in rounds]
        assert shown == sorted(shown)


def test_search_keeps_the_best_of_each_round(scripts, monkeypatch, capsys):
    search, trials = scripts["search"], scripts["trials"]
    ran = []

    def run_all(wanted, _table, _jobs):
        wanted = list(wanted)
        ran.append(wanted)
        return {t: trials.Outcome(accuracy=str(1 - abs(t.params.eta_post - 3e-3))) for t in wanted}

    monkeypatch.setattr(search, "run_all", run_all)
    search.compete("power-law", 1)
    assert [sorted(t.params.eta_post for t in wanted) for wanted in ran] == [
        [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2],
        [3e-4, 1e-3, 3e-3],
        [3e-4, 1e-3, 3e-3],
        [1e-3, 3e-3],
    ]
    assert "100.00% diehl-cook-2015: rule power-law" in capsys.readouterr().out


def test_values_from_the_search_are_in_its_table(scripts):
    """A preset's value with source "search" is the setting of a recorded trial of its rule that did not fail."""
    table = scripts["trials"].read_table(DOCS / "search.csv")
    found = 0
    for name in preset_names():
        params = load_preset(name)
        for key, source in params.sources.items():
            if source.startswith("search"):
                found += 1
                assert any(
                    trial.params.rule == params.rule
                    and getattr(trial.params, key) == getattr(params, key)
                    and outcome.accuracy
                    for trial, outcome in table.items()
                ), (name, key)
    assert found


def test_every_ablation_can_be_built_and_changes_something(scripts):
    ablate = scripts["ablate"]
    seen = {}
    for ablation in ablate.ABLATIONS:
        (first, *_) = trials = ablate.trials(ablation)
        assert len(trials) == len(ablate.SEEDS)
        assert first not in seen, f"{ablation.what} is {seen.get(first)}"
        seen[first] = ablation.what
        changed = first.params != Params() or first.label != ablate.LABEL or first.images != 20_000
        assert changed == bool(ablation.item), ablation.what


def test_deviations_page_has_the_measured_table(scripts):
    ablate = scripts["ablate"]
    done = scripts["trials"].read_table(ablate.TABLE)
    assert ablate.table(done) in ablate.PAGE.read_text(encoding="utf-8"), "run scripts/ablate.py --page"


def test_outcomes_are_averaged_and_compared_with_the_baseline(scripts):
    ablate, trials = scripts["ablate"], scripts["trials"]
    ablation = ablate.Ablation("19", "flipped", "eta_pre=-1e-4")
    outcome = trials.Outcome("0.8", "30", "2", "15", "1.1", "78", "0", "0", "60", "2026-01-01")
    other = dataclasses.replace(outcome, accuracy="0.9")
    row = ablate.row(ablation, [outcome, other], baseline=87.0)
    assert "80.0, 90.0" in row
    assert "-2.0" in row
    assert "stops: silent" in ablate.row(ablation, [outcome, trials.Outcome(error="silent")], 87.0)
