"""What the studies share: records as a CSV file, Markdown tables, and what is measured, between marks in a page of the docs."""

import csv
import io
from collections.abc import Container, Iterable, Mapping
from pathlib import Path

from diehlcook.whole import write_whole

END = "<!-- end of measured -->\n"

Row = dict[str, str]


def put(page: Path, script: str, text: str, folder: str = "studies") -> None:
    """Put a text between the marks of a script of scripts/FOLDER in a page; a page that is not there is left alone."""
    if page.exists():
        begin = f"<!-- measured: scripts/{folder}/{script} -->\n"
        before, rest = page.read_text(encoding="utf-8").split(begin)
        after = rest.split(END, maxsplit=1)[1]
        page.write_text(f"{before}{begin}\n{text.strip()}\n\n{END}{after}", encoding="utf-8")


def table(head: str, rows: Iterable[Iterable[object]], right: Container[int] = ()) -> str:
    """Return a Markdown table without a newline at its end; `head` is its first line, columns `right` stand to the right."""
    rule = "".join("---:|" if k in right else "---|" for k in range(head.count("|") - 1))
    return "\n".join([head, f"|{rule}", *(f"| {' | '.join(map(str, row))} |" for row in rows)])


def read_rows(table: Path) -> list[Row]:
    """Return the rows of a table; none if it is not there."""
    if not table.exists():
        return []
    with table.open(newline="") as file:
        return list(csv.DictReader(file))


def write_rows(table: Path, rows: Iterable[Mapping[str, str]]) -> None:
    """Write a table anew; if it is interrupted before, what was there stays."""
    rows = list(rows)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(table, lambda file: file.write(text.getvalue().encode()))


def append_row(table: Path, row: Mapping[str, str]) -> None:
    """Add a row to a table, which is made if needed."""
    append_rows(table, [row])


def append_rows(table: Path, rows: Iterable[Mapping[str, str]]) -> None:
    """Add rows to a table, which is made if needed, all of them at once or, if it is interrupted before, none.

    Raises
    ------
    ValueError
        The table has other columns than the rows.
    """
    rows = list(rows)
    new = not table.exists()
    if not new:
        with table.open(newline="") as file:
            columns = next(csv.reader(file))
        if columns != list(rows[0]):
            raise ValueError(f"{table} has the columns {columns}, not {list(rows[0])}; make it anew")
    table.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    if new:
        writer.writeheader()
    writer.writerows(rows)
    with table.open("a", newline="") as file:
        file.write(text.getvalue())
