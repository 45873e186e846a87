"""Projections onto boxes, known pixels and block means, by their conditions of optimality."""

import torch
from torch.nn import functional as F

from offmanifold.synthesis.constraints import BlockMeans, Box, KnownPixels, enlarged

GENERATOR = torch.Generator().manual_seed(0)
X = 3 * torch.rand(4, 2, 6, 6, generator=GENERATOR) - 1  # outside the box too
ROWS = torch.tensor([2, 0])


def test_the_box():
    assert torch.equal(Box().project(X, ROWS), X.clamp(0, 1))
    assert torch.equal(Box().tangent(X, ROWS), X)


def test_known_pixels_are_kept_bitwise_and_directions_have_none_of_them():
    given = torch.rand(4, 2, 6, 6, generator=GENERATOR)
    hole = torch.rand(4, 1, 6, 6, generator=GENERATOR) > 0.5
    set_ = KnownPixels(given, hole)
    found = set_.project(X[ROWS], ROWS)
    known = ~hole[ROWS].expand_as(found)
    assert torch.equal(found[known], given[ROWS][known])
    assert torch.equal(found[~known], X[ROWS].clamp(0, 1)[~known])
    assert not set_.tangent(X[ROWS], ROWS)[known].any()


def test_block_means_hold_and_the_point_is_the_nearest():
    low = torch.rand(4, 2, 3, 3, generator=GENERATOR)
    set_ = BlockMeans(low, 2)
    found = set_.project(X[ROWS], ROWS)
    assert found.min() >= 0
    assert found.max() <= 1
    torch.testing.assert_close(F.avg_pool2d(found, 2), low[ROWS], atol=2e-6, rtol=0)
    # KKT: pixels inside the box moved by one λ a block, those at its walls by no more than λ.
    shift = set_._blocks(found - X[ROWS])
    values = set_._blocks(found)
    inside = (values > 1e-6) & (values < 1 - 1e-6)
    lam = torch.where(inside, shift, torch.nan).nanmean(-1, keepdim=True)
    assert torch.isfinite(lam).any()
    assert torch.where(inside, shift - lam, 0.0).nan_to_num().abs().max() < 1e-5
    assert torch.where(values <= 1e-6, lam - shift, 0.0).nan_to_num().max() < 1e-5
    assert torch.where(values >= 1 - 1e-6, shift - lam, 0.0).nan_to_num().max() < 1e-5


def test_a_direction_along_block_means_changes_none():
    along = BlockMeans(torch.zeros(4, 2, 3, 3), 2).tangent(X, torch.arange(4))
    assert F.avg_pool2d(along, 2).abs().max() < 1e-6
    assert (along * (X - along)).sum().abs() < 1e-3  # an orthogonal projection


def test_enlarging_repeats_pixels():
    low = torch.tensor([[[[1.0, 2.0]]]])
    assert enlarged(low, 2).tolist() == [[[[1, 1, 2, 2], [1, 1, 2, 2]]]]
