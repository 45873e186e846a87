import pytest
import torch
from torch import nn

from offmanifold.attacks import Square, misclassified
from offmanifold.attacks.square import SQUARES, _Window, bump


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_squares_shrink_as_the_paper_says():
    attack = Square(queries=10_000, norm="linf")
    assert [attack.side(q, 32, 32) for q in (1, 11, 51, 201, 9999)] == [29, 20, 14, 10, 1]
    half = Square(queries=5_000, norm="linf")
    assert [half.side(q, 32, 32) for q in (1, 6, 26, 101, 4999)] == [29, 20, 14, 10, 1]
    assert Square(queries=100).side(99, 16, 16) == 3  # a bump has two halves
    assert Square(queries=100, area=1.0).side(0, 8, 20) == 8


def test_a_bump_by_hand():
    two = bump(2)  # one row up, one down; the right column is the middle of each
    ratio = (1 + 1 / 4) / (1 / 4)
    assert two[0, 1] / two[0, 0] == pytest.approx(ratio)
    assert two[0].equal(-two[1])
    for side in (1, 3, 6, 11):
        assert float(bump(side).norm()) == pytest.approx(1)


def test_windows_have_a_place_of_each_image():
    delta = torch.zeros(2, 1, 4, 5)
    window = _Window.at(torch.tensor([[0.0, 0.0], [0.999, 0.999]]), 2, delta)
    put = window.put(delta, 1.0)
    assert put[0, 0, :2, :2].sum() == put[0].sum() == 4
    assert put[1, 0, 2:, 3:].sum() == put[1].sum() == 4
    assert window.take(put).equal(torch.ones(2, 1, 2, 2))
    assert not delta.any()


@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 9, 13), (2, 3, 3)])
def test_every_change_uses_its_ball_up(norm: str, shape: tuple[int, int, int]):
    squares = SQUARES[norm]
    delta = squares.start(torch.rand(7, *shape, generator=seeded()), 0.5)
    generator = seeded(1)
    for side in (3, 2):
        side = max(side, squares.least_side)
        size = delta.flatten(1).norm(dim=1) if norm == "l2" else delta.flatten(1).abs().amax(1)
        torch.testing.assert_close(size, torch.full((7,), 0.5))
        draw = torch.rand(7, 5 + shape[0], generator=generator)
        former, delta = delta, squares.propose(delta, draw, side, 0.5)
        assert not delta.equal(former)
        if norm == "linf":
            torch.testing.assert_close(delta.abs(), torch.full_like(delta, 0.5))


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_it_needs_no_gradient(norm: str):
    class Steps(nn.Module):
        """A linear classifier whose logits are rounded, so that all gradients are zero."""

        def forward(self, x):
            mean = (x.flatten(1).mean(1) * 20).round() / 20 - 0.5
            return torch.stack([mean, -mean], 1)

    x = 0.45 + 0.1 * torch.rand(20, 1, 6, 6, generator=seeded())
    y = Steps()(x).argmax(1)
    eps = {"l2": 1.0, "linf": 0.2}[norm]
    moved = Square(eps, norm, queries=200)(Steps(), x, y, generator=seeded())
    assert misclassified(Steps(), moved, y).float().mean() > 0.8


def test_more_queries_are_never_worse():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.SiLU(), nn.Linear(8, 3))
    x = torch.rand(60, 1, 6, 6)
    y = model(x).argmax(1)
    broken = [
        misclassified(model, Square(0.1, queries=q)(model, x, y, generator=seeded()), y).sum()
        for q in (1, 200)
    ]
    assert broken[1] > broken[0]
