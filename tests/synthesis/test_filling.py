"""What every use shares once its start and its constraint are known."""

from dataclasses import replace

import pytest
import torch

from gaussian_data import SHAPE, D, GaussianManifold, Linear
from offmanifold._core.errors import InputError
from offmanifold.synthesis import Ascent, Box, Method
from offmanifold.synthesis.ascent import SILENT
from offmanifold.synthesis.filling import device_of, fill, made, passes, predicted, value_of

MANIFOLD = GaussianManifold(torch.full((1, D), 0.5), 0.05 * torch.eye(D))
MODEL = Linear(torch.randn(3, D, generator=torch.Generator().manual_seed(0)))
START = torch.rand(4, *SHAPE, generator=torch.Generator().manual_seed(1))


class Count:
    done = 0

    def __init__(self):
        self.shown = []

    def advance(self, steps=1, /, **numbers):
        self.done += steps
        self.shown += [numbers] if numbers else []


@pytest.mark.parametrize("mode", ["ascent", "projected", "denoised", "manifold"])
def test_the_bar_is_told_as_many_passes_as_said(mode):
    method = Method(mode, draws=4, candidates=1, ascent=Ascent(steps=7, eps=1.0, until=-0.01))
    count = Count()
    found = fill(MODEL, START, None, method, manifold=MANIFOLD, constraint=Box(), bar=count)
    assert count.done == passes(method) == (14 if mode == "manifold" else 7)
    assert torch.equal(found.y, predicted(MODEL, found.start))
    torch.testing.assert_close(
        found.norms, (found.images - found.start).flatten(1).norm(dim=1), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("mode", ["ascent", "projected", "denoised", "manifold"])
def test_without_a_class_each_image_is_the_candidate_of_highest_objective(mode):
    method = Method(mode, draws=4, ascent=Ascent(steps=7, eps=1.0))

    def filled(y, how=method, bar=SILENT):
        return fill(MODEL, START, y, how, manifold=MANIFOLD, constraint=Box(), bar=bar)

    every = [filled(torch.full((4,), c)) for c in range(3)]
    values, y = torch.stack([e.objective for e in every]).max(0)
    count = Count()
    found = filled(None, bar=count)
    assert count.done == passes(method, 3) == (28 if mode == "manifold" else 21)
    assert torch.equal(found.y, y)
    torch.testing.assert_close(found.objective, values)
    assert [set(shown) for shown in count.shown] == [{"best log_prob"}] * 3
    shown = [numbers["best log_prob"] for numbers in count.shown]
    assert shown == sorted(shown) and shown[-1] == pytest.approx(float(values.mean()))
    expected = torch.stack([every[c].images[i] for i, c in enumerate(y.tolist())])
    torch.testing.assert_close(found.images, expected)
    two = filled(None, replace(method, candidates=2))
    likely = MODEL(found.start).topk(2).indices
    assert (two.y[:, None] == likely).any(1).all()


@pytest.mark.parametrize("mode", ["ascent", "manifold"])
def test_classes_out_of_range_are_refused(mode):
    y = torch.tensor([0, 1, 2, 3])
    method = Method(mode, draws=2, ascent=Ascent(eps=1.0))
    with pytest.raises(InputError, match="0 to 2"):
        fill(MODEL, START, y, method, manifold=MANIFOLD, constraint=Box())


def test_numbers_of_finished_images():
    y = torch.tensor([0, 1, 2, 0])
    found = made(MODEL, START, START * 0, y, "logit", 5)
    torch.testing.assert_close(found.objective, MODEL(START).gather(1, y[:, None])[:, 0])
    torch.testing.assert_close(found.norms, START.flatten(1).norm(dim=1))
    assert found.steps.tolist() == [5] * 4
    assert torch.equal(value_of(MODEL, START, y, "logit"), found.objective)


def test_where_a_model_computes():
    assert device_of(MODEL) == torch.device("cpu")
    assert device_of(torch.nn.Flatten()) == torch.device("cpu")


def test_an_empty_batch_gives_an_empty_result_whatever_the_networks():
    class Never(torch.nn.Module):
        def forward(self, x):
            raise AssertionError

    for mode in ("ascent", "denoised", "manifold"):
        found = fill(Never(), START[:0], None, Method(mode), manifold=MANIFOLD, constraint=Box())
        assert found.images.shape == (0, *SHAPE) and len(found.steps) == 0
