"""How unlike each other the images of a class are."""

import pytest
import torch

from offmanifold import load_data
from offmanifold.synthesis.diversity import MOST, first_of_each, of_training, within_class


def test_pairs_of_one_class_alone_count_and_classes_count_alike():
    images = torch.zeros(5, 1, 2, 2)
    images[1, 0, 0] = 1.0  # √2 from the first
    images[4] = 2.0  # 4 from the fourth
    y = torch.tensor([3, 3, 7, 1, 1])
    assert within_class(images, y) == pytest.approx((2**0.5 + 4) / 2)


def test_of_one_image_a_class_nothing_is_said():
    assert within_class(torch.rand(3, 1, 2, 2), torch.arange(3)) is None
    assert within_class(torch.rand(2, 1, 2, 2), torch.zeros(2)) is not None


def test_training_images_of_the_classes_asked_for():
    train = load_data("digits").train
    batch = train.read(train.rows)
    own = batch.x[batch.y == 4][:MOST]
    expected = within_class(own, torch.zeros(len(own)))
    assert of_training(train, torch.tensor([4, 4])) == pytest.approx(expected)
    assert of_training(train, torch.tensor([], dtype=torch.long)) is None


def test_a_class_of_which_one_image_was_made_is_not_compared():
    train = load_data("digits").train
    alone, beside = torch.tensor([4, 4]), torch.tensor([4, 4, 7])
    assert of_training(train, beside) == of_training(train, alone)
    assert of_training(train, torch.tensor([4, 7])) is None


def test_of_many_images_the_first_of_each_class_count():
    y = torch.arange(3 * MOST) % 2
    images = torch.rand(len(y), 1, 2, 2)
    few = images[: 2 * MOST]
    assert first_of_each(y).tolist() == list(range(2 * MOST))
    assert within_class(images, y) == within_class(few, y[: 2 * MOST])
    assert len(first_of_each(torch.zeros(0))) == 0
