import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from offmanifold._core.errors import InputError
from offmanifold.attacks.balls import ball_of, check_eps, l2_norms, project_l2


def test_norms_are_of_each_image():
    v = torch.zeros(2, 1, 2, 2)
    v[0, 0, 0] = torch.tensor([3.0, 4.0])
    assert l2_norms(v).equal(torch.tensor([5.0, 0.0]).view(2, 1, 1, 1))


def test_projection_by_hand():
    x = torch.zeros(3, 1, 1, 2)
    moved = torch.tensor([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]]).view(3, 1, 1, 2)
    expected = torch.tensor([[0.6, 0.8], [0.3, 0.4], [0.0, 0.0]]).view(3, 1, 1, 2)
    torch.testing.assert_close(project_l2(x, moved, 1.0), expected)
    torch.testing.assert_close(project_l2(x, -moved, 1.0), torch.zeros_like(x))
    torch.testing.assert_close(project_l2(x, -moved, 1.0, box=False), -expected)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.floats(1e-3, 30), st.booleans())
def test_every_image_ends_in_its_ball_and_in_the_box(seed: int, eps: float, box: bool):
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(6, 2, 5, 3, generator=generator).round(decimals=1)  # 0 and 1 among them
    scale = torch.tensor([0, 1e-6, 0.01, 1, 30, 1e4]).view(6, 1, 1, 1)
    moved = x + scale * torch.randn(x.shape, generator=generator)
    result = project_l2(x, moved, eps, box=box)
    norms = (result.double() - x.double()).flatten(1).norm(dim=1)
    assert (norms <= eps * (1 + 1e-6)).all(), norms
    if box:
        assert 0 <= result.min() <= result.max() <= 1
    inside = (moved - x).flatten(1).norm(dim=1) < eps * 0.999
    kept = moved.clamp(0, 1) if box else moved
    torch.testing.assert_close(result[inside], kept[inside])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from(["l2", "linf"]), st.floats(1e-3, 3), st.booleans())
def test_starts_and_steps_of_every_norm(seed: int, norm: str, eps: float, box: bool):
    ball, generator = ball_of(norm), torch.Generator().manual_seed(seed)
    x = torch.rand(5, 2, 4, 3, generator=generator)
    radius = eps * torch.linspace(0.1, 1, 5).view(5, 1, 1, 1)
    for eps_of in (eps, radius):  # one for all, and one an image
        start = ball.start(x, eps_of, generator, box=box)
        assert (ball.norms(start.double() - x.double()) <= eps_of * (1 + 1e-6)).all()
        far = ball.project(x, x + 9 * torch.randn(x.shape, generator=generator), eps_of, box=box)
        assert (ball.norms(far.double() - x.double()) <= eps_of * (1 + 1e-6)).all()
        if box:
            assert 0 <= min(start.min(), far.min()) <= max(start.max(), far.max()) <= 1
    gradient = torch.randn(x.shape, generator=generator)
    step = ball.steepest(gradient)
    torch.testing.assert_close(ball.norms(step), torch.ones(5, 1, 1, 1))
    dual = {"l2": gradient.flatten(1).norm(dim=1), "linf": gradient.flatten(1).abs().sum(1)}[norm]
    torch.testing.assert_close((step * gradient).flatten(1).sum(1), dual)  # no step rises more


def test_the_linf_ball_by_hand():
    x = torch.tensor([0.0, 0.5, 1.0]).view(1, 1, 1, 3)
    moved = torch.tensor([0.3, 0.1, 2.0]).view(1, 1, 1, 3)
    expected = torch.tensor([0.2, 0.3, 1.2]).view(1, 1, 1, 3)
    torch.testing.assert_close(ball_of("linf").project(x, moved, 0.2, box=False), expected)
    torch.testing.assert_close(
        ball_of("linf").project(x, moved, 0.2), expected.clamp(0, 1), rtol=0, atol=1e-6
    )


def test_an_unknown_norm():
    with pytest.raises(InputError, match='unknown norm "l1".*known: l2, linf'):
        ball_of("l1")


@pytest.mark.parametrize("eps", [0.0, -1.0, math.nan, math.inf])
def test_a_radius_that_is_none(eps: float):
    with pytest.raises(InputError, match="who needs a finite eps > 0"):
        check_eps(eps, "who")
