import pytest
import torch
from torch.func import grad, hessian, jacfwd, jacrev, jvp, vmap
from torch.nn import functional as F

from offmanifold.models.activations import silu

X = torch.linspace(-30, 30, 61, dtype=torch.double)


def test_values_and_gradients_are_torchs_own_bit_for_bit():
    for dtype in (torch.float32, torch.bfloat16):
        x = torch.randn(2, 3, 4, 5).to(dtype)
        ours, theirs = (x.clone().requires_grad_() for _ in range(2))
        a, b = silu(ours), F.silu(theirs)
        assert a.equal(b)
        weight = torch.randn_like(x)
        a.backward(weight)
        b.backward(weight)
        assert ours.grad.equal(theirs.grad)


def test_derivatives_against_finite_differences():
    x = X.clone().requires_grad_()
    assert torch.autograd.gradcheck(silu, x, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(silu, x)


def test_the_second_derivative_against_torchs_own():
    def second(f, x: torch.Tensor, graph: bool) -> torch.Tensor:
        x = x.clone().requires_grad_()
        (slope,) = torch.autograd.grad(f(x).sum(), x, create_graph=True)
        return torch.autograd.grad(slope.square().sum(), x, create_graph=graph)[0]

    for graph in (False, True):  # the branch in place, and the one that can be gone through again
        torch.testing.assert_close(second(silu, X, graph), second(F.silu, X, graph))


@pytest.mark.parametrize("transform", [jacfwd, jacrev, hessian])
def test_it_goes_through_the_transforms_of_torch(transform):
    x = torch.randn(3, dtype=torch.double)
    torch.testing.assert_close(
        transform(lambda v: silu(v).sum())(x), transform(lambda v: F.silu(v).sum())(x)
    )
    xs = torch.randn(4, 3, dtype=torch.double)
    expected = vmap(grad(lambda v: F.silu(v).sum()))(xs)
    torch.testing.assert_close(vmap(grad(lambda v: silu(v).sum()))(xs), expected)
    ours, theirs = (
        jvp(grad(lambda v, f=f: f(v).square().sum()), (x,), (x,)) for f in (silu, F.silu)
    )
    torch.testing.assert_close(ours, theirs)
