"""The demo: all phases in one command, as scripts/quickstart runs it."""

import json

from diehlcook.cli import commands
from diehlcook.cli import main as cli


def test_demo_trains_labels_tests_draws_and_reports(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(commands, "DEMO_EPOCHS", 3)
    folder = tmp_path / "demo"
    assert (
        cli.main(["demo", "--run", str(folder), "--engine", "fused", "--jobs", "1", "--quiet", "--json"]) == 0
    )
    facts = json.loads(capsys.readouterr().out)
    assert facts["accuracy"] > 0.3
    assert facts["report"] == str(folder / "report.html")
    assert "Receptive fields" in (folder / "report.html").read_text()
    assert len(facts["figures"]) == 10
    assert len(facts["health"]) > 10
