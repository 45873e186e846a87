"""Fonts that hold Japanese: names for a browser to choose from, and the one found here."""

import functools
from contextlib import suppress
from typing import Any

from matplotlib import font_manager

FAMILIES = (
    "Hiragino Sans",
    "Yu Gothic UI",
    "Yu Gothic",
    "Meiryo",
    "Noto Sans CJK JP",
    "Noto Sans JP",
    "IPAexGothic",
    "IPAPGothic",
    "IPAGothic",
    "TakaoPGothic",
    "VL PGothic",
    "MS Gothic",
)
"""Families with Japanese, of macOS, Windows and Linux."""


@functools.cache
def japanese_family() -> str | None:
    """Return the first of FAMILIES that is installed here, or None."""
    manager = font_manager.fontManager
    listed = {font.fname for font in manager.ttflist}
    for path in sorted(set(font_manager.findSystemFonts()) - listed):
        with suppress(RuntimeError, OSError, ValueError):  # a file that FreeType cannot read
            manager.addfont(path)  # installed since matplotlib made its list
    installed = {font.name for font in manager.ttflist}
    return next((name for name in FAMILIES if name in installed), None)


def style_of(language: str) -> dict[Any, Any]:
    """Return the matplotlib settings of text in a language: a family that has its characters."""
    family = japanese_family() if language == "ja" else None
    return {} if family is None else {"font.family": [family, "DejaVu Sans"]}


def css_families() -> str:
    """Return the families as CSS writes them, a generic one last."""
    return ", ".join([*(f"'{name}'" for name in FAMILIES), "sans-serif"])
