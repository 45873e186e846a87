"""Scalars of logits against float64 and closed forms, however sure the classifier is."""

import math

import pytest
import torch
from torch.nn import functional as F

from offmanifold.models.scalars import SCALARS, cross_entropy, decided, log_odds, margin

LOGITS = torch.tensor([[2.0, 1.0, 0.5], [0.0, -1.0, 3.0], [40.0, 0.0, 1.0], [-700.0, 90.0, 0.0]])
Y = torch.tensor([0, 1, 0, 0])


def test_by_hand():
    expected = [2 - math.log(math.e + math.exp(0.5)), -1 - math.log(1 + math.exp(3))]
    torch.testing.assert_close(log_odds(LOGITS, Y)[:2], torch.tensor(expected))
    assert float(log_odds(LOGITS, Y)[2]) == pytest.approx(40 - math.log(1 + math.e), rel=1e-6)
    assert margin(LOGITS, Y).tolist() == [1.0, -4.0, 39.0, -790.0]


def test_the_cross_entropy_of_a_sure_answer_has_all_its_digits():
    assert float(F.cross_entropy(LOGITS[2:3], Y[2:3])) == 0  # where torch's own has none
    exact = math.log1p((1 + math.e) * math.exp(-40))
    assert float(cross_entropy(LOGITS, Y)[2]) == pytest.approx(exact, rel=1e-5)
    double = F.cross_entropy(LOGITS.double(), Y, reduction="none")
    torch.testing.assert_close(cross_entropy(LOGITS.double(), Y)[[0, 1, 3]], double[[0, 1, 3]])


@pytest.mark.parametrize("scale", [0.1, 1.0, 10.0, 100.0])
@pytest.mark.parametrize("name", SCALARS)
def test_the_core_s_gradient_has_the_direction_and_the_slope_gives_its_length(name, scale):
    """∇s = slope · ∇core in float64; in float32 the core's gradient is that of float64."""
    generator = torch.Generator().manual_seed(0)
    f = scale * torch.randn(50, 6, generator=generator, dtype=torch.double)
    y = torch.arange(50) % 6

    def gradients(f):
        f = f.clone().requires_grad_()
        core = SCALARS[name].core(f, y)
        (of_core,) = torch.autograd.grad(core.sum(), f)
        (of_value,) = torch.autograd.grad(SCALARS[name](f, y).sum(), f)
        return of_core, of_value, SCALARS[name].slope(core.detach())

    of_core, of_value, slope = gradients(f)
    torch.testing.assert_close(slope[:, None] * of_core, of_value)
    assert (slope > 0).all()
    torch.testing.assert_close(gradients(f.float())[0].double(), of_core, rtol=1e-3, atol=1e-6)


def test_two_classes_are_one_logit():
    s = torch.tensor([-30.0, 0.5, 17.5, 200.0], requires_grad=True)
    both = torch.stack([torch.zeros_like(s), s], 1)
    u = log_odds(both, torch.ones(4).long())
    torch.testing.assert_close(u, s)
    (gradient,) = torch.autograd.grad(u.sum(), s)
    assert gradient.tolist() == [1.0] * 4


def test_a_class_that_is_never_answered_decides_nothing():
    lacking, nobody = [1.0, -torch.inf, 0.0], [-torch.inf] * 3
    logits = torch.tensor([lacking, nobody, [torch.nan, 1.0, 0.0], [torch.inf, 1.0, 0.0]])
    assert decided(logits).tolist() == [True, False, False, False]
