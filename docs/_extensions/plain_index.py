"""llms.txt: an index of the pages of the site as plain text, with the first sentence of each (llmstxt.org)."""

import re
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx


def first_sentence(page: nodes.document) -> str:
    """Return the first sentence of the first paragraph that is one."""
    for paragraph in page.findall(nodes.paragraph):
        text = " ".join(paragraph.astext().split())
        if text.endswith((".", ":")) and len(text) > 20:
            return re.split(r"(?<=[.?])\s", text, maxsplit=1)[0].removesuffix(":")
    return ""


def entries(app: Sphinx, docname: str) -> list[str]:
    """Return the lines of the pages in the tables of contents of a page, depth first."""
    lines = []
    for toctree in app.env.get_doctree(docname).findall(addnodes.toctree):
        if toctree["caption"]:
            lines += ["", f"## {toctree['caption']}", ""]
        for _, name in toctree["entries"]:
            title = app.env.titles[name].astext()
            about = first_sentence(app.env.get_doctree(name))
            lines += [f"- [{title}]({name}.html)" + (about and f": {about}"), *entries(app, name)]
    return lines


def write(app: Sphinx, error: Exception | None) -> None:
    """Write llms.txt beside the pages."""
    if error is None and app.builder.format == "html":
        root = app.config.root_doc
        about = first_sentence(app.env.get_doctree(root))
        head = [f"# {app.config.project} {app.config.release}", "", f"> {about}"]
        text = "\n".join(head + entries(app, root)) + "\n"
        (Path(app.outdir) / "llms.txt").write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("build-finished", write)
    return {"parallel_read_safe": True}
