"""What this package claims and how to see it: writes REPRODUCING.md, or checks the claims that take a minute or two.

    python scripts/tools/claims.py             # writes the page
    python scripts/tools/claims.py --verify    # runs the short ones; scripts/verify does it in a fresh environment

The claims are those of claims.toml and, one for each cell, of the records in docs/results.
"""

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
CLAIMS, PAGE, RECORDS = (
    Path(__file__).with_name("claims.toml"),
    ROOT / "REPRODUCING.md",
    ROOT / "docs" / "results",
)

WORKFLOW = "snakemake --profile scripts/workflow/profiles/local"

HEAD = """# Reproducing the numbers

What README and the pages of `docs` claim of this package, the command that shows it, and what to expect: first what one command shows, then the networks of the tables, then what scripts measure and write into pages.
A command gives the same spikes wherever it was tried (AMD EPYC with and without AVX-512, Python 3.11 to 3.13), so the figure to expect is the figure, to the last digit that is shown.
Times are those of 2 shared cores of an AMD EPYC; [performance](docs/performance.md) says how machines differ.
This page is made by `python scripts/tools/claims.py` from [`claims.toml`](scripts/tools/claims.toml) and the records in [`docs/results`](docs/results).

    scripts/verify

makes an environment, runs the claims that are marked with ✓, in less than ten minutes (3 min 15 on 2 idle cores, 2026-11-27), and says pass or fail for each.
MNIST is found or downloaded as by every command ([data](data/README.md)).
"""


NETWORKS = """## Networks of the tables
The [workflow](docs/cluster.md) makes the record of a network that has none, so a record has to be deleted before it is made again; `snakemake` is that of the environment which that page sets up.
The accuracy is that of the test set, the mean over its presentations.
The time is that of one core: training, labelling and testing together.
"""


MEASURED = """## Measured pages
Each of these scripts writes its tables and pictures into the page, from a record that is in the repository, or prints what was entered by hand; what the record has is not run again, but by `speed.py`, `xo.py` and `faults.py`, which are short.
Delete rows of the record, and the script makes them anew.
"""


class Claim(NamedTuple):
    """Something that a command shows."""

    says: str
    where: str
    commands: list[str]
    """Arguments of `python -m diehlcook`; ``{run}`` is a folder of its own."""
    seed: str
    field: str
    """Of the JSON that the last command prints; dots lead inward."""
    expected: float
    minutes: float
    verify: bool = False
    unit: str = "%"


class Measured(NamedTuple):
    """What a script measures and writes into a page."""

    says: str
    where: str
    marks: list[str]
    """The scripts that the page names before what it has measured."""
    command: str
    conditions: str
    """Seeds, and how many images or networks."""
    time: str


def written() -> dict[str, Any]:
    """Return what claims.toml has."""
    return tomllib.loads(CLAIMS.read_text(encoding="utf-8"))


def read_claims() -> list[Claim]:
    """Return the claims of claims.toml that one command shows."""
    return [Claim(**one) for one in written()["claim"]]


def read_measured() -> list[Measured]:
    """Return the pages of claims.toml that a script writes."""
    return [Measured(**one) for one in written()["measured"]]


def shown(value: float, unit: str) -> str:
    """Return a value as it is shown."""
    return f"{100 * value:.2f} %" if unit == "%" else f"{value:g} {unit}".strip()


def row(claim: Claim) -> str:
    """Return the line of a claim in the table."""
    commands = "<br>".join(f"`python -m diehlcook {one.replace('{run}', 'RUN')}`" for one in claim.commands)
    minutes = f"{claim.minutes:g} min" if claim.minutes < 100 else f"{claim.minutes / 60:.0f} h"
    mark = " ✓" if claim.verify else ""
    expected = shown(claim.expected, claim.unit)
    return f"| {claim.says}{mark} | {claim.where} | {commands} | {claim.seed} | {expected} | {minutes} |"


def cells(folder: Path = RECORDS) -> list[str]:
    """Return the lines of the networks that have a record, those of one cell in one."""
    records = defaultdict(list)
    for path in sorted([*folder.glob("*.json"), *folder.glob("passes/*.json")]):
        record = json.loads(path.read_text(encoding="utf-8"))
        records[path.parent, path.stem.rpartition("-seed")[0]].append((path, record))
    lines = []
    for (parent, cell), found in records.items():
        seeds = ", ".join(str(one["seed"]) for _, one in found)
        accuracies = ", ".join(f"{100 * one['test']['accuracy']:.2f}" for _, one in found)
        hours = [
            sum(one[phase]["wall_s"] for phase in ("train", "observe", "test")) / 3600 for _, one in found
        ]
        target = found[0][0].relative_to(ROOT).as_posix()
        passes = "" if parent == folder else f" after pass {cell.partition('-')[0]}"
        more = " and so on" if len(found) > 1 else ""
        name = cell if parent == folder else cell.partition("-")[2]
        lines.append(
            f"| {name}{passes} | docs/results.md | `{WORKFLOW} {target}`{more} | {seeds} "
            f"| {accuracies} % | {sum(hours) / len(hours):.1f} h each |"
        )
    return lines


def page() -> str:
    """Return the page."""
    head = "| what | where | command | seed | expected | time |\n|---|---|---|---|---|---|"
    claims = "\n".join(map(row, read_claims()))
    networks = "\n".join(cells())
    measured = "\n".join(
        f"| {one.says} | {one.where} | `{one.command}` | {one.conditions} | {one.time} |"
        for one in read_measured()
    )
    pages = f"{MEASURED}\n| what | where | command | conditions | time |\n|---|---|---|---|---|\n{measured}\n"
    return f"{HEAD}\n{head}\n{claims}\n\n{NETWORKS}\n{head}\n{networks}\n\n{pages}"


def value_of(claim: Claim, folder: Path) -> float:
    """Run the commands of a claim and return the value that they give.

    Raises
    ------
    RuntimeError
        A command failed.
    """
    said: Any = {}
    for command in claim.commands:
        arguments = [one.replace("{run}", str(folder)) for one in shlex.split(command)]
        done = subprocess.run(
            [sys.executable, "-m", "diehlcook", "--json", "-q", *arguments],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(done.stderr.strip().splitlines()[-1])
        said = json.loads(done.stdout)
    for key in claim.field.split("."):
        said = said[key]
    return float(said)


def verify(claims: list[Claim]) -> int:
    """Run claims, print pass or fail for each, and return how many failed."""
    failed = 0
    for claim in claims:
        began, expected = time.monotonic(), shown(claim.expected, claim.unit)
        with tempfile.TemporaryDirectory() as folder:
            try:
                found = shown(value_of(claim, Path(folder) / "run"), claim.unit)
                good = found == expected
            except RuntimeError as error:
                good, found = False, str(error)
        failed += not good
        words = "pass" if good else f"FAIL, expected {expected}"
        print(f"{words}: {claim.says}: {found} ({time.monotonic() - began:.0f} s)", flush=True)
    return failed


def main() -> None:
    """Write the page, or verify."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--verify", action="store_true", help="run the short claims instead")
    if parser.parse_args().verify:
        failed = verify([one for one in read_claims() if one.verify])
        sys.exit(f"{failed} claims failed" if failed else 0)
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
