import dataclasses

import pytest
import torch
from torch import nn

from offmanifold._core.registry import from_config, to_config
from offmanifold.objectives import PGD, Noise, Resources, objectives

NAMES = ("aligned", "erm", "gradient_norm", "noise", "pgd", "smoothness", "trades")


class FourPixels:
    """Training images by which objectives are prepared."""

    labels = classes = ("a", "b", "c")
    class_means = torch.rand(3, 1, 4, 3, generator=torch.Generator().manual_seed(5))


def ready(name: str):
    return objectives[name]().prepare(Resources(train_data=FourPixels()))


def test_all_are_here():
    assert set(NAMES) <= set(objectives)


@pytest.mark.parametrize("name", NAMES)
def test_the_contract(name: str):
    objective = objectives[name]()
    assert objective.name == name
    assert objective.needs <= {"manifold", "train_data"}
    assert isinstance(objective.compiles, bool)
    prepared = ready(name)
    if not objective.needs:
        assert prepared == objective
    elif objective.strength is not None:  # as the warm-up varies it
        weaker = dataclasses.replace(prepared, **{objective.strength: 0.1})
        assert getattr(weaker, objective.strength) == 0.1
    assert from_config(objectives, to_config(objective)) == objective
    if objective.strength is not None:
        assert objective.strength in {f.name for f in dataclasses.fields(objective)}


def test_of_one_name_and_attack():
    """The objective and the attack share a name in two vocabularies."""
    assert objectives["pgd"] is PGD
    assert objectives["noise"] is Noise


@pytest.mark.parametrize("name", NAMES)
def test_images_without_a_gradient_leave_the_weights_numbers(name: str):
    """Units that none of the images wakes, as dead ones of a ReLU."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 3))
    with torch.no_grad():
        model[1].weight.abs_()
        model[1].bias.fill_(-0.01)
    x, y = torch.rand(6, 1, 4, 3), torch.arange(6) % 3
    x[:3] = 0
    ready(name)(model, x, y, generator=torch.Generator().manual_seed(0)).per_sample.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_a_loss_an_image_that_leaves_no_trace_but_its_own_graph(name: str):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 8), nn.SiLU(), nn.Linear(8, 3))
    model[1].eval()
    model[3].bias.requires_grad_(False)
    model[3].weight.grad = torch.full((3, 8), 7.0)
    x, y = torch.rand(5, 1, 4, 3), torch.tensor([0, 1, 2, 0, 1])
    rng, before = torch.get_rng_state(), x.clone()
    loss = ready(name)(model, x, y, generator=torch.Generator().manual_seed(0))
    assert loss.per_sample.shape == (5,)
    assert all(part.shape == (5,) for part in loss.parts.values())
    assert not {"loss", "step"} & loss.parts.keys()  # names of the log
    assert torch.get_rng_state().equal(rng)
    assert x.equal(before)
    assert not x.requires_grad
    assert [m.training for m in model.modules()] == [True, True, False, True, True]
    assert [p.requires_grad for p in model.parameters()] == [True, True, True, False]
    assert (model[3].weight.grad == 7).all()
    assert model[1].weight.grad is None
    loss.per_sample.mean().backward()
    assert model[1].weight.grad.norm() > 0


@pytest.mark.parametrize("name", NAMES)
def test_under_bf16_the_loss_is_float32(name: str):
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
    x, y = torch.rand(4, 1, 4, 3), torch.tensor([0, 1, 2, 0])
    with torch.autocast("cpu", torch.bfloat16):
        loss = ready(name)(model, x, y, generator=torch.Generator().manual_seed(0))
    assert loss.per_sample.dtype == torch.float32
    loss.per_sample.mean().backward()
    assert model[1].weight.grad.isfinite().all()
