import io
import re
from pathlib import Path

import pytest
from PIL import Image

from offmanifold.reports.theory import draw_regimes

BOUNDS = (0.3, 0.05)
POINTS = [
    (0.01, 30.0, 0.1, "weak"),
    (1.0, 1.0, 0.01, "weak"),
    (10.0, 0.1, 0.005, "bayes-aligned"),
    (1e3, 0.01, 0.5, "excessive"),
]


def drawn(points, path: Path, format: str = "svg") -> bytes:
    draw_regimes(points, path, format, BOUNDS)
    return path.read_bytes()


def test_regimes_curves_and_bounds_are_named(tmp_path: Path):
    words = re.findall(r">([^<>]+)</text>", drawn(POINTS, tmp_path / "a.svg").decode())
    for part in ("weak: ρ > 0.3", "Bayes-aligned", "risk > 0.05", "strength λ", "excess risk"):
        assert any(part in word.replace("&gt;", ">") for word in words), part


def test_the_same_points_give_the_same_bytes(tmp_path: Path):
    one, other = (drawn(POINTS, tmp_path / name) for name in ("a.svg", "b.svg"))
    assert one == other
    assert drawn(POINTS[1:], tmp_path / "c.svg") != one


def test_a_regime_that_does_not_occur_is_not_drawn(tmp_path: Path):
    assert "excessive" not in drawn(POINTS[:3], tmp_path / "a.svg").decode()


@pytest.mark.parametrize(("place", "strongest"), [(0.15, 2), (0.95, 0)])
def test_the_shade_is_the_regimes(tmp_path: Path, place: float, strongest: int):
    """Blue on the left, orange on the right, at a height without curve or text."""
    with Image.open(io.BytesIO(drawn(POINTS, tmp_path / "a.png", "png"))) as picture:
        width, height = picture.size
        pixel = picture.convert("RGB").getpixel((int(place * width), int(0.3 * height)))
    assert isinstance(pixel, tuple)
    assert max(range(3), key=lambda channel: pixel[channel]) == strongest
    assert len(set(pixel)) > 1
