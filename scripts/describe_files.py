"""Write the table of the files of a run directory into docs/guide.md: python scripts/describe_files.py."""

from pathlib import Path

from diehlcook import layout

PAGE = Path(__file__).parents[1] / "docs" / "guide.md"
BEGIN, END = "<!-- files: scripts/describe_files.py -->\n", "<!-- end of files -->\n"


def page(text: str) -> str:
    """Return the page with the table as it is."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return before + BEGIN + "\n".join(layout.table()) + "\n" + END + after


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
