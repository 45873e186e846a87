"""The smallest change: the distance to the boundary of a linear classifier is known."""

from dataclasses import replace

import pytest
import torch

from gaussian_data import SHAPE, D, Linear, rotated, subspace_manifold
from offmanifold._core.errors import InputError
from offmanifold.synthesis import Ascent, as_written, counterfactual, second_best
from offmanifold.synthesis.result import change_norms, in_8_bits

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


def test_what_is_written_still_turns_the_decision():
    found = counterfactual(MODEL, in_8_bits(X), OTHER)
    rounded = in_8_bits(found.images)
    assert not torch.equal(MODEL(rounded).argmax(1), OTHER)  # the decision turns back for some
    written = as_written(MODEL, found)
    assert written.found.all()
    assert torch.equal(MODEL(written.images).argmax(1), OTHER)
    torch.testing.assert_close(written.images * 255, (written.images * 255).round())
    assert torch.equal(written.norms, change_norms(written.images, found.start))
    assert (written.objective > 0).all()
    assert (written.norms <= 1.5 * found.norms + 0.5 / 255 * D**0.5).all()


def test_a_change_that_no_8_bits_can_hold_is_not_found():
    fine = Linear(torch.full((2, D), 1e-3) * torch.tensor([[1.0], [-1.0]]), torch.tensor([0, 1e-4]))
    x = in_8_bits(torch.full((1, *SHAPE), 0.5))
    y = 1 - fine(x).argmax(1)
    start = torch.full_like(x, 0.5001)
    near = counterfactual(MODEL, X[:1], OTHER[:1])
    tiny = replace(near, images=start + 1e-5, start=start, y=y, found=torch.tensor([True]))
    assert not as_written(fine, tiny).found.any()


def test_what_was_not_found_stays_so_and_what_needs_no_change_stays_as_it_is():
    same = as_written(MODEL, counterfactual(MODEL, X, 1 - OTHER))
    assert torch.equal(same.images, X) and same.found.all()
    model = Linear(torch.zeros(2, D), torch.tensor([1.0, 0.0]))
    lost = counterfactual(model, X, torch.ones(6).long(), Ascent(steps=3), rounds=0)
    assert not as_written(model, lost).found.any()
