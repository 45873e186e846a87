"""The figure of a sweep."""

from pathlib import Path

import pytest

from offmanifold.errors import InputError
from offmanifold.reporting import draw_sweep


def test_the_figure_is_drawn_to_the_format_of_its_name(summary, tmp_path: Path):
    assert draw_sweep(summary, tmp_path / "f.png").read_bytes()[:4] == b"\x89PNG"
    assert b"<svg" in draw_sweep(summary, tmp_path / "f.svg").read_bytes()
    with pytest.raises(InputError, match=r"f\.jpg"):
        draw_sweep(summary, tmp_path / "f.jpg")
