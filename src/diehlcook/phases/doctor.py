"""Every check of the health of a run, of all its phases."""

from __future__ import annotations

from ..analysis import health
from ..analysis.health import Evidence
from ..analysis.history import read_evidence
from ..runs.run import Run


def examine_run(run: Run, recorded: Evidence | None = None) -> list[health.Check]:
    """Return every check of the health that a run allows, of all its phases; `recorded` if it has been read already."""
    facts = run.facts.get("train", {})
    if "stopped" in facts:
        checks = health.from_facts(facts["health"])
    else:
        checks = health.examine(recorded or read_evidence(run))
    for phase in ("observe", "test"):
        checks += health.from_facts(run.facts.get(phase, {}).get("health", []))
    return checks
