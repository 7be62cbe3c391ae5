"""Links in the documentation lead somewhere; what is generated is of this code."""

import importlib
import re
from pathlib import Path

import pytest
from conftest import load_script

import diehlcook

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("docs/companions/*.md"),
        ROOT / "docs" / "notebooks" / "README.md",
        ROOT / "data" / "README.md",
    ]
)


def anchors(page):
    """Anchors of the headings of a page, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for address in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in address:
            continue
        path, _, anchor = address.partition("#")
        target = (page.parent / path) if path else page
        assert target.exists(), address
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), address
        elif anchor:
            assert re.fullmatch(r"L\d+", anchor), address


def test_line_numbers_are_of_this_code():
    describe_docs = load_script("describe_docs")
    wrong = [
        page.name
        for page in PAGES
        if page.parent.name == "docs" and describe_docs.mended(page) != page.read_text()
    ]
    assert not wrong, "run scripts/tools/describe_docs.py"


def test_each_question_has_an_answer_a_line_of_code_and_a_figure():
    questions = re.split(r"^### ", (ROOT / "docs" / "faq.md").read_text(), flags=re.MULTILINE)[1:]
    assert len(questions) >= 20
    for question in questions:
        assert re.search(r"\]\(\.\./(src|scripts)/[^)]*#L\d+\)", question), question.splitlines()[0]
        assert re.search(r"!\[.+\]\(.+\.(png|svg)\)", question), question.splitlines()[0]


def test_command_line_reference_is_of_this_parser():
    describe_docs = load_script("describe_docs")
    page = describe_docs.COMMAND_LINE
    assert page.read_text(encoding="utf-8") == describe_docs.mended(page), (
        "run scripts/tools/describe_docs.py"
    )


def test_tables_follow_from_the_code():
    tables = load_script("describe_docs")
    assert sorted(tables.ROOMS) == sorted(path.parent.name for path in tables.PACKAGE.glob("*/__init__.py"))
    for page in tables.TABLES:
        assert page.read_text(encoding="utf-8") == tables.mended(page), "run scripts/tools/describe_docs.py"


def toctrees():
    """Pages in the tables of contents of the site."""
    text = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    trees = re.findall(r"^```\{toctree\}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return {line for tree in trees for line in tree.splitlines() if line and line[0] != ":"}


def test_every_page_is_in_the_site_once():
    docs = ROOT / "docs"
    included = set()
    for page in docs.glob("included/*.md"):
        (path,) = re.findall(r"^```\{include\} (\S+)$", page.read_text(), re.MULTILINE)
        assert (page.parent / path).exists(), page
        included.add((page.parent / path).resolve())
    pages = {
        path.relative_to(docs)
        for path in {*PAGES, *docs.glob("included/*.md")} - included - {docs / "index.md"}
        if path.is_relative_to(docs)
    }
    notebooks = {path.relative_to(docs) for path in docs.glob("notebooks/rendered/*.ipynb")}
    assert toctrees() == {path.with_suffix("").as_posix() for path in pages | notebooks}
    assert {ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", ROOT / "data" / "README.md"} < included


def test_every_public_name_is_in_the_reference():
    lines = (ROOT / "docs" / "api.md").read_text(encoding="utf-8").splitlines()
    listed = [line.strip() for line in lines if re.fullmatch(r"   ~?[\w.]+", line)]
    assert {name for name in listed if name[0] != "~"} == set(diehlcook.__all__)
    for name in listed:
        module, _, last = name.removeprefix("~").rpartition(".")
        assert hasattr(importlib.import_module(f"diehlcook.{module}".rstrip(".")), last)


@pytest.mark.parametrize(
    ("folder", "page", "link", "expected"),
    [
        (".", "index", "[x](docs/guide.md#in-python)", "[x](guide.md#in-python)"),
        (".", "index", "![x](docs/scaling.png)", "![x](scaling.png)"),
        (".", "index", "[x](docs/notebooks/rendered)", "[x](notebooks/README.md)"),
        ("docs", "faq", "[`a[0]`](../scripts/test#L3)", "[`a[0]`](site:source/scripts/test.html#L3)"),
        ("docs", "faq", "[x](../src/diehlcook)", "[x](site:source/src/diehlcook/__init__.py.html)"),
        ("docs/companions", "companions/xo", "[x](../search.md)", "[x](../included/search.md)"),
        ("docs/companions", "companions/xo", "[x](../../README.md#mnist)", "[x](../index.md#mnist)"),
        ("docs", "guide", "[x](results) [y](https://a.b) [z](#engines)", "x [y](https://a.b) [z](#engines)"),
        ("docs", "guide", "```\n[x](results)\n```\n[x](results)", "```\n[x](results)\n```\nx"),
    ],
)  # fmt: skip
def test_links_of_the_repository_become_links_of_the_site(folder, page, link, expected, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs" / "_extensions")
    links = importlib.import_module("repository_links")
    assert links.turned(link, (ROOT / folder).resolve(), page) == expected
