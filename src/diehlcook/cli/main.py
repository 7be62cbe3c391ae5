"""Command line: ``python -m diehlcook COMMAND``; what there is, `parser` says.

Results go to stdout, progress and log to stderr. Exit codes: 0 done, 1 failed, 2 usage (options, presets, parameters), 3 health check failed
under ``--strict``, 130 interrupted; what had a checkpoint can be resumed.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from typing import Any

from ..errors import DiehlCookError, printable, spoken_to_the_command_line
from .commands import Result, UsageError
from .output import findings
from .parser import make_parser

log = logging.getLogger(__name__)

EXIT_FAILED, EXIT_USAGE, EXIT_UNHEALTHY, EXIT_INTERRUPTED = 1, 2, 3, 130


class OneLine(logging.Formatter):
    """Messages of the log, without what could steer the terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the message; with a traceback if there is one."""
        message = "\n".join(map(printable, record.getMessage().splitlines()))
        return f"{message}\n{self.formatException(record.exc_info)}" if record.exc_info else message


class ToStderr(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes to what is stderr at the moment: the progress bar puts itself there, to keep other lines above it."""

    @property
    def stream(self) -> Any:
        """Stderr."""
        return sys.stderr

    @stream.setter
    def stream(self, given: Any) -> None:
        """Nothing else can be set."""


def prepare_streams() -> None:
    """Make sure that there are the three standard streams, and that they take any text."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:  # closed: the next file that is opened would take its place
            os.open(os.devnull, os.O_RDWR)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 - for good
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def say(result: Result, as_json: bool) -> None:
    """Print a result, and warn of what the health check found."""
    for line in [json.dumps(result.facts)] if as_json else result.lines:
        print(printable(line))  # noqa: T201
    if result.warn and not as_json:
        runs = result.facts.get("runs", [result.facts])
        for one in runs:
            for finding in findings(one):
                log.warning("health%s: %s", f" of {one['run']}" if len(runs) > 1 else "", finding)
    sys.stdout.flush()


def complain(text: str) -> None:
    """Say in one line what went wrong."""
    print(f"diehlcook: {printable(' '.join(text.split()))}", file=sys.stderr)  # noqa: T201


def main(argv: list[str] | None = None) -> int:
    """Run a command and return its exit code."""
    with spoken_to_the_command_line():
        return run(argv)


def run(argv: list[str] | None) -> int:
    """Run a command; see `main`."""
    from ..progress import Interrupted

    prepare_streams()
    given = sys.argv[1:] if argv is None else argv
    args = make_parser(companions="companion" in given).parse_args(given)
    level = logging.DEBUG if args.verbose else logging.WARNING if args.quiet else logging.INFO
    handler = ToStderr()
    handler.setFormatter(OneLine())
    logging.basicConfig(handlers=[handler])
    logging.getLogger("diehlcook").setLevel(level)
    try:
        result: Result = args.func(args)
        say(result, args.json)
        return EXIT_UNHEALTHY if getattr(args, "strict", False) and findings(result.facts) else 0
    except Interrupted as interrupted:
        print(printable(str(interrupted)), file=sys.stderr)  # noqa: T201
        return EXIT_INTERRUPTED
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)  # noqa: T201
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader of stdout has gone, e.g. `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except (DiehlCookError, OSError) as error:
        log.debug("", exc_info=True)
        complain(str(error) or type(error).__name__)
        return EXIT_USAGE if isinstance(error, UsageError) else EXIT_FAILED
    except MemoryError as error:
        log.debug("", exc_info=True)
        complain(f"not enough memory ({error or 'nothing more is known'}); try fewer neurons or images")
        return EXIT_FAILED
    except Exception as error:
        log.debug("", exc_info=True)
        complain(f"{type(error).__name__}: {error} (a fault of diehlcook: please report it; -v shows where)")
        return EXIT_FAILED
