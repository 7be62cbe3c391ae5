"""Print the description of the model: ``python scripts/describe.py > docs/model.md``."""

import brian2

from diehlcook.describe import describe

brian2.prefs.codegen.target = "numpy"  # a few tiny networks are not worth a compilation

if __name__ == "__main__":
    print(describe(), end="")
