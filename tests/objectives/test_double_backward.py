"""DoubleBackward changes the way to a second derivative, never its value."""

import contextlib

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from offmanifold.models import SmallResNet
from offmanifold.objectives.double_backward import DoubleBackward


class Functional(nn.Module):
    """Convolutions in the forms that are left to torch."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 2, 3, 3).double())

    def forward(self, x: Tensor) -> Tensor:
        x = F.conv2d(x, self.weight, padding=1)
        x = F.conv2d(x[:, :2], self.weight, None, 1, 1, 1, 1)
        return torch.stack([F.conv2d(i[:2], self.weight, None, (1, 1), (0, 0)) for i in x])


NETWORKS = {
    "plain": lambda: nn.Conv2d(2, 3, 3, padding=1),
    "no bias": lambda: nn.Conv2d(2, 3, 3, bias=False),
    "stride": lambda: nn.Conv2d(2, 3, 3, stride=(2, 1), padding=(1, 0)),
    "dilation": lambda: nn.Conv2d(2, 3, 3, dilation=2, padding=2),
    "groups": lambda: nn.Conv2d(2, 4, 3, groups=2),
    "same": lambda: nn.Conv2d(2, 3, 3, padding="same"),
    "reflect": lambda: nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect"),
    "transposed": lambda: nn.ConvTranspose2d(2, 3, 3, stride=2),
    "depth": lambda: nn.Sequential(nn.Unflatten(1, (1, 2)), nn.Conv3d(1, 3, 2, padding=1)),
    "rows": lambda: nn.Sequential(nn.Flatten(2), nn.Conv1d(2, 3, 3)),
    "functional": Functional,
    "batch norm": lambda: nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Conv2d(3, 2, 1)),
}


def penalty(model: nn.Module, x: Tensor, way) -> Tensor:
    x = x.detach().requires_grad_()
    with way as graph:
        y = model(x).float().flatten(1).tanh().square().sum(1)
    if graph is None:
        (gradient,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    else:
        gradient = graph.gradient(y.sum(), x)
    return y.mean() + gradient.square().sum()


def both(model: nn.Module, x: Tensor) -> list[list[Tensor]]:
    """Return value and weight gradients, by DoubleBackward and by torch."""
    found = []
    for way in (DoubleBackward(), contextlib.nullcontext()):
        value = penalty(model, x, way)
        found.append([value, *torch.autograd.grad(value, list(model.parameters()))])
    return [[t.detach() for t in tensors] for tensors in found]


@pytest.mark.parametrize("name", NETWORKS)
def test_as_torch_does_it(name: str):
    torch.manual_seed(0)
    one, two = NETWORKS[name](), nn.Conv2d(2, 2, 1)
    model = nn.Sequential(two, nn.SiLU(), one).double()
    ours, theirs = both(model, torch.rand(3, 2, 7, 6).double())
    assert all(bool(t.abs().sum() > 0) for t in theirs)
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("channels_last", [False, True])
def test_in_autocast(channels_last: bool):
    torch.manual_seed(0)
    model, x = SmallResNet(1, 3), torch.rand(4, 1, 12, 12)
    if channels_last:
        model, x = (v.to(memory_format=torch.channels_last) for v in (model, x))
    with torch.autocast("cpu", torch.bfloat16):
        ours, theirs = both(model, x)
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.dtype == other.dtype
        assert float((mine - other).norm()) <= 0.02 * float(other.norm())


def test_the_weights_of_a_frozen_layer_get_no_gradient():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.SiLU(), nn.Conv2d(2, 2, 3))
    model[0].requires_grad_(False)
    penalty(model, torch.rand(2, 1, 8, 8), DoubleBackward()).backward()
    assert model[0].weight.grad is None
    assert float(model[2].weight.grad.norm()) > 0


def test_a_graph_ends_with_its_forward_pass():
    layer, x = nn.Conv2d(1, 1, 3), torch.rand(1, 1, 4, 4, requires_grad=True)
    with DoubleBackward():
        assert "_Convolution" in str(layer(x).grad_fn)
    assert "_Convolution" not in str(layer(x).grad_fn)
