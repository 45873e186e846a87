from types import SimpleNamespace

import pytest
import torch
from torch import nn

from offmanifold.errors import InputError
from offmanifold.models.checking import check_classifier

SHAPE = (1, 4, 4)


class Returns(nn.Module):
    def __init__(self, output):
        super().__init__()
        self.output = output

    def forward(self, x):
        return self.output


def test_a_classifier_is_returned_as_it_is_with_its_flags():
    model = nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(16, 3))
    model[1].eval()
    flags = [m.training for m in model.modules()]
    checked, outputs = check_classifier(model, SHAPE)
    assert checked is model
    assert outputs == 3
    assert [m.training for m in model.modules()] == flags


def test_object_with_logits_and_single_logit_are_adapted():
    wrapped, outputs = check_classifier(Returns(SimpleNamespace(logits=torch.ones(2, 4))), SHAPE)
    assert outputs == 4
    assert wrapped(torch.rand(2, *SHAPE)).equal(torch.ones(2, 4))
    binary, outputs = check_classifier(Returns(torch.tensor([[1.0], [2.0]])), SHAPE)
    assert outputs == 2
    assert binary(torch.rand(2, *SHAPE)).equal(torch.tensor([[0.0, 1.0], [0.0, 2.0]]))


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ([1, 2], "returned list"),
        (torch.zeros(2, 3, 4), r"shape \(2, 3, 4\)"),
        (torch.zeros(1, 3), r"shape \(1, 3\)"),
        (torch.zeros(2), r"shape \(2,\)"),
        (torch.zeros(2, 0), r"shape \(2, 0\)"),
        (torch.full((2, 3), torch.nan), "NaN"),
    ],
)
def test_what_is_no_classifier_is_named(output, said: str):
    with pytest.raises(InputError, match=said):
        check_classifier(Returns(output), SHAPE)


def test_another_image_size_is_named():
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    with pytest.raises(InputError, match=r"images of size 8×5×1 .*--image-size"):
        check_classifier(model, (1, 8, 5))


def test_the_random_generator_is_left_as_found():
    class Noisy(nn.Module):
        def forward(self, x):
            return torch.rand(len(x), 3)

    state = torch.get_rng_state()
    check_classifier(Noisy(), SHAPE)
    assert torch.get_rng_state().equal(state)
