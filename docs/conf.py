"""Sphinx makes the documentation site of docs/*.md: scripts/site."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

import diehlcook

project = "diehlcook"
author = "The diehlcook developers"
project_copyright = f"2026, {author}"
version = release = diehlcook.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "repository_links",
    "plain_index",
]
exclude_patterns = ["results", "search.md", "README.md", "_*"]
templates_path = ["_templates"]
default_role = "code"  # names in single backticks in docstrings
highlight_language = "none"  # commands and equations, unless a block names a language
smartquotes = False  # --option is no dash

myst_heading_anchors = 4
myst_links_external_new_tab = False
nb_execution_mode = "off"  # the notebooks are rendered by scripts/tools/render_notebooks.py
nb_merge_streams = True
suppress_warnings = ["mystnb.unknown_mime_type"]

autodoc_preserve_defaults = True  # a default that is a set of equations stays a name
autodoc_typehints = "none"  # numpydoc says the types
autosummary_generate = True
numpydoc_show_class_members = False  # the template of a class shows them

html_theme = "furo"
html_title = f"diehlcook {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
