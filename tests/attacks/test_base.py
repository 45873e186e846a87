import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from offmanifold.attacks import attacks, l2_norms, project_l2


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


def test_the_vocabulary():
    assert "pgd" in attacks
