"""Trials of the searches: recorded, resumed, and never on test images."""

import csv
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from diehlcook.data import datasets
from diehlcook.errors import DiehlCookError
from diehlcook.model.params import Params, load_preset, preset_names
from diehlcook.phases import responses

DOCS = Path(__file__).parents[1] / "docs"


def example(trials, **changes):
    one = trials.Trial(
        "study", "paper-power-law-400", "eta_post=2e-3; theta_plus=0.1 mV", 16, 200, 1, 200, 100, 1
    )
    return dataclasses.replace(one, **changes)


def test_a_trial_is_its_preset_with_its_settings(scripts):
    params = example(scripts["held_out"]).params
    expected = load_preset("paper-power-law-400").with_values(
        {"n_exc": 16, "eta_post": 2e-3, "theta_plus": "0.1 mV"}
    )
    assert params == expected
    assert example(scripts["held_out"], settings="").params == load_preset("paper-power-law-400").with_values(
        {"n_exc": 16}
    )


def test_table_gives_back_what_was_written(scripts, tmp_path):
    trials = scripts["held_out"]
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


def test_rows_of_single_files_come_into_the_table_once(scripts, tmp_path):
    """What the table has stays; a row of other parameters than its name was made of is left out."""
    trials = scripts["held_out"]
    table, rows = tmp_path / "table.csv", tmp_path / "rows"
    rows.mkdir()
    known, fresh, stale = (example(trials, seed=seed) for seed in (1, 2, 3))
    trials.append_row(table, known, trials.Outcome(accuracy="0.5"))
    for one, name in ((known, trials.name_of(known)), (fresh, trials.name_of(fresh)), (stale, "0" * 16)):
        row = {
            "trial": dataclasses.asdict(one),
            "outcome": dataclasses.asdict(trials.Outcome(accuracy="0.7")),
        }
        (rows / f"{name}.json").write_text(json.dumps(row))
    for _ in range(2):
        assert {one: o.accuracy for one, o in trials.gather(table, rows).items()} == {
            known: "0.5",
            fresh: "0.7",
        }
    assert trials.read_table(table) == trials.gather(table, rows)
    assert set(trials.told([known, fresh, stale], trials.read_table(table))) == {trials.name_of(stale)}


def test_names_of_rows_follow_from_trial_and_preset(scripts, monkeypatch):
    trials = scripts["held_out"]
    names = {
        trials.name_of(one) for one in (example(trials), example(trials, seed=2), example(trials, label=0))
    }
    assert len(names) == 3
    assert trials.name_of(example(trials)) in names
    before = trials.name_of(example(trials))
    monkeypatch.setattr(trials, "load_preset", lambda _: load_preset("paper-exponential-400"))
    assert trials.name_of(example(trials)) != before


def test_a_trial_given_as_json_writes_its_row(scripts, tmp_path, monkeypatch):
    trials = scripts["held_out"]
    one, path = example(trials), tmp_path / f"{trials.name_of(example(trials))}.json"
    asked = []
    monkeypatch.setattr(trials, "run_trial", lambda t: asked.append(t) or trials.Outcome(accuracy="0.9"))
    told = trials.told([one], {})[trials.name_of(one)]
    assert told["dt"] == "0.5 ms"
    monkeypatch.setattr("sys.argv", ["trials.py", json.dumps(told["trial"]), "--out", str(path)])
    trials.main()
    assert asked == [one]
    assert trials.gather(tmp_path / "table.csv", tmp_path) == {one: trials.Outcome(accuracy="0.9")}


def test_rows_of_a_preset_that_has_changed_are_refused(scripts, tmp_path):
    trials = scripts["held_out"]
    table = tmp_path / "table.csv"
    trials.append_row(table, example(trials), trials.Outcome(accuracy="0.5"))
    table.write_text(table.read_text().replace("delay_max=20 ms", "delay_max=15 ms"))
    with pytest.raises(DiehlCookError, match="has changed"):
        trials.read_table(table)


@pytest.mark.parametrize("label", [150, 0])
def test_trial_learns_labels_and_is_judged_by_the_right_images(scripts, label, mnist_folder, monkeypatch):
    """Test images stay closed; images that judge are none of those that train or label."""
    trials = scripts["held_out"]
    load, real_train, real_present = datasets.load, trials.train, responses.respond
    splits, taught, shown = [], [], []
    monkeypatch.setattr(
        trials.datasets, "load", lambda name, split: splits.append(split) or load(name, split)
    )
    monkeypatch.setattr(
        trials, "train", lambda folder, data, *a,
        **k: taught.append(data.images) or real_train(folder, data, *a, **k)
    )  # fmt: skip
    monkeypatch.setattr(
        trials.responses, "respond", lambda net, images,
        streams: shown.append(images) or real_present(net, images, streams)
    )  # fmt: skip
    outcome = trials.run_trial(example(trials, label=label))
    assert set(splits) == {"train"}
    images = load("mnist", "train").images
    assert np.array_equal(taught[0], images[:200])
    assert np.array_equal(shown[0], images[50_000:50_100])
    assert [len(one) for one in shown[1:]] == [label] * bool(label)
    assert all(np.array_equal(one, images[:label]) for one in shown[1:])
    assert not outcome.error
    assert 0.1 < float(outcome.accuracy) < 0.9
    assert float(outcome.presentations_per_image) >= 1


@pytest.mark.parametrize("wrong", [{"images": 50_001}, {"label": 50_001}, {"choose": 10_001}])
def test_trial_that_would_mix_the_images_is_refused(scripts, wrong):
    trials = scripts["held_out"]
    with pytest.raises(ValueError, match="50000 to 60000"):
        trials.run_trial(example(trials, **wrong))


def test_only_a_failing_network_is_an_outcome(scripts, monkeypatch, mnist_folder):
    trials = scripts["held_out"]
    silent = trials.run_trial(example(trials, settings="theta_init=70 mV"))
    assert "got fewer than 5 spikes in 20 attempts" in silent.error

    def full(*_, **__):
        raise DiehlCookError("no space left")

    monkeypatch.setattr(trials, "train", full)
    with pytest.raises(DiehlCookError, match="no space"):
        trials.run_trial(example(trials))


def test_candidates_of_the_search_can_be_built_and_differ(scripts):
    search = scripts["trials"]
    for study, (candidates, rounds) in search.STUDIES.items():
        for one in rounds:
            trials = [candidate.trial(study, one) for candidate in candidates]
            assert len({trial.params for trial in trials}) == len(candidates)
            assert {trial.params.n_exc for trial in trials} == {one.n_exc}
        shown = [one.images * one.epochs for one in rounds]
        assert shown == sorted(shown)


def test_search_keeps_the_best_of_each_round(scripts, capsys):
    search, trials = scripts["trials"], scripts["held_out"]
    done, asked = {}, []
    while not asked or asked[-1]:
        *_, running = search.compete("power-law", done)
        asked.append([trial for _, trial in running if trial not in done])
        done |= {t: trials.Outcome(accuracy=str(1 - abs(t.params.eta_post - 3e-3))) for t in asked[-1]}
    assert [sorted(t.params.eta_post for t in one) for one in asked] == [
        [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2],
        [3e-4, 1e-3, 3e-3],
        [3e-4, 1e-3, 3e-3],
        [1e-3, 3e-3],
        [],
    ]
    search.print_standing("power-law", done)
    assert "round 4: 100.00% diehl-cook-2015: rule power-law" in capsys.readouterr().out


def test_the_search_is_all_in_its_table(scripts):
    """Every round of every study, with the candidates that the round before lets through, can be read off the table."""
    search = scripts["trials"]
    table = scripts["held_out"].read_table(search.TABLES["search"])
    for study, (_, rounds) in search.STUDIES.items():
        played = list(search.compete(study, table))
        assert len(played) == len(rounds)
        assert all(trial in table for running in played for _, trial in running)


def test_values_from_the_search_are_winners_in_its_table(scripts):
    """A searched value is that of the best trial in the last round of its study, or less than a point behind."""
    search = scripts["trials"]
    table = scripts["held_out"].read_table(search.TABLES["search"])
    found = set()
    for name in preset_names():
        params = load_preset(name)
        for key, source in params.sources.items():
            if not source.startswith("search"):
                continue
            study = source.split(" (")[1].split(")")[0]
            longest = max(one.images * one.epochs for one in search.STUDIES[study][1])
            last = {
                t: float(o.accuracy)
                for t, o in table.items()
                if t.study == study and t.images * t.epochs == longest
            }
            with_value = [
                score for t, score in last.items() if getattr(t.params, key) == getattr(params, key)
            ]
            assert len(last) > 1, (name, key)
            assert max(with_value) > max(last.values()) - 0.01, (name, key)
            found.add((study, key))
    assert len(found) >= 8


def test_stops_are_read_off_the_table_as_the_page_says(scripts):
    stops = scripts["stopping_point"]
    with stops.TABLE.open(newline="") as file:
        rows = list(csv.DictReader(file))
    page = (DOCS / "search.md").read_text(encoding="utf-8")
    for word in stops.DEFAULT:
        trial = stops.trial_of(word, 1)
        found = {
            int(row["stop"]): 100 * float(row["accuracy"])
            for row in rows
            if (row["preset"], row["settings"]) == (trial.preset, trial.settings)
        }
        assert list(found) == list(stops.STOPS)
        values = list(found.values())
        spread = (
            f"{np.mean(values):.1f} ± {np.std(values, ddof=1):.1f} ({min(values):.1f} to {max(values):.1f})"
        )
        assert f"| `{word}` | {spread} | {found[60_000]:.1f} |" in page


def test_what_the_shipped_networks_do_after_their_end_is_read_off_the_table(scripts):
    stops = scripts["stopping_point"]
    with stops.TABLE.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["settings"] == stops.SHIPPED]
    page = (DOCS / "search.md").read_text(encoding="utf-8")
    for rule in ("triplet", "power-law", "exponential", "pre-and-post"):
        found = {
            int(row["stop"]): float(row["accuracy"]) for row in rows if row["preset"] == f"paper-{rule}-400"
        }
        assert list(found) == [180_000 + more for more in stops.GO_ON]
        assert f"| {rule} | {' | '.join(f'{100 * one:.1f}' for one in found.values())} |" in page


def test_a_training_stopped_anew_takes_the_place_of_the_earlier_one(scripts, tmp_path, monkeypatch):
    stops = scripts["stopping_point"]
    monkeypatch.setattr(stops, "TABLE", tmp_path / "stops.csv")
    row = {"preset": "a", "settings": "", "seed": "1", "stop": "50000", "accuracy": "0.1"}
    stops.keep([row, {**row, "stop": "51000"}])
    stops.keep([{**row, "seed": "2"}])
    stops.keep([{**row, "accuracy": "0.9"}])
    assert stops.TABLE.read_text().splitlines()[1:] == ["a,,2,50000,0.1", "a,,1,50000,0.9"]


def test_every_ablation_can_be_built_and_changes_something(scripts):
    ablate = scripts["trials"]
    seen = {}
    for ablation in ablate.ABLATIONS:
        (first, *_) = trials = ablate.trials(ablation)
        assert len(trials) == len(ablate.SEEDS)
        assert first not in seen, f"{ablation.what} is {seen.get(first)}"
        seen[first] = ablation.what
        changed = first.params != Params() or first.label != ablate.LABEL or first.images != 20_000
        assert changed == bool(ablation.item), ablation.what


def test_deviations_page_has_the_measured_table(scripts):
    ablate = scripts["trials"]
    done = scripts["held_out"].read_table(ablate.TABLES["ablations"])
    assert all(t in done for ablation in ablate.ABLATIONS for t in ablate.trials(ablation))
    assert ablate.ablation_table(done) in ablate.PAGE.read_text(encoding="utf-8"), (
        "run scripts/studies/trials.py"
    )


def joined(cells):
    return f"| {' | '.join(cells)} |"


def test_outcomes_are_compared_with_the_baseline_of_the_same_seed(scripts):
    ablate, trials = scripts["trials"], scripts["held_out"]
    ablation = ablate.Ablation("19", "flipped", "eta_pre=-1e-4")
    outcome = trials.Outcome("0.8", "30", "2", "15", "1.1", "78", "0", "0", "60", "2026-01-01")
    other = dataclasses.replace(outcome, accuracy="0.9")
    baseline = {
        1: dataclasses.replace(outcome, accuracy="0.85"),
        2: dataclasses.replace(outcome, accuracy="0.87"),
    }
    assert "| 80.0, 90.0 | -5.0, +3.0 |" in joined(ablate.row(ablation, {1: outcome, 2: other}, baseline))
    assert "| 90.0 | +3.0 |" in joined(ablate.row(ablation, {2: other}, baseline))
    failed = trials.Outcome(error="silent")
    assert "| 80.0 (seed 2 stops: silent) | -5.0 |" in joined(
        ablate.row(ablation, {1: outcome, 2: failed}, baseline)
    )
    nothing = joined(ablate.row(ablation, {1: failed, 2: failed}, baseline))
    assert "| seed 1 stops: silent; seed 2 stops: silent |" in nothing


def test_the_table_of_steps_is_what_the_records_say(scripts):
    """The page as the script would write it again; and a row read by hand."""
    steps = scripts["steps"]
    records = steps.read()
    assert len(records) == len(list((DOCS / "search").glob("*.json")))
    page = (DOCS / "search.md").read_text(encoding="utf-8")
    assert f"\n{steps.table(steps.HEAD, steps.rows(records))}\n\n{steps.compared(records)}".rstrip() in page
    one = next(one for one in records if one["cell"] == "pre-and-post-1600-theta-0.25")
    assert steps.constants(one) == (0.25e-3, 17)
    assert steps.spikes(one) == pytest.approx(sum(one["neurons"]["test_spikes"]) / 10_000)
    assert one["test"]["accuracy"] == 0.9215


def record_of(accuracy, per_image, rule="triplet", **values):
    """As much of a record as the table of steps reads."""
    return {
        "rule": rule, "n_exc": 1600, "preset": f"best-{rule}-1600", "params": values,
        "train": {"images": 50_000, "theta_mV": {"mean": 50.0, "sd": 4.0}},
        "test": {"images": 100, "repeats": 2, "accuracy": accuracy, "interval95": [accuracy - 0.01, 1.0]},
        "neurons": {"test_spikes": [200 * per_image - 7, 7]},
    }  # fmt: skip


def test_steps_are_compared_within_a_rule_only(scripts):
    steps = scripts["steps"]
    records = [
        record_of(0.91, 12, theta_plus="0.4 mV"),
        record_of(0.93, 29),
        record_of(0.92, 18, w_inh_exc="34"),
        record_of(0.99, 17, "power-law"),
    ]
    rows = [" | ".join(row) for row in steps.rows(records)]
    assert rows[1] == "triplet, 1600 | 50,000 | 0.15 mV | 17 | **93.00 %** [92.0, 100.0] | 29.0 | 50 ± 4 mV"
    assert rows[2].startswith("triplet, 1600 | 50,000 | 0.15 mV | 34 | 92.00 % [")
    assert rows[3].count("**") == 0
    assert steps.compared(records) == (
        "- triplet, 1600: the best has 93.00 % at 29.0 spikes per image; the nearest to the paper's 17 has "
        "92.00 % at 18.0."
    )
    records[1]["neurons"]["test_spikes"] = [200 * 17, 0]
    assert steps.compared(records).endswith("is the nearest to the paper's 17.")
