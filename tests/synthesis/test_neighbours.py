"""Nearest training images, against all distances."""

import torch

from gaussian_data import images
from offmanifold.synthesis.neighbours import nearest


def test_it_is_the_nearest_of_all():
    train = images(40)
    x = torch.rand(5, 1, 4, 5, generator=torch.Generator().manual_seed(0))
    near, distance = nearest(train, x)
    every = torch.cdist(x.flatten(1), train.read(train.rows).x.flatten(1))
    least, place = every.min(1)
    torch.testing.assert_close(distance, least, atol=1e-4, rtol=0)
    assert torch.equal(near, train.read(train.rows).x[place])


def test_a_copy_is_at_no_distance():
    train = images(40)
    near, distance = nearest(train, train.read(train.rows[7:9]).x)
    assert distance.tolist() == [0, 0]
    assert torch.equal(near, train.read(train.rows[7:9]).x)
