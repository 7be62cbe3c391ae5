"""Bring run directories of schema 2 to the schema of the day: digests of all arrays, all parameters, checkpoints that know their run.

    python scripts/tools/upgrade_runs.py data/runs/paper-triplet-400 data/runs/other

What has a digest already is compared with it; of the other arrays the digest is that of the file as it is
now. Nothing but run.json and checkpoint.json changes.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

from diehlcook.errors import DiehlCookError
from diehlcook.model.params import LATER
from diehlcook.runs import layout, lock
from diehlcook.runs.checkpoints import Checkpoints
from diehlcook.runs.files import SCHEMA, digest, load_json, read_npy, save_json
from diehlcook.runs.run import load_run


def upgraded(content: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the content of run.json in the schema of the day.

    Raises
    ------
    DiehlCookError
        An array is not the one that run.json has a digest of.
    """
    new = {**content, "schema": SCHEMA, "params": {**LATER, **content["params"]}}
    for phase in layout.PHASES[1:]:
        if phase in new:  # the first runs of schema 2 have no digests of the test
            new[phase] = {"sha256": {}} | new[phase]
    digests: dict[str, str] = {}
    double: dict[str, str] = {}
    for name, file in layout.FILES.items():
        phase = new.get(file.phase, {})
        if "sha256" not in phase or not layout.is_there(folder, name):
            continue
        array = read_npy(layout.path_of(folder, name))
        digests[name] = digest(array)
        double[name] = digest(array.astype(np.float64)) if array.dtype.kind == "f" else digests[name]
        if phase["sha256"].get(name, digests[name]) != digests[name]:
            raise DiehlCookError(f"{layout.path_of(folder, name)}: not the one that {file.phase} wrote")
        phase["sha256"][name] = digests[name]
    for phase in ("observe", "test"):
        parents = new.get(phase, {}).get("parents", {})
        for name, known in parents.items():
            if known in (digests.get(name), double.get(name)):  # arrays were compared in double precision
                parents[name] = digests[name]
    return new


def upgrade(folder: Path) -> bool:
    """Upgrade a run directory; return whether there was anything to do."""
    with lock.owned(folder, "upgrade_runs"):
        path = folder / "run.json"
        content = load_json(path)
        if content.get("schema") == SCHEMA:
            return False
        load_run(folder)  # refuses what is no run, or of a schema that nobody knows
        save_json(path, upgraded(content, folder))
        run = load_run(folder)
        if "data" not in run.facts.get("train", {}):
            return True
        checkpoints = Checkpoints(folder, run.identity)
        for number in checkpoints.numbers():
            file = checkpoints.folder / str(number) / "checkpoint.json"
            save_json(file, load_json(file) | {"schema": SCHEMA, "run": run.identity})
        return True


def main() -> int:
    """Upgrade the folders that are named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    failed = 0
    for folder in parser.parse_args().folders:
        try:
            print(f"{folder}: {'upgraded' if upgrade(folder) else 'nothing to do'}")
        except DiehlCookError as error:
            print(error, file=sys.stderr)
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
