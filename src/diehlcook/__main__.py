"""Entry point of ``python -m diehlcook`` and of the script ``diehlcook``."""

import sys

from .cli.main import main

if __name__ == "__main__":
    sys.exit(main())
