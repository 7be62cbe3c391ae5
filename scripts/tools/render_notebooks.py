"""Execute the notebooks of docs/notebooks, keep copies for reading, and the pictures by themselves; print how long each took.

    python scripts/tools/render_notebooks.py                 # all, into docs/notebooks/rendered
    python scripts/tools/render_notebooks.py 5_iris          # one

Needs jupytext, nbclient and ipykernel (`pip install -e ".[notebooks]"`).
"""

import argparse
import base64
import sys
import time
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[2] / "docs" / "notebooks"
LARGEST = 1_000_000


def main() -> None:
    """Execute and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="notebooks (default: all)")
    parser.add_argument("--out", type=Path, default=FOLDER / "rendered")
    options = parser.parse_args()
    for source in sorted(FOLDER.glob("*.py")):
        if options.names and source.stem not in options.names:
            continue
        notebook = jupytext.read(source)
        started = time.monotonic()
        NotebookClient(notebook, timeout=1800, resources={"metadata": {"path": str(FOLDER)}}).execute()
        for number, cell in enumerate(notebook.cells, 1):
            # Times of cells and the ids that Jupyter draws change from run to run
            cell.metadata.pop("execution", None)
            cell.id = f"{source.stem}-{number}"
            if cell.cell_type == "code":  # progress is for those who wait
                cell.outputs = [
                    one
                    for one in cell.outputs
                    if one.get("name") != "stderr" or not one.text.startswith(("\r", "\n"))
                ]
        text = nbformat.writes(notebook)
        if len(text) > LARGEST:
            sys.exit(f"{source.name}: {len(text)} bytes are more than {LARGEST}; use smaller figures")
        options.out.mkdir(exist_ok=True)
        outputs = [output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", [])]
        pictures = [data["image/png"] for data in outputs if data.get("image/png")]
        for number, picture in enumerate(pictures, 1):
            (options.out / f"{source.stem}-{number}.png").write_bytes(base64.b64decode(picture))
        (options.out / f"{source.stem}.ipynb").write_text(text + "\n")
        print(f"{source.stem}: {time.monotonic() - started:.0f} s, {len(text) / 1e3:.0f} kB", flush=True)


if __name__ == "__main__":
    main()
