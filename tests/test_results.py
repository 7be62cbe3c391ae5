"""The replication: what a record holds, and a page that is exactly what the records give."""

import json
from typing import ClassVar

import numpy as np
import pytest

from diehlcook.data.datasets import Dataset
from diehlcook.model.params import Params, load_preset, preset_names


def made_up(cell, seed, accuracies, confusion=None):
    rule, size = cell.rsplit("-", 1)
    return {
        "cell": cell,
        "preset": f"paper-{cell}",
        "seed": seed,
        "rule": rule,
        "n_exc": int(size),
        "params": {},
        "train": {
            "images": 60_000,
            "epochs": 3,
            "engine": "fused",
            "wall_s": 600,
            "presentations_per_image": 1.02,
            "spikes_per_image": 17.0 + seed,
            "theta_mV": {"mean": 40.0, "sd": 2.0},
            "silent_neurons": 0,
        },
        "observe": {"wall_s": 120},
        "test": {
            "images": 10_000,
            "repeats": len(accuracies),
            "wall_s": 60,
            "accuracy": float(np.mean(accuracies)),
            "accuracies": accuracies,
            "interval95": [0.8941, 0.9059],
        },
        "curve": [[20_000, 8_000, 10_000], [30_000, 9_000, 10_000]],
        "confusion": confusion or np.diag([1000] * 10).tolist(),
        "spikes": {
            "right": {"own_class": 15.0, "other_classes": 1.0},
            "wrong": {"own_class": 3.0, "other_classes": 11.0},
        },
        "labels": {"all": 0.9, "first_2000": 0.89, "test_images": 0.91, "training_blocks": [0.9] * 6},
        "machine": "one",
        "versions": {"python": "3.11", "brian2": "2.9", "numpy": "2.3"},
        "date": "2026-01-01",
    }


def test_table_has_mean_and_spread_over_seeds_beside_the_paper(scripts):
    cells = {
        "triplet-400": [made_up("triplet-400", 1, [0.90, 0.91]), made_up("triplet-400", 2, [0.92, 0.93])]
    }
    begun = [made_up("triplet-6400", 1, [0.95]) | {"cell": "best-triplet-6400"} for _ in range(2)]
    begun[0]["train"] = begun[0]["train"] | {"epochs": 1}
    begun[1]["test"] = begun[1]["test"] | {"accuracy": 0.96}
    table = scripts["results_page"].accuracy_table(cells, begun)
    rows = {line.split(" | ")[0].strip("| "): line for line in table.splitlines()}
    assert rows["triplet, 400"] == "| triplet, 400 | **91.50 ± 1.41** (2) | not run | 91.4 | +0.1 |  |"
    assert rows["triplet, 6400"] == "| triplet, 6400 | not run | 96.00 (1) after 3 | 94.7 |  | +1.3 |"
    assert rows["pre-and-post, 6400"].startswith("| pre-and-post, 6400 | — | not run | 94.0 |")
    details = scripts["results_page"].details_table(cells)
    assert "1: 90.50 ± 0.71 [89.4, 90.6]; 2: 92.50 ± 0.71 [89.4, 90.6]" in details
    assert "| +0.1 |" in details
    assert "60,000 × 3" in details


def test_confusions_are_per_presentation_of_the_test_set(scripts):
    matrix = np.diag([900] * 10)
    matrix[4, 9], matrix[7, 2] = 120, 40
    records = [made_up("triplet-400", 1, [0.9, 0.9], matrix.tolist())] * 2
    assert scripts["results_page"].confusions(records, 2) == "4 as 9: 60, 7 as 2: 20"


def test_spikes_of_right_and_wrong_answers_are_told_apart(scripts, tmp_path):
    """Two neurons of class 0 and one of class 1; image 0 (class 0) is right, image 1 (class 1) is taken for 0."""

    class Run:
        folder = tmp_path
        facts: ClassVar = {"test": {"repeats": 1, "images": 2}}

        def assignments(self):
            return np.array([0, 0, 1], np.int8)

        def load(self, name, **_sizes):
            return np.load(tmp_path / f"{name}.npy")

    np.save(tmp_path / "test_predictions.npy", np.array([[0, 0]], np.int8))
    np.save(tmp_path / "test_counts.npy", np.array([[5, 2, 1], [4, 0, 3]], np.uint16))
    testing = Dataset("x", "test", np.zeros((2, 2, 2), np.uint8), np.array([0, 1], np.uint8), "")
    assert scripts["record"].answers(Run(), testing) == {
        "right": {"own_class": 7.0, "other_classes": 1.0},
        "wrong": {"own_class": 3.0, "other_classes": 4.0},
    }


def test_other_labels_are_from_the_images_they_are_said_to_be_from(scripts, tmp_path):
    """Neuron 0 answers to class 0 in training but to class 1 in the test, and neuron 1 the other way round."""

    class Run:
        folder = tmp_path
        facts: ClassVar = {"test": {"accuracies": [0.0]}}

        def assignments(self):
            return np.array([0, 1], np.int8)

    labels = np.tile(np.array([0, 1], np.uint8), 6)
    answers = np.array([[5, 0], [0, 5]], np.uint16)[labels]
    np.save(tmp_path / "observe_counts.npy", answers)
    np.save(tmp_path / "test_counts.npy", np.concatenate([answers[:, ::-1], answers]))
    images = Dataset("x", "test", np.zeros((12, 2, 2), np.uint8), labels, "")
    assert scripts["record"].labelled_otherwise(Run(), images, images) == {
        "all": 0.0, "first_2000": 0.0, "test_images": 1.0, "training_blocks": [1.0] * 6,
    }  # fmt: skip


def test_page_is_what_the_records_give(scripts):
    page = scripts["results_page"]
    assert page.text() == page.PAGE.read_text(encoding="utf-8"), "run scripts/studies/results_page.py"


def test_records_are_of_the_cells_and_agree_with_themselves(scripts):
    cells = scripts["results_page"].CELLS
    for path in scripts["results_page"].RECORDS.rglob("*-seed*.json"):
        one = json.loads(path.read_text(encoding="utf-8"))
        cell = cells[one["cell"]]
        passes = np.atleast_1d(cell.get("passes", 1)).tolist()
        if path.parent.name == "passes":
            assert path.stem == f"{one['train']['epochs']}-{one['cell']}-seed{one['seed']}"
            assert one["train"]["epochs"] <= cell.get("until", passes[-1])
        else:
            assert path.stem == f"{one['cell']}-seed{one['seed']}"
            assert one["train"]["epochs"] == passes[-1]
        assert one["preset"] == cell["preset"]
        assert one["train"]["images"] == cell.get("images", 60_000)
        assert one["observe"]["images"] == 60_000
        assert one["test"]["images"] == 10_000
        assert one["test"]["repeats"] == len(one["test"]["accuracies"]) == cell.get("repeats", 1)
        matrix = np.array(one["confusion"])
        shown = one["test"]["images"] * one["test"]["repeats"]
        assert matrix.sum() + one["test"]["silent_images"] == shown
        assert np.trace(matrix) / shown == pytest.approx(one["test"]["accuracy"], abs=1e-6)
        # the record is of the preset as it is now
        params = load_preset(cell["preset"])
        assert one["params"] == {name: here for name, (here, _) in params.differences(Params()).items()}


def test_the_newest_record_stands_for_a_network_that_goes_on(scripts, tmp_path, monkeypatch):
    """The third pass is the last that its cell lists, so its record lies beside those of other cells."""
    page = scripts["results_page"]
    for passes in (1, 2, 3, 4, 10):
        one = made_up("triplet-6400", 1, [0.9 + passes / 1000]) | {"cell": "best-triplet-6400", "n_exc": 6400}
        one["train"]["epochs"] = passes
        name = (
            "best-triplet-6400-seed1.json" if passes == 3 else f"passes/{passes}-best-triplet-6400-seed1.json"
        )
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps(one), encoding="utf-8")
    monkeypatch.setattr(page, "read_record", lambda path: json.loads(path.read_text(encoding="utf-8")))
    going_on = page.read_passes(tmp_path)
    assert [one["train"]["epochs"] for one in going_on] == [1, 2, 3, 4, 10]
    assert page.read_records(tmp_path) == {}
    words, value = page.ours("best-triplet-6400", {}, going_on)
    assert words == "91.00 (1) after 10"
    assert value == pytest.approx(91.0)
    assert [one["train"]["epochs"] for one in page.newest(going_on)["best-triplet-6400"]] == [10]


def test_every_cell_has_a_preset_of_its_rule_and_size(scripts):
    for name, cell in scripts["results_page"].CELLS.items():
        assert cell["preset"] in preset_names()
        params = load_preset(cell["preset"])
        if name in scripts["results_page"].TABLE:
            assert name == f"{params.rule}-{params.n_exc}"
            assert cell["preset"] == f"paper-{name}"
        else:
            assert cell["preset"] == name


def test_orders_are_compared_seed_by_seed(scripts):
    """Worked out by hand: gains of 1 and 3 points, t = 2 / (sqrt(2) / sqrt(2)) = 2 with one degree of freedom."""
    page = scripts["results_page"]
    file = [made_up("triplet-400", seed, [0.90 + 0.01 * seed]) for seed in (1, 2, 3)]
    shuffled = [
        made_up("triplet-400", seed, [accuracy]) | {"cell": "best-triplet-400"}
        for seed, accuracy in ((1, 0.92), (2, 0.95))
    ]
    cells = {"triplet-400": file, "best-triplet-400": shuffled}
    assert page.gains(page.pairs(cells)["triplet-400"]).tolist() == pytest.approx([1, 3])
    said = page.order_section(cells)
    assert "| 1, 2 | 91.50 ± 0.71 | 93.50 ± 2.12 | 91.4 | +1.00, +3.00 | +2.00 ± 1.41 | p = 0.295 |" in said
    assert "All 2 pairs of 400 neurons together: +2.00 ± 1.41 points, 2 of 2" in said
    shuffled[0]["train"]["epochs"] = 1
    assert len(page.pairs(cells)["triplet-400"]) == 1, "only trainings of the same length are compared"
    assert page.order_section({"triplet-400": file}) == "Not run yet.\n"


def test_rows_are_added_to_a_table_of_the_same_columns_alone(scripts, tmp_path):
    pages, table = scripts["pages"], tmp_path / "some.csv"
    pages.append_rows(table, [{"a": "1", "b": "2"}])
    pages.append_rows(table, [{"a": "3", "b": "4"}, {"a": "5", "b": "6"}])
    before = table.read_text()
    assert before == "a,b\n1,2\n3,4\n5,6\n"
    with pytest.raises(ValueError, match=r"has the columns \['a', 'b'\], not \['b', 'a'\]"):
        pages.append_rows(table, [{"b": "7", "a": "8"}])
    assert table.read_text() == before
    pages.write_rows(table, [{"c": "9"}])
    assert table.read_text() == "c\n9\n"
    assert [path.name for path in tmp_path.iterdir()] == ["some.csv"]
