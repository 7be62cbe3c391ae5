"""Links in the documentation lead somewhere; what is generated is of this code."""

import re
from pathlib import Path

import pytest
from conftest import load_script

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("docs/companions/*.md"),
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
