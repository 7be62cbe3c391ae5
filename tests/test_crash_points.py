"""Killed before any call that changes a file, a command leaves a run that can be read, and the same command ends as if nothing had been."""

import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).with_name("crash_points.py")
SAMPLE = ["train", "train --resume", "observe", "test", "import", "networks"]


def tried(*arguments):
    done = subprocess.run([sys.executable, TOOL, *arguments], stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return int(done.stdout.split(" of ")[-1].split()[0])


def test_a_sample_of_crash_points():
    assert tried("--sample", "5", *SAMPLE) >= 28


@pytest.mark.slow
def test_all_crash_points():
    assert tried() > 500
