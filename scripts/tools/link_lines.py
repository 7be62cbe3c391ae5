"""Give links to lines of code their line numbers: [`code`](../path#L12) gets the first line of the file that holds the code.

    python scripts/tools/link_lines.py             # mends docs/*.md
    python scripts/tools/link_lines.py --check     # exits 1 if one is wrong

Run it after a change of the code that moves lines; a test says when.
"""

import argparse
import re
import sys
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
LINK = re.compile(r"\[`([^`]+)`\]\((\.\./[^)#]+)#L(\d+)\)")


def line_of(code: str, path: Path) -> int:
    """Return the number of the first line that holds `code`."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if code in line:
            return number
    raise SystemExit(f"{path}: no line with {code!r}")


def mended(page: Path) -> str:
    """Return a page with its line numbers right."""

    def mend(found: re.Match[str]) -> str:
        return f"[`{found[1]}`]({found[2]}#L{line_of(found[1], page.parent / found[2])})"

    return LINK.sub(mend, page.read_text())


def main() -> int:
    """Mend or check."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    wrong = [page for page in sorted(DOCS.glob("*.md")) if mended(page) != page.read_text()]
    for page in wrong:
        print(page)
        if not options.check:
            page.write_text(mended(page))
    return int(options.check and bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
