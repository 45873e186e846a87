"""The numbers of a result."""

import torch

from offmanifold.synthesis.result import change_norms


def test_norms_are_those_of_each_image():
    start = torch.zeros(2, 3, 2, 2)
    moved = start.clone()
    moved[1] = 0.5
    torch.testing.assert_close(change_norms(moved, start), torch.tensor([0.0, 3**0.5]))
