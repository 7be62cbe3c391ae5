"""The benchmark that compares this tree with an earlier one: what it measures in turn, and when it fails."""

import contextlib
from pathlib import Path

import pytest
from conftest import load_script

regression = load_script("regression")


class Tree:
    def __init__(self, name, seconds, asked):
        self.name, self.each, self.asked = name, seconds, asked

    def answer(self):
        return "ready"

    def seconds(self, case):
        self.asked.append((self.name, case))
        return self.each

    def close(self):
        pass


def test_the_trees_take_turns(monkeypatch):
    monkeypatch.setattr(regression, "CASES", [("paper-triplet-400", True)])
    asked = []
    found = regression.compare(Tree("this", 2.0, asked), Tree("other", 1.0, asked), 2)
    assert found == [([2.0, 2.0], [1.0, 1.0])]
    assert [name for name, _ in asked] == ["other", "this", "this", "other"]


def test_a_ratio_is_this_over_the_other_in_one_round():
    assert regression.ratios([2.0, 3.0, 1.0], [1.0, 1.0, 2.0]) == [0.5, 2.0, 3.0]


@pytest.mark.parametrize(("seconds", "fails"), [(1.05, False), (1.2, True), (0.5, False)])
def test_a_loss_of_more_than_a_tenth_fails(monkeypatch, capsys, seconds, fails):
    asked, made = [], iter([("this", seconds), ("other", 1.0)])
    monkeypatch.setattr(regression, "Tree", lambda _: Tree(*next(made), asked))
    monkeypatch.setattr(regression, "tree_of", lambda _: contextlib.nullcontext(Path("earlier")))
    monkeypatch.setattr("sys.argv", ["regression.py", "v1", "--rounds", "3"])
    with pytest.raises(SystemExit) if fails else contextlib.nullcontext() as said:
        regression.main()
    table = capsys.readouterr().out.splitlines()
    assert len(table) == 2 + len(regression.CASES)
    assert f"| {seconds:.3f} ({seconds:.2f} to {seconds:.2f}) |" in table[2]
    if fails:
        assert "slower than v1 by more than 10%: paper-triplet-100;" in str(said.value)


def test_a_commit_that_is_not_there_is_said_in_one_line():
    refused = pytest.raises(SystemExit, match="regression: no-such-commit: fatal: invalid reference")
    with refused, regression.tree_of("no-such-commit"):
        pass
