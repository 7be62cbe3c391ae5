"""Write the tables of the docs that follow from the code, each between its marks: python scripts/tools/describe_tables.py.

The files of a run directory (docs/guide.md) are those of `runs.layout`; what each module holds
(docs/architecture.md) is the first sentence of its docstring.
"""

import ast
from collections.abc import Callable
from pathlib import Path

import diehlcook
from diehlcook.runs import layout

DOCS = Path(__file__).parents[2] / "docs"
PACKAGE = Path(diehlcook.__file__).parent
END = "<!-- end of table -->\n"

ROOMS = ("model", "engines", "data", "runs", "analysis", "figures", "phases", "companions", "cli")
"""Subpackages, each of which imports those before it only."""


def sentence(path: Path) -> str:
    """Return the first line of the docstring of a module."""
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").splitlines()[0]


def row(path: Path) -> str:
    """Return the line of a module."""
    name = path.relative_to(PACKAGE).as_posix()
    return f"- [`{name}`](../src/diehlcook/{name}): {sentence(path)}"


def modules() -> list[str]:
    """Return a list of all modules, room by room."""
    lines = ["Used by all rooms:", ""]
    lines += [row(path) for path in sorted(PACKAGE.glob("*.py")) if not path.name.startswith("__")]
    for room in ROOMS:
        folder = PACKAGE / room
        lines += ["", f"**`{room}/`**: {sentence(folder / '__init__.py')}", ""]
        if room == "companions":
            lines += [
                f"- [`{path.parent.name}/`](../src/diehlcook/companions/{path.parent.name}): {sentence(path)}"
                for path in sorted(folder.glob("*/__init__.py"))
            ]
        else:
            lines += [row(path) for path in sorted(folder.rglob("*.py")) if path.name != "__init__.py"]
    return lines


TABLES: dict[Path, tuple[str, Callable[[], list[str]]]] = {
    DOCS / "guide.md": ("<!-- files of a run: scripts/tools/describe_tables.py -->\n", layout.table),
    DOCS / "architecture.md": ("<!-- modules: scripts/tools/describe_tables.py -->\n", modules),
}
"""Page: the mark before its table, and what makes the table."""


def mended(page: Path) -> str:
    """Return a page with its table as it ought to be."""
    mark, table = TABLES[page]
    before, rest = page.read_text(encoding="utf-8").split(mark)
    _, after = rest.split(END)
    return before + mark + "\n" + "\n".join(table()) + "\n\n" + END + after


if __name__ == "__main__":
    for page in TABLES:
        page.write_text(mended(page), encoding="utf-8")
