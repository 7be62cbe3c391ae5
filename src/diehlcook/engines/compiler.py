"""The C++ compiler of this machine, for the engines that generate code; standard library only."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess

COMPILERS = ("g++", "c++", "clang++")


def compiler() -> str | None:
    """Return the command of the C++ compiler, that of $CXX or else the first that is found; None if there is none."""
    given = os.environ.get("CXX")
    return next((name for name in ([given] if given else COMPILERS) if is_program(name)), None)


def is_program(command: str) -> bool:
    """Return whether the first word of a command is a program that can be run."""
    try:
        words = shlex.split(command)
    except ValueError:  # a quotation that does not end
        return False
    return bool(words) and shutil.which(words[0]) is not None


def compiler_version() -> str | None:
    """Return the first line that the compiler says of itself; None if it, or make, cannot be run."""
    command = compiler()
    if command is None or shutil.which("make") is None:
        return None
    try:
        said = subprocess.run(
            [*shlex.split(command), "--version"], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return (said.splitlines() or [command])[0]
