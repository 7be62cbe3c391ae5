"""Compare what is in the wheel and in the source distribution with the files under version control.

    python scripts/tools/check_archives.py dist

The wheel holds the package, whole and nothing else; the source distribution holds all files but those that
`pyproject.toml` excludes. Standard library only.
"""

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
METADATA = {
    "METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE",
    "licenses/src/diehlcook/data/DIGITS-LICENSE.txt",
}  # fmt: skip


def tracked() -> set[str]:
    """Return the files under version control."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(listed.stdout.splitlines())


def of_wheel(path: Path) -> tuple[set[str], set[str]]:
    """Return the files in a wheel, and those that ought to be."""
    found = set(zipfile.ZipFile(path).namelist())
    about = "-".join(path.name.split("-")[:2]) + ".dist-info"
    package = {name.removeprefix("src/") for name in tracked() if name.startswith("src/")}
    return found, package | {f"{about}/{name}" for name in METADATA}


def of_source(path: Path) -> tuple[set[str], set[str]]:
    """Return the files in a source distribution, and those that ought to be."""
    with tarfile.open(path) as archive:
        found = {name.partition("/")[2] for name in archive.getnames()}
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    excluded = tuple(name[1:] for name in settings["tool"]["hatch"]["build"]["targets"]["sdist"]["exclude"])
    return found, {name for name in tracked() if not name.startswith(excluded)} | {"PKG-INFO"}


def main() -> None:
    """Compare, and say what differs."""
    (folder,) = map(Path, sys.argv[1:])
    (wheel,), (source,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    wrong = []
    for path, (found, wanted) in ((wheel, of_wheel(wheel)), (source, of_source(source))):
        wrong += [f"{path.name}: {name} is missing" for name in sorted(wanted - found)]
        wrong += [f"{path.name}: {name} must not be in it" for name in sorted(found - wanted)]
        print(f"{path.name}: {len(found)} files, {path.stat().st_size / 1e6:.1f} MB")
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
