import torch

import offmanifold as om
from offmanifold.models.first_batch import DRAWN, REAL, drawn_images, some_images


def test_drawn_images_are_the_same_each_time_in_range_and_not_flat():
    for shape in ((1, 4, 4), (3, 9, 7)):
        x = drawn_images(shape)
        assert x.shape == (DRAWN, *shape)
        assert x.equal(drawn_images(shape))
        assert x.min() >= 0 and x.max() <= 1
        assert (x.flatten(1).std(1) > 0.01).all()


def test_real_images_are_of_training():
    data = om.load_data("digits")
    x = some_images(data)
    assert x.shape == (REAL, *data.shape)
    train = data.train.read(data.train.rows).x
    assert all(bool((train == image).flatten(1).all(1).any()) for image in x)
    assert not torch.equal(x[0], x[1])
