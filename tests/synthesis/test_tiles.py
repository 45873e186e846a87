"""Images brought to the size of a model, whole or in pieces."""

from pathlib import Path

import pytest
import torch

from offmanifold._core.errors import InputError
from offmanifold.synthesis.tiles import cut, fitted

X = torch.rand(2, 7, 10, generator=torch.Generator().manual_seed(0))


def test_pieces_are_put_together_again_at_any_scale():
    tiles = cut(X, (3, 4))
    assert tiles.pieces.shape == (9, 2, 3, 4)
    assert torch.equal(tiles.whole(tiles.pieces), X)
    double = tiles.pieces.repeat_interleave(2, 2).repeat_interleave(2, 3)
    expected = X.repeat_interleave(2, 1).repeat_interleave(2, 2)
    assert torch.equal(tiles.whole(double, 2), expected)
    assert torch.equal(cut(X, (7, 10)).pieces[0], X)
    assert torch.equal(cut(X, (20, 30)).whole(cut(X, (20, 30)).pieces), X)  # smaller than a piece


def test_another_size_is_refused_unless_one_says_how():
    path = Path("part.png")
    with pytest.raises(InputError, match="part.png is 7×10 and 5×5 is needed; `fit` resize"):
        fitted(X, (5, 5), None, path)
    for size, more in (((5, 5), {"tiled": False}), ((8, 8), {})):
        with pytest.raises(InputError, match="`fit` resize scales it and crops its middle$"):
            fitted(X, size, None, path, **more)
    assert fitted(X, (5, 5), "tile", path).pieces.shape == (4, 2, 5, 5)
    resized = fitted(X, (5, 5), "resize", path)
    assert resized.pieces.shape == (1, 2, 5, 5)
    assert torch.equal(fitted(X, (7, 10), None, path).pieces[0], X)
