"""Momentum by hand; Adam against torch's own."""

import pytest
import torch

from offmanifold.synthesis.rules import RULES, Adam, Momentum, unit

G = torch.randn(5, 3, 1, 4, 4, generator=torch.Generator().manual_seed(0))


def normalised(v: torch.Tensor) -> torch.Tensor:
    return v / v.flatten(1).norm(dim=1)[:, None, None, None]


def test_momentum_adds_unit_gradients_and_gives_unit_steps():
    rule, v = Momentum(0.5), torch.zeros_like(G[0])
    for g in G:
        v = 0.5 * v + normalised(g)
        torch.testing.assert_close(rule.step(g), normalised(v))


def test_adam_is_torchs_on_unit_gradients():
    x = torch.zeros_like(G[0], requires_grad=True)
    theirs = torch.optim.Adam([x], lr=1.0, maximize=True)
    rule, total = Adam(0.9), torch.zeros_like(G[0])
    for g in G:
        x.grad = normalised(g)
        theirs.step()
        total += rule.step(g) * 4  # √d
    torch.testing.assert_close(total, x.detach(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["momentum", "adam"])
def test_an_image_moves_alike_when_others_leave(name):
    alone, beside, rows = RULES[name](0.9), RULES[name](0.9), torch.tensor([2])
    for i, g in enumerate(G):
        expected = alone.step(g[rows])
        if i == 2:
            beside.keep(rows)
        found = beside.step(g[rows] if i >= 2 else g)
        torch.testing.assert_close(found if i >= 2 else found[rows], expected)


def test_no_gradient_gives_no_step_and_no_nan():
    for name in ("momentum", "adam"):
        assert not RULES[name](0.9).step(torch.zeros(1, 1, 2, 2)).any()


@pytest.mark.parametrize("size", [1e-12, 1e-25, 1e-30])
def test_a_direction_is_of_length_one_however_small_the_gradient(size):
    torch.testing.assert_close(unit(size * G[0]), normalised(G[0]))
    for name in ("momentum", "adam"):
        rule, plain = RULES[name](0.5), RULES[name](0.5)
        steps = [(rule.step(size * G[0]), plain.step(G[0])), (rule.step(G[1]), plain.step(G[1]))]
        for step, expected in steps:
            torch.testing.assert_close(step, expected)
