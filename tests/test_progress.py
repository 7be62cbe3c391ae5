"""Progress: what the line says, that it fits, and where it goes."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios

import pytest

from diehlcook import progress
from diehlcook.errors import DiehlCookError, in_python, spoken_to_the_command_line
from diehlcook.progress import Display, Pace, duration, fitted, shown

WORDS = "3400/10000 images, 83/s, 1:20 left, accuracy 71.2%, theta 21.3 mV, healthy"


def test_words_are_left_out_from_the_end():
    assert fitted(WORDS, len(WORDS)) == WORDS
    assert fitted(WORDS, len(WORDS) - 1) == WORDS.removesuffix(", healthy")
    assert fitted(WORDS, 40) == "3400/10000 images, 83/s, 1:20 left"
    assert fitted(WORDS, 3) == "3400/10000 images"
    assert fitted("a, bcdefgh, c", 6) == "a"  # the third is less important than the second


def test_durations():
    assert [duration(s) for s in (0, 59.6, 61, 3599, 3600, 36_061)] == [
        "0:00", "1:00", "1:01", "59:59", "1:00:00", "10:01:01",
    ]  # fmt: skip


def test_the_pace_is_that_of_the_newest_half_minute():
    pace = Pace(1000)
    pace.add(0.0, 200)
    assert pace.words() == ""  # nothing is known yet
    pace.add(10.0, 200)
    assert pace.words() == ""
    pace.add(20.0, 300)
    assert pace.words() == "5.0/s, 2:20 left"
    for second in range(21, 62):  # ten times as fast from now on
        pace.add(second, 300 + 10 * (second - 20))
    assert pace.words() == "10.0/s, 0:29 left"


def test_the_clock_goes_on_while_the_same_is_waited_for(monkeypatch):
    now = 0.0
    monkeypatch.setattr("diehlcook.progress.time.monotonic", lambda: now)
    display = Display("train", 100, "images")
    display.wait_for("layer 1, image 10 of 80")
    now = 65.0
    display.wait_for("layer 1, image 20 of 80")
    assert display.text() == "layer 1, image 20 of 80, 1:05"
    display.wait_for("layer 2, image 10 of 80")
    assert display.text() == "layer 2, image 10 of 80, 0:00"


SCRIPT = """
import logging, sys, time
from diehlcook import progress
progress.QUIET_START = progress.DRAW_EVERY = 0.05
progress.LINE_EVERY = 0.3
with progress.shown(True, "train", 200) as report:
    progress.waiting_for("compiling the kernel")
    time.sleep(0.4)
    for k in range(200):
        report(k, "accuracy 71.2%, theta 21.3 mV, classes have no neurons, 12.1 spikes per image")
        if k == 100:
            print("a warning", file=sys.stderr)
        time.sleep(0.004)
    report(200, "")
"""


def in_terminal(columns):
    """What a terminal of so many columns is sent."""
    here, there = pty.openpty()
    fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")} | {"TERM": "xterm"}
    process = subprocess.Popen([sys.executable, "-c", SCRIPT], stderr=there, env=environment)
    os.close(there)
    sent = b""
    try:
        while piece := os.read(here, 4096):
            sent += piece
    except OSError:  # the other end is closed
        pass
    os.close(here)
    assert process.wait() == 0
    return sent.decode()


@pytest.mark.parametrize("columns", [60, 80, 100])
def test_a_terminal_shows_one_line_that_fits(columns):
    sent = in_terminal(columns)
    frames = [frame for line in sent.split("\r\n") for frame in line.split("\r") if frame]
    assert all(len(re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", frame)) <= columns for frame in frames)
    assert sent.count("\n") == 2  # after the warning, and at the end
    assert any("compiling the kernel, 0:0" in frame for frame in frames)
    assert [frame.strip() for frame in frames if "warning" in frame] == ["a warning"]
    halfway = [frame for frame in frames if "left" in frame and "200/200" not in frame][-1]
    assert re.match(r"train +\d+% \|#+ *\| \d+/200 images, [\d.]+/s, 0:0\d left", halfway)
    assert ("accuracy 71.2%" in halfway, "theta" in halfway) == (columns > 60, columns > 80)
    assert "200/200" in frames[-1]


def test_a_pipe_gets_plain_lines_now_and_then():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    lines = done.stderr.splitlines()
    assert lines[0] == "train: compiling the kernel, 0:00"
    assert lines.count("a warning") == 1
    told = [line for line in lines if line.startswith("train: ") and "images" in line]
    assert 2 <= len(told) < 200  # no line for each
    assert told[-1].startswith("train: 200/200 images")
    assert "\r" not in done.stderr


def test_what_takes_no_time_says_nothing(capsys):
    with shown(True, "train", 10) as report:
        report(10, "")
    assert capsys.readouterr().err == ""


def test_progress_can_be_off_or_a_function(capsys, monkeypatch):
    monkeypatch.setattr(progress, "QUIET_START", 0.0)
    monkeypatch.setattr(progress, "LINE_EVERY", 0.0)
    seen = []
    with shown(False, "train", 10) as report:
        report(5, "")
    with shown(lambda done, words: seen.append((done, words)), "train", 10) as report:
        report(5, "well")
    assert seen == [(5, "well")]
    assert capsys.readouterr().err == ""
    with shown(True, "train", 10) as report, shown(True, "observe", 10) as inner:
        report(5, "")
        inner(7, "")  # one line at a time
    assert "observe" not in capsys.readouterr().err


def test_errors_speak_python_in_python():
    typed = "use --resume to continue it, --n-exc up, or `train --resume --run x`; a-b --engine runtime"
    spoken = "use resume=True to continue it, n_exc up, or `train --resume --run x`; a-b engine runtime"
    assert in_python(typed) == spoken == str(DiehlCookError(typed))
    with spoken_to_the_command_line():
        assert str(DiehlCookError(typed)) == typed
    assert str(DiehlCookError(typed)) == spoken


def test_a_signal_amid_a_write_writes_nothing_itself(caplog):
    """A handler that writes to a stream that is being written to raises; so the words come when it is asked."""
    with progress.Interruption() as cancelled:
        cancelled.beginning(progress.no_report)(0)
        signal.raise_signal(signal.SIGINT)
        assert cancelled.asked
        assert not caplog.records
        assert cancelled()
        assert cancelled()
    assert [one.getMessage().partition(":")[0] for one in caplog.records] == ["interrupted"]
