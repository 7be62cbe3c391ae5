"""Resolve presets for the workflow, in the environment of the package: JSON in, JSON out; see `grid.resolve`."""

import json
import sys

from diehlcook.errors import DiehlCookError
from diehlcook.model.params import Params, load_preset


def main() -> int:
    """Read {cell: [preset, settings]} and print {cell: {params, differences}}, or the first error."""
    found = {}
    for cell, (preset, settings) in json.load(sys.stdin).items():
        try:
            params = load_preset(preset).with_values({name: str(value) for name, value in settings.items()})
        except DiehlCookError as error:
            print(f"cell {cell}: {error}", file=sys.stderr)
            return 1
        differences = {name: here for name, (here, _) in params.differences(Params()).items()}
        found[cell] = {"params": params.as_texts(), "differences": differences}
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
