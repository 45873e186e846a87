"""The smallest change: the distance to the boundary of a linear classifier is known."""

import pytest
import torch

from gaussian_data import SHAPE, D, Linear, rotated, subspace_manifold
from offmanifold.errors import InputError
from offmanifold.synthesis import Ascent, counterfactual, second_best

GENERATOR = torch.Generator().manual_seed(0)
W = torch.randn(2, D, generator=GENERATOR)
MODEL = Linear(W)
X = torch.rand(6, *SHAPE, generator=GENERATOR) * 0.2 + 0.4
OTHER = 1 - MODEL(X).argmax(1)


def margins() -> torch.Tensor:
    logits = MODEL(X).detach()
    rows = torch.arange(6)
    return logits[rows, 1 - OTHER] - logits[rows, OTHER]


def test_it_is_the_distance_to_the_boundary():
    found = counterfactual(MODEL, X, OTHER)
    assert found.found.all()
    assert torch.equal(MODEL(found.images).argmax(1), OTHER)
    distance = margins() / (W[1] - W[0]).norm()
    assert (found.norms >= distance - 1e-6).all()
    torch.testing.assert_close(found.norms, distance, rtol=0.01, atol=1e-4)
    torch.testing.assert_close(found.change, found.images - X)


def test_on_a_manifold_the_change_lies_along_it_and_is_longer():
    axes = rotated(D)[:, :6]
    found = counterfactual(MODEL, X, OTHER, manifold=subspace_manifold(6))
    moved = found.change.flatten(1).double()
    assert found.found.all()
    assert (moved - moved @ axes @ axes.T).norm() < 1e-3 * moved.norm()
    distance = margins() / ((W[1] - W[0]).double() @ axes).norm().float()
    torch.testing.assert_close(found.norms, distance, rtol=0.02, atol=1e-4)


def test_an_image_that_is_of_the_class_already_stays():
    found = counterfactual(MODEL, X, 1 - OTHER)
    assert torch.equal(found.images, X)
    assert found.found.all()
    assert found.steps.tolist() == [0] * 6


def test_more_rounds_never_make_the_change_larger():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(D, 16), torch.nn.SiLU())
    net.append(torch.nn.Linear(16, 3))
    y = second_best(net, X)
    norms = [counterfactual(net, X, y, rounds=r).norms for r in (0, 2, 8)]
    assert (norms[1] <= norms[0] + 1e-6).all()
    assert (norms[2] <= norms[1] + 1e-6).all()
    alone = counterfactual(net, X[4:5], y[4:5], index=torch.tensor([4]))
    torch.testing.assert_close(alone.norms, norms[2][4:5], atol=1e-4, rtol=1e-3)


def test_what_cannot_be_reached_is_not_found():
    model = Linear(torch.zeros(2, D), torch.tensor([1.0, 0.0]))
    found = counterfactual(model, X, torch.ones(6).long(), Ascent(steps=3), rounds=2)
    assert not found.found.any()
    assert torch.equal(found.images, X)


def test_the_second_best_class():
    model = Linear(torch.eye(3, D))
    x = torch.zeros(1, *SHAPE)
    x[0, 0, 0, :3] = torch.tensor([0.2, 0.9, 0.5])
    assert second_best(model, x).tolist() == [2]


def test_classes_out_of_range():
    with pytest.raises(InputError, match="0 to 1"):
        counterfactual(MODEL, X, OTHER + 2)
    with pytest.raises(InputError, match="rounds"):
        counterfactual(MODEL, X, OTHER, rounds=-1)
