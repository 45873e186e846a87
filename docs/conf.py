"""Sphinx: pages in Markdown; the reference of measures and commands is made from the code."""

import re
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
html_theme = "furo"
html_title = "offmanifold"
exclude_patterns = ["_build"]

HERE = Path(__file__).parent
generate.write(HERE / "reference")
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((\.\./[^)\s]+)\)")


def links_within(app, page: str, source: list[str]) -> None:
    """Show what lies in the repository but is no page as its path; its links lead nowhere here."""

    def shown(link: re.Match[str]) -> str:
        place = (HERE / page).parent / link[2]
        path = place.resolve().relative_to(HERE.parent).as_posix()
        if path.startswith("docs/"):
            return link[0]
        if path in generate.PAGES:
            return f"[{link[1]}](/{generate.PAGES[path]})"
        return f"`{path}`" if link[1] == path else f"{link[1]} (`{path}`)"

    source[0] = LINK.sub(shown, source[0])


def setup(app) -> None:
    """Let Sphinx ask for each page as it reads it."""
    app.connect("source-read", links_within)
