"""Command line: ``python -m diehlcook COMMAND``; what there is, `parser` says.

Results go to stdout, progress and log to stderr. Exit codes: 0 done, 1 failed, 2 usage, 3 health check failed
under ``--strict``, 130 interrupted after a saved checkpoint.
"""

from __future__ import annotations

import json
import logging
import os
import sys

from ..errors import DiehlCookError
from .commands import Result
from .output import findings
from .parser import make_parser

log = logging.getLogger(__name__)

EXIT_FAILED, EXIT_UNHEALTHY, EXIT_INTERRUPTED = 1, 3, 130


def say(result: Result, as_json: bool) -> None:
    """Print a result, and warn of what the health check found."""
    for line in [json.dumps(result.facts)] if as_json else result.lines:
        print(line)  # noqa: T201
    if result.warn and not as_json:
        runs = result.facts.get("runs", [result.facts])
        for one in runs:
            for finding in findings(one):
                log.warning("health%s: %s", f" of {one['run']}" if len(runs) > 1 else "", finding)
    sys.stdout.flush()


def main(argv: list[str] | None = None) -> int:
    """Run a command and return its exit code."""
    from ..progress import Interrupted

    args = make_parser().parse_args(argv)
    level = logging.DEBUG if args.verbose else logging.WARNING if args.quiet else logging.INFO
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("diehlcook").setLevel(level)
    try:
        result: Result = args.func(args)
        say(result, args.json)
        return EXIT_UNHEALTHY if getattr(args, "strict", False) and findings(result.facts) else 0
    except Interrupted as interrupted:
        print(interrupted, file=sys.stderr)  # noqa: T201
        return EXIT_INTERRUPTED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader of stdout has gone, e.g. `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except (DiehlCookError, OSError, MemoryError) as error:
        log.debug("", exc_info=True)
        print(f"diehlcook: {error or type(error).__name__}", file=sys.stderr)  # noqa: T201
        return EXIT_FAILED
