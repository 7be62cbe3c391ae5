# The trials behind docs/search.csv and docs/ablations.csv that these tables lack, a job for each: docs/cluster.md.
#
# When all are done, their rows are added to the tables. A search goes on in rounds: run it again until nothing is missing.

import shlex
import sys
from pathlib import Path

sys.path.insert(0, workflow.basedir)
import grid

ROWS = Path("data/runs/trials")
SCRIPTS = ("search", "ablate")

try:
    PYTHON = grid.find_python(config.get("python"))
    TRIALS = {trial.file.stem: trial for script in SCRIPTS for trial in grid.trials(PYTHON, script, ROWS)}
except grid.GridError as error:
    sys.exit(f"trials: {error}")  # one line, without Snakemake's trace of this file

localrules: all

rule all:
    input: [str(trial.file) for trial in TRIALS.values()]
    params: commands=" && ".join(shlex.join([PYTHON, str(grid.STUDIES / f"{script}.py")]) for script in SCRIPTS)
    shell: "{params.commands}"

rule trial:
    output: str(ROWS / "{script}" / "{name}.json")
    log: str(ROWS / "logs" / "{script}-{name}.log")
    params: command=lambda wildcards: TRIALS[wildcards.name].command
    resources:
        runtime=lambda wildcards, attempt: attempt * TRIALS[wildcards.name].minutes,
        mem_mb=lambda wildcards, attempt: attempt * 2000
    shell: "{params.command} {output} 2>> {log}"
