import torch
from torch import nn

from offmanifold.objectives import ERM


def test_cross_entropy_by_hand():
    model = nn.Flatten()
    x = torch.tensor([[0.0, 0.0], [1.0, 0.0]]).view(2, 1, 1, 2)
    loss = ERM()(model, x, torch.tensor([0, 1]), generator=torch.Generator())
    expected = torch.tensor([2.0, 1 + torch.e]).log()
    torch.testing.assert_close(loss.per_sample, expected)
