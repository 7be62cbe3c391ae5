"""REPRODUCING.md: it is made of the claims and the records, and a claim that no longer holds is said to fail."""

import json
import re
import statistics
import subprocess

import pytest
from conftest import load_script

from diehlcook.runs.shipped import load_shipped, shipped_names

claims = load_script("claims")


def test_the_page_is_made_of_claims_and_records():
    assert claims.PAGE.read_text(encoding="utf-8") == claims.page()
    records = [*claims.RECORDS.glob("*.json"), *claims.RECORDS.glob("passes/*.json")]
    seeds = sum(line.split("|")[4].count(",") + 1 for line in claims.cells())
    assert seeds == len(records)


def test_the_readme_has_the_figures_of_its_claims():
    readme = (claims.ROOT / "README.md").read_text(encoding="utf-8")
    for one in claims.read_claims():
        if "README.md" in one.where:
            figure = f"{100 * one.expected:.2f}".rstrip("0")
            assert f"{figure} %" in readme or f"{figure}%" in readme, one.says


def test_networks_of_the_package_have_the_accuracy_that_is_claimed():
    """`scripts/verify` runs them; here what they were shipped with."""
    told = {
        one.commands[0].split()[1]: one.expected
        for one in claims.read_claims()
        if one.commands[0].startswith("networks ")
    }
    assert told.keys() == set(shipped_names())
    for name, expected in told.items():
        assert load_shipped(name).facts["shipped"]["accuracy"] == pytest.approx(expected, abs=5e-5), name


@pytest.mark.parametrize(
    ("script", "page", "rows"),
    [
        ("xo", "companions/xo.md", "companions/xo.csv"),
        ("masquelier2008", "companions/masquelier2008.md", "companions/masquelier2008.csv"),
    ],
)
def test_pages_of_companions_are_what_their_records_give(script, page, rows, scripts):
    docs, study = claims.ROOT / "docs", scripts[script]
    assert study.tables(study.read_rows(docs / rows)).strip() in (docs / page).read_text(encoding="utf-8")


def test_the_page_of_mozafari2019_is_what_its_records_give(scripts):
    study = scripts["mozafari2019"]
    page = study.PAGE.read_text(encoding="utf-8")
    for text in (*map(study.page_table, study.STUDIES), study.whole_table()):
        assert text.strip() in page


def test_the_page_of_times_is_what_the_record_gives(scripts):  # beside which it finds what it imports
    speed = load_script("speed")
    record = json.loads(speed.RECORD.read_text(encoding="utf-8"))
    assert speed.tables(record).strip() in speed.PAGE.read_text(encoding="utf-8")


def test_every_mutation_can_be_made_and_stands_in_its_page():
    mutate = load_script("mutate")
    page = (claims.ROOT / "docs" / "mutations.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert "NOT CAUGHT**" not in page
    assert len(rows) == len(mutate.MUTATIONS)
    for row, one in zip(rows, mutate.MUTATIONS, strict=True):
        source = (claims.ROOT / "src" / "diehlcook" / one.file).read_text(encoding="utf-8")
        assert one.old in source[source.index(one.after) :], one
        assert f"| `{one.old}` |" in row, "run scripts/tools/mutate.py"


def test_every_page_that_a_script_writes_is_a_claim():
    pages = (claims.ROOT / "docs").rglob("*.md")
    marks = {one for page in pages for one in re.findall(r"<!-- measured: (.+) -->", page.read_text("utf-8"))}
    told = claims.read_measured()
    assert marks == {mark for one in told for mark in one.marks}
    for one in told:
        for page in one.where.split(", "):
            assert (claims.ROOT / page).exists()


def test_the_readme_has_the_times_that_were_measured():
    readme = (claims.ROOT / "README.md").read_text(encoding="utf-8")
    times = json.loads((claims.ROOT / "docs" / "performance.json").read_text())["ms"]
    own, example, standalone, classic = (
        statistics.median(times[label]["400"])
        for label in (
            "fused, the default preset", "fused, `brian2-example`", "standalone, `brian2-example`",
            "classic loop, `brian2-example`",
        )
    )  # fmt: skip
    assert f"takes {own:.1f} ms in training with fused" in readme
    assert f"{example:.1f} ms with fused, {standalone:.1f} ms with standalone, and {classic:.0f} ms" in readme
    assert f"{classic / example:.0f} times as long" in readme


def test_the_short_claims_take_less_than_ten_minutes():
    short = [one for one in claims.read_claims() if one.verify]
    assert short
    assert sum(one.minutes for one in short) < 10


@pytest.mark.parametrize(("printed", "failed"), [('{"a": {"b": 0.50004}}', 0), ('{"a": {"b": 0.51}}', 1)])
def test_a_claim_passes_or_fails(monkeypatch, capsys, printed, failed):
    asked = []

    def run(command, **_):
        asked.append(command[-3:])
        return subprocess.CompletedProcess(command, 0, printed, "")

    monkeypatch.setattr(claims.subprocess, "run", run)
    one = claims.Claim("half", "", ["train --run {run}", "test --run {run}"], "0", "a.b", 0.5, 1)
    assert claims.verify([one]) == failed
    assert [command[0] for command in asked] == ["train", "test"]
    assert asked[0][2] == asked[1][2]
    said = capsys.readouterr().out
    assert said.startswith("FAIL, expected 50.00 %: half: 51.00 %" if failed else "pass: half: 50.00 %")


def test_a_command_that_fails_is_a_claim_that_fails(monkeypatch, capsys):
    def run(command, **_):
        return subprocess.CompletedProcess(command, 1, "", "traceback\nno such network\n")

    monkeypatch.setattr(claims.subprocess, "run", run)
    assert claims.verify([claims.Claim("half", "", ["test"], "0", "a", 0.5, 1)]) == 1
    assert "half: no such network" in capsys.readouterr().out
