"""The tutorials for readers of Brian2 and of scikit-learn print what they say they print."""

import contextlib
import io
import re
from pathlib import Path

import brian2
import pytest

DOCS = Path(__file__).parents[1] / "docs"
BLOCK = re.compile(r"^```(python|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tutorial_brian2", "tutorial_sklearn"])
def test_blocks_print_what_the_page_says(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    target = brian2.prefs.codegen.target
    names, printed, compared = {"__name__": name}, io.StringIO(), 0
    try:
        for kind, text in BLOCK.findall((DOCS / f"{name}.md").read_text(encoding="utf-8")):
            if kind == "python":
                printed = io.StringIO()
                with contextlib.redirect_stdout(printed):
                    exec(compile(text, name, "exec"), names)  # noqa: S102
            else:
                assert printed.getvalue() == text
                compared += 1
    finally:
        brian2.prefs.codegen.target = target
    assert compared >= 5
