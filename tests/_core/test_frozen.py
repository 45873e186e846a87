import pytest
import torch
from torch import nn

from offmanifold._core.frozen import frozen


def mixed() -> nn.Sequential:
    """A network whose parts differ in mode and in which parameters are trained."""
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 3)
    )
    model[2].eval()
    model[1].bias.requires_grad_(False)
    model[4].weight.grad = torch.ones(3, 4)
    return model


def flags(model: nn.Module) -> list[bool]:
    return [m.training for m in model.modules()] + [p.requires_grad for p in model.parameters()]


def test_inside_everything_is_in_eval_mode_and_needs_no_gradient():
    model = mixed()
    with frozen(model) as same:
        assert same is model
        assert not any(flags(model))


@pytest.mark.parametrize("error", [None, ZeroDivisionError, KeyboardInterrupt])
def test_every_flag_and_gradient_is_restored(error: type[BaseException] | None):
    model = mixed()
    before = flags(model)
    assert True in before
    assert False in before
    if error is None:
        with frozen(model):
            pass
    else:
        with pytest.raises(error), frozen(model):
            raise error
    assert flags(model) == before
    assert model[4].weight.grad.equal(torch.ones(3, 4))
    assert model[1].weight.grad is None


def test_frozen_twice():
    model = mixed()
    before = flags(model)
    with frozen(model):
        with frozen(model):
            pass
        assert not any(flags(model))
    assert flags(model) == before
