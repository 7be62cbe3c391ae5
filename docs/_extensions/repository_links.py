"""Links of the Markdown pages, which are right in the repository, made right in the site.

A page that the site includes from elsewhere (README, CONTRIBUTING) has its links turned to where it is included.
A link to a file of code leads to a page of the site that shows the file, with the line it is meant for.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_for_filename
from pygments.lexers.special import TextLexer
from pygments.util import ClassNotFound

if TYPE_CHECKING:
    from sphinx.application import Sphinx

DOCS = Path(__file__).parents[1]
ROOT = DOCS.parent

PAGES = {
    ROOT / "README.md": "index",
    ROOT / "CONTRIBUTING.md": "included/contributing",
    ROOT / "CHANGELOG.md": "included/changelog",
    ROOT / "REPRODUCING.md": "included/reproducing",
    ROOT / "data" / "README.md": "included/data",
    DOCS / "search.md": "included/search",  # search.html is the page that searches the site
    DOCS / "notebooks": "notebooks/README",
    DOCS / "notebooks" / "rendered": "notebooks/README",
}
"""Files and folders beside the pages that are in the site under another name."""

LINK = re.compile(r"(!?)\[((?:[^\[\]`]|`[^`]*`|\[[^\]]*\])*)\]\(([^)\s]+)\)")
FENCE = re.compile(r"^(```.*?^```)", re.DOTALL | re.MULTILINE)

shown: set[Path] = set()
"""Files of code that pages link to."""


def source_page(path: Path) -> str:
    """Return the name of the page that shows a file."""
    return f"source/{path.relative_to(ROOT).as_posix()}"


def turned(text: str, folder: Path, docname: str) -> str:
    """Return the Markdown text of a file in `folder` with the links that it needs as page `docname`."""
    here = (DOCS / docname).parent

    def turn(found: re.Match[str]) -> str:
        picture, words, address = found.groups()
        words = LINK.sub(turn, words)
        path, _, anchor = address.partition("#")
        if "://" in address or not path:
            return f"{picture}[{words}]({address})"
        target = (folder / path).resolve()
        if target.is_dir() and target not in PAGES and (target / "__init__.py").exists():
            target /= "__init__.py"
        if target in PAGES:
            address = os.path.relpath(DOCS / f"{PAGES[target]}.md", here) + (anchor and f"#{anchor}")
        elif target.is_dir() or not target.exists():
            return words
        elif target.is_relative_to(DOCS) and target.suffix != ".py":
            address = os.path.relpath(target, here) + (anchor and f"#{anchor}")
        else:
            shown.add(target)
            address = "site:" + os.path.relpath(DOCS / f"{source_page(target)}.html", here)
            address += anchor and f"#{anchor}"
        return f"{picture}[{words}]({address})"

    parts = FENCE.split(text)
    return "".join(part if part.startswith("```") else LINK.sub(turn, part) for part in parts)


def turn_page(app: Sphinx, docname: str, content: list[str]) -> None:
    """Turn the links of a page."""
    if app.env.doc2path(docname).suffix == ".md":
        content[0] = turned(content[0], (DOCS / docname).parent, docname)


def turn_included(app: Sphinx, path: Path, parent: str, content: list[str]) -> None:
    """Turn the links of a file that a page includes."""
    content[0] = turned(content[0], (DOCS / path).resolve().parent, app.env.docname)


def pages_of_code(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield a page for each file of code that is linked to."""
    formatter = HtmlFormatter(linenos="inline", lineanchors="L", anchorlinenos=True, wrapcode=True)
    for path in sorted(shown):
        text = path.read_text(encoding="utf-8")
        try:
            lexer = get_lexer_for_filename(path.name)
        except ClassNotFound:
            lexer = TextLexer()
        name = path.relative_to(ROOT).as_posix()
        code = highlight(text, lexer, formatter).replace('id="L-', 'id="L').replace('href="#L-', 'href="#L')
        yield source_page(path), {"title": name, "body": f"<h1>{name}</h1>\n{code}"}, "page.html"


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.config.myst_url_schemes = {
        "http": None, "https": None, "mailto": None, "ftp": None, "site": "{{path}}#{{fragment}}",
    }  # fmt: skip
    app.connect("source-read", turn_page)
    app.connect("include-read", turn_included)
    app.connect("html-collect-pages", pages_of_code)
    return {"parallel_read_safe": False}
