"""How child processes behave when something happens to their parent."""

import ctypes
import signal
import sys


def die_with_parent() -> None:
    """Let the kernel kill this process when the one that started it is gone (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def become_worker() -> None:
    """Die with the parent, and leave it to the parent to decide what an interrupt means."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
