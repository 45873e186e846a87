"""Sphinx: pages in Markdown; the reference of measures and commands is made from the code."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import generate

project = "offmanifold"
author = "The offmanifold developers"
copyright = "2026, the offmanifold developers"
extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
suppress_warnings = ["myst.xref_missing"]  # links to files of the repository, which are no pages
html_theme = "furo"
html_title = "offmanifold"
exclude_patterns = ["_build"]

generate.write(Path(__file__).parent / "reference")
