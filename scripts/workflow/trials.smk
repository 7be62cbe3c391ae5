# The trials behind docs/search.csv and docs/ablations.csv that these tables lack, a job for each: docs/cluster.md.
#
# When all are done, their rows are added to the tables. A search goes on in rounds: run it again until nothing is missing.

import shlex
import sys
from pathlib import Path

sys.path.insert(0, workflow.basedir)
import grid

ROWS = Path("data/runs/trials")

try:
    PYTHON = grid.find_python(config.get("python"))
    TRIALS = {trial.file.stem: trial for trial in grid.trials(PYTHON, ROWS)}
except grid.GridError as error:
    sys.exit(f"trials: {error}")  # one line, without Snakemake's trace of this file

localrules: all

rule all:
    input: [str(trial.file) for trial in TRIALS.values()]
    params: command=shlex.join([PYTHON, str(grid.STUDIES / "trials.py")])
    shell: "{params.command}"

rule trial:
    output: str(ROWS / "{table}" / "{name}.json")
    log: str(ROWS / "logs" / "{table}-{name}.log")
    params: command=lambda wildcards: TRIALS[wildcards.name].command
    resources:
        runtime=lambda wildcards, attempt: attempt * TRIALS[wildcards.name].minutes,
        mem_mb=lambda wildcards, attempt: attempt * 2000
    shell: "{params.command} {output} 2>> {log}"
