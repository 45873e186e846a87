"""Pictures keep their pixels, their sign and one scale."""

import base64
import io

import numpy as np
import torch
from PIL import Image

from offmanifold.reports import pictures


def pixels(uri):
    head, data = uri.split(",", 1)
    assert head == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")).astype(int)


def test_an_image_keeps_its_values():
    x = torch.rand(3, 5, 7)
    assert np.abs(pixels(pictures.picture(x)) / 255 - x.permute(1, 2, 0).numpy()).max() < 0.003
    grey = pixels(pictures.picture(x[:1]))
    assert (grey[..., 0] == grey[..., 2]).all() and grey.shape == (5, 7, 3)


def test_a_grey_direction_is_red_above_and_blue_below_white_zero():
    v = torch.tensor([[[-9.0, -1.0, 0.0, 1.0, 9.0]]])
    drawn = pixels(pictures.direction(v, c=1.0))[0]
    assert (drawn[2] == 255).all()
    assert drawn[1].tolist() == drawn[0].tolist() == list(pictures.STOPS[0])
    assert drawn[3].tolist() == drawn[4].tolist() == list(pictures.STOPS[-1])


def test_a_colour_direction_is_about_mid_grey():
    v = torch.tensor([0.0, 0.5, -2.0]).view(3, 1, 1)
    assert pixels(pictures.direction(v, c=0.5))[0, 0].tolist() == [128, 255, 1]


def test_unusual_channels_and_values_are_drawn():
    assert pixels(pictures.picture(torch.rand(2, 3, 3))).shape == (3, 3, 3)
    assert pixels(pictures.picture(torch.rand(7, 3, 3))).shape == (3, 3, 3)
    assert (pixels(pictures.direction(torch.full((1, 2, 2), torch.nan), 1.0)) == 255).all()


def test_the_range_is_the_least_at_which_few_values_clip():
    d = 100
    v = torch.full((1, 1, 10, 10), 0.1)  # every value is 1/√d
    assert pictures.colour_range([v]) == (pictures.RANGES[0], 0.0)
    noise = torch.randn(50, 1, 10, 10, generator=torch.Generator().manual_seed(0))
    noise /= noise.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    k, beyond = pictures.colour_range([noise.half()])
    assert beyond <= 0.02 and k == 2.5
    assert abs((noise.abs() > k / d**0.5).float().mean().item() - beyond) < 1e-3


def test_images_are_chosen_by_class_in_order():
    assert pictures.choose([3, 1, 1, 3, 0], 3) == [4, 1, 0]
    assert pictures.choose([1, 0, 1, 0], 4) == [1, 0, 3, 2]
    assert pictures.choose([-1, -1, -1], 2) == [0, 1]
