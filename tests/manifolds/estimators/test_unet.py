import math

import pytest
import torch

from offmanifold.manifolds.estimators.unet import UNet, noise_level


def opened(channels: int = 1, classes: int = 3, width: int = 8) -> UNet:
    """Return a net whose zero-initialised layers speak."""
    torch.manual_seed(0)
    net = UNet(channels, classes, width, depth=1).double()
    for parameter in net.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    return net.requires_grad_(False)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 9, 15), (1, 5, 2), (2, 28, 28), (1, 1, 1)])
@pytest.mark.parametrize("classes", [0, 3])
def test_any_channels_and_size(shape, classes):
    net = opened(shape[0], classes)
    x = torch.rand(2, *shape).double()
    field = net(x, torch.zeros(2).double(), torch.full((2,), classes))
    assert field.shape == x.shape
    assert field.abs().max() > 1e-3


def test_it_starts_at_zero():
    net = UNet(1, 2, width=8, depth=1)
    assert not net(torch.rand(2, 1, 8, 8), torch.zeros(2), torch.zeros(2).long()).any()


def test_an_image_s_field_depends_on_it_alone():
    net = opened()
    x, level = torch.rand(5, 1, 7, 10).double(), torch.linspace(-2, 1, 5).double()
    label = torch.tensor([0, 1, 2, 3, 0])
    alone = torch.cat([net(x[i : i + 1], level[i : i + 1], label[i : i + 1]) for i in range(5)])
    torch.testing.assert_close(net(x, level, label), alone)


def test_it_hears_the_noise_level_and_the_class():
    net, x = opened(), torch.rand(1, 1, 8, 8).double()
    fields = [
        net(x, torch.tensor([level]).double(), torch.tensor([label]))
        for level, label in ((0.0, 0), (1.0, 0), (0.0, 1), (0.0, 3))
    ]
    for other in fields[1:]:
        assert (other - fields[0]).abs().max() > 1e-4


def test_every_pixel_of_a_padded_image_is_seen():
    net = opened()
    x = torch.rand(1, 1, 5, 7).double().requires_grad_()
    field = net(x, torch.zeros(1).double(), torch.tensor([0]))
    (gradient,) = torch.autograd.grad(field.square().sum(), x)
    assert (gradient != 0).all()


def test_noise_level_is_that_of_edm_times_pi():
    sigma = torch.tensor([0.5, 1.0, math.e])
    torch.testing.assert_close(noise_level(sigma), math.pi / 4 * sigma.log())
