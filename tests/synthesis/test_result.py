"""Results of batches joined."""

import torch

from offmanifold.synthesis.counterfactuals import Counterfactuals
from offmanifold.synthesis.result import Synthesis, change_norms, join


def made(n: int, value: float) -> Synthesis:
    images = torch.full((n, 1, 2, 2), value)
    one = torch.full((n,), value)
    return Synthesis(images, images, one.long(), one, one, one.long())


def test_joining_keeps_order_type_and_every_field():
    joined = join([made(2, 0.0), made(3, 1.0)])
    assert len(joined) == 5
    assert joined.objective.tolist() == [0, 0, 1, 1, 1]
    part = Counterfactuals(**vars(made(1, 2.0)), found=torch.tensor([True]))
    assert join([part, part]).found.tolist() == [True, True]


def test_norms_are_those_of_each_image():
    start = torch.zeros(2, 3, 2, 2)
    moved = start.clone()
    moved[1] = 0.5
    torch.testing.assert_close(change_norms(moved, start), torch.tensor([0.0, 3**0.5]))
